/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Values that have expired, handed out while another computes a newer one. */

#include <stdlib.h>

#include "asks.h"

static gyre *
open_with_clock(struct api_clock *clock, uint32_t value_align)
{
    gyre_options options = api_options(MIB, GYRE_NO_THREAD | GYRE_VERSIONS);
    options.clock_ms = api_clock_read, options.clock_arg = clock;
    options.value_align = value_align;
    clock->ms = 1000;
    return api_open_with(&options);
}

static void
put_for(gyre *c, const char *value, uint32_t ttl_ms)
{
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.ttl_ms = ttl_ms, put.user_flags = 9;
    CHECK_OK(gyre_put(c, "k", 1, value, strlen(value), &put));
}

static const gyre_lease_options STALE = {sizeof(gyre_lease_options), 0, 1000, 20, 500, 0};

/* From this thread, which takes the lease if it can. */
static int
ask_stale(gyre *c, gyre_view *view, gyre_lease *lease)
{
    return gyre_get_or_lease(c, "k", 1, &STALE, view, lease);
}

static struct asker
stale_elsewhere(gyre *c)
{
    struct asker a = {.cache = c, .key = "k", .options = &STALE};
    api_threads(1, ask_body, &a);
    return a;
}

TEST(api_stale, it_is_for_those_who_would_wait)
{
    for (uint32_t align = 8; align <= 4096; align *= 8) {
        struct api_clock clock;
        gyre *c = open_with_clock(&clock, align);
        put_for(c, "old", 100);
        clock.ms += 100;
        gyre_view view;
        gyre_lease lease, none;
        CHECK_EQ(ask_stale(c, &view, &lease), GYRE_MISS);
        CHECK_EQ(ask_stale(c, &view, &none), GYRE_STALE); /* also the holder's thread */
        CHECK_EQ(view.size, 3);
        CHECK_MEM(view.data, "old", 3);
        CHECK_EQ((uintptr_t)view.data % align, 0);
        CHECK(view.user_flags == 9 && view.version == 0 && view.ttl_left_ms == 0);
        CHECK(is_missing(c, "k"));
        gyre_view later = view;
        CHECK_OK(commit_text(&lease, "new"));
        CHECK_MEM(later.data, "old", 3); /* pinned */
        gyre_release(&view);
        CHECK(has_text(c, "k", "new"));
        gyre_stats s = api_stats(c);
        CHECK_EQ(s.stale_values, 1);
        CHECK_EQ(s.removed[GYRE_EXPIRED], 1);
        api_close(c);
    }
}

TEST(api_stale, it_gets_too_old)
{
    struct api_clock clock;
    gyre *c = open_with_clock(&clock, 0);
    put_for(c, "old", 100);
    clock.ms += 100;
    gyre_view view;
    gyre_lease lease;
    CHECK_EQ(ask_stale(c, &view, &lease), GYRE_MISS);
    clock.ms += 499;
    struct asker a = stale_elsewhere(c);
    CHECK_EQ(a.result, GYRE_STALE);
    CHECK_STR(a.text, "old");
    clock.ms += 1;
    CHECK_EQ(stale_elsewhere(c).result, GYRE_LEASED);
    gyre_lease_abort(&lease);
    put_for(c, "older", 100);
    clock.ms += 600; /* too old when the lease was given: not even kept */
    CHECK_EQ(ask_stale(c, &view, &lease), GYRE_MISS);
    CHECK_EQ(stale_elsewhere(c).result, GYRE_LEASED);
    gyre_lease_abort(&lease);
    api_close(c);
}

TEST(api_stale, it_passes_on_with_the_lease)
{
    struct api_clock clock;
    gyre *c = open_with_clock(&clock, 0);
    put_for(c, "old", 100);
    clock.ms += 100;
    CHECK_EQ(stale_elsewhere(c).result, GYRE_MISS); /* that thread is gone */
    gyre_view view;
    gyre_lease lease;
    CHECK_EQ(ask_stale(c, &view, &lease), GYRE_MISS);
    struct asker a = stale_elsewhere(c);
    CHECK_EQ(a.result, GYRE_STALE);
    CHECK_STR(a.text, "old");
    CHECK_OK(commit_text(&lease, "new"));
    CHECK_EQ(api_stats(c).leases_passed, 1);
    api_close(c);
}

TEST(api_stale, a_delete_a_clear_and_a_put_end_it)
{
    for (unsigned way = 0; way < 3; way++) {
        struct api_clock clock;
        gyre *c = open_with_clock(&clock, 0);
        put_for(c, "old", 100);
        clock.ms += 100;
        gyre_view view;
        gyre_lease lease;
        CHECK_EQ(ask_stale(c, &view, &lease), GYRE_MISS);
        if (way == 0)
            CHECK_EQ(gyre_delete(c, "k", 1), GYRE_MISS);
        else if (way == 1)
            CHECK_OK(gyre_clear(c));
        else
            put_for(c, "newer", 10);
        CHECK_EQ(commit_text(&lease, "late"), GYRE_ESTALE);
        struct asker a = stale_elsewhere(c);
        CHECK_EQ(a.result, way == 2 ? GYRE_OK : GYRE_MISS);
        clock.ms += 10;
        CHECK_EQ(ask_stale(c, &view, &lease), GYRE_MISS);
        a = stale_elsewhere(c);
        CHECK_EQ(a.result, way == 2 ? GYRE_STALE : GYRE_LEASED);
        if (way == 2)
            CHECK_STR(a.text, "newer");
        api_close(c);
    }
}

TEST(api_stale, who_does_not_ask_for_it_waits)
{
    struct api_clock clock;
    gyre *c = open_with_clock(&clock, 0);
    put_for(c, "old", 100);
    clock.ms += 100;
    gyre_view view;
    gyre_lease lease;
    CHECK_EQ(ask_stale(c, &view, &lease), GYRE_MISS);
    CHECK_EQ(ask_elsewhere(c, "k"), GYRE_LEASED);
    CHECK_OK(commit_text(&lease, "new"));
    api_close(c);
}

/* A value that fills an arena leaves no room for a lease beside it: the lease goes without. */
TEST(api_stale, the_largest_value)
{
    struct api_clock clock;
    gyre *c = open_with_clock(&clock, 0);
    size_t size = api_stats(c).max_value_bytes;
    char *value = malloc(size);
    CHECK(value != NULL);
    fill_bytes(value, size, 1);
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.ttl_ms = 100;
    CHECK_OK(gyre_put(c, "k", 1, value, size, &put));
    clock.ms += 100;
    gyre_view view;
    gyre_lease lease;
    CHECK_EQ(ask_stale(c, &view, &lease), GYRE_MISS);
    int result = ask_stale(c, &view, &(gyre_lease){{0}});
    CHECK(result == GYRE_STALE || result == GYRE_LEASED);
    if (result == GYRE_STALE)
        CHECK(view.size == size && bytes_are(view.data, size, 1));
    gyre_release(&view);
    CHECK_OK(gyre_lease_commit(&lease, value, size, NULL));
    CHECK(has_bytes(c, "k", size, 1));
    free(value);
    api_close(c);
}

TEST(api_stale, an_empty_one)
{
    struct api_clock clock;
    gyre *c = open_with_clock(&clock, 0);
    put_for(c, "", 100);
    clock.ms += 100;
    gyre_view view;
    gyre_lease lease;
    CHECK_EQ(ask_stale(c, &view, &lease), GYRE_MISS);
    CHECK_EQ(ask_stale(c, &view, &(gyre_lease){{0}}), GYRE_STALE);
    CHECK(view.size == 0 && view.data != NULL);
    gyre_release(&view);
    gyre_lease_abort(&lease);
    api_close(c);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Time to live, on a clock that the test moves. */

#include "api.h"

static gyre *
open_timed(struct api_clock *clock, uint32_t default_ttl_ms)
{
    gyre_options options = api_options(MIB, 0);
    options.clock_ms = api_clock_read;
    options.clock_arg = clock;
    options.default_ttl_ms = default_ttl_ms;
    return api_open_with(&options);
}

static void
put_ttl(gyre *c, const char *key, uint32_t ttl_ms)
{
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.ttl_ms = ttl_ms;
    CHECK_OK(gyre_put(c, key, strlen(key), key, strlen(key), &put));
}

static uint32_t
ttl_left(gyre *c, const char *key)
{
    gyre_view view;
    CHECK_OK(gyre_get(c, key, strlen(key), &view));
    uint32_t left = view.ttl_left_ms;
    gyre_release(&view);
    return left;
}

TEST(api_ttl, lives_until_its_ttl_is_over)
{
    static const uint64_t starts[] = {0, 1, 1000, (uint64_t)1 << 32, (uint64_t)1 << 40};
    static const uint32_t ttls[] = {1, 2, 10, 1000, 86400000, UINT32_MAX - 1};
    for (unsigned s = 0; s < 5; s++)
        for (unsigned t = 0; t < 6; t++) {
            struct api_clock clock = {starts[s]};
            gyre *c = open_timed(&clock, 0);
            put_ttl(c, "k", ttls[t]);
            CHECK_EQ(ttl_left(c, "k"), ttls[t]);
            atomic_store(&clock.ms, starts[s] + ttls[t] - 1);
            CHECK(has_text(c, "k", "k"));
            CHECK_EQ(ttl_left(c, "k"), 1);
            atomic_store(&clock.ms, starts[s] + ttls[t]);
            CHECK(is_missing(c, "k"));
            CHECK_EQ(gyre_read(c, "k", 1, NULL, 0, NULL), GYRE_MISS);
            CHECK_EQ(gyre_touch(c, "k", 1, 10), GYRE_MISS);
            CHECK_EQ(gyre_delete(c, "k", 1), GYRE_MISS);
            put_ttl(c, "k", ttls[t]);
            CHECK(has_text(c, "k", "k"));
            api_close(c);
        }
}

TEST(api_ttl, an_expired_entry_is_absent_to_conditions)
{
    struct api_clock clock = {5000};
    gyre *c = open_timed(&clock, 0);
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put_ttl(c, "add", 10);
    put_ttl(c, "replace", 10);
    atomic_store(&clock.ms, 5009);
    put.flags = GYRE_ADD;
    CHECK_EQ(gyre_put(c, "add", 3, "new", 3, &put), GYRE_EXISTS);
    atomic_store(&clock.ms, 5010);
    CHECK_OK(gyre_put(c, "add", 3, "new", 3, &put));
    CHECK(has_text(c, "add", "new"));
    put.flags = GYRE_REPLACE;
    CHECK_EQ(gyre_put(c, "replace", 7, "new", 3, &put), GYRE_MISS);
    CHECK(is_missing(c, "replace"));
    api_close(c);
}

TEST(api_ttl, the_default_and_no_ttl)
{
    struct api_clock clock = {100};
    gyre *c = open_timed(&clock, 50);
    CHECK_OK(put_text(c, "default", "1"));
    put_ttl(c, "zero", 0);
    put_ttl(c, "own", 200);
    put_ttl(c, "none", GYRE_NO_TTL);
    CHECK_EQ(ttl_left(c, "default"), 50);
    CHECK_EQ(ttl_left(c, "zero"), 50);
    CHECK_EQ(ttl_left(c, "own"), 200);
    CHECK_EQ(ttl_left(c, "none"), 0);
    atomic_store(&clock.ms, 149);
    CHECK_EQ(ttl_left(c, "default"), 1);
    atomic_store(&clock.ms, 150);
    CHECK(is_missing(c, "default"));
    CHECK(is_missing(c, "zero"));
    CHECK_EQ(ttl_left(c, "own"), 150);
    CHECK_EQ(ttl_left(c, "none"), 0);
    atomic_store(&clock.ms, (uint64_t)1 << 45);
    CHECK(is_missing(c, "own"));
    CHECK(has_text(c, "none", "none"));
    api_close(c);
}

TEST(api_ttl, a_touch_counts_from_now)
{
    struct api_clock clock = {100};
    gyre *c = open_timed(&clock, 50);
    put_ttl(c, "k", 30);
    atomic_store(&clock.ms, 129);
    CHECK_OK(gyre_touch(c, "k", 1, 10));
    CHECK_EQ(ttl_left(c, "k"), 10);
    atomic_store(&clock.ms, 138);
    CHECK_OK(gyre_touch(c, "k", 1, 0));
    CHECK_EQ(ttl_left(c, "k"), 50);
    CHECK_OK(gyre_touch(c, "k", 1, GYRE_NO_TTL));
    CHECK_EQ(ttl_left(c, "k"), 0);
    atomic_store(&clock.ms, 100000);
    CHECK(has_text(c, "k", "k"));
    CHECK_OK(gyre_touch(c, "k", 1, 1));
    CHECK(has_text(c, "k", "k"));
    atomic_store(&clock.ms, 100001);
    CHECK(is_missing(c, "k"));
    api_close(c);
}

TEST(api_ttl, a_view_outlives_its_entry)
{
    struct api_clock clock = {100};
    gyre *c = open_timed(&clock, 0);
    put_ttl(c, "k", 30);
    gyre_view view;
    CHECK_OK(gyre_get(c, "k", 1, &view));
    atomic_store(&clock.ms, 1000);
    CHECK(is_missing(c, "k"));
    CHECK_EQ(view.size, 1);
    CHECK_MEM(view.data, "k", 1);
    gyre_release(&view);
    api_close(c);
}

static int
count_entry(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)key, (void)key_size, (void)value;
    ++*(unsigned *)arg;
    return 0;
}

TEST(api_ttl, a_scan_passes_over_the_expired)
{
    struct api_clock clock = {100};
    gyre *c = open_timed(&clock, 0);
    for (unsigned i = 0; i < 100; i++)
        put_ttl(c, key_of(i).text, i % 2 ? 10 : 1000);
    atomic_store(&clock.ms, 110);
    unsigned n = 0;
    CHECK_OK(gyre_scan(c, count_entry, &n));
    CHECK_EQ(n, 50);
    api_close(c);
}

/* The room of the expired is used again, and they are counted, though nobody asks for them. */
TEST(api_ttl, the_expired_make_room)
{
    struct api_clock clock = {100};
    gyre *c = open_timed(&clock, 0);
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 100; i++)
            put_ttl(c, key_of(round * 100 + i).text, 10);
        atomic_fetch_add(&clock.ms, 20);
        for (unsigned i = 0; i < 400; i++)
            CHECK_OK(put_bytes(c, key_of(1000000 + i + round * 400).text, 100, i));
    }
    gyre_stats s = api_stats(c);
    CHECK_MSG(s.removed[GYRE_EXPIRED] > 0, "evicted for room: %llu",
              (unsigned long long)s.removed[GYRE_CAPACITY]);
    api_close(c);
}

/* Without an injected clock entries must neither live for ever nor die at once. */
TEST(api_ttl, the_systems_clock_moves)
{
    gyre *c = api_open(MIB, 0);
    put_ttl(c, "long", 3600000);
    uint32_t first = ttl_left(c, "long");
    CHECK(first > 0 && first <= 3600000);
    while (ttl_left(c, "long") == first)
        continue;
    CHECK(ttl_left(c, "long") < first);
    put_ttl(c, "short", 5);
    while (!is_missing(c, "short"))
        continue;
    api_close(c);
}

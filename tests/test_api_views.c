/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Views: byte-exact for as long as they are held, and a cache that goes on around them. */

#include <stdlib.h>

#include "api.h"

enum { HELD = 200, VALUE = 1024 };

static void
hold_while_overwriting(uint64_t capacity, uint32_t flags)
{
    gyre *c = api_open(capacity, flags);
    static gyre_view views[HELD];
    for (unsigned i = 0; i < HELD; i++) {
        CHECK_OK(put_bytes(c, key_of(i).text, VALUE, i));
        CHECK_OK(gyre_get(c, key_of(i).text, 16, &views[i]));
    }
    uint64_t total = 20 * capacity / VALUE;
    for (uint64_t n = 0; n < total; n++) {
        CHECK_OK(put_bytes(c, key_of(1000 + n).text, VALUE, 1000 + n));
        if (n % 16 == 0) /* their entries are replaced and deleted, too */
            CHECK_OK(put_bytes(c, key_of(n / 16 % HELD).text, 77, n));
        if (n % 64 == 0)
            (void)gyre_delete(c, key_of(n / 64 % HELD).text, 16);
        if (n % (total / 8) == 0)
            for (unsigned i = 0; i < HELD; i++)
                CHECK_MSG(bytes_are(views[i].data, VALUE, i), "view %u after %llu puts", i,
                          (unsigned long long)n);
    }
    for (unsigned i = 0; i < HELD; i++) {
        CHECK_EQ(views[i].size, VALUE);
        CHECK_MSG(bytes_are(views[i].data, VALUE, i), "view %u", i);
        gyre_release(&views[i]);
    }
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    api_close(c);
}

TEST(api_views, byte_exact_in_16_mib)
{
    hold_while_overwriting(16 * MIB, 0);
}

TEST(api_views, byte_exact_in_4_mib)
{
    hold_while_overwriting(4 * MIB, 0);
}

TEST(api_views, byte_exact_with_liburcu)
{
    hold_while_overwriting(4 * MIB, GYRE_LIBURCU | GYRE_NO_THREAD);
}

TEST(api_views, spread_over_the_whole_cache)
{
    gyre *c = api_open(8 * MIB, 0);
    static gyre_view views[HELD];
    static unsigned numbers[HELD];
    unsigned held = 0;
    for (unsigned i = 0; i < 60000; i++) {
        CHECK_OK(put_bytes(c, key_of(i).text, VALUE, i));
        if (i % 997 != 0)
            continue;
        unsigned at = held++ % 8; /* at most 8 views, ever new ones */
        if (held > 8) {
            CHECK(bytes_are(views[at].data, VALUE, numbers[at]));
            gyre_release(&views[at]);
        }
        numbers[at] = i;
        CHECK_OK(gyre_get(c, key_of(i).text, 16, &views[at]));
    }
    for (unsigned i = 0; i < 8; i++) {
        CHECK(bytes_are(views[i].data, VALUE, numbers[i]));
        gyre_release(&views[i]);
    }
    api_close(c);
}

TEST(api_views, released_twice_or_empty)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_text(c, "k", "v"));
    gyre_view view, other, empty = {0};
    CHECK_OK(gyre_get(c, "k", 1, &view));
    CHECK_OK(gyre_get(c, "k", 1, &other));
    gyre_release(&view);
    gyre_release(&view);
    gyre_release(&view);
    CHECK(api_stats(c).pinned_bytes > 0);
    CHECK_MEM(other.data, "v", 1);
    gyre_release(&other);
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    gyre_release(&empty);
    gyre_release(NULL);
    memset(&view, 0xEE, sizeof view);
    CHECK_EQ(gyre_get(c, "absent", 6, &view), GYRE_MISS);
    gyre_release(&view);
    memset(&view, 0xEE, sizeof view);
    CHECK_EQ(gyre_get(c, "k", 0, &view), GYRE_EINVAL);
    gyre_release(&view);
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    api_close(c);
}

/* More views than one record of a thread can hold. */
TEST(api_views, thousands_at_once)
{
    enum { MANY = 5000 };
    gyre *c = api_open(32 * MIB, 0);
    gyre_view *views = calloc(MANY, sizeof *views);
    CHECK(views != NULL);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < MANY; i++)
            CHECK_OK(put_bytes(c, key_of(i).text, 100, i));
        for (unsigned i = 0; i < MANY; i++)
            CHECK_OK(gyre_get(c, key_of(i).text, 16, &views[i]));
        for (unsigned i = 0; i < MANY; i++) {
            unsigned at = round ? MANY - 1 - i : i;
            CHECK(bytes_are(views[at].data, 100, at));
            gyre_release(&views[at]);
        }
        CHECK_EQ(api_stats(c).pinned_bytes, 0);
    }
    free(views);
    api_close(c);
}

/* When every pin is in use, get says so, and one release is enough to go on. */
TEST(api_views, pins_run_out)
{
    enum { TOO_MANY = 2000000 };
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_text(c, "k", "v"));
    gyre_view *views = calloc(TOO_MANY, sizeof *views);
    CHECK(views != NULL);
    unsigned n = 0;
    int rc = GYRE_OK;
    while (n < TOO_MANY && (rc = gyre_get(c, "k", 1, &views[n])) == GYRE_OK)
        n++;
    CHECK_EQ(rc, GYRE_EBUSY);
    CHECK_MSG(n >= 10000, "%u views", n);
    gyre_release(&views[n]);
    gyre_release(&views[0]);
    CHECK_OK(gyre_get(c, "k", 1, &views[0]));
    gyre_release(&views[0]);
    CHECK_OK(put_text(c, "k", "w"));
    gyre_release(&views[1]);
    CHECK(has_text(c, "k", "w"));
    for (unsigned i = 0; i < n; i++)
        gyre_release(&views[i]);
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    CHECK(has_text(c, "k", "w"));
    free(views);
    api_close(c);
}

/* Pins on everything: puts say GYRE_EBUSY instead of waiting, and work again after releases. */
static void
pin_everything(uint64_t capacity, uint32_t flags)
{
    enum { MOST = 8192 };
    gyre *c = api_open(capacity, flags);
    static gyre_view views[MOST];
    unsigned n = 0;
    int rc = GYRE_OK;
    while (n < MOST) {
        rc = put_bytes(c, key_of(n).text, 1500, n);
        if (rc != GYRE_OK)
            break;
        CHECK_OK(gyre_get(c, key_of(n).text, 16, &views[n]));
        n++;
    }
    CHECK_EQ(rc, GYRE_EBUSY);
    CHECK_MSG(n >= capacity / 1500 / 4, "%u values of 1,500 bytes held", n);
    for (unsigned i = 0; i < n; i++)
        CHECK(bytes_are(views[i].data, 1500, i));
    CHECK_EQ(put_bytes(c, "another", 1500, 1), GYRE_EBUSY);
    gyre_draft draft;
    CHECK_EQ(gyre_reserve(c, "another", 7, 1500, NULL, &draft), GYRE_EBUSY);
    CHECK_EQ(gyre_commit(&draft), GYRE_EINVAL);
    CHECK(gyre_touch(c, key_of(0).text, 16, 1000) <= GYRE_OK);
    CHECK(has_bytes(c, key_of(0).text, 1500, 0));
    CHECK_OK(gyre_delete(c, key_of(0).text, 16));
    CHECK(bytes_are(views[0].data, 1500, 0));

    /* One by one from the oldest: an arena is free once the last view in it is gone. */
    unsigned released = 0;
    do
        gyre_release(&views[released++]);
    while (released < n && put_bytes(c, "after", 1500, 9) == GYRE_EBUSY);
    CHECK_MSG(released < n / 2, "%u of %u views had to be released", released, n);
    CHECK(has_bytes(c, "after", 1500, 9));
    for (unsigned i = released; i < n; i++) {
        CHECK_MSG(bytes_are(views[i].data, 1500, i), "view %u", i);
        gyre_release(&views[i]);
    }
    for (unsigned i = 0; i < 3 * n; i++)
        CHECK_OK(put_bytes(c, key_of(10000 + i).text, 1500, i));
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    api_close(c);
}

TEST(api_views, pin_everything_with_a_thread)
{
    pin_everything(2 * MIB, 0);
}

TEST(api_views, pin_everything_without_a_thread)
{
    pin_everything(2 * MIB, GYRE_NO_THREAD);
}

TEST(api_views, pin_everything_with_liburcu)
{
    pin_everything(MIB, GYRE_LIBURCU);
}

TEST(api_views, pin_everything_in_a_tiny_cache)
{
    pin_everything(64 * KIB, 0);
}

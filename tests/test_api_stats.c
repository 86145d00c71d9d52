/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Statistics: every removal is counted with its reason, and the bytes add up. */

#include <stdlib.h>
#include <unistd.h>

#include "api.h"

TEST(api_stats, calls_are_counted)
{
    gyre *c = api_open(MIB, 0);
    gyre_stats s = api_stats(c);
    CHECK_EQ(s.struct_size, sizeof s);
    CHECK_EQ(s.hits + s.misses + s.puts + s.deletes + s.touches + s.entries + s.live_bytes, 0);
    CHECK_EQ(s.hit_rate_ppm, 0);
    CHECK_EQ(s.capacity_bytes, MIB);
    CHECK(s.index_bytes > 0 && s.max_value_bytes > 0 && s.max_value_bytes < MIB);
    for (unsigned i = 0; i < 30; i++)
        CHECK_OK(put_bytes(c, key_of(i).text, 100, i));
    for (unsigned i = 0; i < 40; i++)
        (void)has_bytes(c, key_of(i).text, 100, i);
    for (unsigned i = 0; i < 5; i++)
        CHECK_OK(gyre_delete(c, key_of(i).text, 16));
    CHECK_EQ(gyre_delete(c, key_of(0).text, 16), GYRE_MISS);
    CHECK_OK(gyre_touch(c, key_of(9).text, 16, 1000000));
    s = api_stats(c);
    CHECK_EQ(s.puts, 30);
    CHECK_EQ(s.hits, 30);
    CHECK_EQ(s.misses, 10);
    CHECK_EQ(s.hit_rate_ppm, 750000);
    CHECK_EQ(s.touches, 1);
    CHECK_EQ(s.removed[GYRE_DELETED], 5);
    CHECK(s.deletes == 5 || s.deletes == 6);
    CHECK_EQ(s.entries, 25);
    CHECK(s.live_bytes >= 25 * 116);
    CHECK(s.removed_bytes[GYRE_DELETED] >= 5 * 116);
    api_close(c);
}

TEST(api_stats, a_reason_for_each_removal)
{
    struct api_clock clock = {1000};
    gyre_options options = api_options(MIB, GYRE_NO_THREAD);
    options.clock_ms = api_clock_read;
    options.clock_arg = &clock;
    options.max_value_bytes = 4096;
    gyre *c = api_open_with(&options);
    for (unsigned i = 0; i < 10; i++)
        CHECK_OK(put_bytes(c, key_of(i).text, 200, i));
    for (unsigned i = 0; i < 3; i++)
        CHECK_OK(put_bytes(c, key_of(i).text, 300, i));
    gyre_stats s = api_stats(c);
    CHECK_EQ(s.removed[GYRE_REPLACED], 3);
    CHECK(s.removed_bytes[GYRE_REPLACED] >= 3 * 216);
    CHECK_EQ(s.entries, 10);

    CHECK_OK(gyre_delete(c, key_of(0).text, 16));
    CHECK_EQ(put_bytes(c, key_of(1).text, 4097, 1), GYRE_E2BIG);
    s = api_stats(c);
    CHECK_EQ(s.removed[GYRE_DELETED], 1);
    CHECK_EQ(s.removed[GYRE_REJECTED], 1);
    CHECK_EQ(s.puts_rejected, 1);
    CHECK_EQ(s.entries, 8);

    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.ttl_ms = 10;
    CHECK_OK(gyre_put(c, "timed", 5, "x", 1, &put));
    atomic_store(&clock.ms, 2000);
    CHECK(is_missing(c, "timed"));
    CHECK_OK(put_text(c, "timed", "again"));
    CHECK_EQ(api_stats(c).removed[GYRE_EXPIRED], 1);
    CHECK_EQ(api_stats(c).entries, 9);

    CHECK_OK(gyre_clear(c));
    api_settle(c);
    s = api_stats(c);
    CHECK_EQ(s.removed[GYRE_CLEARED], 9);
    CHECK_EQ(s.entries, 0);
    CHECK_EQ(s.live_bytes, 0);

    for (unsigned i = 0; i < 4000; i++)
        CHECK_OK(put_bytes(c, key_of(i).text, 1000, i));
    s = api_stats(c);
    CHECK(s.removed[GYRE_CAPACITY] > 0);
    CHECK(s.removed_bytes[GYRE_CAPACITY] >= s.removed[GYRE_CAPACITY] * 1016);
    CHECK_EQ(s.removed[GYRE_ENTRY_LIMIT], 0);
    api_close(c);
}

TEST(api_stats, the_entry_limit_is_a_reason)
{
    gyre_options options = api_options(MIB, 0);
    options.max_entries = 20;
    gyre *c = api_open_with(&options);
    for (unsigned i = 0; i < 100; i++)
        CHECK_OK(put_bytes(c, key_of(i).text, 50, i));
    gyre_stats s = api_stats(c);
    CHECK_EQ(s.entries, 20);
    CHECK_EQ(s.removed[GYRE_ENTRY_LIMIT], 80);
    api_close(c);
}

struct removals {
    gyre_stats stats;
    uint64_t n, bytes;
};

static struct removals
removals(gyre *cache)
{
    struct removals all = {.stats = api_stats(cache)};
    for (unsigned r = 0; r < GYRE_REASONS; r++) {
        all.n += all.stats.removed[r];
        all.bytes += all.stats.removed_bytes[r];
    }
    return all;
}

/* What came in is either there or was removed for a reason. */
TEST(api_stats, entries_are_conserved)
{
    uint64_t random = api_seed("entries_are_conserved");
    for (unsigned round = 0; round < 4; round++) {
        gyre_options options = api_options(round % 2 ? 256 * KIB : 4 * MIB, round < 2 ? 0 : GYRE_VERSIONS);
        options.max_entries = round == 3 ? 300 : 0;
        options.max_value_bytes = 8000;
        gyre *c = api_open_with(&options);
        uint64_t stored = 0;
        for (unsigned i = 0; i < 30000; i++) {
            struct api_key key = key_of(api_random(&random) % 5000);
            unsigned what = (unsigned)(api_random(&random) % 16);
            if (what < 12)
                stored += put_bytes(c, key.text, api_random(&random) % 600, i) == GYRE_OK;
            else if (what == 12)
                (void)gyre_delete(c, key.text, 16);
            else if (what == 13 && i % 8 == 0)
                CHECK_EQ(put_bytes(c, key.text, 8001, i), GYRE_E2BIG);
            else
                (void)has_bytes(c, key.text, 1, 1);
            if (i == 15000)
                CHECK_OK(gyre_clear(c));
        }
        api_settle(c);
        struct removals all = removals(c);
        for (unsigned i = 0; all.stats.entries + all.n != stored && i < API_PAUSES_MOST; i++) {
            api_pause(); /* the maintenance thread is between a removal and its count */
            all = removals(c);
        }
        CHECK_EQ(all.stats.puts, stored);
        CHECK_EQ(all.stats.entries + all.n, stored);
        CHECK(all.bytes > all.n * 16);
        api_close(c);
    }
}

TEST(api_stats, pins_are_named)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_text(c, "k", "v"));
    gyre_stats s = api_stats(c);
    CHECK_EQ(s.pinned_bytes, 0);
    CHECK_EQ(s.oldest_pin_pid, 0);
    gyre_view view;
    CHECK_OK(gyre_get(c, "k", 1, &view));
    s = api_stats(c);
    CHECK(s.pinned_bytes > 0 && s.pinned_bytes <= MIB);
    CHECK_EQ(s.oldest_pin_pid, getpid());
    CHECK_EQ(s.oldest_pin_tid, gettid());
    gyre_release(&view);
    s = api_stats(c);
    CHECK_EQ(s.pinned_bytes, 0);
    CHECK_EQ(s.oldest_pin_pid, 0);
    CHECK_EQ(s.oldest_pin_ms, 0);
    api_close(c);
}

/* A caller built against an older header has a smaller struct, and nothing beyond it is written. */
TEST(api_stats, shorter_structs_are_filled_as_far_as_they_go)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_text(c, "k", "v"));
    CHECK(has_text(c, "k", "v"));
    gyre_stats whole = api_stats(c);
    for (uint32_t n = 8; n <= sizeof whole; n += 8) {
        union {
            gyre_stats s;
            unsigned char bytes[sizeof(gyre_stats) + 64];
        } u;
        memset(&u, 0xA5, sizeof u);
        u.s.struct_size = n;
        int rc = gyre_stats_read(c, &u.s);
        CHECK(rc == GYRE_OK || rc == GYRE_EINVAL);
        if (rc == GYRE_OK && n >= offsetof(gyre_stats, misses))
            CHECK_EQ(u.s.hits, 1);
        if (rc == GYRE_OK && n >= offsetof(gyre_stats, live_bytes))
            CHECK_EQ(u.s.entries, 1);
        for (size_t i = n; i < sizeof u; i++)
            CHECK_EQ(u.bytes[i], 0xA5);
    }
    union {
        gyre_stats s;
        unsigned char bytes[sizeof(gyre_stats) + 64];
    } longer;
    memset(&longer, 0, sizeof longer);
    longer.s.struct_size = sizeof longer;
    CHECK_OK(gyre_stats_read(c, &longer.s));
    CHECK_EQ(longer.s.hits, 1);
    CHECK_EQ(longer.s.capacity_bytes, MIB);
    api_close(c);
}

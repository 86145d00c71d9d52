/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What puts do for room: little at once, and enough of it. */

#include "sweep.h"

#include "room.h"

enum { SIZE = 200, KEYS = 100000 };

/* With several hundred arenas. Without a thread, so that puts do it all. */
static gyre *
open_many(void)
{
    room_stay();
    gyre *cache = api_open(10 << 20, GYRE_NO_THREAD);
    CHECK(cache->g.n_arenas > 512);
    return cache;
}

static uint64_t
swept(gyre *cache)
{
    gyre_stats s = api_stats(cache);
    return s.removed[GYRE_CAPACITY] + s.copied_entries;
}

/* Until puts have to help. */
static void
fill(gyre *cache)
{
    for (unsigned k = 0; swept(cache) == 0; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
}

TEST(pace, a_put_sweeps_few_entries)
{
    enum { FEW = 4 };
    gyre *cache = open_many();
    uint64_t before = 0, helped = 0, most = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
        CHECK(gy_load_seq(&cache->super->n_free) >= cache->g.reserve_arenas); /* they do not fall behind */
        uint64_t now = swept(cache);
        helped += now > before;
        most = gy_max(most, now - before);
        before = now;
    }
    CHECK_EQ(most, FEW);
    CHECK(helped * FEW > swept(cache) / 2);
    api_close(cache);
}

/* A small step ends with its arena, whatever it has asked for. */
TEST(pace, a_step_ends_with_its_arena)
{
    gyre *cache = open_many();
    fill(cache);
    uint64_t sweeps = api_stats(cache).sweeps;
    gy_sweep_help(cache, room_record(cache), 4 * cache->arena_bytes);
    CHECK_EQ(api_stats(cache).sweeps, sweeps + 1);
    api_close(cache);
}

/* When almost nothing is free, it does as much as it takes. */
TEST(pace, who_comes_late_does_more)
{
    gyre *cache = open_many();
    fill(cache);
    uint64_t before = swept(cache);
    gy_store_seq(&cache->super->n_free, cache->g.reserve_arenas + 1);
    gy_sweep_help(cache, room_record(cache), 1);
    CHECK_EQ(swept(cache), before + 16);
    gy_store_seq(&cache->super->n_free, cache->g.reserve_arenas + cache->g.n_arenas / 128 + 1);
    gy_sweep_help(cache, room_record(cache), 1);
    CHECK_EQ(swept(cache), before + 16);
    api_close(cache);
}

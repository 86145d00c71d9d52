/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What puts do for room: little at once, and enough of it. */

#include "sweep.h"

#include "room.h"

enum { SIZE = 200, KEYS = 60000, MORE = 10000, FEW = 2, BATCH = 16 };

static uint64_t
swept(gyre *cache)
{
    struct gy_record *r = room_record(cache);
    return gy_load_seq(&r->count.removed[GYRE_CAPACITY]) + gy_load_seq(&r->count.copied_entries);
}

/* Of so many that were swept, at least half were not dead already. */
static void
check_swept(gyre *cache, uint64_t before, uint64_t n)
{
    uint64_t alive = swept(cache) - before;
    CHECK(alive <= n && alive >= n / 2);
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
    gyre *cache = room_open_many();
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
    gyre *cache = room_open_many();
    fill(cache);
    uint64_t sweeps = api_stats(cache).sweeps;
    gy_sweep_help(cache, room_record(cache), 4 * cache->arena_bytes, true);
    CHECK_EQ(api_stats(cache).sweeps, sweeps + 1);
    api_close(cache);
}

/* When almost nothing is free, it does as much as it takes. */
TEST(pace, who_comes_late_does_more)
{
    gyre *cache = room_open_many();
    fill(cache);
    uint64_t before = swept(cache);
    gy_store_seq(&cache->super->n_free, cache->g.reserve_arenas + 1);
    CHECK(gy_sweep_help(cache, room_record(cache), 1, false));
    check_swept(cache, before, BATCH);
    before = swept(cache);
    gy_store_seq(&cache->super->n_free, cache->g.reserve_arenas + cache->g.n_arenas / 128 + 1);
    CHECK(gy_sweep_help(cache, room_record(cache), 1, false));
    CHECK_EQ(swept(cache), before);
    api_close(cache);
}

/* Who waits for its lines anyway helps before the others do, so that maintenance need not come. */
TEST(pace, who_waits_helps_sooner)
{
    gyre *cache = room_open_many();
    fill(cache);
    uint64_t enough = cache->g.reserve_arenas + cache->g.n_arenas / 64, before = swept(cache);
    gy_store_seq(&cache->super->n_free, enough + 1);
    CHECK(!gy_sweep_help(cache, room_record(cache), 1, true));
    gy_store_seq(&cache->super->n_free, enough);
    CHECK(gy_sweep_help(cache, room_record(cache), 1, false)); /* it leaves that to maintenance, which has to come */
    CHECK_EQ(swept(cache), before);
    CHECK(!gy_sweep_help(cache, room_record(cache), 1, true));
    check_swept(cache, before, FEW);
    gy_store_seq(&cache->super->n_free, enough - cache->g.n_arenas / 256);
    CHECK(gy_sweep_help(cache, room_record(cache), 1, true));
    api_close(cache);
}

/* Free arenas: few enough for those who wait, whatever waits to be freed with others, and too many for the others. */
static void
set_little(gyre *cache)
{
    gy_store_seq(&cache->super->n_free, cache->g.reserve_arenas + cache->g.n_arenas / 128 + 1);
}

/* Puts of new keys wait; not those of keys that were just looked for, nor after one that found its key. (Some of those
 * that wait meet what has died already.) */
TEST(pace, puts_that_wait)
{
    gyre *cache = room_open_many();
    unsigned k = KEYS, helped = 0;
    fill(cache);
    CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, 0));
    for (unsigned i = 0; i < 100; i++) {
        set_little(cache);
        uint64_t before = swept(cache);
        CHECK(is_missing(cache, key_of(++k).text));
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, 1));
        CHECK_EQ(swept(cache), before);
        k++;
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, 2));
        helped += swept(cache) > before;
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, 3)); /* it is there: now that is known */
        set_little(cache);
        before = swept(cache);
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, 4));
        CHECK_EQ(swept(cache), before);
        CHECK_OK(put_bytes(cache, key_of(++k).text, SIZE, 5));
    }
    CHECK(helped > 80);
    api_close(cache);
}

/* A membarrier frees several arenas. Until then those that wait count as free, so that no more is swept for them. */
TEST(pace, arenas_are_freed_together)
{
    gyre *cache = room_open_many();
    unsigned together = 1 + cache->g.n_arenas / 256, times = 0;
    fill(cache);
    uint64_t before = gy_load_seq(&cache->super->n_free);
    for (unsigned k = 0; k < MORE; k++) {
        CHECK_OK(put_bytes(cache, key_of(KEYS + k).text, SIZE, k));
        uint64_t n_free = gy_load_seq(&cache->super->n_free);
        unsigned retired = room_count_states(cache, GY_RETIRED);
        CHECK(retired < together);
        CHECK_EQ(gy_load_seq(&cache->super->n_retired), retired);
        CHECK(n_free <= before || n_free + 1 >= before + together); /* one may be taken in the same put */
        CHECK(n_free + retired <= cache->g.reserve_arenas + cache->g.n_arenas / 64 + 1);
        times += n_free > before;
        before = n_free;
    }
    CHECK(times > 20);
    api_close(cache);
}

/* Views hold what is retired: others have to be swept, and nobody counts on those that are held. */
TEST(pace, held_arenas_are_not_waited_for)
{
    enum { HELD = 20 };
    gyre *cache = room_open_many();
    fill(cache);
    gyre_view view[HELD];
    unsigned held = 0, more = KEYS;
    for (unsigned k = 0; k < KEYS && held < HELD; k++) { /* each in another arena, about to be swept */
        bool stands = gyre_get(cache, key_of(k).text, strlen(key_of(k).text), &view[held]) == GYRE_OK;
        uint32_t arena = stands ? room_arena_of(cache, key_of(k).text) : 0;
        if (!stands)
            continue;
        if (room_state(cache, arena) == GY_SEALED) {
            room_set_state(cache, arena, GY_PARKED);
            gy_store_seq(&cache->super->hand[GY_HANDS - 1].parked, arena + 1);
            for (; room_state(cache, arena) == GY_PARKED; more++)
                CHECK_OK(put_bytes(cache, key_of(more).text, SIZE, more));
            CHECK_EQ(room_state(cache, arena), GY_RETIRED);
            held++;
        } else {
            gyre_release(&view[held]);
        }
    }
    CHECK_EQ(held, HELD);
    for (unsigned k = 0; k < MORE; k++) {
        uint64_t before = swept(cache);
        CHECK_OK(put_bytes(cache, key_of(more + k).text, SIZE, k));
        CHECK(k < MORE / 2 || swept(cache) <= before + 2 * BATCH); /* no put has to sweep until there is room */
        CHECK(gy_load_seq(&cache->super->n_retired) <= cache->g.n_arenas / 256);
    }
    while (held > 0)
        gyre_release(&view[--held]);
    api_close(cache);
}

/* Main is looked at, and the hand stops: what follows is kept, too. */
TEST(pace, a_look_goes_on_after_a_stop)
{
    gyre *cache = room_open_many();
    unsigned k = 0;
    for (uint32_t last = 0; last < 4; k++) { /* some arenas of probation: more than it may hold in any case */
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, SIZE, k));
        last = room_arena_of(cache, key_of(k).text);
    }
    CHECK_OK(room_put(cache, GY_MAIN, key_of(KEYS).text, SIZE, 0));
    uint32_t main = room_arena_of(cache, key_of(KEYS).text);
    for (k = KEYS; room_arena_of(cache, key_of(k).text) == main; k++)
        CHECK_OK(room_put(cache, GY_MAIN, key_of(k + 1).text, SIZE, 0));
    room_teach(cache);
    const float due = (float)(k - KEYS) * 2;
    uint32_t bits;
    memcpy(&bits, &due, sizeof bits);
    gy_store_seq(&cache->super->learned.due, bits);
    CHECK(room_sweep(cache, 1));
    CHECK_EQ(room_state(cache, main), GY_PARKED);
    while (room_state(cache, main) == GY_PARKED)
        CHECK(room_sweep(cache, 1));
    while (k-- > KEYS)
        CHECK(room_word(cache, key_of(k).text) != 0);
    api_close(cache);
}

/* Where nobody else moves buckets, puts move enough of them for windows not to fill up meanwhile. */
TEST(pace, puts_keep_up_with_growth)
{
    enum { MANY = 400000 }; /* 14 of them evict for want of a slot, on average; some 70 where a put moves one bucket */
    gyre_options options = api_options(UINT64_C(200) * MANY, GYRE_NO_THREAD);
    options.expected_entry_bytes = 1 << 16;
    gyre *cache = api_open_with(&options);
    for (unsigned k = 0; k < MANY; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, 16, k));
    CHECK(api_stats(cache).growths > 0);
    CHECK(api_stats(cache).window_conflicts < MANY / 12000);
    api_close(cache);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Small steps of a sweep read the entries of the next step: what comes of them when that finds something else. */

#include "hand.h"
#include "sweep.h"

#include "room.h"

enum { SIZE = 200, FEW = 2, ENTRIES = 400 };

/* The room of a put that waits is wanted: a small step. */
static void
step(gyre *cache)
{
    uint64_t few = cache->g.reserve_arenas + cache->g.n_arenas / 64, before = gy_load_seq(&cache->super->n_free);
    gy_store_seq(&cache->super->n_free, few);
    CHECK(!gy_sweep_help(cache, room_record(cache), 1, true));
    gy_add_seq(&cache->super->n_free, before - few);
}

static uint32_t
fill_from(gyre *cache, unsigned first)
{
    for (unsigned k = first; k < first + ENTRIES; k++)
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, SIZE, k));
    return room_arena_of(cache, key_of(first).text);
}

static uint64_t
progress(gyre *cache, uint32_t arena)
{
    return gy_progress_taken(gy_load_seq(&cache->books[arena].progress));
}

static void
step_empties_few(gyre *cache, uint32_t arena)
{
    uint64_t refs = room_refs_into(cache, arena);
    step(cache);
    CHECK_EQ(room_refs_into(cache, arena), refs - FEW);
    CHECK_EQ(room_state(cache, arena), GY_PARKED);
}

TEST(ahead, steps_go_on)
{
    gyre *cache = room_open_many();
    uint32_t arena = fill_from(cache, 0);
    for (unsigned i = 0; i < 8; i++)
        step_empties_few(cache, arena);
    while (room_state(cache, arena) == GY_PARKED)
        step(cache);
    CHECK_EQ(room_refs_into(cache, arena), 0);
    api_close(cache);
}

/* The first parks the arena, and those after it go on without a claim. */
TEST(ahead, steps_tell_now_and_then)
{
    enum { BETWEEN = 4 }; /* steps */
    gyre *cache = room_open_many();
    uint32_t arena = fill_from(cache, 0);
    step_empties_few(cache, arena);
    uint64_t told = progress(cache, arena), word = gy_load_seq(&cache->words[arena]);
    for (unsigned i = 0; i < BETWEEN; i++)
        step_empties_few(cache, arena);
    CHECK_EQ(progress(cache, arena), told);
    CHECK(told > 0);
    for (unsigned i = 0; i < BETWEEN; i++)
        step_empties_few(cache, arena);
    CHECK(progress(cache, arena) > told + (uint64_t)BETWEEN * FEW * SIZE);
    CHECK_EQ(gy_load_seq(&cache->words[arena]), word);
    CHECK_EQ(gy_load_seq(&room_record(cache)->pin[GY_PIN_SWEEP]), 0);
    api_close(cache);
}

/* What was not told of is done again; who goes on himself has told it. */
TEST(ahead, another_begins_before)
{
    enum { STEPS = 3, BATCH = 16 };
    gyre *cache = room_open_many();
    uint32_t arena = fill_from(cache, 0);
    for (unsigned turn = 0; turn < 2; turn++) {
        for (unsigned i = 0; i < STEPS; i++)
            step_empties_few(cache, arena);
        uint64_t refs = room_refs_into(cache, arena), again = 0;
        if (turn == 1) { /* as if another did */
            again = (STEPS - 1) * FEW;
            gy_atomic_u64 *at = &cache->books[arena].progress;
            gy_store_seq(at, gy_load_seq(at) + GY_PROGRESS_WALK_ONE);
        }
        CHECK(room_sweep(cache, 1));
        CHECK_EQ(room_refs_into(cache, arena), refs - BATCH + again);
    }
    while (room_state(cache, arena) == GY_PARKED)
        step(cache);
    CHECK_EQ(room_refs_into(cache, arena), 0);
    api_close(cache);
}

TEST(ahead, another_went_on)
{
    gyre *cache = room_open_many();
    uint32_t arena = fill_from(cache, 0);
    step_empties_few(cache, arena);
    CHECK(room_sweep(cache, 1));
    step_empties_few(cache, arena);
    api_close(cache);
}

TEST(ahead, the_arena_has_another_life)
{
    gyre *cache = room_open_many();
    uint32_t arena = fill_from(cache, 0);
    step_empties_few(cache, arena);
    uint64_t at = progress(cache, arena);
    for (unsigned k = ENTRIES; room_state(cache, arena) != GY_FREE; k += ENTRIES) {
        CHECK(room_sweep(cache, cache->arena_bytes));
        gy_arena_free_retired(cache);
    }
    unsigned first = ENTRIES;
    for (; room_state(cache, arena) == GY_FREE; first++)
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(first).text, SIZE, first));
    fill_from(cache, first);
    CHECK_EQ(room_state(cache, arena), GY_SEALED);
    gy_store_seq(&cache->books[arena].progress, gy_progress_from(0, at));
    room_set_state(cache, arena, GY_PARKED);
    gy_store_seq(&cache->super->hand[gy_hand_own(cache)].parked, arena + 1);
    step_empties_few(cache, arena);
    api_close(cache);
}

TEST(ahead, another_cache)
{
    gyre *one = room_open_many(), *other = room_open_many();
    uint32_t arena = fill_from(one, 0);
    CHECK_EQ(fill_from(other, 0), arena);
    step_empties_few(other, arena);
    step_empties_few(one, arena);
    CHECK_EQ(progress(one, arena), progress(other, arena));
    CHECK_EQ(gy_load_seq(&one->books[arena].opened), gy_load_seq(&other->books[arena].opened));
    step_empties_few(other, arena);
    step_empties_few(one, arena);
    api_close(other);
    api_close(one);
}

TEST(ahead, entries_change_meanwhile)
{
    gyre *cache = room_open_many();
    uint32_t arena = fill_from(cache, 0);
    step_empties_few(cache, arena);
    CHECK_OK(put_bytes(cache, key_of(FEW).text, SIZE, 77));
    CHECK_OK(gyre_delete(cache, key_of(FEW + 1).text, strlen(key_of(FEW + 1).text)));
    uint64_t refs = room_refs_into(cache, arena), removed = api_stats(cache).removed[GYRE_CAPACITY];
    step(cache);
    CHECK_EQ(room_refs_into(cache, arena), refs);
    CHECK_EQ(api_stats(cache).removed[GYRE_CAPACITY], removed);
    CHECK(has_bytes(cache, key_of(FEW).text, SIZE, 77));
    CHECK_EQ(room_word(cache, key_of(FEW + 1).text), 0);
    api_close(cache);
}

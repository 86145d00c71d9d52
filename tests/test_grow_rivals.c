/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Growth when it does not find what it needs: no memory, no arena to take, no place in the image; when it
 * was left between two phases; and when others are there first. */

#include "credit.h"
#include "grow.h"

#include "trap.h"

static gyre *
open_small_index(void)
{
    gyre_options o = api_options(1 << 20, GYRE_NO_THREAD);
    o.expected_entry_bytes = 60000;
    gyre *cache = api_open_with(&o);
    for (unsigned i = 0; !gy_grow_wanted(cache, 0); i++)
        CHECK_OK(room_put(cache, GY_MAIN, key_of(i).text, 8, i));
    return cache;
}

static struct gy_shard *
shard_of(gyre *cache)
{
    return &cache->super->shard[0];
}

static enum gy_phase
phase_of(gyre *cache)
{
    return gy_geometry_phase(gy_load_seq(&cache->geometries[shard_of(cache) - cache->super->shard]));
}

static void
step_until(gyre *cache, enum gy_phase phase, uint64_t stage)
{
    for (unsigned i = 0; i < 1000; i++) {
        if (phase_of(cache) == phase && (gy_load_seq(&shard_of(cache)->stage) & 7) == stage)
            return;
        gy_grow_step(cache, room_record(cache), 0, true);
    }
    CHECK(!"in that phase");
}

static void
finish(gyre *cache)
{
    for (unsigned i = 0; i < 1000 && gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, room_record(cache), 0, true);
    CHECK(!gy_grow_under_way(cache, 0));
}

static int
no_memory(struct gy_region *region, size_t offset, size_t bytes)
{
    (void)region, (void)offset, (void)bytes;
    return GYRE_ENOMEM;
}

TEST(grow_rivals, no_memory_for_the_new_half)
{
    gyre *cache = open_small_index();
    struct gy_region_ops ops = *cache->region.ops;
    const struct gy_region_ops *before = cache->region.ops;
    ops.reserve = no_memory;
    gy_add_seq(&cache->super->index_credit, 1 << 16);
    uint64_t credit = gy_credit(cache);
    cache->region.ops = &ops;
    CHECK(!gy_grow_step(cache, room_record(cache), 0, true));
    CHECK(!gy_grow_under_way(cache, 0));
    CHECK_EQ(gy_credit(cache), credit);
    CHECK_EQ(gy_load_seq(&shard_of(cache)->driver), 0);
    cache->region.ops = before;
    CHECK(gy_grow_step(cache, room_record(cache), 0, true));
    CHECK(gy_grow_under_way(cache, 0));
    gyre_close(cache);
}

TEST(grow_rivals, no_arena_to_take)
{
    gyre *cache = open_small_index();
    gy_store_seq(&cache->super->index_credit, 0);
    /* Free arenas are said to be there, but all were taken; then none are, and views hold everything. */
    for (unsigned round = 0; round < 2; round++) {
        gyre *c = round ? open_small_index() : cache;
        gy_store_seq(&c->super->index_credit, 0);
        struct gy_record *other = &c->records[c->g.n_records - 1];
        for (uint32_t a = 0; a < c->g.n_arenas; a++)
            if (room_state(c, a) == GY_FREE)
                room_set_state(c, a, GY_RETIRED);
        if (round) { /* more arenas than a record has pins */
            gy_store_seq(&c->super->n_records_used, c->g.n_records);
            gy_store_seq(&c->super->n_free, 0);
            for (uint32_t a = 0; a < c->g.n_arenas; a++) {
                struct gy_record *r = other - a / (GY_PINS - GY_PIN_VIEWS);
                gy_store_seq(&r->pin[GY_PIN_VIEWS + a % (GY_PINS - GY_PIN_VIEWS)], gy_pin_word(c, a, GY_PIN_READ));
            }
        }
        CHECK(!gy_grow_step(c, room_record(c), 0, true));
        CHECK(!gy_grow_under_way(c, 0));
        gyre_close(c);
    }
}

/* Every word of the image is another put's that has not committed: nothing can make room there. */
TEST(grow_rivals, no_place_in_the_image)
{
    gyre *cache = open_small_index();
    step_until(cache, GY_MOVING, 3);
    uint64_t n = (uint64_t)1 << gy_geometry_log2(gy_load_seq(&cache->geometries[shard_of(cache) - cache->super->shard]));
    uint64_t before = room_refs_into(cache, UINT32_MAX), conflicts = api_stats(cache).window_conflicts;
    for (uint64_t i = n * GY_BUCKET_SLOTS; i < 2 * n * GY_BUCKET_SLOTS; i++)
        if (gy_load_seq(room_slot(cache, 0, i)) == GY_EMPTY)
            gy_store_seq(room_slot(cache, 0, i), gy_load_seq(room_slot(cache, 0, 0)) | GY_T | GY_TAG_MASK | 1);
    finish(cache);
    uint64_t committed = 0;
    for (uint64_t i = 0; i < room_slots(cache, 0); i++) {
        uint64_t word = gy_load_seq(room_slot(cache, 0, i));
        committed += word != GY_EMPTY && !gy_slot_tentative(word);
    }
    CHECK(committed > 0 && committed < before);
    CHECK_EQ(committed, gy_account_entries(cache, 0));
    CHECK(api_stats(cache).removed[GYRE_CONFLICT] > conflicts);
    gyre_close(cache);
}

/* Stages beside geometries that do not go with them, and what they become. */
static const struct half_turn {
    enum gy_phase phase;
    uint64_t stage, mended;
} half_turns[] = {{GY_STEADY, 3, 4}, {GY_STEADY, 0, 0}, {GY_UNION, 0, 1}, {GY_UNION, 1, 1},
                  {GY_MOVING, 1, 2}, {GY_MOVING, 2, 2}, {GY_MOVING, 3, 3}};
enum { HALF_TURNS = sizeof half_turns / sizeof half_turns[0] };

static gyre *
open_half_turned(const struct half_turn *half)
{
    gyre *cache = open_small_index();
    gy_atomic_u64 *geometry = gy_grow_geometry(cache, shard_of(cache));
    gy_store_seq(geometry, gy_geometry_word(gy_geometry_log2(gy_load_seq(geometry)), half->phase));
    gy_store_seq(&shard_of(cache)->stage, half->stage);
    return cache;
}

/* As a forked child finds it. */
TEST(grow_rivals, a_driver_died_between_geometry_and_stage)
{
    for (unsigned i = 0; i < HALF_TURNS; i++) {
        gyre *cache = open_half_turned(&half_turns[i]);
        gy_grow_mend_quiet(cache);
        CHECK_EQ(gy_load_seq(&shard_of(cache)->stage) & 7, half_turns[i].mended);
        gyre_close(cache);
    }
}

/* Somebody who is in a section, for a while. */
static struct gy_record *
another_record(gyre *cache)
{
    gy_store_seq(&cache->super->n_records_used, 2);
    return &cache->records[1];
}

/* As a living member finds it, when the driver is dead or has left: with a grace period that begins then. */
TEST(grow_rivals, another_takes_over_from_a_driver)
{
    enum { DEAD = 7 };
    for (unsigned i = 0; i < HALF_TURNS; i++) {
        gyre *cache = open_half_turned(&half_turns[i]);
        struct gy_shard *shard = shard_of(cache);
        uint64_t log2 = gy_geometry_log2(gy_load_seq(gy_grow_geometry(cache, shard)));
        gy_store_seq(&shard->driver, (uint64_t)DEAD << 32);
        cache->rcu->enter(cache, another_record(cache));
        gy_grow_release(cache, 0, DEAD);
        uint64_t stage = gy_load_seq(&shard->stage);
        CHECK_EQ(stage & 7, half_turns[i].mended);
        CHECK(!cache->rcu->poll(cache, stage >> GY_GROW_STAGE_BITS));
        cache->rcu->exit(cache, another_record(cache));
        CHECK_EQ(gy_load_seq(&shard->driver), 0);
        CHECK(half_turns[i].mended != 3 || gy_load_seq(&shard->cursor) == log2 << 48);
        gyre_close(cache);
    }
}

/* All buckets are claimed, and some not moved: who claimed those is dead, or in a section, about to begin one. */
TEST(grow_rivals, movers_stop_before_the_driver_moves_alone)
{
    gyre *cache = open_small_index();
    struct gy_shard *shard = shard_of(cache);
    step_until(cache, GY_MOVING, 3);
    uint64_t log2 = gy_geometry_log2(gy_load_seq(gy_grow_geometry(cache, shard)));
    cache->rcu->enter(cache, another_record(cache));
    gy_store_seq(&shard->cursor, (log2 << 48) + ((uint64_t)1 << log2));
    gy_store_seq(&shard->orphaned, 1);
    for (unsigned i = 0; i < 100; i++)
        gy_grow_step(cache, room_record(cache), 0, true);
    CHECK_EQ(gy_load_seq(&shard->stage) & 7, 5);
    cache->rcu->exit(cache, another_record(cache));
    finish(cache);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), gy_account_entries(cache, 0));
    gyre_close(cache);
}

#ifdef GY_POINTS

static void
another_shard_takes_some(struct trap *trap, const volatile void *address)
{
    (void)address;
    gy_sub_rlx(&trap->cache->super->index_credit, 8);
}

TEST(grow_rivals, another_shard_takes_credit)
{
    gyre *cache = open_small_index();
    gy_add_seq(&cache->super->index_credit, 1 << 16);
    struct trap trap = {.file = "credit.c", .address = &cache->super->index_credit, .skip = 1,
                        .action = another_shard_takes_some, .cache = cache};
    trap_set(&trap);
    CHECK(gy_grow_step(cache, room_record(cache), 0, true));
    trap_clear(&trap);
    CHECK(gy_grow_under_way(cache, 0));
    gyre_close(cache);
}

/* The image is full of cold words; each that is chosen to make room changes before it goes. */
static void
change_coldest(struct trap *trap, const volatile void *address)
{
    gy_atomic_u64 *slot = (gy_atomic_u64 *)(uintptr_t)address;
    const char *at = (const char *)(uintptr_t)address;
    if (at < trap->cache->index || at >= trap->cache->region.base + trap->cache->g.arenas_at)
        return; /* not a slot */
    uint64_t word = gy_load_seq(slot);
    if (word == GY_EMPTY)
        return;
    switch (trap->sprung % 3) {
    case 0: gy_store_seq(slot, word | GY_T); break;       /* as a rival's put would leave it */
    case 1: gy_store_seq(slot, GY_EMPTY); break;          /* deleted */
    default: gy_store_seq(slot, word ^ GY_TAG_MASK); break; /* another key's */
    }
}

/* False: by chance no entry had to move. */
static bool
change_after(unsigned skip)
{
    gyre *cache = open_small_index();
    step_until(cache, GY_MOVING, 3);
    uint64_t n = (uint64_t)1 << gy_geometry_log2(gy_load_seq(&cache->geometries[shard_of(cache) - cache->super->shard]));
    uint64_t some = gy_load_seq(room_slot(cache, 0, 0));
    for (uint64_t i = 0; some == GY_EMPTY; i++)
        some = gy_load_seq(room_slot(cache, 0, i));
    for (uint64_t i = n * GY_BUCKET_SLOTS; i < 2 * n * GY_BUCKET_SLOTS; i++)
        gy_store_seq(room_slot(cache, 0, i), some & ~GY_FREQ_MASK);
    struct trap trap = {.file = "index.c", .again = true, .skip = skip, .action = change_coldest, .cache = cache};
    trap_set(&trap);
    finish(cache);
    bool changed = trap_take(&trap);
    gyre_close(cache);
    return changed;
}

TEST(grow_rivals, words_of_the_image_change_before_they_make_room)
{
    for (unsigned skip = 0, tries = 0; skip < 6; skip++)
        while (!change_after(skip))
            CHECK(++tries < 20); /* another seed */
}

#endif

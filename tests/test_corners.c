/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Corners that deliberate bugs showed to be dark: each test is here because a mutant of tests/mutants/ got past
 * all others. */

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trap.h"

TEST(corners, caches_have_seeds_of_their_own)
{
    gyre *a = api_open(MIB, GYRE_NO_THREAD), *b = api_open(MIB, GYRE_NO_THREAD);
    CHECK(a->seed != b->seed);
    CHECK(a->seed != 0);
    gyre_close(a);
    gyre_close(b);
}

TEST(corners, a_view_released_again_lets_nothing_of_another_go)
{
    gyre *cache = api_open(MIB, GYRE_NO_THREAD);
    CHECK_OK(put_text(cache, "key", "value"));
    gyre_view first, second;
    CHECK_OK(gyre_get(cache, "key", 3, &first));
    uint64_t pin = first.priv[0];
    gyre_release(&first);
    CHECK_OK(gyre_get(cache, "key", 3, &second));
    CHECK_EQ(second.priv[0], pin); /* the same place */
    gyre_release(&first);
    CHECK(api_stats(cache).pinned_bytes > 0);
    gyre_release(&second);
    api_close(cache);
}

/* A thread that has more views than its record has pins goes on in a further record, and in no other thread's. */
TEST(corners, views_past_the_pins_of_a_record_stay_with_their_thread)
{
    gyre *cache = api_open(MIB, GYRE_NO_THREAD);
    CHECK_OK(put_text(cache, "key", "value"));
    struct gy_record *others = &cache->records[1];
    gy_store_seq(&others->owner, 12345);
    gy_store_seq(&cache->super->n_records_used, 2);
    gyre_view view[2 * GY_PINS];
    for (unsigned i = 0; i < 2 * GY_PINS; i++)
        CHECK_OK(gyre_get(cache, "key", 3, &view[i]));
    for (unsigned p = 0; p < GY_PINS; p++)
        CHECK_EQ(gy_load_seq(&others->pin[p]), 0);
    for (unsigned i = 0; i < 2 * GY_PINS; i++)
        gyre_release(&view[i]);
    gy_store_seq(&others->owner, 0);
    api_close(cache);
}

TEST(corners, an_expired_entry_that_is_replaced_counts_for_that_reason)
{
    struct api_clock clock = {1000};
    gyre_options o = api_options(MIB, GYRE_NO_THREAD);
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    o.clock_ms = api_clock_read, o.clock_arg = &clock;
    gyre *cache = api_open_with(&o);
    put.ttl_ms = 10;
    CHECK_OK(gyre_put(cache, "key", 3, "value", 5, &put));
    atomic_store(&clock.ms, 2000);
    CHECK_OK(put_text(cache, "key", "again"));
    CHECK_EQ(api_stats(cache).removed[GYRE_EXPIRED], 1);
    CHECK_EQ(api_stats(cache).removed[GYRE_REPLACED], 0);
    api_close(cache);
}

/* Header, key and value together are a little more than 65,536 bytes. */
TEST(corners, the_largest_key_and_a_small_value_fit_no_small_arena)
{
    static char key[65535];
    gyre *cache = api_open(64 * KIB, GYRE_NO_THREAD);
    CHECK_OK(put_text(cache, "key", "value"));
    for (size_t size = 0; size < 300; size += 20)
        CHECK_EQ(gyre_put(cache, key, sizeof key, key, size, NULL), GYRE_E2BIG);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
}

TEST(corners, a_forked_child_knows_that_it_has_no_maintenance_thread)
{
    gyre *cache = api_open(MIB, 0);
    CHECK_OK(put_text(cache, "key", "value"));
    CHECK(gy_worker_runs(&cache->worker));
    pid_t child = fork();
    if (child == 0)
        _exit(!has_text(cache, "key", "value") || gy_worker_runs(&cache->worker));
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    api_close(cache);
}

/* The pass for an arena with gaps goes through all shards. */
TEST(corners, live_entries_of_all_shards_are_found_in_a_holed_arena)
{
    room_stay();
    gyre *cache = api_open(32 * MIB, GYRE_NO_THREAD);
    CHECK(cache->g.n_shards > 1);
    for (unsigned k = 0; k < 60; k++)
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, 100, k));
    uint32_t arena = room_arena_of(cache, key_of(0).text);
    CHECK(room_refs_into(cache, arena) > 20);
    gy_store_seq(&cache->books[arena].holed, 1);
    room_seal_all(cache);
    for (unsigned n = 0; n < cache->g.n_arenas && room_state(cache, arena) == GY_SEALED; n++)
        CHECK(room_sweep(cache, cache->arena_bytes));
    CHECK_EQ(room_refs_into(cache, arena), 0);
    api_close(cache);
}

static void
fill_an_arena(gyre *cache, unsigned first)
{
    for (unsigned k = first; k < first + 10; k++)
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, cache->arena_bytes / 10 - 40, k));
    room_seal_all(cache);
}

/* The older of two arenas goes first, wherever in its 40 bits the sequence is. */
TEST(corners, the_order_of_sealing_holds_across_every_power_of_two)
{
    room_stay();
    for (unsigned bit = 8; bit < GY_SEQUENCE_BITS; bit++) {
        gyre *cache = api_open(MIB, GYRE_NO_THREAD);
        gy_store_seq(&cache->super->sequence, ((uint64_t)1 << bit) - 100);
        fill_an_arena(cache, 0);
        uint32_t older = room_arena_of(cache, key_of(0).text);
        gy_store_seq(&cache->super->sequence, (uint64_t)1 << bit);
        fill_an_arena(cache, 100);
        uint32_t younger = room_arena_of(cache, key_of(100).text);
        CHECK_EQ(room_state(cache, younger), GY_SEALED);
        CHECK(room_sweep(cache, 1));
        CHECK_MSG(room_state(cache, older) != GY_SEALED, "at 2^%u", bit);
        CHECK_MSG(room_state(cache, younger) == GY_SEALED, "at 2^%u", bit);
        gyre_close(cache);
    }
}

#ifndef GY_POINTS
static uint64_t (*gy_hash_hook)(const void *key, size_t size);
#endif

static uint64_t
one_hash(const void *key, size_t size)
{
    (void)key, (void)size;
    return 0x5555666677778888u;
}

/* A word in the making stands before the committed one: a delete takes both. */
TEST(corners, a_delete_goes_through_the_whole_window)
{
    gyre *cache = api_open(MIB, GYRE_NO_THREAD);
    gy_hash_hook = one_hash;
    CHECK_OK(room_put(cache, GY_MAIN, "filler", 8, 1));
    CHECK_OK(room_put(cache, GY_MAIN, "key", 8, 2));
    CHECK_OK(gyre_delete(cache, "filler", 6));
    struct gy_staged staged = room_stage(cache, GY_MAIN, "key", "made", 4);
    gy_arena_unpin(cache, NULL, &staged);
    struct gy_window w;
    gy_index_window(cache, room_hash(cache, "key"), &w);
    uint64_t word = room_word(cache, "key");
    for (unsigned s = 0; s < GY_BUCKET_SLOTS && gy_load_seq(&w.bucket[0]->slot[s]) != word; s++)
        gy_store_seq(&w.bucket[0]->slot[s], gy_slot_word(room_hash(cache, "key"), 0, staged.ref) | GY_T);
    gyre_delete(cache, "key", 3);
    CHECK(is_missing(cache, "key"));
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    gyre_close(cache);
    gy_hash_hook = NULL;
}

#ifdef GY_POINTS
static void
count_rings(struct trap *trap, const volatile void *address)
{
    gy_atomic_u64 *n = trap->cache->super->n_entries;
    (void)address;
    CHECK(gy_load_seq(&n[GY_PROBATION]) + gy_load_seq(&n[GY_MAIN]) >= room_refs_into(trap->cache, UINT32_MAX));
}

/* A put that saw fewer than there are would let one too many stay. */
TEST(corners, what_changes_its_ring_is_counted_all_the_while)
{
    gyre *cache = api_open(1 << 20, GYRE_NO_THREAD);
    cache->g.max_entries = 1000; /* from now on it counts */
    for (unsigned k = 0; k < 20; k++)
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, 200, k));
    uint32_t arena = room_arena_of(cache, key_of(7).text);
    for (uint64_t i = 0; i < room_slots(cache, 0); i++)
        if (gy_load_seq(room_slot(cache, 0, i)) != GY_EMPTY)
            gy_store_seq(room_slot(cache, 0, i), gy_load_seq(room_slot(cache, 0, i)) | 2 * GY_FREQ_ONE);
    room_teach(cache);
    room_seal_all(cache);
    struct trap trap = {.file = "account.h", .again = true, .action = count_rings, .cache = cache};
    trap_set(&trap);
    for (unsigned i = 0; i < cache->g.n_arenas && room_refs_into(cache, arena) > 0; i++)
        CHECK(room_sweep(cache, cache->arena_bytes));
    trap_clear(&trap);
    CHECK(gy_load_seq(&cache->super->n_entries[GY_MAIN]) > 0);
    gyre_close(cache);
}

static void *
sweep_all(void *cache)
{
    for (unsigned i = 0; i < 10 && room_sweep(cache, MIB); i++)
        gy_arena_free_retired(cache);
    return NULL;
}

static void
another_sweeps(struct trap *trap, const volatile void *address)
{
    pthread_t thread;
    (void)address;
    CHECK_EQ(pthread_create(&thread, NULL, sweep_all, trap->cache), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(room_state(trap->cache, gy_ref_arena(trap->cache, gy_slot_ref(trap->word))) == GY_SEALED);
}

/* A touch replaces the very entry that it met, and knows it by its ref: that is not used again meanwhile. */
TEST(corners, a_touch_holds_what_it_met_while_it_looks_for_it)
{
    room_stay();
    gyre *cache = api_open(MIB, GYRE_NO_THREAD);
    gy_hash_hook = one_hash;
    CHECK_OK(room_put(cache, GY_PROBATION, "other", 8, 1));
    room_seal_all(cache);
    CHECK_OK(room_put(cache, GY_PROBATION, "key", 8, 2));
    room_seal_all(cache);
    struct gy_window w;
    gy_index_window(cache, room_hash(cache, "key"), &w);
    gy_atomic_u64 *slot = &w.bucket[0]->slot[1];
    struct trap trap = {.file = "publish.c", .address = slot, .action = another_sweeps, .cache = cache,
                        .word = gy_load_seq(slot)};
    trap_set(&trap);
    CHECK_OK(gyre_touch(cache, "key", 3, GYRE_NO_TTL));
    trap_clear(&trap);
    CHECK(gy_load_seq(slot) != trap.word);
    CHECK(has_bytes(cache, "key", 8, 2) && has_bytes(cache, "other", 8, 1));
    gy_hash_hook = NULL;
    api_close(cache);
}
#endif

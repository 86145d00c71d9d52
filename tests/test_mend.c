/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A forked child finds the cache as other threads left it in mid-step: half states made by hand here, and
 * (with GY_POINTS) real threads stopped at one point after another. */

#include "mend.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clear.h"
#include "room.h"
#include "whole.h"

enum { KEYS = 200, SIZE = 100 };

static gyre *
open_full(void)
{
    gyre *cache = api_open(1 << 20, GYRE_NO_THREAD);
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
    return cache;
}

static void
expect_all(gyre *cache)
{
    for (unsigned k = 0; k < KEYS; k++)
        CHECK(has_bytes(cache, key_of(k).text, SIZE, k));
}

/* What must be true of a cache that nobody is in. */
static bool
consistent(gyre *cache)
{
    struct inspect_report report;
    for (unsigned i = 0; i < cache->g.n_shards; i++)
        if (gy_load_seq(&cache->super->shard[i].driver) != 0)
            return false;
    return whole_faults(cache, &report) == 0 && !report.written && report.tentative == 0 &&
           report.arenas[GY_OPENING] == 0 && report.arenas[GY_SWEEPING] == 0 && gy_load_seq(&cache->clearing) == 0;
}

TEST(mend, a_whole_cache_stays_as_it_is)
{
    gyre *cache = open_full();
    for (unsigned k = 0; k < KEYS; k += 3)
        CHECK_OK(gyre_delete(cache, key_of(k).text, 16));
    gyre_stats before = api_stats(cache);
    CHECK(consistent(cache));
    gy_mend_quiet(cache);
    CHECK(consistent(cache));
    gyre_stats after = api_stats(cache);
    CHECK_EQ(after.entries, before.entries);
    CHECK_EQ(after.live_bytes, before.live_bytes);
    CHECK_EQ(after.free_bytes, before.free_bytes);
    CHECK_EQ(after.garbage_bytes, before.garbage_bytes);
    for (unsigned k = 0; k < KEYS; k++)
        CHECK(k % 3 ? has_bytes(cache, key_of(k).text, SIZE, k) : is_missing(cache, key_of(k).text));
    CHECK_EQ(gy_load_seq(&cache->super->fork_generation), 1);
    api_close(cache);
}

TEST(mend, an_arena_left_in_sweeping_is_swept_again_after_a_look_at_the_pins)
{
    gyre *cache = open_full();
    room_seal_all(cache);
    gyre_view view;
    CHECK_OK(gyre_get(cache, key_of(5).text, 16, &view));
    uint32_t arena = room_arena_of(cache, key_of(5).text);
    room_set_state(cache, arena, GY_SWEEPING);
    gy_mend_quiet(cache);
    CHECK_EQ(room_state(cache, arena), GY_SEALED);
    CHECK(consistent(cache));
    for (unsigned i = 0; i < 50; i++)
        room_sweep(cache, cache->arena_bytes);
    CHECK_EQ(room_state(cache, arena), GY_SEALED);
    CHECK(bytes_are(view.data, SIZE, 5));
    gyre_release(&view);
    api_close(cache);
}

TEST(mend, parked_and_retired_arenas_go_on)
{
    gyre *cache = open_full();
    room_seal_all(cache);
    for (unsigned i = 0; i < 10 && room_count_states(cache, GY_PARKED) == 0; i++)
        CHECK(room_sweep(cache, 1));
    CHECK_EQ(room_count_states(cache, GY_PARKED), 1);
    uint32_t parked = 0, retired = 0;
    while (room_state(cache, parked) != GY_PARKED)
        parked++;
    while (room_state(cache, retired) != GY_SEALED)
        retired++;
    uint64_t progress = gy_load_seq(&cache->books[parked].progress);
    gy_clear_begin(cache);
    while (gy_clear_pending(cache))
        gy_clear_step(cache, room_record(cache));
    room_set_state(cache, retired, GY_RETIRED); /* nothing refers to it */
    gy_mend_quiet(cache);
    CHECK_EQ(room_state(cache, parked), GY_PARKED);
    CHECK_EQ(gy_load_seq(&cache->books[parked].progress), progress);
    CHECK_EQ(room_state(cache, retired), GY_RETIRED);
    CHECK_EQ(gy_load_seq(&cache->super->n_retired), 1);
    CHECK_EQ(gy_arena_free_retired(cache), 1);
    CHECK(room_sweep(cache, cache->arena_bytes));
    CHECK(room_state(cache, parked) != GY_PARKED);
    CHECK(consistent(cache));
    api_close(cache);
}

TEST(mend, an_opening_that_stands_in_its_lane_is_open)
{
    gyre *cache = open_full();
    struct gy_staged s = room_stage(cache, GY_MAIN, "a", "1", 1);
    gy_arena_unpin(cache, NULL, &s);
    room_set_state(cache, s.arena, GY_OPENING);
    gy_mend_quiet(cache);
    CHECK_EQ(room_state(cache, s.arena), GY_OPEN);
    CHECK(consistent(cache));
    expect_all(cache);
    api_close(cache);
}

TEST(mend, an_opening_that_does_not_is_free)
{
    gyre *cache = open_full();
    uint32_t arena = 0;
    while (room_state(cache, arena) != GY_FREE)
        arena++;
    uint64_t sequence = gy_add_seq(&cache->super->sequence, 1);
    gy_store_seq(&cache->words[arena], gy_arena_word(GY_OPENING, GY_MAIN, 0, 7, sequence));
    gy_sub_rlx(&cache->super->n_free, 1);
    gy_mend_quiet(cache);
    CHECK_EQ(room_state(cache, arena), GY_FREE);
    CHECK(consistent(cache));
    api_close(cache);
}

TEST(mend, words_in_the_making_are_dropped_and_counts_made_up)
{
    gyre *cache = open_full();
    gyre_stats before = api_stats(cache);
    struct gy_staged s = room_stage(cache, GY_PROBATION, "dead", "value", 5);
    gy_arena_unpin(cache, NULL, &s);
    struct gy_window w;
    gy_index_window(cache, room_hash(cache, "dead"), &w);
    for (unsigned n = 0; n < GY_BUCKET_SLOTS; n++) {
        uint64_t nothing = GY_EMPTY;
        uint64_t word = gy_slot_word(room_hash(cache, "dead"), 0, s.ref) | GY_T;
        if (gy_cas_seq(&w.bucket[0]->slot[n], &nothing, word))
            break;
    }
    gy_add_rlx(&cache->super->shard[0].n_committed, 3); /* counted, and not done; or the other way round */
    gy_sub_rlx(&cache->super->n_free, 2);
    gy_add_rlx(&cache->super->draft_bytes, 5000);
    gy_store_seq(&cache->super->shard[0].driver, 1234);
    gy_store_seq(&cache->clearing, 1);
    gy_add_rlx(&cache->books[room_arena_of(cache, key_of(0).text)].dead, 500);
    CHECK(!consistent(cache));
    gy_mend_quiet(cache);
    CHECK(consistent(cache));
    gyre_stats after = api_stats(cache);
    CHECK_EQ(after.entries, before.entries);
    CHECK_EQ(after.live_bytes, before.live_bytes);
    CHECK_EQ(gy_load_seq(&cache->super->draft_bytes), 0);
    expect_all(cache);
    api_close(cache);
}

TEST(mend, entries_are_counted_anew_for_the_limit)
{
    gyre_options options = api_options(1 << 20, GYRE_NO_THREAD);
    options.max_entries = 100;
    gyre *cache = api_open_with(&options);
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
    gy_add_rlx(&cache->super->n_entries[GY_PROBATION], 50);
    gy_sub_rlx(&cache->super->n_entries[GY_MAIN], 20);
    gy_mend_quiet(cache);
    CHECK(consistent(cache));
    CHECK_EQ(api_stats(cache).entries, 100);
    api_close(cache);
}

/* The records of all threads but the one that forked: their pins go, and an arena in which one was reserving
 * has a gap of unknown length. */
TEST(mend, records_of_the_dead_are_reaped)
{
    static const enum gy_pin_kind kind[] = {GY_PIN_READ, GY_PIN_RESERVING, GY_PIN_FILLING};
    gyre *cache = open_full();
    struct gy_record *mine = room_record(cache), *dead = &cache->records[5];
    uint64_t self = gy_load_seq(&mine->owner), parent = self + 77;
    gy_store_seq(&cache->super->n_records_used, 7);
    gy_store_seq(&mine->owner, parent); /* as the forking thread was called there */
    gy_store_seq(&mine->pin[7], gy_pin_word(cache, 20, GY_PIN_RESERVING));
    gy_store_seq(&dead->owner, 4711);
    gy_store_seq(&dead->section, 99);
    for (unsigned i = 0; i < 3; i++)
        gy_store_seq(&dead->pin[i], gy_pin_word(cache, 10 + i, kind[i]));
    gy_store_seq(&cache->records[6].pin[9], gy_pin_word(cache, 15, GY_PIN_READ)); /* its thread had left */
    gy_record_reap_quiet(cache, parent);
    CHECK_EQ(gy_load_seq(&mine->owner), self);
    CHECK(gy_load_seq(&mine->pin[7]) != 0);
    gy_pin_clear(&mine->pin[7]);
    CHECK_EQ(gy_load_seq(&dead->owner), 0);
    CHECK_EQ(gy_load_seq(&dead->section), 0);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        CHECK_EQ(gy_load_seq(&cache->books[a].holed), (a == 11));
        CHECK(!gy_arena_pinned(cache, a));
    }
    api_close(cache);
}

/* Movers claimed buckets and died: all are moved again, and every key is there. */
TEST(mend, buckets_claimed_by_dead_movers_are_moved)
{
    gyre_options options = api_options(2 << 20, GYRE_NO_THREAD);
    options.expected_entry_bytes = 60000;
    for (unsigned claimed = 0; claimed <= 64; claimed += 8) {
        gyre *cache = api_open_with(&options);
        struct gy_record *r = room_record(cache);
        struct gy_shard *shard = &cache->super->shard[0];
        unsigned n = 0;
        for (bool small = true; small || !gy_grow_wanted(cache, 0); n++) {
            CHECK_OK(room_put(cache, GY_MAIN, key_of(n).text, 8, n));
            while (small && gy_grow_wanted(cache, 0))
                gy_grow_step(cache, r, 0, true);
            small = gy_geometry_log2(gy_load_seq(cache->geometries)) < 6;
        }
        uint64_t cursor_before = gy_load_seq(&shard->cursor);
        while (gy_load_seq(&shard->cursor) == cursor_before) /* up to the stage in which buckets are moved */
            CHECK(gy_grow_step(cache, r, 0, true));
        CHECK(gy_grow_step(cache, r, 0, true)); /* one bucket is moved, */
        gy_add_seq(&shard->cursor, gy_min(claimed, 63)); /* and these were only claimed */
        gy_mend_quiet(cache);
        for (unsigned step = 0; gy_grow_wanted(cache, 0); step++) {
            CHECK(step < 1000);
            gy_grow_step(cache, r, 0, true);
        }
        CHECK_EQ(gy_geometry_log2(gy_load_seq(cache->geometries)), 7);
        unsigned missing = 0;
        for (unsigned k = 0; k < n; k++)
            missing += !has_bytes(cache, key_of(k).text, 8, k);
        CHECK_EQ(missing, api_stats(cache).window_conflicts);
        CHECK(consistent(cache));
        api_close(cache);
    }
}

#ifdef GY_POINTS

/* A thread stops for good at its n-th point, wherever that is; this one forks. */
static struct {
    _Atomic unsigned left; /* points until the stop; 0: nobody stops */
    _Atomic bool stopped;
    sem_t halted, go_on;
} stop;
static _Thread_local bool may_stop;

static void
stop_here(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line, (void)address;
    if (!may_stop || atomic_load(&stop.left) == 0 || atomic_fetch_sub(&stop.left, 1) != 1)
        return;
    atomic_store(&stop.stopped, true);
    sem_post(&stop.halted);
    while (sem_wait(&stop.go_on) != 0)
        ; /* a signal interrupted it */
}

static gyre *stage_cache;
static void (*stage_work)(gyre *cache);

static void *
work_and_stop(void *unused)
{
    room_record(stage_cache);
    may_stop = true;
    stage_work(stage_cache);
    may_stop = false;
    sem_post(&stop.halted); /* if it did not stop, nobody need wait for that */
    return unused;
}

/* In the child, where checks are exit codes. */
static int
child_verdict(gyre *cache)
{
    gyre_stats s = GYRE_STATS_INIT;
    gyre_view view;
    uint64_t missed = 0;
    gyre_get(cache, "any", 3, &view); /* the first operation mends */
    gyre_release(&view);
    if (!consistent(cache))
        return 10;
    for (unsigned k = 0; k < KEYS; k++) {
        if (gyre_get(cache, key_of(k).text, 16, &view) == GYRE_OK &&
            (view.size != SIZE || (!bytes_are(view.data, SIZE, k) && !bytes_are(view.data, SIZE, k + 1000))))
            return 11;
        gyre_release(&view);
    }
    for (unsigned k = 0; k < 3000; k++) { /* the cache turns over: every arena is swept and filled again */
        char value[1000];
        fill_bytes(value, sizeof value, k);
        struct api_key key = key_of(10000 + k);
        if (gyre_put(cache, key.text, 16, value, sizeof value, NULL) != GYRE_OK)
            return 12;
        if (gyre_get(cache, key.text, 16, &view) != GYRE_OK)
            missed++;
        else if (!bytes_are(view.data, sizeof value, k))
            return 13;
        gyre_release(&view);
    }
    if (gyre_stats_read(cache, &s) != GYRE_OK ||
        s.capacity_bytes != s.live_bytes + s.garbage_bytes + s.open_bytes + s.free_bytes + s.index_bytes + s.recovering_bytes)
        return 14;
    if (s.pinned_bytes != 0)
        return 15;
    if (missed > s.window_conflicts) /* nothing else takes what was put last */
        return 16;
    while (gyre_maintain(cache, 1000000) > 0)
        ;
    return consistent(cache) ? 0 : 17;
}

/* False when the work was done before its n-th point. */
static bool
fork_at(unsigned point)
{
    pthread_t thread;
    atomic_store(&stop.stopped, false);
    atomic_store(&stop.left, point);
    CHECK_OK(sem_init(&stop.halted, 0, 0));
    CHECK_OK(sem_init(&stop.go_on, 0, 0));
    CHECK_EQ(pthread_create(&thread, NULL, work_and_stop, NULL), 0);
    while (sem_wait(&stop.halted) != 0)
        ; /* a signal interrupted it */
    bool stopped = atomic_load(&stop.stopped);
    if (stopped) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            gy_point_hook = NULL;
            alarm(300);
            _exit(child_verdict(stage_cache));
        }
        int status;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "point %u: status %#x", point,
                  (unsigned)status);
    }
    atomic_store(&stop.left, 0);
    sem_post(&stop.go_on);
    pthread_join(thread, NULL);
    sem_destroy(&stop.halted);
    sem_destroy(&stop.go_on);
    return stopped;
}

static void
fork_everywhere(void (*work)(gyre *cache), uint64_t capacity, uint32_t expected_entry_bytes, unsigned stride)
{
    gyre_options options = api_options(capacity, GYRE_NO_THREAD);
    options.expected_entry_bytes = expected_entry_bytes;
    uint64_t seed = api_seed("mend");
    stage_work = work;
    gy_point_hook = stop_here;
    unsigned point = 1, tried = 0;
    for (bool stopped = true; stopped; point += 1 + (unsigned)(api_random(&seed) % stride), tried++) {
        stage_cache = api_open_with(&options);
        for (unsigned k = 0; k < KEYS; k++)
            CHECK_OK(room_put(stage_cache, GY_PROBATION, key_of(k).text, SIZE, k));
        stopped = fork_at(point);
        CHECK(consistent(stage_cache));
        api_close(stage_cache);
    }
    printf("    %u forks within %u points\n", tried - 1, point);
    CHECK(tried > 5);
    gy_point_hook = NULL;
}

static void
a_few_puts(gyre *cache)
{
    for (unsigned k = 0; k < 3; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k + 1000));
    CHECK_OK(gyre_delete(cache, key_of(4).text, 16));
}

TEST(mend, a_fork_in_the_middle_of_a_put)
{
    fork_everywhere(a_few_puts, 256 << 10, 0, 15);
}

static void
a_sweep(gyre *cache)
{
    room_seal_all(cache);
    room_sweep(cache, cache->arena_bytes);
}

TEST(mend, a_fork_in_the_middle_of_a_sweep)
{
    fork_everywhere(a_sweep, 256 << 10, 0, 60);
}

static void
a_growth(gyre *cache)
{
    while (gy_grow_wanted(cache, 0))
        gy_grow_step(cache, room_record(cache), 0, true);
}

TEST(mend, a_fork_in_the_middle_of_growth)
{
    fork_everywhere(a_growth, 256 << 10, 8000, 400);
}

static void
a_clear(gyre *cache)
{
    CHECK_OK(gyre_clear(cache));
    while (gyre_maintain(cache, 0) > 0)
        ;
}

TEST(mend, a_fork_in_the_middle_of_a_clear)
{
    fork_everywhere(a_clear, 256 << 10, 0, 60);
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* max_entries with many threads: the limit holds at every moment but for the puts in flight, and the books are exact
 * in the end. With points, threads are stopped in the middle and others go on without them. */

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "choose.h"
#include "limit.h"
#include "trap.h"

enum { SIZE = 60, WRITERS = 4, KEYS = 300 };
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { PUTS = 600, STRIDE = 48 };
#else
enum { PUTS = 15000, STRIDE = 8 };
#endif

static gyre *
open_limited(uint64_t limit, uint32_t flags, struct api_clock *clock)
{
    gyre_options o = api_options(1 << 20, flags);
    o.max_entries = limit;
    o.clock_ms = api_clock_read, o.clock_arg = clock;
    return api_open_with(&o);
}

static uint64_t
committed(gyre *cache)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < cache->g.n_shards; i++)
        n += (uint64_t)gy_account_entries(cache, i);
    return n;
}

struct crowd {
    gyre *cache;
    struct api_clock *clock;
    uint64_t limit;
    atomic_uint n_done;
    uint64_t n_uncounted; /* puts of which the statistics do not know */
};

static void
use(struct crowd *c, uint64_t r, unsigned n)
{
    struct api_key key = key_of(r % KEYS);
    gyre_put_options o = GYRE_PUT_OPTIONS_INIT;
    gyre_view view;
    char value[SIZE];
    fill_bytes(value, SIZE, r % KEYS);
    o.ttl_ms = r >> 20 & 1 ? 5 : 0;
    int result = GYRE_OK;
    switch (r >> 32 & 15) {
    case 0: gyre_delete(c->cache, key.text, 16); break;
    case 1: gyre_touch(c->cache, key.text, 16, 1000); break;
    case 2:
    case 3:
    case 4:
        if (gyre_get(c->cache, key.text, 16, &view) == GYRE_OK)
            CHECK(view.size == SIZE && bytes_are(view.data, SIZE, r % KEYS));
        gyre_release(&view);
        break;
    case 5: {
        gyre_draft draft;
        result = gyre_reserve(c->cache, key.text, 16, SIZE, &o, &draft);
        if (result != GYRE_OK)
            break;
        memcpy(draft.data, value, SIZE);
        if (n % 4 == 0)
            gyre_abort(&draft);
        else
            result = gyre_commit(&draft);
        break;
    }
    default: result = gyre_put(c->cache, key.text, 16, value, SIZE, &o);
    }
    CHECK_MSG(result == GYRE_OK || result == GYRE_EBUSY, "%s", gyre_strerror(result));
    if (n % 64 == 0)
        atomic_fetch_add(&c->clock->ms, 1);
}

static void
use_or_watch(void *arg, unsigned i)
{
    struct crowd *c = arg;
    uint64_t seed = 1000 * c->limit + i;
    if (i < WRITERS) {
        for (unsigned n = 0; n < PUTS; n++)
            use(c, api_random(&seed), n);
        atomic_fetch_add(&c->n_done, 1);
        return;
    }
    while (atomic_load(&c->n_done) < WRITERS) {
        uint64_t now = committed(c->cache);
        CHECK_MSG(now <= c->limit + WRITERS, "%llu entries, the limit is %llu", (unsigned long long)now,
                  (unsigned long long)c->limit);
        sched_yield();
    }
}

/* Nobody is in the cache. */
static void
check_books(struct crowd *c)
{
    gyre *cache = c->cache;
    uint64_t n = committed(cache), counted = 0;
    for (unsigned ring = 0; ring < GY_RINGS; ring++)
        counted += gy_load_seq(&cache->super->n_entries[ring]);
    CHECK_EQ(counted, n);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), n);
    CHECK(n <= c->limit);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        enum gy_arena_state state = room_state(cache, a);
        CHECK(state != GY_SWEEPING && state != GY_OPENING);
        CHECK((state != GY_FREE && state != GY_RETIRED) || room_refs_into(cache, a) == 0);
    }
    gyre_stats s = api_stats(cache);
    uint64_t removed = 0;
    for (unsigned i = 0; i < GYRE_REASONS; i++)
        removed += s.removed[i];
    CHECK_EQ(s.entries, n);
    uint64_t puts = s.puts + c->n_uncounted;
    CHECK(puts <= removed + n && removed + n <= puts + s.touches); /* a touch may count as a replacement */
}

/* All bytes are accounted for: when everything is deleted, nothing lives. */
static void
check_bytes(gyre *cache)
{
    for (unsigned k = 0; k < KEYS; k++)
        gyre_delete(cache, key_of(k).text, 16);
    gyre_stats s = api_stats(cache);
    CHECK_EQ(s.entries, 0);
    CHECK_EQ(s.live_bytes, 0);
    CHECK_EQ(s.pinned_bytes, 0);
}

static void
crowd_in(uint64_t limit, uint32_t flags)
{
    struct api_clock clock = {1000};
    struct crowd c = {open_limited(limit, flags, &clock), &clock, limit, 0, 0};
    CHECK_EQ(c.cache->g.n_shards, 1); /* one count, so that it is one moment's */
    api_threads(WRITERS + 1, use_or_watch, &c);
    gy_worker_stop(c.cache); /* it may be off its processor in the middle of something */
    check_books(&c);
    check_bytes(c.cache);
    for (unsigned k = 0; k < 3000; k++) /* it goes on as ever */
        CHECK_OK(put_bytes(c.cache, key_of(k).text, SIZE, k));
    check_books(&c);
    api_close(c.cache);
}

TEST(limit_threads, tiny_limits_hold_at_every_moment)
{
    static const uint64_t limits[] = {1, 2, 3, 10, 50};
    for (unsigned l = 0; l < sizeof limits / sizeof *limits; l++) {
        crowd_in(limits[l], GYRE_NO_THREAD);
        crowd_in(limits[l], 0);
    }
}

TEST(limit_threads, the_same_with_liburcu)
{
    crowd_in(10, GYRE_LIBURCU);
    crowd_in(10, GYRE_LIBURCU | GYRE_NO_THREAD);
}

#ifdef GY_POINTS

/* A thread that holds the limit stops at its n-th point; this one goes on, and then he does. */
static struct {
    gyre *cache;
    _Atomic unsigned left;
    _Atomic bool stopped;
    sem_t halted, go_on;
} stop;
static _Thread_local bool may_stop;
static _Atomic bool in_vain; /* nobody runs whom a yield could help */

int __real_sched_yield(void);
int __wrap_sched_yield(void);

/* What the library yields for does not come while he is stopped. On a loaded machine each of some hundred thousand
 * yields would last a turn of all other programs. */
int
__wrap_sched_yield(void)
{
    return atomic_load(&in_vain) ? 0 : __real_sched_yield();
}

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

static void *
hold_and_stop(void *unused)
{
    struct gy_record *r = room_record(stop.cache);
    may_stop = true;
    gy_limit_hold(stop.cache, r);
    may_stop = false;
    sem_post(&stop.halted); /* if he was not, nobody need wait for that */
    return unused;
}

/* False when he was done before his n-th point. */
static bool
stop_at(unsigned point, uint64_t limit)
{
    struct api_clock clock = {1000};
    struct crowd c = {open_limited(limit, GYRE_NO_THREAD, &clock), &clock, limit, 0, limit + 8};
    pthread_t thread;
    for (unsigned k = 0; k < limit + 8; k++)
        CHECK_OK(room_put(c.cache, k % 3 ? GY_PROBATION : GY_MAIN, key_of(k).text, SIZE, k));
    stop.cache = c.cache;
    atomic_store(&stop.stopped, false);
    atomic_store(&stop.left, point);
    CHECK_OK(sem_init(&stop.halted, 0, 0));
    CHECK_OK(sem_init(&stop.go_on, 0, 0));
    CHECK_EQ(pthread_create(&thread, NULL, hold_and_stop, NULL), 0);
    while (sem_wait(&stop.halted) != 0)
        ; /* a signal interrupted it */
    bool stopped = atomic_load(&stop.stopped);
    atomic_store(&in_vain, true);
    for (unsigned k = 100; k < 160; k++) {
        CHECK_OK(put_bytes(c.cache, key_of(k).text, SIZE, k));
        CHECK_MSG(committed(c.cache) <= limit + 1, "stopped at point %u, limit %llu: %llu entries", point,
                  (unsigned long long)limit, (unsigned long long)committed(c.cache));
    }
    atomic_store(&in_vain, false);
    atomic_store(&stop.left, 0);
    sem_post(&stop.go_on);
    pthread_join(thread, NULL);
    sem_destroy(&stop.halted);
    sem_destroy(&stop.go_on);
    CHECK_OK(put_bytes(c.cache, key_of(KEYS - 1).text, SIZE, 1));
    check_books(&c);
    check_bytes(c.cache);
    api_close(c.cache);
    return stopped;
}

TEST(limit_threads, whoever_stops_the_others_hold_the_limit)
{
    static const uint64_t limits[] = {1, 2, 10};
    uint64_t seed = api_seed("limit");
    gy_point_hook = stop_here;
    for (unsigned l = 0; l < 3; l++) {
        unsigned point = 1, tried = 0;
        while (stop_at(point, limits[l]))
            point += 1 + (unsigned)(api_random(&seed) % STRIDE), tried++;
        CHECK(tried > 20);
    }
    gy_point_hook = NULL;
}

static gyre *
open_with_arena(uint32_t *arena)
{
    static struct api_clock clock = {1000};
    room_stay();
    gyre *cache = open_limited(10, GYRE_NO_THREAD, &clock);
    for (unsigned k = 0; k < 15; k++)
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, SIZE, k));
    *arena = room_arena_of(cache, key_of(0).text);
    room_seal_all(cache);
    return cache;
}

/* Another thread stands still between SWEEPING and PARKED: the limit is held without that arena. */
TEST(limit_threads, an_arena_that_is_never_parked)
{
    uint32_t arena;
    gyre *cache = open_with_arena(&arena);
    struct gy_choice choice;
    room_set_state(cache, arena, GY_SWEEPING);
    atomic_store(&in_vain, true);
    CHECK(!gy_choose_for_limit(cache, room_record(cache), GY_PROBATION, true, &choice));
    for (unsigned k = 100; k < 200; k++) {
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
        CHECK(committed(cache) <= 10);
    }
    atomic_store(&in_vain, false);
    room_set_state(cache, arena, GY_PARKED);
    for (unsigned k = 100; k < 200; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
    gyre_stats s = api_stats(cache);
    CHECK_EQ(s.entries, 10);
    api_close(cache);
}

/* Another thread parks it first, and retires it before this one has looked again. */
TEST(limit_threads, an_arena_that_changes_before_it_is_joined)
{
    for (unsigned skip = 0; skip < 3; skip++) {
        uint32_t arena;
        gyre *cache = open_with_arena(&arena);
        uint64_t parked = gy_arena_with_state(gy_load_seq(&cache->words[arena]), GY_PARKED);
        struct gy_choice choice;
        /* choose.c looks at it, takes it, parks it, and looks again under its pin. */
        struct trap trap = {.file = "choose.c", .address = &cache->words[arena], .skip = 1 + skip, .action = trap_store,
                            .word = skip < 1 ? parked : gy_arena_with_state(parked, GY_RETIRED)};
        trap_set(&trap);
        bool chosen = gy_choose_for_limit(cache, room_record(cache), GY_PROBATION, false, &choice);
        trap_clear(&trap);
        CHECK_EQ(chosen, skip < 1);
        CHECK(!chosen || (choice.arena == arena && choice.word == parked));
        CHECK_EQ(gy_load_seq(&room_record(cache)->pin[GY_PIN_MOVE]) != 0, chosen);
        gyre_close(cache);
    }
}

/* The entry is taken by another between the look at the progress and the swap: nobody does it twice. */
TEST(limit_threads, an_entry_that_another_takes)
{
    uint32_t arena;
    gyre *cache = open_with_arena(&arena);
    uint64_t second = gy_slot_ref(room_word(cache, key_of(1).text)) << 3;
    struct trap trap = {.file = "limit.c", .address = &cache->books[arena].progress, .skip = 1, .action = trap_store,
                        .word = GY_PROGRESS_BUSY_ONE + second - gy_arena_offset(cache, arena)};
    trap_set(&trap);
    gy_limit_hold(cache, room_record(cache));
    trap_clear(&trap);
    CHECK(room_word(cache, key_of(0).text) != 0); /* the other's to do */
    CHECK_EQ(committed(cache), 10);
    CHECK_EQ(gy_load_seq(&cache->books[arena].progress) & GY_PROGRESS_BUSY, GY_PROGRESS_BUSY_ONE);
    gyre_close(cache);
}

/* The walk begins anew while its entry is done, and another takes the first: who is done counts nobody out of that. */
TEST(limit_threads, a_walk_that_begins_anew_meanwhile)
{
    uint32_t arena;
    gyre *cache = open_with_arena(&arena);
    uint64_t second = gy_slot_ref(room_word(cache, key_of(1).text)) << 3;
    uint64_t anew = GY_PROGRESS_WALK_ONE + GY_PROGRESS_BUSY_ONE + second - gy_arena_offset(cache, arena);
    /* limit.c looks at the progress, takes an entry, and looks again when it is done. */
    struct trap trap = {.file = "limit.c", .address = &cache->books[arena].progress, .skip = 2, .action = trap_store,
                        .word = anew};
    trap_set(&trap);
    gy_limit_hold(cache, room_record(cache));
    trap_clear(&trap);
    CHECK_EQ(committed(cache), 10);
    uint64_t progress = gy_load_seq(&cache->books[arena].progress);
    CHECK_EQ(progress - gy_progress_taken(progress), GY_PROGRESS_WALK_ONE + GY_PROGRESS_BUSY_ONE);
    gyre_close(cache);
}

#endif

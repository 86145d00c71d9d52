/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Both kinds of grace periods. Threads hand each other turns through a counter, so that nothing here
 * depends on how fast anybody is. */

#include "rcu/rcu.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "room.h"

/* Whatever gyre_open chose: each implementation with a cache of its own. */
static gyre *
open_with(const struct gy_rcu_ops *ops)
{
    gyre *cache = api_open(1 << 20, GYRE_NO_THREAD);
    cache->rcu = ops;
    return cache;
}

static const struct gy_rcu_ops *const kinds[] = {&gy_rcu_local, &gy_rcu_shared};

struct play {
    gyre *cache;
    _Atomic unsigned turn;
    _Atomic bool stop, elapsed;
};

static void
await_turn(struct play *p, unsigned turn)
{
    while (atomic_load(&p->turn) < turn)
        sched_yield();
}

static void
linger(void) /* gives a wrong answer time to show; a right one does not depend on it */
{
    struct timespec t = {0, 20000000};
    nanosleep(&t, NULL);
}

static void
start_threads(pthread_t *thread, unsigned n, void *(*body)(void *), void *arg)
{
    for (unsigned i = 0; i < n; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, body, arg), 0);
}

TEST(rcu, a_grace_period_elapses_when_nobody_is_inside)
{
    for (unsigned k = 0; k < 2; k++) {
        gyre *cache = open_with(kinds[k]);
        struct gy_record *r = room_record(cache);
        for (unsigned i = 0; i < 10; i++) {
            uint64_t before = gy_load_seq(&cache->super->grace_periods), cookie = cache->rcu->start(cache);
            CHECK(cookie != 0);
            CHECK(cache->rcu->poll(cache, cookie));
            CHECK_EQ(gy_load_seq(&cache->super->grace_periods), before + 1);
            cache->rcu->enter(cache, r);
            CHECK(gy_load_seq(&r->section) != 0);
            cache->rcu->exit(cache, r);
            CHECK_EQ(gy_load_seq(&r->section), 0);
        }
        api_close(cache);
    }
}

static void *
stay_inside(void *arg)
{
    struct play *p = arg;
    struct gy_record *r = room_record(p->cache);
    p->cache->rcu->enter(p->cache, r);
    atomic_store(&p->turn, 1);
    await_turn(p, 2);
    CHECK(!atomic_load(&p->elapsed));
    p->cache->rcu->exit(p->cache, r);
    return NULL;
}

static void *
wait_for_grace(void *arg)
{
    struct play *p = arg;
    room_record(p->cache); /* liburcu wants to know the thread */
    uint64_t cookie = p->cache->rcu->start(p->cache);
    while (!p->cache->rcu->poll(p->cache, cookie))
        sched_yield();
    atomic_store(&p->elapsed, true);
    return NULL;
}

TEST(rcu, a_section_that_was_open_at_the_start_holds_it)
{
    for (unsigned k = 0; k < 2; k++) {
        struct play p = {.cache = open_with(kinds[k])};
        pthread_t inside, waiter;
        start_threads(&inside, 1, stay_inside, &p);
        await_turn(&p, 1);
        start_threads(&waiter, 1, wait_for_grace, &p);
        linger();
        CHECK(!atomic_load(&p.elapsed));
        atomic_store(&p.turn, 2);
        pthread_join(inside, NULL);
        pthread_join(waiter, NULL);
        CHECK(atomic_load(&p.elapsed));
        api_close(p.cache);
    }
}

/* Two threads, at every moment at least one of them in a section: no section is older than the last
 * one's entry, so a grace period must elapse although there is never a moment without sections. */
static void *
hand_over_hand(void *arg)
{
    struct play *p = arg;
    struct gy_record *r = room_record(p->cache);
    unsigned me = atomic_fetch_add(&p->turn, 1) == 0;
    p->cache->rcu->enter(p->cache, r);
    while (!atomic_load(&p->stop)) {
        unsigned turn = atomic_load(&p->turn);
        if (turn < 2 || (turn & 1) != me) {
            sched_yield();
            continue;
        }
        p->cache->rcu->exit(p->cache, r); /* the other one is inside */
        p->cache->rcu->enter(p->cache, r);
        atomic_store(&p->turn, turn + 1);
    }
    p->cache->rcu->exit(p->cache, r);
    return NULL;
}

TEST(rcu, sections_opened_later_do_not_hold_it)
{
    for (unsigned k = 0; k < 2; k++) {
        struct play p = {.cache = open_with(kinds[k])};
        pthread_t inside[2], waiter;
        start_threads(inside, 2, hand_over_hand, &p);
        await_turn(&p, 10);
        for (unsigned i = 0; i < 5; i++) {
            atomic_store(&p.elapsed, false);
            start_threads(&waiter, 1, wait_for_grace, &p);
            pthread_join(waiter, NULL);
            CHECK(atomic_load(&p.elapsed));
        }
        atomic_store(&p.stop, true);
        pthread_join(inside[0], NULL);
        pthread_join(inside[1], NULL);
        api_close(p.cache);
    }
}

/* Epochs can be looked at from one thread: exactly the older sections count. */
TEST(rcu, epochs_tell_older_sections_from_younger)
{
    gyre *cache = open_with(&gy_rcu_shared);
    struct gy_record *older = room_record(cache), *younger = &cache->records[1];
    gy_store_seq(&cache->super->n_records_used, 2);
    cache->rcu->enter(cache, older);
    uint64_t first = cache->rcu->start(cache);
    cache->rcu->enter(cache, younger);
    CHECK(!cache->rcu->poll(cache, first));
    uint64_t second = cache->rcu->start(cache);
    CHECK(second > first);
    CHECK(!cache->rcu->poll(cache, second));
    cache->rcu->exit(cache, older);
    CHECK(cache->rcu->poll(cache, first));   /* the younger one was opened after its start */
    CHECK(!cache->rcu->poll(cache, second)); /* but before this one's */
    cache->rcu->exit(cache, younger);
    CHECK(cache->rcu->poll(cache, second));
    cache->rcu->enter(cache, younger);
    CHECK(cache->rcu->poll(cache, second)); /* once elapsed, for ever */
    cache->rcu->exit(cache, younger);
    api_close(cache);
}

/* The tick in the section word is 24 bits below the epoch: it must not look like another epoch. */
TEST(rcu, the_age_in_a_section_is_not_part_of_its_epoch)
{
    gyre *cache = open_with(&gy_rcu_shared);
    struct gy_record *r = room_record(cache);
    gy_store_seq(&cache->super->pin_base, ~(uint64_t)0 >> 8 & ~(uint64_t)0xffffffff);
    cache->rcu->enter(cache, r);
    CHECK_EQ(gy_load_seq(&r->section) >> 24, gy_load_seq(&cache->super->epoch));
    CHECK_EQ(gy_load_seq(&r->section) & 0xffffff, 0xffffff);
    CHECK(!cache->rcu->poll(cache, cache->rcu->start(cache)));
    cache->rcu->exit(cache, r);
    api_close(cache);
}

/* Memory: what was unlinked before a grace period is not seen by any section after it. */
enum { CELLS = 8 };

struct memory {
    struct play play;
    gy_atomic_u64 shown, cell[CELLS];
};

static void *
read_cells(void *arg)
{
    struct memory *m = arg;
    gyre *cache = m->play.cache;
    struct gy_record *r = room_record(cache);
    while (!atomic_load(&m->play.stop)) {
        cache->rcu->enter(cache, r);
        uint64_t i = gy_load_acq(&m->shown);
        for (unsigned n = 0; n < 20; n++)
            CHECK_EQ(gy_load_acq(&m->cell[i]), 1); /* 0 is what the writer leaves after the grace period */
        cache->rcu->exit(cache, r);
    }
    return NULL;
}

TEST(rcu, what_a_section_reads_is_not_taken_from_it)
{
    for (unsigned k = 0; k < 2; k++) {
        struct memory m = {.play = {.cache = open_with(kinds[k])}};
        pthread_t reader[2];
        room_record(m.play.cache);
        gy_store_seq(&m.cell[0], 1);
        start_threads(reader, 2, read_cells, &m);
        for (uint64_t i = 0; i < 300; i++) {
            gy_store_seq(&m.cell[(i + 1) % CELLS], 1);
            gy_store_seq(&m.shown, (i + 1) % CELLS);
            uint64_t cookie = m.play.cache->rcu->start(m.play.cache);
            while (!m.play.cache->rcu->poll(m.play.cache, cookie))
                sched_yield();
            gy_store_seq(&m.cell[i % CELLS], 0);
        }
        atomic_store(&m.play.stop, true);
        for (unsigned i = 0; i < 2; i++)
            pthread_join(reader[i], NULL);
        api_close(m.play.cache);
    }
}

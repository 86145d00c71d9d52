/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Leases among threads: one computes while the others wait; what is computed before a delete is not met after it. */

#include <pthread.h>
#include <sched.h>

#include "asks.h"

enum { THREADS = 8, GENERATIONS = 60, MINUTE_MS = 60000 };

static const gyre_lease_options PATIENT = {sizeof(gyre_lease_options), 0, MINUTE_MS, MINUTE_MS, 0, 0};

struct herd {
    gyre *cache;
    pthread_barrier_t barrier;
    _Atomic unsigned computes[GENERATIONS], hits[GENERATIONS];
};

static void
stampede(void *arg, unsigned i)
{
    struct herd *h = arg;
    for (unsigned g = 0; g < GENERATIONS; g++) {
        pthread_barrier_wait(&h->barrier);
        gyre_view view;
        gyre_lease lease;
        int result = gyre_get_or_lease(h->cache, "k", 1, &PATIENT, &view, &lease);
        if (result == GYRE_MISS) {
            atomic_fetch_add(&h->computes[g], 1);
            api_pause();
            if (g % 3 == 0)
                CHECK_OK(gyre_lease_commit(&lease, &g, sizeof g, NULL));
            gyre_draft draft;
            if (g % 3 == 1) {
                CHECK_OK(gyre_lease_reserve(&lease, sizeof g, NULL, &draft));
                memcpy(draft.data, &g, sizeof g);
                CHECK_OK(gyre_commit(&draft));
            }
            if (g % 3 == 2)
                CHECK_OK(gyre_put(h->cache, "k", 1, &g, sizeof g, NULL)); /* as who knows no leases does */
        } else {
            CHECK_OK(result);
            CHECK_EQ(view.size, sizeof g);
            CHECK_MEM(view.data, &g, sizeof g);
            gyre_release(&view);
            atomic_fetch_add(&h->hits[g], 1);
        }
        pthread_barrier_wait(&h->barrier);
        if (i == 0)
            CHECK_OK(gyre_delete(h->cache, "k", 1));
    }
}

TEST(lease_threads, one_computes_in_each_generation)
{
    static struct herd h;
    h.cache = api_open(4 * MIB, 0);
    pthread_barrier_init(&h.barrier, NULL, THREADS);
    api_threads(THREADS, stampede, &h);
    for (unsigned g = 0; g < GENERATIONS; g++) {
        CHECK_MSG(h.computes[g] == 1, "generation %u: %u", g, h.computes[g]);
        CHECK_EQ(h.hits[g], THREADS - 1);
    }
    gyre_stats s = api_stats(h.cache);
    CHECK_EQ(s.leases, GENERATIONS);
    CHECK_EQ(s.hits, GENERATIONS * (THREADS - 1));
    CHECK_EQ(s.misses, GENERATIONS);
    CHECK_EQ(s.entries, 0);
    api_close(h.cache);
}

/* All get it in turn when nobody brings a value. */
static void
give_up_in_turn(void *arg, unsigned i)
{
    struct herd *h = arg;
    (void)i;
    gyre_view view;
    gyre_lease lease;
    pthread_barrier_wait(&h->barrier);
    CHECK_EQ(gyre_get_or_lease(h->cache, "k", 1, &PATIENT, &view, &lease), GYRE_MISS);
    CHECK_EQ(atomic_fetch_add(&h->computes[0], 1), 0); /* one at a time */
    api_pause();
    CHECK_EQ(atomic_fetch_sub(&h->computes[0], 1), 1);
    if (i % 2)
        gyre_lease_abort(&lease); /* the others just exit */
}

TEST(lease_threads, it_goes_round_when_nobody_brings_a_value)
{
    static struct herd h;
    h.cache = api_open(4 * MIB, 0);
    pthread_barrier_init(&h.barrier, NULL, THREADS);
    api_threads(THREADS, give_up_in_turn, &h);
    CHECK_EQ(api_stats(h.cache).leases, THREADS);
    api_close(h.cache);
}

/* The source of truth is a number that rises; who raises it deletes the key. A fill from before such a delete must
 * not be met after it. */
struct truth {
    gyre *cache;
    _Atomic uint64_t number, deleted; /* as of the last delete that has returned */
    _Atomic uint64_t hits, computed, refused;
    _Atomic bool over;
};

static void
raise_it(struct truth *t)
{
    while (atomic_load(&t->hits) == 0)
        sched_yield(); /* until the others run */
    for (unsigned n = 0; n < 3000; n++) {
        uint64_t number = atomic_fetch_add(&t->number, 1) + 1;
        CHECK(gyre_delete(t->cache, "k", 1) >= 0);
        atomic_store(&t->deleted, number);
        if (n % 4 == 0)
            sched_yield();
        if (n % 100 == 0)
            CHECK_OK(gyre_clear(t->cache));
    }
    atomic_store(&t->over, true);
}

static void
read_it(struct truth *t, unsigned i)
{
    gyre_lease_options options = PATIENT;
    options.wait_ms = i % 2 ? 1 : GYRE_NO_WAIT;
    while (!atomic_load(&t->over)) {
        uint64_t least = atomic_load(&t->deleted), number;
        gyre_view view;
        gyre_lease lease;
        int result = gyre_get_or_lease(t->cache, "k", 1, &options, &view, &lease);
        if (result == GYRE_OK) {
            memcpy(&number, view.data, sizeof number);
            gyre_release(&view);
            CHECK_MSG(number >= least, "%llu, when %llu was deleted", (unsigned long long)number,
                      (unsigned long long)least);
            atomic_fetch_add(&t->hits, 1);
        } else if (result == GYRE_MISS) {
            number = atomic_load(&t->number);
            if (atomic_fetch_add(&t->computed, 1) % 8 == 0)
                sched_yield();
            result = gyre_lease_commit(&lease, &number, sizeof number, NULL);
            CHECK(result == GYRE_OK || result == GYRE_ESTALE);
            atomic_fetch_add(&t->refused, result == GYRE_ESTALE);
        } else {
            CHECK(result == GYRE_LEASED || result == GYRE_EBUSY);
        }
    }
}

static void
keep_up(void *arg, unsigned i)
{
    if (i == 0)
        raise_it(arg);
    else
        read_it(arg, i);
}

TEST(lease_threads, what_is_late_is_refused)
{
    static struct truth t;
    t.cache = api_open(2 * MIB, 0);
    api_threads(5, keep_up, &t);
    printf("%llu hits, %llu computed, %llu refused\n", (unsigned long long)t.hits, (unsigned long long)t.computed,
           (unsigned long long)t.refused);
    CHECK(t.computed > t.refused);
    CHECK(t.hits > 0);
    api_close(t.cache);
}

/* Many keys, little room: leases are moved and evicted while values are computed, but of two who computed a value for
 * one key at once one has it stored. */
static void
jostle(void *arg, unsigned i)
{
    gyre *c = arg;
    uint64_t state = i;
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    options.wait_ms = 1;
    for (unsigned n = 0; n < 5000; n++) {
        uint64_t k = api_random(&state) % 512;
        struct api_key key = key_of(k);
        gyre_view view;
        gyre_lease lease;
        int result = gyre_get_or_lease(c, key.text, strlen(key.text), &options, &view, &lease);
        if (result == GYRE_OK)
            CHECK(view.size == 1000 && bytes_are(view.data, 1000, k));
        char value[1000];
        fill_bytes(value, sizeof value, k);
        if (result == GYRE_MISS && n % 16 != 0) {
            result = gyre_lease_commit(&lease, value, sizeof value, NULL);
            CHECK(result == GYRE_OK || result == GYRE_ESTALE);
        } else if (result == GYRE_MISS && n % 32 == 0) {
            gyre_lease_abort(&lease);
        }
        gyre_release(&view);
        if (n % 64 == 0)
            CHECK(gyre_delete(c, key.text, strlen(key.text)) >= 0);
    }
}

TEST(lease_threads, in_a_crowd)
{
    gyre *c = api_open(256 * KIB, 0);
    api_threads(4, jostle, c);
    gyre_stats s = api_stats(c);
    uint64_t removed = 0;
    for (unsigned i = 0; i < GYRE_REASONS; i++)
        removed += s.removed[i];
    CHECK_EQ(s.entries, s.puts + s.leases - removed);
    CHECK(s.leases > 0 && s.removed[GYRE_LEASE_ENDED] > 0 && s.sweeps > 0);
    api_close(c);
}

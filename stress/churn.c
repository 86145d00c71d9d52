/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Threads come and go, caches open and close, processes fork: does anything leak or linger?
 *
 * Short-lived threads do a few operations each on one of several caches. Some leave with live
 * views, which others release. Caches other than the first are closed and opened again all the
 * while, as are the threads that used them. Long-lived threads use all of them and outlive those
 * that are closed. From time to time the process forks in the middle of it, and the child goes on
 * with its copy. */

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "round.h"

#define CACHES 3
#define KEYS 300
#define SHORT_AT_ONCE 8
#define LONG_LIVED 2
/* A record more or less is how threads happened to meet; a leak would take one a life. */
#define TABLE_SLACK_BYTES 16384
#define RSS_SLACK_BYTES (24 << 20) /* arenas of malloc and stacks kept by the C library */

/* The lock is the program's own: no call may run while a cache is closed. */
struct place {
    pthread_rwlock_t lock;
    gyre *cache;
    struct value_shape shape;
    _Atomic(struct held *) boxes[BOXES];
    struct watch watches[KEYS];
    _Atomic bool writing[KEYS]; /* somebody is: a watched key has one writer at a time */
};

static struct place places[CACHES];
static _Atomic bool stop;
static _Atomic uint64_t ops, hits, left_views, released_views;

/* ---- operations -------------------------------------------------------------------------------
 */

static struct key
some_key(struct rng *rng)
{
    return (struct key){'k', (uint32_t)rng_below(rng, KEYS)};
}

/* Not when another thread is writing this key. */
static void
write_key(struct place *place, struct key key, bool delete)
{
    unsigned char key_bytes[KEY_BYTES_MAX], value[1024];
    size_t key_size = key_write(key, key_bytes);
    struct watch *watch = &place->watches[key.number];
    if (atomic_exchange(&place->writing[key.number], true))
        return;
    uint32_t id = watch_begin(watch);
    size_t size = value_size(&place->shape, key, id);
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    options.user_flags = value_flags(id);
    value_write(key, id, value, size);
    int rc = delete ? gyre_delete(place->cache, key_bytes, key_size)
                    : gyre_put(place->cache, key_bytes, key_size, value, size, &options);
    if (rc == GYRE_OK || (delete && rc == GYRE_MISS))
        watch_done(watch, id);
    else if (rc != GYRE_EBUSY)
        stress_fail("%s: %s", delete ? "delete" : "put", gyre_strerror(rc));
    atomic_store(&place->writing[key.number], false);
    stress_tally.operations++;
}

static bool
get(struct place *place, struct key key, gyre_view *view)
{
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes);
    struct watch *watch = &place->watches[key.number];
    uint64_t low = watch_low(watch);
    int rc = gyre_get(place->cache, key_bytes, key_size, view);
    stress_tally.operations++;
    if (rc == GYRE_OK) {
        uint32_t id = value_check(&place->shape, key, view->data, view->size, view->user_flags, "get");
        watch_hit(watch, key, low, id, "get");
    } else if (rc != GYRE_MISS && rc != GYRE_EBUSY) {
        stress_fail("get: %s", gyre_strerror(rc));
    }
    return rc == GYRE_OK;
}

static void
release_held(struct place *place, struct held *held)
{
    value_check(&place->shape, held->key, held->view.data, held->view.size, held->view.user_flags,
                "view left behind");
    gyre_release(&held->view);
    free(held);
    atomic_fetch_add(&released_views, 1);
}

static void
leave_view(struct place *place, struct key key, gyre_view *view, struct rng *rng)
{
    struct held *held = malloc(sizeof *held);
    if (!held)
        abort();
    *held = (struct held){*view, key, 0};
    atomic_fetch_add(&left_views, 1);
    held = atomic_exchange(&place->boxes[rng_below(rng, BOXES)], held);
    if (held)
        release_held(place, held);
}

static void
few_operations(struct place *place, struct rng *rng, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct key key = some_key(rng);
        gyre_view view;
        uint64_t draw = rng_below(rng, 8);
        atomic_fetch_add_explicit(&ops, 1, memory_order_relaxed);
        if (draw < 4) {
            write_key(place, key, draw == 3);
        } else if (get(place, key, &view)) {
            atomic_fetch_add_explicit(&hits, 1, memory_order_relaxed);
            if (rng_one_in(rng, 4))
                leave_view(place, key, &view, rng);
            else
                gyre_release(&view);
        }
    }
}

static void
short_life(void *arg)
{
    struct rng *rng = arg;
    struct place *place = &places[rng_below(rng, CACHES)];
    pthread_rwlock_rdlock(&place->lock);
    few_operations(place, rng, 1 + (unsigned)rng_below(rng, 6));
    pthread_rwlock_unlock(&place->lock);
}

static void
long_life(void *arg)
{
    struct rng *rng = arg;
    while (!atomic_load(&stop)) {
        short_life(rng);
        stress_sleep_us(50); /* so that a writer of the lock gets its turn */
    }
}

/* ---- caches -----------------------------------------------------------------------------------
 */

static void
open_place(struct place *place, struct rng *rng)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = (uint64_t)131072 << rng_below(rng, 4);
    options.flags = stress_draw_mode(rng);
    place->shape = (struct value_shape){1000, rng_next(rng)};
    for (unsigned i = 0; i < KEYS; i++) /* nothing of an earlier cache may be seen in this one */
        watch_done(&place->watches[i], watch_begin(&place->watches[i]));
    int rc = gyre_open(&place->cache, &options);
    if (rc != GYRE_OK) {
        stress_fail("open: %s", gyre_strerror(rc));
        exit(stress_finish());
    }
}

static void
close_place(struct place *place)
{
    for (unsigned i = 0; i < BOXES; i++) {
        struct held *held = atomic_exchange(&place->boxes[i], NULL);
        if (held)
            release_held(place, held);
    }
    gyre_close(place->cache);
    place->cache = NULL;
}

static void
reopen(struct rng *rng)
{
    struct place *place = &places[1 + rng_below(rng, CACHES - 1)];
    pthread_rwlock_wrlock(&place->lock);
    close_place(place);
    open_place(place, rng);
    pthread_rwlock_unlock(&place->lock);
}

/* ---- fork -------------------------------------------------------------------------------------
 */

/* Only this thread lives on in the child; what the others were doing has stopped half-way. */
static int
child_life(struct place *place, struct rng *rng)
{
    uint64_t found = 0;
    gyre_view view;
    for (uint32_t i = 0; i < KEYS; i++) {
        atomic_store(&place->writing[i], false);
        if (get(place, (struct key){'k', i}, &view))
            gyre_release(&view);
    }
    for (uint32_t i = 0; i < 4000 && !stress_failed(); i++) {
        struct key key = some_key(rng);
        write_key(place, key, false);
        if (get(place, key, &view)) {
            found++;
            gyre_release(&view);
        }
    }
    gyre_stats stats = stats_of(place->cache);
    check_sums(&stats, "in the child");
    if (found == 0)
        stress_fail("the child of a fork finds nothing of what it puts");
    gyre_maintain(place->cache, 100000);
    return stress_failed() ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void
fork_once(struct rng *rng)
{
    struct place *place = &places[0];
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        stress_points(0);
        alarm(300); /* the parent's is not inherited; its handler reports the hang */
        _exit(child_life(place, rng));
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        stress_fail("fork: no child");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
        stress_fail("the child of a fork ended with status %#x", (unsigned)status);
    stress_report("forks", 1);
}

/* ---- the run ----------------------------------------------------------------------------------
 */

struct base {
    uint64_t rss_bytes, table_bytes;
};

static struct base
measure(void)
{
    return (struct base){stress_rss_bytes(), stats_of(places[0].cache).table_bytes};
}

static uint64_t
live_and_die(struct rng *rng, uint64_t threads_max, uint64_t until_ns, struct base *warm)
{
    struct rng rngs[SHORT_AT_ONCE];
    struct stress_thread *threads[SHORT_AT_ONCE] = {0};
    uint64_t n = 0, started_ns = stress_now_ns();
    bool is_warm = false;
    while (n < threads_max && stress_goes_on(until_ns, atomic_load(&left_views) == 0)) {
        unsigned at = n % SHORT_AT_ONCE;
        if (threads[at])
            stress_join(threads[at]);
        rngs[at] = (struct rng){rng_next(rng)};
        threads[at] = stress_spawn(short_life, &rngs[at]);
        n++;
        if (n % 64 == 0)
            reopen(rng);
        if (n % 1024 == 512 && !STRESS_TSAN)
            fork_once(rng);
        if (!is_warm && stress_now_ns() - started_ns > (until_ns - started_ns) / 5) {
            is_warm = true;
            *warm = measure();
        }
    }
    for (unsigned i = 0; i < SHORT_AT_ONCE; i++)
        if (threads[i])
            stress_join(threads[i]);
    return n;
}

static void
judge(const struct base *warm)
{
    struct base end = measure();
    gyre_stats stats = stats_of(places[0].cache);
    check_sums(&stats, "at the end");
    if (end.table_bytes > warm->table_bytes + TABLE_SLACK_BYTES)
        stress_fail("table_bytes rose from %" PRIu64 " to %" PRIu64 ": records leak",
                    warm->table_bytes, end.table_bytes);
    if (!STRESS_ASAN && !STRESS_TSAN && end.rss_bytes > warm->rss_bytes + RSS_SLACK_BYTES)
        stress_fail("resident memory rose from %" PRIu64 " to %" PRIu64 " bytes", warm->rss_bytes,
                    end.rss_bytes);
    if (atomic_load(&left_views) != atomic_load(&released_views))
        stress_fail("%" PRIu64 " views were left and %" PRIu64 " released",
                    atomic_load(&left_views), atomic_load(&released_views));
    stress_report("rss growth KiB",
                  end.rss_bytes > warm->rss_bytes ? (end.rss_bytes - warm->rss_bytes) >> 10 : 0);
    stress_report("table bytes", end.table_bytes);
}

int
main(int argc, char **argv)
{
    (void)argc;
    stress_start(argv, "churn", 5);
    uint64_t until = stress_now_ns() + (uint64_t)(stress_seconds() * 1e9);
    uint64_t threads_max = stress_setting("LIVES", 1000000);
    struct rng rng = stress_rng(0), long_rngs[LONG_LIVED];
    struct stress_thread *long_lived[LONG_LIVED];
    struct base warm = {UINT64_MAX, UINT64_MAX};
    stress_points(rng_one_in(&rng, 4) ? 0 : 64u << rng_below(&rng, 6));
    for (unsigned i = 0; i < CACHES; i++) {
        pthread_rwlock_init(&places[i].lock, NULL);
        open_place(&places[i], &rng);
    }
    for (unsigned i = 0; i < LONG_LIVED; i++) {
        long_rngs[i] = (struct rng){rng_next(&rng)};
        long_lived[i] = stress_spawn(long_life, &long_rngs[i]);
    }
    uint64_t lives = live_and_die(&rng, threads_max, until, &warm);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < LONG_LIVED; i++)
        stress_join(long_lived[i]);
    stress_need("threads", lives);
    stress_need("ops", atomic_load(&ops));
    stress_need("hits", atomic_load(&hits));
    for (unsigned i = 1; i < CACHES; i++)
        close_place(&places[i]);
    gyre *first = places[0].cache;
    for (unsigned i = 0; i < BOXES; i++) {
        struct held *held = atomic_exchange(&places[0].boxes[i], NULL);
        if (held)
            release_held(&places[0], held);
    }
    stress_need("views left behind", atomic_load(&left_views));
    judge(&warm);
    gyre_close(first);
    return stress_finish();
}

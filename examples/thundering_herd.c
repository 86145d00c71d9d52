/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A page that all want and that is slow to make, and a cache in front of it. Whenever it changes, its maker deletes the
 * cached one, and a herd of threads finds it absent at once. With leases one of them makes it; the others wait for it,
 * or, where an old page is better than a late one, take that. And what was made of the old state is never stored after
 * the delete.
 *
 *     cc -std=c11 -pthread thundering_herd.c $(pkg-config --cflags --libs gyre) -o thundering_herd */

#define _POSIX_C_SOURCE 200809L
#include <gyre.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { THREADS = 8, ROUNDS = 50, MAKE_MS = 2, TTL_MS = 1000 };

static gyre *cache;
static const char KEY[] = "front page";
static atomic_uint state, done; /* what the page shows; the last state whose delete has returned */
static atomic_uint asked, made, refused, outdated;

static void
pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static unsigned
make_page(void)
{
    unsigned now = atomic_load(&state);
    pause_ms(MAKE_MS);
    atomic_fetch_add(&made, 1);
    return now;
}

/* The pattern. Every outcome has its line. */
static unsigned
get_page(void)
{
    unsigned page = 0;
    gyre_view view;
    gyre_lease lease;
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    options.lease_ms = 5000; /* a maker that takes longer, or dies, is overtaken */
    options.wait_ms = 1000;
    options.stale_ms = 10000; /* pages that have expired are better than waiting; deleted ones are gone */
    put.ttl_ms = TTL_MS;
    switch (gyre_get_or_lease(cache, KEY, sizeof KEY, &options, &view, &lease)) {
    case GYRE_OK:
    case GYRE_STALE:
        memcpy(&page, view.data, sizeof page);
        gyre_release(&view);
        return page;
    case GYRE_MISS: /* ours to make */
        page = make_page();
        if (gyre_lease_commit(&lease, &page, sizeof page, &put) == GYRE_ESTALE)
            atomic_fetch_add(&refused, 1); /* it changed meanwhile: good for this request, and not for the cache */
        return page;
    default: /* another takes too long, or the cache has no room: do without */
        return make_page();
    }
}

static void *
serve(void *arg)
{
    (void)arg;
    while (atomic_load(&state) < ROUNDS) {
        unsigned least = atomic_load(&done);
        if (get_page() < least)
            atomic_fetch_add(&outdated, 1);
        atomic_fetch_add(&asked, 1);
    }
    return NULL;
}

int
main(void)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = 1 << 20;
    if (gyre_open(&cache, &options) != GYRE_OK)
        return 1;
    pthread_t threads[THREADS];
    int started = 0;
    while (started < THREADS && pthread_create(&threads[started], NULL, serve, NULL) == 0)
        started++;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        pause_ms(1 + round % 5); /* now and then while the page is made */
        atomic_store(&state, round);
        gyre_delete(cache, KEY, sizeof KEY);
        atomic_store(&done, round);
    }
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    printf("%u requests of %d threads, %d changes: made %u times, %u of them refused; outdated answers: %u\n", asked, started,
           ROUNDS, made, refused, outdated);
    gyre_close(cache);
    return outdated != 0 || started != THREADS;
}

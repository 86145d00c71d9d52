/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A cache in front of something slow, with a time to live, used by several threads at once: what is
 * asked for and absent is computed and put, and is forgotten two seconds later.
 *
 *     cc -std=c11 -pthread read_through.c $(pkg-config --cflags --libs gyre) -o read_through */

#define _POSIX_C_SOURCE 200809L
#include <gyre.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { THREADS = 4, REQUESTS = 20000, USERS = 3000, TTL_MS = 2000 };

struct profile {
    uint32_t user;
    char name[60];
};

static gyre *cache;

/* Stands for a query to a database far away. */
static void
load_profile(uint32_t user, struct profile *profile)
{
    struct timespec pause = {0, 50000};
    nanosleep(&pause, NULL);
    *profile = (struct profile){.user = user};
    snprintf(profile->name, sizeof profile->name, "user number %" PRIu32, user);
}

/* The pattern: copy out on a hit, compute and put on a miss. A put that fails costs nothing but the
 * next miss, so its result needs no handling. */
static int
get_profile(uint32_t user, struct profile *profile)
{
    size_t size;
    if (gyre_read(cache, &user, sizeof user, profile, sizeof *profile, &size) == GYRE_OK)
        return 1;
    load_profile(user, profile);
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    options.ttl_ms = TTL_MS;
    gyre_put(cache, &user, sizeof user, profile, sizeof *profile, &options);
    return 0;
}

struct worker {
    pthread_t thread;
    uint32_t random;
    unsigned hits, loads, wrong;
};

static void *
work(void *arg)
{
    struct worker *me = arg;
    for (int i = 0; i < REQUESTS; i++) {
        me->random = me->random * 1664525 + 1013904223;
        uint32_t r = me->random >> 12;
        uint32_t user = r % (1 + (r >> 10) % USERS); /* small numbers are popular */
        struct profile profile;
        if (get_profile(user, &profile))
            me->hits++;
        else
            me->loads++;
        me->wrong += profile.user != user;
    }
    return NULL;
}

int
main(void)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = 4 << 20;
    if (gyre_open(&cache, &options) != GYRE_OK)
        return 1;

    struct worker workers[THREADS] = {0};
    int started = 0;
    for (; started < THREADS; started++) {
        workers[started].random = (uint32_t)started + 1;
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]))
            break;
    }
    unsigned hits = 0, loads = 0, wrong = 0;
    for (int i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        hits += workers[i].hits;
        loads += workers[i].loads;
        wrong += workers[i].wrong;
    }
    printf("%d threads: %u hits, %u slow loads, %u wrong answers\n", started, hits, loads, wrong);
    gyre_close(cache);
    return wrong || started != THREADS;
}

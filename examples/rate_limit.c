/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Requests counted by client and limited, by several threads at once: each entry has a version, and a
 * new count is stored only while the version that was read still stands. Whoever loses reads again.
 * The window is the entry's time to live; a cache may forget a client, who then starts again at zero.
 *
 *     cc -std=c11 -pthread rate_limit.c $(pkg-config --cflags --libs gyre) -o rate_limit */

#include <gyre.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 4, REQUESTS = 5000, CLIENTS = 7, LIMIT = 1000, WINDOW_MS = 60000 };

static gyre *cache;

/* Whether this client may go on. */
static int
allow(uint32_t client, unsigned *retries)
{
    for (;;) {
        gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
        uint32_t count = 0;
        gyre_view view;
        int rc = gyre_get(cache, &client, sizeof client, &view);
        if (rc == GYRE_OK) {
            count = *(const uint32_t *)view.data;
            options.flags = GYRE_IF_VERSION;
            options.version = view.version;
            options.ttl_ms = view.ttl_left_ms; /* the window goes on, it does not start again */
            gyre_release(&view);
            if (count >= LIMIT)
                return 0;
        } else {
            options.flags = GYRE_ADD;
            options.ttl_ms = WINDOW_MS;
        }
        count++;
        rc = gyre_put(cache, &client, sizeof client, &count, sizeof count, &options);
        if (rc != GYRE_CHANGED && rc != GYRE_EXISTS && rc != GYRE_MISS)
            return 1; /* stored; or an error, and then better served than refused */
        ++*retries;
    }
}

struct worker {
    pthread_t thread;
    uint32_t random;
    unsigned retries, allowed[CLIENTS];
};

static void *
work(void *arg)
{
    struct worker *me = arg;
    for (int i = 0; i < REQUESTS; i++) {
        me->random = me->random * 1664525 + 1013904223;
        uint32_t client = (me->random >> 16) % CLIENTS;
        me->allowed[client] += (unsigned)allow(client, &me->retries);
    }
    return NULL;
}

int
main(void)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = 1 << 20;
    options.flags = GYRE_VERSIONS;
    if (gyre_open(&cache, &options) != GYRE_OK)
        return 1;

    struct worker workers[THREADS] = {0};
    int started = 0;
    for (; started < THREADS; started++) {
        workers[started].random = (uint32_t)started + 1;
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]))
            break;
    }
    unsigned retries = 0, allowed[CLIENTS] = {0};
    for (int i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        retries += workers[i].retries;
        for (int client = 0; client < CLIENTS; client++)
            allowed[client] += workers[i].allowed[client];
    }
    for (int client = 0; client < CLIENTS; client++)
        printf("client %d: %u of at most %d requests allowed\n", client, allowed[client], LIMIT);
    printf("%u counts were read again because another thread was faster\n", retries);
    gyre_close(cache);
    return started != THREADS;
}

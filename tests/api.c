/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "api.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

gyre_options
api_options(uint64_t capacity_bytes, uint32_t flags)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = capacity_bytes;
    options.flags = flags;
    return options;
}

gyre *
api_open_with(const gyre_options *options)
{
    gyre *cache = NULL;
    CHECK_OK(gyre_open(&cache, options));
    CHECK(cache != NULL);
    return cache;
}

gyre *
api_open(uint64_t capacity_bytes, uint32_t flags)
{
    gyre_options options = api_options(capacity_bytes, flags);
    return api_open_with(&options);
}

gyre_stats
api_stats(gyre *cache)
{
    gyre_stats s = GYRE_STATS_INIT;
    CHECK_OK(gyre_stats_read(cache, &s));
    CHECK_EQ(s.capacity_bytes,
             s.live_bytes + s.garbage_bytes + s.open_bytes + s.free_bytes + s.index_bytes + s.recovering_bytes);
    CHECK(s.live_bytes <= s.capacity_bytes && s.garbage_bytes <= s.capacity_bytes);
    return s;
}

void
api_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

void
api_settle(gyre *cache)
{
    int rc = 0;
    for (unsigned i = 0; i < API_PAUSES_MOST && (rc = gyre_maintain(cache, 1000000)) > 0; i++)
        api_pause();
    CHECK_EQ(rc, 0);
}

void
api_close(gyre *cache)
{
    api_stats(cache);
    gyre_close(cache);
}

uint64_t
api_clock_read(void *clock)
{
    return atomic_load(&((struct api_clock *)clock)->ms);
}

int
put_text(gyre *cache, const char *key, const char *value)
{
    return gyre_put(cache, key, strlen(key), value, strlen(value), NULL);
}

bool
has_text(gyre *cache, const char *key, const char *value)
{
    gyre_view view;
    if (gyre_get(cache, key, strlen(key), &view) != GYRE_OK)
        return false;
    bool same = view.size == strlen(value) && memcmp(view.data, value, view.size) == 0;
    gyre_release(&view);
    return same;
}

bool
is_missing(gyre *cache, const char *key)
{
    gyre_view view;
    int rc = gyre_get(cache, key, strlen(key), &view);
    gyre_release(&view);
    return rc == GYRE_MISS;
}

int
put_bytes(gyre *cache, const char *key, size_t size, uint64_t tag)
{
    /* No malloc for a small one: not every sanitizer's malloc works in a forked child. */
    char small[1024], *value = size <= sizeof small ? small : malloc(size);
    CHECK(value != NULL);
    fill_bytes(value, size, tag);
    int rc = gyre_put(cache, key, strlen(key), value, size, NULL);
    if (value != small)
        free(value);
    return rc;
}

bool
has_bytes(gyre *cache, const char *key, size_t size, uint64_t tag)
{
    gyre_view view;
    if (gyre_get(cache, key, strlen(key), &view) != GYRE_OK)
        return false;
    bool same = view.size == size && bytes_are(view.data, size, tag);
    gyre_release(&view);
    return same;
}

static uint64_t
mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static uint64_t
word_of(uint64_t tag, size_t at)
{
    return mix(tag * 0x9E3779B97F4A7C15u + at);
}

void
fill_bytes(void *to, size_t size, uint64_t tag)
{
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = word_of(tag, at);
        memcpy((char *)to + at, &word, size - at < 8 ? size - at : 8);
    }
}

bool
bytes_are(const void *data, size_t size, uint64_t tag)
{
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = word_of(tag, at);
        if (memcmp((const char *)data + at, &word, size - at < 8 ? size - at : 8) != 0)
            return false;
    }
    return true;
}

uint64_t
api_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    return mix(*state);
}

uint64_t
api_seed(const char *test)
{
    const char *given = getenv("GYRE_TEST_SEED");
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t seed = given ? strtoull(given, NULL, 0)
                          : mix((uint64_t)t.tv_nsec ^ (uint64_t)t.tv_sec << 20 ^ (uint64_t)getpid());
    printf("%s: GYRE_TEST_SEED=%#llx\n", test, (unsigned long long)seed);
    return seed;
}

struct thread_start {
    void (*body)(void *, unsigned);
    void *arg;
    unsigned i;
};

static void *
run_body(void *arg)
{
    struct thread_start *start = arg;
    start->body(start->arg, start->i);
    return NULL;
}

void
api_threads(unsigned n, void (*body)(void *arg, unsigned i), void *arg)
{
    pthread_t threads[64];
    struct thread_start starts[64];
    CHECK(n <= 64);
    for (unsigned i = 0; i < n; i++) {
        starts[i] = (struct thread_start){body, arg, i};
        CHECK_EQ(pthread_create(&threads[i], NULL, run_body, &starts[i]), 0);
    }
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

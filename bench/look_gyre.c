/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <gyre.h>
#include <stdio.h>

#include "look.h"
#include "workload.h"

#define BATCH 16
/* Of the cache for each entry of 80 bytes: with arenas and index, and as much as the sharded LRU
 * takes. */
#define BYTES_AN_ENTRY 112
#define BYTES_AN_ENTRY_LARGER 150

static void *
open_sized(uint64_t capacity_bytes)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    gyre *cache;

    options.capacity_bytes = capacity_bytes;
    options.expected_entry_bytes = BYTES_AN_ENTRY;
    return gyre_open(&cache, &options) == GYRE_OK ? cache : NULL;
}

static void *
open_gyre(uint64_t n_entries)
{
    return open_sized(n_entries * BYTES_AN_ENTRY);
}

static void *
open_larger(uint64_t n_entries)
{
    return open_sized(n_entries * BYTES_AN_ENTRY_LARGER);
}

static void
close_gyre(void *cache)
{
    gyre_close(cache);
}

static void
put(void *cache, uint64_t id)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    uint64_t value[LOOK_VALUE_BYTES / 8];

    workload_key(id, key);
    workload_fill(id, value, sizeof value);
    if (gyre_put(cache, key, sizeof key, value, sizeof value, NULL) != GYRE_OK)
        fprintf(stderr, "gyre: a put failed\n");
}

static inline int
look_up(void *cache, uint64_t id, struct look_count *count)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    gyre_view view;

    workload_key(id, key);
    if (gyre_get(cache, key, sizeof key, &view) != GYRE_OK)
        return 0;
    count->hits++;
    count->right += workload_check(id, view.data, LOOK_VALUE_BYTES);
    gyre_release(&view);
    return 1;
}

static struct look_count
get(void *cache, const uint32_t *ids, size_t n)
{
    struct look_count count = {0, 0};

    for (size_t i = 0; i < n; i++)
        look_up(cache, ids[i], &count);
    return count;
}

static struct look_count
get_then_put(void *cache, const uint32_t *ids, size_t n)
{
    struct look_count count = {0, 0};

    for (size_t i = 0; i < n; i++) {
        if (!look_up(cache, ids[i], &count))
            put(cache, ids[i]);
    }
    return count;
}

static struct look_count
get_many(void *cache, const uint32_t *ids, size_t n)
{
    struct look_count count = {0, 0};
    unsigned char bytes[BATCH][WORKLOAD_KEY_BYTES];
    gyre_key keys[BATCH];
    gyre_view views[BATCH];
    int results[BATCH];

    for (size_t k = 0; k < BATCH; k++)
        keys[k] = (gyre_key){bytes[k], WORKLOAD_KEY_BYTES};
    for (size_t i = 0; i + BATCH <= n; i += BATCH) {
        for (size_t k = 0; k < BATCH; k++)
            workload_key(ids[i + k], bytes[k]);
        count.hits += gyre_get_many(cache, BATCH, keys, views, results);
        for (size_t k = 0; k < BATCH; k++) {
            if (results[k] != GYRE_OK)
                continue;
            count.right += workload_check(ids[i + k], views[k].data, LOOK_VALUE_BYTES);
            gyre_release(&views[k]);
        }
    }
    return count;
}

static uint64_t
n_entries(void *cache)
{
    gyre_stats stats = GYRE_STATS_INIT;

    return gyre_stats_read(cache, &stats) == GYRE_OK ? stats.entries : 0;
}

static void
version(char *text, size_t size)
{
    uint32_t v = gyre_version();

    snprintf(text, size, "%u.%u.%u", v >> 16, v >> 8 & 255, v & 255);
}

const struct look_peer look_gyre = {
    "gyre", open_gyre, close_gyre, put, get, get_many, get_then_put, n_entries, version,
};

const struct look_peer look_gyre_larger = {
    "gyre, with the LRU's bytes",
    open_larger,
    close_gyre,
    put,
    get,
    NULL,
    get_then_put,
    n_entries,
    NULL,
};

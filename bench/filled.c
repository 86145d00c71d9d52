/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "filled.h"

#include <stdlib.h>

static int
fill(gyre *cache, const struct filled_arg *arg)
{
    char *value = malloc(arg->value_bytes);
    int result = value == NULL ? GYRE_ENOMEM : GYRE_OK;

    for (uint64_t id = 0; id < arg->n_filled && result == GYRE_OK; id++) {
        unsigned char key[WORKLOAD_KEY_BYTES];

        workload_key(id, key);
        workload_fill(id, value, arg->value_bytes);
        result = gyre_put(cache, key, sizeof key, value, arg->value_bytes, NULL);
    }
    free(value);
    return result;
}

void *
filled_setup(const void *arg)
{
    struct filled *filled = calloc(1, sizeof *filled);
    gyre_options options = GYRE_OPTIONS_INIT;

    if (filled == NULL)
        return NULL;
    filled->arg = *(const struct filled_arg *)arg;
    options.capacity_bytes = filled->arg.capacity_bytes;
    options.expected_entry_bytes = filled->arg.value_bytes + 40;
    if (gyre_open(&filled->cache, &options) != GYRE_OK ||
        fill(filled->cache, &filled->arg) != GYRE_OK) {
        filled_teardown(filled);
        return NULL;
    }
    for (int i = 0; i < BENCH_THREADS; i++) {
        filled->sequences[i] = workload_sequence(filled->arg.n_keys, filled->arg.theta,
                                                 FILLED_SEQUENCE, (uint64_t)(i + 1) << 40);
        if (filled->sequences[i] == NULL) {
            filled_teardown(filled);
            return NULL;
        }
    }
    return filled;
}

void
filled_teardown(void *state)
{
    struct filled *filled = state;

    gyre_close(filled->cache);
    for (int i = 0; i < BENCH_THREADS; i++)
        free(filled->sequences[i]);
    free(filled);
}

double
filled_hit_ratio(void *state)
{
    struct filled *filled = state;
    gyre_stats stats = GYRE_STATS_INIT;

    if (gyre_stats_read(filled->cache, &stats) != GYRE_OK)
        return -1;
    uint64_t hits = stats.hits - filled->seen_hits, misses = stats.misses - filled->seen_misses;
    filled->seen_hits = stats.hits;
    filled->seen_misses = stats.misses;
    return (double)hits / (double)(hits + misses);
}

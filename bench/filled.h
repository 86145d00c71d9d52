/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A gyre cache filled with the keys 0 to n_keys - 1, and a sequence of ids for every thread. */

#ifndef BENCH_FILLED_H
#define BENCH_FILLED_H

#include <gyre.h>

#include "bench.h"
#include "workload.h"

struct filled_arg {
    uint64_t capacity_bytes;
    uint32_t n_keys;
    uint32_t n_filled; /* keys put before the benchmark starts */
    uint32_t value_bytes;
    double theta; /* of the sequences, see workload_sequence */
};

struct filled {
    gyre *cache;
    struct filled_arg arg;
    uint32_t *sequences[BENCH_THREADS];
    uint64_t seen_hits, seen_misses; /* by the last filled_hit_ratio */
};

#define FILLED_SEQUENCE ((uint64_t)1 << 21)

/* As setup and teardown of struct bench; the argument is a struct filled_arg. */
void *filled_setup(const void *arg);
void filled_teardown(void *state);

/* Hits by lookups since the last call. */
double filled_hit_ratio(void *state);

static inline uint64_t
filled_id(const struct filled *filled, int thread, uint64_t cursor)
{
    return filled->sequences[thread][cursor % FILLED_SEQUENCE];
}

#endif

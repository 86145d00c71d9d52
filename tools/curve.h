/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The miss ratio at many cache sizes: gyre's from real replays, LRU's computed. */

#ifndef CURVE_H
#define CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay.h"
#include "trace.h"

struct curve_point {
    uint64_t size; /* of the cache: bytes, or entries */
    double miss_ratio;
    double hit_ratio;
    uint64_t wrong; /* hits on a wrong value; of replays only */
};

struct curve {
    bool by_entries;    /* sizes count entries: the trace says nothing of sizes in bytes */
    uint64_t footprint; /* of all keys, in the unit of the sizes */
    double cold_ratio;  /* first requests of keys / requests: no cache misses less */
    size_t n_gyre, n_lru;
    struct curve_point *gyre; /* ascending sizes */
    struct curve_point *lru;
};

enum { CURVE_SIZES_MIN = 2, CURVE_SIZES_MAX = 200, CURVE_SIZES_DEFAULT = 12 };

/* Replays the trace at n_sizes sizes between a thousandth of its footprint and the whole of it.
 * What the plan says of threads, flags and values is kept. False, after a message: nothing is
 * to be freed. */
bool curve_make(struct curve *curve, const struct trace *trace, const struct replay_plan *plan,
                size_t n_sizes, bool show_progress);

void curve_free(struct curve *curve);

/* A capacity at which max_entries, and not the memory, decides what a cache holds. */
uint64_t curve_ample_capacity(const struct trace *trace, uint64_t max_entries,
                              uint32_t value_bytes);

#endif

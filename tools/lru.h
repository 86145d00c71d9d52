/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Exact hit counts of a least-recently-used cache of many sizes at once. */

#ifndef LRU_H
#define LRU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "progress.h"
#include "trace.h"

struct lru_size {
    uint64_t size; /* of the cache, in bytes of keys and values, or in entries; ascending */
    uint64_t hits;
};

/* Fills in the hits of the n sizes. by_entries: each key counts 1, else the bytes of key and value.
 * Objects that are larger than the cache pass by it. The progress, already started, has the unit of
 * requests times the passes of lru_passes. False: no memory. */
bool lru_hits(const struct trace *trace, bool by_entries, uint32_t value_bytes,
              struct lru_size *sizes, size_t n, struct progress *progress);

/* How often lru_hits goes through the trace. */
uint64_t lru_passes(const struct trace *trace, bool by_entries, uint32_t value_bytes,
                    const struct lru_size *sizes, size_t n);

/* The weight of all keys together. */
uint64_t lru_footprint(const struct trace *trace, bool by_entries, uint32_t value_bytes);

/* The weight of the heaviest key. */
uint64_t lru_largest(const struct trace *trace, bool by_entries, uint32_t value_bytes);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A count-min sketch: about how often each key was asked for lately, by the least of four 4-bit
 * counters. There are 8 for each of the four and each entry of the cache, and all are halved
 * from time to time. */

#ifndef SKETCH_H
#define SKETCH_H

#include "policies.h"

struct sketch {
    uint8_t *counters; /* two in a byte */
    uint64_t n_bytes;  /* a power of two */
    uint64_t counted, period;
};

struct sketch sketch_new(uint64_t entries);
void sketch_free(struct sketch *sketch);

void sketch_count(struct sketch *sketch, uint32_t key);

/* 0 to 15; never below the true number since the counters were halved last. */
unsigned sketch_estimate(const struct sketch *sketch, uint32_t key);

#endif

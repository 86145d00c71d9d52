/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A log-linear histogram: 32 steps for each power of two, so that a value is known to 3 %, and the
 * largest exactly. Adding is one increment. */

#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_STEP_BITS = 5,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS
};

struct histogram {
    uint64_t n;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Values below 64 have a bucket each; above, the bucket is the exponent and the next five bits. */
static inline unsigned
histogram_bucket(uint64_t value)
{
    if (value < 2u << HISTOGRAM_STEP_BITS)
        return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
    return (shift << HISTOGRAM_STEP_BITS) + (unsigned)(value >> shift);
}

static inline void
histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->n++;
    if (histogram->max < value)
        histogram->max = value;
    histogram->buckets[histogram_bucket(value)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value that a fraction (0 to 1) of all values does not exceed: the upper end of its bucket,
 * never more than the largest value; 0 without values. */
uint64_t histogram_quantile(const struct histogram *histogram, double fraction);

#endif

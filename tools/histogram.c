/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "histogram.h"

#include <math.h>

void
histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->n += from->n;
    if (into->max < from->max)
        into->max = from->max;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

static uint64_t
bucket_end(unsigned bucket)
{
    if (bucket < 2u << HISTOGRAM_STEP_BITS)
        return bucket;
    unsigned shift = (bucket >> HISTOGRAM_STEP_BITS) - 1;
    uint64_t step = bucket - (shift << HISTOGRAM_STEP_BITS);
    return (step << shift) + (((uint64_t)1 << shift) - 1);
}

uint64_t
histogram_quantile(const struct histogram *histogram, double fraction)
{
    uint64_t wanted = (uint64_t)ceil(fraction * (double)histogram->n), seen = 0;
    if (wanted == 0)
        wanted = 1;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted) {
            uint64_t end = bucket_end(i);
            return end < histogram->max ? end : histogram->max;
        }
    }
    return histogram->max;
}

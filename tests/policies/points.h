/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A point: a trace, at one size of the cache. What each policy does there is computed by several
 * processes. */

#ifndef POINTS_H
#define POINTS_H

#include "policies.h"
#include "trace.h"

struct point {
    const struct trace *trace;
    char name[64]; /* of the trace; with "-sized" when sizes count, as in the reference */
    bool sized;
    double fraction; /* of the footprint */
    struct shape shape;
};

struct points {
    struct point *point;
    size_t n;
};

struct result {
    double miss_ratio, byte_miss_ratio;
};

/* Fewer entries are no cache: no point is made. */
enum { POINT_ENTRIES_LEAST = 50 };

/* Adds the points of a trace at `n` fractions of its footprint: in keys and, if it has sizes, in
 * bytes. */
void points_add(struct points *points, const struct trace *trace, const double *fractions,
                size_t n);

/* results[point * n_policies + i] is that of policies[i]. False, after a
 * message: a policy held too much, or a process failed. */
bool points_run(const struct points *points, const struct policy *const *policies,
                size_t n_policies, unsigned n_processes, struct result *results);

#endif

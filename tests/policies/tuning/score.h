/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* How good a policy is on points: traces at sizes. Regret is counted from the best of the published
 * algorithms at the same point: of the reference, or of the candidates where that has no such
 * point. */

#ifndef SCORE_H
#define SCORE_H

#include "constants.h"
#include "points.h"
#include "reference.h"

/* One unit, entries, for all regrets: `unit` is set in the traces. */
struct field {
    struct points points;
    double *best; /* of each point */
};

struct score {
    unsigned n;
    double mean, regret, worst;
};

struct score_options {
    unsigned seeds, jobs; /* hash seeds to average over; processes */
};

/* Without a reference (NULL): all candidates are run. */
struct field field_new(const struct trace *traces, size_t n_traces, unsigned jobs,
                       const struct reference *reference);
void field_free(struct field *field);

/* The miss ratio at each point with these constants, a mean over the seeds. With `only`, a flag a
 * point: at those. */
void score_gyre(const struct field *field, const struct gy_policy_constants *c, const bool *only,
                const struct score_options *o, double *miss);

/* The same of a published candidate. */
void score_named(const struct field *field, const char *name, unsigned jobs, double *miss);

/* Of the points that `only` says, or all. */
struct score score_of(const struct field *field, const double *miss, const bool *only);

/* What a search makes small: the mean regret, and a little of the worst. */
double score_cost(const struct score *score);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What is printed of the results. */

#ifndef REPORT_H
#define REPORT_H

#include "points.h"
#include "reference.h"

struct report {
    const struct points *points;
    const struct policy *const *policies;
    size_t n_policies;
    const struct result *results;      /* as points_run makes them */
    const struct reference *reference; /* or NULL */
};

/* Each trace with a row a policy and a column a size; with a reference, how far each is from its
 * own there. */
void report_points(const struct report *report);

/* A row a policy: means over all points, in keys and in bytes. */
void report_means(const struct report *report);

struct bound {
    char policy[32];
    double mean, worst_regret;
};

/* False, after saying so, when a policy is worse than that in entries, or has no reference at a
 * point. */
bool report_hold(const struct report *report, const struct bound *bound);

/* False, after naming them, when a policy is farther from the reference than it may be, or
 * some could be compared and none was. */
bool report_check(const struct report *report);

#endif

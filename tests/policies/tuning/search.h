/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* An evolution of one: constants are varied at random, what is better stays, and steps are long
 * while they succeed. The same seed gives the same constants. */

#ifndef SEARCH_H
#define SEARCH_H

#include "score.h"

struct search {
    unsigned evaluations;
    uint64_t seed;
    struct score_options score;
};

/* The best constants found from `start`, on the points that `only` says; and what those began and
 * ended with there. */
struct gy_policy_constants search_run(const struct search *search, const struct field *field,
                                      const bool *only, const struct gy_policy_constants *start,
                                      struct score *first, struct score *last);

#endif

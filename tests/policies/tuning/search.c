/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "search.h"

#include <math.h>
#include <stdlib.h>

#define WIDTH_FIRST 0.7
#define WIDTH_LEAST 0.1
#define WIDTH_MOST 1.0
#define LONGER 1.5
#define SHORTER 0.94 /* as long again when one in seven succeeds */

static struct score
measure(const struct search *search, const struct field *field, const bool *only,
        const struct gy_policy_constants *c, double *miss)
{
    score_gyre(field, c, only, &search->score, miss);
    return score_of(field, miss, only);
}

struct gy_policy_constants
search_run(const struct search *search, const struct field *field, const bool *only,
           const struct gy_policy_constants *start, struct score *first, struct score *last)
{
    double *miss = policies_alloc(field->points.n, sizeof *miss);
    uint64_t random = search->seed;
    struct gy_policy_constants best = *start;
    double width = WIDTH_FIRST;
    *first = *last = measure(search, field, only, &best, miss);
    for (unsigned n = 1; n < search->evaluations; n++) {
        struct gy_policy_constants varied = constants_vary(&best, width, &random);
        struct score score = measure(search, field, only, &varied, miss);
        if (score_cost(&score) < score_cost(last)) {
            best = varied;
            *last = score;
            width = fmin(width * LONGER, WIDTH_MOST);
        } else {
            width = fmax(width * SHORTER, WIDTH_LEAST);
        }
    }
    free(miss);
    return best;
}

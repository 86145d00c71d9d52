/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "sensitivity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct score
measure(const struct score_options *options, const struct field *field,
        const struct gy_policy_constants *c, double *miss)
{
    score_gyre(field, c, NULL, options, miss);
    return score_of(field, miss, NULL);
}

void
sensitivity_run(const struct score_options *options, const struct field *field)
{
    double *miss = policies_alloc(field->points.n, sizeof *miss), most = 0, most_worst = 0;
    struct score as_is = measure(options, field, &constants_of_library, miss);
    printf("As they are: mean miss ratio %.4f, worst regret %.4f. Changes of these:\n\n",
           as_is.mean, as_is.worst);
    printf("| constant | value | mean, halved | doubled | worst regret, halved | doubled |\n");
    printf("|---|---|---|---|---|---|\n");
    for (unsigned i = 0; i < N_CONSTANTS; i++) {
        float value = constants_get(&constants_of_library, i);
        struct score by[2];
        for (unsigned k = 0; k < 2; k++) {
            struct gy_policy_constants c = constants_of_library;
            constants_set(&c, i, k == 0 ? value / 2 : value * 2, false);
            by[k] = measure(options, field, &c, miss);
            most = fmax(most, by[k].mean - as_is.mean);
            most_worst = fmax(most_worst, by[k].worst - as_is.worst);
        }
        printf("| %s | %.4g | %+.4f | %+.4f | %+.4f | %+.4f |\n", constants[i].name, (double)value,
               by[0].mean - as_is.mean, by[1].mean - as_is.mean, by[0].worst - as_is.worst,
               by[1].worst - as_is.worst);
        fflush(stdout);
    }
    printf("\nRESULT policy-sensitivity: at most %+.4f to the mean, %+.4f to the worst regret\n",
           most, most_worst);
    free(miss);
}

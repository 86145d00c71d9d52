/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "rotation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDS = 4, HELD = 4, COLUMNS = 6 };

/* What each search does not see: two traces of real systems and two classics; the two that are kin,
 * multi2 and multi3, once together. */
static const char *const held_out[FOLDS][HELD] = {
    {"orm-busy", "sprite", "cs", "loop"},
    {"web12", "corda-vaultservice", "multi2", "multi3"},
    {"cloudPhysicsIO", "address-gcc", "gli", "2_pools"},
    {"sprite", "cloudPhysicsIO", "gli", "multi2"},
};

static const char *const column[COLUMNS] = {"found",   "library", "plain",
                                            "S3-FIFO", "LIRS",    "W-TinyLFU-climber"};

enum { FOUND, LIBRARY, PLAIN, FIRST_OTHER };

struct rotation {
    const struct field *field;
    double *miss[COLUMNS]; /* at each point; what was found: a mean of the folds that hold it out */
    unsigned *times;
};

static bool
held(const struct point *point, unsigned fold)
{
    for (unsigned i = 0; i < HELD; i++)
        if (strcmp(point->name, held_out[fold][i]) == 0)
            return true;
    return false;
}

static bool *
mask(const struct field *field, unsigned fold, bool want_held)
{
    bool *only = policies_alloc(field->points.n, sizeof *only);
    for (size_t i = 0; i < field->points.n; i++)
        only[i] = held(&field->points.point[i], fold) == want_held;
    return only;
}

static void
print_scores(const char *name, const struct field *field, double *const miss[COLUMNS],
             const bool *only)
{
    printf("\n%-48s %8s %8s %8s\n", name, "mean", "regret", "worst");
    for (unsigned k = 0; k < COLUMNS; k++) {
        struct score s = score_of(field, miss[k], only);
        printf("  %-46s %8.4f %8.4f %8.4f\n", column[k], s.mean, s.regret, s.worst);
    }
    fflush(stdout);
}

static void
run_fold(const struct search *search, const struct field *small, struct rotation *r, unsigned fold,
         struct gy_policy_constants *found)
{
    struct gy_policy_constants plain = constants_plain();
    bool *seen = mask(small, fold, false), *unseen = mask(r->field, fold, true);
    struct search own = *search;
    own.seed = search->seed * FOLDS + fold;
    struct score first, last;
    *found = search_run(&own, small, seen, &plain, &first, &last);
    double *miss[COLUMNS];
    memcpy(miss, r->miss, sizeof miss);
    miss[FOUND] = policies_alloc(r->field->points.n, sizeof *miss[FOUND]);
    score_gyre(r->field, found, unseen, &search->score, miss[FOUND]);
    for (size_t i = 0; i < r->field->points.n; i++) {
        if (!unseen[i])
            continue;
        r->miss[FOUND][i] += miss[FOUND][i];
        r->times[i]++;
    }
    char name[128];
    snprintf(name, sizeof name, "held out: %s %s %s %s", held_out[fold][0], held_out[fold][1],
             held_out[fold][2], held_out[fold][3]);
    print_scores(name, r->field, miss, unseen);
    printf("  the search, on what it saw: regret %.4f worst %.4f; it began with %.4f and %.4f\n",
           last.regret, last.worst, first.regret, first.worst);
    fflush(stdout);
    free(miss[FOUND]);
    free(seen);
    free(unseen);
}

static void
print_constants(const struct gy_policy_constants found[FOLDS])
{
    printf("\n%-16s %9s %9s", "constants", "plain", "library");
    for (unsigned fold = 0; fold < FOLDS; fold++)
        printf("   found %u", fold + 1);
    putchar('\n');
    for (unsigned i = 0; i < N_CONSTANTS; i++) {
        printf("%-16s %9.4g %9.4g", constants[i].name, (double)constants[i].plain,
               (double)constants_get(&constants_of_library, i));
        for (unsigned fold = 0; fold < FOLDS; fold++)
            printf(" %9.4g", (double)constants_get(&found[fold], i));
        putchar('\n');
    }
}

bool
rotation_run(const struct search *search, const struct field *small,
             const struct field *field)
{
    struct rotation r = {.field = field};
    struct gy_policy_constants found[FOLDS], plain = constants_plain();
    for (unsigned k = 0; k < COLUMNS; k++)
        r.miss[k] = policies_alloc(field->points.n, sizeof *r.miss[k]);
    r.times = policies_alloc(field->points.n, sizeof *r.times);
    score_gyre(field, &constants_of_library, NULL, &search->score, r.miss[LIBRARY]);
    score_gyre(field, &plain, NULL, &search->score, r.miss[PLAIN]);
    for (unsigned k = FIRST_OTHER; k < COLUMNS; k++)
        score_named(field, column[k], search->score.jobs, r.miss[k]);
    for (unsigned fold = 0; fold < FOLDS; fold++)
        run_fold(search, small, &r, fold, &found[fold]);
    bool all = true;
    for (size_t i = 0; i < field->points.n; i++) {
        all = all && r.times[i] > 0;
        r.miss[FOUND][i] /= r.times[i];
    }
    if (all) {
        print_scores("all points, by constants that had not seen them", field, r.miss, NULL);
        print_constants(found);
        struct score s = score_of(field, r.miss[FOUND], NULL);
        struct score l = score_of(field, r.miss[LIBRARY], NULL);
        printf("\nRESULT policy-rotation: unseen mean %.4f regret %.4f worst %.4f; "
               "library's mean %.4f regret %.4f worst %.4f\n",
               s.mean, s.regret, s.worst, l.mean, l.regret, l.worst);
    } else {
        fprintf(stderr, "policies: a trace is held out by no fold\n");
    }
    for (unsigned k = 0; k < COLUMNS; k++)
        free(r.miss[k]);
    free(r.times);
    return all;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "score.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gyre_history.h"

static const double shares[] = {0.005, 0.01, 0.05, 0.1, 0.2, 0.4};

#define WORST_FREE 0.03 /* a worst regret up to here is as good as none */
#define WORST_WEIGHT 0.03

static void
run(const struct points *points, const struct policy *const *these, size_t n, unsigned jobs,
    struct result *results)
{
    if (!points_run(points, these, n, jobs, results))
        exit(1); /* it has said why */
}

static void
look_up_best(struct field *field, const struct reference *reference)
{
    for (size_t i = 0; i < field->points.n; i++) {
        const struct point *point = &field->points.point[i];
        field->best[i] = reference_best(reference, point->name, point->shape.capacity);
        if (field->best[i] < 0) {
            fprintf(stderr, "policies: no reference for %s at %llu\n", point->name,
                    (unsigned long long)point->shape.capacity);
            exit(1);
        }
    }
}

static void
find_best(struct field *field, unsigned jobs)
{
    const struct policy **others = policies_alloc(n_policies, sizeof *others);
    size_t n = 0;
    for (size_t i = 0; i < n_policies; i++)
        if (!policies[i]->own)
            others[n++] = policies[i];
    struct result *results = policies_alloc(field->points.n * n, sizeof *results);
    run(&field->points, others, n, jobs, results);
    for (size_t p = 0; p < field->points.n; p++) {
        field->best[p] = 1;
        for (size_t i = 0; i < n; i++)
            if (results[p * n + i].miss_ratio < field->best[p])
                field->best[p] = results[p * n + i].miss_ratio;
    }
    free(results);
    free(others);
}

struct field
field_new(const struct trace *traces, size_t n_traces, unsigned jobs,
          const struct reference *reference)
{
    struct field field = {0};
    for (size_t i = 0; i < n_traces; i++)
        points_add(&field.points, &traces[i], shares, sizeof shares / sizeof shares[0]);
    field.best = policies_alloc(field.points.n, sizeof *field.best);
    if (reference)
        look_up_best(&field, reference);
    else
        find_best(&field, jobs);
    return field;
}

void
field_free(struct field *field)
{
    free(field->points.point);
    free(field->best);
}

static const struct policy *
find(const char *name)
{
    for (size_t i = 0; i < n_policies; i++)
        if (strcmp(policies[i]->name, name) == 0)
            return policies[i];
    fprintf(stderr, "policies: no policy %s\n", name);
    exit(1);
}

void
score_named(const struct field *field, const char *name, unsigned jobs, double *miss)
{
    const struct policy *policy = find(name);
    struct result *results = policies_alloc(field->points.n, sizeof *results);
    run(&field->points, &policy, 1, jobs, results);
    for (size_t i = 0; i < field->points.n; i++)
        miss[i] = results[i].miss_ratio;
    free(results);
}

void
score_gyre(const struct field *field, const struct gy_policy_constants *c, const bool *only,
           const struct score_options *o, double *miss)
{
    struct points some = {.point = policies_alloc(field->points.n, sizeof *some.point)};
    size_t *place = policies_alloc(field->points.n, sizeof *place);
    for (size_t i = 0; i < field->points.n; i++) {
        if (only && !only[i])
            continue;
        miss[i] = 0;
        place[some.n] = i;
        some.point[some.n++] = field->points.point[i];
    }
    struct result *results = policies_alloc(some.n, sizeof *results);
    const struct policy *gyre = find("gyre");
    gy_policy = *c;
    for (unsigned seed = 0; seed < o->seeds; seed++) {
        gyre_history_seed = seed + 1;
        run(&some, &gyre, 1, o->jobs, results);
        for (size_t i = 0; i < some.n; i++)
            miss[place[i]] += results[i].miss_ratio / o->seeds;
    }
    free(results);
    free(some.point);
    free(place);
}

struct score
score_of(const struct field *field, const double *miss, const bool *only)
{
    struct score score = {.worst = -1};
    for (size_t i = 0; i < field->points.n; i++) {
        if (only && !only[i])
            continue;
        double regret = miss[i] - field->best[i];
        score.n++;
        score.mean += miss[i];
        score.regret += regret;
        if (regret > score.worst)
            score.worst = regret;
    }
    score.mean /= score.n;
    score.regret /= score.n;
    return score;
}

double
score_cost(const struct score *score)
{
    double over = score->worst - WORST_FREE;
    return score->regret + (over > 0 ? over * WORST_WEIGHT : 0);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct result *
result_at(const struct report *r, size_t point, size_t policy)
{
    return &r->results[point * r->n_policies + policy];
}

/* A policy's miss ratio less that of the same algorithm in the reference; NAN if that has none. */
static double
difference(const struct report *r, size_t point, size_t policy)
{
    const struct point *p = &r->points->point[point];
    const char *algorithm = r->policies[policy]->reference;
    if (!r->reference || !algorithm)
        return NAN;
    double theirs = reference_find(r->reference, p->name, p->shape.capacity, algorithm);
    return theirs < 0 ? NAN : result_at(r, point, policy)->miss_ratio - theirs;
}

/* What regret is counted from: the best of the reference, or of the others that were run; negative
 * when there is none. */
static double
best_at(const struct report *r, size_t point)
{
    const struct point *p = &r->points->point[point];
    if (r->reference)
        return reference_best(r->reference, p->name, p->shape.capacity);
    double best = -1;
    for (size_t i = 0; i < r->n_policies; i++) {
        double miss = result_at(r, point, i)->miss_ratio;
        if (!r->policies[i]->own && (best < 0 || miss < best))
            best = miss;
    }
    return best;
}

static void
print_cell(double ratio, double difference)
{
    printf("  %.4f", ratio);
    if (isnan(difference))
        printf("        ");
    else
        printf(" %+.4f", difference);
}

/* The points [first, end) are of one name. */
static void
print_trace(const struct report *r, size_t first, size_t end)
{
    const struct point *p = &r->points->point[first];
    printf("\n%s: %llu requests, %u keys, caches of this many %s\n", p->name,
           (unsigned long long)p->trace->n_requests, p->shape.n_keys,
           p->sized ? "bytes" : "entries");
    printf("%-18s", "");
    for (size_t i = first; i < end; i++)
        printf("  %-14llu", (unsigned long long)r->points->point[i].shape.capacity);
    putchar('\n');
    for (size_t policy = 0; policy < r->n_policies; policy++) {
        printf("%-18s", r->policies[policy]->name);
        for (size_t i = first; i < end; i++)
            print_cell(result_at(r, i, policy)->miss_ratio, difference(r, i, policy));
        putchar('\n');
        if (!p->sized)
            continue;
        printf("%-18s", "  of bytes");
        for (size_t i = first; i < end; i++)
            print_cell(result_at(r, i, policy)->byte_miss_ratio, NAN);
        putchar('\n');
    }
}

void
report_points(const struct report *r)
{
    const struct points *points = r->points;
    printf("Miss ratios%s\n",
           r->reference ? ", and how far each is above the reference's of that algorithm" : "");
    for (size_t first = 0, end; first < points->n; first = end) {
        for (end = first + 1; end < points->n; end++)
            if (strcmp(points->point[end].name, points->point[first].name) != 0)
                break;
        print_trace(r, first, end);
    }
}

struct means {
    unsigned n, n_real, n_best;
    double miss, byte_miss, real, regret, worst_regret, difference;
    const struct point *worst;
};

static struct means
add_up(const struct report *r, size_t policy, bool sized)
{
    struct means m = {.difference = NAN, .worst_regret = -1};
    for (size_t i = 0; i < r->points->n; i++) {
        const struct point *p = &r->points->point[i];
        if (p->sized != sized)
            continue;
        double miss = result_at(r, i, policy)->miss_ratio;
        m.n++;
        m.miss += miss;
        m.byte_miss += result_at(r, i, policy)->byte_miss_ratio;
        if (reference_is_real(p->name)) {
            m.n_real++;
            m.real += miss;
        }
        double off = fabs(difference(r, i, policy));
        if (!isnan(off) && !(off <= m.difference))
            m.difference = off;
        double best = best_at(r, i);
        if (best < 0)
            continue;
        m.n_best++;
        m.regret += miss - best;
        if (miss - best > m.worst_regret) {
            m.worst_regret = miss - best;
            m.worst = p;
        }
    }
    return m;
}

static void
print_mean(unsigned n, double sum)
{
    if (n > 0)
        printf(" %8.4f", sum / n);
    else
        printf(" %8s", "-");
}

static void
print_means(const struct report *r, size_t policy, bool sized)
{
    struct means m = add_up(r, policy, sized);
    printf("%-18s", r->policies[policy]->name);
    print_mean(m.n, m.miss);
    if (sized)
        print_mean(m.n, m.byte_miss);
    else
        print_mean(m.n_real, m.real);
    print_mean(m.n_best, m.regret);
    if (m.worst)
        printf(" %8.4f  %-22s %6g", m.worst_regret, m.worst->name, m.worst->fraction);
    if (!isnan(m.difference))
        printf("  %9.6f of %s", m.difference, r->policies[policy]->reference);
    putchar('\n');
}

static unsigned
count_points(const struct report *r, bool sized)
{
    unsigned n = 0;
    for (size_t i = 0; i < r->points->n; i++)
        n += r->points->point[i].sized == sized;
    return n;
}

void
report_means(const struct report *r)
{
    for (unsigned sized = 0; sized < 2; sized++) {
        unsigned n = count_points(r, sized);
        if (n == 0)
            continue;
        printf("\n%u points, caches of so many %s\n", n, sized ? "bytes" : "entries");
        printf("%-18s %8s %8s", "miss ratios", "mean", sized ? "of bytes" : "real");
        printf(" %8s %8s  %-22s %6s  %s", "regret", "worst", "at", "share",
               r->reference ? "farthest from the reference" : "");
        putchar('\n');
        for (size_t policy = 0; policy < r->n_policies; policy++)
            print_means(r, policy, sized);
    }
}

bool
report_check(const struct report *r)
{
    unsigned n = 0, n_off = 0;
    bool comparable = false;
    for (size_t policy = 0; policy < r->n_policies; policy++)
        comparable |= r->policies[policy]->tolerance > 0;
    for (size_t i = 0; comparable && i < r->points->n; i++) {
        for (size_t policy = 0; policy < r->n_policies; policy++) {
            const struct policy *candidate = r->policies[policy];
            double off = difference(r, i, policy);
            if (isnan(off) || candidate->tolerance == 0)
                continue;
            n++;
            if (fabs(off) <= candidate->tolerance)
                continue;
            n_off++;
            const struct point *p = &r->points->point[i];
            fprintf(stderr, "policies: %s on %s at %llu: %+.6f beside the reference\n",
                    candidate->name, p->name, (unsigned long long)p->shape.capacity, off);
        }
    }
    if (comparable)
        printf("\n%u miss ratios compared with the reference's of the same algorithm, %u differ\n",
               n, n_off);
    return n_off == 0 && (n > 0 || !comparable);
}

bool
report_hold(const struct report *r, const struct bound *bound)
{
    for (size_t policy = 0; policy < r->n_policies; policy++) {
        if (strcmp(r->policies[policy]->name, bound->policy) != 0)
            continue;
        struct means m = add_up(r, policy, false);
        double mean = m.miss / m.n;
        bool ok = m.n > 0 && m.n_best == m.n && mean <= bound->mean
                  && m.worst_regret <= bound->worst_regret;
        printf("\n%s: mean %.4f, at most %g; worst regret %.4f, at most %g: %s\n",
               bound->policy, mean, bound->mean, m.worst_regret, bound->worst_regret,
               ok ? "OK" : "TOO MUCH");
        return ok;
    }
    fprintf(stderr, "policies: %s is to be held, but is not run\n", bound->policy);
    return false;
}

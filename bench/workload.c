/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Zipf by rejection inversion (W. Hörmann, G. Derflinger: "Rejection-inversion to generate variates
 * from monotone discrete distributions", 1996): exact, and no table whose making would take longer
 * than the measurement. */

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "workload.h"

struct zipf {
    double theta, n, h_low, h_high, skip;
};

/* The integral of x^-theta, and its inverse (theta is not 1). */
static double
integral(double theta, double x)
{
    return (pow(x, 1 - theta) - 1) / (1 - theta);
}

static double
integral_inverse(double theta, double y)
{
    return pow(1 + y * (1 - theta), 1 / (1 - theta));
}

static double
next_double(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    return (double)(workload_mix(*state) >> 11) * 0x1p-53;
}

static struct zipf
zipf_make(double theta, double n)
{
    return (struct zipf){
        .theta = theta,
        .n = n,
        .h_low = integral(theta, 1.5) - 1,
        .h_high = integral(theta, n + 0.5),
        .skip = 2 - integral_inverse(theta, integral(theta, 2.5) - pow(2, -theta)),
    };
}

/* A rank from 1 to n. */
static double
zipf_next(const struct zipf *z, uint64_t *state)
{
    for (;;) {
        double y = z->h_high + next_double(state) * (z->h_low - z->h_high);
        double x = integral_inverse(z->theta, y);
        double rank = floor(x + 0.5);

        rank = rank < 1 ? 1 : rank > z->n ? z->n : rank;
        if (rank - x <= z->skip || y >= integral(z->theta, rank + 0.5) - pow(rank, -z->theta))
            return rank;
    }
}

uint32_t *
workload_sequence(uint32_t n_keys, double theta, size_t n, uint64_t seed)
{
    uint32_t *ids = malloc(n * sizeof *ids);
    struct zipf z = {0};

    if (ids == NULL)
        return NULL;
    if (theta > 0)
        z = zipf_make(theta, n_keys);
    for (size_t i = 0; i < n; i++) {
        if (theta > 0) {
            /* Neighbouring ranks far apart: else the hottest entries would share pages. The factor
             * is a prime, so that the map is one to one for every n_keys that is not a multiple of
             * it. */
            uint64_t rank = (uint64_t)zipf_next(&z, &seed) - 1;
            ids[i] = (uint32_t)((rank * 2654435761u + 12345) % n_keys);
        } else {
            ids[i] = (uint32_t)(next_double(&seed) * n_keys);
        }
    }
    return ids;
}

uint64_t
workload_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

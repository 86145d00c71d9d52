/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Numbers that a seed decides (splitmix64). */

#ifndef GYRE_STRESS_RNG_H
#define GYRE_STRESS_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

/* A bijection that spreads every bit (splitmix64's finisher). */
static inline uint64_t
mix64(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static inline uint64_t
rng_next(struct rng *rng)
{
    rng->state += 0x9e3779b97f4a7c15u;
    return mix64(rng->state);
}

static inline uint64_t
rng_below(struct rng *rng, uint64_t n)
{
    return (uint64_t)((unsigned __int128)rng_next(rng) * n >> 64);
}

static inline uint32_t
rng_below32(struct rng *rng, uint32_t n)
{
    return (uint32_t)rng_below(rng, n);
}

static inline uint64_t
rng_between(struct rng *rng, uint64_t low, uint64_t high)
{
    return low + rng_below(rng, high - low + 1);
}

static inline bool
rng_one_in(struct rng *rng, uint64_t n)
{
    return rng_below(rng, n) == 0;
}

#endif

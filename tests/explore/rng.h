/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Numbers that a seed decides (splitmix64). */

#ifndef GY_EXPLORE_RNG_H
#define GY_EXPLORE_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t
rng_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static inline uint64_t
rng_next(struct rng *rng)
{
    rng->state += 0x9e3779b97f4a7c15u;
    return rng_mix(rng->state);
}

static inline uint32_t
rng_below(struct rng *rng, uint32_t n)
{
    return (uint32_t)((rng_next(rng) >> 32) * n >> 32);
}

static inline bool
rng_one_in(struct rng *rng, uint32_t n)
{
    return rng_below(rng, n) == 0;
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "constants.h"

#include <math.h>
#include <string.h>

struct gy_policy_constants gy_policy = GY_POLICY_CONSTANTS;
const struct gy_policy_constants constants_of_library = GY_POLICY_CONSTANTS;

#define C(member) #member, offsetof(struct gy_policy_constants, member)

/* Plain are powers of ten, or a few times one. */
const struct constant constants[] = {
    {C(prior_main[0]), 0.1f, 1e-3f, 30},
    {C(prior_main[1]), 1, 1e-3f, 30},
    {C(prior_main[2]), 3, 1e-3f, 30},
    {C(prior_new[0]), 0.1f, 1e-3f, 30},
    {C(prior_new[1]), 1, 1e-3f, 30},
    {C(prior_new[2]), 3, 1e-3f, 30},
    {C(prior_habit), 0.1f, 1e-3f, 3},
    {C(prior_soon), 0.1f, 1e-3f, 3},
    {C(prior_late), 0.1f, 1e-3f, 3},
    {C(prior_weight), 10, 1, 100},
    {C(memory), 32, 4, 300},
    {C(late), 1, 0.1f, 1.9f},
    {C(size_bonus), 1, 0.1f, 10},
    {C(clearly), 1.25f, 1, 4},
    {C(share), 0.05f, 0.002f, 0.5f},
    {C(bar_step), 0.1f, 0.005f, 1},
    {C(window_least), 0.01f, 0.002f, 0.1f},
    {C(window_most), 0.1f, 0.1f, 0.5f},
    {C(window_step), 0.01f, 1e-4f, 0.1f},
    {C(window_bias), 1, 0.05f, 5},
    {C(soon_weight), 0.1f, 0.01f, 3},
    {C(soon_memory), 10, 1, 100},
    {C(look), 1, 0.01f, 4},
    {C(look_least), 0.01f, 1e-4f, 0.3f},
    {C(look_floor), 0.1f, 1e-3f, 3},
    {C(mean_step), 0.1f, 0.003f, 0.5f},
    {C(met_memory), 100, 10, 1000},
};

_Static_assert(sizeof constants / sizeof constants[0] == N_CONSTANTS, "one is not in the list");

float
constants_get(const struct gy_policy_constants *c, unsigned i)
{
    float value;
    memcpy(&value, (const char *)c + constants[i].at, sizeof value);
    return value;
}

void
constants_set(struct gy_policy_constants *c, unsigned i, float value, bool bounded)
{
    if (bounded)
        value = fminf(fmaxf(value, constants[i].least), constants[i].most);
    memcpy((char *)c + constants[i].at, &value, sizeof value);
}

struct gy_policy_constants
constants_plain(void)
{
    struct gy_policy_constants c;
    for (unsigned i = 0; i < N_CONSTANTS; i++)
        constants_set(&c, i, constants[i].plain, true);
    return c;
}

static double
uniform(uint64_t *random) /* 0 < x <= 1 */
{
    *random += 0x9e3779b97f4a7c15u;
    uint64_t x = (*random ^ *random >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return ((double)((x ^ x >> 31) >> 11) + 1) / 0x1p53;
}

static unsigned
below(unsigned n, uint64_t *random)
{
    unsigned i = (unsigned)(uniform(random) * n);
    return i < n ? i : 0;
}

static double
normal(uint64_t *random)
{
    double r = sqrt(-2 * log(uniform(random)));
    return r * cos(6.283185307179586 * uniform(random));
}

struct gy_policy_constants
constants_vary(const struct gy_policy_constants *c, double width, uint64_t *random)
{
    static const unsigned how_many[] = {1, 1, 2, 3, N_CONSTANTS / 3};
    struct gy_policy_constants varied = *c;
    unsigned n = how_many[below(sizeof how_many / sizeof how_many[0], random)];
    for (; n > 0; n--) {
        unsigned i = below(N_CONSTANTS, random);
        double factor = exp(width * normal(random));
        constants_set(&varied, i, constants_get(&varied, i) * (float)factor, true);
    }
    return varied;
}

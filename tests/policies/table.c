/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <stdio.h>
#include <stdlib.h>

#include "policies.h"

extern const struct policy policy_fifo, policy_lru, policy_clock, policy_sieve, policy_s3fifo,
    policy_s3fifo_adaptive, policy_arc, policy_lirs, policy_twoq, policy_wtinylfu_1,
    policy_wtinylfu_10, policy_wtinylfu_climber, policy_lfu, policy_lfu_ageing, policy_gdsf,
    policy_gyre, policy_gyre_fixed_window, policy_gyre_duel;

/* In the order of the report. */
const struct policy *const policies[] = {
    &policy_gyre,
    &policy_gyre_fixed_window,
    &policy_gyre_duel,
    &policy_fifo,
    &policy_lru,
    &policy_clock,
    &policy_sieve,
    &policy_s3fifo,
    &policy_s3fifo_adaptive,
    &policy_arc,
    &policy_lirs,
    &policy_twoq,
    &policy_wtinylfu_1,
    &policy_wtinylfu_10,
    &policy_wtinylfu_climber,
    &policy_lfu,
    &policy_lfu_ageing,
    &policy_gdsf,
};

const size_t n_policies = sizeof policies / sizeof policies[0];

void *
policies_alloc(size_t n, size_t size)
{
    void *memory = calloc(n, size);
    if (!memory) {
        fprintf(stderr, "policies: no memory\n");
        exit(1);
    }
    return memory;
}

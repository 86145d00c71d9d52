/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The constants of src/policy.h as a list of numbers, each with a name, where a search may take it,
 * and a plain value: what one would write down before any measurement. */

#ifndef CONSTANTS_H
#define CONSTANTS_H

#include <stddef.h>
#include <stdint.h>

#include "policy.h"

enum { N_CONSTANTS = sizeof(struct gy_policy_constants) / sizeof(float) };

struct constant {
    const char *name;
    size_t at; /* where it is in the structure */
    float plain, least, most;
};

extern const struct constant constants[N_CONSTANTS];

extern const struct gy_policy_constants constants_of_library;
struct gy_policy_constants constants_plain(void);

float constants_get(const struct gy_policy_constants *c, unsigned i);

/* Kept within the bounds when `bounded`. */
void constants_set(struct gy_policy_constants *c, unsigned i, float value, bool bounded);

/* Multiplies a few of the constants by a random factor, of which `width` is about the logarithm. */
struct gy_policy_constants constants_vary(const struct gy_policy_constants *c, double width,
                                          uint64_t *random);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What the tests of shared caches have in common: names of their own, and processes. */

#ifndef GY_TEST_REGION_H
#define GY_TEST_REGION_H

#include "api.h"

struct region_name {
    char text[64];  /* for the options */
    char path[80];  /* where it is */
};

/* A name of this process, and of this number. Nothing has it afterwards. */
struct region_name region_name(unsigned number);

/* Options of a shared cache. */
gyre_options region_options(const struct region_name *name, uint64_t capacity_bytes, uint32_t flags);

/* Runs body in a process of its own, to its end. Its answer must be 0: the number of what was wrong. */
void region_process(int (*body)(void *arg), void *arg);
#define EXPECT(number, condition)                                                                  \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return (number);                                                                       \
    } while (0)

#endif

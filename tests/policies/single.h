/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The state of policies that have one queue. */

#ifndef SINGLE_H
#define SINGLE_H

#include "queue.h"

struct single {
    struct queue queue;
    uint64_t capacity;
    uint32_t hand; /* SIEVE's: the next key to be looked at, or NO_KEY */
};

void *single_create(const struct shape *shape);
uint64_t single_held(const void *state);
void single_destroy(void *state);

#endif

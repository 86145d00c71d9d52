/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The candidates: cache policies as pure functions of a stream of requests. No bytes are stored,
 * nothing is timed, there is one thread: what is measured is the choice of victims alone.
 *
 * A candidate is one file with one struct policy or more, named in table.c. */

#ifndef POLICIES_H
#define POLICIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a cache is made for. Sizes of keys and the capacity are in one unit: bytes, or entries of
 * size 1. */
struct shape {
    uint32_t n_keys;   /* they are the numbers below */
    uint64_t capacity; /* the sum of the sizes in the cache is never above it, which is checked */
    uint64_t entries;  /* about as many fit, if a table has to be made as large */
};

struct policy {
    const char *name;
    const char *reference; /* its name in the reference; NULL: it is not there */
    double tolerance;      /* of a miss ratio beside the reference's; 0: not compared */
    bool own;              /* gyre's, or a variant of it: no yardstick */
    const char *source;    /* who published it, and with which parameters it runs here */
    void *(*create)(const struct shape *shape);
    /* Is the key there? It is inserted if not. `size`, always the same for a key, is at most the
     * capacity. */
    bool (*request)(void *state, uint32_t key, uint32_t size);
    uint64_t (*held)(const void *state); /* the sum of the sizes in the cache */
    void (*destroy)(void *state);
};

/* The same algorithm down to the order of ties: only the six digits that the reference is
 * printed with differ. */
#define POLICY_SAME 1e-6

extern const struct policy *const policies[];
extern const size_t n_policies;

/* calloc that ends the program when there is no memory. */
void *policies_alloc(size_t n, size_t size);

#endif

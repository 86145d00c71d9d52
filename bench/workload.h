/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Keys, values and access sequences that every benchmark shares, so that their figures can be
 * compared. A key and a value follow from a number (an id): nothing but the sequence of ids is read
 * from memory, in order, so what is measured is the cache's own misses. */

#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORKLOAD_KEY_BYTES 16
#define WORKLOAD_ZIPF 0.99

static inline uint64_t
workload_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline void
workload_key(uint64_t id, unsigned char key[WORKLOAD_KEY_BYTES])
{
    const uint64_t words[2] = {id, workload_mix(id + 1)};

    memcpy(key, words, sizeof words);
}

/* The 64-bit words of a value are id, id + 1, id + 2 ... times an odd number. size: a multiple
 * of 8. */
static inline void
workload_fill(uint64_t id, void *value, size_t size)
{
    for (size_t i = 0; i < size / 8; i++) {
        uint64_t word = (id + i) * 0x9e3779b97f4a7c15u;
        memcpy((char *)value + 8 * i, &word, 8);
    }
}

/* 1 when the first `bytes` bytes of the value are those of workload_fill(id). */
static inline uint64_t
workload_check(uint64_t id, const void *value, size_t bytes)
{
    uint64_t wrong = 0, expected = id * 0x9e3779b97f4a7c15u;

    /* Unrolled: the check should take no more room in the processor's window than it must. */
#pragma GCC unroll 8
    for (size_t i = 0; i < bytes / 8; i++, expected += 0x9e3779b97f4a7c15u) {
        uint64_t word;
        memcpy(&word, (const char *)value + 8 * i, 8);
        wrong |= word ^ expected;
    }
    return wrong == 0;
}

/* n ids below n_keys, to be freed; NULL without memory. theta 0: uniform; else Zipf's law, the
 * popular ids spread over the whole range. */
uint32_t *workload_sequence(uint32_t n_keys, double theta, size_t n, uint64_t seed);

/* Monotonic time. */
uint64_t workload_now_ns(void);

#endif

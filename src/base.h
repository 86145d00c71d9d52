/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Sizes, arithmetic and hints that every room uses. */

#ifndef GY_BASE_H
#define GY_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GY_LINE 64 /* bytes of a cache line; part of the layout stamp */

/* For the path of a hit: one function. */
#define GY_INLINE inline __attribute__((always_inline))

/* For what is seldom called from such a path, and would cost it registers. */
#define GY_SELDOM __attribute__((noinline, cold))

/* Starts the miss of a line that will be written to. On x86-64 with PREFETCHW, which compilers do not use unless they are told that
 * the processor has it: all that are not first of their kind do, and those do nothing. Else a line that another processor has changed would
 * come to be read, and be asked for once more. */
static GY_INLINE void
gy_prefetch_to_write(const void *line)
{
#ifdef __x86_64__
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
#else
    __builtin_prefetch(line, 1);
#endif
}

/* Has a number ready here: compilers would work it out where it is used. */
#define gy_ready(number) __asm__ volatile("" : "+r"(number))

#define gy_likely(x) __builtin_expect(!!(x), 1)
#define gy_unlikely(x) __builtin_expect(!!(x), 0)

/* A place in a region: its offset in units of 8 bytes; 0 is none. There are no pointers in regions. */
typedef uint64_t gy_ref;

static inline uint64_t
gy_align_up(uint64_t n, uint64_t power_of_two)
{
    return (n + power_of_two - 1) & ~(power_of_two - 1);
}

static inline unsigned
gy_log2_floor(uint64_t n) /* n > 0 */
{
    return 63u - (unsigned)__builtin_clzll(n);
}

static inline unsigned
gy_log2_ceil(uint64_t n) /* n > 0 */
{
    return n == 1 ? 0 : gy_log2_floor(n - 1) + 1;
}

static inline uint64_t
gy_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t
gy_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Two clocks: nanoseconds for spans of any length, and ticks, the cheapest clock there is, for the
 * latency of single calls. Ticks are the processor's time stamp counter where it runs at a constant
 * rate, else nanoseconds. */

#ifndef TICKS_H
#define TICKS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

static inline uint64_t
clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct ticks {
    bool tsc;
    uint64_t first_tick, first_ns; /* when ticks_start was called */
};

struct ticks ticks_start(void);

/* The length of a tick, measured since ticks_start, which must be some milliseconds ago: this waits
 * for the rest of them. */
double ticks_ns(const struct ticks *ticks);

/* What an empty measurement reads, in ticks: the smallest of many. */
uint64_t ticks_overhead(const struct ticks *ticks);

/* The fence keeps the processor from reading the counter before what is measured is done. */
static inline uint64_t
ticks_now(bool tsc)
{
#ifdef __x86_64__
    if (tsc) {
        _mm_lfence();
        uint64_t now = __rdtsc();
        _mm_lfence();
        return now;
    }
#else
    (void)tsc;
#endif
    return clock_ns();
}

#endif

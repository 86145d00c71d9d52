/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "ticks.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

static const uint64_t calibrate_ns = 10000000;

static bool
tsc_is_constant(void)
{
#ifdef __x86_64__
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007u, &a, &b, &c, &d) && (d & 1u << 8);
#else
    return false;
#endif
}

struct ticks
ticks_start(void)
{
    struct ticks ticks = {.tsc = tsc_is_constant()};
    ticks.first_ns = clock_ns();
    ticks.first_tick = ticks_now(ticks.tsc);
    return ticks;
}

double
ticks_ns(const struct ticks *ticks)
{
    if (!ticks->tsc)
        return 1;
    uint64_t ns;
    do
        ns = clock_ns() - ticks->first_ns;
    while (ns < calibrate_ns);
    return (double)ns / (double)(ticks_now(true) - ticks->first_tick);
}

uint64_t
ticks_overhead(const struct ticks *ticks)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t start = ticks_now(ticks->tsc);
        uint64_t span = ticks_now(ticks->tsc) - start;
        if (span < least)
            least = span;
    }
    return least;
}

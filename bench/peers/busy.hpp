// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// Instructions that wait for nothing and for which nothing waits. They take their time, four of
// them at once, and their room in the processor's window, in which the misses of the next lookups
// would be under way.

#ifndef BENCH_PEERS_BUSY_HPP
#define BENCH_PEERS_BUSY_HPP

#include <cstdint>

namespace peers {

template <unsigned n> inline void be_busy()
{
    uint64_t a = 0, b = 0, c = 0, d = 0;
#pragma GCC unroll 2000
    for (unsigned i = 0; i < n; i += 4) {
        asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
        a += i, b += i, c += i, d += i;
    }
    asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
}

} // namespace peers

#endif

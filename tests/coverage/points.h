/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The atomic layer of FLAVOR=cover. The same accesses with the same points, but the question whether a
 * hook is set is asked in one function: as a macro it would put two branches, trivial to take, at each
 * access, and the share of branches that were taken would say little about the library's own. */

#ifndef GY_COVERAGE_POINTS_H
#define GY_COVERAGE_POINTS_H

static inline void
gy_point_(const char *file, int line, const volatile void *address)
{
    if (gy_point_hook)
        gy_point_hook(file, line, address);
}
#undef GY_POINT
#define GY_POINT(address) gy_point_(__FILE__, __LINE__, (address))

#define gy_load_(p, order) (GY_POINT(p), atomic_load_explicit((p), (order)))
#define gy_store_(p, v, order) (GY_POINT(p), atomic_store_explicit((p), (v), (order)))
#define gy_fetch_(op, p, v, order) (GY_POINT(p), atomic_##op##_explicit((p), (v), (order)))
#define gy_cas_(p, expected, desired, order, failure_order)                                        \
    (GY_POINT(p),                                                                                  \
     atomic_compare_exchange_strong_explicit((p), (expected), (desired), (order), (failure_order)))
#define gy_fence_seq() atomic_thread_fence(memory_order_seq_cst)
#define gy_bytes_read(from, n) ((void)0)
#define gy_bytes_written(to, n) ((void)0)

#endif

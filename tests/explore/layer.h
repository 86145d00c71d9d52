/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What src/atomic.h includes in the flavour explore: each access to shared memory, each fence and each
 * look at the bytes of an entry becomes a call. Each has a site, by which it is named, counted and weakened. */

#ifndef GY_EXPLORE_LAYER_H
#define GY_EXPLORE_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct explore_site {
    const char *file, *op, *base; /* base: of the file's name, when it is known */
    int line, order, failure_order;
    bool known; /* orders are what the run wants them to be, and the hash is set */
    bool weakened;
    uint32_t hash, schedule, times; /* in this schedule a thread is stopped at it, so many times on */
    uint64_t hits;
};

uint64_t explore_load(const volatile void *from, unsigned size, struct explore_site *site);
void explore_store(volatile void *to, unsigned size, uint64_t value, struct explore_site *site);
uint64_t explore_fetch_add(volatile void *at, unsigned size, uint64_t value, struct explore_site *site);
uint64_t explore_fetch_sub(volatile void *at, unsigned size, uint64_t value, struct explore_site *site);
uint64_t explore_exchange(volatile void *at, unsigned size, uint64_t value, struct explore_site *site);
bool explore_cas(volatile void *at, unsigned size, void *expected, uint64_t desired, struct explore_site *site);
void explore_count(volatile void *at, uint64_t n, struct explore_site *site);
void explore_fence(struct explore_site *site);
void explore_compiler_barrier(struct explore_site *site);
bool explore_membarrier(bool all, struct explore_site *site);
void explore_bytes_read(const void *from, size_t n, struct explore_site *site);
void explore_bytes_written(const void *to, size_t n, struct explore_site *site);

#define EXPLORE_SITE(op_, order_, failure_)                                                        \
    __extension__({                                                                                \
        static struct explore_site site_ = {                                                       \
            .file = __FILE__, .op = op_, .line = __LINE__, .order = order_, .failure_order = failure_}; \
        static struct explore_site *const listed_ __attribute__((section("explore_sites"), used)) = &site_; \
        (void)listed_;                                                                             \
        &site_;                                                                                    \
    })
/* (The type without _Atomic; an addition would make an int of 16 bits.) */
#define EXPLORE_TYPE(p) __typeof__(__builtin_choose_expr(sizeof *(p) == 2, (uint16_t)0, *(p) + 0))
#define gy_load_(p, order)                                                                         \
    ((EXPLORE_TYPE(p))explore_load((p), sizeof *(p), EXPLORE_SITE("load", order, order)))
#define gy_store_(p, v, order) explore_store((p), sizeof *(p), (v), EXPLORE_SITE("store", order, order))
/* (What an update returns is wanted as a 64-bit number, or not at all.) */
#define gy_fetch_(op, p, v, order) explore_##op((p), sizeof *(p), (v), EXPLORE_SITE(#op, order, order))
#define gy_cas_(p, expected, desired, order, failure_order)                                        \
    explore_cas((p), sizeof *(p), (expected), (desired), EXPLORE_SITE("cas", order, failure_order))
#define gy_compiler_barrier()                                                                      \
    explore_compiler_barrier(EXPLORE_SITE("barrier", memory_order_seq_cst, memory_order_seq_cst))
#define gy_fence_seq() explore_fence(EXPLORE_SITE("fence", memory_order_seq_cst, memory_order_seq_cst))
/* A call of gy_os_membarrier, and what its declaration looks like. */
#define gy_os_membarrier(nothing) EXPLORE_MEMBARRIER_##nothing
#define EXPLORE_MEMBARRIER_                                                                        \
    explore_membarrier(false, EXPLORE_SITE("membarrier", memory_order_seq_cst, memory_order_seq_cst))
#define EXPLORE_MEMBARRIER_void gy_os_membarrier(void)
#define gy_os_membarrier_all(nothing) EXPLORE_MEMBARRIER_ALL_##nothing
#define EXPLORE_MEMBARRIER_ALL_                                                                    \
    explore_membarrier(true, EXPLORE_SITE("membarrier", memory_order_seq_cst, memory_order_seq_cst))
#define EXPLORE_MEMBARRIER_ALL_void gy_os_membarrier_all(void)
/* Statistics; where processes share a cache, others go by them. */
#define gy_count(p, n) explore_count((p), (n), EXPLORE_SITE("count", memory_order_relaxed, memory_order_relaxed))
#define gy_bytes_read(from, n) explore_bytes_read((from), (n), EXPLORE_SITE("read", 0, 0))
#define gy_bytes_written(to, n) explore_bytes_written((to), (n), EXPLORE_SITE("write", 0, 0))

#endif

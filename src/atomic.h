/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The one atomic layer: every access to memory that another thread or process may change goes through
 * these wrappers. The order is in the name, so that none is seq_cst by accident, and each access is
 * preceded by GY_POINT, a place where test builds may switch threads, delay or stop one.
 *
 *   gy_load_rlx  gy_load_acq  gy_load_seq     gy_store_rlx  gy_store_rel  gy_store_seq
 *   gy_add_rlx   gy_add_seq   gy_sub_rlx      gy_swap_seq
 *   gy_cas_seq   (strong; success seq_cst, failure acquire: the order of every state change)
 *   gy_cas_unasked   (the same, where nobody asks what became of it)
 *   gy_fence_seq   gy_compiler_barrier   (the latter pairs with membarrier(2) on the reclaiming side) */

#ifndef GY_ATOMIC_H
#define GY_ATOMIC_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t gy_atomic_u64;
typedef _Atomic uint32_t gy_atomic_u32;
typedef _Atomic uint16_t gy_atomic_u16;

/* With -DGY_POINTS the program sets gy_point_hook; release builds contain nothing of it. */
#ifdef GY_POINTS
extern void (*gy_point_hook)(const char *file, int line, const volatile void *address);
#define GY_POINT(address)                                                                          \
    ((void)(gy_point_hook ? gy_point_hook(__FILE__, __LINE__, (address)) : (void)0))
#else
#define GY_POINT(address) ((void)0)
#endif

#ifdef GY_EXPLORE
#include GY_EXPLORE /* a header that makes each access a call of the deterministic scheduler: tests/explore */
#else
#define gy_load_(p, order) (GY_POINT(p), atomic_load_explicit((p), (order)))
#define gy_store_(p, v, order) (GY_POINT(p), atomic_store_explicit((p), (v), (order)))
#define gy_fetch_(op, p, v, order) (GY_POINT(p), atomic_##op##_explicit((p), (v), (order)))
#define gy_cas_(p, expected, desired, order, failure_order)                                        \
    (GY_POINT(p),                                                                                  \
     atomic_compare_exchange_strong_explicit((p), (expected), (desired), (order), (failure_order)))
#define gy_fence_seq() atomic_thread_fence(memory_order_seq_cst)
#define gy_compiler_barrier() atomic_signal_fence(memory_order_seq_cst)
/* Bytes of entries are no atomics; only the scheduler's checks want to know who touches them. */
#define gy_bytes_read(from, n) ((void)0)
#define gy_bytes_written(to, n) ((void)0)
#endif

#define gy_load_rlx(p) gy_load_(p, memory_order_relaxed)
#define gy_load_acq(p) gy_load_(p, memory_order_acquire)
#define gy_load_seq(p) gy_load_(p, memory_order_seq_cst)

#define gy_store_rlx(p, v) gy_store_(p, v, memory_order_relaxed)
#define gy_store_rel(p, v) gy_store_(p, v, memory_order_release)
#define gy_store_seq(p, v) gy_store_(p, v, memory_order_seq_cst)

#define gy_add_rlx(p, v) gy_fetch_(fetch_add, p, v, memory_order_relaxed)
#define gy_add_seq(p, v) gy_fetch_(fetch_add, p, v, memory_order_seq_cst)
#define gy_sub_rlx(p, v) gy_fetch_(fetch_sub, p, v, memory_order_relaxed)
#define gy_swap_seq(p, v) gy_fetch_(exchange, p, v, memory_order_seq_cst)

#define gy_cas_seq(p, expected, desired)                                                           \
    gy_cas_(p, expected, desired, memory_order_seq_cst, memory_order_acquire)

/* For a counter that only its owner writes: no locked instruction. (Relaxed: a statistic.) */
#ifndef gy_count
static inline void
gy_count(gy_atomic_u64 *counter, uint64_t n)
{
#if defined(__x86_64__) && !defined(GY_POINTS) /* one instruction; of atomics, compilers make three */
    __asm__("addq %1, %0" : "+m"(*counter) : "er"(n) : "cc");
#else
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
#endif
}
#endif

#if defined(__x86_64__) && !defined(GY_POINTS) && !defined(GY_EXPLORE)
/* rax is taken for this instruction alone: of the builtin, gcc makes each hit that might come to it save a register. */
static inline void
gy_cas_unasked(gy_atomic_u64 *p, uint64_t expected, uint64_t desired)
{
    __asm__ volatile("movq %1, %%rax\n\tlock cmpxchgq %2, %0"
                     : "+m"(*p) : "r"(expected), "r"(desired) : "rax", "cc", "memory");
}
#else
#define gy_cas_unasked(p, expected, desired) ((void)gy_cas_seq((p), &(uint64_t){(expected)}, (desired)))
#endif

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");

#endif

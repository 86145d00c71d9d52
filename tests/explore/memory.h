/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What a load may return.
 *
 *   SC        the last value stored
 *   TSO       x86: each thread's stores wait in a buffer of its own, in order, until they are flushed at
 *             some moment, or by a locked instruction or fence of that thread, or a membarrier
 *   RELAXED   C11 without load buffering: a load may return any older value that coherence and the
 *             orders in force allow; what happens before what is followed by vector clocks
 *             (as C11Tester does: Luo and Demsky, ASPLOS 2021; views after Kang et al., POPL 2017)
 *
 * The memory itself always holds the newest value of each location in its modification order. */

#ifndef GY_EXPLORE_MEMORY_H
#define GY_EXPLORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rng.h"

enum memory_mode { MEMORY_SC, MEMORY_TSO, MEMORY_RELAXED, MEMORY_MODES };
enum { MEMORY_THREADS = 8 };

/* life: a number that the caller attaches to a stored value and gets back with it. */
struct memory_value {
    uint64_t value;
    uint32_t life;
};

void memory_begin(enum memory_mode mode, uint64_t seed);

struct memory_value memory_load(unsigned thread, const volatile void *from, unsigned size, int order);
/* RELAXED: the next load takes an old value as often as not. */
void memory_prefers_stale(void);
void memory_store(unsigned thread, volatile void *to, unsigned size, uint64_t value, int order);
/* Atomic: reads the newest value, and writes to it when write says so. */
uint64_t memory_read_for_update(unsigned thread, volatile void *at, unsigned size);
void memory_update(unsigned thread, volatile void *at, unsigned size, uint64_t value, uint32_t life, int order);
void memory_update_failed(unsigned thread, volatile void *at, unsigned size, int order);
void memory_fence(unsigned thread);
/* The stores before it are made by then, in TSO; without one, the compiler may move a store down across a
 * membarrier of another thread. */
void memory_compiler_barrier(unsigned thread);
/* Of the threads that it reaches. */
void memory_membarrier(unsigned thread, unsigned n_threads, bool (*reaches)(unsigned thread));

/* An operation of the thread begins: it sees at least the updates that were made before in real time, for a
 * locked instruction is visible to all when it is done. (C11 alone knows no time.) */
void memory_operation_begins(unsigned thread);

/* Between accesses, in TSO: buffered stores of any thread may become visible. */
void memory_tick(unsigned n_threads);
/* The thread's buffered stores become visible, or are lost with it. */
void memory_drain(unsigned thread);
void memory_drop(unsigned thread);
/* So that plain bytes that the thread is about to look at are its own latest. */
void memory_drain_for_bytes(unsigned thread, const void *at, size_t n);

/* From now on the thread knows all that the other, which does nothing more, has done. */
void memory_learn_all(unsigned thread, unsigned other);

/* Has all that thread `by` did up to its instant `at` happened before what `thread` does now? Instants
 * count the thread's accesses. Always true but in RELAXED. */
bool memory_happened_before(unsigned thread, unsigned by, uint32_t at);
uint32_t memory_instant(unsigned thread);

uint64_t memory_raw(const volatile void *from, unsigned size);
void memory_raw_store(volatile void *to, unsigned size, uint64_t value);

#endif

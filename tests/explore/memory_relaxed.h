/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The RELAXED mode of memory.h. */

#ifndef GY_EXPLORE_MEMORY_RELAXED_H
#define GY_EXPLORE_MEMORY_RELAXED_H

#include "memory.h"

void relaxed_begin(struct rng *rng);
struct memory_value relaxed_load(unsigned thread, const volatile void *from, unsigned size, int order);
void relaxed_load_newest(unsigned thread, const volatile void *from, unsigned size, int order);
void relaxed_store(unsigned thread, volatile void *to, unsigned size, uint64_t value, uint32_t life, int order);
void relaxed_update(unsigned thread, volatile void *at, unsigned size, uint64_t value, uint32_t life, int order);
void relaxed_operation_begins(unsigned thread);
void relaxed_fence(unsigned thread);
void relaxed_learn_all(unsigned thread, unsigned other);
bool relaxed_happened_before(unsigned thread, unsigned by, uint32_t at);
uint32_t relaxed_instant(unsigned thread);

#endif

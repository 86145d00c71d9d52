/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The history of src/history.c without a cache around it: the same buckets, cells, ages and chance
 * collisions, and plain memory. */

#ifndef GYRE_HISTORY_H
#define GYRE_HISTORY_H

#include "learn.h"
#include "policies.h"

struct gyre_history;

/* Places of keys are by a hash with this seed. What a cache of 50 entries does depends on it. */
extern uint64_t gyre_history_seed;

struct gyre_history *gyre_history_new(uint64_t entries);
void gyre_history_free(struct gyre_history *history);

/* `entries`: that many are in the cache now; so many evictions are a turnover. */
float gyre_history_turnovers(float evictions, uint64_t entries);
float gyre_history_soon(const struct gyre_history *history, uint64_t entries);
void gyre_history_remember(struct gyre_history *history, struct gy_learned *learned, uint32_t key,
                           unsigned kind, uint64_t entries);
unsigned gyre_history_recall(struct gyre_history *history, struct gy_learned *learned, uint32_t key,
                             uint64_t entries);

/* How many keys this one stands for: learn.h. */
unsigned gyre_history_sample(struct gy_learned *learned, uint32_t key);

#endif

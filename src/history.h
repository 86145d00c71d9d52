/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The history: fingerprints of keys that left the probation ring, four bytes each, in buckets of one
 * cache line, each with the time at which it came in (a count of what came in). Any thread, no order:
 * an entry that is lost or torn between two writers costs a wrong guess. */

#ifndef GY_HISTORY_H
#define GY_HISTORY_H

#include "cache.h"

void gy_history_remember(struct gyre *cache, uint64_t hash);

/* Was the key remembered among the last so many? It is forgotten by this. */
bool gy_history_recall(struct gyre *cache, uint64_t hash);

#endif

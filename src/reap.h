/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Clearing up after members of a shared cache that have died or leave. */

#ifndef GY_REAP_H
#define GY_REAP_H

#include "cache.h"

/* Looks whether members have died, and clears up after those. True when one was found. */
bool gy_reap_now(struct gyre *cache);

/* The same, but no more often than it may cost: for who finds something held. */
bool gy_reap_sometimes(struct gyre *cache);

static inline bool
gy_reap(struct gyre *cache)
{
    return gy_unlikely(cache->members != NULL) && gy_reap_sometimes(cache);
}

/* The same for one member, by its name. */
bool gy_reap_one(struct gyre *cache, uint32_t name);

/* Gives to others what an expelled member has, but for its place, its records and the pins under which it may yet write. Any
 * number may do so, at once and again: it may have taken something late. */
void gy_reap_expelled(struct gyre *cache, uint32_t place, uint32_t name);

/* Clears up after the member in that place, which is LEAVING with this process named, and makes the place free. */
void gy_reap_member(struct gyre *cache, uint32_t place, uint64_t leaving);

#endif

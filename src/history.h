/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The history: what kinds of entries were evicted, so that the policy learns which of them are asked for again,
 * and when. Two bytes a key, twice as many keys as the cache has entries. Any thread, no order: all of it is a
 * guess, and a wrong one costs a miss or an entry kept for nothing. */

#ifndef GY_HISTORY_H
#define GY_HISTORY_H

#include "cache.h"

/* Remembers an evicted key and the kind of entry it was. */
void gy_history_remember(struct gyre *cache, uint64_t hash, unsigned kind);

/* A key that is put anew: what kind of entry it begins as. If it was remembered, its return is learned of, and it
 * is forgotten. */
unsigned gy_history_recall(struct gyre *cache, uint64_t hash);

/* How much of the table is used: one part in 2^this. A word of the region: whatever it is, it is one that can be shifted
 * by, and keeps within the table. */
static inline uint64_t
gy_history_shift(const struct gyre *cache)
{
    return gy_load_rlx(&cache->super->history_shift) & 31; /* (Relaxed: a guess, like all of the history.) */
}

/* Where a key is remembered. */
static inline gy_atomic_u64 *
gy_history_bucket(const struct gyre *cache, uint64_t hash)
{
    uint64_t bucket = (hash & UINT32_MAX) * cache->g.n_history >> 32 >> gy_history_shift(cache);
    return (gy_atomic_u64 *)(uintptr_t)(cache->history + bucket * GY_HISTORY_WORDS);
}

/* What is remembered of a key: never 0. */
enum { GY_FINGERPRINT_BITS = 16 - GY_KIND_BITS };

static inline uint64_t
gy_history_fingerprint(uint64_t hash)
{
    uint64_t f = hash >> (64 - GY_FINGERPRINT_BITS);
    return f ? f : 1;
}

/* Starts the cache miss that either of the two will have. */
static inline void
gy_history_prefetch(const struct gyre *cache, uint64_t hash)
{
    __builtin_prefetch(gy_history_bucket(cache, hash), 1);
}

/* Evictions so far, and so many more: told by those who remember, for several at once; where processors have hands of
 * their own, a few dozen late. */
uint64_t gy_history_clock(struct gyre *cache);
void gy_history_tick(struct gyre *cache, unsigned hand, uint64_t evictions);

/* How many turnovers of the cache so many evictions are. */
static inline float
gy_history_turnovers(struct gyre *cache, float evictions)
{
    uint64_t entries = cache->g.max_entries ? cache->g.max_entries : gy_load_rlx(&cache->super->turnover);
    return evictions / (float)gy_max(entries, 1);
}

/* So many entries of so many bytes are in the cache: what turnovers and mean sizes go by. Where entries are larger
 * than the table was made for, a part of it is used, since ages are counted in buckets. */
void gy_history_fit(struct gyre *cache, uint64_t entries, uint64_t bytes);

/* The time within which the history takes a return for one at once, in turnovers. */
float gy_history_soon(struct gyre *cache);

#endif

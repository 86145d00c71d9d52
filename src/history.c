/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "history.h"

/* A cell: fingerprint (20 bits, not 0) and stamp (12 bits). The stamp is the clock in units of a 1024th
 * of the table, so it comes round after four times the table's length. All accesses relaxed: a guess. */
enum { CELLS = GY_LINE / 4, STAMP_BITS = 12, UNITS_LOG2 = 10 };
#define STAMP_MASK ((1u << STAMP_BITS) - 1)

static uint32_t
stamp_shift(const struct gyre *cache)
{
    return cache->g.log2_history > UNITS_LOG2 ? cache->g.log2_history - UNITS_LOG2 : 0;
}

static uint32_t
stamp_now(struct gyre *cache)
{
    return (uint32_t)(gy_load_rlx(&cache->super->history_clock) >> stamp_shift(cache)) & STAMP_MASK;
}

/* How old a cell may be, in units: the number of entries a cache of this limit holds. */
static uint32_t
oldest(const struct gyre *cache)
{
    uint64_t length = cache->g.max_entries ? cache->g.max_entries : (uint64_t)1 << cache->g.log2_history;
    return (uint32_t)gy_max(1, gy_min(length >> stamp_shift(cache), (uint64_t)1 << UNITS_LOG2));
}

static gy_atomic_u32 *
bucket_of(const struct gyre *cache, uint64_t hash)
{
    uint64_t n = ((uint64_t)1 << cache->g.log2_history) / CELLS;
    return cache->history + (gy_hash_first(hash) & (n - 1)) * CELLS;
}

static uint32_t
fingerprint(uint64_t hash)
{
    uint32_t f = (uint32_t)(hash >> (64 - (32 - STAMP_BITS)));
    return (f ? f : 1) << STAMP_BITS;
}

void
gy_history_remember(struct gyre *cache, uint64_t hash)
{
    gy_atomic_u32 *bucket = bucket_of(cache, hash), *victim = bucket;
    gy_add_rlx(&cache->super->history_clock, 1);
    uint32_t now = stamp_now(cache), mine = fingerprint(hash), worst = 0;
    for (unsigned i = 0; i < CELLS; i++) {
        uint32_t cell = gy_load_rlx(&bucket[i]);
        uint32_t age = cell == 0 ? STAMP_MASK + 1 : (now - cell) & STAMP_MASK;
        if ((cell & ~STAMP_MASK) == mine)
            age = STAMP_MASK + 2;
        if (age >= worst)
            worst = age, victim = &bucket[i];
    }
    gy_store_rlx(victim, mine | now);
}

bool
gy_history_recall(struct gyre *cache, uint64_t hash)
{
    gy_atomic_u32 *bucket = bucket_of(cache, hash);
    uint32_t now = stamp_now(cache), mine = fingerprint(hash);
    for (unsigned i = 0; i < CELLS; i++) {
        uint32_t cell = gy_load_rlx(&bucket[i]);
        if (cell != 0 && (cell & ~STAMP_MASK) == mine) {
            gy_store_rlx(&bucket[i], 0);
            return ((now - cell) & STAMP_MASK) <= oldest(cache);
        }
    }
    return false;
}

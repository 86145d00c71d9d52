/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What goes in and out of the index is counted here, by whoever's CAS did it. All relaxed: statistics,
 * and hints for growth and sweep. */

#ifndef GY_ACCOUNT_H
#define GY_ACCOUNT_H

#include "cache.h"

/* Bytes of an arena that no slot refers to any more, or never did. */
static inline void
gy_account_dead(struct gyre *cache, uint32_t arena, uint64_t bytes)
{
    gy_add_rlx(&cache->books[arena].dead, bytes);
}

static inline void
gy_account_ring(struct gyre *cache, uint32_t arena, int64_t n)
{
    if (cache->g.max_entries == 0)
        return;
    unsigned ring = gy_arena_ring(gy_load_rlx(&cache->words[arena])); /* constant: the arena is pinned */
    gy_add_seq(&cache->super->n_entries[ring], (uint64_t)n); /* the last of all puts at once sees all of them */
}

/* A committed word came into the index. */
static inline void
gy_account_in(struct gyre *cache, struct gy_shard *shard, uint32_t arena)
{
    gy_add_rlx(&shard->n_committed, 1);
    gy_account_ring(cache, arena, 1);
}

/* A committed word went out of it, or (in_place) gave its slot to another of its key. Its bytes are for the caller to
 * account for, who may have several. */
static inline void
gy_account_gone(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, uint32_t arena,
                uint64_t bytes, enum gyre_reason reason, bool in_place)
{
    gy_account_ring(cache, arena, -1);
    if (!in_place)
        gy_sub_rlx(&shard->n_committed, 1);
    gy_count(&r->count.removed[reason], 1);
    gy_count(&r->count.removed_bytes[reason], bytes);
}

/* The same, with its bytes. */
static inline void
gy_account_out(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, uint32_t arena,
               uint64_t bytes, enum gyre_reason reason, bool in_place)
{
    gy_account_dead(cache, arena, bytes);
    gy_account_gone(cache, r, shard, arena, bytes, reason, in_place);
}

/* An arena was swept to its end. */
static inline void
gy_account_retired(struct gyre *cache)
{
    gy_add_rlx(&cache->super->sweeps, 1);
    gy_add_rlx(&cache->super->n_retired, 1);
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What goes in and out of the index is counted here, by whoever's CAS did it. All relaxed: statistics,
 * and hints for growth and sweep. */

#ifndef GY_ACCOUNT_H
#define GY_ACCOUNT_H

#include "proof.h"

/* Bytes of an arena that no slot refers to any more, or never did. */
static inline void
gy_account_dead(struct gyre *cache, uint32_t arena, uint64_t bytes)
{
    gy_add_rlx(&cache->books[arena].dead, bytes);
}

/* A staged entry that nothing will refer to. */
static inline void
gy_account_given_up(struct gyre *cache, const struct gy_staged *staged)
{
    gy_account_dead(cache, staged->arena, staged->bytes);
    gy_proof_of_room(cache, staged);
}

static inline void
gy_account_ring(struct gyre *cache, uint32_t arena, int64_t n)
{
    if (cache->g.max_entries == 0)
        return;
    unsigned ring = gy_arena_ring(gy_load_rlx(&cache->words[arena])); /* constant: the arena is pinned */
    gy_add_seq(&cache->super->n_entries[ring], (uint64_t)n); /* the last of all puts at once sees all of them */
}

/* Every put changes a shard's count, and where processors have hands of their own its line would go from one to the
 * other: there a thread counts for itself, and tells the shard when it is so many. */
enum { GY_ACCOUNT_AT_ONCE = 32 };

/* A place's count of a shard. (Relaxed, here: statistics, and a hint for growth.) */
static inline gy_atomic_u64 *
gy_account_at(const struct gyre *cache, uint64_t place, uint64_t shard)
{
    return &cache->counts[place % GY_PLACES * gy_layout_counts(cache->n_shards) + shard];
}

static inline void
gy_account_apart(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, uint64_t more)
{
    uint64_t place = (uint64_t)(r - cache->records), number = (uint64_t)(shard - cache->super->shard);
    gy_atomic_u64 *count = gy_account_at(cache, place, number);
    if (gy_unlikely(gy_add_rlx(count, more) + more + GY_ACCOUNT_AT_ONCE > 2 * GY_ACCOUNT_AT_ONCE))
        gy_add_rlx(&shard->n_committed, gy_swap_seq(count, 0));
}

/* So many more committed words. Inside a section, for recounts. */
static inline void
gy_account_committed(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, uint64_t more)
{
    if (cache->hands_apart)
        gy_account_apart(cache, r, shard, more);
    else
        gy_add_rlx(&shard->n_committed, more);
}

/* The committed words of a shard: those it was told of, and those that it was not. Less than none, for moments. */
int64_t gy_account_entries(const struct gyre *cache, uint64_t shard);

/* Those of a process that is alone. */
void gy_account_set_quiet(struct gyre *cache, uint64_t shard, uint64_t n);

/* A committed word came into the index. */
static inline void
gy_account_in(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, uint32_t arena)
{
    gy_count(&r->count.arrived, 1);
    gy_account_committed(cache, r, shard, 1);
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
        gy_account_committed(cache, r, shard, (uint64_t)-1);
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

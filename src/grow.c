/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A shard doubles from N to 2N buckets (docs/protocols.md, growth and migrate). A word in bucket b stays
 * or moves to its image b + N, so a pass over buckets in ascending order meets every word that stays in
 * the cache. The phases, each entered when no operation of the one before the last is left:
 *
 *   stage       geometry          operations scan   insert into    ends when
 *   IDLE        N, STEADY         old               old            the load is too high
 *   WAIT_UNION  N, UNION          both              old            a grace period has elapsed
 *   WAIT_MOVING N, MOVING         both              images         a grace period has elapsed: from then
 *                                                                  on an old slot that is empty stays so
 *   MOVE        N, MOVING         both              images         every old bucket was moved, once
 *   WAIT_DRAIN  2N, STEADY        images            images         a grace period has elapsed
 *
 * A stage is changed by whoever holds driver, a try-lock that nobody waits for. Buckets are moved by
 * whoever claims them from the cursor: each by one mover only (two could bring one word back twice,
 * counterexample CE4). Lookups never wait and need no section. */

#include "grow.h"

#include "account.h"
#include "index.h"
#include "move.h"
#include "sweep.h"

enum stage { IDLE, WAIT_UNION, WAIT_MOVING, MOVE, WAIT_DRAIN };
enum { CHUNK = 4, CURSOR_SHIFT = 48 }; /* buckets that a put moves; the cursor carries log2 of N, see claim_chunk */

/* Load: committed words a hundred slots. At 64, as full as the first index is with what was expected (layout.c), one
 * insertion in twenty thousand evicts for want of a slot; at 68 that is exceeded by more than chance. While
 * the index is small beside the capacity it grows early: a small shard fills up within the grace periods
 * that its doubling needs, when threads outnumber processors. */
enum { LOAD_EARLY = 35, LOAD_GROW = 68, LOAD_URGENT = 71, SMALL_INDEX = 64 };

static inline unsigned
load_to_grow(const struct gyre *cache, unsigned log2)
{
    uint64_t doubled = (sizeof(struct gy_bucket) << log2 << 1) * cache->n_shards;
    return doubled <= cache->g.capacity_bytes / SMALL_INDEX ? LOAD_EARLY : LOAD_GROW;
}

/* By so many percent more than the load at which it grows. */
static inline bool
loaded(const struct gyre *cache, struct gy_shard *shard, unsigned more)
{
    unsigned log2 = gy_geometry_log2(gy_load_acq(&shard->geometry));
    int64_t n = (int64_t)gy_load_rlx(&shard->n_committed); /* (Relaxed: a hint.) */
    return n * 100 > (int64_t)((uint64_t)GY_BUCKET_SLOTS << log2) * (load_to_grow(cache, log2) + more) &&
           log2 < cache->g.log2_buckets_most;
}

static enum stage
stage_of(struct gy_shard *shard)
{
    return (enum stage)gy_load_acq(&shard->stage);
}

bool
gy_grow_wanted(const struct gyre *cache, unsigned number)
{
    struct gy_shard *shard = &cache->super->shard[number];
    return loaded(cache, shard, 0) || stage_of(shard) != IDLE;
}

bool
gy_grow_under_way(const struct gyre *cache, unsigned number)
{
    return stage_of(&cache->super->shard[number]) != IDLE;
}

bool
gy_grow_urgent(const struct gyre *cache, unsigned number)
{
    return loaded(cache, &cache->super->shard[number], LOAD_URGENT - LOAD_GROW);
}

/* The next geometry and stage; the grace period starts after the geometry shows. */
static void
turn(struct gyre *cache, struct gy_shard *shard, unsigned log2, enum gy_phase phase, enum stage stage)
{
    gy_store_seq(&shard->geometry, gy_geometry_word(log2, phase)); /* model: turn */
    gy_store_rlx(&shard->cookie, cache->rcu->start(cache)); /* (Relaxed: released by the stage.) */
    gy_store_rel(&shard->stage, stage);
}

/* Takes bytes for the new half out of what is set aside for the index. */
static bool
take_credit(struct gyre *cache, uint64_t bytes)
{
    gy_atomic_u64 *credit = &cache->super->index_credit;
    uint64_t have = gy_load_acq(credit);
    while (have >= bytes)
        if (gy_cas_seq(credit, &have, have - bytes))
            return true; /* else another shard took or gave some */
    return false;
}

/* Sets one more arena aside. */
static bool
raise_credit(struct gyre *cache, struct gy_record *r)
{
    if (!gy_sweep_room(cache, r) || !gy_arena_withdraw(cache))
        return false;
    gy_add_seq(&cache->super->index_credit, cache->arena_bytes);
    return true;
}

static bool
start(struct gyre *cache, struct gy_record *r, unsigned number)
{
    struct gy_shard *shard = &cache->super->shard[number];
    unsigned log2 = gy_geometry_log2(gy_load_acq(&shard->geometry));
    uint64_t bytes = sizeof(struct gy_bucket) << log2;
    if (!take_credit(cache, bytes))
        return raise_credit(cache, r);
    size_t offset = (size_t)(cache->g.index_at + cache->g.shard_bytes_most * number + bytes);
    if (cache->region.ops->reserve(&cache->region, offset, bytes) != GYRE_OK) {
        gy_add_seq(&cache->super->index_credit, bytes);
        return false;
    }
    gy_add_rlx(&cache->super->index_bytes, bytes);
    turn(cache, shard, log2, GY_UNION, WAIT_UNION); /* model: phase1 */
    return true;
}

/* migrate 2: a place in the image, made by evicting its coldest word when there is none. */
static gy_atomic_u64 *
place_in_image(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, struct gy_bucket *image,
               uint64_t word)
{
    for (unsigned tries = 0; tries < 2 * GY_BUCKET_SLOTS; tries++) {
        gy_atomic_u64 *coldest = NULL;
        unsigned least = UINT32_MAX;
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
            uint64_t there = gy_load_acq(&image->slot[s]);
            /* model: migrate2 */
            if (there == GY_EMPTY && gy_cas_seq(&image->slot[s], &there, word | GY_T))
                return &image->slot[s];
            if (!gy_slot_tentative(there) && gy_slot_freq(there) < least)
                least = gy_slot_freq(there), coldest = &image->slot[s];
        }
        struct gy_found f;
        if (coldest == NULL || !gy_index_pin(cache, coldest, &r->pin[GY_PIN_COMPARE], &f))
            continue;
        if (!gy_slot_tentative(f.word) && gy_index_evict(cache, r, shard, &f, GYRE_CONFLICT))
            gy_count(&r->count.window_conflicts, 1);
        gy_pin_clear(&r->pin[GY_PIN_COMPARE]);
    }
    return NULL;
}

/* migrate 1 to 4 for one slot, until it is empty or holds a word that stays. */
static void
move_slot(struct gyre *cache, struct gy_record *r, unsigned number, uint64_t b, uint64_t n, unsigned s)
{
    struct gy_shard *shard = &cache->super->shard[number];
    struct gy_bucket *base = gy_shard_buckets(cache, number);
    gy_atomic_u64 *old = &base[b].slot[s];
    for (;;) { /* again when a put, a delete, a sweep or a frequency bump changed the slot */
        uint64_t word = gy_load_acq(old); /* model: migrate1 */
        if (word == GY_EMPTY)
            return;
        struct gy_found f;
        bool movable;
        if (!gy_move_pin(cache, r, old, word, &f, &movable))
            continue;
        uint64_t hash = gy_hash(gy_entry_key(f.entry, f.header), f.header.key_bytes, cache->seed);
        uint64_t first = gy_hash_first(hash) & (2 * n - 1), second = gy_hash_second(hash) & (2 * n - 1);
        uint64_t to = (first & (n - 1)) == b ? first : second;
        bool done = to == b;
        if (!done && gy_slot_tentative(word)) {
            /* model: migrate1kill */
            done = gy_cas_seq(old, &word, GY_EMPTY); /* its owner accounts for it */
        } else if (!done) {
            gy_atomic_u64 *e = movable ? place_in_image(cache, r, shard, &base[b + n], word) : NULL;
            if (e == NULL)
                done = gy_index_evict(cache, r, shard, &f, GYRE_CONFLICT); /* model: migrate2evict */
            else
                done = gy_move_finish(cache, r, shard, &f, e);
        }
        gy_pin_clear(&r->pin[GY_PIN_MOVE]);
        if (done)
            return;
    }
}

/* The cursor is log2 of N and the next bucket, so that a claim cannot fall into another doubling. */
static bool
claim_chunk(struct gy_shard *shard, unsigned log2, uint64_t *first)
{
    uint64_t at = gy_load_acq(&shard->cursor), n = (uint64_t)1 << log2;
    do {
        *first = at & (((uint64_t)1 << CURSOR_SHIFT) - 1);
        if (at >> CURSOR_SHIFT != log2 || *first >= n)
            return false;
    /* model: migrateclaim */
    } while (!gy_cas_seq(&shard->cursor, &at, at + gy_min(CHUNK, n - *first))); /* another mover claimed */
    return true;
}

static bool
move_chunk(struct gyre *cache, struct gy_record *r, unsigned number)
{
    struct gy_shard *shard = &cache->super->shard[number];
    struct gy_bucket *base = gy_shard_buckets(cache, number);
    unsigned log2 = gy_geometry_log2(gy_load_acq(&shard->geometry));
    uint64_t n = (uint64_t)1 << log2, first;
    if (!claim_chunk(shard, log2, &first))
        return false;
    uint64_t end = gy_min(first + CHUNK, n);
    for (uint64_t b = first; b < end; b++) {
        __builtin_prefetch(&base[b + n]);
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
            uint64_t word = gy_load_acq(&base[b].slot[s]);
            if (gy_ref_arena(cache, gy_slot_ref(word)) != UINT32_MAX)
                __builtin_prefetch(gy_at(cache, gy_slot_ref(word)));
        }
    }
    for (uint64_t b = first; b < end; b++) {
        cache->rcu->enter(cache, r);
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
            move_slot(cache, r, number, b, n, s);
        cache->rcu->exit(cache, r);
    }
    gy_add_seq(&shard->finished, end - first);
    return true;
}

/* A turn of the stage, by the driver. */
static bool
advance(struct gyre *cache, struct gy_record *r, unsigned number)
{
    struct gy_shard *shard = &cache->super->shard[number];
    unsigned log2 = gy_geometry_log2(gy_load_acq(&shard->geometry));
    enum stage stage = stage_of(shard);
    if (stage == IDLE)
        return loaded(cache, shard, 0) && start(cache, r, number);
    if (stage == MOVE) {
        if (gy_load_acq(&shard->finished) != (uint64_t)1 << log2)
            return false;
        turn(cache, shard, log2 + 1, GY_STEADY, WAIT_DRAIN); /* model: phase3 */
        return true;
    }
    if (!cache->rcu->poll(cache, gy_load_rlx(&shard->cookie)))
        return false;
    switch (stage) {
    case WAIT_UNION:
        turn(cache, shard, log2, GY_MOVING, WAIT_MOVING); /* model: phase2 */
        break;
    case WAIT_MOVING:
        gy_store_rlx(&shard->finished, 0); /* (Relaxed: released by the stage and the cursor.) */
        gy_store_rel(&shard->stage, MOVE); /* model: phasemove */
        gy_store_rel(&shard->cursor, (uint64_t)log2 << CURSOR_SHIFT); /* pairs with claim_chunk */
        break;
    default:
        gy_add_rlx(&cache->super->growths, 1);
        gy_store_rel(&shard->stage, IDLE); /* model: phasedrain */
    }
    return true;
}

bool
gy_grow_step(struct gyre *cache, struct gy_record *r, unsigned number, bool may_wait)
{
    struct gy_shard *shard = &cache->super->shard[number];
    if (!gy_grow_wanted(cache, number))
        return false;
    if (stage_of(shard) == MOVE && move_chunk(cache, r, number))
        return true;
    enum stage stage = stage_of(shard);
    if ((!may_wait && stage != IDLE && stage != MOVE) || !gy_grow_drive(shard))
        return false;
    bool did = advance(cache, r, number);
    gy_grow_undrive(shard);
    return did;
}

/* The geometry is what operations went by; a driver that died in turn() had not told the stage yet. */
static enum stage
stage_by_geometry(enum gy_phase phase, enum stage stage)
{
    switch (phase) {
    case GY_STEADY:
        return stage == MOVE ? WAIT_DRAIN : stage;
    case GY_UNION:
        return WAIT_UNION;
    default:
        return stage == MOVE ? MOVE : WAIT_MOVING;
    }
}

/* (Relaxed, all here: this thread is alone.) */
void
gy_grow_mend_quiet(struct gyre *cache)
{
    uint64_t index_bytes = 0, arenas = 0;
    for (unsigned number = 0; number < cache->g.n_shards; number++) {
        struct gy_shard *shard = &cache->super->shard[number];
        uint64_t geometry = gy_load_rlx(&shard->geometry);
        enum stage stage = stage_by_geometry(gy_geometry_phase(geometry), stage_of(shard));
        index_bytes += gy_shard_extent(cache, number) * sizeof(struct gy_bucket);
        /* Chunks that were claimed may not have been moved: all are moved again. What was moved is gone
         * from its old bucket, and what stays there is left alone. */
        gy_store_rlx(&shard->finished, 0);
        gy_store_rlx(&shard->cursor, (uint64_t)gy_geometry_log2(geometry) << CURSOR_SHIFT);
        gy_store_rlx(&shard->cookie, cache->rcu->start(cache)); /* model: mendgrowth */
        gy_store_rlx(&shard->stage, stage);
        gy_store_rlx(&shard->driver, 0);
        gy_store_rlx(&shard->displaced, 0);
    }
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        arenas += gy_arena_state(gy_load_rlx(&cache->words[a])) != GY_WITHDRAWN;
    gy_store_rlx(&cache->super->index_bytes, index_bytes);
    gy_store_rlx(&cache->super->index_credit,
                 cache->g.capacity_bytes - index_bytes - (arenas << cache->g.arena_shift));
}

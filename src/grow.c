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
 * When a member of a shared cache dies in the middle of moving, nobody knows which buckets it had claimed. Then, when all
 * are claimed, movers are told to stop (WAIT_MOVERS, until a grace period has elapsed: they look at the stage in each
 * section), and the driver moves what was left (MOVE_ALONE). Both are as MOVE to everybody else.
 *
 * A stage is changed by whoever holds driver, a try-lock that nobody waits for. Buckets are moved by
 * whoever claims them from the cursor: each by one mover only (two could bring one word back twice,
 * counterexample CE4). Lookups never wait and need no section. */

#include "grow.h"

#include "account.h"
#include "index.h"
#include "move.h"
#include "reap.h"
#include "section.h"
#include "sweep.h"

enum stage { IDLE = GY_GROW_IDLE, WAIT_UNION, WAIT_MOVING, MOVE, WAIT_DRAIN, WAIT_MOVERS, MOVE_ALONE };
/* Buckets that a put moves, and who moves alone; the cursor carries log2 of N, see claim_chunk. */
enum { CHUNK = 4, ALONE = 256, CURSOR_SHIFT = 48 };
enum { LOAD_URGENT = 71 }; /* then writers help */

/* The logarithm of the buckets of a shard that doubles: of its lower half. */
static unsigned
lower_log2(const struct gyre *cache, unsigned number)
{
    return (unsigned)gy_min(gy_geometry_log2(gy_shard_geometry(cache, number)), cache->g.log2_buckets_most - 1);
}

static enum stage
stage_of(struct gy_shard *shard)
{
    return (enum stage)gy_load_acq(&shard->stage);
}

bool
gy_grow_wanted(const struct gyre *cache, unsigned number)
{
    return gy_grow_wanted_in(cache, &cache->super->shard[number]);
}

bool
gy_grow_under_way(const struct gyre *cache, unsigned number)
{
    return stage_of(&cache->super->shard[number]) != IDLE;
}

bool
gy_grow_urgent(const struct gyre *cache, unsigned number)
{
    return gy_grow_loaded(cache, &cache->super->shard[number], LOAD_URGENT - GY_GROW_LOAD);
}

/* For who may wait a moment: the driver may be dead. */
static bool
drive(struct gyre *cache, struct gy_shard *shard)
{
    return gy_grow_drive(cache, shard) || (gy_reap(cache) && gy_grow_drive(cache, shard));
}

/* The next geometry and stage; the grace period starts after the geometry shows. */
static void
turn(struct gyre *cache, struct gy_shard *shard, unsigned log2, enum gy_phase phase, enum stage stage)
{
    gy_store_seq(gy_grow_geometry(cache, shard), gy_geometry_word(log2, phase)); /* model: turn */
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
    if (!gy_sweep_room(cache, r, false) || !gy_arena_withdraw(cache))
        return false;
    gy_add_seq(&cache->super->index_credit, cache->arena_bytes);
    return true;
}

static bool
start(struct gyre *cache, struct gy_record *r, unsigned number)
{
    struct gy_shard *shard = &cache->super->shard[number];
    unsigned log2 = lower_log2(cache, number);
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
    unsigned log2 = lower_log2(cache, number);
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
    bool told_to_stop = false;
    for (uint64_t b = first; b < end && !told_to_stop; b++) {
        gy_section_enter(cache, r);
        told_to_stop = stage_of(shard) != MOVE;
        for (unsigned s = 0; s < GY_BUCKET_SLOTS && !told_to_stop; s++)
            move_slot(cache, r, number, b, n, s);
        if (b + 1 == end && !told_to_stop)
            gy_add_seq(&shard->finished, end - first); /* in the section: none comes late, see WAIT_MOVERS */
        gy_section_exit(cache, r);
    }
    return true;
}

/* All buckets are claimed, by some who may have died: has the driver to move what is left? */
static bool
left_by_the_dead(struct gy_shard *shard, unsigned log2)
{
    return gy_load_acq(&shard->orphaned) != 0 &&
           gy_load_acq(&shard->cursor) == ((uint64_t)log2 << CURSOR_SHIFT) + ((uint64_t)1 << log2);
}

/* The driver moves what the dead have left, some buckets a call; the only mover now. What was moved is gone from its old
 * bucket. True when there are none left. (Relaxed: only the driver uses finished by now.) */
static bool
move_alone(struct gyre *cache, struct gy_record *r, unsigned number, unsigned log2)
{
    struct gy_shard *shard = &cache->super->shard[number];
    uint64_t n = (uint64_t)1 << log2, b = gy_load_rlx(&shard->finished), end = gy_min(b + ALONE, n);
    for (; b < end; b++) {
        gy_section_enter(cache, r);
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
            move_slot(cache, r, number, b, n, s);
        gy_section_exit(cache, r);
    }
    gy_store_rlx(&shard->finished, b);
    return b >= n;
}

static bool
advance_move(struct gyre *cache, struct gy_record *r, unsigned number, enum stage stage, unsigned log2)
{
    struct gy_shard *shard = &cache->super->shard[number];
    bool done = stage == MOVE ? gy_load_acq(&shard->finished) == (uint64_t)1 << log2
                              : move_alone(cache, r, number, log2);
    if (done) {
        turn(cache, shard, log2 + 1, GY_STEADY, WAIT_DRAIN); /* model: phase3 */
    } else if (stage == MOVE) {
        if (!left_by_the_dead(shard, log2))
            return false;
        gy_store_seq(&shard->stage, WAIT_MOVERS); /* then the grace period: no mover begins a bucket after it */
        gy_store_rlx(&shard->cookie, cache->rcu->start(cache)); /* (Relaxed: who drives next reads both.) */
    }
    return true;
}

/* A turn of the stage, by the driver. */
static bool
advance(struct gyre *cache, struct gy_record *r, unsigned number)
{
    struct gy_shard *shard = &cache->super->shard[number];
    unsigned log2 = lower_log2(cache, number);
    enum stage stage = stage_of(shard);
    if (stage == IDLE)
        return gy_grow_loaded(cache, shard, 0) && start(cache, r, number);
    if (stage == MOVE || stage == MOVE_ALONE)
        return advance_move(cache, r, number, stage, log2);
    if (!cache->rcu->poll(cache, gy_load_rlx(&shard->cookie)))
        return false;
    switch (stage) {
    case WAIT_UNION:
        turn(cache, shard, log2, GY_MOVING, WAIT_MOVING); /* model: phase2 */
        break;
    case WAIT_MOVING:
        gy_store_rlx(&shard->finished, 0); /* (Relaxed: released by the stage and the cursor.) */
        gy_store_rlx(&shard->orphaned, 0);
        gy_store_rel(&shard->stage, MOVE); /* model: phasemove */
        gy_store_rel(&shard->cursor, (uint64_t)log2 << CURSOR_SHIFT); /* pairs with claim_chunk */
        break;
    case WAIT_MOVERS:
        gy_store_rlx(&shard->finished, 0); /* (Relaxed: released by the stage.) */
        gy_store_rel(&shard->stage, MOVE_ALONE);
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
    if (!gy_grow_wanted(cache, number) || cache->g.log2_buckets_most == 0)
        return false;
    if (stage_of(shard) == MOVE && move_chunk(cache, r, number))
        return true;
    enum stage stage = stage_of(shard);
    if ((!may_wait && stage != IDLE && stage != MOVE && stage != MOVE_ALONE) || !drive(cache, shard))
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
        return stage == MOVE || stage == MOVE_ALONE ? WAIT_DRAIN : stage;
    case GY_UNION:
        return WAIT_UNION;
    default:
        return stage == MOVE || stage == WAIT_MOVERS || stage == MOVE_ALONE ? stage : WAIT_MOVING;
    }
}

/* Its driver has died, or leaves: stage and cookie are brought in line with the geometry, as the next driver needs them.
 * Only who clears up after the driver does this, and nobody drives meanwhile. */
static void
take_over(struct gyre *cache, struct gy_shard *shard)
{
    uint64_t geometry = gy_load_acq(gy_grow_geometry(cache, shard)), log2 = gy_geometry_log2(geometry);
    enum stage stage = stage_by_geometry(gy_geometry_phase(geometry), stage_of(shard));
    /* model: takeover1 */
    gy_store_rlx(&shard->cookie, cache->rcu->start(cache)); /* (Relaxed: released by the stage.) */
    gy_store_rel(&shard->stage, stage); /* model: takeover2 */
    if (stage == MOVE && gy_load_acq(&shard->cursor) >> CURSOR_SHIFT != log2)
        gy_store_rel(&shard->cursor, log2 << CURSOR_SHIFT); /* it died in between */
}

void
gy_grow_release(struct gyre *cache, unsigned number, uint32_t member)
{
    struct gy_shard *shard = &cache->super->shard[number];
    uint64_t driver = gy_load_acq(&shard->driver);
    if (driver >> 32 == member) { /* model: reapdriver */
        take_over(cache, shard);
        gy_store_rlx(&shard->displaced, 0); /* (Relaxed: released with the driver's word.) */
        gy_cas_seq(&shard->driver, &driver, 0); /* model: takeover3 */
    }
    gy_store_seq(&shard->orphaned, 1); /* it may have claimed buckets: for this doubling */
}

/* The bytes of the index, and those set aside: nobody drives a growth. */
static void
count_bytes(struct gyre *cache)
{
    uint64_t index_bytes = 0, arenas = 0;
    for (unsigned number = 0; number < cache->g.n_shards; number++)
        index_bytes += gy_shard_extent(cache, number) * sizeof(struct gy_bucket);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        arenas += gy_arena_state(gy_load_acq(&cache->words[a])) != GY_WITHDRAWN;
    gy_store_rlx(&cache->super->index_bytes, index_bytes); /* (Relaxed: released with the driver's word.) */
    gy_store_rlx(&cache->super->index_credit,
                 cache->g.capacity_bytes - index_bytes - (arenas << cache->g.arena_shift));
}

bool
gy_grow_recount(struct gyre *cache)
{
    unsigned driven = 0;
    while (driven < cache->g.n_shards && drive(cache, &cache->super->shard[driven]))
        driven++;
    bool alone = driven == cache->g.n_shards;
    if (alone)
        count_bytes(cache);
    while (driven > 0)
        gy_grow_undrive(&cache->super->shard[--driven]);
    return alone;
}

/* (Relaxed, all here: this thread is alone.) */
void
gy_grow_mend_quiet(struct gyre *cache)
{
    for (unsigned number = 0; number < cache->g.n_shards; number++) {
        struct gy_shard *shard = &cache->super->shard[number];
        uint64_t geometry = gy_load_rlx(&cache->geometries[number]);
        enum stage stage = stage_by_geometry(gy_geometry_phase(geometry), stage_of(shard));
        /* Chunks that were claimed may not have been moved: all are moved again. What was moved is gone
         * from its old bucket, and what stays there is left alone. */
        gy_store_rlx(&shard->finished, 0);
        gy_store_rlx(&shard->cursor, (uint64_t)gy_geometry_log2(geometry) << CURSOR_SHIFT);
        gy_store_rlx(&shard->cookie, cache->rcu->start(cache)); /* model: mendgrowth */
        gy_store_rlx(&shard->stage, stage);
        gy_store_rlx(&shard->driver, 0);
        gy_store_rlx(&shard->displaced, 0);
    }
    count_bytes(cache);
}

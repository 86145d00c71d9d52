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
 * counterexample CE4). Lookups never wait and need no section.
 *
 * A member that was expelled may come back in the middle of a step, when another drives. So all words of a growth are
 * changed by CAS, from what the step began with, and none has the same value twice: the geometry only grows, the
 * stage's word has the cookie of its grace period, the cursor and the count of finished buckets bear log2 of N. What comes late
 * fails; or does what was right to do, and the others have not yet. */

#include "grow.h"

#include "account.h"
#include "credit.h"
#include "index.h"
#include "move.h"
#include "reap.h"
#include "section.h"
#include "sweep.h"

enum stage { IDLE = GY_GROW_IDLE, WAIT_UNION, WAIT_MOVING, MOVE, WAIT_DRAIN, WAIT_MOVERS, MOVE_ALONE };
/* Buckets a call, of who moves alone; the cursor carries log2 of N, see claim_bucket. */
enum { ALONE = 256, CURSOR_SHIFT = 48, STAGE_BITS = GY_GROW_STAGE_BITS };

/* The logarithm of the buckets of a shard that doubles: of its lower half. */
static unsigned
lower_log2(const struct gyre *cache, uint64_t geometry)
{
    return (unsigned)gy_min(gy_geometry_log2(geometry & cache->geometry_bits), cache->g.log2_buckets_most - 1);
}

/* A word of the stage: the stage, and above it the cookie of the last grace period that was started. */
static enum stage
stage_in(uint64_t word)
{
    return (enum stage)(word & ((1 << STAGE_BITS) - 1));
}

static uint64_t
with_stage(uint64_t word, enum stage stage)
{
    return word >> STAGE_BITS << STAGE_BITS | (uint64_t)stage;
}

static enum stage
stage_of(struct gy_shard *shard)
{
    return stage_in(gy_load_acq(&shard->stage));
}

/* How many of a doubling's buckets are finished; when one moves alone, which is next. Above: whose count it is. */
static uint64_t
finished_word(unsigned log2, bool alone, uint64_t buckets)
{
    return ((uint64_t)log2 << 1 | alone) << CURSOR_SHIFT | buckets;
}

/* The count begins: once, whoever comes late. */
static void
begin_count(struct gy_shard *shard, unsigned log2, bool alone)
{
    uint64_t seen = gy_load_acq(&shard->finished), first = finished_word(log2, alone, 0);
    if (seen >> CURSOR_SHIFT != first >> CURSOR_SHIFT)
        gy_cas_seq(&shard->finished, &seen, first);
}

/* The cursor, likewise. */
static void
begin_cursor(struct gy_shard *shard, unsigned log2)
{
    uint64_t seen = gy_load_acq(&shard->cursor);
    if (seen >> CURSOR_SHIFT != log2)
        gy_cas_seq(&shard->cursor, &seen, (uint64_t)log2 << CURSOR_SHIFT); /* pairs with claim_bucket */
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

/* For who may wait a moment: the driver may be dead. */
static bool
drive(struct gyre *cache, struct gy_shard *shard)
{
    return gy_grow_drive(cache, shard) || (gy_reap(cache) && gy_grow_drive(cache, shard));
}

/* A step of the driver: what it found. */
struct drive {
    struct gyre *cache;
    struct gy_record *r;
    struct gy_shard *shard;
    unsigned number, log2;
    uint64_t geometry, stage; /* words */
};

static bool
change_stage(struct drive *d, enum stage stage)
{
    uint64_t seen = d->stage;
    d->stage = with_stage(seen, stage);
    return gy_cas_seq(&d->shard->stage, &seen, d->stage); /* else another has driven on */
}

/* The same, with a grace period that begins now. */
static void
change_stage_and_wait(struct drive *d, enum stage stage)
{
    uint64_t cookie = d->cache->rcu->start(d->cache);
    gy_cas_seq(&d->shard->stage, &d->stage, with_stage(cookie << STAGE_BITS, stage)); /* else another has driven on */
}

/* The next geometry and stage; the grace period starts after the geometry shows. True: it is this step that showed it.
 * False: it shows already, or a later one does, which this step knows nothing of. */
static bool
turn(struct drive *d, unsigned log2, enum gy_phase phase, enum stage stage)
{
    uint64_t next = gy_geometry_word(log2, phase), seen = d->geometry;
    bool mine = gy_cas_seq(gy_grow_geometry(d->cache, d->shard), &seen, next); /* model: turn */
    if (mine || seen == next)
        change_stage_and_wait(d, stage);
    return mine;
}

/* Sets one more arena aside. */
static bool
raise_credit(struct gyre *cache, struct gy_record *r)
{
    if (!gy_sweep_room(cache, r, false) || !gy_arena_withdraw(cache))
        return false;
    gy_credit_give(cache, cache->arena_bytes);
    return true;
}

static bool
start(struct drive *d)
{
    struct gyre *cache = d->cache;
    uint64_t bytes = sizeof(struct gy_bucket) << d->log2;
    if (!gy_credit_take(cache, bytes))
        return raise_credit(cache, d->r);
    size_t offset = (size_t)(cache->g.index_at + cache->g.shard_bytes_most * d->number + bytes);
    if (cache->region.ops->reserve(&cache->region, offset, bytes) != GYRE_OK) {
        gy_credit_give(cache, bytes);
        return false;
    }
    gy_add_rlx(&cache->super->index_bytes, bytes);
    if (!turn(d, d->log2, GY_UNION, WAIT_UNION)) { /* model: phase1 */
        gy_sub_rlx(&cache->super->index_bytes, bytes);
        gy_credit_give(cache, bytes);
    }
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
        if (!gy_move_read(cache, r, old, word, &f))
            continue;
        uint64_t hash = gy_hash(gy_entry_key(f.entry, f.header), f.header.key_bytes, cache->seed);
        uint64_t first = gy_hash_first(hash) & (2 * n - 1), second = gy_hash_second(hash) & (2 * n - 1);
        uint64_t to = (first & (n - 1)) == b ? first : second;
        bool done = to == b;
        if (!done && gy_slot_tentative(f.word)) {
            gy_proof_void_moving(cache, &f);
            /* model: migrate1kill */
            done = gy_cas_seq(old, &f.word, GY_EMPTY); /* its owner accounts for it */
        } else if (!done && gy_move_hold(cache, r, &f, &movable)) {
            gy_atomic_u64 *e = movable ? place_in_image(cache, r, shard, &base[b + n], f.word) : NULL;
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

static uint64_t
bucket_at(uint64_t cursor)
{
    return cursor & (((uint64_t)1 << CURSOR_SHIFT) - 1);
}

/* So many buckets at most, from *b on. The cursor is log2 of N and the next bucket, so that a claim cannot fall into
 * another doubling. */
static uint64_t
claim_buckets(struct gy_shard *shard, unsigned log2, uint64_t most, uint64_t *b)
{
    uint64_t at = gy_load_acq(&shard->cursor), n = (uint64_t)1 << log2, some;
    do {
        *b = bucket_at(at);
        if (at >> CURSOR_SHIFT != log2 || *b >= n)
            return 0;
        some = gy_min(most, n - *b);
    /* model: migrateclaim */
    } while (!gy_cas_seq(&shard->cursor, &at, at + some)); /* another mover claimed */
    return some;
}

/* In the section: none comes late but of who was expelled, who finds another count. */
static void
count_finished(struct gy_shard *shard, unsigned log2, uint64_t some)
{
    uint64_t seen = gy_load_acq(&shard->finished), whose = finished_word(log2, false, 0) >> CURSOR_SHIFT;
    while (seen >> CURSOR_SHIFT == whose && !gy_cas_seq(&shard->finished, &seen, seen + some))
        ; /* retried because another mover finished one */
}

/* Starts the misses that moving a bucket will have. */
static GY_INLINE void
prefetch(const struct gyre *cache, struct gy_bucket *bucket, struct gy_bucket *image)
{
    __builtin_prefetch(image, 1);
    for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
        gy_move_prefetch(cache, gy_load_acq(&bucket->slot[s]));
}

static bool
move_buckets(struct gyre *cache, struct gy_record *r, unsigned number, unsigned most)
{
    struct gy_shard *shard = &cache->super->shard[number];
    struct gy_bucket *base = gy_shard_buckets(cache, number);
    unsigned log2 = lower_log2(cache, gy_load_acq(gy_grow_geometry(cache, shard)));
    uint64_t n = (uint64_t)1 << log2, b, some = claim_buckets(shard, log2, most, &b), end = b + some;
    if (some == 0)
        return false;
    prefetch(cache, &base[b], &base[b + n]);
    gy_section_enter(cache, r);
    if (stage_of(shard) == MOVE && !gy_record_expelled(r)) { /* else others move what is left */
        for (; b < end; b++) {
            if (b + 1 < end)
                prefetch(cache, &base[b + 1], &base[b + 1 + n]);
            for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
                move_slot(cache, r, number, b, n, s);
        }
        count_finished(shard, log2, some);
    }
    gy_section_exit(cache, r);
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
 * bucket. True when there are none left. */
static bool
move_alone(struct drive *d)
{
    struct gyre *cache = d->cache;
    uint64_t seen = gy_load_acq(&d->shard->finished), n = (uint64_t)1 << d->log2;
    if (seen >> CURSOR_SHIFT != finished_word(d->log2, true, 0) >> CURSOR_SHIFT)
        return false;
    uint64_t b = bucket_at(seen), end = gy_min(b + ALONE, n);
    for (; b < end; b++) {
        gy_section_enter(cache, d->r);
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
            move_slot(cache, d->r, d->number, b, n, s);
        gy_section_exit(cache, d->r);
    }
    gy_cas_seq(&d->shard->finished, &seen, finished_word(d->log2, true, end));
    return end >= n;
}

static bool
advance_move(struct drive *d)
{
    bool moving = stage_in(d->stage) == MOVE;
    bool done = moving ? gy_load_acq(&d->shard->finished) == finished_word(d->log2, false, (uint64_t)1 << d->log2)
                       : move_alone(d);
    if (done) {
        turn(d, d->log2 + 1, GY_STEADY, WAIT_DRAIN); /* model: phase3 */
    } else if (moving) {
        if (!left_by_the_dead(d->shard, d->log2))
            return false;
        if (change_stage(d, WAIT_MOVERS)) /* then the grace period: no mover begins a bucket after it */
            change_stage_and_wait(d, WAIT_MOVERS);
    }
    return true;
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

/* Its driver has died, or leaves, or was expelled: the stage is brought in line with the geometry, with a grace period that
 * begins now, as the next driver needs them. What the last one may do late fails then. */
static void
take_over(struct gyre *cache, struct gy_shard *shard)
{
    struct drive d = {.cache = cache, .shard = shard, .stage = gy_load_acq(&shard->stage)};
    uint64_t geometry = gy_load_acq(gy_grow_geometry(cache, shard));
    enum stage stage = stage_by_geometry(gy_geometry_phase(geometry), stage_in(d.stage));
    change_stage_and_wait(&d, stage); /* model: takeover1, takeover2 */
    if (stage == MOVE)
        begin_cursor(shard, lower_log2(cache, geometry)); /* it died in between */
}

/* A turn of the stage, by the driver. */
static bool
advance(struct gyre *cache, struct gy_record *r, unsigned number)
{
    struct gy_shard *shard = &cache->super->shard[number];
    struct drive d = {.cache = cache, .r = r, .shard = shard, .number = number, .stage = gy_load_acq(&shard->stage),
                      .geometry = gy_load_acq(gy_grow_geometry(cache, shard))};
    enum stage stage = stage_in(d.stage);
    d.log2 = lower_log2(cache, d.geometry);
    if (gy_unlikely(stage_by_geometry(gy_geometry_phase(d.geometry), stage) != stage)) {
        take_over(cache, shard); /* one who was expelled has shown this geometry late */
        return true;
    }
    if (stage == IDLE)
        return gy_grow_loaded(cache, shard) && start(&d);
    if (stage == MOVE || stage == MOVE_ALONE)
        return advance_move(&d);
    if (!cache->rcu->poll(cache, d.stage >> STAGE_BITS))
        return false;
    switch (stage) {
    case WAIT_UNION:
        turn(&d, d.log2, GY_MOVING, WAIT_MOVING); /* model: phase2 */
        break;
    case WAIT_MOVING:
        begin_count(shard, d.log2, false);
        gy_store_rlx(&shard->orphaned, 0); /* (Relaxed: released by the stage and the cursor.) */
        change_stage(&d, MOVE); /* model: phasemove */
        begin_cursor(shard, d.log2);
        break;
    case WAIT_MOVERS:
        begin_count(shard, d.log2, true);
        change_stage(&d, MOVE_ALONE);
        break;
    default:
        gy_add_rlx(&cache->super->growths, 1);
        change_stage(&d, IDLE); /* model: phasedrain */
    }
    return true;
}

/* Two buckets for each word beyond the load: all before it is 6 % fuller. Each put there moves one, while that is so. */
bool
gy_grow_behind(const struct gyre *cache, struct gy_shard *shard)
{
    enum { BUCKETS = 2 };
    uint64_t bytes = sizeof(struct gy_bucket) << lower_log2(cache, gy_load_acq(gy_grow_geometry(cache, shard)));
    int64_t due = gy_grow_beyond(cache, shard, bytes) / 100 * BUCKETS;
    return stage_of(shard) != MOVE || (int64_t)bucket_at(gy_load_acq(&shard->cursor)) < due;
}

bool
gy_grow_steps(struct gyre *cache, struct gy_record *r, unsigned number, bool may_wait, unsigned buckets)
{
    struct gy_shard *shard = &cache->super->shard[number];
    if (!gy_grow_wanted(cache, number) || cache->g.log2_buckets_most == 0 || gy_record_expelled(r))
        return false;
    if (stage_of(shard) == MOVE && move_buckets(cache, r, number, buckets))
        return true;
    enum stage stage = stage_of(shard);
    if ((!may_wait && stage != IDLE && stage != MOVE && stage != MOVE_ALONE) || !drive(cache, shard))
        return false;
    bool did = advance(cache, r, number);
    gy_grow_undrive(cache, shard);
    return did;
}

void
gy_grow_release(struct gyre *cache, unsigned number, uint32_t member)
{
    struct gy_shard *shard = &cache->super->shard[number];
    uint64_t driver = gy_load_acq(&shard->driver), displaced = gy_load_acq(&shard->displaced);
    if (driver >> 32 == member) { /* model: reapdriver */
        take_over(cache, shard);
        gy_cas_seq(&shard->displaced, &displaced, 0);
        gy_cas_seq(&shard->driver, &driver, 0); /* model: takeover3 */
    } else if (displaced != 0 && gy_grow_drive(cache, shard)) {
        gy_cas_seq(&shard->displaced, &displaced, 0); /* of one who came late, if nobody has displaced since */
        gy_grow_undrive(cache, shard);
    }
    gy_store_seq(&shard->orphaned, 1); /* it may have claimed buckets: for this doubling */
}

bool
gy_grow_recount(struct gyre *cache)
{
    unsigned driven = 0;
    while (driven < cache->g.n_shards && drive(cache, &cache->super->shard[driven]))
        driven++;
    bool exact = driven == cache->g.n_shards && gy_credit_count(cache);
    while (driven > 0)
        gy_grow_undrive(cache, &cache->super->shard[--driven]);
    return exact;
}

/* (Relaxed, all here: this thread is alone.) */
void
gy_grow_mend_quiet(struct gyre *cache)
{
    for (unsigned number = 0; number < cache->g.n_shards; number++) {
        struct gy_shard *shard = &cache->super->shard[number];
        uint64_t geometry = gy_load_rlx(&cache->geometries[number]);
        enum stage stage = stage_by_geometry(gy_geometry_phase(geometry), stage_of(shard));
        /* Buckets that were claimed may not have been moved: all are moved again. What was moved is gone
         * from its old bucket, and what stays there is left alone. */
        unsigned log2 = gy_geometry_log2(geometry);
        gy_store_rlx(&shard->finished, finished_word(log2, stage == MOVE_ALONE, 0));
        gy_store_rlx(&shard->cursor, (uint64_t)log2 << CURSOR_SHIFT);
        gy_store_rlx(&shard->stage, with_stage(cache->rcu->start(cache) << STAGE_BITS, stage)); /* model: mendgrowth */
        gy_store_rlx(&shard->driver, 0);
        gy_store_rlx(&shard->displaced, 0);
    }
    gy_credit_count(cache);
}

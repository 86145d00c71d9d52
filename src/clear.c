/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* clear 1 to 4 (docs/protocols.md). Every arena has an opening number from the sequence that also gives
 * the mark; what stands in an arena opened before the mark is gone.
 *
 *   1 mark := a number m1 drawn from the sequence, then mark := m2 drawn after m1 was stored. One number
 *     would not do: a sweep that looked at the mark before it was stored could have copied an old entry
 *     into an arena opened after m1 was drawn. Any such arena is opened before m2.
 *   2 The open arenas are sealed; writers take no arena opened before the mark. The caller returns.
 *   3 A grace period: writers look at the mark inside their sections, so after it nobody publishes an
 *     entry of an old arena any more. (A sweep's copy of one goes to an arena that is old, too.)
 *   4 A pass over the index, in ascending order of buckets, removes all words with refs into old arenas.
 *     done := mark.
 *
 * A file that is doubted (doubt.h) is passed in the same way: the pass removes what does not prove itself, too, and takes
 * the doubt away with 4's store.
 *
 * 3 and 4 are every process's own, where the cache is shared: how far it has come it keeps to itself, so nobody has to take
 * a clear over, and nobody who comes late can spoil another's. One does it as a rule, the maintainer; whoever is
 * through first raises done, and the others stop. */

#include "clear.h"

#include "doubt.h"
#include "proof.h"
#include "section.h"

enum stage { IDLE, WAIT, PASS }; /* PASS + n: shard n is being passed, from bucket clear_at on */
enum { BUCKETS_A_STEP = 256, AHEAD = 2 };

static uint64_t
raise_mark(struct gyre *cache)
{
    struct gy_super *s = cache->super;
    uint64_t number = gy_add_seq(&s->sequence, 1), seen = gy_load_acq(&s->mark);
    while (seen < number && !gy_cas_seq(&s->mark, &seen, number))
        ; /* retried because another clear raised it; it only rises */
    return number;
}

void
gy_clear_begin(struct gyre *cache)
{
    raise_mark(cache);
    raise_mark(cache);
    gy_proof_mark(cache);
    for (unsigned lane = 0; lane < cache->g.n_lanes; lane++)
        for (unsigned ring = 0; ring < GY_RINGS; ring++)
            gy_arena_seal(cache, lane, ring);
}

/* False: it was damaged, and has been removed. */
static bool
ask_for_proof(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, struct gy_bucket *bucket,
              const struct gy_found *f)
{
    if (gy_slot_tentative(f->word) || gy_doubt_well_placed(cache, f, bucket))
        return true;
    gy_doubt_void(cache, f, bucket);
    gy_doubt_remove(cache, r, shard, f->slot, f->word);
    return false;
}

static void
clear_slot(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, struct gy_bucket *bucket, unsigned s,
           uint64_t mark)
{
    gy_atomic_u64 *slot = &bucket->slot[s];
    struct gy_found f;
    bool doubted = gy_doubted(cache);
    gy_section_enter(cache, r); /* for recounts: another's pass may end the clear while this one has yet to count */
    for (uint64_t seen = gy_load_acq(slot); seen != GY_EMPTY; seen = gy_load_acq(slot)) {
        if (!gy_index_pin(cache, slot, &r->pin[GY_PIN_COMPARE], &f)) {
            if (!doubted)
                break;
            gy_doubt_remove(cache, r, shard, slot, seen); /* as it was, or else it is looked at again */
            continue;
        }
        uint64_t word = f.word;
        if (doubted && !ask_for_proof(cache, r, shard, bucket, &f))
            continue;
        if (gy_load_rlx(&cache->books[f.arena].opened) >= mark) /* (Relaxed: constant under the pin.) */
            break;
        if (gy_slot_tentative(word) ? gy_cas_seq(slot, &word, GY_EMPTY)
                                    : gy_index_evict(cache, r, shard, &f, GYRE_CLEARED))
            break; /* else it was changed by another's CAS, and is looked at again */
    }
    gy_pin_clear(&r->pin[GY_PIN_COMPARE]);
    gy_section_exit(cache, r);
}

/* The misses of a bucket that will be passed soon, when all entries are looked at. */
static void
fetch_ahead(const struct gyre *cache, struct gy_bucket *bucket)
{
    for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
        uint64_t word = gy_load_acq(&bucket->slot[s]);
        if (gy_ref_arena(cache, gy_slot_ref(word)) != UINT32_MAX)
            __builtin_prefetch(gy_at(cache, gy_slot_ref(word)));
    }
}

/* Passes some buckets of a shard. True when it is done with the shard. The extent is read anew for each
 * bucket: a word that growth moves ahead of the pass is met there. */
static bool
clear_shard(struct gyre *cache, struct gy_record *r, unsigned number, uint64_t mark)
{
    struct gy_bucket *base = gy_shard_buckets(cache, number);
    uint64_t b = gy_load_rlx(&cache->clear_at), end = b + BUCKETS_A_STEP;
    for (; b < gy_shard_extent(cache, number); b++) {
        if (b == end) {
            gy_store_rlx(&cache->clear_at, b);
            return false;
        }
        if (gy_doubted(cache) && b + AHEAD < gy_shard_extent(cache, number))
            fetch_ahead(cache, &base[b + AHEAD]);
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
            if (gy_load_acq(&base[b].slot[s]) != GY_EMPTY)
                clear_slot(cache, r, &cache->super->shard[number], &base[b], s, mark);
    }
    gy_store_rlx(&cache->clear_at, 0);
    return true;
}

/* What was emptied stays so: whoever has passed the index last, done only rises. (Beyond the mark it is damaged.) */
static void
raise_done(struct gy_super *s, uint64_t target)
{
    uint64_t seen = gy_load_acq(&s->done);
    while ((seen < target || seen > gy_load_acq(&s->mark)) && !gy_cas_seq(&s->done, &seen, target)) /* after the pass; pairs with clear_pending */
        ; /* retried because another process has passed the index, too */
}

/* (Relaxed, here and above: who is clearing alone uses clear_stage, _at, _target and _cookie.) */
static bool
advance(struct gyre *cache, struct gy_record *r)
{
    struct gy_super *s = cache->super;
    uint64_t stage = gy_load_rlx(&cache->clear_stage);
    if (stage == IDLE) {
        gy_store_rlx(&cache->clear_target, gy_load_seq(&s->mark));
        gy_store_rlx(&cache->clear_cookie, cache->rcu->start(cache));
        gy_store_rlx(&cache->clear_stage, WAIT);
        return true;
    }
    if (stage == WAIT) {
        if (!cache->rcu->poll(cache, gy_load_rlx(&cache->clear_cookie)))
            return false;
        gy_store_rlx(&cache->clear_stage, PASS);
        return true;
    }
    unsigned number = (unsigned)(stage - PASS);
    if (!clear_shard(cache, r, number, gy_load_rlx(&cache->clear_target)))
        return true;
    if (number + 1 < cache->g.n_shards) {
        gy_store_rlx(&cache->clear_stage, stage + 1);
    } else {
        raise_done(s, gy_load_rlx(&cache->clear_target));
        gy_store_rlx(&cache->clear_stage, IDLE);
    }
    return true;
}

bool
gy_clear_step(struct gyre *cache, struct gy_record *r)
{
    uint32_t idle = 0;
    if (!gy_clear_pending(cache))
        return false;
    /* model: drive */
    if (!gy_cas_seq(&cache->clearing, &idle, 1))
        return false;
    bool did = gy_clear_pending(cache) && advance(cache, r);
    /* model: undrive */
    gy_store_rel(&cache->clearing, 0); /* pairs with the next one's CAS */
    return did;
}

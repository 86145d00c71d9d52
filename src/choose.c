/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "choose.h"

#include <sched.h>

#include "hand.h"
#include "history.h"
#include "index.h"
#include "learn.h"
#include "proof.h"
#include "reap.h"
#include "section.h"

/* Where the walk of who has claimed an arena begins: where the others' has come to, unless somebody has not done what
 * he took, or writers published behind the hand. One look decides: what is taken after it, by those who joined before
 * the claim, is not done. */
static uint64_t
begin(struct gy_book *book)
{
    uint64_t progress = gy_load_acq(&book->progress);
    while (progress & (GY_PROGRESS_LATE | GY_PROGRESS_BUSY))
        if (gy_cas_seq(&book->progress, &progress, gy_progress_again(progress))) /* model: sweep8begin */
            return 0;
    return gy_progress_taken(progress);
}

/* (Relaxed: they steer the choice.) */
static uint64_t
live_bytes(struct gy_book *book)
{
    uint64_t used = gy_load_rlx(&book->position) & ~GY_CLOSED;
    return used - gy_min(used, gy_load_rlx(&book->dead));
}

/* SEALED or PARKED -> SWEEPING; sweep 1. Not when a pin is on it, which may be a writer's; a reader's would keep
 * the room from being gained. */
static bool
claim(struct gyre *cache, struct gy_record *r, uint32_t arena, uint64_t word, struct gy_choice *out)
{
    bool parked = gy_arena_state(word) == GY_PARKED;
    uint32_t owner = gy_proof_owner(cache, arena);
    uint64_t sweeping = gy_arena_swept_by(word, gy_member_number(cache));
    if (!gy_cas_seq(&cache->words[arena], &word, sweeping)) /* model: sweep1, sweep7 */
        return false;
    uint64_t progress = gy_load_acq(&cache->books[arena].progress);
    if ((!parked || (progress & GY_PROGRESS_LATE)) && gy_arena_pinned(cache, arena)) { /* model: sweep1look */
        uint64_t seen = sweeping;
        gy_cas_seq(&cache->words[arena], &seen, gy_arena_with_state(sweeping, parked ? GY_PARKED : GY_SEALED));
        return false;
    }
    gy_proof_disown(cache, arena, owner);
    if (!parked)
        gy_sub_rlx(&cache->super->sealed[gy_arena_ring(word)], live_bytes(&cache->books[arena]));
    bool compact = parked && (progress & GY_PROGRESS_COMPACT);
    *out = (struct gy_choice){.arena = arena, .compact = compact, .word = sweeping};
    /* A pin, for who is expelled: the arena is then swept by others, and not freed while this thread may read it. As of who
     * joins: it is freed after the word has changed, a membarrier, and a look at the pins. */
    gy_pin_set(cache, &r->pin[GY_PIN_SWEEP], gy_pin_word(cache, arena, GY_PIN_SWEEPING));
    if (gy_unlikely(gy_load_acq(&cache->words[arena]) != sweeping)) {
        gy_pin_clear(&r->pin[GY_PIN_SWEEP]);
        return false;
    }
    out->from = begin(&cache->books[arena]);
    return true;
}

enum joined { JOINED, CHANGED, HELD };

/* Joins the sweep of a parked arena, sweep 8: with a pin, as readers hold arenas. Whoever frees it retires it
 * first, then issues a membarrier, then looks at the pins: either the look sees ours, or we see that it is not
 * parked any more. HELD: others have the last of its entries, or writers pin it; again: then begins from the start
 * all the same. */
static enum joined
join(struct gyre *cache, struct gy_record *r, uint32_t arena, uint64_t word, bool again, struct gy_choice *out)
{
    gy_pin_set(cache, &r->pin[GY_PIN_MOVE], gy_pin_word(cache, arena, GY_PIN_SWEEPING)); /* model: sweep8join */
    enum joined result = gy_load_acq(&cache->words[arena]) == word ? JOINED : CHANGED;
    struct gy_book *book = &cache->books[arena];
    uint64_t progress = gy_load_acq(&book->progress), end = gy_load_acq(&book->position) & ~GY_CLOSED;
    if (result == JOINED && gy_progress_taken(progress) >= end) {
        if ((progress & GY_PROGRESS_LATE) && gy_arena_written(cache, arena))
            result = HELD;
        else if (progress & GY_PROGRESS_BUSY)
            /* model: sweep8again */
            result = again && gy_cas_seq(&book->progress, &progress, gy_progress_again(progress)) ? JOINED : HELD;
    }
    if (result != JOINED)
        gy_pin_clear(&r->pin[GY_PIN_MOVE]);
    *out = (struct gy_choice){.arena = arena, .compact = progress & GY_PROGRESS_COMPACT, .word = word};
    return result;
}

/* The same for one that is sealed. */
static enum joined
park_and_join(struct gyre *cache, struct gy_record *r, uint32_t arena, uint64_t word, struct gy_choice *out)
{
    uint64_t sweeping = gy_arena_swept_by(word, gy_member_number(cache));
    uint64_t parked = gy_arena_with_state(sweeping, GY_PARKED);
    uint32_t owner = gy_proof_owner(cache, arena);
    if (!gy_cas_seq(&cache->words[arena], &word, sweeping)) /* model: sweep1 */
        return CHANGED;
    gy_proof_disown(cache, arena, owner);
    uint64_t progress = gy_load_acq(&cache->books[arena].progress);
    if (gy_arena_written(cache, arena)) /* model: sweep1look */
        /* Failed: this process was expelled, and another has done so. */
        gy_cas_seq(&cache->books[arena].progress, &progress, GY_PROGRESS_LATE | (progress & GY_PROGRESS_WALK));
    gy_store_rlx(&cache->super->hand[gy_arena_ring(word)].parked, arena + 1); /* (Relaxed: a hint where to go on.) */
    /* model: sweep8park */
    return gy_cas_seq(&cache->words[arena], &sweeping, parked) ? join(cache, r, arena, parked, false, out) : CHANGED;
}

enum { SEEN_MOST = 1 + GY_AHEAD };

/* One look over all arenas. */
struct survey {
    uint64_t seen[GY_RINGS][SEEN_MOST]; /* sealed, as lanes name arenas, the oldest first; 0: none */
    unsigned most;                      /* of a ring */
    uint32_t open[GY_RINGS], dirtiest, parked; /* arenas; UINT32_MAX: none */
    uint64_t open_word[GY_RINGS], dirtiest_word, parked_word;
    uint64_t live[GY_RINGS], sealed[GY_RINGS], most_garbage; /* bytes; of sealed arenas alone */
};

/* Of words of arenas, or of lanes: the sequence stands at the same place. */
static bool
older(uint64_t a, uint64_t b)
{
    return gy_sequence_compare(gy_arena_sequence(a), gy_arena_sequence(b)) < 0;
}

static void
survey_sealed(struct survey *v, uint32_t a, uint64_t word, uint64_t garbage)
{
    uint64_t *seen = v->seen[gy_arena_ring(word)], this = gy_open_word(a, gy_arena_sequence(word));
    unsigned i = v->most - 1;
    if (seen[i] == 0 || older(this, seen[i])) {
        for (; i > 0 && (seen[i - 1] == 0 || older(this, seen[i - 1])); i--)
            seen[i] = seen[i - 1];
        seen[i] = this;
    }
    if (garbage > v->most_garbage)
        v->most_garbage = garbage, v->dirtiest = a, v->dirtiest_word = word;
}

/* What compacting an arena gains. The end in which the next entry did not fit is not counted: the copies
 * may end the same way. An arena that was sealed early, more than half empty, is. */
static uint64_t
gained(const struct gyre *cache, uint64_t used, uint64_t live)
{
    uint64_t end = cache->arena_bytes - used;
    return used - live + (end > cache->arena_bytes / 2 ? end : 0);
}

static void
survey(struct gyre *cache, enum gy_need need, struct survey *v)
{
    *v = (struct survey){.most = 1 + (unsigned)gy_min(cache->g.n_arenas / 64, GY_AHEAD),
                         .open = {UINT32_MAX, UINT32_MAX}, .dirtiest = UINT32_MAX, .parked = UINT32_MAX};
    uint64_t stamp = gy_arena_stamp_pins(cache);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_acq(&cache->words[a]);
        enum gy_arena_state state = gy_arena_state(word);
        unsigned ring = gy_arena_ring(word);
        if (state == GY_FREE || state == GY_WITHDRAWN || state == GY_OPENING || state == GY_RETIRED)
            continue;
        struct gy_book *book = &cache->books[a]; /* (Relaxed: they steer the choice.) */
        uint64_t used = gy_load_rlx(&book->position) & ~GY_CLOSED, live = used - gy_min(used, gy_load_rlx(&book->dead));
        v->live[ring] += live;
        v->sealed[ring] += state == GY_SEALED ? live : 0;
        if (state == GY_PARKED && !(need == GY_BACKGROUND && gy_hand_busy(cache, a)))
            v->parked = a, v->parked_word = word;
        else if (state == GY_SEALED && gy_load_acq(&book->pin_stamp) < stamp)
            survey_sealed(v, a, word, gained(cache, used, live));
        else if (state == GY_OPEN && (v->open[ring] == UINT32_MAX || older(word, v->open_word[ring])))
            v->open[ring] = a, v->open_word[ring] = word;
    }
}

static void
seal_open(struct gyre *cache, uint32_t arena)
{
    uint64_t word = gy_load_acq(&cache->words[arena]);
    if (gy_arena_state(word) == GY_OPEN)
        gy_arena_seal(cache, gy_arena_lane(word), gy_arena_ring(word));
}

static void
count_entries(struct gyre *cache, uint64_t live)
{
    uint64_t entries = 0;
    for (unsigned i = 0; i < cache->g.n_shards; i++)
        entries += gy_load_rlx(&cache->super->shard[i].n_committed); /* about: (Relaxed: a measure.) */
    gy_history_fit(cache, entries, live);
}

/* The ring to sweep next, given the bytes that live in each, or main to be looked at. */
static unsigned
next_ring(struct gyre *cache, enum gy_need need, const uint64_t *live, bool main_is_there, bool *look)
{
    struct gy_super *s = cache->super;
    float window = gy_learn_window(&s->learned); /* (Relaxed, here: measures and hints.) */
    float all = (float)(live[GY_PROBATION] + live[GY_MAIN] + 1);
    float many = 1 + (float)gy_load_rlx(&s->turnover) * (float)cache->arena_bytes / all; /* entries of an arena, about */
    unsigned ring = gy_policy_victim(live[GY_PROBATION], live[GY_MAIN], window, 2 * cache->arena_bytes);
    /* With an arena to spare, since what is only looked at is not to go for want of room. */
    bool spare = (int64_t)gy_load_rlx(&s->n_free) > 1 && main_is_there;
    *look = need != GY_EVICT && ring == GY_PROBATION && spare && gy_learn_due(&s->learned, many);
    return *look ? GY_MAIN : ring;
}

/* What was seen as that, if it still is. */
static bool
claim_seen(struct gyre *cache, struct gy_record *r, uint64_t seen, struct gy_choice *out)
{
    uint32_t arena = gy_open_arena(seen);
    if (seen == 0 || arena >= cache->g.n_arenas)
        return false;
    uint64_t word = gy_load_acq(&cache->words[arena]);
    return gy_arena_state(word) == GY_SEALED && gy_arena_sequence(word) == seen >> GY_ARENA_BITS &&
           claim(cache, r, arena, word, out);
}

/* What lives in each ring, as far as it is known without a look at all arenas. */
static void
known_live(struct gyre *cache, uint64_t *live)
{
    for (unsigned ring = 0; ring < GY_RINGS; ring++) {
        int64_t sealed = (int64_t)gy_load_rlx(&cache->super->sealed[ring]); /* (Relaxed: steers.) */
        live[ring] = sealed > 0 ? (uint64_t)sealed : 0;
        for (unsigned lane = 0; lane < cache->g.n_lanes; lane++) {
            uint32_t arena = gy_open_arena(gy_load_rlx(&cache->lanes[lane].open[ring]));
            if (arena < cache->g.n_arenas && gy_arena_state(gy_load_rlx(&cache->words[arena])) == GY_OPEN)
                live[ring] += live_bytes(&cache->books[arena]);
        }
    }
}

/* One of those that the last look at all arenas has found, while there are some: such a look is long where arenas are
 * many, and few of them change. */
static bool
claim_ahead(struct gyre *cache, struct gy_record *r, struct gy_choice *out)
{
    gy_atomic_u64(*ahead)[GY_AHEAD] = cache->super->ahead;
    uint64_t live[GY_RINGS];
    bool look, main_is_there = false;
    for (unsigned i = 0; i < GY_AHEAD; i++)
        main_is_there |= gy_load_rlx(&ahead[GY_MAIN][i]) != 0; /* (Relaxed: hints; the words decide.) */
    known_live(cache, live);
    unsigned ring = next_ring(cache, GY_BACKGROUND, live, main_is_there, &look);
    for (unsigned i = 0; i < GY_AHEAD; i++) {
        uint64_t seen = gy_load_rlx(&ahead[ring][i]);
        gy_store_rlx(&ahead[ring][i], 0);
        if (claim_seen(cache, r, seen, out)) {
            out->look = look;
            return true;
        }
    }
    return false;
}

/* For those who come next. first: so many of each ring are not for them. */
static void
leave_ahead(struct gyre *cache, const struct survey *v, unsigned first)
{
    for (unsigned ring = 0; ring < GY_RINGS; ring++) {
        gy_store_rlx(&cache->super->sealed[ring], v->sealed[ring]);
        for (unsigned i = 0; i < GY_AHEAD; i++)
            gy_store_rlx(&cache->super->ahead[ring][i], i + first < v->most ? v->seen[ring][i + first] : 0);
    }
}

static bool
claim_at(struct gyre *cache, struct gy_record *r, unsigned hand, struct gy_choice *out)
{
    uint64_t word;
    bool look;
    uint32_t arena = gy_hand_at(cache, hand, &word, &look);
    if (arena == UINT32_MAX || !claim(cache, r, arena, word, out))
        return false;
    out->look = look;
    return true;
}

/* Where a hand stopped inside an arena it goes on, without a look over all of them. */
static bool
claim_hand(struct gyre *cache, struct gy_record *r, struct gy_choice *out)
{
    if (claim_at(cache, r, gy_hand_own(cache), out))
        return true;
    for (unsigned i = gy_hand_first(cache); i < GY_HANDS; i++)
        if (claim_at(cache, r, i, out))
            return true;
    return false;
}

bool
gy_choose_for_room(struct gyre *cache, struct gy_record *r, enum gy_need need, struct gy_choice *out)
{
    if (claim_hand(cache, r, out) || (need == GY_BACKGROUND && claim_ahead(cache, r, out)))
        return true;
    for (unsigned tries = 0; tries < 8; tries++) { /* again when another thread claimed the choice */
        struct survey v;
        survey(cache, need, &v);
        uint64_t total = (uint64_t)cache->g.n_arenas << cache->g.arena_shift;
        uint64_t live = v.live[GY_PROBATION] + v.live[GY_MAIN];
        bool compact = need != GY_EVICT && gy_policy_compact(v.most_garbage, cache->arena_bytes, live, total);
        v.most = compact ? 1 : v.most; /* where garbage decides, each choice is one anew */
        bool parked = v.parked != UINT32_MAX && claim(cache, r, v.parked, v.parked_word, out);
        leave_ahead(cache, &v, parked && !compact ? 0 : 1);
        if (parked)
            return true;
        if (compact) {
            if (claim(cache, r, v.dirtiest, v.dirtiest_word, out)) {
                out->compact = true;
                return true;
            }
            continue;
        }
        count_entries(cache, live);
        bool look;
        unsigned ring = next_ring(cache, need, v.live, v.seen[GY_MAIN][0] != 0, &look);
        if (v.seen[ring][0] == 0) {
            if (ring == GY_MAIN && need == GY_BACKGROUND)
                return false; /* what came in last is not to go before anybody needs its room */
            ring ^= 1;
        }
        if (v.seen[ring][0] == 0) {
            /* Nothing sealed that is not pinned: what stands open is all there is to take. */
            ring = v.open[GY_PROBATION] == UINT32_MAX;
            if (need == GY_BACKGROUND || v.open[ring] == UINT32_MAX)
                return false;
            seal_open(cache, v.open[ring]);
            continue;
        }
        /* An open arena older than a turn of its ring is sealed, so that its entries age too. */
        if (v.open[ring] != UINT32_MAX && older(v.open_word[ring], v.seen[ring][0]))
            seal_open(cache, v.open[ring]);
        if (claim_seen(cache, r, v.seen[ring][0], out)) {
            out->look = look;
            return true;
        }
    }
    return false;
}

bool
gy_choose_for_limit(struct gyre *cache, struct gy_record *r, unsigned ring, bool again, struct gy_choice *out)
{
    for (unsigned i = 0; i < GY_RINGS; i++) {
        uint64_t word;
        bool look;
        uint32_t arena = gy_hand_at(cache, i, &word, &look);
        if (arena != UINT32_MAX && gy_arena_ring(word) == ring && join(cache, r, arena, word, false, out) == JOINED)
            return true;
    }
    uint64_t passed = 0; /* the word of an arena that others hold */
    for (unsigned tries = 0; tries < 64; tries++) {
        uint32_t best = UINT32_MAX, open = UINT32_MAX;
        bool busy = false;
        uint64_t best_word = 0, open_word = 0;
        for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
            uint64_t word = gy_load_acq(&cache->words[a]);
            enum gy_arena_state state = gy_arena_state(word);
            if (gy_arena_ring(word) != ring)
                continue;
            busy |= state == GY_SWEEPING;
            bool next = (state == GY_PARKED || state == GY_SEALED) && (passed == 0 || older(passed, word));
            if (next && (best == UINT32_MAX || older(word, best_word)))
                best = a, best_word = word;
            if (state == GY_OPEN && gy_load_acq(&cache->books[a].position) != 0 &&
                (open == UINT32_MAX || older(word, open_word)))
                open = a, open_word = word;
        }
        if (best == UINT32_MAX) {
            if (open == UINT32_MAX && !busy)
                return false;
            /* While another thread is about to park the oldest entries, the youngest are not the next best. */
            if (!busy)
                seal_open(cache, open);
            else if (!gy_reap(cache))
                sched_yield();
            continue;
        }
        enum joined result = gy_arena_state(best_word) == GY_PARKED ? join(cache, r, best, best_word, again, out)
                                                                    : park_and_join(cache, r, best, best_word, out);
        if (result == JOINED)
            return true;
        if (result == HELD)
            passed = best_word;
    }
    return false;
}

/* The coldest entry of a bucket. */
static bool
evict_coldest(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, struct gy_bucket *bucket,
              enum gyre_reason reason)
{
    gy_atomic_u64 *coldest = NULL;
    unsigned least = UINT32_MAX;
    for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
        uint64_t word = gy_load_acq(&bucket->slot[s]);
        if (word != GY_EMPTY && !gy_slot_tentative(word) && gy_slot_freq(word) < least)
            least = gy_slot_freq(word), coldest = &bucket->slot[s];
    }
    struct gy_found f;
    if (coldest == NULL || !gy_index_pin(cache, coldest, &r->pin[GY_PIN_COMPARE], &f))
        return false;
    gy_section_enter(cache, r); /* for recounts, which have to know who is about to change the counts */
    bool evicted = !gy_slot_tentative(f.word) && gy_index_evict(cache, r, shard, &f, reason);
    gy_section_exit(cache, r);
    gy_pin_clear(&r->pin[GY_PIN_COMPARE]);
    return evicted;
}

bool
gy_choose_and_evict(struct gyre *cache, struct gy_record *r, enum gyre_reason reason)
{
    /* (Relaxed: any place to start from, a different one each time.) */
    uint64_t start = gy_add_rlx(&cache->super->sequence, 1) * 0x9e3779b97f4a7c15u >> 16;
    unsigned shards = cache->g.n_shards;
    for (unsigned i = 0; i < shards; i++) {
        unsigned number = (unsigned)((start + i) % shards);
        struct gy_bucket *base = gy_shard_buckets(cache, number);
        uint64_t n = gy_shard_extent(cache, number);
        for (uint64_t b = 0; b < n; b++)
            if (evict_coldest(cache, r, &cache->super->shard[number], &base[((start >> 8) + b) & (n - 1)], reason))
                return true;
    }
    return false;
}

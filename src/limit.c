/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Holding max_entries, entry by entry. Nobody owns an arena here, since whoever stopped in the middle would leave
 * the others to evict what they should not: a sealed arena is parked at once, and any number of threads join its
 * sweep, each with a pin (sweep 8). A thread takes the next entry by moving the arena's progress, and counts itself
 * busy until it is done; when all are taken and nobody is busy, the arena is retired. If somebody stays busy, it is
 * done again from the start when nothing else is left to sweep: that does no harm, the slots say what is still to
 * do (I6).
 *
 * Writers that pinned the arena while it was open may publish into it, and movers bring refs into it, until their
 * pins are gone; no new ones can, because they look at its state under their pin. So an arena that had such pins
 * when it was parked is marked late: at its end it waits for them, and is walked again. Only then is it retired
 * (I5). */

#include "limit.h"

#include "account.h"
#include "clear.h"
#include "hand.h"
#include "index.h"
#include "learn.h"
#include "section.h"
#include "walk.h"

static void
clear_one(struct gy_sweep *s, struct gy_item *i)
{
    gy_section_enter(s->cache, s->r);
    gy_walk_clear(s, i);
    gy_walk_account(s);
    gy_section_exit(s->cache, s->r);
}

/* Takes one entry, does it, and counts itself out, unless the walk began anew meanwhile. */
static void
take_one(struct gy_sweep *s, struct gy_book *book, uint64_t progress, struct gy_item *i)
{
    if (!gy_cas_seq(&book->progress, &progress, progress + GY_PROGRESS_BUSY_ONE + i->bytes)) /* model: sweep8take */
        return;
    clear_one(s, i);
    uint64_t number = progress & GY_PROGRESS_WALK;
    progress = gy_load_acq(&book->progress);
    while ((progress & GY_PROGRESS_BUSY) != 0 && (progress & GY_PROGRESS_WALK) == number &&
           !gy_cas_seq(&book->progress, &progress, progress - GY_PROGRESS_BUSY_ONE)) /* model: sweep8done */
        ; /* retried because another thread took or did an entry */
}

/* All entries are taken. True when they are to be walked again. */
static bool
finish(struct gy_sweep *s, struct gy_book *book, uint64_t progress)
{
    struct gyre *c = s->cache;
    if (progress & GY_PROGRESS_LATE)
        return !gy_arena_written(c, s->at.arena) && /* model: sweep8late */
               gy_cas_seq(&book->progress, &progress, gy_progress_again(progress));
    if (progress & GY_PROGRESS_BUSY)
        return false;
    if (gy_load_acq(&book->holed) != 0)
        gy_walk_holed(s);
    uint64_t word = s->at.word; /* model: sweep8retire */
    if (gy_cas_seq(&c->words[s->at.arena], &word, gy_arena_with_state(word, GY_RETIRED)))
        gy_account_retired(c);
    return false;
}

/* Takes entries of the joined arena, one by one, until so many were judged or one was evicted, or its end. */
static void
walk(struct gy_sweep *s, uint64_t most_judged)
{
    struct gyre *c = s->cache;
    struct gy_book *book = &c->books[s->at.arena];
    uint64_t end = gy_min(gy_load_acq(&book->position) & ~GY_CLOSED, c->arena_bytes), evicted = s->evicted;
    most_judged += s->judged;
    gy_walk_begin(s);
    while (s->judged < most_judged && s->evicted == evicted) {
        uint64_t progress = gy_load_acq(&book->progress), at = gy_progress_taken(progress);
        struct gy_item item[2]; /* the second for its prefetch */
        bool damaged = false;
        if (at >= end) {
            if (!finish(s, book, progress))
                break;
        } else if (gy_walk_read(s, at, end, 2, item, &damaged) > 0) {
            take_one(s, book, progress, item);
        } else {
            /* A header that a writer has not stored yet, and the end for now; or damage. */
            if (!(progress & GY_PROGRESS_LATE))
                gy_store_rlx(&book->holed, 1);
            gy_cas_seq(&book->progress, &progress, progress - at + end); /* else others did */
        }
    }
    gy_pin_clear(&s->r->pin[GY_PIN_MOVE]);
    if ((int64_t)gy_load_rlx(&c->super->n_free) <= (int64_t)(c->g.reserve_arenas + c->g.n_arenas / 4))
        gy_arena_free_retired(c); /* a membarrier frees many as well as one: it waits until some are wanted */
}

/* An entry of main is judged and stays, so that the policy learns what main is worth now. */
static void
look_at_main(struct gyre *cache, struct gy_record *r)
{
    struct gy_sweep s = {.cache = cache, .r = r, .reason = GYRE_ENTRY_LIMIT, .hand = gy_hand_own(cache)};
    if (!gy_choose_for_limit(cache, r, GY_MAIN, false, &s.at))
        return;
    s.at.look = true;
    walk(&s, 1);
}

static uint64_t
entries_in(const struct gyre *cache, unsigned ring)
{
    int64_t n = (int64_t)gy_load_seq(&cache->super->n_entries[ring]); /* less than none, for moments */
    return n > 0 ? (uint64_t)n : 0;
}

static bool
choose(struct gy_sweep *s, unsigned ring)
{
    return gy_choose_for_limit(s->cache, s->r, ring, false, &s->at) ||
           gy_choose_for_limit(s->cache, s->r, ring ^ 1, false, &s->at) ||
           gy_choose_for_limit(s->cache, s->r, ring, true, &s->at) ||
           gy_choose_for_limit(s->cache, s->r, ring ^ 1, true, &s->at);
}

/* As many too many as this there are only when a count is damaged: then it costs entries, but not all at once. */
enum { EVICTED_MOST = 1000 };

/* Arenas that hold nothing to evict retire, one after the other. So many times their number there are only when they do not: what
 * is told of who works on them is damaged. */
enum { BARREN_MOST = 4 };

void
gy_limit_hold(struct gyre *cache, struct gy_record *r)
{
    struct gy_learned *learned = &cache->super->learned;
    struct gy_sweep s = {.cache = cache, .r = r, .reason = GYRE_ENTRY_LIMIT, .hand = gy_hand_own(cache)};
    uint64_t barren = 0;
    for (unsigned idle = 0; idle < 4 && s.evicted < EVICTED_MOST && barren <= BARREN_MOST * cache->g.n_arenas;) {
        bool clearing = gy_clear_under_way(cache); /* before the counts: it may end in between */
        uint64_t probation = entries_in(cache, GY_PROBATION), main = entries_in(cache, GY_MAIN);
        if (probation + main <= cache->g.max_entries)
            return;
        /* What a clear has not reached is the oldest. */
        unsigned ring = clearing ? GY_MAIN : gy_policy_victim(probation, main, gy_learn_window(learned), 1);
        if (!choose(&s, ring)) {
            /* Drafts hold arenas, not their entries. */
            bool evicted = gy_choose_and_evict(cache, r, GYRE_ENTRY_LIMIT);
            s.evicted += evicted;
            idle += !evicted;
            continue;
        }
        uint64_t evicted = s.evicted;
        ring = gy_arena_ring(s.at.word);
        walk(&s, ring == GY_PROBATION ? 1 : UINT32_MAX);
        barren += s.evicted == evicted;
        if (s.evicted > evicted && ring == GY_PROBATION && gy_learn_due(learned, 1))
            look_at_main(cache, r);
    }
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Sweeping an arena for room (docs/protocols.md, sweep 1 to 7, and 9); limit.c does it for max_entries (sweep 8):
 *
 *   1 CAS SEALED -> SWEEPING, then look at all pins (seq_cst); one is on it: back to SEALED. Pins of
 *     readers that are still in their store buffers do not matter here, only in 6.
 *   2 Each entry in order, inside a section, over its whole window as the phase of growth shows it: every
 *     slot word with this ref goes. Tentative words are evicted; a committed one is judged.
 *   3 Kept: copied to an open arena, under a pin; one CAS from the old ref to the new in the same slot,
 *     repeated when only the frequency changed. No room for the copy: evicted, so every sweep finishes.
 *   4 A mover that would bring a ref of this arena into another slot sees SWEEPING (or a later state) and
 *     evicts instead. So when the walk is done, no slot holds a ref into the arena (I5).
 *   5 CAS SWEEPING -> RETIRED; or PARKED, when the hand stops inside.
 *   6 membarrier, pins: arena.c.
 *   7 Whoever claims a PARKED arena goes on where its sweep has come to, or begins again. Doing an entry twice
 *     does no harm: the slots say what is still to do (I6).
 *   9 Small steps go on where the last one parked the arena, with a pin and no claim, as long as nobody else has taken it up. What
 *     they have done they tell now and then, and others may do it once more (I6). */

#include "sweep.h"

#include <sched.h>

#include "account.h"
#include "clear.h"
#include "hand.h"
#include "learn.h"
#include "note.h"
#include "reap.h"
#include "section.h"
#include "space.h"
#include "walk.h"

/* Entries: so many cache misses at once; and for who must not wait long, whose misses the step before has started. */
enum { BATCH = 16, FEW = 2 };

static void
finish(struct gy_sweep *s, enum gy_arena_state state)
{
    struct gyre *c = s->cache;
    uint64_t word = s->at.word;
    if (state == GY_PARKED)
        gy_hand_leave(c, s->hand, s->at.arena, s->at.look);
    gy_pin_clear(&s->r->pin[GY_PIN_SWEEP]); /* what was read comes before */
    /* model: sweep5 */
    if (gy_cas_seq(&c->words[s->at.arena], &word, gy_arena_with_state(word, state)) && state == GY_RETIRED)
        gy_account_retired(c);
}

/* (Relaxed: a hint, like all uses of it. For moments less than none, while several try for the last.) */
static GY_INLINE int64_t
free_arenas(const struct gyre *cache)
{
    return (int64_t)(gy_load_rlx(&cache->super->n_free) - gy_space_lacking(cache));
}

/* A membarrier frees several retired arenas as well as one: so many. */
static uint64_t
freed_at_once(const struct gyre *cache)
{
    enum { MOST = 16 }; /* fewer than are freed in one go */
    return gy_min(1 + cache->g.n_arenas / 256, MOST);
}

/* With those that wait for others to be freed with. */
static GY_INLINE int64_t
soon_free(const struct gyre *cache)
{
    return (int64_t)((uint64_t)free_arenas(cache) + gy_load_rlx(&cache->super->n_retired));
}

bool
gy_sweep_free(struct gyre *cache)
{
    return gy_load_rlx(&cache->super->n_retired) >= freed_at_once(cache) && gy_arena_free_retired(cache) > 0;
}

/* What this thread has read of an arena beyond where its small step ended: the misses will be over when the next one gets
 * there. It is of the arena's life that began with that number: a parked or claimed arena is not written to, and what has become
 * of its entries meanwhile the slots say. The last step's, and this one's. */
static _Thread_local struct ahead {
    uint64_t cache_id, opened, offset;
    unsigned n;
    struct gy_item item[FEW];
} ahead[2];
static _Thread_local unsigned last;

/* The next few entries, as the step before has read them, and those after them. *damaged as of gy_walk_read. */
static unsigned
read_few(struct gy_sweep *s, uint64_t at, uint64_t end, struct gy_item **item, bool *damaged)
{
    struct gyre *c = s->cache;
    struct ahead *now = &ahead[last], *next = &ahead[last ^= 1];
    uint64_t opened = gy_load_rlx(&c->books[s->at.arena].opened); /* (Relaxed: constant while it is pinned) */
    uint64_t offset = gy_arena_offset(c, s->at.arena) + at;
    bool there = now->cache_id == c->id && now->opened == opened && now->offset == offset && now->n > 0;
    unsigned n = there ? now->n : gy_walk_read(s, at, end, FEW, now->item, damaged);
    for (unsigned i = 0; i < n; i++)
        at += now->item[i].bytes, offset += now->item[i].bytes;
    bool later = false; /* damaged: that is told when a step gets there */
    next->cache_id = c->id, next->opened = opened, next->offset = offset;
    next->n = *damaged ? 0 : gy_walk_read(s, at, end, FEW, next->item, &later);
    next->n = later ? 0 : next->n;
    *item = now->item;
    return n;
}

/* 2, 3: entries in a row, in one section. Returns their bytes. */
static uint64_t
clear_some(struct gy_sweep *s, const struct gy_item *item, unsigned n)
{
    uint64_t bytes = 0;
    gy_section_enter(s->cache, s->r);
    for (unsigned i = 0; i < n; i++) {
        gy_walk_clear(s, &item[i]);
        bytes += item[i].bytes;
        s->owed -= gy_min(s->owed, item[i].bytes / 8 * 7);
    }
    gy_walk_account(s);
    gy_section_exit(s->cache, s->r);
    s->walked += bytes;
    return bytes;
}

/* Where this thread's small steps go on in an arena that one of them has parked (sweep 9): its word and progress, as they were
 * then; what comes before `at` is done, and told of before `told`. */
static _Thread_local struct {
    uint64_t cache_id; /* 0: nowhere */
    uint64_t progress, at, told, end;
    struct gy_sweep s;
} stretch;

static void
stretch_from(const struct gy_sweep *s, uint64_t progress, uint64_t at, uint64_t end)
{
    stretch.cache_id = s->cache->id, stretch.progress = progress, stretch.end = end;
    stretch.at = stretch.told = at;
    stretch.s = *s;
    stretch.s.at.word = gy_arena_with_state(s->at.word, GY_PARKED);
}

/* Others who take the arena up need not do that much again. */
static void
stretch_tell(void)
{
    struct gy_sweep *s = &stretch.s;
    struct gyre *c = s->cache;
    uint64_t seen = stretch.progress, now = gy_progress_from(seen, stretch.at);
    gy_store_rlx(&c->super->hand[s->hand].owed, s->owed); /* (Relaxed: of two at once, one's counts.) */
    bool goes_on = gy_cas_seq(&c->books[s->at.arena].progress, &seen, now) && stretch.at < stretch.end; /* model: sweep9tell */
    stretch.cache_id = goes_on ? c->id : 0; /* else others walk it now; or its end is for who claims it */
    if (!goes_on)
        return;
    stretch.progress = now, stretch.told = stretch.at;
    gy_hand_leave(c, s->hand, s->at.arena, s->at.look);
    gy_walk_begin(s);
}

/* Pins it, if it still is as it was left. */
static bool
stretch_hold(struct gyre *cache, struct gy_record *r)
{
    uint32_t arena = stretch.s.at.arena;
    if (stretch.cache_id != cache->id)
        return false;
    gy_pin_set(cache, &r->pin[GY_PIN_SWEEP], gy_pin_word(cache, arena, GY_PIN_SWEEPING)); /* model: sweep9pin */
    if (gy_likely(gy_load_acq(&cache->words[arena]) == stretch.s.at.word && /* model: sweep9look */
                  gy_load_acq(&cache->books[arena].progress) == stretch.progress))
        return true;
    gy_pin_clear(&r->pin[GY_PIN_SWEEP]);
    stretch.cache_id = 0;
    return false;
}

/* A small step there. False: there is nothing to go on with any more. */
static bool
stretch_step(struct gyre *cache, struct gy_record *r, uint64_t most_bytes)
{
    enum { UNTOLD_MOST = 2048 }; /* bytes */
    struct gy_sweep *s = &stretch.s;
    bool damaged = false;
    if (!stretch_hold(cache, r))
        return false;
    s->r = r, s->walked = 0;
    while (stretch.at < stretch.end && !damaged && s->walked < most_bytes) {
        struct gy_item *item;
        unsigned n = read_few(s, stretch.at, stretch.end, &item, &damaged);
        stretch.at += damaged ? 0 : clear_some(s, item, n);
    }
    if (damaged || stretch.at >= stretch.end || stretch.at - stretch.told >= UNTOLD_MOST)
        stretch_tell();
    if (damaged)
        stretch.cache_id = 0; /* that is for who claims it */
    gy_pin_clear(&r->pin[GY_PIN_SWEEP]);
    return stretch.cache_id != 0;
}

/* This thread is about to sweep otherwise. */
static void
stretch_leave(struct gyre *cache, struct gy_record *r)
{
    if (!stretch_hold(cache, r))
        return;
    stretch_tell();
    gy_pin_clear(&r->pin[GY_PIN_SWEEP]);
}

/* Walks the chosen arena until its end, or until enough bytes were walked. An eighth at least of what
 * is swept becomes room: what was kept beyond is owed, and when it is too much, entries must have been hit. */
static void
walk(struct gy_sweep *s, uint64_t most_bytes, unsigned batch)
{
    struct gyre *c = s->cache;
    struct gy_book *book = &c->books[s->at.arena];
    uint64_t end = gy_min(gy_load_acq(&book->position) & ~GY_CLOSED, c->arena_bytes), at = s->at.from;
    bool damaged = gy_load_acq(&book->holed) != 0;
    gy_atomic_u64 *owed = &c->super->hand[s->hand].owed;
    s->owed = gy_load_rlx(owed); /* (Relaxed: of two at once, one's counts.) */
    /* A clear that is carried out has emptied the index of all that was here. */
    if (gy_load_rlx(&book->opened) < gy_clear_done(c))
        at = end;
    while (at < end && !damaged && s->walked < most_bytes) {
        struct gy_item several[BATCH], *item = several;
        unsigned n = batch == FEW ? read_few(s, at, end, &item, &damaged)
                                  : gy_walk_read(s, at, end, batch, item, &damaged);
        gy_walk_begin(s);
        at += clear_some(s, item, n);
    }
    gy_store_rlx(owed, s->owed);
    if (damaged) {
        gy_store_rlx(&book->holed, 1);
        gy_walk_holed(s);
        s->walked += c->arena_bytes;
        at = end;
    }
    if (at < end) {
        uint64_t progress = gy_load_acq(&book->progress), compact = s->at.compact ? GY_PROGRESS_COMPACT : 0;
        /* model: sweep8back */
        while (!gy_cas_seq(&book->progress, &progress, compact | gy_progress_from(progress, at)))
            ; /* retried because one who joined before took or did an entry */
        finish(s, GY_PARKED);
        if (batch == FEW)
            stretch_from(s, compact | gy_progress_from(progress, at), at, end);
    } else {
        finish(s, GY_RETIRED);
        gy_sweep_free(c);
    }
}

static bool
sweep_bytes(struct gyre *cache, struct gy_record *r, uint64_t bytes, enum gy_need need, unsigned pressure)
{
    struct gy_sweep s = {.cache = cache, .r = r, .reason = GYRE_CAPACITY, .pressure = pressure,
                         .hand = gy_hand_own(cache)};
    if (gy_likely(!gy_record_expelled(r)))
        stretch_leave(cache, r);
    while (s.walked < bytes && !gy_record_expelled(r)) {
        if (need == GY_BACKGROUND && !gy_sweep_wanted(cache))
            break; /* others have made enough room meanwhile */
        if (need != GY_BACKGROUND && gy_rebuild_give_room(cache)) {
            s.walked += cache->arena_bytes;
            gy_sweep_free(cache);
            continue;
        }
        if (!gy_choose_for_room(cache, r, need, &s.at))
            return s.walked > 0;
        uint64_t before = s.walked;
        walk(&s, bytes, BATCH);
        if (s.walked == before)
            s.walked += cache->arena_bytes; /* nothing was in it, but it is room, too */
    }
    return true;
}

/* A small step, which ends where an arena does: to look for the next is another one. */
static void
sweep_few(struct gyre *cache, struct gy_record *r, uint64_t bytes)
{
    if (gy_unlikely(gy_record_expelled(r)) || gy_likely(stretch_step(cache, r, bytes)))
        return;
    struct gy_sweep s = {.cache = cache, .r = r, .reason = GYRE_CAPACITY, .hand = gy_hand_own(cache)};
    if (gy_choose_for_room(cache, r, GY_BACKGROUND, &s.at))
        walk(&s, bytes, FEW);
}

bool
gy_sweep_bytes(struct gyre *cache, struct gy_record *r, uint64_t bytes)
{
    return sweep_bytes(cache, r, bytes, GY_BACKGROUND, 0);
}

/* Who waits helps as soon as anybody may, so that the maintenance thread seldom has to; who does not, when it is behind.
 * Three quarters of the free arenas in which these do are for small steps: those who come later do as much as it takes. (In
 * small caches there is no such part.) */
bool
gy_sweep_help(struct gyre *cache, struct gy_record *r, uint64_t bytes, bool waits)
{
    enum { LITTLE = 2, MUCH = 4 }; /* bytes swept for each that is written */
    int64_t n_arenas = cache->g.n_arenas, n = (int64_t)((uint64_t)soon_free(cache) - cache->g.reserve_arenas);
    if (gy_likely(!gy_rebuilding(cache))) {
        if (gy_unlikely(n <= n_arenas / 512))
            sweep_bytes(cache, r, bytes * MUCH, GY_BACKGROUND, 0);
        else if (n <= n_arenas / (waits ? 64 : 128))
            sweep_few(cache, r, bytes * (n > n_arenas / 256 ? LITTLE : MUCH));
    }
    return n <= n_arenas / 64 - (waits ? n_arenas / 256 : 0); /* who waits keeps up, as a rule */
}

/* Nothing could be swept. When that is because other threads are in the middle of a sweep or a put, the
 * room is theirs to give in a moment, or as soon as they run again: look again, a bounded number of times,
 * for they may be stopped. When views and drafts hold everything, waiting would not help. */
static bool
worth_another_look(struct gyre *cache, unsigned *looks)
{
    enum { YIELDS = 1000, NAPS = 20 };
    if (++*looks > YIELDS + NAPS || gy_arena_all_held(cache))
        return cache->members && *looks <= YIELDS + NAPS && gy_reap_now(cache); /* it may be the dead that hold it */
    if (*looks <= YIELDS)
        sched_yield();
    else
        gy_os_nap();
    return true;
}

/* More free arenas than the reserve; surely: to be seen, too. */
static bool
has_room(struct gyre *cache, bool surely)
{
    uint64_t n_free = 0, kept = cache->g.reserve_arenas;
    if (free_arenas(cache) <= cache->g.reserve_arenas)
        return false;
    for (uint32_t a = 0; surely && a < cache->g.n_arenas; a++)
        n_free += gy_arena_state(gy_load_acq(&cache->words[a])) == GY_FREE;
    return !surely || n_free > kept + gy_space_lacking(cache);
}

bool
gy_sweep_room(struct gyre *cache, struct gy_record *r, bool surely)
{
    enum { PATIENCE = 8 }; /* turns without room before it evicts harder: at four times as many, all */
    unsigned looks = 0;
    /* Each turn sweeps an arena, or means that another thread took the one that was freed. */
    for (unsigned n = 0; n < cache->g.n_arenas + (GY_POLICY_FREQ_MOST + 2) * PATIENCE;) {
        if (has_room(cache, surely))
            return true;
        if (gy_arena_free_retired(cache) > 0)
            continue;
        if (sweep_bytes(cache, r, cache->arena_bytes, n < PATIENCE ? GY_FOREGROUND : GY_EVICT, n / PATIENCE))
            n++;
        else if (gy_arena_free_retired(cache) == 0 && !worth_another_look(cache, &looks))
            return false;
    }
    return false;
}

bool
gy_sweep_spacious_exactly(struct gyre *cache)
{
    int64_t spare = (int64_t)((uint64_t)free_arenas(cache) - (uint64_t)cache->enough_free);
    float window = gy_learn_window(&cache->super->learned);
    if (spare <= 1 + (int64_t)(window * (float)cache->g.n_arenas))
        return false;
    uint64_t entries = 1 + (uint64_t)(int64_t)(window * (float)cache->g.max_entries);
    /* (Relaxed: counts.) */
    uint64_t held = gy_load_rlx(&cache->super->n_entries[GY_PROBATION]) +
                    gy_load_rlx(&cache->super->n_entries[GY_MAIN]);
    return cache->g.max_entries == 0 || (int64_t)(held + entries) < (int64_t)cache->g.max_entries;
}

bool
gy_sweep_wanted(const struct gyre *cache)
{
    return soon_free(cache) <= cache->enough_free;
}

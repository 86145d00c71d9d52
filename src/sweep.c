/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Sweeping an arena (docs/protocols.md, sweep 1 to 7):
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
 *   7 Whoever finds a PARKED arena goes on at its cursor. Doing an entry twice does no harm: the slots
 *     say what is still to do (I6). */

#include "sweep.h"

#include <sched.h>

#include "account.h"
#include "choose.h"
#include "history.h"
#include "index.h"
#include "policy.h"

enum { BATCH = 16 };

struct sweep {
    struct gyre *cache;
    struct gy_record *r;
    struct gy_choice at;
    enum gyre_reason reason;
    unsigned pressure; /* see policy.h */
    uint64_t walked, kept, evicted; /* bytes, bytes, entries */
};

struct item {
    const char *entry;
    uint64_t offset, hash;
    struct gy_header h;
    uint64_t bytes;
};

static bool
entry_plausible(const struct item *i, uint64_t left, uint64_t word)
{
    return i->h.key_bytes > 0 && (i->h.flags & ~GY_ENTRY_KNOWN) == 0 &&
           i->h.generation == gy_arena_generation(word) && i->bytes <= left;
}

/* 2: what becomes of an entry that a committed word refers to. */
static struct gy_verdict
judge(struct sweep *s, const struct item *i, uint64_t word, enum gyre_reason *reason)
{
    struct gyre *c = s->cache;
    const struct gy_found f = {NULL, word, i->entry, i->h, s->at.arena};
    *reason = s->reason;
    if (!gy_entry_stands(c, &f, reason))
        return (struct gy_verdict){.keep = false};
    if (s->at.compact)
        return (struct gy_verdict){.keep = true, .freq = gy_slot_freq(word)};
    bool mostly_kept = s->reason == GYRE_CAPACITY && s->kept > c->arena_bytes / 4 * 3;
    return gy_policy_judge(gy_arena_ring(s->at.word), gy_slot_freq(word), s->pressure + mostly_kept);
}

/* 3: a copy of the entry in an open arena. */
static bool
copy_forward(struct sweep *s, const struct item *i, struct gy_staged *copy)
{
    struct gyre *c = s->cache;
    unsigned ring = s->at.compact ? gy_arena_ring(s->at.word) : GY_MAIN;
    struct gy_content content = gy_entry_content(i->entry, i->offset, i->h, c->g.value_align);
    if (!gy_arena_stage(c, &s->r->pin[GY_PIN_COPY], ring, &content, true, copy))
        return false;
    /* After staging: an arena opened after a clear shows us its mark; one opened before is hidden by it. */
    if (gy_load_rlx(&c->books[s->at.arena].opened) >= gy_load_seq(&c->super->mark))
        return true;
    gy_account_dead(c, copy->arena, copy->bytes);
    gy_arena_unpin(copy);
    return false;
}

static void
account_moved(struct sweep *s, const struct item *i, const struct gy_staged *copy)
{
    gy_account_dead(s->cache, s->at.arena, i->bytes);
    gy_account_ring(s->cache, s->at.arena, -1);
    gy_account_ring(s->cache, copy->arena, 1);
    gy_count(&s->r->count.copied_entries, 1);
    gy_count(&s->r->count.copied_bytes, copy->bytes);
    s->kept += copy->bytes;
}

/* Empties one slot of refs to this entry. The decision is taken at the first committed word. */
static void
clear_slot(struct sweep *s, const struct item *i, gy_atomic_u64 *slot)
{
    struct gyre *c = s->cache;
    struct gy_staged copy = {.pin = NULL};
    struct gy_verdict v = {.keep = false};
    enum gyre_reason reason = s->reason;
    bool decided = false;
    uint64_t word = gy_load_acq(slot);
    while (word != GY_EMPTY && gy_slot_ref(word) == i->offset >> 3) {
        if (gy_slot_tentative(word)) { /* of the dead: a live put would hold a pin */
            gy_cas_seq(slot, &word, GY_EMPTY); /* model: sweep2 */
            continue;
        }
        if (!decided) {
            v = judge(s, i, word, &reason);
            if (v.keep && !copy_forward(s, i, &copy))
                v.keep = false;
            decided = true;
        }
        uint64_t to = v.keep ? gy_slot_word(word, v.freq, copy.ref) : GY_EMPTY;
        if (!gy_cas_seq(slot, &word, to)) /* model: sweep2, sweep3 */
            continue; /* a frequency bump, or somebody replaced or removed it: then the loop ends */
        if (v.keep) {
            account_moved(s, i, &copy);
            gy_arena_unpin(&copy);
            return;
        }
        gy_account_out(c, s->r, gy_shard_of(c, i->hash), s->at.arena, i->bytes, reason,
                       false);
        if (v.remember && (reason == GYRE_CAPACITY || reason == GYRE_ENTRY_LIMIT))
            gy_history_remember(c, i->hash);
        s->evicted++;
        return;
    }
    if (v.keep) { /* removed while it was copied */
        gy_account_dead(c, copy.arena, copy.bytes);
        gy_arena_unpin(&copy);
    }
}

static void
clear_window(struct sweep *s, const struct item *i)
{
    struct gy_window w;
    gy_index_window(s->cache, i->hash, &w);
    for (unsigned b = 0; b < w.n; b++)
        for (unsigned n = 0; n < GY_BUCKET_SLOTS; n++)
            clear_slot(s, i, &w.bucket[b]->slot[n]);
}

/* Reads the headers of the next entries and starts their cache misses. */
static unsigned
read_batch(struct sweep *s, uint64_t at, uint64_t end, unsigned most, struct item *item, bool *damaged)
{
    struct gyre *c = s->cache;
    unsigned n = 0;
    for (; n < most && at < end; n++) {
        struct item *i = &item[n];
        i->offset = gy_arena_offset(c, s->at.arena) + at;
        i->entry = c->region.base + i->offset;
        i->h = gy_entry_header(i->entry);
        i->bytes = gy_entry_bytes(i->offset, i->h, c->g.value_align);
        if (!entry_plausible(i, end - at, s->at.word)) {
            *damaged = true;
            break;
        }
        i->hash = gy_hash(gy_entry_key(i->entry, i->h), i->h.key_bytes, c->seed);
        gy_index_prefetch(c, i->hash);
        at += i->bytes;
    }
    return n;
}

/* An arena in which a writer died has gaps of unknown length: its live entries are found by a pass over
 * the whole index. */
static void
walk_holed(struct sweep *s)
{
    struct gyre *c = s->cache;
    for (unsigned number = 0; number < 1u << c->g.log2_shards; number++) {
        struct gy_bucket *base = gy_shard_buckets(c, number);
        for (uint64_t b = 0; b < gy_shard_extent(c, number) * GY_BUCKET_SLOTS; b++) {
            gy_atomic_u64 *slot = &base[b / GY_BUCKET_SLOTS].slot[b % GY_BUCKET_SLOTS];
            uint64_t word = gy_load_acq(slot);
            /* model: holes */
            if (word == GY_EMPTY || gy_ref_arena(c, gy_slot_ref(word)) != s->at.arena)
                continue;
            struct item i = {.offset = gy_slot_ref(word) << 3, .entry = gy_at(c, gy_slot_ref(word))};
            i.h = gy_entry_header(i.entry);
            i.bytes = gy_entry_bytes(i.offset, i.h, c->g.value_align);
            uint64_t end = gy_arena_offset(c, s->at.arena) + c->arena_bytes;
            if (!entry_plausible(&i, end - i.offset, s->at.word)) {
                bool committed = !gy_slot_tentative(word); /* damaged: its length is not known */
                if (gy_cas_seq(slot, &word, GY_EMPTY) && committed)
                    gy_account_out(c, s->r, &c->super->shard[number], s->at.arena, 0, s->reason, false);
                continue;
            }
            i.hash = gy_hash(gy_entry_key(i.entry, i.h), i.h.key_bytes, c->seed);
            c->rcu->enter(c, s->r);
            clear_window(s, &i);
            c->rcu->exit(c, s->r);
        }
    }
    s->walked += c->arena_bytes;
}

static void
finish(struct sweep *s, enum gy_arena_state state)
{
    struct gyre *c = s->cache;
    uint64_t word = s->at.word;
    unsigned ring = gy_arena_ring(word);
    if (state == GY_PARKED) /* (Relaxed: a hint where to go on.) */
        gy_store_rlx(&c->super->hand[ring], s->at.arena + 1);
    /* model: sweep5 */
    if (gy_cas_seq(&c->words[s->at.arena], &word, gy_arena_with_state(word, state)) && state == GY_RETIRED)
        gy_add_rlx(&c->super->sweeps, 1);
}

/* Walks the chosen arena until its end, or until enough bytes were walked or entries evicted. */
static void
walk(struct sweep *s, uint64_t most_bytes, uint64_t most_evicted)
{
    struct gyre *c = s->cache;
    struct gy_book *book = &c->books[s->at.arena];
    uint64_t end = gy_load_acq(&book->position) & ~GY_CLOSED;
    uint64_t at = gy_load_acq(&book->cursor) & ~GY_CURSOR_COMPACT;
    bool damaged = gy_load_acq(&book->holed) != 0;
    /* A clear that is carried out has emptied the index of all that was here. */
    if (gy_load_rlx(&book->opened) < gy_load_acq(&c->super->done))
        at = end;
    while (at < end && !damaged && s->walked < most_bytes && s->evicted < most_evicted) {
        struct item item[BATCH];
        unsigned n = read_batch(s, at, end, most_evicted < BATCH ? 2 : BATCH, item, &damaged);
        c->rcu->enter(c, s->r);
        for (unsigned i = 0; i < n && s->evicted < most_evicted; i++) {
            clear_window(s, &item[i]);
            at += item[i].bytes;
            s->walked += item[i].bytes;
        }
        c->rcu->exit(c, s->r);
    }
    if (damaged) {
        gy_store_rlx(&book->holed, 1);
        walk_holed(s);
        at = end;
    }
    if (at < end) {
        gy_store_rel(&book->cursor, at | (s->at.compact ? GY_CURSOR_COMPACT : 0));
        finish(s, GY_PARKED);
    } else {
        finish(s, GY_RETIRED);
        gy_arena_free_retired(c);
    }
}

static bool
sweep_bytes(struct gyre *cache, struct gy_record *r, uint64_t bytes, enum gy_need need, unsigned pressure)
{
    struct sweep s = {.cache = cache, .r = r, .reason = GYRE_CAPACITY, .pressure = pressure};
    while (s.walked < bytes) {
        if (need == GY_BACKGROUND && !gy_sweep_wanted(cache))
            break; /* others have made enough room meanwhile */
        if (!gy_choose_for_room(cache, need, &s.at))
            return s.walked > 0;
        uint64_t before = s.walked;
        walk(&s, bytes, UINT64_MAX);
        s.kept = 0;
        if (s.walked == before)
            s.walked += cache->arena_bytes; /* nothing was in it, but it is room, too */
    }
    return true;
}

bool
gy_sweep_bytes(struct gyre *cache, struct gy_record *r, uint64_t bytes)
{
    return sweep_bytes(cache, r, bytes, GY_BACKGROUND, 0);
}

/* (Relaxed: a hint, like all uses of it. For moments less than none, while several try for the last.) */
static int64_t
free_arenas(const struct gyre *cache)
{
    return (int64_t)gy_load_rlx(&cache->super->n_free);
}

/* Nothing could be swept. When that is because other threads are in the middle of a sweep or a put, the
 * room is theirs to give in a moment: look again, a bounded number of times, for they may be stopped. When
 * views and drafts hold everything, waiting would not help. */
static bool
worth_another_look(struct gyre *cache, unsigned *looks)
{
    enum { LOOKS_MOST = 1000 };
    if (++*looks > LOOKS_MOST || gy_arena_all_held(cache))
        return false;
    sched_yield();
    return true;
}

bool
gy_sweep_room(struct gyre *cache, struct gy_record *r)
{
    enum { PATIENCE = 8 }; /* turns without room before it evicts harder: at four times as many, all */
    unsigned looks = 0;
    /* Each turn sweeps an arena, or means that another thread took the one that was freed. */
    for (unsigned n = 0; n < cache->g.n_arenas + (GY_POLICY_FREQ_MOST + 2) * PATIENCE;) {
        if (free_arenas(cache) > cache->g.reserve_arenas)
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

static int64_t
entries_in(const struct gyre *cache, unsigned ring)
{
    return (int64_t)gy_load_rlx(&cache->super->n_entries[ring]);
}

void
gy_sweep_limit(struct gyre *cache, struct gy_record *r)
{
    enum { PATIENCE = 64 }; /* arenas passed without a victim, while readers count themselves */
    for (unsigned idle = 0, turns = 0; idle < 4; turns++) {
        int64_t probation = entries_in(cache, GY_PROBATION), main = entries_in(cache, GY_MAIN);
        if (probation + main <= (int64_t)cache->g.max_entries)
            return;
        struct sweep s = {.cache = cache, .r = r, .reason = GYRE_ENTRY_LIMIT,
                          .pressure = turns / PATIENCE};
        unsigned ring = gy_policy_victim(probation > 0 ? (uint64_t)probation : 0, main > 0 ? (uint64_t)main : 0);
        if (!gy_choose_for_limit(cache, ring, &s.at) && !gy_choose_for_limit(cache, ring ^ 1, &s.at)) {
            /* Pins hold arenas, not their entries. */
            idle += !gy_choose_and_evict(cache, r, GYRE_ENTRY_LIMIT);
            continue;
        }
        walk(&s, UINT64_MAX, 1);
    }
}

bool
gy_sweep_wanted_by_writers(const struct gyre *cache)
{
    return free_arenas(cache) <= cache->g.reserve_arenas + cache->g.n_arenas / 128;
}

bool
gy_sweep_wanted(const struct gyre *cache)
{
    return free_arenas(cache) <= cache->g.reserve_arenas + cache->g.n_arenas / 64;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "walk.h"

#include "account.h"
#include "doubt.h"
#include "find.h"
#include "history.h"
#include "learn.h"
#include "note.h"
#include "proof.h"
#include "section.h"

static inline bool
entry_plausible(const struct gy_item *i, uint64_t left, uint64_t word)
{
    return gy_proof_plausible(i->h, gy_arena_generation(word)) && i->bytes <= left;
}

enum { AHEAD = 8 * GY_LINE }; /* of the log, while it is walked */

/* What becomes of an entry. */
struct verdict {
    bool keep;
    unsigned kind, freq;
};

void
gy_walk_begin(struct gy_sweep *s)
{
    struct gyre *c = s->cache;
    struct gy_book *book = &c->books[s->at.arena]; /* (Relaxed: ages.) */
    uint64_t from = gy_load_rlx(&book->clock[0]), to = gy_load_rlx(&book->clock[1]);
    float used = (float)((gy_load_rlx(&book->position) & ~GY_CLOSED) + 1);
    s->age = gy_history_turnovers(c, (float)(gy_history_clock(c) + s->remembered - from));
    s->age_a_byte = gy_history_turnovers(c, (float)(to - from)) / used;
    s->soon = gy_history_soon(c);
}

/* Since when the entry stands where it is, in turnovers. Arenas know when they were opened and sealed; between the
 * two, entries came in one after the other. */
static inline float
lap(struct gy_sweep *s, const struct gy_item *i)
{
    float age = s->age - s->age_a_byte * (float)(i->offset - gy_arena_offset(s->cache, s->at.arena));
    return age > 0 ? age : 0;
}

static unsigned
sample(struct gy_sweep *s, const struct gy_item *i)
{
    return gy_learn_sample(&s->cache->super->learned, gy_history_fingerprint(i->hash));
}

static float
weight(struct gy_sweep *s, const struct gy_item *i, unsigned of)
{
    struct gy_super *super = s->cache->super;
    uint64_t mean = gy_load_rlx(&super->mean_bytes);
    bool same = s->cache->g.max_entries || mean == 0;
    return same ? 1 : gy_learn_weight(&super->learned, of, (float)mean / (float)i->bytes);
}

/* The hand passes an entry of main. */
static struct verdict
judge_main(struct gy_sweep *s, const struct gy_item *i, unsigned freq)
{
    struct gy_learned *learned = &s->cache->super->learned;
    unsigned kind = gy_entry_kind(i->h), of = sample(s, i);
    gy_learn(learned, of, kind, freq > 0, lap(s, i));
    kind = gy_policy_kind_main(kind, freq);
    bool keep = gy_learn_keeps(learned, of, kind, weight(s, i, of));
    return (struct verdict){.keep = keep || s->at.look, .kind = kind};
}

/* It leaves probation. */
static struct verdict
judge_newcomer(struct gy_sweep *s, const struct gy_item *i, unsigned freq)
{
    unsigned kind = gy_policy_kind_new(gy_entry_kind(i->h), freq), of = sample(s, i);
    bool keep = gy_learn_admits(&s->cache->super->learned, of, kind, weight(s, i, of), s->soon);
    return (struct verdict){.keep = keep, .kind = kind};
}

enum { PATIENCE = 64, OWED_MOST = 8 }; /* entries kept one after the other while one has to go; arenas */

/* How often an entry must have been hit, whatever the policy says. */
static uint64_t
least(const struct gy_sweep *s)
{
    bool for_room = s->reason == GYRE_CAPACITY;
    return s->pressure + (for_room ? s->owed > OWED_MOST * s->cache->arena_bytes : s->judged / PATIENCE);
}

/* A lease is no entry whose worth the policy could know: it keeps its place until its time is over, or room is short. */
static bool
lease_lasts(struct gy_sweep *s, const struct gy_found *f)
{
    s->judged++;
    return (s->at.compact || s->at.look || least(s) == 0) &&
           gy_now_ms(s->cache) < gy_entry_expiry(f->entry, f->header) && !gy_entry_void(s->cache, f);
}

/* 2: what becomes of an entry that a committed word refers to. */
static struct verdict
judge(struct gy_sweep *s, const struct gy_item *i, uint64_t word, enum gyre_reason *reason)
{
    struct gyre *c = s->cache;
    const struct gy_found f = {NULL, word, i->entry, i->h, s->at.arena};
    *reason = s->reason;
    if (!gy_entry_stands(c, &f, reason))
        return (struct verdict){.keep = *reason == GYRE_LEASE_ENDED && lease_lasts(s, &f),
                                .kind = GY_ENTRY_LEASE_KIND, .freq = gy_slot_freq(word)};
    unsigned freq = gy_slot_freq(word);
    if (s->at.compact)
        return (struct verdict){.keep = true, .kind = gy_entry_kind(i->h), .freq = freq};
    bool in_main = gy_arena_ring(s->at.word) == GY_MAIN;
    struct verdict v = in_main ? judge_main(s, i, freq) : judge_newcomer(s, i, freq);
    v.keep = v.keep && (s->at.look || freq >= least(s));
    s->judged++;
    return v;
}

/* 3: a copy of the entry in an open arena. */
static bool
copy_forward(struct gy_sweep *s, const struct gy_item *i, unsigned kind, struct gy_staged *copy)
{
    struct gyre *c = s->cache;
    unsigned ring = s->at.compact ? gy_arena_ring(s->at.word) : GY_MAIN;
    struct gy_content content = gy_entry_content(i->entry, i->offset, i->h, c->g.value_align);
    content.kind = (uint8_t)kind;
    if (!gy_arena_stage(c, &s->r->pin[GY_PIN_COPY], ring, &content, true, copy))
        return false;
    /* After staging: an arena opened after a clear shows us its mark; one opened before is hidden by it. */
    if (gy_load_rlx(&c->books[s->at.arena].opened) >= gy_load_seq(&c->super->mark))
        return true;
    gy_account_given_up(c, copy);
    gy_arena_unpin(c, s->r, copy);
    return false;
}

static void
account_moved(struct gy_sweep *s, const struct gy_item *i, const struct gy_staged *copy)
{
    s->dead += i->bytes;
    if (!s->at.compact && gy_arena_ring(s->at.word) != GY_MAIN) {
        gy_account_ring(s->cache, copy->arena, 1); /* before the other: a put that sees too few would let one stay */
        gy_account_ring(s->cache, s->at.arena, -1);
    }
    gy_count(&s->r->count.copied_entries, 1);
    gy_count(&s->r->count.copied_bytes, copy->bytes);
    s->owed += s->at.compact ? 0 : copy->bytes;
}

/* Empties one slot of refs to this entry. The decision is taken at the first committed word. */
static void
clear_slot(struct gy_sweep *s, const struct gy_item *i, gy_atomic_u64 *slot)
{
    struct gyre *c = s->cache;
    struct gy_staged copy = {.pin = NULL};
    struct verdict v = {.keep = false};
    enum gyre_reason reason = s->reason;
    bool decided = false;
    uint64_t word = gy_load_acq(slot);
    while (word != GY_EMPTY && gy_slot_ref(word) == i->offset >> 3) {
        if (gy_slot_tentative(word)) { /* of the dead; or, in a late arena, of a put: evicted */
            gy_cas_seq(slot, &word, GY_EMPTY); /* model: sweep2 */
            continue;
        }
        if (!decided) {
            v = judge(s, i, word, &reason);
            if (v.keep && !copy_forward(s, i, v.kind, &copy))
                v.keep = false;
            decided = true;
        }
        if (!v.keep)
            gy_note(c, i->hash);
        uint64_t to = v.keep ? gy_slot_word(word, v.freq, copy.ref) : GY_EMPTY;
        if (v.keep && gy_unlikely(gy_proves(c)))
            gy_proof_copy(c, i->offset, gy_load_rlx(&c->books[s->at.arena].opened), &copy);
        if (!gy_cas_seq(slot, &word, to)) /* model: sweep2, sweep3 */
            continue; /* a frequency bump, or somebody replaced or removed it: then the loop ends */
        if (v.keep) {
            account_moved(s, i, &copy);
            gy_arena_unpin(c, s->r, &copy);
            return;
        }
        gy_account_gone(c, s->r, i->window.shard, s->at.arena, i->bytes, reason, false);
        s->dead += i->bytes;
        if (reason == GYRE_CAPACITY || reason == GYRE_ENTRY_LIMIT) {
            gy_history_remember(c, i->hash, v.kind);
            s->remembered++;
        }
        s->evicted++;
        return;
    }
    if (v.keep) { /* removed while it was copied */
        gy_account_given_up(c, &copy);
        gy_arena_unpin(c, s->r, &copy);
    }
}

void
gy_walk_clear(struct gy_sweep *s, struct gy_item *i)
{
    const struct gy_window *w = &i->window;
    if (!gy_entry_filled(i->h))
        return; /* nobody has published it: its writer is dead, or the arena is walked again when he is done */
    if (gy_unlikely(!gy_index_window_holds(s->cache, w)))
        gy_index_window(s->cache, i->hash, &i->window);
    for (unsigned b = 0; b < w->n; b++)
        for (unsigned c = gy_find_candidates(w->bucket[b], i->hash); c; c = gy_find_next(c))
            clear_slot(s, i, gy_find_candidate(w->bucket[b], c)); /* where a word of this key may stand */
}

void
gy_walk_account(struct gy_sweep *s)
{
    if (s->dead)
        gy_account_dead(s->cache, s->at.arena, s->dead);
    if (s->remembered)
        gy_history_tick(s->cache, s->hand, s->remembered);
    s->dead = s->remembered = 0;
}

unsigned
gy_walk_read(struct gy_sweep *s, uint64_t at, uint64_t end, unsigned most, struct gy_item *item, bool *damaged)
{
    struct gyre *c = s->cache;
    bool doubted = gy_doubt_walked(c, s->at.arena);
    unsigned n = 0;
    for (; n < most && at < end; n++) {
        struct gy_item *i = &item[n];
        *damaged = end - at < sizeof i->h;
        if (gy_unlikely(*damaged))
            break;
        i->offset = gy_arena_offset(c, s->at.arena) + at;
        i->entry = c->region.base + i->offset;
        i->h = gy_entry_header_walked(i->entry);
        __builtin_prefetch(i->entry + AHEAD);
        i->bytes = gy_entry_room(c, i->offset, i->h);
        if (!entry_plausible(i, end - at, s->at.word) ||
            (gy_unlikely(doubted) && !gy_doubt_length_holds(c, i->offset, i->h, s->at.arena))) {
            *damaged = true;
            break;
        }
        at += i->bytes;
        if (gy_unlikely(doubted) && at >= end)
            *damaged = gy_doubt_goes_on(c, s->at.arena, at);
        if (!gy_entry_filled(i->h))
            continue;
        gy_bytes_read(gy_entry_key(i->entry, i->h), i->h.key_bytes);
        i->hash = gy_hash(gy_entry_key(i->entry, i->h), i->h.key_bytes, c->seed);
        gy_index_window(c, i->hash, &i->window);
        gy_index_prefetch(&i->window);
        gy_history_prefetch(c, i->hash);
    }
    return n;
}

void
gy_walk_holed(struct gy_sweep *s)
{
    struct gyre *c = s->cache;
    for (unsigned number = 0; number < c->g.n_shards; number++) {
        struct gy_bucket *base = gy_shard_buckets(c, number);
        for (uint64_t b = 0; b < gy_shard_extent(c, number) * GY_BUCKET_SLOTS; b++) {
            gy_atomic_u64 *slot = &base[b / GY_BUCKET_SLOTS].slot[b % GY_BUCKET_SLOTS];
            uint64_t word = gy_load_acq(slot);
            /* model: holes */
            if (word == GY_EMPTY || gy_ref_arena(c, gy_slot_ref(word)) != s->at.arena)
                continue;
            struct gy_item i = {.offset = gy_slot_ref(word) << 3, .entry = gy_at(c, gy_slot_ref(word))};
            i.h = gy_entry_header(i.entry);
            i.bytes = gy_entry_room(c, i.offset, i.h);
            uint64_t end = gy_arena_offset(c, s->at.arena) + c->arena_bytes;
            if (!entry_plausible(&i, end - i.offset, s->at.word) || !gy_entry_filled(i.h)) {
                bool committed = !gy_slot_tentative(word); /* damaged: its length is not known */
                gy_section_enter(c, s->r); /* for recounts */
                if (gy_cas_seq(slot, &word, GY_EMPTY) && committed)
                    gy_account_out(c, s->r, &c->super->shard[number], s->at.arena, 0, s->reason, false);
                gy_section_exit(c, s->r);
                continue;
            }
            i.hash = gy_hash(gy_entry_key(i.entry, i.h), i.h.key_bytes, c->seed);
            gy_index_window(c, i.hash, &i.window);
            gy_section_enter(c, s->r);
            gy_walk_clear(s, &i);
            word = gy_load_acq(slot);
            if (gy_slot_ref(word) == i.offset >> 3) /* it is not where its key is looked for: damaged */
                gy_doubt_remove(c, s->r, &c->super->shard[number], slot, word);
            gy_section_exit(c, s->r);
        }
    }
    gy_walk_account(s);
}

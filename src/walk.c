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
    enum gyre_reason reason; /* if it goes */
    unsigned kind, freq;
};

void
gy_walk_begin(struct gy_sweep *s)
{
    struct gyre *c = s->cache;
    struct gy_book *book = &c->books[s->at.arena]; /* (Relaxed: measures; opened is constant while the arena is held.) */
    uint64_t from = gy_load_rlx(&book->clock[0]), to = gy_load_rlx(&book->clock[1]);
    float used = (float)((gy_load_rlx(&book->position) & ~GY_CLOSED) + 1);
    s->arena_at = gy_arena_offset(c, s->at.arena);
    s->opened = gy_load_rlx(&book->opened);
    s->mean_bytes = c->g.max_entries ? 0 : (float)gy_load_rlx(&c->super->mean_bytes);
    s->age = gy_history_turnovers(c, (float)(gy_history_clock(c) + s->remembered - from));
    s->age_a_byte = gy_history_turnovers(c, (float)(to - from)) / used;
    s->soon = gy_history_soon(c);
    s->untold = c->hands_apart && c->g.max_entries == 0 ? &c->untold[s->hand] : NULL;
}

/* Since when the entry stands where it is, in turnovers. Arenas know when they were opened and sealed; between the
 * two, entries came in one after the other. */
static inline float
lap(struct gy_sweep *s, const struct gy_item *i)
{
    float age = s->age - s->age_a_byte * (float)(int64_t)(i->offset - s->arena_at);
    return age > 0 ? age : 0;
}

static inline unsigned
sample(struct gy_sweep *s, const struct gy_item *i)
{
    return gy_learn_sample(&s->cache->super->learned, gy_history_fingerprint(i->hash));
}

static inline float
weight(struct gy_sweep *s, const struct gy_item *i, unsigned of)
{
    if (!(s->mean_bytes > 0))
        return 1;
    return gy_learn_weight(&s->cache->super->learned, s->untold, of, s->mean_bytes / (float)(int64_t)i->bytes);
}

/* The hand passes an entry of main. */
static inline bool
stays(struct gy_sweep *s, const struct gy_item *i, unsigned *kind, unsigned freq)
{
    struct gy_learned *learned = &s->cache->super->learned;
    unsigned of = sample(s, i);
    gy_learn(learned, of, *kind, freq > 0, lap(s, i));
    *kind = gy_policy_kind_main(*kind, freq);
    return gy_learn_keeps(learned, of, *kind, weight(s, i, of)) || s->at.look;
}

/* It leaves probation. */
static inline bool
admitted(struct gy_sweep *s, const struct gy_item *i, unsigned *kind, unsigned freq)
{
    unsigned of = sample(s, i);
    *kind = gy_policy_kind_new(*kind, freq);
    return gy_learn_admits(&s->cache->super->learned, s->untold, of, *kind, weight(s, i, of), s->soon);
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

/* Else what becomes of it: a lease may last. */
static GY_SELDOM bool
stands(struct gy_sweep *s, const struct gy_item *i, uint64_t word, struct verdict *fallen)
{
    const struct gy_found f = {NULL, word, gy_at(s->cache, i->offset >> 3), i->h, s->at.arena};
    enum gyre_reason reason;
    if (gy_entry_stands(s->cache, &f, &reason))
        return true;
    *fallen = (struct verdict){.keep = reason == GYRE_LEASE_ENDED && lease_lasts(s, &f), .reason = reason,
                               .kind = GY_ENTRY_LEASE_KIND, .freq = gy_slot_freq(word)};
    return false;
}

/* As gy_entry_stands, of what is not doubted. */
static inline bool
stands_surely(struct gy_sweep *s, const struct gy_item *i)
{
    return (i->h.flags & GY_ENTRY_EXPIRY) == 0 && s->opened >= gy_load_acq(&s->cache->super->mark) && !gy_doubted(s->cache);
}

/* 2: what becomes of an entry that a committed word refers to. */
static inline struct verdict
judge(struct gy_sweep *s, const struct gy_item *i, uint64_t word)
{
    struct verdict fallen;
    if (gy_unlikely(!stands_surely(s, i)) && !stands(s, i, word, &fallen))
        return fallen;
    unsigned kind = gy_entry_kind(i->h), freq = gy_slot_freq(word);
    if (s->at.compact)
        return (struct verdict){.keep = true, .reason = s->reason, .kind = kind, .freq = freq};
    bool in_main = gy_arena_ring(s->at.word) == GY_MAIN;
    bool keep = in_main ? stays(s, i, &kind, freq) : admitted(s, i, &kind, freq);
    keep = keep && (s->at.look || freq >= least(s));
    s->judged++;
    return (struct verdict){.keep = keep, .reason = s->reason, .kind = kind}; /* a copy has no hits */
}

/* 3: a copy of the entry in an open arena. */
static bool
copy_forward(struct gy_sweep *s, const struct gy_item *i, unsigned kind, struct gy_staged *copy)
{
    struct gyre *c = s->cache;
    unsigned ring = s->at.compact ? gy_arena_ring(s->at.word) : GY_MAIN;
    struct gy_content content = gy_entry_content(gy_at(c, i->offset >> 3), i->offset, i->h, c->g.value_align);
    content.kind = (uint8_t)kind;
    if (!gy_arena_stage(c, &s->r->pin[GY_PIN_COPY], ring, &content, true, copy))
        return false;
    /* After staging: an arena opened after a clear shows us its mark; one opened before is hidden by it. */
    if (s->opened >= gy_load_seq(&c->super->mark))
        return true;
    gy_account_given_up(c, copy);
    gy_arena_unpin(c, s->r, copy);
    return false;
}

/* Is it this entry's word, tentative or not, and however often it was hit? (No ref is 0.) */
static inline bool
refers(uint64_t word, const struct gy_item *i)
{
    return ((word ^ gy_slot_word(i->hash, 0, i->offset >> 3)) & ~(GY_FREQ_MASK | GY_T)) == 0;
}

static inline bool
committed(uint64_t word, const struct gy_item *i)
{
    return refers(word, i) && !gy_slot_tentative(word);
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

/* The copy takes the entry's place in its slot. False: the word there is another by now. */
static inline bool
move(struct gy_sweep *s, const struct gy_item *i, gy_atomic_u64 *slot, uint64_t *word, unsigned freq, struct gy_staged *copy)
{
    struct gyre *c = s->cache;
    uint64_t check = 0;
    bool moved;
    if (gy_unlikely(gy_proves(c))) {
        const struct gy_staged from = {.ref = i->offset >> 3, .bytes = i->bytes, .opened = s->opened};
        check = gy_proof_copy(c, &from, gy_arena_generation(s->at.word), copy);
    }
    do
        moved = gy_cas_seq(slot, word, gy_slot_word(*word, freq, copy->ref)); /* model: sweep3 */
    while (gy_unlikely(!moved) && committed(*word, i)); /* a frequency bump; else somebody replaced or removed it */
    if (gy_likely(moved) && gy_unlikely(gy_proves(c)))
        gy_proof_give(c, copy, check);
    if (moved)
        account_moved(s, i, copy);
    else
        gy_account_given_up(c, copy);
    gy_arena_unpin(c, s->r, copy);
    return moved;
}

static inline bool
evict(struct gy_sweep *s, const struct gy_item *i, gy_atomic_u64 *slot, uint64_t *word, const struct verdict *v)
{
    struct gyre *c = s->cache;
    gy_note(c, i->hash);
    while (!gy_cas_seq(slot, word, GY_EMPTY)) /* model: sweep2 */
        if (!committed(*word, i)) /* as above */
            return false;
    gy_account_gone(c, s->r, gy_shard_of(c, i->hash), s->at.arena, i->bytes, v->reason, false);
    s->dead += i->bytes;
    if (v->reason == GYRE_CAPACITY || v->reason == GYRE_ENTRY_LIMIT) {
        gy_history_remember(c, s->untold, i->hash, v->kind);
        s->remembered++;
    }
    s->evicted++;
    return true;
}

/* Empties one slot of refs to this entry. */
static void
clear_slot(struct gy_sweep *s, const struct gy_item *i, gy_atomic_u64 *slot)
{
    uint64_t word = gy_load_acq(slot);
    while (refers(word, i)) {
        if (gy_unlikely(gy_slot_tentative(word))) { /* of the dead; or, in a late arena, of a put: evicted */
            gy_cas_seq(slot, &word, GY_EMPTY); /* model: sweep2 */
            continue;
        }
        struct verdict v = judge(s, i, word);
        struct gy_staged copy;
        bool kept = v.keep && copy_forward(s, i, v.kind, &copy);
        if (gy_likely(kept ? move(s, i, slot, &word, v.freq, &copy) : evict(s, i, slot, &word, &v)))
            return;
    }
}

static void
clear_buckets(struct gy_sweep *s, const struct gy_item *i, struct gy_bucket *first, struct gy_bucket *second)
{
    enum { BITS = 2 * GY_BUCKET_SLOTS };
    const gy_ref ref = i->offset >> 3;
    unsigned slots = gy_find_refs(first, ref) | gy_find_refs(second, ref) << BITS;
    for (; slots; slots = gy_find_next(slots)) {
        bool in_first = (slots & ((1u << BITS) - 1)) != 0;
        clear_slot(s, i, gy_find_candidate(in_first ? first : second, in_first ? slots : slots >> BITS));
    }
}

static GY_SELDOM void
clear_window(struct gy_sweep *s, const struct gy_item *i)
{
    struct gy_window w;
    gy_index_window(s->cache, i->hash, &w);
    for (unsigned b = 0; b < w.n; b++) /* one by one: an image is looked at when its old bucket is done */
        clear_buckets(s, i, w.bucket[b], w.bucket[b]);
}

void
gy_walk_clear(struct gy_sweep *s, const struct gy_item *i)
{
    if (!gy_entry_filled(i->h))
        return; /* nobody has published it: its writer is dead, or the arena is walked again when he is done */
    if (gy_likely(gy_shard_geometry(s->cache, gy_shard_number(s->cache, i->hash)) == i->geometry))
        clear_buckets(s, i, i->bucket[0], i->bucket[1]);
    else
        clear_window(s, i);
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

/* Where words of its key may stand; starts the cache misses. */
static inline void
look_up(const struct gyre *c, struct gy_item *i)
{
    uint64_t number = gy_shard_number(c, i->hash);
    i->geometry = gy_shard_geometry(c, number);
    if (gy_unlikely(gy_geometry_phase(i->geometry) != GY_STEADY)) {
        struct gy_window w;
        gy_index_window(c, i->hash, &w);
        gy_index_prefetch(&w);
        i->geometry = UINT64_MAX; /* of no shard */
    } else {
        struct gy_bucket *base = gy_shard_buckets(c, number);
        i->bucket[0] = gy_geometry_bucket(base, i->geometry, i->hash);
        i->bucket[1] = gy_geometry_bucket(base, i->geometry, gy_hash_mixed(i->hash));
        gy_prefetch_to_write(i->bucket[0]);
        __builtin_prefetch(i->bucket[1]);
    }
    gy_prefetch_to_write(gy_history_bucket(c, i->hash));
}

/* Does what most headers have make it plausible already: a key of the usual size, and none of the optional words? */
static inline bool
entry_usual(struct gy_header h, uint8_t generation)
{
    return gy_entry_plain(h, GY_KEY_USUAL) && gy_entry_kind(h) < GY_KINDS && h.generation == generation;
}

unsigned
gy_walk_read(struct gy_sweep *s, uint64_t at, uint64_t end, unsigned most, struct gy_item *item, bool *damaged)
{
    struct gyre *c = s->cache;
    const uint64_t arena = gy_arena_offset(c, s->at.arena);
    const uint8_t generation = gy_arena_generation(s->at.word);
    bool doubted = gy_doubt_walked(c, s->at.arena);
    unsigned n = 0;
    for (; n < most && at < end; n++) {
        struct gy_item *i = item++;
        *damaged = end - at < sizeof i->h;
        if (gy_unlikely(*damaged))
            break;
        i->offset = arena + at;
        const char *entry = c->region.base + i->offset;
        i->h = gy_entry_header_walked(entry);
        __builtin_prefetch(entry + AHEAD);
        bool usual = entry_usual(i->h, generation);
        i->bytes = gy_entry_room(c, i->offset, i->h);
        if (!(gy_likely(usual) ? i->bytes <= end - at : entry_plausible(i, end - at, s->at.word)) ||
            (gy_unlikely(doubted) && !gy_doubt_length_holds(c, i->offset, i->h, s->at.arena))) {
            *damaged = true;
            break;
        }
        at += i->bytes;
        if (gy_unlikely(doubted) && at >= end)
            *damaged = gy_doubt_goes_on(c, s->at.arena, at);
        if (!gy_likely(usual) && !gy_entry_filled(i->h))
            continue;
        const char *key = gy_entry_key(entry, i->h);
        gy_bytes_read(key, i->h.key_bytes);
        i->hash = gy_hash_in(c, key, i->h.key_bytes);
        look_up(c, i);
    }
    return n;
}

void
gy_walk_holed(struct gy_sweep *s)
{
    struct gyre *c = s->cache;
    gy_walk_begin(s);
    for (unsigned number = 0; number < c->g.n_shards; number++) {
        struct gy_bucket *base = gy_shard_buckets(c, number);
        for (uint64_t b = 0; b < gy_shard_extent(c, number) * GY_BUCKET_SLOTS; b++) {
            gy_atomic_u64 *slot = &base[b / GY_BUCKET_SLOTS].slot[b % GY_BUCKET_SLOTS];
            uint64_t word = gy_load_acq(slot);
            /* model: holes */
            if (word == GY_EMPTY || gy_ref_arena(c, gy_slot_ref(word)) != s->at.arena)
                continue;
            struct gy_item i = {.offset = gy_slot_ref(word) << 3};
            const char *entry = gy_at(c, gy_slot_ref(word));
            i.h = gy_entry_header(entry);
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
            i.hash = gy_hash(gy_entry_key(entry, i.h), i.h.key_bytes, c->seed);
            look_up(c, &i);
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

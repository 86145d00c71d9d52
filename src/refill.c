/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "refill.h"

#include <sched.h>

#include "account.h"
#include "displace.h"
#include "doubt.h"
#include "find.h"
#include "limit.h"
#include "note.h"
#include "section.h"

enum { TRIES = 256, PATIENCE = 16 }; /* looks at a window where others change words of the key; of them without a pause */
enum { FETCHED_AHEAD = 16 * GY_LINE };

static struct gy_found
found(const struct gy_refill *f, const struct gy_refill_item *i)
{
    return (struct gy_found){.word = gy_slot_word(i->hash, 0, i->offset >> 3), .entry = f->cache->region.base + i->offset,
                             .header = i->h, .arena = f->arena};
}

static uint64_t
bytes_of(const struct gy_refill *f, const struct gy_refill_item *i)
{
    return gy_entry_room(f->cache, i->offset, i->h);
}

static void
count_dropped(struct gy_refill *f, enum gyre_drop why, uint64_t bytes)
{
    f->dropped[why]++;
    f->dropped_bytes[why] += bytes;
}

/* ---- one entry ---------------------------------------------------------------------------------------------------- */

/* What a slot of the window tells. AGAIN: it has changed, or will. */
enum met { NOTHING, OUTDONE, NEWER, THERE, AGAIN };

/* In place of an older version that was read before. */
static enum met
outdo(struct gy_refill *f, const struct gy_refill_item *i, struct gy_shard *shard, const struct gy_found *other)
{
    struct gyre *c = f->cache;
    uint64_t seen = other->word, bytes = gy_found_bytes(c, other);
    gy_proof_void(c, other);
    if (!gy_cas_seq(other->slot, &seen, found(f, i).word | (seen & GY_FREQ_MASK))) /* model: refill2 */
        return AGAIN;
    count_dropped(f, GYRE_DROP_OLDER, bytes);
    gy_account_dead(c, other->arena, bytes);
    if (f->r != NULL)
        gy_account_gone(c, f->r, shard, other->arena, bytes, GYRE_REPLACED, true);
    else
        gy_account_ring(c, other->arena, -1);
    gy_account_ring(c, f->arena, 1);
    return OUTDONE;
}

/* Another's word of the key. Whose is the newer, of two that arenas held? The sequence tells; of copies, the place. */
static enum met
meet(struct gy_refill *f, const struct gy_refill_item *i, struct gy_shard *shard, gy_atomic_u64 *slot, bool placed)
{
    struct gyre *c = f->cache;
    struct gy_found other;
    gy_atomic_u64 *pin = f->r != NULL ? &f->r->pin[GY_PIN_COMPARE] : &f->no_pin;
    const char *entry = c->region.base + i->offset;
    /* seq_cst: after the CAS of the own tentative word, as in put 4 */
    if (!gy_find_pin(c, slot, gy_load_seq(slot), pin, &other) || !gy_slot_may_match(other.word, i->hash) || /* model: refill4 */
        !gy_entry_has_key(other.entry, other.header, gy_entry_key(entry, i->h), i->h.key_bytes))
        return NOTHING;
    bool tentative = gy_slot_tentative(other.word);
    gy_ref ref = gy_slot_ref(other.word), own = i->offset >> 3;
    uint64_t word = other.word;
    if (ref == own && !tentative)
        return THERE; /* its reader died when he had put it in */
    /* A put's, which may fail yet; or growth has it in hand. */
    if (ref != own && tentative && !gy_arena_read_into(gy_load_seq(&c->words[other.arena])))
        return AGAIN;
    if (ref != own) {
        uint64_t its = gy_proof_sequence(c, &other);
        if (gy_entry_is_lease(other.header) || its > i->sequence || (its == i->sequence && ref > own))
            return NEWER;
        if (gy_noted(c, i->hash))
            return NEWER; /* whatever its sequence is: the clock may have been set back */
    }
    if (tentative)
        gy_cas_seq(slot, &word, GY_EMPTY); /* model: refill4kill */
    return tentative || placed ? AGAIN : outdo(f, i, shard, &other);
}

static enum met
look(struct gy_refill *f, const struct gy_refill_item *i, const struct gy_window *w, const gy_atomic_u64 *own)
{
    for (unsigned b = 0; b < w->n; b++)
        for (unsigned n = gy_find_candidates_seq(w->bucket[b], i->hash); gy_unlikely(n); n = gy_find_next(n)) {
            gy_atomic_u64 *slot = gy_find_candidate(w->bucket[b], n);
            if (gy_likely(slot == own))
                continue;
            enum met met = meet(f, i, w->shard, slot, own != NULL);
            if (met != NOTHING)
                return met;
        }
    return NOTHING;
}

enum fate { IN, STAYS, OLDER, NO_ROOM, LEFT };

/* The tentative word, the second scan, the look at the notes, the commit. */
static enum met
commit(struct gy_refill *f, const struct gy_refill_item *i, const struct gy_window *w, gy_atomic_u64 *slot)
{
    struct gyre *c = f->cache;
    uint64_t word = found(f, i).word, mine = word | GY_T, nothing = GY_EMPTY;
    if (!gy_cas_seq(slot, &nothing, mine)) /* model: refill3 */
        return AGAIN;
    enum met met = look(f, i, w, slot);
    if (gy_noted(c, i->hash))
        met = NEWER;
    if (f->r != NULL && gy_unlikely(gy_record_expelled(f->r)))
        met = AGAIN; /* after the notes: they may be others' by now */
    if (met != NOTHING) {
        gy_cas_seq(slot, &mine, GY_EMPTY); /* failed: it was taken over, killed or evicted already */
        return met;
    }
    return gy_cas_seq(slot, &mine, word) ? NOTHING : AGAIN; /* model: refill5 */
}

static enum fate
put_in(struct gy_refill *f, const struct gy_refill_item *i)
{
    struct gyre *c = f->cache;
    for (unsigned tries = 0; tries < TRIES; tries++) {
        struct gy_window w;
        if (gy_unlikely(f->r != NULL && gy_record_expelled(f->r)))
            return LEFT;
        if (gy_unlikely(tries > PATIENCE))
            sched_yield();
        gy_index_window(c, i->hash, &w);
        enum met met = look(f, i, &w, NULL);
        if (met == NOTHING && gy_unlikely(f->with_other))
            return NO_ROOM;
        if (gy_likely(met == NOTHING)) {
            gy_atomic_u64 *slot = gy_find_room(&w); /* as a put's */
            if (slot == NULL && (f->r == NULL || !gy_displace(c, f->r, w.shard, &w)))
                return NO_ROOM;
            met = slot != NULL ? commit(f, i, &w, slot) : AGAIN;
            if (gy_likely(met == NOTHING)) {
                if (f->r != NULL)
                    gy_account_in(c, f->r, w.shard, f->arena);
                else
                    f->words[w.number]++, gy_account_ring(c, f->arena, 1);
                return IN;
            }
        }
        if (met == OUTDONE || met == THERE)
            return STAYS;
        if (met == NEWER)
            return OLDER;
    }
    return OLDER;
}

/* The loser of two with one key is void, and so is what finds no room: lest it come back when the other has gone. */
static void
settle(struct gy_refill *f, const struct gy_refill_item *i, enum fate fate)
{
    struct gy_found this = found(f, i);
    if (gy_likely(fate == IN || fate == STAYS)) {
        f->live += bytes_of(f, i);
        f->recovered += fate == IN;
    } else if (fate == LEFT) {
        f->stopped = true;
    } else {
        gy_proof_void(f->cache, &this);
        count_dropped(f, fate == OLDER ? GYRE_DROP_OLDER : GYRE_DROP_NO_ROOM, bytes_of(f, i));
    }
}

/* The oldest of what was read, a number of them. */
static void
put_all_in(struct gy_refill *f, unsigned n)
{
    struct gyre *c = f->cache;
    if (f->r != NULL)
        gy_section_enter(c, f->r);
    /* Inside the section, as puts: a clear waits for those that did not see its mark. */
    bool cleared = f->opened < gy_load_seq(&c->super->mark);
    for (; n > 0; n--, f->n--) {
        const struct gy_refill_item *i = &f->item[f->first++ % GY_REFILL_AHEAD];
        if (cleared) /* who had begun to read it may have put it in */
            f->live += bytes_of(f, i);
        else if (!f->stopped)
            settle(f, i, put_in(f, i));
    }
    if (f->r == NULL)
        return;
    gy_pin_clear(&f->r->pin[GY_PIN_COMPARE]);
    gy_section_exit(c, f->r);
    if (c->g.max_entries)
        gy_limit_hold(c, f->r);
}

static inline void
add(struct gy_refill *f, uint64_t offset, struct gy_header h, uint64_t sequence)
{
    struct gyre *c = f->cache;
    uint64_t hash = gy_hash_in(c, gy_entry_key(c->region.base + offset, h), h.key_bytes);
    struct gy_window w;
    gy_index_window(c, hash, &w);
    gy_index_prefetch(&w);
    f->item[(f->first + f->n++) % GY_REFILL_AHEAD] =
        (struct gy_refill_item){.offset = offset, .hash = hash, .sequence = sequence, .h = h};
    if (f->n == GY_REFILL_AHEAD)
        put_all_in(f, GY_REFILL_BATCH);
}

/* ---- an arena ----------------------------------------------------------------------------------------------------- */

/* Others void what is in it by its generation. False: the arena is another's by now. */
static bool
tell_generation(struct gy_refill *f, uint8_t generation)
{
    uint64_t seen = f->word, word = f->word;
    word = (word & ~((uint64_t)UINT8_MAX << 16)) | (uint64_t)generation << 16;
    f->stopped |= !gy_cas_seq(&f->cache->words[f->arena], &seen, word);
    f->word = word;
    return !f->stopped;
}

/* As if it had been filled and sealed; or it is nobody's. (Relaxed: published by the CAS on its word.) */
static void
finish(struct gy_refill *f, bool holds, bool walkable, uint64_t end)
{
    struct gyre *c = f->cache;
    struct gy_book *book = &c->books[f->arena];
    enum gy_arena_state state = holds ? GY_SEALED : f->r != NULL ? GY_RETIRED : GY_FREE;
    uint64_t seen = f->word, word = gy_arena_with_state(gy_arena_in_lane(f->word, 0), state);
    if (!holds)
        gy_proof_disown(c, f->arena, gy_proof_owner(c, f->arena));
    if (!walkable) /* where a walk would stop, the index tells what is there; what others have said of it stays */
        gy_store_rlx(&book->holed, 1);
    gy_add_rlx(&book->dead, end - f->live);
    gy_store_rlx(&book->position, end | GY_CLOSED);
    if (!gy_cas_seq(&c->words[f->arena], &seen, word)) /* model: refillsealed */
        return; /* this process was expelled, and another reads it */
    if (holds)
        gy_add_rlx(&c->super->sealed[gy_arena_ring(word)], f->live); /* (Relaxed: steers.) */
    else if (f->r != NULL)
        gy_account_retired(c);
    else
        gy_add_rlx(&c->super->n_free, 1);
}

/* Is there an entry that was, or may never be: a void one, a lease, one that was given up? It is passed over. */
static bool
passed(const struct gy_refill *f, uint64_t offset, struct gy_header h)
{
    return gy_doubt_length_holds(f->cache, offset, h, f->arena);
}

/* Too much of it would have to be hashed, of what looks like entries: the rest goes, lest what is in it is found another time. */
static void
give_up(const struct gy_refill *f, uint64_t at)
{
    memset(f->cache->region.base + gy_arena_offset(f->cache, f->arena) + at, 0, f->cache->arena_bytes - at);
}

/* How far the reading of an arena has come. */
struct walk {
    uint64_t at, end, hashed; /* bytes; hashed: in vain */
    uint8_t first, its;       /* generations: of what stands first, and of what has proved itself */
    bool holds, walkable, so_far, found; /* something did; a walk would meet all of it, and has so far; an entry ended here */
};

/* An entry that proves itself, or a place where there is none. */
static inline void
read_next(struct gy_refill *f, struct walk *w)
{
    struct gyre *c = f->cache;
    uint64_t offset = gy_arena_offset(c, f->arena) + w->at, sequence;
    struct gy_header h = gy_entry_header(c->region.base + offset);
    uint64_t bytes = h.key_bytes != 0 ? gy_entry_room(c, offset, h) : UINT64_MAX; /* no entry has an empty key */
    bool fits = bytes <= c->arena_bytes - w->at, same = fits && (!w->holds || h.generation == w->its);
    bool filled = same && gy_entry_filled(h) && !gy_entry_is_lease(h), found = w->found;
    w->found = true;
    if (filled && gy_proof_holds(c, offset, h, f->opened, &sequence)) {
        if (gy_unlikely(!w->holds) && !tell_generation(f, h.generation))
            return;
        w->its = h.generation, w->holds = true;
        add(f, offset, h, sequence);
        w->end = w->at + bytes, w->walkable = w->so_far;
    } else if (!fits || !passed(f, offset, h)) {
        if (found && filled && gy_proof_plausible(h, w->holds ? w->its : h.generation))
            count_dropped(f, GYRE_DROP_UNPROVED, bytes);
        w->hashed += fits ? bytes : 0;
        bytes = GY_ENTRY_ALIGN, w->so_far = w->found = false;
    } else if (gy_unlikely(f->again)) { /* what is void may stand in the index: who was about to take it out may have failed */
        w->end = w->at + bytes, w->walkable = w->so_far;
        f->live += bytes; /* dead bytes are counted late, never early */
    }
    w->first = w->at == 0 ? h.generation : w->first;
    w->so_far = w->so_far && gy_proof_plausible(h, w->first);
    w->at += bytes;
}

/* As a put's pin: should this process be expelled, nobody reuses the arena before it knows. Who was expelled while he read
 * it may be there yet, between his look at the notes and his commit, which any tentative word of the same entry would let
 * succeed: this thread places none then. False: it is another's by now. */
static bool
hold(struct gy_refill *f)
{
    f->with_other = gy_arena_written(f->cache, f->arena); /* model: claimhalf */
    gy_store_seq(&f->r->pin[GY_PIN_PUT], gy_pin_word(f->cache, f->arena, GY_PIN_FILLING)); /* model: refillpin */
    f->stopped = gy_load_seq(&f->cache->words[f->arena]) != f->word; /* model: refillagain */
    return !f->stopped;
}

static void
let_go(struct gy_refill *f)
{
    if (gy_unlikely(gy_record_expelled(f->r)))
        gy_arena_late(f->cache, &(struct gy_staged){.arena = f->arena}); /* as gy_arena_unpin */
    gy_pin_clear(&f->r->pin[GY_PIN_PUT]);
}

/* An entry after the other. Where none proves itself (it was never published, or is damaged, or its page is older), the next one is
 * looked for at every place: an entry that were not found now, and is neither void, could be found by the next recovery, when the page
 * that hid it is another. */
void
gy_refill_arena(struct gy_refill *f, uint32_t arena, uint64_t word, bool again)
{
    enum { HASHED_MOST = 16 }; /* times its bytes, in vain */
    struct gyre *c = f->cache;
    const char *from = c->region.base + gy_arena_offset(c, arena);
    struct walk w = {.walkable = true, .so_far = true, .found = true};
    f->arena = arena, f->word = word, f->again = again, f->live = 0;
    if (f->r == NULL || hold(f)) {
        f->opened = gy_load_acq(&c->books[arena].opened);
        gy_store_rlx(&c->books[arena].dead, 0); /* (Relaxed: steers.) */
        gy_os_populate(from, c->arena_bytes, false);
    }
    while (c->arena_bytes - w.at >= sizeof(struct gy_header) && !f->stopped) {
        __builtin_prefetch(from + w.at + FETCHED_AHEAD);
        __builtin_prefetch(from + w.at + FETCHED_AHEAD + GY_LINE);
        read_next(f, &w);
        if (gy_unlikely(w.hashed > HASHED_MOST * c->arena_bytes)) {
            give_up(f, w.at);
            break;
        }
    }
    put_all_in(f, f->n);
    if (!f->stopped)
        finish(f, w.end > 0, w.walkable, w.end);
    if (f->r != NULL)
        let_go(f);
}

void
gy_refill_begin(struct gy_refill *f, struct gyre *cache, struct gy_record *r, uint32_t *words)
{
    memset(f, 0, sizeof *f);
    f->cache = cache, f->r = r, f->words = words;
}

/* (Relaxed: statistics; and counts of which who waits for this thread makes an end.) */
void
gy_refill_end(struct gy_refill *f)
{
    struct gyre *c = f->cache;
    struct gy_recovered *all = &c->super->recovered;
    gy_add_rlx(&all->entries, f->recovered);
    for (unsigned why = 0; why < GYRE_DROPS; why++) {
        gy_add_rlx(&all->dropped[why], f->dropped[why]);
        gy_add_rlx(&all->dropped_bytes[why], f->dropped_bytes[why]);
    }
    for (unsigned n = 0; f->words != NULL && n < c->g.n_shards; n++)
        if (f->words[n] != 0)
            gy_add_rlx(&c->super->shard[n].n_committed, f->words[n]);
}

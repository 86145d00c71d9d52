/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The slot protocol: put and delete. docs/protocols.md has the numbered steps, the invariants and a
 * counterexample to each variation; the models are in tests/models/. In short:
 *
 * A put scans its window (put 2). Where the key stands, one CAS replaces the word in place. Otherwise a tentative word goes
 * into an empty slot (put 3), the whole window is scanned once more (put 4) and rivals of the same key are resolved: a word
 * in a lower slot is taken over and the own one given up, a word in a higher slot is killed. Then one CAS commits (put 5).
 * Nothing waits for anybody, and a tentative word left by the dead is taken over, killed or evicted by whoever meets it.
 * Lower and higher is the order of addresses: it is the same for every operation in every phase of growth.
 *
 * Lock-freedom: a put creates or takes over one word at most and then only moves down; every failed CAS
 * is another operation's success on that slot.
 *
 * Orders: every CAS seq_cst on success, acquire on failure; scans acquire; the scan of put 4 seq_cst,
 * because two puts that placed tentative words in different slots must not both miss the other's
 * (Dekker; the variant with acquire loads is counterexample CE7).
 *
 * The arena of every word that is compared is pinned until the CAS on it is done, so that a ref cannot
 * be recycled under the comparison. */

#include "account.h"
#include "displace.h"
#include "find.h"
#include "gate.h"
#include "note.h"
#include "proof.h"
#include "section.h"

enum { ADD_TRIES = 16, MOVED_TRIES = 64 };

struct put {
    struct gyre *cache;
    struct gy_record *r;
    gy_atomic_u64 *compare_pin;
    const struct gy_aim *aim;
    const struct gy_window *w; /* the aim's */
    const struct gy_staged *staged;
    uint64_t word; /* the own one, committed, frequency 0 */
    enum gy_publish_kind kind;
    bool adds;    /* ADD and LEASE: only where nothing stands */
    bool inserts; /* these and ANY; the others only replace a committed word */
    uint64_t met; /* the highest sequence of a committed word of the key: proof.h */
    uint64_t check; /* what the own entry has where it proves itself, once it is committed */
    bool ended;   /* a lease of the key: somebody may wait for it */
    bool moving;  /* the scan met a tentative word of the key: growth may have a lease in hand */
};

/* Does this slot hold a word of the key, tentative or not? Then f is it, pinned. */
static GY_INLINE bool
meet(const struct put *p, gy_atomic_u64 *slot, uint64_t word, struct gy_found *f)
{
    const struct gy_aim *aim = p->aim;
    if (gy_unlikely(!gy_slot_may_match(word, aim->hash)))
        return false;
    if (!gy_find_pin(p->cache, slot, word, p->compare_pin, f)) /* model: reader1 */
        return false;
    return gy_slot_may_match(f->word, aim->hash) &&
           gy_entry_has_key(f->entry, f->header, aim->key, aim->key_bytes);
}

/* A committed word of the key, which is to go. */
static GY_SELDOM void
note_sequence(struct put *p, const struct gy_found *f)
{
    p->met = gy_max(p->met, gy_proof_sequence(p->cache, f));
}

/* The same, of one that this put's word takes the place of. */
static GY_SELDOM void
outdo(struct put *p, const struct gy_found *f)
{
    note_sequence(p, f);
    gy_proof_void(p->cache, f);
}

static GY_SELDOM void
write_proof(struct put *p)
{
    if (p->kind != GY_PUT_LEASE && p->kind != GY_PUT_LEASE_OVER)
        p->check = gy_proof_prepare(p->cache, p->r, p->staged, p->met);
}

/* Before the CAS that commits; over: what it takes the place of, or NULL. */
static GY_INLINE void
prove(struct put *p, const struct gy_found *over)
{
    if (gy_likely(!gy_proves(p->cache)))
        return;
    if (over != NULL)
        outdo(p, over);
    write_proof(p);
}

/* After it. */
static GY_INLINE void
proven(const struct put *p)
{
    if (gy_unlikely(gy_proves(p->cache)))
        gy_proof_give(p->cache, p->staged, p->check);
}

static bool
swap_word(const struct gy_found *f, uint64_t to)
{
    uint64_t expected = f->word;
    return gy_cas_seq(f->slot, &expected, to);
}

/* The own word as it stands in for f's: with what is known of the key's popularity, and f's T. */
static uint64_t
instead_of(const struct put *p, const struct gy_found *f)
{
    /* a lease's value is what was asked for, and no second use */
    unsigned freq = p->kind == GY_PUT_LEASED ? gy_slot_freq(f->word) : gy_slot_freq_carried(f->word);
    return p->word | (uint64_t)freq << GY_FREQ_SHIFT | (f->word & GY_T);
}

/* Of a word that we took out of its slot, with its entry still pinned. Where the window has images, a mover may have
 * reserved one with the same ref, and a walk has to find that. Later movers do not know this ref any more: they wait for
 * us. Who was displacing the word gives its reservation up, and holds the arena until then. A lease goes on saying that it
 * is one, lest a lookup that has just pinned it takes it for a value. */
static GY_INLINE void
gone(const struct put *p, const struct gy_found *f)
{
    struct gy_found now = *f;
    if (gy_unlikely(gy_proves(p->cache)))
        now.header = gy_entry_header(f->entry); /* it is void */
    if (gy_likely(p->w->n == 2) && !gy_entry_is_lease(f->header))
        gy_entry_set_gone(now.entry, now.header);
}

static inline void
replaced(struct put *p, const struct gy_found *f, uint32_t arena, bool in_place)
{
    enum gyre_reason reason = GYRE_REPLACED;
    gy_entry_stands(p->cache, f, &reason);
    gone(p, f);
    gy_account_out(p->cache, p->r, p->w->shard, f->arena, gy_found_bytes(p->cache, f), reason, in_place);
    if (in_place)
        gy_account_ring(p->cache, arena, 1);
    p->ended |= reason == GYRE_LEASE_ENDED;
}

/* For what is in the way, and nothing that stands. */
static bool
evict(struct put *p, const struct gy_found *f, enum gyre_reason reason)
{
    bool evicted = gy_index_evict(p->cache, p->r, p->w->shard, f, reason);
    p->ended |= evicted && reason == GYRE_LEASE_ENDED;
    return evicted;
}

/* Outside of the section: those who waited for the lease that has ended. */
static void
wake(const struct put *p)
{
    if (gy_unlikely(p->ended))
        gy_gate_open(p->cache, p->aim->hash);
}

/* What no condition counts as standing, and is in the way of none. */
static bool
absent(struct put *p, const struct gy_found *f, enum gyre_reason *reason)
{
    if (p->kind < GY_PUT_LEASE)
        return !gy_entry_stands(p->cache, f, reason);
    *reason = GYRE_CLEARED;
    return gy_entry_void(p->cache, f);
}

/* Is a committed word that stands the one that this put is to replace? */
static bool
wanted(const struct put *p, const struct gy_found *f)
{
    switch (p->kind) {
    case GY_PUT_IF_VERSION:
        return gy_entry_version(f->entry, f->header) == p->aim->if_what;
    case GY_PUT_IF_REF:
    case GY_PUT_LEASE_OVER:
        return gy_slot_ref(f->word) == p->aim->if_what;
    case GY_PUT_LEASED:
        return gy_entry_is_lease(f->header) && gy_entry_version(f->entry, f->header) == p->aim->if_what;
    default:
        return true;
    }
}

/* put 2: results of meeting the own key in the first scan. */
enum step { GO_ON, AGAIN, TAKEN_OVER, DONE };

static GY_INLINE enum step
first_meeting(struct put *p, const struct gy_found *f, uint32_t arena, int *result)
{
    bool conditional = p->kind != GY_PUT_ANY;
    if (gy_slot_tentative(f->word)) {
        if (!p->inserts) {
            p->moving = p->kind == GY_PUT_LEASED;
            return GO_ON;
        }
        gy_proof_void_moving(p->cache, f);
        return swap_word(f, instead_of(p, f)) ? TAKEN_OVER : AGAIN; /* model: put2cas */
    }
    enum gyre_reason reason;
    if (conditional && absent(p, f, &reason)) {
        if (reason == GYRE_LEASE_ENDED && !p->inserts)
            return GO_ON; /* it stays, and the condition finds nothing */
        if (gy_unlikely(gy_proves(p->cache)))
            note_sequence(p, f);
        evict(p, f, reason);
        return AGAIN; /* absent, for a condition; a frequency bump or another's CAS is met again */
    }
    if (p->adds) {
        *result = GYRE_EXISTS; /* model: add2 */
        return DONE;
    }
    if (!wanted(p, f)) {
        *result = p->kind == GY_PUT_LEASED ? GYRE_ESTALE : GYRE_CHANGED; /* model: ifversion2 */
        return DONE;
    }
    prove(p, f);
    if (!swap_word(f, instead_of(p, f))) /* model: put2cas */
        return AGAIN;
    proven(p);
    replaced(p, f, arena, true);
    *result = GYRE_OK;
    return DONE;
}

/* A tentative word. */
static bool
kill_word(const struct put *p, const struct gy_found *f)
{
    gy_proof_void_moving(p->cache, f);
    return swap_word(f, GY_EMPTY);
}

/* put 3, full window, of which no word can be displaced: the coldest word of another key makes room. */
static void
evict_coldest(struct put *p)
{
    gy_atomic_u64 *coldest = NULL;
    uint64_t its_word = GY_EMPTY;
    unsigned least = UINT32_MAX;
    for (unsigned i = 0; i < 2; i++) {
        struct gy_bucket *b = p->w->bucket[p->w->insert[i]];
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
            uint64_t word = gy_load_acq(&b->slot[s]);
            unsigned heat = gy_slot_tentative(word) ? 0 : gy_slot_freq(word) + 1;
            if (word != GY_EMPTY && heat < least)
                least = heat, coldest = &b->slot[s], its_word = word;
        }
    }
    struct gy_found f;
    if (coldest == NULL)
        return;
    if (!gy_index_pin(p->cache, coldest, p->compare_pin, &f))
        gy_cas_seq(coldest, &its_word, GY_EMPTY); /* damaged: as it was, it refers to nothing */
    else if (gy_slot_tentative(f.word))
        kill_word(p, &f); /* its owner accounts for it */
    else if (gy_index_evict(p->cache, p->r, p->w->shard, &f, GYRE_CONFLICT))
        gy_count(&p->r->count.window_conflicts, 1);
}

/* put 2 and 3. GO_ON: e is the slot of our tentative word. */
static GY_INLINE enum step
place(struct put *p, uint32_t arena, gy_atomic_u64 **e, uint64_t *mine, int *result)
{
    /* Without a condition, the look that met nothing, before the section, was put 2: in the same order. */
    bool look = !p->aim->unseen || p->kind != GY_PUT_ANY || p->w->n != 2;
    for (unsigned tries = 0;; look = true) { /* again when a CAS of ours failed because another's succeeded */
    scan:;
        for (unsigned i = 0; look && i < p->w->n; i++) {
            unsigned candidates = gy_find_candidates(p->w->bucket[i], p->aim->hash);
            for (; gy_unlikely(candidates); candidates = gy_find_next(candidates)) {
                gy_atomic_u64 *slot = gy_find_candidate(p->w->bucket[i], candidates);
                struct gy_found f;
                if (!meet(p, slot, gy_load_acq(slot), &f)) /* model: put2 */
                    continue;
                switch (first_meeting(p, &f, arena, result)) {
                case DONE:
                    return DONE;
                case TAKEN_OVER:
                    *e = slot;
                    *mine = instead_of(p, &f);
                    return GO_ON;
                case AGAIN:
                    gy_count(&p->r->count.retries, 1);
                    goto scan;
                case GO_ON:
                    break;
                }
            }
        }
        if (!p->inserts && p->moving && tries++ < MOVED_TRIES) {
            p->moving = false;
            continue;
        }
        if (!p->inserts) {
            *result = p->kind == GY_PUT_LEASED ? GYRE_ESTALE : GYRE_MISS; /* model: replace2 */
            return DONE;
        }
        *e = gy_find_room(p->w);
        uint64_t nothing = GY_EMPTY;
        *mine = p->word | GY_T;
        if (*e == NULL) {
            if (!gy_displace(p->cache, p->r, p->w->shard, p->w))
                evict_coldest(p); /* model: put3evict */
        } else if (gy_cas_seq(*e, &nothing, *mine)) { /* model: put3 */
            return GO_ON;
        }
    }
}

static void
withdraw(gy_atomic_u64 *e, uint64_t mine)
{
    gy_cas_seq(e, &mine, GY_EMPTY); /* failed: it was taken over, killed or evicted already */
}

/* put 4, at another slot with the key's tag: a rival is resolved. AGAIN: the scan begins anew. */
static GY_SELDOM enum step
meet_rival(struct put *p, uint32_t arena, gy_atomic_u64 *slot, gy_atomic_u64 **e, uint64_t *mine, int *result)
{
    struct gy_found f;
    /* seq_cst: after the CAS that made our word tentative, in the one order of all of these. */
    if (!meet(p, slot, gy_load_seq(slot), &f)) /* model: put4 */
        return GO_ON;
    bool committed = !gy_slot_tentative(f.word);
    enum gyre_reason reason;
    if (p->adds && committed) {
        if (absent(p, &f, &reason)) {
            evict(p, &f, reason);
            return AGAIN;
        }
        withdraw(*e, *mine); /* model: add4 */
        *result = GYRE_EXISTS;
        return DONE;
    }
    if (!committed)
        gy_proof_void_moving(p->cache, &f);
    else if (gy_unlikely(gy_proves(p->cache)))
        outdo(p, &f);
    if (slot > *e) { /* a higher rival goes */
        if (!swap_word(&f, GY_EMPTY)) /* model: put4kill */
            return AGAIN;
        if (committed)
            replaced(p, &f, arena, false);
        return GO_ON;
    }
    uint64_t moved = instead_of(p, &f); /* a lower one is taken over */
    if (committed)
        prove(p, NULL);
    if (!swap_word(&f, moved)) /* model: put4move */
        return AGAIN;
    withdraw(*e, *mine); /* model: put4clear */
    if (committed) {
        proven(p);
        replaced(p, &f, arena, true);
        *result = GYRE_OK;
        return DONE;
    }
    *e = slot;
    *mine = moved;
    return AGAIN;
}

/* put 4: the complete second scan. Never left early because the own word has gone: a superseded put may
 * return only when its older rivals have. GO_ON: commit. */
static GY_INLINE enum step
resolve(struct put *p, uint32_t arena, gy_atomic_u64 **e, uint64_t *mine, int *result)
{
    const struct gy_window *w = p->w;
    uint64_t hash = p->aim->hash;
restart:
    for (unsigned i = 0; i < w->n; i++) {
        unsigned candidates = gy_find_candidates_seq(w->bucket[i], hash);
        for (; candidates; candidates = gy_find_next(candidates)) {
            gy_atomic_u64 *slot = gy_find_candidate(w->bucket[i], candidates);
            if (gy_likely(slot == *e))
                continue;
            enum step step = meet_rival(p, arena, slot, e, mine, result);
            if (step == AGAIN)
                goto restart;
            if (step == DONE)
                return DONE;
        }
    }
    return GO_ON;
}

static GY_INLINE int
publish(struct put *p, const struct gy_staged *staged)
{
    int result = GYRE_OK;
    for (unsigned tries = 0; tries < ADD_TRIES; tries++) {
        gy_atomic_u64 *e;
        uint64_t mine;
        if (place(p, staged->arena, &e, &mine, &result) == DONE)
            break;
        if (resolve(p, staged->arena, &e, &mine, &result) == DONE)
            break;
        if (gy_unlikely(gy_record_expelled(p->r))) { /* after the scan: the phases may be others by now */
            withdraw(e, mine);
            result = GYRE_ESTALE;
            break;
        }
        uint64_t expected = mine; /* put 5 */
        prove(p, NULL);
        if (gy_cas_seq(e, &expected, mine & ~GY_T)) { /* model: put5 */
            proven(p);
            gy_account_in(p->cache, p->r, p->w->shard, staged->arena);
            return GYRE_OK;
        }
        if (!p->adds) {
            /* Taken over, killed or evicted: ordered immediately before that, as put and evict. */
            gy_count(&p->r->count.vanished, 1);
            gy_count(&p->r->count.removed[GYRE_REPLACED], 1);
            gy_count(&p->r->count.removed_bytes[GYRE_REPLACED], staged->bytes);
            gy_account_given_up(p->cache, staged);
            return GYRE_OK;
        }
        /* An ADD that lost its word was never visible, and says so rather than OK. Two of them could
         * take each other's word over for ever: the number of tries is bounded. */
        gy_count(&p->r->count.retries, 1);
        result = GYRE_EBUSY; /* model: add5 */
    }
    if (result != GYRE_OK)
        gy_account_given_up(p->cache, staged);
    return result;
}

int
gy_index_publish(struct gyre *cache, struct gy_record *r, struct gy_aim *aim, const struct gy_staged *staged)
{
    enum gy_publish_kind kind = aim->kind;
    bool adds = kind == GY_PUT_ADD || kind == GY_PUT_LEASE;
    struct put p = {.cache = cache, .r = r, .compare_pin = &r->pin[GY_PIN_COMPARE], .aim = aim, .w = &aim->window,
                    .staged = staged, .word = gy_slot_word(aim->hash, 0, staged->ref), .kind = kind, .adds = adds,
                    .inserts = kind == GY_PUT_ANY || adds, .check = gy_proof_of_room(cache, staged)};
    if (gy_note(cache, aim->hash))
        aim->unseen = false; /* what was seen before the note may have changed since */
    gy_section_enter(cache, r);
    int result = GY_RESTAGE;
    /* Inside the section: clear waits for those that did not see its mark. */
    if (staged->opened >= gy_load_seq(&cache->super->mark)) {
        if (gy_unlikely(!gy_index_window_holds(cache, &aim->window))) {
            gy_index_window(cache, aim->hash, &aim->window);
            aim->unseen = false;
        }
        result = publish(&p, staged);
        gy_pin_clear(p.compare_pin);
    } else {
        gy_account_given_up(cache, staged);
    }
    gy_section_exit(cache, r);
    wake(&p);
    return gy_unlikely(gy_record_expelled(r)) ? GYRE_ESTALE : result;
}

bool
gy_index_delete(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_bytes,
                uint64_t if_version, enum gyre_reason reason)
{
    struct gy_aim aim;
    aim.hash = hash, aim.key = key, aim.key_bytes = key_bytes;
    struct put p = {.cache = cache, .r = r, .compare_pin = &r->pin[GY_PIN_COMPARE], .aim = &aim, .w = &aim.window};
    bool present = false;
    gy_note(cache, hash);
    gy_section_enter(cache, r);
    gy_index_window(cache, hash, &aim.window);
    for (unsigned i = 0; i < p.w->n; i++) {
        unsigned candidates = gy_find_candidates(p.w->bucket[i], hash);
        for (; candidates; candidates = gy_find_next(candidates)) {
            gy_atomic_u64 *slot = gy_find_candidate(p.w->bucket[i], candidates);
            struct gy_found f;
            while (meet(&p, slot, gy_load_acq(slot), &f)) { /* model: delete */
                if (gy_slot_tentative(f.word)) {
                    if (if_version != 0)
                        break;
                    kill_word(&p, &f);
                    continue; /* look again: the slot may hold the next word of the key */
                }
                if (if_version != 0 && gy_entry_version(f.entry, f.header) != if_version)
                    break;
                enum gyre_reason why = reason;
                bool stood = gy_entry_stands(cache, &f, &why);
                if (evict(&p, &f, why)) {
                    gone(&p, &f);
                    present |= stood;
                }
            }
        }
    }
    gy_pin_clear(p.compare_pin);
    gy_section_exit(cache, r);
    wake(&p);
    return present;
}

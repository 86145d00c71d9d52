/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "reap.h"

#include "grow.h"
#include "proof.h"

enum { LOOK_MS = 10 }; /* between looks; a look takes some 20 us a member */

/* What a dead thread was about: an arena that it was opening, as its record says. Nobody else makes it anything but
 * OPEN, and that only when it stands in its lane. */
static void
finish_opening(struct gyre *cache, struct gy_record *r)
{
    uint64_t open = gy_load_acq(&r->opening);
    uint32_t arena = gy_open_arena(open);
    if (open == 0 || arena >= cache->g.n_arenas)
        return;
    uint64_t word = gy_load_acq(&cache->words[arena]);
    unsigned lane = gy_arena_lane(word);
    /* model: reapopening */
    if (gy_arena_state(word) == GY_OPENING && gy_open_word(arena, gy_arena_sequence(word)) == open &&
        lane < cache->g.n_lanes) {
        bool shown = gy_load_seq(&cache->lanes[lane].open[gy_arena_ring(word)]) == open;
        /* It is not counted as free here, where a recount might see one and not the other: the recount does it. */
        gy_cas_seq(&cache->words[arena], &word, gy_arena_with_state(word, shown ? GY_OPEN : GY_FREE));
    }
    gy_store_rlx(&r->opening, 0); /* (Relaxed: released with the record.) */
}

/* A pin of the dead. What was reserved under it may have no header; a word that it was moving may stand in a second slot,
 * though its entry says that it has gone; an entry that it had taken is not done. */
static void
drop_pin(struct gyre *cache, struct gy_record *r, gy_atomic_u64 *at)
{
    uint64_t pin = gy_load_acq(at);
    uint32_t arena = gy_pin_arena(pin);
    if (pin != 0 && arena < cache->g.n_arenas) {
        struct gy_book *book = &cache->books[arena];
        bool moving = at == &r->pin[GY_PIN_MOVE] && gy_pin_kind(pin) == GY_PIN_READ;
        bool late = gy_record_expelled(r) && gy_pin_kind(pin) == GY_PIN_FILLING; /* as gy_arena_unpin */
        if (moving || late || gy_pin_kind(pin) == GY_PIN_RESERVING)
            /* model: reappin */
            gy_store_seq(&book->holed, 1); /* before the pin goes, for who sweeps when it has */
        uint64_t progress = gy_load_acq(&book->progress);
        while (gy_pin_kind(pin) == GY_PIN_SWEEPING && (progress & GY_PROGRESS_BUSY) &&
               gy_arena_state(gy_load_acq(&cache->words[arena])) == GY_PARKED &&
               !gy_cas_seq(&book->progress, &progress, (progress & GY_PROGRESS_LATE) | gy_progress_again(progress)))
            ; /* retried because a living one took or did an entry */
    }
    gy_pin_clear(at);
}

static void
reap_record(struct gyre *cache, struct gy_record *r)
{
    for (unsigned p = 0; p < GY_PINS; p++)
        if (gy_load_acq(&r->pin[p]) != 0)
            drop_pin(cache, r, &r->pin[p]);
    finish_opening(cache, r);
    uint32_t changes = gy_load_rlx(&r->arena_changes); /* (Relaxed: nobody else writes it.) */
    gy_store_rel(&r->arena_changes, changes + (changes & 1));
    gy_record_let_go(r, 0);
}

/* Who died in SWEEPING may have died before the look at the pins: it is made here. Then it is as if it had been
 * parked, to be walked from the start. */
static void
park_what_was_swept(struct gyre *cache, uint32_t place)
{
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_seq(&cache->words[a]);
        if (gy_arena_state(word) != GY_SWEEPING || gy_arena_lane(word) != place + 1) /* model: reapswept */
            continue;
        struct gy_book *book = &cache->books[a];
        uint32_t owner = gy_proof_owner(cache, a);
        if (gy_load_seq(&cache->words[a]) != word)
            continue;
        /* model: reaplook */
        uint64_t late = gy_arena_written(cache, a) ? GY_PROGRESS_LATE : 0, progress = gy_load_acq(&book->progress);
        while (!gy_cas_seq(&book->progress, &progress, late | gy_progress_again(progress)))
            ; /* retried because one who had joined before took or did an entry */
        gy_proof_disown(cache, a, owner); /* he may have died before he did */
        gy_cas_seq(&cache->words[a], &word, gy_arena_with_state(word, GY_PARKED)); /* model: reappark */
    }
}

static void
release_role(gy_atomic_u64 *role, uint32_t name)
{
    uint64_t holder = gy_load_acq(role);
    if (holder >> 32 == name)
        gy_cas_seq(role, &holder, 0); /* model: reaprole */
}

/* Roles and arenas: by CAS from what bears its name, so that nothing is lost when it, or who clears up after it, comes late. */
static void
release_roles(struct gyre *cache, uint32_t place, uint32_t name)
{
    park_what_was_swept(cache, place);
    gy_rebuild_release(cache, place);
    for (unsigned number = 0; number < cache->g.n_shards; number++)
        gy_grow_release(cache, number, name);
    release_role(&cache->super->maintainer, name);
}

void
gy_reap_expelled(struct gyre *cache, uint32_t place, uint32_t name)
{
    release_roles(cache, place, name); /* expel 5 */
}

void
gy_reap_member(struct gyre *cache, uint32_t place, uint64_t leaving)
{
    struct gy_super *s = cache->super;
    struct gy_member *m = &cache->members[place];
    uint32_t name = gy_member_name(place, leaving);
    uint32_t used = (uint32_t)gy_min(gy_load_seq(&s->n_records_used), cache->g.n_records);
    for (uint32_t i = 0; i < used; i++)
        if (gy_load_acq(&cache->records[i].owner) >> 32 == name)
            reap_record(cache, &cache->records[i]); /* model: reaprecord */
    release_roles(cache, place, name);
    gy_store_rlx(&m->draft_bytes, 0);
    if (gy_member_who(leaving) != name) /* it died, and may have left counts that were to be brought up to date */
        gy_store_seq(&s->recount, 1);
    /* model: reapfree */
    gy_cas_seq(&m->word, &leaving, gy_member_word(GY_MEMBER_FREE, gy_member_generation(leaving), 0));
}

/* Is the one who cleared up after another gone himself? */
static bool
gone(struct gyre *cache, uint32_t name)
{
    uint32_t place = gy_member_place(name);
    if (place >= cache->g.n_members)
        return true;
    uint64_t word = gy_load_acq(&cache->members[place].word); /* model: gone */
    return gy_member_state(word) == GY_MEMBER_FREE || gy_member_name(place, word) != name ||
           gy_member_dead(cache, place, word);
}

static bool
reap_if_dead(struct gyre *cache, uint32_t place)
{
    struct gy_member *m = &cache->members[place];
    uint64_t word = gy_load_acq(&m->word);
    enum gy_member_state state = gy_member_state(word);
    if (state == GY_MEMBER_FREE || gy_member_name(place, word) == cache->member)
        return false;
    uint32_t by = gy_member_who(word);
    bool dead = state == GY_MEMBER_LEAVING ? by != cache->member && gone(cache, by) : gy_member_dead(cache, place, word);
    uint64_t leaving = gy_member_word(GY_MEMBER_LEAVING, gy_member_generation(word), cache->member);
    if (!dead && gy_member_revoked(cache, gy_member_name(place, word)))
        gy_reap_expelled(cache, place, gy_member_name(place, word));
    if (!dead || !gy_cas_seq(&m->word, &word, leaving)) /* model: reaptake */
        return false;
    gy_reap_member(cache, place, leaving);
    return true;
}

bool
gy_reap_now(struct gyre *cache)
{
    bool found = false;
    uint32_t used = (uint32_t)gy_min(gy_load_acq(&cache->super->n_members_used), cache->g.n_members);
    for (uint32_t place = 0; place < used; place++)
        found |= reap_if_dead(cache, place);
    return found;
}

bool
gy_reap_one(struct gyre *cache, uint32_t name)
{
    return name != 0 && gy_member_place(name) < cache->g.n_members && reap_if_dead(cache, gy_member_place(name));
}

bool
gy_reap_sometimes(struct gyre *cache)
{
    uint64_t now = gy_os_clock_ms(), next = gy_load_rlx(&cache->next_look_ms); /* (Relaxed: one look is enough.) */
    if (now < next || cache->member == 0 || !gy_cas_seq(&cache->next_look_ms, &next, UINT64_MAX))
        return false;
    bool found = gy_reap_now(cache);
    uint64_t took = gy_os_clock_ms() - now;
    gy_store_rel(&cache->next_look_ms, now + took + LOOK_MS + took * 10);
    return found;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "record.h"

#include "cache.h"
#include "reap.h"
#include "registry.h"

_Thread_local struct gy_seat gy_seats[GY_SEATS];

uint64_t
gy_owner_self(const struct gyre *cache)
{
    if (cache->members == NULL)
        return (uint64_t)gy_os_pid() << 32 | gy_os_tid();
    return cache->member ? (uint64_t)cache->member << 32 | gy_os_tid() : 0;
}

/* A record whose thread has exited, but not the views it made: of use to its member only, since with the member they
 * die. In a private cache it is as free as others. */
static uint64_t
owner_left(const struct gyre *cache, uint64_t self)
{
    return cache->members ? self >> 32 << 32 : 0;
}

/* Reclaimers look at records below n_records_used: raised (seq_cst) before the first pin is set. */
static void
announce(struct gyre *cache, uint32_t index)
{
    gy_atomic_u32 *used = &cache->super->n_records_used;
    uint32_t seen = gy_load_acq(used);
    while (seen <= index && !gy_cas_seq(used, &seen, index + 1)) /* model: claim1 */
        ; /* retried because another thread claimed a record */
}

static bool
holds_pins(struct gy_record *r)
{
    for (unsigned p = GY_PIN_VIEWS; p < GY_PINS; p++)
        if (gy_load_rlx(&r->pin[p]) != 0) /* (Relaxed: a preference.) */
            return true;
    return false;
}

static struct gy_record *
claim_one(struct gyre *cache, bool further, bool without_pins)
{
    uint64_t self = gy_owner_self(cache), left = owner_left(cache, self);
    for (uint32_t i = 0; i < cache->g.n_records; i++) {
        struct gy_record *r = &cache->records[i];
        /* (Relaxed: the CAS decides; it acquires what the last owner left.) */
        uint64_t nobody = gy_load_rlx(&r->owner);
        if ((nobody != 0 && nobody != left) || (without_pins && holds_pins(r)))
            continue;
        announce(cache, i); /* first: a child of a fork in between frees what is announced */
        if (!gy_cas_seq(&r->owner, &nobody, self)) /* model: claim2 */
            continue;
        if (gy_unlikely(gy_member_expelled(cache))) { /* after the claim: else whoever expels has seen and marked it */
            gy_cas_seq(&r->owner, &self, nobody);
            return NULL;
        }
        r->next = r->pins_in = 0;
        r->is_further = further;
        r->pin_next = GY_PIN_VIEWS;
        return r;
    }
    return NULL;
}

/* Rather a record to which no views of a thread that has exited belong: a forked child tells its own from
 * others' by the record. */
static struct gy_record *
claim(struct gyre *cache, bool further)
{
    struct gy_record *r = claim_one(cache, further, true);
    r = r ? r : claim_one(cache, further, false);
    return r || !gy_reap(cache) ? r : claim_one(cache, further, true);
}

/* For a thread that uses more caches than it has seats. */
static struct gy_record *
owned_already(struct gyre *cache)
{
    uint64_t self = gy_owner_self(cache);
    uint32_t used = (uint32_t)gy_min(gy_load_acq(&cache->super->n_records_used), cache->g.n_records);
    for (uint32_t i = 0; i < used; i++) {
        struct gy_record *r = &cache->records[i]; /* (Relaxed: only this thread writes its own name.) */
        if (gy_load_rlx(&r->owner) == self && !r->is_further)
            return r;
    }
    return NULL;
}

static struct gy_record *
first_record(struct gyre *cache, int *error)
{
    *error = gy_registry_enter_thread();
    if (*error == GYRE_OK)
        *error = cache->rcu->thread_ready();
    if (*error != GYRE_OK)
        return NULL;
    struct gy_record *r = claim(cache, false);
    if (r == NULL)
        *error = gy_member_expelled(cache) ? GYRE_ESTALE : GYRE_EBUSY;
    return r;
}

struct gy_record *
gy_record_find(struct gyre *cache, int *error)
{
    struct gy_seat seat = {.cache_id = cache->id, .sure_id = cache->id};
    unsigned i = 0;
    while (i < GY_SEATS - 1 && gy_seats[i].cache_id != cache->id)
        i++;
    if (gy_seats[i].cache_id == cache->id) {
        seat = gy_seats[i];
    } else if (cache->region.readonly) {
        *error = GYRE_EPERM;
        return NULL;
    } else {
        *error = gy_registry_mended(cache);
        if (*error != GYRE_OK)
            return NULL;
        seat.record = owned_already(cache);
        if (seat.record == NULL)
            seat.record = first_record(cache, error);
        if (seat.record == NULL)
            return NULL;
    }
    for (; i > 0; i--)
        gy_seats[i] = gy_seats[i - 1];
    seat.view_pin = &seat.record->pin[GY_PIN_VIEWS];
    gy_seats[0] = seat;
    return seat.record;
}

static gy_atomic_u64 *
free_pin(struct gy_record *r)
{
    for (unsigned n = GY_PIN_VIEWS; n < GY_PINS; n++) {
        unsigned i = r->pin_next - GY_PIN_VIEWS < GY_PINS - GY_PIN_VIEWS ? r->pin_next : GY_PIN_VIEWS;
        r->pin_next = i + 1 < GY_PINS ? i + 1 : GY_PIN_VIEWS;
        if (gy_load_acq(&r->pin[i]) == 0) /* acquire: the release of the view that had it */
            return &r->pin[i];
    }
    return NULL;
}

/* Records know each other by their number + 1. */
static struct gy_record *
numbered(struct gyre *cache, uint32_t number)
{
    return number - 1 < cache->g.n_records ? &cache->records[number - 1] : NULL;
}

gy_atomic_u64 *
gy_record_view_pin_find(struct gyre *cache, struct gy_record *first)
{
    struct gy_record *last = numbered(cache, first->pins_in), *r = last ? last : first;
    gy_atomic_u64 *pin = free_pin(r);
    if (gy_likely(pin != NULL))
        return pin;
    r = first;
    for (uint32_t n = 0; n < cache->g.n_records; n++) { /* no more, whatever they say */
        pin = free_pin(r);
        if (pin != NULL) {
            first->pins_in = (uint32_t)(r - cache->records) + 1;
            return pin;
        }
        struct gy_record *next = numbered(cache, r->next);
        if (next == NULL) {
            next = claim(cache, true);
            if (next == NULL)
                return NULL;
            r->next = (uint32_t)(next - cache->records) + 1;
        }
        r = next;
    }
    return NULL;
}

void
gy_record_let_go(struct gy_record *r, uint64_t owner)
{
    gy_store_rlx(&r->scans, 0); /* (Relaxed: released by the owner.) A visitor may have ended its thread. */
    /* Release: a poll that reads this 0 has seen the sections of this owner end. model: leave1 */
    gy_store_rel(&r->section, 0);
    /* model: leave2 */
    gy_store_rel(&r->owner, owner); /* pairs with the next owner's CAS */
}

void
gy_record_leave(struct gyre *cache)
{
    if (cache->region.readonly)
        return; /* it has none */
    uint64_t self = gy_owner_self(cache), left = owner_left(cache, self);
    uint32_t used = (uint32_t)gy_min(gy_load_acq(&cache->super->n_records_used), cache->g.n_records);
    for (uint32_t i = 0; i < used && self != 0; i++) {
        struct gy_record *r = &cache->records[i];
        if (gy_load_rlx(&r->owner) == self) /* (Relaxed: its own name) */
            gy_record_let_go(r, holds_pins(r) ? left : 0);
    }
    for (unsigned i = 0; i < GY_SEATS; i++)
        if (gy_seats[i].cache_id == cache->id)
            gy_seats[i] = (struct gy_seat){0};
}

void
gy_record_reap_quiet(struct gyre *cache, uint64_t parent_owner)
{
    uint64_t self = gy_owner_self(cache);
    uint32_t used = gy_load_rlx(&cache->super->n_records_used);
    for (uint32_t i = 0; i < used; i++) {
        struct gy_record *r = &cache->records[i];
        bool mine = gy_load_rlx(&r->owner) == parent_owner;
        for (unsigned p = 0; p < GY_PINS && !mine; p++) {
            uint64_t pin = gy_load_rlx(&r->pin[p]);
            if (pin && gy_pin_kind(pin) == GY_PIN_RESERVING && gy_pin_arena(pin) < cache->g.n_arenas)
                gy_store_rlx(&cache->books[gy_pin_arena(pin)].holed, 1);
            gy_store_rlx(&r->pin[p], 0);
        }
        gy_store_rlx(&r->section, 0); /* model: reap */
        if (!mine)
            gy_store_rlx(&r->scans, 0);
        gy_store_rlx(&r->owner, mine ? self : 0);
    }
}

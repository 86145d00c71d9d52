/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "record.h"

#include "cache.h"
#include "registry.h"

_Thread_local struct gy_seat gy_seats[GY_SEATS];

static uint64_t
owner_self(void)
{
    return (uint64_t)gy_os_pid() << 32 | gy_os_tid();
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
    uint64_t self = owner_self();
    for (uint32_t i = 0; i < cache->g.n_records; i++) {
        struct gy_record *r = &cache->records[i];
        uint64_t nobody = 0; /* (Relaxed: the CAS decides; it acquires what the last owner left.) */
        if (gy_load_rlx(&r->owner) != 0 || (without_pins && holds_pins(r)))
            continue;
        announce(cache, i); /* first: a child of a fork in between frees what is announced */
        if (!gy_cas_seq(&r->owner, &nobody, self)) /* model: claim2 */
            continue;
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
    return r ? r : claim_one(cache, further, false);
}

/* For a thread that uses more caches than it has seats. */
static struct gy_record *
owned_already(struct gyre *cache)
{
    uint64_t self = owner_self();
    uint32_t used = gy_load_acq(&cache->super->n_records_used);
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
        *error = GYRE_EBUSY;
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
    } else {
        gy_registry_mended(cache);
        seat.record = owned_already(cache);
        if (seat.record == NULL)
            seat.record = first_record(cache, error);
        if (seat.record == NULL)
            return NULL;
    }
    for (; i > 0; i--)
        gy_seats[i] = gy_seats[i - 1];
    gy_seats[0] = seat;
    return seat.record;
}

static gy_atomic_u64 *
free_pin(struct gy_record *r)
{
    for (unsigned n = GY_PIN_VIEWS; n < GY_PINS; n++) {
        unsigned i = r->pin_next;
        r->pin_next = i + 1 < GY_PINS ? i + 1 : GY_PIN_VIEWS;
        if (gy_load_acq(&r->pin[i]) == 0) /* acquire: the release of the view that had it */
            return &r->pin[i];
    }
    return NULL;
}

gy_atomic_u64 *
gy_record_view_pin_find(struct gyre *cache, struct gy_record *first)
{
    struct gy_record *r = first->pins_in ? &cache->records[first->pins_in - 1] : first;
    gy_atomic_u64 *pin = free_pin(r);
    if (gy_likely(pin != NULL))
        return pin;
    for (r = first;; r = &cache->records[r->next - 1]) {
        pin = free_pin(r);
        if (pin == NULL && r->next == 0) {
            struct gy_record *more = claim(cache, true);
            if (more == NULL)
                return NULL;
            r->next = (uint32_t)(more - cache->records) + 1;
        }
        if (pin != NULL) {
            first->pins_in = (uint32_t)(r - cache->records) + 1;
            return pin;
        }
    }
}

static void
let_go(struct gy_record *r)
{
    gy_store_rlx(&r->scans, 0); /* (Relaxed: released by the owner.) A visitor may have ended its thread. */
    /* Release: a poll that reads this 0 has seen the sections of this owner end. model: leave1 */
    gy_store_rel(&r->section, 0);
    /* model: leave2 */
    gy_store_rel(&r->owner, 0); /* pairs with the next owner's CAS */
}

void
gy_record_leave(struct gyre *cache)
{
    uint64_t self = owner_self();
    uint32_t used = gy_load_acq(&cache->super->n_records_used);
    for (uint32_t i = 0; i < used; i++)
        if (gy_load_rlx(&cache->records[i].owner) == self) /* (Relaxed: its own name) */
            let_go(&cache->records[i]);
    for (unsigned i = 0; i < GY_SEATS; i++)
        if (gy_seats[i].cache_id == cache->id)
            gy_seats[i] = (struct gy_seat){0};
}

void
gy_record_reap_quiet(struct gyre *cache, uint64_t parent_owner)
{
    uint64_t self = owner_self();
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

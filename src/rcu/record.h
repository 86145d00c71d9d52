/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A record: a thread's lines in the region. It holds its section, its pins and its counters; only its
 * owner writes them, but for a pin, which whoever releases the view clears. A record without an owner
 * may still hold pins of views that outlived their thread: the next owner leaves those alone.
 *
 * Pins guard bytes. A reader stores the pin, then (compiler barrier) reads the slot again and follows
 * the ref only if it is unchanged; who frees an arena first empties every slot that refers to it, then
 * issues a membarrier, then looks at the pins. Either the look sees the pin, or the second read of the
 * slot sees the change. A pin stays in the slot where it was validated and is never copied.
 *
 * A writer's pin on the arena it fills, and a mover's, are seq_cst stores followed by a seq_cst load of
 * the arena's state: a sweep stores SWEEPING first and looks at the pins then (both seq_cst), so that
 * one of the two sees the other without a membarrier. */

#ifndef GY_RECORD_H
#define GY_RECORD_H

#include "atomic.h"
#include "base.h"
#include "gyre.h"

/* A pin: arena + 1 (24 bits), kind (2), fork generation (6), tick (24): never 0. */
enum gy_pin_kind { GY_PIN_READ, GY_PIN_RESERVING, GY_PIN_FILLING, GY_PIN_SWEEPING };

/* Pins with a job of their own; the rest are for views and drafts. */
enum { GY_PIN_COMPARE, GY_PIN_PUT, GY_PIN_COPY, GY_PIN_MOVE, GY_PIN_SWEEP, GY_PIN_VIEWS, GY_PINS = 32 };

struct gy_counters {
    gy_atomic_u64 hits, misses, puts, puts_rejected, deletes, touches;
    gy_atomic_u64 arrived; /* words that came into a slot from none, or from another; in sections: for recounts */
    gy_atomic_u64 copied_entries, copied_bytes, window_conflicts, retries, vanished;
    gy_atomic_u64 leases, leases_passed, stale_values;
    gy_atomic_u64 removed[GYRE_REASONS], removed_bytes[GYRE_REASONS];
};

/* In an owner, beside the thread: its member was expelled. The record stays its own until it has left or died. */
#define GY_OWNER_EXPELLED ((uint64_t)1 << 31)

struct gy_record {
    _Alignas(GY_LINE) gy_atomic_u64 owner; /* 0: free; pid << 32 | tid; shared: member's name << 32 | tid, GY_OWNER_EXPELLED */
    gy_atomic_u64 section; /* 0: outside; epoch << 24 | tick. (Relaxed where liburcu keeps it: an age.) */
    uint64_t version_next, version_end;    /* owner: a block of versions to hand out */
    uint32_t next;                         /* owner: its next record + 1, when pins ran out */
    uint32_t is_further;                   /* owner: it is such a one, not the thread's first */
    uint32_t pins_in;                      /* owner, in its first record: where a free pin was found last */
    uint32_t pin_next;                     /* owner: where to look for a free pin */
    gy_atomic_u32 scans;                   /* scans of the whole cache under way: displace.c */
    gy_atomic_u32 arena_changes;           /* shared caches: odd while the thread changes which arenas are free */
    gy_atomic_u64 opening;                 /* shared caches: the arena that is being opened, as its lane will show it */
    _Alignas(GY_LINE) gy_atomic_u64 pin[GY_PINS];
    _Alignas(GY_LINE) struct gy_counters count; /* (Relaxed: statistics.) */
    uint64_t sequence;                     /* owner: of the last entry it proved: proof.h */
};

static inline uint32_t
gy_pin_arena(uint64_t pin) /* pin != 0 */
{
    return (uint32_t)(pin & 0xffffff) - 1;
}

static inline enum gy_pin_kind
gy_pin_kind(uint64_t pin)
{
    return (enum gy_pin_kind)(pin >> 24 & 3);
}

static inline uint64_t
gy_pin_of_kind(uint64_t pin, enum gy_pin_kind kind)
{
    return (pin & ~((uint64_t)3 << 24)) | (uint64_t)kind << 24;
}

/* Of a view, as far as the record knows: the one kind of pin that an expulsion revokes. */
static inline bool
gy_pin_is_view(unsigned place, uint64_t pin)
{
    return place >= GY_PIN_VIEWS && gy_pin_kind(pin) == GY_PIN_READ;
}

/* Was the record's member expelled? Who asks and finds that it was not has executed all that precedes before anything
 * was revoked: gyre_expel sets the mark, then issues a membarrier. So this is asked after what must not be late. */
static inline bool
gy_record_expelled(struct gy_record *r)
{
    return (gy_load_acq(&r->owner) & GY_OWNER_EXPELLED) != 0;
}

static inline uint32_t
gy_pin_tick(uint64_t pin)
{
    return (uint32_t)(pin >> 32) & 0xffffff;
}

/* A thread's seats: its records in the caches it used last. A cache's id is never used again, so a seat
 * of a closed cache is never taken for another's. */
struct gy_seat {
    uint64_t cache_id;
    struct gy_record *record;
    gy_atomic_u64 *view_pin; /* the record's first for views */
    uint64_t sure_id;     /* cache_id; 0 while its gets often miss */
    uint64_t hits_before; /* its last miss */
    uint64_t missed;      /* the hash of that: its lines are on their way */
    uint8_t inserts;      /* its puts since the last that met a word of its key: a one for each, as many as fit */
};
enum { GY_SEATS = 4 };
/* initial-exec: a load instead of a call, also in the shared library; it takes 224 bytes of static TLS. */
extern _Thread_local struct gy_seat gy_seats[GY_SEATS] __attribute__((tls_model("initial-exec")));

/* The record of a seat's pin: hits need one register for both. */
static inline struct gy_record *
gy_record_of_view_pin(gy_atomic_u64 *pin)
{
    return (struct gy_record *)(void *)((char *)(uintptr_t)pin - offsetof(struct gy_record, pin[GY_PIN_VIEWS]));
}

struct gyre;

/* The slow path of gy_record_of: finds the thread's record or claims one. NULL: *error is GYRE_EBUSY
 * (every record has an owner), GYRE_ENOMEM or GYRE_ESTALE. */
struct gy_record *gy_record_find(struct gyre *cache, int *error);

/* The slow path of gy_record_view_pin. */
gy_atomic_u64 *gy_record_view_pin_find(struct gyre *cache, struct gy_record *record);

/* A pin for a view: of this record or, when all are used, of a further record of the same thread. NULL
 * when no record is left. */
static inline gy_atomic_u64 *
gy_record_view_pin(struct gyre *cache, struct gy_record *record)
{
    gy_atomic_u64 *pin = &record->pin[GY_PIN_VIEWS]; /* acquire: the release of the view that had it */
    return gy_likely(gy_load_acq(pin) == 0) ? pin : gy_record_view_pin_find(cache, record);
}

/* What this thread is called as the owner of a record or a role; 0: it may own nothing. */
uint64_t gy_owner_self(const struct gyre *cache);

/* Ends the section of a record that is given up, and makes this its owner: 0, or its member without a thread. */
void gy_record_let_go(struct gy_record *record, uint64_t owner);

/* Gives all records of the calling thread back. Pins of live views stay. */
void gy_record_leave(struct gyre *cache);

/* In the child of a fork, alone (private caches): all records but the calling thread's belong to the dead. Marks the
 * arenas in which one was reserving, clears their pins and frees them. */
void gy_record_reap_quiet(struct gyre *cache, uint64_t parent_owner);

#endif

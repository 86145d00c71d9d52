/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Getting an entry into the cache: room, the protocol, and what a writer owes afterwards. */

#ifndef GY_INSERT_H
#define GY_INSERT_H

#include "clear.h"
#include "find.h"
#include "grow.h"
#include "history.h"
#include "sweep.h"

/* Could an entry of these sizes ever be stored? Exactly, for those that come near the size of an arena. */
bool gy_insert_fits_exactly(const struct gyre *cache, const struct gy_content *content);

static inline bool
gy_insert_fits(const struct gyre *cache, const struct gy_content *content)
{
    if (gy_likely(gy_entry_surely_fits(cache, content)))
        return content->value_bytes <= cache->g.max_value_bytes;
    return gy_insert_fits_exactly(cache, content);
}

/* Of gy_insert_stage: there was no room. */
int gy_insert_stage_anew(struct gyre *cache, struct gy_record *r, gy_atomic_u64 *pin, unsigned ring,
                         const struct gy_content *content, struct gy_staged *out);

/* Stages an entry, sweeping when there is no room. GYRE_OK, GYRE_EBUSY, or GYRE_ESTALE of who was expelled. */
static inline int
gy_insert_stage(struct gyre *cache, struct gy_record *r, gy_atomic_u64 *pin, unsigned ring,
                const struct gy_content *content, struct gy_staged *out)
{
    if (gy_likely(gy_arena_stage(cache, pin, ring, content, false, out)))
        return GYRE_OK;
    return gy_insert_stage_anew(cache, r, pin, ring, content, out);
}

/* The ring that newcomers go to: they are tried in probation when somebody has to leave for them, and not before. */
static inline unsigned
gy_insert_ring(struct gyre *cache)
{
    return gy_sweep_spacious(cache) ? GY_MAIN : GY_PROBATION;
}

/* A replacement stays in the ring where its key stands. */
static inline uint8_t
gy_insert_kind_in(unsigned ring)
{
    return ring == GY_MAIN ? GY_KIND_REPLACED : GY_KIND_UNKNOWN;
}

/* Has the put met a word of its key? */
static GY_INLINE void
gy_insert_tell(bool met)
{
    gy_seats[0].inserts = (uint8_t)(met ? 0 : gy_seats[0].inserts << 1 | 1);
}

/* The ring a put of this key goes to; sets the content's kind. */
static GY_INLINE unsigned
gy_insert_place(struct gyre *cache, struct gy_aim *aim, struct gy_content *content)
{
    unsigned ring = GY_MAIN;
    const char *entry = NULL;
    aim->unseen = !gy_index_peek(cache, aim->hash, &aim->window, &ring, &entry);
    gy_insert_tell(!aim->unseen);
    if (!aim->unseen) {
        if (gy_unlikely(cache->g.proof_bytes != 0)) /* its sequence is read before it goes: proof.h */
            __builtin_prefetch(entry + sizeof(struct gy_header) + content->key_bytes + content->value_bytes + sizeof(uint64_t));
        content->kind = gy_insert_kind_in(ring);
        return ring;
    }
    content->kind = (uint8_t)gy_history_recall(cache, gy_history_bucket(cache, aim->hash), aim->hash);
    return gy_insert_ring(cache);
}

/* Stages, publishes, releases the pin; again when a clear came between. Results as gyre_put. */
static inline int
gy_insert(struct gyre *cache, struct gy_record *r, struct gy_aim *aim, unsigned ring, const struct gy_content *content)
{
    int result;
    do {
        struct gy_staged staged;
        result = gy_insert_stage(cache, r, &r->pin[GY_PIN_PUT], ring, content, &staged);
        if (gy_unlikely(result != GYRE_OK))
            return result;
        /* model: writer3 */
        result = gy_index_publish(cache, r, aim, &staged);
        gy_arena_unpin(cache, r, &staged);
    } while (gy_unlikely(result == GY_RESTAGE)); /* because a clear began in between */
    return result;
}

/* Will a put wait for its lines? A guess: of a key that the last get has missed they are there, and those of keys that are
 * overwritten are near. */
static inline bool
gy_insert_waits(uint64_t hash)
{
    return gy_seats[0].inserts != 0 && gy_seats[0].missed != hash;
}

/* Is the key of a put that waits surely new? As eight in a row were. */
static inline bool
gy_insert_surely(void)
{
    return gy_seats[0].inserts == UINT8_MAX;
}

/* The slow half of gy_insert_make_room: helps the sweep when there is little, and wakes the worker when that did not
 * do. */
void gy_insert_find_room(struct gyre *cache, struct gy_record *r, uint64_t bytes, bool waits);

/* Room for so many bytes, which a put is about to write and a touch or a new lease has written. waits: for lines of the
 * index that are on their way, so that a small step of a sweep costs little. */
static inline void
gy_insert_make_room(struct gyre *cache, struct gy_record *r, uint64_t bytes, bool waits)
{
    if (gy_unlikely(!gy_sweep_enough(cache)))
        gy_insert_find_room(cache, r, bytes, waits);
}

/* The slow half of gy_insert_settle. */
void gy_insert_settle_up(struct gyre *cache, struct gy_record *r, struct gy_shard *shard);

/* After a put: carries a clear out when no thread does, holds max_entries, lets a shard grow, wakes the worker. */
static inline void
gy_insert_settle(struct gyre *cache, struct gy_record *r, struct gy_shard *shard)
{
    bool alone = !gy_worker_runs(&cache->worker);
    if (gy_unlikely(gy_grow_wanted_in(cache, shard) || cache->g.max_entries ||
                    (alone && (gy_clear_pending(cache) || cache->members))))
        gy_insert_settle_up(cache, r, shard);
}

/* The next version: unique in the life of the region. */
uint64_t gy_insert_version(struct gyre *cache, struct gy_record *r);

/* When an entry with these options expires, in cache time; 0: never. */
uint64_t gy_insert_expiry(struct gyre *cache, uint32_t ttl_ms);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A lookup: find, check that it stands, count. What gyre_get, gyre_read, gyre_get_many and the conditions
 * of puts share. Inline, like find.h. */

#ifndef GY_LOOKUP_H
#define GY_LOOKUP_H

#include "clear.h"
#include "find.h"
#include "policy.h"

/* How much longer an entry with a TTL lives; 0 when its time has come. */
uint32_t gy_ttl_left(struct gyre *cache, const struct gy_found *f);

/* The same, and evicts an entry whose time has come: then true. True, too, of a lease. */
bool gy_lookup_expired(struct gyre *cache, struct gy_record *r, uint64_t hash, const struct gy_found *f,
                       uint32_t *ttl_left_ms);

/* Finds an entry that stands. True: *f is held by pin. False: nothing is. Counts nothing. */
static GY_INLINE bool
gy_lookup_quietly(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_bytes,
                  gy_atomic_u64 *pin, struct gy_found *f, uint32_t *ttl_left_ms, bool *saw_tentative)
{
    bool clearing = gy_clear_pending(cache);
    *ttl_left_ms = 0;
    if (!gy_index_find(cache, hash, key, key_bytes, pin, f, saw_tentative))
        return false;
    /* (Relaxed: opened is constant while the arena is pinned.) */
    bool gone = gy_unlikely(clearing) && gy_entry_void(cache, f);
    if (gy_unlikely((f->header.flags & GY_ENTRY_EXPIRY) && !gone))
        gone = gy_lookup_expired(cache, r, hash, f, ttl_left_ms);
    if (gy_unlikely(gone)) {
        *saw_tentative |= gy_doubted(cache); /* it may be void because it is being replaced */
        gy_pin_clear(pin);
    }
    return !gone;
}

/* Does a hit count in the frequency of this word? */
static GY_INLINE bool
gy_lookup_counts(uint64_t word)
{
    return (word & GY_POLICY_FREQ_MOST * GY_FREQ_ONE) == 0;
}

static GY_INLINE void
gy_lookup_bump(gy_atomic_u64 *slot, uint64_t word)
{
    if (gy_unlikely(gy_lookup_counts(word))) /* failed: another changed it; a count is lost */
        gy_cas_unasked(slot, word, word + GY_FREQ_ONE); /* model: bump */
}

static GY_INLINE void
gy_lookup_count(struct gy_record *r, gy_atomic_u64 *slot, uint64_t word)
{
    gy_count(&r->count.hits, 1);
    gy_lookup_bump(slot, word);
}

/* The same, counting hits, misses and frequency. GYRE_OK or GYRE_MISS. Who was expelled has still to be told so. */
static GY_INLINE int
gy_lookup(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_bytes,
          gy_atomic_u64 *pin, struct gy_found *f, uint32_t *ttl_left_ms)
{
    bool saw_tentative;
    if (!gy_lookup_quietly(cache, r, hash, key, key_bytes, pin, f, ttl_left_ms, &saw_tentative)) {
        gy_count(&r->count.misses, 1);
        if (gy_unlikely(saw_tentative))
            gy_count(&r->count.vanished, 1);
        return GYRE_MISS;
    }
    gy_lookup_count(r, f->slot, f->word);
    return GYRE_OK;
}

/* The last step of a call that handed a view out: the pin of one who was expelled holds nothing, so what was read is what
 * stood there only if he was not, after it was read. Else GYRE_ESTALE, and the view is not to be used. */
static GY_INLINE int
gy_view_stands(struct gy_record *r, gy_atomic_u64 *pin, int result)
{
    gy_compiler_barrier();
    if (gy_likely(!gy_record_expelled(r)))
        return result;
    if (pin != NULL)
        gy_pin_clear(pin);
    return GYRE_ESTALE;
}

static inline void
gy_view_fill(struct gyre *cache, const struct gy_found *f, gy_atomic_u64 *pin, uint32_t ttl_left_ms,
             gyre_view *view)
{
    view->data = f->entry + gy_entry_value_offset(gy_slot_ref(f->word) << 3, f->header, cache->g.value_align);
    view->size = f->header.value_bytes;
    view->version = gy_entry_version(f->entry, f->header);
    view->user_flags = gy_entry_user_flags(f->entry, f->header);
    view->ttl_left_ms = ttl_left_ms;
    view->priv[0] = (uint64_t)(uintptr_t)pin;
    view->priv[1] = gy_load_rlx(pin); /* (Relaxed: this thread's own store) */
}

#endif

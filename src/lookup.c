/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "lookup.h"

#include "account.h"
#include "clear.h"
#include "policy.h"

uint32_t
gy_ttl_left(struct gyre *cache, const struct gy_found *f)
{
    uint64_t expiry = gy_entry_expiry(f->entry, f->header), now = gy_now_ms(cache);
    return now < expiry ? (uint32_t)gy_min(expiry - now, UINT32_MAX - 1) : 0;
}

bool
gy_lookup_quietly(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_bytes,
                  gy_atomic_u64 *pin, struct gy_found *f, uint32_t *ttl_left_ms, bool *saw_tentative)
{
    bool clearing = gy_clear_pending(cache);
    *ttl_left_ms = 0;
    if (!gy_index_find(cache, hash, key, key_bytes, pin, f, saw_tentative))
        return false;
    /* (Relaxed: opened is constant while the arena is pinned.) */
    if (gy_unlikely(clearing) &&
        gy_load_rlx(&cache->books[f->arena].opened) < gy_load_acq(&cache->super->mark)) {
        gy_pin_clear(pin);
        return false;
    }
    if (f->header.flags & GY_ENTRY_EXPIRY) {
        *ttl_left_ms = gy_ttl_left(cache, f);
        if (*ttl_left_ms == 0) {
            gy_index_evict(cache, r, gy_shard_of(cache, hash), f, GYRE_EXPIRED);
            gy_pin_clear(pin);
            return false;
        }
    }
    return true;
}

int
gy_lookup(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_bytes,
          gy_atomic_u64 *pin, struct gy_found *f, uint32_t *ttl_left_ms)
{
    bool saw_tentative;
    if (!gy_lookup_quietly(cache, r, hash, key, key_bytes, pin, f, ttl_left_ms, &saw_tentative)) {
        gy_count(&r->count.misses, 1);
        if (saw_tentative)
            gy_count(&r->count.vanished, 1);
        return GYRE_MISS;
    }
    gy_count(&r->count.hits, 1);
    if (gy_slot_freq(f->word) < GY_POLICY_FREQ_MOST) {
        uint64_t word = f->word; /* (Relaxed: a read-modify-write stays in the release sequence; lost is lost.) */
        gy_cas_rlx(f->slot, &word, word + GY_FREQ_ONE);
    }
    return GYRE_OK;
}

void
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
    view->priv[2] = 0;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "lookup.h"

#include "section.h"

uint32_t
gy_ttl_left(struct gyre *cache, const struct gy_found *f)
{
    uint64_t expiry = gy_entry_expiry(f->entry, f->header), now = gy_now_ms(cache);
    return now < expiry ? (uint32_t)gy_min(expiry - now, UINT32_MAX - 1) : 0;
}

/* Under a pin that holds, whatever becomes of the process: a view's does not when it was expelled. */
static void
evict(struct gyre *cache, struct gy_record *r, uint64_t hash, const struct gy_found *f)
{
    struct gy_found again;
    gy_section_enter(cache, r); /* for recounts, which have to know who is about to change the counts */
    if (gy_index_pin(cache, f->slot, &r->pin[GY_PIN_COMPARE], &again) && again.word == f->word &&
        gy_ttl_left(cache, &again) == 0)
        gy_index_evict(cache, r, gy_shard_of(cache, hash), &again, GYRE_EXPIRED);
    gy_pin_clear(&r->pin[GY_PIN_COMPARE]);
    gy_section_exit(cache, r);
}

bool
gy_lookup_expired(struct gyre *cache, struct gy_record *r, uint64_t hash, const struct gy_found *f,
                  uint32_t *ttl_left_ms)
{
    *ttl_left_ms = 0;
    if (gy_entry_is_lease(f->header)) /* there is no value; the lease stays */
        return true;
    *ttl_left_ms = gy_ttl_left(cache, f);
    if (*ttl_left_ms == 0)
        evict(cache, r, hash, f);
    return *ttl_left_ms == 0;
}

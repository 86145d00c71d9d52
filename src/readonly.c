/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "readonly.h"

#include "find.h"
#include "proof.h"

/* One look at one slot. GYRE_OK and GYRE_E2BIG: as gyre_read. GYRE_MISS: it is another entry, or none that stands.
 * GYRE_EBUSY: it changed meanwhile. */
static int
read_slot(struct gyre *cache, gy_atomic_u64 *slot, uint64_t hash, const struct gy_wanted *want)
{
    uint64_t word = gy_load_acq(slot), offset = gy_slot_offset(word);
    uint32_t arena = gy_arena_at(cache, offset);
    if (!gy_slot_may_match(word, hash) || gy_slot_tentative(word) || arena == UINT32_MAX)
        return GYRE_MISS;
    uint64_t opened = gy_load_acq(&cache->books[arena].opened);
    if (gy_slot_ref(gy_load_acq(slot)) != gy_slot_ref(word))
        return GYRE_EBUSY;
    /* From here on the entry is complete, and stays until both are seen to have changed. */
    const char *entry = gy_at(cache, gy_slot_ref(word));
    struct gy_header h = gy_entry_header(entry);
    int result = GYRE_MISS;
    if (gy_entry_room(cache, offset, h) <= cache->arena_bytes - (offset & cache->arena_mask) &&
        gy_entry_has_key(entry, h, want->key, want->key_bytes) && opened >= gy_load_acq(&cache->super->mark)) {
        const struct gy_found f = {NULL, word, entry, h, arena};
        if (gy_proves(cache) && !gy_entry_proved(cache, &f))
            return GYRE_EBUSY; /* it is being replaced; or damaged */
        uint64_t expiry = gy_entry_expiry(entry, h);
        if (expiry == 0 || (!gy_entry_is_lease(h) && gy_now_ms(cache) < expiry)) {
            result = h.value_bytes <= want->buffer_bytes ? GYRE_OK : GYRE_E2BIG;
            *want->value_bytes = h.value_bytes;
            if (result == GYRE_OK && h.value_bytes > 0)
                memcpy(want->buffer, entry + gy_entry_value_offset(offset, h, cache->g.value_align), h.value_bytes);
        }
    }
    gy_fence_seq(); /* what was read comes before the looks that say whether it was there */
    bool same = gy_slot_ref(gy_load_acq(slot)) == gy_slot_ref(word) && gy_load_acq(&cache->books[arena].opened) == opened;
    return same ? result : GYRE_EBUSY;
}

/* GYRE_EBUSY: something changed, and the key was not found. */
static int
read_window(struct gyre *cache, uint64_t hash, const struct gy_wanted *want)
{
    struct gy_window w;
    gy_index_window(cache, hash, &w);
    int answer = GYRE_MISS;
    for (unsigned i = 2 * w.n; i-- > 0;) { /* new, old, new again: as gy_index_find_growing */
        struct gy_bucket *bucket = w.bucket[i % w.n];
        for (unsigned candidates = gy_find_candidates(bucket, hash); candidates; candidates = gy_find_next(candidates)) {
            int result = read_slot(cache, gy_find_candidate(bucket, candidates), hash, want);
            if (result == GYRE_OK || result == GYRE_E2BIG)
                return result;
            if (result == GYRE_EBUSY)
                answer = GYRE_EBUSY;
        }
    }
    return answer;
}

int
gy_readonly_read(struct gyre *cache, const struct gy_wanted *want)
{
    enum { TRIES = 64 };
    uint64_t hash = gy_hash(want->key, want->key_bytes, cache->seed);
    int result = GYRE_EBUSY;
    for (unsigned n = 0; n < TRIES && result == GYRE_EBUSY; n++) {
        gy_atomic_u64 *where = gy_geometry_of(cache, hash);
        uint64_t geometry = gy_load_acq(where);
        result = read_window(cache, hash, want);
        if (result == GYRE_MISS && gy_load_acq(where) != geometry)
            result = GYRE_EBUSY; /* words may have gone where it did not look */
    }
    return result == GYRE_EBUSY ? GYRE_MISS : result;
}

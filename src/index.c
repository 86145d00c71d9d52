/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "index.h"

#include "account.h"
#include "find.h"
#include "note.h"
#include "proof.h"

void
gy_index_window_growing(const struct gyre *cache, struct gy_bucket *base, uint64_t geometry, uint64_t hash,
                        struct gy_window *out)
{
    uint64_t n = (uint64_t)1 << gy_shard_log2(cache, geometry), place[2];
    place[0] = gy_hash_first(hash), place[1] = gy_hash_second(hash);
    bool to_images = gy_geometry_phase(geometry) == GY_MOVING;
    out->n = 0;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t old = place[i] & (n - 1), image = place[i] & (2 * n - 1);
        out->insert[i] = out->n;
        out->bucket[out->n++] = base + old;
        if (image != old) {
            if (to_images)
                out->insert[i] = out->n;
            out->bucket[out->n++] = base + image;
        }
    }
}

bool
gy_index_pin(struct gyre *cache, gy_atomic_u64 *slot, gy_atomic_u64 *pin, struct gy_found *out)
{
    return gy_find_pin(cache, slot, gy_load_acq(slot), pin, out); /* model: reader1 */
}

enum { FIND_RETRIES = 64 };

/* New, old, new again: a word on its way into its image is met at one of the two but for the gap between
 * migrate 3 and 4, where it is tentative in the image. While the geometry changed under a pass, words may
 * have gone where it did not look: a miss after that is counted as one of a word in the making. */
bool
gy_index_find_growing(struct gyre *cache, uint64_t hash, const void *key, size_t key_bytes,
                      gy_atomic_u64 *pin, struct gy_found *out, bool *saw_tentative)
{
    gy_atomic_u64 *where = gy_geometry_of(cache, hash);
    for (unsigned n = 0; n < FIND_RETRIES; n++) {
        struct gy_window w;
        uint64_t geometry = gy_load_acq(where);
        gy_index_window(cache, hash, &w);
        *saw_tentative = false;
        for (unsigned i = 2 * w.n; i-- > 0;)
            if (gy_find_in(cache, w.bucket[i % w.n], hash, key, key_bytes, pin, out, saw_tentative))
                return true;
        bool changed = gy_load_acq(where) != geometry;
        if (n > 0 && !changed && (w.n == 2 || !*saw_tentative))
            return false;
        *saw_tentative |= changed;
    }
    return false;
}

bool
gy_entry_stands_exactly(struct gyre *cache, const struct gy_found *f, enum gyre_reason *reason)
{
    if (gy_doubted(cache) && !gy_entry_proved(cache, f)) { /* first: the rest may be damaged */
        *reason = GYRE_DAMAGED;
        return false;
    }
    uint64_t expiry = gy_entry_expiry(f->entry, f->header);
    if (gy_unlikely(expiry != 0)) {
        bool lease = gy_entry_is_lease(f->header);
        if (lease || gy_now_ms(cache) >= expiry) {
            *reason = lease ? GYRE_LEASE_ENDED : GYRE_EXPIRED;
            return false;
        }
    }
    if (gy_unlikely(gy_entry_cleared(cache, f))) {
        *reason = GYRE_CLEARED;
        return false;
    }
    return true;
}

bool
gy_index_evict(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, const struct gy_found *f,
               enum gyre_reason reason)
{
    if (gy_rebuilding(cache)) /* else an older one may come */
        gy_note(cache, gy_hash(gy_entry_key(f->entry, f->header), f->header.key_bytes, cache->seed));
    gy_proof_void(cache, f);
    uint64_t word = f->word;
    while (!gy_cas_seq(f->slot, &word, GY_EMPTY)) /* model: evict */
        if (((word ^ f->word) & ~GY_FREQ_MASK) != 0)
            return false; /* retried only because a get counted itself; that saturates */
    gy_account_out(cache, r, shard, f->arena, gy_found_bytes(cache, f), reason, false);
    return true;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The common hit in one straight line, without a loop or a call: the shard does not grow, no clear is under way, the key
 * stands where its tag is first met, and the entry has neither expiry nor version nor flags. Whatever is otherwise goes
 * the general way (lookup.h), from the start. The steps and their order are the general ones. */

#ifndef GY_HIT_H
#define GY_HIT_H

#include "lookup.h"

/* The bucket of a steady shard that the key hashes to first; NULL while the shard grows. */
static GY_INLINE struct gy_bucket *
gy_hit_bucket(const struct gyre *cache, uint64_t hash)
{
    uint64_t number = gy_shard_number(cache, hash);
    uint64_t geometry = gy_load_acq(&cache->super->shard[number].geometry);
    uint64_t mask = ((uint64_t)1 << gy_geometry_log2(geometry)) - 1;
    struct gy_bucket *bucket = gy_shard_buckets(cache, number) + (gy_hash_first(hash) & mask);
    return gy_likely(gy_geometry_phase(geometry) == GY_STEADY) ? bucket : NULL;
}

/* Starts the miss of the entry that a lookup will most likely end at. */
static GY_INLINE void
gy_hit_prefetch(const struct gyre *cache, struct gy_bucket *bucket, uint64_t hash)
{
    unsigned candidates = gy_find_candidates(bucket, hash);
    if (gy_likely(candidates != 0)) {
        uint64_t offset = gy_slot_offset(gy_load_rlx(gy_find_candidate(bucket, candidates))); /* (Relaxed: a guess.) */
        if (gy_likely(gy_arena_at(cache, offset) != UINT32_MAX))
            __builtin_prefetch(cache->region.base + offset);
    }
}

/* True: a hit, counted, its view filled and held by pin, which was free. False: nothing was done. */
static GY_INLINE bool
gy_hit(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_bytes, gy_atomic_u64 *pin,
       gyre_view *view)
{
    if (gy_unlikely(gy_clear_pending(cache)))
        return false;
    struct gy_bucket *bucket = gy_hit_bucket(cache, hash);
    if (gy_unlikely(bucket == NULL))
        return false;
    unsigned candidates = gy_find_candidates(bucket, hash);
    if (gy_unlikely(candidates == 0))
        return false;
    gy_atomic_u64 *slot = gy_find_candidate(bucket, candidates);
    uint64_t word = gy_load_acq(slot); /* model: get, reader1 */
    uint64_t offset = gy_slot_offset(word);
    uint32_t arena = gy_arena_at(cache, offset);
    if (gy_unlikely(arena == UINT32_MAX)) /* as of an empty word */
        return false;
    uint64_t held = gy_pin_word(cache, arena, GY_PIN_READ);
    view->priv[0] = (uint64_t)(uintptr_t)pin;
    view->priv[1] = held;
    gy_pin_set(cache, pin, held);       /* model: reader2 */
    uint64_t again = gy_load_acq(slot); /* model: reader3 */
    if (gy_unlikely(!gy_slot_same_ref(again, word)))
        goto other;
    if (gy_unlikely(gy_slot_tentative(again)))
        goto other;
    const char *entry = cache->region.base + offset;
    struct gy_header h = gy_entry_header(entry);
    if (gy_unlikely(!gy_entry_plain(h, key_bytes)))
        goto other;
    uint64_t value = (offset + sizeof h + key_bytes + cache->align_less_one) & cache->align_mask;
    if (gy_unlikely(value + h.value_bytes - 1 > (offset | cache->arena_mask)))
        goto other;
    gy_bytes_read(entry + sizeof h, key_bytes);
    gy_bytes_read(key, key_bytes);
    if (gy_unlikely(!gy_entry_same_bytes(entry + sizeof h, key, key_bytes)))
        goto other;
    view->data = cache->region.base + value;
    view->size = h.value_bytes;
    view->version = 0;
    view->user_flags = 0;
    view->ttl_left_ms = 0;
    gy_lookup_count(r, slot, again);
    return true;
other:
    gy_pin_clear(pin);
    return false;
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The common hit in one straight line, without a loop or a call: the shard does not grow, no clear is under way, the key
 * stands where its tag is first met in one of its buckets, and the entry has neither expiry nor version nor flags.
 * Whatever is otherwise goes the general way (lookup.h), from the start. The steps and their order are the general ones.
 *
 * A lookup of a large cache waits for two misses; the processor overlaps those of as many lookups as fit into its
 * window of instructions. So each instruction saved here makes hits faster that wait for memory. */

#ifndef GY_HIT_H
#define GY_HIT_H

#include "history.h"
#include "lookup.h"

/* Is the key's shard steady? Then these are what gy_geometry_bucket wants. */
static GY_INLINE bool
gy_hit_window(const struct gyre *cache, char *region, uint64_t hash, struct gy_bucket **base, uint64_t *geometry)
{
    const struct gy_super *super = (const struct gy_super *)(const void *)region;
    uint64_t number = gy_shard_number(cache, hash);
    *geometry = gy_load_acq(&super->shard[number].geometry) & cache->geometry_bits; /* as gy_shard_geometry */
    *base = gy_shard_buckets(cache, number);
    return gy_likely(gy_geometry_phase(*geometry) == GY_STEADY);
}

/* Where a bucket has the first committed word with the hash's tag; NULL: it has none. */
static GY_INLINE gy_atomic_u64 *
gy_hit_slot(struct gy_bucket *bucket, uint64_t hash)
{
    unsigned candidates = gy_find_committed(bucket, hash);
    return gy_likely(candidates != 0) ? gy_find_candidate(bucket, candidates) : NULL;
}

/* Starts the misses of the entry that a slot refers to, which begins anywhere in a line: of its first bytes, and of
 * those that follow. */
static GY_INLINE void
gy_hit_prefetch(const struct gyre *cache, gy_atomic_u64 *slot)
{
    uint64_t offset = gy_slot_offset(gy_load_rlx(slot)); /* (Relaxed: a guess.) */
    if (gy_likely(gy_arena_at(cache, offset) != UINT32_MAX))
        __builtin_prefetch(cache->region.base + offset), __builtin_prefetch(cache->region.base + offset + GY_LINE);
}

/* True: a hit, counted, its view filled but for the pin's address, and held by pin, which was free. False: nothing was
 * done. For caches whose readers need no fences of their own. (region is cache->region.base: told apart because
 * acquire loads would have it loaded again and again.) */
static GY_INLINE bool
gy_hit_at(struct gyre *cache, char *region, struct gy_record *r, gy_atomic_u64 *slot, const void *key, size_t key_bytes,
          gy_atomic_u64 *pin, gyre_view *view)
{
    uint64_t word = gy_load_acq(slot); /* model: get, reader1 */
    uint64_t offset = gy_slot_offset(word);
    uint32_t arena = gy_arena_at(cache, offset);
    if (gy_unlikely(arena == UINT32_MAX)) /* as of an empty word */
        return false;
    uint64_t held = gy_pin_word_in((struct gy_super *)(void *)region, arena, GY_PIN_READ);
    view->priv[1] = held;
    gy_pin_set_unfenced(pin, held);     /* model: reader2 */
    uint64_t again = gy_load_acq(slot); /* model: reader3 */
    if (gy_unlikely(again != word)) /* a bump of the frequency, too */
        goto other;
    if (gy_unlikely(gy_slot_tentative(word)))
        goto other;
    const char *entry = region + offset;
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
    if (gy_unlikely(gy_record_expelled(r))) /* after what was read */
        goto other;
    view->data = region + value;
    view->size = h.value_bytes;
    view->version = 0;
    view->user_flags = 0;
    view->ttl_left_ms = 0;
    gy_lookup_count(r, slot, word);
    return true;
other:
    gy_pin_clear(pin);
    return false;
}

enum gy_hit_outcome { GY_HIT, GY_HIT_ABSENT, GY_HIT_OTHERWISE };

/* The common hit, as gy_hit_at; or it seems that the key is absent, which the general way has to find out. doubtful: what
 * that would wait for is fetched, too, before it is known whether it will be wanted. */
static GY_INLINE enum gy_hit_outcome
gy_hit(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_size, gy_atomic_u64 *pin,
       bool doubtful, gyre_view *view)
{
    view->priv[0] = (uint64_t)(uintptr_t)pin;
    char *region = cache->region.base;
    struct gy_bucket *base;
    uint64_t geometry;
    if (gy_unlikely(gy_clear_pending_in((struct gy_super *)(void *)region)))
        return GY_HIT_OTHERWISE;
    if (gy_unlikely(!gy_hit_window(cache, region, hash, &base, &geometry)))
        return GY_HIT_OTHERWISE;
    if (gy_unlikely(doubtful)) {
        __builtin_prefetch(gy_geometry_bucket(base, geometry, gy_hash_mixed(hash)));
        gy_history_prefetch(cache, hash);
    }
    gy_atomic_u64 *slot = gy_hit_slot(gy_geometry_bucket(base, geometry, hash), hash);
    if (gy_unlikely(slot == NULL)) {
        slot = gy_hit_slot(gy_geometry_bucket(base, geometry, gy_hash_mixed(hash)), hash);
        if (slot == NULL)
            return GY_HIT_ABSENT;
    }
    return gy_likely(gy_hit_at(cache, region, r, slot, key, key_size, pin, view)) ? GY_HIT : GY_HIT_OTHERWISE;
}

#endif

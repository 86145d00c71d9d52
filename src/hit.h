/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The common hit in one straight line, without a loop or a call: the shard does not grow, no clear is under way, the key
 * stands where most of its tag is first met in one of its buckets, and the entry has neither expiry nor version nor flags.
 * Whatever is otherwise goes the general way (lookup.h), from the start. The steps and their order are the general ones.
 *
 * A lookup of a large cache waits for two misses; the processor overlaps those of as many lookups as fit into its
 * window of instructions. What fills it is what stands behind a wait and before the next lookup's bucket is asked for. So the bucket
 * is asked for as soon as its place is known, and what does not need the entry is done before the first look at it. */

#ifndef GY_HIT_H
#define GY_HIT_H

#include "history.h"
#include "lookup.h"

/* Is the key's shard steady? Then these are what gy_geometry_bucket wants. */
static GY_INLINE bool
gy_hit_window(const struct gyre *cache, uint64_t hash, struct gy_bucket **base, uint64_t *geometry)
{
    uint64_t number = gy_shard_number(cache, hash);
    *geometry = gy_load_acq(&cache->geometries[number]) & cache->geometry_bits; /* as gy_shard_geometry */
    if (gy_unlikely(gy_geometry_phase(*geometry) != GY_STEADY))
        return false;
    *base = gy_shard_buckets(cache, number);
    return true;
}

/* Where a bucket has the first word that begins like the hash; NULL: it has none. */
static GY_INLINE gy_atomic_u64 *
gy_hit_slot(struct gy_bucket *bucket, uint64_t hash)
{
    unsigned likely = gy_find_likely(bucket, hash);
    return gy_likely(likely != 0) ? gy_find_first(bucket, likely) : NULL;
}

/* True: the entry that a slot's word refers to is held by pin, which was free. False: nothing was done. For caches whose
 * readers need no fences of their own. */
static GY_INLINE bool
gy_hit_pin(struct gyre *cache, gy_atomic_u64 *slot, gy_atomic_u64 *pin, gyre_view *view, uint64_t *word, const char **entry)
{
    *word = gy_load_acq(slot); /* model: get, reader1 */
    gy_ref within = (*word & cache->committed_mask) - cache->arenas_ref;
    if (gy_unlikely(within >= cache->arenas_refs)) /* as of an empty word, and of a tentative one */
        return false;
    uint64_t arena = (uint64_t)((unsigned __int128)within * cache->arena_part >> 64);
    uint64_t held = gy_pin_word(cache, arena, GY_PIN_READ);
    view->priv[1] = held;
    gy_pin_set_unfenced(pin, held);     /* model: reader2 */
    uint64_t again = gy_load_acq(slot); /* model: reader3 */
    if (gy_unlikely(again != *word)) /* a bump of the frequency, too */
        return false;
    *entry = (const char *)cache->arenas;
    *entry += sizeof *cache->arenas * within; /* (Apart: in one line, gcc wants another register.) */
    return true;
}

/* Is an entry that a pin holds the key's, and plain? Then it is in the view. What does not need the entry's bytes comes before
 * the first look at them. */
static GY_INLINE bool
gy_hit_show(const struct gyre *cache, const char *entry, const void *key, size_t key_bytes, gyre_view *view)
{
    uintptr_t value = ((uintptr_t)entry + sizeof(struct gy_header) + key_bytes + cache->align_less_one) & cache->align_mask;
    int64_t room = (int64_t)(((uintptr_t)entry | cache->room_mask) + 1 - value); /* negative: it would begin outside */
    view->data = (const void *)value;
    view->version = 0;
    view->user_flags = 0;
    view->ttl_left_ms = 0;
    uint64_t size = gy_entry_plain_size(gy_entry_header(entry), key_bytes, cache->plain_bits);
    if (gy_unlikely((int64_t)size > room)) /* as that of an entry that is not plain */
        return false;
    view->size = size;
    gy_bytes_read(entry + sizeof(struct gy_header), key_bytes);
    gy_bytes_read(key, key_bytes);
    if (gy_unlikely(!gy_entry_same_bytes(entry + sizeof(struct gy_header), key, key_bytes)))
        return false;
    return true;
}

/* True: a hit, counted, its view filled but for the pin's address, and held by pin, which was free. False: nothing was
 * done. */
static GY_INLINE bool
gy_hit_at(struct gyre *cache, struct gy_record *r, gy_atomic_u64 *slot, const void *key, size_t key_bytes,
          gy_atomic_u64 *pin, gyre_view *view)
{
    uint64_t word;
    const char *entry;
    if (gy_hit_pin(cache, slot, pin, view, &word, &entry) && gy_hit_show(cache, entry, key, key_bytes, view)) {
        gy_lookup_count(r, slot, word);
        gy_compiler_barrier();
        if (gy_likely(!gy_record_expelled(r))) /* after what was read */
            return true;
    }
    gy_pin_clear(pin);
    return false;
}

enum gy_hit_outcome { GY_HIT, GY_HIT_ELSEWHERE, GY_HIT_ABSENT, GY_HIT_OTHERWISE };

static GY_INLINE enum gy_hit_outcome
gy_hit_in(struct gyre *cache, struct gy_record *r, struct gy_bucket *bucket, uint64_t hash, const void *key,
          size_t key_size, gy_atomic_u64 *pin, gyre_view *view)
{
    gy_atomic_u64 *slot = gy_hit_slot(bucket, hash);
    if (gy_unlikely(slot == NULL))
        return GY_HIT_ELSEWHERE;
    return gy_likely(gy_hit_at(cache, r, slot, key, key_size, pin, view)) ? GY_HIT : GY_HIT_OTHERWISE;
}

/* The common hit, as gy_hit_at, if the pin is free; or the key seems not to be in its first bucket. doubtful: what a miss would wait for is
 * fetched, too, before it is known whether it will be wanted. */
static GY_INLINE enum gy_hit_outcome
gy_hit_first(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_size,
             gy_atomic_u64 *pin, bool doubtful, gyre_view *view)
{
    struct gy_bucket *base;
    uint64_t geometry;
    if (gy_unlikely(!gy_hit_window(cache, hash, &base, &geometry)))
        return GY_HIT_OTHERWISE;
    struct gy_bucket *bucket = gy_geometry_bucket(base, geometry, hash);
    __builtin_prefetch(bucket);
    view->priv[0] = (uint64_t)(uintptr_t)pin;
    /* One branch for both. acquire: the release of the view that had the pin */
    if (gy_unlikely((gy_clear_pending_bits(cache) | gy_load_acq(pin)) != 0))
        return GY_HIT_OTHERWISE;
    if (gy_unlikely(doubtful)) {
        __builtin_prefetch(gy_geometry_bucket(base, geometry, gy_hash_mixed(hash)));
        gy_history_prefetch(cache, hash);
    }
    return gy_hit_in(cache, r, bucket, hash, key, key_size, pin, view);
}

/* The same in its second bucket, after the first; or the key is absent: neither bucket has a word that begins like it.
 * (Apart, since few keys stand there, and without it the first needs fewer registers.) */
static GY_INLINE enum gy_hit_outcome
gy_hit_second(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_size,
              gy_atomic_u64 *pin, gyre_view *view)
{
    struct gy_bucket *base, *again;
    uint64_t geometry, later;
    if (gy_unlikely(!gy_hit_window(cache, hash, &base, &geometry)))
        return GY_HIT_OTHERWISE;
    struct gy_bucket *bucket = gy_geometry_bucket(base, geometry, gy_hash_mixed(hash));
    enum gy_hit_outcome outcome = gy_hit_in(cache, r, bucket, hash, key, key_size, pin, view);
    if (gy_likely(outcome != GY_HIT_ELSEWHERE))
        return outcome;
    /* The first bucket once more: both are to be of this geometry, and it the shard's still when they were looked at. */
    if (gy_unlikely(gy_find_likely(gy_geometry_bucket(base, geometry, hash), hash) != 0))
        return GY_HIT_OTHERWISE;
    (void)gy_hit_window(cache, hash, &again, &later);
    return gy_likely(later == geometry) ? GY_HIT_ABSENT : GY_HIT_OTHERWISE;
}

static GY_INLINE bool
gy_hit(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_size, gy_atomic_u64 *pin,
       gyre_view *view)
{
    enum gy_hit_outcome outcome = gy_hit_first(cache, r, hash, key, key_size, pin, false, view);
    if (gy_unlikely(outcome == GY_HIT_ELSEWHERE))
        outcome = gy_hit_second(cache, r, hash, key, key_size, pin, view);
    return gy_likely(outcome == GY_HIT);
}

#endif

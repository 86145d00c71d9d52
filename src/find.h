/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Finding a key, inline: the whole path of a hit is one function, short enough for the processor to have
 * the next lookup's misses under way before this one's have arrived. */

#ifndef GY_FIND_H
#define GY_FIND_H

#include "index.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Pin, second look, bounds: I3 and I8. word is the first look. */
static GY_INLINE bool
gy_find_pin(struct gyre *cache, gy_atomic_u64 *slot, uint64_t word, gy_atomic_u64 *pin, struct gy_found *out)
{
    while (word != GY_EMPTY) {
        uint32_t arena = gy_ref_arena(cache, gy_slot_ref(word));
        if (arena == UINT32_MAX)
            return false;
        gy_pin_set(cache, pin, gy_pin_word(cache, arena, GY_PIN_READ)); /* model: reader2 */
        uint64_t again = gy_load_acq(slot); /* model: reader3 */
        if (gy_unlikely(gy_slot_ref(again) != gy_slot_ref(word))) { /* also when it is empty: no ref is 0 */
            gy_pin_clear(pin);
            word = again; /* another thread's CAS changed the slot */
            continue;
        }
        uint64_t offset = gy_slot_ref(again) << 3;
        uint64_t left = gy_arena_offset(cache, arena) + cache->arena_bytes - offset;
        const char *entry = gy_at(cache, gy_slot_ref(again));
        struct gy_header h = gy_entry_header(entry);
        if (gy_unlikely(gy_entry_bytes(offset, h, cache->g.value_align) > left)) {
            gy_pin_clear(pin);
            return false;
        }
        *out = (struct gy_found){slot, again, entry, h, arena};
        return true;
    }
    return false;
}

/* The slots of a bucket whose words have what is wanted from bit shift on, as bits: two for each. */
#if defined(__SSE2__) && !defined(GY_POINTS)
static GY_INLINE unsigned
gy_find_upper(struct gy_bucket *bucket, uint64_t want, int shift)
{
    /* The upper halves of four words at a time; each is of one store. The barriers, and x86, keep these loads after those
     * that precede and before those that follow; and after a locked instruction, as seq_cst ones are. */
    const __m128 *line = (const __m128 *)(const void *)bucket;
    __m128i wanted = _mm_set1_epi32((int)want), low, high;
    gy_compiler_barrier();
    low = _mm_castps_si128(_mm_shuffle_ps(line[0], line[1], 0xdd));
    high = _mm_castps_si128(_mm_shuffle_ps(line[2], line[3], 0xdd));
    gy_compiler_barrier();
    low = _mm_cmpeq_epi32(_mm_srli_epi32(low, shift - 32), wanted);
    high = _mm_cmpeq_epi32(_mm_srli_epi32(high, shift - 32), wanted);
    return (unsigned)_mm_movemask_epi8(_mm_packs_epi32(low, high));
}

#define gy_find_candidates_seq gy_find_candidates
#else
static GY_INLINE unsigned
gy_find_upper(struct gy_bucket *bucket, uint64_t want, int shift)
{
    unsigned found = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < GY_BUCKET_SLOTS; i++) /* acquire: pairs with the CAS that published */
        found |= (unsigned)(gy_load_acq(&bucket->slot[i]) >> shift == want) * 3 << 2 * i;
    return found;
}

/* For the scan of put 4: see publish.c. */
static GY_INLINE unsigned
gy_find_candidates_seq(struct gy_bucket *bucket, uint64_t hash)
{
    unsigned candidates = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < GY_BUCKET_SLOTS; i++)
        candidates |= (unsigned)(((gy_load_seq(&bucket->slot[i]) ^ hash) >> GY_TAG_SHIFT) == 0) * 3 << 2 * i;
    return candidates;
}
#endif

/* Those with the tag of a hash, tentative or not. */
static GY_INLINE unsigned
gy_find_candidates(struct gy_bucket *bucket, uint64_t hash)
{
    return gy_find_upper(bucket, hash >> GY_TAG_SHIFT, GY_TAG_SHIFT);
}

/* Those with the tag of a hash that are not tentative. */
static GY_INLINE unsigned
gy_find_committed(struct gy_bucket *bucket, uint64_t hash)
{
    _Static_assert(GY_T == (uint64_t)1 << (GY_TAG_SHIFT - 1), "T stands below the tag");
    return gy_find_upper(bucket, hash >> GY_TAG_SHIFT << 1, GY_TAG_SHIFT - 1);
}

/* The first of them. */
static GY_INLINE gy_atomic_u64 *
gy_find_candidate(struct gy_bucket *bucket, unsigned candidates)
{
    enum { BITS = 2 };
    char *slots = (char *)(void *)bucket;
    return (gy_atomic_u64 *)(void *)(slots + sizeof bucket->slot[0] / BITS * (unsigned)__builtin_ctzll(candidates));
}

static GY_INLINE unsigned
gy_find_next(unsigned candidates)
{
    candidates &= candidates - 1;
    return candidates & (candidates - 1);
}

static GY_INLINE bool
gy_find_in(struct gyre *cache, struct gy_bucket *bucket, uint64_t hash, const void *key, size_t key_bytes,
           gy_atomic_u64 *pin, struct gy_found *out, bool *saw_tentative)
{
    unsigned candidates = gy_find_candidates(bucket, hash);
    for (; candidates; candidates = gy_find_next(candidates)) {
        gy_atomic_u64 *slot = gy_find_candidate(bucket, candidates);
        uint64_t word = gy_load_acq(slot); /* model: get, reader1 */
        if (gy_unlikely(gy_slot_tentative(word))) {
            *saw_tentative = true;
            continue;
        }
        if (!gy_slot_may_match(word, hash) || !gy_find_pin(cache, slot, word, pin, out))
            continue;
        if (gy_likely(gy_slot_may_match(out->word, hash) && !gy_slot_tentative(out->word) &&
                      gy_entry_has_key(out->entry, out->header, key, key_bytes)))
            return true;
        gy_pin_clear(pin);
    }
    return false;
}

/* get: the committed word of a key, pinned. Needs no section. saw_tentative: set when a word of this
 * tag was met that is not yet published. */
static GY_INLINE bool
gy_index_find(struct gyre *cache, uint64_t hash, const void *key, size_t key_bytes, gy_atomic_u64 *pin,
              struct gy_found *out, bool *saw_tentative)
{
    uint64_t number = gy_shard_number(cache, hash);
    uint64_t geometry = gy_shard_geometry(cache, number);
    *saw_tentative = false;
    if (gy_likely(gy_geometry_phase(geometry) == GY_STEADY)) {
        struct gy_bucket *base = gy_shard_buckets(cache, number);
        struct gy_bucket *first = gy_geometry_bucket(base, geometry, hash);
        if (gy_likely(gy_find_in(cache, first, hash, key, key_bytes, pin, out, saw_tentative)))
            return true;
        struct gy_bucket *second = gy_geometry_bucket(base, geometry, gy_hash_mixed(hash));
        if (gy_find_in(cache, second, hash, key, key_bytes, pin, out, saw_tentative))
            return true;
        if (gy_likely(gy_shard_geometry(cache, number) == geometry && !*saw_tentative))
            return false;
    }
    return gy_index_find_growing(cache, hash, key, key_bytes, pin, out, saw_tentative);
}

#endif

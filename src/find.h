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
        if (gy_unlikely(gy_entry_room(cache, offset, h) > left)) {
            gy_pin_clear(pin);
            return false;
        }
        *out = (struct gy_found){slot, again, entry, h, arena};
        return true;
    }
    return false;
}

enum { GY_FIND_LIKELY_SHIFT = 48 }; /* in all of the tag but four bits */

/* Of a bucket: the slots whose words most likely have the tag of a hash (gy_find_likely), and its empty ones (gy_find_empty). */
struct gy_find_look {
    unsigned likely, empty;
};

#if defined(__SSE2__) && !defined(GY_POINTS)
/* The upper halves of the words, four at a time. */
struct gy_find_halves {
    __m128i low, high;
};

static GY_INLINE struct gy_find_halves
gy_find_halves(struct gy_bucket *bucket)
{
    /* Each half is of one store. The barriers, and x86, keep these loads after those that precede and before those that
     * follow; and after a locked instruction, as seq_cst ones are. */
    const __m128 *line = (const __m128 *)(const void *)bucket;
    struct gy_find_halves upper;
    gy_compiler_barrier();
    upper.low = _mm_castps_si128(_mm_shuffle_ps(line[0], line[1], 0xdd));
    upper.high = _mm_castps_si128(_mm_shuffle_ps(line[2], line[3], 0xdd));
    gy_compiler_barrier();
    return upper;
}

/* The upper half of the hash, four times. */
static GY_INLINE __m128i
gy_find_wanted(uint64_t hash)
{
    return _mm_shuffle_epi32(_mm_cvtsi64_si128((int64_t)hash), 0x55);
}

/* Of eight halves, those of which all bits are set, as bits: two for each. */
static GY_INLINE unsigned
gy_find_bits(__m128i low, __m128i high)
{
    return (unsigned)_mm_movemask_epi8(_mm_packs_epi32(low, high));
}

/* The slots of a bucket whose words have the tag of a hash, tentative or not, as bits: two for each. */
static GY_INLINE unsigned
gy_find_candidates(struct gy_bucket *bucket, uint64_t hash)
{
    enum { SHIFT = GY_TAG_SHIFT - 32 };
    struct gy_find_halves upper = gy_find_halves(bucket);
    __m128i wanted = _mm_srli_epi32(gy_find_wanted(hash), SHIFT);
    __m128i low = _mm_cmpeq_epi32(_mm_srli_epi32(upper.low, SHIFT), wanted);
    __m128i high = _mm_cmpeq_epi32(_mm_srli_epi32(upper.high, SHIFT), wanted);
    return gy_find_bits(low, high);
}

/* Those whose words may have a ref, tentative or not: they have its lower half. The same bits. */
static GY_INLINE unsigned
gy_find_refs(struct gy_bucket *bucket, gy_ref ref)
{
    const __m128 *line = (const __m128 *)(const void *)bucket;
    gy_compiler_barrier(); /* as for the upper halves */
    __m128i low = _mm_castps_si128(_mm_shuffle_ps(line[0], line[1], 0x88));
    __m128i high = _mm_castps_si128(_mm_shuffle_ps(line[2], line[3], 0x88));
    gy_compiler_barrier();
    __m128i wanted = _mm_set1_epi32((int32_t)(uint32_t)ref);
    return gy_find_bits(_mm_cmpeq_epi32(low, wanted), _mm_cmpeq_epi32(high, wanted));
}

/* Its empty slots, as bits: one for each, where the first of two would be. Both halves of a word are looked at, perhaps
 * not at once: a guess, for the CAS that takes the slot. */
static GY_INLINE unsigned
gy_find_empty(struct gy_bucket *bucket)
{
    const __m128i *line = (const __m128i *)(const void *)bucket;
    __m128i zero = _mm_setzero_si128(), empty[4];
    gy_compiler_barrier();
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++)
        empty[i] = _mm_cmpeq_epi32(line[i], zero);
    gy_compiler_barrier();
    empty[0] = _mm_packs_epi32(empty[0], empty[1]);
    empty[2] = _mm_packs_epi32(empty[2], empty[3]);
    unsigned halves = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(empty[0], empty[2]));
    return halves & halves >> 1 & 0x5555;
}

#define gy_find_candidates_seq gy_find_candidates

/* The slots of a bucket whose words most likely have the tag of a hash, tentative or not: they begin with the same 16 bits. The
 * higher of a slot's two bits. */
static GY_INLINE unsigned
gy_find_likely(struct gy_bucket *bucket, uint64_t hash)
{
    struct gy_find_halves upper = gy_find_halves(bucket);
    __m128i wanted = gy_find_wanted(hash);
    /* Where the upper 16 bits of 32 are equal, these become negative, and stay so when they are packed. */
    __m128i low = _mm_cmpeq_epi16(upper.low, wanted), high = _mm_cmpeq_epi16(upper.high, wanted);
    return gy_find_bits(low, high) & 0xaaaa;
}

/* Both in one look, of upper halves alone: a word whose half is 0 is taken for an empty slot. */
static GY_INLINE struct gy_find_look
gy_find_look(struct gy_bucket *bucket, uint64_t hash)
{
    struct gy_find_halves upper = gy_find_halves(bucket);
    __m128i wanted = gy_find_wanted(hash), zero = _mm_setzero_si128();
    __m128i low = _mm_cmpeq_epi16(upper.low, wanted), high = _mm_cmpeq_epi16(upper.high, wanted);
    return (struct gy_find_look){gy_find_bits(low, high) & 0xaaaa,
                                 gy_find_bits(_mm_cmpeq_epi32(upper.low, zero), _mm_cmpeq_epi32(upper.high, zero)) & 0x5555};
}
#else
static GY_INLINE unsigned
gy_find_candidates(struct gy_bucket *bucket, uint64_t hash)
{
    unsigned candidates = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < GY_BUCKET_SLOTS; i++) /* acquire: pairs with the CAS that published */
        candidates |= (unsigned)(((gy_load_acq(&bucket->slot[i]) ^ hash) >> GY_TAG_SHIFT) == 0) * 3 << 2 * i;
    return candidates;
}

static GY_INLINE unsigned
gy_find_refs(struct gy_bucket *bucket, gy_ref ref)
{
    unsigned refs = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < GY_BUCKET_SLOTS; i++) /* acquire: as above */
        refs |= (unsigned)((uint32_t)(gy_load_acq(&bucket->slot[i]) ^ ref) == 0) * 3 << 2 * i;
    return refs;
}

static GY_INLINE unsigned
gy_find_likely(struct gy_bucket *bucket, uint64_t hash)
{
    unsigned likely = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < GY_BUCKET_SLOTS; i++) /* acquire: as above */
        likely |= (unsigned)(((gy_load_acq(&bucket->slot[i]) ^ hash) >> GY_FIND_LIKELY_SHIFT) == 0) * 2 << 2 * i;
    return likely;
}

static GY_INLINE unsigned
gy_find_empty(struct gy_bucket *bucket)
{
    unsigned empty = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < GY_BUCKET_SLOTS; i++)
        empty |= (unsigned)(gy_load_acq(&bucket->slot[i]) == GY_EMPTY) << 2 * i;
    return empty;
}

static GY_INLINE struct gy_find_look
gy_find_look(struct gy_bucket *bucket, uint64_t hash)
{
    return (struct gy_find_look){gy_find_likely(bucket, hash), gy_find_empty(bucket)};
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

/* The first of them. */
static GY_INLINE gy_atomic_u64 *
gy_find_candidate(struct gy_bucket *bucket, unsigned candidates)
{
    enum { BITS = 2 };
    char *slots = (char *)(void *)bucket;
    return (gy_atomic_u64 *)(void *)(slots + sizeof bucket->slot[0] / BITS * (unsigned)__builtin_ctzll(candidates));
}

/* Where a new word may go: its first bucket, where a lookup finds it with one miss, while that has two places or more;
 * else the emptier of its two. NULL: they are full. */
static GY_INLINE gy_atomic_u64 *
gy_find_room_of(struct gy_bucket *b, unsigned empty, struct gy_bucket *b2, unsigned empty2)
{
    enum { BITS = 2 * GY_BUCKET_SLOTS };
    /* Without branches: they would be guessed before the lines have come. */
    unsigned one = (empty & (empty - 1)) == 0, many2 = (empty2 & (empty2 - 1)) != 0;
    unsigned both = (empty | empty2 << BITS) & UINT32_MAX << (one & many2) * BITS;
    if (gy_unlikely(both == 0))
        return NULL;
    unsigned at = (unsigned)__builtin_ctz(both);
    char *slots = (char *)(void *)(at & BITS ? b2 : b);
    return (gy_atomic_u64 *)(void *)(slots + sizeof b->slot[0] / 2 * (at % BITS));
}

static inline gy_atomic_u64 *
gy_find_room(const struct gy_window *w)
{
    struct gy_bucket *b = w->bucket[w->insert[0]], *b2 = w->bucket[w->insert[1]];
    return gy_find_room_of(b, gy_find_empty(b), b2, gy_find_empty(b2));
}

/* The first of those that are likely. */
static GY_INLINE gy_atomic_u64 *
gy_find_first(struct gy_bucket *bucket, unsigned likely)
{
    char *slots = (char *)(void *)bucket; /* four bytes for each bit, and one bit too many */
    return (gy_atomic_u64 *)(void *)(slots + 4 * (size_t)__builtin_ctz(likely) - 4);
}

static GY_INLINE unsigned
gy_find_next(unsigned candidates)
{
    candidates &= candidates - 1;
    return candidates & (candidates - 1);
}

/* The ring of a word that a put may take the place of. Starts the cache misses that it will have there. */
static GY_INLINE unsigned
gy_index_ring(const struct gyre *cache, uint64_t word, uint32_t arena)
{
    __builtin_prefetch(gy_at(cache, gy_slot_ref(word)));
    gy_prefetch_to_write(&cache->books[arena]); /* for its dead bytes; another processor often counted there last */
    return gy_arena_ring(gy_load_rlx(&cache->words[arena])); /* (Relaxed: a guess.) */
}

/* A guess, without a pin, whether the key stands somewhere in the window, and in which ring. Starts the cache misses
 * that a put will have there. False: it met no word of the key, and so was put 2, in its order. */
static GY_INLINE bool
gy_index_peek(const struct gyre *cache, uint64_t hash, const struct gy_window *window, unsigned *ring, const char **entry)
{
    for (unsigned i = 0; i < window->n; i++) {
        unsigned candidates = gy_find_candidates(window->bucket[i], hash);
        for (; candidates; candidates = gy_find_next(candidates)) {
            uint64_t word = gy_load_acq(gy_find_candidate(window->bucket[i], candidates)); /* model: put2 */
            uint32_t arena = gy_ref_arena(cache, gy_slot_ref(word));
            if (arena != UINT32_MAX) {
                *entry = gy_at(cache, gy_slot_ref(word));
                *ring = gy_index_ring(cache, word, arena);
                return true;
            }
        }
    }
    return false;
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

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

/* Of two buckets: the slots whose words most likely have the tag of a hash (gy_find_likely), and their empty ones. One bit for each,
 * the first bucket's below the second's. */
struct gy_find_look {
    unsigned likely, empty;
};

/* Of candidates, two bits for each, those behind the first. */
static GY_INLINE unsigned
gy_find_next(unsigned candidates)
{
    candidates &= candidates - 1;
    return candidates & (candidates - 1);
}

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

/* Its empty slots, as bits: one for each. Both halves of a word are looked at, perhaps not at once: a guess, for the CAS that
 * takes the slot. */
static GY_INLINE unsigned
gy_find_empty(struct gy_bucket *bucket)
{
    const __m128i *line = (const __m128i *)(const void *)bucket;
    __m128i zero = _mm_setzero_si128(), all = _mm_cmpeq_epi32(zero, zero), empty[4];
    gy_compiler_barrier();
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++)
        empty[i] = _mm_cmpeq_epi32(line[i], zero);
    gy_compiler_barrier();
    empty[0] = _mm_cmpeq_epi32(_mm_packs_epi32(empty[0], empty[1]), all); /* both halves of a word in 32 bits */
    empty[2] = _mm_cmpeq_epi32(_mm_packs_epi32(empty[2], empty[3]), all);
    return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(empty[0], empty[2]), zero));
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

/* What words that are likely begin with, for a look at two buckets: the upper 16 bits of the hash, eight times. The barrier: worked
 * out where this stands, and not behind the look. */
typedef __m128i gy_find_begin;

static GY_INLINE gy_find_begin
gy_find_begin_of(uint64_t hash)
{
    __m128i begin = _mm_set1_epi16((short)(hash >> GY_FIND_LIKELY_SHIFT));
    __asm__ volatile("" : "+x"(begin));
    return begin;
}

/* The upper 16 bits of a bucket's words. */
static GY_INLINE __m128i
gy_find_begins(struct gy_bucket *bucket)
{
    struct gy_find_halves upper = gy_find_halves(bucket);
    return _mm_packs_epi32(_mm_srai_epi32(upper.low, 16), _mm_srai_epi32(upper.high, 16));
}

/* Of upper bits alone: a word whose are 0 is taken for an empty slot. */
static GY_INLINE struct gy_find_look
gy_find_look(struct gy_bucket *b, struct gy_bucket *b2, gy_find_begin begin)
{
    __m128i begins = gy_find_begins(b), begins2 = gy_find_begins(b2), zero = _mm_setzero_si128();
    __m128i likely = _mm_packs_epi16(_mm_cmpeq_epi16(begins, begin), _mm_cmpeq_epi16(begins2, begin));
    __m128i empty = _mm_packs_epi16(_mm_cmpeq_epi16(begins, zero), _mm_cmpeq_epi16(begins2, zero));
    return (struct gy_find_look){(unsigned)_mm_movemask_epi8(likely), (unsigned)_mm_movemask_epi8(empty)};
}

/* For the scan of put 4: has no word but one of two buckets most likely the tag of a hash? */
static GY_INLINE bool
gy_find_alone(struct gy_bucket *b, struct gy_bucket *b2, gy_find_begin begin)
{
    struct gy_find_halves upper = gy_find_halves(b), upper2 = gy_find_halves(b2);
    __m128i likely = _mm_packs_epi32(_mm_cmpeq_epi16(upper.low, begin), _mm_cmpeq_epi16(upper.high, begin));
    __m128i likely2 = _mm_packs_epi32(_mm_cmpeq_epi16(upper2.low, begin), _mm_cmpeq_epi16(upper2.high, begin));
    unsigned bits = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(likely, likely2)); /* the signs, as in gy_find_likely */
    return (bits & (bits - 1)) == 0;
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
        empty |= (unsigned)(gy_load_acq(&bucket->slot[i]) == GY_EMPTY) << i;
    return empty;
}

typedef uint64_t gy_find_begin; /* the hash */

static GY_INLINE gy_find_begin
gy_find_begin_of(uint64_t hash)
{
    return hash;
}

static GY_INLINE struct gy_find_look
gy_find_look(struct gy_bucket *b, struct gy_bucket *b2, gy_find_begin begin)
{
    struct gy_find_look look = {0, 0};
    for (unsigned i = 0; i < 2 * GY_BUCKET_SLOTS; i++) {
        uint64_t word = gy_load_acq(&(i < GY_BUCKET_SLOTS ? b : b2)->slot[i % GY_BUCKET_SLOTS]); /* acquire: as above */
        look.likely |= (unsigned)((word ^ begin) >> GY_FIND_LIKELY_SHIFT == 0) << i;
        look.empty |= (unsigned)(word == GY_EMPTY) << i;
    }
    return look;
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

static GY_INLINE bool
gy_find_alone(struct gy_bucket *b, struct gy_bucket *b2, gy_find_begin begin)
{
    unsigned candidates = gy_find_candidates_seq(b, begin) | gy_find_candidates_seq(b2, begin) << 2 * GY_BUCKET_SLOTS;
    return gy_find_next(candidates) == 0;
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

/* Of two buckets, the slot of the lowest of such bits as a look has, and bits above them in the same order. */
static GY_INLINE gy_atomic_u64 *
gy_find_lowest(struct gy_bucket *b, struct gy_bucket *b2, unsigned bits)
{
    unsigned at = (unsigned)__builtin_ctz(bits);
    return &(at & GY_BUCKET_SLOTS ? b2 : b)->slot[at % GY_BUCKET_SLOTS];
}

/* Where a new word may go, of two buckets' empty slots: its first bucket, where a lookup finds it with one miss, while that has two
 * places or more; else the emptier of its two. NULL: they are full. */
static GY_INLINE gy_atomic_u64 *
gy_find_room_of(struct gy_bucket *b, struct gy_bucket *b2, unsigned empty)
{
    enum { LOWEST = 1 | 1 << GY_BUCKET_SLOTS };
    /* Without branches: they would be guessed before the lines have come. */
    unsigned more = empty & (empty - LOWEST); /* of each bucket all but the lowest; what is borrowed does no harm: the first is full */
    if (gy_unlikely(empty == 0))
        return NULL;
    unsigned second = (unsigned)__builtin_ctz(more | empty << 2 * GY_BUCKET_SLOTS) & GY_BUCKET_SLOTS;
    return &(second ? b2 : b)->slot[__builtin_ctz(empty >> second)];
}

static inline gy_atomic_u64 *
gy_find_room(const struct gy_window *w)
{
    struct gy_bucket *b = w->bucket[w->insert[0]], *b2 = w->bucket[w->insert[1]];
    return gy_find_room_of(b, b2, gy_find_empty(b) | gy_find_empty(b2) << GY_BUCKET_SLOTS);
}

/* The first of those that are likely. */
static GY_INLINE gy_atomic_u64 *
gy_find_first(struct gy_bucket *bucket, unsigned likely)
{
    char *slots = (char *)(void *)bucket; /* four bytes for each bit, and one bit too many */
    return (gy_atomic_u64 *)(void *)(slots + 4 * (size_t)__builtin_ctz(likely) - 4);
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

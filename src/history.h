/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The history: what kinds of entries were evicted, so that the policy learns which of them are asked for again,
 * and when. Two bytes a key, twice as many keys as the cache has entries. Any thread, no order: all of it is a
 * guess, and a wrong one costs a miss or an entry kept for nothing. */

#ifndef GY_HISTORY_H
#define GY_HISTORY_H

#include "cache.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* A bucket is a line of cells, four in a word; the first is not one but the place of the oldest (history.c). */
enum { GY_HISTORY_PLACE, GY_HISTORY_CELL_BITS = 16, GY_HISTORY_CELLS_A_WORD = 64 / GY_HISTORY_CELL_BITS };
#define GY_HISTORY_ALL_CELLS 0x0001000100010001u /* times a cell: it in all places of a word */

/* Remembers an evicted key and the kind of entry it was. */
void gy_history_remember(struct gyre *cache, struct gy_untold *untold, uint64_t hash, unsigned kind);

/* How much of the table is used: one part in 2^this. A word of the region: whatever it is, it is one that can be shifted
 * by, and keeps within the table. */
static inline uint64_t
gy_history_shift(const struct gyre *cache)
{
    return gy_load_rlx(&cache->super->history_shift) & 31; /* (Relaxed: a guess, like all of the history.) */
}

/* Where a key is remembered. */
static inline gy_atomic_u64 *
gy_history_bucket(const struct gyre *cache, uint64_t hash)
{
    uint64_t bucket = (hash & UINT32_MAX) * cache->g.n_history >> 32 >> gy_history_shift(cache);
    return (gy_atomic_u64 *)(uintptr_t)(cache->history + bucket * GY_HISTORY_WORDS);
}

/* What is remembered of a key: never 0. */
enum { GY_FINGERPRINT_BITS = 16 - GY_KIND_BITS };

static inline uint64_t
gy_history_fingerprint(uint64_t hash)
{
    uint64_t f = hash >> (64 - GY_FINGERPRINT_BITS);
    return f ? f : 1;
}

/* Starts the cache miss that recalling will have. */
static inline void
gy_history_prefetch(const struct gyre *cache, uint64_t hash)
{
    __builtin_prefetch(gy_history_bucket(cache, hash));
}

/* The first cell with this fingerprint; GY_HISTORY_PLACE, which is none, if there is no such cell. */
#if defined(__SSE2__) && !defined(GY_POINTS)
static GY_INLINE unsigned
gy_history_cell(gy_atomic_u64 *bucket, uint64_t hash)
{
    const uint64_t wanted = gy_history_fingerprint(hash) << GY_KIND_BITS;
    const __m128i *line = (const __m128i *)(uintptr_t)bucket;
    const __m128i fingerprints = _mm_set1_epi16((short)(UINT16_MAX << GY_KIND_BITS & UINT16_MAX));
    __m128i same[4], all = _mm_set1_epi16((short)wanted);
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++)
        same[i] = _mm_cmpeq_epi16(_mm_and_si128(line[i], fingerprints), all);
    unsigned low = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(same[0], same[1]));
    unsigned high = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(same[2], same[3]));
    unsigned cells = (low | high << 16) & ~1u; /* the place is no cell */
    return cells ? (unsigned)__builtin_ctzll(cells) : GY_HISTORY_PLACE;
}

/* What is looked for, worked out where this stands, and not behind the look. */
struct gy_history_wanted {
    __m128i flips; /* what a word of its cells is less than most with, eight times */
    __m128i most;
};

static GY_INLINE struct gy_history_wanted
gy_history_wanted(uint64_t hash)
{
    uint64_t cell = gy_history_fingerprint(hash) << GY_KIND_BITS;
    struct gy_history_wanted w = {_mm_set1_epi16((short)(cell ^ (uint16_t)INT16_MIN)), _mm_set1_epi16(INT16_MIN + (1 << GY_KIND_BITS))};
    __asm__ volatile("" : "+x"(w.flips), "+x"(w.most));
    return w;
}

/* May one of the cells have the fingerprint? Or the place. */
static GY_INLINE bool
gy_history_may_have(gy_atomic_u64 *bucket, struct gy_history_wanted w)
{
    const __m128i *line = (const __m128i *)(uintptr_t)bucket;
    __m128i least = _mm_xor_si128(line[0], w.flips);
#pragma GCC unroll 3
    for (unsigned i = 1; i < 4; i++)
        least = _mm_min_epi16(least, _mm_xor_si128(line[i], w.flips));
    return _mm_movemask_epi8(_mm_cmplt_epi16(least, w.most)) != 0;
}
#else
static GY_INLINE unsigned
gy_history_cell(gy_atomic_u64 *bucket, uint64_t hash)
{
    const uint64_t wanted = gy_history_fingerprint(hash) << GY_KIND_BITS;
    const uint64_t fingerprints = (uint64_t)GY_HISTORY_ALL_CELLS * (UINT16_MAX << GY_KIND_BITS & UINT16_MAX);
    uint64_t others = UINT16_MAX; /* the place is no cell; (relaxed: as gy_history_shift) */
#pragma GCC unroll 8
    for (unsigned i = 0; i < GY_LINE / sizeof(uint64_t); i++, others = 0) {
        uint64_t different = ((gy_load_rlx(&bucket[i]) ^ wanted * GY_HISTORY_ALL_CELLS) & fingerprints) | others;
        /* The highest bit of each cell that is 0, and perhaps of cells above it. */
        uint64_t same = (different - GY_HISTORY_ALL_CELLS) & ~different & (uint64_t)GY_HISTORY_ALL_CELLS << (GY_HISTORY_CELL_BITS - 1);
        if (same)
            return i * GY_HISTORY_CELLS_A_WORD + (unsigned)__builtin_ctzll(same) / GY_HISTORY_CELL_BITS;
    }
    return GY_HISTORY_PLACE;
}

struct gy_history_wanted {
    uint64_t hash;
};

static GY_INLINE struct gy_history_wanted
gy_history_wanted(uint64_t hash)
{
    return (struct gy_history_wanted){hash};
}

static GY_INLINE bool
gy_history_may_have(gy_atomic_u64 *bucket, struct gy_history_wanted w)
{
    return gy_history_cell(bucket, w.hash) != GY_HISTORY_PLACE;
}
#endif

/* Of gy_history_recall: the key was remembered there. */
unsigned gy_history_recall_from(struct gyre *cache, gy_atomic_u64 *bucket, unsigned cell, uint64_t hash);

/* A key that is put anew, and its bucket: what kind of entry it begins as. If it was remembered, its return is learned of, and it
 * is forgotten. */
static GY_INLINE unsigned
gy_history_recall_wanted(struct gyre *cache, gy_atomic_u64 *bucket, uint64_t hash, struct gy_history_wanted wanted)
{
    if (gy_likely(!gy_history_may_have(bucket, wanted)))
        return GY_KIND_UNKNOWN;
    unsigned cell = gy_history_cell(bucket, hash);
    return cell == GY_HISTORY_PLACE ? GY_KIND_UNKNOWN : gy_history_recall_from(cache, bucket, cell, hash);
}

static GY_INLINE unsigned
gy_history_recall(struct gyre *cache, gy_atomic_u64 *bucket, uint64_t hash)
{
    return gy_history_recall_wanted(cache, bucket, hash, gy_history_wanted(hash));
}

/* Evictions so far, and so many more: told by those who remember, for several at once; where processors have hands of
 * their own, a few dozen late. */
uint64_t gy_history_clock(struct gyre *cache);
void gy_history_tick(struct gyre *cache, unsigned hand, uint64_t evictions);

/* How many turnovers of the cache so many evictions are. */
static inline float
gy_history_turnovers(struct gyre *cache, float evictions)
{
    uint64_t entries = cache->g.max_entries ? cache->g.max_entries : gy_load_rlx(&cache->super->turnover);
    return evictions / (float)gy_max(entries, 1);
}

/* So many entries of so many bytes are in the cache: what turnovers and mean sizes go by. Where entries are larger
 * than the table was made for, a part of it is used, since ages are counted in buckets. */
void gy_history_fit(struct gyre *cache, uint64_t entries, uint64_t bytes);

/* The time within which the history takes a return for one at once, in turnovers. */
float gy_history_soon(struct gyre *cache);

#endif

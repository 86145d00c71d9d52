/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A key becomes 64 bits: XXH3 with the cache's random seed. Different parts choose the shard, the two
 * buckets and the tag, so that none says anything about another:
 *
 *   63        44 43      32 31            6 5      0
 *   |   tag     |  shard   | first bucket  |        |     second bucket: from a multiplicative mix of all
 *
 * The number of shards is any: what lies below the tag is taken for a fraction, and multiplied by it. The lowest bit of the
 * second bucket is the complement of the first's: the two are never the same bucket, at any size of two or more, and
 * doubling moves bucket b to b or b + N for both. A bucket's bits stand where they are its place in bytes. */

#ifndef GY_HASH_H
#define GY_HASH_H

#include "base.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { GY_TAG_SHIFT = 44, GY_BUCKET_SHIFT = 6, GY_MAX_SHARDS = 4096, GY_MAX_LOG2_BUCKETS = 26 };

#ifdef GY_POINTS
extern uint64_t (*gy_hash_hook)(const void *key, size_t size); /* tests force equal hashes */
#endif

static inline bool
gy_hash_short(size_t size)
{
    return size - 9 < 8;
}

/* Of any bytes. */
static GY_INLINE uint64_t
gy_hash_bytes(const void *bytes, size_t size, uint64_t seed)
{
    if (gy_likely(gy_hash_short(size))) /* what the next line comes to, but in place */
        return XXH3_len_9to16_64b(bytes, size, XXH3_kSecret, seed);
    return XXH3_64bits_withSeed(bytes, size, seed);
}

/* The same of three words, in place. */
static GY_INLINE uint64_t
gy_hash_three(const uint64_t words[3], uint64_t seed)
{
    return XXH3_len_17to128_64b((const xxh_u8 *)words, 3 * sizeof words[0], XXH3_kSecret, sizeof XXH3_kSecret, seed);
}

static GY_INLINE uint64_t
gy_hash(const void *key, size_t size, uint64_t seed)
{
#ifdef GY_POINTS
    if (gy_hash_hook)
        return gy_hash_hook(key, size);
#endif
    return gy_hash_bytes(key, size, seed);
}

/* Keys of this size are looked up with the fewest instructions. */
enum { GY_KEY_USUAL = 16 };

/* What XXH3 makes of the seed, for keys of 9 to 16 bytes, before it sees the key. */
struct gy_hash_flips {
    uint64_t low, high;
    uint64_t factor; /* the same for all seeds: a variable, since that saves an instruction */
};

static inline struct gy_hash_flips
gy_hash_flips(uint64_t seed)
{
    const xxh_u8 *secret = XXH3_kSecret;
    return (struct gy_hash_flips){.low = (XXH_readLE64(secret + 24) ^ XXH_readLE64(secret + 32)) + seed,
                                  .high = (XXH_readLE64(secret + 40) ^ XXH_readLE64(secret + 48)) - seed,
                                  .factor = 0x165667919e3779f9u};
}

/* The halves of a product, combined. */
static GY_INLINE uint64_t
gy_hash_fold(uint64_t a, uint64_t b)
{
#ifdef __x86_64__ /* gcc has registers saved for a product of 128 bits, and does not use them */
    uint64_t lower, upper;
    __asm__("mulq %3" : "=a"(lower), "=d"(upper) : "%0"(a), "r"(b) : "cc");
    return lower ^ upper;
#else
    return XXH3_mul128_fold64(a, b);
#endif
}

/* gy_hash of a key of 9 to 16 bytes. */
static GY_INLINE uint64_t
gy_hash_flipped(const void *key, size_t size, const struct gy_hash_flips *flips)
{
#ifdef GY_POINTS
    if (gy_hash_hook)
        return gy_hash_hook(key, size);
#endif
    uint64_t low = XXH_readLE64(key) ^ flips->low;
    uint64_t high = XXH_readLE64((const char *)key + size - 8) ^ flips->high;
    uint64_t hash = size + XXH_swap64(low) + high + gy_hash_fold(low, high);
    hash = (hash ^ hash >> 37) * flips->factor; /* as XXH3_avalanche */
    return hash ^ hash >> 32;
}

static GY_INLINE uint64_t
gy_hash_shard(uint64_t hash, uint64_t n_shards)
{
    return (uint64_t)((unsigned __int128)(hash << (64 - GY_TAG_SHIFT)) * n_shards >> 64);
}

/* What the second bucket is taken from, as the first is from the hash. */
static inline uint64_t
gy_hash_mixed(uint64_t hash)
{
    enum { LOWEST = 1 << GY_BUCKET_SHIFT };
    uint64_t mixed = (hash * 0x9e3779b97f4a7c15u) >> 32;
    return mixed << (GY_BUCKET_SHIFT + 1) | (~hash & LOWEST);
}

static inline uint64_t
gy_hash_first(uint64_t hash)
{
    return (uint32_t)hash >> GY_BUCKET_SHIFT;
}

static inline uint64_t
gy_hash_second(uint64_t hash)
{
    return gy_hash_mixed(hash) >> GY_BUCKET_SHIFT;
}

#endif

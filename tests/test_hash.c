/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "layout.h"

/* Hashes of every kind: random ones, and ones with long runs of equal bits, which a weak mix shows. */
static uint64_t
hash_number(unsigned i, uint64_t *seed)
{
    switch (i % 4) {
    case 0:
        return (uint64_t)i / 4;
    case 1:
        return (uint64_t)i << 40;
    case 2:
        return ~((uint64_t)1 << i % 64);
    default:
        return api_random(seed);
    }
}

TEST(hash, the_two_buckets_of_a_key_are_never_one)
{
    uint64_t seed = api_seed("hash");
    for (unsigned i = 0; i < 40000; i++) {
        uint64_t h = hash_number(i, &seed);
        for (unsigned log2 = 1; log2 <= GY_MAX_LOG2_BUCKETS; log2++) {
            uint64_t mask = ((uint64_t)1 << log2) - 1;
            CHECK_MSG((gy_hash_first(h) & mask) != (gy_hash_second(h) & mask), "hash %#llx, 2^%u buckets",
                      (unsigned long long)h, log2);
        }
    }
}

/* What is hashed in place is what XXH3 makes of it: files hold such hashes. */
TEST(hash, in_place_is_as_by_the_library)
{
    uint64_t seed = api_seed("in place"), words[4];
    for (unsigned i = 0; i < 10000; i++) {
        for (unsigned n = 0; n < 4; n++)
            words[n] = api_random(&seed);
        CHECK_EQ(gy_hash_three(words, words[3]), XXH3_64bits_withSeed(words, 24, words[3]));
        CHECK_EQ(gy_hash_bytes(words, i % 33, words[3]), XXH3_64bits_withSeed(words, i % 33, words[3]));
    }
}

/* The images of a key are b and b + N: half of the keys move, both buckets alike, at every size. This is
 * what a place with too few bits would break: all its keys would stay from some size on. */
TEST(hash, half_of_the_keys_move_at_each_doubling)
{
    enum { KEYS = 20000 };
    uint64_t seed = api_seed("hash");
    for (unsigned log2 = 1; log2 <= GY_MAX_LOG2_BUCKETS; log2++) {
        unsigned moved[2] = {0, 0}, both = 0;
        uint64_t n = (uint64_t)1 << log2;
        for (unsigned i = 0; i < KEYS; i++) {
            uint64_t h = api_random(&seed), place[2] = {gy_hash_first(h), gy_hash_second(h)};
            bool moves[2];
            for (unsigned p = 0; p < 2; p++) {
                uint64_t old = place[p] & (n - 1), new = place[p] & (2 * n - 1);
                CHECK(new == old || new == old + n);
                moves[p] = new != old;
                moved[p] += moves[p];
            }
            both += moves[0] && moves[1];
        }
        for (unsigned p = 0; p < 2; p++)
            if (log2 < GY_MAX_LOG2_BUCKETS) /* the last size is not doubled */
                CHECK_MSG(moved[p] > KEYS / 2 - 800 && moved[p] < KEYS / 2 + 800, "%u of %d, 2^%u", moved[p],
                          KEYS, log2);
        if (log2 < GY_MAX_LOG2_BUCKETS)
            CHECK_MSG(both > KEYS / 4 - 800 && both < KEYS / 4 + 800, "%u of %d, 2^%u", both, KEYS, log2);
    }
}

/* The keys of one bucket have second buckets all over the table: a full bucket is not half of a full pair. */
TEST(hash, neighbours_in_the_first_bucket_part_in_the_second)
{
    enum { LOG2 = 10, N = 1 << LOG2, KEYS = 16 * N };
    uint64_t seed = api_seed("hash");
    unsigned in[N] = {0};
    for (unsigned i = 0; i < KEYS; i++) {
        uint64_t h = (api_random(&seed) & ~((uint64_t)(N - 1) << GY_BUCKET_SHIFT)) | 5 << GY_BUCKET_SHIFT;
        CHECK_EQ(gy_hash_first(h) & (N - 1), 5);
        in[gy_hash_second(h) & (N - 1)]++;
    }
    for (unsigned b = 0; b < N; b++)
        CHECK_MSG((b & 1) == 1 ? in[b] == 0 : in[b] > 4 && in[b] < 96, "bucket %u: %u", b, in[b]);
}

/* Each bucket's bits stand where they are its place in bytes; shard and tag are of other bits, and a steady
 * shard's geometry takes the place from both in the same way. */
TEST(hash, the_bits_of_both_buckets)
{
    uint64_t seed = api_seed("hash"), any = 0;
    for (unsigned i = 0; i < 40000; i++) {
        uint64_t h = hash_number(i, &seed), mixed = gy_hash_mixed(h);
        CHECK_EQ(gy_hash_first(h), h >> 6 & ((1 << 26) - 1));
        CHECK_EQ(gy_hash_second(h), mixed >> 6);
        CHECK_EQ(mixed & 63, 0);
        CHECK_EQ((mixed ^ h) >> 6 & 1, 1);
        any |= mixed;
        for (unsigned log2 = 1; log2 <= GY_MAX_LOG2_BUCKETS; log2++) {
            uint64_t n = (uint64_t)1 << log2, geometry = gy_geometry_mask(log2, GY_STEADY);
            CHECK_EQ(h & geometry, (gy_hash_first(h) & (n - 1)) * sizeof(struct gy_bucket));
            CHECK_EQ(mixed & geometry, (gy_hash_second(h) & (n - 1)) * sizeof(struct gy_bucket));
        }
    }
    CHECK_EQ(any >> 6 & ((1 << 26) - 1), (1 << 26) - 1);
    CHECK_EQ(GY_BUCKET_SHIFT + GY_MAX_LOG2_BUCKETS, 32);
}

/* No bit of the shard or the tag chooses the first bucket, and each one the second. */
TEST(hash, which_bits_choose_a_bucket)
{
    uint64_t h = 0x123456789abcdef0u;
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t other = h ^ (uint64_t)1 << bit;
        bool own = bit >= GY_BUCKET_SHIFT && bit < GY_BUCKET_SHIFT + GY_MAX_LOG2_BUCKETS;
        CHECK_MSG((gy_hash_first(h) == gy_hash_first(other)) == !own, "bit %u", bit);
        CHECK_MSG(gy_hash_second(h) != gy_hash_second(other), "bit %u", bit);
    }
}

TEST(hash, keys_with_equal_prefixes_spread_over_shards_buckets_and_tags)
{
    enum { SHARDS = 37, KEYS = 1 << 15, BUCKETS = 1024, TAGS = 256 };
    uint64_t seed = api_seed("hash");
    static unsigned in_shard[SHARDS], in_bucket[2][BUCKETS], in_tag[TAGS];
    for (unsigned i = 0; i < KEYS; i++) {
        char key[64];
        int n = snprintf(key, sizeof key, "session:0000000000000000:user:%u", i);
        uint64_t h = gy_hash(key, (size_t)n, seed);
        in_shard[gy_hash_shard(h, SHARDS)]++;
        in_bucket[0][gy_hash_first(h) & (BUCKETS - 1)]++;
        in_bucket[1][gy_hash_second(h) & (BUCKETS - 1)]++;
        in_tag[h >> GY_TAG_SHIFT & (TAGS - 1)]++;
    }
    for (unsigned i = 0; i < SHARDS; i++)
        CHECK_MSG(in_shard[i] >= KEYS / SHARDS / 2 && in_shard[i] <= 2 * KEYS / SHARDS, "shard %u: %u keys", i,
                  in_shard[i]);
    for (unsigned i = 0; i < TAGS; i++)
        CHECK_MSG(in_tag[i] <= 2 * KEYS / TAGS, "tag %u: %u keys", i, in_tag[i]);
    for (unsigned p = 0; p < 2; p++)
        for (unsigned i = 0; i < BUCKETS; i++)
            CHECK_MSG(in_bucket[p][i] <= 3 * KEYS / BUCKETS, "bucket %u: %u keys", i, in_bucket[p][i]);
}

TEST(hash, shards_are_those_there_are_whatever_their_number)
{
    for (uint64_t n = 1; n <= GY_MAX_SHARDS; n++) {
        const uint64_t highest = ((uint64_t)1 << GY_TAG_SHIFT) - 1, tag = ~highest;
        CHECK_EQ(gy_hash_shard(0, n), 0);
        CHECK_EQ(gy_hash_shard(highest, n), n - 1);
        CHECK_EQ(gy_hash_shard(tag, n), 0); /* the tag says nothing about it */
        for (uint64_t shard = 1; shard < n; shard++) { /* where it begins */
            uint64_t first = ((shard << GY_TAG_SHIFT) + n - 1) / n;
            CHECK(gy_hash_shard(tag | first, n) == shard && gy_hash_shard(tag | (first - 1), n) == shard - 1);
        }
    }
}

TEST(hash, the_seed_and_every_byte_of_the_key_count)
{
    char key[300];
    memset(key, 'k', sizeof key);
    for (size_t n = 1; n <= sizeof key; n += 13) {
        uint64_t h = gy_hash(key, n, 1);
        CHECK(h != gy_hash(key, n, 2));
        CHECK(h != gy_hash(key, n - 1, 1));
        for (size_t i = 0; i < n; i++) {
            key[i] ^= 1;
            CHECK(h != gy_hash(key, n, 1));
            key[i] ^= 1;
        }
        CHECK_EQ(h, gy_hash(key, n, 1));
    }
}

/* Short keys have a way of their own. */
TEST(hash, is_xxh3_with_the_seed_for_every_size)
{
    uint64_t seeds[] = {0, 1, UINT64_MAX, (uint64_t)1 << 63, 0x9e3779b97f4a7c15u, 0}, state = api_seed("hash");
    char key[300];
    seeds[5] = api_random(&state);
    for (size_t n = 1; n <= sizeof key; n += n < 64 ? 1 : 59)
        for (unsigned s = 0; s < 6; s++) {
            fill_bytes(key, n, api_random(&state));
            CHECK_EQ(gy_hash(key, n, seeds[s]), XXH3_64bits_withSeed(key, n, seeds[s]));
            CHECK_EQ(gy_hash_short(n), n >= 9 && n <= 16);
        }
}

/* What is worked out of the seed beforehand comes to the same. */
TEST(hash, of_keys_of_the_usual_size)
{
    uint64_t random = api_seed("hash"), key[GY_KEY_USUAL / 8];
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t seed = i < 2 ? 0 - (uint64_t)i : api_random(&random);
        struct gy_hash_flips flips = gy_hash_flips(seed);
        key[0] = api_random(&random), key[1] = api_random(&random);
        CHECK_EQ(gy_hash_flipped(key, sizeof key, &flips), XXH3_64bits_withSeed(key, sizeof key, seed));
    }
}

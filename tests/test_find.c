/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The tags of a bucket: compared four at a time where the processor can, one at a time in builds with points. Both
 * give what the words say one by one. */

#include "find.h"

#include "api.h"

static unsigned
one_by_one(struct gy_bucket *bucket, uint64_t hash)
{
    unsigned candidates = 0;
    for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
        if (((gy_load_acq(&bucket->slot[s]) ^ hash) & GY_TAG_MASK) == 0)
            candidates |= 3u << 2 * s;
    return candidates;
}

/* Those that begin like the hash, a bit each. */
static unsigned
likely_one_by_one(struct gy_bucket *bucket, uint64_t hash)
{
    unsigned likely = 0;
    for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
        if (gy_load_acq(&bucket->slot[s]) >> 48 == hash >> 48)
            likely |= 2u << 2 * s;
    return likely;
}

static void
compare(struct gy_bucket *bucket, uint64_t hash)
{
    unsigned want = one_by_one(bucket, hash), found = gy_find_candidates(bucket, hash), slots = 0;
    unsigned begin = likely_one_by_one(bucket, hash), likely = gy_find_likely(bucket, hash);
    CHECK_MSG(likely == begin, "hash %#llx: %#x, not %#x", (unsigned long long)hash, likely, begin);
    if (likely != 0)
        CHECK(gy_find_first(bucket, likely) == &bucket->slot[(unsigned)__builtin_ctz(begin) / 2]);
    CHECK_MSG(found == want && gy_find_candidates_seq(bucket, hash) == want, "hash %#llx: %#x, not %#x",
              (unsigned long long)hash, found, want);
    for (; found != 0; found = gy_find_next(found))
        slots |= 3u << 2 * (gy_find_candidate(bucket, found) - bucket->slot);
    CHECK_EQ(slots, want);
}

/* Each set of slots, and every bit by which a word can differ. */
TEST(find, candidates_are_the_slots_with_the_tag)
{
    uint64_t seed = api_seed("find");
    struct gy_bucket bucket;
    for (unsigned set = 0; set < 1u << GY_BUCKET_SLOTS; set++)
        for (unsigned bit = 0; bit < 64; bit++) {
            uint64_t hash = api_random(&seed);
            for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
                uint64_t rest = api_random(&seed) & ~GY_TAG_MASK, tag = hash & GY_TAG_MASK;
                uint64_t other = (uint64_t)1 << (GY_TAG_SHIFT + (bit + s) % (64 - GY_TAG_SHIFT));
                gy_store_seq(&bucket.slot[s], rest | (set >> s & 1 ? tag : tag ^ other));
            }
            compare(&bucket, hash);
            CHECK_EQ(__builtin_popcount(gy_find_candidates(&bucket, hash)), 2 * __builtin_popcount(set));
            compare(&bucket, hash ^ (uint64_t)1 << bit);
        }
}

/* The same, for the lower half of a ref: what is above it does not matter. */
TEST(find, refs_are_the_slots_with_its_lower_half)
{
    uint64_t seed = api_seed("refs");
    struct gy_bucket bucket;
    for (unsigned set = 0; set < 1u << GY_BUCKET_SLOTS; set++)
        for (unsigned bit = 0; bit < 32; bit++) {
            gy_ref ref = api_random(&seed) & GY_REF_MASK;
            unsigned want = 0;
            for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
                uint64_t above = api_random(&seed) << 32, same = ref & UINT32_MAX;
                gy_store_seq(&bucket.slot[s], above | (set >> s & 1 ? same : same ^ (uint64_t)1 << (bit + s) % 32));
                want |= (set >> s & 1) * 3 << 2 * s;
            }
            CHECK_MSG(gy_find_refs(&bucket, ref) == want, "%#x, not %#x", gy_find_refs(&bucket, ref), want);
        }
}

/* Each set of empty slots, beside words of which one half is zero, or all but one bit. */
TEST(find, empty_are_the_slots_without_a_word)
{
    uint64_t seed = api_seed("find");
    struct gy_bucket bucket;
    for (unsigned set = 0; set < 1u << GY_BUCKET_SLOTS; set++)
        for (unsigned bit = 0; bit < 64; bit++) {
            for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
                uint64_t one = (uint64_t)1 << (bit + 9 * s) % 64, half = api_random(&seed) << 32 | one << 32;
                uint64_t words[] = {one, half | GY_T, (half >> 32) + 1, api_random(&seed) | one};
                gy_store_seq(&bucket.slot[s], set >> s & 1 ? 0 : words[(bit + s) % 4]);
            }
            CHECK_MSG(gy_find_empty(&bucket) == set, "%#x, not %#x", gy_find_empty(&bucket), set);
        }
}

/* Empty slots, tags of which all bits are equal, and what looks like the tag lower in the word. */
TEST(find, candidates_of_words_at_their_ends)
{
    static const uint64_t ends[] = {0, 1, GY_T, GY_TAG_MASK, ~GY_TAG_MASK, UINT64_MAX, (uint64_t)1 << 63,
                                    (uint64_t)1 << GY_TAG_SHIFT, 0x7fffffff7fffffffu, 0x8000000080000000u,
                                    0xabcdefabcdefabcdu, 0xffffffff00000000u, 0x00000000ffffffffu};
    enum { ENDS = sizeof ends / sizeof ends[0] };
    uint64_t seed = api_seed("find");
    struct gy_bucket bucket;
    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
            gy_store_seq(&bucket.slot[s], ends[api_random(&seed) % ENDS]);
        for (unsigned e = 0; e < ENDS; e++)
            compare(&bucket, ends[e]);
    }
}

/* One look says which words of two buckets begin like the hash, and which slots have none: where processors compare upper bits
 * alone, also those of which 16 are 0. And whether there is but one that begins so, or has the tag. */
TEST(find, a_look_says_both)
{
    uint64_t seed = api_seed("look");
    struct gy_bucket bucket[2];
    for (unsigned round = 0; round < 200000; round++) {
        uint64_t hash = api_random(&seed);
        unsigned likely = 0, empty = 0, upper = 0, tags = 0;
        for (unsigned s = 0; s < 2 * GY_BUCKET_SLOTS; s++) {
            uint64_t any = api_random(&seed), bit = (uint64_t)1 << any % 64, same = hash & ~(UINT64_MAX >> 16);
            uint64_t words[] = {0, any | bit, same | any >> 16, (same ^ (uint64_t)1 << (48 + any % 16)) | any >> 16,
                                (any & UINT32_MAX) | 1, (uint64_t)1 << (32 + any % 32), hash, any};
            uint64_t word = words[round % 2 ? any >> 40 & 7 : (any >> 40) % 29 > 1 ? any >> 50 & 1 : 2 + 4 * (any >> 50 & 1)];
            gy_store_seq(&bucket[s / GY_BUCKET_SLOTS].slot[s % GY_BUCKET_SLOTS], word);
            likely |= (unsigned)(word >> 48 == hash >> 48) << s;
            empty |= (unsigned)(word == 0) << s;
            upper |= (unsigned)(word >> 48 == 0) << s;
            tags += (word ^ hash) >> GY_TAG_SHIFT == 0;
        }
        struct gy_find_look look = gy_find_look(&bucket[0], &bucket[1], gy_find_begin_of(hash));
        CHECK_MSG(look.likely == likely, "%#x, not %#x", look.likely, likely);
        CHECK_MSG((look.empty & empty) == empty && (look.empty & ~upper) == 0, "%#x, not %#x to %#x", look.empty, empty, upper);
        bool alone = gy_find_alone(&bucket[0], &bucket[1], gy_find_begin_of(hash));
        CHECK(alone ? tags <= 1 : __builtin_popcount(likely) > 1);
        if (likely != 0)
            CHECK(gy_find_lowest(&bucket[0], &bucket[1], likely) == &bucket[0].slot[0] + __builtin_ctz(likely));
    }
}

/* A place for a new word: in the first bucket while it has two or more, else in the emptier one. */
static gy_atomic_u64 *
room_by_rule(struct gy_bucket *b, unsigned empty, struct gy_bucket *b2, unsigned empty2)
{
    int n = __builtin_popcount(empty), n2 = __builtin_popcount(empty2);
    if (n == 0 && n2 == 0)
        return NULL;
    return n >= 2 || n >= n2 ? &b->slot[__builtin_ctz(empty)] : &b2->slot[__builtin_ctz(empty2)];
}

/* Every set of empty slots in either bucket. */
TEST(find, room_goes_by_its_rule)
{
    struct gy_bucket bucket[2];
    for (unsigned empties = 0; empties < 1u << 2 * GY_BUCKET_SLOTS; empties++) {
        unsigned empty[2] = {empties & 0xff, empties >> GY_BUCKET_SLOTS};
        for (unsigned b = 0; b < 2; b++)
            for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
                gy_store_rlx(&bucket[b].slot[s], empty[b] >> s & 1 ? GY_EMPTY : UINT64_MAX - s);
        gy_atomic_u64 *rule = room_by_rule(&bucket[0], empty[0], &bucket[1], empty[1]);
        struct gy_window w = {.bucket = {&bucket[0], &bucket[1]}, .insert = {0, 1}, .n = 2};
        gy_atomic_u64 *room = gy_find_room_of(&bucket[0], &bucket[1], empties);
        CHECK(room == rule);
        CHECK(gy_find_room(&w) == room);
    }
}

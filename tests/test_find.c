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
            unsigned want = 0;
            for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
                uint64_t one = (uint64_t)1 << (bit + 9 * s) % 64, half = api_random(&seed) << 32 | one << 32;
                uint64_t words[] = {one, half | GY_T, (half >> 32) + 1, api_random(&seed) | one};
                gy_store_seq(&bucket.slot[s], set >> s & 1 ? 0 : words[(bit + s) % 4]);
                want |= (set >> s & 1) << 2 * s;
            }
            CHECK_MSG(gy_find_empty(&bucket) == want, "%#x, not %#x", gy_find_empty(&bucket), want);
            if (want != 0)
                CHECK_EQ(gy_find_candidate(&bucket, want) - bucket.slot, __builtin_ctz(set));
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

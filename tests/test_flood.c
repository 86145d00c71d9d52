/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Hash flooding, by somebody who has found out keys for one window: they evict each other and nobody
 * else, and what an operation on them costs does not depend on how many there are. Cost is counted in
 * accesses to shared memory, not in time. */

#include "room.h"

enum { BYSTANDERS = 400, WINDOW = 2 * GY_BUCKET_SLOTS };

static struct api_key
flood_key(uint64_t n)
{
    return key_of(1000000000000 + n);
}

static bool
stands_in(const struct gy_window *a, const struct gy_window *b)
{
    for (unsigned i = 0; i < a->n; i++)
        for (unsigned j = 0; j < b->n; j++)
            if (a->bucket[i] == b->bucket[j])
                return true;
    return false;
}

/* Who stands beside the flooded window is there. */
static void
check_bystanders(gyre *c, uint64_t flooded_hash)
{
    struct gy_window flooded, w;
    unsigned n_beside = 0;
    gy_index_window(c, flooded_hash, &flooded);
    for (unsigned i = 0; i < BYSTANDERS; i++) {
        struct api_key key = key_of(i);
        gy_index_window(c, room_hash(c, key.text), &w);
        if (stands_in(&w, &flooded))
            continue;
        n_beside++;
        CHECK(has_bytes(c, key.text, 20, i));
    }
    CHECK(n_beside > BYSTANDERS / 2);
}

static gyre *
open_with_bystanders(uint64_t seed)
{
    gyre_options options = api_options(MIB, GYRE_NO_THREAD);
    options.seed = seed;
    gyre *c = api_open_with(&options);
    for (unsigned i = 0; i < BYSTANDERS; i++)
        CHECK_OK(put_bytes(c, key_of(i).text, 20, i));
    return c;
}

/* Nothing but the window's own keys has gone, and no more of the flood stands than a window holds. */
static void
check_flood(gyre *c, uint64_t n_flood, uint64_t flooded_hash)
{
    gyre_stats s = api_stats(c);
    CHECK_EQ(s.removed[GYRE_CAPACITY], 0);
    CHECK_EQ(s.entries + s.removed[GYRE_CONFLICT], BYSTANDERS + n_flood);
    CHECK(s.entries <= BYSTANDERS + WINDOW);
    CHECK(s.removed[GYRE_CONFLICT] >= n_flood - WINDOW);
    check_bystanders(c, flooded_hash);
}

TEST(flood, each_cache_has_a_seed_of_its_own)
{
    gyre *a = api_open(MIB, GYRE_NO_THREAD), *b = api_open(MIB, GYRE_NO_THREAD);
    CHECK(a->seed != 0 && b->seed != 0 && a->seed != b->seed);
    api_close(a);
    api_close(b);
}

/* With the seed known, keys for one pair of buckets are found by trying. */
TEST(flood, keys_for_one_window_evict_each_other_only)
{
    enum { FLOOD = 100 };
    uint64_t seed = api_seed("keys_for_one_window") | 1, tried = 0;
    gyre *c = open_with_bystanders(seed);
    struct gy_window flooded, w;
    uint64_t hash = room_hash(c, flood_key(0).text);
    gy_index_window(c, hash, &flooded);
    for (unsigned n = 0; n < FLOOD; tried++) {
        struct api_key key = flood_key(tried);
        uint64_t this_hash = room_hash(c, key.text);
        gy_index_window(c, this_hash, &w);
        if (w.bucket[0] != flooded.bucket[0] || w.bucket[1] != flooded.bucket[1])
            continue;
        CHECK_OK(put_bytes(c, key.text, 20, n));
        CHECK(has_bytes(c, key.text, 20, n));
        n++;
    }
    printf("%d keys for one window among %llu\n", FLOOD, (unsigned long long)tried);
    check_flood(c, FLOOD, hash);
    api_close(c);
}

#ifdef GY_POINTS

enum { FLOODED_HASH = 0x12345678 };
static uint64_t honest_seed;
static unsigned n_accesses;

static uint64_t
flooded_hash(const void *key, size_t size)
{
    if (size > 4 && memcmp(key, "key1", 4) == 0) /* flood_key's; the others begin with key0 */
        return FLOODED_HASH;
    return XXH3_64bits_withSeed(key, size, honest_seed);
}

static void
count_access(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line, (void)address;
    n_accesses++;
}

/* The dearest of each kind of operation on the keys from..to-1. */
struct work {
    unsigned put, get, miss, delete;
};

static unsigned
most(unsigned so_far)
{
    unsigned n = n_accesses > so_far ? n_accesses : so_far;
    n_accesses = 0;
    return n;
}

static struct work
work_on(gyre *c, uint64_t from, uint64_t to)
{
    struct work w = {0};
    gyre_view view;
    for (uint64_t n = from; n < to; n++) {
        struct api_key key = flood_key(n);
        n_accesses = 0;
        CHECK_OK(put_text(c, key.text, "value"));
        w.put = most(w.put);
        CHECK_OK(gyre_get(c, key.text, 16, &view));
        w.get = most(w.get);
        gyre_release(&view);
        n_accesses = 0;
        CHECK_EQ(gyre_get(c, "key1 that is nowhere", 20, &view), GYRE_MISS);
        w.miss = most(w.miss);
        CHECK_EQ(gyre_delete(c, "key1 that is nowhere", 20), GYRE_MISS);
        w.delete = most(w.delete);
    }
    return w;
}

static void
print_work(struct work w, unsigned n_keys)
{
    printf("%u keys: %u accesses for a put, %u a hit, %u a miss, %u a delete\n", n_keys, w.put, w.get,
           w.miss, w.delete);
}

/* Even the tags are equal, so that every key of the window is compared with every other: that is as
 * dear as it gets, and with a hundred times as many keys it is no dearer. */
TEST(flood, work_is_bounded_by_the_window)
{
    enum { FEW = 4 * WINDOW, MANY = 100 * FEW, A_SLOT = 8, BESIDE = 64 };
    honest_seed = api_seed("work_is_bounded") | 1;
    gy_hash_hook = flooded_hash;
    gyre *c = open_with_bystanders(honest_seed);
    gy_point_hook = count_access;
    struct work few = work_on(c, 0, FEW), many = work_on(c, FEW, MANY);
    gy_point_hook = NULL;
    print_work(few, FEW);
    print_work(many, MANY);
    unsigned a_window = WINDOW * A_SLOT;
    CHECK(many.put <= BESIDE + 4 * a_window); /* put 2, no displacement, an eviction, put 4; an arena is opened */
    CHECK(many.get <= a_window && many.miss <= a_window && many.delete <= a_window);
    CHECK(many.miss <= few.miss && many.delete <= few.delete);
    check_flood(c, MANY, FLOODED_HASH);
    api_close(c);
    gy_hash_hook = NULL;
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "history.h"

#include "room.h"

static gyre *
open_small(uint64_t max_entries)
{
    gyre_options options = api_options(1 << 20, GYRE_NO_THREAD);
    options.max_entries = max_entries;
    return api_open_with(&options);
}

TEST(history, a_key_is_recalled_once)
{
    gyre *cache = open_small(0);
    uint64_t seed = api_seed("history");
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t hash = api_random(&seed);
        CHECK(!gy_history_recall(cache, hash));
        gy_history_remember(cache, hash);
        gy_history_remember(cache, hash); /* does not take a second cell */
        CHECK(gy_history_recall(cache, hash));
        CHECK(!gy_history_recall(cache, hash));
    }
    api_close(cache);
}

static unsigned
recalled(gyre *cache, const uint64_t *hash, unsigned n)
{
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++)
        found += gy_history_recall(cache, hash[i]);
    return found;
}

static void
remember_random(gyre *cache, uint64_t *seed, uint64_t *hash, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t h = api_random(seed);
        gy_history_remember(cache, h);
        if (hash != NULL)
            hash[i] = h;
    }
}

/* Half a table later nearly all are there: a bucket of sixteen overflows seldom at that load. */
TEST(history, the_recent_past_is_remembered)
{
    gyre *cache = open_small(0);
    uint64_t seed = api_seed("history"), length = (uint64_t)1 << cache->g.log2_history;
    uint64_t *hash = malloc(length / 4 * sizeof *hash);
    remember_random(cache, &seed, hash, length / 4);
    remember_random(cache, &seed, NULL, length / 4);
    unsigned found = recalled(cache, hash, (unsigned)length / 4);
    CHECK_MSG(found > length / 4 * 98 / 100, "%u of %llu", found, (unsigned long long)length / 4);
    free(hash);
    api_close(cache);
}

TEST(history, the_distant_past_is_forgotten)
{
    gyre *cache = open_small(0);
    uint64_t seed = api_seed("history"), length = (uint64_t)1 << cache->g.log2_history;
    uint64_t hash[500];
    for (unsigned tables = 2; tables <= 3; tables++) {
        remember_random(cache, &seed, hash, 500);
        remember_random(cache, &seed, NULL, tables * length);
        /* A few by chance: sixteen fingerprints of 20 bits a bucket. */
        CHECK(recalled(cache, hash, 500) <= 5);
    }
    api_close(cache);
}

/* With a limit of entries the history is as long as that, whatever room the table has. */
TEST(history, a_limit_of_entries_bounds_it)
{
    enum { LIMIT = 1100 };
    gyre *cache = open_small(LIMIT);
    uint64_t seed = api_seed("history"), length = (uint64_t)1 << cache->g.log2_history, hash[200];
    CHECK(length > LIMIT && length < 2 * LIMIT);
    remember_random(cache, &seed, hash, 200);
    remember_random(cache, &seed, NULL, LIMIT / 2 - 200);
    CHECK(recalled(cache, hash, 200) > 190);
    remember_random(cache, &seed, hash, 200);
    remember_random(cache, &seed, NULL, LIMIT + 8); /* a table's 1024th more than the limit */
    CHECK(recalled(cache, hash, 200) <= 5);
    api_close(cache);
}

/* Fingerprints of absent keys are found as seldom as 16 of 2^20 would have it. */
TEST(history, strangers_are_not_recalled)
{
    gyre *cache = open_small(0);
    uint64_t seed = api_seed("history"), wrong = 0;
    remember_random(cache, &seed, NULL, (uint64_t)1 << cache->g.log2_history);
    for (unsigned i = 0; i < 100000; i++)
        wrong += gy_history_recall(cache, api_random(&seed));
    CHECK_MSG(wrong < 20, "%llu of 100000", (unsigned long long)wrong);
    api_close(cache);
}

TEST(history, it_stays_within_its_table)
{
    gyre *cache = open_small(0);
    uint64_t seed = api_seed("history");
    const char *end = cache->region.base + cache->g.history_at + (sizeof(uint32_t) << cache->g.log2_history);
    const char *next = cache->region.base + cache->g.index_at;
    remember_random(cache, &seed, NULL, 100000);
    for (; end < next; end++)
        CHECK_EQ(*end, 0);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    api_close(cache);
}

static void
remember_many(void *arg, unsigned i)
{
    uint64_t seed = i;
    for (unsigned n = 0; n < 20000; n++) {
        gy_history_remember(arg, api_random(&seed));
        gy_history_recall(arg, api_random(&seed));
    }
}

TEST(history, any_number_of_threads)
{
    gyre *cache = open_small(0);
    api_threads(3, remember_many, cache);
    uint64_t seed = api_seed("history"), hash[100];
    remember_random(cache, &seed, hash, 100);
    CHECK(recalled(cache, hash, 100) > 90);
    api_close(cache);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "history.h"

#include "room.h"

enum { LIMIT = 4096, CELLS = GY_HISTORY_WORDS - 1 };
static const uint64_t SAME_BUCKET = 0x89abcdef;

/* A limit of entries says how many evictions a turnover is. */
static gyre *
open_small(uint64_t max_entries)
{
    gyre_options options = api_options(1 << 20, GYRE_NO_THREAD);
    options.max_entries = max_entries;
    return api_open_with(&options);
}

static unsigned
recall(gyre *cache, uint64_t hash)
{
    return gy_history_recall(cache, gy_history_bucket(cache, hash), hash);
}

static bool
known(gyre *cache, uint64_t hash)
{
    return recall(cache, hash) != GY_KIND_UNKNOWN;
}

static uint64_t
cells_of(const gyre *cache)
{
    return (uint64_t)cache->g.n_history * CELLS;
}

static struct gy_rate
rate_of(gyre *cache, unsigned kind)
{
    return gy_learn_rate(&cache->super->learned.rate[kind]);
}

/* Keys of one bucket, each with a fingerprint of its own. */
static uint64_t
neighbour(unsigned n)
{
    return SAME_BUCKET | (uint64_t)(n + 1) << 53;
}

static void
remember_neighbours(gyre *cache, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++)
        gy_history_remember(cache, NULL, neighbour(i), GY_KIND_UNKNOWN);
}

TEST(history, a_key_is_recalled_once)
{
    gyre *cache = open_small(LIMIT);
    uint64_t seed = api_seed("history"), wrong = 0;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t hash = api_random(&seed);
        unsigned kind = i % GY_KINDS;
        wrong += known(cache, hash);
        gy_history_remember(cache, NULL, hash, kind);
        CHECK_EQ(recall(cache, hash), GY_KINDS_MAIN + gy_policy_past(kind, 0));
        CHECK(!known(cache, hash));
    }
    CHECK_EQ(wrong, 0); /* there is never another key to take it for */
    api_close(cache);
}

/* How many came into its bucket after a key is its age: what is soon, what late, and when it is gone. */
TEST(history, the_place_in_the_bucket_tells_the_age)
{
    gyre *cache = open_small(LIMIT);
    unsigned soon = 0, late = 0;
    for (unsigned since = 0; since < CELLS; since++) {
        float age = ((float)since + 0.5f) * (float)cache->g.n_history / LIMIT;
        unsigned past = gy_policy_past(GY_KIND_UNKNOWN, age);
        CHECK(age < 2);
        gy_history_remember(cache, NULL, neighbour(1000), GY_KIND_UNKNOWN);
        remember_neighbours(cache, 0, since);
        CHECK_MSG(recall(cache, neighbour(1000)) == GY_KINDS_MAIN + past, "%u came after it", since);
        soon += past == 1, late += past == 2;
    }
    CHECK(soon > 1 && late > 1);
    gy_history_remember(cache, NULL, neighbour(1000), GY_KIND_UNKNOWN);
    remember_neighbours(cache, 0, CELLS);
    CHECK(!known(cache, neighbour(1000)));
    api_close(cache);
}

TEST(history, who_returns_again_is_told_from_who_returns_once)
{
    static const unsigned once[] = {GY_KIND_UNKNOWN, 0, 1}, again[] = {GY_KINDS_MAIN + 1, GY_KINDS_MAIN + 4, 2, 3};
    gyre *cache = open_small(LIMIT);
    for (unsigned i = 0; i < 3; i++) {
        gy_history_remember(cache, NULL, neighbour(i), once[i]);
        CHECK_EQ(recall(cache, neighbour(i)), GY_KINDS_MAIN + 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        gy_history_remember(cache, NULL, neighbour(i), again[i]);
        CHECK_EQ(recall(cache, neighbour(i)), GY_KINDS_MAIN + 3);
    }
    api_close(cache);
}

/* A return is a hit of the kind of entry that was evicted; to be forgotten is to be known not to have returned. */
TEST(history, returns_and_their_absence_are_learned_of)
{
    gyre *cache = open_small(LIMIT);
    const unsigned kind = GY_KINDS_MAIN + 7, other = 3;
    gy_history_remember(cache, NULL, neighbour(0), kind);
    CHECK(known(cache, neighbour(0)));
    CHECK(rate_of(cache, kind).hits == 1);
    CHECK(rate_of(cache, kind).time == 0.5f * (float)cache->g.n_history / LIMIT);
    remember_neighbours(cache, 0, CELLS - 1);
    gy_history_remember(cache, NULL, neighbour(100), other); /* into the cell that is empty now */
    CHECK(rate_of(cache, kind).hits == 1 && rate_of(cache, GY_KIND_UNKNOWN).time == 0);
    remember_neighbours(cache, 101, CELLS - 1); /* the first ones are gone */
    CHECK(rate_of(cache, GY_KIND_UNKNOWN).time > 0 && rate_of(cache, other).time == 0);
    remember_neighbours(cache, 200, 1);
    CHECK(rate_of(cache, other).hits == 0);
    CHECK(rate_of(cache, other).time == (float)CELLS * (float)cache->g.n_history / LIMIT);
    CHECK(rate_of(cache, kind).time < 1); /* it came back: it was not forgotten as well */
    api_close(cache);
}

/* Where not every key is learned from, it is the same ones that are seen to return and not to return. */
TEST(history, a_key_is_learned_from_in_all_or_nothing)
{
    gyre *cache = open_small(LIMIT);
    gy_learn_size(&cache->super->learned, 1000 * GY_POLICY_MANY);
    for (unsigned key = 0; key < 2 * GY_POLICY_SAMPLE; key++) {
        const bool sampled = gy_learn_sample(&cache->super->learned, key + 1) > 0; /* neighbour's fingerprint */
        const unsigned returns = GY_KINDS_MAIN + 7, goes = 3;
        struct gy_rate before = rate_of(cache, returns);
        gy_history_remember(cache, NULL, neighbour(key), returns);
        CHECK(known(cache, neighbour(key)));
        CHECK_EQ(rate_of(cache, returns).hits > before.hits, sampled);
        before = rate_of(cache, goes);
        gy_history_remember(cache, NULL, neighbour(key), goes);
        remember_neighbours(cache, 100, CELLS);
        CHECK_EQ(rate_of(cache, goes).time > before.time, sampled);
    }
    api_close(cache);
}

/* Where that is told for several at once, each kind waits for its own. */
TEST(history, several_that_never_came_back_are_learned_of_at_once)
{
    enum { ALL = GY_LEARN_AT_ONCE };
    static struct gy_untold untold;
    gyre *cache = open_small(LIMIT);
    const float time = (float)CELLS * (float)cache->g.n_history / LIMIT;
    const unsigned kind[] = {GY_KINDS_MAIN + 7, 3};
    for (unsigned i = 0; i < CELLS; i++)
        gy_history_remember(cache, &untold, neighbour(i), i < 2 * ALL ? kind[i % 2] : GY_KIND_UNKNOWN);
    for (unsigned i = 0; i < 2 * ALL; i++) {
        gy_history_remember(cache, &untold, neighbour(100 + i), GY_KIND_UNKNOWN);
        for (unsigned k = 0; k < 2; k++)
            CHECK(rate_of(cache, kind[k]).time == (i / 2 + (i % 2 >= k) < ALL ? 0 : (float)ALL * time));
    }
    CHECK(rate_of(cache, kind[0]).hits == 0 && rate_of(cache, GY_KIND_UNKNOWN).time == 0);
    api_close(cache);
}

TEST(history, newcomers_that_return_at_once_are_told)
{
    gyre *cache = open_small(LIMIT);
    struct gy_learned *learned = &cache->super->learned;
    gy_history_remember(cache, NULL, neighbour(0), GY_KIND_UNKNOWN);
    CHECK(known(cache, neighbour(0)));
    CHECK(gy_learn_rate(&learned->soon).hits == 1);
    gy_history_remember(cache, NULL, neighbour(0), 5); /* of main */
    CHECK(known(cache, neighbour(0)));
    CHECK(gy_learn_rate(&learned->soon).hits == 1);
    gy_history_remember(cache, NULL, neighbour(0), GY_KIND_UNKNOWN);
    remember_neighbours(cache, 1, 3); /* later than at once */
    CHECK(known(cache, neighbour(0)));
    CHECK(gy_learn_rate(&learned->soon).hits == 1);
    CHECK(gy_history_soon(cache) > 0 && gy_history_soon(cache) < 0.1f);
    api_close(cache);
}

/* Without a limit the entries that a survey counted are the measure, and nothing is known before the first. */
TEST(history, a_turnover_is_as_many_evictions_as_there_are_entries)
{
    gyre *cache = open_small(0);
    gy_history_remember(cache, NULL, neighbour(0), GY_KIND_UNKNOWN);
    CHECK(!known(cache, neighbour(0)));
    gy_store_seq(&cache->super->turnover, 100000);
    CHECK(gy_history_turnovers(cache, 50000) == 0.5f);
    CHECK(gy_history_turnovers(cache, 1000000) == 10);
    gy_history_remember(cache, NULL, neighbour(0), GY_KIND_UNKNOWN);
    CHECK_EQ(recall(cache, neighbour(0)), GY_KINDS_MAIN + 1);
    gyre *limited = open_small(1000);
    gy_store_seq(&limited->super->turnover, 100000);
    CHECK(gy_history_turnovers(limited, 500) == 0.5f);
    api_close(limited);
    api_close(cache);
}

static unsigned
recalled(gyre *cache, const uint64_t *hash, unsigned n)
{
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++)
        found += known(cache, hash[i]);
    return found;
}

static void
remember_random(gyre *cache, uint64_t *seed, uint64_t *hash, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t h = api_random(seed);
        gy_history_remember(cache, NULL, h, GY_KIND_UNKNOWN);
        if (hash != NULL)
            hash[i] = h;
    }
}

/* Half a table later nearly all are there, with any limit: hardly a bucket gets twice its share. After three tables
 * only strangers are left, of whom one in 2048 / 31 is taken for a friend. */
TEST(history, it_is_as_long_as_the_cache_is_large)
{
    enum { LOOKED_AT = 500 };
    uint64_t seed = api_seed("history"), hash[LOOKED_AT];
    for (unsigned limit = 1000; limit <= 4000; limit += 1000) {
        gyre *cache = open_small(limit);
        uint64_t cells = cells_of(cache);
        CHECK(cells > limit * 17 / 10 && cells <= 2 * limit);
        remember_random(cache, &seed, hash, LOOKED_AT);
        remember_random(cache, &seed, NULL, cells / 2 - LOOKED_AT);
        CHECK_MSG(recalled(cache, hash, LOOKED_AT) > LOOKED_AT * 98 / 100, "limit %u", limit);
        remember_random(cache, &seed, hash, LOOKED_AT);
        remember_random(cache, &seed, NULL, cells * 3);
        CHECK_MSG(recalled(cache, hash, LOOKED_AT) <= LOOKED_AT / 10, "limit %u", limit);
        api_close(cache);
    }
}

TEST(history, strangers_are_seldom_recalled)
{
    gyre *cache = open_small(LIMIT);
    uint64_t seed = api_seed("history"), wrong = 0;
    enum { ROUNDS = 20, STRANGERS = 1000 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        remember_random(cache, &seed, NULL, cells_of(cache)); /* who is recalled leaves an empty cell */
        for (unsigned i = 0; i < STRANGERS; i++)
            wrong += known(cache, api_random(&seed));
    }
    /* At most 31 in 2048: 303 of 20,000, with a deviation of 18. */
    CHECK_MSG(wrong < 500, "%llu of %u", (unsigned long long)wrong, ROUNDS * STRANGERS);
    api_close(cache);
}

/* Four bytes an entry, whatever the limit. */
TEST(history, it_takes_no_more_than_promised)
{
    for (uint64_t limit = 1; limit < (uint64_t)1 << 31; limit += 1 + limit / 7) {
        gyre_options o = api_options((uint64_t)64 << 30, GYRE_NO_THREAD), checked;
        struct gy_geometry g;
        o.max_entries = limit;
        CHECK_OK(gy_options_check(&checked, &o));
        CHECK_OK(gy_layout_plan(&g, &checked, 4));
        uint64_t bytes = (uint64_t)g.n_history * GY_LINE;
        CHECK_MSG(bytes <= gy_max(limit * 4, GY_LINE), "limit %llu", (unsigned long long)limit);
        CHECK_MSG(bytes > limit * 4 - GY_LINE || limit < GY_LINE, "limit %llu",
                  (unsigned long long)limit);
    }
}

TEST(history, it_stays_within_its_table)
{
    static const unsigned limits[] = {1, 15, 16, 31, 32, 1000, 1024, 4096};
    uint64_t seed = api_seed("history");
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
        gyre *cache = open_small(limits[i]);
        const char *start = cache->region.base + cache->g.history_at;
        const char *end = start + (size_t)cache->g.n_history * GY_LINE;
        const char *next = cache->region.base + cache->g.index_at;
        uint64_t used = 0;
        CHECK((uintptr_t)cache->history == (uintptr_t)start);
        for (unsigned n = 0; n < 100000; n++)
            gy_history_remember(cache, NULL, api_random(&seed), n % GY_KINDS);
        for (; end < next; end++)
            CHECK_EQ(*end, 0);
        for (uint64_t cell = 0; cell < cache->g.n_history * (uint64_t)GY_HISTORY_WORDS; cell++)
            used += gy_load_seq(&cache->history[cell]) != 0;
        CHECK(used >= cells_of(cache)); /* all of it was filled */
        CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
        for (unsigned lane = 0; lane < cache->g.n_lanes; lane++)
            CHECK_EQ(gy_load_seq(&cache->lanes[lane].open[0]), 0);
        api_close(cache);
    }
}

/* Without a limit it is used as far as the entries that were counted ask for, step by step. */
TEST(history, it_fits_what_the_cache_holds)
{
    gyre *cache = open_small(0);
    float most = gy_history_soon(cache), buckets = (float)cache->g.n_history;
    CHECK(most > 1); /* nothing was counted: whatever returns, returns late */
    for (unsigned i = 0; i < 20; i++)
        gy_history_fit(cache, 100, 50000);
    CHECK(gy_history_soon(cache) * 100 < 2 * (100 * 4 / GY_LINE + 1) + 1);
    for (unsigned i = 0; i < 1000; i++)
        gy_history_remember(cache, NULL, neighbour(i), GY_KIND_UNKNOWN);
    CHECK(known(cache, neighbour(999)));
    for (unsigned i = 0; i < 20; i++)
        gy_history_fit(cache, 1 << 20, 50000);
    CHECK(gy_history_soon(cache) * (1 << 20) == buckets); /* all of it */
    gy_history_remember(cache, NULL, neighbour(0), GY_KIND_UNKNOWN);
    CHECK(known(cache, neighbour(0)));
    api_close(cache);
}

/* The first cell with its fingerprint, of whatever kind; the place, which may be anything, is none. */
TEST(history, a_key_is_looked_for_in_the_cells)
{
    gyre *cache = open_small(LIMIT);
    uint64_t seed = api_seed("cells");
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t hash = api_random(&seed), any = api_random(&seed);
        uint16_t same = (uint16_t)(gy_history_fingerprint(hash) << GY_KIND_BITS);
        uint16_t cells[GY_HISTORY_WORDS];
        unsigned first = GY_HISTORY_PLACE;
        for (unsigned c = GY_HISTORY_WORDS; c-- > 0;) {
            uint16_t other = (uint16_t)(same ^ 1u << (GY_KIND_BITS + (any + c) % (16 - GY_KIND_BITS)));
            bool has = api_random(&seed) % (c == GY_HISTORY_PLACE ? 2 : 24) == 0;
            cells[c] = (uint16_t)((has ? same : other) | (any >> c % 16 & 31));
            if (has && c != GY_HISTORY_PLACE)
                first = c;
        }
        gy_atomic_u64 *bucket = gy_history_bucket(cache, hash);
        memcpy((void *)(uintptr_t)bucket, cells, sizeof cells);
        CHECK_EQ(gy_history_cell(bucket, hash), first);
        bool may = gy_history_may_have(bucket, gy_history_wanted(hash)), place = cells[GY_HISTORY_PLACE] >> GY_KIND_BITS == same >> GY_KIND_BITS;
        CHECK(may == (first != GY_HISTORY_PLACE) || (may && place));
    }
    api_close(cache);
}

/* Cells and places that make no sense are taken for what they might be (I8). */
TEST(history, damage_does_no_harm)
{
    gyre *cache = open_small(LIMIT);
    uint64_t seed = api_seed("history");
    for (unsigned round = 0; round < 4; round++) {
        gy_store_seq(&cache->super->history_shift, round == 0 ? UINT64_MAX : api_random(&seed));
        for (uint64_t cell = 0; cell < cache->g.n_history * (uint64_t)GY_HISTORY_WORDS; cell++)
            gy_store_seq(&cache->history[cell], round == 0 ? 0xffff : (uint16_t)api_random(&seed));
        for (unsigned i = 0; i < 20000; i++) {
            unsigned kind = recall(cache, api_random(&seed));
            CHECK(kind >= GY_KINDS_MAIN && kind < GY_KINDS_MAIN + GY_PASTS);
            gy_history_remember(cache, NULL, api_random(&seed), i % GY_KINDS);
        }
    }
    uint64_t hash = api_random(&seed);
    gy_history_remember(cache, NULL, hash, 1);
    CHECK(known(cache, hash));
    for (unsigned shard = 0; shard < cache->g.n_shards; shard++) /* what follows it in the region, and was not used */
        for (uint64_t i = 0; i < room_slots(cache, shard); i++)
            CHECK_EQ(gy_load_seq(room_slot(cache, shard, i)), GY_EMPTY);
    api_close(cache);
}

static void
remember_many(void *arg, unsigned i)
{
    uint64_t seed = i;
    for (unsigned n = 0; n < 20000; n++) {
        gy_history_remember(arg, NULL, api_random(&seed), n % GY_KINDS);
        gy_history_tick(arg, 0, 1);
        unsigned kind = recall(arg, api_random(&seed));
        CHECK(kind >= GY_KINDS_MAIN && kind < GY_KINDS_MAIN + GY_PASTS);
    }
}

TEST(history, any_number_of_threads)
{
    gyre *cache = open_small(LIMIT);
    uint64_t clock = gy_history_clock(cache);
    api_threads(3, remember_many, cache);
    CHECK_EQ(gy_history_clock(cache) - clock, 60000);
    uint64_t seed = api_seed("history"), hash[100];
    remember_random(cache, &seed, hash, 100);
    CHECK(recalled(cache, hash, 100) > 90);
    api_close(cache);
}

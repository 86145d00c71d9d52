/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Gets that often miss fetch what a miss waits for before they know; where they seldom do, they do not. */

#include "room.h"

enum { SELDOM = 16 };

static void
miss(gyre *cache)
{
    gyre_view view;
    CHECK_EQ(gyre_get(cache, "absent", 6, &view), GYRE_MISS);
}

static void
hit(gyre *cache)
{
    gyre_view view;
    CHECK_OK(gyre_get(cache, "present", 7, &view));
    CHECK(view.size == 5 && memcmp(view.data, "value", 5) == 0);
    gyre_release(&view);
}

static bool
doubtful(const gyre *cache)
{
    return gy_seats[0].cache_id == cache->id && gy_seats[0].sure_id == 0;
}

static gyre *
open_with_one(void)
{
    gyre *cache = api_open(1 << 20, GYRE_NO_THREAD);
    CHECK_OK(gyre_put(cache, "present", 7, "value", 5, NULL));
    return cache;
}

TEST(doubt, misses_close_to_each_other)
{
    gyre *cache = open_with_one();
    for (unsigned i = 0; i < SELDOM; i++)
        hit(cache);
    miss(cache);
    CHECK(!doubtful(cache));
    for (unsigned i = 0; i < SELDOM - 1; i++)
        hit(cache);
    miss(cache);
    CHECK(doubtful(cache));
    for (unsigned i = 0; i < 3; i++)
        hit(cache); /* found and counted as ever */
    CHECK(doubtful(cache));
    CHECK_EQ(api_stats(cache).hits, 2 * SELDOM - 1 + 3);
    CHECK_EQ(api_stats(cache).misses, 2);
    gyre_close(cache);
}

TEST(doubt, ends_where_misses_are_seldom)
{
    gyre *cache = open_with_one();
    miss(cache);
    miss(cache);
    CHECK(doubtful(cache));
    for (unsigned i = 0; i < SELDOM; i++)
        hit(cache);
    miss(cache);
    CHECK(!doubtful(cache));
    gyre_close(cache);
}

TEST(doubt, is_of_one_cache)
{
    gyre *one = open_with_one(), *other = open_with_one();
    miss(one);
    miss(one);
    hit(other);
    CHECK_EQ(gy_seats[0].cache_id, other->id);
    CHECK(!doubtful(other));
    hit(one);
    CHECK(doubtful(one));
    gyre_close(one);
    gyre_close(other);
}

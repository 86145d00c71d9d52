/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A get during which the index doubles, and doubles again, and once more: it finds what stands, or counts
 * its miss as one of an entry on its way. */

#include "room.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { STRIDE = 5 };
#else
enum { STRIDE = 1 };
#endif

enum { KEYS = 6, DOUBLINGS = 3 };

static void
double_index(gyre *cache)
{
    struct gy_shard *shard = &cache->super->shard[0];
    uint64_t growths = gy_load_rlx(&cache->super->growths), committed = gy_load_rlx(&shard->n_committed);
    gy_store_rlx(&shard->n_committed, committed + 1000000); /* it wants to */
    while (gy_load_rlx(&cache->super->growths) == growths)
        CHECK(gy_grow_step(cache, room_record(cache), 0, true));
    gy_sub_rlx(&shard->n_committed, 1000000);
}

static gyre *
open_filled(void)
{
    gyre_options options = api_options(2 << 20, GYRE_NO_THREAD);
    options.expected_entry_bytes = 60000; /* the index is as small as can be */
    options.seed = 1;
    gyre *cache = api_open_with(&options);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 40, i));
    return cache;
}

#ifdef GY_POINTS
static struct {
    gyre *cache;
    unsigned points, doubling; /* so far */
    unsigned at[DOUBLINGS];
} during;

static void
double_at_points(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line, (void)address;
    if (during.doubling == DOUBLINGS || during.points++ < during.at[during.doubling])
        return;
    during.doubling++;
    gy_point_hook = NULL; /* as another thread would do it; a get has no section and no pin of a put's */
    double_index(during.cache);
    gy_point_hook = double_at_points;
}

static void
get_while_it_doubles(unsigned key, unsigned a, unsigned b, unsigned c)
{
    gyre *cache = open_filled();
    during.cache = cache;
    during.points = during.doubling = 0;
    during.at[0] = a, during.at[1] = b, during.at[2] = c;
    gy_point_hook = double_at_points;
    bool found = has_bytes(cache, key_of(key).text, 40, key);
    gy_point_hook = NULL;
    CHECK_MSG(found || api_stats(cache).vanished > 0, "key %u is missed, uncounted; doublings at points %u, %u, %u", key,
              a, b, c);
    api_close(cache);
}

TEST(vanished, a_get_while_the_index_doubles)
{
    for (unsigned a = 1; a < 8; a += STRIDE)
        for (unsigned b = a + 1; b < a + 48; b += STRIDE)
            for (unsigned c = b + 1; c < b + 48; c += 2 * STRIDE + 1)
                get_while_it_doubles((a + b + c) % KEYS, a, b, c);
}
#endif

TEST(vanished, a_get_after_the_index_has_doubled)
{
    gyre *cache = open_filled();
    for (unsigned n = 0; n < DOUBLINGS; n++)
        double_index(cache);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK(has_bytes(cache, key_of(i).text, 40, i));
    CHECK_EQ(api_stats(cache).vanished, 0);
    api_close(cache);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Compaction: where much is garbage, what lives moves together. */

#include "sweep.h"

#include "swept.h"

static bool
says_gone(gyre *cache, gy_ref ref)
{
    return !gy_entry_filled(gy_entry_header(gy_at(cache, ref)));
}

/* A key of which a mover may have reserved an image while its shard grows. */
static const char *
key_with_images(gyre *cache, struct api_key *key)
{
    struct gy_window w = {.n = 0};
    for (unsigned k = 0; w.n < 3; k++) {
        *key = key_of(k);
        gy_atomic_u64 *geometry = &gy_shard_of(cache, room_hash(cache, key->text))->geometry;
        uint64_t steady = gy_load_seq(geometry);
        gy_store_seq(geometry, gy_geometry_word(gy_geometry_log2(steady), GY_UNION));
        gy_index_window(cache, room_hash(cache, key->text), &w);
        gy_store_seq(geometry, steady);
    }
    return key->text;
}

/* A walk need not look for it then; but it must where there may be an image. */
TEST(compaction, an_entry_that_has_gone_says_so)
{
    gyre *cache = swept_open();
    struct api_key chosen;
    const char *key = key_with_images(cache, &chosen);
    for (unsigned growing = 0; growing < 2; growing++) {
        CHECK_OK(put_bytes(cache, key, 8, 1));
        gy_ref first = gy_slot_ref(room_word(cache, key));
        gy_atomic_u64 *geometry = &gy_shard_of(cache, room_hash(cache, key))->geometry;
        uint64_t steady = gy_load_seq(geometry);
        if (growing)
            gy_store_seq(geometry, gy_geometry_word(gy_geometry_log2(steady), GY_UNION));
        CHECK_OK(put_bytes(cache, key, 8, 2));
        gy_ref second = gy_slot_ref(room_word(cache, key));
        CHECK(second != first && !says_gone(cache, second));
        CHECK_EQ(says_gone(cache, first), !growing);
        CHECK_OK(gyre_delete(cache, key, strlen(key)));
        CHECK_EQ(says_gone(cache, second), !growing);
        gy_store_seq(geometry, steady);
    }
    api_close(cache);
}

/* Mostly garbage: everything that lives is kept, with its frequency and in its ring. */
TEST(compaction, keeps_everything)
{
    for (unsigned ring = 0; ring < GY_RINGS; ring++) {
        gyre *cache = swept_open();
        uint32_t arena;
        unsigned n = swept_fill(cache, ring, 0, &arena), live = 0;
        for (unsigned k = 0; k < n; k++)
            if (k % 3 == 0)
                swept_set_freq(cache, k, k % 2), live++;
            else
                CHECK_OK(gyre_delete(cache, key_of(k).text, 16));
        CHECK(room_sweep(cache, cache->arena_bytes));
        swept_expect_left(cache, arena);
        for (unsigned k = 0; k < n; k++) {
            CHECK_EQ(swept_present(cache, k), (k % 3 == 0));
            if (k % 3 != 0)
                continue;
            CHECK_EQ(swept_ring(cache, k), ring);
        }
        CHECK_OK(room_put(cache, ring, key_of(n).text, SWEPT_SIZE, n)); /* what stays in main stands apart from what is put */
        bool apart = room_arena_of(cache, key_of(n).text) != room_arena_of(cache, key_of(0).text);
        CHECK_EQ(apart, ring == GY_MAIN);
        gyre_stats s = api_stats(cache);
        CHECK_EQ(s.copied_entries, live);
        CHECK_EQ(s.removed[GYRE_CAPACITY], 0);
        api_close(cache);
    }
}

TEST(compaction, keeps_the_frequency_across_a_stop)
{
    gyre *cache = swept_open();
    uint32_t arena;
    unsigned n = swept_fill(cache, GY_PROBATION, 0, &arena);
    for (unsigned k = 0; k < n; k++) {
        swept_set_freq(cache, k, 1);
        if (k % 3 != 0)
            CHECK_OK(gyre_delete(cache, key_of(k).text, 16));
    }
    CHECK(room_sweep(cache, 1));
    CHECK_EQ(room_state(cache, arena), GY_PARKED);
    CHECK(gy_load_seq(&cache->books[arena].progress) & GY_PROGRESS_COMPACT);
    while (room_state(cache, arena) == GY_PARKED)
        CHECK(room_sweep(cache, 1));
    swept_expect_left(cache, arena);
    for (unsigned k = 0; k < n; k += 3)
        CHECK_EQ(gy_slot_freq(room_word(cache, key_of(k).text)), 1);
    api_close(cache);
}

TEST(compaction, what_was_sealed_long_ago_comes_first)
{
    gyre *cache = swept_open();
    uint32_t older, younger;
    unsigned n = swept_fill(cache, GY_MAIN, 0, &older);
    swept_fill(cache, GY_MAIN, 1000, &younger);
    for (unsigned k = 0; k < n; k++) {
        if (k % 3 == 0)
            CHECK_OK(gyre_delete(cache, key_of(k).text, 16));
        if (k % 3 == 0 || k % 15 == 1) /* a little more */
            CHECK_OK(gyre_delete(cache, key_of(1000 + k).text, 16));
    }
    while (room_state(cache, older) != GY_FREE) {
        CHECK(room_sweep(cache, 1));
        CHECK_EQ(room_state(cache, younger), GY_SEALED);
    }
    api_close(cache);
}

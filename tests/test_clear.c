/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "clear.h"

#include "room.h"
#include "trap.h"

enum { KEYS = 300 };

static gyre *
open_full(uint64_t capacity)
{
    gyre *cache = api_open(capacity, GYRE_NO_THREAD);
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, 50, k));
    return cache;
}

static void
expect_gone(gyre *cache, unsigned from, unsigned to)
{
    for (unsigned k = from; k < to; k++)
        CHECK(is_missing(cache, key_of(k).text));
}

static unsigned
run_to_the_end(gyre *cache)
{
    unsigned steps = 0;
    while (gy_clear_pending(cache)) {
        CHECK(steps++ < 1000);
        gy_clear_step(cache, room_record(cache));
    }
    CHECK(!gy_clear_step(cache, room_record(cache)));
    return steps;
}

TEST(clear, all_is_gone_at_once_and_out_of_the_index_in_the_end)
{
    gyre *cache = open_full(32 << 20);
    CHECK(cache->g.n_shards > 1);
    CHECK(!gy_clear_pending(cache));
    CHECK(!gy_clear_step(cache, room_record(cache)));
    gy_clear_begin(cache);
    CHECK(gy_clear_pending(cache));
    expect_gone(cache, 0, KEYS);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), KEYS); /* none was touched yet */
    CHECK(run_to_the_end(cache) > cache->g.n_shards);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    gyre_stats s = api_stats(cache);
    CHECK_EQ(s.removed[GYRE_CLEARED], KEYS);
    CHECK_EQ(s.entries, 0);
    CHECK_EQ(s.live_bytes, 0);
    api_close(cache);
}

TEST(clear, what_is_put_after_it_stays_through_every_step)
{
    gyre *cache = open_full(32 << 20);
    gy_clear_begin(cache);
    for (unsigned k = 0; k < KEYS; k += 2)
        CHECK_OK(put_bytes(cache, key_of(k).text, 60, k + 1000));
    while (gy_clear_pending(cache)) {
        gy_clear_step(cache, room_record(cache));
        for (unsigned k = 0; k < KEYS; k++)
            CHECK(k % 2 ? is_missing(cache, key_of(k).text) : has_bytes(cache, key_of(k).text, 60, k + 1000));
    }
    CHECK_EQ(api_stats(cache).entries, KEYS / 2);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), KEYS / 2);
    api_close(cache);
}

/* A put that staged its entry before the clear may not publish it any more. */
TEST(clear, an_entry_staged_before_it_is_staged_again)
{
    gyre *cache = open_full(1 << 20);
    struct gy_staged staged = room_stage(cache, GY_PROBATION, "late", "value", 5);
    gy_clear_begin(cache);
    CHECK_EQ(room_publish(cache, GY_PUT_ANY, "late", &staged, 0), GY_RESTAGE);
    CHECK(is_missing(cache, "late"));
    staged = room_stage(cache, GY_PROBATION, "late", "value", 5);
    CHECK_OK(room_publish(cache, GY_PUT_ANY, "late", &staged, 0));
    CHECK(has_text(cache, "late", "value"));
    run_to_the_end(cache);
    CHECK(has_text(cache, "late", "value"));
    api_close(cache);
}

/* A writer inside its section may still publish an old entry: the pass waits until it is out. */
TEST(clear, the_pass_waits_for_sections)
{
    gyre *cache = open_full(1 << 20);
    struct gy_record *other = &cache->records[1];
    gy_store_seq(&cache->super->n_records_used, 2);
    cache->rcu->enter(cache, other);
    gy_clear_begin(cache);
    for (unsigned i = 0; i < 20; i++)
        gy_clear_step(cache, room_record(cache));
    CHECK(gy_clear_pending(cache));
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), KEYS);
    expect_gone(cache, 0, KEYS);
    cache->rcu->exit(cache, other);
    run_to_the_end(cache);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    api_close(cache);
}

TEST(clear, a_second_one_in_the_middle_of_the_first)
{
    for (unsigned after = 0; after < 12; after++) {
        gyre *cache = open_full(16 << 20);
        gy_clear_begin(cache);
        for (unsigned i = 0; i < after; i++)
            gy_clear_step(cache, room_record(cache));
        for (unsigned k = 0; k < KEYS; k++)
            CHECK_OK(put_bytes(cache, key_of(k).text, 50, k + 1));
        gy_clear_begin(cache);
        expect_gone(cache, 0, KEYS);
        CHECK_OK(put_bytes(cache, "survivor", 50, 77));
        run_to_the_end(cache);
        expect_gone(cache, 0, KEYS);
        CHECK(has_bytes(cache, "survivor", 50, 77));
        CHECK_EQ(room_refs_into(cache, UINT32_MAX), 1);
        api_close(cache);
    }
}

/* Both move or remove words of one shard at once: none that was cleared comes back, none that was put
 * later is lost. */
TEST(clear, while_a_shard_grows)
{
    for (unsigned before = 0; before < 40; before += 3) {
        gyre_options options = api_options(1 << 20, GYRE_NO_THREAD);
        options.expected_entry_bytes = 60000;
        gyre *cache = api_open_with(&options);
        struct gy_record *r = room_record(cache);
        unsigned n = 0;
        for (;; n++) { /* until the third doubling is due */
            CHECK_OK(room_put(cache, GY_PROBATION, key_of(n).text, 8, n));
            if (gy_grow_wanted(cache, 0) && api_stats(cache).growths == 2)
                break;
            while (gy_grow_wanted(cache, 0))
                gy_grow_step(cache, r, 0, true);
        }
        for (unsigned i = 0; i < before; i++)
            gy_grow_step(cache, r, 0, true);
        gy_clear_begin(cache);
        for (unsigned k = 0; k < 5; k++)
            CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, 8, k + 1000));
        for (unsigned i = 0; i < 200; i++) {
            i % 2 ? gy_grow_step(cache, r, 0, true) : gy_clear_step(cache, r);
            expect_gone(cache, 5, n);
        }
        CHECK(!gy_clear_pending(cache));
        CHECK_EQ(room_refs_into(cache, UINT32_MAX), api_stats(cache).entries);
        for (unsigned k = 0; k < 5; k++)
            CHECK(has_bytes(cache, key_of(k).text, 8, k + 1000));
        api_close(cache);
    }
}

/* The arenas of what was cleared are swept without a look at their entries, and are free again. */
TEST(clear, its_room_comes_back)
{
    gyre *cache = api_open(1 << 20, GYRE_NO_THREAD);
    for (unsigned k = 0; k < 800; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, 1000, k));
    gy_clear_begin(cache);
    run_to_the_end(cache);
    uint64_t copied = api_stats(cache).copied_entries;
    for (unsigned k = 0; k < 800; k++)
        CHECK_OK(put_bytes(cache, key_of(k + 1000).text, 1000, k));
    for (unsigned k = 0; k < 700; k++)
        CHECK(has_bytes(cache, key_of(k + 1000).text, 1000, k));
    CHECK_EQ(api_stats(cache).copied_entries, copied);
    api_close(cache);
}

#ifdef GY_POINTS

static void
expect_section(struct trap *trap, const volatile void *address)
{
    (void)address;
    CHECK(gy_load_seq(&room_record(trap->cache)->section) != 0);
}

/* A recount takes its sums for exact when nobody is in a section: who has removed a word and not counted it yet is in one,
 * even when the clear has ended meanwhile. */
TEST(clear, what_it_removes_it_counts_in_a_section)
{
    gyre *cache = open_full(1 << 20);
    CHECK_EQ(cache->g.n_shards, 1);
    gy_clear_begin(cache);
    struct trap trap = {.file = "account.h", .address = &cache->super->shard[0].n_committed, .again = true,
                        .action = expect_section, .cache = cache};
    trap_set(&trap);
    run_to_the_end(cache);
    trap_clear(&trap);
    CHECK_EQ(trap.sprung, KEYS);
    CHECK_EQ(gy_load_seq(&room_record(cache)->section), 0);
    api_close(cache);
}

#endif

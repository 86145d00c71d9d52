/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Displacement: a put into a full window moves a word to its key's other bucket. */

#include <pthread.h>

#include "displace.h"
#include "trap.h"

enum { NATIVES = 2 * GY_BUCKET_SLOTS, TRIED = 2000000 };

/* A cache with a full window, of two buckets: each is full of keys of which it is the first bucket. */
struct crowd {
    gyre *cache;
    struct gy_shard *shard;
    struct gy_bucket *bucket[2];
    uint64_t native[NATIVES]; /* numbers of keys */
    uint64_t newcomer;        /* whose window it is */
};

static struct gy_window
window_of(gyre *cache, uint64_t number)
{
    struct gy_window w;
    gy_index_window(cache, room_hash(cache, key_of(number).text), &w);
    return w;
}

/* up: their second buckets are higher; else lower. The window's own are both. */
static bool
fits(const struct gy_window *w, const struct gy_bucket *first, const struct crowd *c, bool up)
{
    return w->bucket[0] == first && w->bucket[1] != c->bucket[0] && w->bucket[1] != c->bucket[1] &&
           (w->bucket[1] > first) == up;
}

/* Neither among a shard's first buckets nor among its last. */
static bool
in_the_middle(struct gyre *cache, uint64_t number)
{
    struct gy_window w = window_of(cache, number);
    unsigned shard = (unsigned)gy_shard_number(cache, room_hash(cache, key_of(number).text));
    uint64_t n = gy_shard_extent(cache, shard);
    for (unsigned b = 0; b < 2; b++) {
        uint64_t at = (uint64_t)(w.bucket[b] - gy_shard_buckets(cache, shard));
        if (at < n / 4 || at > n * 3 / 4)
            return false;
    }
    return true;
}

/* Puts a key and has it stand in its first bucket, whatever put thinks. */
static void
put_first(struct gyre *cache, uint64_t number)
{
    struct gy_window w = window_of(cache, number);
    CHECK_OK(put_bytes(cache, key_of(number).text, 40, number));
    uint64_t word = room_word(cache, key_of(number).text), homeless = GY_EMPTY;
    for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
        if (gy_load_acq(&w.bucket[1]->slot[s]) == word)
            gy_store_seq(&w.bucket[1]->slot[s], GY_EMPTY), homeless = word;
    for (unsigned s = 0; s < GY_BUCKET_SLOTS && homeless != GY_EMPTY; s++)
        if (gy_load_acq(&w.bucket[0]->slot[s]) == GY_EMPTY)
            gy_store_seq(&w.bucket[0]->slot[s], word), homeless = GY_EMPTY;
    CHECK_EQ(homeless, GY_EMPTY);
}

static struct crowd
open_crowd(bool up)
{
    enum { NEWCOMERS = 10000 };
    room_stay();
    struct crowd c = {.cache = api_open(4 * MIB, GYRE_NO_THREAD), .newcomer = 1};
    while (!in_the_middle(c.cache, c.newcomer))
        CHECK(++c.newcomer < NEWCOMERS);
    struct gy_window w = window_of(c.cache, c.newcomer);
    c.bucket[0] = w.bucket[0], c.bucket[1] = w.bucket[1];
    c.shard = gy_shard_of(c.cache, room_hash(c.cache, key_of(c.newcomer).text));
    unsigned n[2] = {0, 0};
    for (uint64_t i = NEWCOMERS; i < TRIED && n[0] + n[1] < NATIVES; i++) {
        w = window_of(c.cache, i);
        for (unsigned b = 0; b < 2; b++)
            if (n[b] < GY_BUCKET_SLOTS && fits(&w, c.bucket[b], &c, up)) {
                put_first(c.cache, i);
                c.native[b * GY_BUCKET_SLOTS + n[b]++] = i;
                break;
            }
    }
    CHECK_EQ(n[0] + n[1], NATIVES);
    for (unsigned i = 0; i < NATIVES; i++)
        CHECK(gy_load_acq(&c.bucket[i / GY_BUCKET_SLOTS]->slot[i % GY_BUCKET_SLOTS]) != GY_EMPTY);
    return c;
}

static unsigned
natives_there(const struct crowd *c)
{
    unsigned n = 0;
    for (unsigned i = 0; i < NATIVES; i++)
        n += has_bytes(c->cache, key_of(c->native[i]).text, 40, c->native[i]);
    return n;
}

/* Puts the newcomer; true: a word was displaced for it, false: one was evicted. */
static bool
newcomer_displaces(const struct crowd *c)
{
    uint64_t conflicts = api_stats(c->cache).window_conflicts;
    CHECK_OK(put_bytes(c->cache, key_of(c->newcomer).text, 40, c->newcomer));
    CHECK(has_bytes(c->cache, key_of(c->newcomer).text, 40, c->newcomer));
    CHECK_EQ(gy_load_acq(&c->shard->driver), 0);
    CHECK_EQ(gy_load_acq(&c->shard->displaced), 0);
    CHECK_EQ(gy_load_acq(&room_record(c->cache)->pin[GY_PIN_MOVE]), 0);
    bool evicted = api_stats(c->cache).window_conflicts != conflicts;
    CHECK_EQ(natives_there(c), NATIVES - evicted);
    CHECK_EQ(api_stats(c->cache).entries, NATIVES + 1 - evicted);
    return !evicted;
}

TEST(displace, a_full_window_loses_nothing)
{
    struct crowd c = open_crowd(true);
    CHECK(newcomer_displaces(&c));
    api_close(c.cache);
}

TEST(displace, upwards_only)
{
    struct crowd c = open_crowd(false);
    CHECK(!newcomer_displaces(&c));
    api_close(c.cache);
}

TEST(displace, not_out_of_arenas_that_are_swept)
{
    static const enum gy_arena_state state[] = {GY_SWEEPING, GY_PARKED, GY_SEALED};
    for (unsigned i = 0; i < 3; i++) {
        struct crowd c = open_crowd(true);
        uint32_t arena = gy_ref_arena(c.cache, gy_slot_ref(room_word(c.cache, key_of(c.native[0]).text)));
        room_seal_all(c.cache);
        room_set_state(c.cache, arena, state[i]);
        CHECK_EQ(newcomer_displaces(&c), state[i] == GY_SEALED);
        room_set_state(c.cache, arena, GY_SEALED);
        api_close(c.cache);
    }
}

TEST(displace, not_while_another_drives)
{
    struct crowd c = open_crowd(true);
    gy_store_seq(&c.shard->driver, 1);
    CHECK_OK(put_bytes(c.cache, key_of(c.newcomer).text, 40, c.newcomer));
    CHECK_EQ(api_stats(c.cache).window_conflicts, 1);
    gy_store_seq(&c.shard->driver, 0);
    api_close(c.cache);
}

/* Who was expelled in the middle of it has not the driver any more. */
TEST(displace, not_beside_one_who_comes_late)
{
    enum { HIS = 5 };
    struct crowd c = open_crowd(true);
    gy_store_seq(&c.shard->displaced, HIS);
    CHECK_OK(put_bytes(c.cache, key_of(c.newcomer).text, 40, c.newcomer));
    CHECK_EQ(api_stats(c.cache).window_conflicts, 1);
    CHECK_EQ(gy_load_seq(&c.shard->displaced), HIS);
    gy_store_seq(&c.shard->displaced, 0);
    api_close(c.cache);
}

static int
put_newcomer(void *arg, const void *key, size_t key_size, const gyre_view *view)
{
    struct crowd *c = arg;
    (void)key, (void)key_size, (void)view;
    if (!has_bytes(c->cache, key_of(c->newcomer).text, 40, c->newcomer))
        CHECK(!newcomer_displaces(c));
    return 1;
}

TEST(displace, not_during_a_scan)
{
    struct crowd c = open_crowd(true);
    CHECK_EQ(gyre_scan(c.cache, put_newcomer, &c), 1);
    CHECK_EQ(api_stats(c.cache).window_conflicts, 1);
    api_close(c.cache);
    c = open_crowd(true);
    CHECK_EQ(gyre_scan(c.cache, put_newcomer, &c), 1);
    CHECK_OK(gyre_delete(c.cache, key_of(c.newcomer).text, 16));
    CHECK_EQ(natives_there(&c), NATIVES - 1);
    for (unsigned i = 0; i < NATIVES; i++) /* the evicted one comes back */
        CHECK_OK(put_bytes(c.cache, key_of(c.native[i]).text, 40, c.native[i]));
    CHECK(newcomer_displaces(&c)); /* after the scan */
    api_close(c.cache);
}

static void *
scan_and_leave(void *arg)
{
    struct crowd *c = arg;
    gy_displace_hold(room_record(c->cache)); /* as a scan whose visitor ends its thread */
    return arg;
}

TEST(displace, after_a_scan_whose_thread_ended)
{
    struct crowd c = open_crowd(true);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, scan_and_leave, &c), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(newcomer_displaces(&c));
    api_close(c.cache);
}

/* Nearly as full as it can be, with hardly a conflict, and most keys in their first bucket. */
TEST(displace, first_buckets_are_filled_first)
{
    enum { VALUE = 64 };
    gyre_options options = api_options(16 * MIB, GYRE_NO_THREAD);
    options.expected_entry_bytes = 16 + VALUE;
    gyre *cache = api_open_with(&options);
    uint64_t slots = 0, n = 0, first = 0;
    for (unsigned i = 0; i < cache->g.n_shards; i++)
        slots += room_slots(cache, i);
    for (; n < slots * 60 / 100; n++)
        CHECK_OK(put_bytes(cache, key_of(n).text, VALUE, n));
    CHECK_EQ(api_stats(cache).growths, 0);
    CHECK_MSG(api_stats(cache).window_conflicts * 10000 < n, "%llu conflicts",
              (unsigned long long)api_stats(cache).window_conflicts);
    for (uint64_t i = 0; i < n; i++) {
        struct gy_window w = window_of(cache, i);
        uint64_t word = room_word(cache, key_of(i).text);
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
            first += word != 0 && gy_load_acq(&w.bucket[0]->slot[s]) == word;
    }
    CHECK_MSG(first * 100 > n * 85, "%llu of %llu", (unsigned long long)first, (unsigned long long)n);
    api_close(cache);
}

#ifdef GY_POINTS

/* The first word that goes, and the slot that it leaves. */
static gy_atomic_u64 *
first_to_go(const struct crowd *c)
{
    return &c->bucket[0]->slot[0];
}

/* It is replaced between migrate 2 and 3: the reservation is given up, and another word goes. */
TEST(displace, a_word_changes_before_it_leaves)
{
    struct crowd c = open_crowd(true);
    gy_atomic_u64 *slot = first_to_go(&c);
    uint64_t word = gy_load_acq(slot);
    struct trap trap = {.file = "move.c", .address = slot, .skip = 1, .action = trap_store,
                        .word = word ^ (uint64_t)1 << GY_FREQ_SHIFT};
    trap_set(&trap);
    CHECK(newcomer_displaces(&c));
    trap_clear(&trap);
    CHECK_EQ(gy_slot_ref(gy_load_acq(slot)), gy_slot_ref(word)); /* it stayed */
    CHECK_EQ(room_refs_into(c.cache, UINT32_MAX), NATIVES + 1);
    api_close(c.cache);
}

static void
empty_reservation(struct trap *trap, const volatile void *address)
{
    gy_atomic_u64 *slot = (gy_atomic_u64 *)(uintptr_t)address;
    (void)trap;
    gy_store_seq(slot, GY_EMPTY);
}

/* The reservation is evicted between migrate 3 and 4: the word is gone, and accounted for. */
TEST(displace, the_reservation_is_evicted)
{
    struct crowd c = open_crowd(true);
    struct gy_window w = window_of(c.cache, c.native[0]);
    struct trap trap = {.file = "move.c", .address = &w.bucket[1]->slot[0], .action = empty_reservation};
    trap_set(&trap);
    CHECK_OK(put_bytes(c.cache, key_of(c.newcomer).text, 40, c.newcomer));
    trap_clear(&trap);
    CHECK_EQ(natives_there(&c), NATIVES - 1);
    gyre_stats s = api_stats(c.cache);
    CHECK(s.removed[GYRE_REPLACED] == 1 && s.window_conflicts == 0 && s.entries == NATIVES);
    api_close(c.cache);
}

#endif

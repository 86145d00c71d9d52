/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Growth, one bounded step at a time, and what must hold after every one of them. */

#include "credit.h"
#include "grow.h"

#include <stdlib.h>

#include "room.h"

enum { KEYS_MOST = 6000 };

/* A cache whose first index is as small as can be, and what it should hold. */
struct model {
    gyre *cache;
    struct gy_record *r;
    unsigned n;
    uint64_t conflicts;      /* so far */
    uint64_t tag[KEYS_MOST]; /* 0: absent */
    uint64_t visited[KEYS_MOST];
};

static struct model *
open_model(unsigned flags)
{
    struct model *m = calloc(1, sizeof *m);
    gyre_options options = api_options(2 << 20, GYRE_NO_THREAD | flags);
    options.expected_entry_bytes = 60000;
    m->cache = api_open_with(&options);
    m->r = room_record(m->cache);
    CHECK_EQ(m->cache->g.n_shards, 1);
    return m;
}

static void
close_model(struct model *m)
{
    api_close(m->cache);
    free(m);
}

static unsigned
log2_now(struct model *m)
{
    return gy_geometry_log2(gy_load_seq(&m->cache->geometries[0]));
}

static bool
growing(struct model *m)
{
    return (gy_load_seq(&m->cache->super->shard[0].stage) & 7) != 0;
}

/* A full window may cost a key, which is counted. */
static void
forget_conflicts(struct model *m)
{
    uint64_t absent = 0, conflicts = api_stats(m->cache).window_conflicts;
    for (unsigned i = 0; i < m->n; i++)
        if (m->tag[i] != 0 && is_missing(m->cache, key_of(i).text))
            m->tag[i] = 0, absent++;
    CHECK(absent <= conflicts - m->conflicts);
    m->conflicts = conflicts;
}

/* Half of the keys stand in their second bucket, as where the first was full; a small index grows before it is. */
static void
spread(struct model *m)
{
    for (unsigned i = 0; i < m->n; i += 2) {
        struct gy_window w;
        uint64_t word = room_word(m->cache, key_of(i).text);
        gy_index_window(m->cache, room_hash(m->cache, key_of(i).text), &w);
        unsigned empty = gy_find_empty(w.bucket[1]);
        for (unsigned s = 0; s < GY_BUCKET_SLOTS && word != GY_EMPTY && empty != 0; s++)
            if (gy_load_seq(&w.bucket[0]->slot[s]) == word) {
                gy_store_seq(&w.bucket[0]->slot[s], GY_EMPTY);
                gy_store_seq(&w.bucket[1]->slot[__builtin_ctz(empty)], word);
                break;
            }
    }
}

/* Adds keys until the shard wants to grow. */
static void
load_up(struct model *m)
{
    while (!gy_grow_wanted(m->cache, 0)) {
        CHECK(m->n < KEYS_MOST);
        CHECK_OK(room_put(m->cache, GY_MAIN, key_of(m->n).text, 8, m->n + 1));
        m->tag[m->n] = m->n + 1;
        m->n++;
    }
    forget_conflicts(m);
    spread(m);
}

static void
check_all(struct model *m)
{
    for (unsigned i = 0; i < m->n; i++) {
        if (m->tag[i] != 0)
            CHECK_MSG(has_bytes(m->cache, key_of(i).text, 8, m->tag[i]), "key %u of %u, 2^%u buckets", i,
                      m->n, log2_now(m));
        else
            CHECK(is_missing(m->cache, key_of(i).text));
    }
}

static int
count_visit(void *arg, const void *key, size_t key_size, const gyre_view *view)
{
    struct model *m = arg;
    char text[17] = {0};
    CHECK_EQ(key_size, 16);
    memcpy(text, key, 16);
    unsigned i = (unsigned)strtoul(text + 3, NULL, 10);
    CHECK(i < m->n);
    CHECK(view->size == 8 && bytes_are(view->data, 8, m->tag[i]));
    m->visited[i]++;
    return 0;
}

static void
check_scan(struct model *m, gyre_visit *visit)
{
    memset(m->visited, 0, sizeof m->visited);
    CHECK_OK(gyre_scan(m->cache, visit, m));
    for (unsigned i = 0; i < m->n; i++)
        CHECK_MSG(m->visited[i] == (m->tag[i] != 0), "key %u, %u times", i, (unsigned)m->visited[i]);
}

/* Every word stands in one of its key's two buckets, and none is in the making. */
static void
check_places(struct model *m)
{
    uint64_t n = gy_shard_extent(m->cache, 0), words = 0;
    for (uint64_t at = 0; at < n * GY_BUCKET_SLOTS; at++) {
        struct gy_found f;
        gy_atomic_u64 *pin = &m->r->pin[GY_PIN_COMPARE];
        if (!gy_index_pin(m->cache, room_slot(m->cache, 0, at), pin, &f))
            continue;
        uint64_t hash = gy_hash(gy_entry_key(f.entry, f.header), f.header.key_bytes, m->cache->seed);
        uint64_t b = at / GY_BUCKET_SLOTS;
        CHECK(!gy_slot_tentative(f.word));
        CHECK(b == (gy_hash_first(hash) & (n - 1)) || b == (gy_hash_second(hash) & (n - 1)));
        gy_pin_clear(pin);
        words++;
    }
    CHECK_EQ(words, gy_account_entries(m->cache, 0));
}

static void
grow_once(struct model *m, void (*after_each_step)(struct model *m))
{
    unsigned log2 = log2_now(m), idle = 0;
    do {
        idle = gy_grow_step(m->cache, m->r, 0, true) ? 0 : idle + 1;
        CHECK(idle < 100);
        after_each_step(m);
    } while (growing(m));
    CHECK_EQ(log2_now(m), log2 + 1);
}

TEST(grow, every_key_is_found_after_every_step)
{
    struct model *m = open_model(0);
    unsigned first = log2_now(m);
    while (log2_now(m) < first + 5) {
        load_up(m);
        uint64_t conflicts = api_stats(m->cache).window_conflicts;
        grow_once(m, check_all);
        check_places(m);
        CHECK_EQ(api_stats(m->cache).window_conflicts, conflicts); /* each image takes what one bucket held */
    }
    CHECK_EQ(api_stats(m->cache).growths, 5);
    CHECK(api_stats(m->cache).hits > 1000);
    close_model(m);
}

/* The same with liburcu's grace periods, which caches without a thread do not use by themselves. */
TEST(grow, with_grace_periods_of_liburcu)
{
    struct model *m = open_model(0);
    m->cache->rcu = &gy_rcu_local;
    gy_record_leave(m->cache);
    m->r = room_record(m->cache);
    for (unsigned i = 0; i < 4; i++) {
        load_up(m);
        grow_once(m, check_all);
        check_places(m);
    }
    close_model(m);
}

static void
scan_all(struct model *m)
{
    check_scan(m, count_visit);
}

TEST(grow, a_scan_between_the_steps_sees_each_key_once)
{
    struct model *m = open_model(0);
    for (unsigned i = 0; i < 4; i++) {
        load_up(m);
        grow_once(m, scan_all);
    }
    close_model(m);
}

/* The visitor itself drives the growth: the scan goes on through all phases. */
static int
visit_and_grow(void *arg, const void *key, size_t key_size, const gyre_view *view)
{
    struct model *m = arg;
    gy_grow_step(m->cache, m->r, 0, true);
    return count_visit(arg, key, key_size, view);
}

TEST(grow, a_scan_across_the_steps_sees_each_key_once)
{
    struct model *m = open_model(0);
    unsigned grown = 0;
    for (unsigned i = 0; i < 6; i++) {
        load_up(m);
        unsigned log2 = log2_now(m);
        check_scan(m, visit_and_grow);
        grown += log2_now(m) - log2;
        while (gy_grow_wanted(m->cache, 0))
            gy_grow_step(m->cache, m->r, 0, true);
    }
    CHECK(grown >= 3);
    close_model(m);
}

/* Traffic between the steps: what was put last stands, what was deleted does not come back. */
static uint64_t traffic_seed;

static void
traffic(struct model *m)
{
    for (unsigned i = 0; i < 20; i++) {
        uint64_t x = api_random(&traffic_seed);
        unsigned k = (unsigned)(x >> 8) % m->n;
        struct api_key key = key_of(k);
        if (x % 3 == 0) {
            int result = gyre_delete(m->cache, key.text, 16);
            CHECK_EQ(result, m->tag[k] ? GYRE_OK : GYRE_MISS);
            m->tag[k] = 0;
        } else {
            m->tag[k] = x | 1;
            CHECK_OK(room_put(m->cache, GY_PROBATION, key.text, 8, m->tag[k]));
        }
    }
    forget_conflicts(m);
    check_all(m);
}

TEST(grow, traffic_between_the_steps)
{
    struct model *m = open_model(0);
    traffic_seed = api_seed("grow");
    for (unsigned i = 0; i < 4; i++) {
        load_up(m);
        grow_once(m, traffic);
        check_places(m);
        check_scan(m, count_visit);
    }
    CHECK(api_stats(m->cache).window_conflicts < 20);
    close_model(m);
}

/* Two buckets for each word beyond the load: what the thread has moved, puts need not. */
TEST(grow, puts_move_buckets_where_the_thread_is_behind)
{
    enum { MOVE = 3, WORDS = 4, BUCKETS = 4, MASK = (1 << 16) - 1 };
    struct model *m = open_model(0);
    struct gy_shard *shard = &m->cache->super->shard[0];
    load_up(m);
    while (log2_now(m) < 5 || growing(m)) {
        gy_grow_step(m->cache, m->r, 0, true);
        if (!gy_grow_wanted(m->cache, 0))
            load_up(m);
    }
    load_up(m);
    uint64_t bytes = sizeof(struct gy_bucket) << log2_now(m);
    while ((gy_load_seq(&shard->stage) & 7) != MOVE) {
        CHECK(gy_grow_behind(m->cache, shard)); /* a stage may be turned */
        gy_grow_step(m->cache, m->r, 0, true);
    }
    uint64_t more = (uint64_t)(WORDS - gy_grow_beyond(m->cache, shard, bytes) / 100);
    gy_add_rlx(&shard->n_committed, more);
    for (unsigned moved = 0; moved < 3 * BUCKETS; moved += BUCKETS) {
        CHECK_EQ(gy_load_seq(&shard->cursor) & MASK, moved);
        CHECK_EQ(gy_grow_behind(m->cache, shard), moved < 2 * WORDS);
        CHECK(gy_grow_steps(m->cache, m->r, 0, true, BUCKETS));
    }
    gy_sub_rlx(&shard->n_committed, more);
    check_all(m);
    close_model(m);
}

/* While an operation is inside its section the geometry changes once at most, however often growth is
 * asked to go on: an operation lives in two neighbouring phases and never sees a third (I2). */
TEST(grow, a_section_sees_two_phases_at_most)
{
    struct model *m = open_model(0);
    gy_atomic_u64 *geometry = &m->cache->geometries[0];
    struct gy_record *other = &m->cache->records[1];
    gy_store_seq(&m->cache->super->n_records_used, 2);
    load_up(m);
    unsigned sections = 0, log2 = log2_now(m);
    do {
        unsigned changes = 0;
        m->cache->rcu->enter(m->cache, other);
        for (unsigned i = 0; i < 50; i++) {
            uint64_t before = gy_load_seq(geometry);
            gy_grow_step(m->cache, m->r, 0, true);
            changes += gy_load_seq(geometry) != before;
        }
        CHECK_EQ(changes, 1);
        CHECK(growing(m));
        m->cache->rcu->exit(m->cache, other);
        sections++;
        check_all(m);
    } while (log2_now(m) == log2);
    CHECK_EQ(sections, 3);
    while (growing(m))
        gy_grow_step(m->cache, m->r, 0, true);
    check_places(m);
    close_model(m);
}

/* Words of the dead in old buckets do not get into the new half, nor stand in the way. */
TEST(grow, words_in_the_making_are_dropped)
{
    struct model *m = open_model(0);
    load_up(m);
    unsigned placed = 0;
    for (uint64_t b = 0; b < gy_shard_extent(m->cache, 0); b++)
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
            gy_atomic_u64 *slot = &gy_shard_buckets(m->cache, 0)[b].slot[s];
            uint64_t word = gy_load_seq(slot);
            uint64_t nothing = GY_EMPTY;
            /* The dead put of a key that stands beside it. */
            if (word != GY_EMPTY && s + 1 < GY_BUCKET_SLOTS &&
                gy_cas_seq(&gy_shard_buckets(m->cache, 0)[b].slot[s + 1], &nothing, word | GY_T))
                placed++, s++;
        }
    CHECK(placed > 0);
    grow_once(m, check_all);
    uint64_t tentative = 0;
    for (uint64_t at = room_slots(m->cache, 0) / 2; at < room_slots(m->cache, 0); at++)
        tentative += gy_slot_tentative(gy_load_seq(room_slot(m->cache, 0, at)));
    CHECK_EQ(tentative, 0);
    close_model(m);
}

/* A word into an arena that is being swept gains no slot: the sweep's walk may have passed it. */
TEST(grow, words_into_swept_arenas_are_evicted_instead_of_moved)
{
    static const enum gy_arena_state state[] = {GY_SWEEPING, GY_PARKED, GY_RETIRED};
    for (unsigned i = 0; i < 3; i++) {
        struct model *m = open_model(0);
        load_up(m);
        room_seal_all(m->cache);
        for (uint32_t a = 0; a < m->cache->g.n_arenas; a++)
            if (room_state(m->cache, a) == GY_SEALED)
                room_set_state(m->cache, a, state[i]);
        uint64_t n = gy_shard_extent(m->cache, 0), words = room_refs_into(m->cache, UINT32_MAX);
        for (unsigned step = 0; gy_grow_wanted(m->cache, 0); step++) {
            CHECK(step < 10000);
            gy_grow_step(m->cache, m->r, 0, true);
        }
        CHECK(gy_shard_extent(m->cache, 0) == 2 * n);
        for (uint64_t at = n * GY_BUCKET_SLOTS; at < room_slots(m->cache, 0); at++)
            CHECK_EQ(gy_load_seq(room_slot(m->cache, 0, at)), GY_EMPTY);
        uint64_t left = room_refs_into(m->cache, UINT32_MAX);
        CHECK(left < words);
        CHECK_EQ(left, gy_account_entries(m->cache, 0));
        CHECK_EQ(api_stats(m->cache).removed[GYRE_CONFLICT], words - left);
        close_model(m);
    }
}

/* Before, between and after any two steps, a sweep finds all words of its arena: in first and in second buckets, and in the
 * images of both. */
TEST(grow, a_sweep_between_the_steps_leaves_no_word)
{
    bool under_way = true;
    for (unsigned steps = 1; under_way; steps++) {
        struct model *m = open_model(0);
        load_up(m);
        for (unsigned i = 0; i < steps; i++)
            gy_grow_step(m->cache, m->r, 0, true);
        under_way = growing(m);
        room_seal_all(m->cache);
        for (unsigned i = 0; i < m->cache->g.n_arenas && room_sweep(m->cache, m->cache->arena_bytes); i++)
            for (uint32_t a = 0; a < m->cache->g.n_arenas; a++)
                if (room_state(m->cache, a) == GY_FREE || room_state(m->cache, a) == GY_RETIRED)
                    CHECK_EQ(room_refs_into(m->cache, a), 0);
        CHECK(api_stats(m->cache).sweeps > 0);
        CHECK_EQ(room_refs_into(m->cache, UINT32_MAX), gy_account_entries(m->cache, 0));
        CHECK(under_way || steps > 4);
        close_model(m);
    }
}

/* The bytes of the new half come out of the arenas: the sum stays the capacity. */
TEST(grow, the_capacity_is_kept)
{
    struct model *m = open_model(0);
    gyre_stats before = api_stats(m->cache);
    for (unsigned i = 0; i < 5; i++) {
        load_up(m);
        grow_once(m, check_all);
    }
    gyre_stats after = api_stats(m->cache);
    CHECK_EQ(after.index_bytes, before.index_bytes << 5);
    uint64_t arenas = (m->cache->g.n_arenas - room_count_states(m->cache, GY_WITHDRAWN)) * m->cache->arena_bytes;
    CHECK_EQ(arenas + after.index_bytes + gy_credit(m->cache), after.capacity_bytes);
    close_model(m);
}

/* Words that refer to nothing do not hold growth up. */
TEST(grow, damaged_words_are_dropped)
{
    struct model *m = open_model(0);
    load_up(m);
    struct gy_geometry *g = &m->cache->g;
    uint32_t unused = 0;
    while (room_state(m->cache, unused) != GY_FREE)
        unused++;
    uint64_t at = gy_arena_offset(m->cache, unused) + m->cache->arena_bytes - 8;
    gy_entry_set_header(m->cache->region.base + at, (struct gy_header){.value_bytes = 999, .key_bytes = 9});
    const uint64_t ref[] = {1, (g->arenas_at >> 3) - 1, g->region_bytes >> 3, GY_REF_MASK, at >> 3};
    unsigned placed = 0;
    for (uint64_t i = 0; i < room_slots(m->cache, 0) && placed < 5; i++) {
        uint64_t nothing = GY_EMPTY;
        if (gy_cas_seq(room_slot(m->cache, 0, i), &nothing, gy_slot_word(0, 0, ref[placed])))
            placed++;
    }
    CHECK_EQ(placed, 5);
    grow_once(m, check_all);
    check_places(m);
    CHECK_EQ(room_refs_into(m->cache, UINT32_MAX), gy_account_entries(m->cache, 0));
    close_model(m);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Puts that wait for their buckets (put.h): they stage their entry and are counted before they look. What they leave when the key
 * was not new, when it was known once, when there is no room here or there; and what the put before has left to do. */

#include "history.h"
#include "trap.h"

struct tally {
    uint64_t entries, words, arrived, dead, used, replaced;
};

static struct tally
tally_of(gyre *cache)
{
    struct tally t = {.words = room_refs_into(cache, UINT32_MAX), .arrived = gy_load_rlx(&room_record(cache)->count.arrived),
                      .replaced = api_stats(cache).removed[GYRE_REPLACED]};
    for (unsigned shard = 0; shard < cache->g.n_shards; shard++)
        t.entries += (uint64_t)gy_account_entries(cache, shard);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        t.dead += gy_load_rlx(&cache->books[a].dead);
        t.used += gy_load_rlx(&cache->books[a].position) & ~GY_CLOSED;
    }
    return t;
}

static struct gy_header
header_of(gyre *cache, const char *key)
{
    return gy_entry_header(gy_at(cache, gy_slot_ref(room_word(cache, key))));
}

static unsigned
ring_of(gyre *cache, const char *key)
{
    return gy_arena_ring(gy_load_acq(&cache->words[room_arena_of(cache, key)]));
}

#ifdef GY_POINTS
/* Does nothing else begin like the key's hash, where its word stands or may come? Else it may go the general way. */
static bool
alone(gyre *cache, const char *key)
{
    uint64_t hash = room_hash(cache, key);
    struct gy_window w;
    unsigned others = 0;
    gy_index_window(cache, hash, &w);
    for (unsigned i = 0; i < 2 * GY_BUCKET_SLOTS; i++)
        others += gy_load_acq(&w.bucket[i / GY_BUCKET_SLOTS]->slot[i % GY_BUCKET_SLOTS]) >> 48 == hash >> 48;
    return others == (room_word(cache, key) != 0);
}

static void
pass(struct trap *trap, const volatile void *address)
{
    (void)trap, (void)address;
}
#endif

/* A put of a key that is thought to be new, or of one that is not. Where it can be told: did it go straight? */
static void
put_as(gyre *cache, bool waits, const char *key, uint64_t tag, bool straight)
{
    gy_seats[0].inserts = waits ? UINT8_MAX : 0;
    gy_seats[0].missed = ~room_hash(cache, key);
#ifdef GY_POINTS
    bool may_go_straight = straight;
    straight = straight && alone(cache, key);
    struct trap trap = {.file = "/publish.c", .action = pass, .again = true};
    trap_set(&trap);
#endif
    CHECK_OK(put_bytes(cache, key, 8, tag));
#ifdef GY_POINTS
    gy_point_hook = NULL, trap_now = NULL;
    CHECK(straight ? trap.sprung == 0 : may_go_straight || trap.sprung > 0);
#endif
    (void)straight;
    struct gy_record *r = room_record(cache);
    CHECK(gy_load_acq(&r->pin[GY_PIN_PUT]) == 0 && gy_load_acq(&r->pin[GY_PIN_COMPARE]) == 0);
    CHECK_EQ(gy_load_acq(&r->section), 0);
    CHECK(has_bytes(cache, key, 8, tag));
}

/* A cache with an open arena for newcomers. */
static gyre *
open_cache(void)
{
    room_stay();
    gyre *cache = api_open(4 * MIB, GYRE_NO_THREAD);
    CHECK_OK(put_bytes(cache, key_of(0).text, 8, 0));
    return cache;
}

static unsigned
other_ring(gyre *cache)
{
    return gy_insert_ring(cache) == GY_MAIN ? GY_PROBATION : GY_MAIN;
}

static uint64_t
bytes_of(gyre *cache)
{
    struct tally before = tally_of(cache);
    put_as(cache, true, key_of(1000).text, 1, true);
    struct tally after = tally_of(cache);
    CHECK(after.entries == before.entries + 1 && after.words == before.words + 1 && after.arrived == before.arrived + 1);
    CHECK(after.dead == before.dead && after.used > before.used);
    return after.used - before.used;
}

/* More entries and newcomers than before, and bytes, as multiples of an entry's. */
static void
check_more(gyre *cache, const struct tally *before, uint64_t bytes, unsigned more, unsigned dead, unsigned used)
{
    struct tally after = tally_of(cache);
    CHECK_EQ(after.entries, before->entries + more);
    CHECK_EQ(after.words, before->words + more);
    CHECK_EQ(after.arrived, before->arrived + more);
    CHECK_EQ(after.dead, before->dead + dead * bytes);
    CHECK_EQ(after.used, before->used + used * bytes);
}

TEST(put_waits, it_is_there_in_the_same_ring)
{
    for (unsigned apart = 0; apart < 2; apart++) {
        gyre *cache = open_cache();
        cache->hands_apart = apart != 0;
        uint64_t bytes = bytes_of(cache);
        for (unsigned i = 1; i < 100; i++) { /* more than are counted at once */
            struct tally before = tally_of(cache);
            put_as(cache, true, key_of(1000).text, i + 1, true);
            check_more(cache, &before, bytes, 0, 1, 1);
            CHECK_EQ(tally_of(cache).replaced, before.replaced + 1);
        }
        gyre_close(cache);
    }
}

/* And one that was thought to be there is not. */
TEST(put_waits, it_is_new_and_did_not_wait)
{
    gyre *cache = open_cache();
    uint64_t bytes = bytes_of(cache);
    for (unsigned i = 1; i < 100; i++) {
        struct tally before = tally_of(cache);
        put_as(cache, false, key_of(i).text, i, true);
        CHECK(gy_seats[0].inserts);
        check_more(cache, &before, bytes, 1, 0, 1);
    }
    gyre_close(cache);
}

/* Eight new keys in a row tell that the next is one; one that is there, that it may not be. */
TEST(put_waits, eight_in_a_row)
{
    gyre *cache = open_cache();
    for (unsigned round = 0; round < 3; round++) {
        CHECK_OK(put_bytes(cache, key_of(0).text, 8, round));
        CHECK_OK(put_bytes(cache, key_of(0).text, 8, round));
        CHECK(!gy_insert_surely() && !gy_insert_waits(1));
        for (unsigned i = 1; i <= 10; i++) {
            CHECK_OK(put_bytes(cache, key_of(100 * round + i).text, 8, i));
            CHECK_MSG(gy_insert_surely() == (i >= 8), "after %u", i);
            CHECK(gy_insert_waits(1));
        }
    }
    gyre_close(cache);
}

/* What was staged is given up: the entry stays in the ring where it stands. */
TEST(put_waits, it_is_there_in_the_other_ring)
{
    gyre *cache = open_cache();
    uint64_t bytes = bytes_of(cache);
    unsigned ring = other_ring(cache);
    CHECK_OK(room_put(cache, ring, key_of(1).text, 8, 1));
    CHECK_EQ(ring_of(cache, key_of(1).text), ring);
    struct tally before = tally_of(cache);
    put_as(cache, true, key_of(1).text, 2, false);
    CHECK_EQ(ring_of(cache, key_of(1).text), ring);
    check_more(cache, &before, bytes, 0, 2, 2);
    CHECK_EQ(tally_of(cache).replaced, before.replaced + 1);
    gyre_close(cache);
}

/* No arena is open for newcomers: it stays where it stands all the same. */
TEST(put_waits, there_is_no_room_and_it_is_there_in_the_other_ring)
{
    gyre *cache = open_cache();
    uint64_t bytes = bytes_of(cache);
    unsigned ring = other_ring(cache);
    room_seal_all(cache);
    CHECK_OK(room_put(cache, ring, key_of(1).text, 8, 1));
    struct tally before = tally_of(cache);
    put_as(cache, true, key_of(1).text, 2, false);
    CHECK_EQ(ring_of(cache, key_of(1).text), ring);
    check_more(cache, &before, bytes, 0, 1, 1);
    gyre_close(cache);
}

/* Of a key that was evicted: its entry is of the kind that a put which knows that from the start gives it. */
TEST(put_waits, it_returns)
{
    gyre *cache = open_cache();
    const char *key = "a key that left.";
    gy_store_rlx(&cache->super->turnover, cache->g.n_history); /* so that its return is no other story */
    uint64_t hash = room_hash(cache, key);
    unsigned returned = 0;
    for (unsigned kind = 0; kind < GY_KINDS; kind++)
        for (unsigned full = 0; full < 2; full++) {
            unsigned kinds[2];
            for (unsigned waits = 0; waits < 2; waits++) {
                if (full)
                    room_seal_all(cache);
                gy_history_remember(cache, NULL, hash, kind);
                put_as(cache, waits != 0, key, kind, full == 0);
                struct gy_header h = header_of(cache, key);
                kinds[waits] = gy_entry_kind(h);
                uint32_t arena = room_arena_of(cache, key);
                CHECK_EQ(h.generation, gy_arena_generation(gy_load_acq(&cache->words[arena])));
                CHECK_EQ(gy_history_cell(gy_history_bucket(cache, hash), hash), GY_HISTORY_PLACE);
                CHECK_OK(gyre_delete(cache, key, 16));
            }
            CHECK_EQ(kinds[1], kinds[0]);
            returned += kinds[1] != GY_KIND_UNKNOWN;
        }
    CHECK(returned > 0);
    put_as(cache, true, key, 1, true); /* it is forgotten */
    CHECK_EQ(gy_entry_kind(header_of(cache, key)), GY_KIND_UNKNOWN);
    gyre_close(cache);
}

/* Arenas become full, and then the cache. */
TEST(put_waits, there_is_no_room)
{
    gyre *cache = open_cache();
    char value[1000], back[1000];
    for (unsigned i = 0; i < 12000; i++) {
        size_t size = 0;
        fill_bytes(value, sizeof value, i);
        gy_seats[0].inserts = UINT8_MAX;
        CHECK_OK(gyre_put(cache, key_of(i).text, 16, value, sizeof value, NULL));
        CHECK_OK(gyre_read(cache, key_of(i).text, 16, back, sizeof back, &size));
        CHECK(size == sizeof value && memcmp(value, back, size) == 0);
    }
    struct tally t = tally_of(cache);
    CHECK_EQ(t.entries, t.words);
    CHECK(t.words < t.arrived && t.arrived >= 12000);
    gyre_close(cache);
}

static bool
full(const struct gy_window *w)
{
    return gy_find_empty(w->bucket[0]) == 0 && gy_find_empty(w->bucket[1]) == 0;
}

TEST(put_waits, both_buckets_are_full)
{
    gyre *cache = open_cache();
    uint64_t bytes = bytes_of(cache);
    struct gy_window w;
    cache->g.shard_bytes_most = 0; /* nothing grows */
    uint64_t newcomer = 2000;
    gy_index_window(cache, room_hash(cache, key_of(newcomer).text), &w);
    while (!full(&w)) {
        CHECK(newcomer < 100000);
        CHECK_OK(room_put(cache, gy_insert_ring(cache), key_of(newcomer).text, 8, newcomer));
        gy_index_window(cache, room_hash(cache, key_of(++newcomer).text), &w);
    }
    struct tally before = tally_of(cache);
    put_as(cache, true, key_of(newcomer).text, 7, false);
    struct tally after = tally_of(cache);
    CHECK_EQ(after.used, before.used + bytes);
    CHECK_EQ(after.entries - before.entries, after.words - before.words);
    CHECK_EQ(after.arrived - before.arrived, 1 + after.words - before.words); /* one was displaced, or else evicted */
    gyre_close(cache);
}

/* The one of the last put. */
TEST(put_waits, a_clear_is_carried_out_by_the_next)
{
    for (unsigned waits = 0; waits < 2; waits++) {
        gyre *cache = open_cache();
        CHECK_OK(room_put(cache, gy_insert_ring(cache), key_of(1).text, 8, 1));
        CHECK_OK(gyre_clear(cache));
        CHECK_OK(room_put(cache, gy_insert_ring(cache), key_of(2).text, 8, 2)); /* opens an arena, and carries nothing out */
        CHECK(gy_clear_pending(cache));
        for (unsigned i = 10; i < 1000 && gy_clear_pending(cache); i++)
            put_as(cache, waits != 0, key_of(i).text, i, true);
        CHECK(!gy_clear_pending(cache));
        CHECK_EQ(api_stats(cache).removed[GYRE_CLEARED], 2);
        gyre_close(cache);
    }
}

TEST(put_waits, a_shard_grows_at_the_next)
{
    gyre *cache = open_cache();
    uint64_t n = 3000, hash = room_hash(cache, key_of(1).text);
    struct gy_shard *shard = gy_shard_of(cache, hash);
    uint64_t was = gy_load_acq(gy_geometry_of(cache, hash));
    while (!gy_grow_wanted_in(cache, shard)) {
        CHECK(n < 100000);
        CHECK_OK(room_put(cache, gy_insert_ring(cache), key_of(n).text, 8, n)), n++;
    }
    CHECK_EQ(gy_load_acq(gy_geometry_of(cache, hash)), was);
    for (unsigned i = 0; i < 1000 && gy_load_acq(gy_geometry_of(cache, hash)) == was; i++) {
        gy_seats[0].inserts = UINT8_MAX;
        CHECK_OK(put_bytes(cache, key_of(1).text, 8, i));
        CHECK(has_bytes(cache, key_of(1).text, 8, i));
    }
    CHECK(gy_load_acq(gy_geometry_of(cache, hash)) != was);
    struct tally t = tally_of(cache);
    CHECK_EQ(t.entries, t.words);
    gyre_close(cache);
}

#ifdef GY_POINTS

static void
put_with(gyre *cache, const char *key, struct trap *trap)
{
    gy_seats[0].inserts = UINT8_MAX;
    gy_seats[0].missed = ~room_hash(cache, key);
    trap->cache = cache;
    trap_set(trap);
    CHECK_OK(put_bytes(cache, key, 8, 3));
    trap_clear(trap);
    CHECK(has_bytes(cache, key, 8, 3));
    struct gy_record *r = room_record(cache);
    CHECK(gy_load_acq(&r->pin[GY_PIN_PUT]) == 0 && gy_load_acq(&r->pin[GY_PIN_COMPARE]) == 0);
    CHECK_EQ(gy_load_acq(&r->section), 0);
}

/* Between its window and its section: it goes on the general way, with what was staged. */
TEST(put_waits, the_shard_begins_to_grow)
{
    for (unsigned stands = 0; stands < 2; stands++) {
        gyre *cache = open_cache();
        uint64_t bytes = bytes_of(cache);
        if (stands)
            put_as(cache, true, key_of(1).text, 1, true);
        gy_atomic_u64 *geometry = gy_geometry_of(cache, room_hash(cache, key_of(1).text));
        uint64_t was = gy_load_acq(geometry);
        struct tally before = tally_of(cache);
        put_with(cache, key_of(1).text, &(struct trap){.file = "/index.h", .address = geometry, .skip = 1, .action = trap_store,
                                                       .word = gy_geometry_word(gy_geometry_log2(was), GY_UNION)});
        gy_store_seq(geometry, was);
        check_more(cache, &before, bytes, !stands, stands, 1);
        gyre_close(cache);
    }
}

static void
clear_all(struct trap *trap, const volatile void *address)
{
    (void)address;
    CHECK_OK(gyre_clear(trap->cache));
}

/* A clear: what was staged is of before it, and given up. */
TEST(put_waits, a_clear_comes)
{
    for (unsigned stands = 0; stands < 2; stands++) {
        gyre *cache = open_cache();
        if (stands)
            put_as(cache, true, key_of(1).text, 1, true);
        put_with(cache, key_of(1).text, &(struct trap){.file = "/put.h", .address = &cache->super->mark, .action = clear_all});
        for (unsigned i = 10; i < 1000 && gy_clear_pending(cache); i++)
            put_as(cache, true, key_of(10).text, i, true);
        CHECK(!gy_clear_pending(cache));
        CHECK(has_bytes(cache, key_of(1).text, 8, 3));
        struct tally t = tally_of(cache);
        CHECK_EQ(t.words, 2);
        CHECK_EQ(t.entries, t.words);
        CHECK_EQ(api_stats(cache).removed[GYRE_CLEARED], stands + 1);
        gyre_close(cache);
    }
}

#endif

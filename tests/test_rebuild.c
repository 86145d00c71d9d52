/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file that is rebuilt in the background: what is served meanwhile, and what is changed meanwhile. By several processes and
 * threads, and who dies over it: test_rebuild_lives. */

#include "grow.h"
#include "history.h"
#include "note.h"
#include "proof.h"
#include "rebuild_file.h"

TEST(rebuild, a_small_file_is_read_at_once)
{
    CHECK_EQ(gy_rebuild_at_once_ms, AT_ONCE_MS);
    make_full();
    gy_rebuild_at_once_ms = 3600 * 1000;
    gyre *cache = open_it(0);
    gyre_stats s = api_stats(cache);
    CHECK(s.start == GYRE_START_RECOVERED && s.recovering == 0 && s.recovering_bytes == 0);
    CHECK(s.recovered_entries == KEYS && s.entries == KEYS);
    CHECK_EQ(count_found(cache, 0, KEYS, 0), KEYS);
    close_and_end(cache);
}

TEST(rebuild, what_was_not_read_is_a_miss_until_it_is)
{
    make_full();
    gyre *cache = open_unread();
    unsigned before = unread(cache);
    CHECK(before > 4);
    CHECK_EQ(count_missing(cache, 0, KEYS), KEYS);
    read_some(cache, before / 2);
    gyre_stats s = api_stats(cache);
    CHECK(s.recovering == 1 && s.entries > KEYS / 4 && s.entries < KEYS && s.recovered_entries == s.entries);
    CHECK_EQ(s.recovering_bytes, unread(cache) * cache->arena_bytes);
    CHECK_EQ(s.live_bytes + s.garbage_bytes + s.open_bytes + s.free_bytes + s.index_bytes + s.recovering_bytes, s.capacity_bytes);
    CHECK_EQ(count_found(cache, 0, KEYS, 0), s.entries);
    CHECK(has_bytes(cache, key_of(KEYS - 1).text, SIZE, KEYS - 1)); /* the newest come first */
    CHECK_EQ(whole_faults(cache, NULL), 0);
    read_all(cache);
    CHECK_EQ(count_found(cache, 0, KEYS, 0), KEYS);
    CHECK_EQ(api_stats(cache).recovered_entries, KEYS);
    close_and_end(cache);
}

/* Maintenance does it, where there is no thread. */
TEST(rebuild, maintenance_reads_on)
{
    make_full();
    gyre *cache = open_unread();
    for (unsigned n = 0; n < STEPS_MOST && gy_rebuilding(cache); n++)
        gyre_maintain(cache, 1);
    CHECK_EQ(count_found(cache, 0, KEYS, 0), KEYS);
    close_and_end(cache);
}

/* Some of it is read before, some afterwards. */
TEST(rebuild, what_is_put_meanwhile_stays)
{
    make_full();
    gyre *cache = open_unread();
    for (unsigned n = 0; n < 4; n++) {
        for (unsigned i = n; i < KEYS; i += 16)
            CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, NEW + i));
        read_some(cache, 3);
    }
    read_all(cache);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK(has_bytes(cache, key_of(i).text, SIZE, i % 16 < 4 ? NEW + i : i));
    CHECK_EQ(api_stats(cache).entries, KEYS);
    CHECK(api_stats(cache).dropped[GYRE_DROP_OLDER] > 0);
    close_and_end(cache);
}

/* Those of before have higher sequences, since the clock was set back: what the old life of the machine has told tells nothing. */
TEST(rebuild, what_is_put_meanwhile_stays_although_the_clock_went_back)
{
    gyre *cache = create();
    room_record(cache)->sequence = (uint64_t)1 << 60;
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, i));
    api_close(cache);
    crash(0);
    cache = open_unread();
    for (unsigned i = 0; i < KEYS; i += 2)
        CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, NEW + i));
    read_all(cache);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK(has_bytes(cache, key_of(i).text, SIZE, i % 2 ? i : NEW + i));
    close_and_end(cache);
}

TEST(rebuild, what_is_removed_meanwhile_does_not_come_back)
{
    make_full();
    gyre *cache = open_unread();
    for (unsigned n = 0; n < 4; n++) {
        for (unsigned i = n; i < KEYS; i += 16)
            gyre_delete(cache, key_of(i).text, 16); /* most of them are misses */
        read_some(cache, 3);
    }
    read_all(cache);
    for (unsigned turn = 0; turn < 2; turn++) {
        for (unsigned i = 0; i < KEYS; i++)
            CHECK(i % 16 < 4 ? is_missing(cache, key_of(i).text) : has_bytes(cache, key_of(i).text, SIZE, i));
        CHECK_OK(gyre_sync(cache));
        api_close(cache);
        crash(AT_ONCE_MS * 3600);
        cache = open_it(0);
        CHECK_EQ(api_stats(cache).start, GYRE_START_RECOVERED);
    }
    close_and_end(cache);
}

/* A newer version of each that has gone again, in one way or the other. */
TEST(rebuild, what_was_put_and_evicted_meanwhile_leaves_nothing_older)
{
    make_full();
    gyre *cache = open_unread();
    struct gy_record *r = room_record(cache);
    gyre_put_options p = GYRE_PUT_OPTIONS_INIT;
    p.ttl_ms = 1;
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_OK(gyre_put(cache, key_of(i).text, 16, "new", 3, i % 2 ? &p : NULL));
        if (i % 2)
            continue;
        struct gy_found f;
        bool tentative;
        uint64_t hash = gy_hash_in(cache, key_of(i).text, 16);
        gy_atomic_u64 *pin = &r->pin[GY_PIN_COMPARE];
        CHECK(gy_index_find_growing(cache, hash, key_of(i).text, 16, pin, &f, &tentative));
        CHECK(gy_index_evict(cache, r, gy_shard_of(cache, hash), &f, GYRE_CAPACITY));
        gy_pin_clear(pin);
    }
    for (unsigned i = 0; i < 20; i++)
        api_pause();
    read_all(cache);
    CHECK_EQ(count_missing(cache, 0, 1000), 1000);
    CHECK_EQ(count_found(cache, 1000, KEYS, 0), KEYS - 1000);
    close_and_end(cache);
}

/* Of an entry that was read, too: an older one may be in an arena that was not. */
TEST(rebuild, what_is_evicted_meanwhile_leaves_nothing_older)
{
    make_full();
    gyre *cache = open_unread();
    read_some(cache, 1);
    uint64_t hash = gy_hash_in(cache, key_of(KEYS - 1).text, 16);
    struct gy_record *r = room_record(cache);
    struct gy_found f;
    bool tentative;
    CHECK(gy_index_find_growing(cache, hash, key_of(KEYS - 1).text, 16, &r->pin[GY_PIN_COMPARE], &f, &tentative));
    CHECK(!gy_noted(cache, hash));
    CHECK(gy_index_evict(cache, r, gy_shard_of(cache, hash), &f, GYRE_CAPACITY));
    gy_pin_clear(&r->pin[GY_PIN_COMPARE]);
    CHECK(gy_noted(cache, hash));
    read_all(cache);
    CHECK_EQ(count_found(cache, 0, KEYS, 0), KEYS - 1);
    close_and_end(cache);
}

TEST(rebuild, what_is_cleared_meanwhile_does_not_come_back)
{
    make_full();
    gyre *cache = open_unread();
    read_some(cache, 3);
    CHECK_OK(gyre_clear(cache));
    CHECK_OK(put_text(cache, "after", "value"));
    CHECK_EQ(count_missing(cache, 0, KEYS), KEYS);
    read_all(cache);
    CHECK_EQ(count_missing(cache, 0, KEYS), KEYS);
    CHECK(has_text(cache, "after", "value"));
    while (gyre_maintain(cache, 1000) > 0)
        ;
    CHECK_EQ(api_stats(cache).entries, 1);
    close_and_end(cache);
}

/* A clear that begins after the arena was claimed. */
TEST(rebuild, an_arena_that_is_cleared_while_it_is_read_brings_nothing_in)
{
    make_full();
    gyre *cache = open_unread();
    uint32_t a = 0;
    while (!gy_arena_unread(gy_load_acq(&cache->words[a])))
        a++;
    uint64_t word = gy_load_acq(&cache->words[a]);
    gy_store_seq(&cache->words[a], gy_arena_in_lane(word, GY_LANE_HALF)); /* as if its reader had died */
    CHECK_OK(gyre_clear(cache));
    read_all(cache);
    CHECK_EQ(api_stats(cache).entries, 0);
    close_and_end(cache);
}

/* The oldest of the main ring that are to be read, or the newest. */
static uint32_t
end_of_main(gyre *cache, int order)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_acq(&cache->words[a]);
        if (gy_arena_unread(word) && gy_arena_ring(word) == GY_MAIN &&
            (best == UINT32_MAX || order * (int64_t)(gy_arena_sequence(word) - gy_arena_sequence(gy_load_acq(&cache->words[best]))) > 0))
            best = a;
    }
    CHECK(best != UINT32_MAX);
    return best;
}

/* What puts need is taken from the oldest that was not read; nothing has to wait, and nothing older comes back. */
TEST(rebuild, puts_get_room)
{
    enum { MORE = 30000 };
    gyre *cache = create();
    for (unsigned i = 0; i < MORE; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, i));
    api_close(cache);
    crash(0);
    cache = open_unread();
    unsigned before = unread(cache);
    uint32_t oldest = end_of_main(cache, -1), newest = end_of_main(cache, 1);
    for (unsigned i = 0; i < 4000; i++)
        CHECK_OK(put_bytes(cache, key_of(NEW + i).text, SIZE, i));
    CHECK(unread(cache) < before && unread(cache) > before / 3);
    CHECK(!gy_arena_unread(gy_load_acq(&cache->words[oldest])) && gy_arena_unread(gy_load_acq(&cache->words[newest])));
    CHECK_EQ(api_stats(cache).copied_entries, 0); /* nor was anything swept */
    CHECK_EQ(count_found(cache, NEW, NEW + 4000, (uint64_t)-NEW), 4000);
    read_all(cache);
    CHECK(api_stats(cache).recovered_entries > MORE / 2);
    for (unsigned i = 0; i < MORE; i++)
        CHECK(has_bytes(cache, key_of(i).text, SIZE, i) || is_missing(cache, key_of(i).text));
    close_and_end(cache);
}

TEST(rebuild, when_notes_are_full_the_rest_is_given_up)
{
    make_full();
    gyre *cache = open_unread();
    unsigned n = 0;
    read_some(cache, 2);
    uint64_t kept = api_stats(cache).entries;
    for (; !(gy_load_acq(&cache->super->rebuild) & GY_REBUILD_FULL); n++)
        CHECK_EQ(gyre_delete(cache, key_of(NEW + n).text, 16), GYRE_MISS);
    CHECK(n > 1000); /* a good part of as many as there may be entries */
    CHECK_EQ(gyre_delete(cache, key_of(0).text, 16), GYRE_MISS);
    read_all(cache);
    CHECK_EQ(api_stats(cache).entries, kept);
    CHECK_EQ(count_found(cache, 0, KEYS, 0), kept);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, i));
    close_and_end(cache);
}

/* ---- the history, whose memory notes have ------------------------------------------------------------------------ */

TEST(rebuild, the_history_begins_when_it_is_over)
{
    make_full();
    gyre *cache = open_unread();
    uint64_t hash = gy_hash_in(cache, "remembered", 10);
    gy_history_remember(cache, NULL, hash, 0);
    for (uint64_t n = 0; n < (uint64_t)cache->g.n_history * GY_HISTORY_WORDS; n++)
        CHECK_EQ(gy_load_rlx(&cache->history[n]), 0); /* nor are there notes yet */
    CHECK_EQ(gy_history_recall(cache, gy_history_bucket(cache, hash), hash), GY_KIND_UNKNOWN);
    for (unsigned i = 0; i < 500; i++)
        gyre_delete(cache, key_of(i).text, 16);
    CHECK_EQ(whole_faults(cache, NULL), 0);
    read_all(cache);
    for (uint64_t n = 0; n < (uint64_t)cache->g.n_history * GY_HISTORY_WORDS; n++)
        CHECK_EQ(gy_load_rlx(&cache->history[n]), 0);
    close_and_end(cache);
}

/* ---- versions ------------------------------------------------------------------------------------------------------ */

/* Of each key two that prove themselves; the older is read first, or last. */
static void
newer_wins(bool older_last)
{
    gyre *cache = create();
    struct gy_record *r = room_record(cache);
    gy_ref ref[100];
    for (unsigned i = 0; i < 100; i++) {
        CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, i));
        ref[i] = gy_slot_ref(room_word(cache, key_of(i).text));
    }
    for (unsigned i = 0; i < 3000; i++)
        CHECK_OK(put_bytes(cache, key_of(1000 + i).text, SIZE, i));
    for (unsigned i = 0; i < 100; i++) {
        struct gy_header h = gy_entry_header(gy_at(cache, ref[i]));
        CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, NEW + i));
        gy_entry_set_header(gy_at(cache, ref[i]), h); /* its void did not reach the disk */
        struct gy_staged s = {.ref = ref[i], .arena = gy_ref_arena(cache, ref[i])};
        s.opened = gy_load_rlx(&cache->books[s.arena].opened);
        s.bytes = gy_entry_room(cache, s.ref << 3, h);
        if (!older_last)
            gy_proof_give(cache, &s, gy_proof_prepare(cache, r, &s, r->sequence));
    }
    api_close(cache);
    crash(0);
    cache = open_unread();
    read_all(cache);
    CHECK_EQ(count_found(cache, 0, 100, older_last ? NEW : 0), 100);
    CHECK_EQ(api_stats(cache).dropped[GYRE_DROP_OLDER], 100);
    CHECK(api_stats(cache).dropped_bytes[GYRE_DROP_OLDER] >= 100 * SIZE);
    CHECK_EQ(api_stats(cache).entries, 3100);
    close_and_end(cache);
}

TEST(rebuild, the_newer_of_two_wins_when_it_is_read_first)
{
    newer_wins(true);
}

TEST(rebuild, the_newer_of_two_wins_when_it_is_read_last)
{
    newer_wins(false);
}

TEST(rebuild, what_does_not_prove_itself_is_counted)
{
    gyre *cache = create();
    for (unsigned i = 0; i < 1000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, i));
    for (unsigned i = 0; i < 1000; i += 10)
        gy_at(cache, gy_slot_ref(room_word(cache, key_of(i).text)))[30] ^= 1;
    CHECK_OK(gyre_delete(cache, key_of(1).text, 16)); /* void, and no loss */
    gyre_lease lease;
    gyre_view view;
    CHECK_EQ(gyre_get_or_lease(cache, "leased", 6, NULL, &view, &lease), GYRE_MISS);
    gyre_lease_abort(&lease);
    api_close(cache);
    crash(AT_ONCE_MS * 3600);
    cache = open_it(0);
    gyre_stats s = api_stats(cache);
    CHECK(s.dropped[GYRE_DROP_UNPROVED] == 100 && s.dropped_bytes[GYRE_DROP_UNPROVED] >= 100 * SIZE);
    CHECK(s.dropped[GYRE_DROP_OLDER] == 0 && s.dropped[GYRE_DROP_NO_ROOM] == 0 && s.recovered_entries == 899);
    close_and_end(cache);
}

TEST(rebuild, it_keeps_to_the_limit_of_entries)
{
    begin();
    gyre_options o = options(GYRE_CREATE);
    o.max_entries = 2000;
    gyre *cache = api_open_with(&o);
    for (unsigned i = 0; i < 2000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, i));
    api_close(cache);
    crash(0);
    cache = open_unread();
    for (unsigned i = 0; i < 300; i++)
        CHECK_OK(put_bytes(cache, key_of(NEW + i).text, SIZE, i));
    while (gy_rebuilding(cache)) {
        read_some(cache, 1);
        CHECK(api_stats(cache).entries <= 2001);
    }
    CHECK_EQ(api_stats(cache).entries, 2000);
    close_and_end(cache);
}

/* How large the index was is not known any more: it begins at its first size, and grows while entries come in. */
TEST(rebuild, the_index_may_grow_meanwhile)
{
    enum { SMALL = 8, MANY = 20000 };
    gyre *cache = create_for(0);
    for (unsigned i = 0; i < MANY; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, SMALL, i));
    CHECK(api_stats(cache).growths > 0);
    uint64_t nothing[GY_MAX_SHARDS] = {0}, at = cache->g.geometries_at, bytes = cache->g.n_shards * sizeof nothing[0];
    api_close(cache);
    int file = open(path.text, O_RDWR);
    CHECK_EQ(pwrite(file, nothing, bytes, (off_t)at), (ssize_t)bytes);
    close(file);
    crash(0);
    cache = open_unread();
    for (unsigned n = 0; n < STEPS_MOST && gy_rebuilding(cache); n++) {
        read_some(cache, 1);
        for (unsigned shard = 0; shard < cache->g.n_shards; shard++)
            while (gy_grow_step(cache, room_record(cache), shard, true))
                ;
    }
    gyre_stats s = api_stats(cache);
    CHECK(s.growths > 0 && s.entries > MANY - MANY / 50);
    unsigned n = 0;
    for (unsigned i = 0; i < MANY; i++)
        n += has_bytes(cache, key_of(i).text, SMALL, i);
    CHECK_EQ(n, s.entries);
    close_and_end(cache);
}

static uint32_t
find_sealed(gyre *cache)
{
    uint32_t a = 0;
    while (gy_arena_state(gy_load_acq(&cache->words[a])) != GY_SEALED)
        a++;
    return a;
}

/* As if its reader had died at its end. */
static void
make_half(gyre *cache, uint32_t arena)
{
    uint64_t word = gy_arena_with_state(gy_load_acq(&cache->words[arena]), GY_WITHDRAWN);
    gy_store_seq(&cache->books[arena].position, GY_CLOSED);
    gy_store_seq(&cache->words[arena], gy_arena_in_lane(word, GY_LANE_HALF));
}

/* Of an arena that is read once more, the last entry is void, or all are; and they stand in the index yet, since who was about to
 * take them out did not. */
static void
read_what_is_void(bool all)
{
    make_full();
    gyre *cache = open_unread();
    read_some(cache, 1);
    uint32_t arena = find_sealed(cache);
    uint64_t end = gy_load_acq(&cache->books[arena].position) & ~GY_CLOSED;
    for (uint64_t at = 0; at < end;) {
        char *entry = cache->region.base + gy_arena_offset(cache, arena) + at;
        struct gy_header h = gy_entry_header(entry);
        at += gy_entry_room(cache, gy_arena_offset(cache, arena) + at, h);
        h.generation ^= UINT8_MAX;
        if (all || at == end)
            gy_entry_set_header(entry, h);
    }
    make_half(cache, arena);
    read_all(cache);
    CHECK_EQ(gy_arena_state(gy_load_acq(&cache->words[arena])), GY_SEALED);
    CHECK_EQ(gy_load_acq(&cache->books[arena].position), end | GY_CLOSED);
    close_and_end(cache);
}

TEST(rebuild, what_is_void_and_stands_is_met_by_the_sweep)
{
    read_what_is_void(false);
}

TEST(rebuild, where_all_is_void_and_stands_the_arena_is_not_given_up)
{
    read_what_is_void(true);
}

/* Its walk would not meet a word that was on its way when who moved it died. */
TEST(rebuild, an_arena_with_holes_keeps_them)
{
    make_full();
    gyre *cache = open_unread();
    read_some(cache, 1);
    uint32_t arena = find_sealed(cache);
    make_half(cache, arena);
    gy_store_seq(&cache->books[arena].holed, 1);
    read_all(cache);
    CHECK_EQ(gy_load_acq(&cache->books[arena].holed), 1);
    close_and_end(cache);
}

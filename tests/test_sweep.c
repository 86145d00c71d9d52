/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "sweep.h"

#include <stdlib.h>

#include "choose.h"
#include "history.h"
#include "room.h"
#include "trap.h"

enum { SIZE = 200 };

static gyre *
open_one(void)
{
    room_stay();
    return api_open(1 << 20, GYRE_NO_THREAD);
}

/* Without a hit, which the sweep would count. */
static bool
stands(gyre *cache, unsigned k)
{
    return room_word(cache, key_of(k).text) != 0;
}

static bool
present(gyre *cache, unsigned k)
{
    if (!stands(cache, k))
        return false;
    CHECK(has_bytes(cache, key_of(k).text, SIZE, k));
    return true;
}

static gy_atomic_u64 *
slot_of(gyre *cache, unsigned k)
{
    uint64_t hash = room_hash(cache, key_of(k).text);
    struct gy_window w;
    gy_index_window(cache, hash, &w);
    for (unsigned i = 0; i < w.n * GY_BUCKET_SLOTS; i++) {
        gy_atomic_u64 *slot = &w.bucket[i / GY_BUCKET_SLOTS]->slot[i % GY_BUCKET_SLOTS];
        if (gy_slot_may_match(gy_load_seq(slot), hash))
            return slot;
    }
    return NULL;
}

static void
set_freq(gyre *cache, unsigned k, unsigned freq)
{
    gy_atomic_u64 *slot = slot_of(cache, k);
    gy_store_seq(slot, (gy_load_seq(slot) & ~GY_FREQ_MASK) | (uint64_t)freq << GY_FREQ_SHIFT);
}

/* Fills one arena of a ring with keys first, first + 1, ... and seals it. */
static unsigned
fill_arena(gyre *cache, unsigned ring, unsigned first, uint32_t *arena)
{
    unsigned k = first;
    CHECK_OK(room_put(cache, ring, key_of(k).text, SIZE, k));
    *arena = room_arena_of(cache, key_of(k).text);
    uint64_t room = 240; /* of one entry */
    while ((gy_load_seq(&cache->books[*arena].position) & ~GY_CLOSED) + room <= cache->arena_bytes) {
        k++;
        CHECK_OK(room_put(cache, ring, key_of(k).text, SIZE, k));
        CHECK_EQ(room_arena_of(cache, key_of(k).text), *arena);
    }
    room_seal_all(cache);
    return k + 1 - first;
}

static void
expect_left(gyre *cache, uint32_t arena)
{
    CHECK_EQ(room_refs_into(cache, arena), 0);
    CHECK_EQ(room_state(cache, arena), GY_FREE);
}

static unsigned
ring_of(gyre *cache, unsigned k)
{
    return gy_arena_ring(gy_load_seq(&cache->words[room_arena_of(cache, key_of(k).text)]));
}

static uint8_t
kind_of(gyre *cache, unsigned k)
{
    return gy_entry_kind(gy_entry_header(gy_at(cache, gy_slot_ref(room_word(cache, key_of(k).text)))));
}

/* Where main has entries that nobody asks for, a newcomer that was hit takes the place of one. */
TEST(sweep, newcomers_that_were_hit_go_to_main)
{
    gyre *cache = open_one();
    uint32_t arena;
    unsigned n = fill_arena(cache, GY_PROBATION, 0, &arena), kept = 0;
    uint64_t clock = gy_history_clock(cache);
    room_teach(cache);
    for (unsigned k = 0; k < n; k++)
        set_freq(cache, k, k % 4 < 2 ? 0 : k % 4 - 1);
    while (room_state(cache, arena) != GY_FREE)
        CHECK(room_sweep(cache, 1 << 20));
    expect_left(cache, arena);
    for (unsigned k = 0; k < n; k++) {
        CHECK_EQ(stands(cache, k), (k % 4 >= 2));
        if (!stands(cache, k))
            continue;
        kept++;
        CHECK_EQ(gy_slot_freq(room_word(cache, key_of(k).text)), 0);
        CHECK_EQ(ring_of(cache, k), GY_MAIN);
        CHECK_EQ(kind_of(cache, k), gy_policy_kind_new(GY_KIND_UNKNOWN, k % 4 - 1)); /* as it was judged */
        CHECK(present(cache, k));
    }
    gyre_stats s = api_stats(cache);
    CHECK(kept > 10);
    CHECK_EQ(s.copied_entries, kept);
    CHECK_EQ(s.removed[GYRE_CAPACITY], n - kept);
    CHECK_EQ(s.entries, kept);
    CHECK_EQ(gy_history_clock(cache) - clock, n - kept); /* who went is remembered */
    api_close(cache);
}

/* Where nothing is known to be worse, nobody is let in. */
TEST(sweep, newcomers_have_to_be_better_than_somebody)
{
    gyre *cache = open_one();
    uint32_t arena;
    unsigned n = fill_arena(cache, GY_PROBATION, 0, &arena);
    for (unsigned k = 0; k < n; k++)
        set_freq(cache, k, 2);
    while (room_state(cache, arena) != GY_FREE)
        CHECK(room_sweep(cache, 1 << 20));
    CHECK_EQ(api_stats(cache).removed[GYRE_CAPACITY], n);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    api_close(cache);
}

TEST(sweep, main_keeps_what_was_hit)
{
    gyre *cache = open_one();
    uint32_t arena;
    unsigned n = fill_arena(cache, GY_MAIN, 0, &arena);
    uint64_t clock = gy_history_clock(cache);
    room_teach(cache);
    for (unsigned k = 0; k < n; k++)
        set_freq(cache, k, k % 4 == 3 ? 2 : k % 2);
    CHECK(room_sweep(cache, cache->arena_bytes));
    expect_left(cache, arena);
    for (unsigned k = 0; k < n; k++) {
        CHECK_EQ(stands(cache, k), (k % 2));
        if (!stands(cache, k))
            continue;
        CHECK_EQ(gy_slot_freq(room_word(cache, key_of(k).text)), 0); /* the next turn begins */
        CHECK_EQ(kind_of(cache, k), gy_policy_kind_main(GY_KIND_UNKNOWN, k % 4 == 3 ? 2 : 1));
        CHECK_EQ(ring_of(cache, k), GY_MAIN);
    }
    CHECK_EQ(gy_history_clock(cache) - clock, (n + 1) / 2);
    api_close(cache);
}

/* The hand stops inside, and goes on there: what is before the cursor is out, what is after is not. */
TEST(sweep, parks_and_goes_on)
{
    gyre *cache = open_one();
    uint32_t arena;
    unsigned n = fill_arena(cache, GY_PROBATION, 0, &arena), before = n, steps = 0;
    while (room_state(cache, arena) != GY_FREE) {
        CHECK(room_sweep(cache, 1));
        unsigned first = 0, left = 0;
        for (unsigned k = 0; k < n; k++)
            left += stands(cache, k);
        while (first < n && !stands(cache, first))
            first++;
        CHECK_EQ(left, n - first); /* in the order in which they came */
        CHECK(left < before);
        if (left > 0) {
            CHECK_EQ(room_state(cache, arena), GY_PARKED);
            uint64_t ref = gy_slot_ref(room_word(cache, key_of(first).text));
            uint64_t done = gy_load_seq(&cache->books[arena].progress);
            CHECK_EQ(done, (ref << 3) - gy_arena_offset(cache, arena));
            CHECK_EQ(gy_load_seq(&cache->books[arena].dead), done);
            uint32_t other; /* a younger arena does not distract the hand */
            if (steps == 0)
                fill_arena(cache, GY_PROBATION, 1000, &other);
        }
        before = left;
        steps++;
    }
    CHECK(steps > 1);
    expect_left(cache, arena);
    CHECK(present(cache, 1000));
    api_close(cache);
}

/* PARKED means that pins were looked at: a reader's pin that comes later does not stop the sweep, only
 * the reuse. */
TEST(sweep, a_pin_on_a_parked_arena_stops_its_reuse_only)
{
    gyre *cache = open_one();
    uint32_t arena;
    unsigned n = fill_arena(cache, GY_PROBATION, 0, &arena);
    CHECK(room_sweep(cache, 1));
    CHECK_EQ(room_state(cache, arena), GY_PARKED);
    gyre_view view;
    CHECK_OK(gyre_get(cache, key_of(n - 1).text, 16, &view));
    for (unsigned i = 0; i < 100 && room_state(cache, arena) == GY_PARKED; i++)
        room_sweep(cache, 1000);
    CHECK_EQ(room_state(cache, arena), GY_RETIRED);
    CHECK_EQ(room_refs_into(cache, arena), 0);
    CHECK_EQ(gy_arena_free_retired(cache), 0);
    CHECK(bytes_are(view.data, SIZE, n - 1));
    gyre_release(&view);
    CHECK_EQ(gy_arena_free_retired(cache), 1);
    expect_left(cache, arena);
    api_close(cache);
}

TEST(sweep, an_arena_held_by_a_view_is_passed_over)
{
    gyre *cache = open_one();
    uint32_t held, other;
    unsigned n = fill_arena(cache, GY_PROBATION, 0, &held);
    fill_arena(cache, GY_PROBATION, n, &other);
    gyre_view view;
    CHECK_OK(gyre_get(cache, key_of(0).text, 16, &view));
    CHECK(room_sweep(cache, cache->arena_bytes));
    CHECK_EQ(room_state(cache, held), GY_SEALED);
    expect_left(cache, other);
    for (unsigned k = 0; k < n; k++)
        CHECK(present(cache, k));
    CHECK(!room_sweep(cache, 1));
    gyre_release(&view);
    CHECK(room_sweep(cache, cache->arena_bytes));
    expect_left(cache, held);
    api_close(cache);
}

/* A writer that died in an arena leaves bytes of unknown length: its entries are found from the index. */
static void
sweep_with_gap(bool marked, unsigned freq)
{
    gyre *cache = open_one();
    uint32_t arena;
    CHECK_OK(room_put(cache, GY_PROBATION, key_of(0).text, SIZE, 0));
    arena = room_arena_of(cache, key_of(0).text);
    gy_atomic_u64 *position = &cache->books[arena].position;
    for (unsigned k = 1; k < 20; k++) {
        if (k % 5 == 0) { /* room reserved, and no header written */
            char *gap = cache->region.base + gy_arena_offset(cache, arena) + gy_load_seq(position);
            memset(gap, k == 10 ? 0xff : 0, 48);
            gy_add_seq(position, 48);
        }
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, SIZE, k));
        CHECK_EQ(room_arena_of(cache, key_of(k).text), arena);
    }
    for (unsigned k = 0; k < 20; k++)
        set_freq(cache, k, freq);
    room_teach(cache);
    gy_store_seq(&cache->books[arena].holed, marked);
    room_seal_all(cache);
    CHECK(room_sweep(cache, cache->arena_bytes));
    expect_left(cache, arena);
    for (unsigned k = 0; k < 20; k++)
        CHECK_EQ(present(cache, k), (freq > 0));
    gyre_stats s = api_stats(cache);
    CHECK_EQ(s.entries, freq > 0 ? 20 : 0);
    CHECK_EQ(s.removed[GYRE_CAPACITY], freq > 0 ? 0 : 20);
    api_close(cache);
}

TEST(sweep, live_entries_of_a_holed_arena_are_found)
{
    sweep_with_gap(true, 1);
    sweep_with_gap(true, 0);
}

TEST(sweep, a_gap_that_nobody_marked_is_noticed)
{
    sweep_with_gap(false, 1);
    sweep_with_gap(false, 0);
}

/* What stands in a gap may look like an entry that reaches over live ones: the mark alone tells. */
TEST(sweep, a_gap_that_looks_like_an_entry)
{
    gyre *cache = open_one();
    CHECK_OK(room_put(cache, GY_PROBATION, key_of(0).text, SIZE, 0));
    uint32_t arena = room_arena_of(cache, key_of(0).text);
    gy_atomic_u64 *position = &cache->books[arena].position;
    uint64_t gap = gy_load_seq(position);
    gy_add_seq(position, 48);
    for (unsigned k = 1; k < 20; k++)
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, SIZE, k));
    uint64_t reach = gy_slot_ref(room_word(cache, key_of(15).text)) << 3;
    reach -= gy_arena_offset(cache, arena) + gap;
    struct gy_header h = {.key_bytes = 8, .value_bytes = (uint32_t)reach - 16,
                          .generation = gy_arena_generation(gy_load_seq(&cache->words[arena]))};
    gy_entry_set_header(cache->region.base + gy_arena_offset(cache, arena) + gap, h);
    gy_store_seq(&cache->books[arena].holed, 1);
    room_seal_all(cache);
    CHECK(room_sweep(cache, cache->arena_bytes));
    expect_left(cache, arena);
    api_close(cache);
}

/* Words in the making that refer into a swept arena are of the dead, and go. */
TEST(sweep, tentative_words_go)
{
    gyre *cache = open_one();
    struct gy_staged s = room_stage(cache, GY_PROBATION, "dead", "value", 5);
    gy_arena_unpin(cache, NULL, &s);
    struct gy_window w;
    gy_index_window(cache, room_hash(cache, "dead"), &w);
    gy_store_seq(&w.bucket[1]->slot[2], gy_slot_word(room_hash(cache, "dead"), 3, s.ref) | GY_T);
    room_seal_all(cache);
    CHECK(room_sweep(cache, cache->arena_bytes));
    expect_left(cache, s.arena);
    CHECK_EQ(gy_load_seq(&w.bucket[1]->slot[2]), GY_EMPTY);
    api_close(cache);
}

/* Mostly garbage: everything that lives is kept, with its frequency and in its ring. */
TEST(sweep, compaction_keeps_everything)
{
    for (unsigned ring = 0; ring < GY_RINGS; ring++) {
        gyre *cache = open_one();
        uint32_t arena;
        unsigned n = fill_arena(cache, ring, 0, &arena), live = 0;
        for (unsigned k = 0; k < n; k++)
            if (k % 3 == 0)
                set_freq(cache, k, k % 2), live++;
            else
                CHECK_OK(gyre_delete(cache, key_of(k).text, 16));
        CHECK(room_sweep(cache, cache->arena_bytes));
        expect_left(cache, arena);
        for (unsigned k = 0; k < n; k++) {
            CHECK_EQ(present(cache, k), (k % 3 == 0));
            if (k % 3 != 0)
                continue;
            CHECK_EQ(gy_arena_ring(gy_load_seq(&cache->words[room_arena_of(cache, key_of(k).text)])), ring);
        }
        gyre_stats s = api_stats(cache);
        CHECK_EQ(s.copied_entries, live);
        CHECK_EQ(s.removed[GYRE_CAPACITY], 0);
        api_close(cache);
    }
}

TEST(sweep, compaction_keeps_the_frequency_across_a_stop)
{
    gyre *cache = open_one();
    uint32_t arena;
    unsigned n = fill_arena(cache, GY_PROBATION, 0, &arena);
    for (unsigned k = 0; k < n; k++) {
        set_freq(cache, k, 1);
        if (k % 3 != 0)
            CHECK_OK(gyre_delete(cache, key_of(k).text, 16));
    }
    CHECK(room_sweep(cache, 1));
    CHECK_EQ(room_state(cache, arena), GY_PARKED);
    CHECK(gy_load_seq(&cache->books[arena].progress) & GY_PROGRESS_COMPACT);
    while (room_state(cache, arena) == GY_PARKED)
        CHECK(room_sweep(cache, 1));
    expect_left(cache, arena);
    for (unsigned k = 0; k < n; k += 3)
        CHECK_EQ(gy_slot_freq(room_word(cache, key_of(k).text)), 1);
    api_close(cache);
}

/* What is copied keeps its TTL, version and flags. */
TEST(sweep, a_copy_is_complete)
{
    struct api_clock clock = {1000};
    gyre_options options = api_options(1 << 20, GYRE_NO_THREAD | GYRE_VERSIONS);
    options.clock_ms = api_clock_read, options.clock_arg = &clock, options.value_align = 64;
    gyre *cache = api_open_with(&options);
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    uint64_t version;
    put.ttl_ms = 5000, put.user_flags = 0xabcd, put.new_version = &version;
    CHECK_OK(gyre_put(cache, "key", 3, "a value", 7, &put));
    gyre_view view;
    for (unsigned i = 0; i < 3; i++) { /* three hits, three moves */
        CHECK_OK(gyre_get(cache, "key", 3, &view));
        gyre_release(&view);
    }
    uint32_t arena = room_arena_of(cache, "key");
    room_seal_all(cache);
    atomic_store(&clock.ms, 3000);
    CHECK(room_sweep(cache, cache->arena_bytes));
    CHECK(room_arena_of(cache, "key") != arena);
    CHECK_OK(gyre_get(cache, "key", 3, &view));
    CHECK(view.size == 7 && memcmp(view.data, "a value", 7) == 0 && (uintptr_t)view.data % 64 == 0);
    CHECK_EQ(view.version, version);
    CHECK_EQ(view.user_flags, 0xabcd);
    CHECK_EQ(view.ttl_left_ms, 3000);
    gyre_release(&view);
    atomic_store(&clock.ms, 6000); /* past its time it is not copied, however popular */
    room_seal_all(cache);
    CHECK(room_sweep(cache, cache->arena_bytes));
    CHECK_EQ(api_stats(cache).removed[GYRE_EXPIRED], 1);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    api_close(cache);
}

#ifdef GY_POINTS
static void
note_the_pin(struct trap *trap, const volatile void *address)
{
    (void)address;
    trap->word = gy_load_seq(&room_record(trap->cache)->pin[GY_PIN_COPY]);
}

/* Else the arena of the copy could be swept, and freed, before anything refers to it. */
TEST(sweep, a_copy_is_pinned_until_it_is_published)
{
    gyre *cache = open_one();
    uint32_t arena;
    fill_arena(cache, GY_MAIN, 0, &arena);
    set_freq(cache, 0, 1);
    gy_atomic_u64 *slot = slot_of(cache, 0);
    uint64_t before = gy_load_seq(slot);
    struct trap trap = {.file = "walk.c", .address = slot, .again = true, .action = note_the_pin, .cache = cache};
    room_record(cache);
    trap_set(&trap);
    CHECK(room_sweep(cache, cache->arena_bytes));
    trap_clear(&trap);
    uint64_t after = gy_load_seq(slot);
    CHECK(after != GY_EMPTY && gy_slot_ref(after) != gy_slot_ref(before));
    CHECK(trap.word != 0 && gy_pin_arena(trap.word) == gy_ref_arena(cache, gy_slot_ref(after)));
    api_close(cache);
}
#endif

TEST(sweep, an_entry_replaced_meanwhile_is_left_alone)
{
    gyre *cache = open_one();
    uint32_t arena;
    unsigned n = fill_arena(cache, GY_PROBATION, 0, &arena);
    for (unsigned k = 0; k < n; k += 2)
        CHECK_OK(room_put(cache, GY_MAIN, key_of(k).text, SIZE, k));
    CHECK(room_sweep(cache, cache->arena_bytes));
    expect_left(cache, arena);
    for (unsigned k = 0; k < n; k += 2)
        CHECK(present(cache, k));
    api_close(cache);
}

TEST(sweep, room_is_made_until_pins_hold_everything)
{
    gyre *cache = open_one();
    struct gy_record *r = room_record(cache);
    char value[SIZE] = {0};
    unsigned k = 0;
    struct gy_staged s;
    for (;; k++) { /* all arenas are taken, the reserve too */
        struct api_key key = key_of(k);
        struct gy_content c = room_content(key.text, value, SIZE);
        fill_bytes(value, SIZE, k);
        if (!gy_arena_stage(cache, &r->pin[GY_PIN_PUT], GY_PROBATION, &c, true, &s))
            break;
        CHECK_OK(room_publish(cache, GY_PUT_ANY, key.text, &s, 0));
    }
    CHECK_EQ(room_count_states(cache, GY_FREE), 0);
    CHECK(gy_sweep_room(cache, r, false));
    CHECK(room_count_states(cache, GY_FREE) > cache->g.reserve_arenas);
    for (; gy_load_seq(&cache->super->n_free) > 0; k++)
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, SIZE, k));
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        gy_store_seq(gy_record_view_pin(cache, r), gy_pin_word(cache, a, GY_PIN_READ));
    CHECK(!gy_sweep_room(cache, r, false));
    int result = gyre_put(cache, "too large", 9, cache->region.base, cache->g.max_value_bytes, NULL);
    CHECK_EQ(result, GYRE_EBUSY);
    uint64_t words = room_refs_into(cache, UINT32_MAX);
    CHECK(words > 0);
    for (uint32_t i = 0; i < cache->g.n_records; i++)
        for (unsigned p = 0; p < GY_PINS; p++)
            gy_pin_clear(&cache->records[i].pin[p]);
    CHECK(gy_sweep_room(cache, r, false));
    api_close(cache);
}

/* Or a put would look for ever for an arena that is not there. */
TEST(sweep, whatever_n_free_says)
{
    enum { PUTS = 8000, TOO_MANY = 1000 };
    gyre *cache = open_one();
    for (unsigned k = 0; k < PUTS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
    gy_add_rlx(&cache->super->n_free, TOO_MANY);
    for (unsigned k = 0; k < PUTS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k + 1));
    CHECK(has_bytes(cache, key_of(PUTS - 1).text, SIZE, PUTS));
    api_close(cache);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* max_entries is held by all threads together: what each state of an arena that several are at means, by hand. */

#include "limit.h"

#include "choose.h"
#include "room.h"

enum { SIZE = 100 };

static gyre *
open_limited(uint64_t limit)
{
    room_stay();
    gyre_options o = api_options(1 << 20, GYRE_NO_THREAD);
    o.max_entries = limit;
    return api_open_with(&o);
}

static uint64_t
progress_of(gyre *cache, uint32_t arena)
{
    return gy_load_seq(&cache->books[arena].progress);
}

static uint64_t
walks_of(gyre *cache, uint32_t arena)
{
    return (progress_of(cache, arena) & GY_PROGRESS_WALK) / GY_PROGRESS_WALK_ONE;
}

static bool
all_taken(gyre *cache, uint32_t arena)
{
    uint64_t end = gy_load_seq(&cache->books[arena].position) & ~GY_CLOSED;
    return gy_progress_taken(progress_of(cache, arena)) >= end;
}

static unsigned
standing(gyre *cache, unsigned first, unsigned n)
{
    unsigned found = 0;
    for (unsigned k = first; k < first + n; k++)
        found += room_word(cache, key_of(k).text) != 0;
    return found;
}

/* Puts that leave the limit to others. */
static void
put_some(gyre *cache, unsigned first, unsigned n)
{
    for (unsigned k = first; k < first + n; k++)
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, SIZE, k));
}

static uint64_t
entries_of(gyre *cache)
{
    return gy_load_seq(&cache->super->n_entries[0]) + gy_load_seq(&cache->super->n_entries[1]);
}

/* Puts more, one at a time, and holds the limit, until an arena is in one of these states. */
static void
go_on_until(gyre *cache, uint32_t arena, enum gy_arena_state state, enum gy_arena_state or_state)
{
    for (unsigned k = 1000;; k++) {
        enum gy_arena_state now = room_state(cache, arena);
        if (now == state || now == or_state)
            return;
        CHECK_MSG(k < 2000, "the arena is in state %d", (int)now);
        put_some(cache, k, 1);
        gy_limit_hold(cache, room_record(cache));
        CHECK(entries_of(cache) <= cache->g.max_entries);
    }
}

/* What must be true of a limited cache that nobody is in. */
static void
check_books(gyre *cache)
{
    uint64_t committed = 0;
    for (unsigned i = 0; i < cache->g.n_shards; i++)
        committed += (uint64_t)gy_account_entries(cache, i);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), committed);
    CHECK_EQ(entries_of(cache), committed);
    CHECK_EQ(room_count_states(cache, GY_FREE), gy_load_seq(&cache->super->n_free));
    CHECK_EQ(room_count_states(cache, GY_SWEEPING), 0);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        if (room_state(cache, a) == GY_FREE || room_state(cache, a) == GY_RETIRED)
            CHECK_EQ(room_refs_into(cache, a), 0);
}

TEST(limit, a_walk_has_a_number)
{
    const uint64_t most = GY_PROGRESS_WALK / GY_PROGRESS_WALK_ONE;
    uint64_t progress = 0;
    for (unsigned n = 1; n < 3 * most; n++) {
        uint64_t before = progress + 77 * GY_PROGRESS_BUSY_ONE + 4096 + (n % 2 ? GY_PROGRESS_LATE : 0);
        if (n % 3 == 0)
            before |= GY_PROGRESS_COMPACT;
        progress = gy_progress_again(before);
        CHECK_EQ(progress & GY_PROGRESS_BUSY, 0);
        CHECK_EQ(progress & GY_PROGRESS_LATE, 0);
        CHECK_EQ(gy_progress_taken(progress), 0);
        CHECK_EQ((progress & GY_PROGRESS_WALK) / GY_PROGRESS_WALK_ONE, n % (most + 1));
        CHECK_EQ((progress & GY_PROGRESS_COMPACT) != 0, n >= 3);
    }
    progress |= GY_PROGRESS_COMPACT | GY_PROGRESS_LATE | GY_PROGRESS_WALK | GY_PROGRESS_BUSY;
    CHECK_EQ(gy_progress_taken(progress | 4711), 4711);
}

/* A sealed arena is parked before anything in it is judged, and is gone when all of it was. */
TEST(limit, an_arena_is_parked_walked_and_freed)
{
    gyre *cache = open_limited(10);
    put_some(cache, 0, 15);
    uint32_t arena = room_arena_of(cache, key_of(14).text);
    CHECK_EQ(room_arena_of(cache, key_of(0).text), arena);
    gy_limit_hold(cache, room_record(cache));
    CHECK_EQ(entries_of(cache), 10);
    CHECK_EQ(room_state(cache, arena), GY_PARKED);
    CHECK_EQ(progress_of(cache, arena) & (GY_PROGRESS_BUSY | GY_PROGRESS_LATE | GY_PROGRESS_WALK), 0);
    CHECK_EQ(standing(cache, 0, 5), 0); /* nobody was hit: the oldest go */
    CHECK_EQ(standing(cache, 5, 10), 10);
    CHECK_EQ(gy_load_seq(&room_record(cache)->pin[GY_PIN_MOVE]), 0);
    go_on_until(cache, arena, GY_RETIRED, GY_FREE);
    CHECK_EQ(room_refs_into(cache, arena), 0);
    gy_arena_free_retired(cache);
    CHECK_EQ(room_state(cache, arena), GY_FREE);
    check_books(cache);
    api_close(cache);
}

/* Arenas come back however long it goes on, and few are in the middle of something. */
TEST(limit, parked_arenas_do_not_pile_up)
{
    static const unsigned limits[] = {1, 2, 3, 10, 50, 1000};
    for (unsigned l = 0; l < sizeof limits / sizeof *limits; l++) {
        gyre *cache = open_limited(limits[l]);
        for (unsigned k = 0; k < 20000; k++) {
            CHECK_OK(put_bytes(cache, key_of(k % 3000).text, SIZE, k));
            if (k % 500 == 0)
                CHECK(room_count_states(cache, GY_PARKED) <= GY_RINGS);
        }
        CHECK_EQ(entries_of(cache), limits[l]);
        check_books(cache);
        CHECK_EQ(api_stats(cache).window_conflicts, 0);
        CHECK(gy_load_seq(&cache->super->sweeps) > 20);
        api_close(cache);
    }
}

/* Entries go, and their bytes stay as long as somebody looks at them. */
TEST(limit, a_view_holds_bytes_and_not_entries)
{
    gyre *cache = open_limited(20);
    put_some(cache, 0, 20);
    uint32_t arena = room_arena_of(cache, key_of(3).text);
    gyre_view view;
    CHECK_OK(gyre_get(cache, key_of(3).text, 16, &view));
    go_on_until(cache, arena, GY_RETIRED, GY_RETIRED);
    CHECK_EQ(room_refs_into(cache, arena), 0);
    for (unsigned k = 3000; k < 8000; k++) {
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
        CHECK(entries_of(cache) <= 20);
    }
    CHECK_EQ(room_state(cache, arena), GY_RETIRED);
    CHECK(bytes_are(view.data, SIZE, 3));
    gyre_release(&view);
    gy_arena_free_retired(cache);
    CHECK_EQ(room_state(cache, arena), GY_FREE);
    check_books(cache);
    api_close(cache);
}

/* A writer who pinned the arena while it was open may publish into it when all that was there is judged. */
static void
publish_late(unsigned drop)
{
    gyre *cache = open_limited(10);
    struct gy_record *r = room_record(cache);
    gy_atomic_u64 *pin = gy_record_view_pin(cache, r);
    struct gy_content c = room_content("late", "value", 5);
    struct gy_staged staged;
    put_some(cache, 0, 10);
    uint32_t arena = room_arena_of(cache, key_of(0).text);
    CHECK(gy_arena_stage(cache, pin, GY_PROBATION, &c, true, &staged));
    CHECK_EQ(staged.arena, arena);
    put_some(cache, 10, 5); /* on both sides of it */
    gy_limit_hold(cache, r);
    CHECK_EQ(room_state(cache, arena), GY_PARKED);
    CHECK(progress_of(cache, arena) & GY_PROGRESS_LATE);
    for (unsigned k = 1000; k < 1100; k++) { /* much longer than it takes */
        put_some(cache, k, 1);
        gy_limit_hold(cache, r);
        CHECK(entries_of(cache) <= 10);
        CHECK_EQ(room_state(cache, arena), GY_PARKED);
    }
    CHECK(all_taken(cache, arena));
    CHECK_EQ(room_refs_into(cache, arena), 0);
    CHECK_EQ(walks_of(cache, arena), 0);
    if (drop) {
        gy_arena_unpin(cache, NULL, &staged);
    } else {
        struct gy_aim aim = gy_aim_at(cache, "late", 4, room_hash(cache, "late"), GY_PUT_ANY, 0);
        CHECK_OK(gy_index_publish(cache, r, &aim, &staged));
        CHECK_EQ(room_refs_into(cache, arena), 1);
        gy_arena_unpin(cache, NULL, &staged);
        CHECK(has_text(cache, "late", "value"));
    }
    go_on_until(cache, arena, GY_RETIRED, GY_FREE);
    CHECK_EQ(room_refs_into(cache, arena), 0);
    CHECK_EQ(walks_of(cache, arena), 1);
    check_books(cache);
    api_close(cache);
}

TEST(limit, what_is_published_late_is_found_by_a_second_walk)
{
    publish_late(false);
    publish_late(true);
}

/* The same with what users have in their hands: any number of drafts, published when nobody expects them. */
TEST(limit, drafts_outlive_the_walk_of_their_arena)
{
    enum { DRAFTS = 8 };
    gyre *cache = open_limited(10);
    for (unsigned round = 0; round < 50; round++) {
        gyre_draft draft[DRAFTS];
        for (unsigned i = 0; i < DRAFTS; i++) {
            char name[16];
            int n = snprintf(name, sizeof name, "draft%u", i);
            CHECK_OK(gyre_reserve(cache, name, (size_t)n, SIZE, NULL, &draft[i]));
            fill_bytes(draft[i].data, SIZE, i);
            CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, i));
        }
        for (unsigned k = 0; k < 100; k++)
            CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
        for (unsigned i = 0; i < DRAFTS; i++) {
            char name[16];
            snprintf(name, sizeof name, "draft%u", i);
            CHECK_OK(gyre_commit(&draft[i]));
            CHECK(is_missing(cache, name) || has_bytes(cache, name, SIZE, i));
            CHECK(entries_of(cache) <= 10);
        }
    }
    for (unsigned k = 0; k < 2000; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        CHECK(room_state(cache, a) != GY_PARKED || !(progress_of(cache, a) & GY_PROGRESS_LATE));
    check_books(cache);
    api_close(cache);
}

/* As if a thread had taken the entries before that place, one of which it has not done yet. */
static void
take_and_stop(gyre *cache, uint32_t arena, uint64_t taken)
{
    gy_store_seq(&cache->super->n_records_used, 8);
    room_seal_all(cache);
    room_set_state(cache, arena, GY_PARKED);
    gy_store_seq(&cache->records[7].pin[GY_PIN_MOVE], gy_pin_word(cache, arena, GY_PIN_SWEEPING));
    gy_store_seq(&cache->books[arena].progress, GY_PROGRESS_BUSY_ONE + taken);
}

/* Somebody was stopped for good: the others go on. What he took stands, for nobody knows whether he has done it. */
TEST(limit, a_thread_that_never_comes_back_holds_nobody_up)
{
    gyre *cache = open_limited(10);
    put_some(cache, 0, 12);
    uint32_t arena = room_arena_of(cache, key_of(0).text);
    uint64_t second = gy_slot_ref(room_word(cache, key_of(1).text)) << 3;
    take_and_stop(cache, arena, second - gy_arena_offset(cache, arena));
    for (unsigned k = 1000; k < 1200; k++) {
        put_some(cache, k, 1);
        gy_limit_hold(cache, room_record(cache));
        CHECK(entries_of(cache) <= 10);
    }
    CHECK_EQ(standing(cache, 1, 11), 0);
    CHECK(room_state(cache, arena) != GY_FREE); /* he may look at its bytes */
    CHECK(room_state(cache, arena) == GY_PARKED || standing(cache, 0, 1) == 0);
    gy_pin_clear(&cache->records[7].pin[GY_PIN_MOVE]);
    check_books(cache);
    api_close(cache);
}

/* When nothing else is left, it is walked again by the others, and he finds that the walk is another. */
TEST(limit, what_a_stopped_thread_took_is_done_by_others)
{
    gyre *cache = open_limited(10);
    struct gy_record *r = room_record(cache);
    struct gy_choice choice;
    put_some(cache, 0, 12);
    uint32_t arena = room_arena_of(cache, key_of(0).text);
    take_and_stop(cache, arena, gy_load_seq(&cache->books[arena].position));
    CHECK(!gy_choose_for_limit(cache, r, GY_PROBATION, false, &choice));
    CHECK_EQ(gy_load_seq(&r->pin[GY_PIN_MOVE]), 0);
    CHECK(all_taken(cache, arena) && walks_of(cache, arena) == 0);
    CHECK(gy_choose_for_limit(cache, r, GY_PROBATION, true, &choice));
    CHECK(choice.arena == arena && gy_arena_state(choice.word) == GY_PARKED);
    CHECK_EQ(progress_of(cache, arena), GY_PROGRESS_WALK_ONE);
    gy_pin_clear(&r->pin[GY_PIN_MOVE]);
    go_on_until(cache, arena, GY_RETIRED, GY_RETIRED);
    CHECK_EQ(room_refs_into(cache, arena), 0);
    CHECK_EQ(gy_arena_free_retired(cache), 0);
    gy_pin_clear(&cache->records[7].pin[GY_PIN_MOVE]);
    CHECK_EQ(gy_arena_free_retired(cache), 1);
    check_books(cache);
    api_close(cache);
}

/* Any number of threads are at one arena, each with a pin that holds its bytes and counts for no writer's. */
TEST(limit, several_join_one_arena)
{
    gyre *cache = open_limited(10);
    struct gy_record *other = &cache->records[7], *r = room_record(cache);
    struct gy_choice mine, theirs;
    gy_store_seq(&cache->super->n_records_used, 8);
    put_some(cache, 0, 15);
    uint32_t arena = room_arena_of(cache, key_of(0).text);
    CHECK(gy_choose_for_limit(cache, r, GY_PROBATION, false, &mine));
    CHECK(gy_choose_for_limit(cache, other, GY_PROBATION, false, &theirs));
    CHECK(mine.arena == arena && theirs.arena == arena && gy_arena_state(mine.word) == GY_PARKED && mine.word == theirs.word);
    CHECK_EQ(mine.word, theirs.word);
    CHECK_EQ(room_state(cache, arena), GY_PARKED);
    CHECK(gy_arena_pinned(cache, arena) && !gy_arena_written(cache, arena));
    gy_pin_clear(&r->pin[GY_PIN_MOVE]);
    go_on_until(cache, arena, GY_RETIRED, GY_RETIRED);
    CHECK_EQ(gy_arena_free_retired(cache), 0); /* the other one is still at it */
    gy_pin_clear(&other->pin[GY_PIN_MOVE]);
    CHECK_EQ(gy_arena_free_retired(cache), 1);
    check_books(cache);
    api_close(cache);
}

/* Pins of those who write keep an arena late, whatever they are called; readers' and sweepers' do not. */
TEST(limit, whose_pins_make_an_arena_late)
{
    static const struct { unsigned pin; enum gy_pin_kind kind; bool writes; } pins[] = {
        {GY_PIN_PUT, GY_PIN_RESERVING, true}, {GY_PIN_PUT, GY_PIN_FILLING, true}, {GY_PIN_COPY, GY_PIN_FILLING, true},
        {GY_PIN_MOVE, GY_PIN_READ, true}, {GY_PIN_VIEWS, GY_PIN_FILLING, true}, {GY_PIN_VIEWS, GY_PIN_READ, false},
        {GY_PIN_COMPARE, GY_PIN_READ, false}, {GY_PIN_MOVE, GY_PIN_SWEEPING, false}};
    for (unsigned i = 0; i < sizeof pins / sizeof *pins; i++) {
        gyre *cache = open_limited(10);
        put_some(cache, 0, 15);
        uint32_t arena = room_arena_of(cache, key_of(0).text);
        gy_atomic_u64 *pin = &cache->records[7].pin[pins[i].pin];
        gy_store_seq(&cache->super->n_records_used, 8);
        gy_store_seq(pin, gy_pin_word(cache, arena, pins[i].kind));
        gy_limit_hold(cache, room_record(cache));
        CHECK_EQ(room_state(cache, arena), GY_PARKED);
        CHECK_MSG(!!(progress_of(cache, arena) & GY_PROGRESS_LATE) == pins[i].writes, "pin %u of kind %d", pins[i].pin,
                  (int)pins[i].kind);
        gy_store_seq(pin, 0);
        go_on_until(cache, arena, GY_RETIRED, GY_FREE);
        check_books(cache);
        api_close(cache);
    }
}

/* A sweep for room takes over an arena that others have begun: what is late or in somebody's hands, from the start. */
TEST(limit, room_is_made_of_arenas_that_are_parked)
{
    for (unsigned how = 0; how < 3; how++) {
        gyre *cache = open_limited(10);
        struct gy_record *r = room_record(cache);
        struct gy_choice choice;
        put_some(cache, 0, 15);
        uint32_t arena = room_arena_of(cache, key_of(0).text);
        gy_limit_hold(cache, r);
        CHECK_EQ(room_state(cache, arena), GY_PARKED);
        uint64_t flag = how == 0 ? 0 : how == 1 ? GY_PROGRESS_LATE : GY_PROGRESS_BUSY_ONE;
        uint64_t before = progress_of(cache, arena);
        gy_store_seq(&cache->books[arena].progress, before | flag);
        CHECK(gy_choose_for_room(cache, room_record(cache), GY_FOREGROUND, &choice));
        CHECK(choice.arena == arena && gy_arena_state(choice.word) == GY_SWEEPING);
        CHECK_EQ(room_state(cache, arena), GY_SWEEPING);
        room_set_state(cache, arena, GY_PARKED);
        while (room_state(cache, arena) == GY_PARKED)
            CHECK(room_sweep(cache, 1));
        CHECK_EQ(room_refs_into(cache, arena), 0);
        check_books(cache);
        api_close(cache);
    }
}

TEST(limit, a_limit_of_one_entry)
{
    gyre_options options = api_options(1 << 20, GYRE_NO_THREAD);
    options.max_entries = 1;
    gyre *cache = api_open_with(&options);
    for (unsigned k = 0; k < 3000; k++) {
        CHECK_OK(put_bytes(cache, key_of(k % 700).text, SIZE, k % 700));
        gyre_stats s = api_stats(cache);
        CHECK_EQ(s.entries, 1);
        CHECK_EQ(room_refs_into(cache, UINT32_MAX), 1);
    }
    gyre_stats s = api_stats(cache);
    CHECK_EQ(s.removed[GYRE_ENTRY_LIMIT] + s.removed[GYRE_REPLACED] + s.removed[GYRE_CAPACITY] + 1, 3000);
    api_close(cache);
}

/* The limit holds although views hold every arena: entries are taken out of the index. */
TEST(limit, a_limit_under_pins)
{
    gyre_options options = api_options(1 << 20, GYRE_NO_THREAD);
    options.max_entries = 5;
    gyre *cache = api_open_with(&options);
    gyre_view view[40];
    for (unsigned k = 0; k < 40; k++) {
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
        gyre_get(cache, key_of(k).text, 16, &view[k]);
        CHECK(api_stats(cache).entries <= 5);
    }
    for (unsigned k = 0; k < 40; k++) {
        CHECK(view[k].data == NULL || bytes_are(view[k].data, SIZE, k));
        gyre_release(&view[k]);
    }
    api_close(cache);
}

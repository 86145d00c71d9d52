/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Many threads sweep at once, and stop in the middle of arenas: nothing piles up that nobody goes on with. */

#include <pthread.h>
#include <sched.h>

#include "choose.h"
#include "hand.h"
#include "history.h"
#include "room.h"
#include "whole.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(GY_POINTS)
enum { PUTS = 20000, KEYS = 60000 };
#else
enum { PUTS = 800000, KEYS = 600000 };
#endif
enum { THREADS = 6, MANY = 150000, SIZE = 64, ROOM = 168 }; /* bytes an entry: six tenths of them are used */

static void *
overwrite(void *arg)
{
    gyre *cache = arg;
    static _Atomic unsigned seeds;
    uint32_t draw = ++seeds * 7919;
    char value[SIZE] = {0};
    for (unsigned i = 0; i < PUTS; i++) {
        draw = draw * 1664525 + 1013904223;
        CHECK_OK(gyre_put(cache, key_of((draw >> 8) % KEYS).text, 16, value, SIZE, NULL));
    }
    return NULL;
}

/* Six tenths of the room: all of it can stay. */
TEST(hands, arenas_swept_in_pieces_do_not_pile_up)
{
    gyre *cache = api_open((uint64_t)KEYS * ROOM, 0);
    pthread_t thread[THREADS];
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
    for (unsigned t = 0; t < THREADS; t++)
        CHECK_EQ(pthread_create(&thread[t], NULL, overwrite, cache), 0);
    for (unsigned t = 0; t < THREADS; t++)
        CHECK_EQ(pthread_join(thread[t], NULL), 0);
    CHECK_MSG(room_count_states(cache, GY_PARKED) <= GY_HANDS + THREADS, "%u parked", room_count_states(cache, GY_PARKED));
    CHECK_EQ(api_stats(cache).removed[GYRE_CAPACITY], 0);
    api_close(cache);
}

/* Moves this thread to a processor; false: there is none such. */
static bool
go_to(unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    bool moved = sched_setaffinity(0, sizeof set, &set) == 0;
    gy_os_look_around(); /* which it does by itself a few dozen looks later */
    return moved;
}

/* A lane is a hint that is not asked for each time, and not kept for ever. */
TEST(hands, a_thread_that_moved_is_soon_in_another_lane)
{
    gyre *cache = api_open((uint64_t)KEYS * ROOM, GYRE_NO_THREAD);
    cpu_set_t before;
    CHECK_EQ(sched_getaffinity(0, sizeof before, &before), 0);
    for (unsigned cpu = 0; cpu < 2 && cpu < cache->g.n_lanes; cpu++) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) != 0)
            continue;
        for (unsigned i = 0; i < 100; i++)
            gy_lane_here(cache);
        CHECK_EQ(gy_lane_here(cache), cpu);
    }
    CHECK_EQ(sched_setaffinity(0, sizeof before, &before), 0);
    api_close(cache);
}

/* The arena that is parked and not `other`; UINT32_MAX: none. */
static uint32_t
parked_beside(gyre *cache, uint32_t other)
{
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        if (a != other && room_state(cache, a) == GY_PARKED)
            return a;
    return UINT32_MAX;
}

static uint64_t
walked(gyre *cache, uint32_t arena)
{
    return gy_progress_taken(gy_load_seq(&cache->books[arena].progress));
}

/* Has more been left in it than is walked below? */
static bool
is_long(gyre *cache, uint32_t arena)
{
    return (gy_load_seq(&cache->books[arena].position) & ~GY_CLOSED) > walked(cache, arena) + cache->arena_bytes / 2;
}

/* Sweeps at a processor until it has stopped in a long arena. */
static uint32_t
stop_at(gyre *cache, unsigned cpu, uint32_t other)
{
    uint32_t mine = UINT32_MAX;
    CHECK(go_to(cpu));
    for (unsigned tries = 0; mine == UINT32_MAX || !is_long(cache, mine); tries++) {
        CHECK_MSG(tries < 1000, "processor %u", cpu);
        CHECK(room_sweep(cache, 1));
        mine = parked_beside(cache, other);
    }
    return mine;
}

/* Each processor goes on in the arena where it stopped, and leaves another's alone. */
TEST(hands, a_processor_goes_on_where_it_stopped)
{
    cpu_set_t before;
    sched_getaffinity(0, sizeof before, &before);
    gyre *cache = room_open_many();
    if (cache->hands_apart && go_to(0) && go_to(1)) {
        uint32_t mine[2] = {UINT32_MAX, UINT32_MAX};
        for (unsigned k = 0; k < KEYS / 2; k++)
            CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
        while (parked_beside(cache, UINT32_MAX) != UINT32_MAX)
            CHECK(room_sweep(cache, 1));
        do { /* again when a look at all arenas came upon the first one's */
            mine[0] = stop_at(cache, 0, mine[1]);
            mine[1] = stop_at(cache, 1, mine[0]);
        } while (!is_long(cache, mine[0]));
        for (unsigned i = 0; i < 6; i++) {
            uint64_t was[2] = {walked(cache, mine[0]), walked(cache, mine[1])};
            CHECK(go_to(i % 2));
            CHECK(room_sweep(cache, 1));
            CHECK(walked(cache, mine[i % 2]) > was[i % 2]);
            CHECK_EQ(walked(cache, mine[1 - i % 2]), was[1 - i % 2]);
        }
    }
    api_close(cache);
    sched_setaffinity(0, sizeof before, &before);
}

/* It is taken over when it was met twice where it stands. */
TEST(hands, one_that_stands_still_is_found)
{
    cpu_set_t before;
    sched_getaffinity(0, sizeof before, &before);
    gyre *cache = room_open_many();
    if (cache->hands_apart && go_to(1) && go_to(0)) {
        for (unsigned k = 0; k < KEYS / 2; k++)
            CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
        uint32_t mine = stop_at(cache, 0, UINT32_MAX);
        for (unsigned turn = 0; turn < 2; turn++) {
            CHECK(!gy_hand_busy(cache, mine)); /* the own one */
            CHECK(go_to(1));
            CHECK(gy_hand_busy(cache, mine));
            CHECK_EQ(whole_faults(cache, NULL), 0);
            CHECK(go_to(0));
            CHECK(room_sweep(cache, 1)); /* it moves */
        }
        CHECK(go_to(1));
        CHECK(gy_hand_busy(cache, mine));
        CHECK(!gy_hand_busy(cache, mine));
        CHECK(!gy_hand_busy(cache, (mine + 1) % cache->g.n_arenas));
    }
    api_close(cache);
    sched_setaffinity(0, sizeof before, &before);
}

/* What one has left, the next does not take away from him. */
TEST(hands, two_that_stop_at_one_processor_are_both_found)
{
    gyre *cache = room_open_many();
    uint32_t arena[3];
    for (unsigned k = 0, n = 0; n < 3; k++) {
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
        uint32_t here = room_arena_of(cache, key_of(k).text);
        if (n == 0 || here != arena[n - 1])
            arena[n++] = here;
    }
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(room_state(cache, arena[i]), GY_SEALED);
        gy_hand_leave(cache, gy_hand_own(cache), arena[i], false);
        room_set_state(cache, arena[i], GY_PARKED);
    }
    unsigned hands = 0;
    for (unsigned i = 0; i < GY_HANDS; i++)
        gy_hand_leave(cache, gy_hand_own(cache), arena[1], false); /* it is there already */
    for (unsigned i = 0; i < GY_HANDS; i++)
        hands += gy_load_seq(&cache->super->hand[i].parked) == arena[1] + 1;
    CHECK_EQ(hands, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct gy_choice choice;
        CHECK(gy_choose_for_room(cache, room_record(cache), GY_FOREGROUND, &choice));
        CHECK_EQ(choice.arena, arena[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        room_set_state(cache, arena[i], GY_SEALED);
    api_close(cache);
}

static bool
untold_anything(const gyre *cache, unsigned hand)
{
    unsigned n = 0;
    for (unsigned what = 0; what < GY_UNSAIDS; what++)
        n += gy_load_seq(&cache->untold[hand].n[what]);
    return n > 0;
}

/* What was seen waits at the own hand to be told, where hands are apart and entries have no limit. */
TEST(hands, what_is_seen_waits_at_the_own_hand)
{
    cpu_set_t before;
    sched_getaffinity(0, sizeof before, &before);
    CHECK(go_to(0));
    for (unsigned limited = 0; limited < 2; limited++) {
        gyre_options options = api_options(10 << 20, GYRE_NO_THREAD);
        options.max_entries = limited ? MANY / 4 : 0;
        gyre *cache = api_open_with(&options);
        for (unsigned k = 0; k < MANY; k++)
            CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
        CHECK(api_stats(cache).removed[limited ? GYRE_ENTRY_LIMIT : GYRE_CAPACITY] > 1000);
        for (unsigned hand = 0; hand < GY_HANDS_OWN; hand++)
            CHECK_EQ(untold_anything(cache, hand), cache->hands_apart && !limited && hand == gy_hand_own(cache));
        api_close(cache);
    }
    sched_setaffinity(0, sizeof before, &before);
}

/* What is counted apart is told in the end, and what the statistics say is exact. */
TEST(hands, what_is_counted_apart_is_not_lost)
{
    gyre *cache = room_open_many();
    uint64_t clock = gy_history_clock(cache);
    for (unsigned k = 0; k < MANY; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
    gyre_stats stats = api_stats(cache);
    uint64_t words = 0, told = 0, evicted = stats.removed[GYRE_CAPACITY];
    for (unsigned i = 0; i < cache->g.n_shards; i++) {
        told += gy_load_seq(&cache->super->shard[i].n_committed);
        for (uint64_t at = 0; at < room_slots(cache, i); at++)
            words += gy_load_seq(room_slot(cache, i, at)) != GY_EMPTY;
    }
    CHECK_EQ(stats.entries, words);
    CHECK(words > told ? words - told <= cache->g.n_shards * 33 : told - words <= cache->g.n_shards * 33);
    CHECK(evicted > 1000);
    CHECK(gy_history_clock(cache) - clock <= evicted && gy_history_clock(cache) - clock + 64 >= evicted);
    CHECK(!cache->hands_apart || told != words || gy_history_clock(cache) - clock != evicted);
    api_close(cache);
}

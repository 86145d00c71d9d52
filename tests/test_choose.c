/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Which arenas are swept next is known for several at a time, and stays right meanwhile. */

#include "choose.h"

#include "room.h"

enum { SIZE = 200 };

/* Fills so many arenas of a ring, and begins one more. */
static void
fill(gyre *cache, unsigned ring, unsigned arenas, unsigned *key)
{
    uint32_t last = UINT32_MAX;
    for (unsigned begun = 0; begun <= arenas;) {
        CHECK_OK(room_put(cache, ring, key_of(*key).text, SIZE, *key));
        uint32_t arena = room_arena_of(cache, key_of((*key)++).text);
        begun += arena != last;
        last = arena;
    }
}

static unsigned
known(gyre *cache, unsigned ring)
{
    unsigned n = 0;
    for (unsigned i = 0; i < GY_AHEAD; i++)
        n += gy_load_seq(&cache->super->ahead[ring][i]) != 0;
    return n;
}

/* The oldest sealed arena of a ring, and what lives in all of them. */
static uint32_t
oldest(gyre *cache, unsigned ring, uint64_t *live)
{
    uint32_t found = UINT32_MAX;
    uint64_t least = UINT64_MAX;
    *live = 0;
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_seq(&cache->words[a]);
        if (gy_arena_state(word) != GY_SEALED || gy_arena_ring(word) != ring)
            continue;
        *live += (gy_load_seq(&cache->books[a].position) & ~GY_CLOSED) - gy_load_seq(&cache->books[a].dead);
        if (gy_arena_sequence(word) < least)
            least = gy_arena_sequence(word), found = a;
    }
    return found;
}

static void
expect_live(gyre *cache)
{
    for (unsigned ring = 0; ring < GY_RINGS; ring++) {
        uint64_t live;
        oldest(cache, ring, &live);
        CHECK_EQ(gy_load_seq(&cache->super->sealed[ring]), live);
    }
}

/* In their order, one look for several; what is put meanwhile is counted. */
TEST(choose, arenas_go_in_their_order)
{
    gyre *cache = room_open_many();
    unsigned key = 0;
    fill(cache, GY_PROBATION, 30, &key);
    for (unsigned n = 0; n < 20; n++) {
        uint64_t live;
        uint32_t first = oldest(cache, GY_PROBATION, &live);
        struct gy_choice at;
        CHECK(gy_choose_for_room(cache, room_record(cache), GY_BACKGROUND, &at));
        CHECK_EQ(at.arena, first);
        CHECK(!at.compact && !at.look);
        CHECK_EQ(known(cache, GY_PROBATION), GY_AHEAD - n % (GY_AHEAD + 1));
        expect_live(cache);
        fill(cache, GY_MAIN, n % 3 == 0, &key);
        expect_live(cache);
    }
    api_close(cache);
}

/* What was seen is something else by now. */
TEST(choose, what_has_changed_is_passed_over)
{
    gyre *cache = room_open_many();
    unsigned key = 0;
    uint64_t live;
    struct gy_choice at;
    fill(cache, GY_PROBATION, 30, &key);
    CHECK(gy_choose_for_room(cache, room_record(cache), GY_BACKGROUND, &at));
    uint32_t next = oldest(cache, GY_PROBATION, &live);
    uint64_t word = gy_load_seq(&cache->words[next]), later = gy_add_seq(&cache->super->sequence, 1);
    gy_store_seq(&cache->words[next], gy_arena_word(GY_SEALED, GY_PROBATION, 0, 1, later)); /* another life */
    uint32_t after = oldest(cache, GY_PROBATION, &live);
    CHECK(after != next);
    CHECK(gy_choose_for_room(cache, room_record(cache), GY_BACKGROUND, &at));
    CHECK_EQ(at.arena, after);
    gy_store_seq(&cache->words[next], word);
    uint32_t held = oldest(cache, GY_PROBATION, &live);
    CHECK_EQ(held, next); /* not known any more, until all are looked at again */
    gy_atomic_u64 *pin = &room_record(cache)->pin[GY_PIN_VIEWS];
    uint64_t seen = gy_load_seq(&cache->super->ahead[GY_PROBATION][2]);
    uint32_t beside = gy_open_arena(gy_load_seq(&cache->super->ahead[GY_PROBATION][3]));
    gy_store_seq(pin, gy_pin_word(cache, gy_open_arena(seen), GY_PIN_READ));
    CHECK(gy_choose_for_room(cache, room_record(cache), GY_BACKGROUND, &at));
    CHECK_EQ(at.arena, beside);
    CHECK_EQ(room_state(cache, gy_open_arena(seen)), GY_SEALED);
    gy_pin_clear(pin);
    api_close(cache);
}

/* Where garbage decides, each choice is one anew. */
TEST(choose, nothing_is_known_while_garbage_decides)
{
    gyre *cache = room_open_many();
    unsigned key = 0;
    uint64_t live;
    struct gy_choice at;
    fill(cache, GY_PROBATION, 30, &key);
    CHECK(gy_choose_for_room(cache, room_record(cache), GY_BACKGROUND, &at));
    CHECK_EQ(known(cache, GY_PROBATION), GY_AHEAD);
    uint32_t dirty = oldest(cache, GY_PROBATION, &live) + 20;
    gy_store_seq(&cache->books[dirty].dead, cache->arena_bytes / 2);
    CHECK(gy_choose_for_room(cache, room_record(cache), GY_FOREGROUND, &at));
    CHECK(at.compact);
    CHECK_EQ(at.arena, dirty);
    CHECK_EQ(known(cache, GY_PROBATION), 0);
    api_close(cache);
}

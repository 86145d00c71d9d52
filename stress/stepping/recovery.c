/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "scene.h"

enum { HANG_S = 120, PUT_AFTERWARDS = 2 * STEPS_NEW, TURNS = 3 };

/* What stands under a key: its own value, none, or the victim's. Anything else is torn, or another's. */
static enum standing
look(gyre *cache, unsigned key, bool may_be_new)
{
    gyre_view view;
    int result = gyre_get(cache, key_of(key).text, 16, &view);
    if (result == GYRE_MISS)
        return STEPS_GONE;
    CHECK_OK(result);
    CHECK_EQ(view.size, STEPS_SIZE);
    bool old = bytes_are(view.data, view.size, key), new = bytes_are(view.data, view.size, key + STEPS_NEW);
    CHECK(old || (new && may_be_new));
    gyre_release(&view);
    return old ? STEPS_OLD : STEPS_NEWER;
}

static struct seen
look_at_all(gyre *cache, unsigned about)
{
    struct seen seen = {.standing = (int)look(cache, about, true)};
    for (unsigned k = 0; k < STEPS_KEYS; k++)
        if (k != about && look(cache, k, false) == STEPS_OLD)
            seen.keys |= UINT64_C(1) << k;
    return seen;
}

/* Whoever had a lease on the key has died: another gets it, or the value, and need not wait for long. */
static void
ask(gyre *cache, unsigned key)
{
    gyre_view view;
    gyre_lease lease;
    int result = gyre_get_or_lease(cache, key_of(key).text, 16, NULL, &view, &lease);
    CHECK(result == GYRE_OK || result == GYRE_MISS);
    gyre_release(&view);
    gyre_lease_abort(&lease);
}

/* (Where entries are counted and the dead are about to sweep the older ones, the newest may be the one to go.) */
static void
put_and_look(gyre *cache, unsigned key)
{
    CHECK_OK(put_bytes(cache, key_of(key).text, STEPS_SIZE, key + PUT_AFTERWARDS));
    CHECK((cache->g.max_entries != 0 && is_missing(cache, key_of(key).text)) ||
          has_bytes(cache, key_of(key).text, STEPS_SIZE, key + PUT_AFTERWARDS));
}

/* With the dead still among the members, as far as it is not in the way. */
static void
go_on(gyre *cache, unsigned about)
{
    unsigned other = (about + 10) % STEPS_KEYS;
    int result;
    ask(cache, about);
    put_and_look(cache, about);
    put_and_look(cache, other);
    result = gyre_delete(cache, key_of(other).text, 16);
    CHECK(result == GYRE_OK || (result == GYRE_MISS && cache->g.max_entries != 0));
    CHECK(is_missing(cache, key_of(other).text));
}

static bool
is_in_its_lane(gyre *cache, uint32_t arena)
{
    uint64_t word = gy_load_acq(&cache->words[arena]), open = gy_open_word(arena, gy_arena_sequence(word));
    unsigned lane = gy_arena_lane(word);
    return lane < cache->g.n_lanes && gy_load_acq(&cache->lanes[lane].open[gy_arena_ring(word)]) == open;
}

/* Else nobody would ever seal it. */
static void
expect_open_arenas_in_lanes(gyre *cache)
{
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        CHECK(room_state(cache, a) != GY_OPEN || is_in_its_lane(cache, a));
}

static void
expect_settled(gyre *cache)
{
    shared_settle(cache);
    CHECK_EQ(shared_wrong(cache), 0);
    expect_open_arenas_in_lanes(cache);
    api_stats(cache);
}

/* When all is cleared, what is then put a few times over has passed through every arena that is not free: none is lost, and none is held by the dead. */
static void
expect_turnover(gyre *cache)
{
    CHECK_OK(gyre_clear(cache));
    shared_settle(cache);
    uint64_t before = gy_load_seq(&cache->super->sequence), n = TURNS * cache->g.capacity_bytes / STEPS_SIZE;
    for (uint64_t i = 0; i < n; i++)
        CHECK_OK(put_bytes(cache, key_of(STEPS_KEYS + 2 + i).text, STEPS_SIZE, i));
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        if (room_state(cache, a) != GY_WITHDRAWN && room_state(cache, a) != GY_FREE)
            CHECK(gy_load_acq(&cache->books[a].opened) >= before);
}

void
recover(struct scene *scene)
{
    gyre *cache = scene->cache;
    alarm(HANG_S);
    scene->record->seen = look_at_all(cache, scene->operation->key);
    go_on(cache, scene->operation->key);
    expect_settled(cache);
    for (unsigned k = 0; k < STEPS_KEYS; k++)
        put_and_look(cache, k);
    for (unsigned k = 0; k < STEPS_KEYS && scene->operation->others == OTHERS_STAY; k++)
        CHECK(has_bytes(cache, key_of(k).text, STEPS_SIZE, k + PUT_AFTERWARDS));
    expect_turnover(cache);
    expect_settled(cache);
    CHECK(cache->g.max_entries == 0 || api_stats(cache).entries <= cache->g.max_entries);
}

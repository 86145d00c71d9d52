/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process that shares a cache dies at one access to shared memory after the other, in each kind of call; then
 * another clears up after it, and dies at one access after the other, too. What is left must be whole. */

#include "members.h"

#ifdef GY_POINTS

#include "clear.h"
#include "maintain.h"
#include "recount.h"

enum { KEYS = 60, SIZE = 200 };

static uint64_t points, die_at;

static void
count_and_die(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line, (void)address;
    if (++points == die_at)
        kill(getpid(), SIGKILL);
}

static void
fill(gyre *cache)
{
    for (unsigned k = 0; k < KEYS; k++)
        put_bytes(cache, key_of(k).text, SIZE, k);
}

static void
do_puts(gyre *cache)
{
    put_bytes(cache, key_of(1).text, SIZE, 1);
    put_bytes(cache, key_of(KEYS + 1).text, SIZE, KEYS + 1);
}

static void
do_get(gyre *cache)
{
    gyre_view view;
    if (gyre_get(cache, key_of(2).text, 16, &view) == GYRE_OK)
        gyre_release(&view);
}

static void
do_delete(gyre *cache)
{
    gyre_delete(cache, key_of(3).text, 16);
}

static void
do_draft(gyre *cache)
{
    gyre_draft draft;
    if (gyre_reserve(cache, key_of(4).text, 16, SIZE, NULL, &draft) != GYRE_OK)
        return;
    fill_bytes(draft.data, SIZE, 4);
    gyre_commit(&draft);
}

static void
do_touch(gyre *cache)
{
    gyre_touch(cache, key_of(5).text, 16, GYRE_NO_TTL);
}

/* Puts until arenas are opened, sealed, swept and freed. */
static void
do_sweep(gyre *cache)
{
    int error;
    struct gy_record *r = gy_record_of(cache, &error);
    room_seal_all(cache);
    put_bytes(cache, key_of(6).text, SIZE, 6);
    while (gy_arena_withdraw(cache))
        gy_add_seq(&cache->super->index_credit, cache->arena_bytes);
    gy_sweep_bytes(cache, r, cache->arena_bytes);
}

static void
do_grow(gyre *cache)
{
    int error;
    struct gy_record *r = gy_record_of(cache, &error);
    gy_atomic_u64 *count = &cache->super->shard[0].n_committed;
    gy_add_rlx(count, 1u << 20);
    bool more = true;
    for (unsigned i = 0; i < 1000 && more; i++) {
        gy_grow_step(cache, r, 0, true);
        more = !gy_grow_under_way(cache, 0);
    }
    gy_sub_rlx(count, 1u << 20);
    for (unsigned i = 0; i < 1000 && gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, r, 0, true);
}

static void
do_clear(gyre *cache)
{
    gyre_clear(cache);
    while (gyre_maintain(cache, 0) > 0)
        ;
}

/* What a child does: dies at die_at, counted from the start of body. */
struct death {
    struct shared *s;
    gyre *cache;
    void (*body)(gyre *cache);
    uint64_t at;
};

static void
die_in_body(void *arg, struct shared_child *self)
{
    struct death *d = arg;
    int result;
    (void)self;
    gyre *cache = shared_try_open(d->s, GYRE_NO_THREAD, &result);
    gyre_view view;
    if (cache == NULL)
        _exit(1);
    if (gyre_get(cache, key_of(0).text, 16, &view) == GYRE_OK) /* it has a record */
        gyre_release(&view);
    points = 0, die_at = d->at;
    gy_point_hook = count_and_die;
    d->body(cache);
    gy_point_hook = NULL;
    gyre_close(cache);
}

static void
die_in_opening(void *arg, struct shared_child *self)
{
    struct death *d = arg;
    int result;
    (void)self;
    points = 0, die_at = d->at;
    gy_point_hook = count_and_die;
    gyre *cache = shared_try_open(d->s, GYRE_NO_THREAD, &result);
    if (cache == NULL)
        _exit(1);
    d->body(cache);
    gyre_close(cache);
    gy_point_hook = NULL;
}

static bool
was_killed(int status)
{
    CHECK(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return WIFSIGNALED(status);
}

/* Every value that is there is right, and the cache is of use. */
static void
expect_whole(gyre *cache)
{
    shared_settle(cache);
    CHECK_EQ(shared_wrong(cache), 0);
    for (unsigned k = 0; k < KEYS + 2; k++)
        CHECK(is_missing(cache, key_of(k).text) || has_bytes(cache, key_of(k).text, SIZE, k));
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
    for (unsigned k = 0; k < KEYS && cache->g.max_entries == 0; k++)
        CHECK(has_bytes(cache, key_of(k).text, SIZE, k));
    CHECK(cache->g.max_entries == 0 || api_stats(cache).entries <= cache->g.max_entries);
}

static struct shared
small(uint64_t max_entries)
{
    gyre_options o = api_options(128 << 10, 0);
    o.max_entries = max_entries;
    o.expected_entry_bytes = 400;
    return shared_create_with(&o, false);
}

/* One death at every n-th access, and one cache after the other, or the same cache for all. */
static void
die_at_each(void (*how)(void *, struct shared_child *), void (*body)(gyre *), uint64_t max_entries, uint64_t step)
{
    struct shared s = small(max_entries);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    fill(cache);
    bool killed = true;
    for (uint64_t at = 1; killed; at += step) {
        struct death d = {&s, cache, body, at};
        struct shared_child c = shared_fork(how, &d);
        killed = was_killed(shared_wait(&c));
        expect_whole(cache);
        /* Its index has grown enough, or it has little room left for entries: a fresh one. */
        if (api_stats(cache).index_bytes > cache->g.capacity_bytes / 4 ||
            room_count_states(cache, GY_WITHDRAWN) > cache->g.n_arenas / 2) {
            gyre_close(cache);
            close(s.file);
            s = small(max_entries);
            cache = shared_open(&s, GYRE_NO_THREAD);
            fill(cache);
        }
    }
    gyre_close(cache);
    close(s.file);
}

TEST(members_points, put)
{
    die_at_each(die_in_body, do_puts, 0, 1);
}

TEST(members_points, put_with_a_limit)
{
    die_at_each(die_in_body, do_puts, KEYS, 1);
}

TEST(members_points, get)
{
    die_at_each(die_in_body, do_get, 0, 1);
}

TEST(members_points, delete)
{
    die_at_each(die_in_body, do_delete, 0, 1);
}

TEST(members_points, draft)
{
    die_at_each(die_in_body, do_draft, 0, 1);
}

TEST(members_points, touch)
{
    die_at_each(die_in_body, do_touch, 0, 1);
}

TEST(members_points, sweep)
{
    die_at_each(die_in_body, do_sweep, 0, 7);
}

TEST(members_points, growth)
{
    die_at_each(die_in_body, do_grow, 0, 31);
}

TEST(members_points, clear)
{
    die_at_each(die_in_body, do_clear, 0, 31);
}

TEST(members_points, open_and_close)
{
    die_at_each(die_in_opening, do_get, 0, 1);
}

/* One has died somewhere in a call; who clears up after it dies at one access after the other. */
static void
die_twice(void (*body)(gyre *), uint64_t first_step, uint64_t step)
{
    bool killed = true;
    for (uint64_t at = 1; killed; at += first_step) {
        bool killed_too = true;
        for (uint64_t then = 1; killed && killed_too; then += step) {
            struct shared s = small(0);
            gyre *cache = shared_open(&s, GYRE_NO_THREAD);
            fill(cache);
            struct death first = {&s, cache, body, at}, second = {&s, cache, do_get, then};
            struct shared_child c = shared_fork(die_in_body, &first);
            killed = was_killed(shared_wait(&c));
            c = shared_fork(die_in_opening, &second); /* who joins looks for the dead */
            killed_too = was_killed(shared_wait(&c));
            expect_whole(cache);
            gyre_close(cache);
            close(s.file);
        }
    }
}

TEST(members_points, sweep_and_then_the_one_who_clears_up)
{
    die_twice(do_sweep, 211, 17);
}

TEST(members_points, growth_and_then_the_one_who_clears_up)
{
    die_twice(do_grow, 1511, 23);
}

static gyre *mover;
static const volatile void *move_at;

static void
move_meanwhile(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line;
    if (address != move_at)
        return;
    gy_point_hook = NULL;
    while (gyre_maintain(mover, 1000000) > 0)
        ;
}

/* The count has passed the old half when its words go to the new one, where it meets them again. */
TEST(members_points, words_that_move_are_not_counted_twice)
{
    struct shared s = shared_create(4 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    mover = shared_open(&s, GYRE_NO_THREAD);
    struct gy_shard *shard = &cache->super->shard[0];
    for (unsigned k = 0; gy_geometry_phase(gy_load_acq(cache->geometries)) != GY_MOVING; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
    uint64_t n = gy_load_seq(&shard->n_committed), growths = gy_load_rlx(&cache->super->growths);
    gy_store_seq(&cache->super->recount, 1);
    move_at = room_slot(cache, 0, room_slots(cache, 0) / 2);
    gy_point_hook = move_meanwhile;
    gy_recount(cache);
    gy_point_hook = NULL;
    CHECK(gy_load_rlx(&cache->super->growths) > growths);
    CHECK_EQ(gy_load_seq(&shard->n_committed), n);
    CHECK_EQ(gy_load_seq(&cache->super->recount), 1); /* it was not exact */
    gyre_close(mover);
    shared_settle(cache);
    CHECK_EQ(shared_wrong(cache), 0);
    gyre_close(cache);
    close(s.file);
}

#else

TEST(members_points, needs_points)
{
}

#endif

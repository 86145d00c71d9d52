/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process stops at one access to shared memory after the other, in each kind of call, and is given up there; the others
 * use all that it held anew, and it comes back and executes the rest of its call. */

#include "expel_pair.h"

#if defined(GY_POINTS) && !defined(GY_TSAN) /* one thread does all of it, one access after the other */

static struct {
    struct pair *p;
    uint64_t n, at;
    unsigned missing; /* keys, when the others had gone on */
    const volatile void *only; /* count accesses to this word; NULL: all */
    bool stopped, quietly; /* quietly: the others do no more than to give it up */
    unsigned late;         /* answers other than GYRE_ESTALE, of calls in which it was given up */
} stop;

/* By one size. False: it has not come to its end, since it is given up. */
static bool
grow(gyre *cache)
{
    room_grow(cache);
    gy_store_seq(&cache->super->recount, 1); /* if one was made in between */
    return !gy_grow_under_way(cache, 0);
}

static unsigned
missing(gyre *cache)
{
    unsigned n = 0;
    for (unsigned k = 0; k < KEYS; k++)
        n += is_missing(cache, key_of(k).text);
    return n;
}

/* What comes late evicts some at most: those of a bucket that it was moving, or of what it swept. */
static void
expect_most(gyre *cache)
{
    enum { EVICTED_MOST = 12 };
    unsigned n = missing(cache);
    CHECK_MSG(n <= stop.missing + EVICTED_MOST, "%u were missing", stop.missing);
}

/* The others: they give it up, use everything anew, and go on. */
static void
others_go_on(void)
{
    gyre *cache = stop.p->ours;
    CHECK_OK(expel(stop.p));
    recycle(cache);
    CHECK(grow(cache));
    CHECK(grow(cache)); /* a word of the first that comes late is one of long ago */
    CHECK_OK(gyre_clear(cache));
    for (unsigned i = 0; i < 1000 && gy_clear_pending(cache); i++)
        gyre_maintain(cache, 0);
    CHECK(!gy_clear_pending(cache));
    put_new(cache);
    recycle(cache);
    put_new(cache);
    stop.missing = missing(cache);
}

static void
stop_there(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line;
    if ((stop.only != NULL && address != stop.only) || ++stop.n != stop.at)
        return;
    gy_point_hook = NULL;
    stop.stopped = true;
    if (stop.quietly)
        CHECK_OK(expel(stop.p));
    else
        others_go_on();
}

/* What of a value there is, is right: one of those that were put under the key. */
static void
check_value(const void *data, size_t size, unsigned k)
{
    CHECK_EQ(size, SIZE);
    CHECK_MSG(bytes_are(data, SIZE, k) || bytes_are(data, SIZE, NEW + k) || bytes_are(data, SIZE, OURS + k), "key %u", k);
}

static void
do_get(gyre *cache)
{
    gyre_view view;
    bool before = stop.stopped;
    int result = gyre_get(cache, key_of(2).text, 16, &view);
    stop.late += !before && stop.stopped && result != GYRE_ESTALE;
    if (result == GYRE_OK && !stop.stopped)
        check_value(view.data, view.size, 2);
    gyre_release(&view);
}

static void
do_get_many(gyre *cache)
{
    enum { BATCH = 3 };
    struct api_key text[BATCH] = {key_of(2), key_of(3), key_of(4)};
    gyre_key keys[BATCH] = {{text[0].text, 16}, {text[1].text, 16}, {text[2].text, 16}};
    gyre_view views[BATCH];
    int results[BATCH];
    bool before = stop.stopped;
    gyre_get_many(cache, BATCH, keys, views, results);
    for (unsigned i = 0; i < BATCH; i++) {
        stop.late += !before && stop.stopped && results[i] != GYRE_ESTALE;
        if (results[i] == GYRE_OK && !stop.stopped)
            check_value(views[i].data, views[i].size, 2 + i);
        CHECK(results[i] == GYRE_OK || views[i].priv[0] == 0);
    }
    for (unsigned i = 0; i < BATCH; i++)
        gyre_release(&views[i]);
}

static void
do_read(gyre *cache)
{
    char buffer[SIZE];
    size_t size;
    int result = gyre_read(cache, key_of(2).text, 16, buffer, sizeof buffer, &size);
    if (result == GYRE_OK)
        check_value(buffer, size, 2);
    else
        CHECK(result == GYRE_ESTALE || result == GYRE_MISS);
}

static void
do_put(gyre *cache)
{
    int result = put_bytes(cache, key_of(1).text, SIZE, OURS + 1);
    CHECK_MSG(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE), "%d", result);
    result = put_bytes(cache, key_of(KEYS + 1).text, SIZE, OURS + KEYS + 1);
    CHECK_MSG(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE), "%d", result);
}

static void
do_add(gyre *cache)
{
    gyre_put_options o = GYRE_PUT_OPTIONS_INIT;
    o.flags = GYRE_ADD;
    char value[SIZE];
    fill_bytes(value, SIZE, OURS + KEYS + 1);
    int result = gyre_put(cache, key_of(KEYS + 1).text, 16, value, SIZE, &o);
    CHECK_MSG(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE), "%d", result);
}

static void
do_delete(gyre *cache)
{
    int result = gyre_delete(cache, key_of(3).text, 16);
    CHECK(result == GYRE_OK || result == GYRE_MISS || (stop.stopped && result == GYRE_ESTALE));
}

static void
do_draft(gyre *cache)
{
    gyre_draft draft;
    int result = gyre_reserve(cache, key_of(4).text, 16, SIZE, NULL, &draft);
    if (result != GYRE_OK) {
        CHECK(stop.stopped && result == GYRE_ESTALE);
        return;
    }
    fill_bytes(draft.data, SIZE, OURS + 4);
    result = gyre_commit(&draft);
    CHECK_MSG(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE), "%d", result);
}

static void
do_touch(gyre *cache)
{
    int result = gyre_touch(cache, key_of(5).text, 16, GYRE_NO_TTL);
    CHECK(result == GYRE_OK || (stop.stopped && (result == GYRE_ESTALE || result == GYRE_MISS)));
}

static void
do_lease(gyre *cache)
{
    gyre_lease lease;
    gyre_view view;
    int result = gyre_get_or_lease(cache, key_of(KEYS + 1).text, 16, NULL, &view, &lease);
    CHECK(result == GYRE_MISS || (stop.stopped && result == GYRE_ESTALE));
    char value[SIZE];
    fill_bytes(value, SIZE, OURS + KEYS + 1);
    if (result == GYRE_MISS)
        result = gyre_lease_commit(&lease, value, SIZE, NULL);
    CHECK_MSG(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE), "%d", result);
}

/* What is visited after it was given up could be anything. */
static int
visit(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)arg, (void)key, (void)key_size, (void)value;
    stop.late += stop.stopped;
    return 0;
}

static void
do_scan(gyre *cache)
{
    int result = gyre_scan(cache, visit, NULL);
    CHECK_MSG(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE), "%d", result);
}

static void
do_sweep(gyre *cache)
{
    room_seal_all(cache);
    put_bytes(cache, key_of(6).text, SIZE, OURS + 6);
    while (gy_arena_withdraw(cache))
        gy_add_seq(&cache->super->index_credit, cache->arena_bytes);
    gy_sweep_bytes(cache, room_record(cache), cache->arena_bytes);
}

static void
do_grow(gyre *cache)
{
    grow(cache);
}

static void
do_clear(gyre *cache)
{
    gyre_clear(cache);
    for (unsigned i = 0; i < 20; i++)
        gyre_maintain(cache, 0);
}

/* What the one who stayed put last is there, but for what was put late by the other, and for what was evicted. */
static void
expect_right(gyre *cache)
{
    char buffer[SIZE];
    size_t size;
    for (unsigned k = 0; k < KEYS + 2; k++)
        if (gyre_read(cache, key_of(k).text, 16, buffer, sizeof buffer, &size) == GYRE_OK)
            check_value(buffer, size, k);
    for (unsigned k = 0; k < KEYS; k++) {
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
        CHECK(is_missing(cache, key_of(k).text) || has_bytes(cache, key_of(k).text, SIZE, k));
        gyre_delete(cache, key_of(k).text, 16);
        CHECK(is_missing(cache, key_of(k).text));
    }
}

/* Where to stop: at accesses to a word of the first shard, by its offset. */
static const size_t ANY = SIZE_MAX, GEOMETRY = SIZE_MAX - 1;

static void
stop_at(void (*body)(gyre *), uint64_t max_entries, size_t word, uint64_t step)
{
    bool stopped = true;
    stop.late = 0;
    for (uint64_t at = 1; stopped; at += step) {
        struct pair p = open_pair(max_entries);
        stop.only = word == ANY      ? NULL
                    : word == GEOMETRY ? (char *)(uintptr_t)p.theirs->geometries
                                       : (char *)&p.theirs->super->shard[0] + word;
        stop.p = &p, stop.n = 0, stop.at = at, stop.stopped = false;
        gy_point_hook = stop_there;
        body(p.theirs);
        gy_point_hook = NULL;
        stopped = stop.stopped;
        if (stopped && !stop.quietly)
            expect_most(p.ours);
        if (stopped)
            expect_stale(p.theirs);
        gyre_close(p.theirs);
        shared_expect_alone(p.ours);
        if (stopped && !stop.quietly)
            recycle(p.ours); /* arenas that it published into late are swept, too */
        expect_right(p.ours);
        shared_expect_alone(p.ours);
        gyre_close(p.ours);
        close(p.s.file);
    }
}

static void
stop_at_each(void (*body)(gyre *), uint64_t max_entries, uint64_t step)
{
    stop_at(body, max_entries, ANY, step);
}

static void
stop_at_each_of(void (*body)(gyre *), size_t word, uint64_t step)
{
    stop_at(body, 0, word, step);
}

/* The question is asked after all that is read: nothing but the release is behind it. */
TEST(expel_points, the_last_step_of_a_get)
{
    stop.quietly = true;
    stop_at_each(do_get, 0, 1);
    CHECK_EQ(stop.late, 0);
    stop_at_each(do_get_many, 0, 1);
    CHECK_EQ(stop.late, 0);
    stop_at_each(do_scan, 0, 17);
    CHECK_EQ(stop.late, 0);
    stop.quietly = false;
}

TEST(expel_points, a_get) { stop_at_each(do_get, 0, 1); }
TEST(expel_points, a_batch) { stop_at_each(do_get_many, 0, 1); }
TEST(expel_points, a_read) { stop_at_each(do_read, 0, 1); }
TEST(expel_points, a_put) { stop_at_each(do_put, 0, 1); }
TEST(expel_points, with_a_limit) { stop_at_each(do_put, KEYS, 1); }
TEST(expel_points, an_add) { stop_at_each(do_add, 0, 1); }
TEST(expel_points, a_delete) { stop_at_each(do_delete, 0, 1); }
TEST(expel_points, a_draft) { stop_at_each(do_draft, 0, 1); }
TEST(expel_points, a_touch) { stop_at_each(do_touch, 0, 1); }
TEST(expel_points, a_lease) { stop_at_each(do_lease, 0, 1); }
TEST(expel_points, a_scan) { stop_at_each(do_scan, 0, 31); }
TEST(expel_points, a_sweep) { stop_at_each(do_sweep, 0, 5); }
TEST(expel_points, a_growth) { stop_at_each(do_grow, 0, 23); }
/* The words of a shard that tell how far its growth is. */
TEST(expel_points, growths_words)
{
    const size_t words[] = {GEOMETRY, offsetof(struct gy_shard, stage), offsetof(struct gy_shard, cursor),
                            offsetof(struct gy_shard, finished), offsetof(struct gy_shard, driver)};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        stop_at_each_of(do_grow, words[i], i < 2 ? 3 : 1);
}

TEST(expel_points, a_clear) { stop_at_each(do_clear, 0, 23); }

#else

TEST(expel_points, needs_points)
{
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process stops at one access to shared memory after the other, in each kind of call that brings something into the index or
 * moves it; another deletes all keys, or puts them anew, and then the machine stops: what went is not found, and of what was
 * put the last. */

#include <unistd.h>

#include "clear.h"
#include "file_cache.h"
#include "trap.h"
#include "whole.h"

#if defined(GY_POINTS) && !defined(GY_TSAN) /* one thread does all of it, one access after the other */

enum { KEYS = 40, SIZE = 200, OURS = 1000, NEW = 2000 };

static struct {
    gyre *ours;
    void (*others)(gyre *ours);
    void (*expect)(gyre *recovered);
    uint64_t n, at;
    const char *files; /* accesses in these alone; NULL: all */
    bool stopped;
} stop;

/* As the machine finds it that stops now, with all that was written on the disk. */
static gyre *
recover(void)
{
    unlink(other.text);
    copy(path.text, other.text);
    gyre_options o = api_options(0, GYRE_NO_THREAD);
    o.file_path = other.text;
    gyre *recovered = api_open_with(&o);
    CHECK_EQ(api_stats(recovered).start, GYRE_START_RECOVERED);
    CHECK_EQ(whole_faults(recovered, NULL), 0);
    return recovered;
}

static void
expect_recovered(void (*expect)(gyre *recovered))
{
    gyre *recovered = recover();
    expect(recovered);
    api_close(recovered);
}

static void
stop_there(const char *file, int line, const volatile void *address)
{
    (void)line, (void)address;
    const char *name = strrchr(file, '/');
    if ((stop.files != NULL && strstr(stop.files, name ? name + 1 : file) == NULL) || ++stop.n != stop.at)
        return;
    gy_point_hook = NULL;
    stop.stopped = true;
    stop.others(stop.ours);
    expect_recovered(stop.expect);
}

/* ---- the others ----------------------------------------------------------------------------------------------------- */

static void
delete_all(gyre *ours)
{
    for (unsigned k = 0; k < KEYS + 2; k++)
        CHECK(gyre_delete(ours, key_of(k).text, 16) >= 0);
}

static void
expect_none(gyre *recovered)
{
    for (unsigned k = 0; k < KEYS + 2; k++)
        CHECK_MSG(is_missing(recovered, key_of(k).text), "key %u came back, at access %llu", k, (unsigned long long)stop.at);
}

static void
put_all(gyre *ours)
{
    for (unsigned k = 0; k < KEYS + 2; k++)
        CHECK_OK(put_bytes(ours, key_of(k).text, SIZE, NEW + k));
}

static void
expect_new(gyre *recovered)
{
    for (unsigned k = 0; k < KEYS + 2; k++)
        CHECK_MSG(has_bytes(recovered, key_of(k).text, SIZE, NEW + k), "key %u is not the last, at access %llu", k,
                  (unsigned long long)stop.at);
}

/* ---- who stops ------------------------------------------------------------------------------------------------------ */

static void
do_put(gyre *cache)
{
    CHECK_OK(put_bytes(cache, key_of(1).text, SIZE, OURS + 1));
    CHECK_OK(put_bytes(cache, key_of(KEYS + 1).text, SIZE, OURS + KEYS + 1));
}

static void
do_draft(gyre *cache)
{
    gyre_draft draft;
    CHECK_OK(gyre_reserve(cache, key_of(4).text, 16, SIZE, NULL, &draft));
    fill_bytes(draft.data, SIZE, OURS + 4);
    CHECK_OK(gyre_commit(&draft));
}

static void
do_touch(gyre *cache)
{
    int result = gyre_touch(cache, key_of(5).text, 16, GYRE_NO_TTL);
    CHECK(result == GYRE_OK || (stop.stopped && result == GYRE_MISS));
}

static void
do_lease(gyre *cache)
{
    gyre_lease lease;
    gyre_view view;
    char value[SIZE];
    fill_bytes(value, SIZE, OURS + KEYS + 1);
    int result = gyre_get_or_lease(cache, key_of(KEYS + 1).text, 16, NULL, &view, &lease);
    gyre_release(&view);
    if (result != GYRE_MISS)
        return;
    result = gyre_lease_commit(&lease, value, SIZE, NULL);
    CHECK(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE));
}

/* All that was put is hot, and is moved. */
static void
do_sweep(gyre *cache)
{
    room_seal_all(cache);
    room_teach(cache);
    room_sweep(cache, 4 * cache->arena_bytes);
}

static void
do_grow(gyre *cache)
{
    struct gy_record *r = room_record(cache);
    gy_atomic_u64 *count = &cache->super->shard[0].n_committed;
    gy_add_rlx(count, 1u << 20);
    for (unsigned i = 0; i < 1000 && !gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, r, 0, true);
    gy_sub_rlx(count, 1u << 20);
    for (unsigned i = 0; i < 1000 && gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, r, 0, true);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

static gyre *
open_both(uint64_t max_entries)
{
    gyre_options o = api_options(128 * KIB, GYRE_CREATE | GYRE_NO_THREAD);
    o.file_path = path.text, o.max_entries = max_entries, o.expected_entry_bytes = 400;
    unlink(path.text);
    stop.ours = api_open_with(&o);
    o.flags = GYRE_NO_THREAD, o.capacity_bytes = 0, o.max_entries = 0, o.expected_entry_bytes = 0;
    gyre *theirs = api_open_with(&o);
    for (unsigned k = 0; k < KEYS; k++) {
        CHECK_OK(put_bytes(stop.ours, key_of(k).text, SIZE, k));
        CHECK(has_bytes(theirs, key_of(k).text, SIZE, k));
        CHECK(has_bytes(theirs, key_of(k).text, SIZE, k));
    }
    room_record(theirs)->sequence += 1000; /* it has put more */
    return theirs;
}

static void
stop_at_each(void (*body)(gyre *), const char *files, void (*others)(gyre *), void (*expect)(gyre *), uint64_t step)
{
    bool stopped = true;
    begin();
    for (uint64_t at = 1; stopped; at += step) {
        gyre *theirs = open_both(0);
        stop.n = 0, stop.at = at, stop.stopped = false, stop.files = files, stop.others = others, stop.expect = expect;
        gy_point_hook = stop_there;
        body(theirs);
        gy_point_hook = NULL;
        stopped = stop.stopped;
        CHECK_EQ(whole_faults(stop.ours, NULL), 0);
        CHECK(at > 1 || stopped);
        api_close(theirs), api_close(stop.ours);
    }
    end();
}

static void
stop_in(void (*body)(gyre *), const char *files, uint64_t step)
{
    stop_at_each(body, files, delete_all, expect_none, step);
}

TEST(proof_points, a_put_and_a_delete) { stop_in(do_put, NULL, 1); }
TEST(proof_points, a_put_and_another) { stop_at_each(do_put, NULL, put_all, expect_new, 1); }
TEST(proof_points, a_draft) { stop_in(do_draft, NULL, 1); }
TEST(proof_points, a_touch) { stop_in(do_touch, NULL, 1); }
TEST(proof_points, a_lease) { stop_in(do_lease, NULL, 1); }
TEST(proof_points, a_sweep_and_a_delete) { stop_in(do_sweep, "walk.c proof.c", 1); }
TEST(proof_points, a_sweep_and_a_put) { stop_at_each(do_sweep, "walk.c proof.c", put_all, expect_new, 1); }
TEST(proof_points, a_growth) { stop_in(do_grow, "grow.c move.c", 1); }

#else
TEST(proof_points, need_builds_with_points) {}
#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process is given up wherever it stops: the others get what it held, and go on; when it comes back it learns of it, and
 * does no harm. In most tests both are handles of one process: who is given up is another member all the same. */

#include <sys/prctl.h>

#include "clear.h"
#include "displace.h"
#include "expel.h"
#include "grow.h"
#include "maintain.h"
#include "members.h"

enum { KEYS = 60, SIZE = 200, OURS = 1000, NEW = 2000, MANY = 900 };

/* Who is given up, and the one that stays. */
struct pair {
    struct shared s;
    gyre *theirs, *ours;
};

static struct pair
open_pair(uint64_t max_entries)
{
    gyre_options o = api_options(128 << 10, 0);
    o.max_entries = max_entries;
    o.expected_entry_bytes = 400;
    struct pair p = {.s = shared_create_with(&o, false)};
    p.ours = shared_open(&p.s, GYRE_NO_THREAD);
    p.theirs = shared_open(&p.s, GYRE_NO_THREAD);
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(p.ours, key_of(k).text, SIZE, k));
    CHECK(has_bytes(p.theirs, key_of(0).text, SIZE, 0)); /* it has a record */
    return p;
}

static int
expel(struct pair *p)
{
    uint32_t place = gy_member_place(p->theirs->member);
    return gy_expel(p->ours, place, gy_load_acq(&p->ours->members[place].word));
}

/* Puts until every arena has been in use again, but for those that somebody keeps. */
static void
recycle(gyre *cache)
{
    for (unsigned k = 0; k < MANY; k++)
        CHECK_OK(put_bytes(cache, key_of(OURS + k).text, SIZE, OURS + k));
}

static void
put_new(gyre *cache)
{
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, NEW + k));
}

static int
no_visit(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)arg, (void)key, (void)key_size, (void)value;
    return 1;
}

/* Every call that looks or changes something says so, and none does. */
static void
expect_stale(gyre *cache)
{
    char buffer[SIZE];
    gyre_view view;
    gyre_draft draft;
    gyre_lease lease;
    gyre_key key = {key_of(1).text, 16};
    int result = 0;
    CHECK_EQ(gyre_get(cache, key_of(1).text, 16, &view), GYRE_ESTALE);
    CHECK(view.data == NULL);
    CHECK_EQ(gyre_get(cache, "absent", 6, &view), GYRE_ESTALE);
    CHECK_EQ(gyre_get_many(cache, 1, &key, &view, &result), 0);
    CHECK_EQ(result, GYRE_ESTALE);
    CHECK_EQ(gyre_read(cache, key_of(1).text, 16, buffer, sizeof buffer, NULL), GYRE_ESTALE);
    CHECK_EQ(gyre_put(cache, "mine", 4, "x", 1, NULL), GYRE_ESTALE);
    CHECK_EQ(gyre_reserve(cache, "mine", 4, 10, NULL, &draft), GYRE_ESTALE);
    CHECK_EQ(gyre_delete(cache, key_of(1).text, 16), GYRE_ESTALE);
    CHECK_EQ(gyre_touch(cache, key_of(1).text, 16, 1000), GYRE_ESTALE);
    CHECK_EQ(gyre_clear(cache), GYRE_ESTALE);
    CHECK_EQ(gyre_get_or_lease(cache, "mine", 4, NULL, &view, &lease), GYRE_ESTALE);
    CHECK_EQ(gyre_scan(cache, no_visit, NULL), GYRE_ESTALE);
    CHECK_EQ(gyre_maintain(cache, 0), GYRE_ESTALE);
    CHECK_EQ(gyre_expel(cache, 1), GYRE_ESTALE);
    CHECK_EQ(api_stats(cache).expelled, 1);
    for (unsigned p = 0; p < GY_PINS; p++)
        CHECK_EQ(gy_load_seq(&room_record(cache)->pin[p]), 0);
}

static void
expect_alone_and_close(struct pair *p)
{
    gyre_close(p->theirs);
    shared_expect_alone(p->ours);
    CHECK_EQ(api_stats(p->ours).expelled, 0);
    recycle(p->ours);
    shared_expect_alone(p->ours);
    gyre_close(p->ours);
    close(p->s.file);
}

TEST(expel, what_it_says_of_bad_input)
{
    struct pair p = open_pair(0);
    gyre *private = api_open(1 << 20, 0), *reader = shared_open(&p.s, GYRE_READONLY);
    CHECK_EQ(gyre_expel(NULL, 1), GYRE_EINVAL);
    CHECK_EQ(gyre_expel(private, 1), GYRE_EINVAL);
    CHECK_EQ(gyre_expel(reader, 1), GYRE_EPERM);
    CHECK_EQ(gyre_expel(p.ours, 0), GYRE_EINVAL);
    CHECK_EQ(gyre_expel(p.ours, (uint32_t)getpid()), GYRE_EINVAL);
    CHECK_EQ(gyre_expel(p.ours, 1), GYRE_ENOENT);
    CHECK_EQ(api_stats(p.ours).expelled, 0);
    gyre_close(private), gyre_close(reader);
    expect_alone_and_close(&p);
}

TEST(expel, calls_say_so)
{
    struct pair p = open_pair(0);
    CHECK_OK(expel(&p));
    CHECK_OK(expel(&p)); /* once more: no effect */
    expect_stale(p.theirs);
    CHECK_EQ(api_stats(p.ours).processes, 1);
    put_new(p.ours);
    gyre_close(p.theirs);
    p.theirs = shared_open(&p.s, GYRE_NO_THREAD); /* anew */
    CHECK_EQ(api_stats(p.ours).expelled, 0);
    for (unsigned k = 0; k < KEYS; k++)
        CHECK(has_bytes(p.theirs, key_of(k).text, SIZE, NEW + k));
    expect_alone_and_close(&p);
}

/* A view keeps nothing any more, and to give it back disturbs nobody. */
TEST(expel, a_view)
{
    struct pair p = open_pair(0);
    gyre_view view;
    CHECK_OK(gyre_get(p.theirs, key_of(7).text, 16, &view));
    uint32_t arena = room_arena_of(p.ours, key_of(7).text);
    uint64_t opened = gy_load_seq(&p.ours->books[arena].opened);
    recycle(p.ours);
    CHECK_EQ(gy_load_seq(&p.ours->books[arena].opened), opened);
    CHECK_EQ(api_stats(p.ours).pinned_bytes, p.ours->arena_bytes);
    CHECK_OK(expel(&p));
    CHECK_EQ(api_stats(p.ours).pinned_bytes, 0);
    CHECK_EQ(api_stats(p.ours).oldest_pin_pid, 0);
    recycle(p.ours);
    CHECK(gy_load_seq(&p.ours->books[arena].opened) != opened);
    gyre_release(&view);
    gyre_release(&view);
    expect_stale(p.theirs);
    expect_alone_and_close(&p);
}

/* What a draft reserved is its own until it is given up: nobody else writes there, or reads what it writes. */
TEST(expel, a_draft)
{
    for (unsigned commits = 0; commits < 2; commits++) {
        struct pair p = open_pair(0);
        gyre_draft draft;
        CHECK_OK(gyre_reserve(p.theirs, key_of(7).text, 16, SIZE, NULL, &draft));
        CHECK_OK(expel(&p));
        recycle(p.ours);
        put_new(p.ours);
        memset(draft.data, 0x55, SIZE);
        recycle(p.ours);
        for (unsigned k = 0; k < MANY; k++)
            CHECK(is_missing(p.ours, key_of(OURS + k).text) || has_bytes(p.ours, key_of(OURS + k).text, SIZE, OURS + k));
        if (commits)
            CHECK_EQ(gyre_commit(&draft), GYRE_ESTALE);
        else
            gyre_abort(&draft);
        CHECK(is_missing(p.ours, key_of(7).text) || has_bytes(p.ours, key_of(7).text, SIZE, NEW + 7));
        expect_stale(p.theirs);
        expect_alone_and_close(&p);
    }
}

TEST(expel, a_lease)
{
    struct pair p = open_pair(0);
    gyre_lease lease, ours;
    gyre_view view;
    gyre_lease_options o = GYRE_LEASE_OPTIONS_INIT;
    o.wait_ms = GYRE_NO_WAIT;
    CHECK_EQ(gyre_get_or_lease(p.theirs, "leased", 6, &o, &view, &lease), GYRE_MISS);
    CHECK_EQ(gyre_get_or_lease(p.ours, "leased", 6, &o, &view, &ours), GYRE_LEASED);
    CHECK_OK(expel(&p));
    CHECK_EQ(gyre_get_or_lease(p.ours, "leased", 6, &o, &view, &ours), GYRE_MISS);
    CHECK_EQ(api_stats(p.ours).leases_passed, 1);
    CHECK_EQ(gyre_lease_commit(&lease, "x", 1, NULL), GYRE_ESTALE);
    CHECK_OK(gyre_lease_commit(&ours, "value", 5, NULL));
    CHECK(has_text(p.ours, "leased", "value"));
    expect_stale(p.theirs);
    expect_alone_and_close(&p);
}

/* Sections and roles, as they are while a call is under way. */
TEST(expel, sections_and_roles)
{
    struct pair p = open_pair(0);
    struct gy_record *r = room_record(p.theirs);
    struct gy_shard *shard = &p.ours->super->shard[0];
    CHECK(gy_grow_drive(p.theirs, shard));
    gy_store_seq(&shard->displaced, 5);
    CHECK_EQ(gy_maintainer_begin(p.theirs), GY_MAINTAINER_NOW);
    gy_displace_hold(r);
    gy_store_seq(&r->arena_changes, 1);
    p.theirs->rcu->enter(p.theirs, r);
    CHECK_EQ(gy_maintainer_begin(p.ours), GY_MAINTAINER_OTHER);
    uint64_t cookie = p.ours->rcu->start(p.ours);
    CHECK(!p.ours->rcu->poll(p.ours, cookie));
    CHECK_EQ(api_stats(p.ours).oldest_section_pid, getpid());
    CHECK_OK(expel(&p));
    CHECK(p.ours->rcu->poll(p.ours, cookie));
    CHECK_EQ(api_stats(p.ours).oldest_section_pid, 0);
    CHECK_EQ(gy_load_seq(&shard->driver), 0);
    CHECK_EQ(gy_load_seq(&shard->displaced), 0);
    CHECK_EQ(gy_maintainer_begin(p.ours), GY_MAINTAINER_NOW);
    CHECK_EQ(gy_maintainer_begin(p.theirs), GY_MAINTAINER_OTHER);
    gy_grow_undrive(p.theirs, shard); /* late */
    gy_maintainer_end(p.theirs);
    CHECK_EQ(gy_maintainer_begin(p.ours), GY_MAINTAINER_ALREADY);
    gy_maintainer_end(p.ours);
    p.theirs->rcu->exit(p.theirs, r);
    gy_displace_release(r);
    gy_store_seq(&r->arena_changes, 2);
    expect_alone_and_close(&p);
}

/* Who clears up after the dead is given up in the middle of it: sections and views of the dead are passed over as his. */
TEST(expel, one_who_clears_up)
{
    struct pair p = open_pair(0);
    gyre *dead = shared_open(&p.s, GYRE_NO_THREAD);
    gyre_view view;
    CHECK_OK(gyre_get(dead, key_of(7).text, 16, &view));
    struct gy_record *r = room_record(dead);
    dead->rcu->enter(dead, r);
    struct gy_member *m = &p.ours->members[gy_member_place(dead->member)];
    uint64_t word = gy_load_seq(&m->word), cookie = p.ours->rcu->start(p.ours);
    gy_store_seq(&m->word, gy_member_word(GY_MEMBER_LEAVING, gy_member_generation(word), p.theirs->member));
    CHECK(!p.ours->rcu->poll(p.ours, cookie));
    CHECK_OK(expel(&p));
    CHECK(p.ours->rcu->poll(p.ours, cookie));
    CHECK_EQ(api_stats(p.ours).pinned_bytes, 0);
    recycle(p.ours);
    gy_store_seq(&m->word, word);
    dead->rcu->exit(dead, r);
    gyre_release(&view);
    gyre_close(dead);
    expect_alone_and_close(&p);
}

/* Without membarrier. */
TEST(expel, where_readers_fence)
{
    gyre_options o = api_options(128 << 10, 0);
    struct pair p = {.s = shared_create_with(&o, true)};
    p.ours = shared_open(&p.s, GYRE_NO_THREAD), p.theirs = shared_open(&p.s, GYRE_NO_THREAD);
    put_new(p.ours);
    gyre_view view;
    CHECK_OK(gyre_get(p.theirs, key_of(7).text, 16, &view));
    CHECK_OK(expel(&p));
    recycle(p.ours);
    gyre_release(&view);
    expect_stale(p.theirs);
    expect_alone_and_close(&p);
}

#ifndef GY_TSAN /* processes, each of which it sees alone */

/* A process that stops itself, holding a view, a draft and a lease; and goes on when it is told to. */
static void
stop_and_go_on(void *arg, struct shared_child *self)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int result;
    gyre *cache = shared_try_open(arg, 0, &result), *again = shared_try_open(arg, GYRE_NO_THREAD, &result);
    gyre_view view, other;
    gyre_draft draft;
    gyre_lease lease;
    bool right = gyre_get(cache, key_of(7).text, 16, &view) == GYRE_OK &&
                 gyre_reserve(cache, "draft", 5, SIZE, NULL, &draft) == GYRE_OK &&
                 gyre_get_or_lease(again, "leased", 6, NULL, &other, &lease) == GYRE_MISS;
    kill(getpid(), SIGSTOP);
    right = right && gyre_get(cache, key_of(7).text, 16, &other) == GYRE_ESTALE &&
            gyre_put(again, "k", 1, "v", 1, NULL) == GYRE_ESTALE && gyre_commit(&draft) == GYRE_ESTALE;
    gyre_release(&view);
    gyre_lease_abort(&lease);
    gyre_close(again);
    gyre_close(cache);
    cache = shared_try_open(arg, GYRE_NO_THREAD, &result);
    right = right && gyre_put(cache, "k", 1, "v", 1, NULL) == GYRE_OK;
    gyre_close(cache);
    (void)self;
    _exit(!right);
}

/* killed: instead, and what it had is cleared up. */
static void
stop_a_process(bool killed)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    shared_put_all(cache);
    struct shared_child c = shared_fork(stop_and_go_on, &s);
    int status;
    CHECK_EQ(waitpid(c.pid, &status, WUNTRACED), c.pid);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(api_stats(cache).processes, 3);
    CHECK_OK(gyre_expel(cache, (uint32_t)c.pid)); /* both of its handles */
    CHECK_EQ(api_stats(cache).processes, 1);
    CHECK_EQ(api_stats(cache).expelled, 2);
    for (unsigned k = 0; k < 20000; k++)
        CHECK_OK(put_bytes(cache, key_of(OURS + k).text, 400, k));
    CHECK_EQ(api_stats(cache).pinned_bytes, cache->arena_bytes); /* the draft's */
    if (killed) {
        shared_kill(&c);
    } else {
        kill(c.pid, SIGCONT);
        CHECK_EQ(shared_wait(&c), 0);
        CHECK(has_text(cache, "k", "v"));
    }
    shared_expect_alone(cache);
    CHECK_EQ(api_stats(cache).expelled, 0);
    gyre_close(cache);
    close(s.file);
}

TEST(expel, a_process_that_comes_back)
{
    stop_a_process(false);
}

TEST(expel, a_process_that_dies)
{
    stop_a_process(true);
}

#endif

#ifdef GY_POINTS

/* ---- at every access to shared memory ----------------------------------------------------------- */

static struct {
    struct pair *p;
    uint64_t n, at;
    bool stopped;
} stop;

static void
grow(gyre *cache)
{
    struct gy_record *r = room_record(cache);
    gy_atomic_u64 *count = &cache->super->shard[0].n_committed;
    gy_add_rlx(count, 1u << 20);
    for (unsigned i = 0; i < 1000 && !gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, r, 0, true);
    gy_sub_rlx(count, 1u << 20);
    for (unsigned i = 0; i < 1000 && gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, r, 0, true);
    CHECK(!gy_grow_under_way(cache, 0));
    gy_store_seq(&cache->super->recount, 1); /* if one was made in between */
}

/* The others: they give it up, use everything anew, and go on. */
static void
others_go_on(void)
{
    gyre *cache = stop.p->ours;
    CHECK_OK(expel(stop.p));
    recycle(cache);
    grow(cache);
    CHECK_OK(gyre_clear(cache));
    for (unsigned i = 0; i < 1000 && gy_clear_pending(cache); i++)
        gyre_maintain(cache, 0);
    CHECK(!gy_clear_pending(cache));
    put_new(cache);
    recycle(cache);
    put_new(cache);
}

static void
stop_there(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line, (void)address;
    if (++stop.n != stop.at)
        return;
    gy_point_hook = NULL;
    stop.stopped = true;
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
    int result = gyre_get(cache, key_of(2).text, 16, &view);
    if (result == GYRE_OK && !stop.stopped)
        check_value(view.data, view.size, 2);
    gyre_release(&view);
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
    CHECK(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE));
    result = put_bytes(cache, key_of(KEYS + 1).text, SIZE, OURS + KEYS + 1);
    CHECK(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE));
}

static void
do_add(gyre *cache)
{
    gyre_put_options o = GYRE_PUT_OPTIONS_INIT;
    o.flags = GYRE_ADD;
    char value[SIZE];
    fill_bytes(value, SIZE, OURS + KEYS + 1);
    int result = gyre_put(cache, key_of(KEYS + 1).text, 16, value, SIZE, &o);
    CHECK(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE));
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
    CHECK(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE));
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
    CHECK(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE));
}

static int
visit(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)arg, (void)key_size;
    unsigned k = (unsigned)strtoul((const char *)key + 3, NULL, 10);
    (void)k;
    return key == NULL || value->data == NULL;
}

static void
do_scan(gyre *cache)
{
    int result = gyre_scan(cache, visit, NULL);
    CHECK(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE));
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
    struct gy_record *r = room_record(cache);
    gy_atomic_u64 *count = &cache->super->shard[0].n_committed;
    gy_add_rlx(count, 1u << 20);
    for (unsigned i = 0; i < 100 && !gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, r, 0, true);
    gy_sub_rlx(count, 1u << 20);
    for (unsigned i = 0; i < 200 && gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, r, 0, true);
    gy_store_seq(&cache->super->recount, 1); /* if one was made in between */
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

static void
stop_at_each(void (*body)(gyre *), uint64_t max_entries, uint64_t step)
{
    bool stopped = true;
    for (uint64_t at = 1; stopped; at += step) {
        struct pair p = open_pair(max_entries);
        stop.p = &p, stop.n = 0, stop.at = at, stop.stopped = false;
        gy_point_hook = stop_there;
        body(p.theirs);
        gy_point_hook = NULL;
        stopped = stop.stopped;
        if (stopped)
            expect_stale(p.theirs);
        expect_right(p.ours);
        expect_alone_and_close(&p);
    }
}

TEST(expel_points, get) { stop_at_each(do_get, 0, 1); }
TEST(expel_points, read) { stop_at_each(do_read, 0, 1); }
TEST(expel_points, put) { stop_at_each(do_put, 0, 1); }
TEST(expel_points, put_with_a_limit) { stop_at_each(do_put, KEYS, 1); }
TEST(expel_points, add) { stop_at_each(do_add, 0, 1); }
TEST(expel_points, delete) { stop_at_each(do_delete, 0, 1); }
TEST(expel_points, draft) { stop_at_each(do_draft, 0, 1); }
TEST(expel_points, touch) { stop_at_each(do_touch, 0, 1); }
TEST(expel_points, lease) { stop_at_each(do_lease, 0, 1); }
TEST(expel_points, scan) { stop_at_each(do_scan, 0, 31); }
TEST(expel_points, sweep) { stop_at_each(do_sweep, 0, 5); }
TEST(expel_points, growth) { stop_at_each(do_grow, 0, 23); }
TEST(expel_points, clear) { stop_at_each(do_clear, 0, 23); }

#endif

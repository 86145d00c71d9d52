/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process is given up wherever it stops: the others get what it held, and go on; when it comes back it learns of it, and
 * does no harm. In most tests both are handles of one process: who is given up is another member all the same. */

#include <pthread.h>
#include <sys/prctl.h>

#include "expel_pair.h"
#include "holder.h"

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

/* One that was taken late is nobody's. */
TEST(expel, a_late_lease)
{
    struct pair p = open_pair(0);
    struct gy_record *r = room_record(p.theirs);
    CHECK_OK(expel(&p));
    CHECK(gy_holder_left(p.ours, (struct gy_holder){gy_load_seq(&r->owner), (uint32_t)(r - p.theirs->records)}));
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
    CHECK_EQ(gy_maintainer_begin(p.theirs), GY_MAINTAINER_OTHER);
    CHECK_EQ(gy_maintainer_begin(p.ours), GY_MAINTAINER_NOW);
    CHECK(gy_grow_drive(p.ours, shard));
    gy_grow_undrive(p.theirs, shard); /* late */
    CHECK(!gy_grow_drive(p.theirs, shard));
    gy_grow_undrive(p.ours, shard);
    gy_maintainer_end(p.theirs);
    CHECK_EQ(gy_maintainer_begin(p.ours), GY_MAINTAINER_ALREADY);
    gy_maintainer_end(p.ours);
    shared_settle(p.ours); /* a recount does not wait for it */
    CHECK_EQ(gy_load_seq(&p.ours->super->recount), 0);
    p.theirs->rcu->exit(p.theirs, r);
    gy_displace_release(r);
    gy_store_seq(&r->arena_changes, 2);
    expect_alone_and_close(&p);
}

static void *
call_first(void *cache)
{
    char buffer[SIZE];
    return (void *)(intptr_t)gyre_read(cache, key_of(1).text, 16, buffer, sizeof buffer, NULL);
}

/* A thread that had no record gets none. */
TEST(expel, a_thread_that_comes_later)
{
    struct pair p = open_pair(0);
    pthread_t thread;
    void *result;
    CHECK_OK(expel(&p));
    CHECK_EQ(pthread_create(&thread, NULL, call_first, p.theirs), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK_EQ((intptr_t)result, GYRE_ESTALE);
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

#ifdef GY_POINTS

/* The kernel refuses: it keeps what it holds, until it is given up again. */
TEST(expel, no_membarrier)
{
    struct pair p = open_pair(0);
    gyre_view view;
    CHECK_OK(gyre_get(p.theirs, key_of(7).text, 16, &view));
    gy_point_no_membarrier = true;
    CHECK_EQ(expel(&p), GYRE_EIO);
    gy_point_no_membarrier = false;
    CHECK_EQ(api_stats(p.ours).pinned_bytes, p.ours->arena_bytes);
    CHECK_EQ(api_stats(p.ours).expelled, 1);
    CHECK_OK(expel(&p));
    CHECK_EQ(api_stats(p.ours).pinned_bytes, 0);
    gyre_release(&view);
    expect_alone_and_close(&p);
}

#endif

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
    struct shared s;
    gyre *cache = shared_full(&s);
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

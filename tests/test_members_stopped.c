/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process that shares a cache is stopped: it lives, and keeps what it holds. The others go on, and can tell who it is. */

#include <sys/prctl.h>

#include "members.h"

enum { TRIES = 2000 };

/* Until the test has stopped it where it wants it. */
static void
put_for_ever(void *arg, struct shared_child *self)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int result;
    gyre *cache = shared_try_open(arg, GYRE_NO_THREAD, &result);
    shared_say_ready(self);
    for (;;)
        put_bytes(cache, key_of(7).text, 100, 7);
}

static void
hold_a_view(void *arg, struct shared_child *self)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int result;
    gyre *cache = shared_try_open(arg, GYRE_NO_THREAD, &result);
    gyre_view view;
    if (gyre_get(cache, key_of(7).text, 16, &view) != GYRE_OK)
        _exit(1);
    shared_say_ready(self);
    shared_hold(self);
}

static void
stop(const struct shared_child *c)
{
    int status = 0;
    CHECK_EQ(kill(c->pid, SIGSTOP), 0);
    CHECK_EQ(waitpid(c->pid, &status, WUNTRACED), c->pid);
    CHECK(WIFSTOPPED(status));
}

/* Far more than there is room for: the cache is swept again and again. (An index that was about to grow waits, and keys
 * that find no slot replace others.) */
static void
expect_the_others_go_on(gyre *cache)
{
    for (unsigned k = 0; k < 20000; k++)
        CHECK_OK(put_bytes(cache, key_of(1000 + k).text, 400, k));
    CHECK(has_bytes(cache, key_of(1000 + 19999).text, 400, 19999));
    gyre_stats stats = api_stats(cache);
    CHECK(stats.sweeps > 0 && stats.removed[GYRE_CAPACITY] + stats.removed[GYRE_CONFLICT] > 10000);
}

TEST(members_stopped, with_a_view)
{
    struct shared s;
    gyre *cache = shared_full(&s);
    struct shared_child c = shared_fork(hold_a_view, &s);
    shared_await(&c);
    stop(&c);
    expect_the_others_go_on(cache);
    gyre_stats stats = api_stats(cache);
    CHECK_EQ(stats.oldest_pin_pid, c.pid);
    CHECK_EQ(stats.oldest_pin_tid, c.pid);
    CHECK_EQ(stats.pinned_bytes, cache->arena_bytes);
    CHECK_EQ(stats.processes, 2);
    shared_kill(&c);
    shared_expect_alone(cache);
    gyre_close(cache);
}

TEST(members_stopped, in_the_middle_of_a_put)
{
    struct shared s;
    gyre *cache = shared_full(&s);
    struct shared_child c = shared_fork(put_for_ever, &s);
    shared_await(&c);
    unsigned tries = 0;
    for (; tries < TRIES; tries++) { /* at most: it is in a section for a good part of the time */
        stop(&c);
        if (api_stats(cache).oldest_section_pid != 0)
            break;
        kill(c.pid, SIGCONT);
        api_pause();
    }
    CHECK(tries < TRIES);
    expect_the_others_go_on(cache);
    CHECK_EQ(api_stats(cache).oldest_section_pid, c.pid);
    CHECK_EQ(api_stats(cache).oldest_section_tid, c.pid);
    kill(c.pid, SIGCONT);
    api_pause();
    shared_kill(&c);
    shared_expect_alone(cache);
    gyre_close(cache);
}

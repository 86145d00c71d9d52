/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Shared caches for the tests: a region in a memfd, opened by any number of processes, and children to open it. */

#ifndef GY_TEST_MEMBERS_H
#define GY_TEST_MEMBERS_H

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reap.h"
#include "registry.h"
#include "room.h"
#include "whole.h"

struct shared {
    int file;
};

/* Where readers have to fence, it is as if the kernel of who created it had no membarrier. */
static inline struct shared
shared_create_with(const gyre_options *given, bool reader_fences)
{
    gyre_options o = *given;
    struct shared s = {.file = memfd_create("gyre", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    gyre *cache;
    CHECK(s.file >= 0);
    o.flags |= GYRE_CREATE | GYRE_SHM_FD | GYRE_NO_THREAD;
    o.shm_fd = s.file;
    CHECK_OK(gyre_open(&cache, &o));
    if (reader_fences) {
        cache->super->reader_fences = 1;
        gy_layout_sign_quiet(cache->super);
    }
    gyre_close(cache);
    return s;
}

static inline struct shared
shared_create(uint64_t capacity_bytes)
{
    gyre_options o = api_options(capacity_bytes, 0);
    return shared_create_with(&o, false);
}

/* In children, where no check may fail: NULL. */
static inline gyre *
shared_try_open(const struct shared *s, uint32_t flags, int *result)
{
    gyre_options o = GYRE_OPTIONS_INIT;
    gyre *cache;
    o.flags = flags | GYRE_SHM_FD;
    o.shm_fd = s->file;
    *result = gyre_open(&cache, &o);
    return cache;
}

static inline gyre *
shared_open(const struct shared *s, uint32_t flags)
{
    int result;
    gyre *cache = shared_try_open(s, flags, &result);
    CHECK_OK(result);
    return cache;
}

/* A child that runs body, and then dies as it stands, or lives on until it is killed. */
struct shared_child {
    pid_t pid;
    int ready[2], hold[2];
};

static inline void
shared_say_ready(struct shared_child *c)
{
    if (write(c->ready[1], "x", 1) != 1)
        _exit(120);
}

/* It, or a child of it, stays as it is until the test has done with it. */
static inline void
shared_hold(struct shared_child *c)
{
    char word;
    while (read(c->hold[0], &word, 1) < 0)
        ;
    _exit(0);
}

static inline void
shared_await(struct shared_child *c)
{
    char word;
    CHECK_EQ(read(c->ready[0], &word, 1), 1);
}

static inline struct shared_child
shared_fork(void (*body)(void *arg, struct shared_child *self), void *arg)
{
    struct shared_child c;
    CHECK_EQ(pipe(c.ready), 0);
    CHECK_EQ(pipe(c.hold), 0);
    c.pid = fork();
    CHECK(c.pid >= 0);
    if (c.pid == 0) {
        close(c.ready[0]), close(c.hold[1]);
        body(arg, &c);
        _exit(0);
    }
    close(c.ready[1]), close(c.hold[0]);
    return c;
}

/* Kills it, and waits until it is dead. */
static inline void
shared_kill(struct shared_child *c)
{
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
    close(c->ready[0]), close(c->hold[1]);
}

/* The exit status of a child that ends by itself. */
static inline int
shared_wait(struct shared_child *c)
{
    int status = -1;
    waitpid(c->pid, &status, 0);
    close(c->ready[0]), close(c->hold[1]);
    return status;
}

static inline unsigned
shared_members(gyre *cache)
{
    unsigned n = 0;
    for (uint32_t place = 0; place < cache->g.n_members; place++)
        n += gy_member_state(gy_load_acq(&cache->members[place].word)) != GY_MEMBER_FREE;
    return n;
}

/* Until the dead have been found and their counts brought up to date. */
static inline void
shared_settle(gyre *cache)
{
    bool more = true;
    gy_reap_now(cache);
    for (unsigned n = 0; n < API_PAUSES_MOST && more; n++) {
        more = gyre_maintain(cache, 0) > 0;
        more |= gy_load_seq(&cache->super->recount) != 0;
        if (more)
            api_pause();
    }
    gy_arena_free_retired(cache);
}

/* What must be true when this process is the only member and in no call. The number of what is not; 0: all is well. */
static inline int
shared_wrong(gyre *cache)
{
    struct inspect_report report;
    if (shared_members(cache) != 1)
        return 1;
    for (uint32_t i = 0; i < cache->g.n_records; i++) {
        struct gy_record *r = &cache->records[i];
        uint64_t owner = gy_load_acq(&r->owner);
        if (owner != 0 && owner >> 32 != cache->member)
            return 2;
        if (gy_load_acq(&r->section) != 0)
            return 3;
        for (unsigned p = 0; p < GY_PINS; p++)
            if (gy_load_acq(&r->pin[p]) != 0)
                return 4;
    }
    if (whole_faults(cache, &report) != 0)
        return 5;
    if (report.arenas[GY_OPENING] != 0 || report.arenas[GY_SWEEPING] != 0)
        return 6;
    if (report.written || report.behind)
        return 7;
    for (unsigned i = 0; i < cache->g.n_shards; i++)
        if (gy_load_acq(&cache->super->shard[i].driver) != 0)
            return 8;
    if (gy_load_acq(&cache->super->maintainer) >> 32 != (gy_load_acq(&cache->super->maintainer) ? cache->member : 0))
        return 9;
    for (uint32_t place = 0; place < cache->g.n_members; place++)
        if (gy_load_acq(&cache->members[place].draft_bytes) != 0)
            return 10;
    return 0;
}

/* What most tests put into it. */
enum { SHARED_KEYS = 200, SHARED_SIZE = 100 };

static inline void
shared_put_all(gyre *cache)
{
    for (unsigned k = 0; k < SHARED_KEYS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SHARED_SIZE, k));
}

/* A cache of a MiB with that in it. */
static inline gyre *
shared_full(struct shared *s)
{
    *s = shared_create(1 << 20);
    gyre *cache = shared_open(s, GYRE_NO_THREAD);
    shared_put_all(cache);
    return cache;
}

static inline void
shared_expect_all(gyre *cache)
{
    for (unsigned k = 0; k < SHARED_KEYS; k++)
        CHECK(has_bytes(cache, key_of(k).text, SHARED_SIZE, k));
}

static inline void
shared_expect_alone(gyre *cache)
{
    shared_settle(cache);
    CHECK_EQ(shared_wrong(cache), 0);
}

static inline void
shared_use(void *arg, struct shared_child *self)
{
    int result;
    gyre *cache = shared_try_open(arg, GYRE_NO_THREAD, &result);
    bool right = cache != NULL;
    for (unsigned k = 0; k < SHARED_KEYS && right; k++)
        right = has_bytes(cache, key_of(k).text, SHARED_SIZE, k) && put_bytes(cache, key_of(k).text, SHARED_SIZE, k) == GYRE_OK;
    gyre_close(cache);
    (void)self;
    _exit(!right);
}

#endif

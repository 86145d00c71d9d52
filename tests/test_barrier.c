/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A membarrier that fails has ordered nothing: no arena is freed by it and no grace period ends. */

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "room.h"

static bool failing;

/* In front of the C library's, for the library under test. */
long
syscall(long number, ...)
{
    long arg[6];
    va_list args;
    va_start(args, number);
    for (unsigned i = 0; i < 6; i++)
        arg[i] = va_arg(args, long);
    va_end(args);
    if (failing && number == SYS_membarrier) {
        errno = EPERM;
        return -1;
    }
    long (*real)(long, ...);
    void *found = dlsym(RTLD_NEXT, "syscall");
    memcpy(&real, &found, sizeof real);
    return real(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

static gyre *
open_one(void)
{
    gyre *cache = api_open(MIB, GYRE_NO_THREAD);
    CHECK_OK(put_text(cache, "key", "value"));
    return cache;
}

TEST(barrier, frees_nothing_when_it_fails)
{
    gyre *cache = open_one();
    if (cache->reader_fences) { /* a kernel without it */
        gyre_close(cache);
        return;
    }
    room_set_state(cache, 5, GY_RETIRED);
    failing = true;
    CHECK_EQ(gy_arena_free_retired(cache), 0);
    CHECK_EQ(room_state(cache, 5), GY_RETIRED);
    failing = false;
    CHECK_EQ(gy_arena_free_retired(cache), 1);
    CHECK_EQ(room_state(cache, 5), GY_FREE);
    gyre_close(cache);
}

TEST(barrier, ends_no_grace_period_when_it_fails)
{
    gyre *cache = open_one();
    if (cache->reader_fences) {
        gyre_close(cache);
        return;
    }
    uint64_t cookie = cache->rcu->start(cache);
    failing = true;
    CHECK(!cache->rcu->poll(cache, cookie));
    failing = false;
    CHECK(cache->rcu->poll(cache, cookie));
    gyre_close(cache);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "clock.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

enum { A_LOOK_NS = 1000 };

/* Threads of the library look at it, too. */
static _Atomic uint64_t now_ns, drawn, waits;

int image_clock_gettime(clockid_t clock, struct timespec *t);
int image_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_sched_yield(void);
ssize_t image_getrandom(void *to, size_t bytes, unsigned flags);

void
image_time_begin(uint64_t ms)
{
    now_ns = (IMAGE_BORN_MS + ms) * 1000000;
    drawn = ms;
    waits = 0;
}

int
image_clock_gettime(clockid_t clock, struct timespec *t)
{
    uint64_t ns = atomic_fetch_add(&now_ns, A_LOOK_NS);
    (void)clock;
    *t = (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    return 0;
}

int
image_nanosleep(const struct timespec *t, struct timespec *left)
{
    (void)left;
    now_ns += (uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_nsec;
    return 0;
}

/* Nobody is waited for. */
int
__wrap_sched_yield(void)
{
    waits++;
    return 0;
}

uint64_t
image_waits(void)
{
    return waits;
}

ssize_t
image_getrandom(void *to, size_t bytes, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < bytes; i++)
        ((unsigned char *)to)[i] = (unsigned char)(++drawn * 0x9e3779b97f4a7c15u >> 56);
    return (ssize_t)bytes;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A trap lies at one place of memory: when one file of the library is about to access it for the n-th time,
 * something is done first, as another thread would do it. Needs builds with points. */

#ifndef GY_TEST_TRAP_H
#define GY_TEST_TRAP_H

#include "room.h"

#ifdef GY_POINTS

struct trap {
    const char *file;             /* how the name of the library's file ends */
    const volatile void *address; /* one place; NULL: any */
    unsigned skip;                /* accesses to let pass first */
    bool again;                   /* from then on at every access, not once */
    void (*action)(struct trap *trap, const volatile void *address);
    gyre *cache;
    uint64_t word;                /* for the action */
    unsigned sprung;
};

static struct trap *trap_now;

static inline void
trap_hook(const char *file, int line, const volatile void *address)
{
    (void)line;
    struct trap *trap = trap_now;
    size_t n = strlen(file), tail = strlen(trap->file);
    if ((trap->address && trap->address != address) || n < tail || strcmp(file + n - tail, trap->file) != 0)
        return;
    if (trap->skip > 0) {
        trap->skip--;
        return;
    }
    if (trap->sprung++ > 0 && !trap->again)
        return;
    gy_point_hook = NULL; /* the action's own accesses spring nothing */
    trap->action(trap, address);
    gy_point_hook = trap_hook;
}

static inline void
trap_set(struct trap *trap)
{
    trap_now = trap;
    gy_point_hook = trap_hook;
}

/* Was it sprung? */
static inline bool
trap_take(struct trap *trap)
{
    gy_point_hook = NULL;
    trap_now = NULL;
    return trap->sprung > 0;
}

/* It must have been: else the test tested nothing. */
static inline void
trap_clear(struct trap *trap)
{
    CHECK_MSG(trap_take(trap), "nobody came to %s", trap->file);
}

/* What most actions do: another word is there. */
static inline void
trap_store(struct trap *trap, const volatile void *address)
{
    (void)address;
    gy_store_seq((gy_atomic_u64 *)(uintptr_t)trap->address, trap->word);
}

#endif
#endif

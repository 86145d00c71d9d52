/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A small cache, set up once and put back as it was before each schedule; the operations of a scenario's
 * threads, recorded; and what must be true in the end.
 *
 * A thread is a text of words: a letter and, for most, a key: a digit, or * for any. "@5 p* g*" does five
 * operations, each drawn from the list.
 *
 *   p put   s put a small value   f put of a fresh key   T put with a TTL   x oversize put
 *   a ADD   r REPLACE   v IF_VERSION of what this thread saw last   t touch   d delete
 *   g get and read   k gyre_read   y get_many of all keys   n scan
 *   h get and hold   e release the oldest held   H leave the youngest held on the shelf
 *   E release what another left there
 *   R reserve and commit   A reserve and abort   c clear   m maintain   w the clock moves on   l leave:
 *   what a thread's exit does (it goes on as a new thread)
 *   L look up or lease, without waiting   C commit this thread's lease of the key, if it has one   D the same by a draft
 *   B abort it   W look up or lease, and wait for another's
 * of processes:
 *   M a turn of the maintenance thread   Z look for the dead   Q leave the members   J join them; a thread that begins
 *   with it is of a process that has not joined before */

#ifndef GY_EXPLORE_WORLD_H
#define GY_EXPLORE_WORLD_H

#include "scheduler.h"

enum { WORLD_KEYS = 8 };

struct scenario {
    const char *name, *about;
    const char *setup;
    const char *thread[4];
    unsigned arenas;          /* of 4 KiB; the rest is withdrawn. 0: all */
    unsigned value_bytes;     /* of p */
    unsigned keys;            /* * is one of these */
    uint32_t flags, max_entries;
    bool same_hash;           /* all keys hash alike, but for the fresh ones */
    bool crowded;             /* of eight buckets, all keys' first is the same; the fresh ones' second is another */
    bool dies;                /* threads may be stopped, or all cut off */
    bool exhaustive;          /* small enough for BOUNDED */
    const char *processes;    /* which one each thread is of, a digit each, from 1; they die. NULL: a private cache */
    const char *aim;          /* files in which they die more often than by chance */
};

extern const struct scenario scenarios[];
extern const unsigned n_scenarios;

bool world_open(const struct scenario *s);
void world_close(void);

/* One schedule. False: sched_violation_text says what is wrong. */
bool world_run(const struct plan *plan);
/* What all schedules did, since world_open. */
struct world_work {
    uint64_t operations, sweeps, copies, growths, removals, deaths; /* operations: checked ones */
};
extern struct world_work world_work;

unsigned world_threads(void);
uint64_t world_clock_ms(void);
void world_sleep(uint32_t ms);

/* The handle of the running thread's process. */
struct gyre *world_cache(void);
/* The region's first byte. */
char *world_base(void);

#endif

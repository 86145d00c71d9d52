/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* When in a schedule a process dies, and which.
 *
 * By chance, one that was drawn before its n-th access; or whoever makes the n-th access in a file of the source that the
 * scenario names, so that what takes few accesses gets its share. A second one dies after the first, as often as not in
 * the middle of clearing up after it. Or, in a bounded schedule, the one that runs before the n-th access of all. */

#ifndef GY_EXPLORE_DEATHS_H
#define GY_EXPLORE_DEATHS_H

#include "scheduler.h"

/* aim: names of files, "grow.c sweep.c"; NULL: none. */
void deaths_draw(const struct plan *plan, struct rng *rng, unsigned n_threads, const char *aim);

/* The process that dies before this access of the running thread; 0: none. */
unsigned deaths_now(uint64_t access, const struct explore_site *site);

/* So many have died. */
unsigned deaths_so_far(void);

#endif

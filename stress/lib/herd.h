/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Workers of a round that are processes: each works for a while and ends, and another goes on in its place. Some go on with
 * the cache that they inherited by fork, some open it, some do so after exec; some close it, some just end, with
 * views held; some are stopped for a while in the middle of a call. What they share beside the cache is a memory that all have
 * at the same address. */

#ifndef GYRE_STRESS_HERD_H
#define GYRE_STRESS_HERD_H

#include "round.h"

/* The memory; zeros. Until the next herd_memory, which takes all of it back. */
void herd_memory(void);
void *herd_allocate(size_t bytes);

/* The round's cache is in shared memory. Plays it until then; watch is called all the while. */
int herd_open(struct round *round);
void herd_play(struct round *round, struct worker workers[], struct rng *rng, uint64_t until_ns,
               void (*watch)(struct round *));
void herd_close(struct round *round);

/* In main, first of all: true in a process that has been executed as a worker; it has done its work. */
bool herd_executed(void (*stint)(struct worker *worker));
/* What a worker does, until it is told to stop or its time is over; without a draft or, unless it is to leave them,
 * views in the end. */
void herd_start(void (*stint)(struct worker *worker));

#endif

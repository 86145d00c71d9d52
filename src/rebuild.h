/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The rebuilding of a file's index from its arenas, by several threads: the first second of it in gyre_open, alone; the rest in the
 * background, while the cache serves what was read so far, new puts, and misses.
 *
 *   - What is still to do stands in the file: arenas' words say what was not read (arena.h), notes what was changed since (note.h).
 *     So who is killed leaves it to whoever opens the file next, or has it open. Who closes it as the last does the rest.
 *   - The newest arenas are read first. When a put needs room, the oldest that was not read is given up, as a sweep would
 *     have taken it.
 *   - It is over when no arena is left. A sync waits for that: what was removed meanwhile is void then, on the disk too.
 *
 * Each thread of the owner reads arenas; maintenance does, of all processes, if there are none; and who syncs. */

#ifndef GY_REBUILD_H
#define GY_REBUILD_H

#include <pthread.h>

#include "atomic.h"
#include "base.h"

struct gyre;
struct gy_record;

enum { GY_REBUILD_THREADS = 16 };

/* Of this process. */
struct gy_rebuild {
    pthread_t thread[GY_REBUILD_THREADS];
    unsigned n_threads;
    gy_atomic_u32 stopping;
    uint32_t *order;    /* arenas to be read, the newest first */
    uint64_t n_order;
    gy_atomic_u64 next; /* of them */
};

extern uint32_t gy_rebuild_at_once_ms; /* so long gyre_open reads, alone; tests change it */

/* Nobody else is there: reads arenas by as many threads as there are processors, until all are read or the time (of
 * gy_os_clock_ms) has come. GYRE_OK, GYRE_ENOMEM. Is it over? !gy_rebuilding. */
int gy_rebuild_quiet(struct gyre *cache, uint64_t until_ms);

/* The same in the background. Without threads, maintenance does it. Started before other threads of the library's, and
 * its memory freed after them. */
void gy_rebuild_start(struct gyre *cache);
void gy_rebuild_stop(struct gyre *cache);
void gy_rebuild_free(struct gyre *cache);
void gy_rebuild_forget(struct gyre *cache); /* in a forked child: the threads are not here */

/* Reads an arena, or finds that it is over. False: there is nothing to be done, or only by others. Outside sections. */
bool gy_rebuild_step(struct gyre *cache, struct gy_record *r);

/* Until it is over: reads, or waits for those who do. GYRE_OK; GYRE_EBUSY: one of them seems to be stopped. */
int gy_rebuild_finish(struct gyre *cache);

/* For room: gives up the oldest arena that was not read. False: there is none. */
bool gy_rebuild_give_room(struct gyre *cache);

/* What the member in that place was reading is to be read once more. */
void gy_rebuild_release(struct gyre *cache, uint32_t place);

#endif

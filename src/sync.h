/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Writing a file out: by gyre_sync, and by a thread of its own from time to time, since the disk may take long and
 * maintenance must not wait for it. */

#ifndef GY_SYNC_H
#define GY_SYNC_H

#include <pthread.h>

#include "atomic.h"
#include "base.h"

struct gyre;

struct gy_syncer {
    pthread_t thread;
    gy_atomic_u32 state; /* a futex: 0: there is none; 1: it runs; 2: it is to end */
};

int gy_syncer_start(struct gyre *cache); /* GYRE_OK or GYRE_ENOMEM */
void gy_syncer_stop(struct gyre *cache); /* no effect when it does not run */
void gy_syncer_forget(struct gy_syncer *syncer); /* in a forked child: the thread is not here */

/* Is the last sync too long ago? (For who has no thread.) Does one. */
void gy_sync_if_due(struct gyre *cache);

#endif

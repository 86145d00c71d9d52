/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The maintenance thread: it runs gy_maintain and sleeps when there is nothing to do. It knows no
 * algorithm, and everything it does the callers can do without it. */

#ifndef GY_WORKER_H
#define GY_WORKER_H

#include <pthread.h>

#include "atomic.h"
#include "base.h"

struct gyre;

struct gy_worker {
    pthread_t thread;
    gy_atomic_u32 state; /* a futex. (Relaxed where no thread runs, or as a look: see worker.c.) */
};

enum gy_worker_state { GY_WORKER_ABSENT, GY_WORKER_AWAKE, GY_WORKER_ASLEEP, GY_WORKER_STOPPING };

static inline bool
gy_worker_runs(const struct gy_worker *worker)
{
    return gy_load_rlx(&worker->state) != GY_WORKER_ABSENT; /* (Relaxed: changes in open, close and fork only.) */
}

/* A thread of the library's: no signal of the program's is for it. GYRE_OK or GYRE_ENOMEM. */
int gy_worker_thread(pthread_t *thread, void *(*run)(void *), void *arg);

int gy_worker_start(struct gyre *cache); /* GYRE_OK or GYRE_ENOMEM */
void gy_worker_stop(struct gyre *cache); /* no effect when it does not run */
void gy_worker_wake(struct gyre *cache);
void gy_worker_forget(struct gy_worker *worker); /* in a forked child: the thread is not here */

#endif

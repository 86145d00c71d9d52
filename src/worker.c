/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "worker.h"

#include <signal.h>

#include "cache.h"
#include "maintain.h"

enum state { ABSENT, AWAKE, ASLEEP, STOPPING };
enum { NAP_MS = 100, SHORT_NAP_MS = 1, BUDGET_NS = 10000000 }; /* a nap bounds what a lost wake-up can cost */

static void *
run(void *arg)
{
    struct gyre *cache = arg;
    gy_atomic_u32 *state = &cache->worker.state;
    while (gy_load_acq(state) != STOPPING) {
        uint32_t awake = AWAKE, asleep = ASLEEP;
        int work = gy_maintain(cache, BUDGET_NS);
        if (work == GY_WORKED)
            continue;
        if (gy_cas_seq(state, &awake, ASLEEP)) {
            gy_os_wait(state, ASLEEP, work == GY_WAITING ? SHORT_NAP_MS : NAP_MS);
            gy_cas_seq(state, &asleep, AWAKE); /* failed: woken, or told to stop */
        }
    }
    return NULL;
}

int
gy_worker_start(struct gyre *cache)
{
    sigset_t all, before;
    gy_store_rlx(&cache->worker.state, AWAKE);
    sigfillset(&all);
    bool masked = pthread_sigmask(SIG_SETMASK, &all, &before) == 0; /* the program's signals are not for it */
    int error = pthread_create(&cache->worker.thread, NULL, run, cache);
    if (masked)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        gy_store_rlx(&cache->worker.state, ABSENT);
    return error ? GYRE_ENOMEM : GYRE_OK;
}

void
gy_worker_stop(struct gyre *cache)
{
    gy_atomic_u32 *state = &cache->worker.state;
    if (gy_load_acq(state) == ABSENT)
        return;
    gy_swap_seq(state, STOPPING);
    gy_os_wake(state);
    pthread_join(cache->worker.thread, NULL);
    gy_store_rlx(state, ABSENT); /* (Relaxed: it has ended.) */
}

void
gy_worker_wake(struct gy_worker *worker)
{
    uint32_t asleep = ASLEEP; /* (Relaxed: a look; most calls find it awake.) */
    if (gy_load_rlx(&worker->state) == ASLEEP && gy_cas_seq(&worker->state, &asleep, AWAKE))
        gy_os_wake(&worker->state);
}

bool
gy_worker_runs(const struct gy_worker *worker)
{
    return gy_load_rlx(&worker->state) != ABSENT; /* (Relaxed: changes in open, close and fork only.) */
}

void
gy_worker_forget(struct gy_worker *worker)
{
    gy_store_rlx(&worker->state, ABSENT);
}

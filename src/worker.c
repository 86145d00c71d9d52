/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "worker.h"

#include <signal.h>

#include "cache.h"
#include "maintain.h"

enum { NAP_MS = 100, SHORT_NAP_MS = 1, BUDGET_NS = 10000000 }; /* a nap bounds what a lost wake-up can cost */

/* The maintainer sleeps where all members can wake it; the others look from time to time whether it is gone. */
static void
run_as_member(struct gyre *cache)
{
    gy_atomic_u32 *state = &cache->worker.state, *sleeps = &cache->super->maintainer_sleeps;
    int work = gy_maintainer_turn(cache) ? gy_maintain(cache, BUDGET_NS) : GY_IDLE;
    if (work == GY_WORKED)
        return;
    if (!cache->maintains) {
        gy_os_wait(state, GY_WORKER_AWAKE, NAP_MS);
        return;
    }
    gy_store_seq(sleeps, 1); /* before the look at state, as who stops it does the reverse */
    if (gy_load_seq(state) != GY_WORKER_STOPPING)
        gy_os_wait_shared(sleeps, 1, work == GY_WAITING ? SHORT_NAP_MS : NAP_MS);
}

static void *
run(void *arg)
{
    struct gyre *cache = arg;
    gy_atomic_u32 *state = &cache->worker.state;
    while (cache->members && gy_load_acq(state) != GY_WORKER_STOPPING)
        run_as_member(cache);
    while (gy_load_acq(state) != GY_WORKER_STOPPING) {
        uint32_t awake = GY_WORKER_AWAKE, asleep = GY_WORKER_ASLEEP;
        int work = gy_maintain(cache, BUDGET_NS);
        if (work == GY_WORKED)
            continue;
        if (gy_cas_seq(state, &awake, GY_WORKER_ASLEEP)) {
            gy_os_wait(state, GY_WORKER_ASLEEP, work == GY_WAITING ? SHORT_NAP_MS : NAP_MS);
            gy_cas_seq(state, &asleep, GY_WORKER_AWAKE); /* failed: woken, or told to stop */
        }
    }
    return NULL;
}

int
gy_worker_thread(pthread_t *thread, void *(*its)(void *), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    bool masked = pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
    int error = pthread_create(thread, NULL, its, arg);
    if (masked)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error ? GYRE_ENOMEM : GYRE_OK;
}

int
gy_worker_start(struct gyre *cache)
{
    gy_store_rlx(&cache->worker.state, GY_WORKER_AWAKE);
    int result = gy_worker_thread(&cache->worker.thread, run, cache);
    if (result != GYRE_OK)
        gy_store_rlx(&cache->worker.state, GY_WORKER_ABSENT);
    return result;
}

static void
wake_maintainer(struct gyre *cache)
{
    uint32_t asleep = 1;
    if (gy_cas_seq(&cache->super->maintainer_sleeps, &asleep, 0))
        gy_os_wake_shared(&cache->super->maintainer_sleeps);
}

void
gy_worker_stop(struct gyre *cache)
{
    gy_atomic_u32 *state = &cache->worker.state;
    if (gy_load_acq(state) == GY_WORKER_ABSENT)
        return;
    gy_swap_seq(state, GY_WORKER_STOPPING);
    gy_os_wake(state);
    if (cache->members)
        wake_maintainer(cache);
    pthread_join(cache->worker.thread, NULL);
    gy_store_rlx(state, GY_WORKER_ABSENT); /* (Relaxed: it has ended.) */
}

void
gy_worker_wake(struct gyre *cache)
{
    struct gy_worker *worker = &cache->worker;
    uint32_t asleep = GY_WORKER_ASLEEP; /* (Relaxed: a look; most calls find it awake.) */
    if (cache->members && gy_load_rlx(&cache->super->maintainer_sleeps) != 0)
        wake_maintainer(cache);
    if (gy_load_rlx(&worker->state) == GY_WORKER_ASLEEP && gy_cas_seq(&worker->state, &asleep, GY_WORKER_AWAKE))
        gy_os_wake(&worker->state);
}

void
gy_worker_forget(struct gy_worker *worker)
{
    gy_store_rlx(&worker->state, GY_WORKER_ABSENT);
}

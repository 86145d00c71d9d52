/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "sync.h"

#include "cache.h"
#include "file.h"
#include "registry.h"

enum state { ABSENT, RUNS, STOPPING };

/* What was published before it began is part of what the kernel writes out: dirty pages are found by their mappings. */
static int
write_out(struct gyre *cache)
{
    struct gy_life *life = &cache->super->life;
    int result = gy_rebuild_finish(cache); /* else what was removed meanwhile might come back */
    if (result != GYRE_OK)
        return result;
    /* seq_cst: an arena with an older number is sealed before what is written out. */
    uint64_t sequence = gy_load_seq(&cache->super->sequence), now = gy_now_ms(cache);
    gy_file_tell_time(cache);
    result = gy_file_write_out(cache);
    if (result != GYRE_OK)
        return result == GYRE_ENOSPC ? result : GYRE_EIO;
    gy_add_rlx(&life->syncs, 1); /* (Relaxed, all here: statistics.) */
    gy_store_rlx(&life->synced, sequence);
    gy_store_rlx(&life->synced_ms, now);
    return GYRE_OK;
}

int
gyre_sync(gyre *cache)
{
    if (cache == NULL || !cache->file)
        return GYRE_EINVAL;
    if (cache->region.readonly)
        return GYRE_EPERM;
    int result = gy_registry_mended(cache);
    return result == GYRE_OK ? write_out(cache) : result;
}

static uint64_t
due_in_ms(struct gyre *cache)
{
    uint64_t last = gy_load_rlx(&cache->super->life.synced_ms), now = gy_now_ms(cache); /* (Relaxed: any member's.) */
    uint64_t ago = now > last ? now - last : 0;
    return ago < cache->sync_interval_ms ? cache->sync_interval_ms - ago : 0;
}

void
gy_sync_if_due(struct gyre *cache)
{
    bool threads = gy_load_rlx(&cache->syncer.state) != ABSENT; /* (Relaxed: as gy_worker_runs.) */
    if (cache->sync_interval_ms != 0 && !threads && due_in_ms(cache) == 0)
        write_out(cache);
}

static void *
run(void *arg)
{
    struct gyre *cache = arg;
    gy_atomic_u32 *state = &cache->syncer.state;
    while (gy_load_acq(state) == RUNS) {
        uint64_t due = due_in_ms(cache);
        /* After an error, too, it waits as long. */
        if (due == 0 && write_out(cache) != GYRE_OK)
            due = cache->sync_interval_ms;
        if (due > 0)
            gy_os_wait(state, RUNS, (uint32_t)due);
    }
    return NULL;
}

int
gy_syncer_start(struct gyre *cache)
{
    gy_store_rlx(&cache->syncer.state, RUNS); /* (Relaxed, here and below: the thread begins after it, or has ended.) */
    int result = gy_worker_thread(&cache->syncer.thread, run, cache);
    if (result != GYRE_OK)
        gy_store_rlx(&cache->syncer.state, ABSENT);
    return result;
}

void
gy_syncer_stop(struct gyre *cache)
{
    gy_atomic_u32 *state = &cache->syncer.state;
    if (gy_load_acq(state) == ABSENT)
        return;
    gy_swap_seq(state, STOPPING);
    gy_os_wake(state);
    pthread_join(cache->syncer.thread, NULL);
    gy_store_rlx(state, ABSENT);
}

void
gy_syncer_forget(struct gy_syncer *syncer)
{
    gy_store_rlx(&syncer->state, ABSENT);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Sections as epochs in the records: works for any cache, needs no memory and no library, and knows who
 * is in a section and since when.
 *
 * enter stores the epoch it read (acquire), then (compiler barrier) reads structure. A grace period that started
 * by raising the epoch to e has elapsed when, after a membarrier, no record holds a section below e:
 * a section opened before the membarrier is visible to the look: if it names an epoch below e it is waited
 * for, and if it names e it acquired what was changed before. One opened after the membarrier sees all
 * that, whatever epoch it stored. */

#include "cache.h"
#include "section.h"
#include "reap.h"

static int
shared_thread_ready(void)
{
    return GYRE_OK;
}

static void
shared_enter(struct gyre *cache, struct gy_record *record)
{
    gy_section_open(cache, record);
}

static void
shared_exit(struct gyre *cache, struct gy_record *record)
{
    (void)cache;
    gy_section_close(record);
}

static uint64_t
shared_start(struct gyre *cache)
{
    /* model: grace1 */
    return gy_add_seq(&cache->super->epoch, 1) + 1; /* after the change that the grace period is for */
}

static bool
shared_poll(struct gyre *cache, uint64_t cookie)
{
    if (cache->reader_fences)
        gy_fence_seq();
    else if (!gy_barrier(cache)) /* model: grace2 */
        return false;
    /* model: grace3 */
    uint32_t used = (uint32_t)gy_min(gy_load_seq(&cache->super->n_records_used), cache->g.n_records);
    for (uint32_t i = 0; i < used; i++) {
        uint64_t section = gy_load_acq(&cache->records[i].section); /* acquire: pairs with shared_exit */
        if (section >> 24 < cookie && gy_section_counts(cache, &cache->records[i], section)) { /* model: grace4 */
            gy_reap(cache); /* it may be a dead one's: then the next poll no longer finds it */
            return false;
        }
    }
    gy_add_rlx(&cache->super->grace_periods, 1);
    return true;
}

const struct gy_rcu_ops gy_rcu_shared = {shared_thread_ready, shared_enter, shared_exit, shared_start,
                                         false, shared_poll};

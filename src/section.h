/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Entering and leaving sections (rcu.h): the implementation by epochs in place, for puts and sweeps do it all the time.
 * rcu/shared.c tells why it holds. */

#ifndef GY_SECTION_H
#define GY_SECTION_H

#include "cache.h"

/* Where readers need no fences. */
static inline void
gy_section_open_unfenced(const struct gyre *cache, struct gy_record *record)
{
    struct gy_super *s = cache->super;
    /* acquire: a section that names the epoch of a grace period sees what was changed before it started.
     * release: a poll that reads this section has seen the thread's earlier ones end (C11 would have it by the
     * release sequence of their ends; C++20 and C23 no longer do). The barrier below orders it before what
     * the section reads. */
    /* model: section1, section2 */
    gy_store_rel(&record->section, gy_load_acq(&s->epoch) << 24 | gy_load_rlx(&s->pin_base) >> 32);
    gy_compiler_barrier(); /* pairs with the membarrier in shared_poll */
}

static inline void
gy_section_open(const struct gyre *cache, struct gy_record *record)
{
    gy_section_open_unfenced(cache, record);
    if (gy_unlikely(cache->reader_fences))
        gy_fence_seq();
}

static inline void
gy_section_close(struct gy_record *record)
{
    /* model: section4 */
    gy_store_rel(&record->section, 0); /* the section's accesses come before its end */
}

static inline void
gy_section_enter(struct gyre *cache, struct gy_record *record)
{
    if (gy_likely(cache->rcu == &gy_rcu_shared))
        gy_section_open(cache, record);
    else
        cache->rcu->enter(cache, record);
}

static inline void
gy_section_exit(struct gyre *cache, struct gy_record *record)
{
    if (gy_likely(cache->rcu == &gy_rcu_shared))
        gy_section_close(record);
    else
        cache->rcu->exit(cache, record);
}

#endif

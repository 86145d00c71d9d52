/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Who holds a lease: a thread, by its record. */

#ifndef GY_HOLDER_H
#define GY_HOLDER_H

#include "reap.h"

struct gy_holder {
    uint64_t owner;  /* as the record's: pid and thread */
    uint32_t record; /* its number */
};

static inline bool
gy_holder_left(const struct gyre *cache, struct gy_holder holder)
{
    /* model: leaseleft */
    return holder.record >= cache->g.n_records || (holder.owner & GY_OWNER_EXPELLED) != 0 ||
           gy_load_acq(&cache->records[holder.record].owner) != holder.owner;
}

/* Is it known that the thread is gone: it has given its record back, or was expelled, or somebody has reaped it? In a shared cache, who
 * asks looks for the dead. A word of the region names the record, whatever it is. */
static inline bool
gy_holder_dead(struct gyre *cache, struct gy_holder holder)
{
    return gy_holder_left(cache, holder) || (gy_reap(cache) && gy_holder_left(cache, holder));
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Clear: in constant time for the caller, carried out by whoever does maintenance. */

#ifndef GY_CLEAR_H
#define GY_CLEAR_H

#include "cache.h"

void gy_clear_begin(struct gyre *cache);

/* Is a clear being carried out? Then hits compare their arena's opening number with the mark. Read before
 * the slot is: a word that is read after done has caught up cannot be one that was cleared. Or is the file doubted (doubt.h)?
 * Then hits ask for a proof. */
static inline uint64_t
gy_clear_pending_bits(const struct gyre *cache) /* 0: none */
{
    struct gy_super *super = cache->super;
    uint64_t done = gy_load_acq(&super->done);
    return gy_load_acq(&super->mark) ^ done;
}

static inline bool
gy_clear_pending(const struct gyre *cache)
{
    return gy_clear_pending_bits(cache) != 0;
}

/* Is it a clear, and not doubt alone? */
static inline bool
gy_clear_under_way(const struct gyre *cache)
{
    return (gy_clear_pending_bits(cache) & ~GY_DOUBT) != 0;
}

/* What was opened before has been taken out of the index. */
static inline uint64_t
gy_clear_done(const struct gyre *cache)
{
    return gy_load_acq(&cache->super->done) & ~GY_DOUBT;
}

/* One bounded step; outside sections. True when something was done. */
bool gy_clear_step(struct gyre *cache, struct gy_record *r);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Growth: a shard doubles in place, under traffic. */

#ifndef GY_GROW_H
#define GY_GROW_H

#include "cache.h"

/* Is a shard over its load, or in the middle of doubling? Cheap: puts ask after each insertion. */
bool gy_grow_wanted(const struct gyre *cache, unsigned shard);

/* Is it in the middle of doubling? */
bool gy_grow_under_way(const struct gyre *cache, unsigned shard);

/* Is it so far over its load that writers should help? */
bool gy_grow_urgent(const struct gyre *cache, unsigned shard);

/* One bounded step; outside sections. True when something was done. may_wait: may poll grace periods. */
bool gy_grow_step(struct gyre *cache, struct gy_record *r, unsigned shard, bool may_wait);

/* Takes away what a member of a shared cache had of a shard: it is no more, or was expelled and may come late. */
void gy_grow_release(struct gyre *cache, unsigned shard, uint32_t member);

/* Counts the index's bytes anew, and those set aside for it. False: somebody drives a growth. */
bool gy_grow_recount(struct gyre *cache);

/* A shard's driver: who turns its stages, or displaces its words. A try-lock that nobody waits for. */
static inline bool
gy_grow_drive(struct gyre *cache, struct gy_shard *shard)
{
    uint64_t nobody = 0;
    /* model: drive */
    return gy_cas_seq(&shard->driver, &nobody, gy_owner_self(cache));
}

static inline void
gy_grow_undrive(struct gyre *cache, struct gy_shard *shard)
{
    uint64_t self = gy_owner_self(cache);
    /* model: undrive */
    gy_cas_seq(&shard->driver, &self, 0); /* what was done comes before the next driver's. Failed: it was taken away */
}

/* In a forked child, alone: stages that dead drivers had not told, chunks that dead movers had claimed. */
void gy_grow_mend_quiet(struct gyre *cache);

#endif

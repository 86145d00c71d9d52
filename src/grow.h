/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Growth: a shard doubles in place, under traffic. */

#ifndef GY_GROW_H
#define GY_GROW_H

#include "cache.h"

/* Load: committed words a hundred slots. At 64, as full as the first index is with what was expected (layout.c), one
 * insertion in twenty thousand evicts for want of a slot; at 68 that is exceeded by more than chance. While
 * the index is small beside the capacity it grows early: a small shard fills up within the grace periods
 * that its doubling needs, when threads outnumber processors. */
enum { GY_GROW_EARLY = 35, GY_GROW_LOAD = 68, GY_GROW_SMALL = 64 };

enum { GY_GROW_IDLE, GY_GROW_STAGE_BITS = 3 }; /* the stage of a shard that does not grow, and where it stands in its word */

static inline gy_atomic_u64 *
gy_grow_geometry(const struct gyre *cache, const struct gy_shard *shard)
{
    return &cache->geometries[shard - cache->super->shard];
}

/* The committed words of a shard with so many bytes of buckets beyond its load, in hundredths of a word. */
static inline int64_t
gy_grow_beyond(const struct gyre *cache, struct gy_shard *shard, uint64_t bytes)
{
    uint64_t load = 2 * bytes <= cache->early_bytes ? GY_GROW_EARLY : GY_GROW_LOAD;
    uint64_t n = gy_load_rlx(&shard->n_committed); /* (Relaxed: a hint; less than none, for moments.) */
    return (int64_t)(n * 100 - bytes / sizeof(gy_atomic_u64) * load); /* unsigned: n may be damaged, and anything */
}

static inline bool
gy_grow_loaded(const struct gyre *cache, struct gy_shard *shard)
{
    uint64_t bytes = gy_geometry_bytes(gy_load_acq(gy_grow_geometry(cache, shard)) & cache->geometry_bits);
    return gy_unlikely(gy_grow_beyond(cache, shard, bytes) > 0) && bytes < cache->g.shard_bytes_most;
}

/* Is a shard over its load, or in the middle of doubling? Cheap: puts ask after each insertion. */
static inline bool
gy_grow_wanted_in(const struct gyre *cache, struct gy_shard *shard)
{
    return gy_grow_loaded(cache, shard) || (gy_load_acq(&shard->stage) & ((1 << GY_GROW_STAGE_BITS) - 1)) != GY_GROW_IDLE;
}

bool gy_grow_wanted(const struct gyre *cache, unsigned shard);

/* Is it in the middle of doubling? */
bool gy_grow_under_way(const struct gyre *cache, unsigned shard);

/* One bounded step; outside sections: moves so many buckets at most. True when something was done. may_wait: may poll
 * grace periods. */
bool gy_grow_steps(struct gyre *cache, struct gy_record *r, unsigned shard, bool may_wait, unsigned buckets);

static inline bool
gy_grow_step(struct gyre *cache, struct gy_record *r, unsigned shard, bool may_wait)
{
    return gy_grow_steps(cache, r, shard, may_wait, 1);
}

/* Has the maintenance thread left a step of a shard's growth to those who put there? */
bool gy_grow_behind(const struct gyre *cache, struct gy_shard *shard);

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

/* In a forked child, alone: stages that dead drivers had not told, buckets that dead movers had claimed. */
void gy_grow_mend_quiet(struct gyre *cache);

#endif

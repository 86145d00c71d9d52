/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "maintain.h"

#include "cache.h"
#include "clear.h"
#include "grow.h"
#include "sweep.h"

enum { SWEEP_STEP = 64 << 10 }; /* bytes, at most an arena: so that small caches are not emptied */
enum { GROW_STEPS = 2 };        /* each is as small as a put can bear */

static bool
grow_one(struct gyre *cache, struct gy_record *r, unsigned *shard)
{
    unsigned n = cache->g.n_shards;
    for (unsigned i = 0; i < n; i++)
        if (gy_grow_step(cache, r, (*shard)++ % n, true))
            return true;
    return false;
}

static bool
grow(struct gyre *cache, struct gy_record *r, unsigned *shard)
{
    unsigned n = 0;
    while (n < GROW_STEPS && grow_one(cache, r, shard))
        n++;
    return n > 0;
}

/* A step of each kind, so that none keeps another waiting; false when nothing could be done. */
static bool
step(struct gyre *cache, struct gy_record *r, unsigned *shard)
{
    bool did = gy_clear_step(cache, r);
    if (gy_sweep_wanted(cache))
        did |= gy_sweep_free(cache) || gy_sweep_bytes(cache, r, gy_min(SWEEP_STEP, cache->arena_bytes)) ||
               gy_arena_free_retired(cache) > 0;
    did |= grow(cache, r, shard);
    return did;
}

static bool
under_way(const struct gyre *cache)
{
    for (unsigned i = 0; i < cache->g.n_shards; i++)
        if (gy_grow_under_way(cache, i))
            return true;
    return gy_clear_pending(cache);
}

int
gy_maintain(struct gyre *cache, uint64_t budget_ns)
{
    int error;
    struct gy_record *r = gy_record_of(cache, &error);
    if (r == NULL)
        return error;
    gy_tick(cache);
    uint64_t start = gy_os_clock_ns();
    unsigned shard = 0;
    bool did;
    do
        did = step(cache, r, &shard);
    while (did && gy_os_clock_ns() - start < budget_ns);
    return did ? GY_WORKED : under_way(cache) ? GY_WAITING : GY_IDLE;
}

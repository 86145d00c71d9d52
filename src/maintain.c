/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "maintain.h"

#include "cache.h"
#include "clear.h"
#include "grow.h"
#include "sweep.h"

enum { SWEEP_STEP = 64 << 10 }; /* bytes, at most an arena: so that small caches are not emptied */

/* One step of whatever is most urgent; false when nothing could be done. */
static bool
step(struct gyre *cache, struct gy_record *r, unsigned *shard)
{
    if (gy_clear_step(cache, r))
        return true;
    if (gy_sweep_wanted(cache) &&
        (gy_arena_free_retired(cache) > 0 || gy_sweep_bytes(cache, r, gy_min(SWEEP_STEP, cache->arena_bytes))))
        return true;
    unsigned n = 1u << cache->g.log2_shards;
    for (unsigned i = 0; i < n; i++, (*shard)++)
        if (gy_grow_step(cache, r, *shard & (n - 1), true))
            return true;
    return false;
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
    return did;
}

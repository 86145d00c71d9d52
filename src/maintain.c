/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "maintain.h"

#include "cache.h"
#include "clear.h"
#include "grow.h"
#include "note.h"
#include "reap.h"
#include "recount.h"
#include "sweep.h"

enum { SWEEP_STEP = 64 << 10 }; /* bytes, at most an arena: so that small caches are not emptied */
enum { GROW_STEPS = 8, BUCKETS = 8 }; /* of a shard at once: their misses overlap */

static bool
grow_one(struct gyre *cache, struct gy_record *r, unsigned *shard)
{
    unsigned n = cache->g.n_shards;
    for (unsigned i = 0; i < n; i++)
        if (gy_grow_steps(cache, r, (*shard)++ % n, true, BUCKETS))
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
    bool did = gy_clear_step(cache, r) || gy_rebuild_step(cache, r);
    if (gy_sweep_wanted(cache) && !gy_rebuilding(cache)) /* meanwhile, what was not read goes when its room is needed */
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

enum gy_maintainer
gy_maintainer_begin(struct gyre *cache)
{
    uint64_t holder = 0, self = gy_owner_self(cache);
    if (gy_member_expelled(cache))
        return GY_MAINTAINER_OTHER;
    if (gy_cas_seq(&cache->super->maintainer, &holder, self)) /* model: maintain */
        return GY_MAINTAINER_NOW;
    return holder == self ? GY_MAINTAINER_ALREADY : GY_MAINTAINER_OTHER;
}

void
gy_maintainer_end(struct gyre *cache)
{
    uint64_t self = gy_owner_self(cache);
    gy_cas_seq(&cache->super->maintainer, &self, 0); /* model: unmaintain */
}

bool
gy_maintainer_turn(struct gyre *cache)
{
    enum { STOPPED_MS = 1000 };
    struct gy_super *s = cache->super;
    uint64_t now = gy_now_ms(cache);
    cache->maintains = gy_maintainer_begin(cache) != GY_MAINTAINER_OTHER;
    if (cache->maintains) {
        gy_store_rlx(&s->maintained_ms, now);
        return true;
    }
    gy_reap_one(cache, (uint32_t)(gy_load_acq(&s->maintainer) >> 32));
    uint64_t seen = gy_load_rlx(&s->maintained_ms);
    return seen < now && now - seen > STOPPED_MS;
}

int
gy_maintain(struct gyre *cache, uint64_t budget_ns)
{
    int error;
    struct gy_record *r = gy_record_to_write(cache, &error);
    if (r == NULL)
        return error;
    gy_tick(cache);
    if (cache->members) {
        gy_reap(cache);
        gy_recount(cache);
    }
    uint64_t start = gy_os_clock_ns();
    unsigned shard = 0;
    bool did;
    do
        did = step(cache, r, &shard);
    while (did && gy_os_clock_ns() - start < budget_ns);
    return did ? GY_WORKED : under_way(cache) ? GY_WAITING : GY_IDLE;
}

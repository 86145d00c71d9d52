/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "credit.h"

#include "index.h"

static bool
change(struct gyre *cache, uint64_t *seen, uint64_t bytes)
{
    uint64_t changes = (*seen >> GY_CREDIT_BITS) + 1;
    return gy_cas_seq(&cache->super->index_credit, seen, changes << GY_CREDIT_BITS | bytes);
}

uint64_t
gy_credit(const struct gyre *cache)
{
    return gy_credit_bytes(gy_load_acq(&cache->super->index_credit));
}

bool
gy_credit_take(struct gyre *cache, uint64_t bytes)
{
    uint64_t seen = gy_load_acq(&cache->super->index_credit);
    while (gy_credit_bytes(seen) >= bytes)
        if (change(cache, &seen, gy_credit_bytes(seen) - bytes))
            return true; /* else another shard took or gave some */
    return false;
}

void
gy_credit_give(struct gyre *cache, uint64_t bytes)
{
    uint64_t seen = gy_load_acq(&cache->super->index_credit);
    while (!change(cache, &seen, gy_credit_bytes(seen) + bytes))
        ; /* retried because another shard took or gave some */
}

bool
gy_credit_count(struct gyre *cache)
{
    uint64_t seen = gy_load_acq(&cache->super->index_credit), index_seen = gy_load_acq(&cache->super->index_bytes);
    uint64_t index_bytes = 0, arenas = 0;
    for (unsigned number = 0; number < cache->g.n_shards; number++)
        index_bytes += gy_shard_extent(cache, number) * sizeof(struct gy_bucket);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        arenas += !gy_arena_withdrawn(gy_load_acq(&cache->words[a]));
    uint64_t used = index_bytes + (arenas << cache->g.arena_shift);
    return used <= cache->g.capacity_bytes && gy_cas_seq(&cache->super->index_bytes, &index_seen, index_bytes) &&
           change(cache, &seen, cache->g.capacity_bytes - used);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "account.h"

/* A place's count of a shard. (Relaxed, here: statistics, and a hint for growth.) */
static gy_atomic_u64 *
count_at(const struct gyre *cache, uint64_t place, uint64_t shard)
{
    return &cache->counts[place % GY_PLACES * gy_layout_counts(cache->g.n_shards) + shard];
}

void
gy_account_apart(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, uint64_t more)
{
    uint64_t place = (uint64_t)(r - cache->records), number = (uint64_t)(shard - cache->super->shard);
    gy_atomic_u64 *count = count_at(cache, place, number);
    if (gy_add_rlx(count, more) + more + GY_ACCOUNT_AT_ONCE > 2 * GY_ACCOUNT_AT_ONCE)
        gy_add_rlx(&shard->n_committed, gy_swap_seq(count, 0));
}

int64_t
gy_account_entries(const struct gyre *cache, uint64_t shard)
{
    uint64_t n = gy_load_seq(&cache->super->shard[shard].n_committed);
    for (unsigned place = 0; place < GY_PLACES; place++)
        n += gy_load_seq(count_at(cache, place, shard));
    return (int64_t)n;
}

void
gy_account_set_quiet(struct gyre *cache, uint64_t shard, uint64_t n)
{
    for (unsigned place = 0; place < GY_PLACES; place++)
        gy_store_rlx(count_at(cache, place, shard), 0);
    gy_store_rlx(&cache->super->shard[shard].n_committed, n);
}

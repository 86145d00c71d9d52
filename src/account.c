/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "account.h"

int64_t
gy_account_entries(const struct gyre *cache, uint64_t shard)
{
    uint64_t n = gy_load_seq(&cache->super->shard[shard].n_committed);
    for (unsigned place = 0; place < GY_PLACES; place++)
        n += gy_load_seq(gy_account_at(cache, place, shard));
    return (int64_t)n;
}

void
gy_account_set_quiet(struct gyre *cache, uint64_t shard, uint64_t n)
{
    for (unsigned place = 0; place < GY_PLACES; place++)
        gy_store_rlx(gy_account_at(cache, place, shard), 0);
    gy_store_rlx(&cache->super->shard[shard].n_committed, n);
}

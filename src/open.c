/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Building a cache and undoing it, in order. */

#include <stdlib.h>

#include "cache.h"
#include "registry.h"

#ifdef GY_POINTS
void (*gy_point_hook)(const char *file, int line, const volatile void *address);
uint64_t (*gy_hash_hook)(const void *key, size_t size);
bool gy_point_no_membarrier;
#endif

static void *
system_allocate(void *arg, size_t bytes)
{
    (void)arg;
    return malloc(bytes);
}

static void
system_deallocate(void *arg, void *memory, size_t bytes)
{
    (void)arg, (void)bytes;
    free(memory);
}

void
gy_cache_settle(gyre *cache)
{
    char *base = cache->region.base;
    cache->super = (struct gy_super *)(void *)base;
    cache->g = cache->super->geometry;
    cache->seed = cache->super->seed;
    cache->reader_fences = cache->super->reader_fences;
    cache->members = cache->g.n_members ? (struct gy_member *)(void *)(base + cache->g.members_at) : NULL;
    cache->records = (struct gy_record *)(void *)(base + cache->g.records_at);
    cache->words = (gy_atomic_u64 *)(void *)(base + cache->g.words_at);
    cache->books = (struct gy_book *)(void *)(base + cache->g.books_at);
    cache->lanes = (struct gy_lane *)(void *)(base + cache->g.lanes_at);
    cache->history = (gy_atomic_u16 *)(void *)(base + cache->g.history_at);
    cache->index = base + cache->g.index_at;
    cache->arena_bytes = (uint64_t)1 << cache->g.arena_shift;
    cache->arena_mask = cache->arena_bytes - 1;
    cache->align_less_one = cache->g.value_align - 1;
    cache->align_mask = ~cache->align_less_one;
    cache->n_shards = cache->g.n_shards;
    cache->arena_first = cache->g.arenas_at >> cache->g.arena_shift;
}

/* All that is used from the start, but for records and the few pages of words. */
static int
reserve_parts(struct gy_region *region, const struct gy_geometry *g)
{
    uint64_t shard_first = gy_layout_index_first(g) / g->n_shards;
    int result = region->ops->reserve(region, g->history_at, g->index_at - g->history_at);
    for (unsigned number = 0; number < g->n_shards && result == GYRE_OK; number++)
        result = region->ops->reserve(region, g->index_at + g->shard_bytes_most * number, shard_first);
    return result == GYRE_OK ? region->ops->reserve(region, g->arenas_at, g->region_bytes - g->arenas_at) : result;
}

static int
open_private(gyre *cache, const gyre_options *o)
{
    struct gy_geometry g;
    int result = gy_layout_plan(&g, o, gy_os_cpus());
    if (result != GYRE_OK)
        return result;
    uint64_t seed = o->seed;
    if (seed == 0 && !gy_os_random(&seed, sizeof seed))
        return GYRE_EIO;
    cache->region = (struct gy_region){.bytes = g.region_bytes, .hugepages = o->flags & GYRE_HUGEPAGES,
                                       .ops = &gy_region_heap};
    result = cache->region.ops->map(&cache->region);
    if (result != GYRE_OK)
        return result;
    gy_layout_format_quiet(cache->region.base, &g, seed, !gy_os_membarrier_register());
    result = gy_layout_verify(cache->region.base, cache->region.bytes);
    if (result == GYRE_OK)
        result = reserve_parts(&cache->region, &g);
    if (result != GYRE_OK) {
        cache->region.ops->unmap(&cache->region);
        return result;
    }
    gy_cache_settle(cache);
    return GYRE_OK;
}

int
gyre_open(gyre **out, const gyre_options *options)
{
    if (out == NULL)
        return GYRE_EINVAL;
    *out = NULL;
    gyre_options o;
    int result = gy_options_check(&o, options);
    if (result == GYRE_OK)
        result = gy_registry_start();
    if (result != GYRE_OK)
        return result;
    if (o.allocate == NULL)
        o.allocate = system_allocate, o.deallocate = system_deallocate;

    gyre *cache = o.allocate(o.allocate_arg, sizeof *cache);
    if (cache == NULL)
        return GYRE_ENOMEM;
    memset(cache, 0, sizeof *cache);
    cache->allocate = o.allocate;
    cache->deallocate = o.deallocate;
    cache->allocate_arg = o.allocate_arg;
    cache->clock_ms = o.clock_ms;
    cache->clock_arg = o.clock_arg;
    cache->locks = -1;
    cache->rcu = o.flags & GYRE_LIBURCU && !gy_registry_forked() ? &gy_rcu_local : &gy_rcu_shared;
    result = open_private(cache, &o);
    if (result != GYRE_OK)
        goto fail_cache;
    cache->clock_start_ms = o.clock_ms ? o.clock_ms(o.clock_arg) : gy_os_clock_ms();
    gy_tick(cache);
    gy_registry_add(cache);
    if (!(o.flags & GYRE_NO_THREAD)) {
        result = gy_worker_start(cache);
        if (result != GYRE_OK)
            goto fail_region;
    }
    *out = cache;
    return GYRE_OK;

fail_region:
    gy_registry_remove(cache);
    cache->region.ops->unmap(&cache->region);
fail_cache:
    cache->deallocate(cache->allocate_arg, cache, sizeof *cache);
    return result;
}

void
gyre_close(gyre *cache)
{
    if (cache == NULL)
        return;
    gy_worker_stop(cache);
    gy_registry_remove(cache);
    if (cache->members)
        gy_member_leave(cache);
    cache->region.ops->unmap(&cache->region);
    cache->deallocate(cache->allocate_arg, cache, sizeof *cache);
}

int
gyre_unlink(const gyre_options *options)
{
    (void)options; /* private caches have no name */
    return GYRE_EINVAL;
}

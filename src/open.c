/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Building a cache and undoing it, in order. */

#include <stdlib.h>

#include "cache.h"
#include "file.h"
#include "grow.h"
#include "registry.h"
#include "resize.h"

enum { OPEN_TRIES = 1000 };

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

/* Where each processor can have an arena half swept without much less room for that. */
static bool
hands_apart(const struct gy_geometry *g)
{
    enum { MANY = 64 }; /* arenas for each */
    return g->n_lanes > 1 && g->n_arenas >= MANY * gy_min(g->n_lanes, GY_HANDS_OWN);
}

void
gy_cache_settle(gyre *cache)
{
    char *base = cache->region.base;
    cache->super = (struct gy_super *)(void *)base;
    cache->members = cache->g.n_members ? (struct gy_member *)(void *)(base + cache->g.members_at) : NULL;
    cache->records = (struct gy_record *)(void *)(base + cache->g.records_at);
    cache->counts = (gy_atomic_u64 *)(void *)(base + cache->g.counts_at);
    cache->words = (gy_atomic_u64 *)(void *)(base + cache->g.words_at);
    cache->books = (struct gy_book *)(void *)(base + cache->g.books_at);
    cache->lanes = (struct gy_lane *)(void *)(base + cache->g.lanes_at);
    cache->history = (gy_atomic_u16 *)(void *)(base + cache->g.history_at);
    cache->geometries = gy_layout_geometries(base, &cache->g);
    cache->index = base + cache->g.index_at;
    cache->arena_bytes = (uint64_t)1 << cache->g.arena_shift;
    cache->sparse = cache->g.flags & GYRE_SPARSE;
    cache->hands_apart = hands_apart(&cache->g);
    cache->arena_mask = cache->arena_bytes - 1;
    cache->room_mask = gy_min(cache->arena_mask, UINT32_MAX);
    cache->geometry_bits = gy_geometry_bits(&cache->g);
    cache->align_less_one = cache->g.value_align - 1;
    cache->align_mask = ~cache->align_less_one;
    cache->end_more = GY_ENTRY_ALIGN - 1 + cache->g.proof_bytes;
    uint64_t beside = GY_ENTRY_BESIDES + GY_KEY_USUAL + cache->g.value_align;
    cache->plain_value_most = gy_min(cache->g.max_value_bytes, cache->arena_bytes - gy_min(cache->arena_bytes, beside));
    cache->n_shards = cache->g.n_shards;
    cache->flips = gy_hash_flips(cache->seed);
    cache->arenas = (uint64_t *)(void *)(base + cache->g.arenas_at);
    cache->arenas_ref = cache->g.arenas_at >> 3;
    cache->arenas_refs = (uint64_t)cache->g.n_arenas << cache->g.arena_shift >> 3;
    cache->arena_part = (uint64_t)1 << (64 + 3 - cache->g.arena_shift);
    cache->committed_mask = GY_REF_MASK | GY_T;
    cache->plain_bits = GY_ENTRY_PLAIN_BITS;
    cache->arena_first = cache->g.arenas_at >> cache->g.arena_shift;
    cache->enough_free = (int64_t)cache->g.reserve_arenas + cache->g.n_arenas / 64;
    cache->window_most = 1 + (int64_t)(gy_policy.window_most * (float)cache->g.n_arenas);
    cache->early_bytes = cache->g.capacity_bytes / GY_GROW_SMALL / cache->n_shards;
}

void
gy_cache_settle_in(gyre *cache, const struct gy_super *head)
{
    cache->g = head->geometry;
    cache->seed = head->seed;
    cache->generation = head->generation;
    cache->clock_start_ms = head->clock_start_ms;
    cache->clock_before_ms = head->clock_before_ms;
    cache->reader_fences = head->reader_fences;
    gy_cache_settle(cache);
}

/* All that is used from the start; of records and the few pages of words, most are never touched. */
int
gy_cache_reserve(struct gy_region *region, const struct gy_geometry *g)
{
    uint64_t shard_first = gy_layout_index_first(g) / g->n_shards;
    int result = region->ops->reserve_tables(region, g->history_at);
    if (result == GYRE_OK)
        result = region->ops->reserve(region, g->history_at, g->index_at - g->history_at);
    for (unsigned number = 0; number < g->n_shards && result == GYRE_OK; number++)
        result = region->ops->reserve(region, g->index_at + g->shard_bytes_most * number, shard_first);
    uint64_t arenas = g->flags & GYRE_SPARSE ? gy_layout_arenas_least(g) : g->n_arenas;
    return result == GYRE_OK ? region->ops->reserve(region, g->arenas_at, arenas << g->arena_shift) : result;
}

int
gy_cache_map(struct gy_region *region, const struct gy_geometry *g)
{
    region->bytes = g->region_bytes;
    region->alignment = gy_max(GY_HUGE_PAGE, (size_t)1 << g->arena_shift);
    return region->ops->map(region);
}

static int
join(gyre *cache)
{
    int result = gy_member_join(cache, cache->region.fd);
    return result == GYRE_OK && cache->file ? gy_file_joined(cache) : result;
}

int
gy_cache_build(gyre *cache, const struct gy_geometry *g, const struct gy_birth *birth)
{
    struct gy_region *region = &cache->region;
    int result = gy_cache_map(region, g);
    if (result == GYRE_OK)
        result = gy_cache_reserve(region, g);
    if (result != GYRE_OK)
        return result;
    gy_layout_format_quiet(region->base, g, birth);
    const struct gy_super *head = (const struct gy_super *)(const void *)region->base;
    result = gy_layout_verify(head, region->bytes);
    if (result != GYRE_OK)
        return result;
    gy_cache_settle_in(cache, head);
    if (cache->file)
        result = gy_file_found(cache);
    if (result == GYRE_OK && cache->shared)
        result = join(cache); /* before: what is made is open, too */
    return result;
}

static int
make(gyre *cache, const gyre_options *o)
{
    struct gy_geometry g;
    struct gy_region *region = &cache->region;
    int result = gy_layout_plan(&g, o, gy_os_cpus());
    if (result != GYRE_OK)
        return result;
    bool shared = cache->shared;
    struct gy_birth birth = {.seed = o->seed, .generation = 1};
    birth.reader_fences = !(shared ? gy_os_membarrier_register_all() : gy_os_membarrier_register());
    if ((o->seed == 0 && !gy_os_random(&birth.seed, sizeof birth.seed)) ||
        (shared && !gy_os_random(&birth.generation, sizeof birth.generation)))
        return GYRE_EIO;
    birth.clock_start_ms = o->clock_ms ? o->clock_ms(o->clock_arg) : gy_os_clock_ms();
    result = gy_cache_build(cache, &g, &birth);
    if (result == GYRE_OK)
        result = region->ops->publish(region);
    if (result == GYRE_OK && cache->file)
        gy_file_ready(cache);
    if (result != GYRE_OK && shared)
        gy_member_leave(cache);
    return result;
}

/* Is a region what the caller asks for? What is 0 is not asked for; a file can be made anew with another capacity. */
static bool
as_asked(const gyre *cache, const struct gy_super *head, const gyre_options *o)
{
    const struct gy_geometry *g = &head->geometry;
    return (o->capacity_bytes == 0 || o->capacity_bytes == g->capacity_bytes || gy_resize_wanted(cache, g, o)) &&
           (o->max_entries == 0 || o->max_entries == g->max_entries) &&
           (o->max_value_bytes == 0 || o->max_value_bytes == g->max_value_bytes) &&
           (o->default_ttl_ms == 0 || o->default_ttl_ms == g->default_ttl_ms) &&
           (o->seed == 0 || o->seed == head->seed) && o->value_align <= g->value_align &&
           (o->flags & GYRE_VERSIONS & ~g->flags) == 0;
}

static int
attach(gyre *cache, const gyre_options *o)
{
    struct gy_super head; /* a copy: nobody changes it after it was checked */
    struct gy_region *region = &cache->region;
    int result = region->ops->read(region, &head, sizeof head);
    if (result == GYRE_OK)
        result = cache->file ? gy_layout_verify_either(&head, region->bytes) : gy_layout_verify(&head, region->bytes);
    if (result == GYRE_OK && !as_asked(cache, &head, o))
        result = GYRE_EFORMAT;
    if (result == GYRE_OK && gy_resize_wanted(cache, &head.geometry, o))
        return gy_resize(cache, o, &head);
    if (result == GYRE_OK)
        result = gy_cache_map(region, &head.geometry);
    region->wanted_bytes = head.geometry.capacity_bytes; /* so long others may take to write it out */
    cache->start = GYRE_START_WARM; /* but for a file that is not trusted */
    if (result == GYRE_OK && cache->file) {
        gy_cache_settle_in(cache, &head);
        result = gy_file_begin(cache, &head);
    }
    if (result == GYRE_OK)
        result = gy_layout_verify_shards(region->base, &head.geometry);
    if (result != GYRE_OK)
        return result;
    gy_cache_settle_in(cache, &head);
    result = region->readonly ? GYRE_OK : join(cache);
    if (cache->file)
        gy_file_ready(cache);
    return result;
}

/* Finds the region, or makes it. It may come and go meanwhile, but not for ever. */
static int
open_region(gyre *cache, const gyre_options *o)
{
    struct gy_region *region = &cache->region;
    bool create = !cache->shared || o->flags & GYRE_CREATE;
    int result = GYRE_EEXIST;
    for (unsigned tries = 0; tries < OPEN_TRIES && result == GYRE_EEXIST; tries++) {
        result = region->ops->find(region, create);
        if (result == GYRE_OK && o->flags & GYRE_EXCLUSIVE) {
            region->ops->unmap(region);
            return GYRE_EEXIST;
        }
        if (result == GYRE_OK)
            result = attach(cache, o);
        else if (result == GYRE_ENOENT && create)
            result = make(cache, o);
        if (result != GYRE_OK)
            region->ops->unmap(region);
        if (result == GYRE_EEXIST && o->flags & GYRE_EXCLUSIVE)
            return result;
    }
    return result == GYRE_EEXIST ? GYRE_EBUSY : result;
}

static bool
find_path(char path[GY_PATH_BYTES], const gyre_options *o)
{
    if (o->file_path)
        return gy_region_file_path(path, o->file_path);
    return !o->shm_name || gy_region_path(path, o->shm_name);
}

/* GYRE_OK, or GYRE_EINVAL: it cannot have that name. */
static int
choose_region(gyre *cache, const gyre_options *o)
{
    bool by_fd = (o->flags & GYRE_SHM_FD) != 0;
    cache->file = o->file_path != NULL;
    cache->shared = by_fd || o->shm_name || cache->file;
    cache->region = (struct gy_region){.wanted_bytes = o->capacity_bytes, .hugepages = o->flags & GYRE_HUGEPAGES,
                                       .readonly = o->flags & GYRE_READONLY, .given = o->shm_fd, .fd = -1, .claim = -1,
                                       .mode = o->mode, .path = cache->path,
                                       .anywhere = o->flags & GYRE_ANY_FILE_SYSTEM};
    cache->region.ops = by_fd ? &gy_region_memfd : o->shm_name ? &gy_region_named :
                        cache->file ? &gy_region_file : &gy_region_heap;
    return find_path(cache->path, o) ? GYRE_OK : GYRE_EINVAL;
}

static void
leave(gyre *cache)
{
    if (cache->file && !cache->region.readonly)
        gy_file_leave(cache);
    else if (cache->members)
        gy_member_leave(cache);
}

/* Those that read a file first: a sync waits for them. */
static void
stop_threads(gyre *cache)
{
    gy_rebuild_stop(cache);
    gy_worker_stop(cache);
    gy_syncer_stop(cache);
    gy_rebuild_free(cache);
}

static int
start_threads(gyre *cache, const gyre_options *o)
{
    if (o->flags & (GYRE_NO_THREAD | GYRE_READONLY))
        return GYRE_OK;
    if (cache->resumes)
        gy_rebuild_start(cache); /* first: what its threads go by is the others', too */
    int result = gy_worker_start(cache);
    if (result == GYRE_OK && cache->sync_interval_ms != 0)
        result = gy_syncer_start(cache);
    if (result != GYRE_OK)
        stop_threads(cache);
    return result;
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
    cache->sync_interval_ms = o.sync_interval_ms;
    cache->rcu = o.flags & GYRE_LIBURCU && !gy_registry_forked() ? &gy_rcu_local : &gy_rcu_shared;
    result = choose_region(cache, &o);
    if (result == GYRE_OK)
        result = open_region(cache, &o);
    if (result != GYRE_OK)
        goto fail_cache;
    if (!cache->region.readonly)
        gy_tick(cache);
    gy_registry_add(cache);
    result = start_threads(cache, &o);
    if (result != GYRE_OK)
        goto fail_region;
    *out = cache;
    return GYRE_OK;

fail_region:
    gy_registry_remove(cache);
    leave(cache);
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
    stop_threads(cache);
    gy_registry_remove(cache);
    leave(cache);
    cache->region.ops->unmap(&cache->region);
    cache->deallocate(cache->allocate_arg, cache, sizeof *cache);
}

int
gyre_unlink(const gyre_options *options)
{
    gyre_options o;
    char path[GY_PATH_BYTES];
    int result = gy_options_check_name(&o, options);
    if (result != GYRE_OK || !find_path(path, &o))
        return GYRE_EINVAL;
    return gy_region_unlink(path);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "resize.h"

#include "carry.h"
#include "file.h"
#include "note.h"
#include "os_object.h"

bool
gy_resize_wanted(const struct gyre *cache, const struct gy_geometry *g, const gyre_options *o)
{
    bool other = o->capacity_bytes != 0 && o->capacity_bytes != g->capacity_bytes;
    return cache->file && !cache->region.readonly && (other || o->flags & GYRE_COMPACT);
}

/* As it was made, as far as that can be told. The largest value, where it was derived, is derived anew, but no smaller than it was
 * unless that would leave few arenas. */
static int
plan(struct gy_geometry *out, const gyre_options *o, const struct gy_geometry *was)
{
    enum { ARENAS_ENOUGH = 32 };
    struct gy_geometry derived;
    gyre_options as = *o;
    as.capacity_bytes = o->capacity_bytes ? o->capacity_bytes : was->capacity_bytes;
    as.max_entries = was->max_entries;
    as.value_align = was->value_align;
    as.default_ttl_ms = was->default_ttl_ms;
    as.max_value_bytes = (uint32_t)was->max_value_bytes;
    as.flags = (was->flags & GY_FLAGS_KEPT) | (was->proof_bytes ? 0 : GYRE_NO_CHECKSUMS);
    int result = as.max_value_bytes < as.capacity_bytes ? gy_layout_plan(out, &as, gy_os_cpus()) : GYRE_EINVAL;
    as.max_value_bytes = 0;
    if (!gy_layout_value_derived(was) || gy_layout_plan(&derived, &as, gy_os_cpus()) != GYRE_OK)
        return result;
    if (result != GYRE_OK || derived.max_value_bytes >= was->max_value_bytes ||
        out->n_arenas < gy_min(ARENAS_ENOUGH, was->n_arenas))
        *out = derived;
    return GYRE_OK;
}

/* What others may do with it, and whose it is. */
static int
look_at(const struct gy_region *region, struct gy_object *object)
{
    int result = gy_os_object_look(region->fd, object);
    object->permissions &= 0666;
    return result;
}

static int
own(const struct gy_region *region, const struct gy_object *like)
{
    struct gy_object is;
    int result = gy_os_object_look(region->fd, &is);
    if (result != GYRE_OK || (is.owner == like->owner && is.group == like->group))
        return result;
    return gy_os_object_own(region->fd, like->owner, like->group);
}

/* What is not an entry: what was learned, and the numbers that may not be given out twice. (Relaxed: this thread is alone.) */
static void
carry_words(struct gyre *to, const struct gyre *from)
{
    memcpy(&to->super->learned, &from->super->learned, sizeof to->super->learned);
    gy_store_rlx(&to->super->versions, gy_load_rlx(&from->super->versions));
}

static int
make_from(gyre *cache, struct gyre *old, const struct gy_geometry *g)
{
    struct gy_object like;
    struct gy_birth birth = {.seed = old->seed, .clock_start_ms = old->clock_start_ms, .clock_before_ms = old->clock_before_ms};
    int result = look_at(&old->region, &like);
    birth.reader_fences = !gy_os_membarrier_register_all();
    if (result == GYRE_OK && !gy_os_random(&birth.generation, sizeof birth.generation))
        result = GYRE_EIO;
    if (result != GYRE_OK)
        return result;
    cache->region.mode = like.permissions;
    result = gy_cache_build(cache, g, &birth);
    if (result == GYRE_OK)
        result = own(&cache->region, &like);
    if (result == GYRE_OK)
        carry_words(cache, old), result = gy_carry(cache, old);
    if (result == GYRE_OK && old->region.ops->lost(&old->region))
        result = GYRE_EEXIST; /* somebody removed its name, and perhaps made another */
    if (result == GYRE_OK)
        result = gy_file_replace(cache);
    if (result == GYRE_OK)
        gy_file_ready(cache);
    else
        gy_member_leave(cache);
    return result;
}

/* The region that was found can be read, alone and under its lock. */
static int
begin(gyre *cache, const gyre_options *o, struct gy_super *head)
{
    struct gy_region *region = &cache->region;
    bool other = o->capacity_bytes != 0 && o->capacity_bytes != head->geometry.capacity_bytes;
    int result = gy_cache_map(region, &head->geometry);
    if (result != GYRE_OK)
        return result;
    region->wanted_bytes = head->geometry.capacity_bytes; /* so long others may take to write it out */
    gy_cache_settle_in(cache, head);
    result = gy_file_begin_alone(cache, head, other ? GYRE_EFORMAT : GYRE_EBUSY);
    if (result == GYRE_OK)
        result = gy_layout_verify_shards(region->base, &head->geometry);
    if (result == GYRE_OK)
        gy_cache_settle_in(cache, head);
    if (result == GYRE_OK && gy_rebuilding(cache)) /* all that it holds is to be carried over, and not what was read so far */
        result = gy_rebuild_quiet(cache, UINT64_MAX);
    cache->resumes = false;
    return result;
}

int
gy_resize(gyre *cache, const gyre_options *o, struct gy_super *head)
{
    struct gy_geometry g;
    struct gyre *old = NULL;
    int result = plan(&g, o, &head->geometry);
    if (result == GYRE_OK)
        result = begin(cache, o, head);
    if (result == GYRE_OK) {
        old = cache->allocate(cache->allocate_arg, sizeof *old);
        result = old != NULL ? GYRE_OK : GYRE_ENOMEM;
    }
    if (result == GYRE_OK) {
        *old = *cache;
        cache->region.base = NULL, cache->region.fd = cache->region.claim = -1;
        result = make_from(cache, old, &g);
        cache->region.mode = old->region.mode; /* whom the opener trusts */
        old->region.ops->unmap(&old->region); /* and its lock is given back */
    }
    if (old != NULL)
        cache->deallocate(cache->allocate_arg, old, sizeof *old);
    cache->start = GYRE_START_RESIZED;
    return result;
}

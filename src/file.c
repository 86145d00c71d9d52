/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "file.h"

#include "cache.h"
#include "os_object.h"
#include "reap.h"

/* An open of its own: the region's may be shared with a parent or a child of this process, for whom a lock on it would be
 * theirs as well. */
static int
lock(struct gyre *cache)
{
    struct gy_region *region = &cache->region;
    int result = gy_os_object_reopen(region->fd, &region->claim);
    if (result != GYRE_OK)
        return result;
    for (unsigned left = gy_object_patience(region); left > 0; left--) {
        if (gy_os_lock(region->claim))
            return GYRE_OK;
        gy_os_nap();
    }
    gy_file_ready(cache);
    return GYRE_EBUSY;
}

void
gy_file_ready(struct gyre *cache)
{
    if (cache->region.claim >= 0)
        gy_os_object_close(cache->region.claim);
    cache->region.claim = -1;
}

/* (Relaxed, all here: under the lock, or statistics.) */
static bool
of_this_boot(const struct gy_life *life, const struct gy_identity *is)
{
    return gy_load_rlx(&life->boot[0]) == is->boot[0] && gy_load_rlx(&life->boot[1]) == is->boot[1];
}

/* Cache time goes on where it was last told, and by what has passed on the wall since: not back, if that was set back. */
static void
go_on_with_time(struct gy_super *s)
{
    uint64_t start = gy_load_rlx(&s->life.start_wall_ms), latest = gy_load_rlx(&s->life.latest_ms), wall = gy_os_wall_ms();
    s->clock_before_ms = gy_max(latest, wall > start ? wall - start : 0);
    s->clock_start_ms = gy_os_clock_ms();
}

void
gy_file_tell_time(struct gyre *cache)
{
    struct gy_life *life = &cache->super->life;
    uint64_t now = gy_now_ms(cache);
    gy_store_rlx(&life->latest_ms, now);
    gy_store_rlx(&life->start_wall_ms, gy_os_wall_ms() - now);
}

/* GYRE_EIO: whether the machine has stopped since cannot be told, and who has the file open could not tell, either. */
static int
find_self(struct gy_identity *is)
{
    gy_process_self(is);
    return is->boot[0] == 0 ? GYRE_EIO : GYRE_OK;
}

static void
write_life(struct gyre *cache, struct gy_life *life, const struct gy_identity *is)
{
    gy_store_rlx(&life->boot[0], is->boot[0]);
    gy_store_rlx(&life->boot[1], is->boot[1]);
    gy_store_rlx(&life->home, gy_process_file(cache->region.fd));
}

int
gy_file_found(struct gyre *cache)
{
    struct gy_identity is;
    int result = find_self(&is);
    if (result == GYRE_OK)
        write_life(cache, &cache->super->life, &is);
    gy_file_tell_time(cache);
    return result;
}

/* The disk is to say that it is not clean before anything else of it is changed. Who is stopped meanwhile, or is told of an
 * error, leaves GY_FILE_UNSAID, with which the next one does it again: stored anew, the page is written anew. */
static int
say_open(struct gyre *cache, struct gy_life *life)
{
    gy_store_rel(&life->clean, GY_FILE_UNSAID);
    int result = gy_os_object_sync(cache->region.fd);
    if (result == GYRE_OK)
        gy_store_rel(&life->clean, GY_FILE_OPEN);
    return result;
}

/* All but arenas, which nothing refers to then, the head's fixed part, and its life: who is stopped meanwhile leaves one
 * that calls for the same, and as it is not clean, whatever the disk has of it does, too. */
static int
empty(struct gyre *cache, struct gy_super *s)
{
    const struct gy_geometry *g = &s->geometry;
    struct gy_region *region = &cache->region;
    if (!gy_os_random(&s->generation, sizeof s->generation))
        return GYRE_EIO;
    region->ops->discard(region, g->geometries_at, g->arenas_at - g->geometries_at);
    int result = gy_cache_reserve(region, g);
    if (result != GYRE_OK)
        return result;
    gy_layout_empty_quiet(region->base, g);
    gy_store_rlx(&s->life.synced, 0); /* of a sequence that begins anew */
    cache->start = GYRE_START_EMPTIED;
    return GYRE_OK;
}

int
gy_file_begin(struct gyre *cache, struct gy_super *head)
{
    struct gy_super *s = (struct gy_super *)(void *)cache->region.base;
    struct gy_identity is;
    int result = find_self(&is);
    if (result == GYRE_OK && !cache->region.readonly)
        result = lock(cache);
    if (result != GYRE_OK)
        return result;
    uint64_t clean = gy_load_acq(&s->life.clean);
    bool same = of_this_boot(&s->life, &is);
    bool consistent = clean == GY_FILE_CLEAN || (same && gy_load_rlx(&s->life.home) == gy_process_file(cache->region.fd));
    cache->start = GYRE_START_WARM;
    if (cache->region.readonly) {
        if (!same)
            go_on_with_time(head);
        return consistent ? GYRE_OK : GYRE_ENOENT;
    }
    if (!same)
        go_on_with_time(s);
    if (!consistent)
        result = empty(cache, s);
    if (result == GYRE_OK && (clean != GY_FILE_OPEN || !consistent)) {
        write_life(cache, &s->life, &is);
        result = say_open(cache, &s->life);
    }
    head->generation = s->generation;
    head->clock_start_ms = s->clock_start_ms, head->clock_before_ms = s->clock_before_ms;
    return result;
}

int
gy_file_join_again(struct gyre *cache)
{
    struct gy_life *life = &cache->super->life;
    int result = lock(cache);
    if (result == GYRE_OK && gy_load_acq(&life->clean) != GY_FILE_OPEN) /* the parent was the last */
        result = say_open(cache, life);
    if (result == GYRE_OK)
        result = gy_member_join_again(cache);
    gy_file_ready(cache);
    return result;
}

static bool
all_left(struct gyre *cache)
{
    uint32_t used = (uint32_t)gy_min(gy_load_seq(&cache->super->n_members_used), cache->g.n_members);
    for (uint32_t place = 0; place < used; place++)
        if (gy_member_state(gy_load_seq(&cache->members[place].word)) != GY_MEMBER_FREE)
            return false;
    return true;
}

void
gy_file_leave(struct gyre *cache)
{
    struct gy_life *life = &cache->super->life;
    bool locked = lock(cache) == GYRE_OK;
    if (cache->member != 0 && locked)
        gy_reap_now(cache);
    gy_member_leave(cache);
    if (locked && all_left(cache) && gy_load_rlx(&life->sync_errors) == 0) {
        gy_file_tell_time(cache);
        if (gy_os_object_sync(cache->region.fd) == GYRE_OK) {
            gy_store_rel(&life->clean, GY_FILE_CLEAN);
            gy_os_object_sync(cache->region.fd);
        } else {
            gy_add_rlx(&life->sync_errors, 1); /* what was not written is not tried again: no later sync stands for it */
        }
    }
    gy_file_ready(cache);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "file.h"

#include "doubt.h"
#include "note.h"
#include "os_object.h"
#include "proof.h"
#include "reap.h"
#include "recover.h"
#include "space.h"

/* A program that closes all descriptors may have opened a file of its own under the number. */
static bool
is_ours(const struct gyre *cache, int file)
{
    return file >= 0 && gy_os_object_identity(file) == cache->home;
}

static int
open_claim(struct gyre *cache)
{
    struct gy_region *region = &cache->region;
    int result = is_ours(cache, region->fd) ? gy_os_object_reopen(region->fd, &region->claim) : GYRE_EIO;
    return result == GYRE_ENOENT ? GYRE_EPERM : result; /* there is no /proc */
}

/* An open of its own: the region's may be shared with a parent or a child of this process, for whom a lock on it would be
 * theirs as well. */
static int
lock(struct gyre *cache)
{
    struct gy_region *region = &cache->region;
    int result = region->claim < 0 ? open_claim(cache) : GYRE_OK;
    if (result != GYRE_OK)
        return result;
    if (!is_ours(cache, region->claim)) {
        region->claim = -1;
        return GYRE_EIO;
    }
    for (unsigned left = gy_object_patience(region); left > 0; left--) {
        if (gy_os_lock(region->claim))
            return GYRE_OK;
        gy_os_nap();
    }
    return GYRE_EBUSY;
}

/* Given back, and not by closing it: a process that was forked meanwhile has the descriptor as well. */
static void
unlock(struct gyre *cache)
{
    if (is_ours(cache, cache->region.claim))
        gy_os_unlock(cache->region.claim);
}

/* The descriptor is kept: this process may lose the right to open the file. */
void
gy_file_ready(struct gyre *cache)
{
    if (cache->region.claim < 0 && !cache->region.readonly)
        open_claim(cache);
    unlock(cache);
}

void
gy_file_forget(struct gyre *cache)
{
    struct gy_region *region = &cache->region;
    int inherited = region->claim;
    region->claim = -1;
    if (!is_ours(cache, inherited))
        return;
    gy_os_object_reopen(inherited, &region->claim);
    gy_os_object_close(inherited);
}

static int
write_out(struct gyre *cache)
{
    return is_ours(cache, cache->region.fd) ? gy_os_object_sync(cache->region.fd) : GYRE_EIO;
}

/* (Relaxed, all here: under the lock, or statistics.) */
static bool
of_this_boot(const struct gy_life *life, const struct gy_identity *is)
{
    return is->boot[0] != 0 && gy_load_rlx(&life->boot[0]) == is->boot[0] && gy_load_rlx(&life->boot[1]) == is->boot[1];
}

/* Cache time goes on where it was last told, and by what has passed on the wall since: not back, if that was set back. */
static void
go_on_with_time(struct gy_super *s)
{
    uint64_t start = gy_min(gy_load_rlx(&s->life.start_wall_ms), gy_load_rlx(&s->life.start_wall_again));
    uint64_t latest = gy_load_rlx(&s->life.latest_ms), wall = gy_os_wall_ms();
    s->clock_before_ms = gy_max(latest, wall > start ? wall - start : 0);
    s->clock_start_ms = gy_os_clock_ms();
}

void
gy_file_tell_time(struct gyre *cache)
{
    struct gy_life *life = &cache->super->life;
    uint64_t now = gy_now_ms(cache), start = gy_os_wall_ms() - now;
    gy_store_rlx(&life->latest_ms, now);
    gy_store_rlx(&life->start_wall_ms, start);
    gy_store_rlx(&life->start_wall_again, start);
}

static void
write_life(struct gyre *cache, struct gy_super *s, const struct gy_identity *is, enum gy_clean clean)
{
    gy_store_rlx(&s->life.boot[0], is->boot[0]);
    gy_store_rlx(&s->life.boot[1], is->boot[1]);
    gy_store_rlx(&s->life.home, cache->home);
    gy_store_rel(&s->life.clean, clean);
}

int
gy_file_found(struct gyre *cache)
{
    struct gy_identity is;
    gy_process_self(&is);
    cache->home = gy_os_object_identity(cache->region.fd);
    if (cache->home == 0)
        return GYRE_EIO;
    write_life(cache, cache->super, &is, GY_FILE_DIRTY);
    gy_proof_mark(cache);
    gy_file_tell_time(cache);
    return GYRE_OK;
}

/* All but arenas, which nothing refers to then, the head's fixed part, and its life: who is stopped meanwhile leaves one
 * that calls for the same. */
static int
empty(struct gyre *cache, struct gy_super *s, const struct gy_geometry *g)
{
    struct gy_region *region = &cache->region;
    if (!gy_os_random(&s->generation, sizeof s->generation))
        return GYRE_EIO;
    region->ops->discard(region, g->geometries_at, g->arenas_at - g->geometries_at);
    int result = gy_cache_reserve(region, g);
    if (result != GYRE_OK)
        return result;
    gy_layout_empty_quiet(region->base, g);
    s->clock_before_ms = 0;
    s->clock_start_ms = gy_os_clock_ms();
    gy_store_rlx(&s->life.synced, 0);
    gy_store_rlx(&s->life.synced_ms, 0);
    gy_store_rlx(&s->life.doubted, 0);
    memset(&s->recovered, 0, sizeof s->recovered);
    cache->start = GYRE_START_EMPTIED;
    return GYRE_OK;
}

static int
renew(struct gyre *cache, struct gy_super *s, const struct gy_geometry *g)
{
    if (g->proof_bytes == 0)
        return empty(cache, s, g);
    cache->start = GYRE_START_RECOVERED;
    gy_store_rlx(&s->life.doubted, 0); /* nothing is in it that was not looked at */
    return gy_recover_within(cache, gy_rebuild_at_once_ms);
}

/* Programs that copy files leave out what was reserved and never written: without room for it, a write would end the process
 * by SIGBUS. */
static int
reserve_again(struct gyre *cache, const struct gy_geometry *g)
{
    struct gy_region *region = &cache->region;
    int result = gy_layout_verify_shards(region->base, g);
    if (result == GYRE_OK)
        result = gy_cache_reserve(region, g);
    for (unsigned number = 0; number < g->n_shards && result == GYRE_OK; number++) {
        uint64_t word = gy_load_acq(&gy_layout_geometries(region->base, g)[number]);
        uint64_t bytes = gy_geometry_bytes(word & gy_geometry_bits(g)) << (gy_geometry_phase(word) != GY_STEADY);
        result = region->ops->reserve(region, g->index_at + g->shard_bytes_most * number, gy_min(bytes, g->shard_bytes_most));
    }
    return result == GYRE_OK ? gy_space_again(cache) : result;
}

/* What an opener finds. */
struct finding {
    uint64_t clean;
    bool same, alone;  /* life of the machine; nobody else has it open */
    bool consistent;   /* it is as it has to be, but for damage */
};

/* Whoever has it open holds a lock on it, which ends with him: then it is as it has to be, whatever could be found out about
 * the machine and the file. GYRE_EBUSY: he is of another machine; GYRE_EPERM: locks tell nothing. */
static int
look_for_others(const struct gyre *cache, const struct gy_super *head, const struct gy_identity *is, struct finding *f)
{
    uint64_t boot = gy_load_rlx(&head->life.boot[0]);
    enum gy_lock lock = gy_process_locks_look(cache->region.fd, 0, head->geometry.n_members);
    f->alone = lock == GY_LOCK_FREE;
    if (f->consistent)
        return GYRE_OK;
    if (lock == GY_LOCK_UNKNOWN)
        return GYRE_EPERM;
    f->same |= !f->alone, f->consistent = !f->alone;
    return !f->alone && boot != 0 && is->boot[0] != 0 && boot != is->boot[0] ? GYRE_EBUSY : GYRE_OK;
}

/* Who only reads has no lock: another may have opened it since, and change what is looked at here. */
static bool
tables_hold(const struct gyre *cache, const struct gy_super *s, const struct finding *f)
{
    bool clean = f->clean == GY_FILE_CLEAN;
    if (!f->alone || (cache->region.readonly && !clean) || gy_doubt_tables_hold(cache, clean))
        return true;
    return cache->region.readonly && gy_load_acq(&s->life.clean) != f->clean;
}

static int
find_out(const struct gyre *cache, const struct gy_super *s, const struct gy_super *head, const struct gy_identity *is,
         struct finding *f)
{
    f->clean = gy_load_acq(&s->life.clean);
    f->same = of_this_boot(&s->life, is);
    f->consistent = f->clean == GY_FILE_CLEAN || (f->same && gy_load_rlx(&s->life.home) == cache->home);
    int result = look_for_others(cache, head, is, f);
    if (result == GYRE_OK && f->consistent)
        f->consistent = tables_hold(cache, s, f);
    return result;
}

/* Says that it is not clean any more, on the disk too, before anything is changed of what was. Whoever dies, or is refused by
 * the disk, leaves it OPENING: the next one says it again. */
static int
begin_life(struct gyre *cache, struct gy_super *s, const struct gy_identity *is, bool renewed)
{
    write_life(cache, s, is, GY_FILE_OPENING);
    int result = renewed ? gy_file_write_out(cache) : write_out(cache); /* else there is nothing that could be lost */
    if (result == GYRE_OK)
        gy_store_rel(&s->life.clean, GY_FILE_DIRTY);
    return result;
}

static int
begin(struct gyre *cache, struct gy_super *s, struct gy_super *head, const struct gy_identity *is, const struct finding *f)
{
    int result = GYRE_OK;
    if (!f->same)
        go_on_with_time(s);
    if (!f->consistent)
        result = renew(cache, s, &head->geometry);
    else if (gy_load_rlx(&s->life.home) != cache->home)
        result = reserve_again(cache, &head->geometry);
    if (result == GYRE_OK && !(f->same && f->consistent))
        gy_layout_sign_quiet(s);
    if (result == GYRE_OK && f->clean == GY_FILE_OPENING)
        result = gy_region_file_sync_name(&cache->region); /* who replaced another by it may not have come so far */
    if (result == GYRE_OK && (f->clean != GY_FILE_DIRTY || !f->consistent))
        result = begin_life(cache, s, is, !f->consistent);
    cache->resumes = f->alone && gy_rebuilding(cache);
    if (cache->resumes && f->consistent)
        gy_store_rlx(&s->recount, 1); /* who closed it may have died over the rest, a member no more */
    if (result == GYRE_OK && f->consistent && f->alone)
        gy_doubt_begin_quiet(cache, f->clean == GY_FILE_CLEAN);
    memcpy(head, s, offsetof(struct gy_super, mark));
    return result;
}

/* Under the lock, of who may write. Who has waited for it may find that another has the name now (resize.h). */
static int
look(struct gyre *cache, struct gy_super *s, const struct gy_super *head, struct gy_identity *is, struct finding *f)
{
    if (gy_load_rlx(&s->life.home) == 0)
        return GYRE_EFORMAT; /* shared memory by its path: nothing in it says that it is in use */
    gy_process_self(is);
    cache->home = gy_os_object_identity(cache->region.fd);
    if (cache->home == 0)
        return GYRE_EIO;
    bool reads = cache->region.readonly;
    int result = reads ? GYRE_OK : lock(cache);
    if (result == GYRE_OK && cache->region.ops->lost(&cache->region))
        result = GYRE_EEXIST;
    if (result == GYRE_OK && !reads)
        gy_layout_mend_quiet(s, cache->region.bytes);
    cache->start = GYRE_START_WARM;
    return result == GYRE_OK ? find_out(cache, s, head, is, f) : result;
}

int
gy_file_begin(struct gyre *cache, struct gy_super *head)
{
    struct gy_super *s = (struct gy_super *)(void *)cache->region.base;
    struct gy_identity is;
    struct finding f;
    int result = look(cache, s, head, &is, &f);
    if (result != GYRE_OK)
        return result;
    bool reads = cache->region.readonly;
    if (reads && f.consistent && !f.same)
        go_on_with_time(head);
    if (reads)
        return f.consistent ? GYRE_OK : GYRE_ENOENT;
    return begin(cache, s, head, &is, &f);
}

int
gy_file_begin_alone(struct gyre *cache, struct gy_super *head, int refusal)
{
    struct gy_super *s = (struct gy_super *)(void *)cache->region.base;
    struct gy_identity is;
    struct finding f;
    int result = look(cache, s, head, &is, &f);
    if (result != GYRE_OK || !f.alone)
        return result == GYRE_OK ? refusal : result;
    if (!f.consistent)
        return begin(cache, s, head, &is, &f);
    if (!f.same)
        go_on_with_time(head);
    return GYRE_OK;
}

/* What the disk has under the name may be the one before: until it is told, this one is not open. */
int
gy_file_replace(struct gyre *cache)
{
    gy_atomic_u64 *clean = &cache->super->life.clean;
    gy_store_rel(clean, GY_FILE_OPENING);
    int result = gy_region_file_replace(&cache->region);
    if (result == GYRE_OK)
        gy_store_rel(clean, GY_FILE_DIRTY);
    return result;
}

int
gy_file_joined(struct gyre *cache)
{
    if (gy_process_lock_look(cache->region.fd, gy_member_place(cache->member)) == GY_LOCK_HELD)
        return GYRE_OK;
    gy_member_leave(cache);
    return GYRE_EPERM;
}

int
gy_file_join_again(struct gyre *cache)
{
    struct gy_identity is;
    gy_process_self(&is);
    int result = lock(cache);
    if (result == GYRE_OK && gy_load_acq(&cache->super->life.clean) != GY_FILE_DIRTY) /* the parent was the last */
        result = begin_life(cache, cache->super, &is, false);
    if (result == GYRE_OK)
        result = gy_member_join_again(cache);
    if (result == GYRE_OK)
        result = gy_file_joined(cache);
    unlock(cache);
    return result;
}

/* All but one, by its name. */
static bool
all_left(struct gyre *cache, uint32_t but)
{
    uint32_t used = (uint32_t)gy_min(gy_load_seq(&cache->super->n_members_used), cache->g.n_members);
    for (uint32_t place = 0; place < used; place++) {
        uint64_t word = gy_load_seq(&cache->members[place].word);
        if (gy_member_state(word) != GY_MEMBER_FREE && gy_member_name(place, word) != but)
            return false;
    }
    return true;
}

/* The kernel tells an error once, and what it could not write it takes for written: nobody's next attempt finds that out. */
int
gy_file_write_out(struct gyre *cache)
{
    int result = write_out(cache);
    if (result != GYRE_OK && is_ours(cache, cache->region.fd)) /* (Relaxed: a count, which the last to close reads.) */
        gy_add_rlx(&cache->super->life.sync_errors, 1);
    return result;
}

/* Nobody is there any more. Else what was removed since would come back, when the machine stops after the next has opened it. */
static bool
read_rest(struct gyre *cache)
{
    return !gy_rebuilding(cache) || gy_rebuild_quiet(cache, UINT64_MAX) == GYRE_OK;
}

void
gy_file_leave(struct gyre *cache)
{
    struct gy_life *life = &cache->super->life;
    if (cache->member == 0) { /* a forked child that never used it */
        gy_member_leave(cache);
        return;
    }
    if (all_left(cache, cache->member)) /* most of it before others have to wait */
        gy_file_write_out(cache);
    bool locked = lock(cache) == GYRE_OK;
    if (locked)
        gy_reap_now(cache);
    gy_member_leave(cache);
    if (locked && all_left(cache, 0) && gy_load_rlx(&life->sync_errors) == 0 && read_rest(cache)) {
        gy_file_tell_time(cache);
        gy_doubt_sign_quiet(cache);
        if (gy_file_write_out(cache) == GYRE_OK) {
            gy_store_rel(&life->clean, GY_FILE_CLEAN);
            write_out(cache);
        }
    }
    unlock(cache);
}

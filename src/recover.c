/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Nothing is believed but what proves itself:
 *
 *   - of an arena, that its last life owns it: else its entries may have been swept, and what replaced them deleted since;
 *   - of an entry, that it was published, whole, in that life, and that nothing has taken it out of the index;
 *   - of several with one key, that with the highest sequence is the newest;
 *   - of the mark of clears, that it is the one that was stored. Without it, nothing is kept; nor when the disk had refused
 *     to write something.
 *
 * What a sync had written out is in the pages as it left them, or as they were made later. So no entry comes back that was
 * replaced, deleted, evicted or cleared before the last sync; and one that was there then is lost only if it was replaced,
 * removed, moved, or being swept since.
 *
 * Every table but the books is wiped, and filled from arenas alone; of the tables only hints are taken: how large shards were,
 * which arenas were withdrawn for that, which ring an arena was of, how far the sequence had come. Who is killed in the middle
 * has taken nothing away that the next one needs, who begins anew. */

#include "recover.h"

#include <stdlib.h>

#include "grow.h"
#include "note.h"
#include "proof.h"

/* What is remembered of an arena while tables are wiped. */
struct life {
    uint64_t opened; /* 0: it has none that can be trusted */
    uint32_t arena;
    uint8_t ring;
    bool withdrawn;
};

struct recovery {
    struct gyre *cache;
    struct life *life;
    uint8_t *log2; /* of the shards */
    uint64_t sequence, versions, mark;
    bool marked;   /* the mark can be trusted */
};

enum { SEQUENCES_LOST = 1 << 28, VERSIONS_LOST_SHIFT = 32 }; /* more than can have been drawn since a page was written */

/* (Relaxed, all in this file: this thread is alone.) */
static void
remember(struct recovery *r)
{
    struct gyre *c = r->cache;
    struct gy_super *s = c->super;
    r->sequence = gy_load_rlx(&s->sequence) & GY_SEQUENCE_MASK;
    r->versions = gy_load_rlx(&s->versions);
    r->mark = gy_load_rlx(&s->life.marked);
    /* Of what the disk has refused, voids may be missing. */
    r->marked = gy_proof_of_mark_holds(c, r->mark) && gy_load_rlx(&s->life.sync_errors) == 0;
    for (uint32_t a = 0; a < c->g.n_arenas; a++) {
        uint64_t word = gy_load_rlx(&c->words[a]), opened = gy_load_rlx(&c->books[a].opened);
        bool owned = r->marked && opened >= r->mark && opened != 0 && opened <= GY_SEQUENCE_MASK &&
                     gy_load_rlx(&c->books[a].proved) == gy_proof_of_life(c, opened);
        r->life[a] = (struct life){.opened = owned ? opened : 0, .arena = a, .ring = (uint8_t)gy_arena_ring(word),
                                   .withdrawn = !owned && gy_arena_state(word) == GY_WITHDRAWN};
        r->sequence = owned ? gy_max(r->sequence, opened) : r->sequence;
    }
    for (unsigned n = 0; n < c->g.n_shards; n++) {
        uint64_t word = gy_load_rlx(&c->geometries[n]), log2 = gy_geometry_log2(word) + (gy_geometry_phase(word) != GY_STEADY);
        bool sane = word >> GY_BUCKET_SHIFT != 0 && log2 >= c->g.log2_buckets_first && log2 <= c->g.log2_buckets_most;
        r->log2[n] = (uint8_t)(sane ? log2 : c->g.log2_buckets_first);
    }
}

static int
by_age(const void *a, const void *b)
{
    uint64_t x = ((const struct life *)a)->opened, y = ((const struct life *)b)->opened;
    return x < y ? -1 : x > y;
}

/* As many arenas as the index has the bytes of are withdrawn: those that were, those without a life, and the oldest. */
static void
withdraw(struct recovery *r)
{
    struct gyre *c = r->cache;
    uint64_t index = 0, arenas = (uint64_t)c->g.n_arenas << c->g.arena_shift;
    for (unsigned n = 0; n < c->g.n_shards; n++)
        index += sizeof(struct gy_bucket) << r->log2[n];
    uint64_t over = index + arenas > c->g.capacity_bytes ? index + arenas - c->g.capacity_bytes : 0;
    uint64_t n = (over + c->arena_bytes - 1) >> c->g.arena_shift, have = 0;
    for (unsigned pass = 0; pass < 3; pass++)
        for (uint32_t i = 0; i < c->g.n_arenas; i++) {
            struct life *life = &r->life[i];
            bool first = pass == 0 && life->withdrawn, then = pass == 1 && life->opened == 0 && !life->withdrawn;
            if (pass == 0)
                life->withdrawn = first && have < n;
            else if (have < n && !life->withdrawn && (then || pass == 2))
                life->withdrawn = true;
            else
                continue;
            have += life->withdrawn;
            life->opened = life->withdrawn ? 0 : life->opened;
        }
}

static int
reserve(struct recovery *r)
{
    struct gyre *c = r->cache;
    struct gy_region *region = &c->region;
    const struct gy_geometry *g = &c->g;
    int result = region->ops->reserve(region, g->geometries_at, g->index_at - g->geometries_at);
    for (unsigned n = 0; n < g->n_shards && result == GYRE_OK; n++)
        result = region->ops->reserve(region, g->index_at + g->shard_bytes_most * n, sizeof(struct gy_bucket) << r->log2[n]);
    for (uint32_t i = 0; i < g->n_arenas && result == GYRE_OK; i++) {
        const struct life *life = &r->life[i];
        bool used = !c->sparse || life->opened != 0 || life->arena < gy_layout_arenas_least(g);
        if (used && !life->withdrawn)
            result = region->ops->reserve(region, gy_arena_offset(c, life->arena), c->arena_bytes);
    }
    return result;
}

/* All but books. */
static int
wipe(struct recovery *r)
{
    struct gyre *c = r->cache;
    const struct gy_geometry *g = &c->g;
    struct gy_super *s = c->super;
    c->region.ops->discard(&c->region, g->geometries_at, g->books_at - g->geometries_at);
    c->region.ops->discard(&c->region, g->lanes_at, g->arenas_at - g->lanes_at);
    int result = reserve(r);
    if (result != GYRE_OK)
        return result;
    gy_layout_empty_quiet(c->region.base, g);
    gy_store_rlx(&s->mark, r->marked ? r->mark : 0);
    gy_store_rlx(&s->done, r->marked ? r->mark : 0);
    gy_store_rlx(&s->sequence, r->sequence + SEQUENCES_LOST);
    gy_store_rlx(&s->versions, ((r->versions >> VERSIONS_LOST_SHIFT) + 1) << VERSIONS_LOST_SHIFT);
    for (unsigned n = 0; n < g->n_shards; n++) {
        gy_store_rlx(&c->geometries[n], gy_geometry_word(r->log2[n], GY_STEADY));
        gy_os_populate(gy_shard_buckets(c, n), sizeof(struct gy_bucket) << r->log2[n], true);
    }
    return GYRE_OK;
}

/* What each arena is from now on: to be read, or nobody's. The older have smaller numbers. */
static void
lay_out(struct recovery *r)
{
    struct gyre *c = r->cache;
    struct gy_super *s = c->super;
    uint64_t n_free = 0;
    for (uint32_t i = 0; i < c->g.n_arenas; i++) {
        const struct life *life = &r->life[i];
        struct gy_book *book = &c->books[life->arena];
        bool unread = life->opened != 0, withdrawn = unread || life->withdrawn;
        uint64_t sequence = gy_add_rlx(&s->sequence, 1);
        gy_store_rlx(&c->words[life->arena], gy_arena_word(withdrawn ? GY_WITHDRAWN : GY_FREE, life->ring,
                                                           unread ? GY_LANE_UNREAD : 0, 0, sequence));
        n_free += !withdrawn;
        if (!unread)
            gy_store_rlx(&book->proved, 0);
        gy_store_rlx(&book->opened, life->opened);
        gy_store_rlx(&book->position, GY_CLOSED);
        gy_store_rlx(&book->progress, 0);
        gy_store_rlx(&book->pin_stamp, 0);
        gy_store_rlx(&book->holed, 0);
        gy_store_rlx(&book->clock[0], 1);
        gy_store_rlx(&book->clock[1], 1);
    }
    gy_store_rlx(&s->n_free, n_free);
    gy_store_rlx(&s->rebuild, GY_REBUILD);
}

/* What is kept beside. */
static void
finish(struct recovery *r)
{
    struct gyre *c = r->cache;
    gy_grow_mend_quiet(c);
    if (!r->marked) { /* nothing was kept: what comes now can be trusted */
        gy_proof_mark(c);
        gy_store_rlx(&c->super->life.sync_errors, 0);
    }
}

int
gy_recover_within(struct gyre *cache, uint64_t ms)
{
    uint64_t start = gy_os_clock_ms(), lives = cache->g.n_arenas * sizeof(struct life);
    struct recovery r = {.cache = cache};
    r.life = cache->allocate(cache->allocate_arg, lives);
    r.log2 = cache->allocate(cache->allocate_arg, cache->g.n_shards);
    memset(&cache->super->recovered, 0, sizeof cache->super->recovered);
    int result = r.life != NULL && r.log2 != NULL ? GYRE_OK : GYRE_ENOMEM;
    if (result == GYRE_OK) {
        remember(&r);
        qsort(r.life, cache->g.n_arenas, sizeof *r.life, by_age);
        withdraw(&r);
        result = wipe(&r);
    }
    if (result == GYRE_OK) {
        lay_out(&r);
        result = gy_rebuild_quiet(cache, ms == UINT64_MAX ? ms : start + ms);
    }
    if (result == GYRE_OK)
        finish(&r);
    if (r.life != NULL)
        cache->deallocate(cache->allocate_arg, r.life, lives);
    if (r.log2 != NULL)
        cache->deallocate(cache->allocate_arg, r.log2, cache->g.n_shards);
    return result;
}

int
gy_recover(struct gyre *cache)
{
    return gy_recover_within(cache, UINT64_MAX);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "rebuild.h"

#include <stdlib.h>

#include "account.h"
#include "learn.h"
#include "note.h"
#include "reap.h"
#include "refill.h"

uint32_t gy_rebuild_at_once_ms = 1000;

/* ---- which arena -------------------------------------------------------------------------------------------------- */

struct unread {
    uint64_t sequence;
    uint32_t arena;
};

static int
newest_first(const void *a, const void *b)
{
    int64_t order = gy_sequence_compare(((const struct unread *)b)->sequence, ((const struct unread *)a)->sequence);
    return (order > 0) - (order < 0);
}

void
gy_rebuild_free(struct gyre *cache)
{
    struct gy_rebuild *b = &cache->rebuild;
    if (b->order != NULL)
        cache->deallocate(cache->allocate_arg, b->order, b->n_order * sizeof *b->order);
    b->order = NULL, b->n_order = 0;
}

/* Without it they are looked for one by one. (Relaxed: threads that use it begin later.) */
static bool
make_order(struct gyre *cache)
{
    struct gy_rebuild *b = &cache->rebuild;
    uint64_t n = 0, bytes = cache->g.n_arenas * sizeof(struct unread);
    gy_rebuild_free(cache);
    gy_store_rlx(&b->next, 0);
    struct unread *unread = cache->allocate(cache->allocate_arg, bytes);
    for (uint32_t a = 0; unread != NULL && a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_acq(&cache->words[a]);
        if (gy_arena_unread(word))
            unread[n++] = (struct unread){gy_arena_sequence(word), a};
    }
    if (n > 0)
        b->order = cache->allocate(cache->allocate_arg, n * sizeof *b->order);
    if (b->order != NULL) {
        qsort(unread, n, sizeof *unread, newest_first);
        for (b->n_order = 0; b->n_order < n; b->n_order++)
            b->order[b->n_order] = unread[b->n_order].arena;
    }
    if (unread != NULL)
        cache->deallocate(cache->allocate_arg, unread, bytes);
    return unread != NULL && b->n_order == n;
}

/* Given up without a look: nothing refers to it. */
static bool
give_up(struct gyre *cache, uint32_t arena, uint64_t word)
{
    uint64_t swept = gy_arena_swept_by(word, gy_member_number(cache));
    uint32_t owner = gy_proof_owner(cache, arena);
    if (gy_arena_lane(word) != GY_LANE_UNREAD || !gy_cas_seq(&cache->words[arena], &word, swept)) /* model: giveup */
        return false;
    gy_proof_disown(cache, arena, owner);
    if (gy_cas_seq(&cache->words[arena], &swept, gy_arena_with_state(swept, GY_RETIRED)))
        gy_account_retired(cache);
    return true;
}

/* Is this one to be read, and by this thread? Quietly, whoever was at it is gone. *again: somebody was. */
static bool
claim(struct gyre *cache, uint32_t arena, bool quiet, uint64_t *word, bool *again)
{
    uint64_t seen = gy_load_acq(&cache->words[arena]);
    unsigned lane = gy_arena_lane(seen);
    if (!gy_arena_unread(seen) || (!quiet && lane != GY_LANE_UNREAD && lane != GY_LANE_HALF))
        return false;
    /* (Relaxed: opened is constant while it is unread.) */
    bool cleared = gy_load_rlx(&cache->books[arena].opened) < gy_load_seq(&cache->super->mark);
    if ((cleared || (gy_load_acq(&cache->super->rebuild) & GY_REBUILD_FULL)) && give_up(cache, arena, seen))
        return false;
    *again = lane != GY_LANE_UNREAD;
    *word = gy_arena_in_lane(seen, quiet ? GY_LANE_HALF : gy_member_number(cache));
    return gy_cas_seq(&cache->words[arena], &seen, *word); /* model: claimunread */
}

/* The next of the order, while there are some. */
static bool
claim_next(struct gyre *cache, bool quiet, uint32_t *arena, uint64_t *word, bool *again)
{
    struct gy_rebuild *b = &cache->rebuild;
    while (gy_load_rlx(&b->next) < b->n_order) { /* (Relaxed, both: a counter.) */
        uint64_t n = gy_add_rlx(&b->next, 1);
        if (n < b->n_order && claim(cache, b->order[n], quiet, word, again)) {
            *arena = b->order[n];
            return true;
        }
    }
    return false;
}

/* The oldest, or the newest, in a ring or in any; UINT32_MAX: none. *others: some are being read. */
static uint32_t
find_unread(struct gyre *cache, bool oldest, unsigned rings, uint64_t *word, bool *others)
{
    uint32_t best = UINT32_MAX;
    *others = false;
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t seen = gy_load_acq(&cache->words[a]);
        unsigned lane = gy_arena_lane(seen);
        if (!gy_arena_unread(seen) || !(rings >> gy_arena_ring(seen) & 1))
            continue;
        *others |= lane != GY_LANE_UNREAD;
        if (lane != GY_LANE_UNREAD && (oldest || lane != GY_LANE_HALF))
            continue;
        int64_t order = best != UINT32_MAX ? gy_sequence_compare(gy_arena_sequence(seen), gy_arena_sequence(*word)) : 0;
        if (best == UINT32_MAX || (oldest ? order < 0 : order > 0))
            best = a, *word = seen;
    }
    return best;
}

/* The ring that a sweep would take it of. */
static unsigned
victim(struct gyre *cache)
{
    uint64_t bytes[GY_RINGS] = {0};
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_acq(&cache->words[a]);
        if (gy_arena_unread(word) || gy_arena_state(word) == GY_SEALED)
            bytes[gy_arena_ring(word)] += cache->arena_bytes;
    }
    float window = gy_learn_window(&cache->super->learned);
    return gy_policy_victim(bytes[GY_PROBATION], bytes[GY_MAIN], window, 2 * cache->arena_bytes);
}

bool
gy_rebuild_give_room(struct gyre *cache)
{
    bool others;
    uint64_t word;
    unsigned first = gy_rebuilding(cache) ? victim(cache) : 0;
    for (unsigned n = 0; gy_rebuilding(cache) && n < GY_RINGS; n++)
        for (uint32_t a; (a = find_unread(cache, true, 1u << (first ^ n), &word, &others)) != UINT32_MAX;)
            if (give_up(cache, a, word)) /* else another took or claimed it */
                return true;
    return false;
}

/* ---- alone -------------------------------------------------------------------------------------------------------- */

struct quiet {
    struct gyre *cache;
    uint64_t until_ms;
};

static void *
read_quietly(void *arg)
{
    const struct quiet *q = arg;
    struct gy_refill f;
    uint32_t arena, words[GY_MAX_SHARDS] = {0};
    uint64_t word;
    bool again;
    gy_refill_begin(&f, q->cache, NULL, words);
    while ((q->until_ms == UINT64_MAX || gy_os_clock_ms() < q->until_ms) && claim_next(q->cache, true, &arena, &word, &again))
        gy_refill_arena(&f, arena, word, again);
    gy_refill_end(&f);
    return NULL;
}

int
gy_rebuild_quiet(struct gyre *cache, uint64_t until_ms)
{
    struct gy_rebuild *b = &cache->rebuild;
    struct quiet q = {cache, until_ms};
    bool others;
    uint64_t word;
    if (!make_order(cache)) {
        gy_rebuild_free(cache);
        return GYRE_ENOMEM;
    }
    uint64_t most = gy_min(gy_min(gy_os_cpus(), GY_REBUILD_THREADS), b->n_order);
    for (b->n_threads = 0; b->n_threads + 1 < most; b->n_threads++)
        if (gy_worker_thread(&b->thread[b->n_threads], read_quietly, &q) != GYRE_OK)
            break; /* this one does it */
    read_quietly(&q);
    while (b->n_threads > 0)
        pthread_join(b->thread[--b->n_threads], NULL);
    gy_rebuild_free(cache);
    if (find_unread(cache, false, ~0u, &word, &others) == UINT32_MAX && !others)
        gy_note_end(cache);
    return GYRE_OK;
}

/* ---- in the background -------------------------------------------------------------------------------------------- */

bool
gy_rebuild_step(struct gyre *cache, struct gy_record *r)
{
    struct gy_refill f;
    uint32_t arena;
    uint64_t word;
    bool others, again;
    if (!gy_rebuilding(cache) || gy_record_expelled(r))
        return false;
    if (!claim_next(cache, false, &arena, &word, &again)) {
        arena = find_unread(cache, false, ~0u, &word, &others);
        if (arena == UINT32_MAX && !others)
            gy_note_end(cache);
        if (arena == UINT32_MAX || !claim(cache, arena, false, &word, &again))
            return arena != UINT32_MAX || !others;
    }
    gy_refill_begin(&f, cache, r, NULL);
    gy_refill_arena(&f, arena, word, again);
    gy_refill_end(&f);
    return true;
}

static void *
read_on(void *arg)
{
    struct gyre *cache = arg;
    int error;
    struct gy_record *r = gy_record_to_write(cache, &error);
    while (r != NULL && gy_load_acq(&cache->rebuild.stopping) == 0 && gy_rebuild_step(cache, r))
        ;
    return NULL;
}

void
gy_rebuild_start(struct gyre *cache)
{
    struct gy_rebuild *b = &cache->rebuild;
    make_order(cache);
    uint64_t most = gy_min(gy_min(gy_os_cpus(), GY_REBUILD_THREADS), b->n_order);
    gy_store_rlx(&b->stopping, 0); /* (Relaxed: the threads begin later.) */
    for (b->n_threads = 0; b->n_threads < most; b->n_threads++)
        if (gy_worker_thread(&b->thread[b->n_threads], read_on, cache) != GYRE_OK)
            break; /* maintenance does it */
}

void
gy_rebuild_stop(struct gyre *cache)
{
    struct gy_rebuild *b = &cache->rebuild;
    gy_store_rel(&b->stopping, 1);
    while (b->n_threads > 0)
        pthread_join(b->thread[--b->n_threads], NULL);
}

void
gy_rebuild_forget(struct gyre *cache)
{
    cache->rebuild.n_threads = 0;
}

int
gy_rebuild_finish(struct gyre *cache)
{
    int error;
    struct gy_record *r = gy_rebuilding(cache) ? gy_record_to_write(cache, &error) : NULL;
    unsigned left = gy_object_patience(&cache->region);
    while (gy_rebuilding(cache)) {
        if (r == NULL)
            return error;
        if (gy_load_acq(&cache->rebuild.stopping) != 0)
            return GYRE_EBUSY; /* it is being closed: the last one reads the rest */
        if (gy_rebuild_step(cache, r))
            continue;
        if (gy_record_expelled(r))
            return GYRE_ESTALE;
        if (left-- == 0)
            return GYRE_EBUSY;
        gy_os_nap();
        gy_reap(cache);
    }
    return GYRE_OK;
}

void
gy_rebuild_release(struct gyre *cache, uint32_t place)
{
    for (uint32_t a = 0; gy_rebuilding(cache) && a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_seq(&cache->words[a]);
        if (gy_arena_unread(word) && gy_arena_lane(word) == place + 1)
            gy_cas_seq(&cache->words[a], &word, gy_arena_in_lane(word, GY_LANE_HALF)); /* model: reapread */
    }
}

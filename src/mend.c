/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "mend.h"

#include <string.h>

#include "account.h"
#include "grow.h"
#include "index.h"

/* The protocols leave states that others can carry on from; what remains are roles without a holder and
 * counts that a dead thread had not yet brought up to date. */

static void
mend_arenas(struct gyre *cache)
{
    uint64_t n_free = 0, n_retired = 0;
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_rlx(&cache->words[a]); /* (Relaxed, all here: this thread is alone.) */
        enum gy_arena_state state = gy_arena_state(word);
        if (state == GY_OPENING) {
            uint64_t open = gy_load_rlx(&cache->lanes[gy_arena_lane(word)].open[gy_arena_ring(word)]);
            state = open == gy_open_word(a, gy_arena_sequence(word)) ? GY_OPEN : GY_FREE;
        }
        uint64_t progress = gy_load_rlx(&cache->books[a].progress);
        if (state == GY_SWEEPING) /* model: mendarenas */
            state = GY_SEALED, progress = 0; /* it may have stopped before its look at the pins */
        else if (progress & GY_PROGRESS_BUSY) /* what the dead have taken is not done */
            progress = (progress & GY_PROGRESS_LATE) | gy_progress_again(progress);
        gy_store_rlx(&cache->books[a].progress, progress);
        gy_store_rlx(&cache->words[a], gy_arena_with_state(word, state));
        gy_store_rlx(&cache->books[a].dead, 0);
        n_free += state == GY_FREE;
        n_retired += state == GY_RETIRED;
    }
    gy_store_rlx(&cache->super->n_free, n_free);
    gy_store_rlx(&cache->super->n_retired, n_retired);
    gy_store_rlx(&cache->super->draft_bytes, 0);
    gy_store_rlx(&cache->clearing, 0);
}

/* Recounts the live bytes of each arena into dead, to be turned round afterwards; drops tentative words. */
static void
mend_slots(struct gyre *cache, unsigned number)
{
    struct gy_bucket *base = gy_shard_buckets(cache, number);
    struct gy_shard *shard = &cache->super->shard[number];
    uint64_t n = 0, extent = gy_shard_extent(cache, number);
    for (uint64_t at = 0; at < extent * GY_BUCKET_SLOTS; at++) {
        gy_atomic_u64 *slot = &base[at / GY_BUCKET_SLOTS].slot[at % GY_BUCKET_SLOTS];
        uint64_t word = gy_load_rlx(slot);
        uint32_t arena = gy_ref_arena(cache, gy_slot_ref(word));
        if (word == GY_EMPTY)
            continue;
        if (gy_slot_tentative(word) || arena == UINT32_MAX) {
            gy_store_rlx(slot, GY_EMPTY);
            continue;
        }
        struct gy_header h = gy_entry_header(gy_at(cache, gy_slot_ref(word)));
        gy_add_rlx(&cache->books[arena].dead, gy_entry_room(cache, gy_slot_ref(word) << 3, h));
        if (cache->g.max_entries)
            gy_add_rlx(&cache->super->n_entries[gy_arena_ring(gy_load_rlx(&cache->words[arena]))], 1);
        n++;
    }
    gy_account_set_quiet(cache, number, n);
    gy_store_rlx(&shard->driver, 0);
}

void
gy_mend_quiet(struct gyre *cache)
{
    gy_add_rlx(&cache->super->fork_generation, 1);
    gy_tick(cache);
    mend_arenas(cache);
    for (unsigned ring = 0; ring < GY_RINGS; ring++)
        gy_store_rlx(&cache->super->n_entries[ring], 0);
    for (unsigned i = 0; i < cache->g.n_shards; i++)
        mend_slots(cache, i);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        struct gy_book *book = &cache->books[a];
        uint64_t used = gy_load_rlx(&book->position) & ~GY_CLOSED, live = gy_load_rlx(&book->dead);
        gy_store_rlx(&book->dead, used > live ? used - live : 0);
    }
    gy_grow_mend_quiet(cache);
}

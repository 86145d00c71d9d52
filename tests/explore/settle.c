/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "settle.h"

#include "clear.h"
#include "grow.h"
#include "index.h"
#include "members.h"
#include "ops.h"
#include "scheduler.h"

/* Would an operation on its key find the word in this bucket? */
static bool
in_window(gyre *cache, const struct gy_bucket *bucket, const char *entry, struct gy_header h)
{
    struct gy_window w;
    gy_index_window(cache, gy_hash(gy_entry_key(entry, h), h.key_bytes, cache->seed), &w);
    for (unsigned i = 0; i < w.n; i++)
        if (w.bucket[i] == bucket)
            return true;
    return false;
}

static void
check_slots(gyre *cache, enum ending ending, uint64_t *live, uint64_t *committed, uint64_t *in_ring)
{
    struct gy_bucket *bucket = gy_shard_buckets(cache, 0);
    uint64_t n = gy_shard_extent(cache, 0) * GY_BUCKET_SLOTS;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t word = gy_load_acq(&bucket[i / GY_BUCKET_SLOTS].slot[i % GY_BUCKET_SLOTS]);
        if (word == GY_EMPTY)
            continue;
        uint32_t a = gy_ref_arena(cache, gy_slot_ref(word));
        if (gy_slot_tentative(word) && ending == REAPED)
            continue; /* in nobody's way: whoever wants the slot, or the arena, takes it */
        if (gy_slot_tentative(word) || a >= cache->g.n_arenas) {
            sched_violation("slot %llu holds %016llx in the end", (unsigned long long)i, (unsigned long long)word);
            return;
        }
        uint64_t offset = gy_slot_ref(word) << 3;
        struct gy_header h = gy_entry_header(gy_at(cache, gy_slot_ref(word)));
        if (!in_window(cache, &bucket[i / GY_BUCKET_SLOTS], gy_at(cache, gy_slot_ref(word)), h))
            sched_violation("the word in slot %llu is out of its key's window", (unsigned long long)i);
        live[a] += gy_entry_bytes(offset, h, cache->g.value_align);
        ++*committed;
        in_ring[gy_arena_ring(gy_load_rlx(&cache->words[a]))]++;
    }
}

static void
check_arenas(gyre *cache, enum ending ending, const uint64_t *live)
{
    uint64_t n_free = 0;
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_acq(&cache->words[a]);
        enum gy_arena_state state = gy_arena_state(word);
        uint64_t used = gy_load_rlx(&cache->books[a].position) & ~GY_CLOSED;
        uint64_t dead = gy_load_rlx(&cache->books[a].dead);
        n_free += state == GY_FREE;
        unsigned lane = gy_arena_lane(word), ring = gy_arena_ring(word);
        bool filled = state == GY_OPEN || state == GY_SEALED || state == GY_PARKED;
        if (state == GY_SWEEPING || state == GY_OPENING)
            sched_violation("arena %u is left in state %d", a, state);
        if (state == GY_OPEN && gy_load_acq(&cache->lanes[lane].open[ring]) != gy_open_word(a, gy_arena_sequence(word)))
            sched_violation("arena %u is open, and no lane shows it", a);
        if (!filled && live[a] != 0)
            sched_violation("arena %u is in state %d, and %llu bytes live in it", a, state, (unsigned long long)live[a]);
        if (filled && ending != REAPED && used != dead + live[a]) /* (else it steers sweeps, and may be off) */
            sched_violation("arena %u: %llu bytes used, %llu dead, %llu live", a, (unsigned long long)used,
                            (unsigned long long)dead, (unsigned long long)live[a]);
    }
    if (gy_load_rlx(&cache->super->n_free) != n_free)
        sched_violation("%llu arenas are free, and n_free is %lld", (unsigned long long)n_free,
                        (long long)gy_load_rlx(&cache->super->n_free));
}

static void
check_pins(gyre *cache)
{
    for (uint32_t i = 0; i < gy_load_acq(&cache->super->n_records_used); i++)
        for (unsigned p = 0; p < GY_PINS; p++)
            if (gy_load_acq(&cache->records[i].pin[p]) != 0)
                sched_violation("pin %u of record %u is left set", p, i);
}

static void
check_stats(gyre *cache, uint64_t committed)
{
    gyre_stats s = GYRE_STATS_INIT;
    if (gyre_stats_read(cache, &s) != GYRE_OK)
        sched_violation("gyre_stats_read failed");
    uint64_t removed = 0;
    for (unsigned r = 0; r < GYRE_REASONS; r++)
        removed += s.removed[r];
    uint64_t stored = ops_history.puts + ops_history.touches + ops_history.leases; /* a touch replaces the entry by a copy */
    if (s.entries != committed || s.entries + removed != stored || s.puts != ops_history.puts)
        sched_violation("%llu entries were stored, %llu puts counted; %llu stand, %llu counted; %llu removed",
                        (unsigned long long)stored, (unsigned long long)s.puts,
                        (unsigned long long)committed, (unsigned long long)s.entries, (unsigned long long)removed);
    if (s.capacity_bytes != s.live_bytes + s.garbage_bytes + s.open_bytes + s.free_bytes + s.index_bytes + s.recovering_bytes)
        sched_violation("the parts of the capacity do not add up");
    ops_check_misses(s.vanished);
    if (gy_load_rlx(&cache->super->draft_bytes) != 0)
        sched_violation("drafts hold %llu bytes in the end", (unsigned long long)gy_load_rlx(&cache->super->draft_bytes));
}

void
settle_check(gyre *cache, enum ending ending)
{
    uint64_t live[64] = {0}, committed = 0, in_ring[GY_RINGS] = {0};
    check_slots(cache, ending, live, &committed, in_ring);
    for (unsigned ring = 0; ring < GY_RINGS; ring++)
        if (cache->g.max_entries && gy_load_rlx(&cache->super->n_entries[ring]) != in_ring[ring])
            sched_violation("%llu entries stand in ring %u, and %lld are counted", (unsigned long long)in_ring[ring],
                            ring, (long long)gy_load_rlx(&cache->super->n_entries[ring]));
    check_arenas(cache, ending, live);
    if (gy_grow_under_way(cache, 0) || gy_clear_pending(cache))
        sched_violation("growth or clear does not come to its end");
    if (committed != gy_load_rlx(&cache->super->shard[0].n_committed))
        sched_violation("%llu words are committed, and n_committed is %llu", (unsigned long long)committed,
                        (unsigned long long)gy_load_rlx(&cache->super->shard[0].n_committed));
    if (ending == ALL_ENDED && cache->g.max_entries && committed > cache->g.max_entries)
        sched_violation("%llu entries stand, of %llu that may", (unsigned long long)committed,
                        (unsigned long long)cache->g.max_entries);
    if (ending != MENDED)
        check_pins(cache);
    if (ending == ALL_ENDED)
        check_stats(cache, committed);
    if (cache->members)
        members_check(cache);
}

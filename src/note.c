/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "note.h"

enum { PROBES = 64, PLACES_A_BUCKET = GY_LINE / sizeof(gy_atomic_u64) };

/* The history's words, as places for notes: from the one that the hash names on, and around. */
struct places {
    gy_atomic_u64 *first;
    uint64_t n, at;
};

static struct places
places_of(const struct gyre *cache, uint64_t hash)
{
    uint64_t n = (uint64_t)cache->g.n_history * PLACES_A_BUCKET;
    uint64_t at = (uint64_t)((unsigned __int128)hash * n >> 64);
    return (struct places){.first = (gy_atomic_u64 *)(uintptr_t)cache->history, .n = n, .at = at};
}

static gy_atomic_u64 *
next_place(struct places *p)
{
    gy_atomic_u64 *place = &p->first[p->at];
    p->at = p->at + 1 < p->n ? p->at + 1 : 0;
    return place;
}

static void
raise_flag(struct gyre *cache, uint64_t flag)
{
    gy_atomic_u64 *state = &cache->super->rebuild;
    uint64_t seen = gy_load_acq(state);
    while (seen != 0 && !(seen & flag) && !gy_cas_seq(state, &seen, seen | flag))
        ; /* retried because another raised a flag, or the rebuild has ended */
}

static bool
ends(const struct gyre *cache)
{
    /* after the note, as who wipes them does the reverse */
    uint64_t state = gy_load_seq(&cache->super->rebuild); /* model: notelate */
    return state == 0 || (state & GY_REBUILD_ENDS) != 0;
}

/* The flag first: who looks for notes then finds that there may be some. */
void
gy_note_always(struct gyre *cache, uint64_t hash)
{
    uint64_t note = hash | 1;
    struct places p = places_of(cache, hash);
    raise_flag(cache, GY_REBUILD_NOTED);
    for (unsigned probe = 0; probe < PROBES; probe++) {
        gy_atomic_u64 *place = next_place(&p);
        uint64_t there = gy_load_acq(place);
        bool mine = there == 0 && gy_cas_seq(place, &there, note); /* model: note */
        if (!mine && there != note)
            continue;
        gy_fence_seq(); /* before the scan, whose loads are acquire ones */
        if (gy_unlikely(mine && ends(cache)))
            gy_cas_seq(place, &note, 0); /* late: else it would stay in the history, as a wrong guess */
        return;
    }
    raise_flag(cache, GY_REBUILD_FULL);
    gy_fence_seq();
}

bool
gy_noted_exactly(const struct gyre *cache, uint64_t hash)
{
    struct places p = places_of(cache, hash);
    if (gy_load_seq(&cache->super->rebuild) & GY_REBUILD_FULL)
        return true;
    for (unsigned probe = 0; probe < PROBES; probe++) {
        uint64_t note = gy_load_seq(next_place(&p));
        if (note == 0 || note == (hash | 1))
            return note != 0;
    }
    return false;
}

/* Again, if who was at it has died. */
void
gy_note_end(struct gyre *cache)
{
    struct places p = places_of(cache, 0);
    raise_flag(cache, GY_REBUILD_ENDS); /* before they are wiped: see above; model: noteend1 */
    if (gy_load_acq(&cache->super->rebuild) & GY_REBUILD_NOTED)
        for (uint64_t n = 0; n < p.n; n++)
            gy_store_rlx(&p.first[n], 0); /* (Relaxed: released by the next; the history is a guess.) */
    gy_store_rel(&cache->super->rebuild, 0); /* model: noteend2 */
}

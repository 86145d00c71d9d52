/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* While a file is rebuilt in the background (rebuild.h), a key that is put, removed or evicted is noted: no older copy of it,
 * in an arena that was not read yet, may come in afterwards. The notes are hashes of keys, in the history's memory, which has
 * nothing to tell before entries are evicted: so they outlive their process as the index does.
 *
 *   - Who changes a key notes it first, and then scans its window.
 *   - Who brings in what an arena held places a tentative word, and then looks at the notes (all seq_cst: Dekker). So either
 *     he sees the note, and gives up; or the other's scan meets his word, and outdoes or removes it.
 *
 * When the notes are full, everything is taken for noted: arenas that were not read yet, the oldest, are given up. A note is
 * never wrong, but for a key with the same hash, which is lost. */

#ifndef GY_NOTE_H
#define GY_NOTE_H

#include "cache.h"

/* Of super->rebuild: entries may be in arenas and not in the index; there are notes; and they were not all kept; no arena is left,
 * and the notes are being wiped. */
enum { GY_REBUILD = 1, GY_REBUILD_NOTED = 2, GY_REBUILD_FULL = 4, GY_REBUILD_ENDS = 8 };

/* acquire: when it is over, what was read is in the index */
static inline bool
gy_rebuilding(const struct gyre *cache)
{
    return gy_unlikely(gy_load_acq(&cache->super->rebuild) != 0);
}

void gy_note_always(struct gyre *cache, uint64_t hash);

/* Before the look at the key's window. False: there was no need. */
static inline bool
gy_note(struct gyre *cache, uint64_t hash)
{
    if (gy_likely(!gy_rebuilding(cache)))
        return false;
    gy_note_always(cache, hash);
    return true;
}

/* Was it? After the tentative word. */
bool gy_noted_exactly(const struct gyre *cache, uint64_t hash);

static inline bool
gy_noted(const struct gyre *cache, uint64_t hash)
{
    /* seq_cst: after the CAS of the tentative word; pairs with the note's */
    uint64_t state = gy_load_seq(&cache->super->rebuild); /* model: noted */
    return gy_unlikely((state & (GY_REBUILD_NOTED | GY_REBUILD_FULL)) != 0) && gy_noted_exactly(cache, hash);
}

/* They are no longer needed: the history begins. */
void gy_note_end(struct gyre *cache);

#endif

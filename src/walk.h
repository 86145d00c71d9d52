/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The entries of an arena, one after the other: judged, then copied forward or evicted. What sweeps for room and
 * for max_entries have in common. */

#ifndef GY_WALK_H
#define GY_WALK_H

#include "choose.h"
#include "index.h"

struct gy_sweep {
    struct gyre *cache;
    struct gy_record *r;
    struct gy_choice at;
    enum gyre_reason reason;
    unsigned hand;     /* that of this processor */
    unsigned pressure; /* entries with fewer hits are evicted whatever the policy says */
    uint64_t walked, owed, judged, evicted; /* bytes, bytes, entries, entries */
    uint64_t dead, remembered;              /* bytes, entries: not yet accounted for */
    /* gy_walk_begin's: */
    float age, age_a_byte, soon;            /* in turnovers */
    float mean_bytes;                       /* of entries; 0: their sizes do not matter */
    struct gy_untold *untold;               /* what waits to be learned; NULL: nothing does */
    uint64_t arena_at, opened;              /* the arena's place, and its opening number */
};

struct gy_item {
    uint64_t offset, hash;
    struct gy_header h;
    uint64_t bytes;
    struct gy_bucket *bucket[2]; /* its window's, while the shard is steady and has this geometry */
    uint64_t geometry;
};

/* What is the same for all entries of the arena, as the ages of which the clock of evictions tells now. Before some are
 * walked. */
void gy_walk_begin(struct gy_sweep *s);

/* Reads the headers of the next entries and starts their cache misses. Returns how many; *damaged when what
 * follows is no entry. */
unsigned gy_walk_read(struct gy_sweep *s, uint64_t at, uint64_t end, unsigned most, struct gy_item *item, bool *damaged);

/* Empties the window of an entry of refs to it, inside a section. */
void gy_walk_clear(struct gy_sweep *s, const struct gy_item *i);

/* Tells the others what was done since the last time: once for several entries, since all of them do so. */
void gy_walk_account(struct gy_sweep *s);

/* An arena in which a writer died has gaps of unknown length: its live entries are found by a pass over the whole
 * index. Outside sections. */
void gy_walk_holed(struct gy_sweep *s);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Is a cache whole? Looks at every word of its region that can be wrong, and changes none: it needs no right to write,
 * and may run while others use the cache. What looks wrong is looked at again, and is a fault only if it stands still. */

#ifndef INSPECT_H
#define INSPECT_H

#include "arena.h"
#include "gyre.h"

enum { INSPECT_TEXT = 160 };
#define INSPECT_STATES 8u /* of enum gy_arena_state */

struct inspect_report {
    /* Given by the caller; either may be NULL. Done and total are cache lines, about. */
    void (*fault)(void *arg, const char *place, const char *what);
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;

    uint64_t faults;
    uint64_t moving; /* places that were different at each look: not judged */

    uint16_t format, minor;                     /* of the head */
    uint64_t buckets, words, tentative, leases; /* words: committed ones */
    uint64_t arenas[INSPECT_STATES];            /* by enum gy_arena_state */
    uint64_t holed;                             /* of these: a writer died inside, so they are not walked */
    uint64_t entries, entry_bytes;              /* in arenas, with those that nothing refers to any more */
    uint64_t live_bytes;                        /* of the entries that words refer to */
    uint64_t lost_bytes;                        /* counted as live, but nothing refers to them */
    uint64_t history_buckets, remembered;
    uint64_t members, members_dead, records, pins;
    bool written; /* to, while words were counted: what was counted cannot be compared */
    bool behind;  /* counts: of what the dead have done, which the next member will count anew */
};

extern const char *const inspect_states[INSPECT_STATES];

/* GYRE_OK, whatever it finds; GYRE_ENOMEM. */
int inspect_cache(struct gyre *cache, struct inspect_report *report);

/* The same of one, by its path, that gyre_open refuses: what of its head is wrong, or of the tables of a file that all have
 * closed. GYRE_OK, or why it cannot be read. */
int inspect_head(const char *path, struct inspect_report *report);

#endif

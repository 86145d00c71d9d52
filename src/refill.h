/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Reading an arena into the index. What proves itself goes to its window by the steps of a put (docs/protocols.md): a tentative
 * word, a second scan, one CAS that commits; so any number of threads may read arenas at once, and others put, delete, grow and
 * sweep meanwhile.
 *
 *   - Of several with one key, that with the highest sequence stays, or comes in the place of the other; the loser is void.
 *     Where two tentative words meet, the older one gives way.
 *   - To a put's word everything from an arena gives way, and to a note (note.h).
 *   - Entries are put in some time after they were read: their buckets are fetched meanwhile. */

#ifndef GY_REFILL_H
#define GY_REFILL_H

#include "index.h"

/* Entries that were read, at most; and are put in together. Of 100 bytes, into an index of 184 MiB, a core puts in 4.5 million a second
 * with a quarter of both, 6.2 with half, 7.2 with these; with more no more: of the index, pages miss, too. */
enum { GY_REFILL_AHEAD = 256, GY_REFILL_BATCH = 128 };

struct gy_refill_item {
    uint64_t offset, hash, sequence;
    struct gy_header h;
};

/* A thread that reads arenas. */
struct gy_refill {
    struct gyre *cache;
    struct gy_record *r;     /* NULL: there are no others but threads like this one */
    gy_atomic_u64 no_pin;    /* where pins go then */
    struct gy_refill_item item[GY_REFILL_AHEAD];
    unsigned first, n;       /* of the items: a ring */
    uint32_t arena;
    uint64_t word, opened;   /* the arena's */
    uint64_t live;           /* bytes of it that the index refers to */
    bool stopped;            /* this process was expelled */
    bool again;              /* another has begun to read it, and the index may refer to it */
    bool with_other;         /* one who was expelled is at the arena, too */
    uint64_t recovered, dropped[GYRE_DROPS], dropped_bytes[GYRE_DROPS];
    uint32_t *words;         /* without a record: how many more each shard has */
};

/* words: of zeros, one for each shard, if there is no record. */
void gy_refill_begin(struct gy_refill *f, struct gyre *cache, struct gy_record *r, uint32_t *words);

/* Reads an arena that this thread has claimed, as its word says, and seals it; or gives it up, when nothing is in it. again:
 * somebody had begun to. */
void gy_refill_arena(struct gy_refill *f, uint32_t arena, uint64_t word, bool again);

/* Tells what it has done. */
void gy_refill_end(struct gy_refill *f);

#endif

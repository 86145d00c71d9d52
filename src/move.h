/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A committed word goes to another slot of its key's window, one that is scanned after its own: as a shard
 * grows (grow.c), and where a bucket is full (displace.c). The steps are those of migrate
 * (docs/protocols.md); a shard's words are moved by one thread at a time, or each bucket by one (CE4). */

#ifndef GY_MOVE_H
#define GY_MOVE_H

#include "index.h"

/* Starts the misses of the entry's header and of the end of its key, which may be two lines. */
static GY_INLINE void
gy_move_prefetch(const struct gyre *cache, uint64_t word)
{
    if (gy_ref_arena(cache, gy_slot_ref(word)) == UINT32_MAX)
        return;
    const char *entry = gy_at(cache, gy_slot_ref(word));
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + GY_KEY_USUAL);
}

/* migrate 1: the word, under a reader's pin (GY_PIN_MOVE), for the hash of its key. False: nothing is pinned, look at
 * the slot again. */
bool gy_move_read(struct gyre *cache, struct gy_record *r, gy_atomic_u64 *slot, uint64_t word, struct gy_found *f);

/* Of a word that is to go: that pin becomes one that a sweep respects, or that shows the sweep. False: look at the slot
 * again. *movable: the arena is OPEN or SEALED; if it is anything else the word must not gain a slot. */
bool gy_move_hold(struct gyre *cache, struct gy_record *r, const struct gy_found *f, bool *movable);

/* migrate 3 and 4, after migrate 2 has put f's word, tentative, into e. False: the slot had changed, and
 * nothing is left in e. */
bool gy_move_finish(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, const struct gy_found *f,
                    gy_atomic_u64 *e);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A committed word goes to another slot of its key's window, one that is scanned after its own: as a shard
 * grows (grow.c), and where a bucket is full (displace.c). The steps are those of migrate
 * (docs/protocols.md); a shard's words are moved by one thread at a time, or each bucket by one (CE4). */

#ifndef GY_MOVE_H
#define GY_MOVE_H

#include "index.h"

/* migrate 1: the word, under a pin (GY_PIN_MOVE) that a sweep respects, or that shows the sweep. False:
 * nothing is pinned, look at the slot again. *movable: the arena is OPEN or SEALED; if it is anything
 * else the word must not gain a slot. */
bool gy_move_pin(struct gyre *cache, struct gy_record *r, gy_atomic_u64 *slot, uint64_t word, struct gy_found *f,
                 bool *movable);

/* migrate 3 and 4, after migrate 2 has put f's word, tentative, into e. False: the slot had changed, and
 * nothing is left in e. */
bool gy_move_finish(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, const struct gy_found *f,
                    gy_atomic_u64 *e);

#endif

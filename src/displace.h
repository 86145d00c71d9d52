/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Displacement: a put whose window is full makes room in it without evicting anything. */

#ifndef GY_DISPLACE_H
#define GY_DISPLACE_H

#include "index.h"

/* Moves one word of a full window, which may be empty in places by now, to the other bucket of its own
 * key. Inside the put's section, whose window this is. False: no word can go, or somebody else moves
 * words of this shard. */
bool gy_displace(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, const struct gy_window *w);

/* For a scan of a shard, in between gy_displace_hold and _release: what is shown in one bucket is not
 * moved to another, but for the words of keys with one hash, given here (lowest bit set; 0: none). */
uint64_t gy_displace_late(struct gy_shard *shard);
void gy_displace_hold(struct gy_record *r);
void gy_displace_release(struct gy_record *r);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Where the hand goes next, and which arena is claimed for a sweep. */

#ifndef GY_CHOOSE_H
#define GY_CHOOSE_H

#include "cache.h"

/* An arena to be swept: in SWEEPING, the caller's; or PARKED, pinned by the caller. With its word. */
struct gy_choice {
    uint32_t arena;
    bool compact; /* keep everything: it is mostly garbage */
    bool look;    /* keep everything: it is swept for what can be learned of it */
    uint64_t word;
    uint64_t from; /* claimed: where to begin; what is before is done */
};

/* For room: a parked arena, else the one with the most garbage when compaction pays, else the oldest of
 * the ring that is over its share. Pinned arenas are passed over. False when there is
 * none. GY_BACKGROUND leaves open arenas alone; GY_FOREGROUND takes them when nothing else is left;
 * GY_EVICT does not compact, either: it cannot fail to gain room. */
enum gy_need { GY_BACKGROUND, GY_FOREGROUND, GY_EVICT };
bool gy_choose_for_room(struct gyre *cache, struct gy_record *r, enum gy_need need, struct gy_choice *out);

/* For max_entries: where the hand of that ring stands, else its oldest arena, open ones included. Any number of
 * threads may be at it. False when others hold what there is: pins, or its last entries; `again` does these anew. */
bool gy_choose_for_limit(struct gyre *cache, struct gy_record *r, unsigned ring, bool again, struct gy_choice *out);

/* The last resort of max_entries, then: evicts the coldest entry of some bucket of the index. */
bool gy_choose_and_evict(struct gyre *cache, struct gy_record *r, enum gyre_reason reason);

#endif

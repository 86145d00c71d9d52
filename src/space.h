/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Sparse caches: the arenas' bytes are reserved one by one, each when it is opened, by who has claimed it. So what is
 * written to is there to be written, and a full disk is no SIGBUS: an arena that can have no bytes stays free, others do without
 * it for a while, and sweep instead. The first ones have their bytes from the start: gy_layout_arenas_least.
 *
 * (Of a sweep that keeps an entry, that may be in a section: it takes as long as a page that is written to for the first time.)
 *
 * What a file system gave stays given: of an arena that was opened once, no more than a look is asked for. So its opening
 * number, never 0 then, tells which ones are worth to be asked for while the disk is full. */

#ifndef GY_SPACE_H
#define GY_SPACE_H

#include "cache.h"

GY_SELDOM uint64_t gy_space_lacking_now(const struct gyre *cache);
bool gy_space_used(const struct gyre *cache, uint32_t arena);

/* Free arenas that cannot be had at present, about. */
static inline uint64_t
gy_space_lacking(const struct gyre *cache)
{
    return gy_likely(!cache->sparse) ? 0 : gy_space_lacking_now(cache);
}

/* Is a free arena worth to be claimed? */
static inline bool
gy_space_hoped(const struct gyre *cache, uint32_t arena)
{
    return gy_likely(!cache->sparse) || gy_space_lacking_now(cache) == 0 || gy_space_used(cache, arena);
}

bool gy_space_reserve(struct gyre *cache, uint32_t arena);

/* A claimed one gets its bytes. False: it cannot. */
static inline bool
gy_space_take(struct gyre *cache, uint32_t arena)
{
    return gy_likely(!cache->sparse) || gy_space_reserve(cache, arena);
}

void gy_space_missed_one(struct gyre *cache);

/* No free arena was worth to be claimed, or could be. */
static inline void
gy_space_missed(struct gyre *cache)
{
    if (gy_unlikely(cache->sparse))
        gy_space_missed_one(cache);
}

/* Those that are used get them again, of a file that may have been copied without them. GYRE_OK or a GYRE_E code. */
int gy_space_again(struct gyre *cache);

#endif

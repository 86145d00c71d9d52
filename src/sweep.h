/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The sweep: the hand passes one arena; each entry in it is kept (copied forward) or evicted, and the
 * arena becomes free. Eviction and compaction are this one mechanism. */

#ifndef GY_SWEEP_H
#define GY_SWEEP_H

#include "cache.h"

/* Walks about so many bytes of the log, from where the hand stands. False when there was nothing that
 * could be swept. Outside sections; staged entries and views of the caller may be pinned meanwhile. */
bool gy_sweep_bytes(struct gyre *cache, struct gy_record *r, uint64_t bytes);

/* Frees what was retired, when that is enough to be worth it. Did it free anything? */
bool gy_sweep_free(struct gyre *cache);

/* Are there so many free arenas that nobody has to make room? (Relaxed, here and below: a hint.) */
static inline bool
gy_sweep_enough(const struct gyre *cache)
{
    return (int64_t)gy_load_rlx(&cache->super->n_free) > cache->enough_free;
}

/* What a writer who puts so many bytes does for room, when there is little: an entry or two, unless it is urgent; and
 * sooner if he waits for lines meanwhile. Are there so few free arenas that maintenance has to come? */
bool gy_sweep_help(struct gyre *cache, struct gy_record *r, uint64_t bytes, bool waits);

/* Makes sure that an arena is free for writers, sweeping as much as it takes. surely: n_free is not believed alone, so
 * that who comes again and again ends. False when pins hold all. */
bool gy_sweep_room(struct gyre *cache, struct gy_record *r, bool surely);

/* Is there more room than probation may take? */
bool gy_sweep_spacious_exactly(struct gyre *cache);

static inline bool
gy_sweep_spacious(struct gyre *cache)
{
    int64_t spare = (int64_t)(gy_load_rlx(&cache->super->n_free) - (uint64_t)cache->enough_free);
    if (spare <= 1)
        return false;
    return gy_likely(spare > cache->window_most && cache->g.max_entries == 0) || gy_sweep_spacious_exactly(cache);
}

/* Are there fewer free arenas than maintenance leaves? */
bool gy_sweep_wanted(const struct gyre *cache);

#endif

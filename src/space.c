/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "space.h"

enum { AGAIN_MS = 1000 }; /* so long a full disk is taken for full */

/* (Relaxed, all in this file: hints; and what a claimed arena's book says, or one that nobody else has open.) */
uint64_t
gy_space_lacking_now(const struct gyre *cache)
{
    uint64_t lacking = gy_load_rlx(&cache->lacking);
    return lacking == 0 || gy_os_clock_ms() >= gy_load_rlx(&cache->lacking_until_ms) ? 0 : lacking;
}

bool
gy_space_used(const struct gyre *cache, uint32_t arena)
{
    return arena < gy_layout_arenas_least(&cache->g) || gy_load_rlx(&cache->books[arena].opened) != 0;
}

static uint64_t
free_and_unused(const struct gyre *cache)
{
    uint64_t n = 0;
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        n += gy_arena_state(gy_load_rlx(&cache->words[a])) == GY_FREE && !gy_space_used(cache, a);
    return n;
}

/* Several may have been claimed when they were counted: who was told that there is one counts anew, lest he ask for ever. */
void
gy_space_missed_one(struct gyre *cache)
{
    if (gy_space_lacking_now(cache) != 0)
        gy_store_rlx(&cache->lacking, gy_max(free_and_unused(cache), 1));
}

bool
gy_space_reserve(struct gyre *cache, uint32_t arena)
{
    if (cache->region.ops->reserve(&cache->region, gy_arena_offset(cache, arena), cache->arena_bytes) == GYRE_OK)
        return true;
    gy_store_rlx(&cache->lacking_until_ms, gy_os_clock_ms() + AGAIN_MS);
    gy_store_rlx(&cache->lacking, free_and_unused(cache) + 1); /* with this one, which is given back now */
    return false;
}

int
gy_space_again(struct gyre *cache)
{
    int result = GYRE_OK;
    for (uint32_t a = 0; cache->sparse && a < cache->g.n_arenas && result == GYRE_OK; a++)
        if (gy_space_used(cache, a) && gy_arena_state(gy_load_rlx(&cache->words[a])) != GY_WITHDRAWN)
            result = cache->region.ops->reserve(&cache->region, gy_arena_offset(cache, a), cache->arena_bytes);
    return result;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The hands: where sweeps stopped inside an arena, which is PARKED until somebody goes on. In a cache of many arenas
 * each processor has one of its own, so that the lines that a sweep works on stay with it: who sweeps a few entries at
 * a time would otherwise fetch them from another processor each time. What another's hand has stopped at is found
 * by the second look at all arenas. (Relaxed, all of it: hints; the arenas' words decide.) */

#ifndef GY_HAND_H
#define GY_HAND_H

#include "arena.h"
#include "cache.h"

/* The hand keeps everything: the rest of the arena, too. And: another has met it here since it was last moved. */
#define GY_HAND_LOOKS ((uint64_t)1 << 63)
#define GY_HAND_MET ((uint64_t)1 << 62)
#define GY_HAND_FLAGS (GY_HAND_LOOKS | GY_HAND_MET)

/* This processor's. */
static inline unsigned
gy_hand_own(const struct gyre *cache)
{
    return cache->hands_apart ? gy_lane_here(cache) % GY_HANDS_OWN : 0;
}

/* The first of those that are anybody's; all that follow are, too. */
static inline unsigned
gy_hand_first(const struct gyre *cache)
{
    return cache->hands_apart ? GY_HANDS_OWN : 0;
}

/* The parked arena that a hand knows of; UINT32_MAX: none. */
static inline uint32_t
gy_hand_at(struct gyre *cache, unsigned hand, uint64_t *word, bool *look)
{
    uint64_t parked = gy_load_rlx(&cache->super->hand[hand].parked), arena = (parked & ~GY_HAND_FLAGS) - 1;
    if (arena >= cache->g.n_arenas)
        return UINT32_MAX;
    *word = gy_load_acq(&cache->words[arena]);
    *look = parked & GY_HAND_LOOKS;
    return gy_arena_state(*word) == GY_PARKED ? (uint32_t)arena : UINT32_MAX;
}

/* A sweep is about to stop in this arena: the own hand says so, or another that has nothing else to say. */
static inline void
gy_hand_leave(struct gyre *cache, unsigned own, uint32_t arena, bool look)
{
    uint64_t said = (arena + (uint64_t)1) | (look ? GY_HAND_LOOKS : 0), word;
    uint64_t here = gy_load_rlx(&cache->super->hand[own].parked);
    unsigned hand = own, first = gy_hand_first(cache);
    bool looks;
    if (gy_likely(here == said))
        return;
    for (unsigned i = first; (here & ~GY_HAND_MET) != said && gy_hand_at(cache, hand, &word, &looks) != UINT32_MAX &&
                             i < GY_HANDS; i++)
        hand = i, here = gy_load_rlx(&cache->super->hand[i].parked);
    gy_store_rlx(&cache->super->hand[hand].parked, said);
}

/* Is another processor's hand at work in this parked arena? One that is met there twice without having moved is not. */
static inline bool
gy_hand_busy(struct gyre *cache, uint32_t arena)
{
    unsigned own = gy_hand_own(cache);
    for (unsigned i = 0; i < gy_hand_first(cache); i++) {
        uint64_t here = gy_load_rlx(&cache->super->hand[i].parked);
        if (i == own || (here & ~GY_HAND_LOOKS) != arena + (uint64_t)1)
            continue;
        gy_store_rlx(&cache->super->hand[i].parked, here | GY_HAND_MET);
        return true;
    }
    return false;
}

#endif

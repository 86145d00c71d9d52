/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A key whose values carry ids that only rise: every hit can be checked at once, for a few loads.
 *
 * Who writes raises begun to an id before the put or delete, and low to it when that has returned.
 * Who looks loads low before and begun after: a hit must carry low <= id <= begun, and raises low,
 * for nobody who looks later may see an older value. A delete takes an id that no value carries. One
 * writer at a time, or writers who agree on the order of their ids (as GYRE_IF_VERSION makes
 * them). */

#ifndef GYRE_STRESS_WATCH_H
#define GYRE_STRESS_WATCH_H

#include <inttypes.h>

#include "stress.h"
#include "value.h"

struct watch {
    _Atomic uint64_t low;   /* no hit that starts now may be older than this id */
    _Atomic uint64_t begun; /* the newest id whose put or delete has started */
};

static inline uint64_t
watch_begun(const struct watch *watch)
{
    return atomic_load_explicit(&watch->begun, memory_order_acquire);
}

/* The only writer's next id, before the call that writes it. */
static inline uint32_t
watch_begin(struct watch *watch)
{
    uint64_t id = atomic_load_explicit(&watch->begun, memory_order_relaxed) + 1;
    atomic_store_explicit(&watch->begun, id, memory_order_release);
    return (uint32_t)id;
}

/* After that call, when the older values must have gone: not when it changed nothing. */
static inline void
watch_done(struct watch *watch, uint64_t id)
{
    stress_raise(&watch->low, id);
}

/* Before a lookup. */
static inline uint64_t
watch_low(const struct watch *watch)
{
    return atomic_load_explicit(&watch->low, memory_order_acquire);
}

/* After a hit; low is what watch_low told before the lookup. */
static inline void
watch_hit(struct watch *watch, struct key key, uint64_t low, uint64_t id, const char *seen_by)
{
    uint64_t begun = watch_begun(watch);
    if (id < low)
        stress_fail("%s: key %c%u: stale: id %" PRIu64 ", but %" PRIu64 " or newer must stand",
                    seen_by, key.class, key.number, id, low);
    if (id > begun)
        stress_fail("%s: key %c%u: id %" PRIu64 " was never put, %" PRIu64 " is the newest", seen_by,
                    key.class, key.number, id, begun);
    stress_raise(&watch->low, id);
    stress_tally.checked++;
}

#endif

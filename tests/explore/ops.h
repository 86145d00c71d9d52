/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The operations of threads, and their history. */

#ifndef GY_EXPLORE_OPS_H
#define GY_EXPLORE_OPS_H

#include "atomic.h"
#include "gyre.h"
#include "rng.h"
#include "wgl.h"
#include "world.h"

enum { OPS_MOST = 256, IDS_MOST = 512, HELD_MOST = 40 };

struct operation {
    struct wgl_op op;
    uint8_t key;
    uint64_t clock_ms; /* at its end */
};

struct value {
    uint32_t bytes;
    uint8_t key;
    bool may_expire;
    uint64_t expiry_ms, first_expiry_ms; /* the latest and the earliest that it was ever given */
    uint64_t touched_ms;                 /* the latest that a touch gave it */
};

struct history {
    struct operation op[OPS_MOST];
    unsigned n;
    struct value value[IDS_MOST]; /* by id */
    uint32_t next_id, fresh;
    uint64_t instants; /* starts and ends of operations so far */
    uint64_t clock_ms, puts, touches;
    unsigned touches_going_on;
    gyre_view shelf; /* a view that one thread left for another to release */
    gy_atomic_u64 shelf_full;
};

struct actor {
    struct rng rng;
    gyre_view held[HELD_MOST];
    uint32_t held_id[HELD_MOST];
    uint8_t held_key[HELD_MOST];
    unsigned n_held;
    uint32_t seen_id[WORLD_KEYS];
    uint64_t seen_version[WORLD_KEYS];
};

extern struct history ops_history;

void ops_begin(gyre *cache, const struct scenario *scenario);
void ops_do(struct actor *actor, const char *text);
/* Looks at every key of the scenario once. */
void ops_look_at_all(struct actor *actor);
void ops_release_all(struct actor *actor);
/* What stands on the shelf, by whomever. */
void ops_release_shelf(void);
/* Is the history of each key one that the specification allows? */
void ops_check(unsigned n_keys);
/* Are there no more misses of values that came back than the statistics admit? */
void ops_check_misses(uint64_t counted);

/* The hash of keys, by gy_hash_hook. */
uint64_t ops_hash(const void *key, size_t bytes);

#endif

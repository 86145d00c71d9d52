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
    unsigned thread;
    bool died; /* its process did, before it had answered: it was done by its end, or never is */
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
    uint64_t clock_ms, puts, touches, leases;
    unsigned touches_going_on;
    struct rng clock_moves;
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
    gyre_lease lease[WORLD_KEYS];
    uint32_t lease_id[WORLD_KEYS]; /* 0: none */
};

extern struct history ops_history;

void ops_begin(const struct scenario *scenario);
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

/* For operations that are elsewhere: leases.c. Begins one and ends it with its answer; a value of a key, its bytes,
 * and whose they are. */
struct operation *ops_record(enum wgl_kind kind, unsigned key);
void ops_answer(struct operation *o, int rc);
enum { KEY_BYTES = 16 }; /* a number, and nothing */
uint64_t ops_key_of(unsigned key);
uint32_t ops_new_value(unsigned key, uint32_t bytes);
void ops_fill(void *to, unsigned key, uint32_t id, uint32_t bytes);
uint32_t ops_read_value(const void *data, size_t bytes, unsigned key);

/* A lease is a value that nobody can read, put where nothing stands; its commit is a put in place of that very one, and
 * of no other. So the history says whether one was committed after a delete, or beside another. */
void leases_ask(struct actor *a, unsigned key, bool wait);
void leases_commit(struct actor *a, unsigned key, uint32_t bytes, bool draft);
void leases_abort(struct actor *a, unsigned key);

/* The hash of keys, by gy_hash_hook. */
uint64_t ops_hash(const void *key, size_t bytes);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The state of a round of the oracle: one cache under all operations by all workers at once.
 *
 * Its keys are of three classes. An *owned* key (o) has one writer, and everybody checks every hit
 * at once against what that writer has begun and done. A *shared* key (s) is written by all; what
 * they saw is recorded and checked when the round is over. A *counter* (c) is counted up with
 * GYRE_IF_VERSION. */

#ifndef GYRE_STRESS_ROUND_H
#define GYRE_STRESS_ROUND_H

#include "history.h"
#include "stress.h"
#include "value.h"
#include "watch.h"

#define OWNED 'o'
#define SHARED 's'
#define COUNTER 'c'

#define HELD_MAX 32
#define BOXES 16
#define WORKERS_MAX 16

/* An owned key; see owned.c. The atomic fields may be read by all and, but for low and seen, are
 * written by the owner alone; the plain ones are the owner's. */
struct owned {
    struct watch watch;
    _Atomic uint64_t seen;    /* the newest id that a lookup brought */
    _Atomic uint64_t missed;  /* an id that stood, or was older than what did, when a lookup missed */
    _Atomic uint64_t settled; /* the newest id whose put has succeeded */
    _Atomic uint64_t failed;  /* the newest id whose put has failed: never to be seen */
    _Atomic uint64_t touches, touches_ended; /* begun, and returned: by anybody */
    _Atomic uint64_t expiry_id, expiry_ms;   /* when that id ends at the latest; id 0: not known */
    _Atomic uint64_t version_id, version;    /* that id's version */
    bool surely_absent;                      /* deleted, and not put since */
    bool drafted;                            /* an open draft of the owner's will write it */
};

/* A view that is kept while the cache goes on. */
struct held {
    gyre_view view;
    struct key key;
    uint32_t id;
};

/* What all workers of a round change. */
struct common {
    _Atomic bool stop;
    _Atomic uint64_t puts_done, clears_done;
    _Atomic uint64_t came_back; /* values of owned keys that were missed and came back without a put */
};

struct round {
    gyre *cache;
    gyre_options options;
    struct stress_world world;
    struct value_shape shape;
    uint32_t max_value_bytes;
    unsigned n_workers;
    uint32_t n_owned, n_shared, n_counters;
    uint32_t held_limit; /* views a worker holds at most */
    bool ttls, jumps, clears;
    bool few;    /* few keys with small values: a stale ref is likely to meet its own key again */
    bool sleepy; /* one worker stops at points for long */
    bool grows;  /* so many small entries that the index doubles again and again */
    struct owned *owned;
    _Atomic(struct held *) boxes[BOXES]; /* views handed from thread to thread */
    bool processes; /* its workers are processes: each has a round of its own, but for owned and common */
    struct common *common;
};

struct worker {
    struct round *round;
    unsigned index;
    struct rng rng;
    struct history shared_history, counter_history;
    uint32_t n_ids, n_lineages; /* made by this worker for shared keys and counters */
    struct held *held[HELD_MAX];
    unsigned n_held;
    gyre_draft draft;
    struct key draft_key;
    uint32_t draft_id;
    bool draft_open;
    unsigned char *buffer;  /* of max_value_bytes and a bit */
    uint32_t *seen;         /* a scan's: the id under which it met each owned key, */
    uint64_t *seen_touches; /* and the touches that had ended by then */
    uint64_t until_ns; /* when it ends of itself; 0: when it is told to stop */
    bool threaded, closes, leaves_views; /* a process: see herd.h */
    struct {
        uint64_t ops, hits, misses, puts, touches, busy, rejected, scanned, held_checks, handed,
            counted;
        uint64_t adds, exists, drafts;
    } total;
};

/* What was known before a lookup began. */
struct look {
    uint64_t start_ns, end_ns, low, missed, failed, clock_ms, expiry_id, expiry_ms, version_id, version;
};

/* What a lookup brought, from a view or a copy. */
struct found {
    uint32_t id;
    const gyre_view *view; /* NULL for a copy, which has no version and no TTL */
    const char *seen_by;
};

/* owned.c: keys with one writer. */
void owned_look(const struct round *round, uint32_t number, struct look *look);
void owned_hit(struct round *round, uint32_t number, const struct look *look,
               const struct found *found);
void owned_miss(struct round *round, uint32_t number, const struct look *look);
void owned_write(struct worker *worker, uint32_t number);
void owned_touch_by_other(struct worker *worker, uint32_t number);
void owned_commit(struct worker *worker);
/* Around gyre_clear: what had settled before it must not be seen after it. */
void owned_note_settled(const struct round *round, uint64_t *settled);
void owned_raise_low(struct round *round, const uint64_t *settled);

/* shared.c: keys that all write. */
static inline bool
shared_expires(const struct round *round, uint32_t number)
{
    return round->ttls && number % 4 == 0;
}
void shared_write(struct worker *worker, uint32_t number);
void shared_commit(struct worker *worker);
void counter_step(struct worker *worker, uint32_t number);

/* reads.c: lookups of any key, and views held for long. */
void look_begin(const struct round *round, struct key key, struct look *look);
void look_end(struct key key, struct look *look);
void look_hit(struct worker *worker, struct key key, const struct look *look,
              const struct found *found);
struct key any_key(struct worker *worker);
void read_get(struct worker *worker);
void read_many(struct worker *worker);
void read_copy(struct worker *worker);
void read_scan(struct worker *worker);
void held_recheck(struct worker *worker);
void held_release_all(struct worker *worker);
void held_empty_boxes(struct round *round);

/* settle.c: what must hold when no call is running. */
void settle_check(struct round *round, const struct worker *workers);
void settle_empty(struct round *round);
void check_sums(const gyre_stats *stats, const char *when);
gyre_stats stats_of(gyre *cache);
/* Lets the cache finish its maintenance; its statistics then. */
gyre_stats settle_wait(gyre *cache);

#endif

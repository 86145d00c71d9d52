/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The history of keys that many threads write, and its check once a round is over.
 *
 * Every value of a key is written once in a round, under an id of its own. An operation is an
 * interval of real time. A value's *zone* runs from the first end to the last start among its write
 * and its reads: where the end comes first (a forward zone) the value must have stood throughout;
 * where it comes last (a backward zone) the value stood at some instant between. A history of one
 * register is linearizable if and only if no two forward zones overlap and no backward zone lies
 * inside a forward one (Gibbons and Korach). A delete is a write of a value that nobody reads, and
 * so is a clear, for each key.
 *
 * A miss breaks no rule, for a cache may drop a value at any time. But a miss inside a forward zone
 * missed a value that came back without a new put: it was spurious. Those are counted, except during
 * a clear; the caller knows what the cache's own statistics admit. */

#ifndef GYRE_STRESS_HISTORY_H
#define GYRE_STRESS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind { EVENT_WRITE, EVENT_READ, EVENT_DELETE, EVENT_CLEAR, EVENT_MISS };

struct event {
    uint64_t start_ns, end_ns;
    uint32_t id; /* of a write or read; else 0 */
    uint32_t key;
    enum event_kind kind;
};

/* One thread's part. */
struct history {
    struct event *events;
    size_t n, room;
};

void history_init(struct history *history, size_t room);
void history_free(struct history *history);

static inline size_t
history_left(const struct history *history)
{
    return history->room - history->n;
}

/* Instants in the order of the operations around them: what was stored before the one is visible to
 * who loads after the other. */
uint64_t history_now(void);

/* Records an operation; there must be room. */
void history_add(struct history *history, enum event_kind kind, uint32_t key, uint32_t id,
                 uint64_t start_ns, uint64_t end_ns);

struct history_verdict {
    uint64_t operations, zones;
    uint64_t violations; /* each was reported */
    uint64_t spurious;   /* misses of a value that stood before and after */
};

/* Reports what cannot have happened; key_class is for the report. */
struct history_verdict history_check(const struct history *histories, size_t n, char key_class);

#endif

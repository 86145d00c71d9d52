/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The state of gyre's policy when its two rings are queues, for its variants. */

#ifndef GYRE_H
#define GYRE_H

#include "gyre_history.h"
#include "queue.h"

enum { GYRE_FIRST_RING = 1, GYRE_RINGS = 2 };

struct gyre_rings {
    struct queue ring[GYRE_RINGS];
    struct gyre_history *history;
    struct gy_learned learned;
    uint64_t *since; /* of each key in main: evictions when it was put there */
    uint64_t capacity, max_entries /* 0: sizes count */, evictions;
    float window; /* probation's share when the library's way is not taken; else 0 */
    float price;  /* the duel's: what the evicted were worth, fading */
};

void *gyre_create(const struct shape *shape);
void *gyre_create_fixed(const struct shape *shape); /* with the least probation, that stays */
uint64_t gyre_held(const void *state);
void gyre_destroy(void *state);

/* How many evictions are a turnover: entries, also where capacity is in bytes. */
uint64_t gyre_entries(const struct gyre_rings *s);

/* A request, for which `evict` makes room until the cache is no larger than it may be. */
bool gyre_ask(struct gyre_rings *s, uint32_t key, uint32_t size,
              void (*evict)(struct gyre_rings *s));

/* The ring to sweep next. */
unsigned gyre_victim(struct gyre_rings *s);

/* The hand of main meets an entry: its kind now. Whether it is to stay is said by the policy. */
unsigned gyre_meet(struct gyre_rings *s, uint32_t key, bool *keeps);

void gyre_keep(struct gyre_rings *s, uint32_t key, unsigned kind);
void gyre_evict(struct gyre_rings *s, uint32_t key, unsigned kind);

#endif

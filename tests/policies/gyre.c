/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The functions of src/policy.h, on two rings that are queues and a history that is a queue of
 * as many keys as the cache has entries. */

#include <stdlib.h>

#include "policy.h"
#include "queue.h"

enum { FIRST_RING = 1, N_RINGS = 2, HISTORY = FIRST_RING + N_RINGS };

struct gyre_rings {
    struct queue ring[N_RINGS], history;
    uint64_t capacity, entries;
};

static void *
create(const struct shape *shape)
{
    struct gyre_rings *s = policies_alloc(1, sizeof *s);
    struct entry *entries = entries_new(shape);
    for (uint8_t ring = 0; ring < N_RINGS; ring++)
        s->ring[ring] = queue_new(entries, (uint8_t)(FIRST_RING + ring));
    s->history = queue_new(entries, HISTORY);
    s->capacity = shape->capacity;
    s->entries = shape->entries;
    return s;
}

static uint64_t
held(const void *state)
{
    const struct gyre_rings *s = state;
    return s->ring[0].size + s->ring[1].size;
}

static void
make_room(struct gyre_rings *s, uint32_t size)
{
    uint64_t kept = 0;
    while (held(s) + size > s->capacity) {
        unsigned ring = gy_policy_victim(s->ring[0].size, s->ring[1].size);
        uint32_t key = queue_pop(&s->ring[ring]);
        struct entry *entry = &s->ring[ring].entries[key];
        struct gy_verdict v = gy_policy_judge(ring, entry->freq, kept > s->capacity * 3 / 4);
        if (v.keep) {
            entry->freq = (uint8_t)v.freq;
            kept += entry->size;
            queue_join(&s->ring[GY_POLICY_MAIN], key, entry->size);
        } else if (v.remember) {
            while (s->history.n >= s->entries)
                queue_pop(&s->history);
            queue_join(&s->history, key, entry->size);
        }
    }
}

static bool
request(void *state, uint32_t key, uint32_t size)
{
    struct gyre_rings *s = state;
    struct entry *entry = &s->history.entries[key];
    if (entry->queue >= FIRST_RING && entry->queue < HISTORY) {
        if (entry->freq < GY_POLICY_FREQ_MOST)
            entry->freq++;
        return true;
    }
    bool remembered = queue_has(&s->history, key);
    if (remembered)
        queue_leave(&s->history, key);
    make_room(s, size);
    entry->freq = 0;
    queue_join(&s->ring[gy_policy_place(remembered)], key, size);
    return false;
}

static void
destroy(void *state)
{
    struct gyre_rings *s = state;
    free(s->history.entries);
    free(s);
}

const struct policy policy_gyre = {
    .name = "gyre",
    .source = "src/policy.h",
    .create = create,
    .request = request,
    .held = held,
    .destroy = destroy,
};

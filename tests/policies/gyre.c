/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The library's policy, by the functions of src/policy.h and src/learn.c, on two rings that are
 * queues and a history like the library's. What the library has besides is arenas, threads and
 * time. */

#include "gyre.h"

#include <stdlib.h>

enum { PATIENCE = 64 }; /* as in src/walk.c */

void *
gyre_create(const struct shape *shape)
{
    struct gyre_rings *s = policies_alloc(1, sizeof *s);
    struct entry *entries = entries_new(shape);
    for (uint8_t ring = 0; ring < GYRE_RINGS; ring++)
        s->ring[ring] = queue_new(entries, (uint8_t)(GYRE_FIRST_RING + ring));
    s->since = policies_alloc(shape->n_keys, sizeof *s->since);
    s->history = gyre_history_new(shape->entries);
    s->capacity = shape->capacity;
    s->max_entries = shape->capacity == shape->entries ? shape->entries : 0;
    gy_learn_init(&s->learned);
    gy_learn_size(&s->learned, shape->entries);
    return s;
}

void *
gyre_create_fixed(const struct shape *shape)
{
    struct gyre_rings *s = gyre_create(shape);
    s->window = gy_policy.window_least;
    return s;
}

void
gyre_destroy(void *state)
{
    struct gyre_rings *s = state;
    gyre_history_free(s->history);
    free(s->ring[0].entries);
    free(s->since);
    free(s);
}

uint64_t
gyre_held(const void *state)
{
    const struct gyre_rings *s = state;
    return s->ring[GY_POLICY_PROBATION].size + s->ring[GY_POLICY_MAIN].size;
}

uint64_t
gyre_entries(const struct gyre_rings *s)
{
    uint64_t held = s->ring[GY_POLICY_PROBATION].n + s->ring[GY_POLICY_MAIN].n;
    return s->max_entries ? s->max_entries : held;
}

static float
window_of(struct gyre_rings *s)
{
    return s->window > 0 ? s->window : gy_learn_window(&s->learned);
}

unsigned
gyre_victim(struct gyre_rings *s)
{
    const struct queue *probation = &s->ring[GY_POLICY_PROBATION];
    uint64_t newest = probation->n > 0 ? probation->entries[probation->newest].size : 0;
    return gy_policy_victim(probation->size, s->ring[GY_POLICY_MAIN].size, window_of(s), newest);
}

/* What the size of an entry does to its value. */
static float
weight(struct gyre_rings *s, unsigned sample, const struct entry *entry)
{
    if (s->max_entries)
        return 1;
    return gy_learn_weight(&s->learned, NULL, sample, (float)(gyre_held(s) / gyre_entries(s)) / (float)entry->size);
}

unsigned
gyre_meet(struct gyre_rings *s, uint32_t key, bool *keeps)
{
    struct entry *entry = &s->ring[GY_POLICY_MAIN].entries[key];
    float lap = gyre_history_turnovers((float)(s->evictions - s->since[key]), gyre_entries(s));
    unsigned sample = gyre_history_sample(&s->learned, key);
    gy_learn(&s->learned, sample, entry->kind, entry->freq > 0, lap);
    unsigned kind = gy_policy_kind_main(entry->kind, entry->freq);
    *keeps = gy_learn_keeps(&s->learned, sample, kind, weight(s, sample, entry));
    return kind;
}

void
gyre_keep(struct gyre_rings *s, uint32_t key, unsigned kind)
{
    struct entry *entry = &s->ring[GY_POLICY_MAIN].entries[key];
    entry->kind = (uint8_t)kind;
    entry->freq = 0;
    s->since[key] = s->evictions;
    queue_join(&s->ring[GY_POLICY_MAIN], key, entry->size);
}

void
gyre_evict(struct gyre_rings *s, uint32_t key, unsigned kind)
{
    gyre_history_remember(s->history, &s->learned, key, kind, gyre_entries(s));
    s->evictions++;
}

/* An entry of main is judged and stays, so that the policy learns what main is worth now. */
static void
look_at_main(struct gyre_rings *s)
{
    if (s->ring[GY_POLICY_MAIN].n == 0)
        return;
    uint32_t key = queue_pop(&s->ring[GY_POLICY_MAIN]);
    bool keeps;
    unsigned kind = gyre_meet(s, key, &keeps);
    gyre_keep(s, key, kind);
}

static void
evict_one(struct gyre_rings *s)
{
    for (unsigned judged = 0;; judged++) {
        unsigned ring = gyre_victim(s);
        uint32_t key = queue_pop(&s->ring[ring]);
        struct entry *entry = &s->ring[ring].entries[key];
        unsigned freq = entry->freq, kind;
        bool keeps;
        if (ring == GY_POLICY_MAIN) {
            kind = gyre_meet(s, key, &keeps);
        } else {
            kind = gy_policy_kind_new(entry->kind, freq);
            float soon = gyre_history_soon(s->history, gyre_entries(s));
            unsigned sample = gyre_history_sample(&s->learned, key);
            keeps = gy_learn_admits(&s->learned, NULL, sample, kind, weight(s, sample, entry), soon);
        }
        if (keeps && freq >= judged / PATIENCE) {
            gyre_keep(s, key, kind);
            continue;
        }
        gyre_evict(s, key, kind);
        if (ring == GY_POLICY_PROBATION && gy_learn_due(&s->learned, 1))
            look_at_main(s);
        return;
    }
}

/* Newcomers are tried in probation when somebody has to leave for them, and not before. */
static unsigned
place(struct gyre_rings *s, uint32_t size)
{
    uint64_t probation = (uint64_t)(window_of(s) * (float)s->capacity);
    return gyre_held(s) + size + probation < s->capacity ? GY_POLICY_MAIN : GY_POLICY_PROBATION;
}

bool
gyre_ask(struct gyre_rings *s, uint32_t key, uint32_t size, void (*evict)(struct gyre_rings *s))
{
    struct entry *entry = &s->ring[0].entries[key];
    if (entry->queue != 0) {
        entry->freq = (uint8_t)gy_policy_freq(entry->freq + 1u);
        return true;
    }
    entry->kind = (uint8_t)gyre_history_recall(s->history, &s->learned, key, gyre_entries(s));
    entry->freq = 0;
    s->since[key] = s->evictions;
    queue_join(&s->ring[place(s, size)], key, size);
    while (gyre_held(s) > s->capacity)
        evict(s);
    return false;
}

static bool
request(void *state, uint32_t key, uint32_t size)
{
    return gyre_ask(state, key, size, evict_one);
}

const struct policy policy_gyre = {
    .name = "gyre",
    .own = true,
    .source = "src/policy.h",
    .create = gyre_create,
    .request = request,
    .held = gyre_held,
    .destroy = gyre_destroy,
};

const struct policy policy_gyre_fixed_window = {
    .name = "gyre-fixed-window",
    .own = true,
    .source = "src/policy.h with a probation of 1 % that does not adapt",
    .create = gyre_create_fixed,
    .request = request,
    .held = gyre_held,
    .destroy = gyre_destroy,
};

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* New keys go to a small queue; what was hit twice there moves on to the main queue, a CLOCK
 * with two bits; what was not leaves, remembered in a ghost queue. A key that returns while it
 * is remembered goes to main. */

#include <stdlib.h>

#include "queue.h"

enum { SMALL = 1, MAIN, GHOST };
enum { FREQ_MOST = 3, PROMOTED_FROM = 2 };

struct s3fifo {
    struct queue small, main, ghost;
    uint64_t capacity, main_most, ghost_most;
};

static void *
create(const struct shape *shape)
{
    struct s3fifo *s = policies_alloc(1, sizeof *s);
    struct entry *entries = entries_new(shape);
    s->small = queue_new(entries, SMALL);
    s->main = queue_new(entries, MAIN);
    s->ghost = queue_new(entries, GHOST);
    s->capacity = shape->capacity;
    s->main_most = shape->capacity - (uint64_t)((double)shape->capacity * 0.1);
    s->ghost_most = (uint64_t)((double)shape->capacity * 0.9);
    return s;
}

static void
evict_small(struct s3fifo *s)
{
    while (s->small.n > 0) {
        uint32_t key = queue_pop(&s->small);
        struct entry *entry = &s->small.entries[key];
        bool promoted = entry->freq >= PROMOTED_FROM;
        entry->freq = 0;
        if (!promoted) {
            queue_remember(&s->ghost, key, entry->size, s->ghost_most);
            return;
        }
        queue_join(&s->main, key, entry->size);
    }
}

static void
evict_main(struct s3fifo *s)
{
    struct entry *entry;
    while ((entry = &s->main.entries[s->main.oldest])->freq > 0) {
        entry->freq--;
        queue_move(&s->main, &s->main, s->main.oldest);
    }
    queue_pop(&s->main);
}

static uint64_t
held(const void *state)
{
    const struct s3fifo *s = state;
    return s->small.size + s->main.size;
}

static bool
request(void *state, uint32_t key, uint32_t size)
{
    struct s3fifo *s = state;
    struct entry *entry = &s->small.entries[key];
    if (entry->queue == SMALL || entry->queue == MAIN) {
        if (entry->freq < FREQ_MOST)
            entry->freq++;
        return true;
    }
    bool remembered = entry->queue == GHOST;
    if (remembered)
        queue_leave(&s->ghost, key);
    while (held(s) + size > s->capacity) {
        if (s->main.size > s->main_most || s->small.n == 0)
            evict_main(s);
        else
            evict_small(s);
    }
    entry->freq = 0;
    queue_join(remembered ? &s->main : &s->small, key, size);
    return false;
}

static void
destroy(void *state)
{
    struct s3fifo *s = state;
    free(s->small.entries);
    free(s);
}

const struct policy policy_s3fifo = {
    .name = "S3-FIFO",
    .reference = "S3-FIFO",
    .tolerance = POLICY_SAME,
    .source = "Yang and others, SOSP 2023; small queue 10 %, ghosts 90 %, promoted from two hits",
    .create = create,
    .request = request,
    .held = held,
    .destroy = destroy,
};

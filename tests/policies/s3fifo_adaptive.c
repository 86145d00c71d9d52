/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* S3-FIFO with two more short ghost queues, of what left the small and the main queue last: the
 * one whose keys return more often by far gets room from the other. */

#include <stdlib.h>

#include "queue.h"

enum { SMALL = 1, MAIN, GHOST };
enum { LEFT_SMALL = 1, LEFT_MAIN };
enum { FREQ_MOST = 3, HITS_TO_DECIDE = 100 };

struct adaptive {
    struct queue small, main, ghost;
    struct queue left_small, left_main;
    uint64_t capacity, small_most, main_most, ghost_most, left_most;
    uint64_t hits_small, hits_main; /* of what left lately */
};

static void *
create(const struct shape *shape)
{
    struct adaptive *s = policies_alloc(1, sizeof *s);
    struct entry *entries = entries_new(shape), *left = entries_new(shape);
    s->small = queue_new(entries, SMALL);
    s->main = queue_new(entries, MAIN);
    s->ghost = queue_new(entries, GHOST);
    s->left_small = queue_new(left, LEFT_SMALL);
    s->left_main = queue_new(left, LEFT_MAIN);
    s->capacity = shape->capacity;
    s->small_most = (uint64_t)((double)shape->capacity * 0.1);
    s->main_most = s->ghost_most = shape->capacity - s->small_most;
    s->left_most = shape->capacity / 10;
    return s;
}

static void
adapt(struct adaptive *s)
{
    if (s->left_main.n == 0)
        s->hits_small = s->hits_main = 0;
    if (s->hits_small + s->hits_main <= HITS_TO_DECIDE)
        return;
    uint64_t less = s->small_most < s->main_most ? s->small_most : s->main_most;
    uint64_t step = less < 1000 ? 1 : less / 1000, least = s->capacity / 100;
    if (s->hits_small > s->hits_main * 2 && s->main_most > least) {
        s->small_most += step;
        s->ghost_most += step;
        s->main_most -= step;
    } else if (s->hits_main > s->hits_small * 2 && s->small_most > least) {
        s->small_most -= step;
        s->ghost_most -= step;
        s->main_most += step;
    }
    s->hits_small = s->hits_small * 8 / 10;
    s->hits_main = s->hits_main * 8 / 10;
}

static uint32_t
pop_main(struct adaptive *s)
{
    struct entry *entry;
    while ((entry = &s->main.entries[s->main.oldest])->freq > 0) {
        entry->freq--;
        queue_move(&s->main, &s->main, s->main.oldest);
    }
    return queue_pop(&s->main);
}

static void
evict_main(struct adaptive *s)
{
    uint32_t key = pop_main(s);
    queue_remember(&s->left_main, key, s->main.entries[key].size, s->left_most);
}

/* Does one step, which need not make room. */
static void
evict(struct adaptive *s)
{
    if (s->small.n == 0) {
        evict_main(s);
        return;
    }
    uint32_t key = queue_pop(&s->small);
    struct entry *entry = &s->small.entries[key];
    if (entry->freq == 0) {
        queue_remember(&s->ghost, key, entry->size, s->ghost_most);
        queue_remember(&s->left_small, key, entry->size, s->left_most);
        return;
    }
    entry->freq = 0;
    queue_join(&s->main, key, entry->size);
    while (s->main.size > s->main_most)
        evict_main(s);
}

static void
forget(struct adaptive *s, uint32_t key)
{
    if (queue_has(&s->left_small, key)) {
        queue_leave(&s->left_small, key);
        s->hits_small++;
    } else if (queue_has(&s->left_main, key)) {
        queue_leave(&s->left_main, key);
        s->hits_main++;
    }
}

static uint64_t
held(const void *state)
{
    const struct adaptive *s = state;
    return s->small.size + s->main.size;
}

static bool
request(void *state, uint32_t key, uint32_t size)
{
    struct adaptive *s = state;
    struct entry *entry = &s->small.entries[key];
    adapt(s);
    if (entry->queue != SMALL)
        forget(s, key);
    if (entry->queue == SMALL || entry->queue == MAIN) {
        if (entry->freq < FREQ_MOST)
            entry->freq++;
        return true;
    }
    bool remembered = entry->queue == GHOST;
    if (remembered)
        queue_leave(&s->ghost, key);
    while (held(s) + size > s->capacity)
        evict(s);
    entry->freq = 0;
    if (remembered)
        while (s->main.n > 0 && s->main.size + size > s->main_most)
            pop_main(s);
    queue_join(remembered ? &s->main : &s->small, key, size);
    return false;
}

static void
destroy(void *state)
{
    struct adaptive *s = state;
    free(s->small.entries);
    free(s->left_small.entries);
    free(s);
}

const struct policy policy_s3fifo_adaptive = {
    .name = "S3-FIFO-adaptive",
    .reference = "S3-FIFO-D",
    .tolerance = POLICY_SAME,
    .source = "the same paper; the small queue starts at 10 %, promoted from one hit",
    .create = create,
    .request = request,
    .held = held,
    .destroy = destroy,
};

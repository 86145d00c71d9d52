/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* New keys go through a FIFO, whose victims are remembered; those that return go to an LRU. */

#include <stdlib.h>

#include "queue.h"

enum { IN = 1, MAIN, OUT };

struct twoq {
    struct queue in, main, out;
    uint64_t capacity, in_most, main_most, out_most;
};

static void *
create(const struct shape *shape)
{
    struct twoq *s = policies_alloc(1, sizeof *s);
    struct entry *entries = entries_new(shape);
    s->in = queue_new(entries, IN);
    s->main = queue_new(entries, MAIN);
    s->out = queue_new(entries, OUT);
    s->capacity = shape->capacity;
    s->in_most = shape->capacity / 4;
    s->main_most = shape->capacity - s->in_most;
    s->out_most = shape->capacity / 2;
    return s;
}

static uint64_t
held(const void *state)
{
    const struct twoq *s = state;
    return s->in.size + s->main.size;
}

static void
evict(struct twoq *s)
{
    if (s->in.size <= s->in_most && s->main.n > 0) {
        queue_pop(&s->main);
        return;
    }
    uint32_t key = queue_pop(&s->in);
    queue_remember(&s->out, key, s->in.entries[key].size, s->out_most);
}

static bool
request(void *state, uint32_t key, uint32_t size)
{
    struct twoq *s = state;
    if (queue_has(&s->in, key))
        return true;
    if (queue_has(&s->main, key)) {
        queue_move(&s->main, &s->main, key);
        return true;
    }
    bool remembered = queue_has(&s->out, key);
    if (remembered)
        queue_leave(&s->out, key);
    while (held(s) + size > s->capacity)
        evict(s);
    if (remembered)
        while (s->main.n > 0 && s->main.size + size > s->main_most)
            queue_pop(&s->main);
    queue_join(remembered ? &s->main : &s->in, key, size);
    return false;
}

static void
destroy(void *state)
{
    struct twoq *s = state;
    free(s->in.entries);
    free(s);
}

const struct policy policy_twoq = {
    .name = "2Q",
    .reference = "2Q",
    .tolerance = POLICY_SAME,
    .source = "Johnson and Shasha, VLDB 1994; in 25 %, out 50 %",
    .create = create,
    .request = request,
    .held = held,
    .destroy = destroy,
};

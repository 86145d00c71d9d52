/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "single.h"

/* The hand goes from the oldest to the newest key and starts anew; what it spares stays where it
 * is. */
static void
evict(struct single *s)
{
    struct queue *queue = &s->queue;
    uint32_t key = s->hand == NO_KEY ? queue->oldest : s->hand;
    while (queue->entries[key].freq > 0) {
        queue->entries[key].freq = 0;
        uint32_t newer = queue->entries[key].newer;
        key = newer == NO_KEY ? queue->oldest : newer;
    }
    s->hand = queue->entries[key].newer;
    queue_leave(queue, key);
}

static bool
request(void *state, uint32_t key, uint32_t size)
{
    struct single *s = state;
    if (queue_has(&s->queue, key)) {
        s->queue.entries[key].freq = 1;
        return true;
    }
    while (s->queue.size + size > s->capacity)
        evict(s);
    queue_join(&s->queue, key, size);
    return false;
}

const struct policy policy_sieve = {
    .name = "SIEVE",
    .reference = "SIEVE",
    .tolerance = POLICY_SAME,
    .source = "Zhang and others, NSDI 2024",
    .create = single_create,
    .request = request,
    .held = single_held,
    .destroy = single_destroy,
};

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "single.h"

static void
evict(struct queue *queue)
{
    struct entry *entry;
    while ((entry = &queue->entries[queue->oldest])->freq > 0) {
        entry->freq = 0;
        queue_move(queue, queue, queue->oldest);
    }
    queue_pop(queue);
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
        evict(&s->queue);
    queue_join(&s->queue, key, size);
    return false;
}

const struct policy policy_clock = {
    .name = "CLOCK",
    .reference = "CLOCK",
    .tolerance = POLICY_SAME,
    .source = "Corbato, 1968; one bit: FIFO with a second chance for what was hit",
    .create = single_create,
    .request = request,
    .held = single_held,
    .destroy = single_destroy,
};

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "single.h"

static bool
request(void *state, uint32_t key, uint32_t size)
{
    struct single *s = state;
    if (queue_has(&s->queue, key)) {
        queue_move(&s->queue, &s->queue, key);
        return true;
    }
    while (s->queue.size + size > s->capacity)
        queue_pop(&s->queue);
    queue_join(&s->queue, key, size);
    return false;
}

const struct policy policy_lru = {
    .name = "LRU",
    .reference = "LRU",
    .tolerance = POLICY_SAME,
    .source = "what was not asked for longest goes first",
    .create = single_create,
    .request = request,
    .held = single_held,
    .destroy = single_destroy,
};

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "single.h"

#include <stdlib.h>

void *
single_create(const struct shape *shape)
{
    struct single *s = policies_alloc(1, sizeof *s);
    s->queue = queue_new(entries_new(shape), 1);
    s->capacity = shape->capacity;
    s->hand = NO_KEY;
    return s;
}

uint64_t
single_held(const void *state)
{
    const struct single *s = state;
    return s->queue.size;
}

void
single_destroy(void *state)
{
    struct single *s = state;
    free(s->queue.entries);
    free(s);
}

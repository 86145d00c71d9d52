/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Two LRUs, of keys asked for once and more often, with a ghost LRU each: a hit on a ghost moves
 * the target that divides the room between them. */

#include <stdlib.h>

#include "queue.h"

enum { ONCE = 1, OFTEN, GONE_ONCE, GONE_OFTEN };

struct arc {
    struct queue once, often, gone_once, gone_often;
    uint64_t capacity;
    double target; /* of what `once` has */
};

static void *
create(const struct shape *shape)
{
    struct arc *s = policies_alloc(1, sizeof *s);
    struct entry *entries = entries_new(shape);
    s->once = queue_new(entries, ONCE);
    s->often = queue_new(entries, OFTEN);
    s->gone_once = queue_new(entries, GONE_ONCE);
    s->gone_often = queue_new(entries, GONE_OFTEN);
    s->capacity = shape->capacity;
    return s;
}

static double
at_least_1(double x)
{
    return x > 1 ? x : 1;
}

/* The target after a hit on a ghost, which is still there. */
static void
adapt(struct arc *s, uint8_t ghost)
{
    double once = (double)s->gone_once.size, often = (double)s->gone_often.size;
    if (ghost == GONE_ONCE) {
        s->target += at_least_1(often / once);
        if (s->target > (double)s->capacity)
            s->target = (double)s->capacity;
    } else {
        s->target -= at_least_1(once / often);
        if (s->target < 0)
            s->target = 0;
    }
}

static void
replace(struct arc *s, bool was_often)
{
    double once = (double)s->once.size;
    bool from_once = s->once.n > 0 && (once > s->target || (was_often && once == s->target));
    if (from_once || s->often.n == 0)
        queue_move(&s->once, &s->gone_once, s->once.oldest);
    else
        queue_move(&s->often, &s->gone_often, s->often.oldest);
}

static uint64_t
total_size(const struct arc *s)
{
    return s->once.size + s->often.size + s->gone_once.size + s->gone_often.size;
}

/* For a key that is nowhere. */
static void
make_room(struct arc *s, uint32_t size)
{
    if (s->once.size + s->gone_once.size + size > s->capacity) {
        if (s->gone_once.n == 0) {
            queue_pop(&s->once);
            return;
        }
        queue_pop(&s->gone_once);
    } else if (s->gone_often.n > 0 && total_size(s) >= 2 * s->capacity) {
        queue_pop(&s->gone_often);
    }
    replace(s, false);
}

static uint64_t
held(const void *state)
{
    const struct arc *s = state;
    return s->once.size + s->often.size;
}

static bool
request(void *state, uint32_t key, uint32_t size)
{
    struct arc *s = state;
    uint8_t where = s->once.entries[key].queue;
    if (where == ONCE || where == OFTEN) {
        queue_move(where == ONCE ? &s->once : &s->often, &s->often, key);
        return true;
    }
    if (where != 0) {
        adapt(s, where);
        queue_leave(where == GONE_ONCE ? &s->gone_once : &s->gone_often, key);
    }
    while (held(s) + size > s->capacity) {
        if (where == 0)
            make_room(s, size);
        else
            replace(s, where == GONE_OFTEN);
    }
    queue_join(where == 0 ? &s->once : &s->often, key, size);
    return false;
}

static void
destroy(void *state)
{
    struct arc *s = state;
    free(s->once.entries);
    free(s);
}

const struct policy policy_arc = {
    .name = "ARC",
    .reference = "ARC",
    .tolerance = POLICY_SAME,
    .source = "Megiddo and Modha, FAST 2003",
    .create = create,
    .request = request,
    .held = held,
    .destroy = destroy,
};

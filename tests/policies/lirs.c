/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Keys whose last two requests were near each other ("lir") have 99 % of the room; the others
 * ("hir") pass through a short FIFO. The stack has, in the order of the last request, all keys
 * that were asked for since the oldest lir one was, also keys that are no longer in the cache:
 * one of those that returns is lir from then on, and the oldest lir key hir. */

#include <stdlib.h>

#include "queue.h"

/* The reference makes the oldest lir key hir also when a hir key is hit that is not in the
 * stack, which the paper does not. With that, it is matched in all digits where the FIFO has
 * room for two; without, to a thousandth. */
#define TOLERANCE 0.0015

enum { STACK = 1, FIFO, GONE };

struct lirs {
    struct queue stack;
    struct queue fifo; /* hir keys of the cache */
    struct queue gone; /* keys of the stack that are not in the cache, as they left */
    uint64_t lir_size, lir_most, fifo_most, stack_most;
};

static void *
create(const struct shape *shape)
{
    struct lirs *s = policies_alloc(1, sizeof *s);
    struct entry *cache = entries_new(shape);
    s->stack = queue_new(entries_new(shape), STACK);
    s->fifo = queue_new(cache, FIFO);
    s->gone = queue_new(cache, GONE);
    s->fifo_most = shape->capacity < 100 ? 1 : (uint64_t)((double)shape->capacity * 0.01);
    s->lir_most = shape->capacity - s->fifo_most;
    s->stack_most = 2 * shape->capacity;
    return s;
}

static bool
is_lir(const struct lirs *s, uint32_t key)
{
    return queue_has(&s->stack, key) && s->fifo.entries[key].queue == 0;
}

/* Takes hir keys off the end of the stack: a lir key is there. */
static void
prune(struct lirs *s)
{
    while (s->stack.n > 0 && !is_lir(s, s->stack.oldest)) {
        uint32_t key = queue_pop(&s->stack);
        if (queue_has(&s->gone, key))
            queue_leave(&s->gone, key);
    }
}

static void
make_fifo_room(struct lirs *s, uint32_t size)
{
    while (s->fifo.n > 0 && s->fifo.size + size > s->fifo_most) {
        uint32_t key = queue_pop(&s->fifo);
        if (queue_has(&s->stack, key))
            queue_join(&s->gone, key, s->fifo.entries[key].size);
    }
}

/* The oldest lir keys become hir until there is room for a new one. */
static void
make_lir_room(struct lirs *s, uint32_t size)
{
    while (s->lir_size > 0 && s->lir_size + size > s->lir_most) {
        uint32_t key = queue_pop(&s->stack), its_size = s->stack.entries[key].size;
        s->lir_size -= its_size;
        make_fifo_room(s, its_size);
        if (its_size <= s->fifo_most)
            queue_join(&s->fifo, key, its_size);
        prune(s);
    }
}

static bool
hit(struct lirs *s, uint32_t key, uint32_t size)
{
    if (is_lir(s, key)) {
        queue_move(&s->stack, &s->stack, key);
        prune(s);
    } else if (queue_has(&s->stack, key)) {
        queue_move(&s->stack, &s->stack, key);
        queue_leave(&s->fifo, key);
        make_lir_room(s, size);
        s->lir_size += size;
    } else {
        queue_join(&s->stack, key, size);
        queue_move(&s->fifo, &s->fifo, key);
    }
    return true;
}

static void
insert(struct lirs *s, uint32_t key, uint32_t size)
{
    if (queue_has(&s->gone, key)) {
        queue_leave(&s->gone, key);
        queue_move(&s->stack, &s->stack, key);
        make_lir_room(s, size);
        s->lir_size += size;
    } else if (s->lir_size + size <= s->lir_most) {
        queue_join(&s->stack, key, size);
        s->lir_size += size;
    } else if (size <= s->fifo_most) {
        make_fifo_room(s, size);
        queue_join(&s->fifo, key, size);
        queue_join(&s->stack, key, size);
    }
}

static bool
request(void *state, uint32_t key, uint32_t size)
{
    struct lirs *s = state;
    bool found = is_lir(s, key) || queue_has(&s->fifo, key);
    if (found)
        hit(s, key, size);
    else
        insert(s, key, size);
    while (s->stack.size > s->stack_most && s->gone.n > 0)
        queue_leave(&s->stack, queue_pop(&s->gone));
    return found;
}

static uint64_t
held(const void *state)
{
    const struct lirs *s = state;
    return s->lir_size + s->fifo.size;
}

static void
destroy(void *state)
{
    struct lirs *s = state;
    free(s->stack.entries);
    free(s->fifo.entries);
    free(s);
}

const struct policy policy_lirs = {
    .name = "LIRS",
    .reference = "LIRS",
    .tolerance = TOLERANCE,
    .source = "Jiang and Zhang, SIGMETRICS 2002; hir 1 %, a stack of twice the capacity",
    .create = create,
    .request = request,
    .held = held,
    .destroy = destroy,
};

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Mattson's observation: an LRU cache holds a prefix of the stack of keys in the order of their
 * last requests, whatever its size. So a request hits in just those caches that are at least as
 * large as its stack distance, the weight of all keys requested since this key was, itself
 * included.
 *
 * Each key has a position, the time of its last request, and a Fenwick tree holds the weights by
 * position: a distance is one sum. When positions run out, the keys are moved together in their
 * order; there are twice as many positions as keys, so that a request costs O(log keys) and memory
 * depends on the number of keys alone.
 *
 * Weights are not the same for all keys, and a key heavier than the cache must not push others out
 * of it. So sizes below the heaviest key get a pass of their own, without the keys that are too
 * large for them. */

#include "lru.h"

#include <stdlib.h>

enum { SHOW_EVERY = 1 << 16 };

struct stack {
    const struct trace *trace;
    struct progress *progress;
    uint64_t done; /* requests of the passes before */
    bool by_entries;
    uint32_t value_bytes;
    uint64_t n_positions;
    uint64_t last;      /* position given last; 0: none */
    uint64_t total;     /* weight of all keys in the stack */
    uint64_t *tree;     /* [1 .. n_positions] */
    uint32_t *owner;    /* [1 .. n_positions]: the key that was given this position */
    uint64_t *position; /* by key; 0: not yet requested */
};

static uint64_t
weigh(const struct trace *trace, bool by_entries, uint32_t value_bytes, uint32_t id)
{
    if (by_entries)
        return 1;
    size_t key_size;
    keys_bytes(&trace->keys, id, &key_size);
    return key_size + trace_value_bytes(trace, id, value_bytes);
}

uint64_t
lru_footprint(const struct trace *trace, bool by_entries, uint32_t value_bytes)
{
    uint64_t sum = 0;
    for (uint32_t id = 0; id < trace->keys.n; id++)
        sum += weigh(trace, by_entries, value_bytes, id);
    return sum;
}

uint64_t
lru_largest(const struct trace *trace, bool by_entries, uint32_t value_bytes)
{
    uint64_t largest = 0;
    for (uint32_t id = 0; id < trace->keys.n; id++) {
        uint64_t weight = weigh(trace, by_entries, value_bytes, id);
        if (largest < weight)
            largest = weight;
    }
    return largest;
}

static uint64_t
stack_weigh(const struct stack *stack, uint32_t id)
{
    return weigh(stack->trace, stack->by_entries, stack->value_bytes, id);
}

static void
tree_add(struct stack *stack, uint64_t position, uint64_t weight)
{
    for (; position <= stack->n_positions; position += position & -position)
        stack->tree[position] += weight; /* negative weights wrap around, and back */
}

static uint64_t
tree_sum(const struct stack *stack, uint64_t position)
{
    uint64_t sum = 0;
    for (; position; position &= position - 1)
        sum += stack->tree[position];
    return sum;
}

/* Moves the keys together at the lowest positions and builds the tree anew. */
static void
stack_compact(struct stack *stack)
{
    uint64_t n = 0;
    for (uint64_t p = 1; p <= stack->last; p++) {
        uint32_t id = stack->owner[p];
        if (stack->position[id] != p)
            continue;
        stack->position[id] = ++n;
        stack->owner[n] = id;
    }
    stack->last = n;
    for (uint64_t p = 1; p <= stack->n_positions; p++)
        stack->tree[p] = p <= n ? stack_weigh(stack, stack->owner[p]) : 0;
    for (uint64_t p = 1; p <= stack->n_positions; p++) {
        uint64_t parent = p + (p & -p);
        if (parent <= stack->n_positions)
            stack->tree[parent] += stack->tree[p];
    }
}

/* Puts a key on top and returns its stack distance before; UINT64_MAX for its first request. */
static uint64_t
stack_touch(struct stack *stack, uint32_t id, uint64_t weight)
{
    if (stack->last == stack->n_positions)
        stack_compact(stack);
    uint64_t position = stack->position[id], distance = UINT64_MAX;
    if (position) {
        distance = stack->total - tree_sum(stack, position) + weight;
        tree_add(stack, position, -weight);
    } else {
        stack->total += weight;
    }
    stack->position[id] = ++stack->last;
    stack->owner[stack->last] = id;
    tree_add(stack, stack->last, weight);
    return distance;
}

static bool
stack_open(struct stack *stack)
{
    stack->n_positions = 2 * (uint64_t)stack->trace->keys.n + 1024;
    stack->tree = calloc(stack->n_positions + 1, sizeof *stack->tree);
    stack->owner = calloc(stack->n_positions + 1, sizeof *stack->owner);
    stack->position = calloc(stack->trace->keys.n, sizeof *stack->position);
    return stack->tree && stack->owner && stack->position;
}

static void
stack_close(struct stack *stack)
{
    free(stack->tree);
    free(stack->owner);
    free(stack->position);
}

/* The index of the smallest size that is at least `distance`; n when there is none. */
static size_t
find_size(const struct lru_size *sizes, size_t n, uint64_t distance)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sizes[middle].size < distance)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* One pass for n sizes, which takes no notice of keys above `heaviest`. */
static bool
run_pass(struct stack stack, uint64_t heaviest, struct lru_size *sizes, size_t n)
{
    bool ok = stack_open(&stack);
    for (size_t i = 0; i < n; i++)
        sizes[i].hits = 0;
    const uint32_t *requests = trace_requests(stack.trace);
    for (uint64_t r = 0; ok && r < stack.trace->n_requests; r++) {
        if (r % SHOW_EVERY == 0)
            progress_show(stack.progress, stack.done + r);
        uint64_t weight = stack_weigh(&stack, requests[r]);
        if (weight > heaviest)
            continue;
        size_t i = find_size(sizes, n, stack_touch(&stack, requests[r], weight));
        if (i < n)
            sizes[i].hits++;
    }
    for (size_t i = 1; i < n; i++)
        sizes[i].hits += sizes[i - 1].hits;
    stack_close(&stack);
    return ok;
}

/* Sizes below the heaviest key, each of which needs a pass of its own. */
static size_t
count_alone(const struct trace *trace, bool by_entries, uint32_t value_bytes,
            const struct lru_size *sizes, size_t n)
{
    return find_size(sizes, n, lru_largest(trace, by_entries, value_bytes));
}

uint64_t
lru_passes(const struct trace *trace, bool by_entries, uint32_t value_bytes,
           const struct lru_size *sizes, size_t n)
{
    return count_alone(trace, by_entries, value_bytes, sizes, n) + 1;
}

bool
lru_hits(const struct trace *trace, bool by_entries, uint32_t value_bytes, struct lru_size *sizes,
         size_t n, struct progress *progress)
{
    struct stack stack = {
        .trace = trace,
        .progress = progress,
        .by_entries = by_entries,
        .value_bytes = value_bytes,
    };
    size_t alone = count_alone(trace, by_entries, value_bytes, sizes, n);
    for (size_t i = 0; i < alone; i++) {
        if (!run_pass(stack, sizes[i].size, &sizes[i], 1))
            return false;
        stack.done += trace->n_requests;
    }
    return run_pass(stack, UINT64_MAX, sizes + alone, n - alone);
}

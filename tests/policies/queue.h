/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Queues of keys, from the newest to the oldest, linked through one array of entries: a key is
 * in one queue of an array at most. A queue knows how many keys it has and what they add up to. */

#ifndef QUEUE_H
#define QUEUE_H

#include "policies.h"

#define NO_KEY UINT32_MAX

struct entry {
    uint32_t newer, older; /* NO_KEY at the ends */
    uint32_t size;
    uint8_t queue; /* the id of its queue; 0: in none */
    uint8_t freq, kind; /* the policy's own */
};

struct queue {
    struct entry *entries;
    uint64_t n, size;
    uint32_t newest, oldest;
    uint8_t id;
};

static inline struct entry *
entries_new(const struct shape *shape)
{
    return policies_alloc(shape->n_keys, sizeof(struct entry));
}

static inline struct queue
queue_new(struct entry *entries, uint8_t id)
{
    return (struct queue){.entries = entries, .newest = NO_KEY, .oldest = NO_KEY, .id = id};
}

static inline bool
queue_has(const struct queue *queue, uint32_t key)
{
    return queue->entries[key].queue == queue->id;
}

static inline void
queue_join(struct queue *queue, uint32_t key, uint32_t size)
{
    struct entry *entry = &queue->entries[key];
    entry->newer = NO_KEY;
    entry->older = queue->newest;
    entry->size = size;
    entry->queue = queue->id;
    if (queue->newest == NO_KEY)
        queue->oldest = key;
    else
        queue->entries[queue->newest].newer = key;
    queue->newest = key;
    queue->n++;
    queue->size += size;
}

static inline void
queue_leave(struct queue *queue, uint32_t key)
{
    struct entry *entry = &queue->entries[key];
    if (entry->newer == NO_KEY)
        queue->newest = entry->older;
    else
        queue->entries[entry->newer].older = entry->older;
    if (entry->older == NO_KEY)
        queue->oldest = entry->newer;
    else
        queue->entries[entry->older].newer = entry->newer;
    entry->queue = 0;
    queue->n--;
    queue->size -= entry->size;
}

/* Takes the oldest key, of which there is one. */
static inline uint32_t
queue_pop(struct queue *queue)
{
    uint32_t key = queue->oldest;
    queue_leave(queue, key);
    return key;
}

/* Makes a key of `from` the newest of `to`, which may be the same queue. */
static inline void
queue_move(struct queue *from, struct queue *to, uint32_t key)
{
    uint32_t size = from->entries[key].size;
    queue_leave(from, key);
    queue_join(to, key, size);
}

/* A queue that forgets its oldest keys rather than grow above `most`. */
static inline void
queue_remember(struct queue *queue, uint32_t key, uint32_t size, uint64_t most)
{
    if (size > most)
        return;
    while (queue->size + size > most)
        queue_pop(queue);
    queue_join(queue, key, size);
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Each location keeps its last values as messages, in modification order. Two clocks a thread: what
 * happened before it (synchronization alone: decides about data races), and what it may no longer fail to
 * see (coherence: the same, and what seq_cst fences add). A message carries both, as far as the store
 * released them.
 *
 * A load may return a message unless a later one is known to the thread: stored, or read by somebody, at
 * an instant that its clock covers; or by an update that was made before its operation began; or, for a
 * seq_cst load, unless a later one was stored by seq_cst.
 * Stores append to the modification order, and updates read its end: some executions that C11 allows are
 * not seen. Two that C11 forbids may be: a later store of a thread does not continue its release sequence (as
 * in C23), and a fence does not order a seq_cst store of another thread that fences nothing. So what runs
 * clean here relies on neither. */

#include "memory_relaxed.h"

#include <stdatomic.h>
#include <string.h>

enum { KEPT = 8, LOCATIONS = 1 << 13, LATEST_READS = 4, STALE_ONE_IN = 6 };

struct clock {
    uint32_t at[MEMORY_THREADS];
};

struct message {
    uint64_t value;
    uint32_t life, instant, updated; /* updated: when, of all updates; 0: by a plain store */
    unsigned by;
    struct clock before, coherence; /* what the store released */
};

struct read {
    uint32_t index, instant;
};

struct location {
    const volatile void *address;
    uint32_t schedule, newest, last_seq; /* indices of messages; message i is in kept[i % KEPT] */
    struct message kept[KEPT];
    struct read reads[MEMORY_THREADS][LATEST_READS]; /* the newest first */
};

static struct thread {
    struct clock before, coherence;
    struct clock pending_before, pending_coherence;   /* read by relaxed loads: a fence acquires it */
    struct clock released_before, released_coherence; /* at the last fence: relaxed stores release it */
    uint32_t operation_began;                         /* after that many updates */
} threads[MEMORY_THREADS];

static struct location table[LOCATIONS];
static struct clock fences;
static uint32_t schedule, n_updates;
static struct rng *random_source;
static bool prefers_stale;

static void
join(struct clock *into, const struct clock *from)
{
    for (unsigned i = 0; i < MEMORY_THREADS; i++)
        if (from->at[i] > into->at[i])
            into->at[i] = from->at[i];
}

void
relaxed_begin(struct rng *rng)
{
    random_source = rng;
    schedule++;
    memset(threads, 0, sizeof threads);
    memset(&fences, 0, sizeof fences);
    n_updates = 0;
}

static struct location *
find(const volatile void *address, unsigned size)
{
    uint32_t at = (uint32_t)(mix64((uintptr_t)address) % LOCATIONS);
    while (table[at].schedule == schedule && table[at].address != address)
        at = (at + 1) % LOCATIONS;
    struct location *l = &table[at];
    if (l->schedule != schedule) { /* as it was before the threads began: known to all */
        memset(l->reads, 0, sizeof l->reads);
        l->address = address;
        l->schedule = schedule;
        l->newest = l->last_seq = 0;
        memset(&l->kept[0], 0, sizeof l->kept[0]);
        l->kept[0].value = memory_raw(address, size);
        l->kept[0].life = 1; /* the first life of all arenas */
    }
    return l;
}

static void
advance(unsigned thread)
{
    threads[thread].before.at[thread]++;
    threads[thread].coherence.at[thread]++;
}

void
relaxed_learn_all(unsigned thread, unsigned other)
{
    join(&threads[thread].before, &threads[other].before);
    join(&threads[thread].coherence, &threads[other].coherence);
    threads[thread].before.at[other] = threads[thread].coherence.at[other] = UINT32_MAX;
}

uint32_t
relaxed_instant(unsigned thread)
{
    return threads[thread].before.at[thread];
}

bool
relaxed_happened_before(unsigned thread, unsigned by, uint32_t at)
{
    return thread == by || at <= threads[thread].before.at[by];
}

/* The oldest message that the thread may still read. */
static uint32_t
oldest_allowed(const struct location *l, unsigned thread, bool seq)
{
    const struct clock *known = &threads[thread].coherence;
    uint32_t oldest = l->newest >= KEPT ? l->newest - KEPT + 1 : 0;
    for (uint32_t i = l->newest; i > oldest; i--) {
        const struct message *m = &l->kept[i % KEPT];
        if (m->by == thread || m->instant <= known->at[m->by] ||
            (m->updated != 0 && m->updated <= threads[thread].operation_began)) {
            oldest = i;
            break;
        }
    }
    for (unsigned t = 0; t < MEMORY_THREADS; t++)
        for (unsigned k = 0; k < LATEST_READS; k++) {
            const struct read *r = &l->reads[t][k];
            if (r->index > oldest && (t == thread || r->instant <= known->at[t]))
                oldest = r->index;
        }
    return seq && l->last_seq > oldest ? l->last_seq : oldest;
}

static bool
acquires(int order)
{
    return order == memory_order_acquire || order == memory_order_seq_cst || order == memory_order_acq_rel;
}

static bool
releases(int order)
{
    return order == memory_order_release || order == memory_order_seq_cst || order == memory_order_acq_rel;
}

static void
remember_read(struct location *l, unsigned thread, uint32_t index)
{
    struct read *r = l->reads[thread];
    if (index <= r[0].index)
        return;
    memmove(&r[1], &r[0], sizeof r[0] * (LATEST_READS - 1));
    r[0] = (struct read){index, threads[thread].coherence.at[thread]};
}

static void
receive(unsigned thread, const struct message *m, int order)
{
    struct thread *t = &threads[thread];
    join(acquires(order) ? &t->before : &t->pending_before, &m->before);
    join(acquires(order) ? &t->coherence : &t->pending_coherence, &m->coherence);
}

static struct memory_value
read_message(struct location *l, unsigned thread, uint32_t index, int order)
{
    const struct message *m = &l->kept[index % KEPT];
    advance(thread);
    remember_read(l, thread, index);
    receive(thread, m, order);
    return (struct memory_value){m->value, m->life};
}

void
memory_prefers_stale(void)
{
    prefers_stale = true;
}

struct memory_value
relaxed_load(unsigned thread, const volatile void *from, unsigned size, int order)
{
    struct location *l = find(from, size);
    uint32_t index = l->newest;
    if (rng_one_in(random_source, prefers_stale ? 2 : STALE_ONE_IN)) {
        uint32_t oldest = oldest_allowed(l, thread, order == memory_order_seq_cst);
        index -= rng_below32(random_source, index - oldest + 1);
    }
    prefers_stale = false;
    return read_message(l, thread, index, order);
}

void
relaxed_load_newest(unsigned thread, const volatile void *from, unsigned size, int order)
{
    struct location *l = find(from, size);
    read_message(l, thread, l->newest, order);
}

/* continues: an update's message releases what the one it replaces did (a release sequence). */
static void
append(struct location *l, unsigned thread, uint64_t value, uint32_t life, int order, bool continues)
{
    struct thread *t = &threads[thread];
    struct message m = {.value = value, .life = life, .by = thread};
    advance(thread);
    m.instant = t->coherence.at[thread];
    m.before = releases(order) ? t->before : t->released_before;
    m.coherence = releases(order) ? t->coherence : t->released_coherence;
    if (continues) {
        m.updated = ++n_updates;
        join(&m.before, &l->kept[l->newest % KEPT].before);
        join(&m.coherence, &l->kept[l->newest % KEPT].coherence);
    }
    l->newest++;
    if (order == memory_order_seq_cst)
        l->last_seq = l->newest;
    l->kept[l->newest % KEPT] = m;
}

void
relaxed_store(unsigned thread, volatile void *to, unsigned size, uint64_t value, uint32_t life, int order)
{
    append(find(to, size), thread, value, life, order, false);
    memory_raw_store(to, size, value);
}

void
relaxed_update(unsigned thread, volatile void *at, unsigned size, uint64_t value, uint32_t life, int order)
{
    struct location *l = find(at, size);
    read_message(l, thread, l->newest, order);
    append(l, thread, value, life, order, true);
    memory_raw_store(at, size, value);
}

void
relaxed_operation_begins(unsigned thread)
{
    threads[thread].operation_began = n_updates;
}

void
relaxed_fence(unsigned thread)
{
    struct thread *t = &threads[thread];
    join(&t->before, &t->pending_before);
    join(&t->coherence, &t->pending_coherence);
    join(&fences, &t->coherence);
    join(&t->coherence, &fences);
    t->released_before = t->before;
    t->released_coherence = t->coherence;
}

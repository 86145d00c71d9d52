/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "memory.h"

#include "memory_relaxed.h"

#include <stdatomic.h>

enum { BUFFERED_MOST = 16 };

static struct buffer {
    struct {
        volatile void *to;
        unsigned size;
        uint64_t value;
    } store[BUFFERED_MOST];
    unsigned n, fixed; /* fixed: as many are before a compiler barrier */
} buffers[MEMORY_THREADS];

static enum memory_mode mode;
static struct rng rng;
static uint32_t flush_one_in;

void
memory_begin(enum memory_mode wanted, uint64_t seed)
{
    static const uint16_t rates[] = {3, 30, 300, 3000};
    mode = wanted;
    rng.state = seed;
    flush_one_in = rates[rng_below32(&rng, sizeof rates / sizeof rates[0])];
    for (unsigned i = 0; i < MEMORY_THREADS; i++)
        buffers[i].n = buffers[i].fixed = 0;
    if (mode == MEMORY_RELAXED)
        relaxed_begin(&rng);
}

uint64_t
memory_raw(const volatile void *from, unsigned size)
{
    return size == 8   ? *(const volatile uint64_t *)from
           : size == 4 ? *(const volatile uint32_t *)from
                       : *(const volatile uint16_t *)from;
}

void
memory_raw_store(volatile void *to, unsigned size, uint64_t value)
{
    if (size == 8)
        *(volatile uint64_t *)to = value;
    else if (size == 4)
        *(volatile uint32_t *)to = (uint32_t)value;
    else
        *(volatile uint16_t *)to = (uint16_t)value;
}

static void
flush_oldest(struct buffer *b)
{
    memory_raw_store(b->store[0].to, b->store[0].size, b->store[0].value);
    b->n--;
    b->fixed -= b->fixed > 0;
    for (unsigned i = 0; i < b->n; i++)
        b->store[i] = b->store[i + 1];
}

void
memory_drain(unsigned thread)
{
    while (buffers[thread].n > 0)
        flush_oldest(&buffers[thread]);
}

void
memory_drop(unsigned thread)
{
    buffers[thread].n = buffers[thread].fixed = 0;
}

void
memory_drain_for_bytes(unsigned thread, const void *at, size_t n)
{
    struct buffer *b = &buffers[thread];
    for (unsigned i = b->n; i-- > 0;) {
        const char *to = (const char *)(uintptr_t)b->store[i].to;
        if (to + b->store[i].size > (const char *)at && to < (const char *)at + n) {
            for (unsigned k = 0; k <= i; k++)
                flush_oldest(b);
            return;
        }
    }
}

void
memory_tick(unsigned n_threads)
{
    if (!rng_one_in(&rng, flush_one_in))
        return;
    struct buffer *b = &buffers[rng_below32(&rng, n_threads)];
    if (b->n > 0)
        flush_oldest(b);
}

struct memory_value
memory_load(unsigned thread, const volatile void *from, unsigned size, int order)
{
    if (mode == MEMORY_RELAXED)
        return relaxed_load(thread, from, size, order);
    const struct buffer *b = &buffers[thread];
    for (unsigned i = b->n; i-- > 0;)
        if (b->store[i].to == from)
            return (struct memory_value){b->store[i].value, 0};
    return (struct memory_value){memory_raw(from, size), 0};
}

void
memory_store(unsigned thread, volatile void *to, unsigned size, uint64_t value, int order)
{
    if (mode == MEMORY_RELAXED) {
        relaxed_store(thread, to, size, value, 0, order);
    } else if (mode == MEMORY_TSO && order != memory_order_seq_cst) {
        struct buffer *b = &buffers[thread];
        if (b->n == BUFFERED_MOST)
            flush_oldest(b);
        b->store[b->n].to = to;
        b->store[b->n].size = size;
        b->store[b->n++].value = value;
    } else {
        memory_drain(thread);
        memory_raw_store(to, size, value);
    }
}

uint64_t
memory_read_for_update(unsigned thread, volatile void *at, unsigned size)
{
    memory_drain(thread);
    return memory_raw(at, size);
}

void
memory_update(unsigned thread, volatile void *at, unsigned size, uint64_t value, uint32_t life, int order)
{
    if (mode == MEMORY_RELAXED)
        relaxed_update(thread, at, size, value, life, order);
    else
        memory_raw_store(at, size, value);
}

void
memory_update_failed(unsigned thread, volatile void *at, unsigned size, int order)
{
    if (mode == MEMORY_RELAXED)
        relaxed_load_newest(thread, at, size, order);
}

void
memory_fence(unsigned thread)
{
    memory_drain(thread);
    if (mode == MEMORY_RELAXED)
        relaxed_fence(thread);
}

void
memory_membarrier(unsigned thread, unsigned n_threads, bool (*reaches)(unsigned))
{
    memory_fence(thread);
    for (unsigned i = 0; i < n_threads; i++) {
        if (!reaches(i))
            continue;
        while (buffers[i].fixed > 0)
            flush_oldest(&buffers[i]);
        if (mode == MEMORY_RELAXED)
            relaxed_fence(i);
    }
    memory_fence(thread);
}

void
memory_compiler_barrier(unsigned thread)
{
    buffers[thread].fixed = buffers[thread].n;
}

void
memory_operation_begins(unsigned thread)
{
    if (mode == MEMORY_RELAXED)
        relaxed_operation_begins(thread);
}

void
memory_learn_all(unsigned thread, unsigned other)
{
    if (mode == MEMORY_RELAXED)
        relaxed_learn_all(thread, other);
}

bool
memory_happened_before(unsigned thread, unsigned by, uint32_t at)
{
    return mode != MEMORY_RELAXED || relaxed_happened_before(thread, by, at);
}

uint32_t
memory_instant(unsigned thread)
{
    return mode == MEMORY_RELAXED ? relaxed_instant(thread) : 0;
}

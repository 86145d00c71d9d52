/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* An allocator for gyre_options that keeps books, and fails when it is told to. */

#ifndef FUZZ_HEAP_H
#define FUZZ_HEAP_H

#include <gyre.h>
#include <stdatomic.h>

#include "fuzz.h"

struct fuzz_heap {
    _Atomic long bytes, blocks; /* in use. Threads give back what they hold of a cache. */
    _Atomic long left;          /* allocations until they fail; negative: they do not */
};

static inline void *
fuzz_heap_allocate(void *arg, size_t bytes)
{
    struct fuzz_heap *heap = arg;

    if (heap->left == 0)
        return NULL;
    if (heap->left > 0)
        heap->left--;
    heap->bytes += (long)bytes;
    heap->blocks++;
    return malloc(bytes);
}

static inline void
fuzz_heap_deallocate(void *arg, void *memory, size_t bytes)
{
    struct fuzz_heap *heap = arg;

    FUZZ_CHECK(memory != NULL, "deallocate of NULL");
    heap->bytes -= (long)bytes;
    heap->blocks--;
    free(memory);
}

static inline void
fuzz_heap_use(struct fuzz_heap *heap, gyre_options *options)
{
    options->allocate = fuzz_heap_allocate;
    options->deallocate = fuzz_heap_deallocate;
    options->allocate_arg = heap;
}

/* To be called after gyre_close, or a gyre_open that failed. */
static inline void
fuzz_heap_check_empty(struct fuzz_heap *heap)
{
    FUZZ_CHECK(heap->bytes == 0 && heap->blocks == 0, "%ld bytes in %ld blocks are left",
               heap->bytes, heap->blocks);
}

#endif

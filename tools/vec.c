/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "vec.h"

#include <stdint.h>
#include <sys/mman.h>

enum { FIRST_BYTES = 64 << 10 };

static bool
grow(struct vec *vec, size_t needed)
{
    size_t room = vec->room ? vec->room : FIRST_BYTES;
    while (room < needed) {
        if (room > SIZE_MAX / 2)
            return false;
        room *= 2;
    }
    void *data = vec->data
                     ? mremap(vec->data, vec->room, room, MREMAP_MAYMOVE)
                     : mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        return false;
    vec->data = data;
    vec->room = room;
    return true;
}

void *
vec_add(struct vec *vec, size_t bytes)
{
    size_t needed;
    if (__builtin_add_overflow(vec->bytes, bytes, &needed))
        return NULL;
    if ((needed > vec->room || !vec->data) && !grow(vec, needed))
        return NULL;
    void *at = (char *)vec->data + vec->bytes;
    vec->bytes = needed;
    return at;
}

void
vec_free(struct vec *vec)
{
    if (vec->data)
        munmap(vec->data, vec->room);
    *vec = (struct vec){0};
}

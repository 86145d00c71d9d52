/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* An array of bytes that grows by remapping: its pages move, their contents are not copied, and so
 * a large trace is in memory once also while it is read. */

#ifndef VEC_H
#define VEC_H

#include <stdbool.h>
#include <stddef.h>

struct vec {
    void *data;
    size_t bytes; /* in use */
    size_t room;  /* mapped; zero beyond what was ever in use */
};

/* Appends `bytes` bytes and returns where; they are the caller's to fill. NULL: no memory. */
void *vec_add(struct vec *vec, size_t bytes);

void vec_free(struct vec *vec);

#endif

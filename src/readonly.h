/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Reading a cache that may not be written to: without a record, and so without a pin. A value is copied first; that it
 * was the entry's own is seen afterwards: the slot still has the word, and the arena was not opened again. */

#ifndef GY_READONLY_H
#define GY_READONLY_H

#include "cache.h"

struct gy_wanted {
    const void *key;
    size_t key_bytes;
    void *buffer;
    size_t buffer_bytes;
    size_t *value_bytes; /* out */
};

/* As gyre_read. What is in the buffer after GYRE_MISS is of no meaning. */
int gy_readonly_read(struct gyre *cache, const struct gy_wanted *want);

#endif

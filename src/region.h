/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A region: one contiguous mapping that holds a whole cache. What kind of memory it is, is known only
 * to its operations: a const struct a kind, one file each. */

#ifndef GY_REGION_H
#define GY_REGION_H

#include "base.h"

struct gy_region {
    char *base;
    size_t bytes;
    bool hugepages; /* asked for */
    const struct gy_region_ops *ops;
};

struct gy_region_ops {
    /* Address space of region->bytes at region->base, reading as zero. 0 or a GYRE_E code. */
    int (*map)(struct gy_region *region);
    /* A range comes into use: makes sure that it can be written without a fault later. 0 or a GYRE_E code. */
    int (*reserve)(struct gy_region *region, size_t offset, size_t bytes);
    /* The contents of a range are no longer needed; it reads as zero when it is used again. */
    void (*discard)(struct gy_region *region, size_t offset, size_t bytes);
    void (*unmap)(struct gy_region *region);
};

extern const struct gy_region_ops gy_region_heap; /* private, anonymous memory */

#endif

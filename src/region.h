/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A region: one contiguous mapping that holds a whole cache. What kind of memory it is, is known only
 * to its operations: a const struct a kind, one file each. */

#ifndef GY_REGION_H
#define GY_REGION_H

#include "atomic.h"
#include "base.h"

enum { GY_HUGE_PAGE = 2 << 20 };

struct gy_region {
    char *base;
    size_t bytes;
    size_t alignment; /* of base: of huge pages and of arenas, so that addresses tell where an arena ends */
    bool hugepages; /* asked for */
    bool readonly;  /* to be mapped without the right to write */
    const struct gy_region_ops *ops;
    /* Of those that have an object: */
    size_t wanted_bytes; /* of one that would be made, about */
    int given;           /* the descriptor that the caller of gyre_open gave */
    int fd;              /* the object; -1: not yet */
    int claim;           /* while it is made: what keeps others from making it as well; then, of a file, for its lock; -1: nothing */
    bool fresh;          /* find: it is to be made in the object that is open */
    uint32_t mode;       /* permissions of one that is made, and at most those of one that is found */
    const char *path;    /* its name in the file system */
    bool anywhere;       /* a file may be of another machine */
    gy_atomic_u64 refused; /* of a file: what reserve answered last that was not GYRE_OK; 0: it always was */
    uint64_t unfinished; /* while it is made under a name: of which this is the number; 0: it has none */
};

struct gy_region_ops {
    /* Is there one already? GYRE_OK: it is open, and region->bytes is its size. GYRE_ENOENT: there is none; with
     * `create` the caller is to make one, and others who want to wait a while. Other codes: there is something
     * that may not be used. */
    int (*find)(struct gy_region *region, bool create);
    /* The first bytes of one that was found. 0 or a GYRE_E code. */
    int (*read)(struct gy_region *region, void *to, size_t bytes);
    /* Address space of region->bytes at region->base: of the one that was found, or else of a fresh one, reading as
     * zero. 0 or a GYRE_E code. */
    int (*map)(struct gy_region *region);
    /* A range comes into use: makes sure that it can be written without a fault later. 0 or a GYRE_E code. */
    int (*reserve)(struct gy_region *region, size_t offset, size_t bytes);
    /* The same for the first bytes, of which most are never touched. */
    int (*reserve_tables)(struct gy_region *region, size_t bytes);
    /* A fresh one is complete: others may find it. GYRE_EEXIST: somebody else's is there. */
    int (*publish)(struct gy_region *region);
    /* The contents of a range are no longer needed; it reads as zero when it is used again. */
    void (*discard)(struct gy_region *region, size_t offset, size_t bytes);
    /* Has the name gone, or does it lead to another? */
    bool (*lost)(const struct gy_region *region);
    /* Gives back whatever find and map have taken. A fresh one that was not published is gone. */
    void (*unmap)(struct gy_region *region);
};

extern const struct gy_region_ops gy_region_heap;  /* private, anonymous memory */
extern const struct gy_region_ops gy_region_named; /* POSIX shared memory */
extern const struct gy_region_ops gy_region_file;  /* a file that outlives the machine */
extern const struct gy_region_ops gy_region_memfd; /* shared memory without a name, handed over by descriptor */

#endif

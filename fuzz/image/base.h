/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The files that fuzz_image changes: small ones whose contents are known, as they were left by who closed them, and by who was
 * killed with them open. They are made once in a process, and each is healed before it is changed anew. */

#ifndef FUZZ_IMAGE_BASE_H
#define FUZZ_IMAGE_BASE_H

#include "caller.h"

enum { IMAGE_PAGE = 4096, IMAGE_MOST = 8 << 20, IMAGE_PAGES = IMAGE_MOST / IMAGE_PAGE, IMAGE_PLACES = 1 << 13 };

enum image_state { IMAGE_CLOSED, IMAGE_KILLED, IMAGE_STATES };

struct image_kind {
    const char *name;
    gyre_options options;
    uint32_t size_max;  /* of values */
    bool grows, clears; /* it is left in the middle of growth; not long after a clear */
};
enum { IMAGE_KINDS = 5 };

/* Offsets, where there is something to be changed. */
struct image_places {
    uint32_t n;
    uint32_t at[IMAGE_PLACES];
};

/* A file as it was left. Only pages that hold anything count. */
struct image {
    struct knowledge knows;
    uint64_t bytes;
    struct image_places slots, entries; /* words of the index that are not empty; headers */
    bool held[IMAGE_PAGES];
    _Alignas(IMAGE_PAGE) char at[IMAGE_MOST];
};

struct image_file {
    const struct image_kind *kind;
    char path[64];
    int file;
    char *map; /* of IMAGE_MOST bytes, however long it is */
    struct image *image[IMAGE_STATES];
};

/* All of them. */
struct image_file *image_files(void);

/* The file is as it was left. */
void image_heal(struct image_file *f, const struct image *image);

#endif

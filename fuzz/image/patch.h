/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What an input of fuzz_image says: which file, what is changed in it, and what is mended afterwards, so that it gets by sums and
 * proofs. Four bytes, then twelve for each change:
 *
 *   file | how | of the visit (2) || part | operation | which (2) | number (8) || ...
 *
 * Where a change goes is said by part and place, so that the same input means the same in a file of another build. */

#ifndef FUZZ_IMAGE_PATCH_H
#define FUZZ_IMAGE_PATCH_H

#include "base.h"

enum { IMAGE_HEADER_BYTES = 4, IMAGE_PATCH_BYTES = 12, IMAGE_PATCHES = 48 };

/* How: what is done after all changes, and to whom it is shown. */
enum {
    IMAGE_SIGN_HEAD = 1,    /* the head's sum, and its copy */
    IMAGE_SIGN_TABLES = 2,  /* the sum of the tables */
    IMAGE_REBOOT = 4,       /* the machine has stopped since */
    IMAGE_COPIED = 8,       /* it is another file */
    IMAGE_FITTED = 16,      /* the file is as long as the head says */
    IMAGE_THREAD = 32,      /* it is opened with a maintenance thread */
    IMAGE_READ_FIRST = 64,  /* before that, without the right to write */
    IMAGE_WHOLE = 128,      /* and used until all of it was swept */
};

enum image_part {
    IMAGE_HEAD, IMAGE_LIFE, IMAGE_SHARED, IMAGE_SHARDS, IMAGE_GEOMETRIES, IMAGE_MEMBERS, IMAGE_RECORDS, IMAGE_WORDS, IMAGE_BOOKS,
    IMAGE_LANES, IMAGE_HISTORY, IMAGE_INDEX, IMAGE_SLOTS, IMAGE_HEADERS, IMAGE_BODIES, IMAGE_PROOFS, IMAGE_PLAN, IMAGE_LENGTH,
    IMAGE_PARTS
};

enum image_operation {
    IMAGE_FLIP,   /* a bit turns over */
    IMAGE_SET, IMAGE_ADD,
    IMAGE_LIKE,   /* what another place of the part holds */
    IMAGE_NOTHING, IMAGE_NOISE, IMAGE_ANOTHER, /* of a sector */
    IMAGE_HALF,   /* 32 bits are set */
    IMAGE_OPERATIONS,
    IMAGE_MENDED = 8,       /* in the operation: so that it is believed, as far as a local change can be */
    IMAGE_UNPUBLISHED = 16, /* an entry proves its length alone */
};

struct image_patch {
    uint8_t part, operation;
    uint16_t which;
    uint64_t number;
};

struct image_input {
    struct image_file *file;
    const struct image *image;
    enum image_state state;
    uint8_t how;
    uint16_t visit;
    unsigned n;
    struct image_patch patch[IMAGE_PATCHES];
};

void image_read(struct image_input *in, const uint8_t *data, size_t size);

/* Changes the file, which was healed. Returns whether it is no more than a disk does: then no value may be wrong. */
bool image_apply(const struct image_input *in);

#endif

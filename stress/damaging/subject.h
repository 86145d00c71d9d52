/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Small files whose contents are known, in the states in which somebody may find them. */

#ifndef GYRE_STRESS_SUBJECT_H
#define GYRE_STRESS_SUBJECT_H

#include "caller.h"

enum { IMAGE_PAGE = 4096, IMAGE_MOST = 8 << 20, PAGES_MOST = IMAGE_MOST / IMAGE_PAGE, PATH_MOST = 100 };

struct subject {
    const char *name;
    gyre_options options;
    uint32_t size_max;  /* of values */
    bool grows;         /* it is left in the middle of growth */
    bool clears;        /* and not long after a clear */
};
enum { SUBJECTS = 5 };
extern const struct subject subjects[SUBJECTS];

enum state {
    CLOSED,   /* by all who had it open */
    MOVED,    /* and then copied, and opened after a reboot */
    KILLED,   /* who had it open was killed in the middle of a call */
    STOPPED,  /* the machine stopped then */
    STATES
};
extern const char *const state_name[STATES];

/* A file as it was left. Only pages that hold anything count. */
struct image {
    struct knowledge knows;
    uint64_t bytes, arenas_at;
    bool held[PAGES_MOST];
    char at[IMAGE_MOST];
};

/* Makes the file anew at a path, and in images what it was in each state. For MOVED and STOPPED the file is another one, at
 * another path. In memory that is shared with children. */
void subject_make(const struct subject *s, uint64_t salt, const char *path, const char *other, struct image image[STATES]);

#endif

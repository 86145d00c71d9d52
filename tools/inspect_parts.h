/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What the parts of an inspection share. */

#ifndef INSPECT_PARTS_H
#define INSPECT_PARTS_H

#include "cache.h"
#include "inspect.h"

struct inspect {
    struct gyre *cache;
    struct inspect_report *report;
    char place[INSPECT_TEXT], what[INSPECT_TEXT]; /* of what looks wrong */
    uint64_t done, total;                         /* cache lines, as progress is told in */

    /* What the index was found to hold, in numbers that are compared with those that the cache keeps. */
    uint64_t *live;      /* bytes, of each arena */
    uint64_t *committed; /* of each shard */
    uint64_t in_ring[GY_RINGS];
    uint64_t changes; /* when they were counted */
};

/* Does number n of something look wrong? Then place and what say where and how. */
typedef bool inspect_wrong(struct inspect *i, uint64_t n);

/* Tells a fault if it looks wrong in the same way for as long as it is looked at. */
void inspect_judge(struct inspect *i, inspect_wrong *wrong, uint64_t n);

void inspect_place(struct inspect *i, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Returns true, for who has found something wrong. */
bool inspect_what(struct inspect *i, const char *format, ...) __attribute__((format(printf, 2, 3)));

void inspect_progress(struct inspect *i, uint64_t lines);
enum { INSPECT_BUCKET_LINES = 1 + GY_BUCKET_SLOTS }; /* that of each of its entries, too: the slowest to come */

void inspect_index(struct inspect *i);
void inspect_arenas(struct inspect *i);
void inspect_users(struct inspect *i);

#endif

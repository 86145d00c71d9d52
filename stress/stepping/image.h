/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The bytes of a region, as they were after each instruction of a process that was made to run one at a time. What is
 * kept are the states that differ: what an instruction leaves is what the last one that changed anything has left. */

#ifndef GYRE_STRESS_IMAGE_H
#define GYRE_STRESS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct change {
    uint32_t word; /* which of the object's */
    uint64_t value;
};

/* State 0 is what was there before; state n is state n - 1 with some words changed. In memory that is shared with
 * children, since they may be the ones to look. */
struct states {
    struct change *change;
    size_t n_changes;
    struct state {
        size_t changes_end;
        uint64_t instruction; /* which one left it */
        uint64_t bytes;       /* the object's size */
    } *state;
    size_t n;
};

/* An object in memory; the children of who opens it see what is kept, too. What cannot change for long is looked at when all is over: parts of tables that nobody uses. */
struct image {
    int file;
    uint64_t bytes, bytes_most;
    char *at;   /* the object, mapped */
    char *kept; /* as it was at the last look, or is to be */
    struct part {
        uint64_t at, bytes;
    } watched[5];
    unsigned n_watched;
};

void image_open(struct image *image, int file, uint64_t bytes_most);
void image_close(struct image *image);
void image_watch(struct image *image, uint64_t at, uint64_t bytes);

/* Forgets all states; what is in the object is state 0. */
void image_begin(struct image *image, struct states *states);
/* After an instruction: when it has changed anything, that is another state. It may have written to these bytes. */
void image_look(struct image *image, struct states *states, uint64_t instruction, uint64_t from, uint64_t bytes);
/* Is what is not watched as it was at the beginning? */
bool image_rest_is_same(const struct image *image);

/* What is watched, in memory of its own. */
char *image_copy(const struct image *image);

/* Makes the kept bytes those of such a copy; those of a state, from those of its state 0; and the object what is kept. */
void image_keep(struct image *image, const char *copy);
void image_advance(struct image *image, const struct states *states, size_t to);
void image_put(struct image *image);

void states_open(struct states *states);
/* Their own memory, as much as it takes; and back. */
struct states states_copy(const struct states *states);
void states_free(struct states *copy);

#endif

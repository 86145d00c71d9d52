/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file is made what an image says, and then damaged. */

#ifndef GYRE_STRESS_HARM_H
#define GYRE_STRESS_HARM_H

#include "subject.h"

enum kind {
    NOTHING,  /* what is undamaged is found whole */
    BIT,      /* one bit of the head and the tables, in a line that holds anything */
    EMPTY_BIT,/* the same bit of many lines that hold nothing */
    BITS,     /* anywhere, one or many */
    SECTORS,  /* some are zero, or nonsense, or those of another place */
    SHORTER, LONGER,
    KINDS
};
extern const char *const kind_name[KINDS];

/* The file that is damaged, mapped. */
struct patient {
    const char *path;
    const struct image *image;
    int file;
    char *at;
    uint32_t *line;       /* those of the head and the tables that hold anything */
    uint32_t n_lines;
};

/* For an image that stays what it is. */
void patient_take(struct patient *p, const struct image *image, const char *path);
void patient_leave(struct patient *p);
void patient_heal(struct patient *p);

/* How many different ones there are; UINT64_MAX: any number. */
uint64_t harm_kinds_of(const struct patient *p, enum kind kind);

uint64_t harm_draw(const struct patient *p, enum kind kind, struct rng *rng); /* one of them */

/* The item's: the same for the same seed. Returns how many flips, sectors or bytes it was; *what says where. */
uint64_t harm(struct patient *p, enum kind kind, uint64_t item, struct rng *rng, char *what, size_t what_bytes);

/* A hash of all that the file holds, and of its size. */
uint64_t patient_sum(const struct patient *p);

#endif

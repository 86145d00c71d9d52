/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Processes that all want the same shared cache at once, some of which are killed over it: is it made by one of them,
 * and is nothing left of the others'? */

#ifndef GYRE_STRESS_CREATION_H
#define GYRE_STRESS_CREATION_H

#include "gyre.h"
#include "rng.h"

struct creation {
    unsigned rivals;       /* processes, 64 at the most */
    bool without_proc;     /* what has no name yet cannot be given one: it is built under another name */
    bool kills;
    char name[64];
    uint64_t made, found, killed; /* out: rivals of all rounds so far */
};

/* A memory of its own for this process's shared objects, of so many pages (0: as large as is usual). False: that cannot
 * be had here. */
bool creation_own_folder(uint64_t pages);

/* How many objects are in the folder for shared memory; of everybody's, unless it is an own one. */
unsigned creation_objects(void);

/* A round. NULL, or what was wrong. */
const char *creation_race(struct creation *c, struct rng *rng);

#endif

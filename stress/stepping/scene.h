/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What happens to whom. The *victim* makes one call, an instruction at a time, in a cache that the *peer*, which is this
 * program, has open as well. After its death the peer goes on with what each instruction has left; or, first, the
 * *heir* clears up, an instruction at a time, dies, and the peer goes on with what each of those has left. */

#ifndef GYRE_STRESS_SCENE_H
#define GYRE_STRESS_SCENE_H

#include "image.h"
#include "members.h"
#include "traced.h"

enum { STEPS_KEYS = 60, STEPS_SIZE = 200, STEPS_NEW = 1000 /* added to a value's number */ };

enum kind {
    STEPS_MEMBER,  /* the victim has the cache open and has used it */
    STEPS_FORKED,  /* it is a forked child of the peer that has not called yet */
    STEPS_OPENER,  /* it opens the cache */
    STEPS_CREATOR  /* it makes the cache: nobody has it open */
};

/* What a key has. It may go on from each to a later one, never back. */
enum standing { STEPS_OLD, STEPS_GONE, STEPS_NEWER };

enum others {
    OTHERS_STAY,
    OTHERS_MAY_GO, /* those that the call itself removes, and one that it was moving */
    OTHERS_GO_AT_ONCE
};

struct operation {
    const char *name;
    enum kind kind;
    unsigned key; /* the one it is about */
    enum standing first, last;
    enum others others;
    uint64_t max_entries;
    void (*prepare)(gyre *cache); /* by the peer; or NULL */
    void (*act)(gyre *cache, const char *key, const char *value); /* by the victim; or NULL */
};

extern const struct operation steps_operations[];
extern const unsigned steps_n_operations;

/* What the peer saw before it changed anything: bit k, key k was there. Values that are not right end the process. */
struct seen {
    uint64_t keys;
    int standing;
};

/* What all processes of it see, beside the cache. */
struct record {
    struct image image;
    struct states states;
    uint64_t instructions;
    struct seen seen; /* by the last recovery */
};

struct scene {
    const struct operation *operation;
    struct shared shared;
    struct record *record;
    gyre *cache; /* the peer's; NULL where it is to be made */
    pid_t victim, heir;
    int ask[2], answer[2]; /* pipes to the heir */
};

struct record *scene_record(void);

/* All but the victim's call itself: it stands before its first instruction. */
void scene_begin(struct scene *scene, const struct operation *operation, bool with_heir);
void scene_end(struct scene *scene);
/* Keeps all states in the record until it has done what it stands before. False: it does not end. */
bool scene_step_through(struct scene *scene, pid_t pid);
/* A double of the heir, which stands before the first instruction of what an heir does. */
pid_t scene_heir(struct scene *scene);
void scene_end_heir(struct scene *scene);

/* By a double of the peer, or by whoever opens what the victim was making: is all as it must be, and does it go on? Ends
 * the process where it is not. */
void recover(struct scene *scene);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* One who makes all calls of a cache, and knows what each key may show: its newest value, or nothing. What he knows stands
 * in memory that outlives him: he may be killed in the middle of a call, and then it may have had its effect or not. */

#ifndef GYRE_STRESS_CALLER_H
#define GYRE_STRESS_CALLER_H

#include "gyre.h"
#include "rng.h"
#include "value.h"

enum { KEYS = 160, FILLERS = 80 }; /* fillers: put to turn the cache over */

/* Of a key: the ids of values. 0: none. */
struct known {
    uint32_t now;     /* it shows this, or is absent; */
    uint32_t pending; /* or shows this: a put has not returned */
};

struct knowledge {
    struct known of[KEYS + FILLERS];
    uint32_t last_id;
};

struct caller {
    gyre *cache;
    struct knowledge *knows;
    struct rng rng;
    uint32_t size_max;   /* of values */
    uint64_t hits, calls, refused;
    void (*wrong)(struct caller *caller, const char *format, ...) __attribute__((format(printf, 2, 3)));
    void (*look)(struct caller *caller, const void *data, size_t size); /* at each key and value that is shown; or NULL */
    bool stop;           /* something was wrong, and has been told */
    bool blind;          /* he takes values as they are */
    void *arg;
};

/* Values whose time is over soon; nobody touches them. */
static inline bool
caller_brief(uint32_t id)
{
    return id % 16 == 5;
}

enum call {
    CALL_GET, CALL_READ, CALL_LEASE, CALL_PUT, CALL_ADD, CALL_REPLACE, CALL_IF_VERSION, CALL_DRAFT, CALL_TOUCH, CALL_DELETE,
    CALL_KINDS
};

void caller_call(struct caller *c, enum call call, uint32_t key);
enum call caller_draw(struct caller *c);  /* of all kinds; puts most often */
void caller_get_many(struct caller *c, uint32_t from, uint32_t n);
void caller_scan(struct caller *c);
void caller_clear(struct caller *c);

/* What was brief is over by now. */
void caller_settle(struct knowledge *knows);

#endif

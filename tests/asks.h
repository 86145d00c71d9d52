/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What the tests of leases share. */

#ifndef GY_TEST_ASKS_H
#define GY_TEST_ASKS_H

#include "api.h"

/* Asks for a key without waiting. */
static inline int
ask(gyre *c, const char *key, gyre_view *view, gyre_lease *lease)
{
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    options.wait_ms = GYRE_NO_WAIT;
    return gyre_get_or_lease(c, key, strlen(key), &options, view, lease);
}

/* Asks, and gets the lease. */
static inline gyre_lease
lease_of(gyre *c, const char *key)
{
    gyre_view view;
    gyre_lease lease;
    CHECK_EQ(ask(c, key, &view, &lease), GYRE_MISS);
    CHECK(view.data == NULL);
    return lease;
}

static inline int
commit_text(gyre_lease *lease, const char *value)
{
    return gyre_lease_commit(lease, value, strlen(value), NULL);
}

/* The same from another thread, which stays until it is told to go: to a lease's holder it is another. */
struct asker {
    gyre *cache;
    const char *key;
    const gyre_lease_options *options; /* NULL: without waiting */
    int result;
    char text[64]; /* of the view, when there is one */
    gyre_lease lease;
};

static inline void
ask_body(void *arg, unsigned i)
{
    struct asker *a = (struct asker *)arg + i;
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    options.wait_ms = GYRE_NO_WAIT;
    gyre_view view;
    a->result = gyre_get_or_lease(a->cache, a->key, strlen(a->key), a->options ? a->options : &options, &view, &a->lease);
    size_t n = view.size < sizeof a->text - 1 ? view.size : sizeof a->text - 1;
    if (view.data)
        memcpy(a->text, view.data, n);
    a->text[view.data ? n : 0] = 0;
    gyre_release(&view);
}

static inline int
ask_elsewhere(gyre *c, const char *key)
{
    struct asker a = {.cache = c, .key = key};
    api_threads(1, ask_body, &a);
    return a.result;
}

#endif

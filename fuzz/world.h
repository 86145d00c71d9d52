/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What a run of fuzz_ops works on, and its operations: each takes its arguments from the input,
 * calls the cache and lets the model judge the answer. */

#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include "fuzz.h"
#include "heap.h"
#include "model.h"

enum { VIEWS = 6, DRAFTS = 3, BATCH = 12 };

struct held_view {
    gyre_view view; /* view.data is NULL: nothing is held */
    uint32_t number;
    const void *data;
    size_t size;
};

struct held_draft {
    gyre_draft draft; /* likewise */
    unsigned key;
    gyre_put_options options;
    struct model_value proposal;
    uint64_t new_version, reserved_ms;
};

struct world {
    struct model model;
    struct fuzz_bytes in;
    struct fuzz_heap heap;
    struct held_view views[VIEWS];
    struct held_draft drafts[DRAFTS];
    uint64_t gone_at_once; /* puts whose key was missed by the very next get */
};

unsigned world_take_key(struct world *w);
size_t world_take_size(struct world *w);
uint32_t world_take_ttl(struct world *w);

/* Looks key i up without keeping anything; whether it is there. */
bool world_is_there(struct world *w, unsigned i);

void world_get(struct world *w);
void world_get_many(struct world *w);
void world_read(struct world *w);
void world_check_views(struct world *w);
void world_release(struct world *w, unsigned view);

void world_put(struct world *w);
void world_flood(struct world *w);
void world_put_default(struct world *w, unsigned key, size_t size);
void world_reserve(struct world *w);
void world_finish(struct world *w, unsigned draft, bool commit);
void world_delete(struct world *w, unsigned key);
void world_touch(struct world *w);

/* With a visitor that may change the cache, stop, or look only. */
void world_scan(struct world *w);

#endif

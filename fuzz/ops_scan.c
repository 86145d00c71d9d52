/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <string.h>

#include "world.h"

enum { LOOK_ONLY, DELETE_IT, PUT_IT_AGAIN, PUT_ANOTHER, ACTIONS };

struct scan {
    struct world *world;
    unsigned action, stop_after, visits;
    size_t put_size;
    bool seen[MODEL_KEYS];
};

static int
visit(void *arg, const void *key, size_t key_size, const gyre_view *view)
{
    struct scan *scan = arg;
    struct world *w = scan->world;
    unsigned i = model_key_index(key, key_size);
    const struct model_value before = w->model.values[i];

    /* What was put again, or removed, since the scan began may be shown as it was, and twice. */
    if (!w->model.changed[i]) {
        FUZZ_CHECK(!scan->seen[i], "key %u is visited twice", i);
        model_check_view(&w->model, i, view, "scan");
    }
    scan->seen[i] = true;
    if (scan->action == DELETE_IT)
        world_delete(w, i);
    else if (scan->action == PUT_IT_AGAIN)
        world_put_default(w, i, scan->put_size);
    else if (scan->action == PUT_ANOTHER)
        world_put_default(w, (i + 1) % MODEL_KEYS, scan->put_size);
    if (scan->action != LOOK_ONLY && before.stands && before.size == view->size &&
        scan->visits % 4 == 0)
        model_check_bytes(before.number, view->data, view->size, "a scan's view after a change");
    return ++scan->visits == scan->stop_after ? 1000 + (int)scan->visits : 0;
}

void
world_scan(struct world *w)
{
    unsigned n = (unsigned)fuzz_take(&w->in, 1);
    struct scan scan = {.world = w, .action = n % 8 < ACTIONS ? n % 8 : LOOK_ONLY};
    bool there[MODEL_KEYS];

    scan.stop_after = n >= 128 ? n - 127 : 0;
    scan.put_size = world_take_size(w);
    memset(w->model.changed, 0, sizeof w->model.changed);
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        there[i] = w->model.values[i].stands && world_is_there(w, i);
    w->model.held++;
    int result = gyre_scan(w->model.cache, visit, &scan);
    w->model.held--;
    if (result == GYRE_ENOMEM && w->model.starved)
        return;
    if (scan.stop_after != 0 && scan.visits == scan.stop_after) {
        FUZZ_CHECK(result == 1000 + (int)scan.visits, "a scan that was stopped: %d", result);
        return;
    }
    FUZZ_CHECK(result == GYRE_OK, "scan: %s", gyre_strerror(result));
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        FUZZ_CHECK(!there[i] || scan.seen[i] || w->model.changed[i] || !world_is_there(w, i),
                   "the scan left key %u out", i);
}

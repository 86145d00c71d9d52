/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <string.h>

#include "world.h"

/* Keeps the view, when there is room and the bytes say so; else checks and gives it back. */
static void
keep_or_release(struct world *w, unsigned key, gyre_view *view, const char *where)
{
    unsigned slot = (unsigned)fuzz_take(&w->in, 1);

    model_check_view(&w->model, key, view, where);
    if (slot < VIEWS && w->views[slot].view.data == NULL) {
        w->views[slot] =
            (struct held_view){*view, w->model.values[key].number, view->data, view->size};
        w->model.held++;
        return;
    }
    gyre_release(view);
    gyre_release(view);
}

bool
world_is_there(struct world *w, unsigned i)
{
    gyre_key k = model_key(i);
    gyre_view view;
    int result = gyre_get(w->model.cache, k.data, k.size, &view);

    model_check_lookup(&w->model, i, result);
    if (result == GYRE_OK)
        model_check_view(&w->model, i, &view, "get");
    gyre_release(&view);
    return result == GYRE_OK;
}

void
world_get(struct world *w)
{
    unsigned key = world_take_key(w);
    gyre_key k = model_key(key);
    gyre_view view;
    int result = gyre_get(w->model.cache, k.data, k.size, &view);

    model_check_lookup(&w->model, key, result);
    if (result == GYRE_OK)
        keep_or_release(w, key, &view, "get");
    else
        gyre_release(&view);
}

void
world_get_many(struct world *w)
{
    size_t n = fuzz_take(&w->in, 1) % (BATCH + 1), hits = 0;
    unsigned which[BATCH];
    gyre_key keys[BATCH] = {{NULL, 0}};
    gyre_view views[BATCH];
    int results[BATCH];

    for (size_t i = 0; i < n; i++) {
        which[i] = world_take_key(w);
        keys[i] = model_key(which[i]);
    }
    size_t told = gyre_get_many(w->model.cache, n, keys, views, results);
    for (size_t i = 0; i < n; i++) {
        model_check_lookup(&w->model, which[i], results[i]);
        hits += results[i] == GYRE_OK;
        if (results[i] == GYRE_OK)
            model_check_view(&w->model, which[i], &views[i], "get_many");
    }
    FUZZ_CHECK(told == hits, "%zu hits, not %zu", hits, told);
    for (size_t i = 0; i < n; i++) {
        if (results[i] == GYRE_OK)
            keep_or_release(w, which[i], &views[i], "get_many, later");
    }
}

void
world_read(struct world *w)
{
    unsigned key = world_take_key(w);
    gyre_key k = model_key(key);
    size_t room = world_take_size(w), size = 12345;
    unsigned char *buffer = room > 0 ? malloc(room) : NULL;

    if (buffer != NULL)
        memset(buffer, 0xee, room);
    int result = gyre_read(w->model.cache, k.data, k.size, buffer, room, &size);
    model_check_lookup(&w->model, key, result);
    if (result == GYRE_OK || result == GYRE_E2BIG)
        FUZZ_CHECK(size == w->model.values[key].size && (size > room) == (result == GYRE_E2BIG),
                   "read: %zu bytes", size);
    if (result == GYRE_OK)
        model_check_bytes(w->model.values[key].number, buffer, size, "read");
    for (size_t i = result == GYRE_OK ? size : 0; i < room; i++)
        FUZZ_CHECK(buffer[i] == 0xee, "read wrote at %zu", i);
    free(buffer);
}

static void
check_held(const struct held_view *held)
{
    FUZZ_CHECK(held->view.data == held->data && held->view.size == held->size,
               "a held view changed");
    model_check_bytes(held->number, held->data, held->size, "a held view");
}

void
world_check_views(struct world *w)
{
    for (unsigned i = 0; i < VIEWS; i++) {
        if (w->views[i].view.data != NULL)
            check_held(&w->views[i]);
    }
}

void
world_release(struct world *w, unsigned view)
{
    struct held_view *held = &w->views[view];

    if (held->view.data == NULL)
        return;
    check_held(held);
    gyre_release(&held->view);
    gyre_release(&held->view);
    held->view.data = NULL;
    w->model.held--;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "window.h"

#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>

#include "round.h"

#define KEYS 8
#define VALUE_BYTES 64
#define WHY_BYTES 480
#define SPINS 2000 /* before a waiting worker lets others run */

/* What a worker knows of the key: the value that it last met. */
struct knowledge {
    uint32_t id;
    uint64_t version;
};

struct move {
    struct window *window;
    struct rng *rng;
    struct wgl_op *op;
    unsigned char key[KEY_BYTES_MAX];
    size_t key_size;
    struct knowledge *known;
};

void
window_init(struct window *window, gyre *cache, unsigned n_workers, bool stormy)
{
    *window = (struct window){.cache = cache, .n_workers = n_workers, .stormy = stormy};
    window->shape = (struct value_shape){VALUE_BYTES, 11};
    window->too_big = (size_t)stats_of(cache).max_value_bytes + 1;
}

static struct key
key_of(const struct window *window)
{
    return (struct key){WINDOW, window->base / WGL_OPS_MAX % KEYS};
}

/* ---- one operation ----------------------------------------------------------------------------
 */

static enum wgl_result
result_of(int rc)
{
    switch (rc) {
    case GYRE_OK:
        return WGL_OK;
    case GYRE_MISS:
        return WGL_MISS;
    case GYRE_EXISTS:
        return WGL_EXISTS;
    case GYRE_CHANGED:
        return WGL_CHANGED;
    case GYRE_E2BIG:
        return WGL_REJECTED;
    case GYRE_EBUSY:
        return WGL_FAILED;
    default:
        stress_fail("an operation on a key of a window: %s", gyre_strerror(rc));
        return WGL_FAILED;
    }
}

/* Through a draft, now and then dropped: a put that failed. */
static int
put_by_draft(const struct move *move, size_t size, const gyre_put_options *options)
{
    gyre_draft draft;
    int rc = gyre_reserve(move->window->cache, move->key, move->key_size, size, options, &draft);
    if (rc != GYRE_OK)
        return rc;
    value_write(key_of(move->window), move->op->id, draft.data, size);
    if (!rng_one_in(move->rng, 8))
        return gyre_commit(&draft);
    gyre_abort(&draft);
    return GYRE_EBUSY;
}

static int
put(struct move *move)
{
    static const uint32_t flags[] = {0, GYRE_ADD, GYRE_REPLACE, GYRE_IF_VERSION};
    struct window *window = move->window;
    struct wgl_op *op = move->op;
    unsigned char value[VALUE_BYTES];
    uint64_t version = 0;
    size_t size = value_size(&window->shape, key_of(window), op->id);
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    options.flags = flags[op->kind];
    options.user_flags = value_flags(op->id);
    options.version = move->known->version;
    options.new_version = &version;
    op->expected = op->kind == WGL_IF_VERSION ? move->known->id : 0;
    if (window->stormy && rng_one_in(move->rng, 4))
        options.ttl_ms = (uint32_t)rng_between(move->rng, 1, 3);
    value_write(key_of(window), op->id, value, size);
    int rc;
    if (rng_one_in(move->rng, 32))
        rc = gyre_put(window->cache, move->key, move->key_size, value, window->too_big, &options);
    else if (rng_one_in(move->rng, 6))
        rc = put_by_draft(move, size, &options);
    else
        rc = gyre_put(window->cache, move->key, move->key_size, value, size, &options);
    if (rc == GYRE_OK)
        *move->known = (struct knowledge){op->id, version};
    return rc;
}

static int
get(struct move *move)
{
    struct window *window = move->window;
    gyre_key wanted[] = {{move->key, move->key_size}, {move->key, move->key_size}};
    gyre_view views[2], view;
    int rc, results[2];
    if (rng_one_in(move->rng, 4)) {
        gyre_get_many(window->cache, 2, wanted, views, results);
        gyre_release(&views[1]);
        view = views[0];
        rc = results[0];
    } else {
        rc = gyre_get(window->cache, move->key, move->key_size, &view);
    }
    if (rc != GYRE_OK)
        return rc;
    move->op->id = value_check(&window->shape, key_of(window), view.data, view.size, view.user_flags,
                               "window");
    *move->known = (struct knowledge){move->op->id, view.version};
    gyre_release(&view);
    return rc;
}

static int
operate(struct move *move)
{
    gyre *cache = move->window->cache;
    uint64_t draw = rng_below(move->rng, 100);
    if (move->window->stormy && rng_one_in(move->rng, 200)) {
        move->op->kind = WGL_DELETE;
        return gyre_clear(cache) == GYRE_OK ? GYRE_MISS : GYRE_EINVAL;
    }
    if (draw < 64) {
        move->op->kind = draw < 16 ? WGL_PUT : draw < 32 ? WGL_ADD : WGL_REPLACE;
        if (draw >= 42 && move->known->id)
            move->op->kind = WGL_IF_VERSION;
        return put(move);
    }
    if (draw < 76) {
        move->op->kind = WGL_DELETE;
        return gyre_delete(cache, move->key, move->key_size);
    }
    if (draw < 82) {
        move->op->kind = WGL_TOUCH;
        return gyre_touch(cache, move->key, move->key_size, GYRE_NO_TTL);
    }
    move->op->kind = WGL_GET;
    return get(move);
}

/* ---- the window -------------------------------------------------------------------------------
 */

/* All meet. True for the last one, for whom the others wait until it calls go_on. */
static bool
meet(struct window *window)
{
    unsigned lap = atomic_load(&window->lap), spins = 0;
    if (atomic_fetch_add(&window->arrived, 1) + 1 == window->n_workers)
        return true;
    while (atomic_load(&window->lap) == lap)
        if (++spins > SPINS)
            sched_yield();
    return false;
}

static void
go_on(struct window *window)
{
    atomic_store(&window->arrived, 0);
    atomic_fetch_add(&window->lap, 1);
}

static bool
overlap(const struct wgl_op *a, const struct wgl_op *b)
{
    return a->start <= b->end && b->start <= a->end;
}

static void
judge(struct window *window, unsigned share)
{
    unsigned n = share * window->n_workers;
    char why[WHY_BYTES];
    unsigned char key[KEY_BYTES_MAX];
    size_t key_size = key_write(key_of(window), key);
    if (!wgl_check(window->ops, n, 0, why, sizeof why))
        stress_fail("key %c%u: no order explains a window of %u operations: %s", WINDOW,
                    key_of(window).number, n, why);
    for (unsigned i = 0; i < n; i++) {
        bool met = false;
        for (unsigned j = 0; j < n && !met; j++)
            met = i / share != j / share && overlap(&window->ops[i], &window->ops[j]);
        window->overlapping += met;
    }
    window->windows++;
    stress_tally.checked += n;
    int rc = gyre_delete(window->cache, key, key_size);
    if (rc != GYRE_OK && rc != GYRE_MISS)
        stress_fail("delete at the end of a window: %s", gyre_strerror(rc));
    window->base += WGL_OPS_MAX;
}

void
window_play(struct window *window, unsigned worker, struct rng *rng)
{
    unsigned share = WGL_OPS_MAX / window->n_workers;
    struct knowledge known = {0, 0};
    if (meet(window))
        go_on(window);
    struct move move = {.window = window, .rng = rng, .known = &known};
    move.key_size = key_write(key_of(window), move.key);
    for (unsigned i = 0; i < share; i++) {
        unsigned at = worker * share + i;
        struct wgl_op *op = move.op = &window->ops[at];
        *op = (struct wgl_op){.id = window->base + at + 1};
        op->start = history_now();
        int rc = operate(&move);
        op->end = history_now();
        op->result = result_of(rc);
    }
    stress_tally.operations += share;
    if (meet(window)) {
        judge(window, share);
        go_on(window);
    }
}

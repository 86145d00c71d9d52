/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Windows: all workers at once make a few operations of every kind on one key, WGL_OPS_MAX in all;
 * then wgl.h must find an order that explains what they answered. Nothing of the key is left for the
 * next window, and ids are never used again, so a value that outlives its window is found out. */

#ifndef GYRE_STRESS_WINDOW_H
#define GYRE_STRESS_WINDOW_H

#include "stress.h"
#include "value.h"
#include "wgl.h"

#define WINDOW 'w' /* the class of its keys */

struct window {
    gyre *cache; /* with GYRE_VERSIONS */
    unsigned n_workers;
    bool stormy; /* the key may be cleared and may expire, too */
    struct value_shape shape;
    size_t too_big; /* bytes of a value that the cache rejects */
    uint32_t base;  /* the ids of this window are above it */
    _Atomic unsigned arrived, lap;
    struct wgl_op ops[WGL_OPS_MAX];
    uint64_t windows, overlapping; /* checked; operations that met another worker's */
};

/* Fills in a window; its memory is the caller's. */
void window_init(struct window *window, gyre *cache, unsigned n_workers, bool stormy);

/* One window. To be called by all workers, as often by each; returns when it is checked. */
void window_play(struct window *window, unsigned worker, struct rng *rng);

#endif

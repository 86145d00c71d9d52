/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What a schedule's history must be. */

#include <inttypes.h>

#include "base.h"
#include "ops.h"

enum { CHOICES_MOST = 6 };

/* A miss of a value that stood before it and is found after it: possible while its word is in the making or
 * on its way, and then counted. */
static bool
came_back(const struct operation *miss, unsigned key)
{
    for (unsigned i = 0; i < ops_history.n; i++) {
        const struct operation *hit = &ops_history.op[i];
        if (hit->key != key || hit->op.kind != WGL_GET || hit->op.result != WGL_OK || hit->op.start <= miss->op.end)
            continue;
        uint64_t first_expiry = ops_history.value[hit->op.id].first_expiry_ms;
        if (first_expiry != 0 && first_expiry <= miss->clock_ms)
            continue; /* it was over, and a touch that had met it before went on */
        for (unsigned p = 0; p < ops_history.n; p++) {
            const struct operation *put = &ops_history.op[p];
            if (put->key == key && put->op.kind != WGL_GET && put->op.id == hit->op.id && put->op.result == WGL_OK &&
                put->op.end < miss->op.start)
                return true;
        }
    }
    return false;
}

void
ops_check_misses(uint64_t counted)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < ops_history.n; i++) {
        const struct operation *o = &ops_history.op[i];
        if (o->op.kind == WGL_GET && o->op.result == WGL_MISS)
            n += came_back(o, o->key);
    }
    if (n > counted)
        sched_violation("%" PRIu64 " misses of values that came back, and %" PRIu64 " are admitted", n, counted);
}

/* The operations of a key, those of the dead as `done` says: an effect by the time they died, or none. How many were of
 * the dead. */
static unsigned
of_key(unsigned key, unsigned done, struct wgl_op *ops, unsigned *n)
{
    unsigned of_the_dead = 0;
    *n = 0;
    for (unsigned i = 0; i < ops_history.n && *n < WGL_OPS_MAX; i++) {
        struct wgl_op op = ops_history.op[i].op;
        if (ops_history.op[i].key != key)
            continue;
        if (ops_history.op[i].died) {
            bool happened = of_the_dead < CHOICES_MOST && done >> of_the_dead & 1;
            of_the_dead++;
            if (!happened || op.kind == WGL_GET || op.kind == WGL_TOUCH)
                continue;
            op.result = op.kind == WGL_DELETE ? WGL_MISS : WGL_OK;
        }
        ops[(*n)++] = op;
    }
    return of_the_dead;
}

void
ops_check(unsigned n_keys)
{
    for (unsigned k = 0; k < n_keys; k++) {
        struct wgl_op ops[WGL_OPS_MAX];
        char why[300];
        unsigned n, of_the_dead = of_key(k, 0, ops, &n), choices = 1u << gy_min(of_the_dead, CHOICES_MOST);
        bool explained = false;
        for (unsigned done = 0; done < choices && !explained; done++) {
            of_key(k, done, ops, &n);
            explained = wgl_check(ops, n, 0, why, sizeof why);
        }
        if (!explained) {
            sched_violation("key %u: no order explains its history: %s", k, why);
            return;
        }
    }
}

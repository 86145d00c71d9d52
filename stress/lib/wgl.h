/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Is a small history of one key one that docs/specification.md allows? Exhaustive: it looks for an
 * order of the operations that keeps to their real times and to what a register with eviction may
 * answer, in the way of Wing and Gong, with Lowe's memory of what was tried before. (history.h checks
 * long histories, without conditions.)
 *
 * The key holds an id or nothing. Its entry may be evicted at any instant, and a lookup may miss it
 * for reasons of its own, so nothing ever requires absence:
 *
 *   PUT        OK: holds id. REJECTED: holds nothing
 *   ADD        OK: holds id. EXISTS: held something. REJECTED: no effect
 *   REPLACE    OK: held something, holds id. MISS: no effect. REJECTED: holds nothing
 *   IF_VERSION OK: held expected, holds id. CHANGED: held another. MISS: no effect. REJECTED: holds
 *              nothing when it held expected, else no effect
 *   DELETE     OK: held something, holds nothing. MISS: holds nothing
 *   GET        OK: held id. MISS: no effect
 *   TOUCH      OK: held something, holds it still. MISS: no effect
 *   any        FAILED: no effect. PENDING: its OK may happen once after start, or never
 *
 * A clear is a DELETE with the result MISS, of every key. A value whose TTL may be over may be
 * found or missed; since every miss is allowed, may_have_expired widens nothing further. That a
 * value is *not* found when its TTL is surely over is for the caller to check. */

#ifndef GYRE_STRESS_WGL_H
#define GYRE_STRESS_WGL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WGL_OPS_MAX 64

enum wgl_kind { WGL_PUT, WGL_ADD, WGL_REPLACE, WGL_IF_VERSION, WGL_DELETE, WGL_GET, WGL_TOUCH };

enum wgl_result {
    WGL_OK,
    WGL_MISS,
    WGL_EXISTS,
    WGL_CHANGED,
    WGL_REJECTED, /* an oversized put: GYRE_E2BIG */
    WGL_PENDING,  /* it has not returned, and may never */
    WGL_FAILED    /* any other error, GYRE_EBUSY for one */
};

struct wgl_op {
    uint64_t start, end; /* instants; the end of a pending operation is UINT64_MAX */
    enum wgl_kind kind;
    enum wgl_result result;
    uint32_t id;           /* the value written, or read by a GET that hit; not 0 */
    uint32_t expected;     /* IF_VERSION: the id of the value whose version was given */
    bool may_have_expired; /* the TTL of what it looked for may be over */
};

/* False when no order explains the n operations (at most WGL_OPS_MAX, in any order) on a key that
 * held initial_id before them, 0 for nothing; why then says how far an order came. One operation
 * precedes another when it ended before that started; equal instants overlap.
 * The time is small as long as few operations overlap; pending ones overlap all that is later. */
bool wgl_check(const struct wgl_op *ops, unsigned n, uint32_t initial_id, char *why,
               size_t why_bytes);

#endif

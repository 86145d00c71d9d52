/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "wgl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PLACES 128 /* enough for most histories of a dozen operations; a power of two */
#define BIT(i) (UINT64_C(1) << (i))

/* Where a search has been: an order of the operations in done, after which the key held state. */
struct place {
    uint64_t done;
    uint32_t state;
    bool taken;
};

struct search {
    const struct wgl_op *ops;
    unsigned n;
    uint64_t required; /* all that are not pending */
    struct place *places, first[FIRST_PLACES];
    size_t n_places, n_taken; /* n_places is a power of two */
    uint64_t deepest;         /* the largest done, and */
    uint32_t deepest_state;   /* the state that it was stuck in */
};

/* ---- where it has been ------------------------------------------------------------------------ */

static struct place *
place_of(struct place *places, size_t n_places, uint64_t done, uint32_t state)
{
    uint64_t hash = (done ^ (uint64_t)state << 32) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(hash >> 32 ^ hash) & (n_places - 1);
    while (places[i].taken && (places[i].done != done || places[i].state != state))
        i = (i + 1) & (n_places - 1);
    return &places[i];
}

static void
double_places(struct search *search)
{
    size_t n = search->n_places * 2;
    struct place *places = calloc(n, sizeof *places);
    if (!places)
        abort();
    for (size_t i = 0; i < search->n_places; i++) {
        const struct place *place = &search->places[i];
        if (place->taken)
            *place_of(places, n, place->done, place->state) = *place;
    }
    if (search->places != search->first)
        free(search->places);
    search->places = places;
    search->n_places = n;
}

/* True the first time. */
static bool
remember(struct search *search, uint64_t done, uint32_t state)
{
    struct place *place = place_of(search->places, search->n_places, done, state);
    if (place->taken)
        return false;
    *place = (struct place){done, state, true};
    if (++search->n_taken > search->n_places / 2)
        double_places(search);
    return true;
}

/* ---- the register ----------------------------------------------------------------------------- */

/* What the key holds after an operation that took effect. False: not from this state. */
static bool
take_effect(const struct wgl_op *op, uint32_t *state)
{
    switch (op->kind) {
    case WGL_PUT:
    case WGL_ADD:
        *state = op->id;
        return true;
    case WGL_REPLACE:
        if (*state == 0)
            return false;
        *state = op->id;
        return true;
    case WGL_IF_VERSION:
        if (*state != op->expected)
            return false;
        *state = op->id;
        return true;
    case WGL_DELETE:
        if (*state == 0)
            return false;
        *state = 0;
        return true;
    case WGL_GET:
        return *state == op->id;
    case WGL_TOUCH:
        return *state != 0;
    }
    return false;
}

static bool
apply(const struct wgl_op *op, uint32_t *state)
{
    switch (op->result) {
    case WGL_OK:
    case WGL_PENDING:
        return take_effect(op, state);
    case WGL_MISS:
        if (op->kind == WGL_DELETE)
            *state = 0;
        return true;
    case WGL_EXISTS:
        return *state != 0;
    case WGL_CHANGED:
        return *state != 0 && *state != op->expected;
    case WGL_REJECTED:
        if (op->kind != WGL_ADD && (op->kind != WGL_IF_VERSION || *state == op->expected))
            *state = 0;
        return true;
    case WGL_FAILED:
        return true;
    }
    return false;
}

/* What each kind of operation can answer at all. */
static bool
can_be(const struct wgl_op *op)
{
    static const unsigned allowed[] = {
        [WGL_PUT] = BIT(WGL_REJECTED),
        [WGL_ADD] = BIT(WGL_EXISTS) | BIT(WGL_REJECTED),
        [WGL_REPLACE] = BIT(WGL_MISS) | BIT(WGL_REJECTED),
        [WGL_IF_VERSION] = BIT(WGL_MISS) | BIT(WGL_CHANGED) | BIT(WGL_REJECTED),
        [WGL_DELETE] = BIT(WGL_MISS),
        [WGL_GET] = BIT(WGL_MISS),
        [WGL_TOUCH] = BIT(WGL_MISS),
    };
    const unsigned always = BIT(WGL_OK) | BIT(WGL_PENDING) | BIT(WGL_FAILED);
    bool names_value = op->kind != WGL_DELETE && op->kind != WGL_TOUCH && op->result == WGL_OK;
    return (unsigned)op->kind < sizeof allowed / sizeof allowed[0] &&
           ((allowed[op->kind] | always) >> op->result & 1) != 0 && op->start <= op->end &&
           (op->result != WGL_PENDING || op->end == UINT64_MAX) && (!names_value || op->id != 0) &&
           (op->kind != WGL_IF_VERSION || op->expected != 0);
}

/* ---- the search ------------------------------------------------------------------------------- */

/* Those that may come next: nothing that is left ended before they started. */
static uint64_t
candidates(const struct search *search, uint64_t done)
{
    uint64_t horizon = UINT64_MAX, result = 0;
    for (unsigned i = 0; i < search->n; i++)
        if (!(done & BIT(i)) && search->ops[i].end < horizon)
            horizon = search->ops[i].end;
    for (unsigned i = 0; i < search->n; i++)
        if (!(done & BIT(i)) && search->ops[i].start <= horizon)
            result |= BIT(i);
    return result;
}

static bool
stores(const struct wgl_op *op)
{
    return op->kind <= WGL_IF_VERSION && (op->result == WGL_OK || op->result == WGL_PENDING);
}

/* Takes all that can come next, store nothing and leave the state as it is: whatever order explains
 * the rest, they may as well come first, for nothing needs a key to be absent. Returns the new done;
 * *next is what else may follow. */
static uint64_t
take_harmless(const struct search *search, uint64_t done, uint32_t state, uint64_t *next)
{
    for (;;) {
        uint64_t before = done;
        *next = candidates(search, done);
        for (uint64_t left = *next & search->required; left; left &= left - 1) {
            unsigned i = (unsigned)__builtin_ctzll(left);
            uint32_t after = state;
            if (!stores(&search->ops[i]) && apply(&search->ops[i], &after) && after == state)
                done |= BIT(i);
        }
        if (done == before)
            return done;
    }
}

static bool
explains(struct search *search, uint64_t done, uint32_t state)
{
    uint64_t next;
    done = take_harmless(search, done, state, &next);
    if ((done & search->required) == search->required)
        return true;
    if (!remember(search, done, state))
        return false;
    if (__builtin_popcountll(done & search->required) >=
        __builtin_popcountll(search->deepest & search->required)) {
        search->deepest = done;
        search->deepest_state = state;
    }
    for (; next; next &= next - 1) {
        unsigned i = (unsigned)__builtin_ctzll(next);
        uint32_t after = state;
        if ((stores(&search->ops[i]) || search->required & BIT(i)) &&
            apply(&search->ops[i], &after) && explains(search, done | BIT(i), after))
            return true;
    }
    return false;
}

/* ---- the report ------------------------------------------------------------------------------- */

static size_t
write_op(char *text, size_t room, const struct wgl_op *op, unsigned i)
{
    static const char *const kinds[] = {"put",    "add", "replace", "if_version",
                                        "delete", "get", "touch"};
    static const char *const results[] = {"ok",       "miss",    "exists", "changed",
                                          "rejected", "pending", "failed"};
    bool known = (unsigned)op->kind < 7 && (unsigned)op->result < 7;
    int n = snprintf(text, room, " #%u %s(id %u", i, known ? kinds[op->kind] : "?", op->id);
    if (n >= 0 && (size_t)n < room && op->kind == WGL_IF_VERSION)
        n += snprintf(text + n, room - (size_t)n, " over %u", op->expected);
    if (n >= 0 && (size_t)n < room)
        n += snprintf(text + n, room - (size_t)n, ")=%s [%" PRIu64 ",%" PRIu64 "]",
                      known ? results[op->result] : "?", op->start, op->end);
    return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void
write_why(const struct search *search, char *why, size_t why_bytes)
{
    uint64_t left = candidates(search, search->deepest) & search->required;
    int n = snprintf(why, why_bytes, "%d of %u explained, then the key holds %u; next would be:",
                     __builtin_popcountll(search->deepest), search->n, search->deepest_state);
    size_t used = n < 0 ? 0 : (size_t)n < why_bytes ? (size_t)n : why_bytes - 1;
    for (; left && used + 1 < why_bytes; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        used += write_op(why + used, why_bytes - used, &search->ops[i], i);
    }
}

bool
wgl_check(const struct wgl_op *ops, unsigned n, uint32_t initial_id, char *why, size_t why_bytes)
{
    if (why_bytes)
        why[0] = '\0';
    if (n > WGL_OPS_MAX) {
        snprintf(why, why_bytes, "%u operations, %d at most", n, WGL_OPS_MAX);
        return false;
    }
    struct search search;
    search.ops = ops;
    search.n = n;
    search.required = search.deepest = 0;
    search.deepest_state = initial_id;
    search.places = search.first;
    search.n_places = FIRST_PLACES;
    search.n_taken = 0;
    memset(search.first, 0, sizeof search.first);
    for (unsigned i = 0; i < n; i++) {
        if (!can_be(&ops[i])) {
            size_t used = (size_t)snprintf(why, why_bytes, "not an operation:");
            if (used < why_bytes)
                write_op(why + used, why_bytes - used, &ops[i], i);
            return false;
        }
        if (ops[i].result != WGL_PENDING)
            search.required |= BIT(i);
    }
    bool legal = explains(&search, 0, initial_id);
    if (!legal)
        write_why(&search, why, why_bytes);
    if (search.places != search.first)
        free(search.places);
    return legal;
}

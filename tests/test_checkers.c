/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "wgl.h"

#include <stdio.h>
#include <string.h>

#include "api.h"

/* ---- the exhaustive checker of small histories ------------------------------------------------ */

#define OP(kind_, result_, start_, end_, ...)                                                      \
    (struct wgl_op) { .kind = WGL_##kind_, .result = WGL_##result_, .start = start_, .end = end_,  \
                      __VA_ARGS__ }
#define PENDING_OP(kind_, start_, ...) OP(kind_, PENDING, start_, UINT64_MAX, __VA_ARGS__)

static char why[1024];

#define EXPLAINED(initial, ...)                                                                    \
    wgl_check((const struct wgl_op[]){__VA_ARGS__},                                                \
              sizeof(const struct wgl_op[]){__VA_ARGS__} / sizeof(struct wgl_op), initial, why,    \
              sizeof why)

TEST(wgl, what_a_register_with_eviction_may_answer)
{
    CHECK(wgl_check(NULL, 0, 7, why, sizeof why));
    CHECK(EXPLAINED(7, OP(GET, OK, 1, 2, .id = 7), OP(GET, MISS, 3, 4), OP(GET, OK, 5, 6, .id = 7)));
    CHECK(EXPLAINED(0, OP(PUT, OK, 1, 2, .id = 1), OP(ADD, OK, 3, 4, .id = 2), OP(GET, OK, 5, 6, .id = 2)));
    CHECK(EXPLAINED(0, OP(PUT, OK, 1, 9, .id = 1), OP(PUT, OK, 2, 8, .id = 2), OP(GET, OK, 10, 11, .id = 1)));
    CHECK(EXPLAINED(3, OP(REPLACE, OK, 1, 2, .id = 4), OP(IF_VERSION, OK, 3, 4, .id = 5, .expected = 4),
                    OP(IF_VERSION, CHANGED, 5, 6, .id = 6, .expected = 4), OP(TOUCH, OK, 7, 8),
                    OP(DELETE, OK, 9, 10), OP(DELETE, MISS, 11, 12), OP(REPLACE, MISS, 13, 14, .id = 7)));
    CHECK(EXPLAINED(3, OP(ADD, REJECTED, 1, 2), OP(IF_VERSION, REJECTED, 3, 4, .expected = 9),
                    OP(PUT, FAILED, 5, 6, .id = 4), OP(GET, OK, 7, 8, .id = 3)));
}

TEST(wgl, every_rule_is_kept)
{
    CHECK(!EXPLAINED(0, OP(GET, OK, 1, 2, .id = 7)));
    CHECK(!EXPLAINED(7, OP(PUT, OK, 1, 2, .id = 8), OP(GET, OK, 3, 4, .id = 7)));
    CHECK(!EXPLAINED(7, OP(ADD, OK, 1, 2, .id = 8), OP(GET, OK, 3, 4, .id = 7)));
    CHECK(!EXPLAINED(7, OP(DELETE, OK, 1, 2), OP(GET, OK, 3, 4, .id = 7)));
    CHECK(!EXPLAINED(7, OP(DELETE, MISS, 1, 2), OP(GET, OK, 3, 4, .id = 7)));
    CHECK(!EXPLAINED(7, OP(DELETE, OK, 1, 4), OP(DELETE, OK, 2, 3)));
    CHECK(!EXPLAINED(0, OP(ADD, EXISTS, 1, 2, .id = 8)));
    CHECK(!EXPLAINED(0, OP(REPLACE, OK, 1, 2, .id = 8)));
    CHECK(!EXPLAINED(0, OP(TOUCH, OK, 1, 2)));
    CHECK(!EXPLAINED(0, OP(IF_VERSION, CHANGED, 1, 2, .id = 8, .expected = 7)));
    CHECK(!EXPLAINED(7, OP(IF_VERSION, CHANGED, 1, 2, .id = 8, .expected = 7)));
    CHECK(!EXPLAINED(7, OP(IF_VERSION, OK, 1, 2, .id = 8, .expected = 6)));
    CHECK(!EXPLAINED(7, OP(PUT, REJECTED, 1, 2), OP(GET, OK, 3, 4, .id = 7)));
    CHECK(!EXPLAINED(7, OP(REPLACE, REJECTED, 1, 2), OP(GET, OK, 3, 4, .id = 7)));
    CHECK(!EXPLAINED(7, OP(IF_VERSION, REJECTED, 1, 2, .expected = 7), OP(GET, OK, 3, 4, .id = 7)));
    CHECK(!EXPLAINED(7, OP(PUT, FAILED, 1, 2, .id = 8), OP(GET, OK, 3, 4, .id = 8)));
}

TEST(wgl, real_time_is_kept)
{
    /* Two reads that disagree about the order of two puts. */
    CHECK(!EXPLAINED(0, OP(PUT, OK, 1, 9, .id = 1), OP(PUT, OK, 1, 9, .id = 2), OP(GET, OK, 2, 3, .id = 1),
                     OP(GET, OK, 4, 5, .id = 2), OP(GET, OK, 6, 7, .id = 1)));
    CHECK(!EXPLAINED(0, OP(GET, OK, 1, 2, .id = 1), OP(PUT, OK, 3, 4, .id = 1)));
    CHECK(EXPLAINED(0, OP(GET, OK, 1, 3, .id = 1), OP(PUT, OK, 3, 4, .id = 1)));
    /* Two updates that both stood on one value: one is lost. */
    CHECK(!EXPLAINED(7, OP(IF_VERSION, OK, 1, 9, .id = 8, .expected = 7),
                     OP(IF_VERSION, OK, 1, 9, .id = 9, .expected = 7)));
    CHECK(EXPLAINED(7, OP(IF_VERSION, OK, 1, 9, .id = 8, .expected = 7),
                    OP(IF_VERSION, CHANGED, 1, 9, .id = 9, .expected = 7)));
    /* In whatever order they are written down. */
    CHECK(EXPLAINED(0, OP(GET, OK, 7, 8, .id = 2), OP(PUT, OK, 4, 5, .id = 2), OP(PUT, OK, 1, 2, .id = 1)));
}

TEST(wgl, a_pending_operation_happens_once_or_never)
{
    CHECK(EXPLAINED(7, PENDING_OP(PUT, 5, .id = 8), OP(GET, OK, 6, 7, .id = 7)));
    CHECK(EXPLAINED(7, PENDING_OP(PUT, 5, .id = 8), OP(GET, OK, 6, 7, .id = 7), OP(GET, OK, 90, 91, .id = 8)));
    CHECK(!EXPLAINED(7, PENDING_OP(PUT, 5, .id = 8), OP(GET, OK, 3, 4, .id = 8)));
    CHECK(!EXPLAINED(7, PENDING_OP(PUT, 1, .id = 8), OP(GET, OK, 2, 3, .id = 8), OP(GET, OK, 4, 5, .id = 7)));
    CHECK(!EXPLAINED(7, PENDING_OP(PUT, 1, .id = 8), OP(GET, OK, 2, 3, .id = 8), OP(DELETE, OK, 4, 5),
                     OP(GET, OK, 6, 7, .id = 8)));
    CHECK(!EXPLAINED(7, PENDING_OP(IF_VERSION, 1, .id = 8, .expected = 6), OP(GET, OK, 2, 3, .id = 8)));
    CHECK(EXPLAINED(7, PENDING_OP(DELETE, 1), PENDING_OP(GET, 1), PENDING_OP(TOUCH, 1),
                    OP(GET, OK, 2, 3, .id = 7)));
}

TEST(wgl, what_is_no_history_is_said)
{
    CHECK(!EXPLAINED(7, OP(GET, EXISTS, 1, 2)));
    CHECK(strstr(why, "not an operation: #0") != NULL);
    CHECK(!EXPLAINED(7, OP(PUT, OK, 2, 1, .id = 1)));
    CHECK(!EXPLAINED(7, OP(PUT, PENDING, 2, 3, .id = 1)));
    CHECK(!EXPLAINED(7, OP(GET, OK, 2, 3, .id = 0)));
    CHECK(!wgl_check(NULL, WGL_OPS_MAX + 1, 0, why, sizeof why));
    CHECK(!wgl_check((const struct wgl_op[]){OP(GET, OK, 1, 2, .id = 3)}, 1, 4, NULL, 0));
    CHECK(!EXPLAINED(7, OP(PUT, OK, 1, 2, .id = 8), OP(GET, OK, 3, 4, .id = 7)));
    CHECK_STR(why, "1 of 2 explained, then the key holds 8; left: #1 get(id 7)=ok [3,4]");
}

/* A history that a register did give: operations take effect at instants of their intervals. */
struct invented {
    struct wgl_op ops[WGL_OPS_MAX];
    unsigned n;
    uint64_t seed;
    uint32_t state, newest;
};

/* Spans of 1 to width steps around the instant: about width operations overlap. */
static struct wgl_op *
invent(struct invented *history, uint64_t instant, uint64_t width)
{
    struct wgl_op *op = &history->ops[history->n++];
    *op = (struct wgl_op){.start = instant - api_random(&history->seed) % (4 * width),
                          .end = instant + api_random(&history->seed) % (4 * width)};
    uint64_t draw = api_random(&history->seed) >> 16;
    bool there = history->state != 0;
    op->kind = (enum wgl_kind)(draw % (WGL_TOUCH + 1));
    op->id = op->kind <= WGL_IF_VERSION ? ++history->newest : history->state;
    switch (op->kind) {
    case WGL_ADD:
        op->result = there ? WGL_EXISTS : WGL_OK;
        break;
    case WGL_IF_VERSION:
        op->expected = draw >> 8 & 1 && there ? history->state : 1;
        op->result = !there ? WGL_MISS : history->state == op->expected ? WGL_OK : WGL_CHANGED;
        break;
    case WGL_PUT:
        op->result = WGL_OK;
        break;
    default:
        op->result = there ? WGL_OK : WGL_MISS;
    }
    if (op->result == WGL_OK)
        history->state = op->kind <= WGL_IF_VERSION ? op->id : op->kind == WGL_DELETE ? 0 : history->state;
    if (draw >> 12 & 1 && op->kind == WGL_GET)
        op->result = WGL_MISS;
    if ((draw >> 16) % 16 == 0) {
        op->result = WGL_PENDING;
        op->end = UINT64_MAX;
    }
    if ((draw >> 24) % 16 == 0)
        history->state = 0;
    return op;
}

TEST(wgl, what_a_register_gave_is_explained_and_soon)
{
    uint64_t seed = api_seed("wgl");
    for (unsigned round = 0; round < 3000; round++) {
        struct invented history = {.seed = api_random(&seed), .newest = 1};
        unsigned n = 1 + (unsigned)(api_random(&seed) % WGL_OPS_MAX);
        for (unsigned i = 0; i < n; i++)
            invent(&history, 1000 + 4 * i, 1 + round % 8);
        CHECK_MSG(wgl_check(history.ops, history.n, 0, why, sizeof why), "round %u: %s", round, why);
    }
}

/* Every order that keeps real time, tried without any cleverness. */
static bool
explained_by_trying_all(const struct wgl_op *ops, unsigned n, unsigned done, uint32_t state)
{
    bool all = true;
    for (unsigned i = 0; i < n; i++)
        all &= done >> i & 1 || ops[i].result == WGL_PENDING;
    if (all)
        return true;
    for (unsigned i = 0; i < n; i++) {
        bool may_be_next = !(done >> i & 1);
        for (unsigned j = 0; j < n; j++)
            may_be_next &= done >> j & 1 || ops[j].end >= ops[i].start;
        if (!may_be_next)
            continue;
        /* The environment may evict first. A single operation is judged by the register's rules. */
        for (unsigned evicted = 0; evicted < 2; evicted++) {
            uint32_t before = evicted ? 0 : state, after = before;
            const struct wgl_op *op = &ops[i];
            bool there = before != 0, ok = op->result == WGL_OK || op->result == WGL_PENDING;
            bool legal = true;
            if (op->kind == WGL_ADD)
                legal = ok ? !there : there;
            else if (op->kind == WGL_REPLACE || op->kind == WGL_TOUCH)
                legal = !ok || there;
            else if (op->kind == WGL_DELETE)
                legal = op->result != WGL_OK || there;
            else if (op->kind == WGL_GET)
                legal = op->result != WGL_OK || before == op->id;
            else if (op->kind == WGL_IF_VERSION)
                legal = ok ? before == op->expected
                           : op->result == WGL_MISS || (there && before != op->expected);
            if (op->kind <= WGL_IF_VERSION && ok)
                after = op->id;
            else if (op->kind == WGL_DELETE)
                after = 0;
            if (legal && explained_by_trying_all(ops, n, done | 1u << i, after))
                return true;
        }
    }
    return false;
}

TEST(wgl, agrees_with_trying_every_order)
{
    uint64_t seed = api_seed("wgl");
    unsigned explained = 0, refused = 0;
    for (unsigned round = 0; round < 20000; round++) {
        struct invented history = {.seed = api_random(&seed), .newest = 1};
        unsigned n = 2 + (unsigned)(api_random(&seed) % 5);
        for (unsigned i = 0; i < n; i++)
            invent(&history, 100 + 4 * i, 1 + round % 4);
        /* Half of them with a lie in them. */
        struct wgl_op *lie = &history.ops[api_random(&seed) % n];
        if (round % 2 && lie->result != WGL_PENDING && lie->kind >= WGL_DELETE) {
            lie->result = WGL_OK;
            lie->id = 1 + (uint32_t)(api_random(&seed) % (history.newest + 1));
        }
        bool expected = explained_by_trying_all(history.ops, n, 0, 0);
        CHECK_MSG(wgl_check(history.ops, n, 0, why, sizeof why) == expected, "round %u: %s", round, why);
        expected ? explained++ : refused++;
    }
    CHECK(explained > 5000 && refused > 500);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../stress/lib/history.h"
#include "../stress/lib/watch.h"
#include "../stress/lib/wgl.h"
#include "api.h"

static uint64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

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
    /* An id may be written twice, if that must be. */
    CHECK(EXPLAINED(5, OP(PUT, OK, 1, 9, .id = 5), OP(DELETE, OK, 2, 3), OP(GET, OK, 10, 11, .id = 5)));
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
    CHECK_STR(why, "1 of 2 explained, then the key holds 8; next would be: #1 get(id 7)=ok [3,4]");
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
    uint64_t seed = api_seed("wgl"), n_ops = 0, spent_ns = 0;
    for (unsigned round = 0; round < 3000; round++) {
        struct invented history = {.seed = api_random(&seed), .newest = 1};
        unsigned n = 1 + (unsigned)(api_random(&seed) % WGL_OPS_MAX);
        for (unsigned i = 0; i < n; i++)
            invent(&history, 1000 + 4 * i, 1 + round % 8);
        uint64_t from = now_ns();
        CHECK_MSG(wgl_check(history.ops, history.n, 0, why, sizeof why), "round %u: %s", round, why);
        spent_ns += now_ns() - from;
        n_ops += n;
    }
    printf("windows: %.2f million operations a second\n", (double)n_ops * 1e3 / (double)spent_ns);
}

TEST(wgl, what_nothing_explains_is_refused_before_all_orders_are_tried)
{
    enum { PUTS = 13 };
    struct wgl_op ops[PUTS + 1];
    for (uint32_t i = 0; i < PUTS; i++)
        ops[i] = OP(PUT, OK, 1, 9, .id = i + 1);
    ops[PUTS] = OP(GET, OK, 10, 11, .id = PUTS + 1);
    CHECK(!wgl_check(ops, PUTS + 1, 0, why, sizeof why));
    ops[PUTS].id = 1;
    CHECK(wgl_check(ops, PUTS + 1, 0, why, sizeof why));
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

/* ---- the zone checker of long histories ------------------------------------------------------- */

/* What the checkers call of the stress programs: here a report is what is asked for. */
static unsigned reports;
static char last_report[512];
_Thread_local struct stress_tally stress_tally;

void
stress_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last_report, sizeof last_report, format, arguments);
    va_end(arguments);
    reports++;
}

uint64_t
stress_now_ns(void)
{
    return now_ns();
}

enum { EVENTS = 400000, HISTORY_KEYS = 16 };

/* A history of a register that is evicted, deleted, cleared and missed; times are steps of 10. */
static void
invent_history(struct history *history, uint64_t *seed, size_t n)
{
    uint32_t holds[HISTORY_KEYS] = {0};
    uint32_t newest = 0;
    history_init(history, n + 1);
    for (uint64_t step = 1; history->n < n; step++) {
        uint64_t draw = api_random(seed) >> 8, at = 100 + 10 * step;
        uint32_t key = (uint32_t)(draw % HISTORY_KEYS);
        uint64_t start = at - draw / 16 % 64, end = at + draw / 1024 % 64;
        unsigned kind = (unsigned)(draw / 65536 % 64);
        if (kind < 12)
            history_add(history, EVENT_WRITE, key, holds[key] = ++newest, start, end);
        else if (kind < 16)
            history_add(history, kind < 15 ? EVENT_DELETE : EVENT_CLEAR, key, holds[key] = 0, start, end);
        else if (kind < 18)
            holds[key] = 0;
        else if (holds[key])
            history_add(history, EVENT_READ, key, holds[key], start, end);
        else
            history_add(history, EVENT_MISS, key, 0, start, end);
    }
}

static struct history_verdict
verdict_of(const struct history *history)
{
    struct history halves[2] = {{history->events, history->n / 2, history->n / 2},
                                {history->events + history->n / 2, history->n - history->n / 2, 0}};
    reports = 0;
    struct history_verdict verdict = history_check(halves, 2, 't');
    CHECK_EQ(reports, verdict.violations);
    return verdict;
}

TEST(history, what_a_register_gave_is_accepted_and_at_speed)
{
    uint64_t seed = api_seed("history");
    struct history history;
    invent_history(&history, &seed, EVENTS);
    uint64_t from = now_ns();
    struct history_verdict verdict = verdict_of(&history);
    double seconds = (double)(now_ns() - from) / 1e9;
    CHECK_MSG(verdict.violations == 0, "%s", last_report);
    CHECK_EQ(verdict.operations, EVENTS);
    CHECK_EQ(verdict.spurious, 0);
    CHECK(verdict.zones > EVENTS / 10);
    printf("zones: %.1f million operations a second\n", EVENTS / 1e6 / seconds);
    history_free(&history);
}

/* The first event of a kind on a key that starts after an instant. */
static const struct event *
next_of_kind(const struct history *history, uint32_t key, enum event_kind kind, uint64_t after)
{
    for (size_t i = 0; i < history->n; i++) {
        const struct event *event = &history->events[i];
        if (event->key == key && event->kind == kind && event->start_ns > after)
            return event;
    }
    return NULL;
}

/* A put, and the next put or delete of its key. */
static const struct event *
some_put(const struct history *history, uint64_t *seed, enum event_kind kind, const struct event **next)
{
    for (;;) {
        const struct event *put = &history->events[api_random(seed) % history->n];
        *next = put->kind == EVENT_WRITE ? next_of_kind(history, put->key, kind, put->end_ns) : NULL;
        if (*next)
            return put;
    }
}

static bool
is_found_out(struct history *history, enum event_kind kind, uint32_t key, uint32_t id, uint64_t at)
{
    history_add(history, kind, key, id, at, at + 1);
    bool found = verdict_of(history).violations > 0;
    history->n--;
    return found;
}

TEST(history, every_injected_lie_is_found)
{
    uint64_t seed = api_seed("history");
    for (unsigned round = 0; round < 200; round++) {
        struct history history;
        const struct event *put, *next;
        invent_history(&history, &seed, 2000);
        CHECK_EQ(verdict_of(&history).violations, 0);
        put = some_put(&history, &seed, EVENT_WRITE, &next);
        CHECK_MSG(is_found_out(&history, EVENT_READ, put->key, put->id, next->end_ns + 1),
                  "round %u: a stale read", round);
        put = some_put(&history, &seed, EVENT_DELETE, &next);
        CHECK_MSG(is_found_out(&history, EVENT_READ, put->key, put->id, next->end_ns + 1),
                  "round %u: back after a delete", round);
        put = some_put(&history, &seed, EVENT_CLEAR, &next);
        CHECK_MSG(is_found_out(&history, EVENT_READ, put->key, put->id, next->end_ns + 1),
                  "round %u: back after a clear", round);
        CHECK_MSG(is_found_out(&history, EVENT_WRITE, put->key, put->id, put->end_ns),
                  "round %u: a lost update, two wrote one id", round);
        CHECK_MSG(is_found_out(&history, EVENT_READ, put->key, put->id, put->start_ns - 2),
                  "round %u: read before its put", round);
        CHECK_MSG(is_found_out(&history, EVENT_READ, put->key, 0xffffff, put->end_ns),
                  "round %u: never put", round);
        CHECK_EQ(verdict_of(&history).violations, 0);
        history_free(&history);
    }
}

TEST(history, a_value_stands_from_the_first_that_is_known_of_it)
{
    struct history history;
    history_init(&history, 16);
    history_add(&history, EVENT_WRITE, 1, 1, 10, 100);
    history_add(&history, EVENT_READ, 1, 1, 20, 30); /* before its put has returned */
    history_add(&history, EVENT_READ, 1, 1, 90, 95);
    history_add(&history, EVENT_WRITE, 2, 2, 40, 45); /* another key */
    CHECK_EQ(verdict_of(&history).violations, 0);
    history_add(&history, EVENT_WRITE, 1, 3, 40, 45);
    CHECK_EQ(verdict_of(&history).violations, 1);
    history_free(&history);
}

TEST(history, a_value_that_is_missed_and_comes_back_is_counted)
{
    struct history history;
    history_init(&history, 16);
    history_add(&history, EVENT_WRITE, 3, 1, 10, 20);
    history_add(&history, EVENT_MISS, 3, 0, 15, 25); /* perhaps before the put */
    history_add(&history, EVENT_MISS, 3, 0, 30, 40);
    history_add(&history, EVENT_MISS, 4, 0, 30, 40); /* another key */
    CHECK_EQ(verdict_of(&history).spurious, 0);      /* as if evicted */
    history_add(&history, EVENT_READ, 3, 1, 50, 60);
    CHECK_EQ(verdict_of(&history).spurious, 1);
    history_add(&history, EVENT_CLEAR, 3, 0, 35, 70); /* a clear that is under way may hide it */
    CHECK_EQ(verdict_of(&history).spurious, 0);
    CHECK_EQ(verdict_of(&history).violations, 0);
    history_free(&history);
}

/* ---- watched keys ----------------------------------------------------------------------------- */

TEST(watch, a_hit_is_between_what_was_done_and_what_is_begun)
{
    struct watch watch = {0, 0};
    struct key key = {'w', 1};
    reports = 0;
    watch_done(&watch, watch_begin(&watch));
    uint64_t low = watch_low(&watch);
    uint32_t second = watch_begin(&watch);
    watch_hit(&watch, key, low, 1, "test"); /* the put of 2 is under way: both may be read, */
    watch_hit(&watch, key, low, 2, "test");
    CHECK_EQ(reports, 0);
    watch_hit(&watch, key, watch_low(&watch), 1, "test"); /* but not 1 after 2 */
    CHECK_EQ(reports, 1);
    watch_hit(&watch, key, low, 3, "test"); /* nor what nobody has begun */
    CHECK_EQ(reports, 2);
    watch_done(&watch, second);
    uint32_t deleted = watch_begin(&watch);
    watch_done(&watch, deleted);
    watch_hit(&watch, key, watch_low(&watch), second, "test"); /* nor what was deleted */
    CHECK_EQ(reports, 3);
}

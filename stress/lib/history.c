/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "history.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "stress.h"

void
history_init(struct history *history, size_t room)
{
    *history = (struct history){malloc(room * sizeof(struct event)), 0, room};
    if (!history->events)
        abort();
}

void
history_free(struct history *history)
{
    free(history->events);
    *history = (struct history){NULL, 0, 0};
}

uint64_t
history_now(void)
{
    /* The reading orders itself after what came before it; the fences empty the store buffer before
     * it and keep later loads behind it. */
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t now = stress_now_ns();
#ifdef __x86_64__
    __builtin_ia32_lfence();
#endif
    atomic_thread_fence(memory_order_seq_cst);
    return now;
}

void
history_add(struct history *history, enum event_kind kind, uint32_t key, uint32_t id,
            uint64_t start_ns, uint64_t end_ns)
{
    history->events[history->n++] = (struct event){start_ns, end_ns, id, key, kind};
}

/* ---- the check --------------------------------------------------------------------------------
 */

struct zone {
    uint64_t write_start, first_end, last_start;
    uint32_t id, key;
};

struct check {
    char class;
    struct zone *zones; /* first the forward ones, by key and first_end */
    size_t n_zones, n_forward;
    uint32_t *places; /* zones by key and id: their number plus 1; 0 is free */
    size_t n_places;  /* a power of two */
    struct event *clears;
    size_t n_clears;
    struct history_verdict verdict;
};

#define FAIL(check, ...) ((check)->verdict.violations++, stress_fail(__VA_ARGS__))

static uint32_t *
place_of(const struct check *check, uint32_t key, uint32_t id)
{
    size_t at = (size_t)mix64((uint64_t)key << 32 | id) & (check->n_places - 1);
    for (; check->places[at]; at = (at + 1) & (check->n_places - 1)) {
        const struct zone *zone = &check->zones[check->places[at] - 1];
        if (zone->key == key && zone->id == id)
            break;
    }
    return &check->places[at];
}

/* A zone for each write, delete and clear. */
static void
begin_zone(struct check *check, const struct event *event)
{
    if (event->kind == EVENT_WRITE) {
        uint32_t *place = place_of(check, event->key, event->id);
        if (*place) {
            FAIL(check, "key %c%u: id %x was written twice: two updates stood on one value",
                 check->class, event->key, event->id);
            return;
        }
        *place = (uint32_t)check->n_zones + 1;
    }
    if (event->kind == EVENT_CLEAR)
        check->clears[check->n_clears++] = *event;
    check->zones[check->n_zones++] = (struct zone){event->start_ns, event->end_ns, event->start_ns,
                                                   event->id, event->key};
}

static void
widen_zone(struct check *check, const struct event *read)
{
    uint32_t place = *place_of(check, read->key, read->id);
    if (!place) {
        FAIL(check, "key %c%u: id %x was read and never written", check->class, read->key, read->id);
        return;
    }
    struct zone *zone = &check->zones[place - 1];
    if (read->end_ns < zone->write_start)
        FAIL(check, "key %c%u: id %x was read before it was written", check->class, read->key,
             read->id);
    if (read->end_ns < zone->first_end)
        zone->first_end = read->end_ns;
    if (read->start_ns > zone->last_start)
        zone->last_start = read->start_ns;
}

static int
compare_zones(const void *a, const void *b)
{
    const struct zone *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return (left->first_end > right->first_end) - (left->first_end < right->first_end);
}

/* The forward zones of a key must not overlap. They come first in zones afterwards. */
static void
check_forward(struct check *check)
{
    struct zone *zones = check->zones;
    for (size_t i = 0; i < check->n_zones; i++)
        if (zones[i].first_end < zones[i].last_start) {
            struct zone forward = zones[i];
            zones[i] = zones[check->n_forward];
            zones[check->n_forward++] = forward;
        }
    qsort(zones, check->n_forward, sizeof(struct zone), compare_zones);
    for (size_t i = 1; i < check->n_forward; i++)
        if (zones[i].key == zones[i - 1].key && zones[i].first_end < zones[i - 1].last_start)
            FAIL(check, "key %c%u: stale: id %x stood until %llu ns, id %x from %llu ns on",
                 check->class, zones[i].key, zones[i - 1].id,
                 (unsigned long long)zones[i - 1].last_start, zones[i].id,
                 (unsigned long long)zones[i].first_end);
}

/* The forward zone of the key that reaches from before from to after to; NULL when there is none. */
static const struct zone *
zone_around(const struct check *check, uint32_t key, uint64_t from, uint64_t to)
{
    size_t low = 0, high = check->n_forward; /* find the last one that begins before from */
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct zone *zone = &check->zones[middle];
        if (zone->key < key || (zone->key == key && zone->first_end < from))
            low = middle + 1;
        else
            high = middle;
    }
    const struct zone *zone = low ? &check->zones[low - 1] : NULL;
    return zone && zone->key == key && to < zone->last_start ? zone : NULL;
}

/* The instant of a backward zone must lie outside every forward zone. */
static void
check_backward(struct check *check)
{
    for (size_t i = check->n_forward; i < check->n_zones; i++) {
        const struct zone *backward = &check->zones[i];
        const struct zone *around = zone_around(check, backward->key, backward->last_start,
                                                backward->first_end);
        if (around)
            FAIL(check, "key %c%u: stale: id %x was read %llu ns after %s that came after it",
                 check->class, backward->key, around->id,
                 (unsigned long long)(around->last_start - backward->first_end),
                 backward->id ? "a put" : "a delete");
    }
}

static bool
is_spurious(const struct check *check, const struct event *miss)
{
    if (!zone_around(check, miss->key, miss->start_ns, miss->end_ns))
        return false;
    for (size_t i = 0; i < check->n_clears; i++) {
        const struct event *clear = &check->clears[i];
        if (clear->key == miss->key && clear->start_ns <= miss->end_ns &&
            miss->start_ns <= clear->end_ns)
            return false;
    }
    return true;
}

static void
check_all(struct check *check, const struct history *histories, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < histories[i].n; j++)
            if (histories[i].events[j].kind != EVENT_READ &&
                histories[i].events[j].kind != EVENT_MISS)
                begin_zone(check, &histories[i].events[j]);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < histories[i].n; j++)
            if (histories[i].events[j].kind == EVENT_READ)
                widen_zone(check, &histories[i].events[j]);
    check_forward(check);
    check_backward(check);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < histories[i].n; j++)
            if (histories[i].events[j].kind == EVENT_MISS)
                check->verdict.spurious += is_spurious(check, &histories[i].events[j]);
}

struct history_verdict
history_check(const struct history *histories, size_t n, char key_class)
{
    struct check check = {.class = key_class, .n_places = 2};
    size_t n_zones = 0, n_clears = 0;
    for (size_t i = 0; i < n; i++) {
        check.verdict.operations += histories[i].n;
        for (size_t j = 0; j < histories[i].n; j++) {
            enum event_kind kind = histories[i].events[j].kind;
            n_zones += kind != EVENT_READ && kind != EVENT_MISS;
            n_clears += kind == EVENT_CLEAR;
        }
    }
    while (check.n_places < 2 * n_zones)
        check.n_places *= 2;
    check.zones = malloc((n_zones + 1) * sizeof(struct zone));
    check.clears = malloc((n_clears + 1) * sizeof(struct event));
    check.places = calloc(check.n_places, sizeof(uint32_t));
    if (!check.zones || !check.clears || !check.places)
        abort();
    check_all(&check, histories, n);
    check.verdict.zones = check.n_zones;
    free(check.zones);
    free(check.clears);
    free(check.places);
    return check.verdict;
}

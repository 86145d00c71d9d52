/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "history.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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
    uint64_t first_end, last_start;
    uint32_t id;
};

static int
compare_events(const void *a, const void *b)
{
    const struct event *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    if (left->id != right->id)
        return left->id < right->id ? -1 : 1;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return (left->start_ns > right->start_ns) - (left->start_ns < right->start_ns);
}

static int
compare_zones(const void *a, const void *b)
{
    const struct zone *left = a, *right = b;
    return (left->first_end > right->first_end) - (left->first_end < right->first_end);
}

static bool
is_forward(const struct zone *zone)
{
    return zone->first_end < zone->last_start;
}

/* Events of one key and id, the write first; checks what needs no other value. */
static struct zone
zone_of(const struct event *events, size_t n, char class)
{
    struct zone zone = {events[0].end_ns, events[0].start_ns, events[0].id};
    if (events[0].kind != EVENT_WRITE)
        stress_fail("key %c%u: id %x was read and never written", class, events[0].key,
                    events[0].id);
    for (size_t i = 1; i < n; i++) {
        if (events[i].kind == EVENT_WRITE)
            stress_fail("key %c%u: id %x was written twice: two updates stood on one value", class,
                        events[i].key, events[i].id);
        else if (events[0].kind == EVENT_WRITE && events[i].end_ns < events[0].start_ns)
            stress_fail("key %c%u: id %x was read before it was written", class, events[i].key,
                        events[i].id);
        if (events[i].end_ns < zone.first_end)
            zone.first_end = events[i].end_ns;
        if (events[i].start_ns > zone.last_start)
            zone.last_start = events[i].start_ns;
    }
    return zone;
}

/* The forward zones, sorted, must not overlap; n_forward of them come first in zones. */
static void
check_forward(const struct zone *zones, size_t n_forward, uint32_t key, char class)
{
    for (size_t i = 1; i < n_forward; i++)
        if (zones[i].first_end < zones[i - 1].last_start)
            stress_fail("key %c%u: stale: id %x stood until %llu ns, id %x from %llu ns on", class,
                        key, zones[i - 1].id, (unsigned long long)zones[i - 1].last_start,
                        zones[i].id, (unsigned long long)zones[i].first_end);
}

/* The instant of a backward zone must lie outside every forward zone. */
static void
check_backward(const struct zone *zones, size_t n_forward, const struct zone *backward,
               uint32_t key, char class)
{
    size_t low = 0, high = n_forward; /* find the last forward zone that begins before it */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (zones[middle].first_end < backward->last_start)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && backward->first_end < zones[low - 1].last_start)
        stress_fail("key %c%u: stale: id %x was read %llu ns after %s that came after it", class,
                    key, zones[low - 1].id,
                    (unsigned long long)(zones[low - 1].last_start - backward->first_end),
                    backward->id ? "a put" : "a delete");
}

/* Events of one key, sorted. */
static uint64_t
check_key(const struct event *events, size_t n, struct zone *zones, char class)
{
    size_t n_zones = 0, n_forward = 0;
    for (size_t i = 0, next; i < n; i = next) {
        next = i + 1;
        if (events[i].kind == EVENT_DELETE) {
            zones[n_zones++] = (struct zone){events[i].end_ns, events[i].start_ns, 0};
            continue;
        }
        while (next < n && events[next].id == events[i].id)
            next++;
        zones[n_zones++] = zone_of(events + i, next - i, class);
    }
    for (size_t i = 0; i < n_zones; i++)
        if (is_forward(&zones[i])) {
            struct zone forward = zones[i];
            zones[i] = zones[n_forward];
            zones[n_forward++] = forward;
        }
    qsort(zones, n_forward, sizeof(struct zone), compare_zones);
    check_forward(zones, n_forward, events[0].key, class);
    for (size_t i = n_forward; i < n_zones; i++)
        check_backward(zones, n_forward, &zones[i], events[0].key, class);
    return n_zones;
}

uint64_t
history_check(const struct history *histories, size_t n, char key_class)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += histories[i].n;
    if (total == 0)
        return 0;
    struct event *all = malloc(total * sizeof(struct event));
    struct zone *zones = malloc(total * sizeof(struct zone));
    if (!all || !zones)
        abort();
    size_t filled = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(all + filled, histories[i].events, histories[i].n * sizeof(struct event));
        filled += histories[i].n;
    }
    qsort(all, total, sizeof(struct event), compare_events);
    uint64_t checked = 0;
    for (size_t i = 0, next; i < total; i = next) {
        next = i + 1;
        while (next < total && all[next].key == all[i].key)
            next++;
        checked += check_key(all + i, next - i, zones, key_class);
    }
    free(all);
    free(zones);
    return checked;
}

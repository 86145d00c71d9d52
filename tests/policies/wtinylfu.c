/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* New keys go to a window, an LRU. What leaves it is admitted to the main part, a segmented LRU,
 * only if it was asked for more often, by a sketch, than the key that would have to go. The
 * window has a fixed share, or one that climbs: it is moved on while that makes the hit ratio
 * better, and back when not. */

#include <stdlib.h>

#include "queue.h"
#include "sketch.h"

enum { WINDOW = 1, PROBATION, PROTECTED };

struct wtinylfu {
    struct queue window, probation, protected;
    struct sketch sketch;
    uint64_t capacity, entries, window_most;
    bool climbs;
    uint64_t requests, hits; /* since the last step */
    double hit_ratio, step;  /* before it; and how far it went, a share of the capacity */
};

static const double first_step = 0.0625, fading = 0.98, restart_from = 0.05;
static const double window_least = 0.01, window_largest = 0.8, protected_share = 0.8;

static void *
create_window(const struct shape *shape, double share, bool climbs)
{
    struct wtinylfu *s = policies_alloc(1, sizeof *s);
    struct entry *entries = entries_new(shape);
    s->window = queue_new(entries, WINDOW);
    s->probation = queue_new(entries, PROBATION);
    s->protected = queue_new(entries, PROTECTED);
    s->sketch = sketch_new(shape->entries);
    s->capacity = shape->capacity;
    s->entries = shape->entries;
    s->window_most = (uint64_t)((double)shape->capacity * share);
    if (s->window_most == 0)
        s->window_most = 1;
    s->climbs = climbs;
    s->step = first_step;
    return s;
}

static void *
create_1(const struct shape *shape)
{
    return create_window(shape, 0.01, false);
}

static void *
create_10(const struct shape *shape)
{
    return create_window(shape, 0.1, false);
}

static void *
create_climber(const struct shape *shape)
{
    return create_window(shape, window_least, true);
}

static uint64_t
main_most(const struct wtinylfu *s)
{
    return s->capacity - s->window_most;
}

static uint64_t
main_size(const struct wtinylfu *s)
{
    return s->probation.size + s->protected.size;
}

static void
limit_protected(struct wtinylfu *s)
{
    uint64_t most = (uint64_t)((double)main_most(s) * protected_share);
    while (s->protected.size > most)
        queue_move(&s->protected, &s->probation, s->protected.oldest);
}

/* The key of the main part that goes next, or NO_KEY. */
static uint32_t
find_victim(const struct wtinylfu *s)
{
    return s->probation.n > 0 ? s->probation.oldest : s->protected.oldest;
}

static void
leave_main(struct wtinylfu *s, uint32_t key)
{
    if (queue_has(&s->probation, key))
        queue_leave(&s->probation, key);
    else
        queue_leave(&s->protected, key);
}

/* The oldest key of the window goes to the main part, or out. */
static void
judge(struct wtinylfu *s)
{
    uint32_t key = queue_pop(&s->window), size = s->window.entries[key].size;
    unsigned asked = sketch_estimate(&s->sketch, key);
    while (main_size(s) + size > main_most(s)) {
        uint32_t victim = find_victim(s);
        if (victim == NO_KEY || asked <= sketch_estimate(&s->sketch, victim))
            return;
        leave_main(s, victim);
    }
    queue_join(&s->probation, key, size);
}

static void
resize_window(struct wtinylfu *s, double share)
{
    double capacity = (double)s->capacity, size = (double)s->window_most + share * capacity;
    if (size < capacity * window_least)
        size = capacity * window_least;
    if (size > capacity * window_largest)
        size = capacity * window_largest;
    s->window_most = size < 1 ? 1 : (uint64_t)size;
    while (main_size(s) > main_most(s)) {
        uint32_t victim = find_victim(s);
        leave_main(s, victim);
        queue_join(&s->window, victim, s->window.entries[victim].size);
    }
    while (s->window.size > s->window_most)
        judge(s);
    limit_protected(s);
}

static void
climb(struct wtinylfu *s, bool hit)
{
    s->hits += hit;
    if (++s->requests < s->entries * 10)
        return;
    double hit_ratio = (double)s->hits / (double)s->requests, change = hit_ratio - s->hit_ratio;
    if (change < 0)
        s->step = -s->step;
    resize_window(s, s->step);
    if (change >= restart_from || change <= -restart_from)
        s->step = s->step < 0 ? -first_step : first_step;
    else
        s->step *= fading;
    s->hit_ratio = hit_ratio;
    s->requests = s->hits = 0;
}

static bool
look_up(struct wtinylfu *s, uint32_t key)
{
    switch (s->window.entries[key].queue) {
    case WINDOW:
        queue_move(&s->window, &s->window, key);
        return true;
    case PROBATION:
        queue_move(&s->probation, &s->protected, key);
        limit_protected(s);
        return true;
    case PROTECTED:
        queue_move(&s->protected, &s->protected, key);
        return true;
    default:
        return false;
    }
}

static bool
request(void *state, uint32_t key, uint32_t size)
{
    struct wtinylfu *s = state;
    sketch_count(&s->sketch, key);
    bool hit = look_up(s, key);
    if (!hit) {
        queue_join(&s->window, key, size);
        while (s->window.size > s->window_most)
            judge(s);
    }
    if (s->climbs)
        climb(s, hit);
    return hit;
}

static uint64_t
held(const void *state)
{
    const struct wtinylfu *s = state;
    return s->window.size + main_size(s);
}

static void
destroy(void *state)
{
    struct wtinylfu *s = state;
    free(s->window.entries);
    sketch_free(&s->sketch);
    free(s);
}

const struct policy policy_wtinylfu_1 = {
    .name = "W-TinyLFU-1",
    .reference = "W-TinyLFU-own",
    .source = "Einziger and others, ACM ToS 2017; window 1 %",
    .create = create_1,
    .request = request,
    .held = held,
    .destroy = destroy,
};

const struct policy policy_wtinylfu_10 = {
    .name = "W-TinyLFU-10",
    .reference = "W-TinyLFU-10-own",
    .source = "the same; window 10 %",
    .create = create_10,
    .request = request,
    .held = held,
    .destroy = destroy,
};

const struct policy policy_wtinylfu_climber = {
    .name = "W-TinyLFU-climber",
    .reference = "W-TinyLFU-HCup-own",
    .source = "Einziger and others, Middleware 2018; window 1 to 80 %, at first growing",
    .create = create_climber,
    .request = request,
    .held = held,
    .destroy = destroy,
};

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Lookups of every kind, each checked, and views that are held for long and checked again and
 * again: by the thread that got them and by others that they are handed to. */

#include <stdlib.h>
#include <string.h>

#include "round.h"

#define MANY 16

void
look_begin(const struct round *round, struct key key, struct look *look)
{
    *look = (struct look){0};
    if (key.class == OWNED)
        owned_look(round, key.number, look);
    else
        look->start_ns = history_now();
}

/* To be called as soon as the lookup has returned. */
void
look_end(struct key key, struct look *look)
{
    if (key.class != OWNED)
        look->end_ns = history_now();
}

void
look_hit(struct worker *worker, struct key key, const struct look *look, const struct found *found)
{
    if (found->id == 0)
        return;
    if (key.class == OWNED) {
        owned_hit(worker->round, key.number, look, found);
        return;
    }
    struct history *history =
        key.class == SHARED ? &worker->shared_history : &worker->counter_history;
    if (history_left(history))
        history_add(history, EVENT_READ, key.number, found->id, look->start_ns, look->end_ns);
}

/* Which misses can be told from an expiry. Writes come first: some room is kept for them. */
static void
look_miss(struct worker *worker, struct key key, const struct look *look)
{
    struct history *history =
        key.class == SHARED ? &worker->shared_history : &worker->counter_history;
    worker->total.misses++;
    if (key.class == OWNED)
        owned_miss(worker->round, key.number, look);
    if (key.class == OWNED || (key.class == SHARED && shared_expires(worker->round, key.number)) ||
        history_left(history) <= history->room / 4)
        return;
    history_add(history, EVENT_MISS, key.number, 0, look->start_ns, look->end_ns);
}

/* A few keys are far more wanted than the others, so that threads meet. */
struct key
any_key(struct worker *worker)
{
    const struct round *round = worker->round;
    uint64_t draw = rng_below(&worker->rng, 16);
    if (draw < 4)
        return (struct key){SHARED, (uint32_t)rng_below(&worker->rng, round->n_shared)};
    if (draw < 5 && round->n_counters)
        return (struct key){COUNTER, (uint32_t)rng_below(&worker->rng, round->n_counters)};
    uint64_t limit = draw < 10 && round->n_owned > 16 ? 16 : round->n_owned;
    return (struct key){OWNED, (uint32_t)rng_below(&worker->rng, limit)};
}

/* ---- views held -------------------------------------------------------------------------------
 */

static void
held_free(struct round *round, struct held *held, const char *seen_by)
{
    uint32_t id = value_check(&round->shape, held->key, held->view.data, held->view.size,
                              held->view.user_flags, seen_by);
    if (id != held->id && id != 0)
        stress_fail("%s: a held view of key %c%u changed from id %u to %u", seen_by,
                    held->key.class, held->key.number, held->id, id);
    gyre_release(&held->view);
    if (rng_one_in(&(struct rng){held->id}, 8))
        gyre_release(&held->view); /* the second time has no effect */
    free(held);
}

void
held_recheck(struct worker *worker)
{
    if (worker->n_held == 0)
        return;
    unsigned at = (unsigned)rng_below(&worker->rng, worker->n_held);
    struct held *held = worker->held[at];
    worker->total.held_checks++;
    if (!rng_one_in(&worker->rng, 4)) {
        value_check(&worker->round->shape, held->key, held->view.data, held->view.size,
                    held->view.user_flags, "held view");
        return;
    }
    worker->held[at] = worker->held[--worker->n_held];
    if (rng_one_in(&worker->rng, 2) && !worker->round->processes) {
        _Atomic(struct held *) *box = &worker->round->boxes[rng_below(&worker->rng, BOXES)];
        held = atomic_exchange_explicit(box, held, memory_order_acq_rel);
        worker->total.handed++;
    }
    if (held)
        held_free(worker->round, held, "released view");
}

void
held_release_all(struct worker *worker)
{
    while (worker->n_held)
        held_free(worker->round, worker->held[--worker->n_held], "view at a thread's end");
}

void
held_empty_boxes(struct round *round)
{
    for (unsigned i = 0; i < BOXES; i++) {
        struct held *held = atomic_exchange(&round->boxes[i], NULL);
        if (held)
            held_free(round, held, "view left in a box");
    }
}

static void
keep_or_release(struct worker *worker, struct key key, uint32_t id, gyre_view *view)
{
    if (id == 0 || worker->n_held >= worker->round->held_limit || !rng_one_in(&worker->rng, 8)) {
        gyre_release(view);
        return;
    }
    struct held *held = malloc(sizeof *held);
    if (!held)
        abort();
    *held = (struct held){*view, key, id};
    *view = (gyre_view){0};
    worker->held[worker->n_held++] = held;
}

/* ---- lookups ----------------------------------------------------------------------------------
 */

static void
check_alignment(const struct round *round, const gyre_view *view)
{
    uint32_t align = round->options.value_align ? round->options.value_align : 8;
    if (!view->data || (uintptr_t)view->data % align != 0)
        stress_fail("a value at %p, which is not aligned to %u", view->data, align);
}

static void
take_view(struct worker *worker, struct key key, const struct look *look, gyre_view *view,
          const char *seen_by)
{
    struct round *round = worker->round;
    check_alignment(round, view);
    uint32_t id =
        value_check(&round->shape, key, view->data, view->size, view->user_flags, seen_by);
    look_hit(worker, key, look, &(struct found){id, view, seen_by});
    worker->total.hits++;
    keep_or_release(worker, key, id, view);
}

static void
check_no_view(struct worker *worker, struct key key, const struct look *look, const gyre_view *view,
              int rc)
{
    if (rc != GYRE_MISS && rc != GYRE_EBUSY)
        stress_fail("get: %s", gyre_strerror(rc));
    if (view->size != 0)
        stress_fail("get: %s, but the view is not empty", gyre_strerror(rc));
    if (rc == GYRE_MISS)
        look_miss(worker, key, look);
    worker->total.busy += rc == GYRE_EBUSY;
}

void
read_get(struct worker *worker)
{
    struct key key = any_key(worker);
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes);
    struct look look;
    gyre_view view;
    look_begin(worker->round, key, &look);
    int rc = gyre_get(worker->round->cache, key_bytes, key_size, &view);
    look_end(key, &look);
    if (rc == GYRE_OK)
        take_view(worker, key, &look, &view, "get");
    else
        check_no_view(worker, key, &look, &view, rc);
}

void
read_many(struct worker *worker)
{
    struct key keys[MANY];
    unsigned char key_bytes[MANY][KEY_BYTES_MAX];
    gyre_key wanted[MANY];
    struct look looks[MANY];
    gyre_view views[MANY];
    int results[MANY];
    size_t n = 1 + rng_below(&worker->rng, MANY), hits = 0;
    for (size_t i = 0; i < n; i++) {
        keys[i] = any_key(worker);
        wanted[i] = (gyre_key){key_bytes[i], key_write(keys[i], key_bytes[i])};
    }
    for (size_t i = 0; i < n; i++)
        look_begin(worker->round, keys[i], &looks[i]);
    stress_tally.operations += n - 1;
    size_t answered = gyre_get_many(worker->round->cache, n, wanted, views, results);
    for (size_t i = 0; i < n; i++)
        look_end(keys[i], &looks[i]);
    for (size_t i = 0; i < n; i++) {
        hits += results[i] == GYRE_OK;
        if (results[i] == GYRE_OK)
            take_view(worker, keys[i], &looks[i], &views[i], "get_many");
        else
            check_no_view(worker, keys[i], &looks[i], &views[i], results[i]);
    }
    if (answered != hits)
        stress_fail("get_many answers %zu hits and gives %zu", answered, hits);
}

/* Copies tell nothing of flags, so the id of an empty value is not known. */
void
read_copy(struct worker *worker)
{
    struct round *round = worker->round;
    struct key key = any_key(worker);
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes), size = SIZE_MAX;
    size_t room =
        rng_one_in(&worker->rng, 8) ? rng_below(&worker->rng, 64) : round->max_value_bytes;
    struct look look;
    worker->buffer[room] = 0xa5;
    look_begin(round, key, &look);
    int rc = gyre_read(round->cache, key_bytes, key_size, worker->buffer, room, &size);
    look_end(key, &look);
    if (worker->buffer[room] != 0xa5)
        stress_fail("read: a byte beyond the buffer was written");
    if (rc == GYRE_E2BIG && size <= room)
        stress_fail("read: a buffer of %zu bytes is too small for %zu", room, size);
    if (rc == GYRE_MISS)
        look_miss(worker, key, &look);
    worker->total.busy += rc == GYRE_EBUSY;
    if (rc != GYRE_OK) {
        if (rc != GYRE_MISS && rc != GYRE_EBUSY && rc != GYRE_E2BIG)
            stress_fail("read: %s", gyre_strerror(rc));
        return;
    }
    worker->total.hits++;
    if (size < VALUE_HEAD_BYTES) {
        if (size != 0)
            stress_fail("read: key %c%u: a value of %zu bytes", key.class, key.number, size);
        return;
    }
    uint64_t word, empty;
    memcpy(&word, worker->buffer, sizeof word);
    value_write(key, 0, &empty, sizeof empty);
    uint32_t id = value_check(&round->shape, key, worker->buffer, size,
                              value_flags((uint32_t)(word ^ empty)), "read");
    look_hit(worker, key, &look, &(struct found){id, NULL, "read"});
}

/* ---- scans ------------------------------------------------------------------------------------
 */

struct scan {
    struct worker *worker;
    const uint64_t *low; /* of every owned key, before the scan */
    uint64_t start_ns, stop_after, visited;
};

static int
visit(void *arg, const void *key_bytes, size_t key_size, const gyre_view *view)
{
    struct scan *scan = arg;
    struct worker *worker = scan->worker;
    struct round *round = worker->round;
    struct key key;
    if (!key_parse(key_bytes, key_size, &key)) {
        stress_fail("scan: a key of %zu bytes that nobody put", key_size);
        return 1;
    }
    scan->visited++;
    uint32_t id = value_check(&round->shape, key, view->data, view->size, view->user_flags, "scan");
    struct look look = {.start_ns = scan->start_ns};
    look_end(key, &look);
    if (key.class == OWNED && key.number < round->n_owned) {
        look.low = scan->low[key.number];
        const struct owned *owned = &round->owned[key.number];
        if (worker->seen[key.number] == id && id &&
            worker->seen_touches[key.number] == atomic_load(&owned->touches))
            stress_fail("scan: key o%u id %u was visited twice", key.number, id);
        worker->seen[key.number] = id;
        worker->seen_touches[key.number] = atomic_load(&owned->touches_ended);
    }
    look_hit(worker, key, &look, &(struct found){id, view, "scan"});
    return scan->visited == scan->stop_after ? 77 : 0;
}

void
read_scan(struct worker *worker)
{
    struct round *round = worker->round;
    struct scan scan = {.worker = worker, .start_ns = history_now(), .stop_after = 0};
    uint64_t *low = malloc(round->n_owned * sizeof(uint64_t));
    if (!low)
        abort();
    for (uint32_t i = 0; i < round->n_owned; i++)
        low[i] = watch_low(&round->owned[i].watch);
    scan.low = low;
    memset(worker->seen, 0, round->n_owned * sizeof(uint32_t));
    if (rng_one_in(&worker->rng, 4))
        scan.stop_after = 1 + rng_below(&worker->rng, 20);
    int rc = gyre_scan(round->cache, visit, &scan);
    bool stopped = scan.stop_after && scan.visited == scan.stop_after;
    if (rc != (stopped ? 77 : GYRE_OK) && !(rc == GYRE_EBUSY && !stopped))
        stress_fail("scan: answers %d after %llu entries", rc, (unsigned long long)scan.visited);
    worker->total.scanned += scan.visited;
    stress_tally.operations += scan.visited;
    free(low);
}

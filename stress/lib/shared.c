/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Keys that every worker writes, and counters.
 *
 * A shared key's values have ids that no other put of the round has, so the history can tell them
 * apart. A counter's id is its lineage and its count: the lineage is new whenever somebody finds
 * the counter gone and adds it again, and each update with GYRE_IF_VERSION raises the count by one.
 * If an update were ever lost, two would stand on the same value and write the same id, which the
 * history check reports. */

#include "round.h"

#define ID_BITS 24
#define COUNT_BITS 16
#define LINEAGE_BITS 12

static bool
next_id(struct worker *worker, uint32_t *id)
{
    if (worker->n_ids + 1 == 1u << ID_BITS)
        return false;
    *id = (worker->index + 1) << ID_BITS | ++worker->n_ids;
    return true;
}

static void
count_outcome(struct worker *worker, int rc)
{
    worker->total.puts += rc == GYRE_OK;
    worker->total.busy += rc == GYRE_EBUSY;
    worker->total.rejected += rc == GYRE_E2BIG;
    worker->total.exists += rc == GYRE_EXISTS;
    if (rc == GYRE_OK)
        atomic_fetch_add_explicit(&worker->round->common->puts_done, 1, memory_order_relaxed);
}

static void
put(struct worker *worker, uint32_t number, uint32_t flags)
{
    struct round *round = worker->round;
    struct key key = {SHARED, number};
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes);
    uint32_t id;
    if (!next_id(worker, &id))
        return;
    bool too_big = rng_one_in(&worker->rng, 100);
    size_t size = too_big ? (size_t)round->max_value_bytes + 1 : value_size(&round->shape, key, id);
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    options.flags = flags;
    options.user_flags = value_flags(id);
    if (shared_expires(round, number) && rng_one_in(&worker->rng, 2))
        options.ttl_ms = (uint32_t)rng_between(&worker->rng, 1, 400);
    value_write(key, id, worker->buffer, size);

    uint64_t start_ns = history_now();
    int rc = gyre_put(round->cache, key_bytes, key_size, worker->buffer, size, &options);
    uint64_t end_ns = history_now();
    if (rc == GYRE_OK)
        history_add(&worker->shared_history, EVENT_WRITE, number, id, start_ns, end_ns);
    if (rc == GYRE_E2BIG && too_big && flags != GYRE_ADD)
        history_add(&worker->shared_history, EVENT_DELETE, number, 0, start_ns, end_ns);
    count_outcome(worker, rc);
    bool allowed = too_big ? rc == GYRE_E2BIG : rc == GYRE_OK || rc == GYRE_EBUSY;
    allowed |= flags == GYRE_ADD && rc == GYRE_EXISTS;
    allowed |= flags == GYRE_REPLACE && rc == GYRE_MISS;
    if (!allowed)
        stress_fail("put of key s%u, flags %u: %s", number, flags, gyre_strerror(rc));
}

static void
remove_key(struct worker *worker, uint32_t number)
{
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write((struct key){SHARED, number}, key_bytes);
    uint64_t start_ns = history_now();
    int rc = gyre_delete(worker->round->cache, key_bytes, key_size);
    uint64_t end_ns = history_now();
    history_add(&worker->shared_history, EVENT_DELETE, number, 0, start_ns, end_ns);
    if (rc != GYRE_OK && rc != GYRE_MISS)
        stress_fail("delete of key s%u: %s", number, gyre_strerror(rc));
}

static void
touch(struct worker *worker, uint32_t number)
{
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write((struct key){SHARED, number}, key_bytes);
    int rc = gyre_touch(worker->round->cache, key_bytes, key_size, GYRE_NO_TTL);
    if (rc != GYRE_OK && rc != GYRE_MISS && rc != GYRE_EBUSY)
        stress_fail("touch of key s%u: %s", number, gyre_strerror(rc));
    worker->total.touches += rc == GYRE_OK;
}

static void
draft_open(struct worker *worker, uint32_t number)
{
    struct round *round = worker->round;
    struct key key = {SHARED, number};
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes);
    uint32_t id;
    if (!next_id(worker, &id))
        return;
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    options.user_flags = value_flags(id);
    int rc = gyre_reserve(round->cache, key_bytes, key_size, value_size(&round->shape, key, id),
                          &options, &worker->draft);
    if (rc != GYRE_OK) {
        worker->total.busy += rc == GYRE_EBUSY;
        if (rc != GYRE_EBUSY)
            stress_fail("reserve for key s%u: %s", number, gyre_strerror(rc));
        return;
    }
    worker->draft_open = true;
    worker->draft_key = key;
    worker->draft_id = id;
}

void
shared_commit(struct worker *worker)
{
    uint32_t number = worker->draft_key.number, id = worker->draft_id;
    worker->draft_open = false;
    value_write(worker->draft_key, id, worker->draft.data, worker->draft.size);
    if (rng_one_in(&worker->rng, 4) || history_left(&worker->shared_history) == 0) {
        gyre_abort(&worker->draft);
        return;
    }
    uint64_t start_ns = history_now();
    int rc = gyre_commit(&worker->draft);
    uint64_t end_ns = history_now();
    if (rc == GYRE_OK)
        history_add(&worker->shared_history, EVENT_WRITE, number, id, start_ns, end_ns);
    else if (rc != GYRE_EBUSY)
        stress_fail("commit of key s%u: %s", number, gyre_strerror(rc));
    count_outcome(worker, rc);
    worker->total.drafts++;
}

void
shared_write(struct worker *worker, uint32_t number)
{
    uint64_t draw = rng_below(&worker->rng, 100);
    if (history_left(&worker->shared_history) == 0)
        return;
    if (draw < 40)
        put(worker, number, 0);
    else if (draw < 58)
        put(worker, number, GYRE_ADD);
    else if (draw < 68)
        put(worker, number, GYRE_REPLACE);
    else if (draw < 86)
        remove_key(worker, number);
    else if (draw < 94)
        touch(worker, number);
    else if (!worker->draft_open)
        draft_open(worker, number);
}

/* ---- counters ---------------------------------------------------------------------------------
 */

/* The id to write and the condition under which it may be written; false when ids have run out. */
static bool
next_count(struct worker *worker, const struct key *key, gyre_put_options *options, uint32_t *id)
{
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(*key, key_bytes);
    gyre_view view;
    struct look look;
    look_begin(worker->round, *key, &look);
    int rc = gyre_get(worker->round->cache, key_bytes, key_size, &view);
    look_end(*key, &look);
    if (rc == GYRE_OK) {
        uint32_t seen = value_check(&worker->round->shape, *key, view.data, view.size,
                                    view.user_flags, "counter");
        look_hit(worker, *key, &look, &(struct found){seen, &view, "counter"});
        options->flags = GYRE_IF_VERSION;
        options->version = view.version;
        gyre_release(&view);
        *id = seen + 1;
        return *id % (1u << COUNT_BITS) != 0;
    }
    if (worker->n_lineages + 1 == 1u << LINEAGE_BITS)
        return false;
    options->flags = GYRE_ADD;
    *id = ((worker->index << LINEAGE_BITS) + ++worker->n_lineages) << COUNT_BITS;
    return true;
}

void
counter_step(struct worker *worker, uint32_t number)
{
    struct round *round = worker->round;
    struct key key = {COUNTER, number};
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes);
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    uint32_t id;
    if (history_left(&worker->counter_history) < 2 || !next_count(worker, &key, &options, &id))
        return;
    size_t size = value_size(&round->shape, key, id);
    options.user_flags = value_flags(id);
    value_write(key, id, worker->buffer, size);
    stress_tally.operations++; /* after the lookup */
    uint64_t start_ns = history_now();
    int rc = gyre_put(round->cache, key_bytes, key_size, worker->buffer, size, &options);
    uint64_t end_ns = history_now();
    if (rc == GYRE_OK)
        history_add(&worker->counter_history, EVENT_WRITE, number, id, start_ns, end_ns);
    else if (rc != GYRE_EBUSY && rc != (options.flags == GYRE_ADD ? GYRE_EXISTS : GYRE_CHANGED) &&
             (rc != GYRE_MISS || options.flags == GYRE_ADD))
        stress_fail("update of key c%u, flags %u: %s", number, options.flags, gyre_strerror(rc));
    count_outcome(worker, rc);
    worker->total.counted += rc == GYRE_OK && options.flags == GYRE_IF_VERSION;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Keys with one writer each, whose ids count up from 1: see watch.h. So every lookup is checked at
 * once, at the cost of a few loads, and a run of billions needs no memory. Expiry, versions and puts
 * that failed are checked in the same way. */

#include <inttypes.h>

#include "round.h"

#define RELAXED memory_order_relaxed
#define ACQUIRE memory_order_acquire
#define RELEASE memory_order_release

enum { PUT_PLAIN, PUT_ADD, PUT_REPLACE, PUT_RIGHT_VERSION, PUT_WRONG_VERSION };

/* Keys divisible by four have TTLs when the round has any; only their owner touches them. */
static bool
has_ttl(const struct round *round, uint32_t number)
{
    return round->ttls && number % 4 == 0;
}

static uint64_t
clock_of(const struct round *round)
{
    return atomic_load_explicit(&round->world.clock_ms, ACQUIRE);
}

/* ---- checking hits ----------------------------------------------------------------------------
 */

void
owned_look(const struct round *round, uint32_t number, struct look *look)
{
    const struct owned *key = &round->owned[number];
    look->failed = atomic_load_explicit(&key->failed, ACQUIRE);
    look->expiry_id = atomic_load_explicit(&key->expiry_id, ACQUIRE);
    look->expiry_ms = atomic_load_explicit(&key->expiry_ms, ACQUIRE);
    look->version_id = atomic_load_explicit(&key->version_id, ACQUIRE);
    look->version = atomic_load_explicit(&key->version, ACQUIRE);
    look->missed = atomic_load_explicit(&key->missed, ACQUIRE);
    look->low = watch_low(&key->watch);
    look->clock_ms = clock_of(round);
}

static void
check_view(const struct round *round, uint32_t number, const struct look *look,
           const struct found *found)
{
    const struct owned *key = &round->owned[number];
    const gyre_view *view = found->view;
    bool versions = round->options.flags & GYRE_VERSIONS;
    if (versions != (view->version != 0))
        stress_fail("%s: key o%u id %u has version %" PRIu64, found->seen_by, number, found->id,
                    view->version);
    if (versions && look->version_id == found->id && view->version != look->version &&
        atomic_load_explicit(&key->version_id, ACQUIRE) == found->id)
        stress_fail("%s: key o%u id %u has version %" PRIu64 ", put with %" PRIu64, found->seen_by,
                    number, found->id, view->version, look->version);
    if (has_ttl(round, number) != (view->ttl_left_ms != 0))
        stress_fail("%s: key o%u id %u has %u ms left", found->seen_by, number, found->id,
                    view->ttl_left_ms);
}

void
owned_hit(struct round *round, uint32_t number, const struct look *look, const struct found *found)
{
    struct owned *key = &round->owned[number];
    watch_hit(&key->watch, (struct key){OWNED, number}, look->low, found->id, found->seen_by);
    if (found->id == look->failed)
        stress_fail("%s: key o%u: id %u stands although its put failed", found->seen_by, number,
                    found->id);
    if (look->expiry_id == found->id && look->clock_ms >= look->expiry_ms &&
        atomic_load_explicit(&key->expiry_id, ACQUIRE) == found->id &&
        atomic_load_explicit(&key->expiry_ms, ACQUIRE) == look->expiry_ms)
        stress_fail("%s: key o%u: id %u expired at %" PRIu64 " ms and was returned at %" PRIu64
                    " ms",
                    found->seen_by, number, found->id, look->expiry_ms, look->clock_ms);
    if (found->view)
        check_view(round, number, look, found);
    stress_raise(&key->seen, found->id);
    uint64_t missed = found->id; /* it stood before a miss that came before this hit */
    if (look->missed == missed && atomic_compare_exchange_strong(&key->missed, &missed, 0))
        atomic_fetch_add(&round->common->came_back, 1);
}

/* What a clear or an expiry hides for a moment is not counted. */
void
owned_miss(struct round *round, uint32_t number, const struct look *look)
{
    if (!round->clears && !has_ttl(round, number))
        atomic_store_explicit(&round->owned[number].missed, look->low, RELEASE);
}

void
owned_note_settled(const struct round *round, uint64_t *settled)
{
    for (uint32_t i = 0; i < round->n_owned; i++)
        settled[i] = atomic_load_explicit(&round->owned[i].settled, ACQUIRE);
}

void
owned_raise_low(struct round *round, const uint64_t *settled)
{
    for (uint32_t i = 0; i < round->n_owned; i++)
        watch_done(&round->owned[i].watch, settled[i] + 1);
}

/* ---- the writer -------------------------------------------------------------------------------
 */

/* A put's outcome, in the owner's books. ttl_ms is 0 for none; id must be the begun one. */
static void
note_outcome(struct worker *worker, uint32_t number, uint32_t id, int kind, int rc, bool too_big,
             uint32_t ttl_ms, uint64_t version)
{
    struct owned *key = &worker->round->owned[number];
    bool removes = rc == GYRE_E2BIG && too_big && kind != PUT_ADD && kind != PUT_WRONG_VERSION;
    if (rc == GYRE_OK) {
        atomic_store_explicit(&key->settled, id, RELEASE);
        watch_done(&key->watch, id);
        if (ttl_ms) {
            atomic_store_explicit(&key->expiry_id, 0, RELEASE);
            atomic_store_explicit(&key->expiry_ms, clock_of(worker->round) + ttl_ms, RELEASE);
            atomic_store_explicit(&key->expiry_id, id, RELEASE);
        }
        atomic_store_explicit(&key->version_id, 0, RELEASE);
        atomic_store_explicit(&key->version, version, RELEASE);
        if (version) /* a commit tells none */
            atomic_store_explicit(&key->version_id, id, RELEASE);
        key->surely_absent = false;
        worker->total.puts++;
        atomic_fetch_add_explicit(&worker->round->common->puts_done, 1, RELAXED);
        return;
    }
    atomic_store_explicit(&key->failed, id, RELEASE);
    if (atomic_load_explicit(&key->seen, ACQUIRE) >= id)
        stress_fail("put of key o%u id %u answered %s, but the value was seen", number, id,
                    gyre_strerror(rc));
    if (removes) {
        watch_done(&key->watch, id);
        key->surely_absent = true;
    }
    worker->total.rejected += rc == GYRE_E2BIG;
    worker->total.busy += rc == GYRE_EBUSY;
    worker->total.exists += rc == GYRE_EXISTS;
}

/* With one writer most answers are certain. */
static void
check_answer(const struct owned *key, uint32_t number, int kind, int rc, bool too_big)
{
    bool allowed = too_big ? rc == GYRE_E2BIG : rc == GYRE_OK || rc == GYRE_EBUSY;
    if (kind == PUT_ADD)
        allowed |= rc == GYRE_EXISTS && !key->surely_absent;
    if (kind == PUT_REPLACE || kind == PUT_RIGHT_VERSION || kind == PUT_WRONG_VERSION)
        allowed |= rc == GYRE_MISS;
    if (kind == PUT_REPLACE || kind == PUT_RIGHT_VERSION)
        allowed &= !(rc == GYRE_OK && key->surely_absent);
    if (kind == PUT_WRONG_VERSION)
        allowed = rc == GYRE_MISS || rc == GYRE_EBUSY || (rc == GYRE_E2BIG && too_big) ||
                  (rc == GYRE_CHANGED && !key->surely_absent);
    if (!allowed)
        stress_fail("put of key o%u, kind %d, %s%s: %s", number, kind, too_big ? "too big, " : "",
                    key->surely_absent ? "absent" : "perhaps present", gyre_strerror(rc));
}

static gyre_put_options
put_options(struct worker *worker, uint32_t number, uint32_t id, int kind, uint32_t *ttl_ms)
{
    static const uint32_t flags[] = {0, GYRE_ADD, GYRE_REPLACE, GYRE_IF_VERSION, GYRE_IF_VERSION};
    const struct owned *key = &worker->round->owned[number];
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.flags = flags[kind];
    put.user_flags = value_flags(id);
    *ttl_ms = has_ttl(worker->round, number) ? (uint32_t)rng_between(&worker->rng, 1, 400) : 0;
    put.ttl_ms = *ttl_ms;
    put.version = atomic_load_explicit(&key->version, RELAXED);
    if (kind == PUT_WRONG_VERSION)
        put.version += rng_between(&worker->rng, 1, 3);
    return put;
}

static void
put(struct worker *worker, uint32_t number, int kind, bool too_big)
{
    struct round *round = worker->round;
    struct owned *owned = &round->owned[number];
    struct key key = {OWNED, number};
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes);
    uint32_t id = (uint32_t)watch_begun(&owned->watch) + 1, ttl_ms;
    size_t size = too_big ? (size_t)round->max_value_bytes + 1 : value_size(&round->shape, key, id);
    gyre_put_options options = put_options(worker, number, id, kind, &ttl_ms);
    uint64_t version = 0;
    options.new_version = &version;

    value_write(key, id, worker->buffer, size);
    watch_begin(&owned->watch);
    int rc = gyre_put(round->cache, key_bytes, key_size, worker->buffer, size, &options);
    check_answer(owned, number, kind, rc, too_big);
    note_outcome(worker, number, id, kind, rc, too_big, ttl_ms, version);
}

/* The draft stays open over other operations; its key is left alone until then. */
static void
draft_open(struct worker *worker, uint32_t number)
{
    struct round *round = worker->round;
    struct owned *owned = &round->owned[number];
    struct key key = {OWNED, number};
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes);
    uint32_t id = (uint32_t)watch_begun(&owned->watch) + 1, ttl_ms;
    gyre_put_options options = put_options(worker, number, id, PUT_PLAIN, &ttl_ms);
    if (ttl_ms)
        options.ttl_ms = 400; /* the most a put asks for, so that the commit can state the bound */
    int rc = gyre_reserve(round->cache, key_bytes, key_size, value_size(&round->shape, key, id),
                          &options, &worker->draft);
    if (rc != GYRE_OK) {
        worker->total.busy += rc == GYRE_EBUSY;
        if (rc != GYRE_EBUSY)
            stress_fail("reserve for key o%u: %s", number, gyre_strerror(rc));
        return;
    }
    if ((uintptr_t)worker->draft.data %
        (round->options.value_align ? round->options.value_align : 8))
        stress_fail("reserve for key o%u: %p is not aligned", number, worker->draft.data);
    worker->draft_open = owned->drafted = true;
    worker->draft_key = key;
    worker->draft_id = id;
    value_write(key, id, worker->draft.data, worker->draft.size / 2);
}

void
owned_commit(struct worker *worker)
{
    struct round *round = worker->round;
    uint32_t number = worker->draft_key.number, id = worker->draft_id;
    struct owned *owned = &round->owned[number];
    worker->draft_open = owned->drafted = false;
    value_write(worker->draft_key, id, worker->draft.data, worker->draft.size);
    if (rng_one_in(&worker->rng, 4)) {
        gyre_abort(&worker->draft);
        return;
    }
    watch_begin(&owned->watch);
    int rc = gyre_commit(&worker->draft);
    if (rc != GYRE_OK && rc != GYRE_EBUSY)
        stress_fail("commit of key o%u: %s", number, gyre_strerror(rc));
    note_outcome(worker, number, id, PUT_PLAIN, rc, false, has_ttl(round, number) ? 400 : 0, 0);
    worker->total.drafts++;
}

static void
remove_key(struct worker *worker, uint32_t number)
{
    struct round *round = worker->round;
    struct owned *owned = &round->owned[number];
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write((struct key){OWNED, number}, key_bytes);
    uint32_t id = watch_begin(&owned->watch);
    int rc = gyre_delete(round->cache, key_bytes, key_size);
    if (rc != GYRE_MISS && (rc != GYRE_OK || owned->surely_absent))
        stress_fail("delete of key o%u, %s: %s", number,
                    owned->surely_absent ? "absent" : "perhaps present", gyre_strerror(rc));
    watch_done(&owned->watch, id);
    owned->surely_absent = true;
}

static void
touch(struct worker *worker, uint32_t number)
{
    struct round *round = worker->round;
    struct owned *owned = &round->owned[number];
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write((struct key){OWNED, number}, key_bytes);
    uint32_t ttl_ms =
        has_ttl(round, number) ? (uint32_t)rng_between(&worker->rng, 1, 400) : GYRE_NO_TTL;
    uint64_t id = atomic_load_explicit(&owned->expiry_id, RELAXED);
    if (ttl_ms != GYRE_NO_TTL)
        atomic_store_explicit(&owned->expiry_id, 0, RELEASE);
    atomic_fetch_add_explicit(&owned->touches, 1, memory_order_acq_rel);
    int rc = gyre_touch(round->cache, key_bytes, key_size, ttl_ms);
    atomic_fetch_add_explicit(&owned->touches_ended, 1, memory_order_acq_rel);
    if (rc != GYRE_OK && rc != GYRE_MISS && rc != GYRE_EBUSY)
        stress_fail("touch of key o%u: %s", number, gyre_strerror(rc));
    if (rc == GYRE_OK && owned->surely_absent)
        stress_fail("touch of key o%u, which was deleted, succeeded", number);
    if (rc == GYRE_OK && ttl_ms != GYRE_NO_TTL) {
        atomic_store_explicit(&owned->expiry_ms, clock_of(round) + ttl_ms, RELEASE);
        atomic_store_explicit(&owned->expiry_id, id, RELEASE);
    }
    worker->total.touches += rc == GYRE_OK;
}

/* A copy made by a thread that is not the writer must never overwrite what the writer puts. */
void
owned_touch_by_other(struct worker *worker, uint32_t number)
{
    struct round *round = worker->round;
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write((struct key){OWNED, number}, key_bytes);
    if (has_ttl(round, number))
        return;
    atomic_fetch_add_explicit(&round->owned[number].touches, 1, memory_order_acq_rel);
    int rc = gyre_touch(round->cache, key_bytes, key_size, GYRE_NO_TTL);
    atomic_fetch_add_explicit(&round->owned[number].touches_ended, 1, memory_order_acq_rel);
    if (rc != GYRE_OK && rc != GYRE_MISS && rc != GYRE_EBUSY)
        stress_fail("touch of key o%u by another: %s", number, gyre_strerror(rc));
    worker->total.touches += rc == GYRE_OK;
}

void
owned_write(struct worker *worker, uint32_t number)
{
    struct owned *owned = &worker->round->owned[number];
    bool versions = worker->round->options.flags & GYRE_VERSIONS;
    bool known = atomic_load_explicit(&owned->version_id, RELAXED) != 0;
    uint64_t draw = rng_below(&worker->rng, 100);
    if (owned->drafted)
        return;
    if (draw < 50)
        put(worker, number, PUT_PLAIN, false);
    else if (draw < 60)
        put(worker, number, PUT_ADD, false);
    else if (draw < 67)
        put(worker, number, PUT_REPLACE, false);
    else if (draw < 75 && versions && known)
        put(worker, number, draw < 72 ? PUT_RIGHT_VERSION : PUT_WRONG_VERSION, false);
    else if (draw < 86)
        remove_key(worker, number);
    else if (draw < 92)
        touch(worker, number);
    else if (draw < 93)
        put(worker, number, PUT_PLAIN + (int)rng_below(&worker->rng, 2), true);
    else if (!worker->draft_open)
        draft_open(worker, number);
}

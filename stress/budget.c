/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Is the budget kept to the byte while a hundred times the capacity passes through?
 *
 * Each scene is a pattern of writing and holding; throughout, the parts of the capacity must add
 * up, and resident memory must not outgrow capacity and tables. Each scene ends with the cache in
 * full use again: what was held or dropped must not have cost room for good. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "round.h"

#define CAPACITY (UINT64_C(1) << (STRESS_TSAN ? 17 : STRESS_POINTS ? 19 : 23))
/* Capacities that pass through in all scenes together. */
#define TURNOVER (STRESS_TSAN ? 25 : 100)
#define RSS_SLACK_BYTES (UINT64_C(6) << 20)
#define PINS 200
#define BIG 'b'     /* keys of values that are all one word */
#define AGAIN 'r'   /* keys that are put again and again */
#define DELETED 'd' /* keys of which every other one is deleted at once */
#define AGAIN_KEYS 500
#define DELETED_KEYS 5000

struct scene {
    const char *name;
    void (*play)(struct worker *worker, uint64_t bytes);
};

static uint64_t next_number; /* of keys that are put once */
static struct watch again[AGAIN_KEYS], deleted[DELETED_KEYS];

static void
sample(const struct round *round, const char *scene)
{
    gyre_stats stats = stats_of(round->cache);
    check_sums(&stats, scene);
    if (stats.capacity_bytes != round->options.capacity_bytes)
        stress_fail("%s: the capacity is %" PRIu64 ", opened with %" PRIu64, scene,
                    stats.capacity_bytes, round->options.capacity_bytes);
}

/* Returns the bytes of the value put; 0 when the cache was busy. */
static uint64_t
put(struct worker *worker, struct key key, uint32_t id)
{
    struct round *round = worker->round;
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes), size = value_size(&round->shape, key, id);
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    options.user_flags = value_flags(id);
    value_write(key, id, worker->buffer, size);
    stress_tally.operations++;
    int rc = gyre_put(round->cache, key_bytes, key_size, worker->buffer, size, &options);
    worker->total.puts += rc == GYRE_OK;
    worker->total.busy += rc == GYRE_EBUSY;
    if (rc != GYRE_OK && rc != GYRE_EBUSY)
        stress_fail("put of %zu bytes: %s", size, gyre_strerror(rc));
    return rc == GYRE_OK ? key_size + size : 0;
}

/* A put of a watched key, and a lookup of another. */
static uint64_t
put_watched(struct worker *worker, struct key key, struct watch *watches, uint32_t n_keys)
{
    struct key other = {key.class, (uint32_t)rng_below(&worker->rng, n_keys)};
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(other, key_bytes);
    uint32_t id = watch_begin(&watches[key.number]);
    uint64_t bytes = put(worker, key, id);
    if (bytes)
        watch_done(&watches[key.number], id);
    uint64_t low = watch_low(&watches[other.number]);
    gyre_view view;
    stress_tally.operations++;
    if (gyre_get(worker->round->cache, key_bytes, key_size, &view) == GYRE_OK) {
        id = value_check(&worker->round->shape, other, view.data, view.size, view.user_flags, "get");
        watch_hit(&watches[other.number], other, low, id, "get");
        gyre_release(&view);
    }
    return bytes;
}

/* A value of that size whose words are all the key's number. */
static void
put_bytes(struct worker *worker, struct key key, uint32_t size)
{
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes);
    for (uint32_t i = 0; i + sizeof key.number <= size; i += (uint32_t)sizeof key.number)
        memcpy(worker->buffer + i, &key.number, sizeof key.number);
    int rc = gyre_put(worker->round->cache, key_bytes, key_size, worker->buffer, size & ~3u, NULL);
    worker->total.busy += rc == GYRE_EBUSY;
    if (rc != GYRE_OK && rc != GYRE_EBUSY)
        stress_fail("put of %u bytes: %s", size, gyre_strerror(rc));
}

static bool
big_value_is_whole(const gyre_view *view, uint64_t first, uint64_t end)
{
    const uint32_t *words = view->data;
    for (size_t i = 1; i < view->size / sizeof words[0]; i++)
        if (words[i] != words[0])
            return false;
    return words[0] >= first && words[0] < end;
}

static uint64_t
put_new(struct worker *worker)
{
    return put(worker, (struct key){'n', (uint32_t)next_number++}, 1);
}

/* Nothing is held: every put must succeed. */
static void
fill(struct worker *worker, uint64_t bytes, const char *scene)
{
    uint64_t done = 0, busy = worker->total.busy;
    for (uint64_t n = 0; done < bytes && !stress_failed(); n++) {
        done += put_new(worker);
        if (n % 256 == 0)
            sample(worker->round, scene);
    }
    if (worker->total.busy != busy)
        stress_fail("%s: %" PRIu64 " puts were refused although nothing is held", scene,
                    worker->total.busy - busy);
}

static void
play_new_keys(struct worker *worker, uint64_t bytes)
{
    fill(worker, bytes, "new keys");
}

static void
play_same_keys(struct worker *worker, uint64_t bytes)
{
    uint64_t done = 0;
    for (uint32_t n = 1; done < bytes && !stress_failed(); n++) {
        struct key key = {AGAIN, (uint32_t)rng_below(&worker->rng, AGAIN_KEYS)};
        done += put_watched(worker, key, again, AGAIN_KEYS);
        if (n % 256 == 0)
            sample(worker->round, "same keys");
    }
}

/* Half of what is put is deleted or expires at once. */
static void
play_deletes(struct worker *worker, uint64_t bytes)
{
    struct round *round = worker->round;
    unsigned char key_bytes[KEY_BYTES_MAX];
    uint64_t done = 0;
    for (uint32_t n = 1; done < bytes && !stress_failed(); n++) {
        struct key key = {DELETED, n % DELETED_KEYS};
        done += put_watched(worker, key, deleted, DELETED_KEYS);
        if (n % 2) {
            size_t key_size = key_write(key, key_bytes);
            uint32_t id = watch_begin(&deleted[key.number]);
            gyre_delete(round->cache, key_bytes, key_size);
            watch_done(&deleted[key.number], id);
        }
        if (n % 256 == 0)
            sample(round, "deletes");
    }
}

/* Views at random are kept over several turns of the cache, so that there are holes in every place.
 */
static void
play_pins(struct worker *worker, uint64_t bytes)
{
    static struct held held[PINS];
    struct round *round = worker->round;
    uint64_t done = 0;
    for (uint64_t n = 0; done < bytes && !stress_failed(); n++) {
        struct held *place = &held[rng_below(&worker->rng, PINS)];
        struct key key = {'n', (uint32_t)next_number};
        unsigned char key_bytes[KEY_BYTES_MAX];
        done += put_new(worker) + 1;
        if (n % 16 == 0) {
            if (place->view.data &&
                !value_check(&round->shape, place->key, place->view.data, place->view.size,
                             place->view.user_flags, "held view"))
                return;
            gyre_release(&place->view);
            place->key = key;
            worker->total.held_checks++;
            int rc = gyre_get(round->cache, key_bytes, key_write(key, key_bytes), &place->view);
            if (rc != GYRE_OK && rc != GYRE_MISS && rc != GYRE_EBUSY)
                stress_fail("get: %s", gyre_strerror(rc));
        }
        if (n % 256 == 0)
            sample(round, "pins");
    }
    for (unsigned i = 0; i < PINS; i++)
        gyre_release(&held[i].view);
}

/* Everything is held until nothing more can be had; one release after the other makes room again.
 */
static void
play_pin_all(struct worker *worker, uint64_t bytes)
{
    struct round *round = worker->round;
    enum { MOST = 30000 };
    gyre_view *views = calloc(MOST, sizeof(gyre_view));
    unsigned n = 0, released = 0;
    uint64_t busy = worker->total.busy, held = 0, first = next_number;
    uint32_t size_max = round->shape.size_max;
    (void)bytes;
    if (!views)
        abort();
    while (n < MOST && worker->total.busy == busy && held <= round->options.capacity_bytes) {
        struct key key = {BIG, (uint32_t)next_number++};
        unsigned char key_bytes[KEY_BYTES_MAX];
        put_bytes(worker, key, size_max / 2);
        if (gyre_get(round->cache, key_bytes, key_write(key, key_bytes), &views[n]) == GYRE_OK)
            held += views[n++].size;
    }
    if (worker->total.busy == busy)
        stress_fail("pin all: %u views of %" PRIu64 " bytes in all are held, and puts go on", n,
                    held);
    sample(round, "pin all");
    for (unsigned i = 0; i < n; i++)
        if (!big_value_is_whole(&views[i], first, next_number))
            stress_fail("pin all: the bytes under view %u have changed", i);
    while (worker->total.busy != busy && released < n) {
        busy = worker->total.busy;
        gyre_release(&views[released++]);
        put_bytes(worker, (struct key){BIG, (uint32_t)next_number++}, size_max / 2);
    }
    if (worker->total.busy != busy)
        stress_fail("pin all: still busy after all %u views were released", n);
    stress_report("views that held all", n);
    stress_report("released until room", released);
    for (unsigned i = 0; i < n; i++)
        gyre_release(&views[i]);
    free(views);
}

static void
play_drafts(struct worker *worker, uint64_t bytes)
{
    struct round *round = worker->round;
    enum { OPEN = 8 };
    gyre_draft drafts[OPEN] = {{0}};
    uint64_t done = 0;
    for (uint64_t n = 0; done < bytes && !stress_failed(); n++) {
        struct key key = {'n', (uint32_t)next_number++};
        unsigned char key_bytes[KEY_BYTES_MAX];
        gyre_draft *draft = &drafts[rng_below(&worker->rng, OPEN)];
        if (draft->data)
            memset(draft->data, 0x5a, draft->size);
        gyre_abort(draft);
        size_t size = value_size(&round->shape, key, 1);
        int rc =
            gyre_reserve(round->cache, key_bytes, key_write(key, key_bytes), size, NULL, draft);
        if (rc != GYRE_OK && rc != GYRE_EBUSY)
            stress_fail("reserve: %s", gyre_strerror(rc));
        worker->total.drafts += rc == GYRE_OK;
        done += size + 1;
        if (n % 256 == 0)
            sample(round, "drafts");
    }
    for (unsigned i = 0; i < OPEN; i++)
        gyre_abort(&drafts[i]);
}

static void
play_clears(struct worker *worker, uint64_t bytes)
{
    for (unsigned i = 0; i < 8; i++) {
        fill(worker, bytes / 8, "clears");
        if (gyre_clear(worker->round->cache) != GYRE_OK)
            stress_fail("clear fails");
    }
}

static const struct scene scenes[] = {
    {"new keys", play_new_keys}, {"same keys", play_same_keys}, {"deletes", play_deletes},
    {"pins", play_pins},         {"pin all", play_pin_all},     {"drafts", play_drafts},
    {"clears", play_clears},
};
#define N_SCENES (sizeof scenes / sizeof scenes[0])

/* New keys fill the cache: what is in use over what is alive. */
static void
check_density(struct worker *worker, const char *scene)
{
    fill(worker, worker->round->options.capacity_bytes * 2, scene);
    gyre_stats stats = settle_wait(worker->round->cache);
    uint64_t used = stats.live_bytes + stats.garbage_bytes + stats.open_bytes;
    check_sums(&stats, scene);
    if (stats.live_bytes == 0 || used * 10 > stats.live_bytes * 13)
        stress_fail("after %s: %" PRIu64 " bytes in use hold %" PRIu64 " live ones", scene, used,
                    stats.live_bytes);
    if (stats.live_bytes * 2 < stats.capacity_bytes)
        stress_fail("after %s: %" PRIu64 " live bytes in a cache of %" PRIu64
                    " that overflows: room is lost",
                    scene, stats.live_bytes, stats.capacity_bytes);
    if (stats.pinned_bytes)
        stress_fail("after %s: %" PRIu64 " bytes are pinned by nobody", scene, stats.pinned_bytes);
}

static void
play_round(struct rng *rng)
{
    struct round round = {.options = GYRE_OPTIONS_INIT};
    struct worker worker = {.round = &round, .rng = {rng_next(rng)}};
    round.options.capacity_bytes = CAPACITY + rng_below(rng, CAPACITY);
    round.options.flags = stress_draw_mode(rng);
    round.options.value_align = rng_one_in(rng, 2) ? 0 : 8u << rng_below(rng, 4);
    stress_world_install(&round.world, &round.options);
    uint64_t rss_before = stress_rss_bytes();
    int rc = gyre_open(&round.cache, &round.options);
    if (rc != GYRE_OK) {
        stress_fail("open: %s", gyre_strerror(rc));
        return;
    }
    round.shape =
        (struct value_shape){(uint32_t)stats_of(round.cache).max_value_bytes / 4, rng_next(rng)};
    worker.buffer = malloc(round.shape.size_max);
    if (!worker.buffer)
        abort();
    unsigned first = (unsigned)rng_below(rng, N_SCENES);
    for (unsigned i = 0; i < N_SCENES && !stress_failed(); i++) {
        const struct scene *scene = &scenes[(first + i) % N_SCENES];
        scene->play(&worker, round.options.capacity_bytes * TURNOVER / N_SCENES);
        check_density(&worker, scene->name);
    }
    gyre_stats stats = stats_of(round.cache);
    uint64_t rss = stress_rss_bytes(),
             most = stats.capacity_bytes + stats.table_bytes + RSS_SLACK_BYTES;
    if (!STRESS_ASAN && !STRESS_TSAN && rss > rss_before + most)
        stress_fail("resident memory grew by %" PRIu64 " bytes for a cache of %" PRIu64
                    " and tables of %" PRIu64,
                    rss - rss_before, stats.capacity_bytes, stats.table_bytes);
    stress_need("puts", worker.total.puts);
    stress_need("drafts", worker.total.drafts);
    stress_need("views held", worker.total.held_checks);
    stress_need("sweeps", stats.sweeps);
    stress_report("copied", stats.copied_entries);
    stress_report("busy", worker.total.busy);
    gyre_close(round.cache);
    stress_world_check_empty(&round.world);
    free(worker.buffer);
    next_number = 0;
    memset(again, 0, sizeof again);
    memset(deleted, 0, sizeof deleted);
}

int
main(int argc, char **argv)
{
    (void)argc;
    stress_start(argv, "budget", 5);
    uint64_t until = stress_now_ns() + (uint64_t)(stress_seconds() * 1e9), n = 0;
    do {
        struct rng rng = stress_rng(n++);
        play_round(&rng);
        stress_report("rounds", 1);
    } while (!stress_failed() && stress_now_ns() < until);
    return stress_finish();
}

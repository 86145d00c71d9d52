/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Does a cache under every operation at once, on so little memory that it is swept without pause,
 * ever answer what it must not?
 *
 * Rounds of a few seconds, each on a cache whose options the seed draws. See lib/round.h for the
 * three classes of keys and lib/settle.c for what is checked after each round. With LIMIT=1 every round has a
 * limit on entries. With PROCESSES=1 the workers are processes that share the cache: see lib/herd.h. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "herd.h"
#include "round.h"

#define EVENTS_MAX 100000
#define SAMPLE_US 500

/* ---- one operation ----------------------------------------------------------------------------
 */

static uint32_t
own_number(struct worker *worker)
{
    const struct round *round = worker->round;
    uint32_t mine = (round->n_owned - worker->index + round->n_workers - 1) / round->n_workers;
    uint32_t hot = 16 / round->n_workers + 1;
    uint64_t limit = rng_one_in(&worker->rng, 2) && mine > hot ? hot : mine;
    return worker->index + round->n_workers * (uint32_t)rng_below(&worker->rng, limit);
}

static void
clear(struct worker *worker)
{
    struct round *round = worker->round;
    uint32_t n = round->n_shared + round->n_counters;
    if (history_left(&worker->shared_history) < n || history_left(&worker->counter_history) < n)
        return;
    uint64_t *settled = malloc(round->n_owned * sizeof(uint64_t));
    if (!settled)
        abort();
    owned_note_settled(round, settled);
    uint64_t start_ns = history_now();
    int rc = gyre_clear(round->cache);
    uint64_t end_ns = history_now();
    owned_raise_low(round, settled);
    free(settled);
    if (rc != GYRE_OK)
        stress_fail("clear: %s", gyre_strerror(rc));
    for (uint32_t i = 0; i < round->n_shared; i++)
        history_add(&worker->shared_history, EVENT_CLEAR, i, 0, start_ns, end_ns);
    for (uint32_t i = 0; i < round->n_counters; i++)
        history_add(&worker->counter_history, EVENT_CLEAR, i, 0, start_ns, end_ns);
    atomic_fetch_add(&round->common->clears_done, 1);
}

static void
commit(struct worker *worker)
{
    if (worker->draft_key.class == OWNED)
        owned_commit(worker);
    else
        shared_commit(worker);
}

static void
advance_clock(struct worker *worker)
{
    struct round *round = worker->round;
    uint64_t by = round->jumps && rng_one_in(&worker->rng, 50) ? rng_below(&worker->rng, 20000)
                                                               : rng_below(&worker->rng, 20);
    atomic_fetch_add_explicit(&round->world.clock_ms, by, memory_order_acq_rel);
}

static void
operate(struct worker *worker)
{
    struct round *round = worker->round;
    uint64_t draw = rng_below(&worker->rng, 1000);
    worker->total.ops++;
    stress_tally.operations++;
    if (draw < 300)
        owned_write(worker, own_number(worker));
    else if (draw < 450)
        shared_write(worker, (uint32_t)rng_below(&worker->rng, round->n_shared));
    else if (draw < 520 && round->n_counters)
        counter_step(worker, (uint32_t)rng_below(&worker->rng, round->n_counters));
    else if (draw < 540)
        owned_touch_by_other(worker, (uint32_t)rng_below(&worker->rng, round->n_owned));
    else if (draw < 780)
        read_get(worker);
    else if (draw < 860)
        read_copy(worker);
    else if (draw < 900)
        read_many(worker);
    else if (draw < 960)
        held_recheck(worker);
    else if (draw < 980 && worker->draft_open)
        commit(worker);
    else if (draw < 990)
        advance_clock(worker);
    else if (draw < 993)
        gyre_maintain(round->cache, rng_below(&worker->rng, 200000));
    else if (draw < 994 && round->clears && rng_one_in(&worker->rng, 8))
        clear(worker);
    else if (draw < 995 && rng_one_in(&worker->rng, 4))
        read_scan(worker);
}

static bool
goes_on(const struct worker *worker)
{
    return !atomic_load_explicit(&worker->round->common->stop, memory_order_relaxed) &&
           (worker->until_ns == 0 || stress_now_ns() < worker->until_ns);
}

static void
stint(struct worker *worker)
{
    if (worker->round->sleepy && worker->index == 0)
        stress_sleepy();
    while (goes_on(worker))
        for (unsigned i = 0; i < 32; i++)
            operate(worker);
    if (worker->draft_open)
        commit(worker);
    if (!worker->leaves_views)
        held_release_all(worker);
    worker->n_held = 0;
}

static void
work(void *arg)
{
    stint(arg);
}

/* ---- one round --------------------------------------------------------------------------------
 */

static void
draw_options(struct rng *rng, struct round *round)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = (uint64_t)65536 << rng_below(rng, 6);
    options.capacity_bytes += rng_below(rng, options.capacity_bytes / 2);
    options.flags = stress_draw_mode(rng);
    if (!rng_one_in(rng, 3))
        options.flags |= GYRE_VERSIONS;
    if (rng_one_in(rng, 8))
        options.flags |= GYRE_HUGEPAGES;
    uint64_t limit = rng_between(rng, 10, 31u << rng_below(rng, 6));
    if (rng_one_in(rng, 2) || stress_setting("LIMIT", 0))
        options.max_entries = limit;
    if (rng_one_in(rng, 2))
        options.value_align = 8u << rng_below(rng, rng_one_in(rng, 8) ? 10 : 5);
    if (rng_one_in(rng, 2))
        options.expected_entry_bytes = 64u << rng_below(rng, 9);
    options.seed = rng_one_in(rng, 4) ? 0 : rng_next(rng);
    round->world.clock_ms = rng_one_in(rng, 4) ? 0 : rng_below(rng, UINT64_C(1) << 40);
    if (round->processes)
        options.flags &= ~(uint32_t)GYRE_LIBURCU;
    else
        stress_world_install(&round->world, &options);
    round->options = options;
}

static void
draw_round(struct rng *rng, struct round *round)
{
    draw_options(rng, round);
    round->n_workers = (unsigned)rng_between(rng, 2, 6);
    round->n_workers = stress_threads(round->n_workers);
    if (round->n_workers > WORKERS_MAX)
        round->n_workers = WORKERS_MAX;
    round->n_owned = WORKERS_MAX + (uint32_t)rng_below(rng, 16u << rng_below(rng, 9));
    round->n_shared = (uint32_t)rng_between(rng, 1, 40);
    round->n_counters = round->options.flags & GYRE_VERSIONS ? (uint32_t)rng_between(rng, 1, 4) : 0;
    round->held_limit = (uint32_t)rng_below(rng, rng_one_in(rng, 2) ? 3 : HELD_MAX + 1);
    round->ttls = !rng_one_in(rng, 3) && !round->processes; /* they tell the time, which no test can set */
    round->jumps = rng_one_in(rng, 2);
    round->grows = rng_one_in(rng, 3) && !stress_setting("LIMIT", 0);
    round->clears = !round->grows && rng_one_in(rng, 2);
    round->few = !round->grows && rng_one_in(rng, 3) && !stress_setting("LIMIT", 0);
    round->sleepy = rng_one_in(rng, 2);
    if (round->few) {
        round->n_owned = round->n_workers;
        round->n_shared = 1;
        round->n_counters = round->n_counters ? 1 : 0;
        round->options.capacity_bytes = 65536 + rng_below(rng, 32768);
        round->options.value_align = 8;
        round->options.max_entries = 0;
        round->held_limit %= 4;
    }
    if (round->grows) {
        round->n_owned = 4000 + (uint32_t)rng_below(rng, 8000);
        round->options.capacity_bytes = (1u << 20) + rng_below(rng, 1u << 20);
        round->options.expected_entry_bytes = 65536;
        round->options.max_entries = 0;
    }
    stress_points(rng_one_in(rng, 4) ? 0 : 16u << rng_below(rng, 8));
}

static void *
allocate(const struct round *round, size_t bytes)
{
    void *memory = round->processes ? herd_allocate(bytes) : calloc(1, bytes);
    if (!memory)
        abort();
    return memory;
}

static void
release(const struct round *round, void *memory)
{
    if (!round->processes)
        free(memory);
}

static void
open_round(struct round *round)
{
    int rc = round->processes ? herd_open(round) : gyre_open(&round->cache, &round->options);
    if (rc != GYRE_OK) {
        stress_fail("open: %s", gyre_strerror(rc));
        exit(stress_finish());
    }
    uint64_t most = stats_of(round->cache).max_value_bytes;
    round->max_value_bytes = (uint32_t)most;
    round->shape = (struct value_shape){(uint32_t)(most - most / 4), round->options.seed};
    if (round->grows || round->few)
        round->shape.size_max = round->few ? 24 : 64;
    round->owned = allocate(round, round->n_owned * sizeof(struct owned));
    round->common = allocate(round, sizeof *round->common);
}

static void
open_worker(struct worker *worker, struct round *round, unsigned index, struct rng *rng)
{
    *worker = (struct worker){.round = round, .index = index, .rng = {rng_next(rng)}};
    size_t events = EVENTS_MAX * sizeof(struct event);
    worker->shared_history = (struct history){allocate(round, events), 0, EVENTS_MAX};
    worker->counter_history = (struct history){allocate(round, events), 0, EVENTS_MAX};
    worker->buffer = allocate(round, (size_t)round->max_value_bytes + 16);
    worker->seen = allocate(round, round->n_owned * sizeof(uint32_t));
    worker->seen_touches = allocate(round, round->n_owned * sizeof(uint64_t));
}

static void
close_worker(const struct round *round, struct worker *worker)
{
    release(round, worker->shared_history.events);
    release(round, worker->counter_history.events);
    release(round, worker->buffer);
    release(round, worker->seen);
    release(round, worker->seen_touches);
}

/* The sums must close at any time, and the limit on entries be exceeded by the puts in flight at
 * most. The count is summed while puts go on, so those that ended meanwhile are allowed for as
 * well. */
static void
sample(struct round *round)
{
    uint64_t before = atomic_load(&round->common->puts_done);
    gyre_stats stats = stats_of(round->cache);
    uint64_t during = atomic_load(&round->common->puts_done) - before;
    check_sums(&stats, "under way");
    uint64_t most = round->options.max_entries + round->n_workers + during;
    if (round->options.max_entries && stats.entries > most)
        stress_fail("%" PRIu64 " entries, %" PRIu64 " allowed, %u writers", stats.entries,
                    round->options.max_entries, round->n_workers);
}

static void
report(const struct round *round, const struct worker *workers, const gyre_stats *stats)
{
    for (unsigned i = 0; i < round->n_workers; i++) {
        const struct worker *worker = &workers[i];
        stress_need("ops", worker->total.ops);
        stress_need("hits", worker->total.hits);
        stress_report("misses", worker->total.misses);
        stress_need("puts", worker->total.puts);
        stress_need("touches", worker->total.touches);
        stress_need("drafts", worker->total.drafts);
        stress_need("too big", worker->total.rejected);
        stress_need("adds refused", worker->total.exists);
        stress_report("busy", worker->total.busy);
        stress_need("scanned", worker->total.scanned);
        stress_report("views rechecked", worker->total.held_checks);
        stress_report("views handed over", worker->total.handed);
        stress_report("counted", worker->total.counted);
    }
    stress_report("clears", atomic_load(&round->common->clears_done));
    stress_need("sweeps", stats->sweeps);
    stress_report("evicted", stats->removed[GYRE_CAPACITY] + stats->removed[GYRE_ENTRY_LIMIT]);
    stress_report("conflicts", stats->window_conflicts);
    if (round->grows)
        stress_need("growths", stats->growths);
    stress_report("expired", stats->removed[GYRE_EXPIRED]);
    stress_report("vanished", stats->vanished);
}

/* A lookup that missed what was on its way counts in vanished. */
static void
check_spurious(const gyre_stats *stats, uint64_t spurious)
{
    if (spurious > stats->vanished)
        stress_fail("%" PRIu64 " values were missed and came back without a put, %" PRIu64
                    " are counted",
                    spurious, stats->vanished);
    stress_report("spurious misses", spurious);
}

static void
check_histories(const struct round *round, const struct worker *workers)
{
    struct history shared[WORKERS_MAX], counters[WORKERS_MAX];
    for (unsigned i = 0; i < round->n_workers; i++) {
        shared[i] = workers[i].shared_history;
        counters[i] = workers[i].counter_history;
    }
    gyre_stats stats = stats_of(round->cache);
    struct history_verdict of_shared = history_check(shared, round->n_workers, SHARED);
    struct history_verdict of_counters = history_check(counters, round->n_workers, COUNTER);
    stress_tally.checked += of_shared.operations + of_counters.operations;
    stress_need("zones", of_shared.zones);
    stress_report("counter zones", of_counters.zones);
    check_spurious(&stats, of_shared.spurious + of_counters.spurious + atomic_load(&round->common->came_back));
}

/* Threads of this process. */
static void
play_threads(struct round *round, struct worker workers[], uint64_t until)
{
    struct stress_thread *threads[WORKERS_MAX];
    for (unsigned i = 0; i < round->n_workers; i++)
        threads[i] = stress_spawn(work, &workers[i]);
    while (stress_now_ns() < until && !stress_failed()) {
        sample(round);
        stress_sleep_us(SAMPLE_US);
    }
    atomic_store(&round->common->stop, true);
    stress_points(0);
    for (unsigned i = 0; i < round->n_workers; i++)
        stress_join(threads[i]);
}

static void
play_round(struct rng rng, uint64_t for_ns)
{
    static struct round round;
    static struct worker own[WORKERS_MAX];
    round = (struct round){.processes = stress_setting("PROCESSES", 0)};
    if (round.processes)
        herd_memory();
    struct worker *workers = round.processes ? herd_allocate(sizeof own) : own;
    draw_round(&rng, &round);
    open_round(&round);
    for (unsigned i = 0; i < round.n_workers; i++)
        open_worker(&workers[i], &round, i, &rng);

    /* The index grows at the start of a round and never shrinks. */
    uint64_t until = stress_now_ns() + (round.grows ? for_ns / 4 : for_ns);
    if (round.processes)
        herd_play(&round, workers, &rng, until, sample);
    else
        play_threads(&round, workers, until);
    stress_points(0);

    held_empty_boxes(&round);
    check_histories(&round, workers);
    settle_check(&round, workers);
    gyre_stats stats = stats_of(round.cache);
    report(&round, workers, &stats);
    settle_empty(&round);
    if (round.processes)
        herd_close(&round);
    else
        gyre_close(round.cache);
    stress_world_check_empty(&round.world);
    for (unsigned i = 0; i < round.n_workers; i++)
        close_worker(&round, &workers[i]);
    release(&round, round.owned);
    release(&round, round.common);
    if (stress_failed())
        fprintf(stderr,
                "the round: capacity %" PRIu64 " flags %u max_entries %" PRIu64
                " align %u expected %u "
                "workers %u owned %u shared %u counters %u held %u ttls %d jumps %d clears %d "
                "few %d sleepy %d grows %d\n",
                round.options.capacity_bytes, round.options.flags, round.options.max_entries,
                round.options.value_align, round.options.expected_entry_bytes, round.n_workers,
                round.n_owned, round.n_shared, round.n_counters, round.held_limit, round.ttls,
                round.jumps, round.clears, round.few, round.sleepy, round.grows);
}

int
main(int argc, char **argv)
{
    (void)argc;
    if (herd_executed(stint))
        return EXIT_SUCCESS;
    stress_start(argv, "oracle", 10);
    herd_start(stint);
    uint64_t until = stress_now_ns() + (uint64_t)(stress_seconds() * 1e9);
    double longest = stress_seconds() < 30 ? stress_seconds() / 8 : 3;
    for (uint64_t n = 0; stress_goes_on(until, stress_lacks()); n++) {
        struct rng rng = stress_rng(n + stress_setting("ROUND", 0));
        double seconds = longest * (double)rng_between(&rng, 4, 12) / 12;
        play_round(rng, (uint64_t)(seconds * 1e9));
        stress_report("rounds", 1);
        if (stress_failed())
            fprintf(stderr, "it was round %" PRIu64 ": ROUND=%" PRIu64 "%s starts with it\n", n,
                    n + stress_setting("ROUND", 0), stress_setting("LIMIT", 0) ? " LIMIT=1" : "");
    }
    return stress_finish();
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The engine of gyre replay. Each thread makes the requests for its share of the keys, and none is more
 * than a few requests ahead of the slowest. So every request is made once, those for one key in the order
 * of the trace, and the others nearly so: what is measured with several threads is what the cache does with
 * them, and not that two of them missed the same key at once because the trace was cut in two there.
 *
 * A value begins and ends with a mark made from the number of its key, and has the key's size: a
 * hit that returns anything else is wrong. */

#include "replay.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "progress.h"
#include "ticks.h"
#include "tool.h"

enum { AHEAD_LEAST = 4, AHEAD_MOST = 4096, LINE = 64, MARK = 8 };

struct crew {
    const struct trace *trace;
    const struct replay_plan *plan;
    gyre *cache;
    uint64_t max_value_bytes;
    bool tsc;
    pthread_mutex_t gate; /* held while the threads are started */
    struct worker *workers;
    uint64_t ahead; /* how many requests a thread may be ahead of the slowest: few beside what the cache holds */
    atomic_int error; /* the first unexpected result of gyre; 0: none */
};

struct worker {
    _Alignas(LINE) _Atomic uint64_t done; /* requests of the trace it has passed */
    _Alignas(LINE) struct crew *crew;
    uint32_t number;
    pthread_t thread;
    unsigned char *value; /* room for the largest value, zero but for the marks */
    uint64_t random;
    uint64_t until_sample; /* requests before the next whose latency is measured */
    uint64_t start_ns, end_ns;
    struct replay_counts counts;
    struct histogram get, put;
};

static void
set_error(struct crew *crew, int result)
{
    int none = 0;
    atomic_compare_exchange_strong(&crew->error, &none, result);
}

/* Small values hold as much of the marks as they can. */
static size_t
mark_bytes(uint32_t size)
{
    return size < MARK ? size : MARK;
}

static void
write_marks(unsigned char *value, uint32_t id, uint32_t size)
{
    uint64_t mark = keys_mix((uint64_t)id + 1);
    memcpy(value, &mark, mark_bytes(size));
    if (size >= 2 * MARK)
        memcpy(value + size - MARK, &mark, MARK);
}

static void
clear_last_mark(unsigned char *value, uint32_t size)
{
    if (size >= 2 * MARK)
        memset(value + size - MARK, 0, MARK);
}

static bool
has_marks(const gyre_view *view, uint32_t id, uint32_t size)
{
    uint64_t mark = keys_mix((uint64_t)id + 1);
    const unsigned char *value = view->data;
    return view->size == size && memcmp(value, &mark, mark_bytes(size)) == 0
           && (size < 2 * MARK || memcmp(value + size - MARK, &mark, MARK) == 0);
}

static uint64_t
next_random(struct worker *worker)
{
    worker->random += 0x9e3779b97f4a7c15u;
    return keys_mix(worker->random);
}

/* Random gaps, so that no rhythm of the trace decides which requests are measured. */
static bool
is_sampled(struct worker *worker)
{
    if (worker->until_sample--)
        return false;
    worker->until_sample = next_random(worker) % (2 * (uint64_t)worker->crew->plan->sample - 1);
    return true;
}

static void
put_value(struct worker *worker, uint32_t id, gyre_key key, uint32_t size, bool sampled)
{
    struct crew *crew = worker->crew;
    /* What the cache refuses unread need not be marked, nor its memory touched. */
    bool marked = size <= crew->max_value_bytes;
    if (marked)
        write_marks(worker->value, id, size);
    uint64_t start = sampled ? ticks_now(crew->tsc) : 0;
    int result = gyre_put(crew->cache, key.data, key.size, worker->value, size, NULL);
    if (sampled)
        histogram_add(&worker->put, ticks_now(crew->tsc) - start);
    if (marked)
        clear_last_mark(worker->value, size);
    if (result == GYRE_OK)
        worker->counts.puts++;
    else if (result == GYRE_E2BIG)
        worker->counts.too_large++;
    else if (result == GYRE_EBUSY)
        worker->counts.busy++;
    else
        set_error(crew, result);
}

static void
make_request(struct worker *worker, uint32_t id)
{
    struct crew *crew = worker->crew;
    gyre_key key;
    key.data = keys_bytes(&crew->trace->keys, id, &key.size);
    uint32_t size = trace_value_bytes(crew->trace, id, crew->plan->value_bytes);
    bool sampled = is_sampled(worker);
    worker->counts.requested_bytes += size;

    gyre_view view;
    uint64_t start = sampled ? ticks_now(crew->tsc) : 0;
    int result = gyre_get(crew->cache, key.data, key.size, &view);
    if (sampled)
        histogram_add(&worker->get, ticks_now(crew->tsc) - start);
    if (result == GYRE_OK) {
        worker->counts.hits++;
        worker->counts.wrong += !has_marks(&view, id, size);
        gyre_release(&view);
        return;
    }
    worker->counts.misses++;
    worker->counts.missed_bytes += size;
    if (result == GYRE_MISS || result == GYRE_E2BIG)
        put_value(worker, id, key, size, sampled);
    else if (result == GYRE_EBUSY)
        worker->counts.busy++;
    else
        set_error(crew, result);
}

static bool
stopped(struct crew *crew)
{
    return atomic_load_explicit(&crew->error, memory_order_relaxed) != 0;
}

/* Says how far this thread is, and waits for those far behind. (Relaxed: the values order nothing.) */
static void
keep_step(struct worker *worker, uint64_t at)
{
    struct crew *crew = worker->crew;
    atomic_store_explicit(&worker->done, at, memory_order_relaxed);
    for (uint32_t i = 0; i < crew->plan->n_threads; i++)
        while (atomic_load_explicit(&crew->workers[i].done, memory_order_relaxed) + crew->ahead < at && !stopped(crew))
            sched_yield();
}

static void *
work(void *arg)
{
    struct worker *worker = arg;
    struct crew *crew = worker->crew;
    const uint32_t *requests = trace_requests(crew->trace), n_threads = crew->plan->n_threads;
    uint64_t n = crew->trace->n_requests, next = 0;

    pthread_mutex_lock(&crew->gate);
    pthread_mutex_unlock(&crew->gate);
    worker->start_ns = clock_ns();
    for (uint64_t i = 0; i < n && !stopped(crew); i++) {
        if (i >= next) {
            keep_step(worker, i);
            next = i + crew->ahead / 4;
        }
        if (n_threads == 1 || keys_mix(requests[i]) % n_threads == worker->number)
            make_request(worker, requests[i]);
    }
    worker->end_ns = clock_ns();
    atomic_store_explicit(&worker->done, UINT64_MAX - AHEAD_MOST, memory_order_relaxed);
    return NULL;
}

/* Waits until the thread ends, showing every tenth of a second how far all of them are. */
static void
watch_one(struct worker *workers, uint32_t n, uint32_t one, uint64_t n_requests, struct progress *progress)
{
    for (;;) {
        struct timespec deadline;
        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_nsec += 100000000;
        deadline.tv_sec += deadline.tv_nsec / 1000000000;
        deadline.tv_nsec %= 1000000000;
        if (pthread_timedjoin_np(workers[one].thread, NULL, &deadline) == 0)
            return;
        uint64_t done = n_requests;
        for (uint32_t i = 0; i < n; i++) {
            uint64_t at = atomic_load_explicit(&workers[i].done, memory_order_relaxed);
            done = at < done ? at : done;
        }
        progress_show(progress, done);
    }
}

static void
join_all(struct worker *workers, uint32_t n, const char *label, uint64_t n_requests)
{
    struct progress progress;
    progress_start(&progress, label != NULL, label, "requests", n_requests);
    for (uint32_t i = 0; i < n; i++) {
        if (progress.on)
            watch_one(workers, n, i, n_requests, &progress);
        else
            pthread_join(workers[i].thread, NULL);
    }
    progress_end(&progress);
}

static uint32_t
largest_value(const struct trace *trace, uint32_t value_bytes)
{
    uint32_t largest = 1;
    for (uint32_t id = 0; id < trace->keys.n; id++) {
        uint32_t size = trace_value_bytes(trace, id, value_bytes);
        if (largest < size)
            largest = size;
    }
    return largest;
}

/* Starts as many threads as it can; they wait at the gate. */
static uint32_t
start_workers(struct crew *crew, struct worker *workers, size_t value_room)
{
    uint32_t n = 0;
    for (; n < crew->plan->n_threads; n++) {
        struct worker *worker = &workers[n];
        worker->crew = crew;
        worker->number = n;
        worker->random = crew->plan->seed + n;
        worker->value = mmap(NULL, value_room, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (worker->value == MAP_FAILED)
            break;
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
            munmap(worker->value, value_room);
            break;
        }
    }
    if (n < crew->plan->n_threads)
        set_error(crew, GYRE_ENOMEM);
    return n;
}

static void
add_worker(struct replay_counts *sum, const struct replay_counts *counts)
{
    sum->hits += counts->hits;
    sum->misses += counts->misses;
    sum->puts += counts->puts;
    sum->too_large += counts->too_large;
    sum->busy += counts->busy;
    sum->wrong += counts->wrong;
    sum->requested_bytes += counts->requested_bytes;
    sum->missed_bytes += counts->missed_bytes;
}

static void
collect(struct replay_result *result, const struct worker *workers, uint32_t n)
{
    uint64_t start_ns = UINT64_MAX, end_ns = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct worker *worker = &workers[i];
        add_worker(&result->counts, &worker->counts);
        histogram_merge(&result->get, &worker->get);
        histogram_merge(&result->put, &worker->put);
        start_ns = start_ns < worker->start_ns ? start_ns : worker->start_ns;
        end_ns = end_ns > worker->end_ns ? end_ns : worker->end_ns;
    }
    result->seconds = n ? (double)(end_ns - start_ns) / 1e9 : 0;
}

static void
run_crew(struct crew *crew, struct worker *workers, const char *label, struct replay_result *result)
{
    size_t value_room = largest_value(crew->trace, crew->plan->value_bytes);
    struct ticks ticks = ticks_start();
    result->tsc = crew->tsc = ticks.tsc;
    pthread_mutex_init(&crew->gate, NULL);
    pthread_mutex_lock(&crew->gate);
    uint32_t n = start_workers(crew, workers, value_room);
    pthread_mutex_unlock(&crew->gate);
    join_all(workers, n, label, crew->trace->n_requests);
    pthread_mutex_destroy(&crew->gate);
    for (uint32_t i = 0; i < n; i++)
        munmap(workers[i].value, value_room);
    collect(result, workers, n);
    result->tick_ns = ticks_ns(&ticks);
    result->overhead_ticks = ticks_overhead(&ticks);
}

/* What a program that knows its data would tell the cache: the mean entry, and the largest value unless
 * that would make the arenas too few. Returns how many entries the cache will hold, about. */
static uint64_t
describe_entries(const struct trace *trace, const struct replay_plan *plan, gyre_options *options)
{
    uint64_t sum = 0, largest = 0;
    for (uint32_t id = 0; id < trace->keys.n; id++) {
        size_t key_size;
        keys_bytes(&trace->keys, id, &key_size);
        uint64_t size = trace_value_bytes(trace, id, plan->value_bytes);
        sum += size + key_size;
        largest = size > largest ? size : largest;
    }
    if (trace->keys.n > 0 && sum / trace->keys.n < plan->capacity_bytes)
        options->expected_entry_bytes = (uint32_t)(sum / trace->keys.n);
    if (largest <= plan->capacity_bytes / 16)
        options->max_value_bytes = (uint32_t)largest;
    if (plan->max_entries || sum == 0)
        return plan->max_entries;
    return (uint64_t)((double)plan->capacity_bytes / (double)sum * trace->keys.n);
}

bool
replay_run(const struct trace *trace, const struct replay_plan *plan, const char *label,
           struct replay_result *result)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.flags = plan->flags;
    options.capacity_bytes = plan->capacity_bytes;
    options.max_entries = plan->max_entries;
    options.default_ttl_ms = plan->ttl_ms;
    options.seed = plan->seed;
    uint64_t ahead = describe_entries(trace, plan, &options) / 128;
    memset(result, 0, sizeof *result);
    result->stats = (gyre_stats)GYRE_STATS_INIT;

    struct crew crew = {.trace = trace, .plan = plan,
                        .ahead = ahead < AHEAD_LEAST ? AHEAD_LEAST : ahead > AHEAD_MOST ? AHEAD_MOST : ahead};
    int error = gyre_open(&crew.cache, &options);
    if (error == GYRE_EINVAL && options.max_value_bytes > 0) {
        options.max_value_bytes = 0; /* too few arenas: the largest values will be refused */
        error = gyre_open(&crew.cache, &options);
    }
    if (error != GYRE_OK) {
        tool_error("cannot open a cache of %llu bytes: %s",
                   (unsigned long long)plan->capacity_bytes, gyre_strerror(error));
        return false;
    }
    struct worker *workers = aligned_alloc(LINE, plan->n_threads * sizeof *workers);
    if (workers) {
        memset(workers, 0, plan->n_threads * sizeof *workers);
        crew.workers = workers;
        gyre_stats_read(crew.cache, &result->stats);
        crew.max_value_bytes = result->stats.max_value_bytes;
        run_crew(&crew, workers, label, result);
        gyre_stats_read(crew.cache, &result->stats);
    }
    error = workers ? atomic_load(&crew.error) : GYRE_ENOMEM;
    free(workers);
    gyre_close(crew.cache);
    if (error != GYRE_OK)
        tool_error("replay stopped: %s", gyre_strerror(error));
    return error == GYRE_OK;
}

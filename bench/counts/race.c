/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Workloads by the clock, for two builds of gyre to run in turns: compare.py starts this for each.
 *
 *     race ENTRIES ACCESSES
 *
 * The first line on stdout names the workloads. Each line on stdin names one to run; the answer is
 * a line with its times in nanoseconds an access and thread: by the clock, and of processors, with
 * the maintenance thread's. The caches stay filled in between. */

#include <gyre.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "workload.h"

#define VALUE_BYTES 64
#define BATCH 16
#define BYTES_AN_ENTRY 112
#define MAX_THREADS 2
#define KEYS_FOR_ROOM 10 /* the evicting workload asks for so many times as many keys */
#define WARM_REQUESTS 6  /* for each entry it has room for */

enum { UNIFORM, ZIPF, MANY_KEYS, SEQUENCES };

struct job;

struct workload {
    const char *name;
    void (*loop)(struct job *);
    unsigned threads, put_every; /* so many accesses, one is a put; 0: none */
    int sequence;
};

struct job {
    pthread_t thread;
    pthread_barrier_t *start;
    const struct workload *workload;
    gyre *cache;
    const uint32_t *ids;
    size_t n;
    uint64_t from_ns, to_ns;
    uint64_t wrong; /* values, and lookups that had to hit */
};

static size_t n_entries, n_accesses;
/* What comes first is not measured: it warms the processor's caches. */
static uint32_t *sequences[SEQUENCES][MAX_THREADS];
static gyre *filled, *mixed, *evicting;

static void
require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "race: failed: %s\n", what);
        exit(2);
    }
}

static void
put(gyre *cache, uint64_t id)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    uint64_t value[VALUE_BYTES / 8];

    workload_key(id, key);
    workload_fill(id, value, sizeof value);
    require(gyre_put(cache, key, sizeof key, value, sizeof value, NULL) == GYRE_OK, "put");
}

static inline int
look_up(struct job *job, uint64_t id)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    gyre_view view;

    workload_key(id, key);
    if (gyre_get(job->cache, key, sizeof key, &view) != GYRE_OK)
        return 0;
    job->wrong += !workload_check(id, view.data, VALUE_BYTES);
    gyre_release(&view);
    return 1;
}

static void
loop_get(struct job *job)
{
    for (size_t i = 0; i < job->n; i++)
        job->wrong += !look_up(job, job->ids[i]);
}

static void
loop_mix(struct job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        if (i % job->workload->put_every == 0)
            put(job->cache, job->ids[i]);
        else
            look_up(job, job->ids[i]);
    }
}

static void
loop_get_then_put(struct job *job)
{
    for (size_t i = 0; i < job->n; i++)
        if (!look_up(job, job->ids[i]))
            put(job->cache, job->ids[i]);
}

static void
loop_insert(struct job *job)
{
    for (size_t i = 0; i < job->n; i++)
        put(job->cache, i);
}

static void
loop_many(struct job *job)
{
    unsigned char bytes[BATCH][WORKLOAD_KEY_BYTES];
    gyre_key keys[BATCH];
    gyre_view views[BATCH];
    int results[BATCH];

    for (size_t k = 0; k < BATCH; k++)
        keys[k] = (gyre_key){bytes[k], WORKLOAD_KEY_BYTES};
    for (size_t i = 0; i + BATCH <= job->n; i += BATCH) {
        for (size_t k = 0; k < BATCH; k++)
            workload_key(job->ids[i + k], bytes[k]);
        job->wrong += BATCH - gyre_get_many(job->cache, BATCH, keys, views, results);
        for (size_t k = 0; k < BATCH; k++) {
            if (results[k] != GYRE_OK)
                continue;
            job->wrong += !workload_check(job->ids[i + k], views[k].data, VALUE_BYTES);
            gyre_release(&views[k]);
        }
    }
}

static const struct workload workloads[] = {
    {"hits, uniform, 1 thread", loop_get, 1, 0, UNIFORM},
    {"hits, uniform, 2 threads", loop_get, 2, 0, UNIFORM},
    {"hits, zipf, 1 thread", loop_get, 1, 0, ZIPF},
    {"hits, zipf, 2 threads", loop_get, 2, 0, ZIPF},
    {"get_many of 16, uniform", loop_many, 1, 0, UNIFORM},
    {"95/5, zipf, 2 threads", loop_mix, 2, 20, ZIPF},
    {"50/50, zipf, 2 threads", loop_mix, 2, 2, ZIPF},
    {"evicting, zipf, 1 thread", loop_get_then_put, 1, 0, MANY_KEYS},
    {"evicting, zipf, 2 threads", loop_get_then_put, 2, 0, MANY_KEYS},
    {"insertion", loop_insert, 1, 0, UNIFORM},
};
#define N_WORKLOADS (sizeof workloads / sizeof workloads[0])

static gyre *
open_for(size_t entries)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    gyre *cache;

    options.capacity_bytes = entries * BYTES_AN_ENTRY;
    options.expected_entry_bytes = BYTES_AN_ENTRY;
    options.seed = 1;
    require(gyre_open(&cache, &options) == GYRE_OK, "open");
    return cache;
}

static void *
work(void *arg)
{
    struct job *job = arg;

    pthread_barrier_wait(job->start);
    job->from_ns = workload_now_ns();
    job->workload->loop(job);
    job->to_ns = workload_now_ns();
    return NULL;
}

struct times {
    uint64_t wall_ns, cpu_ns;
};

static uint64_t
cpu_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* From the first thread's start to the last one's end. */
static struct times
run(const struct workload *workload, gyre *cache, size_t from, size_t n)
{
    struct job jobs[MAX_THREADS];
    pthread_barrier_t start;
    uint64_t from_ns = UINT64_MAX, to_ns = 0, cpu_from_ns = cpu_now_ns();

    pthread_barrier_init(&start, NULL, workload->threads);
    for (unsigned i = 0; i < workload->threads; i++) {
        jobs[i] = (struct job){.start = &start, .workload = workload, .cache = cache, .n = n,
                               .ids = sequences[workload->sequence][i] + from};
        require(pthread_create(&jobs[i].thread, NULL, work, &jobs[i]) == 0, "a thread");
    }
    for (unsigned i = 0; i < workload->threads; i++) {
        pthread_join(jobs[i].thread, NULL);
        require(jobs[i].wrong == 0, "what is read is right");
        from_ns = jobs[i].from_ns < from_ns ? jobs[i].from_ns : from_ns;
        to_ns = jobs[i].to_ns > to_ns ? jobs[i].to_ns : to_ns;
    }
    pthread_barrier_destroy(&start);
    return (struct times){to_ns - from_ns, cpu_now_ns() - cpu_from_ns};
}

static struct times
measure(const struct workload *workload)
{
    size_t n_warm = n_accesses / 8;
    struct times times;

    if (workload->loop == loop_insert) {
        gyre *cache = open_for(n_accesses * 5 / 4);
        times = run(workload, cache, 0, n_accesses);
        gyre_close(cache);
    } else {
        gyre *cache = workload->loop == loop_get_then_put ? evicting
                      : workload->put_every > 0           ? mixed
                                                          : filled;
        run(workload, cache, 0, n_warm);
        times = run(workload, cache, n_warm, n_accesses);
    }
    return times;
}

static void
prepare(void)
{
    size_t room = n_entries / 4, n = n_accesses + n_accesses / 8;
    struct job warm = {.n = WARM_REQUESTS * room};
    uint32_t *ids;

    filled = open_for(n_entries * 5 / 4);
    mixed = open_for(n_entries * 5 / 4);
    evicting = open_for(room);
    for (uint32_t id = 0; id < n_entries; id++) {
        put(filled, id);
        put(mixed, id);
    }
    for (unsigned i = 0; i < MAX_THREADS; i++) {
        sequences[UNIFORM][i] = workload_sequence((uint32_t)n_entries, 0, n, i);
        sequences[ZIPF][i] = workload_sequence((uint32_t)n_entries, WORKLOAD_ZIPF, n, i);
        sequences[MANY_KEYS][i] =
            workload_sequence((uint32_t)room * KEYS_FOR_ROOM, WORKLOAD_ZIPF, n, i);
    }
    for (unsigned s = 0; s < SEQUENCES * MAX_THREADS; s++)
        require(sequences[s / MAX_THREADS][s % MAX_THREADS] != NULL, "memory");
    ids = workload_sequence((uint32_t)room * KEYS_FOR_ROOM, WORKLOAD_ZIPF, warm.n, 99);
    require(ids != NULL, "memory");
    warm.cache = evicting;
    warm.ids = ids;
    loop_get_then_put(&warm);
    free(ids);
}

int
main(int argc, char **argv)
{
    char line[100];

    require(argc == 3, "race ENTRIES ACCESSES");
    n_entries = strtoull(argv[1], NULL, 10);
    n_accesses = strtoull(argv[2], NULL, 10);
    require(n_entries >= 10000 && n_accesses >= 10000, "at least 10000 of each");
    prepare();
    for (size_t w = 0; w < N_WORKLOADS; w++)
        printf("%s%s", w > 0 ? "\t" : "", workloads[w].name);
    printf("\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        size_t w = 0;
        while (w < N_WORKLOADS && strcmp(workloads[w].name, line) != 0)
            w++;
        require(w < N_WORKLOADS, "a workload's name");
        struct times times = measure(&workloads[w]);
        printf("%.3f\t%.3f\n", (double)times.wall_ns / (double)n_accesses,
               (double)times.cpu_ns / (double)n_accesses / workloads[w].threads);
        fflush(stdout);
    }
    gyre_close(evicting);
    gyre_close(mixed);
    gyre_close(filled);
    return 0;
}

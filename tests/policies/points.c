/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "points.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* orders/web12.trace.zst -> web12 */
static void
name_point(struct point *point)
{
    const char *path = point->trace->name, *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path, *end = strstr(base, ".trace");
    int n = end ? (int)(end - base) : (int)strlen(base);
    snprintf(point->name, sizeof point->name, "%.*s%s", n, base, point->sized ? "-sized" : "");
}

static uint64_t
sum_sizes(const struct trace *trace)
{
    uint64_t sum = 0;
    for (uint32_t id = 0; id < trace->keys.n; id++)
        sum += keys_size(&trace->keys, id);
    return sum;
}

static void
add_point(struct points *points, const struct trace *trace, double fraction, bool sized)
{
    uint32_t n_keys = trace->keys.n;
    uint64_t footprint = sized ? sum_sizes(trace) : n_keys;
    struct point point = {.trace = trace, .sized = sized, .fraction = fraction};
    point.shape.n_keys = n_keys;
    point.shape.capacity = (uint64_t)(fraction * (double)footprint);
    point.shape.entries = (uint64_t)(fraction * n_keys);
    if (point.shape.entries < POINT_ENTRIES_LEAST)
        return;
    name_point(&point);
    points->point = realloc(points->point, (points->n + 1) * sizeof point);
    if (!points->point)
        abort();
    points->point[points->n++] = point;
}

void
points_add(struct points *points, const struct trace *trace, const double *fractions, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add_point(points, trace, fractions[i], false);
    for (size_t i = 0; i < n && !trace->unit; i++)
        add_point(points, trace, fractions[i], true);
}

/* False: the policy held more than it may. */
static bool
run(const struct point *point, const struct policy *policy, struct result *result)
{
    const uint32_t *keys = trace_requests(point->trace);
    uint64_t n = point->trace->n_requests, misses = 0, bytes = 0, missed_bytes = 0;
    bool fits = true;
    void *state = policy->create(&point->shape);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t size = point->sized ? keys_size(&point->trace->keys, keys[i]) : 1;
        bool hit = size <= point->shape.capacity && policy->request(state, keys[i], size);
        fits = fits && policy->held(state) <= point->shape.capacity;
        misses += !hit;
        bytes += size;
        missed_bytes += hit ? 0 : size;
    }
    policy->destroy(state);
    *result = (struct result){(double)misses / (double)n, (double)missed_bytes / (double)bytes};
    if (!fits)
        fprintf(stderr, "policies: %s held more than its capacity of %llu on %s\n", policy->name,
                (unsigned long long)point->shape.capacity, point->name);
    return fits;
}

struct crew {
    _Atomic size_t next; /* the job that nobody has taken */
    _Atomic bool failed;
};

static void
work(const struct points *points, const struct policy *const *run_these, size_t n,
     struct crew *crew, struct result *results)
{
    size_t job;
    while ((job = atomic_fetch_add(&crew->next, 1)) < points->n * n)
        if (!run(&points->point[job / n], run_these[job % n], &results[job]))
            crew->failed = true;
}

static void *
share(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    return memory;
}

bool
points_run(const struct points *points, const struct policy *const *run_these, size_t n,
           unsigned n_processes, struct result *results)
{
    size_t bytes = points->n * n * sizeof *results;
    struct crew *crew = share(sizeof *crew);
    struct result *shared = share(bytes);
    unsigned n_children = 0;
    while (n_children + 1 < n_processes) {
        pid_t pid = fork();
        if (pid < 0)
            break;
        if (pid == 0) {
            work(points, run_these, n, crew, shared);
            _exit(0);
        }
        n_children++;
    }
    work(points, run_these, n, crew, shared);
    bool ended = true;
    for (; n_children > 0; n_children--) {
        int status;
        ended = wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && ended;
    }
    bool ok = ended && !crew->failed;
    memcpy(results, shared, bytes);
    munmap(shared, bytes);
    munmap(crew, sizeof *crew);
    return ok;
}

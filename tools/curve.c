/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "curve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lru.h"
#include "tool.h"

enum { FINE_SIZES = 240, ENTRY_OVERHEAD = 64, SLACK = 4 << 20 };

uint64_t
curve_ample_capacity(const struct trace *trace, uint64_t max_entries, uint32_t value_bytes)
{
    uint64_t entries = max_entries < trace->keys.n ? max_entries : trace->keys.n, bytes;
    uint64_t footprint = lru_footprint(trace, false, value_bytes);
    uint64_t largest = lru_largest(trace, false, value_bytes);
    if (__builtin_mul_overflow(entries, largest, &bytes) || bytes > footprint)
        bytes = footprint;
    bytes = 2 * (bytes + entries * ENTRY_OVERHEAD) + SLACK;
    return bytes < REPLAY_CAPACITY_MAX ? bytes : REPLAY_CAPACITY_MAX;
}

/* n sizes in geometric progression without repetitions; how many there are. */
static size_t
spread_sizes(uint64_t least, uint64_t most, size_t n, uint64_t *sizes)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        double exponent = (double)i / (double)(n - 1);
        double size = (double)least * pow((double)most / (double)least, exponent);
        uint64_t rounded = i + 1 == n ? most : (uint64_t)llround(size);
        if (count == 0 || sizes[count - 1] < rounded)
            sizes[count++] = rounded;
    }
    return count;
}

static void
find_range(const struct curve *curve, uint64_t *least, uint64_t *most)
{
    uint64_t floor = curve->by_entries ? 1 : REPLAY_CAPACITY_MIN;
    uint64_t ceiling = curve->by_entries ? UINT64_MAX : REPLAY_CAPACITY_MAX;
    *least = curve->footprint / 1000;
    if (*least < floor)
        *least = floor;
    *most = curve->footprint < ceiling ? curve->footprint : ceiling;
    if (*most < 2 * *least)
        *most = 2 * *least;
}

static bool
replay_points(struct curve *curve, const struct trace *trace, struct replay_plan plan,
              bool show_progress)
{
    struct replay_result *result = malloc(sizeof *result);
    if (!result)
        tool_error("no memory");
    bool ok = result != NULL;
    for (size_t i = 0; ok && i < curve->n_gyre; i++) {
        struct curve_point *point = &curve->gyre[i];
        char label[64];
        snprintf(label, sizeof label, "size %zu of %zu", i + 1, curve->n_gyre);
        plan.max_entries = curve->by_entries ? point->size : 0;
        plan.capacity_bytes = curve->by_entries
                                  ? curve_ample_capacity(trace, point->size, plan.value_bytes)
                                  : point->size;
        ok = replay_run(trace, &plan, show_progress ? label : NULL, result);
        point->hit_ratio = (double)result->counts.hits / (double)trace->n_requests;
        point->miss_ratio = 1 - point->hit_ratio;
        point->wrong = result->counts.wrong;
    }
    free(result);
    return ok;
}

/* A fine series, where one pass over the trace serves all sizes, and gyre's own sizes, so that the
 * two can be compared. */
static size_t
choose_lru_sizes(const struct curve *curve, const uint64_t *fine, size_t n_fine, uint64_t largest,
                 struct lru_size *sizes)
{
    size_t n = 0, f = 0;
    for (size_t g = 0; g < curve->n_gyre; g++) {
        uint64_t size = curve->gyre[g].size;
        for (; f < n_fine && fine[f] <= size; f++)
            if (fine[f] >= largest && fine[f] < size)
                sizes[n++].size = fine[f];
        sizes[n++].size = size;
    }
    return n;
}

static bool
compute_lru(struct curve *curve, const struct trace *trace, uint32_t value_bytes, uint64_t least,
            uint64_t most, bool show_progress)
{
    uint64_t fine[FINE_SIZES];
    size_t n_fine = spread_sizes(least, most, FINE_SIZES, fine);
    struct lru_size *sizes = calloc(n_fine + curve->n_gyre, sizeof *sizes);
    curve->lru = calloc(n_fine + curve->n_gyre, sizeof *curve->lru);
    bool ok = sizes && curve->lru;
    if (ok) {
        uint64_t largest = lru_largest(trace, curve->by_entries, value_bytes);
        curve->n_lru = choose_lru_sizes(curve, fine, n_fine, largest, sizes);
        uint64_t passes = lru_passes(trace, curve->by_entries, value_bytes, sizes, curve->n_lru);
        struct progress progress;
        progress_start(&progress, show_progress, "LRU", "requests", passes * trace->n_requests);
        ok = lru_hits(trace, curve->by_entries, value_bytes, sizes, curve->n_lru, &progress);
        progress_end(&progress);
    }
    for (size_t i = 0; ok && i < curve->n_lru; i++) {
        double hit_ratio = (double)sizes[i].hits / (double)trace->n_requests;
        curve->lru[i] = (struct curve_point){
            .size = sizes[i].size,
            .hit_ratio = hit_ratio,
            .miss_ratio = 1 - hit_ratio,
        };
    }
    free(sizes);
    if (!ok)
        tool_error("no memory for the LRU curve");
    return ok;
}

bool
curve_make(struct curve *curve, const struct trace *trace, const struct replay_plan *plan,
           size_t n_sizes, bool show_progress)
{
    uint64_t sizes[CURVE_SIZES_MAX], least, most;
    *curve = (struct curve){.by_entries = trace->unit};
    curve->footprint = lru_footprint(trace, curve->by_entries, plan->value_bytes);
    curve->cold_ratio = (double)trace->keys.n / (double)trace->n_requests;
    find_range(curve, &least, &most);
    curve->n_gyre = spread_sizes(least, most, n_sizes, sizes);
    curve->gyre = calloc(curve->n_gyre, sizeof *curve->gyre);
    bool ok = curve->gyre != NULL;
    if (!ok)
        tool_error("no memory");
    for (size_t i = 0; ok && i < curve->n_gyre; i++)
        curve->gyre[i].size = sizes[i];
    ok = ok && compute_lru(curve, trace, plan->value_bytes, least, most, show_progress)
         && replay_points(curve, trace, *plan, show_progress);
    if (!ok)
        curve_free(curve);
    return ok;
}

void
curve_free(struct curve *curve)
{
    free(curve->gyre);
    free(curve->lru);
    *curve = (struct curve){0};
}

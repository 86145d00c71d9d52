/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Bytes become a tiny cache and calls of the whole API, each answer compared with a model. One
 * thread, no maintenance thread, a clock and a seed of our own: the same bytes always do the same.
 */

#include <string.h>

#include "world.h"

enum { OPERATIONS = 1500, MAINTAIN_MOST = 100000 };

static struct {
    unsigned long long operations, hits, misses, puts, removed[GYRE_REASONS], gone_at_once, sweeps,
        growths, conflicts;
} totals;

static uint64_t
clock_ms(void *arg)
{
    return ((struct model *)arg)->now_ms;
}

/* 0: no cache came of it. */
static int
open_world(struct world *w)
{
    static const uint32_t aligns[] = {0, 8, 16, 64, 256, 4096, 0, 8};
    static const uint64_t clocks[] = {
        0, 1, 1000000, UINT32_MAX - 50, (uint64_t)1 << 41, UINT64_MAX / 2};
    gyre_options options = GYRE_OPTIONS_INIT;
    uint64_t n = fuzz_take(&w->in, 1), m = fuzz_take(&w->in, 1);

    options.flags = GYRE_NO_THREAD | (n & 1 ? GYRE_VERSIONS : 0) | (n & 2 ? GYRE_LIBURCU : 0);
    options.capacity_bytes = ((uint64_t)65536 << (n / 4 % 4)) + 4096 * (n / 16);
    options.max_entries = m % 4 == 0 ? 1 + m / 4 : 0;
    options.value_align = aligns[fuzz_take(&w->in, 1) % 8];
    options.default_ttl_ms = m % 16 == 1 ? (uint32_t)m : 0;
    options.expected_entry_bytes =
        (uint32_t)fuzz_take(&w->in, 1) * 256; /* so that shards must grow */
    options.max_value_bytes = m & 8 ? (uint32_t)(m * 16) : 0;
    options.seed = 1 + fuzz_take(&w->in, 1);
    options.clock_ms = clock_ms;
    options.clock_arg = &w->model;
    w->model.now_ms = clocks[m % 6];
    fuzz_heap_use(&w->heap, &options);
    uint64_t starve = fuzz_take(&w->in, 1);
    w->heap.left = starve >= 240 ? (long)(starve - 240) * 2 : -1;
    w->model.starved = w->heap.left >= 0;

    int result = gyre_open(&w->model.cache, &options);
    if (result != GYRE_OK) {
        FUZZ_CHECK(w->model.cache == NULL, "a cache in spite of %s", gyre_strerror(result));
        /* Too small a cache for such values or such an alignment is a contradiction. */
        uint64_t entry = options.max_value_bytes + 512 + options.value_align;
        FUZZ_CHECK(
            (result == GYRE_ENOMEM && w->model.starved) ||
                (result == GYRE_EINVAL && (entry * 16 > options.capacity_bytes ||
                                           options.value_align * 32 > options.capacity_bytes)),
            "open: %s", gyre_strerror(result));
        fuzz_heap_check_empty(&w->heap);
        return 0;
    }
    gyre_stats stats = GYRE_STATS_INIT;
    FUZZ_CHECK(gyre_stats_read(w->model.cache, &stats) == GYRE_OK, "statistics");
    FUZZ_CHECK(stats.max_value_bytes > 0 && stats.max_value_bytes < options.capacity_bytes,
               "max_value_bytes is %llu", (unsigned long long)stats.max_value_bytes);
    FUZZ_CHECK(options.max_value_bytes == 0 || stats.max_value_bytes <= options.max_value_bytes,
               "max_value_bytes is %llu", (unsigned long long)stats.max_value_bytes);
    w->model.max_value_bytes = stats.max_value_bytes;
    w->model.versions = n & 1;
    w->model.value_align = options.value_align != 0 ? options.value_align : 8;
    w->model.default_ttl_ms = options.default_ttl_ms;
    w->model.max_entries = options.max_entries;
    w->model.capacity_bytes = options.capacity_bytes;
    return 1;
}

static void
advance_clock(struct world *w)
{
    uint64_t n = fuzz_take(&w->in, 1);

    w->model.now_ms += n < 200 ? n : (n - 199) * (n - 199) * 100000;
}

static void
maintain(struct world *w)
{
    uint64_t n = fuzz_take(&w->in, 1), calls = 0;
    int result;

    do {
        result = gyre_maintain(w->model.cache, n);
        FUZZ_CHECK(result >= 0 || (result == GYRE_ENOMEM && w->model.starved), "maintain: %s",
                   gyre_strerror(result));
    } while (n >= 128 && result > 0 && ++calls < MAINTAIN_MOST);
    FUZZ_CHECK(calls < MAINTAIN_MOST || w->model.held > 0, "maintenance without end");
    if (result == 0)
        model_settled(&w->model);
}

/* Arguments that are refused; nothing changes. */
static void
misuse(struct world *w)
{
    gyre *cache = w->model.cache;
    gyre_view view;
    gyre_draft draft;
    gyre_put_options both = GYRE_PUT_OPTIONS_INIT, unknown = GYRE_PUT_OPTIONS_INIT;
    size_t size;

    both.flags = GYRE_ADD | GYRE_REPLACE;
    unknown.flags = 1u << (3 + fuzz_take(&w->in, 1) % 29);
    FUZZ_CHECK(gyre_get(cache, NULL, 3, &view) == GYRE_EINVAL && view.data == NULL, "misuse");
    FUZZ_CHECK(gyre_get(cache, "k", 0, &view) == GYRE_EINVAL && view.data == NULL, "misuse");
    FUZZ_CHECK(gyre_get(NULL, "k", 1, &view) == GYRE_EINVAL && view.data == NULL, "misuse");
    FUZZ_CHECK(gyre_get(cache, "k", 1, NULL) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_read(cache, "k", 1, NULL, 1, &size) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_read(cache, "k", 0, NULL, 0, &size) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_get_many(cache, 1, NULL, &view, (int[1]){0}) == 0, "misuse");
    FUZZ_CHECK(gyre_put(cache, "k", 0, "v", 1, NULL) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_put(cache, NULL, 1, "v", 1, NULL) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_put(cache, "k", 1, NULL, 1, NULL) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_put(cache, "k", 1, "v", 1, &both) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_put(cache, "k", 1, "v", 1, &unknown) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_reserve(cache, "k", 1, 1, &both, &draft) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_reserve(cache, "k", 1, 1, NULL, NULL) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_commit(NULL) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_delete(cache, "k", 0) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_delete(NULL, "k", 1) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_touch(cache, NULL, 1, 5) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_scan(cache, NULL, NULL) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_stats_read(cache, NULL) == GYRE_EINVAL, "misuse");
    FUZZ_CHECK(gyre_clear(NULL) == GYRE_EINVAL && gyre_maintain(NULL, 1) == GYRE_EINVAL, "misuse");
    gyre_release(NULL);
    gyre_abort(NULL);
}

static void
clear(struct world *w)
{
    int result = gyre_clear(w->model.cache);

    FUZZ_CHECK(result == GYRE_OK || (result == GYRE_ENOMEM && w->model.starved), "clear: %s",
               gyre_strerror(result));
    if (result == GYRE_OK)
        model_clear(&w->model);
}

static void
step(struct world *w)
{
    switch (fuzz_take(&w->in, 1) % 32) {
    default: world_get(w); break;
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
    case 13: world_put(w); break;
    case 14: world_flood(w); break;
    case 15: world_get_many(w); break;
    case 16: world_read(w); break;
    case 17:
    case 18: world_delete(w, world_take_key(w)); break;
    case 19: world_touch(w); break;
    case 20: world_reserve(w); break;
    case 21: world_finish(w, (unsigned)fuzz_take(&w->in, 1) % DRAFTS, true); break;
    case 22: world_finish(w, (unsigned)fuzz_take(&w->in, 1) % DRAFTS, false); break;
    case 23:
    case 24: world_release(w, (unsigned)fuzz_take(&w->in, 1) % VIEWS); break;
    case 25: advance_clock(w); break;
    case 26:
    case 27: maintain(w); break;
    case 28: world_scan(w); break;
    case 29: model_check_stats(&w->model); break;
    case 30: clear(w); break;
    case 31: misuse(w); break;
    }
}

static void
close_world(struct world *w)
{
    gyre_stats s = GYRE_STATS_INIT;

    for (unsigned i = 0; i < VIEWS; i++)
        world_release(w, i);
    for (unsigned i = 0; i < DRAFTS; i++)
        world_finish(w, i, i % 2);
    FUZZ_CHECK(w->model.held == 0, "%u held", w->model.held);
    model_check_stats(&w->model);
    gyre_stats_read(w->model.cache, &s);
    totals.hits += s.hits;
    totals.misses += s.misses;
    totals.puts += s.puts;
    for (int i = 0; i < GYRE_REASONS; i++)
        totals.removed[i] += s.removed[i];
    totals.sweeps += s.sweeps;
    totals.growths += s.growths;
    totals.conflicts += s.window_conflicts;
    totals.gone_at_once += w->gone_at_once;
    gyre_close(w->model.cache);
    fuzz_heap_check_empty(&w->heap);
}

FUZZ_TARGET
{
    static struct world worlds[1]; /* fresh memory for each input would cost more than the cache */
    struct world *w = worlds;

    memset(w, 0, sizeof *w);
    w->in = (struct fuzz_bytes){data, data + size};
    if (!open_world(w))
        return 0;
    for (unsigned i = 0; i < OPERATIONS && w->in.at < w->in.end; i++) {
        step(w);
        totals.operations++;
        if (i % 16 == 0)
            world_check_views(w);
    }
    close_world(w);
    return 0;
}

int
fuzz_report(FILE *out)
{
    static const char *const reasons[] = {"capacity", "limit",   "conflict", "expired",
                                          "replaced", "deleted", "cleared",  "rejected"};

    fprintf(out,
            "%llu operations: %llu hits, %llu misses, %llu puts (%llu missed by the next get), "
            "%llu sweeps, %llu growths, %llu conflicts; removed:",
            totals.operations, totals.hits, totals.misses, totals.puts, totals.gone_at_once,
            totals.sweeps, totals.growths, totals.conflicts);
    for (unsigned i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        fprintf(out, " %s %llu", reasons[i], totals.removed[i]);
    fprintf(out, "\n");
    return totals.hits > 0 && totals.puts > 0 && totals.removed[GYRE_CAPACITY] > 0;
}

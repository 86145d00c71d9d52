/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The public paths of gyre, one after the other, for valgrind to count: counts.py runs this.
 *
 *     paths ENTRIES OPERATIONS
 *
 * Each path works on a cache of its own, in chunks: what is done before a chunk is not counted, and
 * after it a line on stdout says how many units of work it was. callgrind is asked for a dump of
 * each chunk. One thread, no maintenance thread, one seed of the hash: all of it is exact. */

#include <gyre.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include "workload.h"

#define VALUE_BYTES 64
#define BATCH 16
#define BYTES_AN_ENTRY 112
#define WARM_HITS 4 /* after so many hits, an entry's frequency is at its most */
#define CHUNKS 8
#define EVICTING 3 /* caches that evict: what they keep, and so what a put sweeps, differs by a tenth from seed to seed */

struct path;

struct run {
    const struct path *path;
    gyre *cache;
    uint64_t n_ids;     /* 0 to n_ids - 1 have been put */
    uint64_t cursor;    /* ids below are used up, for paths that use each once */
    uint32_t *requests; /* by Zipf's law, for those that evict */
    size_t request, n_requests;
    uint32_t *missed; /* of a chunk */
    size_t calls;     /* that a chunk makes */
};

struct path {
    const char *name;
    void (*before)(struct run *); /* makes a chunk ready; not counted */
    void (*call)(struct run *, size_t i);
    unsigned room_percent; /* of the entries: 100 evicts */
    unsigned units;        /* that a call is; 0: the entries that it sweeps */
    int limited;           /* by max_entries */
};

static unsigned
caches(const struct path *path)
{
    return path->room_percent == 100 ? EVICTING : 1;
}

static size_t n_entries, n_operations;

static void
require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "paths: failed: %s\n", what);
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

static int
look_up(gyre *cache, uint64_t id)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    gyre_view view;

    workload_key(id, key);
    int result = gyre_get(cache, key, sizeof key, &view);
    if (result != GYRE_OK)
        return 0;
    require(workload_check(id, view.data, VALUE_BYTES) == 1, "the right value");
    gyre_release(&view);
    return 1;
}

/* A different id each, none near the one before. */
static uint64_t
used_once(const struct run *run, size_t i)
{
    return (run->cursor + i) * 2654435761u % run->n_ids;
}

static void
call_get(struct run *run, size_t i)
{
    require(look_up(run->cache, used_once(run, i)), "a hit");
}

static void
call_miss(struct run *run, size_t i)
{
    require(!look_up(run->cache, run->n_ids + run->cursor + i), "a miss");
}

static void
call_read(struct run *run, size_t i)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    uint64_t value[VALUE_BYTES / 8];
    size_t size;

    workload_key(used_once(run, i), key);
    require(gyre_read(run->cache, key, sizeof key, value, sizeof value, &size) == GYRE_OK, "read");
}

static void
call_many(struct run *run, size_t i)
{
    unsigned char bytes[BATCH][WORKLOAD_KEY_BYTES];
    gyre_key keys[BATCH];
    gyre_view views[BATCH];
    int results[BATCH];

    for (size_t k = 0; k < BATCH; k++) {
        workload_key(used_once(run, i * BATCH + k), bytes[k]);
        keys[k] = (gyre_key){bytes[k], WORKLOAD_KEY_BYTES};
    }
    require(gyre_get_many(run->cache, BATCH, keys, views, results) == BATCH, "hits");
    for (size_t k = 0; k < BATCH; k++)
        gyre_release(&views[k]);
}

static void
call_lease_hit(struct run *run, size_t i)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    gyre_view view;
    gyre_lease lease;

    workload_key(used_once(run, i), key);
    require(gyre_get_or_lease(run->cache, key, sizeof key, NULL, &view, &lease) == GYRE_OK, "a hit");
    gyre_release(&view);
}

static void
call_lease(struct run *run, size_t i)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    uint64_t id = run->n_ids + run->cursor + i, value[VALUE_BYTES / 8];
    gyre_view view;
    gyre_lease lease;

    workload_key(id, key);
    workload_fill(id, value, sizeof value);
    require(gyre_get_or_lease(run->cache, key, sizeof key, NULL, &view, &lease) == GYRE_MISS, "a lease");
    require(gyre_lease_commit(&lease, value, sizeof value, NULL) == GYRE_OK, "commit");
}

static void
call_put_new(struct run *run, size_t i)
{
    put(run->cache, run->n_ids + run->cursor + i);
}

static void
call_draft(struct run *run, size_t i)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    gyre_draft draft;
    uint64_t id = run->n_ids + run->cursor + i;

    workload_key(id, key);
    int result = gyre_reserve(run->cache, key, sizeof key, VALUE_BYTES, NULL, &draft);
    require(result == GYRE_OK, "reserve");
    workload_fill(id, draft.data, VALUE_BYTES);
    require(gyre_commit(&draft) == GYRE_OK, "commit");
}

static void
call_put_again(struct run *run, size_t i)
{
    put(run->cache, used_once(run, i));
}

static void
call_delete(struct run *run, size_t i)
{
    unsigned char key[WORKLOAD_KEY_BYTES];

    workload_key(used_once(run, i), key);
    require(gyre_delete(run->cache, key, sizeof key) == GYRE_OK, "a delete");
}

static void
call_touch(struct run *run, size_t i)
{
    unsigned char key[WORKLOAD_KEY_BYTES];

    workload_key(used_once(run, i), key);
    require(gyre_touch(run->cache, key, sizeof key, 1000000) == GYRE_OK, "a touch");
}

static void
call_put_missed(struct run *run, size_t i)
{
    put(run->cache, run->missed[i]);
}

static void
call_maintain(struct run *run, size_t i)
{
    (void)i;
    require(gyre_maintain(run->cache, 0) >= 0, "maintenance");
}

static void
before_each(struct run *run)
{
    run->calls = n_operations / CHUNKS;
    if (run->path->units == BATCH)
        run->calls /= BATCH;
    run->cursor += n_operations / CHUNKS;
}

static void
before_warm(struct run *run)
{
    before_each(run);
    for (size_t i = 0; i < run->calls * run->path->units; i++)
        for (unsigned hit = 0; hit < WARM_HITS; hit++)
            require(look_up(run->cache, used_once(run, i)), "an entry to warm");
}

/* Two misses, one after the other: from then on the thread's gets expect to miss. */
static void
before_doubt(struct run *run)
{
    before_warm(run);
    for (unsigned i = 0; i < 2; i++)
        require(!look_up(run->cache, run->n_ids + i), "a miss");
}

/* Requests until so many have missed. Those are put in the chunk. */
static void
before_missed(struct run *run)
{
    run->calls = 0;
    while (run->calls < n_operations / CHUNKS) {
        require(run->request < run->n_requests, "enough requests");
        uint32_t id = run->requests[run->request++];
        if (!look_up(run->cache, id))
            run->missed[run->calls++] = id;
    }
}

/* Puts what misses, and has the maintenance find something to do. */
static void
before_sweep(struct run *run)
{
    before_missed(run);
    for (size_t i = 0; i < run->calls; i++)
        put(run->cache, run->missed[i]);
    run->calls = 1;
}

static const struct path paths[] = {
    {"get and release, hit", before_warm, call_get, 125, 1, 0},
    {"get and release, hit where misses are expected", before_doubt, call_get, 125, 1, 0},
    {"get and release, first hit", before_each, call_get, 125, 1, 0},
    {"get, miss", before_each, call_miss, 125, 1, 0},
    {"read, hit copied", before_warm, call_read, 125, 1, 0},
    {"get_many of 16 and releases, a key", before_warm, call_many, 125, BATCH, 0},
    {"put, new key", before_each, call_put_new, 250, 1, 0},
    {"reserve and commit, new key", before_each, call_draft, 250, 1, 0},
    {"get_or_lease and release, hit", before_warm, call_lease_hit, 125, 1, 0},
    {"get_or_lease and commit, new key", before_each, call_lease, 250, 1, 0},
    {"put, overwrites", before_each, call_put_again, 250, 1, 0},
    {"delete", before_each, call_delete, 125, 1, 0},
    {"touch", before_each, call_touch, 250, 1, 0},
    {"put, evicts for max_entries", before_missed, call_put_missed, 100, 1, 1},
    {"put, evicts for bytes", before_missed, call_put_missed, 100, 1, 0},
    {"maintain, an entry swept", before_sweep, call_maintain, 100, 0, 0},
};

static void
open_filled(struct run *run, unsigned seed)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    size_t n_warm = 8 * n_entries;

    options.flags = GYRE_NO_THREAD;
    options.capacity_bytes = n_entries * BYTES_AN_ENTRY * run->path->room_percent / 100;
    options.expected_entry_bytes = BYTES_AN_ENTRY;
    options.seed = seed;
    if (run->path->limited) {
        options.max_entries = n_entries;
        options.capacity_bytes *= 2;
    }
    require(gyre_open(&run->cache, &options) == GYRE_OK, "open");
    if (run->path->room_percent > 100) {
        for (run->n_ids = 0; run->n_ids < n_entries; run->n_ids++)
            put(run->cache, run->n_ids);
        return;
    }
    run->n_requests = n_warm + 16 * n_operations;
    run->requests = workload_sequence((uint32_t)n_entries * 10, WORKLOAD_ZIPF, run->n_requests, 1);
    run->missed = malloc(n_operations * sizeof *run->missed);
    require(run->requests != NULL && run->missed != NULL, "memory");
    for (; run->request < n_warm; run->request++)
        if (!look_up(run->cache, run->requests[run->request]))
            put(run->cache, run->requests[run->request]);
}

static gyre_stats
stats_of(gyre *cache)
{
    gyre_stats stats = GYRE_STATS_INIT;

    require(gyre_stats_read(cache, &stats) == GYRE_OK, "stats");
    return stats;
}

static uint64_t
judged(const gyre_stats *stats)
{
    return stats->removed[GYRE_CAPACITY] + stats->copied_entries;
}

static void
count_chunk(struct run *run)
{
    run->path->before(run);
    gyre_stats before = stats_of(run->cache);

    CALLGRIND_ZERO_STATS;
    for (size_t i = 0; i < run->calls; i++)
        run->path->call(run, i);
    CALLGRIND_DUMP_STATS_AT(run->path->name);
    gyre_stats after = stats_of(run->cache);
    require(after.growths == before.growths, "the index stays as it is");
    uint64_t units = run->calls * run->path->units;
    printf("%s\t%llu\n", run->path->name,
           (unsigned long long)(units > 0 ? units : judged(&after) - judged(&before)));
}

static void
count_path(const struct path *path, unsigned seed)
{
    struct run run = {.path = path};

    open_filled(&run, seed);
    for (unsigned chunk = 0; chunk < CHUNKS; chunk++)
        count_chunk(&run);
    gyre_close(run.cache);
    free(run.requests);
    free(run.missed);
}

int
main(int argc, char **argv)
{
    require(argc == 3, "paths ENTRIES OPERATIONS");
    n_entries = strtoull(argv[1], NULL, 10);
    n_operations = strtoull(argv[2], NULL, 10);
    require(n_operations >= CHUNKS * BATCH && n_entries >= 2 * n_operations, "arguments");
    for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++)
        for (unsigned seed = 1; seed <= caches(&paths[p]); seed++)
            count_path(&paths[p], seed);
    return 0;
}

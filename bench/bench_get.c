/* How fast are hits? Uniform and Zipf, small and large values read in place, one by one and in
 * batches.
 *
 * SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <stdio.h>

#include "filled.h"

#define BATCH_MAX 64
#define READ_BYTES                                                                                 \
    64 /* of every value, however large: what an application that looks at a header reads */

static void
get_one_by_one(const struct bench *bench, void *state, int thread, uint64_t *cursor, uint64_t n)
{
    const struct filled *filled = state;
    uint64_t hits = 0, right = 0;

    (void)bench;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t id = filled_id(filled, thread, (*cursor)++);
        unsigned char key[WORKLOAD_KEY_BYTES];
        gyre_view view;

        workload_key(id, key);
        if (gyre_get(filled->cache, key, sizeof key, &view) != GYRE_OK)
            continue;
        hits++;
        right += workload_check(id, view.data, READ_BYTES);
        gyre_release(&view);
    }
    bench_require(right == hits, "a value is wrong");
}

/* An iteration is a batch of bench->n gets. */
static void
get_in_batches(const struct bench *bench, void *state, int thread, uint64_t *cursor, uint64_t n)
{
    const struct filled *filled = state;
    unsigned char bytes[BATCH_MAX][WORKLOAD_KEY_BYTES];
    gyre_key keys[BATCH_MAX];
    gyre_view views[BATCH_MAX];
    int results[BATCH_MAX];
    uint64_t ids[BATCH_MAX], hits = 0, right = 0;
    size_t batch = bench->n;

    for (size_t k = 0; k < batch; k++)
        keys[k] = (gyre_key){bytes[k], WORKLOAD_KEY_BYTES};
    for (uint64_t i = 0; i < n; i++) {
        for (size_t k = 0; k < batch; k++) {
            ids[k] = filled_id(filled, thread, (*cursor)++);
            workload_key(ids[k], bytes[k]);
        }
        hits += gyre_get_many(filled->cache, batch, keys, views, results);
        for (size_t k = 0; k < batch; k++) {
            if (results[k] != GYRE_OK)
                continue;
            right += workload_check(ids[k], views[k].data, READ_BYTES);
            gyre_release(&views[k]);
        }
    }
    bench_require(right == hits, "a value is wrong");
}

static void
add(const struct filled_arg *arg, size_t batch, int threads)
{
    char name[100];
    struct bench bench = {
        .name = name,
        .threads = threads,
        .arg = arg,
        .setup = filled_setup,
        .teardown = filled_teardown,
        .run = batch != 0 ? get_in_batches : get_one_by_one,
        .n = batch,
        .items = batch != 0 ? batch : 1,
        .ratio = filled_hit_ratio,
        .ratio_name = "hit_ratio",
    };

    if (batch != 0)
        snprintf(name, sizeof name, "get_many_%zu", batch);
    else
        snprintf(name, sizeof name, "get");
    snprintf(name + strlen(name), sizeof name - strlen(name), "/%s/value:%u",
             arg->theta > 0 ? "zipf0.99" : "uniform", arg->value_bytes);
    bench_add(&bench);
}

void
bench_register(void)
{
    static const struct filled_arg args[] = {
        {256u << 20, 1000000, 1000000, 64, 0},  {256u << 20, 1000000, 1000000, 64, WORKLOAD_ZIPF},
        {512u << 20, 200000, 200000, 1024, 0},  {512u << 20, 200000, 200000, 1024, WORKLOAD_ZIPF},
        {1024u << 20, 100000, 100000, 6144, 0}, {1024u << 20, 100000, 100000, 6144, WORKLOAD_ZIPF},
    };

    for (size_t i = 0; i < sizeof args / sizeof args[0]; i++) {
        for (int threads = 1; threads <= 4; threads *= 2)
            add(&args[i], 0, threads);
        for (size_t batch = 4; batch <= BATCH_MAX && args[i].value_bytes == 64; batch *= 2)
            add(&args[i], batch, 1);
    }
}

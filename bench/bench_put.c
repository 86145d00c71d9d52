/* How fast are puts? New keys into a cache with room, overwriting, and puts that must evict.
 *
 * SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <stdio.h>

#include "filled.h"

#define VALUE_BYTES 64
#define FRESH_KEYS 1000000

static void
put(const struct filled *filled, uint64_t id)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    uint64_t value[VALUE_BYTES / 8];

    workload_key(id, key);
    workload_fill(id, value, sizeof value);
    bench_require(gyre_put(filled->cache, key, sizeof key, value, sizeof value, NULL) == GYRE_OK,
                  "put");
}

/* Keys that nobody has put before: ids far above those of the sequences, apart for each thread. */
static void
put_new(const struct bench *bench, void *state, int thread, uint64_t *cursor, uint64_t n)
{
    (void)bench;
    for (uint64_t i = 0; i < n; i++)
        put(state, ((uint64_t)thread + 1) << 40 | (*cursor)++);
}

static void
put_again(const struct bench *bench, void *state, int thread, uint64_t *cursor, uint64_t n)
{
    (void)bench;
    for (uint64_t i = 0; i < n; i++)
        put(state, filled_id(state, thread, (*cursor)++));
}

/* What a cache in front of a slow source does: get, and on a miss put. */
static void
get_then_put(const struct bench *bench, void *state, int thread, uint64_t *cursor, uint64_t n)
{
    const struct filled *filled = state;
    uint64_t hits = 0, right = 0;

    (void)bench;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t id = filled_id(filled, thread, (*cursor)++);
        unsigned char key[WORKLOAD_KEY_BYTES];
        gyre_view view;

        workload_key(id, key);
        if (gyre_get(filled->cache, key, sizeof key, &view) == GYRE_OK) {
            hits++;
            right += workload_check(id, view.data, VALUE_BYTES);
            gyre_release(&view);
        } else {
            put(filled, id);
        }
    }
    bench_require(right == hits, "a value is wrong");
}

void
bench_register(void)
{
    static const struct filled_arg roomy = {512u << 20, 1, 0, VALUE_BYTES, 0};
    static const struct filled_arg full = {64u << 20, 1, 0, VALUE_BYTES, 0};
    static const struct filled_arg uniform = {256u << 20, 1000000, 1000000, VALUE_BYTES, 0};
    static const struct filled_arg zipf = {256u << 20, 1000000, 1000000, VALUE_BYTES,
                                           WORKLOAD_ZIPF};
    static const struct filled_arg tight = {112u << 20, 10000000, 1000000, VALUE_BYTES,
                                            WORKLOAD_ZIPF};
    const struct bench kinds[] = {
        {.name = "put_new/room", .arg = &roomy, .run = put_new, .fixed_iterations = FRESH_KEYS},
        {.name = "put_new/full", .arg = &full, .run = put_new},
        {.name = "put_again/uniform", .arg = &uniform, .run = put_again},
        {.name = "put_again/zipf0.99", .arg = &zipf, .run = put_again},
        {.name = "get_then_put/zipf0.99/10M_keys",
         .arg = &tight,
         .run = get_then_put,
         .ratio = filled_hit_ratio,
         .ratio_name = "hit_ratio"},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (int threads = 1; threads <= 4; threads *= 2) {
            struct bench bench = kinds[i];

            bench.threads = threads;
            bench.setup = filled_setup;
            bench.teardown = filled_teardown;
            bench.items = 1;
            bench.fixed_iterations /= (uint64_t)threads;
            bench_add(&bench);
        }
    }
}

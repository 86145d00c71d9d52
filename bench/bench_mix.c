/* How fast are gets and puts of the same keys at once?
 *
 * SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <stdio.h>

#include "filled.h"

#define VALUE_BYTES 64

/* bench->n of 100 operations are puts, at places that differ from round to round of the sequence.
 */
static void
mix(const struct bench *bench, void *state, int thread, uint64_t *cursor, uint64_t n)
{
    const struct filled *filled = state;
    uint64_t hits = 0, right = 0;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t id = filled_id(filled, thread, *cursor);
        uint64_t dice = workload_mix((*cursor)++) % 100;
        unsigned char key[WORKLOAD_KEY_BYTES];
        gyre_view view;

        workload_key(id, key);
        if (dice < bench->n) {
            uint64_t value[VALUE_BYTES / 8];
            workload_fill(id, value, sizeof value);
            bench_require(gyre_put(filled->cache, key, sizeof key, value, sizeof value, NULL) ==
                              GYRE_OK,
                          "put");
        } else if (gyre_get(filled->cache, key, sizeof key, &view) == GYRE_OK) {
            hits++;
            right += workload_check(id, view.data, VALUE_BYTES);
            gyre_release(&view);
        }
    }
    bench_require(right == hits, "a value is wrong");
}

void
bench_register(void)
{
    static const struct filled_arg args[] = {
        {256u << 20, 1000000, 1000000, VALUE_BYTES, 0},
        {256u << 20, 1000000, 1000000, VALUE_BYTES, WORKLOAD_ZIPF},
    };
    static const unsigned puts[] = {5, 50};

    for (size_t i = 0; i < sizeof args / sizeof args[0]; i++) {
        for (size_t p = 0; p < sizeof puts / sizeof puts[0]; p++) {
            for (int threads = 1; threads <= 4; threads *= 2) {
                char name[100];
                struct bench bench = {
                    .name = name,
                    .threads = threads,
                    .arg = &args[i],
                    .setup = filled_setup,
                    .teardown = filled_teardown,
                    .run = mix,
                    .n = puts[p],
                    .items = 1,
                };

                snprintf(name, sizeof name, "mix/%u_%u/%s", 100 - puts[p], puts[p],
                         args[i].theta > 0 ? "zipf0.99" : "uniform");
                bench_add(&bench);
            }
        }
    }
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "sample.h"

#include <stdlib.h>
#include <string.h>

#include "policies.h"

struct trace
sample_of(const struct trace *trace, uint64_t most_requests)
{
    uint64_t one_in = (trace->n_requests + most_requests - 1) / most_requests;
    const uint32_t *from = trace_requests(trace);
    uint32_t *number = policies_alloc(trace->keys.n, sizeof *number);
    uint32_t *to = policies_alloc(trace->n_requests, sizeof *to);
    struct trace sample = {.name = trace->name, .format = trace->format, .unit = true};
    for (uint64_t i = 0; i < trace->n_requests; i++) {
        uint32_t key = from[i];
        if (one_in > 1 && keys_mix(key + 1u) % one_in != 0)
            continue;
        if (number[key] == 0)
            number[key] = ++sample.keys.n;
        to[sample.n_requests++] = number[key] - 1;
    }
    sample.requests.data = to;
    free(number);
    return sample;
}

void
sample_free(struct trace *sample)
{
    free(sample->requests.data);
}

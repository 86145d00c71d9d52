/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "sketch.h"

#include <stdlib.h>

enum { COUNTERS_PER_KEY = 4, PER_ENTRY = 8 * COUNTERS_PER_KEY, COUNT_MOST = 15 };
enum { REQUESTS_PER_ENTRY = 10 }; /* from one halving to the next */

struct sketch
sketch_new(uint64_t entries)
{
    struct sketch sketch = {.n_bytes = 16, .period = REQUESTS_PER_ENTRY * entries};
    while (sketch.n_bytes < entries * PER_ENTRY / 2)
        sketch.n_bytes *= 2;
    sketch.counters = policies_alloc(sketch.n_bytes, 1);
    return sketch;
}

void
sketch_free(struct sketch *sketch)
{
    free(sketch->counters);
}

static uint64_t
mix(uint64_t x)
{
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

struct place {
    uint8_t *byte;
    unsigned shift;
};

static struct place
find(const struct sketch *sketch, uint32_t key, unsigned which)
{
    uint64_t hash = mix(key + 1 + ((uint64_t)which << 32));
    return (struct place){&sketch->counters[hash >> 1 & (sketch->n_bytes - 1)], hash & 1 ? 4 : 0};
}

static void
halve(struct sketch *sketch)
{
    for (uint64_t i = 0; i < sketch->n_bytes; i++)
        sketch->counters[i] = sketch->counters[i] >> 1 & 0x77;
    sketch->counted /= 2;
}

void
sketch_count(struct sketch *sketch, uint32_t key)
{
    bool counted = false;
    for (unsigned which = 0; which < COUNTERS_PER_KEY; which++) {
        struct place place = find(sketch, key, which);
        if ((*place.byte >> place.shift & COUNT_MOST) < COUNT_MOST) {
            *place.byte = (uint8_t)(*place.byte + (1u << place.shift));
            counted = true;
        }
    }
    sketch->counted += counted;
    if (sketch->counted >= sketch->period)
        halve(sketch);
}

unsigned
sketch_estimate(const struct sketch *sketch, uint32_t key)
{
    unsigned least = COUNT_MOST;
    for (unsigned which = 0; which < COUNTERS_PER_KEY; which++) {
        struct place place = find(sketch, key, which);
        unsigned count = *place.byte >> place.shift & COUNT_MOST;
        if (count < least)
            least = count;
    }
    return least;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Embeddings read in place: vectors of floats stand in the cache at multiples of 64 bytes, so that a
 * dot product reads them with aligned SIMD loads and copies nothing. gyre_get_many looks up a batch of
 * candidates at once, so that their cache misses overlap.
 *
 *     cc -std=c11 -O3 zero_copy_vectors.c $(pkg-config --cflags --libs gyre) -o zero_copy_vectors */

#include <gyre.h>
#include <stdint.h>
#include <stdio.h>

enum { DIMENSIONS = 256, VECTORS = 20000, BATCH = 64, TOP = 5 };

static float
dot(const float *a, const float *b)
{
    const float *x = __builtin_assume_aligned(a, 64);
    float sum[16] = {0}; /* independent sums, so that the compiler may use vector registers */
    for (int i = 0; i < DIMENSIONS; i += 16)
        for (int lane = 0; lane < 16; lane++)
            sum[lane] += x[i + lane] * b[i + lane];
    float total = 0;
    for (int lane = 0; lane < 16; lane++)
        total += sum[lane];
    return total;
}

static void
make_vector(uint32_t id, float *vector)
{
    uint32_t x = id * 2654435761u + 1;
    for (int i = 0; i < DIMENSIONS; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        vector[i] = (float)(int32_t)x * 0x1p-31f;
    }
}

struct found {
    uint32_t id;
    float score;
};

/* Keeps the TOP best, best first. */
static void
offer(struct found *top, uint32_t id, float score)
{
    struct found moving = {id, score};
    for (int i = 0; i < TOP; i++)
        if (moving.score > top[i].score) {
            struct found held = top[i];
            top[i] = moving;
            moving = held;
        }
}

int
main(void)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = 64 << 20;
    options.value_align = 64;
    options.expected_entry_bytes = DIMENSIONS * sizeof(float) + 80;
    gyre *cache;
    if (gyre_open(&cache, &options) != GYRE_OK)
        return 1;

    for (uint32_t id = 0; id < VECTORS; id++) {
        gyre_draft draft; /* the vector is made where it will be read: not even the put copies it */
        if (gyre_reserve(cache, &id, sizeof id, DIMENSIONS * sizeof(float), NULL, &draft) != GYRE_OK)
            continue;
        make_vector(id, draft.data);
        gyre_commit(&draft);
    }

    float query[DIMENSIONS];
    make_vector(4711, query);
    struct found top[TOP];
    for (int i = 0; i < TOP; i++)
        top[i] = (struct found){0, -1e30f};

    size_t hits = 0;
    for (uint32_t first = 0; first < VECTORS; first += BATCH) {
        uint32_t ids[BATCH];
        gyre_key keys[BATCH];
        gyre_view views[BATCH];
        int results[BATCH];
        size_t n = VECTORS - first < BATCH ? VECTORS - first : BATCH;
        for (size_t i = 0; i < n; i++) {
            ids[i] = first + (uint32_t)i;
            keys[i] = (gyre_key){&ids[i], sizeof ids[i]};
        }
        hits += gyre_get_many(cache, n, keys, views, results);
        for (size_t i = 0; i < n; i++)
            if (results[i] == GYRE_OK) {
                offer(top, ids[i], dot(views[i].data, query));
                gyre_release(&views[i]);
            }
    }

    printf("%zu of %d vectors were in the cache; nearest to vector 4711:\n", hits, VECTORS);
    for (int i = 0; i < TOP; i++)
        printf("  %5u  %8.3f\n", top[i].id, (double)top[i].score);
    gyre_close(cache);
    return 0;
}

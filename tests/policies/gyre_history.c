/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "gyre_history.h"

#include <stdlib.h>

enum { CELLS = 31, CELLS_ENTRY = 2, FINGERPRINT_BITS = 16 - GY_KIND_BITS };

#define TURNOVERS_MOST 2.0f

struct bucket {
    uint16_t place, cell[CELLS];
};

struct gyre_history {
    uint64_t n;
    struct bucket bucket[];
};

uint64_t gyre_history_seed = 1;

#ifdef GY_POINTS /* src/learn.c calls it in builds for tests; the library, which has it, is not here */
void (*gy_point_hook)(const char *file, int line, const volatile void *address);
#endif

static uint64_t
hash_of(uint32_t key)
{
    uint64_t x = (key + gyre_history_seed * 0x12345678912345u) + 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static struct bucket *
bucket_of(struct gyre_history *h, uint64_t hash)
{
    return &h->bucket[(hash & UINT32_MAX) * h->n >> 32];
}

static uint16_t
fingerprint(uint64_t hash)
{
    uint64_t f = hash >> (64 - FINGERPRINT_BITS);
    return (uint16_t)((f ? f : 1) << GY_KIND_BITS);
}

unsigned
gyre_history_sample(struct gy_learned *learned, uint32_t key)
{
    return gy_learn_sample(learned, fingerprint(hash_of(key)) >> GY_KIND_BITS);
}

static unsigned
kind_of(unsigned cell)
{
    return cell & ((1u << GY_KIND_BITS) - 1);
}

struct gyre_history *
gyre_history_new(uint64_t entries)
{
    uint64_t n = gy_max(1, entries * CELLS_ENTRY / (CELLS + 1));
    struct gyre_history *h = policies_alloc(1, sizeof *h + n * sizeof h->bucket[0]);
    h->n = n;
    return h;
}

void
gyre_history_free(struct gyre_history *h)
{
    free(h);
}

float
gyre_history_turnovers(float evictions, uint64_t entries)
{
    return evictions / (float)gy_max(entries, 1);
}

float
gyre_history_soon(const struct gyre_history *h, uint64_t entries)
{
    return gyre_history_turnovers((float)h->n, entries);
}

void
gyre_history_remember(struct gyre_history *h, struct gy_learned *learned, uint32_t key,
                      unsigned kind, uint64_t entries)
{
    uint64_t hash = hash_of(key);
    struct bucket *bucket = bucket_of(h, hash);
    uint16_t *oldest = &bucket->cell[bucket->place];
    if (*oldest != 0) {
        float time = gyre_history_turnovers((float)CELLS * (float)h->n, entries);
        unsigned sample = gy_learn_sample(learned, *oldest >> GY_KIND_BITS);
        gy_learn(learned, sample, kind_of(*oldest), false, time < TURNOVERS_MOST ? time : TURNOVERS_MOST);
    }
    *oldest = (uint16_t)(fingerprint(hash) | kind);
    bucket->place = (uint16_t)((bucket->place + 1) % CELLS);
}

unsigned
gyre_history_recall(struct gyre_history *h, struct gy_learned *learned, uint32_t key,
                    uint64_t entries)
{
    uint64_t hash = hash_of(key);
    struct bucket *bucket = bucket_of(h, hash);
    unsigned mine = fingerprint(hash);
    for (unsigned i = 0; i < CELLS; i++) {
        unsigned cell = bucket->cell[i];
        if ((cell ^ mine) >> GY_KIND_BITS != 0)
            continue;
        bucket->cell[i] = 0;
        unsigned since = (bucket->place + CELLS - 1u - i) % CELLS, kind = kind_of(cell);
        float age = gyre_history_turnovers(((float)since + 0.5f) * (float)h->n, entries);
        if (age >= TURNOVERS_MOST)
            return GY_KIND_UNKNOWN;
        unsigned sample = gyre_history_sample(learned, key);
        gy_learn(learned, sample, kind, true, age);
        if (since == 0 && kind >= GY_KINDS_MAIN)
            gy_learn_soon(learned, sample);
        return GY_KINDS_MAIN + gy_policy_past(kind, age);
    }
    return GY_KIND_UNKNOWN;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "history.h"

#include "learn.h"

/* A bucket is one line: a place, and a ring of cells of which that is the oldest. A cell is a fingerprint and the
 * kind, 0 when empty. There is no room for a time, and no need: keys come into buckets at random, so how many came
 * in after a cell is its age, in units of the number of buckets. All accesses relaxed: a guess. */
enum { PLACE, CELLS = GY_HISTORY_WORDS - 1, FINGERPRINT_BITS = 16 - GY_KIND_BITS };

#define TURNOVERS_MOST 2.0f /* what is older is another story */

static gy_atomic_u16 *
bucket_of(struct gyre *cache, uint64_t hash)
{
    uint64_t bucket = (hash & UINT32_MAX) * cache->g.n_history >> 32 >> gy_load_rlx(&cache->super->history_shift);
    return cache->history + bucket * GY_HISTORY_WORDS;
}

/* How many buckets are in use. */
static float
buckets(struct gyre *cache)
{
    uint64_t shift = gy_load_rlx(&cache->super->history_shift);
    return (float)(((cache->g.n_history - 1) >> shift) + 1);
}

static uint16_t
fingerprint(uint64_t hash)
{
    uint64_t f = hash >> (64 - FINGERPRINT_BITS);
    return (uint16_t)((f ? f : 1) << GY_KIND_BITS);
}

static unsigned
kind_of(unsigned cell)
{
    unsigned kind = cell & ((1u << GY_KIND_BITS) - 1);
    return kind < GY_KINDS ? kind : GY_KIND_UNKNOWN;
}

uint64_t
gy_history_clock(struct gyre *cache)
{
    return gy_load_rlx(&cache->super->history_clock);
}

float
gy_history_turnovers(struct gyre *cache, float evictions)
{
    uint64_t entries = cache->g.max_entries ? cache->g.max_entries : gy_load_rlx(&cache->super->turnover);
    return evictions / (float)gy_max(entries, 1);
}

void
gy_history_fit(struct gyre *cache, uint64_t entries, uint64_t bytes)
{
    struct gy_super *s = cache->super;
    gy_store_rlx(&s->turnover, entries);
    gy_store_rlx(&s->mean_bytes, bytes / gy_max(entries, 1));
    uint64_t shift = gy_load_rlx(&s->history_shift), used = ((cache->g.n_history - 1) >> shift) + 1;
    uint64_t wanted = entries * GY_HISTORY_ENTRY / GY_LINE + 1;
    if (used > 2 * wanted)
        gy_store_rlx(&s->history_shift, shift + 1);
    else if (shift > 0 && used < wanted)
        gy_store_rlx(&s->history_shift, shift - 1);
}

float
gy_history_soon(struct gyre *cache)
{
    return gy_history_turnovers(cache, buckets(cache));
}

void
gy_history_remember(struct gyre *cache, uint64_t hash, unsigned kind)
{
    gy_atomic_u16 *bucket = bucket_of(cache, hash);
    unsigned place = gy_load_rlx(&bucket[PLACE]) % CELLS;
    gy_atomic_u16 *oldest = &bucket[1 + place];
    unsigned forgotten = gy_load_rlx(oldest);
    if (forgotten != 0) { /* it never came back */
        float time = gy_history_turnovers(cache, (float)CELLS * buckets(cache));
        gy_learn(&cache->super->learned, kind_of(forgotten), false, time < TURNOVERS_MOST ? time : TURNOVERS_MOST);
    }
    gy_store_rlx(oldest, (uint16_t)(fingerprint(hash) | kind));
    gy_store_rlx(&bucket[PLACE], (uint16_t)((place + 1) % CELLS));
    gy_add_rlx(&cache->super->history_clock, 1);
}

unsigned
gy_history_recall(struct gyre *cache, uint64_t hash)
{
    gy_atomic_u16 *bucket = bucket_of(cache, hash);
    unsigned place = gy_load_rlx(&bucket[PLACE]) % CELLS, mine = fingerprint(hash);
    for (unsigned i = 0; i < CELLS; i++) {
        unsigned cell = gy_load_rlx(&bucket[1 + i]);
        if ((cell ^ mine) >> GY_KIND_BITS != 0)
            continue;
        gy_store_rlx(&bucket[1 + i], 0);
        unsigned since = (place + CELLS - 1 - i) % CELLS, kind = kind_of(cell);
        float age = gy_history_turnovers(cache, ((float)since + 0.5f) * buckets(cache));
        if (age >= TURNOVERS_MOST)
            return GY_KIND_UNKNOWN;
        gy_learn(&cache->super->learned, kind, true, age);
        if (since == 0 && kind >= GY_KINDS_MAIN)
            gy_learn_soon(&cache->super->learned);
        return GY_KINDS_MAIN + gy_policy_past(kind, age);
    }
    return GY_KIND_UNKNOWN;
}

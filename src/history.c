/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "history.h"

#include "learn.h"
#include "note.h"

/* A bucket is one line: a place, and a ring of cells of which that is the oldest. A cell is a fingerprint and the
 * kind, 0 when empty. There is no room for a time, and no need: keys come into buckets at random, so how many came
 * in after a cell is its age, in units of the number of buckets. Place and cells are 16 bits each, four in a word,
 * so that four are compared at once, or, where the processor can, eight. All accesses relaxed: a guess. */
enum { PLACE = GY_HISTORY_PLACE, CELLS = GY_HISTORY_WORDS - 1, CELL_BITS = GY_HISTORY_CELL_BITS,
       CELLS_A_WORD = GY_HISTORY_CELLS_A_WORD };

#define TURNOVERS_MOST 2.0f /* what is older is another story */

static unsigned
get(gy_atomic_u64 *bucket, unsigned cell)
{
    return (uint16_t)(gy_load_rlx(&bucket[cell / CELLS_A_WORD]) >> cell % CELLS_A_WORD * CELL_BITS);
}

/* Returns what was there. */
static inline unsigned
set(gy_atomic_u64 *bucket, unsigned cell, unsigned value)
{
    unsigned shift = cell % CELLS_A_WORD * CELL_BITS;
    uint64_t word = gy_load_rlx(&bucket[cell / CELLS_A_WORD]);
    uint16_t was = (uint16_t)(word >> shift);
    gy_store_rlx(&bucket[cell / CELLS_A_WORD], word ^ (uint64_t)(was ^ value) << shift);
    return was;
}

/* How many buckets are in use. */
static float
buckets(struct gyre *cache)
{
    return (float)(int64_t)(((uint64_t)(cache->g.n_history - 1) >> gy_history_shift(cache)) + 1);
}

static unsigned
fingerprint(uint64_t hash)
{
    return (unsigned)gy_history_fingerprint(hash) << GY_KIND_BITS;
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

void
gy_history_tick(struct gyre *cache, unsigned hand, uint64_t evictions)
{
    enum { AT_ONCE = 64 };
    if (cache->hands_apart) {
        gy_atomic_u64 *count = &cache->super->hand[hand].evicted;
        if (gy_add_rlx(count, evictions) + evictions < AT_ONCE)
            return;
        evictions = gy_swap_seq(count, 0);
    }
    gy_add_rlx(&cache->super->history_clock, evictions);
}

void
gy_history_fit(struct gyre *cache, uint64_t entries, uint64_t bytes)
{
    struct gy_super *s = cache->super;
    gy_store_rlx(&s->turnover, entries);
    gy_store_rlx(&s->mean_bytes, bytes / gy_max(entries, 1));
    gy_learn_size(&s->learned, entries);
    uint64_t shift = gy_history_shift(cache), used = ((cache->g.n_history - 1) >> shift) + 1;
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

/* A bucket's place, whatever the region says, and the one after. */
static unsigned
place_of(gy_atomic_u64 *bucket)
{
    unsigned place = get(bucket, PLACE);
    return gy_likely(place < CELLS) ? place : 0;
}

static unsigned
after(unsigned place)
{
    return place + 1 < CELLS ? place + 1 : 0;
}

void
gy_history_remember(struct gyre *cache, struct gy_untold *untold, uint64_t hash, unsigned kind)
{
    if (gy_rebuilding(cache))
        return; /* its memory holds notes */
    gy_atomic_u64 *bucket = gy_history_bucket(cache, hash);
    unsigned place = place_of(bucket), forgotten = set(bucket, 1 + place, fingerprint(hash) | kind);
    set(bucket, PLACE, after(place));
    struct gy_learned *learned = &cache->super->learned;
    if (forgotten == 0 || gy_learn_sample(learned, forgotten >> GY_KIND_BITS) == 0)
        return;
    unsigned never = kind_of(forgotten), n = gy_learn_several(untold, GY_UNSAID_NEVER + never);
    if (n > 0) {
        float time = gy_history_turnovers(cache, (float)CELLS * buckets(cache));
        gy_learn(learned, 1, never, false, (float)n * (time < TURNOVERS_MOST ? time : TURNOVERS_MOST));
    }
}

unsigned
gy_history_recall_from(struct gyre *cache, gy_atomic_u64 *bucket, unsigned cell, uint64_t hash)
{
    if (gy_rebuilding(cache))
        return GY_KIND_UNKNOWN; /* its memory holds notes */
    unsigned kind = kind_of(set(bucket, cell, 0)), since = (place_of(bucket) + CELLS - cell) % CELLS;
    float age = gy_history_turnovers(cache, ((float)since + 0.5f) * buckets(cache));
    if (age >= TURNOVERS_MOST)
        return GY_KIND_UNKNOWN;
    struct gy_learned *learned = &cache->super->learned;
    unsigned sample = gy_learn_sample(learned, gy_history_fingerprint(hash));
    gy_learn(learned, sample, kind, true, age);
    if (since == 0 && kind >= GY_KINDS_MAIN)
        gy_learn_soon(learned, sample);
    return GY_KINDS_MAIN + gy_policy_past(kind, age);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What to keep: numbers in, decisions out. No atomics, no memory, no clock.
 *
 * An entry is judged when the hand passes, by its kind: what is known of it at that moment. A newcomer leaving
 * probation is of one of 15 kinds: hits since it came in (0, 1, more) x past (unknown; evicted and asked for
 * again soon or late, once or repeatedly). An entry of the main ring is of one of 12: hits since the hand
 * passed last (0, 1, more) x habit (hits in the turns before, decaying).
 *
 * For each kind the cache measures the rate at which such entries are asked for again: kept ones by their hits
 * when the hand is back, evicted ones by their return while the history remembers them. Time is counted in
 * turnovers: as many evictions as the cache has entries. A newcomer is admitted when its kind's rate exceeds
 * those of enough of the entries that the hand has met in main. docs/policy.md tells why, what was tried, and
 * from whom the ideas are: hit density (LHD; Beckmann, Chen and Cidon, NSDI 2018), admission by comparison
 * (TinyLFU; Einziger and others, 2017), reuse intervals (LIRS; Jiang and Zhang, 2002), a log swept by a
 * CLOCK hand with quick demotion (S3-FIFO; Yang and others, SOSP 2023). */

#ifndef GY_POLICY_H
#define GY_POLICY_H

#include <math.h>

#include "base.h"

enum { GY_POLICY_PROBATION, GY_POLICY_MAIN };

enum {
    GY_POLICY_FREQ_MOST = 2, /* a hit counts up to here; beyond, it writes nothing */
    GY_HABITS = 4,
    GY_PASTS = 5,
    GY_KINDS_MAIN = 3 * GY_HABITS,
    GY_KINDS = GY_KINDS_MAIN + 3 * GY_PASTS,
    GY_KIND_UNKNOWN = GY_KINDS_MAIN,             /* a key that nothing is known of */
    GY_KIND_REPLACED = GY_HABITS + 1,            /* in main, given a new value: a use, too */
    GY_KIND_BITS = 5,
    GY_POLICY_MANY = 32768, /* entries: in a cache of more an observation counts less */
    GY_POLICY_SAMPLE = 8,   /* and up to one key in so many is observed */
};

/* How often entries of a kind were asked for, and in how long: hits, and turnovers. */
struct gy_rate {
    float hits, time;
};

/* All constants of the policy: found by a search over many traces at once. docs/policy.md tells what they reach on
 * traces that a search has not seen, and what halving and doubling each does. */
struct gy_policy_constants {
    float prior_main[3], prior_new[3];  /* rates before anything is measured, by hits: 0, 1, more */
    float prior_habit;                  /* what a habit of one adds to them, and a return that was not the first */
    float prior_soon, prior_late;       /* what a return does */
    float prior_weight;                 /* turnovers for which the prior counts */
    float memory;                       /* turnovers of entries after which an observation counts half */
    float late;                         /* a return is late after so many turnovers */
    float size_bonus;                   /* what an entry of mean size is worth beside its rate, where sizes differ much */
    float clearly, share;               /* a newcomer must be worth so many times what a share of main is */
    float bar_step;                     /* how fast what main must be worth follows what was admitted */
    float window_least, window_most, window_step;
    float window_bias;                  /* probation grows when returns at once are this share of main's rate */
    float soon_weight, soon_memory;
    float look, look_least;             /* how often main is looked at for knowledge alone */
    float look_floor;                   /* where it is worth no more, there is little to know */
    float mean_step, met_memory;
};

#define GY_POLICY_CONSTANTS                                                                                         \
    {.prior_main = {0.0875f, 3, 2.5f}, .prior_new = {0.0225f, 0.5f, 0.5f}, .prior_habit = 0.23f,                     \
     .prior_soon = 0.065f, .prior_late = 0.036f, .prior_weight = 64, .memory = 40, .late = 0.6f, .clearly = 1.4f,    \
     .share = 0.033f, .bar_step = 0.12f, .size_bonus = 2, .window_least = 0.01f, .window_most = 0.16f,            \
     .window_step = 1.0f / 600, .window_bias = 0.5f, .soon_weight = 0.18f, .soon_memory = 8, .look = 0.5f,           \
     .look_least = 1.0f / 288, .look_floor = 0.1f, .mean_step = 0.048f, .met_memory = 128}

#ifdef GY_POLICY_TUNING /* a program that tries other constants has them in a variable */
extern struct gy_policy_constants gy_policy;
#else
static const struct gy_policy_constants gy_policy = GY_POLICY_CONSTANTS;
#endif

static inline unsigned
gy_policy_freq(unsigned freq)
{
    return freq < GY_POLICY_FREQ_MOST ? freq : GY_POLICY_FREQ_MOST;
}

/* The kind of a newcomer with so many hits whose kind, when it came in, was this. */
static inline unsigned
gy_policy_kind_new(unsigned kind, unsigned freq)
{
    unsigned past = (kind - GY_KINDS_MAIN) % GY_PASTS;
    return GY_KINDS_MAIN + gy_policy_freq(freq) * GY_PASTS + past;
}

/* The habit of an entry of main that was of this kind when it was judged last. */
static inline unsigned
gy_policy_habit(unsigned kind)
{
    if (kind >= GY_KINDS_MAIN) { /* it came from probation then */
        unsigned freq = (kind - GY_KINDS_MAIN) / GY_PASTS, past = (kind - GY_KINDS_MAIN) % GY_PASTS;
        return (past + 1) / 2 + (freq > 0);
    }
    unsigned freq = kind / GY_HABITS, habit = kind % GY_HABITS;
    return freq == 0 ? habit / 2 : (unsigned)gy_min((habit + 2) / 2 + (freq > 1), GY_HABITS - 1);
}

/* The kind of an entry of main with so many hits since it was judged to be of that kind. */
static inline unsigned
gy_policy_kind_main(unsigned kind, unsigned freq)
{
    return gy_policy_freq(freq) * GY_HABITS + gy_policy_habit(kind);
}

/* The past of a key that returns: it was evicted as one of this kind, so many turnovers ago. */
static inline unsigned
gy_policy_past(unsigned kind, float age)
{
    bool again = kind >= GY_KINDS_MAIN ? (kind - GY_KINDS_MAIN) % GY_PASTS != 0 : kind % GY_HABITS >= 2;
    return 1u + (age >= gy_policy.late) + 2u * again;
}

/* What a rate is taken to be before anything was measured. The order is what matters: hits count most, a newcomer
 * that nothing is known of replaces nothing. */
static inline float
gy_policy_prior(unsigned kind)
{
    if (kind < GY_KINDS_MAIN)
        return gy_policy.prior_main[kind / GY_HABITS] + gy_policy.prior_habit * (float)(kind % GY_HABITS);
    unsigned freq = (kind - GY_KINDS_MAIN) / GY_PASTS, past = (kind - GY_KINDS_MAIN) % GY_PASTS;
    float returned = past == 0 ? 0 : past % 2 == 1 ? gy_policy.prior_soon : gy_policy.prior_late;
    return gy_policy.prior_new[freq] + returned + (past > 2 ? gy_policy.prior_habit : 0);
}

/* The rate of a kind: what was measured, and for so many turnovers the prior. */
static inline float
gy_policy_value(unsigned kind, struct gy_rate r)
{
    return (r.hits + gy_policy.prior_weight * gy_policy_prior(kind)) / (r.time + gy_policy.prior_weight);
}

/* How much an observation counts in a cache of so many entries. Chance moves a rate that is measured with few, and what is
 * admitted or turned away meanwhile is the larger a part of the cache the longer that lasts: a large cache can wait for
 * more of them. */
static inline float
gy_policy_part(uint64_t entries)
{
    return entries <= GY_POLICY_MANY ? 1 : (float)GY_POLICY_MANY / (float)gy_min(entries, GY_POLICY_MANY * 1024u);
}

/* A large cache observes one key in so many, a power of two: as a smaller one would that has these keys alone (SHARDS;
 * Waldspurger and others, FAST 2015). Processors then seldom meet at what all of them learn into. */
static inline unsigned
gy_policy_sample(uint64_t entries)
{
    unsigned one_in = 1;
    while (one_in < GY_POLICY_SAMPLE && entries / one_in > GY_POLICY_MANY)
        one_in *= 2;
    return one_in;
}

/* One more observation, which counts for so much. Old ones fade: what is measured is of the last few dozen turnovers of
 * entries, or of more where they count for less. */
static inline struct gy_rate
gy_policy_observe(struct gy_rate r, bool hit, float time, float part)
{
    r.hits += (float)hit * part; /* a product, for no processor foresees which it is */
    r.time += time * part;
    if (r.time > gy_policy.memory)
        r.hits /= 2, r.time /= 2;
    return r;
}

/* What a newcomer must be worth more than to be admitted to main, whose kinds have these rates, and where the hand met so
 * many of each, and so many in all: then a share of them is clearly worse. */
static inline float
gy_policy_hurdle(const struct gy_rate *rate, const float *met, float all)
{
    float clearly_better[GY_KINDS_MAIN], worse[GY_KINDS_MAIN] = {0}, hurdle = INFINITY;
    for (unsigned k = 0; k < GY_KINDS_MAIN; k++)
        clearly_better[k] = gy_policy_value(k, rate[k]) * gy_policy.clearly;
    for (unsigned other = 0; other < GY_KINDS_MAIN; other++) {
        const float value = clearly_better[other], n = met[other];
        for (unsigned k = 0; k < GY_KINDS_MAIN; k++) /* in this order, so that compilers compare four at once */
            worse[k] += value <= clearly_better[k] ? n : 0;
    }
    for (unsigned k = 0; k < GY_KINDS_MAIN; k++)
        if (worse[k] > gy_policy.share * all && clearly_better[k] < hurdle)
            hurdle = clearly_better[k];
    return hurdle;
}

/* What an entry of main must be worth to stay, once a newcomer of this value was admitted. */
static inline float
gy_policy_bar(float bar, float admitted)
{
    return bar + (admitted / gy_policy.clearly - bar) * gy_policy.bar_step;
}

/* What the size of an entry does to its value, where room is counted in bytes: what is compared is hits for the room
 * they take. `ratio` is the mean size over this one, `mean_ratio` the mean of that: 1 where all are of one size, and the
 * more the less they are alike. */
static inline float
gy_policy_weight(float ratio, float mean_ratio)
{
    float bonus = mean_ratio < 1 ? 1 : mean_ratio < gy_policy.size_bonus ? mean_ratio : gy_policy.size_bonus;
    return bonus * ratio;
}

/* The share of probation: it grows while what it turns away returns soon at half the rate, or more, at which
 * entries of main are hit. */
static inline float
gy_policy_window(float window, struct gy_rate soon, float main_value)
{
    bool grows = soon.hits / (soon.time + gy_policy.soon_weight) > gy_policy.window_bias * main_value;
    window += window * (grows ? gy_policy.window_step : -gy_policy.window_step);
    return window < gy_policy.window_least ? gy_policy.window_least
           : window > gy_policy.window_most ? gy_policy.window_most : window;
}

/* The ring to sweep next, given what the rings hold in one unit (entries, or bytes), and what probation may hold in
 * any case: what came in last. */
static inline unsigned
gy_policy_victim(uint64_t in_probation, uint64_t in_main, float window, uint64_t least)
{
    uint64_t share = gy_max(least, (uint64_t)((double)(in_probation + in_main) * window));
    return in_probation > 0 && (in_main == 0 || in_probation > share) ? GY_POLICY_PROBATION : GY_POLICY_MAIN;
}

/* Does it pay to sweep the arena with the most garbage and keep all that lives in it? When a quarter of it
 * is garbage and live bytes are well below what there is. */
static inline bool
gy_policy_compact(uint64_t most_dead_bytes, uint64_t arena_bytes, uint64_t live_bytes, uint64_t total_bytes)
{
    return most_dead_bytes >= arena_bytes / 4 && live_bytes <= total_bytes - total_bytes / 8;
}

#endif

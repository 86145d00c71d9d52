/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What a cache has learned of its requests: the state of the policy, shared by all who judge. Every word of it is
 * a guess that stays sensible whatever others write between a load and a store: an observation is lost, nothing
 * else. So all accesses are relaxed, and nobody waits. */

#ifndef GY_LEARN_H
#define GY_LEARN_H

#include <string.h>

#include "atomic.h"
#include "policy.h"

struct gy_learned {
    gy_atomic_u64 rate[GY_KINDS];     /* struct gy_rate */
    gy_atomic_u64 soon;               /* struct gy_rate: returns of newcomers just after they were turned away */
    gy_atomic_u32 met[GY_KINDS_MAIN]; /* floats, like the rest: how many of each kind the hand met, fading */
    gy_atomic_u32 met_all;            /* their sum, about */
    gy_atomic_u32 hurdle;             /* what a newcomer must be worth more than */
    gy_atomic_u32 hurdle_left;        /* newcomers until it is worked out anew */
    gy_atomic_u32 window;             /* probation's share of the cache */
    gy_atomic_u32 bar;                /* what an entry of main must be worth to stay */
    gy_atomic_u32 mean;               /* what those the hand met were worth, fading */
    gy_atomic_u32 due;                /* entries of main to be looked at for knowledge alone */
    gy_atomic_u32 ratio;              /* the mean of mean size over size */
    gy_atomic_u32 part;               /* how much an observation counts */
    gy_atomic_u32 sample;             /* bits of the fingerprints of keys that are learned from */
};

/* What a processor's hand has seen and not told yet. Every eviction reads the lines that all learn into: where hands are
 * apart, each tells what it sees most for several at once. (Of one process, and as relaxed as the rest: what is lost was not
 * seen.) */
enum gy_unsaid {
    GY_UNSAID_NEVER,               /* and a kind: never came back */
    GY_UNSAID_WEIGHED = GY_KINDS,  /* a size */
    GY_UNSAID_JUDGED,              /* a newcomer */
    GY_UNSAID_AWAY,                /* and turned away */
    GY_UNSAIDS
};

struct gy_untold {
    gy_atomic_u16 n[GY_UNSAIDS];
    char apart[GY_LINE]; /* no line has counts of two */
};

enum { GY_LEARN_AT_ONCE = 8 };

/* One more was seen. Returns for how many it is told now; 0: it waits. Who has no counts (NULL) tells each. */
static inline unsigned
gy_learn_several(struct gy_untold *untold, unsigned what)
{
    if (!untold)
        return 1;
    unsigned n = gy_load_rlx(&untold->n[what]) + 1u; /* (Relaxed: above.) */
    bool told = n >= GY_LEARN_AT_ONCE;
    gy_store_rlx(&untold->n[what], (uint16_t)(told ? 0 : n));
    return told ? GY_LEARN_AT_ONCE : 0;
}

void gy_learn_init(struct gy_learned *learned);

/* The cache has, or may have, so many entries. */
void gy_learn_size(struct gy_learned *learned, uint64_t entries);

/* So many keys this one stands for: all that follows learns from it. 0: from others, and this one is but judged. */
static inline unsigned
gy_learn_sample(struct gy_learned *learned, uint64_t fingerprint)
{
    uint32_t bits = gy_load_rlx(&learned->sample) & (GY_POLICY_SAMPLE - 1); /* (Relaxed: a guess.) */
    return (fingerprint & bits) == bits ? bits + 1 : 0;
}

static inline float
gy_learn_get(gy_atomic_u32 *word)
{
    uint32_t bits = gy_load_rlx(word); /* (Relaxed, here and below: guesses, which order nothing.) */
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline void
gy_learn_set(gy_atomic_u32 *word, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    gy_store_rlx(word, bits);
}

static inline struct gy_rate
gy_learn_rate(gy_atomic_u64 *word)
{
    uint64_t bits = gy_load_rlx(word);
    struct gy_rate rate;
    memcpy(&rate, &bits, sizeof rate);
    return rate;
}

static inline void
gy_learn_set_rate(gy_atomic_u64 *word, struct gy_rate rate)
{
    uint64_t bits;
    memcpy(&bits, &rate, sizeof bits);
    gy_store_rlx(word, bits);
}

/* What the size of an entry does to its value: the mean size over this one. */
static inline float
gy_learn_weight(struct gy_learned *learned, struct gy_untold *untold, unsigned sample, float ratio)
{
    float mean = gy_learn_get(&learned->ratio), most = 2 * gy_policy.size_bonus; /* what is tiny says no more of the others */
    if (sample && gy_learn_several(untold, GY_UNSAID_WEIGHED) > 0)
        gy_learn_set(&learned->ratio, mean + ((ratio < most ? ratio : most) - mean) * gy_policy.mean_step);
    return gy_policy_weight(ratio, mean);
}

/* The share of the cache that probation may hold. */
float gy_learn_window(struct gy_learned *learned);

/* An entry of this kind was asked for (hit) or not, in so many turnovers. */
static inline void
gy_learn(struct gy_learned *learned, unsigned sample, unsigned kind, bool hit, float time)
{
    gy_atomic_u64 *rate = &learned->rate[kind];
    if (sample)
        gy_learn_set_rate(rate, gy_policy_observe(gy_learn_rate(rate), hit, time, gy_learn_get(&learned->part)));
}

/* The rate at which such entries are asked for. */
static inline float
gy_learn_value(struct gy_learned *learned, unsigned kind)
{
    return gy_policy_value(kind, gy_learn_rate(&learned->rate[kind]));
}

/* A newcomer that was turned away is asked for again at once, before about `soon` turnovers. */
void gy_learn_soon(struct gy_learned *learned, unsigned sample);

/* Judges a newcomer at the end of probation. True: it goes to main. `soon`: how long the history can tell what
 * returns at once. */
bool gy_learn_admits_sampled(struct gy_learned *learned, struct gy_untold *untold, unsigned sample, float value, float soon);

static inline bool
gy_learn_admits(struct gy_learned *learned, struct gy_untold *untold, unsigned sample, unsigned kind, float weight, float soon)
{
    float value = gy_learn_value(learned, kind) * weight;
    return sample ? gy_learn_admits_sampled(learned, untold, sample, value, soon) : value > gy_learn_get(&learned->hurdle);
}

/* Older ones fade. Returns how many are left. */
float gy_learn_met_fades(struct gy_learned *learned);

/* The hand met one of this kind and value. */
static inline void
gy_learn_met(struct gy_learned *learned, unsigned kind, float value)
{
    float mean = gy_learn_get(&learned->mean), all = gy_learn_get(&learned->met_all) + 1;
    gy_learn_set(&learned->mean, mean + (value - mean) * gy_policy.mean_step);
    gy_learn_set(&learned->met[kind], gy_learn_get(&learned->met[kind]) + 1);
    gy_learn_set(&learned->met_all, all > gy_policy.met_memory ? gy_learn_met_fades(learned) : all);
}

/* Judges an entry of main that is now of this kind: does it stay? */

static inline bool
gy_learn_keeps(struct gy_learned *learned, unsigned sample, unsigned kind, float weight)
{
    float value = gy_learn_value(learned, kind);
    if (sample)
        gy_learn_met(learned, kind, value);
    return value * weight >= gy_learn_get(&learned->bar);
}

/* Is it time that the hand of main moves though main has no need of room? Newcomers that are turned away say
 * nothing of main, and what nobody asks for any more must be found. True at most once for each that is due. */
bool gy_learn_due(struct gy_learned *learned, float n);

#endif

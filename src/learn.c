/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "learn.h"

#include <string.h>

static float
get(gy_atomic_u32 *word)
{
    /* (Relaxed, here and below: guesses, which order nothing.) */
    uint32_t bits = gy_load_rlx(word);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void
set(gy_atomic_u32 *word, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    gy_store_rlx(word, bits); /* (Relaxed: a guess.) */
}

static struct gy_rate
get_rate(gy_atomic_u64 *word)
{
    uint64_t bits = gy_load_rlx(word); /* (Relaxed: a guess.) */
    struct gy_rate rate;
    memcpy(&rate, &bits, sizeof rate);
    return rate;
}

static void
set_rate(gy_atomic_u64 *word, struct gy_rate rate)
{
    uint64_t bits;
    memcpy(&bits, &rate, sizeof bits);
    gy_store_rlx(word, bits); /* (Relaxed: a guess.) */
}

static float
value_of(struct gy_learned *l, unsigned kind)
{
    return gy_policy_value(kind, get_rate(&l->rate[kind]));
}

void
gy_learn_init(struct gy_learned *l)
{
    memset((void *)l, 0, sizeof *l);
    set(&l->window, gy_policy_window(0, (struct gy_rate){0}, 0));
    set(&l->hurdle, INFINITY); /* nobody was met yet */
    set(&l->bar, 0.5f);
    set(&l->ratio, 1);
    set(&l->part, 1);
}

void
gy_learn_size(struct gy_learned *l, uint64_t entries)
{
    unsigned one_in = gy_policy_sample(entries);
    set(&l->part, gy_policy_part(entries / one_in));
    gy_store_rlx(&l->sample, one_in - 1); /* (Relaxed: a guess.) */
}

float
gy_learn_weight(struct gy_learned *l, unsigned sample, float ratio)
{
    float mean = get(&l->ratio), most = 2 * gy_policy.size_bonus; /* what is tiny says no more of the others */
    if (sample)
        set(&l->ratio, mean + ((ratio < most ? ratio : most) - mean) * gy_policy.mean_step);
    return gy_policy_weight(ratio, mean);
}

float
gy_learn_window(struct gy_learned *l)
{
    /* As a number of bits: what is damaged, be it negative, too large or none, is more than the most. */
    uint32_t bits = gy_load_rlx(&l->window), most;
    float window;
    memcpy(&most, &gy_policy.window_most, sizeof most);
    bits = bits < most ? bits : most;
    memcpy(&window, &bits, sizeof window);
    return window;
}

void
gy_learn(struct gy_learned *l, unsigned sample, unsigned kind, bool hit, float time)
{
    if (!sample)
        return;
    set_rate(&l->rate[kind], gy_policy_observe(get_rate(&l->rate[kind]), hit, time, get(&l->part)));
}

void
gy_learn_soon(struct gy_learned *l, unsigned sample)
{
    if (!sample)
        return;
    struct gy_rate soon = get_rate(&l->soon);
    soon.hits += 1;
    set_rate(&l->soon, soon);
}

static void
turned_away(struct gy_learned *l, unsigned sample, float value, float soon_time)
{
    struct gy_rate soon = get_rate(&l->soon);
    soon.time += soon_time;
    if (soon.time > gy_policy.soon_memory)
        soon.time /= 2, soon.hits /= 2;
    set_rate(&l->soon, soon);
    float mean = get(&l->mean);
    set(&l->window, gy_policy_window(gy_learn_window(l), soon, mean));
    /* The better what is turned away beside what is kept, the sooner is it worth to look at that again. */
    float due = gy_policy.look * value / (mean + 1e-3f) + gy_policy.look_least;
    set(&l->due, get(&l->due) + (float)sample * due);
}

/* It moves slowly beside newcomers: one in so many works it out. */
static float
hurdle(struct gy_learned *l)
{
    enum { NEWCOMERS = 32 };
    float met[GY_KINDS_MAIN];
    struct gy_rate rate[GY_KINDS_MAIN];
    uint32_t left = gy_load_rlx(&l->hurdle_left); /* (Relaxed: another's turn is lost.) */
    if (gy_likely(left - 1 < NEWCOMERS)) {
        gy_store_rlx(&l->hurdle_left, left - 1);
        return get(&l->hurdle);
    }
    gy_store_rlx(&l->hurdle_left, NEWCOMERS - 1);
    for (unsigned k = 0; k < GY_KINDS_MAIN; k++)
        rate[k] = get_rate(&l->rate[k]), met[k] = get(&l->met[k]);
    set(&l->hurdle, gy_policy_hurdle(rate, met, get(&l->met_all)));
    return get(&l->hurdle);
}

bool
gy_learn_admits(struct gy_learned *l, unsigned sample, unsigned kind, float weight, float soon_time)
{
    float value = value_of(l, kind) * weight;
    bool admits = value > (sample ? hurdle(l) : get(&l->hurdle));
    if (sample && admits)
        set(&l->bar, gy_policy_bar(get(&l->bar), value));
    else if (sample)
        turned_away(l, sample, value, soon_time);
    return admits;
}

/* Older ones fade. */
static float
met_fades(struct gy_learned *l)
{
    float all = 0;
    for (unsigned k = 0; k < GY_KINDS_MAIN; k++) {
        float half = get(&l->met[k]) / 2;
        set(&l->met[k], half);
        all += half;
    }
    return all;
}

static void
met(struct gy_learned *l, unsigned kind, float value)
{
    float mean = get(&l->mean), all = get(&l->met_all) + 1;
    set(&l->mean, mean + (value - mean) * gy_policy.mean_step);
    set(&l->met[kind], get(&l->met[kind]) + 1);
    set(&l->met_all, all > gy_policy.met_memory ? met_fades(l) : all);
}

bool
gy_learn_keeps(struct gy_learned *l, unsigned sample, unsigned kind, float weight)
{
    float value = value_of(l, kind);
    if (sample)
        met(l, kind, value);
    return value * weight >= get(&l->bar);
}

bool
gy_learn_due(struct gy_learned *l, float n)
{
    float due = get(&l->due);
    if (due < n)
        return false;
    set(&l->due, due > 2 * n ? n : due - n);
    return true;
}

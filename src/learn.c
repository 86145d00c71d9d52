/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "learn.h"

void
gy_learn_init(struct gy_learned *l)
{
    memset((void *)l, 0, sizeof *l);
    gy_learn_set(&l->window, gy_policy_window(0, (struct gy_rate){0}, 0));
    gy_learn_set(&l->hurdle, INFINITY); /* nobody was met yet */
    gy_learn_set(&l->bar, 0.5f);
    gy_learn_set(&l->ratio, 1);
    gy_learn_set(&l->part, 1);
}

void
gy_learn_size(struct gy_learned *l, uint64_t entries)
{
    unsigned one_in = gy_policy_sample(entries);
    gy_learn_set(&l->part, gy_policy_part(entries / one_in));
    gy_store_rlx(&l->sample, one_in - 1); /* (Relaxed: a guess.) */
}

float
gy_learn_window(struct gy_learned *l)
{
    /* As a number of bits: what is damaged, be it negative, too large or none, is more than the most. (Relaxed: a guess.) */
    uint32_t bits = gy_load_rlx(&l->window), most;
    float window;
    memcpy(&most, &gy_policy.window_most, sizeof most);
    bits = bits < most ? bits : most;
    memcpy(&window, &bits, sizeof window);
    return window;
}

void
gy_learn_soon(struct gy_learned *l, unsigned sample)
{
    if (!sample)
        return;
    struct gy_rate soon = gy_learn_rate(&l->soon);
    soon.hits += 1;
    gy_learn_set_rate(&l->soon, soon);
}

/* So many of this value, each of which stands for `sample`. */
static void
turned_away(struct gy_learned *l, unsigned n, unsigned sample, float value, float soon_time)
{
    struct gy_rate soon = gy_learn_rate(&l->soon);
    soon.time += (float)n * soon_time;
    if (soon.time > gy_policy.soon_memory)
        soon.time /= 2, soon.hits /= 2;
    gy_learn_set_rate(&l->soon, soon);
    float mean = gy_learn_get(&l->mean), window = gy_learn_window(l);
    for (unsigned i = 0; i < n; i++)
        window = gy_policy_window(window, soon, mean);
    gy_learn_set(&l->window, window);
    /* The better what is turned away beside what is kept, the sooner is it worth to look at that again, unless both are worth
     * next to nothing. */
    float due = gy_policy.look * value / (mean + gy_policy.look_floor) + gy_policy.look_least;
    gy_learn_set(&l->due, gy_learn_get(&l->due) + (float)(n * sample) * due);
}

/* It moves slowly beside newcomers: one in so many works it out. */
static float
hurdle(struct gy_learned *l, unsigned n)
{
    enum { NEWCOMERS = 32 };
    float met[GY_KINDS_MAIN];
    struct gy_rate rate[GY_KINDS_MAIN];
    uint32_t left = gy_load_rlx(&l->hurdle_left); /* (Relaxed: another's turn is lost.) */
    if (gy_likely(left - n < NEWCOMERS)) {
        if (n > 0)
            gy_store_rlx(&l->hurdle_left, left - n);
        return gy_learn_get(&l->hurdle);
    }
    gy_store_rlx(&l->hurdle_left, NEWCOMERS - 1);
    for (unsigned k = 0; k < GY_KINDS_MAIN; k++)
        rate[k] = gy_learn_rate(&l->rate[k]), met[k] = gy_learn_get(&l->met[k]);
    gy_learn_set(&l->hurdle, gy_policy_hurdle(rate, met, gy_learn_get(&l->met_all)));
    return gy_learn_get(&l->hurdle);
}

bool
gy_learn_admits_sampled(struct gy_learned *l, struct gy_untold *untold, unsigned sample, float value, float soon_time)
{
    bool admits = value > hurdle(l, gy_learn_several(untold, GY_UNSAID_JUDGED));
    unsigned n = admits ? 0 : gy_learn_several(untold, GY_UNSAID_AWAY);
    if (admits)
        gy_learn_set(&l->bar, gy_policy_bar(gy_learn_get(&l->bar), value));
    else if (n > 0)
        turned_away(l, n, sample, value, soon_time);
    return admits;
}

float
gy_learn_met_fades(struct gy_learned *l)
{
    float all = 0;
    for (unsigned k = 0; k < GY_KINDS_MAIN; k++) {
        float half = gy_learn_get(&l->met[k]) / 2;
        gy_learn_set(&l->met[k], half);
        all += half;
    }
    return all;
}

bool
gy_learn_due(struct gy_learned *l, float n)
{
    float due = gy_learn_get(&l->due);
    if (due < n)
        return false;
    gy_learn_set(&l->due, due > 2 * n ? n : due - n);
    return true;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A variant that lost: what leaves probation is compared with the next few entries of main, one by
 * one, and takes the place of the first that is clearly worth less. Worth and the share of
 * probation are learned of as in the library; sizes make no difference. */

#include <string.h>

#include "gyre.h"

enum { RIVALS_MOST = 5, PATIENCE = 20, NO_RIVAL_ONE_IN = 32 };

#define PRICE_STEP 0.03f
#define HOPELESS 1.6f /* times the price: not even compared */

static struct gy_rate
rate_of(gy_atomic_u64 *learned)
{
    uint64_t word = gy_load_rlx(learned);
    struct gy_rate rate;
    memcpy(&rate, &word, sizeof rate);
    return rate;
}

static float
worth(struct gyre_rings *s, unsigned kind)
{
    return gy_policy_value(kind, rate_of(&s->learned.rate[kind]));
}

static float
mean_worth(struct gyre_rings *s)
{
    uint32_t word = gy_load_rlx(&s->learned.mean);
    float mean;
    memcpy(&mean, &word, sizeof mean);
    return mean;
}

static void
evict(struct gyre_rings *s, uint32_t key, unsigned kind)
{
    s->price += (worth(s, kind) - s->price) * PRICE_STEP;
    gyre_evict(s, key, kind);
}

/* As src/learn.c does it for a newcomer that is turned away. */
static void
adapt(struct gyre_rings *s)
{
    struct gy_rate soon = rate_of(&s->learned.soon);
    soon.time += gyre_history_soon(s->history, gyre_entries(s));
    if (soon.time > gy_policy.soon_memory)
        soon.time /= 2, soon.hits /= 2;
    uint64_t word;
    memcpy(&word, &soon, sizeof word);
    gy_store_rlx(&s->learned.soon, word);
    s->window = gy_policy_window(s->window, soon, mean_worth(s));
}

/* True: an entry of main had to leave. */
static bool
beats_one(struct gyre_rings *s, float newcomer)
{
    for (unsigned n = 0; n < RIVALS_MOST; n++) {
        uint32_t key = queue_pop(&s->ring[GY_POLICY_MAIN]);
        bool keeps;
        unsigned kind = gyre_meet(s, key, &keeps);
        if (worth(s, kind) * gy_policy.clearly < newcomer) {
            evict(s, key, kind);
            return true;
        }
        gyre_keep(s, key, kind);
        if (newcomer <= s->price)
            break;
    }
    return false;
}

static void
leave_probation(struct gyre_rings *s)
{
    uint32_t key = queue_pop(&s->ring[GY_POLICY_PROBATION]);
    const struct entry *entry = &s->ring[0].entries[key];
    unsigned kind = gy_policy_kind_new(entry->kind, entry->freq);
    float value = worth(s, kind);
    bool hopeless = s->ring[GY_POLICY_MAIN].n == 0
                    || (value <= s->price * HOPELESS && s->evictions % NO_RIVAL_ONE_IN != 0);
    if (!hopeless && beats_one(s, value)) {
        gyre_keep(s, key, kind);
    } else {
        evict(s, key, kind);
        adapt(s);
    }
}

static void
evict_main(struct gyre_rings *s)
{
    for (unsigned n = 0;; n++) {
        uint32_t key = queue_pop(&s->ring[GY_POLICY_MAIN]);
        unsigned freq = s->ring[0].entries[key].freq;
        bool keeps;
        unsigned kind = gyre_meet(s, key, &keeps);
        if (freq == 0 || n >= PATIENCE) {
            evict(s, key, kind);
            return;
        }
        gyre_keep(s, key, kind);
    }
}

static void
evict_one(struct gyre_rings *s)
{
    if (gyre_victim(s) == GY_POLICY_MAIN)
        evict_main(s);
    else
        leave_probation(s);
}

static bool
request(void *state, uint32_t key, uint32_t size)
{
    return gyre_ask(state, key, size, evict_one);
}

const struct policy policy_gyre_duel = {
    .name = "gyre-duel",
    .own = true,
    .source = "newcomers against the next entries of main, one by one",
    .create = gyre_create_fixed,
    .request = request,
    .held = gyre_held,
    .destroy = gyre_destroy,
};

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The state of the policy: what it says at first, what moves it, and that no interleaving makes it senseless. */

#include "learn.h"

#include <math.h>
#include <string.h>

#include "api.h"

static const float SOON = 1 / 16.0f;

static float
float_in(gy_atomic_u32 *word)
{
    uint32_t bits = gy_load_seq(word);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static struct gy_rate
rate_in(gy_atomic_u64 *word)
{
    uint64_t bits = gy_load_seq(word);
    struct gy_rate rate;
    memcpy(&rate, &bits, sizeof rate);
    return rate;
}

static void
check_rate(struct gy_rate rate, float most_time)
{
    CHECK(isfinite(rate.hits) && isfinite(rate.time));
    CHECK(rate.hits >= 0 && rate.time >= 0 && rate.time <= most_time);
}

/* Everything is a number, and one that makes sense. */
static void
check_sane(struct gy_learned *l)
{
    float all = 0, least = 1e9f, most = 0, window = gy_learn_window(l);
    for (unsigned kind = 0; kind < GY_KINDS; kind++) {
        struct gy_rate rate = rate_in(&l->rate[kind]);
        check_rate(rate, gy_policy.memory);
        float value = gy_policy_value(kind, rate);
        CHECK(isfinite(value) && value > 0);
        if (kind < GY_KINDS_MAIN)
            least = value < least ? value : least;
        most = value > most ? value : most;
    }
    struct gy_rate soon = rate_in(&l->soon);
    CHECK(isfinite(soon.hits) && soon.hits >= 0 && soon.time >= 0 && soon.time <= gy_policy.soon_memory);
    for (unsigned kind = 0; kind < GY_KINDS_MAIN; kind++) {
        float met = float_in(&l->met[kind]);
        CHECK(isfinite(met) && met >= 0);
        all += met;
    }
    CHECK(all < 4 * gy_policy.met_memory);
    CHECK(window >= gy_policy.window_least && window <= gy_policy.window_most);
    CHECK(isfinite(float_in(&l->bar)) && float_in(&l->bar) >= 0);
    CHECK(isfinite(float_in(&l->mean)) && float_in(&l->mean) >= 0);
    CHECK(isfinite(float_in(&l->due)) && float_in(&l->due) >= 0);
}

static bool
admits(struct gy_learned *l, unsigned kind)
{
    gy_store_rlx(&l->hurdle_left, 0);
    return gy_learn_admits(l, NULL, 1, kind, 1, SOON);
}

static void
meet(struct gy_learned *l, unsigned kind, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        gy_learn_keeps(l, 1, kind, 1);
}

TEST(learn, at_first_it_goes_by_the_priors)
{
    struct gy_learned l;
    memset((void *)&l, 0xff, sizeof l);
    gy_learn_init(&l);
    check_sane(&l);
    CHECK(gy_learn_window(&l) == gy_policy.window_least);
    CHECK(!gy_learn_due(&l, 1));
    for (unsigned kind = GY_KINDS_MAIN; kind < GY_KINDS; kind++)
        CHECK(!admits(&l, kind)); /* nobody was met who is worse */
    gy_learn_init(&l);
    meet(&l, 0, 50); /* entries of main that nobody asks for */
    CHECK(!admits(&l, GY_KIND_UNKNOWN));
    CHECK(admits(&l, gy_policy_kind_new(GY_KIND_UNKNOWN, 1)));
    CHECK(gy_learn_keeps(&l, 1, gy_policy_kind_main(GY_KIND_UNKNOWN, 1), 1));
    check_sane(&l);
}

/* Kinds that turn out to be asked for are let in, and kinds that turn out not to be are not, whatever the priors. */
TEST(learn, what_is_measured_decides)
{
    for (unsigned kind = GY_KINDS_MAIN; kind < GY_KINDS; kind++) {
        struct gy_learned l;
        gy_learn_init(&l);
        meet(&l, 1, 60);
        for (unsigned i = 0; i < 200; i++) { /* main is hit once a turnover */
            gy_learn(&l, 1, 1, true, 1);
            gy_learn(&l, 1, kind, i % 8 == 0, 1);
        }
        CHECK_MSG(!admits(&l, kind), "kind %u, hit every eighth turnover", kind);
        for (unsigned i = 0; i < 2000; i++)
            gy_learn(&l, 1, kind, true, 0.1f);
        CHECK_MSG(admits(&l, kind), "kind %u, hit ten times a turnover", kind);
        check_sane(&l);
    }
}

/* What newcomers must be worth is worked out anew after a few of them. */
TEST(learn, the_hurdle_is_worked_out_anew)
{
    struct gy_learned l;
    gy_learn_init(&l);
    const unsigned newcomer = gy_policy_kind_new(GY_KIND_UNKNOWN, 1);
    CHECK(!gy_learn_admits(&l, NULL, 1, newcomer, 1, SOON)); /* nobody was met who is worse */
    meet(&l, 0, 50);
    unsigned turned_away = 0;
    while (!gy_learn_admits(&l, NULL, 1, newcomer, 1, SOON))
        CHECK(++turned_away < 40);
    CHECK(turned_away > 10);
}

/* What is let in raises what main must be worth; who is below that leaves. */
TEST(learn, the_bar_follows_who_is_admitted)
{
    struct gy_learned l;
    gy_learn_init(&l);
    const unsigned newcomer = gy_policy_kind_new(GY_KIND_UNKNOWN, 1), cold = 0, hot = gy_policy_kind_main(0, 2);
    meet(&l, cold, 40);
    for (unsigned i = 0; i < 400; i++) {
        gy_learn(&l, 1, newcomer, true, 0.5f); /* two a turnover */
        gy_learn(&l, 1, hot, true, 0.05f);
        gy_learn(&l, 1, cold, false, 1);
    }
    for (unsigned i = 0; i < 100; i++) {
        CHECK(admits(&l, newcomer));
        meet(&l, cold, 1);
    }
    CHECK(float_in(&l.bar) > 0.5f);
    CHECK(!gy_learn_keeps(&l, 1, cold, 1));
    CHECK(gy_learn_keeps(&l, 1, hot, 1));
    check_sane(&l);
}

/* Main is looked at now and then, the more often the better what is turned away; each look is due once. */
TEST(learn, looks_at_main_become_due)
{
    const unsigned rounds = 20000;
    unsigned due[2] = {0, 0};
    for (unsigned good = 0; good < 2; good++) {
        struct gy_learned l;
        gy_learn_init(&l);
        const unsigned main = gy_policy_kind_main(0, 2);
        for (unsigned i = 0; i < 400; i++) {
            gy_learn(&l, 1, GY_KIND_UNKNOWN, good, 1);
            gy_learn(&l, 1, main, true, 0.5f);
        }
        meet(&l, main, 400);
        for (unsigned i = 0; i < rounds; i++) {
            CHECK(!admits(&l, GY_KIND_UNKNOWN));
            due[good] += gy_learn_due(&l, 1);
        }
        CHECK(!gy_learn_due(&l, 1) || !gy_learn_due(&l, 1));
        check_sane(&l);
    }
    CHECK(due[0] > 0 && due[0] < rounds / 20);
    CHECK_MSG(due[1] > 2 * due[0] && due[1] < rounds, "%u looks, %u", due[1], due[0]);
}

/* However many have become due, they are not made up for all at once. */
TEST(learn, due_looks_do_not_pile_up)
{
    struct gy_learned l;
    gy_learn_init(&l);
    meet(&l, 1, 100);
    for (unsigned i = 0; i < 100000; i++)
        admits(&l, GY_KIND_UNKNOWN);
    unsigned n = 0;
    while (gy_learn_due(&l, 1))
        CHECK(++n < 5);
    CHECK(n > 0);
}

TEST(learn, probation_grows_while_newcomers_return_at_once)
{
    struct gy_learned l;
    gy_learn_init(&l);
    meet(&l, 4, 100);
    for (unsigned i = 0; i < 20000; i++) {
        gy_learn(&l, 1, 4, true, 1);
        meet(&l, 4, 1);
        if (i < 10000)
            gy_learn_soon(&l, 1);
        admits(&l, GY_KIND_UNKNOWN);
        CHECK(gy_learn_window(&l) >= gy_policy.window_least && gy_learn_window(&l) <= gy_policy.window_most);
        if (i == 9999)
            CHECK(gy_learn_window(&l) == gy_policy.window_most);
    }
    CHECK(gy_learn_window(&l) == gy_policy.window_least);
    check_sane(&l);
}

/* One key in so many is learned from, and stands for them; the others are judged, and change nothing. */
TEST(learn, a_large_cache_learns_from_some_keys)
{
    struct gy_learned l, before;
    gy_learn_init(&l);
    for (uint64_t f = 0; f < 64; f++)
        CHECK_EQ(gy_learn_sample(&l, f), 1);
    gy_learn_size(&l, 1000 * GY_POLICY_MANY);
    unsigned keys = 0, sampled = 0;
    for (uint64_t f = 0; f < 64; f++)
        keys += gy_learn_sample(&l, f), sampled += gy_learn_sample(&l, f) > 0;
    CHECK_EQ(keys, 64);
    CHECK_EQ(sampled, 64 / GY_POLICY_SAMPLE);
    for (unsigned kind = GY_KINDS_MAIN; kind < GY_KINDS; kind++)
        CHECK(!gy_learn_admits(&l, NULL, 0, kind, 1, SOON)); /* nobody was met who is worse, nor has anybody looked */
    meet(&l, 0, 50);
    CHECK(admits(&l, gy_policy_kind_new(GY_KIND_UNKNOWN, 1)));
    memcpy((void *)&before, (void *)&l, sizeof l);
    for (unsigned kind = 0; kind < GY_KINDS; kind++) {
        gy_learn(&l, 0, kind, true, 1);
        gy_learn_weight(&l, NULL, 0, 3);
        if (kind < GY_KINDS_MAIN)
            gy_learn_keeps(&l, 0, kind, 1);
        else
            CHECK_EQ(gy_learn_admits(&l, NULL, 0, kind, 1, SOON), gy_learn_admits(&before, NULL, 1, kind, 1, SOON));
    }
    gy_learn_soon(&l, 0);
    gy_learn_init(&before);
    gy_learn_size(&before, 1000 * GY_POLICY_MANY);
    meet(&before, 0, 50);
    CHECK(admits(&before, gy_policy_kind_new(GY_KIND_UNKNOWN, 1)));
    CHECK_EQ(memcmp((void *)&before, (void *)&l, sizeof l), 0);
}

/* Main is looked at as often as when all keys are learned from. */
TEST(learn, what_a_sampled_key_makes_due_it_makes_due_for_all)
{
    unsigned due[2] = {0, 0};
    for (unsigned i = 0; i < 2; i++) {
        struct gy_learned l;
        const unsigned sample = i ? GY_POLICY_SAMPLE : 1;
        gy_learn_init(&l);
        meet(&l, 4, 50);
        for (unsigned n = 0; n < 40000; n++) {
            CHECK(!gy_learn_admits(&l, NULL, n % sample == 0 ? sample : 0, GY_KIND_UNKNOWN, 1, SOON));
            due[i] += gy_learn_due(&l, 1);
        }
    }
    CHECK_MSG(due[1] > due[0] * 3 / 4 && due[1] < due[0] * 4 / 3, "%u looks, %u when sampled", due[0], due[1]);
}

/* Told for several at once, newcomers teach what they teach one by one, and in between they write nothing that others read. */
TEST(learn, what_waits_is_told_in_full)
{
    enum { ROUNDS = 15 }; /* before what returns at once is so much that it fades */
    static struct gy_untold untold;
    struct gy_learned each, several, before;
    gy_learn_init(&each);
    meet(&each, 4, 50);
    memcpy((void *)&several, (void *)&each, sizeof each);
    for (unsigned n = 1; n <= ROUNDS * GY_LEARN_AT_ONCE; n++) {
        gy_learn_soon(&each, 1), gy_learn_soon(&several, 1);
        memcpy((void *)&before, (void *)&several, sizeof several);
        CHECK(!gy_learn_admits(&each, NULL, 2, GY_KIND_UNKNOWN, 1, SOON));
        CHECK(!gy_learn_admits(&several, &untold, 2, GY_KIND_UNKNOWN, 1, SOON));
        if (n % GY_LEARN_AT_ONCE != 0) {
            CHECK_EQ(memcmp((void *)&before, (void *)&several, sizeof several), 0);
            continue;
        }
        CHECK_EQ(gy_load_seq(&several.soon), gy_load_seq(&each.soon));
        CHECK(gy_learn_window(&several) == gy_learn_window(&each));
        CHECK(fabsf(float_in(&several.due) - float_in(&each.due)) < 1e-3f * float_in(&each.due));
    }
    CHECK(float_in(&several.due) > 0 && isfinite(float_in(&several.hurdle)));
    CHECK(float_in(&several.hurdle) == float_in(&each.hurdle));
    CHECK(gy_learn_window(&several) > 1.2f * gy_policy.window_least);
}

/* Who is admitted is not counted among those that are turned away, and their sizes are learned of, one in several. */
TEST(learn, what_waits_is_told_of_those_it_is_true_of)
{
    static struct gy_untold untold;
    struct gy_learned l;
    gy_learn_init(&l);
    meet(&l, 0, 50);
    CHECK(admits(&l, gy_policy_kind_new(GY_KIND_UNKNOWN, 1)));
    float ratio = float_in(&l.ratio);
    for (unsigned n = 1; n < 4 * GY_LEARN_AT_ONCE; n++) {
        CHECK(gy_learn_admits(&l, &untold, 1, gy_policy_kind_new(GY_KIND_UNKNOWN, 1), 1, SOON));
        gy_learn_weight(&l, &untold, 1, 3);
        gy_learn_weight(&l, &untold, 0, 3);
        CHECK_EQ(float_in(&l.ratio) > ratio, n % GY_LEARN_AT_ONCE == 0);
        ratio = float_in(&l.ratio);
    }
    CHECK(gy_learn_rate(&l.soon).time == 0);
    for (unsigned n = 1; n <= GY_LEARN_AT_ONCE; n++) {
        CHECK(!gy_learn_admits(&l, &untold, 1, GY_KIND_UNKNOWN, 1, SOON));
        CHECK_EQ(gy_learn_rate(&l.soon).time > 0, n == GY_LEARN_AT_ONCE);
    }
    untold.n[GY_UNSAID_AWAY] = UINT16_MAX; /* whatever it is */
    CHECK_EQ(gy_learn_several(&untold, GY_UNSAID_AWAY), GY_LEARN_AT_ONCE);
    CHECK_EQ(gy_learn_several(&untold, GY_UNSAID_AWAY), 0);
}

static void
hammer(void *arg, unsigned i)
{
    static struct gy_untold untold;
    struct gy_learned *l = arg;
    uint64_t seed = i + 1;
    for (unsigned n = 0; n < 30000; n++) {
        uint64_t r = api_random(&seed);
        unsigned kind = (unsigned)(r >> 8) % GY_KINDS;
        float time = (float)(r >> 16 & 255) / 128;
        switch (r % 6) {
        case 0: gy_learn_admits(l, n % 2 ? &untold : NULL, 1, GY_KINDS_MAIN + kind % (GY_KINDS - GY_KINDS_MAIN), 1, SOON); break;
        case 1: gy_learn_keeps(l, 1, kind % GY_KINDS_MAIN, 1); break;
        case 2: gy_learn_due(l, (float)(1 + n % 3)); break;
        case 3: gy_learn_soon(l, 1); break;
        default: gy_learn(l, 1, kind, r >> 32 & 1, time);
        }
        float window = gy_learn_window(l);
        CHECK(window >= gy_policy.window_least && window <= gy_policy.window_most);
    }
}

/* Observations get lost between threads, and nothing else. */
TEST(learn, any_number_of_threads)
{
    static struct gy_learned l;
    gy_learn_init(&l);
    for (unsigned round = 0; round < 3; round++) {
        api_threads(4, hammer, &l);
        check_sane(&l);
    }
    for (unsigned kind = 0; kind < GY_KINDS; kind++)
        CHECK(rate_in(&l.rate[kind]).hits > 0 && rate_in(&l.rate[kind]).time > 0);
    gy_learn_init(&l);
    check_sane(&l);
}

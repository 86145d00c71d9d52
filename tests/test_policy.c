/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The policy's functions one by one. What they do together is tests/test_choice.c's. */

#include "policy.h"

#include "api.h"

static const unsigned NEW = GY_KINDS_MAIN;

static unsigned
kind_new(unsigned past, unsigned freq)
{
    return gy_policy_kind_new(NEW + past, freq);
}

static unsigned
kind_main(unsigned habit, unsigned freq)
{
    return freq * GY_HABITS + habit;
}

TEST(policy, kinds_of_newcomers_are_past_and_hits)
{
    bool seen[GY_KINDS] = {false};
    for (unsigned past = 0; past < GY_PASTS; past++)
        for (unsigned freq = 0; freq <= GY_POLICY_FREQ_MOST; freq++) {
            unsigned kind = kind_new(past, freq);
            CHECK(kind >= NEW && kind < GY_KINDS && !seen[kind]);
            seen[kind] = true;
            for (unsigned again = 0; again <= GY_POLICY_FREQ_MOST; again++) /* judged anew, the past stays */
                CHECK_EQ(gy_policy_kind_new(kind, again), kind_new(past, again));
        }
    for (unsigned freq = GY_POLICY_FREQ_MOST; freq < 8; freq++)
        CHECK_EQ(kind_new(3, freq), kind_new(3, GY_POLICY_FREQ_MOST));
    CHECK_EQ(kind_new(0, 0), GY_KIND_UNKNOWN);
}

TEST(policy, kinds_of_main_are_habit_and_hits)
{
    bool seen[GY_KINDS_MAIN] = {false};
    for (unsigned kind = 0; kind < GY_KINDS; kind++)
        for (unsigned freq = 0; freq < 8; freq++) {
            unsigned now = gy_policy_kind_main(kind, freq);
            CHECK(now < GY_KINDS_MAIN);
            CHECK_EQ(now / GY_HABITS, gy_policy_freq(freq));
            CHECK_EQ(now % GY_HABITS, gy_policy_habit(kind));
            seen[now] = true;
        }
    for (unsigned kind = 0; kind < GY_KINDS_MAIN; kind++)
        CHECK(seen[kind]);
}

/* A habit is of several turns: who is hit in each has the highest, who is hit no more has none after a few. */
TEST(policy, habits_grow_and_decay)
{
    for (unsigned kind = 0; kind < GY_KINDS; kind++) {
        unsigned hot = kind, cold = kind;
        for (unsigned turn = 0; turn < 5; turn++) {
            unsigned before = gy_policy_habit(cold);
            hot = gy_policy_kind_main(hot, 2);
            cold = gy_policy_kind_main(cold, 0);
            CHECK(turn == 0 || gy_policy_habit(cold) <= before);
        }
        CHECK_EQ(gy_policy_habit(hot), GY_HABITS - 1);
        CHECK_EQ(gy_policy_habit(cold), 0);
    }
    for (unsigned kind = 0; kind < GY_KINDS; kind++)
        CHECK(gy_policy_habit(kind) < GY_HABITS);
    for (unsigned habit = 0; habit < GY_HABITS; habit++)
        for (unsigned freq = 0; freq < 2; freq++)
            CHECK(gy_policy_habit(kind_main(habit, freq)) <= gy_policy_habit(kind_main(habit, freq + 1)));
    CHECK_EQ(gy_policy_habit(GY_KIND_UNKNOWN), 0);
    CHECK(gy_policy_habit(kind_new(0, 1)) > 0 && gy_policy_habit(kind_new(3, 0)) > 0);
    CHECK(gy_policy_habit(GY_KIND_REPLACED) > 0); /* a put of a key that stands is a use */
}

TEST(policy, a_past_is_how_soon_and_whether_again)
{
    const float soon = gy_policy.late * 0.99f, late = gy_policy.late * 1.01f;
    for (unsigned kind = 0; kind < GY_KINDS; kind++) {
        unsigned past = gy_policy_past(kind, soon);
        bool again = kind < NEW ? kind % GY_HABITS >= 2 : (kind - NEW) % GY_PASTS > 0;
        CHECK_EQ(past, again ? 3 : 1);
        CHECK_EQ(gy_policy_past(kind, late), past + 1);
        CHECK_EQ(gy_policy_past(kind, 0), past);
        CHECK_EQ(gy_policy_past(kind, 2), past + 1);
        CHECK(past + 1 < GY_PASTS);
    }
}

TEST(policy, before_anything_is_measured_hits_count_most)
{
    for (unsigned kind = 0; kind < GY_KINDS; kind++) {
        CHECK(gy_policy_prior(kind) > 0);
        CHECK(kind == GY_KIND_UNKNOWN || gy_policy_prior(kind) > gy_policy_prior(GY_KIND_UNKNOWN));
    }
    for (unsigned habit = 0; habit < GY_HABITS; habit++) {
        CHECK(gy_policy_prior(kind_main(habit, 1)) > gy_policy_prior(kind_main(GY_HABITS - 1, 0)));
        CHECK(habit == 0 || gy_policy_prior(kind_main(habit, 0)) > gy_policy_prior(kind_main(habit - 1, 0)));
    }
    for (unsigned past = 0; past < GY_PASTS; past++) {
        CHECK(gy_policy_prior(kind_new(past, 1)) > gy_policy_prior(kind_new(past, 0)));
        CHECK(past == 0 || gy_policy_prior(kind_new(past, 0)) > gy_policy_prior(kind_new(0, 0)));
    }
    CHECK(gy_policy_prior(kind_new(3, 0)) > gy_policy_prior(kind_new(1, 0)));
}

static struct gy_rate
observe_many(struct gy_rate rate, unsigned n, unsigned hit_of, float time)
{
    for (unsigned i = 0; i < n; i++) {
        rate = gy_policy_observe(rate, hit_of > 0 && i % hit_of == 0, time, 1);
        CHECK(rate.hits >= 0 && rate.time >= 0 && rate.time <= gy_policy.memory);
    }
    return rate;
}

/* First the prior, then what was measured, and in between nothing outside the two. */
TEST(policy, a_value_goes_from_the_prior_to_what_is_measured)
{
    for (unsigned kind = 0; kind < GY_KINDS; kind++) {
        const float prior = gy_policy_prior(kind), little = 1 / 16.0f;
        struct gy_rate never = {0}, often = {0};
        CHECK(gy_policy_value(kind, never) == prior);
        for (unsigned i = 0; i < 40; i++) {
            never = observe_many(never, 10, 0, little);
            often = observe_many(often, 10, 1, little); /* 16 a turnover */
            CHECK(gy_policy_value(kind, never) > 0 && gy_policy_value(kind, never) < prior);
            CHECK(gy_policy_value(kind, often) > prior && gy_policy_value(kind, often) < 16);
        }
        CHECK(gy_policy_value(kind, never) < prior * 0.8f);
        CHECK(gy_policy_value(kind, often) > 3 && gy_policy_value(kind, often) > prior);
    }
}

/* What was true once counts for as many turnovers as the memory is long, and no longer, however long it was true. */
TEST(policy, observations_fade)
{
    for (unsigned before = 100; before <= 100000; before *= 10) {
        struct gy_rate rate = observe_many((struct gy_rate){0}, before, 1, 0.5f);
        if (before > 100)
            CHECK(rate.hits / rate.time > 1.9f && rate.hits / rate.time < 2.1f);
        rate = observe_many(rate, (unsigned)(4 * gy_policy.memory), 0, 0.5f);
        CHECK_MSG(rate.hits / rate.time < 0.3f, "after %u observations", before);
        rate = observe_many(rate, (unsigned)(4 * gy_policy.memory), 1, 0.5f);
        CHECK(rate.hits / rate.time > 1.7f);
    }
}

/* What the hand met in main. */
struct met {
    struct gy_rate rate[GY_KINDS_MAIN];
    float n[GY_KINDS_MAIN], all;
};

/* n of a kind, which is worth so much. */
static void
meet(struct met *met, unsigned kind, float n, float worth)
{
    const float time = 1000;
    float hits = worth * (time + gy_policy.prior_weight) - gy_policy.prior_weight * gy_policy_prior(kind);
    met->rate[kind] = (struct gy_rate){hits, time};
    met->all += n - met->n[kind];
    met->n[kind] = n;
}

static bool
admits(float value, const struct met *met)
{
    return value > gy_policy_hurdle(met->rate, met->n, met->all);
}

TEST(policy, a_newcomer_is_admitted_where_a_share_of_main_is_clearly_worse)
{
    struct met met = {0};
    CHECK(!admits(1000, &met)); /* nothing is known to be worse */
    for (unsigned low = 0; low < GY_KINDS_MAIN; low++) {
        unsigned high = (low + 5) % GY_KINDS_MAIN;
        met = (struct met){0};
        meet(&met, low, 10, 0.1f);
        meet(&met, high, 90, 1);
        CHECK(!admits(0.1f, &met));
        CHECK(!admits(0.1f * gy_policy.clearly * 0.99f, &met));
        CHECK(admits(0.1f * gy_policy.clearly * 1.01f, &met));
        CHECK(admits(1000, &met));
        meet(&met, low, 100 * gy_policy.share * 0.9f, 0.1f); /* too few of them */
        meet(&met, high, 100, 1);
        CHECK(!admits(0.9f, &met));
        CHECK(admits(1.01f * gy_policy.clearly, &met));
    }
}

TEST(policy, the_bar_follows_what_is_admitted)
{
    for (float admitted = 0.125f; admitted < 8; admitted *= 2) {
        for (float start = 0; start < 10; start = start * 2 + 0.01f) {
            const float end = admitted / gy_policy.clearly;
            float bar = start;
            for (unsigned i = 0; i < 100; i++) {
                float next = gy_policy_bar(bar, admitted);
                CHECK((next - bar) * (end - bar) >= 0); /* towards it, */
                CHECK((end - next) * (end - bar) >= 0); /* not past it */
                bar = next;
            }
            CHECK(bar > end * 0.98f && bar < end * 1.02f);
        }
    }
}

TEST(policy, the_window_stays_within_its_bounds)
{
    const struct gy_rate none = {0, 4}, many = {40, 4};
    float window = gy_policy_window(0, none, 1);
    CHECK(window == gy_policy.window_least);
    for (unsigned i = 0; i < 5000; i++) {
        float next = gy_policy_window(window, many, 1);
        CHECK(next >= window && next <= gy_policy.window_most);
        window = next;
    }
    CHECK(window == gy_policy.window_most);
    for (unsigned i = 0; i < 5000; i++) {
        float next = gy_policy_window(window, none, 1);
        CHECK(next <= window && next >= gy_policy.window_least);
        window = next;
    }
    CHECK(window == gy_policy.window_least);
    CHECK(gy_policy_window(17, many, 1) == gy_policy.window_most); /* damage */
}

/* Probation is too short while what it turns away returns as often as what main keeps is hit. */
TEST(policy, the_window_grows_when_newcomers_return_at_once)
{
    const float middle = 0.05f;
    for (float main = 0.25f; main < 8; main *= 2) {
        struct gy_rate more = {main * 8, 4}, less = {main / 4, 4};
        CHECK(gy_policy_window(middle, more, main) > middle);
        CHECK(gy_policy_window(middle, less, main) < middle);
        CHECK(gy_policy_window(middle, (struct gy_rate){0, 0}, main) < middle);
    }
}

TEST(policy, the_ring_over_its_share_is_swept)
{
    const float tenth = 0.101f;
    CHECK_EQ(gy_policy_victim(10, 90, tenth, 0), GY_POLICY_MAIN);
    CHECK_EQ(gy_policy_victim(11, 90, tenth, 0), GY_POLICY_PROBATION);
    CHECK_EQ(gy_policy_victim(9, 90, tenth, 0), GY_POLICY_MAIN);
    for (float window = gy_policy.window_least; window <= gy_policy.window_most; window *= 2) {
        CHECK_EQ(gy_policy_victim(0, 1, window, 1), GY_POLICY_MAIN); /* never a ring that has nothing */
        CHECK_EQ(gy_policy_victim(0, 500, window, 1), GY_POLICY_MAIN);
        CHECK_EQ(gy_policy_victim(1, 0, window, 1), GY_POLICY_PROBATION);
        CHECK_EQ(gy_policy_victim(500, 0, window, 1), GY_POLICY_PROBATION);
        CHECK_EQ(gy_policy_victim((uint64_t)1 << 42, (uint64_t)1 << 43, window, 1), GY_POLICY_PROBATION);
        CHECK_EQ(gy_policy_victim((uint64_t)1 << 34, (uint64_t)1 << 42, window, 1), GY_POLICY_MAIN);
    }
}

/* What came in last stays, however small the share of probation is. */
TEST(policy, probation_may_hold_the_least_in_any_case)
{
    for (float window = gy_policy.window_least; window <= gy_policy.window_most; window *= 2)
        for (uint64_t main = 1; main <= 5; main++) {
            CHECK_EQ(gy_policy_victim(1, main, window, 1), GY_POLICY_MAIN);
            CHECK_EQ(gy_policy_victim(2, main, window, 1), GY_POLICY_PROBATION);
            CHECK_EQ(gy_policy_victim(8192, 8192 * main, window, 8192), GY_POLICY_MAIN);
            CHECK_EQ(gy_policy_victim(8193, 8192 * main, window, 8192), GY_POLICY_PROBATION);
        }
}

/* Hits are weighed by the room they take: twice as large, worth half as much. And what is of mean size is worth the more
 * the less alike they are. */
TEST(policy, the_larger_the_less_it_is_worth)
{
    for (float mean_ratio = 0.5f; mean_ratio < 10; mean_ratio *= 1.1f) {
        for (float ratio = 0.01f; ratio < 100; ratio *= 3) {
            float quotient = gy_policy_weight(ratio, mean_ratio) / gy_policy_weight(ratio / 2, mean_ratio);
            CHECK(quotient > 1.99f && quotient < 2.01f);
            CHECK(gy_policy_weight(ratio, mean_ratio) >= ratio);
            CHECK(gy_policy_weight(ratio, mean_ratio) <= gy_policy_weight(ratio, 1.1f * mean_ratio));
        }
    }
    CHECK(gy_policy_weight(1, 1) == 1);
    CHECK(gy_policy_weight(1, 100) == gy_policy.size_bonus);
}

TEST(policy, a_large_cache_takes_more_observations)
{
    CHECK(gy_policy_part(0) == 1 && gy_policy_part(GY_POLICY_MANY) == 1);
    CHECK(gy_policy_part(4 * GY_POLICY_MANY) == 0.25f);
    CHECK(gy_policy_part(UINT64_MAX) > 1e-4f && gy_policy_part(UINT64_MAX) < 0.01f);
    const struct gy_rate much = gy_policy_observe((struct gy_rate){0}, true, 0.5f, 1);
    struct gy_rate rate = {0};
    for (unsigned i = 0; i < 4; i++)
        rate = gy_policy_observe(rate, true, 0.5f, 0.25f);
    CHECK(rate.hits == much.hits && rate.time == much.time);
}

TEST(policy, a_large_cache_observes_some_keys)
{
    CHECK_EQ(gy_policy_sample(0), 1);
    CHECK_EQ(gy_policy_sample(GY_POLICY_MANY), 1);
    CHECK_EQ(gy_policy_sample(3 * GY_POLICY_MANY), 4);
    CHECK_EQ(gy_policy_sample(UINT64_MAX), GY_POLICY_SAMPLE);
}

TEST(policy, compaction_pays_from_a_quarter_of_garbage)
{
    CHECK(gy_policy_compact(250, 1000, 5000, 10000));
    CHECK(!gy_policy_compact(249, 1000, 5000, 10000));
    CHECK(gy_policy_compact(1000, 1000, 8750, 10000)); /* an eighth of the cache is not live */
    CHECK(!gy_policy_compact(1000, 1000, 8751, 10000));
    CHECK(gy_policy_compact(1000, 1000, 0, 10000));
}

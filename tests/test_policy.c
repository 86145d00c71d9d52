/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The policy decides, a simulator of a page carries out: two rings as queues, a history as a queue of
 * the same length. No arenas, no bytes, no threads: what is measured is the choice of victims alone. */

#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

enum { NONE = -1, KEYS_MOST = 65536 };

/* A queue of keys, linked through one array; a key is in one queue at most. */
struct queue {
    int first, last;
    unsigned n;
};

static int next_key[KEYS_MOST];

static void
queue_add(struct queue *q, int key)
{
    next_key[key] = NONE;
    if (q->n++ == 0)
        q->first = key;
    else
        next_key[q->last] = key;
    q->last = key;
}

static int
queue_take(struct queue *q)
{
    int key = q->first;
    q->first = next_key[key];
    q->n--;
    return key;
}

enum where { OUT, IN_PROBATION, IN_MAIN };

struct sim {
    struct queue ring[2];
    unsigned size, n_remembered, promoted, readmitted;
    uint8_t where[KEYS_MOST], freq[KEYS_MOST];
    uint64_t left_at[KEYS_MOST]; /* when it came into the history; 0: it is not there */
    uint64_t clock;
};

static bool
recall(struct sim *s, int key)
{
    uint64_t at = s->left_at[key];
    s->left_at[key] = 0;
    return at != 0 && s->clock - at < s->size;
}

static void
make_room(struct sim *s)
{
    unsigned kept = 0;
    for (;;) {
        unsigned ring = gy_policy_victim(s->ring[0].n, s->ring[1].n);
        int key = queue_take(&s->ring[ring]);
        struct gy_verdict v = gy_policy_judge(ring, s->freq[key], kept > s->size * 3 / 4);
        if (v.keep) {
            s->promoted += ring == GY_POLICY_PROBATION;
            s->freq[key] = (uint8_t)v.freq;
            s->where[key] = IN_MAIN;
            queue_add(&s->ring[GY_POLICY_MAIN], key);
            kept++;
            continue;
        }
        s->where[key] = OUT;
        if (v.remember)
            s->left_at[key] = ++s->clock;
        return;
    }
}

static bool
ask(struct sim *s, int key)
{
    if (s->where[key] != OUT) {
        if (s->freq[key] < GY_POLICY_FREQ_MOST)
            s->freq[key]++;
        return true;
    }
    if (s->ring[0].n + s->ring[1].n == s->size)
        make_room(s);
    bool remembered = recall(s, key);
    unsigned ring = gy_policy_place(remembered);
    s->readmitted += remembered;
    s->freq[key] = 0;
    s->where[key] = ring == GY_POLICY_MAIN ? IN_MAIN : IN_PROBATION;
    queue_add(&s->ring[ring], key);
    return false;
}

struct trace {
    const char *name;
    uint16_t *key;
    size_t n;
};

static struct sim sim;

static double
run_policy(const struct trace *t, unsigned size)
{
    size_t hits = 0;
    memset(&sim, 0, sizeof sim);
    sim.size = size;
    for (size_t i = 0; i < t->n; i++)
        hits += ask(&sim, t->key[i]);
    CHECK(sim.ring[0].n + sim.ring[1].n <= size);
    return (double)hits / (double)t->n;
}

/* FIFO, and CLOCK with one bit. */
static double
run_queue(const struct trace *t, unsigned size, bool second_chance)
{
    static bool in[KEYS_MOST], hit[KEYS_MOST];
    struct queue q = {0, 0, 0};
    size_t hits = 0;
    memset(in, 0, sizeof in);
    memset(hit, 0, sizeof hit);
    for (size_t i = 0; i < t->n; i++) {
        int key = t->key[i];
        hits += in[key];
        if (in[key]) {
            hit[key] = true;
            continue;
        }
        while (q.n == size) {
            int victim = queue_take(&q);
            bool stays = second_chance && hit[victim];
            in[victim] = stays;
            hit[victim] = false;
            if (stays)
                queue_add(&q, victim);
        }
        in[key] = true;
        queue_add(&q, key);
    }
    return (double)hits / (double)t->n;
}

static void
compare(const struct trace *t, unsigned size)
{
    double fifo = run_queue(t, size, false), clock = run_queue(t, size, true), ours = run_policy(t, size);
    printf("%-24s %6u entries: hit ratio %.4f, CLOCK %.4f, FIFO %.4f\n", t->name, size, ours, clock, fifo);
    CHECK_MSG(ours >= fifo, "%s, %u", t->name, size);
    CHECK_MSG(ours >= clock, "%s, %u", t->name, size);
}

static struct trace
bundled(void)
{
    struct trace t = {"pages of sqlite-orders", malloc(1 << 20), 0};
    FILE *f = fopen("tests/data/orders-slice.u16", "rb");
    CHECK_MSG(f != NULL, "from the folder above tests/");
    t.n = fread(t.key, sizeof *t.key, (1 << 20) / sizeof *t.key, f);
    fclose(f);
    CHECK(t.n > 50000);
    return t;
}

TEST(policy, better_than_fifo_and_clock_on_a_real_trace)
{
    struct trace t = bundled();
    for (unsigned percent = 1; percent <= 64; percent *= 2)
        compare(&t, 1023 * percent / 100);
    CHECK(sim.readmitted > 0 && sim.promoted > 0); /* all roads were taken */
    free(t.key);
}

/* Zipf's law with exponent 1, by its distribution function, searched. */
static void
add_zipf(struct trace *t, unsigned n_keys, size_t n, uint64_t *seed)
{
    double *sum = malloc((n_keys + 1) * sizeof *sum);
    sum[0] = 0;
    for (unsigned i = 0; i < n_keys; i++)
        sum[i + 1] = sum[i] + 1.0 / (i + 1.0);
    for (size_t i = 0; i < n; i++) {
        double x = (double)(api_random(seed) >> 11) * 0x1p-53 * sum[n_keys];
        unsigned low = 0, high = n_keys - 1;
        while (low < high) {
            unsigned middle = (low + high) / 2;
            if (sum[middle + 1] > x)
                high = middle;
            else
                low = middle + 1;
        }
        t->key[t->n++] = (uint16_t)low;
    }
    free(sum);
}

static void
add_loop(struct trace *t, unsigned first, unsigned n_keys, unsigned rounds)
{
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned i = 0; i < n_keys; i++)
            t->key[t->n++] = (uint16_t)(first + i);
}

TEST(policy, better_than_fifo_and_clock_on_zipf_with_scans)
{
    struct trace t = {"Zipf with scans", malloc(sizeof(uint16_t) << 20), 0};
    uint64_t seed = api_seed("policy");
    for (unsigned i = 0; i < 20; i++) {
        add_zipf(&t, 10000, 20000, &seed);
        add_loop(&t, 10000 + 2000 * i, 2000, 1); /* never asked for again */
    }
    for (unsigned size = 50; size <= 3200; size *= 2)
        compare(&t, size);
    free(t.key);
}

TEST(policy, better_than_fifo_and_clock_on_plain_zipf)
{
    struct trace t = {"Zipf", malloc(sizeof(uint16_t) << 20), 0};
    uint64_t seed = api_seed("policy");
    add_zipf(&t, 20000, 300000, &seed);
    for (unsigned size = 50; size <= 6400; size *= 2)
        compare(&t, size);
    free(t.key);
}

TEST(policy, not_worse_than_fifo_and_clock_on_loops)
{
    struct trace t = {"a loop of 1000", malloc(sizeof(uint16_t) << 20), 0};
    add_loop(&t, 0, 1000, 50);
    for (unsigned size = 100; size <= 900; size += 200)
        compare(&t, size);
    CHECK(run_policy(&t, 1000) == 49.0 / 50.0); /* what fits stays */
    t.name = "two loops";
    for (unsigned i = 0; i < 100; i++) { /* a short one within a long one */
        add_loop(&t, 2000, 100, 3);
        add_loop(&t, 3000 + 50 * i, 50, 1);
    }
    for (unsigned size = 120; size <= 960; size *= 2)
        compare(&t, size);
    free(t.key);
}

/* A scan of new keys, however long, leaves the keys that are asked for in between where they are. */
TEST(policy, a_scan_does_not_push_the_working_set_out)
{
    memset(&sim, 0, sizeof sim);
    sim.size = 1000;
    for (unsigned round = 0; round < 4; round++)
        for (int key = 0; key < 800; key++)
            ask(&sim, key);
    for (int key = 1000; key < 21000; key++)
        ask(&sim, key);
    unsigned left = 0;
    for (int key = 0; key < 800; key++)
        left += sim.where[key] != OUT;
    CHECK_EQ(left, 800);
}

TEST(policy, verdicts_on_probation)
{
    for (unsigned freq = 0; freq <= GY_POLICY_FREQ_MOST; freq++)
        for (unsigned pressure = 0; pressure <= GY_POLICY_FREQ_MOST; pressure++) {
            struct gy_verdict v = gy_policy_judge(GY_POLICY_PROBATION, freq, pressure);
            CHECK_EQ(v.keep, (freq >= 2 + pressure)); /* one hit may be a burst that is over */
            CHECK(v.keep || v.remember);              /* what goes out untried may come back at once */
            CHECK(!v.keep || v.freq == 0);            /* promoted, it starts anew */
        }
}

TEST(policy, verdicts_on_main)
{
    for (unsigned freq = 0; freq <= GY_POLICY_FREQ_MOST; freq++)
        for (unsigned pressure = 0; pressure <= GY_POLICY_FREQ_MOST; pressure++) {
            struct gy_verdict v = gy_policy_judge(GY_POLICY_MAIN, freq, pressure);
            CHECK_EQ(v.keep, (freq >= 1 + pressure));
            CHECK(!v.remember); /* it had its chances */
            CHECK(!v.keep || v.freq == freq - 1);
        }
}

TEST(policy, under_the_most_pressure_nothing_stays)
{
    for (unsigned ring = 0; ring < 2; ring++)
        for (unsigned freq = 0; freq <= GY_POLICY_FREQ_MOST; freq++)
            CHECK(!gy_policy_judge(ring, freq, GY_POLICY_FREQ_MOST).keep);
}

/* However hot all entries are, the hand comes to a victim within as many turns as a frequency counts. */
TEST(policy, the_hand_always_finds_a_victim)
{
    memset(&sim, 0, sizeof sim);
    sim.size = 300;
    for (unsigned round = 0; round < 8; round++)
        for (int key = 0; key < 300; key++)
            ask(&sim, key);
    for (int key = 300; key < 400; key++) {
        ask(&sim, key);
        CHECK_EQ(sim.ring[0].n + sim.ring[1].n, 300);
    }
}

TEST(policy, a_key_that_returns_soon_is_readmitted_to_main)
{
    CHECK_EQ(gy_policy_place(false), GY_POLICY_PROBATION);
    CHECK_EQ(gy_policy_place(true), GY_POLICY_MAIN);
    memset(&sim, 0, sizeof sim);
    sim.size = 100;
    for (int key = 0; key < 150; key++)
        ask(&sim, key);
    CHECK_EQ(sim.where[10], OUT);
    ask(&sim, 10);
    CHECK_EQ(sim.where[10], IN_MAIN);
    for (int key = 200; key < 500; key++)
        ask(&sim, key);
    ask(&sim, 20); /* out for longer than the history is */
    CHECK_EQ(sim.where[20], IN_PROBATION);
}

TEST(policy, the_ring_over_its_share_is_swept)
{
    CHECK_EQ(gy_policy_victim(10, 90), GY_POLICY_MAIN); /* a tenth, exactly */
    CHECK_EQ(gy_policy_victim(11, 90), GY_POLICY_PROBATION);
    CHECK_EQ(gy_policy_victim(9, 90), GY_POLICY_MAIN);
    CHECK_EQ(gy_policy_victim(0, 1), GY_POLICY_MAIN);
    CHECK_EQ(gy_policy_victim(1, 0), GY_POLICY_PROBATION);
    CHECK_EQ(gy_policy_victim(0, 5), GY_POLICY_MAIN); /* never a ring that has nothing */
    CHECK_EQ(gy_policy_victim(1, 5), GY_POLICY_PROBATION);
    uint64_t tib = (uint64_t)1 << 42;
    CHECK_EQ(gy_policy_victim(tib, tib * 9), GY_POLICY_MAIN);
    CHECK_EQ(gy_policy_victim(tib + 10, tib * 9), GY_POLICY_PROBATION);
}

TEST(policy, compaction_pays_from_a_quarter_of_garbage)
{
    CHECK(gy_policy_compact(250, 1000, 5000, 10000));
    CHECK(!gy_policy_compact(249, 1000, 5000, 10000));
    CHECK(gy_policy_compact(1000, 1000, 8750, 10000)); /* an eighth of the cache is not live */
    CHECK(!gy_policy_compact(1000, 1000, 8751, 10000));
    CHECK(gy_policy_compact(1000, 1000, 0, 10000));
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What to keep, as a whole: policy.h and learn.c decide, a model of the cache carries out. Two rings as queues, a
 * history as a queue of evictions; no arenas, no bytes, no threads. Properties that hold with any trace, with
 * margins; several seeds, and caches of all sizes go through the same code. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "learn.h"

enum { NONE = -1, KEYS_MOST = 1 << 17, PATIENCE = 64 };

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

struct sim {
    struct gy_learned learned;
    struct queue ring[2];
    unsigned size, judged;
    uint64_t clock; /* evictions */
    bool in[KEYS_MOST];
    uint8_t freq[KEYS_MOST], kind[KEYS_MOST];
    uint64_t since[KEYS_MOST];  /* when it came to where it is */
    uint64_t out_at[KEYS_MOST]; /* when it was evicted; 0: not remembered */
    int out[2 * KEYS_MOST];     /* who was evicted, by time */
};

static struct sim sim;

static void
sim_open(unsigned size)
{
    memset((void *)&sim, 0, sizeof sim);
    sim.size = size;
    gy_learn_init(&sim.learned);
}

static float
turnovers(uint64_t evictions)
{
    return (float)evictions / (float)sim.size;
}

static float
soon(void)
{
    return 1 / 16.0f; /* as the library's history has it */
}

static unsigned
recall(int key)
{
    uint64_t at = sim.out_at[key];
    sim.out_at[key] = 0;
    if (at == 0 || sim.clock - at >= 2 * sim.size)
        return GY_KIND_UNKNOWN;
    float age = turnovers(sim.clock - at);
    gy_learn(&sim.learned, 1, sim.kind[key], true, age);
    if (age <= soon() && sim.kind[key] >= GY_KINDS_MAIN)
        gy_learn_soon(&sim.learned, 1);
    return GY_KINDS_MAIN + gy_policy_past(sim.kind[key], age);
}

static void
evict(int key)
{
    uint64_t at = ++sim.clock, length = 2 * sim.size;
    int oldest = sim.out[at % length];
    if (at > length && sim.out_at[oldest] == at - length) { /* it never came back */
        gy_learn(&sim.learned, 1, sim.kind[oldest], false, 2);
        sim.out_at[oldest] = 0;
    }
    sim.in[key] = false;
    sim.out_at[key] = at;
    sim.out[at % length] = key;
}

/* The hand passes the oldest of a ring; `look`: it stays in any case. True when it stays. */
static bool
judge(unsigned ring, bool look)
{
    int key = queue_take(&sim.ring[ring]);
    unsigned freq = sim.freq[key];
    bool keep;
    if (ring == GY_POLICY_MAIN) {
        gy_learn(&sim.learned, 1, sim.kind[key], freq > 0, turnovers(sim.clock - sim.since[key]));
        sim.kind[key] = (uint8_t)gy_policy_kind_main(sim.kind[key], freq);
        keep = gy_learn_keeps(&sim.learned, 1, sim.kind[key], 1);
    } else {
        sim.kind[key] = (uint8_t)gy_policy_kind_new(sim.kind[key], freq);
        keep = gy_learn_admits(&sim.learned, NULL, 1, sim.kind[key], 1, soon());
    }
    keep = look || (keep && freq >= sim.judged++ / PATIENCE);
    sim.freq[key] = 0;
    if (keep) {
        sim.since[key] = sim.clock;
        queue_add(&sim.ring[GY_POLICY_MAIN], key);
    } else {
        evict(key);
    }
    return keep;
}

static void
hold_size(void)
{
    sim.judged = 0;
    while (sim.ring[0].n + sim.ring[1].n > sim.size) {
        unsigned ring = gy_policy_victim(sim.ring[0].n, sim.ring[1].n, gy_learn_window(&sim.learned), 1);
        if (!judge(ring, false) && ring == GY_POLICY_PROBATION && sim.ring[1].n > 0 && gy_learn_due(&sim.learned, 1))
            judge(GY_POLICY_MAIN, true);
    }
}

static bool
ask(int key)
{
    if (sim.in[key]) {
        sim.freq[key] = (uint8_t)gy_policy_freq(sim.freq[key] + 1u);
        return true;
    }
    unsigned probation = 1 + (unsigned)(gy_learn_window(&sim.learned) * (float)sim.size);
    bool spacious = sim.ring[0].n + sim.ring[1].n + probation < sim.size;
    sim.kind[key] = (uint8_t)recall(key);
    sim.in[key] = true;
    sim.freq[key] = 0;
    sim.since[key] = sim.clock;
    queue_add(&sim.ring[spacious ? GY_POLICY_MAIN : GY_POLICY_PROBATION], key);
    hold_size();
    CHECK(sim.ring[0].n + sim.ring[1].n <= sim.size);
    return false;
}

/* ---- traces ------------------------------------------------------------------------------------ */

struct trace {
    int *key;
    size_t n, room;
};

static void
add(struct trace *t, int key)
{
    if (t->n == t->room) {
        t->room = t->room * 2 + 1024;
        t->key = realloc(t->key, t->room * sizeof *t->key);
        CHECK(t->key != NULL);
    }
    t->key[t->n++] = key;
}

static double
hit_ratio(const struct trace *t, size_t from, size_t to)
{
    size_t hits = 0;
    for (size_t i = from; i < to; i++)
        hits += ask(t->key[i]);
    return (double)hits / (double)(to - from);
}

/* A cache of that size that sees the whole trace. */
static double
run(const struct trace *t, unsigned size)
{
    sim_open(size);
    return hit_ratio(t, 0, t->n);
}

/* LRU, and with `fifo` FIFO. */
static double
run_simple(const struct trace *t, unsigned size, bool fifo)
{
    static int older[KEYS_MOST], younger[KEYS_MOST];
    static bool in[KEYS_MOST];
    int oldest = NONE, youngest = NONE;
    unsigned n = 0;
    size_t hits = 0;
    memset(in, 0, sizeof in);
    for (size_t i = 0; i < t->n; i++) {
        int key = t->key[i], out = NONE;
        hits += in[key];
        if (in[key] && fifo)
            continue;
        if (in[key])
            out = key;
        else if (n == size)
            out = oldest;
        else
            n++;
        if (out != NONE) {
            *(older[out] == NONE ? &oldest : &younger[older[out]]) = younger[out];
            *(younger[out] == NONE ? &youngest : &older[younger[out]]) = older[out];
            in[out] = false;
        }
        in[key] = true;
        older[key] = youngest, younger[key] = NONE;
        *(youngest == NONE ? &oldest : &younger[youngest]) = key;
        youngest = key;
    }
    return (double)hits / (double)t->n;
}

/* Zipf's law with exponent 1 over n keys from `first`: by its distribution function, searched. */
struct zipf {
    double *sum;
    unsigned n;
};

static struct zipf
zipf_of(unsigned n)
{
    struct zipf z = {malloc((n + 1) * sizeof(double)), n};
    z.sum[0] = 0;
    for (unsigned i = 0; i < n; i++)
        z.sum[i + 1] = z.sum[i] + 1.0 / (i + 1.0);
    return z;
}

static int
draw(const struct zipf *z, uint64_t *seed)
{
    double x = (double)(api_random(seed) >> 11) * 0x1p-53 * z->sum[z->n];
    unsigned low = 0, high = z->n - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (z->sum[middle + 1] > x)
            high = middle;
        else
            low = middle + 1;
    }
    return (int)low;
}

/* ---- properties -------------------------------------------------------------------------------- */

/* Each property is looked at in caches of three sizes, with three seeds. */
enum { ROUNDS = 9 };

static unsigned
size_of(unsigned round)
{
    static const unsigned sizes[] = {50, 500, 5000};
    return sizes[round % 3];
}

/* Keys in use, then a scan of keys that are never asked for again, with some use of the others in between. */
TEST(choice, a_scan_does_not_flush_the_working_set)
{
    uint64_t seed = api_seed("choice");
    for (unsigned s = 0; s < ROUNDS; s++) {
        unsigned size = size_of(s), set = size * 6 / 10;
        struct trace t = {0};
        int stranger = (int)set;
        for (unsigned i = 0; i < 40 * set; i++) {
            add(&t, (int)(api_random(&seed) % set));
            if (i % 20 == 0)
                add(&t, stranger++ % KEYS_MOST);
        }
        sim_open(size);
        hit_ratio(&t, 0, t.n);
        unsigned before = 0, after = 0;
        for (unsigned key = 0; key < set; key++)
            before += sim.in[key];
        for (unsigned i = 0; i < 4 * size; i++)
            ask(stranger++);
        for (unsigned key = 0; key < set; key++)
            after += sim.in[key];
        CHECK_MSG(before > set * 95 / 100, "%u of %u before", before, set);
        /* A small one has learned less by then. */
        CHECK_MSG(after > (size < 100 ? set / 3 : set * 85 / 100), "%u of %u in a cache of %u", after, set, size);
        free(t.key);
    }
}

/* LRU and FIFO have no hit at all. What can be had is what fits, divided by what there is. */
TEST(choice, a_loop_longer_than_the_cache_hits_what_fits)
{
    for (unsigned s = 0; s < 3; s++)
        for (unsigned percent = 120; percent <= 480; percent *= 2) {
            unsigned size = size_of(s), loop = size * percent / 100;
            struct trace t = {0};
            for (unsigned i = 0; i < 60 * loop; i++)
                add(&t, (int)(i % loop));
            sim_open(size);
            hit_ratio(&t, 0, t.n / 2);
            double ratio = hit_ratio(&t, t.n / 2, t.n), most = (double)size / loop;
            CHECK_MSG(ratio > 0.6 * most, "%.3f of %.3f, a loop of %u in a cache of %u", ratio, most, loop, size);
            free(t.key);
        }
}

/* The next request is for the key that so many others were asked for since: what LRU is made for. */
static void
add_stack_like(struct trace *t, unsigned depth_mean, size_t n, uint64_t *seed)
{
    unsigned most = 4 * depth_mean, have = 0;
    int *stack = malloc(most * sizeof *stack), fresh = 0;
    for (size_t i = 0; i < n; i++) {
        double u = (double)(api_random(seed) >> 11) * 0x1p-53;
        unsigned depth = 0;
        while (u < 0.5 && depth < 64) /* geometric, in pieces of a length that halves its chances */
            u *= 2, depth++;
        depth = depth * depth_mean / 2 + (unsigned)(api_random(seed) % (depth_mean / 2 + 1));
        int key;
        if (depth >= have) {
            key = fresh++ % KEYS_MOST;
            if (have < most)
                have++;
            depth = have - 1;
        } else {
            key = stack[depth];
        }
        memmove(stack + 1, stack, depth * sizeof *stack);
        stack[0] = key;
        add(t, key);
    }
    free(stack);
}

TEST(choice, where_recency_counts_it_is_near_lru)
{
    uint64_t seed = api_seed("choice");
    for (unsigned s = 0; s < ROUNDS; s++)
        for (unsigned percent = 40; percent <= 160; percent *= 2) {
            struct trace t = {0};
            add_stack_like(&t, size_of(s) * percent / 100, 40 * size_of(s) + 20000, &seed);
            double lru = run_simple(&t, size_of(s), false), ours = run(&t, size_of(s));
            CHECK_MSG(ours > lru - 0.06, "%.3f, LRU %.3f in %u", ours, lru, size_of(s));
            free(t.key);
        }
}

/* Zipf's law, and then all keys are others. */
TEST(choice, after_a_shift_the_hit_ratio_recovers)
{
    uint64_t seed = api_seed("choice");
    for (unsigned s = 0; s < ROUNDS; s++) {
        unsigned size = size_of(s), keys = 10 * size, part = (unsigned)gy_max(10 * keys, 40000);
        unsigned first = (unsigned)gy_max(keys, 5000);
        struct zipf z = zipf_of(keys);
        struct trace t = {0};
        for (unsigned i = 0; i < 2 * part; i++)
            add(&t, draw(&z, &seed) + (i < part ? 0 : (int)keys));
        sim_open(size);
        hit_ratio(&t, 0, part / 2);
        double before = hit_ratio(&t, part / 2, part), at_once = hit_ratio(&t, part, part + first);
        double later = hit_ratio(&t, part + first, 2 * part);
        CHECK_MSG(at_once > before / 2, "%.3f, %.3f at first, in %u", before, at_once, size);
        CHECK_MSG(later > before - 0.05, "%.3f, then %.3f, in %u", before, later, size);
        free(t.key);
        free(z.sum);
    }
}

TEST(choice, where_frequency_counts_it_is_better_than_lru)
{
    uint64_t seed = api_seed("choice");
    for (unsigned s = 0; s < ROUNDS; s++) {
        struct zipf z = zipf_of(20 * size_of(s));
        struct trace t = {0};
        for (unsigned i = 0; i < 200 * size_of(s); i++)
            add(&t, draw(&z, &seed));
        double ours = run(&t, size_of(s)), lru = run_simple(&t, size_of(s), false);
        CHECK_MSG(ours > lru + 0.02, "%.3f, LRU %.3f in %u", ours, lru, size_of(s));
        free(t.key);
        free(z.sum);
    }
}

TEST(choice, a_real_trace)
{
    FILE *f = fopen("tests/data/orders-slice.u16", "rb");
    CHECK_MSG(f != NULL, "from the folder above tests/");
    struct trace t = {0};
    uint16_t key;
    while (fread(&key, sizeof key, 1, f) == 1)
        add(&t, key);
    fclose(f);
    CHECK(t.n > 50000);
    for (unsigned percent = 1; percent <= 64; percent *= 2) {
        unsigned size = 1023 * percent / 100;
        double ours = run(&t, size), lru = run_simple(&t, size, false), fifo = run_simple(&t, size, true);
        CHECK_MSG(ours > fifo && ours > lru - 0.01, "%.4f, LRU %.4f, FIFO %.4f in %u", ours, lru, fifo, size);
    }
    free(t.key);
}

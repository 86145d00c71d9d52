/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What a benchmark is, in plain C. bench_main.cc runs it; nothing else knows by which means. */

#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BENCH_THREADS 4 /* the most that any benchmark here runs */

struct bench {
    const char *name;
    int threads;     /* of which each calls run; at most BENCH_THREADS */
    const void *arg; /* for setup. Benchmarks in a row with the same setup and arg share */
    void *(*setup)(
        const void *arg); /* one state, unless fixed_iterations is set; NULL: it failed */
    void (*teardown)(void *state);
    /* Does n iterations. Thread numbers start at 0; each has a cursor of its own, kept between
     * calls. */
    void (*run)(const struct bench *bench, void *state, int thread, uint64_t *cursor, uint64_t n);
    uint64_t n;     /* for run: what the variants of a benchmark differ in */
    uint64_t items; /* done by one iteration */
    /* Not 0: each thread runs exactly so many iterations, each time on a fresh state. */
    uint64_t fixed_iterations;
    /* What the state has to tell after a run, as a fraction; may be NULL. */
    double (*ratio)(void *state);
    const char *ratio_name;
};

/* Adds a benchmark to the run; the struct is copied, its name too. */
void bench_add(const struct bench *bench);

/* Each program's own: calls bench_add. */
void bench_register(void);

/* A wrong result ends the program: its speed would mean nothing. */
void bench_require(int condition, const char *what);

#ifdef __cplusplus
}
#endif

#endif

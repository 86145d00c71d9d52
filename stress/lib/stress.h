/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What every stress program shares: choices that a seed replays, a time to run for, threads, the
 * delays at the library's points, and a verdict.
 *
 * The environment sets a run: SEED (else random, and always printed), T in seconds (else the
 * program's own time, times SCALE), THREADS.
 * The seed replays every choice of the program; what the kernel's scheduler did is not replayed, so
 * a failure may need several runs of its command line, best in the flavour that showed it. */

#ifndef GYRE_STRESS_H
#define GYRE_STRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gyre.h"
#include "rng.h"

#if defined(__SANITIZE_THREAD__)
#define STRESS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRESS_TSAN 1
#endif
#endif
#ifndef STRESS_TSAN
#define STRESS_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define STRESS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STRESS_ASAN 1
#endif
#endif
#ifndef STRESS_ASAN
#define STRESS_ASAN 0
#endif

/* Windows are widened at the library's points: rates of rare events mean nothing then. */
#ifdef GY_POINTS
#define STRESS_POINTS 1
#else
#define STRESS_POINTS 0
#endif

/* Work that is done once, however long it takes: less of it where each step takes longer. */
#define STRESS_SCALED(n) ((n) / (STRESS_TSAN ? 10 : STRESS_POINTS ? 4 : 1))

/* Reads the environment, prints the seed, installs the delays and a watchdog against hangs. */
void stress_start(char **argv, const char *name, double default_seconds);

/* In a process that a running program has executed: what it has begun goes on. */
void stress_continue(const char *name);

/* The same value for the same seed and salt. */
struct rng stress_rng(uint64_t salt);

double stress_seconds(void);
unsigned stress_threads(unsigned default_threads);
/* A size from the environment, for targets that run a program at another scale. */
uint64_t stress_setting(const char *name, uint64_t default_value);

uint64_t stress_now_ns(void);
void stress_sleep_us(unsigned us);
/* Resident bytes of this process. */
uint64_t stress_rss_bytes(void);

/* Reports a broken promise; the first ones are printed, all are counted. Any thread. */
void stress_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool stress_failed(void);
uint64_t stress_failures(void);

/* Where failures and what was done are counted: else each process counts for itself. In memory that is shared with those
 * that are forked from now on, or that the caller gives. */
struct stress_counts {
    _Atomic uint64_t failures, operations, checked;
};
void stress_count_in_children(void);
void stress_count_in(struct stress_counts *shared);

/* A number for the verdict; numbers of one label add up. A needed one must not stay zero. Main
 * thread. */
void stress_report(const char *label, uint64_t n);
void stress_need(const char *label, uint64_t n);
bool stress_lacks(void); /* something needed is still zero */

/* Whether the run goes on: until its time is over, and on a machine so slow that it lacks something then, some
 * times as long. */
bool stress_goes_on(uint64_t until_ns, bool lacks);

/* What this thread has done: calls of the library, and answers that were checked against what others
 * had done. Added up when a thread of stress_spawn ends, and for the main one by stress_finish. */
struct stress_tally {
    uint64_t operations, checked;
};
extern _Thread_local struct stress_tally stress_tally;
void stress_add_tally(void); /* before a process ends that is not the last */

/* Prints the numbers and the verdict, then one line for programs; the program's exit status. A run
 * that checked nothing fails. */
int stress_finish(void);

/* Runs body(args + i * stride) on n threads and waits for all of them. */
void stress_run(unsigned n, void (*body)(void *), void *args, size_t stride);

/* Starts one thread; stress_join waits for it. */
struct stress_thread;
struct stress_thread *stress_spawn(void (*body)(void *), void *arg);
void stress_join(struct stress_thread *thread);

/* How often points delay: about one in this many; 0: never. Without effect in flavours without
 * points. */
void stress_points(uint32_t one_in);

/* The calling thread is to stop at points for as long as others need to turn a small cache over. */
void stress_sleepy(void);

/* Raises *to to at least value. */
static inline void
stress_raise(_Atomic uint64_t *to, uint64_t value)
{
    uint64_t seen = atomic_load_explicit(to, memory_order_relaxed);
    while (seen < value && !atomic_compare_exchange_weak_explicit(
                               to, &seen, value, memory_order_acq_rel, memory_order_relaxed)) {
    }
}

/* An injected clock of milliseconds and an allocator that keeps a ledger. */
struct stress_world {
    _Atomic uint64_t clock_ms;
    _Atomic int64_t allocated_bytes, allocations;
};

void stress_world_install(struct stress_world *world, gyre_options *options);
/* How a cache keeps time and house: with or without a thread, with its own grace periods or liburcu's
 * (which are not built for the thread sanitizer). */
uint32_t stress_draw_mode(struct rng *rng);

/* Fails when the library has not given back what it allocated. */
void stress_world_check_empty(struct stress_world *world);

#endif

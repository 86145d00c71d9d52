/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Runs threads as fibers, of which one goes on at a time, and decides before each access to shared memory
 * which. Everything follows from the seed of the schedule.
 *
 *   STICKY      stays with the running thread for 12 accesses in the mean (or 4, 40, 200), then any other;
 *               the one that was left may sleep, for up to 2,000 accesses, as a thread that lost its
 *               processor does. (Uniform switching finds almost nothing.)
 *   AIMED       the same, and one place in 64 of the source is drawn, where a thread that reaches it for a
 *               drawn time goes to sleep: places that are reached seldom get their share
 *   PCT         priorities, and d - 1 places where the running thread's drops below all others
 *               (Burckhardt et al., ASPLOS 2010)
 *   BOUNDED     every schedule with at most two preemptions, one after the other */

#ifndef GY_EXPLORE_SCHEDULER_H
#define GY_EXPLORE_SCHEDULER_H

#include "layer.h"
#include "memory.h"

enum strategy { STICKY, AIMED, PCT, BOUNDED, STRATEGIES };

/* Preemptions of a BOUNDED schedule: at its at-th access the running thread gives way to another. */
struct preemption {
    uint32_t at, to;
};

struct plan {
    uint64_t seed;
    enum strategy strategy;
    enum memory_mode mode;
    bool stops;                      /* one thread is stopped for good, somewhere */
    bool cut;                        /* all threads are, at once: what a fork leaves to its child; or all processes die */
    bool shared;                     /* threads are of processes: deaths.h */
    bool apart;                      /* only their locks tell whether they live: processes.h */
    unsigned deaths;                 /* so many die, one after the other, where deaths.h says */
    uint32_t death_at;               /* BOUNDED: before that access, who runs */
    const char *aim;                 /* files */
    struct preemption preempt[2];
    uint32_t first;                  /* BOUNDED: who begins */
    uint32_t length;                 /* accesses of a schedule, about: where to put change points */
};

enum outcome { RAN, CUT, VIOLATED };

/* Runs body(i) for i < n to their ends. */
enum outcome sched_run(const struct plan *plan, unsigned n, void (*body)(unsigned thread));

/* Who runs: its number; MEMORY_THREADS outside threads. */
extern unsigned sched_current;

static inline unsigned
sched_self(void)
{
    return sched_current;
}

static inline bool
sched_inside(void)
{
    return sched_current != MEMORY_THREADS;
}

/* Preemptions of a BOUNDED schedule that took place: not those to who runs already, or has ended. */
unsigned sched_preempted(void);
/* Accesses of the schedule so far. */
uint64_t sched_now(void);
bool sched_stopped(unsigned thread);
/* A thread that cannot go on lets others run. */
void sched_yield_now(void);
/* Called before each access. */
void sched_access(struct explore_site *site, const volatile void *address);

/* Ends the schedule: the text says what is wrong. Returns only outside threads. */
void sched_violation(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *sched_violation_text(void);

/* Prints each access from now on. */
extern bool sched_trace;

/* Sites: makes those that match relaxed ("publish.c:123", or "publish.c:123:load,clear.h:18"; with
 * ":acq_rel" behind the operation it only ceases to be seq_cst), and prefers schedules that stop there and old
 * values for loads; false: nonsense. */
bool sched_weaken(const char *what);
bool sched_weakened_was_reached(void);
/* Places of src/ in all; those that this process reached. */
unsigned sched_sites(bool print, unsigned *reached);

#endif

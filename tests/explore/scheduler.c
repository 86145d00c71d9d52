/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "deaths.h"
#include "fiber.h"
#include "processes.h"
#include "rcu/record.h"

enum { STEPS_MOST = 3000000, WEAK_MOST = 8 };
enum state { READY, STOPPED, DONE };

static struct thread {
    struct fiber fiber;
    struct gy_seat seats[GY_SEATS];
    enum state state;
    int32_t priority;
    uint64_t asleep_until; /* STICKY: not chosen before, while another can be */
} threads[MEMORY_THREADS + 1]; /* the last: who called sched_run */

static struct plan plan;
static struct rng rng;
unsigned sched_current = MEMORY_THREADS;
static unsigned n_threads;
static uint64_t now;
static int64_t until_switch, until_stop;
static unsigned to_stop;
static uint32_t n_preempted, n_schedules, stay, naps_one_in, n_changes, change_at[4];
static int32_t lowest;
static void (*thread_body)(unsigned);
static enum outcome outcome;
static char violation[512];
bool sched_trace;

unsigned
sched_preempted(void)
{
    return n_preempted;
}

uint64_t
sched_now(void)
{
    return now;
}

bool
sched_stopped(unsigned thread)
{
    return threads[thread].state == STOPPED;
}

const char *
sched_violation_text(void)
{
    return violation;
}

static void
switch_to(unsigned to)
{
    unsigned from = sched_current;
    if (from == to)
        return;
    memcpy(threads[from].seats, gy_seats, sizeof gy_seats);
    memcpy(gy_seats, threads[to].seats, sizeof gy_seats);
    sched_current = to;
    fiber_switch(&threads[from].fiber, &threads[to].fiber);
}

static void
leave(enum outcome how)
{
    outcome = how;
    switch_to(MEMORY_THREADS);
}

void
sched_violation(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (violation[0] == 0)
        vsnprintf(violation, sizeof violation, format, args);
    va_end(args);
    if (sched_inside())
        leave(VIOLATED);
}

static unsigned
any_other(void)
{
    unsigned ready[MEMORY_THREADS], n = 0, n_awake = 0;
    for (unsigned i = 0; i < n_threads; i++) {
        if (i == sched_current || threads[i].state != READY)
            continue;
        ready[n++] = i;
        if (threads[i].asleep_until <= now) { /* the awake come first */
            ready[n - 1] = ready[n_awake];
            ready[n_awake++] = i;
        }
    }
    return n ? ready[rng_below32(&rng, n_awake ? n_awake : n)] : sched_current;
}

static unsigned
most_urgent(void)
{
    unsigned best = MEMORY_THREADS;
    for (unsigned i = 0; i < n_threads; i++)
        if (threads[i].state == READY && (best == MEMORY_THREADS || threads[i].priority > threads[best].priority))
            best = i;
    return best;
}

static unsigned
next_in_turn(void)
{
    for (unsigned i = 1; i <= n_threads; i++)
        if (threads[(sched_current + i) % n_threads].state == READY)
            return (sched_current + i) % n_threads;
    return MEMORY_THREADS;
}

static void
draw_stay(void)
{
    until_switch = 1 + rng_below32(&rng, 2 * stay);
}

/* Is this the place, and the time, where an AIMED schedule wants to stop? */
static bool
aimed_at(struct explore_site *site)
{
    if (site->schedule != n_schedules) {
        uint64_t draw = mix64(plan.seed ^ site->hash);
        site->schedule = n_schedules;
        site->times = draw % (site->weakened ? 4 : 64) == 0 ? 1 + (uint32_t)((draw >> 16) % (1u << (draw >> 8) % 8)) : 0;
    }
    return site->times != 0 && --site->times == 0;
}

/* Before an access. */
static void
decide(struct explore_site *site)
{
    bool aimed;
    switch (plan.strategy) {
    case AIMED:
    case STICKY:
        aimed = plan.strategy == AIMED && site && aimed_at(site);
        if (--until_switch <= 0 || aimed) {
            draw_stay();
            if (aimed || rng_one_in(&rng, naps_one_in))
                threads[sched_current].asleep_until = now + ((aimed ? 128u : 16u) << rng_below32(&rng, 8));
            switch_to(any_other());
        }
        break;
    case PCT:
        for (unsigned i = 0; i < n_changes; i++)
            if (now == change_at[i]) {
                threads[sched_current].priority = --lowest;
                switch_to(most_urgent());
            }
        break;
    default:
        for (unsigned i = 0; i < 2; i++)
            if (plan.preempt[i].at != 0 && now == plan.preempt[i].at && plan.preempt[i].to != sched_current &&
                threads[plan.preempt[i].to].state == READY) {
                n_preempted++;
                switch_to(plan.preempt[i].to);
            }
    }
}

static unsigned
successor(void)
{
    if (plan.strategy == PCT)
        return most_urgent();
    if (plan.strategy == BOUNDED)
        return next_in_turn();
    unsigned next = any_other();
    return threads[next].state == READY ? next : MEMORY_THREADS;
}

static void
give_up_for_good(enum state state)
{
    threads[sched_current].state = state;
    unsigned next = successor();
    if (next == MEMORY_THREADS)
        leave(RAN);
    else
        switch_to(next);
}

/* None of its threads goes on; what they have stored stands. */
static void
kill_process(unsigned process)
{
    for (unsigned i = 0; i < n_threads; i++)
        if (process_of(i) == process) {
            memory_drain(i);
            threads[i].state = threads[i].state == DONE ? DONE : STOPPED;
        }
    process_kill(process);
    if (sched_trace)
        printf("%7llu  process %u dies\n", (unsigned long long)now, process);
    if (process_self() == process)
        give_up_for_good(STOPPED);
}

static void
step(struct explore_site *site)
{
    now++;
    if (plan.mode == MEMORY_TSO)
        memory_tick(n_threads);
    if (plan.cut && (uint64_t)until_stop == now)
        leave(CUT);
    unsigned process = plan.shared ? deaths_now(now, site) : 0;
    if (process != 0)
        kill_process(process);
    if (plan.stops && sched_current == to_stop && --until_stop == 0)
        give_up_for_good(STOPPED);
    if (now > STEPS_MOST)
        sched_violation("no end after %d accesses: somebody waits for somebody", STEPS_MOST);
    decide(site);
}

void
sched_yield_now(void)
{
    if (!sched_inside())
        return;
    step(NULL);
    if (plan.strategy == PCT)
        threads[sched_current].priority = --lowest;
    unsigned next = plan.strategy == PCT ? most_urgent() : plan.strategy == BOUNDED ? next_in_turn() : any_other();
    switch_to(next);
}

static void
run_thread(void)
{
    thread_body(sched_current);
    memory_drain(sched_current);
    give_up_for_good(DONE);
}

static void
draw(void)
{
    static const uint16_t stays[] = {12, 12, 12, 4, 40, 200};
    stay = stays[rng_below32(&rng, sizeof stays / sizeof stays[0])];
    naps_one_in = 1 + rng_below32(&rng, 12);
    draw_stay();
    uint32_t length = plan.length ? plan.length : 500;
    n_changes = 1 + rng_below32(&rng, 4); /* depth 2 to 5 */
    for (unsigned i = 0; i < n_changes; i++)
        change_at[i] = 1 + rng_below32(&rng, length);
    lowest = 0;
    for (unsigned i = 0; i < n_threads; i++)
        threads[i].priority = 1 + (int32_t)rng_below32(&rng, 1000000);
    to_stop = rng_below32(&rng, n_threads);
    until_stop = 1 + rng_below32(&rng, plan.cut ? length : length / n_threads + 1);
}

enum outcome
sched_run(const struct plan *p, unsigned n, void (*body)(unsigned))
{
    plan = *p;
    n_threads = n;
    thread_body = body;
    now = 0;
    n_schedules++;
    n_preempted = 0;
    violation[0] = 0;
    rng.state = mix64(plan.seed ^ 0x5ced5ced);
    memory_begin(plan.mode, mix64(plan.seed ^ 0x3e3));
    for (unsigned i = 0; i < n; i++) {
        if (threads[i].fiber.stack == NULL && !fiber_init(&threads[i].fiber)) {
            snprintf(violation, sizeof violation, "no memory for a stack");
            return VIOLATED;
        }
        memset(threads[i].seats, 0, sizeof threads[i].seats);
        threads[i].state = READY;
        threads[i].asleep_until = 0;
        fiber_start(&threads[i].fiber, run_thread);
    }
    draw();
    deaths_draw(&plan, &rng, n, plan.aim);
    outcome = RAN;
    switch_to(plan.strategy == PCT ? most_urgent() : plan.strategy == BOUNDED ? plan.first : rng_below32(&rng, n));
    for (unsigned i = 0; i < n; i++) { /* the stores of the stopped may still arrive; those of the cut may not; those of a process do */
        if (!plan.shared && (outcome == CUT || rng_one_in(&rng, 2)))
            memory_drop(i);
        else
            memory_drain(i);
    }
    return outcome;
}

/* Sites. */

extern struct explore_site *const __start_explore_sites[], *const __stop_explore_sites[];
static struct weak {
    char file[64], op[32];
    int line;
    bool acq_rel, reached;
} weak[WEAK_MOST];
static unsigned n_weak;

bool
sched_weaken(const char *what)
{
    while (n_weak < WEAK_MOST) {
        struct weak *w = &weak[n_weak];
        int end = 0;
        if (sscanf(what, "%63[^:]:%d%n:%31[a-z_]%n", w->file, &w->line, &end, w->op, &end) < 2)
            return false;
        static const char acq_rel[] = ":acq_rel";
        w->acq_rel = strncmp(what + end, acq_rel, strlen(acq_rel)) == 0;
        n_weak++;
        what += (size_t)end + (w->acq_rel ? strlen(acq_rel) : 0);
        if (*what == 0)
            return true;
        if (*what++ != ',')
            return false;
    }
    return false;
}

bool
sched_weakened_was_reached(void)
{
    bool all = true;
    for (unsigned i = 0; i < n_weak; i++)
        all &= weak[i].reached;
    return all;
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void
meet_site(struct explore_site *s)
{
    s->known = true;
    s->base = base_name(s->file);
    for (const char *at = s->base; *at; at++)
        s->hash = s->hash * 31 + (unsigned char)*at;
    s->hash = s->hash * 31 + (uint32_t)s->line;
    for (const char *at = s->op; *at; at++)
        s->hash = s->hash * 31 + (unsigned char)*at;
    for (struct weak *w = weak; w < weak + n_weak; w++)
        if (w->line == s->line && strcmp(w->file, base_name(s->file)) == 0 &&
            (w->op[0] == 0 || strcmp(w->op, s->op) == 0)) {
            s->order = w->acq_rel ? memory_order_acq_rel : memory_order_relaxed;
            s->failure_order = w->acq_rel ? memory_order_acquire : memory_order_relaxed;
            s->weakened = w->reached = true;
        }
}

/* The same place of a header stands once in each object. */
static uint64_t
hits_of_place(const struct explore_site *s, bool *first)
{
    uint64_t hits = 0;
    *first = true;
    bool before = true;
    for (struct explore_site *const *at = __start_explore_sites; at < __stop_explore_sites; at++) {
        before &= *at != s;
        if ((*at)->line == s->line && strcmp((*at)->op, s->op) == 0 && strcmp((*at)->file, s->file) == 0) {
            hits += (*at)->hits;
            *first &= !before;
        }
    }
    return hits;
}

unsigned
sched_sites(bool print, unsigned *reached)
{
    unsigned n = 0;
    *reached = 0;
    for (struct explore_site *const *at = __start_explore_sites; at < __stop_explore_sites; at++) {
        bool first;
        uint64_t hits = hits_of_place(*at, &first);
        if (!first || strncmp((*at)->file, "src/", 4) != 0)
            continue;
        n++;
        *reached += hits > 0;
        if (print)
            printf("%s:%d:%s %llu\n", base_name((*at)->file), (*at)->line, (*at)->op, (unsigned long long)hits);
    }
    return n;
}

void
sched_access(struct explore_site *site, const volatile void *address)
{
    if (!site->known)
        meet_site(site);
    site->hits++;
    if (!sched_inside())
        return;
    if (sched_trace)
        printf("%7llu  thread %u  %-28s %-10s %p\n", (unsigned long long)now + 1, sched_current, base_name(site->file),
               site->op, (void *)(uintptr_t)address);
    step(site);
}

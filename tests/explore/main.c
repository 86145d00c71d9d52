/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* explore: runs schedules of the library's real code until time or number is reached or one goes wrong,
 * which is then run again with every access printed. */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bounded.h"
#include "world.h"

enum { BATCH = 256, JOBS_MOST = 64, HANG_SECONDS = 60, SCENARIOS_MOST = 128 };

static const char *const strategy_name[] = {"sticky", "aimed", "pct", "bounded"};
static const char *const mode_name[] = {"sc", "tso", "relaxed"};

static struct request {
    const char *names;
    int strategy, mode; /* -1: drawn */
    uint64_t seed, schedules, least;
    double seconds;
    unsigned jobs;
    bool replay, trace, sites;
    uint32_t length, first, death_at;
    struct preemption preempt[2];
    const char *weaken;
} request = {.strategy = -1, .mode = -1, .jobs = 1};

static struct shared {
    _Atomic uint64_t schedules[SCENARIOS_MOST], accesses[SCENARIOS_MOST], operations;
    _Atomic uint64_t sweeps[SCENARIOS_MOST], copies[SCENARIOS_MOST], growths[SCENARIOS_MOST];
    _Atomic uint64_t by_strategy[STRATEGIES], by_mode[MEMORY_MODES], stopped, cut, deaths, violations;
} *shared;

static const struct scenario *running;
static struct plan plan;
static double started;

static double
seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool
chosen(const struct scenario *s)
{
    size_t n = strlen(s->name);
    for (const char *at = request.names; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, s->name, n) == 0 && (at[n] == 0 || at[n] == ','))
            return true;
    return request.names == NULL;
}

static void
draw_plan(uint64_t seed, uint32_t length)
{
    struct rng rng = {seed};
    uint32_t strategy = rng_below32(&rng, 10), mode = rng_below32(&rng, 10), death = rng_below32(&rng, 40);
    plan = (struct plan){.seed = seed, .length = length, .first = request.first, .preempt = {request.preempt[0], request.preempt[1]}};
    plan.strategy = request.strategy >= 0 ? (enum strategy)request.strategy : strategy < 4 ? STICKY : strategy < 8 ? AIMED : PCT;
    plan.mode = request.mode >= 0 ? (enum memory_mode)request.mode
                : mode < 4        ? MEMORY_SC
                : mode < 7        ? MEMORY_TSO
                                  : MEMORY_RELAXED;
    if (running->processes) {
        plan.shared = true;
        plan.aim = running->aim;
        plan.apart = (seed >> 32) % 4 == 0;
    }
    if (plan.strategy == BOUNDED) {
        plan.death_at = request.death_at;
    } else if (running->processes) {
        plan.stops = death < 3;
        plan.cut = death == 3;
        plan.deaths = death < 6 ? 0 : death < 24 ? 1 : 2;
    } else if (running->dies) {
        plan.stops = death < 8;
        plan.cut = death >= 8 && death < 13;
    }
}

static void
print_replay(const char *text)
{
    printf("VIOLATION scenario=%s strategy=%s mode=%s seed=%#" PRIx64 " schedule=%" PRIu64 ": %s\n", running->name,
           strategy_name[plan.strategy], mode_name[plan.mode], plan.seed,
           (uint64_t)shared->schedules[running - scenarios], text);
    printf("replay: build/explore/explore --scenario %s --strategy %s --mode %s --length %u --replay %#" PRIx64,
           running->name, strategy_name[plan.strategy], mode_name[plan.mode], plan.length, plan.seed);
    for (unsigned i = 0; i < 2 && plan.preempt[i].at; i++)
        printf(" --preempt %u:%u", plan.preempt[i].at, plan.preempt[i].to);
    if (plan.first)
        printf(" --first %u", plan.first);
    if (plan.death_at)
        printf(" --death %u", plan.death_at);
    printf("%s%s\n", request.weaken ? " --weaken " : "", request.weaken ? request.weaken : "");
    fflush(stdout);
}

static void
on_signal(int number)
{
    print_replay(number == SIGALRM ? "HANG: no schedule ended for a minute" : "CRASH");
    _exit(1);
}

static void
catch_signals(void)
{
    static char stack[64 << 10];
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaltstack(&alternative, NULL);
    static const int numbers[] = {SIGALRM, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
}

/* One schedule, counted. */
static bool
run_one(void)
{
    unsigned i = (unsigned)(running - scenarios), wanted = 0;
    while (wanted < 2 && plan.preempt[wanted].at != 0)
        wanted++;
    if (plan.strategy == BOUNDED)
        alarm(HANG_SECONDS);
    bool right = world_run(&plan);
    if (right && plan.strategy == BOUNDED && sched_preempted() < wanted)
        return true; /* the same as one with fewer: not counted */
    shared->schedules[i]++;
    shared->accesses[i] += sched_now();
    shared->by_strategy[plan.strategy]++;
    shared->by_mode[plan.mode]++;
    shared->stopped += plan.stops;
    shared->cut += plan.cut;
    if (right)
        return true;
    shared->violations++;
    print_replay(sched_violation_text());
    return false;
}

static uint64_t
schedules_so_far(void)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < n_scenarios; i++)
        n += shared->schedules[i];
    return n;
}

static bool
enough(void)
{
    return shared->violations > 0 || (request.schedules && schedules_so_far() >= request.schedules) ||
           (request.seconds > 0 && seconds_now() - started >= request.seconds &&
            schedules_so_far() >= request.least);
}

static bool
run_batch(struct rng *seeds, uint32_t *length)
{
    for (unsigned i = 0; i < BATCH; i++) {
        if (i % 16 == 0 && enough())
            return true;
        draw_plan(rng_next(seeds), *length);
        if (!run_one())
            return false;
        *length = (*length * 7 + (uint32_t)sched_now()) / 8;
    }
    return true;
}

/* Small scenarios, exhaustively. */
static bool
run_bounded(void)
{
    const struct bounded b = {&plan, running->processes != NULL, world_threads(), run_one, enough};
    draw_plan(request.seed, 0);
    return bounded_run(&b);
}

static void
show_progress(void)
{
    static double last;
    double t = seconds_now();
    if (!isatty(STDERR_FILENO) || t - last < 0.5)
        return;
    last = t;
    fprintf(stderr, "\r%.0f s, %" PRIu64 " schedules, at %-16s", t - started, schedules_so_far(), running->name);
}

static void
add_work(unsigned i)
{
    shared->operations += world_work.operations;
    shared->deaths += world_work.deaths;
    shared->sweeps[i] += world_work.sweeps;
    shared->copies[i] += world_work.copies;
    shared->growths[i] += world_work.growths;
}

/* A job: its scenarios in turn, a batch of each at a time. Returns whether nothing went wrong. */
static bool
work(unsigned job)
{
    uint32_t lengths[SCENARIOS_MOST] = {0};
    struct rng seeds = {mix64(request.seed + job)};
    bool right = true, any;
    do {
        any = false;
        for (unsigned i = 0; i < n_scenarios && right && !enough(); i++) {
            running = &scenarios[(i + job * n_scenarios / request.jobs) % n_scenarios];
            bool bounded = request.strategy == BOUNDED;
            if (!chosen(running) || (bounded && (!running->exhaustive || job > 0)))
                continue;
            alarm(HANG_SECONDS);
            if (!world_open(running)) {
                printf("%s cannot be set up\n", running->name);
                return false;
            }
            lengths[running - scenarios] += lengths[running - scenarios] ? 0 : 500;
            right = bounded ? run_bounded() : run_batch(&seeds, &lengths[running - scenarios]);
            add_work((unsigned)(running - scenarios));
            world_close();
            any |= !bounded;
            if (job == 0)
                show_progress();
        }
    } while (any && right && !enough());
    alarm(0);
    return right;
}

static bool
work_in_jobs(void)
{
    bool right = true;
    for (unsigned job = 1; job < request.jobs; job++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            bool fine = work(job);
            fflush(stdout);
            _exit(!fine);
        }
        right &= child > 0;
    }
    right &= work(0);
    for (int status; wait(&status) > 0 || errno == EINTR;)
        right &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return right;
}

static int
replay(void)
{
    for (running = scenarios; running < scenarios + n_scenarios && !chosen(running); running++)
        ;
    if (running == scenarios + n_scenarios || request.names == NULL || !world_open(running)) {
        fprintf(stderr, "explore: --replay needs one scenario\n");
        return 2;
    }
    draw_plan(request.seed, request.length);
    sched_trace = request.trace;
    bool right = run_one();
    printf("%s: %s after %" PRIu64 " accesses\n", running->name, right ? "nothing wrong" : "wrong", sched_now());
    return !right;
}

static void
report(bool right)
{
    uint64_t accesses = 0, n = 0;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%60s\r", "");
    printf("%-14s %10s  each: %8s %6s %6s %8s  %s\n", "scenario", "schedules", "accesses", "sweeps", "copies",
           "growths", "what");
    for (unsigned i = 0; i < n_scenarios; i++) {
        if (shared->schedules[i] == 0)
            continue;
        n++;
        accesses += shared->accesses[i];
        double each = (double)shared->schedules[i];
        printf("%-14s %10" PRIu64 "       %8.0f %6.2f %6.2f %8.2f  %s\n", scenarios[i].name,
               (uint64_t)shared->schedules[i], (double)shared->accesses[i] / each, (double)shared->sweeps[i] / each,
               (double)shared->copies[i] / each, (double)shared->growths[i] / each, scenarios[i].about);
    }
    printf("sticky %" PRIu64 ", aimed %" PRIu64 ", pct %" PRIu64 ", bounded %" PRIu64 "; sc %" PRIu64 ", tso %" PRIu64 ", relaxed %" PRIu64
           "; a thread stopped in %" PRIu64 ", all cut off in %" PRIu64 ", processes that died: %" PRIu64 "; %.0f s, seed %#" PRIx64 "\n",
           (uint64_t)shared->by_strategy[STICKY], (uint64_t)shared->by_strategy[AIMED],
           (uint64_t)shared->by_strategy[PCT],
           (uint64_t)shared->by_strategy[BOUNDED], (uint64_t)shared->by_mode[MEMORY_SC],
           (uint64_t)shared->by_mode[MEMORY_TSO], (uint64_t)shared->by_mode[MEMORY_RELAXED],
           (uint64_t)shared->stopped, (uint64_t)shared->cut, (uint64_t)shared->deaths, seconds_now() - started, request.seed);
    unsigned reached, places = sched_sites(request.sites, &reached);
    printf("%u of %u places in the source were reached by the first job\n", reached, places);
    printf("RESULT explore schedules=%" PRIu64 " accesses=%" PRIu64 " operations=%" PRIu64 " scenarios=%" PRIu64
           " places=%u/%u violations=%d\n", schedules_so_far(), accesses, (uint64_t)shared->operations, n, reached,
           places, !right);
}

static int
index_of(const char *text, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    fprintf(stderr, "explore: what is %s?\n", text);
    exit(2);
}

static void
usage(FILE *to)
{
    fputs("explore [--scenario NAME,...] [--strategy sticky|aimed|pct|bounded] [--mode sc|tso|relaxed]\n"
          "        [--schedules N] [--seconds S [--least N]] [--jobs N] [--seed N]\n"
          "        [--weaken FILE:LINE[:OP[:acq_rel]],...]\n"
          "        [--sites]      at most N schedules; S seconds, and longer until there were the least N\n"
          "explore --scenario NAME --replay SEED [--length N] [--first N] [--preempt AT:TO] [--death AT] [--trace]\n"
          "explore --list\n", to);
}

static void
list(void)
{
    for (unsigned i = 0; i < n_scenarios; i++)
        printf("%-14s %s%s%s\n", scenarios[i].name, scenarios[i].about, scenarios[i].processes ? "; processes die" : scenarios[i].dies ? "; threads die" : "",
               scenarios[i].exhaustive ? "; also bounded" : "");
}

static void
add_preemption(const char *text)
{
    unsigned i = request.preempt[0].at != 0;
    if (sscanf(text, "%u:%u", &request.preempt[i].at, &request.preempt[i].to) != 2) {
        usage(stderr);
        exit(2);
    }
}

static uint64_t
number(const char *text)
{
    char *end;
    errno = 0;
    uint64_t n = strtoull(text, &end, 0);
    if (end == text || *end != 0 || *text == '-' || errno != 0) {
        fprintf(stderr, "explore: %s is not a number\n", text);
        exit(2);
    }
    return n;
}

static void
check_names(void)
{
    for (const char *at = request.names; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t n = strcspn(at, ",");
        bool known = false;
        for (unsigned i = 0; i < n_scenarios; i++)
            known |= strlen(scenarios[i].name) == n && strncmp(at, scenarios[i].name, n) == 0;
        if (!known) {
            fprintf(stderr, "explore: no scenario is called %.*s (--list)\n", (int)n, at);
            exit(2);
        }
    }
}

static void
parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"scenario", 1, 0, 'c'}, {"strategy", 1, 0, 'y'}, {"mode", 1, 0, 'm'},   {"schedules", 1, 0, 'n'},
        {"least", 1, 0, 'e'},    {"seconds", 1, 0, 's'},  {"jobs", 1, 0, 'j'},     {"seed", 1, 0, 'd'},   {"replay", 1, 0, 'r'},
        {"length", 1, 0, 'l'},   {"first", 1, 0, 'f'},   {"preempt", 1, 0, 'p'}, {"death", 1, 0, 'D'},  {"weaken", 1, 0, 'w'}, {"trace", 0, 0, 't'},
        {"list", 0, 0, 'L'},     {"sites", 0, 0, 'S'},    {"help", 0, 0, 'h'},   {0, 0, 0, 0}};
    request.seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'c': request.names = optarg; break;
        case 'y': request.strategy = index_of(optarg, strategy_name, STRATEGIES); break;
        case 'm': request.mode = index_of(optarg, mode_name, MEMORY_MODES); break;
        case 'n': request.schedules = number(optarg); break;
        case 'e': request.least = number(optarg); break;
        case 's': request.seconds = (double)number(optarg); break;
        case 'j': request.jobs = (unsigned)number(optarg); break;
        case 'd': request.seed = number(optarg); break;
        case 'r': request.seed = number(optarg), request.replay = true; break;
        case 'l': request.length = (uint32_t)number(optarg); break;
        case 'f': request.first = (uint32_t)number(optarg); break;
        case 'p': add_preemption(optarg); break;
        case 'D': request.death_at = (uint32_t)number(optarg); break;
        case 'w': request.weaken = optarg; break;
        case 't': request.trace = true; break;
        case 'S': request.sites = true; break;
        case 'L': list(); exit(0);
        case 'h': usage(stdout); exit(0);
        default: usage(stderr); exit(2);
        }
    }
    if (optind < argc || request.jobs < 1 || request.jobs > JOBS_MOST ||
        (request.weaken && !sched_weaken(request.weaken))) {
        usage(stderr);
        exit(2);
    }
    check_names();
    if (request.seconds <= 0 && request.schedules == 0)
        request.seconds = 10;
}

int
main(int argc, char **argv)
{
    parse(argc, argv);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 2;
    started = seconds_now();
    catch_signals();
    if (request.replay)
        return replay();
    bool right = work_in_jobs();
    if (schedules_so_far() == 0) {
        fprintf(stderr, "explore: no schedule was run\n");
        return 2;
    }
    report(right);
    if (request.weaken && !sched_weakened_was_reached()) {
        printf("nothing at %s was reached\n", request.weaken);
        return 2;
    }
    return !right;
}

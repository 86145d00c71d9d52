/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "stress.h"

#include "os.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define MAX_LABELS 64
#define PRINTED_FAILURES 12
#define LONGER_MOST 8 /* times; the alarm comes after ten */

struct label {
    const char *name;
    uint64_t n;
    bool needed;
};

static struct {
    const char *name, *program;
    uint64_t seed, started_ns;
    double seconds;
    unsigned threads; /* 0: the program's own choice */
    char hang_text[256];
    size_t hang_size;
    struct label labels[MAX_LABELS];
    unsigned n_labels;
} run;

static struct stress_counts own_counts, *counts = &own_counts;

_Thread_local struct stress_tally stress_tally;

/* ---- the run ----------------------------------------------------------------------------------
 */

static void
print_replay(FILE *to)
{
    fprintf(to, "SEED=%" PRIu64 " T=%g", run.seed, run.seconds);
    if (run.threads)
        fprintf(to, " THREADS=%u", run.threads);
    fprintf(to, " %s\n", run.program);
}

/* A call of the library that never returns would hang the run: no call may wait for another thread.
 */
static void
on_alarm(int signal)
{
    (void)signal;
    ssize_t written = write(STDERR_FILENO, run.hang_text, run.hang_size);
    (void)written;
    abort();
}

static uint64_t
random_seed(void)
{
    uint32_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = (uint32_t)stress_now_ns();
    return seed;
}

uint64_t
stress_setting(const char *name, uint64_t default_value)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : default_value;
}

static void install_points(void);

void
stress_start(char **argv, const char *name, double default_seconds)
{
    run.name = name;
    run.program = argv[0];
    run.seed = stress_setting("SEED", 0);
    if (run.seed == 0)
        run.seed = random_seed();
    const char *seconds = getenv("T");
    run.seconds = seconds && *seconds ? strtod(seconds, NULL)
                                      : default_seconds * (double)stress_setting("SCALE", 1);
    run.threads = (unsigned)stress_setting("THREADS", 0);
    run.started_ns = stress_now_ns();
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%s: ", run.name);
    print_replay(stdout);
    int length = snprintf(run.hang_text, sizeof run.hang_text,
                          "%s: HANG: a call does not return; SEED=%" PRIu64 " T=%g %s\n", run.name,
                          run.seed, run.seconds, run.program);
    run.hang_size = length < (int)sizeof run.hang_text ? (size_t)length : sizeof run.hang_text - 1;
    signal(SIGALRM, on_alarm);
    alarm((unsigned)(run.seconds * 10) + 300);
    install_points();
}

void
stress_continue(const char *name)
{
    run.name = name;
    install_points();
}

struct rng
stress_rng(uint64_t salt)
{
    return (struct rng){mix64(run.seed ^ mix64(salt + 0x9e3779b97f4a7c15u))};
}

double
stress_seconds(void)
{
    return run.seconds;
}

unsigned
stress_threads(unsigned default_threads)
{
    return run.threads ? run.threads : default_threads;
}

uint64_t
stress_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void
stress_sleep_us(unsigned us)
{
    struct timespec left = {us / 1000000, (long)(us % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

uint64_t
stress_rss_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long total = 0, resident = 0;
    if (file) {
        if (fscanf(file, "%lu %lu", &total, &resident) != 2)
            resident = 0;
        fclose(file);
    }
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- the verdict ------------------------------------------------------------------------------
 */

void
stress_fail(const char *format, ...)
{
    if (atomic_fetch_add(&counts->failures, 1) >= PRINTED_FAILURES)
        return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: BROKEN: %s\n", run.name, text);
}

bool
stress_failed(void)
{
    return stress_failures() != 0;
}

uint64_t
stress_failures(void)
{
    return atomic_load(&counts->failures);
}

void
stress_count_in(struct stress_counts *shared)
{
    counts = shared;
}

void
stress_count_in_children(void)
{
    void *memory = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    stress_count_in(memory);
}

static void
add_number(const char *name, uint64_t n, bool needed)
{
    unsigned i = 0;
    while (i < run.n_labels && strcmp(run.labels[i].name, name) != 0)
        i++;
    if (i == MAX_LABELS) {
        stress_fail("too many numbers to report: %s", name);
        return;
    }
    if (i == run.n_labels) {
        run.labels[i].name = name;
        run.n_labels++;
    }
    run.labels[i].n += n;
    run.labels[i].needed |= needed;
}

void
stress_report(const char *label, uint64_t n)
{
    add_number(label, n, false);
}

void
stress_need(const char *label, uint64_t n)
{
    add_number(label, n, true);
}

bool
stress_lacks(void)
{
    for (unsigned i = 0; i < run.n_labels; i++)
        if (run.labels[i].needed && run.labels[i].n == 0)
            return true;
    return false;
}

bool
stress_goes_on(uint64_t until_ns, bool lacks)
{
    uint64_t longest = (uint64_t)(run.seconds * LONGER_MOST * 1e9);
    uint64_t now = stress_now_ns();
    return !stress_failed() && (now < until_ns || (lacks && now < run.started_ns + longest));
}

void
stress_add_tally(void)
{
    atomic_fetch_add(&counts->operations, stress_tally.operations);
    atomic_fetch_add(&counts->checked, stress_tally.checked);
    stress_tally = (struct stress_tally){0};
}

static void
print_result(void)
{
    printf("RESULT stress-%s operations=%" PRIu64 " checked=%" PRIu64 " violations=%" PRIu64 "\n",
           run.name, atomic_load(&counts->operations), atomic_load(&counts->checked),
           atomic_load(&counts->failures));
}

int
stress_finish(void)
{
    alarm(0);
    stress_add_tally();
    if (atomic_load(&counts->checked) == 0 && !stress_failed())
        stress_fail("nothing was checked");
    for (unsigned i = 0; i < run.n_labels && !stress_failed(); i++)
        if (run.labels[i].needed && run.labels[i].n == 0)
            stress_fail("no %s: the run did not do its work", run.labels[i].name);
    printf("%s:", run.name);
    for (unsigned i = 0; i < run.n_labels; i++)
        printf("%s %s %" PRIu64, i ? "," : "", run.labels[i].name, run.labels[i].n);
    double seconds = (double)(stress_now_ns() - run.started_ns) / 1e9;
    uint64_t failures = atomic_load(&counts->failures);
    if (failures == 0) {
        printf("\n%s: OK, seed %" PRIu64 ", %.1f s\n", run.name, run.seed, seconds);
        print_result();
        return EXIT_SUCCESS;
    }
    printf("\n%s: FAILED, %" PRIu64 " broken promises, %.1f s; replay: ", run.name, failures,
           seconds);
    print_replay(stdout);
    print_result();
    return EXIT_FAILURE;
}

/* ---- threads ----------------------------------------------------------------------------------
 */

struct stress_thread {
    pthread_t id;
    void (*body)(void *);
    void *arg;
};

static void *
thread_main(void *arg)
{
    struct stress_thread *thread = arg;
    thread->body(thread->arg);
    stress_add_tally();
    return NULL;
}

struct stress_thread *
stress_spawn(void (*body)(void *), void *arg)
{
    struct stress_thread *thread = malloc(sizeof *thread);
    if (!thread)
        abort();
    *thread = (struct stress_thread){.body = body, .arg = arg};
    int error = pthread_create(&thread->id, NULL, thread_main, thread);
    if (error) {
        fprintf(stderr, "%s: no thread: %s\n", run.name, strerror(error));
        exit(EXIT_FAILURE);
    }
    return thread;
}

void
stress_join(struct stress_thread *thread)
{
    pthread_join(thread->id, NULL);
    free(thread);
}

void
stress_run(unsigned n, void (*body)(void *), void *args, size_t stride)
{
    struct stress_thread **threads = calloc(n, sizeof(struct stress_thread *));
    if (!threads)
        abort();
    for (unsigned i = 0; i < n; i++)
        threads[i] = stress_spawn(body, (char *)args + i * stride);
    for (unsigned i = 0; i < n; i++)
        stress_join(threads[i]);
    free(threads);
}

/* ---- delays at points -------------------------------------------------------------------------
 */

#ifdef GY_POINTS

extern void (*gy_point_hook)(const char *file, int line, const volatile void *address);

static _Atomic uint32_t point_one_in;
static _Atomic uint64_t point_threads;
static _Thread_local struct rng point_rng;
static _Thread_local bool point_sleepy;
#define SLEEPY_ONE_IN 16
#define SLEEPY_US 15000
#define MOVE_US 5000

/* Most delays are short, since two CPUs switch threads seldom by themselves; a few are long enough
 * for the others to fill the cache once over. */
static void
delay(const char *file, int line, const volatile void *address)
{
    (void)line, (void)address;
    uint32_t one_in = atomic_load_explicit(&point_one_in, memory_order_relaxed);
    if (one_in == 0)
        return;
    if (point_rng.state == 0)
        point_rng = stress_rng(0x706f696e74 + atomic_fetch_add(&point_threads, 1));
    uint64_t draw = rng_next(&point_rng);
    if (draw >> 54 == 0 && strcmp(file, "src/grow.c") == 0) /* a word is on its way for long */
        stress_sleep_us((unsigned)(draw >> 32) % MOVE_US);
    if ((uint32_t)draw % (point_sleepy ? SLEEPY_ONE_IN : one_in) != 0)
        return;
    int saved = errno;
    unsigned kind = (unsigned)(draw >> 32) % 256;
    if (point_sleepy)
        stress_sleep_us((unsigned)(draw >> 40) % SLEEPY_US);
    else if (kind < 128)
        sched_yield();
    else if (kind < 240)
        for (volatile unsigned i = 0; i < (kind - 127) * 8; i++) {
        }
    else if (kind < 254)
        stress_sleep_us(kind % 64);
    else
        stress_sleep_us(draw >> 60 ? 2000 : 20000);
    errno = saved;
}

static void
install_points(void)
{
    gy_point_hook = delay;
}

void
stress_points(uint32_t one_in)
{
    atomic_store_explicit(&point_one_in, one_in, memory_order_relaxed);
}

void
stress_sleepy(void)
{
    point_sleepy = true;
}

#else

static void
install_points(void)
{
}

void
stress_points(uint32_t one_in)
{
    (void)one_in;
}

void
stress_sleepy(void)
{
}

#endif

/* ---- clock and ledger -------------------------------------------------------------------------
 */

static uint64_t
world_clock(void *arg)
{
    struct stress_world *world = arg;
    return atomic_load_explicit(&world->clock_ms, memory_order_acquire);
}

static void *
world_allocate(void *arg, size_t bytes)
{
    struct stress_world *world = arg;
    void *memory = malloc(bytes);
    if (memory) {
        atomic_fetch_add(&world->allocated_bytes, (int64_t)bytes);
        atomic_fetch_add(&world->allocations, 1);
    }
    return memory;
}

static void
world_deallocate(void *arg, void *memory, size_t bytes)
{
    struct stress_world *world = arg;
    if (!memory)
        return;
    atomic_fetch_sub(&world->allocated_bytes, (int64_t)bytes);
    atomic_fetch_sub(&world->allocations, 1);
    free(memory);
}

void
stress_world_install(struct stress_world *world, gyre_options *options)
{
    options->clock_ms = world_clock;
    options->clock_arg = world;
    options->allocate = world_allocate;
    options->deallocate = world_deallocate;
    options->allocate_arg = world;
}

uint32_t
stress_draw_mode(struct rng *rng)
{
    uint32_t mode = rng_one_in(rng, 2) ? GYRE_NO_THREAD : 0;
#ifdef GY_POINTS
    gy_point_no_membarrier = rng_one_in(rng, 4); /* as on a kernel without it: readers fence */
#endif
    return rng_one_in(rng, 2) ? mode | GYRE_LIBURCU : mode;
}

void
stress_world_check_empty(struct stress_world *world)
{
    int64_t bytes = atomic_load(&world->allocated_bytes), n = atomic_load(&world->allocations);
    if (bytes != 0 || n != 0)
        stress_fail("after close %" PRId64 " allocations of %" PRId64 " bytes are left", n, bytes);
}

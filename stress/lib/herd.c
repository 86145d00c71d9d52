/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "herd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define HERD_AT ((void *)0x200000000000)
#define HERD_BYTES ((size_t)1 << 30)
#define HERD_NAME "GYRE_STRESS_WORKER"
#define WATCH_US 500
enum { STINT_MS = 300, STOPPED_MS = 60, STOP_ONE_IN = 60 };

/* The start of the memory. */
static struct herd {
    struct stress_counts counts;
    size_t used;
    struct round round; /* for those that are executed */
    struct worker *workers;
    int memory, cache; /* files */
    _Atomic uint64_t executed;
} *herd;

static void (*stint)(struct worker *worker);

static void
map(int file)
{
    herd = mmap(HERD_AT, HERD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0);
    if (herd != HERD_AT) {
        perror("no memory at one address for all");
        exit(EXIT_FAILURE);
    }
    stress_count_in(&herd->counts);
}

void
herd_memory(void)
{
    enum { KEPT = 8192 };
    if (herd == NULL) {
        int file = memfd_create("herd", 0);
        if (file < 0 || ftruncate(file, (off_t)HERD_BYTES) != 0)
            exit(EXIT_FAILURE);
        map(file);
        herd->memory = file;
    }
    fallocate(herd->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, KEPT, (off_t)(HERD_BYTES - KEPT));
    _Static_assert(sizeof(struct herd) <= KEPT, "");
    herd->used = KEPT;
}

void *
herd_allocate(size_t bytes)
{
    void *memory = (char *)herd + herd->used;
    herd->used += (bytes + 63) & ~(size_t)63;
    if (herd->used > HERD_BYTES)
        abort();
    return memory;
}

void
herd_start(void (*body)(struct worker *worker))
{
    stint = body;
}

/* A thread that starts allocates, and AddressSanitizer's allocator may stay locked in who is forked meanwhile for
 * ever. This cache's has started once it maintains; it allocates nothing then. */
static void
await_thread(gyre *cache)
{
    while (stats_of(cache).maintainer_pid != (uint32_t)getpid())
        stress_sleep_us(WATCH_US);
}

int
herd_open(struct round *round)
{
    herd->cache = memfd_create("cache", MFD_ALLOW_SEALING);
    round->options.flags |= GYRE_SHM_FD | GYRE_CREATE;
    round->options.shm_fd = herd->cache;
    int rc = gyre_open(&round->cache, &round->options);
    if (rc == GYRE_OK && !(round->options.flags & GYRE_NO_THREAD))
        await_thread(round->cache);
    return rc;
}

void
herd_close(struct round *round)
{
    gyre_close(round->cache);
    close(herd->cache);
}

/* ---- in a worker ------------------------------------------------------------------------------
 */

static void
open_own(struct round *round, const struct worker *worker)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.flags = GYRE_SHM_FD | (worker->threaded ? 0 : GYRE_NO_THREAD);
    options.shm_fd = herd->cache;
    int rc = gyre_open(&round->cache, &options);
    if (rc != GYRE_OK) {
        stress_fail("a worker opens the cache: %s", gyre_strerror(rc));
        _exit(EXIT_FAILURE);
    }
}

static _Noreturn void
do_stint(struct worker *worker)
{
    stint(worker);
    if (worker->closes)
        gyre_close(worker->round->cache);
    stress_add_tally();
    _exit(EXIT_SUCCESS);
}

bool
herd_executed(void (*body)(struct worker *worker))
{
    static struct round round;
    const char *text = getenv(HERD_NAME);
    unsigned index;
    int file;
    if (text == NULL || sscanf(text, "%u:%d", &index, &file) != 2)
        return false;
    map(file);
    stress_continue("oracle");
    stint = body;
    struct worker *worker = &herd->workers[index];
    round = herd->round;
    worker->round = &round;
    open_own(&round, worker);
    atomic_fetch_add(&herd->executed, 1);
    do_stint(worker);
}

static _Noreturn void
execute(const struct worker *worker)
{
    char text[32];
    snprintf(text, sizeof text, "%u:%d", worker->index, herd->memory);
    setenv(HERD_NAME, text, 1);
    execl("/proc/self/exe", "oracle", (char *)NULL);
    _exit(EXIT_FAILURE);
}

/* ---- in the parent ----------------------------------------------------------------------------
 */

enum manner { INHERITS, OPENS, EXECUTES, MANNERS };

static pid_t
start(struct round *round, struct worker *worker, struct rng *rng)
{
    enum manner manner = (enum manner)rng_below(rng, MANNERS);
    worker->round = round;
    worker->until_ns = stress_now_ns() + rng_between(rng, 5, STINT_MS) * 1000000;
    /* Who has a thread closes: else that would die in the middle of a sweep, and its counts be off. */
    worker->threaded = manner != INHERITS && rng_one_in(rng, 2);
    worker->closes = worker->threaded || rng_one_in(rng, 2);
    worker->leaves_views = !worker->closes && rng_one_in(rng, 2);
    pid_t pid = fork();
    if (pid < 0) {
        stress_fail("cannot fork");
        return -1;
    }
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* none outlives the program */
    stress_tally = (struct stress_tally){0};
    if (manner == EXECUTES)
        execute(worker);
    if (manner == OPENS)
        open_own(round, worker);
    do_stint(worker);
}

/* True when it has ended. */
static bool
ended(pid_t pid, int how)
{
    int status;
    pid_t got = waitpid(pid, &status, how);
    if (got == pid && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        stress_fail("a worker has ended with status %#x", (unsigned)status);
    return got == pid || (got < 0 && errno == ECHILD);
}

void
herd_play(struct round *round, struct worker workers[], struct rng *rng, uint64_t until_ns,
          void (*watch)(struct round *))
{
    pid_t pid[WORKERS_MAX], stopped = 0;
    uint64_t stints = 0, stops = 0, go_on_ns = 0, now;
    herd->round = *round, herd->workers = workers;
    for (unsigned i = 0; i < round->n_workers; i++)
        pid[i] = start(round, &workers[i], rng);
    while ((now = stress_now_ns()) < until_ns && !stress_failed()) {
        watch(round);
        if (stopped != 0 && now >= go_on_ns)
            kill(stopped, SIGCONT), stopped = 0;
        for (unsigned i = 0; i < round->n_workers; i++)
            if (pid[i] > 0 && ended(pid[i], WNOHANG))
                pid[i] = start(round, &workers[i], rng), stints++;
        if (stopped == 0 && rng_one_in(rng, STOP_ONE_IN)) {
            stopped = pid[rng_below(rng, round->n_workers)];
            kill(stopped, SIGSTOP), stops++;
            go_on_ns = now + rng_below(rng, STOPPED_MS) * 1000000;
        }
        stress_sleep_us(WATCH_US);
    }
    atomic_store(&round->common->stop, true);
    if (stopped != 0)
        kill(stopped, SIGCONT);
    for (unsigned i = 0; i < round->n_workers; i++) {
        while (pid[i] > 0 && !ended(pid[i], 0))
            ;
        workers[i].round = round;
    }
    stress_need("processes", stints + round->n_workers);
    stress_need("stopped", stops);
    stress_need("executed", atomic_exchange(&herd->executed, 0));
}

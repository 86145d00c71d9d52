/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A first look at speed: gyre beside peers in one run, as a Markdown table on stdout.
 *
 * The caches are open at the same time and take turns in rotating order, so that an hour in which
 * the machine is slow is slow for all. Every value read is compared byte for byte. Hits and
 * eviction are measured in a process each: what one leaves in the allocator is not charged to the
 * other. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "look.h"
#include "workload.h"

#define MAX_ROWS 8
#define MAX_ROUNDS 15
#define MAX_THREADS 2
#define COLUMNS 4

#define HIT_KEYS 1000000u
#define EVICT_KEYS 10000000u
#define EVICT_ROOM 1000000u

/* Accesses a thread and run; before the first evicting run; and how often each run is made. */
static size_t n_hits = 1000000, n_evict = 500000, n_warm = 6000000;
static unsigned n_rounds = 7;
/* Rates by processor time, that of a cache's own threads included, as if all threads of the run had
 * shared it evenly: for a machine that is used by others, too. It flatters a cache whose users
 * sleep while they wait for each other. */
static int by_cpu;

struct row {
    const struct look_peer *peer;
    const char *name;
    void *cache;
    look_loop *loop;
    double bytes_an_entry;
    double rates[COLUMNS][MAX_ROUNDS]; /* million accesses a second */
    double hits[COLUMNS];
};

struct job {
    pthread_t thread;
    pthread_barrier_t *start;
    const struct row *row;
    const uint32_t *ids;
    size_t n;
    uint64_t from_ns, to_ns;
    struct look_count count;
};

static void
require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "first_look: failed: %s\n", what);
        exit(1);
    }
}

static uint64_t
cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *
work(void *arg)
{
    struct job *job = arg;

    pthread_barrier_wait(job->start);
    job->from_ns = workload_now_ns();
    job->count = job->row->loop(job->row->cache, job->ids, job->n);
    job->to_ns = workload_now_ns();
    return NULL;
}

/* Runs n accesses in each thread; adds the hits to the row's column and returns the rate. */
static double
run(struct row *row, unsigned column, unsigned threads, uint32_t *const *ids, size_t from, size_t n)
{
    struct job jobs[MAX_THREADS];
    pthread_barrier_t start;
    uint64_t from_ns = UINT64_MAX, to_ns = 0;
    uint64_t cpu_from_ns = cpu_ns();

    pthread_barrier_init(&start, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        jobs[i] = (struct job){.start = &start, .row = row, .ids = ids[i] + from, .n = n};
        require(pthread_create(&jobs[i].thread, NULL, work, &jobs[i]) == 0, "a thread");
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(jobs[i].thread, NULL);
        require(jobs[i].count.right == jobs[i].count.hits, "a value is wrong");
        from_ns = jobs[i].from_ns < from_ns ? jobs[i].from_ns : from_ns;
        to_ns = jobs[i].to_ns > to_ns ? jobs[i].to_ns : to_ns;
        row->hits[column] += (double)jobs[i].count.hits / (double)(n * threads);
    }
    pthread_barrier_destroy(&start);
    double ns = by_cpu ? (double)(cpu_ns() - cpu_from_ns) / threads : (double)(to_ns - from_ns);
    return (double)(n * threads) * 1e3 / ns;
}

static double
resident_bytes(void)
{
    unsigned long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    require(file != NULL && fscanf(file, "%lu %lu", &size, &resident) == 2, "/proc/self/statm");
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double *sorted, unsigned n)
{
    qsort(sorted, n, sizeof *sorted, compare);
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

/* Cells: median (least to most), and what part of the first row's median that is. */
static void
print_table(struct row *rows, unsigned n_rows, const char *const *titles, unsigned columns,
            int with_hits)
{
    double first[COLUMNS];

    printf("| |");
    for (unsigned c = 0; c < columns; c++)
        printf(" %s |%s", titles[c], with_hits ? " hit ratio |" : "");
    printf(" resident bytes an entry |%s\n|---|", with_hits ? " entries |" : "");
    for (unsigned c = 0; c < columns; c++)
        printf("---:|%s", with_hits ? "---:|" : "");
    printf("---:|%s\n", with_hits ? "---:|" : "");
    for (unsigned r = 0; r < n_rows; r++) {
        struct row *row = &rows[r];

        printf("| %s |", row->name);
        for (unsigned c = 0; c < columns; c++) {
            double m = median(row->rates[c], n_rounds);

            if (r == 0)
                first[c] = m;
            printf(" **%.2f** (%.2f–%.2f) ×%.2f |", m, row->rates[c][0],
                   row->rates[c][n_rounds - 1], m / first[c]);
            if (with_hits)
                printf(" %.4f |", row->hits[c] / n_rounds);
        }
        printf(" %.0f |", row->bytes_an_entry);
        if (with_hits)
            printf(" %llu |", (unsigned long long)row->peer->n_entries(row->cache));
        printf("\n");
    }
    printf("\n");
}

static void
hits(void)
{
    static const char *const titles[] = {"uniform, 1 thread", "uniform, 2 threads",
                                         "zipf 0.99, 1 thread", "zipf 0.99, 2 threads"};
    static const struct look_peer *const peers[] = {&look_gyre, &look_hcc, &look_lru};
    static struct row rows[MAX_ROWS];
    uint32_t *ids[2][MAX_THREADS];
    unsigned n_rows = 0;
    size_t n_touch = n_hits / 10;

    for (unsigned i = 0; i < 2 * MAX_THREADS; i++) {
        ids[i / 2][i % 2] =
            workload_sequence(HIT_KEYS, i / 2 ? WORKLOAD_ZIPF : 0, n_touch + n_hits, i);
        require(ids[i / 2][i % 2] != NULL, "memory");
    }
    for (unsigned p = 0; p < sizeof peers / sizeof peers[0]; p++) {
        double before = resident_bytes();
        struct row row = {.peer = peers[p], .name = peers[p]->name, .loop = peers[p]->get};

        row.cache = peers[p]->open(HIT_KEYS * 5 / 4); /* room enough, shards need not be even */
        require(row.cache != NULL, row.name);
        for (uint32_t id = 0; id < HIT_KEYS; id++)
            peers[p]->put(row.cache, id);
        row.bytes_an_entry = (resident_bytes() - before) / HIT_KEYS;
        rows[n_rows++] = row;
        if (peers[p]->get_many != NULL) {
            row.name = "gyre, get_many of 16";
            row.loop = peers[p]->get_many;
            rows[n_rows++] = row;
        }
    }
    for (unsigned c = 0; c < COLUMNS; c++) {
        for (unsigned round = 0; round < n_rounds; round++) {
            for (unsigned i = 0; i < n_rows; i++) {
                struct row *row = &rows[(i + round) % n_rows];
                unsigned threads = c % 2 + 1;

                run(row, c, threads, ids[c / 2], 0, n_touch); /* its lines back into the caches */
                row->hits[c] = 0;
                row->rates[c][round] = run(row, c, threads, ids[c / 2], n_touch, n_hits);
                if (row->hits[c] < 1)
                    fprintf(stderr, "%s: not all resident: %.6f\n", row->name, row->hits[c]);
            }
        }
    }
    printf(
        "Hits: %u entries, 16-byte keys, 64-byte values, all resident. Million gets a second.\n\n",
        HIT_KEYS);
    print_table(rows, n_rows, titles, COLUMNS, 0);
    exit(0);
}

static void
evicting(void)
{
    static const char *const titles[] = {"1 thread", "2 threads"};
    static const struct look_peer *const peers[] = {&look_gyre, &look_gyre_larger, &look_hcc,
                                                    &look_lru};
    static struct row rows[MAX_ROWS];
    const unsigned n_rows = sizeof peers / sizeof peers[0];
    uint32_t *ids[MAX_THREADS];

    for (unsigned i = 0; i < MAX_THREADS; i++) {
        ids[i] =
            workload_sequence(EVICT_KEYS, WORKLOAD_ZIPF, n_warm + 2 * n_rounds * n_evict, i + 99);
        require(ids[i] != NULL, "memory");
    }
    for (unsigned p = 0; p < n_rows; p++) {
        double before = resident_bytes();
        struct row *row = &rows[p];

        row->peer = peers[p];
        row->name = peers[p]->name;
        row->loop = peers[p]->get_then_put;
        row->cache = peers[p]->open(EVICT_ROOM);
        require(row->cache != NULL, row->name);
        run(row, 0, 1, ids, 0, n_warm);
        row->hits[0] = 0;
        row->bytes_an_entry =
            (resident_bytes() - before) / (double)row->peer->n_entries(row->cache);
    }
    for (unsigned c = 0; c < 2; c++) {
        for (unsigned round = 0; round < n_rounds; round++) {
            for (unsigned i = 0; i < n_rows; i++) {
                struct row *row = &rows[(i + round) % n_rows];

                row->rates[c][round] =
                    run(row, c, c + 1, ids, n_warm + (c * n_rounds + round) * n_evict, n_evict);
            }
        }
    }
    printf("Evicting: %u keys, zipf 0.99, room for %u entries (gyre: 112 bytes of capacity for "
           "each; the "
           "second row: 150). A get, and on a miss a put. Million gets a second.\n\n",
           EVICT_KEYS, EVICT_ROOM);
    print_table(rows, n_rows, titles, 2, 1);
    exit(0);
}

static void
print_machine(int argc, char **argv)
{
    char line[256], text[64], *model = NULL;
    struct utsname system;
    double load[1] = {-1};
    FILE *file = fopen("/proc/cpuinfo", "r");

    while (file != NULL && model == NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "model name", 10) == 0 && (model = strchr(line, ':')) != NULL)
            model[strcspn(model, "\n")] = 0;
    }
    if (file != NULL)
        fclose(file);
    uname(&system);
    printf("Machine: %s, %ld cores; %s %s; compiler %s.\n",
           model != NULL ? model + 2 : system.machine, sysconf(_SC_NPROCESSORS_ONLN),
           system.sysname, system.release, __VERSION__);
    look_gyre.version(text, sizeof text);
    printf("Versions: gyre %s", text);
    look_hcc.version(text, sizeof text);
    printf(", %s. Command: `", text);
    for (int i = 0; i < argc; i++)
        printf("%s%s", i > 0 ? " " : "", argv[i]);
    getloadavg(load, 1);
    printf("`. Load average before: %.1f.\nEach cell: the median of %u runs (least–most), × the "
           "first row's; "
           "rates by %s time.\n\n",
           load[0], n_rounds, by_cpu ? "processor" : "wall");
}

static void
in_a_process(void (*part)(void))
{
    int status = 1;

    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        part();
    require(child > 0 && waitpid(child, &status, 0) == child && status == 0, "a part of the run");
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "quick") == 0) {
            n_hits = n_evict = 200000;
            n_warm = 2000000;
            n_rounds = 5;
        } else if (strcmp(argv[i], "cpu") == 0) {
            by_cpu = 1;
        } else {
            fprintf(stderr, "usage: first_look [quick] [cpu]\n");
            return 2;
        }
    }
    print_machine(argc, argv);
    in_a_process(hits);
    in_a_process(evicting);
    return 0;
}

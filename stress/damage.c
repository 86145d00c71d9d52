/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file is damaged, and opened. Bits are turned over, sectors lost, the end cut off, in files that were closed, whose users
 * were killed, or whose machine stopped. Whoever opens one may find less than was there, or be refused; but never a value that is
 * not the newest of its key; and he does not crash, nor wait for ever; and a file that is refused stays as it is.
 *
 * Each of some workers damages files of its own, one after the other, in memory. Who crashes or hangs is replaced.
 *
 * SEED=n. EVERY=1: every bit of the head and the tables, and every length, not some of them. IMAGES=n of each kind of damage, to
 * each file in each state, where not every one is done. SUBJECT=n STATE=n KIND=n: of these alone; with ITEM=n and ONLY=1 that
 * one, in this process. TELL=n: so many failures are printed. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "damaging/visit.h"
#include "stress.h"

enum { WORKERS_MOST = 16, TOLD_MOST = 40000, JOBS = SUBJECTS * STATES * KINDS };
static const uint64_t HANG_NS = (uint64_t)5 * 1000000000 * (STRESS_POINTS ? 8 : 1);

/* A kind of damage, to one file in one state. */
struct job {
    uint16_t subject, state, kind;
};

struct row {
    uint64_t images, harms, outcome[OUTCOMES], kept, lost, stuck, wrong, crashed, hung;
};

struct told {
    struct job job;
    uint64_t item;
    char what[100], wrong[200], doing[40];
};

/* In memory that outlives the workers. */
struct worker {
    uint64_t job, number, item; /* number: how far it has come with the job */
    _Atomic uint64_t visits;    /* for who looks on */
    unsigned made;              /* a subject + 1 */
    uint64_t calls, checked, refused_calls;
    const char *_Atomic doing;
    char what[100], path[PATH_MOST], other[PATH_MOST];
    uint64_t kept[STATES];
    struct row row[JOBS];
    struct image image[STATES];
};
static struct world {
    _Atomic uint64_t n_told;
    struct told told[TOLD_MOST];
} *world;
static struct worker *worker[WORKERS_MOST];
static unsigned n_workers;
static char folder[] = "/dev/shm/gyre-damage-XXXXXX";
static uint64_t images_each;
static bool every;

static struct job
job_at(uint64_t n)
{
    return (struct job){(uint16_t)(n / (STATES * KINDS)), (uint16_t)(n / KINDS % STATES), (uint16_t)(n % KINDS)};
}

static unsigned
number_of(struct job job)
{
    return ((unsigned)job.subject * STATES + job.state) * KINDS + job.kind;
}

static void
tell(struct worker *w, struct job job, const char *wrong)
{
    uint64_t n = atomic_fetch_add(&world->n_told, 1);
    if (n >= TOLD_MOST)
        return;
    struct told *t = &world->told[n];
    t->job = job, t->item = w->item;
    snprintf(t->what, sizeof t->what, "%s", w->what);
    snprintf(t->wrong, sizeof t->wrong, "%s", wrong);
    snprintf(t->doing, sizeof t->doing, "%s", w->doing);
}

/* ---- a worker -------------------------------------------------------------------------------------------------- */

static uint64_t
images_of(const struct patient *p, struct job job)
{
    uint64_t all = harm_kinds_of(p, (enum kind)job.kind);
    if (job.kind == NOTHING)
        return 3 * n_workers;
    if (every && (job.kind == BIT || job.kind == EMPTY_BIT))
        return all;
    return images_each * (job.kind == BIT ? 4 : 1);
}

static void
one(struct worker *w, struct patient *p, struct job job, uint64_t item)
{
    const struct subject *s = &subjects[job.subject];
    struct row *row = &w->row[number_of(job)];
    struct visit v = {.subject = s, .patient = p, .knows = p->image->knows, .doing = &w->doing,
                      .rng = stress_rng(item * JOBS + job.kind)};
    v.harmed = job.kind != NOTHING;
    v.whole = rng_one_in(&v.rng, 8);
    w->item = item;
    patient_heal(p);
    uint64_t harms = harm(p, (enum kind)job.kind, item, &v.rng, w->what, sizeof w->what);
    visit(&v);
    row->images++, row->harms += harms, row->outcome[v.outcome]++;
    w->calls += v.calls, w->checked += v.checked, w->refused_calls += v.refused_calls;
    if (job.kind == NOTHING)
        w->kept[job.state] = v.kept;
    row->kept += v.kept;
    row->lost += v.outcome != REFUSED && w->kept[job.state] > v.kept ? w->kept[job.state] - v.kept : 0;
    row->stuck += v.refused_calls > 0;
    if (v.wrong[0] != 0) {
        row->wrong++;
        tell(w, job, v.wrong);
    }
}

static const char *
path_of(const struct worker *w, struct job job)
{
    return job.state == MOVED || job.state == STOPPED ? w->other : w->path;
}

/* From the item on at which the last one ended. */
static void
do_job(struct worker *w, unsigned number, struct job job)
{
    struct patient p;
    patient_take(&p, &w->image[job.state], path_of(w, job));
    uint64_t n = images_of(&p, job), all = harm_kinds_of(&p, (enum kind)job.kind);
    for (; w->number < n; w->number++) {
        if (w->number % n_workers != number)
            continue;
        struct rng rng = stress_rng(w->number * 64 + job.kind);
        bool in_turn = n == all || all == UINT64_MAX;
        one(w, &p, job, in_turn ? w->number : harm_draw(&p, (enum kind)job.kind, &rng));
        w->visits++;
    }
    patient_leave(&p);
}

/* Each length, from the longest down: what was refused is as it was, but shorter. */
static void
do_lengths(struct worker *w, unsigned number, struct job job)
{
    enum { CHECKED = 64 };
    struct patient p;
    gyre_options o = GYRE_OPTIONS_INIT;
    gyre *cache;
    patient_take(&p, &w->image[job.state], path_of(w, job));
    patient_heal(&p);
    o.file_path = p.path;
    for (uint64_t bytes = p.image->bytes - 1 - number; bytes < p.image->bytes; bytes -= n_workers, w->visits++) {
        w->item = bytes;
        harm(&p, SHORTER, bytes, NULL, w->what, sizeof w->what);
        uint64_t before = bytes / n_workers % CHECKED == 0 ? patient_sum(&p) : 0;
        o.flags = GYRE_NO_THREAD | (bytes / n_workers % 2 ? GYRE_READONLY : 0);
        int result = gyre_open(&cache, &o);
        gyre_close(cache);
        if ((result != GYRE_EFORMAT && result != GYRE_ECORRUPT) || (before != 0 && patient_sum(&p) != before))
            tell(w, job, gyre_strerror(result)), w->row[w->job].wrong++;
        w->row[w->job].images++, w->row[w->job].harms++, w->row[w->job].outcome[REFUSED]++;
    }
    patient_leave(&p);
}

/* SUBJECT, STATE and KIND: only these. */
static bool
wanted(struct job job)
{
    return stress_setting("SUBJECT", job.subject) == job.subject && stress_setting("STATE", job.state) == job.state &&
           stress_setting("KIND", job.kind) == job.kind;
}

static void
be_worker(unsigned number)
{
    struct worker *w = worker[number];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (; w->job < JOBS; w->job++, w->number = 0) {
        struct job job = job_at(w->job);
        if (!wanted(job))
            continue;
        if (w->made != job.subject + 1u)
            subject_make(&subjects[job.subject], job.subject * 16u, w->path, w->other, w->image);
        w->made = job.subject + 1u;
        if (every && job.kind == SHORTER && job.subject == 0)
            do_lengths(w, number, job);
        do_job(w, number, job);
    }
    exit(0);
}

/* ---- who looks on ---------------------------------------------------------------------------------------------- */

static uint64_t
time_of(pid_t pid)
{
    clockid_t clock;
    struct timespec t = {0, 0};
    if (clock_getcpuclockid(pid, &clock) == 0)
        clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static pid_t
begin(unsigned number)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        be_worker(number);
    return pid;
}

static void
ended(struct worker *w, bool hung, int status)
{
    struct job job = job_at(w->job);
    struct row *row = &w->row[w->job];
    char wrong[100];
    snprintf(wrong, sizeof wrong, "%s: %s", w->doing, hung ? "it hangs" : strsignal(WTERMSIG(status)));
    hung ? row->hung++ : row->crashed++;
    row->images++;
    tell(w, job, wrong);
    w->number++;
}

static void
watch(void)
{
    pid_t pid[WORKERS_MOST];
    uint64_t visits[WORKERS_MOST] = {0}, since[WORKERS_MOST] = {0};
    unsigned left = n_workers;
    for (unsigned i = 0; i < n_workers; i++)
        pid[i] = begin(i);
    while (left > 0) {
        stress_sleep_us(2000);
        for (unsigned i = 0; i < n_workers; i++) {
            int status;
            if (pid[i] == 0)
                continue;
            uint64_t time = time_of(pid[i]);
            bool hung = false, over = waitpid(pid[i], &status, WNOHANG) == pid[i];
            if (worker[i]->visits != visits[i])
                visits[i] = worker[i]->visits, since[i] = time;
            if (!over && time > since[i] + HANG_NS) {
                hung = true;
                kill(pid[i], SIGKILL);
                over = waitpid(pid[i], &status, 0) == pid[i];
            }
            if (over && WIFEXITED(status)) {
                if (WEXITSTATUS(status) != 0)
                    stress_fail("a worker ended with %d", WEXITSTATUS(status));
                pid[i] = 0, left--;
            } else if (over) {
                ended(worker[i], hung, status);
                pid[i] = begin(i), since[i] = 0;
            }
        }
    }
}

/* ---- what is told ---------------------------------------------------------------------------------------------- */

static void
print_failures(void)
{
    uint64_t n = world->n_told < TOLD_MOST ? (uint64_t)world->n_told : TOLD_MOST, most = stress_setting("TELL", 40);
    for (uint64_t i = 0; i < n; i++) {
        const struct told *t = &world->told[i];
        if (i < most)
            printf("%s, %s, %s; %s; SUBJECT=%u STATE=%u KIND=%u ITEM=%" PRIu64 " ONLY=1\n", subjects[t->job.subject].name,
                   state_name[t->job.state], t->what, t->wrong, t->job.subject, t->job.state, t->job.kind, t->item);
    }
}

static void
print_row(const char *name, const char *state, const struct row *r)
{
    printf("%-11s %-8s %9" PRIu64 " %10" PRIu64 " %8" PRIu64 " %9" PRIu64 " %8" PRIu64 " %8" PRIu64 " %11" PRIu64 " %10" PRIu64
           " %6" PRIu64 " %6" PRIu64 " %7" PRIu64 " %5" PRIu64 "\n",
           name, state, r->images, r->harms, r->outcome[WARM], r->outcome[RECOVERED], r->outcome[EMPTIED], r->outcome[REFUSED],
           r->kept, r->lost, r->stuck, r->wrong, r->crashed, r->hung);
}

static void
add(struct row *to, const struct row *r)
{
    to->images += r->images, to->harms += r->harms, to->kept += r->kept, to->lost += r->lost, to->stuck += r->stuck;
    to->wrong += r->wrong, to->crashed += r->crashed, to->hung += r->hung;
    for (unsigned i = 0; i < OUTCOMES; i++)
        to->outcome[i] += r->outcome[i];
}

static void
print_table(void)
{
    struct row all = {0};
    printf("damage      state       images      flips     warm recovered  emptied  refused        kept       lost  stuck  wrong crashed  hung\n");
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (unsigned state = 0; state < STATES; state++) {
            struct row sum = {0};
            for (unsigned s = 0; s < SUBJECTS; s++)
                for (unsigned i = 0; i < n_workers; i++)
                    add(&sum, &worker[i]->row[(s * STATES + state) * KINDS + kind]);
            print_row(kind_name[kind], state_name[state], &sum);
            add(&all, &sum);
        }
    print_row("all", "", &all);
    if (all.wrong + all.crashed + all.hung > 0)
        stress_fail("%" PRIu64 " images that showed what is wrong, crashed somebody or held him up",
                    all.wrong + all.crashed + all.hung);
    stress_need("images", all.images);
    if (getenv("SUBJECT") == NULL && getenv("STATE") == NULL && getenv("KIND") == NULL) { /* of some alone, there may be none */
        stress_need("opened warm", all.outcome[WARM]);
        stress_need("recovered", all.outcome[RECOVERED]);
        stress_need("refused", all.outcome[REFUSED]);
    }
    uint64_t refused = 0;
    for (unsigned i = 0; i < n_workers; i++) {
        stress_tally.operations += worker[i]->calls, stress_tally.checked += worker[i]->checked;
        refused += worker[i]->refused_calls;
    }
    stress_report("calls refused", refused);
}

static void *
memory(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        exit(2);
    return at;
}

static int
replay(void)
{
    struct job job = {(uint16_t)stress_setting("SUBJECT", 0), (uint16_t)stress_setting("STATE", 0),
                      (uint16_t)stress_setting("KIND", 0)};
    struct worker *w = worker[0];
    struct patient p;
    subject_make(&subjects[job.subject], job.subject * 16u, w->path, w->other, w->image);
    patient_take(&p, &w->image[job.state], path_of(w, job));
    one(w, &p, job, stress_setting("ITEM", 0));
    for (uint64_t i = 0; i < world->n_told; i++)
        printf("%s; %s\n", world->told[i].what, world->told[i].wrong);
    return world->n_told > 0;
}

int
main(int argc, char **argv)
{
    (void)argc;
    stress_start(argv, "damage", 3600);
    every = stress_setting("EVERY", 0) != 0;
    images_each = stress_setting("IMAGES", 50);
    n_workers = stress_threads((unsigned)sysconf(_SC_NPROCESSORS_ONLN));
    n_workers = n_workers < WORKERS_MOST ? n_workers : WORKERS_MOST;
    world = memory(sizeof *world);
    if (mkdtemp(folder) == NULL)
        return 2;
    for (unsigned i = 0; i < n_workers; i++) {
        worker[i] = memory(sizeof **worker);
        snprintf(worker[i]->path, PATH_MOST, "%s/%u", folder, i);
        snprintf(worker[i]->other, PATH_MOST, "%s/%u-moved", folder, i);
        worker[i]->doing = "making";
    }
    int result = 0;
    if (stress_setting("ONLY", 0) != 0)
        result = replay();
    else
        watch();
    for (unsigned i = 0; i < n_workers; i++)
        unlink(worker[i]->path), unlink(worker[i]->other);
    rmdir(folder);
    if (stress_setting("ONLY", 0) != 0)
        return result;
    print_failures();
    print_table();
    return stress_finish();
}

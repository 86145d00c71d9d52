/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Processes that share a cache are killed, one or some at once, at any instant: in puts, gets, deletes, drafts, leases,
 * sweeps, growth, clears, in joining and leaving, in clearing up after others. The others go on, nobody reads a value that
 * is stale, torn or of another key, and when a round is over and nobody is left, nothing is: no record, no pin, no arena,
 * no role, and all counts are right.
 *
 * Every key is written by one process, a version after the other; all read all. Before a put the version it begins is
 * noted, after its return that it is done, in memory that outlives the process. A hit may show nothing older than what
 * was done before the get began, and nothing younger than what had begun when it ended.
 *
 * No call of a process that lives may take long because of the dead: those of more than a tenth of a second are counted,
 * where the machine does not explain it (delay.h); in LATE_KILLS deaths there may be one, for what the kernel does not
 * tell.
 *
 * Others are stopped at any instant, given up (gyre_expel), and after a while killed, or told to go on: then they find out,
 * close the cache and open it anew. What they wrote late must be as right as all else.
 * Some caches are files. Of these the processes also close it and open it anew, and now and then all die at once; then it is
 * warm, or, when the machine is made another by a word in the file's head, recovered; and as it was when it had been closed before that.
 *
 * SEED=n PROCESSES=8 KILLS=2000 (or T=seconds); FILE=path: all are that file */

#include <inttypes.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clear.h"
#include "creation.h"
#include "delay.h"
#include "members.h"
#include "reboot.h"
#include "stress.h"

enum { KEYS = 3000, MOST = 32, ROUND = 100 /* kills */, AT_ONCE = 4, SIZE_MOST = 900, HANG_S = 60, LATE_KILLS = 1000, SHOWN_S = 10,
       PROGRESS = 10 /* kills from one look at all to the next */, REOPENED = 300 /* operations */ };

struct key {
    _Atomic uint64_t begun, done; /* versions */
};

static struct world {
    _Atomic uint64_t operations[MOST], stops[MOST], expelled, came_back, hits, leases, leases_passed, late, longest_ns, kills,
        all_died, recovered;
    struct key key[KEYS];
} *world;

static unsigned processes = 8;
static bool stale; /* this process was expelled: a call said so */
static bool own_folder;
static char name[64]; /* of the round's cache; empty: it has none */
static const char *file; /* the path of the one that is a file; NULL: it is none */

static size_t
size_of(unsigned number, uint64_t version)
{
    return 16 + (number * 7 + version * 13) % (SIZE_MOST - 16);
}

static void
make_value(char *to, unsigned number, uint64_t version)
{
    memcpy(to, &version, sizeof version);
    fill_bytes(to + 8, size_of(number, version) - 8, number * 1000003u + version);
}

static bool
is_stale(int result)
{
    stale |= result == GYRE_ESTALE;
    return result == GYRE_ESTALE;
}

/* What a view points to is nobody's any more. */
static bool
expelled_since(gyre *cache)
{
    return is_stale(gyre_read(cache, "any", 3, NULL, 0, NULL));
}

/* view_of: the data are a view's; NULL: a copy. */
static void
check_value(unsigned number, const void *data, size_t size, uint64_t done_before, gyre *view_of)
{
    uint64_t version = 0, begun = world->key[number].begun;
    if (size >= sizeof version)
        memcpy(&version, data, sizeof version);
    if (version < done_before || version > begun || size != size_of(number, version) ||
        !bytes_are((const char *)data + 8, size - 8, number * 1000003u + version)) {
        if (view_of != NULL && expelled_since(view_of))
            return;
        stress_fail("key %u: version %" PRIu64 " of %zu bytes; done %" PRIu64 ", begun %" PRIu64, number, version, size,
                    done_before, begun);
    }
    world->hits++;
}

static void
read_key(gyre *cache, unsigned number)
{
    struct api_key key = key_of(number);
    char buffer[SIZE_MOST];
    gyre_view view;
    size_t size;
    uint64_t done = world->key[number].done;
    if (number % 5 == 0) {
        int result = gyre_read(cache, key.text, 16, buffer, sizeof buffer, &size);
        if (!is_stale(result) && result == GYRE_OK)
            check_value(number, buffer, size, done, NULL);
    } else if (!is_stale(gyre_get(cache, key.text, 16, &view)) && view.data != NULL) {
        check_value(number, view.data, view.size, done, cache);
        gyre_release(&view);
    }
}

/* By its only writer. */
static void
write_key(gyre *cache, unsigned number, uint64_t how)
{
    struct api_key key = key_of(number);
    struct key *k = &world->key[number];
    char value[SIZE_MOST];
    uint64_t version = k->begun + 1;
    size_t size = size_of(number, version);
    gyre_draft draft;
    int result;
    k->begun = version;
    make_value(value, number, version);
    if (how % 8 == 0) {
        result = gyre_delete(cache, key.text, 16);
    } else if (how % 8 == 1) {
        result = gyre_reserve(cache, key.text, 16, size, NULL, &draft);
        if (result == GYRE_OK) {
            memcpy(draft.data, value, size);
            result = how % 16 == 1 ? gyre_commit(&draft) : (gyre_abort(&draft), GYRE_EBUSY);
        }
    } else {
        result = gyre_put(cache, key.text, 16, value, size, NULL);
    }
    if (result >= 0)
        k->done = version;
    else if (!is_stale(result) && result != GYRE_EBUSY)
        test_fail_(__FILE__, __LINE__, "a write answers %d", result);
}

/* Asks for a key. Whoever gets the lease writes the value, if it is its writer; or gives it up, or forgets it. */
static void
ask_for_key(gyre *cache, unsigned number, bool writes, uint64_t how)
{
    struct api_key key = key_of(number);
    struct key *k = &world->key[number];
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    gyre_view view;
    gyre_lease lease;
    char value[SIZE_MOST];
    uint64_t done = k->done;
    options.lease_ms = 20;
    options.wait_ms = how % 4 == 0 ? 2 : GYRE_NO_WAIT;
    int result = gyre_get_or_lease(cache, key.text, 16, &options, &view, &lease);
    if (result == GYRE_OK)
        check_value(number, view.data, view.size, done, cache);
    gyre_release(&view);
    if (is_stale(result) || result != GYRE_MISS)
        return;
    world->leases++;
    if (writes) {
        uint64_t version = k->begun + 1;
        k->begun = version;
        make_value(value, number, version);
        if (gyre_lease_commit(&lease, value, size_of(number, version), NULL) == GYRE_OK)
            k->done = version;
    } else if (how % 3 == 0) {
        gyre_lease_abort(&lease);
    }
}

/* One or two calls. */
static void
operate(gyre *cache, unsigned self, uint64_t random, gyre_view held[3])
{
    uint64_t how = random >> 40;
    unsigned number = (unsigned)(random % KEYS);
    unsigned own = number / processes * processes + self;
    own = own < KEYS ? own : self;
    if (how % 3 == 0)
        write_key(cache, own, how / 3);
    else if (how % 7 == 0)
        ask_for_key(cache, how % 2 ? own : number, how % 2 || own == number, how / 7);
    else
        read_key(cache, number);
    if (how % 64 == 5) {
        gyre_release(&held[how / 64 % 3]);
        gyre_get(cache, key_of(number).text, 16, &held[how / 64 % 3]);
    }
    if (how % 5000 == 77)
        gyre_clear(cache);
    if (how % 100 == 33)
        gyre_maintain(cache, 1000);
}

static void
note_delay(struct delay *delay)
{
    uint64_t took, unexplained = delay_returned(delay, &took);
    if (unexplained >= (uint64_t)DELAY_LONG_MS * 1000000)
        world->late++;
    stress_raise(&world->longest_ns, took);
}

static gyre_options
options_to_open(const struct shared *s, uint32_t flags)
{
    gyre_options o = GYRE_OPTIONS_INIT;
    bool by_fd = file == NULL && name[0] == '\0';
    o.flags = flags | (by_fd ? GYRE_SHM_FD : 0);
    o.shm_name = name[0] ? name : NULL;
    o.file_path = file;
    o.sync_interval_ms = file != NULL ? 5 : 0;
    o.shm_fd = by_fd ? s->file : 0;
    return o;
}

static gyre *
open_anew(gyre *cache, const struct shared *s, gyre_view held[3])
{
    gyre_options o = options_to_open(s, GYRE_NO_THREAD);
    for (unsigned i = 0; i < 3; i++)
        gyre_release(&held[i]);
    gyre_close(cache);
    CHECK_OK(gyre_open(&cache, &o));
    world->came_back += stale;
    stale = false;
    return cache;
}

/* A process of the round: opens the cache by itself, or goes on with what it inherited. */
static pid_t
begin(const struct shared *s, gyre *inherited, unsigned self, uint64_t seed)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* none outlives the program */
    gyre *cache = inherited;
    gyre_view held[3] = {{.data = NULL}};
    struct delay delay;
    delay_begin(&delay);
    if (seed % 3 != 0) {
        gyre_options o = options_to_open(s, seed % 3 == 1 ? GYRE_NO_THREAD : 0);
        delay_call(&delay);
        CHECK_OK(gyre_open(&cache, &o));
        note_delay(&delay);
    }
    for (;;) {
        uint64_t stops = world->stops[self], random = api_random(&seed);
        delay_call(&delay);
        operate(cache, self, random, held);
        if (world->stops[self] == stops)
            note_delay(&delay);
        world->operations[self]++;
        if (stale || (file != NULL && (random >> 20) % REOPENED == 0))
            cache = open_anew(cache, s, held);
    }
}

static uint64_t
now_s(void)
{
    return gy_os_clock_ms() / 1000;
}

/* All that live do something more. */
static void
expect_progress(void)
{
    uint64_t was[MOST], start = now_s();
    for (unsigned i = 0; i < processes; i++)
        was[i] = world->operations[i];
    for (unsigned i = 0; i < processes; i++)
        while (world->operations[i] == was[i] && !stress_failed()) {
            stress_sleep_us(100);
            if (now_s() - start > HANG_S)
                stress_fail("process %u does nothing any more", i);
        }
}

static void
expect_sums(gyre *cache)
{
    gyre_stats s = GYRE_STATS_INIT;
    if (gyre_stats_read(cache, &s) != GYRE_OK ||
        s.live_bytes + s.garbage_bytes + s.free_bytes + s.open_bytes + s.index_bytes < s.capacity_bytes)
        stress_fail("the parts of the capacity do not add up");
}

static void
expect_whole(gyre *cache)
{
    if (whole_faults(cache, NULL) != 0)
        stress_fail("it is damaged");
}

static gyre_options
some_options(uint64_t *seed)
{
    uint64_t random = api_random(seed);
    gyre_options o = api_options((uint64_t)(256 << 10) << random % 3, random >> 8 & 1 ? GYRE_VERSIONS : 0);
    o.max_entries = random >> 9 & 1 ? 500 : 0;
    o.expected_entry_bytes = random >> 10 & 1 ? 4000 : 0; /* then the index begins small, and grows */
    return o;
}

/* A third of them has a name, a third is a file. */
static gyre *
make_cache(struct shared *s, uint64_t *seed)
{
    static char path[64];
    gyre_options o = some_options(seed);
    uint64_t random = api_random(seed), kind = world->kills > 0 && world->recovered == 0 ? 2 : random % 3;
    name[0] = '\0';
    file = getenv("FILE");
    if (file == NULL && kind == 0) {
        *s = shared_create_with(&o, random % 16 == 1);
        return shared_open(s, GYRE_NO_THREAD);
    }
    if (file == NULL && kind == 1) {
        snprintf(name, sizeof name, "gyre-stress-deaths-%d", (int)getpid());
        o.shm_name = name;
    } else {
        snprintf(path, sizeof path, "/dev/shm/gyre-stress-deaths-file-%d", (int)getpid());
        o.file_path = file = file != NULL ? file : path;
    }
    s->file = -1;
    o.flags |= GYRE_CREATE | GYRE_EXCLUSIVE | GYRE_NO_THREAD;
    return api_open_with(&o);
}

/* Nobody has the file open. */
static gyre *
open_after_all(const struct shared *s, uint64_t random)
{
    gyre_options o = options_to_open(s, GYRE_NO_THREAD);
    enum gyre_start expected = GYRE_START_WARM;
    if (random % 2 == 0 && !reboot_file(file))
        expected = GYRE_START_RECOVERED, world->recovered++;
    else if (random % 4 == 1) {
        gyre_close(api_open_with(&o));
        CHECK(reboot_file(file));
    }
    gyre *cache = api_open_with(&o);
    gyre_stats stats = GYRE_STATS_INIT;
    gyre_stats_read(cache, &stats);
    if (stats.start != expected || stats.processes != 1)
        stress_fail("after all had died: start %u, not %u; %u processes", stats.start, expected, stats.processes);
    return cache;
}

static void
end_cache(gyre *cache, const struct shared *s)
{
    gyre_stats stats = GYRE_STATS_INIT;
    gyre_stats_read(cache, &stats);
    world->leases_passed += stats.leases_passed;
    gyre_close(cache);
    if (s->file >= 0)
        close(s->file);
    gyre_options o = options_to_open(s, 0);
    if (!(o.flags & GYRE_SHM_FD) && gyre_unlink(&o) != GYRE_OK)
        stress_fail("the name cannot be removed");
    if (own_folder && getenv("FILE") == NULL && creation_objects() != 0)
        stress_fail("%u names are left", creation_objects());
}

static void
kill_some(const pid_t pid[], unsigned first, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        kill(pid[(first + i) % processes], SIGKILL);
    for (unsigned i = 0; i < n; i++)
        waitpid(pid[(first + i) % processes], NULL, 0);
    world->kills += n;
}

/* Stopped, given up, and left so for a while. */
static void
expel_one(gyre *cache, pid_t pid, unsigned self, uint64_t random)
{
    int status = 0;
    world->stops[self]++;
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    int result = gyre_expel(cache, (uint32_t)pid);
    if (result == GYRE_OK)
        world->expelled++;
    else if (result != GYRE_ENOENT) /* it has not opened it yet */
        stress_fail("gyre_expel answers %d", result);
    stress_sleep_us((unsigned)(random % 3000));
    kill(pid, SIGCONT);
}

static void
show(uint64_t kills)
{
    static uint64_t shown_s;
    if (shown_s != 0 && now_s() < shown_s + SHOWN_S)
        return;
    char of[32] = "";
    if (kills != UINT64_MAX)
        snprintf(of, sizeof of, " of %" PRIu64, kills);
    if (shown_s != 0)
        printf("deaths: %" PRIu64 "%s killed, %" PRIu64 " hits checked, longest call %.1f ms, late %" PRIu64 "\n",
               (uint64_t)world->kills, of, (uint64_t)world->hits, (double)world->longest_ns / 1e6, (uint64_t)world->late);
    shown_s = now_s();
}

/* One cache, and ROUND deaths. */
static void
run_round(uint64_t seed, uint64_t kills, uint64_t all)
{
    pid_t pid[MOST];
    struct shared s;
    gyre *cache = make_cache(&s, &seed);
    memset(world->key, 0, sizeof world->key);
    for (unsigned i = 0; i < processes; i++)
        pid[i] = begin(&s, cache, i, api_random(&seed));
    for (uint64_t n = 0, before = 0; n + processes < kills && !stress_failed(); show(all)) {
        uint64_t random = api_random(&seed);
        unsigned first = (unsigned)(random % processes), some = 1 + (unsigned)((random >> 48) % AT_ONCE);
        stress_sleep_us((unsigned)((random >> 16) % ((random >> 8) % 8 == 0 ? 20000 : 1500)));
        some = (unsigned)gy_min(gy_min(some, processes), kills - processes - n);
        unsigned other = (unsigned)((random >> 32) % processes);
        if ((random >> 40) % 2)
            expel_one(cache, pid[other], other, random >> 41);
        kill_some(pid, first, some);
        for (unsigned i = first; i < first + some; i++)
            pid[i % processes] = begin(&s, cache, i % processes, api_random(&seed));
        n += some;
        if (n - before >= PROGRESS)
            expect_progress(), expect_whole(cache), before = n;
        expect_sums(cache);
        if (file != NULL && (random >> 56) % 4 == 0 && kills >= n + 2 * processes) {
            if ((random >> 58) % 2)
                gyre_close(cache), cache = NULL; /* who is killed may be closing it as the last, or be opening it */
            kill_some(pid, 0, processes);
            gyre_close(cache);
            cache = open_after_all(&s, api_random(&seed));
            for (unsigned k = 0; k < KEYS; k++)
                read_key(cache, k);
            for (unsigned i = 0; i < processes; i++)
                pid[i] = begin(&s, cache, i, api_random(&seed));
            n += processes, world->all_died++;
        }
    }
    kill_some(pid, 0, processes);
    shared_settle(cache);
    int wrong = shared_wrong(cache);
    if (wrong != 0)
        stress_fail("after the last death: %d of shared_wrong", wrong);
    for (unsigned k = 0; k < KEYS; k++)
        read_key(cache, k);
    if (stale)
        stress_fail("who was not expelled is told that he was");
    end_cache(cache, &s);
}

int
main(int argc, char **argv)
{
    (void)argc;
    uint64_t kills = stress_setting("KILLS", UINT64_MAX);
    stress_start(argv, "deaths", kills == UINT64_MAX ? 30 : 60 + (double)kills / 10);
    stress_count_in_children();
    processes = (unsigned)gy_min(stress_setting("PROCESSES", 8), MOST);
    own_folder = creation_own_folder(0);
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world == MAP_FAILED)
        return 1;
    struct rng rng = stress_rng(2);
    uint64_t until_ns = stress_now_ns() + (uint64_t)(stress_seconds() * 1e9);
    while (!stress_failed() && world->kills < kills &&
           (kills != UINT64_MAX || stress_goes_on(until_ns, world->all_died == 0 || world->recovered == 0)))
        run_round(rng_next(&rng), gy_min(ROUND, gy_max(kills - world->kills, processes)), kills);
    if (world->late > 1 + world->kills / LATE_KILLS)
        stress_fail("%" PRIu64 " calls took more than %d ms, and the machine does not explain it", (uint64_t)world->late,
                    DELAY_LONG_MS);
    for (unsigned i = 0; i < MOST; i++)
        stress_tally.operations += world->operations[i];
    stress_tally.checked = world->hits;
    stress_need("processes killed", world->kills);
    stress_need("processes expelled", world->expelled);
    stress_need("of these, opened it anew", world->came_back);
    stress_need("times that all died at once", world->all_died);
    stress_need("files recovered", world->recovered);
    stress_need("leases", world->leases);
    stress_need("leases passed on", world->leases_passed);
    stress_report("longest call (us)", world->longest_ns / 1000);
    stress_report("calls over 100 ms that the machine does not explain", world->late);
    printf("RESULT deaths kills=%" PRIu64 " late_calls=%" PRIu64 "\n", (uint64_t)world->kills, (uint64_t)world->late);
    return stress_finish();
}

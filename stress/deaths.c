/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Processes that share a cache are killed, one after the other, at any instant: in puts, gets, deletes, drafts, leases,
 * sweeps, growth, clears, in joining and leaving, in clearing up after others. The others go on, nobody reads a value that
 * is stale, torn or of another key, and when a round is over and nobody is left, nothing is: no record, no pin, no arena,
 * no role, and all counts are right.
 *
 * Every key is written by one process, a version after the other; all read all. Before a put the version it begins is
 * noted, after its return that it is done, in memory that outlives the process. A hit may show nothing older than what
 * was done before the get began, and nothing younger than what had begun when it ended.
 *
 * SEED=n PROCESSES=8 KILLS=2000 (or T=seconds) */

#include <inttypes.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <time.h>

#include "clear.h"
#include "members.h"

enum { KEYS = 3000, MOST = 32, ROUND = 50 /* kills */, SIZE_MOST = 900, HANG_S = 60 };

struct key {
    _Atomic uint64_t begun, done; /* versions */
};

static struct world {
    _Atomic uint64_t operations[MOST], hits, kills, failures;
    struct key key[KEYS];
} *world;

static unsigned processes = 8;

/* For the checks of members.h. */
void
test_fail_(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "deaths: %s:%d: ", file, line);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    if (world)
        world->failures++;
    _exit(1);
}

void
test_number_(const char *file, int line, const char *text, long long a, long long b)
{
    if (a != b)
        test_fail_(file, line, "%s (%lld and %lld)", text, a, b);
}

void
test_bytes_(const char *file, int line, const char *text, const void *a, const void *b, size_t n)
{
    if (memcmp(a, b, n) != 0)
        test_fail_(file, line, "%s", text);
}

void
test_text_(const char *file, int line, const char *text, const char *a, const char *b)
{
    if (strcmp(a, b) != 0)
        test_fail_(file, line, "%s (%s and %s)", text, a, b);
}

static uint64_t
env(const char *name, uint64_t usual)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 0) : usual;
}

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

static void
check_value(unsigned number, const void *data, size_t size, uint64_t done_before)
{
    uint64_t version = 0, begun = world->key[number].begun;
    if (size >= sizeof version)
        memcpy(&version, data, sizeof version);
    if (version < done_before || version > begun || size != size_of(number, version) ||
        !bytes_are((const char *)data + 8, size - 8, number * 1000003u + version)) {
        fprintf(stderr, "deaths: key %u: version %" PRIu64 " of %zu bytes; done %" PRIu64 ", begun %" PRIu64 "\n", number,
                version, size, done_before, begun);
        world->failures++;
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
        if (gyre_read(cache, key.text, 16, buffer, sizeof buffer, &size) == GYRE_OK)
            check_value(number, buffer, size, done);
    } else if (gyre_get(cache, key.text, 16, &view) == GYRE_OK) {
        check_value(number, view.data, view.size, done);
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
    else if (result != GYRE_EBUSY)
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
        check_value(number, view.data, view.size, done);
    gyre_release(&view);
    if (result != GYRE_MISS)
        return;
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

static void
work(gyre *cache, unsigned self, uint64_t seed)
{
    gyre_view held[3] = {{.data = NULL}};
    for (;;) {
        uint64_t random = api_random(&seed), how = random >> 40;
        unsigned number = (unsigned)(random % KEYS);
        unsigned own = number / processes * processes + self;
        own = own < KEYS ? own : self;
        world->operations[self]++;
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
}

/* A process of the round: opens the cache by itself, or goes on with what it inherited. */
static pid_t
begin(const struct shared *s, gyre *inherited, unsigned self, uint64_t seed)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* none outlives the program */
    int result = GYRE_OK;
    gyre *cache = inherited;
    if (seed % 3 != 0)
        cache = shared_try_open(s, seed % 3 == 1 ? GYRE_NO_THREAD : 0, &result);
    if (result != GYRE_OK)
        test_fail_(__FILE__, __LINE__, "opening answers %d", result);
    work(cache, self, seed);
    _exit(0);
}

static void
nap_us(uint64_t us)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000}, NULL);
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
        while (world->operations[i] == was[i] && world->failures == 0) {
            nap_us(100);
            if (now_s() - start > HANG_S)
                test_fail_(__FILE__, __LINE__, "process %u does nothing any more", i);
        }
}

static void
expect_sums(gyre *cache)
{
    gyre_stats s = GYRE_STATS_INIT;
    if (gyre_stats_read(cache, &s) != GYRE_OK ||
        s.live_bytes + s.garbage_bytes + s.free_bytes + s.open_bytes + s.index_bytes < s.capacity_bytes)
        test_fail_(__FILE__, __LINE__, "the parts of the capacity do not add up");
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

/* One cache, and ROUND deaths. */
static void
run_round(uint64_t seed, uint64_t kills)
{
    pid_t pid[MOST];
    gyre_options o = some_options(&seed);
    struct shared s = shared_create_with(&o, api_random(&seed) % 8 == 0);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    memset(world->key, 0, sizeof world->key);
    for (unsigned i = 0; i < processes; i++)
        pid[i] = begin(&s, cache, i, api_random(&seed));
    for (uint64_t n = 0; n < kills && world->failures == 0; n++) {
        uint64_t random = api_random(&seed);
        unsigned victim = (unsigned)(random % processes);
        nap_us((random >> 16) % ((random >> 8) % 8 == 0 ? 20000 : 1500));
        kill(pid[victim], SIGKILL);
        waitpid(pid[victim], NULL, 0);
        world->kills++;
        pid[victim] = begin(&s, cache, victim, api_random(&seed));
        expect_progress();
        expect_sums(cache);
    }
    for (unsigned i = 0; i < processes; i++)
        kill(pid[i], SIGKILL);
    for (unsigned i = 0; i < processes; i++)
        waitpid(pid[i], NULL, 0), world->kills++;
    shared_settle(cache);
    int wrong = shared_wrong(cache);
    if (wrong != 0)
        test_fail_(__FILE__, __LINE__, "after the last death: %d of shared_wrong", wrong);
    for (unsigned k = 0; k < KEYS; k++)
        read_key(cache, k);
    gyre_close(cache);
    close(s.file);
}

int
main(void)
{
    uint64_t seed = env("SEED", gy_os_clock_ns() ^ (uint64_t)getpid() << 40), kills = env("KILLS", UINT64_MAX);
    uint64_t seconds = env("T", kills == UINT64_MAX ? 30 : UINT64_MAX), start = now_s();
    processes = (unsigned)gy_min(env("PROCESSES", 8), MOST);
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world == MAP_FAILED)
        return 1;
    printf("deaths: SEED=%#" PRIx64 " PROCESSES=%u\n", seed, processes);
    fflush(stdout);
    setenv("GYRE_TEST_SEED", "1", 0); /* the hash's: of no interest here */
    while (world->failures == 0 && world->kills < kills && now_s() - start < seconds)
        run_round(api_random(&seed), gy_min(ROUND, kills - world->kills));
    printf("deaths: %" PRIu64 " processes killed, %" PRIu64 " hits checked, %" PRIu64 " wrong\n", (uint64_t)world->kills,
           (uint64_t)world->hits, (uint64_t)world->failures);
    uint64_t operations = 0;
    for (unsigned i = 0; i < MOST; i++)
        operations += world->operations[i];
    printf("RESULT stress-deaths kills=%" PRIu64 " operations=%" PRIu64 " checked=%" PRIu64 " violations=%" PRIu64 "\n",
           (uint64_t)world->kills, operations, (uint64_t)world->hits, (uint64_t)world->failures);
    return world->failures != 0;
}

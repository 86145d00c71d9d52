/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process that shares a cache writes nonsense into it, everywhere but in the words that docs/shared.md says are
 * believed, while others call everything there is to call. Values may be lost and calls be refused, but nobody crashes, no
 * call goes on and on, and what a view shows lies in the region: there are pages around it that nobody may touch.
 *
 * SEED=n T=seconds; THREADS=n: so many processes that call. ROUND=n SEED=n: the round that a failure printed. */

#include <errno.h>
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

#include "cache.h"
#include "stress.h"

enum { KEYS = 2000, SIZE_MOST = 3000, CALLERS_MOST = 8, GUARD = 1 << 16, ROUND_MS = 600 };

/* Of its own time, not of others': what a call may take at most, and how it is found out that one does not end. */
#define CALL_NS ((uint64_t)1000000000 * (STRESS_POINTS ? 8 : 1))
#define ENDLESS_NS (20 * CALL_NS)

enum call {
    GET, READ, GET_MANY, PUT, PUT_TTL, DELETE, TOUCH, DRAFT, LEASE, SCAN, STATS, CLEAR, MAINTAIN, REOPEN, READONLY,
    CALLS
};
static const char *const call_name[CALLS] = {"get", "read", "get_many", "put", "put, ttl", "delete", "touch", "draft",
                                             "lease", "scan", "stats", "clear", "maintain", "reopen", "read only"};
static const unsigned call_weight[CALLS] = {300, 60, 40, 300, 60, 60, 30, 60, 40, 1, 4, 1, 4, 1, 1};

/* In memory that outlives the processes. */
struct caller {
    _Atomic uint64_t calls[CALLS], refused, hits, longest_ns;
    _Atomic uint32_t longest, now, wrong; /* calls */
};
static struct world {
    struct caller caller[CALLERS_MOST];
    _Atomic uint64_t written;
} *world;

static uint64_t
own_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- who writes nonsense ---- */

/* A place of the region: more often where much depends on little. */
static uint64_t
some_place(const struct gy_geometry *g, struct rng *rng)
{
    static const size_t super = sizeof(struct gy_super), head = offsetof(struct gy_super, mark);
    uint64_t part[][2] = {
        {head, super - head}, {super, g->n_shards * sizeof(struct gy_shard)},
        {g->members_at, 16 * sizeof(struct gy_member)}, {g->records_at, 16 * sizeof(struct gy_record)},
        {g->words_at, g->n_arenas * sizeof(uint64_t)}, {g->books_at, g->n_arenas * sizeof(struct gy_book)},
        {g->lanes_at, g->n_lanes * sizeof(struct gy_lane)}, {g->history_at, g->index_at - g->history_at},
        {g->index_at, g->shard_bytes_most * g->n_shards}, {g->arenas_at, g->region_bytes - g->arenas_at},
        {0, g->arenas_at}};
    for (;;) {
        uint64_t *p = part[rng_one_in(rng, 5000) ? 10 : rng_below(rng, 10)]; /* the head: nobody can open it then */
        uint64_t at = (p[0] + rng_below(rng, p[1])) & ~(uint64_t)7;
        if (at + 8 <= g->region_bytes)
            return at;
    }
}

static uint64_t
some_word(gy_atomic_u64 *at, const char *base, const struct gy_geometry *g, struct rng *rng)
{
    uint64_t old = gy_load_rlx(at);
    switch (rng_below(rng, 8)) {
    case 0:
        return old ^ (uint64_t)1 << rng_below(rng, 64);
    case 1:
        return old + 1 - 2 * rng_below(rng, 2);
    case 2:
        return rng_below(rng, 4096);
    case 3:
        return ~(uint64_t)0 - rng_below(rng, 16);
    case 4:
        return 0;
    case 5: /* what is good elsewhere */
        return gy_load_rlx((gy_atomic_u64 *)(uintptr_t)(base + some_place(g, rng)));
    case 6:
        return rng_next(rng) >> rng_below(rng, 64);
    default:
        return rng_next(rng);
    }
}

static void
scribble(int file, size_t bytes, const struct gy_geometry *g, struct rng rng)
{
    char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (base == MAP_FAILED)
        _exit(1);
    uint64_t pause = rng_below(&rng, 4) * 300;  /* a trickle, a stream, a flood; */
    pause += rng_one_in(&rng, 2) ? 100000 : 0; /* or nonsense that stands, which no other nonsense mends */
    for (;;) {
        uint64_t burst = 1 + rng_below(&rng, pause >= 100000 ? 4096 : 64);
        for (uint64_t i = 0; i < burst; i++) {
            gy_atomic_u64 *at = (gy_atomic_u64 *)(void *)(base + some_place(g, &rng));
            gy_store_rlx(at, some_word(at, base, g, &rng));
        }
        world->written += burst;
        stress_sleep_us((unsigned)(20 + rng_below(&rng, pause + 1)));
    }
}

/* ---- who calls ---- */

/* A cache, and pages before and behind it that nobody may touch. (Where something else stands, there are none.) */
struct guarded {
    gyre *cache;
    char *guard[2];
};

struct user {
    struct caller *mine;
    struct guarded at;
    gyre *cache; /* of at */
    struct rng rng;
    int file;
    char *value; /* and room for one that is read */
};

static char *
guard_at(char *at)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    char *guard = mmap(at, GUARD, PROT_NONE, flags, -1, 0);
    return guard == MAP_FAILED ? NULL : guard;
}

static struct guarded
opened(int file, uint32_t flags)
{
    gyre_options o = GYRE_OPTIONS_INIT;
    struct guarded at = {.cache = NULL};
    o.flags = flags | GYRE_SHM_FD;
    o.shm_fd = file;
    if (gyre_open(&at.cache, &o) == GYRE_OK) {
        at.guard[0] = guard_at(at.cache->region.base - GUARD);
        at.guard[1] = guard_at(at.cache->region.base + gy_align_up(at.cache->region.bytes, 4096));
    }
    return at;
}

static void
closed(struct guarded at)
{
    gyre_close(at.cache);
    for (unsigned i = 0; i < 2; i++)
        if (at.guard[i] != NULL)
            munmap(at.guard[i], GUARD);
}

/* Everything that a view shows can be read, and is the region's. */
static int
look_at(struct user *u, const void *data, size_t size)
{
    const char *base = u->cache->region.base;
    uint64_t sum = 0;
    if ((const char *)data < base || size > u->cache->region.bytes ||
        (const char *)data + size > base + u->cache->region.bytes) {
        fprintf(stderr, "scribble: a value of %zu bytes that is not in the region\n", size);
        u->mine->wrong++;
        return 1;
    }
    for (size_t i = 0; i < size; i += 64)
        sum += (uint8_t)gy_load_rlx((gy_atomic_u64 *)((uintptr_t)((const char *)data + i) & ~(uintptr_t)7));
    u->mine->hits++;
    return sum == UINT64_MAX;
}

static int
visit(void *arg, const void *key, size_t key_size, const gyre_view *view)
{
    (void)look_at(arg, key, key_size);
    return look_at(arg, view->data, view->size);
}

static int
get_many(struct user *u)
{
    uint64_t id[16];
    gyre_key key[16];
    gyre_view view[16];
    int result[16];
    for (unsigned i = 0; i < 16; i++)
        id[i] = rng_below(&u->rng, KEYS), key[i] = (gyre_key){&id[i], sizeof id[i]};
    gyre_get_many(u->cache, 16, key, view, result);
    for (unsigned i = 0; i < 16; i++)
        if (result[i] == GYRE_OK)
            (void)look_at(u, view[i].data, view[i].size), gyre_release(&view[i]);
    return GYRE_OK;
}

static int
draft(struct user *u, uint64_t key, size_t size)
{
    gyre_draft d;
    int result = gyre_reserve(u->cache, &key, sizeof key, size, NULL, &d);
    if (result != GYRE_OK)
        return result;
    (void)look_at(u, d.data, d.size);
    if (d.size != size)
        u->mine->wrong++;
    else
        memset(d.data, 3, size);
    return rng_one_in(&u->rng, 4) ? (gyre_abort(&d), GYRE_OK) : gyre_commit(&d);
}

static int
lease(struct user *u, uint64_t key, size_t size)
{
    gyre_lease_options o = GYRE_LEASE_OPTIONS_INIT;
    gyre_view view;
    gyre_lease l;
    o.lease_ms = 10, o.wait_ms = 1;
    int result = gyre_get_or_lease(u->cache, &key, sizeof key, &o, &view, &l);
    if (result == GYRE_OK)
        (void)look_at(u, view.data, view.size);
    gyre_release(&view);
    if (result != GYRE_MISS)
        return result;
    return rng_one_in(&u->rng, 3) ? (gyre_lease_abort(&l), GYRE_OK) : gyre_lease_commit(&l, u->value, size, NULL);
}

static int
read_only(struct user *u, uint64_t key)
{
    struct guarded at = opened(u->file, GYRE_READONLY);
    gyre_stats stats = GYRE_STATS_INIT;
    size_t got = 0;
    if (at.cache == NULL)
        return GYRE_ECORRUPT;
    for (unsigned i = 0; i < 100; i++)
        gyre_read(at.cache, &key, sizeof key, u->value, SIZE_MOST, &got), key = (key + 1) % KEYS;
    int result = gyre_stats_read(at.cache, &stats);
    closed(at);
    return result;
}

/* The new one first: there may be none, since nonsense is written at the head, too. */
static int
reopen(struct user *u)
{
    struct guarded at = opened(u->file, rng_one_in(&u->rng, 2) ? GYRE_NO_THREAD : 0);
    if (at.cache == NULL)
        return GYRE_ECORRUPT;
    closed(u->at);
    u->at = at;
    u->cache = at.cache;
    return GYRE_OK;
}

static int
make_call(struct user *u, enum call call)
{
    uint64_t key = rng_below(&u->rng, KEYS), size = rng_below(&u->rng, rng_one_in(&u->rng, 8) ? SIZE_MOST : 200);
    gyre_put_options ttl = GYRE_PUT_OPTIONS_INIT;
    gyre_stats stats = GYRE_STATS_INIT;
    gyre_view view;
    size_t got;
    switch (call) {
    case GET: {
        int result = gyre_get(u->cache, &key, sizeof key, &view);
        if (result == GYRE_OK)
            (void)look_at(u, view.data, view.size), gyre_release(&view);
        return result;
    }
    case READ:
        return gyre_read(u->cache, &key, sizeof key, u->value, SIZE_MOST, &got);
    case GET_MANY:
        return get_many(u);
    case PUT:
        return gyre_put(u->cache, &key, sizeof key, u->value, size, NULL);
    case PUT_TTL:
        ttl.ttl_ms = 1 + (uint32_t)rng_below(&u->rng, 50);
        return gyre_put(u->cache, &key, sizeof key, u->value, size, &ttl);
    case DELETE:
        return gyre_delete(u->cache, &key, sizeof key);
    case TOUCH:
        return gyre_touch(u->cache, &key, sizeof key, 1000);
    case DRAFT:
        return draft(u, key, size);
    case LEASE:
        return lease(u, key, size);
    case SCAN:
        return gyre_scan(u->cache, visit, u);
    case STATS:
        return gyre_stats_read(u->cache, &stats);
    case CLEAR:
        return gyre_clear(u->cache);
    case MAINTAIN:
        return gyre_maintain(u->cache, 1000000) < 0 ? GYRE_EBUSY : GYRE_OK;
    case REOPEN:
        return reopen(u);
    default:
        return read_only(u, key);
    }
}

static enum call
some_call(struct rng *rng)
{
    uint64_t sum = 0, at;
    for (unsigned c = 0; c < CALLS; c++)
        sum += call_weight[c];
    at = rng_below(rng, sum);
    for (unsigned c = 0;; c++) {
        if (at < call_weight[c])
            return (enum call)c;
        at -= call_weight[c];
    }
}

/* Until it is killed. A cache whose head is nonsense when it comes cannot be opened: then there is nothing to do. */
static void
use(struct caller *mine, int file, struct rng rng)
{
    struct user u = {.mine = mine, .rng = rng, .file = file, .value = calloc(1, SIZE_MOST)};
    u.at = opened(file, rng_one_in(&u.rng, 2) ? GYRE_NO_THREAD : 0);
    u.cache = u.at.cache;
    while (u.cache != NULL && u.value != NULL) {
        enum call call = some_call(&u.rng);
        uint64_t from = own_ns();
        mine->now = call;
        int result = make_call(&u, call);
        uint64_t took = own_ns() - from;
        mine->calls[call]++;
        mine->refused += result < 0;
        if (took > mine->longest_ns) {
            mine->longest_ns = took;
            mine->longest = call;
        }
    }
    pause();
}

/* ---- rounds ---- */

static pid_t
begin(void)
{
    pid_t pid = fork();
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

static uint64_t
calls_of(const struct caller *c)
{
    uint64_t n = 0;
    for (unsigned call = 0; call < CALLS; call++)
        n += c->calls[call];
    return n;
}

static uint64_t
time_of(pid_t pid)
{
    clockid_t clock;
    struct timespec t = {0, 0};
    if (clock_getcpuclockid(pid, &clock) == 0)
        clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int
make_region(struct rng *rng, struct gy_geometry *g)
{
    gyre_options o = GYRE_OPTIONS_INIT;
    gyre *cache;
    int file = memfd_create("scribble", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    o.flags = GYRE_CREATE | GYRE_SHM_FD | GYRE_NO_THREAD | (rng_one_in(rng, 2) ? GYRE_VERSIONS : 0);
    o.shm_fd = file;
    o.capacity_bytes = (uint64_t)(256 << 10) << rng_below(rng, 9);
    o.max_entries = rng_one_in(rng, 3) ? 500 : 0;
    o.expected_entry_bytes = rng_one_in(rng, 2) ? 4000 : 0; /* then the index begins small, and grows */
    if (file < 0 || gyre_open(&cache, &o) != GYRE_OK) {
        fprintf(stderr, "scribble: no shared memory\n");
        exit(2);
    }
    *g = cache->g;
    gyre_close(cache);
    return file;
}

/* Waits until the round is over, or a caller is. Who makes no call though it has had the time is in one that does not
 * end. */
static void
watch(const pid_t *pid, unsigned n, uint64_t round)
{
    uint64_t calls[CALLERS_MOST] = {0}, since[CALLERS_MOST] = {0};
    uint64_t until = stress_now_ns() + (uint64_t)ROUND_MS * 1000000;
    for (bool over = false; !over;) {
        stress_sleep_us(5000);
        over = stress_now_ns() >= until;
        for (unsigned i = 0; i < n; i++) {
            int status;
            if (waitpid(pid[i], &status, WNOHANG) == pid[i]) {
                stress_fail("ROUND=%" PRIu64 ": caller %u ended in %s, status %#x", round, i,
                            call_name[world->caller[i].now], (unsigned)status);
                return;
            }
            uint64_t made = calls_of(&world->caller[i]), time = time_of(pid[i]);
            if (made != calls[i])
                calls[i] = made, since[i] = time;
            over = over && (time - since[i] < CALL_NS / 10 || time - since[i] > ENDLESS_NS); /* it is awaited */
            if (time - since[i] > ENDLESS_NS) {
                stress_fail("ROUND=%" PRIu64 ": caller %u does not come back from %s", round, i,
                            call_name[world->caller[i].now]);
                return;
            }
        }
    }
}

static void
run_round(uint64_t round, unsigned n)
{
    struct rng rng = stress_rng(round * 64 + 1);
    struct gy_geometry g;
    pid_t pid[CALLERS_MOST + 1];
    int file = make_region(&rng, &g);
    memset(world->caller, 0, sizeof world->caller);
    for (unsigned i = 0; i <= n; i++) {
        pid[i] = begin();
        if (pid[i] != 0)
            continue;
        if (i == n)
            scribble(file, g.region_bytes, &g, stress_rng(round * 64 + 2));
        use(&world->caller[i], file, stress_rng(round * 64 + 3 + i));
    }
    watch(pid, n, round);
    for (unsigned i = 0; i <= n; i++)
        kill(pid[i], SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    for (unsigned i = 0; i < n; i++) {
        struct caller *c = &world->caller[i];
        stress_tally.operations += calls_of(c);
        stress_tally.checked += c->hits;
        stress_report("refused", c->refused);
        for (unsigned call = 0; call < CALLS; call++)
            stress_need(call_name[call], c->calls[call]);
        if (c->wrong > 0)
            stress_fail("ROUND=%" PRIu64 ": %u values that are not in the region", round, c->wrong);
        if (c->longest_ns > CALL_NS)
            stress_fail("ROUND=%" PRIu64 ": %s took %" PRIu64 " ms of its own time", round, call_name[c->longest],
                        c->longest_ns / 1000000);
    }
    close(file);
}

int
main(int argc, char **argv)
{
    (void)argc;
    stress_start(argv, "scribble", 10);
    unsigned n = (unsigned)gy_min(stress_threads(3), CALLERS_MOST);
    uint64_t until_ns = stress_now_ns() + (uint64_t)(stress_seconds() * 1e9);
    uint64_t only = stress_setting("ROUND", 0), round = only > 0 ? only : 1, longest = 0;
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world == MAP_FAILED)
        return 2;
    for (; !stress_failed() && stress_goes_on(until_ns, stress_lacks()); round += only == 0) {
        run_round(round, n);
        for (unsigned i = 0; i < n; i++)
            longest = gy_max(longest, (uint64_t)world->caller[i].longest_ns);
    }
    stress_need("words written", world->written);
    stress_report("longest call, us of its own time", longest / 1000);
    return stress_finish();
}

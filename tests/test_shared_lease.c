/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Leases between processes, some of which die. */

#include "asks.h"
#include "members.h"

#include <sys/wait.h>
#include <unistd.h>

static const gyre_lease_options PATIENT = {sizeof(gyre_lease_options), 0, 60000, 60000, 0, 0};

static gyre *
open_child(void *shared)
{
    int result;
    gyre *cache = shared_try_open(shared, GYRE_NO_THREAD, &result);
    if (cache == NULL)
        _exit(10);
    return cache;
}

/* The child holds the lease of "k" and waits to be killed. */
static void
take_and_hold(void *arg, struct shared_child *self)
{
    gyre *cache = open_child(arg);
    gyre_view view;
    gyre_lease lease;
    if (gyre_get_or_lease(cache, "k", 1, &PATIENT, &view, &lease) != GYRE_MISS)
        _exit(11);
    shared_say_ready(self);
    shared_hold(self);
}

TEST(shared_lease, the_lease_of_a_dead_process_passes_on)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    struct shared_child c = shared_fork(take_and_hold, &s);
    shared_await(&c);
    gyre_view view;
    gyre_lease lease;
    CHECK_EQ(ask(cache, "k", &view, &lease), GYRE_LEASED); /* it lives */
    shared_kill(&c);
    CHECK_EQ(gyre_get_or_lease(cache, "k", 1, &PATIENT, &view, &lease), GYRE_MISS);
    CHECK_EQ(api_stats(cache).leases_passed, 1);
    CHECK_OK(commit_text(&lease, "value"));
    CHECK(has_text(cache, "k", "value"));
    shared_settle(cache);
    CHECK_EQ(shared_wrong(cache), 0);
    gyre_close(cache);
}

/* One asks, and one kills the holder. */
struct pair {
    struct asker asker;
    struct shared_child *holder;
};

static void
ask_or_kill(void *arg, unsigned i)
{
    struct pair *p = arg;
    if (i == 0) {
        ask_body(&p->asker, 0);
        return;
    }
    for (unsigned n = 0; n < 30; n++)
        api_pause();
    shared_kill(p->holder);
}

/* It dies while others wait: no one hangs until the lease's minute is over. */
TEST(shared_lease, who_waits_for_the_dead_is_not_kept)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    struct shared_child c = shared_fork(take_and_hold, &s);
    shared_await(&c);
    struct pair p = {{.cache = cache, .key = "k", .options = &PATIENT}, &c};
    api_threads(2, ask_or_kill, &p);
    CHECK_EQ(p.asker.result, GYRE_MISS);
    gyre_lease_abort(&p.asker.lease);
    gyre_close(cache);
}

/* The child waits for the lease that the test has, and reads what comes of it. */
static void
wait_and_read(void *arg, struct shared_child *self)
{
    gyre *cache = open_child(arg);
    gyre_view view;
    gyre_lease lease;
    shared_say_ready(self);
    if (gyre_get_or_lease(cache, "k", 1, &PATIENT, &view, &lease) != GYRE_OK)
        _exit(12);
    bool same = view.size == 5 && memcmp(view.data, "value", 5) == 0;
    gyre_release(&view);
    gyre_close(cache);
    _exit(same ? 0 : 13);
}

TEST(shared_lease, another_process_waits_for_the_value)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    gyre_lease lease = lease_of(cache, "k");
    struct shared_child c[3];
    for (unsigned i = 0; i < 3; i++)
        c[i] = shared_fork(wait_and_read, &s);
    for (unsigned i = 0; i < 3; i++)
        shared_await(&c[i]);
    for (unsigned i = 0; i < 20; i++)
        api_pause();
    CHECK_OK(commit_text(&lease, "value"));
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(shared_wait(&c[i]), 0);
    CHECK_EQ(api_stats(cache).leases, 1);
    gyre_close(cache);
}

/* Deletes; then what this process computes is late. */
static void
delete_it(void *arg, struct shared_child *self)
{
    gyre *cache = open_child(arg);
    int result = gyre_delete(cache, "k", 1);
    gyre_close(cache);
    (void)self;
    _exit(result == GYRE_MISS ? 0 : 14);
}

TEST(shared_lease, a_delete_elsewhere_refuses_the_late_value)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    gyre_lease lease = lease_of(cache, "k");
    struct shared_child c = shared_fork(delete_it, &s);
    CHECK_EQ(shared_wait(&c), 0);
    CHECK_EQ(commit_text(&lease, "late"), GYRE_ESTALE);
    CHECK(is_missing(cache, "k"));
    gyre_close(cache);
}

/* A child that inherits the cache does not end its parent's lease, commits nothing with it, and waits for it like others. */
TEST(shared_lease, a_forked_child_is_another)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    gyre_lease lease = lease_of(cache, "k");
    pid_t child = fork();
    if (child == 0) {
        gyre_view view;
        gyre_lease inherited = lease, own;
        bool right = commit_text(&inherited, "child") == GYRE_ESTALE;
        inherited = lease;
        gyre_lease_abort(&inherited);
        right = right && ask(cache, "k", &view, &own) == GYRE_LEASED;
        _exit(right ? 0 : 1);
    }
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_OK(commit_text(&lease, "parent"));
    CHECK(has_text(cache, "k", "parent"));
    gyre_close(cache);
}

TEST(shared_lease, readers_without_a_record_find_no_value)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD), *reader = shared_open(&s, GYRE_READONLY);
    gyre_lease lease = lease_of(cache, "k");
    char buffer[100];
    size_t size = 0;
    CHECK_EQ(gyre_read(reader, "k", 1, buffer, sizeof buffer, &size), GYRE_MISS);
    gyre_view view;
    gyre_lease none;
    CHECK_EQ(ask(reader, "k", &view, &none), GYRE_EPERM);
    CHECK_OK(commit_text(&lease, "value"));
    CHECK_OK(gyre_read(reader, "k", 1, buffer, sizeof buffer, &size));
    CHECK_EQ(size, 5);
    gyre_close(reader);
    gyre_close(cache);
}

/* ---- a storm of kills ---- */

enum { CHILDREN = 4, KILLS = 120, STORM_KEYS = 4 };

/* Of each key, the number that its value is made from; and as of the last delete that has returned. */
struct truth {
    _Atomic uint64_t number[STORM_KEYS], deleted[STORM_KEYS], stored, computed, late, stopped;
};

struct storm {
    struct shared shared;
    struct truth *truth;
};

static void
raise_number(gyre *cache, struct truth *t, unsigned k, const char *key)
{
    uint64_t number = atomic_fetch_add(&t->number[k], 1) + 1, seen = atomic_load(&t->deleted[k]);
    if (gyre_delete(cache, key, 2) < 0)
        _exit(21);
    while (seen < number && !atomic_compare_exchange_strong(&t->deleted[k], &seen, number))
        ;
}

static void
rage(void *arg, struct shared_child *self)
{
    struct storm *s = arg;
    struct truth *t = s->truth;
    gyre *cache = open_child(&s->shared);
    uint64_t random = (uint64_t)getpid();
    gyre_lease_options options = PATIENT;
    shared_say_ready(self);
    while (!atomic_load(&t->stopped)) {
        unsigned k = (unsigned)(api_random(&random) % STORM_KEYS);
        const char key[3] = {'k', (char)('0' + k), 0};
        gyre_view view;
        gyre_lease lease;
        options.wait_ms = api_random(&random) % 2 ? 5 : GYRE_NO_WAIT;
        uint64_t least = atomic_load(&t->deleted[k]), number = 0;
        int result = gyre_get_or_lease(cache, key, 2, &options, &view, &lease);
        if (result == GYRE_OK) {
            memcpy(&number, view.data, sizeof number);
            gyre_release(&view);
            atomic_fetch_add(&t->late, number < least);
        } else if (result == GYRE_MISS) {
            number = atomic_load(&t->number[k]);
            atomic_fetch_add(&t->computed, 1);
            if (gyre_lease_commit(&lease, &number, sizeof number, NULL) == GYRE_OK)
                atomic_fetch_add(&t->stored, 1);
        } else if (result != GYRE_LEASED && result != GYRE_EBUSY) {
            _exit(22);
        }
        if (api_random(&random) % 64 == 0)
            raise_number(cache, t, k, key);
    }
    gyre_close(cache);
    _exit(0);
}

TEST(shared_lease, kills_at_any_instant)
{
    struct storm s = {.shared = shared_create(1 << 20)};
    s.truth = mmap(NULL, sizeof *s.truth, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(s.truth != MAP_FAILED);
    struct shared_child c[CHILDREN];
    uint64_t random = api_seed("shared_lease");
    for (unsigned i = 0; i < CHILDREN; i++)
        c[i] = shared_fork(rage, &s), shared_await(&c[i]);
    for (unsigned n = 0; n < KILLS; n++) {
        unsigned i = (unsigned)(api_random(&random) % CHILDREN);
        api_pause();
        shared_kill(&c[i]);
        c[i] = shared_fork(rage, &s), shared_await(&c[i]);
    }
    uint64_t stored = atomic_load(&s.truth->stored);
    for (unsigned n = 0; n < API_PAUSES_MOST && atomic_load(&s.truth->stored) == stored; n++)
        api_pause(); /* those who are left go on */
    CHECK(atomic_load(&s.truth->stored) > stored);
    atomic_store(&s.truth->stopped, 1);
    for (unsigned i = 0; i < CHILDREN; i++)
        CHECK_EQ(shared_wait(&c[i]), 0);
    CHECK_EQ(atomic_load(&s.truth->late), 0);
    gyre *cache = shared_open(&s.shared, GYRE_NO_THREAD);
    printf("%llu computed, %llu stored, %llu leases passed on\n", (unsigned long long)s.truth->computed,
           (unsigned long long)s.truth->stored, (unsigned long long)api_stats(cache).leases_passed);
    shared_settle(cache);
    CHECK_EQ(shared_wrong(cache), 0);
    for (unsigned k = 0; k < STORM_KEYS; k++) { /* nobody holds what the dead have held */
        const char key[3] = {'k', (char)('0' + k), 0};
        gyre_view view;
        gyre_lease lease;
        int result = gyre_get_or_lease(cache, key, 2, &PATIENT, &view, &lease);
        CHECK(result == GYRE_OK || result == GYRE_MISS);
        gyre_release(&view);
        gyre_lease_abort(&lease);
    }
    gyre_close(cache);
    munmap(s.truth, sizeof *s.truth);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Threads that come and go, caches that come and go under threads that stay, and fork. */

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"

static void *
use_once(void *arg)
{
    gyre *c = arg;
    uint64_t number = (uint64_t)(uintptr_t)pthread_self();
    char key[32];
    snprintf(key, sizeof key, "thread%llx", (unsigned long long)number);
    CHECK_OK(put_bytes(c, key, 50, number));
    CHECK(has_bytes(c, key, 50, number));
    CHECK_OK(gyre_delete(c, key, strlen(key)));
    return NULL;
}

/* Far more threads than a cache has records for, two at a time. */
static void
threads_come_and_go(uint32_t flags)
{
    gyre *c = api_open(MIB, flags);
    for (unsigned i = 0; i < 3000; i++) {
        pthread_t a, b;
        CHECK_EQ(pthread_create(&a, NULL, use_once, c), 0);
        CHECK_EQ(pthread_create(&b, NULL, use_once, c), 0);
        pthread_join(a, NULL);
        pthread_join(b, NULL);
    }
    gyre_stats s = api_stats(c);
    CHECK_EQ(s.entries, 0);
    CHECK_EQ(s.pinned_bytes, 0);
    CHECK_EQ(s.puts, 6000);
    CHECK_EQ(s.hits, 6000);
    api_close(c);
}

TEST(api_threads, come_and_go)
{
    threads_come_and_go(0);
}

TEST(api_threads, come_and_go_with_liburcu)
{
    threads_come_and_go(GYRE_LIBURCU);
}

struct left {
    gyre *cache;
    gyre_view view;
    gyre_draft draft;
};

static void *
leave_a_view(void *arg)
{
    struct left *l = arg;
    CHECK_OK(put_bytes(l->cache, "view", 800, 3));
    CHECK_OK(gyre_get(l->cache, "view", 4, &l->view));
    CHECK_OK(gyre_reserve(l->cache, "draft", 5, 300, NULL, &l->draft));
    return NULL;
}

TEST(api_threads, views_and_drafts_outlive_their_threads)
{
    for (unsigned flags = 0; flags < 2; flags++) {
        gyre *c = api_open(MIB, flags ? GYRE_LIBURCU : 0);
        enum { N = 20 };
        struct left left[N];
        unsigned found = 0;
        for (unsigned i = 0; i < N; i++) {
            pthread_t thread;
            left[i].cache = c;
            CHECK_EQ(pthread_create(&thread, NULL, leave_a_view, &left[i]), 0);
            pthread_join(thread, NULL);
        }
        for (unsigned i = 0; i < 10000; i++)
            CHECK_OK(put_bytes(c, key_of(i).text, 800, i));
        for (unsigned i = 0; i < N; i++) {
            CHECK(bytes_are(left[i].view.data, 800, 3));
            gyre_release(&left[i].view);
            fill_bytes(left[i].draft.data, 300, i);
            CHECK_OK(gyre_commit(&left[i].draft));
            found += has_bytes(c, "draft", 300, i);
        }
        CHECK_MSG(found > N / 2, "%u drafts found", found); /* the last of an old arena may go at once */
        CHECK_EQ(api_stats(c).pinned_bytes, 0);
        api_close(c);
    }
}

enum { LIVING = 4, ROUNDS = 60 };

struct rounds {
    pthread_barrier_t barrier;
    gyre *cache;
    atomic_uint missed;
};

/* What was put last is there, but for what lost its place to another or was on its way: while the maintenance thread is
 * off its processor in the middle of a doubling, the index is too small, and a word may be in neither place. */
static uint64_t
taken_by_growth(gyre *c)
{
    gyre_stats s = api_stats(c);
    return s.window_conflicts + s.vanished;
}

/* The threads live on while one cache after the other is opened, used by all, and closed. */
static void
live_on(void *arg, unsigned i)
{
    struct rounds *r = arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (i == 0)
            r->cache = api_open(round % 2 ? 128 * KIB : MIB, round % 3 ? 0 : GYRE_LIBURCU);
        pthread_barrier_wait(&r->barrier);
        for (unsigned n = 0; n < 50; n++) {
            struct api_key key = key_of(n * LIVING + i);
            CHECK_OK(put_bytes(r->cache, key.text, 60, n));
            if (!has_bytes(r->cache, key.text, 60, n))
                atomic_fetch_add(&r->missed, 1);
        }
        pthread_barrier_wait(&r->barrier);
        if (i == 0) {
            CHECK(atomic_exchange(&r->missed, 0) <= taken_by_growth(r->cache));
            api_close(r->cache);
        }
    }
}

TEST(api_threads, live_on_when_caches_are_closed)
{
    static struct rounds r;
    pthread_barrier_init(&r.barrier, NULL, LIVING);
    api_threads(LIVING, live_on, &r);
    pthread_barrier_destroy(&r.barrier);
}

static void *
use_many(void *arg)
{
    gyre **caches = arg;
    for (unsigned i = 0; i < 40; i++)
        use_once(caches[i]);
    return NULL;
}

TEST(api_threads, one_thread_uses_many_caches)
{
    gyre *caches[40];
    for (unsigned i = 0; i < 40; i++)
        caches[i] = api_open(64 * KIB, i % 2 ? GYRE_NO_THREAD : GYRE_NO_THREAD | GYRE_LIBURCU);
    for (unsigned round = 0; round < 10; round++) {
        pthread_t thread;
        CHECK_EQ(pthread_create(&thread, NULL, use_many, caches), 0);
        pthread_join(thread, NULL);
    }
    use_many(caches);
    for (unsigned i = 0; i < 40; i++)
        api_close(caches[i]);
}

/* What a process does with a cache that it inherited: 0, or the number of the step that failed. */
static int
use_inherited(gyre *c, unsigned salt)
{
    if (!has_text(c, "before", "fork"))
        return 1;
    uint64_t missed = 0, taken = taken_by_growth(c);
    for (unsigned i = 0; i < 5000; i++) {
        if (put_bytes(c, key_of(i).text, 200, i + salt) != GYRE_OK)
            return 2;
        missed += !has_bytes(c, key_of(i).text, 200, i + salt);
    }
    if (missed > taken_by_growth(c) - taken)
        return 6;
    if (gyre_clear(c) != GYRE_OK || !is_missing(c, key_of(4999).text))
        return 3;
    api_settle(c);
    if (put_text(c, "before", "fork") != GYRE_OK || !has_text(c, "before", "fork"))
        return 4;
    api_settle(c);
    return 0;
}

static void
fork_and_use(uint32_t flags)
{
    gyre *c = api_open(512 * KIB, flags);
    CHECK_OK(put_text(c, "before", "fork"));
    gyre_view view;
    CHECK_OK(put_bytes(c, "held", 300, 1));
    CHECK_OK(gyre_get(c, "held", 4, &view));
    for (unsigned round = 0; round < 5; round++) {
        fflush(NULL);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(300);
            int failed = use_inherited(c, 1000);
            if (failed == 0 && !bytes_are(view.data, 300, 1))
                failed = 5;
            gyre_release(&view);
            if (failed == 0)
                gyre_close(c);
            _exit(failed);
        }
        CHECK_EQ(use_inherited(c, 2000), 0);
        int status = 0;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
    CHECK(bytes_are(view.data, 300, 1));
    gyre_release(&view);
    api_close(c);
}

TEST(api_threads, fork)
{
    fork_and_use(0);
}

TEST(api_threads, fork_without_a_maintenance_thread)
{
    fork_and_use(GYRE_NO_THREAD);
}

TEST(api_threads, fork_with_liburcu)
{
    fork_and_use(GYRE_LIBURCU);
}

struct forked_under {
    gyre *cache;
    atomic_bool stop;
};

static void *
keep_busy(void *arg)
{
    struct forked_under *f = arg;
    for (unsigned n = 0; !atomic_load(&f->stop); n++) {
        gyre_view view;
        CHECK_OK(put_bytes(f->cache, key_of(n % 900).text, 300, n % 900));
        if (gyre_get(f->cache, key_of(n * 7 % 900).text, 16, &view) == GYRE_OK)
            CHECK(bytes_are(view.data, view.size, n * 7 % 900));
        gyre_release(&view);
    }
    return NULL;
}

static int
use_after_busy_fork(gyre *c)
{
    for (unsigned n = 0; n < 4000; n++) {
        if (put_bytes(c, key_of(n % 900).text, 300, n % 900) != GYRE_OK)
            return 1;
        gyre_view view;
        int rc = gyre_get(c, key_of(n * 7 % 900).text, 16, &view);
        if (rc != GYRE_OK && rc != GYRE_MISS)
            return 2;
        if (rc == GYRE_OK && !bytes_are(view.data, view.size, n * 7 % 900))
            return 3;
        gyre_release(&view);
    }
    return 0;
}

/* Another thread is in the middle of a call when this one forks: the child's copy serves on. */
TEST(api_threads, fork_under_load)
{
    static struct forked_under f;
    f.cache = api_open(256 * KIB, 0);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, keep_busy, &f), 0);
    CHECK(use_after_busy_fork(f.cache) == 0);
    for (unsigned round = 0; round < 20; round++) {
        fflush(NULL);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(300);
            _exit(use_after_busy_fork(f.cache));
        }
        int status = 0;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
    atomic_store(&f.stop, true);
    pthread_join(thread, NULL);
    api_close(f.cache);
}

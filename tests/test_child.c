/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What a forked child may do with what it inherited, and what it may not. Children report by their exit
 * status: the number of the first thing that was wrong. */

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <urcu/urcu-bp.h>

#include "registry.h"
#include "room.h"

#define EXPECT(number, condition)                                                                  \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return (number);                                                                       \
    } while (0)

static void
in_a_child(int (*body)(void *arg), void *arg)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(body(arg));
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
}

struct drafts {
    gyre *cache;
    gyre_draft mine, others;
};

static void *
reserve_other(void *arg)
{
    struct drafts *d = arg;
    CHECK_OK(gyre_reserve(d->cache, "others", 6, 5, NULL, &d->others));
    memcpy(d->others.data, "first", 5);
    CHECK_OK(put_text(d->cache, "by another thread", "value")); /* it has a record of its own */
    return NULL;
}

static int
commit_both(void *arg)
{
    struct drafts *d = arg;
    EXPECT(1, gyre_commit(&d->mine) == GYRE_OK);
    EXPECT(2, has_text(d->cache, "mine", "first"));
    EXPECT(3, gyre_commit(&d->others) == GYRE_ESTALE && d->others.data == NULL);
    EXPECT(4, is_missing(d->cache, "others"));
    EXPECT(5, api_stats(d->cache).pinned_bytes == 0);
    for (unsigned i = 0; i < 3000; i++)
        EXPECT(6, put_bytes(d->cache, key_of(i).text, 400, i) == GYRE_OK);
    gyre_close(d->cache);
    return 0;
}

TEST(child, commits_its_own_draft_and_not_another_threads)
{
    pthread_t thread;
    struct drafts d = {.cache = api_open(1 << 20, GYRE_NO_THREAD)};
    CHECK_OK(gyre_reserve(d.cache, "mine", 4, 5, NULL, &d.mine));
    memcpy(d.mine.data, "first", 5);
    CHECK_OK(pthread_create(&thread, NULL, reserve_other, &d));
    CHECK_OK(pthread_join(thread, NULL));
    in_a_child(commit_both, &d);
    CHECK_OK(gyre_commit(&d.mine)); /* the parent's are its own */
    CHECK_OK(gyre_commit(&d.others));
    CHECK(has_text(d.cache, "mine", "first") && has_text(d.cache, "others", "first"));
    api_close(d.cache);
}

static int
use(void *arg)
{
    gyre *cache = arg;
    EXPECT(1, has_text(cache, "key", "value"));
    EXPECT(2, put_text(cache, "key", "another") == GYRE_OK && has_text(cache, "key", "another"));
    gyre_close(cache);
    return 0;
}

/* The child forks again before it has touched the cache. */
static int
fork_again(void *arg)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(use(arg));
    EXPECT(10, child > 0 && waitpid(child, &status, 0) == child && status == 0);
    return use(arg);
}

TEST(child, of_a_child)
{
    gyre *cache = api_open(1 << 20, 0);
    CHECK_OK(put_text(cache, "key", "value"));
    in_a_child(fork_again, cache);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
}

/* Two threads of the child may come to the cache at once: the second finds it mended. */
static int
adopt_twice(void *arg)
{
    gyre *cache = arg;
    gy_registry_adopt(cache);
    uint64_t generation = gy_load_seq(&cache->super->fork_generation);
    gy_registry_adopt(cache);
    EXPECT(1, gy_load_seq(&cache->super->fork_generation) == generation);
    return use(arg);
}

TEST(child, mends_a_cache_once)
{
    gyre *cache = api_open(1 << 20, GYRE_NO_THREAD);
    CHECK_OK(put_text(cache, "key", "value"));
    in_a_child(adopt_twice, cache);
    api_close(cache);
}

/* liburcu knows nothing of fork: a child's caches have sections of their own. */
static int
open_with_liburcu(void *arg)
{
    (void)arg;
    gyre *cache = api_open(1 << 20, GYRE_LIBURCU);
    EXPECT(1, cache->rcu == &gy_rcu_shared);
    EXPECT(2, put_text(cache, "key", "value") == GYRE_OK);
    return use(cache);
}

TEST(child, opens_a_cache_with_liburcu)
{
    gyre *cache = api_open(1 << 20, GYRE_NO_THREAD | GYRE_LIBURCU);
    CHECK_OK(put_text(cache, "key", "value"));
    in_a_child(open_with_liburcu, cache);
    api_close(cache);
}

TEST(child, of_a_thread_inside_a_section_of_the_host)
{
    gyre *cache = api_open(1 << 20, GYRE_NO_THREAD | GYRE_LIBURCU);
    CHECK_OK(put_text(cache, "key", "value"));
    urcu_bp_read_lock();
    in_a_child(use, cache);
    urcu_bp_read_unlock();
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
}

/* As liburcu's manual asks of programs that use it themselves. */
TEST(child, of_a_host_that_calls_liburcus_handlers)
{
    CHECK_EQ(pthread_atfork(urcu_bp_before_fork, urcu_bp_after_fork_parent, urcu_bp_after_fork_child), 0);
    gyre *cache = api_open(1 << 20, 0), *other = api_open(1 << 20, GYRE_LIBURCU);
    CHECK_OK(put_text(cache, "key", "value"));
    CHECK_OK(put_text(other, "key", "value"));
    in_a_child(use, cache);
    in_a_child(use, other);
    api_close(other);
    api_close(cache);
}

TEST(child, reaps_pins_that_make_no_sense)
{
    gyre *cache = api_open(1 << 20, GYRE_NO_THREAD);
    CHECK_OK(put_text(cache, "key", "value"));
    struct gy_record *other = &cache->records[7];
    gy_store_seq(&cache->super->n_records_used, 8);
    gy_store_seq(&other->owner, 4711);
    gy_store_seq(&other->pin[GY_PIN_PUT], gy_pin_word(cache, cache->g.n_arenas, GY_PIN_RESERVING));
    gy_record_reap_quiet(cache, gy_load_seq(&room_record(cache)->owner));
    CHECK_EQ(gy_load_seq(&other->pin[GY_PIN_PUT]), 0);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        CHECK_EQ(gy_load_seq(&cache->books[a].holed), 0);
    gyre_close(cache);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A forked child and the shared cache that it inherits: it becomes a member of its own, and its parent notices nothing.
 * Children report by their exit status: the number of the first thing that was wrong. */

#include "members.h"

#include <pthread.h>

enum { KEYS = 100, SIZE = 100 };

#define EXPECT(number, condition)                                                                  \
    do {                                                                                           \
        if (!(condition))                                                                          \
            _exit(number);                                                                         \
    } while (0)

static gyre *
open_full(struct shared *s, uint32_t flags)
{
    *s = shared_create(1 << 20);
    gyre *cache = shared_open(s, flags);
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
    return cache;
}

static void
expect_alone(gyre *cache)
{
    shared_settle(cache);
    CHECK_EQ(shared_wrong(cache), 0);
}

static void
use_and_close(void *arg, struct shared_child *self)
{
    gyre *cache = arg;
    (void)self;
    for (unsigned k = 0; k < KEYS; k++) {
        EXPECT(1, has_bytes(cache, key_of(k).text, SIZE, k));
        EXPECT(2, put_bytes(cache, key_of(k).text, SIZE, k + 1) == GYRE_OK);
    }
    EXPECT(3, gyre_delete(cache, key_of(7).text, 16) == GYRE_OK);
    EXPECT(4, shared_members(cache) == 2);
    gyre_close(cache);
}

TEST(members_fork, a_child_uses_what_it_inherited)
{
    struct shared s;
    gyre *cache = open_full(&s, 0);
    struct gy_record *mine = room_record(cache);
    uint64_t owner = gy_load_seq(&mine->owner);
    struct shared_child c = shared_fork(use_and_close, cache);
    CHECK_EQ(shared_wait(&c), 0);
    CHECK(is_missing(cache, key_of(7).text));
    CHECK(has_bytes(cache, key_of(8).text, SIZE, 9)); /* it is one cache */
    CHECK(room_record(cache) == mine);
    CHECK_EQ(gy_load_seq(&mine->owner), owner);
    CHECK_EQ(shared_members(cache), 1);
    gyre_close(cache);
}

static void
just_die(void *arg, struct shared_child *self)
{
    EXPECT(1, has_bytes(arg, key_of(1).text, SIZE, 1));
    gyre_view view;
    EXPECT(2, gyre_get(arg, key_of(2).text, 16, &view) == GYRE_OK);
    (void)self;
}

TEST(members_fork, a_child_that_exits_without_a_word_is_cleared_up_after)
{
    struct shared s;
    gyre *cache = open_full(&s, GYRE_NO_THREAD);
    for (unsigned i = 0; i < 20; i++) {
        struct shared_child c = shared_fork(just_die, cache);
        CHECK_EQ(shared_wait(&c), 0);
    }
    expect_alone(cache);
    gyre_close(cache);
}

struct inherited {
    gyre *cache;
    gyre_view view;
    gyre_draft draft, other;
};

static void
release_inherited(void *arg, struct shared_child *self)
{
    struct inherited *h = arg;
    (void)self;
    EXPECT(1, bytes_are(h->view.data, SIZE, 3)); /* the parent holds it */
    gyre_release(&h->view);
    gyre_release(&h->view);
    EXPECT(2, gyre_commit(&h->draft) == GYRE_ESTALE);
    gyre_abort(&h->other);
    EXPECT(3, is_missing(h->cache, "draft"));
    EXPECT(4, has_bytes(h->cache, key_of(3).text, SIZE, 3));
    gyre_view own;
    EXPECT(5, gyre_get(h->cache, key_of(4).text, 16, &own) == GYRE_OK);
    EXPECT(6, bytes_are(own.data, SIZE, 4));
    struct inherited again = {.cache = h->cache, .view = own};
    pid_t pid = fork();
    if (pid == 0) { /* the child of the child: the same with both */
        EXPECT(11, bytes_are(again.view.data, SIZE, 4));
        gyre_release(&again.view);
        EXPECT(12, has_bytes(h->cache, key_of(5).text, SIZE, 5));
        gyre_close(h->cache);
        _exit(0);
    }
    int status;
    EXPECT(7, waitpid(pid, &status, 0) == pid && status == 0);
    EXPECT(8, gy_load_seq((gy_atomic_u64 *)(uintptr_t)own.priv[0]) == own.priv[1]);
    gyre_release(&own);
    EXPECT(9, gy_load_seq((gy_atomic_u64 *)(uintptr_t)again.view.priv[0]) == 0);
    gyre_close(h->cache);
}

TEST(members_fork, what_the_parent_holds_is_not_the_childs_to_release)
{
    struct shared s;
    struct inherited h = {.cache = open_full(&s, GYRE_NO_THREAD)};
    CHECK_OK(gyre_get(h.cache, key_of(3).text, 16, &h.view));
    CHECK_OK(gyre_reserve(h.cache, "draft", 5, 5, NULL, &h.draft));
    CHECK_OK(gyre_reserve(h.cache, "other", 5, 5, NULL, &h.other));
    memcpy(h.draft.data, "value", 5);
    uint64_t drafts = gy_load_seq(&h.cache->members[gy_member_place(h.cache->member)].draft_bytes);
    struct shared_child c = shared_fork(release_inherited, &h);
    CHECK_EQ(shared_wait(&c), 0);
    CHECK_EQ(gy_load_seq((gy_atomic_u64 *)(uintptr_t)h.view.priv[0]), h.view.priv[1]);
    CHECK_EQ(gy_load_seq(&h.cache->members[gy_member_place(h.cache->member)].draft_bytes), drafts);
    CHECK(bytes_are(h.view.data, SIZE, 3));
    gyre_release(&h.view);
    CHECK_OK(gyre_commit(&h.draft));
    CHECK(has_text(h.cache, "draft", "value"));
    gyre_abort(&h.other);
    CHECK_EQ(gy_load_seq(&h.cache->members[gy_member_place(h.cache->member)].draft_bytes), 0);
    expect_alone(h.cache);
    gyre_close(h.cache);
}

/* A parent that holds views and forks; the child stays when it is killed, and uses the cache or not. */
static void
fork_and_wait(void *arg, struct shared_child *self)
{
    int result;
    gyre *cache = shared_try_open(arg, 0, &result);
    gyre_view view;
    EXPECT(1, cache != NULL && gyre_get(cache, key_of(1).text, 16, &view) == GYRE_OK);
    for (int uses = 0; uses < 2; uses++)
        if (fork() == 0) {
            EXPECT(2, !uses || has_bytes(cache, key_of(2).text, SIZE, 2));
            shared_say_ready(self);
            shared_hold(self);
        }
    shared_hold(self);
}

TEST(members_fork, the_death_of_a_parent_is_found_while_its_children_live)
{
    struct shared s;
    gyre *cache = open_full(&s, GYRE_NO_THREAD);
    struct shared_child c = shared_fork(fork_and_wait, &s);
    shared_await(&c);
    shared_await(&c);
    CHECK_EQ(shared_members(cache), 3);
    uint32_t held = 0, at = 0;
    for (uint32_t place = 0; place < cache->g.n_members; place++) {
        uint64_t word = gy_load_seq(&cache->members[place].word);
        if (gy_member_state(word) == GY_MEMBER_JOINED && gy_member_who(word) == (uint32_t)c.pid)
            at = place;
    }
    CHECK_EQ(gy_process_lock_look(cache->locks, at), GY_LOCK_HELD);
    CHECK(api_stats(cache).pinned_bytes > 0);
    kill(c.pid, SIGKILL);
    waitpid(c.pid, NULL, 0);
    CHECK_EQ(gy_process_lock_look(cache->locks, at), GY_LOCK_FREE); /* as another namespace would see it */
    gy_reap_now(cache);
    CHECK_EQ(shared_members(cache), 2);
    CHECK_EQ(api_stats(cache).pinned_bytes, 0);
    for (uint32_t i = 0; i < cache->g.n_records; i++)
        held += gy_load_seq(&cache->records[i].owner) != 0;
    CHECK_EQ(held, 2);
    close(c.ready[0]), close(c.hold[1]);
    for (unsigned n = 0; n < API_PAUSES_MOST && shared_members(cache) > 1; n++) {
        gy_reap_now(cache);
        api_pause();
    }
    expect_alone(cache);
    gyre_close(cache);
}

/* Children of a process whose threads are in all of it. */
static _Atomic bool stop_;

static void *
churn(void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)&seed;
    while (!stop_) {
        uint64_t k = 100 + api_random(&seed) % 5000;
        put_bytes(arg, key_of(k).text, 100 + k % 300, k);
    }
    return NULL;
}

/* ThreadSanitizer knows one process: arenas that a child has freed in between are a race of its parent's threads to it. */
#ifdef GY_TSAN
static const bool children_put = false;
#else
static const bool children_put = true;
#endif

static void
use_busy(void *arg, struct shared_child *self)
{
    (void)self;
    for (uint64_t k = 0; k < 300; k++) {
        EXPECT(1, !children_put || put_bytes(arg, key_of(k + 10000).text, 100, k) == GYRE_OK);
        gyre_view view;
        int result = gyre_get(arg, key_of(k + 100).text, 16, &view);
        EXPECT(2, result == GYRE_MISS || (result == GYRE_OK && bytes_are(view.data, 100 + (k + 100) % 300, k + 100)));
        gyre_release(&view);
    }
    gyre_close(arg);
}

TEST(members_fork, in_the_middle_of_the_work_of_other_threads)
{
    struct shared s;
    gyre *cache = open_full(&s, 0);
    pthread_t thread[2];
    stop_ = false;
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, churn, cache), 0);
    for (unsigned i = 0; i < 30; i++) {
        struct shared_child c = shared_fork(use_busy, cache);
        CHECK_EQ(shared_wait(&c), 0);
    }
    stop_ = true;
    for (unsigned i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    gy_worker_stop(cache);
    expect_alone(cache);
    gyre_close(cache);
}

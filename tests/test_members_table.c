/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The table of members, their names, and who is refused. */

#include "members.h"

#include <pthread.h>

static void *
hold_and_exit(void *arg)
{
    static gyre_view view[3];
    gyre *cache = arg;
    for (unsigned i = 0; i < 3; i++)
        CHECK_OK(gyre_get(cache, key_of(i).text, strlen(key_of(i).text), &view[i]));
    return view;
}

TEST(members_table, views_that_outlive_their_thread_die_with_their_member)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD), *other = shared_open(&s, GYRE_NO_THREAD);
    shared_put_all(cache);
    for (unsigned round = 0; round < 2; round++) {
        pthread_t thread;
        void *views;
        CHECK_EQ(pthread_create(&thread, NULL, hold_and_exit, other), 0);
        CHECK_EQ(pthread_join(thread, &views), 0);
        CHECK_EQ(shared_members(cache), 2);
        CHECK(api_stats(cache).pinned_bytes > 0);
        for (unsigned i = 0; i < 3 && round == 0; i++)
            gyre_release(&((gyre_view *)views)[i]);
        CHECK_EQ(api_stats(cache).pinned_bytes > 0, round == 1);
    }
    gyre_close(other);
    CHECK_EQ(api_stats(cache).pinned_bytes, 0);
    shared_expect_alone(cache);
    gyre_close(cache);
}

/* Records that are let go in a section leave none behind. */
TEST(members_table, a_record_is_let_go_without_its_section)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    struct gy_record *r = room_record(cache);
    cache->rcu->enter(cache, r);
    gy_record_let_go(r, 0);
    CHECK_EQ(gy_load_seq(&r->section), 0);
    CHECK_EQ(gy_load_seq(&r->owner), 0);
    gyre_close(cache);
}

TEST(members_table, a_name_is_not_used_again)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    uint32_t last = 0;
    for (unsigned i = 0; i < 20; i++) {
        gyre *other = shared_open(&s, GYRE_NO_THREAD);
        CHECK(other->member != last && other->member != cache->member);
        last = other->member;
        gyre_close(other);
    }
    CHECK_EQ(shared_members(cache), 1);
    gyre_close(cache);
}

TEST(members_table, the_table_of_members_is_full)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    for (uint32_t place = 1; place < cache->g.n_members; place++)
        gy_store_seq(&cache->members[place].word, gy_member_word(GY_MEMBER_JOINING, 1, (uint32_t)getpid()));
    int result;
    CHECK(shared_try_open(&s, GYRE_NO_THREAD, &result) == NULL);
    CHECK_EQ(result, GYRE_EBUSY);
    gy_store_seq(&cache->super->n_members_used, cache->g.n_members);
    gy_reap_now(cache); /* nobody holds the lock of their places: they died in joining */
    CHECK_EQ(shared_members(cache), 1);
    gyre *other = shared_open(&s, GYRE_NO_THREAD);
    CHECK_EQ(shared_members(cache), 2);
    gyre_close(other);
    gyre_close(cache);
}

#ifdef GY_POINTS
TEST(members_table, who_cannot_order_memory_as_the_others_is_refused)
{
    struct shared s = shared_create(1 << 20);
    int result;
    gy_point_no_membarrier = true;
    CHECK(shared_try_open(&s, GYRE_NO_THREAD, &result) == NULL);
    CHECK_EQ(result, GYRE_EPERM);
    gyre_options o = api_options(1 << 20, 0);
    struct shared fences = shared_create_with(&o, true);
    gyre *cache = shared_open(&fences, GYRE_NO_THREAD); /* fences can be made by all */
    gy_point_no_membarrier = false;
    shared_put_all(cache);
    struct shared_child c = shared_fork(shared_use, &fences);
    CHECK_EQ(shared_wait(&c), 0);
    shared_expect_alone(cache);
    gyre_close(cache);
}
#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The ends of ranges and of resources: no pin and no record left, no memory for a larger index, clocks at
 * their first and last moment, entries that fill an arena to the byte. */

#include <pthread.h>
#include <urcu/urcu-bp.h>

#include "room.h"

static gyre *
open_one(void)
{
    return api_open(1 << 20, GYRE_NO_THREAD);
}

static void
in_a_thread(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, body, arg), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static int
visit_nothing(void *arg, const void *key, size_t key_size, const gyre_view *view)
{
    (void)arg, (void)key, (void)key_size, (void)view;
    return 0;
}

TEST(edges, no_pin_is_left)
{
    gyre *cache = open_one();
    CHECK_OK(put_text(cache, "key", "value"));
    struct gy_record *mine = room_record(cache);
    for (uint32_t i = 0; i < cache->g.n_records; i++)
        if (&cache->records[i] != mine)
            gy_store_seq(&cache->records[i].owner, 1);
    for (unsigned p = GY_PIN_VIEWS; p < GY_PINS; p++)
        gy_store_seq(&mine->pin[p], gy_pin_word(cache, 0, GY_PIN_READ));
    gyre_view view;
    gyre_draft draft;
    CHECK_EQ(gyre_get(cache, "key", 3, &view), GYRE_EBUSY);
    CHECK_EQ(gyre_scan(cache, visit_nothing, NULL), GYRE_EBUSY);
    CHECK_EQ(gyre_reserve(cache, "new", 3, 8, NULL, &draft), GYRE_EBUSY);
    CHECK(draft.data == NULL);
    for (unsigned p = GY_PIN_VIEWS; p < GY_PINS; p++)
        gy_store_seq(&mine->pin[p], 0);
    CHECK(has_text(cache, "key", "value"));
    CHECK_OK(gyre_scan(cache, visit_nothing, NULL));
    gyre_close(cache);
}

static void *
keep_a_view(void *arg)
{
    gyre_view *view = ((void **)arg)[1];
    CHECK_OK(gyre_get(((void **)arg)[0], "key", 3, view));
    return NULL;
}

/* A record to which a view of an exited thread belongs is taken when there is no other. */
TEST(edges, only_records_with_views_of_exited_threads_are_left)
{
    gyre *cache = open_one();
    CHECK_OK(put_text(cache, "key", "value"));
    gyre_view view, second;
    in_a_thread(keep_a_view, (void *[]){cache, &view});
    gyre_stats s = api_stats(cache);
    CHECK_EQ(s.oldest_pin_pid, gy_os_pid()); /* whose thread it was is no longer known */
    CHECK_EQ(s.oldest_pin_tid, 0);
    struct gy_record *mine = room_record(cache), *left = NULL;
    for (uint32_t i = 0; i < cache->g.n_records; i++) {
        struct gy_record *r = &cache->records[i];
        if (gy_load_seq(&r->pin[GY_PIN_VIEWS]) != 0)
            left = r;
        else if (r != mine)
            gy_store_seq(&r->owner, 1);
    }
    CHECK(left != NULL);
    in_a_thread(keep_a_view, (void *[]){cache, &second});
    CHECK(gy_load_seq(&left->pin[GY_PIN_VIEWS]) != 0);
    CHECK(view.priv[0] != second.priv[0]);
    gyre_release(&view);
    gyre_release(&second);
    gyre_close(cache);
}

TEST(edges, a_copy_of_a_view_is_given_back_twice)
{
    gyre *cache = open_one();
    CHECK_OK(put_text(cache, "key", "value"));
    gyre_view view, copy;
    CHECK_OK(gyre_get(cache, "key", 3, &view));
    copy = view;
    gyre_release(&view);
    gyre_release(&copy);
    CHECK_EQ(api_stats(cache).pinned_bytes, 0);
    api_close(cache);
}

/* A further record in front of the thread's first: when the thread comes back after it has used more caches
 * than it has seats, it finds its first. */
static void *
overflow_and_return(void *arg)
{
    gyre *cache = arg;
    gyre_view views[GY_PINS + 1];
    struct gy_record *first = room_record(cache);
    gy_store_seq(&cache->records[0].owner, 0); /* as if the thread there had exited */
    for (unsigned i = 0; i < GY_PINS; i++)
        CHECK_OK(gyre_get(cache, "key", 3, &views[i]));
    CHECK(cache->records[0].is_further);
    gyre *others[GY_SEATS + 1];
    for (unsigned i = 0; i <= GY_SEATS; i++) {
        others[i] = open_one();
        CHECK_OK(put_text(others[i], "key", "value"));
    }
    CHECK(room_record(cache) == first);
    for (unsigned i = 0; i <= GY_SEATS; i++)
        gyre_close(others[i]);
    for (unsigned i = 0; i < GY_PINS; i++)
        gyre_release(&views[i]);
    return NULL;
}

TEST(edges, a_thread_comes_back_to_its_first_record)
{
    gyre *cache = open_one();
    CHECK_OK(put_text(cache, "key", "value")); /* record 0 is this thread's */
    in_a_thread(overflow_and_return, cache);
    gyre_close(cache);
}

/* ---- clocks ------------------------------------------------------------------------------------ */

TEST(edges, a_clock_before_its_start_and_at_its_end)
{
    struct api_clock clock = {1000000};
    gyre_options o = api_options(1 << 20, GYRE_NO_THREAD);
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    gyre_view view;
    o.clock_ms = api_clock_read, o.clock_arg = &clock;
    gyre *cache = api_open_with(&o);
    put.ttl_ms = 1000;
    CHECK_OK(gyre_put(cache, "key", 3, "value", 5, &put));
    clock.ms = 10; /* it must not, but it stands still then */
    CHECK(has_text(cache, "key", "value"));
    clock.ms = UINT64_MAX;
    CHECK(is_missing(cache, "key"));
    put.ttl_ms = GYRE_NO_TTL - 1;
    clock.ms = 1000000 + (UINT64_MAX - 1000000);
    CHECK_OK(gyre_put(cache, "key", 3, "value", 5, &put));
    CHECK_OK(gyre_get(cache, "key", 3, &view));
    CHECK(view.ttl_left_ms > 0);
    gyre_release(&view);
    api_close(cache);
}

TEST(edges, expiry_does_not_wrap)
{
    struct api_clock clock = {0};
    gyre_options o = api_options(1 << 20, GYRE_NO_THREAD);
    o.clock_ms = api_clock_read, o.clock_arg = &clock;
    gyre *cache = api_open_with(&o);
    clock.ms = UINT64_MAX - 5;
    CHECK_EQ(gy_insert_expiry(cache, 1000), UINT64_MAX);
    api_close(cache);
}

/* ---- sizes ------------------------------------------------------------------------------------- */

TEST(edges, a_touch_that_adds_an_expiry_to_an_entry_without_room_for_one)
{
    gyre *cache = open_one();
    uint64_t arena = cache->arena_bytes;
    char *key = malloc(arena), *value = calloc(1, arena);
    CHECK(key != NULL && value != NULL);
    memset(key, 'k', arena);
    size_t value_size = cache->g.max_value_bytes, key_size = 1;
    while (gyre_put(cache, key, key_size + 1, value, value_size, NULL) == GYRE_OK)
        key_size++;
    CHECK_OK(gyre_put(cache, key, key_size, value, value_size, NULL));
    CHECK_EQ(gyre_touch(cache, key, key_size, 1000), GYRE_E2BIG);
    CHECK_OK(gyre_touch(cache, key, key_size, GYRE_NO_TTL));
    free(key);
    free(value);
    api_close(cache);
}

TEST(edges, a_mapping_larger_than_the_address_space)
{
    CHECK(gy_os_map(SIZE_MAX - 100, 4096) == NULL);
}

TEST(edges, statistics_of_an_absurd_size)
{
    gyre *cache = open_one();
    gyre_stats s = GYRE_STATS_INIT;
    s.struct_size = 65540;
    CHECK_EQ(gyre_stats_read(cache, &s), GYRE_EINVAL);
    api_close(cache);
}

/* ---- sections of the host ---------------------------------------------------------------------- */

TEST(edges, maintenance_inside_a_section_of_the_host)
{
    gyre *cache = api_open(1 << 20, GYRE_NO_THREAD | GYRE_LIBURCU);
    CHECK_OK(put_text(cache, "key", "value"));
    CHECK_OK(gyre_clear(cache));
    urcu_bp_read_lock();
    for (unsigned i = 0; i < 10; i++)
        CHECK(gyre_maintain(cache, 0) >= 0); /* it would wait for itself: the grace period has to wait */
    CHECK_EQ(api_stats(cache).grace_periods, 0);
    urcu_bp_read_unlock();
    api_settle(cache);
    CHECK(api_stats(cache).grace_periods > 0);
    api_close(cache);
}

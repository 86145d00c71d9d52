/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "rcu/record.h"

#include <pthread.h>

#include "room.h"

static gyre *
open_one(void)
{
    return api_open(1 << 20, GYRE_NO_THREAD);
}

static unsigned
owned(gyre *cache)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < cache->g.n_records; i++)
        n += gy_load_seq(&cache->records[i].owner) != 0;
    return n;
}

static void
in_a_thread(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, body, arg), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST(record, pins_keep_their_fields)
{
    gyre *cache = open_one();
    for (uint32_t arena = 0; arena < 0xfffffe; arena = arena * 3 + 1)
        for (unsigned kind = 0; kind < 3; kind++) {
            uint64_t pin = gy_pin_word(cache, arena, (enum gy_pin_kind)kind);
            CHECK(pin != 0);
            CHECK_EQ(gy_pin_arena(pin), arena);
            CHECK_EQ(gy_pin_kind(pin), kind);
            CHECK_EQ(gy_pin_tick(pin), gy_load_seq(&cache->super->pin_base) >> 32);
        }
    api_close(cache);
}

static void *
find_record(void *arg)
{
    gyre *cache = arg;
    struct gy_record *r = room_record(cache);
    CHECK(room_record(cache) == r); /* the same one each time */
    CHECK_EQ(gy_load_seq(&r->owner), (uint64_t)gy_os_pid() << 32 | gy_os_tid());
    return r;
}

TEST(record, a_thread_has_one_and_gives_it_back_at_its_exit)
{
    gyre *cache = open_one();
    CHECK_EQ(owned(cache), 0); /* opening a cache needs none */
    struct gy_record *mine = find_record(cache);
    CHECK_EQ(owned(cache), 1);
    for (unsigned i = 0; i < 50; i++)
        in_a_thread(find_record, cache);
    CHECK_EQ(owned(cache), 1);
    CHECK_EQ(gy_load_seq(&cache->super->n_records_used), 2); /* one after another, they used the same */
    CHECK(room_record(cache) == mine);
    api_close(cache);
}

struct meeting {
    gyre *cache;
    pthread_barrier_t all_have_one;
    struct gy_record *record[16];
};

static void
meet(void *arg, unsigned i)
{
    struct meeting *m = arg;
    m->record[i] = find_record(m->cache);
    pthread_barrier_wait(&m->all_have_one);
}

TEST(record, threads_at_once_have_different_ones)
{
    struct meeting m = {.cache = open_one()};
    pthread_barrier_init(&m.all_have_one, NULL, 16);
    api_threads(16, meet, &m);
    for (unsigned i = 0; i < 16; i++)
        for (unsigned j = 0; j < i; j++)
            CHECK(m.record[i] != m.record[j]);
    pthread_barrier_destroy(&m.all_have_one);
    CHECK_EQ(owned(m.cache), 0);
    api_close(m.cache);
}

/* More caches than a thread has seats: it finds its records again. */
TEST(record, many_caches_in_one_thread)
{
    enum { CACHES = 3 * GY_SEATS };
    gyre *cache[CACHES];
    struct gy_record *r[CACHES];
    for (unsigned i = 0; i < CACHES; i++) {
        cache[i] = open_one();
        r[i] = room_record(cache[i]);
    }
    uint64_t seed = api_seed("record");
    for (unsigned round = 0; round < 1000; round++) {
        unsigned i = (unsigned)(api_random(&seed) % CACHES);
        CHECK(room_record(cache[i]) == r[i]);
        CHECK_EQ(owned(cache[i]), 1);
    }
    for (unsigned i = 0; i < CACHES; i++)
        api_close(cache[i]);
}

/* A seat of a closed cache is not taken for one of a cache at the same address. */
TEST(record, a_closed_cache_leaves_nothing_in_the_seats)
{
    for (unsigned i = 0; i < 20; i++) {
        gyre *cache = open_one();
        struct gy_record *r = room_record(cache);
        CHECK(r >= cache->records && r < cache->records + cache->g.n_records);
        CHECK_EQ(owned(cache), 1);
        api_close(cache);
    }
}

TEST(record, views_past_its_pins_take_further_records)
{
    enum { OWN = GY_PINS - GY_PIN_VIEWS, VIEWS = 3 * OWN };
    gyre *cache = open_one();
    gyre_view view[VIEWS];
    CHECK_OK(put_text(cache, "key", "value"));
    for (unsigned i = 0; i < VIEWS; i++) {
        CHECK_OK(gyre_get(cache, "key", 3, &view[i]));
        CHECK_EQ(owned(cache), i / OWN + 1);
        for (unsigned j = 0; j < i; j++)
            CHECK(view[i].priv[0] != view[j].priv[0]);
    }
    for (unsigned i = 0; i < VIEWS; i += 2)
        gyre_release(&view[i]);
    for (unsigned i = 0; i < VIEWS; i += 2)
        CHECK_OK(gyre_get(cache, "key", 3, &view[i])); /* into the gaps */
    CHECK_EQ(owned(cache), 3);
    for (unsigned i = 0; i < VIEWS; i++)
        gyre_release(&view[i]);
    api_close(cache);
}

struct held {
    gyre *cache;
    gyre_view view[20];
};

static void *
hold_and_leave(void *arg)
{
    struct held *h = arg;
    for (unsigned i = 0; i < 20; i++)
        CHECK_OK(gyre_get(h->cache, "held", 4, &h->view[i]));
    return NULL;
}

static void *
use_many_pins(void *arg)
{
    struct held *h = arg;
    gyre_view view[40];
    for (unsigned i = 0; i < 40; i++) {
        CHECK_OK(gyre_get(h->cache, "other", 5, &view[i]));
        for (unsigned j = 0; j < 20; j++)
            CHECK(view[i].priv[0] != h->view[j].priv[0]);
    }
    for (unsigned i = 0; i < 40; i++)
        gyre_release(&view[i]);
    return NULL;
}

/* The next owner of the record leaves the pins alone, and so does the sweep. */
TEST(record, pins_outlive_their_thread)
{
    struct held h = {.cache = open_one()};
    CHECK_OK(put_bytes(h.cache, "held", 3000, 7));
    CHECK_OK(put_text(h.cache, "other", "value"));
    in_a_thread(hold_and_leave, &h);
    CHECK_EQ(owned(h.cache), 1);
    in_a_thread(use_many_pins, &h);
    CHECK_OK(put_text(h.cache, "other", "value"));
    for (unsigned i = 0; i < 4000; i++)
        CHECK_OK(put_bytes(h.cache, key_of(i).text, 1000, i)); /* the cache turns over several times */
    for (unsigned i = 0; i < 20; i++) {
        CHECK_EQ(gy_load_seq((gy_atomic_u64 *)(uintptr_t)h.view[i].priv[0]), h.view[i].priv[1]);
        CHECK(h.view[i].size == 3000 && bytes_are(h.view[i].data, 3000, 7));
        gyre_release(&h.view[i]);
    }
    CHECK_EQ(api_stats(h.cache).pinned_bytes, 0);
    api_close(h.cache);
}

static void *
expect_busy(void *arg)
{
    int error = 0;
    CHECK(gy_record_of(arg, &error) == NULL);
    CHECK_EQ(error, GYRE_EBUSY);
    gyre_view view;
    CHECK_EQ(gyre_get(arg, "key", 3, &view), GYRE_EBUSY);
    CHECK_EQ(gyre_put(arg, "new", 3, "v", 1, NULL), GYRE_EBUSY);
    CHECK_EQ(gyre_delete(arg, "key", 3), GYRE_EBUSY);
    CHECK_EQ(gyre_maintain(arg, 0), GYRE_EBUSY);
    return NULL;
}

static void *
take_all(void *arg)
{
    gyre *cache = arg;
    struct gy_record *r = room_record(cache);
    gy_atomic_u64 *pin;
    unsigned n = 0;
    gyre_view view;
    for (; (pin = gy_record_view_pin(cache, r)) != NULL; n++)
        gy_store_seq(pin, gy_pin_word(cache, 0, GY_PIN_READ));
    CHECK_EQ(owned(cache), cache->g.n_records);
    CHECK_EQ(n, cache->g.n_records * (GY_PINS - GY_PIN_VIEWS));
    CHECK_EQ(gyre_get(cache, "key", 3, &view), GYRE_EBUSY); /* but what needs no view goes on */
    CHECK_EQ(gyre_read(cache, "key", 3, NULL, 0, NULL), GYRE_E2BIG);
    in_a_thread(expect_busy, cache);
    for (uint32_t i = 0; i < cache->g.n_records; i++)
        for (unsigned p = 0; p < GY_PINS; p++)
            gy_pin_clear(&cache->records[i].pin[p]);
    CHECK_OK(gyre_get(cache, "key", 3, &view));
    gyre_release(&view);
    return NULL;
}

TEST(record, busy_when_all_are_taken_and_fine_when_they_are_back)
{
    gyre *cache = open_one();
    CHECK_OK(put_text(cache, "key", "value"));
    gy_record_leave(cache);
    in_a_thread(take_all, cache);
    CHECK_EQ(owned(cache), 0);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Which way a get, a read and a batch of gets take: the straight one (hit.h) wherever they can, and never where a
 * reader has to fence. The answers are the same; in builds with points, it is seen who looked at the key's slot. */

#include <sys/wait.h>
#include <unistd.h>

#include "hit.h"
#include "trap.h"

enum { KEYS = 64, KEY_BYTES = 16, MOST = 256 };

/* One key of a cache, and the slot in which it stands. */
struct stand {
    gyre *cache;
    struct api_key key;
    uint64_t tag;
    size_t size;
    gy_atomic_u64 *slot;
};

static gyre *
open_filled(void)
{
    gyre *cache = api_open(4 * MIB, GYRE_NO_THREAD);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 2 * i, i));
    return cache;
}

static struct stand
stand_of(gyre *cache, unsigned i)
{
    struct stand s = {cache, key_of(i), i, 2 * i, NULL};
    uint64_t word = room_word(cache, s.key.text);
    struct gy_window w;
    gy_index_window(cache, room_hash(cache, s.key.text), &w);
    for (unsigned b = 0; b < w.n; b++)
        for (unsigned n = 0; n < GY_BUCKET_SLOTS; n++)
            if (word != 0 && gy_load_acq(&w.bucket[b]->slot[n]) == word)
                s.slot = &w.bucket[b]->slot[n];
    CHECK(s.slot != NULL);
    return s;
}

/* The same key, in its bucket number b. */
static struct stand
stand_in(gyre *cache, unsigned i, unsigned b)
{
    struct stand s = stand_of(cache, i);
    uint64_t word = gy_load_acq(s.slot);
    struct gy_window w;
    gy_index_window(cache, room_hash(cache, s.key.text), &w);
    gy_store_seq(s.slot, GY_EMPTY);
    s.slot = w.bucket[b]->slot;
    while (gy_load_acq(s.slot) != GY_EMPTY)
        s.slot++;
    CHECK(s.slot < w.bucket[b]->slot + GY_BUCKET_SLOTS);
    gy_store_seq(s.slot, word);
    return s;
}

enum way { STRAIGHT, GENERAL, ABSENT };

#ifdef GY_POINTS
static const gy_atomic_u64 *watched_slot, *watched_geometry;
static unsigned straight_looks, general_looks;

static void
look_out(const char *file, int line, const volatile void *address)
{
    (void)line;
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    straight_looks += address == watched_slot && strcmp(name, "hit.h") == 0;
    general_looks += address == watched_geometry && strcmp(name, "index.h") == 0;
}

/* Of a thread whose seat in the cache is the first: only then gets go straight. */
static void
watch(const struct stand *s)
{
    room_record(s->cache);
    watched_slot = s->slot;
    watched_geometry = &gy_shard_of(s->cache, room_hash(s->cache, s->key.text))->geometry;
    straight_looks = general_looks = 0;
    gy_point_hook = look_out;
}

static bool
went(enum way way)
{
    gy_point_hook = NULL;
    return way == STRAIGHT ? straight_looks >= 2 && general_looks == 0 : straight_looks == 0 && general_looks > 0;
}
#else
static void
watch(const struct stand *s)
{
    room_record(s->cache);
}

static bool
went(enum way way)
{
    (void)way;
    return true;
}
#endif

static void
check_free(gyre *cache)
{
    for (unsigned p = 0; p < GY_PINS; p++)
        CHECK_EQ(gy_load_acq(&room_record(cache)->pin[p]), 0);
}

static void
check_read(const struct stand *s, enum way way)
{
    char buffer[MOST];
    size_t size = 77;
    watch(s);
    int result = gyre_read(s->cache, s->key.text, KEY_BYTES, buffer, sizeof buffer, &size);
    CHECK(went(way));
    CHECK_EQ(result, way == ABSENT ? GYRE_MISS : GYRE_OK);
    CHECK(way == ABSENT || (size == s->size && bytes_are(buffer, size, s->tag)));
}

/* All three ways to ask for one key. */
static void
check_ways(const struct stand *s, enum way way)
{
    gyre_view view;
    int result;
    memset(&view, 0xee, sizeof view);
    watch(s);
    CHECK_EQ(gyre_get(s->cache, s->key.text, KEY_BYTES, &view), way == ABSENT ? GYRE_MISS : GYRE_OK);
    CHECK(went(way));
    CHECK(way == ABSENT || bytes_are(view.data, s->size, s->tag));
    gyre_release(&view);
    memset(&view, 0xee, sizeof view);
    watch(s);
    CHECK_EQ(gyre_get_many(s->cache, 1, &(gyre_key){s->key.text, KEY_BYTES}, &view, &result), way != ABSENT);
    CHECK(went(way));
    CHECK(way == ABSENT || bytes_are(view.data, s->size, s->tag));
    gyre_release(&view);
    check_read(s, way);
    check_free(s->cache);
}

TEST(hit_ways, keys_in_either_bucket_go_straight)
{
    gyre *cache = open_filled();
    uint64_t hits = api_stats(cache).hits;
    for (unsigned i = 0; i < KEYS; i++)
        for (unsigned b = 0; b < 2; b++) {
            struct stand s = stand_in(cache, i, b);
            check_ways(&s, STRAIGHT);
        }
    CHECK(api_stats(cache).hits == hits + KEYS * 2 * 3 && api_stats(cache).misses == 0);
    api_close(cache);
}

/* As a put that overwrites has them for a moment, in front of the key's own word. */
TEST(hit_ways, past_words_in_the_making)
{
    gyre *cache = open_filled();
    for (unsigned i = 0; i < KEYS; i++) {
        struct stand rival = stand_in(cache, i, 0), s = rival;
        struct gy_window w;
        gy_index_window(cache, room_hash(cache, s.key.text), &w);
        uint64_t word = gy_load_acq(rival.slot);
        gy_store_seq(rival.slot, word | GY_T);
        s.slot = i % 2 ? w.bucket[1]->slot : rival.slot + 1;
        while (gy_load_acq(s.slot) != GY_EMPTY)
            s.slot++;
        CHECK(s.slot < w.bucket[i % 2]->slot + GY_BUCKET_SLOTS);
        gy_store_seq(s.slot, word);
        check_ways(&s, STRAIGHT);
        gy_store_seq(rival.slot, GY_EMPTY);
    }
    api_close(cache);
}

TEST(hit_ways, an_entry_with_further_words_is_left_to_the_general_way)
{
    gyre *cache = open_filled();
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.user_flags = 5;
    char value[MOST];
    fill_bytes(value, 14, 7);
    CHECK_OK(gyre_put(cache, key_of(7).text, KEY_BYTES, value, 14, &put));
    for (unsigned b = 0; b < 2; b++) {
        struct stand s = stand_in(cache, 7, b);
        char buffer[MOST];
        size_t size;
        gyre_view view;
        int result;
        CHECK_EQ(gyre_get_many(cache, 1, &(gyre_key){s.key.text, KEY_BYTES}, &view, &result), 1);
        CHECK(view.user_flags == 5 && bytes_are(view.data, view.size, 7));
        gyre_release(&view);
        CHECK_OK(gyre_read(cache, s.key.text, KEY_BYTES, buffer, sizeof buffer, &size));
        CHECK(size == 14 && bytes_are(buffer, 14, 7));
        check_free(cache);
    }
    api_close(cache);
}

/* More than two batches, of keys of every kind side by side; views that others hold in between. */
TEST(hit_ways, a_batch_of_all_kinds)
{
    enum { KINDS = 6, HELD = 5 };
    gyre *cache = open_filled();
    static gyre_view view[KEYS], held[HELD];
    static struct api_key text[KEYS];
    static const char long_key[GY_KEY_MOST + 1];
    gyre_key keys[KEYS];
    int results[KEYS];
    size_t hits = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        text[i] = i % KINDS == 2 ? key_of(1000 + i) : key_of(i);
        keys[i] = (gyre_key){text[i].text, KEY_BYTES};
        stand_in(cache, i, i % KINDS == 1);
        if (i % KINDS == 3)
            keys[i].size = 0;
        else if (i % KINDS == 4)
            keys[i].data = NULL;
        else if (i % KINDS == 5)
            keys[i] = (gyre_key){long_key, sizeof long_key};
        hits += i % KINDS < 2;
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < HELD; i++)
            CHECK(round == 0 || gyre_get(cache, key_of(i).text, KEY_BYTES, &held[i]) == GYRE_OK);
        uint64_t misses = api_stats(cache).misses, counted = api_stats(cache).hits;
        memset(view, 0xee, sizeof view);
        CHECK_EQ(gyre_get_many(cache, KEYS, keys, view, results), hits);
        CHECK_EQ(api_stats(cache).hits - counted, hits);
        CHECK_EQ(api_stats(cache).misses - misses, (KEYS + KINDS - 3) / KINDS);
        for (unsigned i = 0; i < KEYS; i++) {
            CHECK_EQ(results[i], i % KINDS < 2 ? GYRE_OK : i % KINDS == 2 ? GYRE_MISS : GYRE_EINVAL);
            CHECK(i % KINDS >= 2 ? view[i].data == NULL && view[i].size == 0 && view[i].priv[0] == 0
                                 : view[i].size == 2 * i && bytes_are(view[i].data, 2 * i, i));
            gyre_release(&view[i]);
        }
        for (unsigned i = 0; i < HELD; i++) {
            CHECK(round == 0 || bytes_are(held[i].data, 2 * i, i));
            gyre_release(&held[i]);
        }
        check_free(cache);
    }
    api_close(cache);
}

/* Whose batches find no record's pin for them. */
TEST(hit_ways, more_views_than_pins_go_straight_in_batches)
{
    gyre *cache = open_filled();
    struct stand s = stand_in(cache, 9, 1);
    static gyre_view held[GY_PINS], view;
    int result;
    for (unsigned i = 0; i < GY_PINS; i++)
        CHECK_OK(gyre_get(cache, key_of(0).text, KEY_BYTES, &held[i]));
    watch(&s);
    CHECK_EQ(gyre_get_many(cache, 1, &(gyre_key){s.key.text, KEY_BYTES}, &view, &result), 1);
    CHECK(went(STRAIGHT));
    CHECK(bytes_are(view.data, s.size, s.tag));
    check_read(&s, STRAIGHT); /* its pin is no view's */
    for (unsigned i = 0; i < GY_PINS; i++)
        gyre_release(&held[i]);
    gyre_release(&view);
    CHECK_EQ(api_stats(cache).pinned_bytes, 0);
    api_close(cache);
}

TEST(hit_ways, a_shard_that_grows_and_one_that_does_not)
{
    gyre *cache = open_filled();
    for (unsigned i = 0; i < KEYS; i++) {
        struct stand s = stand_in(cache, i, i % 2);
        gy_atomic_u64 *geometry = &gy_shard_of(cache, room_hash(cache, s.key.text))->geometry;
        uint64_t was = gy_load_acq(geometry);
        for (unsigned phase = GY_UNION; phase <= GY_MOVING; phase++) {
            gy_store_seq(geometry, gy_geometry_word(gy_geometry_log2(was), (enum gy_phase)phase));
            check_ways(&s, GENERAL);
        }
        gy_store_seq(geometry, was);
        check_ways(&s, STRAIGHT);
    }
    api_close(cache);
}

TEST(hit_ways, a_clear_under_way)
{
    gyre *cache = open_filled();
    CHECK_OK(gyre_clear(cache));
    CHECK(gy_clear_pending(cache));
    CHECK_OK(put_bytes(cache, key_of(3).text, 6, 3));
    struct stand gone = {cache, key_of(5), 5, 10, NULL}, new = stand_of(cache, 3);
    check_ways(&gone, ABSENT);
    check_ways(&new, GENERAL);
    api_settle(cache);
    check_ways(&gone, ABSENT);
    new = stand_of(cache, 3);
    check_ways(&new, STRAIGHT);
    api_close(cache);
}

/* A read gives its pin back, whether or not the value fits, and writes nothing where it does not. */
TEST(hit_ways, what_does_not_fit_is_not_copied)
{
    gyre *cache = open_filled();
    char buffer[MOST], before[MOST];
    memset(before, 0xaa, sizeof before);
    for (unsigned i = 0; i < KEYS; i++) {
        struct stand s = stand_in(cache, i, i % 2);
        for (size_t room = s.size < 3 ? 0 : s.size - 3; room < s.size + 3; room++) {
            size_t size = 77;
            bool fits = s.size <= room;
            memset(buffer, 0xaa, sizeof buffer);
            watch(&s);
            int result = gyre_read(cache, s.key.text, KEY_BYTES, room ? buffer : NULL, room, &size);
            CHECK(went(STRAIGHT));
            CHECK_EQ(result, fits ? GYRE_OK : GYRE_E2BIG);
            CHECK_EQ(size, s.size);
            CHECK(!fits || bytes_are(buffer, s.size, s.tag));
            CHECK_MEM(buffer + (fits ? s.size : 0), before, sizeof buffer - (fits ? s.size : 0));
            check_free(cache);
        }
    }
    api_close(cache);
}

/* Keys in either bucket. The exit status of a child: what was wrong. */
static int
use_in_child(gyre *cache, enum way way)
{
    if (gy_seats[0].cache_id == cache->id || gy_seats[0].cache_id == cache->straight_id) /* the parent's seat */
        return 1;
    for (unsigned i = 0; i < KEYS; i++) {
        struct stand s = stand_in(cache, i, i % 2);
        gyre_view view;
        int result;
        watch(&s);
        if (gyre_get(cache, s.key.text, KEY_BYTES, &view) != GYRE_OK || !went(way) || !bytes_are(view.data, s.size, i))
            return 2;
        gyre_release(&view);
        watch(&s);
        if (gyre_get_many(cache, 1, &(gyre_key){s.key.text, KEY_BYTES}, &view, &result) != 1 || !went(way) ||
            !bytes_are(view.data, s.size, i))
            return 3;
        gyre_release(&view);
        watch(&s);
        if (gyre_read(cache, s.key.text, KEY_BYTES, NULL, 0, NULL) != (i ? GYRE_E2BIG : GYRE_OK) || !went(way))
            return 4;
    }
    return 0;
}

static void
check_in_child(gyre *cache, enum way way)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(use_in_child(cache, way));
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
}

TEST(hit_ways, a_forked_child_has_a_seat_of_its_own)
{
    gyre *cache = open_filled();
    enum way way = cache->reader_fences ? GENERAL : STRAIGHT; /* a kernel without membarrier */
    struct stand s = stand_of(cache, 1);
    check_ways(&s, way);
    check_in_child(cache, way);
    check_ways(&s, way);
    api_close(cache);
}

#ifdef GY_POINTS

/* The straight way makes no fence. A cache that is opened later, with membarrier, goes it again. */
TEST(hit_ways, readers_that_fence_never_go_straight)
{
    gy_point_no_membarrier = true;
    gyre *fenced = open_filled();
    gy_point_no_membarrier = false;
    gyre *other = open_filled();
    CHECK(fenced->reader_fences);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < KEYS; i++) {
            struct stand s = stand_in(fenced, i, i % 2), o = stand_in(other, i, i % 2);
            check_ways(&s, GENERAL);
            check_ways(&o, other->reader_fences ? GENERAL : STRAIGHT);
        }
    check_in_child(fenced, GENERAL);
    api_close(fenced);
    api_close(other);
}

static void
begin_growth(struct trap *trap, const volatile void *address)
{
    (void)address;
    gy_atomic_u64 *geometry = (gy_atomic_u64 *)(uintptr_t)trap->address;
    gy_store_seq(geometry, gy_geometry_word(gy_geometry_log2(gy_load_seq(geometry)), GY_UNION));
}

/* Between the first and the second pass of a batch: the second bucket is not looked for then. */
TEST(hit_ways, growth_begins_within_a_batch)
{
    gyre *cache = open_filled();
    struct stand s = stand_in(cache, 9, 1);
    gy_atomic_u64 *geometry = &gy_shard_of(cache, room_hash(cache, s.key.text))->geometry;
    struct trap trap = {.file = "/hit.h", .address = geometry, .skip = 1, .action = begin_growth, .cache = cache};
    uint64_t was = gy_load_acq(geometry);
    gyre_view view;
    int result;
    trap_set(&trap);
    CHECK_EQ(gyre_get_many(cache, 1, &(gyre_key){s.key.text, KEY_BYTES}, &view, &result), 1);
    trap_clear(&trap);
    CHECK(bytes_are(view.data, s.size, s.tag));
    gyre_release(&view);
    gy_store_seq(geometry, was);
    check_free(cache);
    api_close(cache);
}

static void
finish_clear(struct trap *trap, const volatile void *address)
{
    (void)address;
    while (gyre_maintain(trap->cache, 0) > 0)
        ;
    CHECK(!gy_clear_pending(trap->cache));
}

/* The clear had returned before the batch, or the read, began. */
TEST(hit_ways, a_clear_ends_while_it_is_asked_for)
{
    for (unsigned way = 0; way < 2; way++) {
        gyre *cache = open_filled();
        CHECK_OK(gyre_clear(cache));
        struct trap trap = {.file = "clear.h", .address = &cache->super->done, .action = finish_clear, .cache = cache};
        gyre_view view;
        int result;
        trap_set(&trap);
        if (way == 0)
            CHECK_EQ(gyre_get_many(cache, 1, &(gyre_key){key_of(9).text, KEY_BYTES}, &view, &result), 0);
        else
            CHECK_EQ(gyre_read(cache, key_of(9).text, KEY_BYTES, NULL, 0, NULL), GYRE_MISS);
        trap_clear(&trap);
        gyre_close(cache);
    }
}

static void
write_over(struct trap *trap, const volatile void *address)
{
    (void)address;
    memset((void *)(uintptr_t)trap->word, 0xee, 10);
}

/* When a read lets its pin go, the bytes may become another's. */
TEST(hit_ways, a_read_copies_before_its_pin_goes)
{
    gyre *cache = open_filled();
    char buffer[MOST];
    gyre_view view;
    size_t size;
    CHECK_OK(gyre_get(cache, key_of(5).text, KEY_BYTES, &view));
    struct trap trap = {.file = "cache.h", .address = &room_record(cache)->pin[GY_PIN_COMPARE], .skip = 1,
                        .action = write_over, .cache = cache, .word = (uint64_t)(uintptr_t)view.data};
    gyre_release(&view);
    trap_set(&trap);
    CHECK_OK(gyre_read(cache, key_of(5).text, KEY_BYTES, buffer, sizeof buffer, &size));
    trap_clear(&trap);
    CHECK(size == 10 && bytes_are(buffer, size, 5));
    gyre_close(cache);
}

#endif

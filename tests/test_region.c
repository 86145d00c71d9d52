/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* One cache in shared memory: who may open it, what others see, its name. */

#include "region.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"

static int
attach_and_look(void *arg)
{
    gyre *cache;
    gyre_options o = region_options(arg, 0, 0);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    EXPECT(2, has_text(cache, "parent", "of the parent"));
    EXPECT(3, put_text(cache, "child", "of the child") == GYRE_OK);
    EXPECT(4, put_text(cache, "parent", "of both") == GYRE_OK);
    EXPECT(5, api_stats(cache).entries == 2);
    gyre_close(cache);
    return 0;
}

TEST(region, what_one_process_puts_another_gets)
{
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, MIB, GYRE_CREATE);
    gyre *cache = api_open_with(&o);
    CHECK_OK(put_text(cache, "parent", "of the parent"));
    region_process(attach_and_look, &name);
    CHECK(has_text(cache, "child", "of the child") && has_text(cache, "parent", "of both"));
    api_close(cache);
    cache = api_open_with(&o); /* it outlives its users */
    CHECK(has_text(cache, "child", "of the child"));
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
    CHECK_EQ(gyre_unlink(&o), GYRE_ENOENT);
}

static int
put_and_close(void *arg)
{
    gyre *cache;
    gyre_options o = region_options(arg, 0, 0);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    EXPECT(2, put_text(cache, "key", "value") == GYRE_OK);
    gyre_close(cache);
    return 0;
}

/* And leaves nothing for others to clear up: this one, which would, makes no call before it looks. */
TEST(region, who_closes_it_gives_back_what_he_had)
{
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, MIB, GYRE_CREATE);
    gyre *cache = api_open_with(&o);
    region_process(put_and_close, &name);
    for (uint32_t i = 0; i < cache->g.n_records; i++)
        CHECK_EQ(gy_load_seq(&cache->records[i].owner), 0);
    for (uint32_t place = 0; place < cache->g.n_members; place++)
        CHECK((gy_member_state(gy_load_seq(&cache->members[place].word)) == GY_MEMBER_FREE) ==
              (place != gy_member_place(cache->member)));
    CHECK_EQ(gy_load_seq(&cache->super->n_members_used), 2);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
}

/* The same bytes at two places, in one process. */
TEST(region, two_mappings_are_one_cache)
{
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, 4 * MIB, GYRE_CREATE);
    gyre *a = api_open_with(&o), *b = api_open_with(&o);
    CHECK(a->region.base != b->region.base && a->seed == b->seed && a->generation == b->generation);
    for (unsigned i = 0; i < 2000; i++)
        CHECK_OK(put_bytes(i % 2 ? a : b, key_of(i).text, 100, i));
    for (unsigned i = 0; i < 2000; i++)
        CHECK(has_bytes(i % 2 ? b : a, key_of(i).text, 100, i));
    gyre_view view;
    CHECK_OK(gyre_get(a, key_of(7).text, 16, &view));
    api_close(b); /* its records are a's, too */
    unsigned n_owned = 0;
    for (uint32_t i = 0; i < a->g.n_records; i++)
        n_owned += gy_load_seq(&a->records[i].owner) != 0;
    CHECK_EQ(n_owned, 1);
    CHECK(bytes_are(view.data, view.size, 7));
    gyre_release(&view);
    for (unsigned i = 0; i < 20000; i++)
        CHECK_OK(put_bytes(a, key_of(i).text, 1000, i));
    api_close(a);
    CHECK_OK(gyre_unlink(&o));
}

static void
fill(uint32_t flags)
{
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, 8 * MIB, GYRE_CREATE | flags);
    gyre *cache = api_open_with(&o);
    for (unsigned i = 0; i < 300000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 40, i));
    gyre_stats s = api_stats(cache);
    CHECK(s.growths > 0 && s.removed[GYRE_CAPACITY] > 0);
    for (unsigned i = 0; i < 300000; i++) {
        size_t size;
        char value[40];
        int rc = gyre_read(cache, key_of(i).text, 16, value, sizeof value, &size);
        CHECK(rc == GYRE_MISS || (rc == GYRE_OK && bytes_are(value, size, i)));
    }
    struct stat object;
    CHECK_EQ(stat(name.path, &object), 0);
    CHECK_MSG((uint64_t)object.st_blocks * 512 <= s.capacity_bytes + cache->g.index_at + 4096, "%lld blocks",
              (long long)object.st_blocks);
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
}

/* Grows and sweeps as any other. */
TEST(region, it_fills_grows_and_evicts)
{
    fill(0);
    fill(GYRE_VERSIONS | GYRE_HUGEPAGES);
}

TEST(region, open_finds_creates_or_refuses)
{
    struct region_name name = region_name(0);
    gyre *cache, *other;
    gyre_options o = region_options(&name, MIB, 0);
    CHECK_EQ(gyre_open(&cache, &o), GYRE_ENOENT);
    o.flags |= GYRE_CREATE | GYRE_EXCLUSIVE;
    CHECK_OK(gyre_open(&cache, &o));
    CHECK_EQ(gyre_open(&other, &o), GYRE_EEXIST);
    CHECK(other == NULL);
    o.flags &= ~(uint32_t)GYRE_EXCLUSIVE;
    CHECK_OK(gyre_open(&other, &o));
    CHECK_EQ(other->generation, cache->generation);
    gyre_close(other);
    char slash[80] = "/";
    o.shm_name = strcat(slash, name.text);
    o.flags &= ~(uint32_t)GYRE_CREATE;
    CHECK_OK(gyre_open(&other, &o));
    CHECK_EQ(other->generation, cache->generation);
    gyre_close(other);
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
}

/* What is asked for and is otherwise is refused; what is not asked for is as it is. */
TEST(region, another_configuration_is_refused)
{
    struct region_name name = region_name(0);
    gyre_options made = region_options(&name, MIB, GYRE_CREATE), o;
    made.max_entries = 5000, made.max_value_bytes = 3000, made.default_ttl_ms = 100000, made.seed = 9;
    made.value_align = 64;
    gyre *cache = api_open_with(&made), *other;
    gyre_close(cache);
#define OTHERWISE(change, answer)                                                                  \
    o = made, (void)(change);                                                                      \
    CHECK_EQ(gyre_open(&other, &o), (answer));                                                     \
    gyre_close(other)
    OTHERWISE(0, GYRE_OK);
    OTHERWISE(o.capacity_bytes++, GYRE_EFORMAT);
    OTHERWISE(o.max_entries--, GYRE_EFORMAT);
    OTHERWISE(o.max_entries = 0, GYRE_OK);
    OTHERWISE(o.max_value_bytes--, GYRE_EFORMAT);
    OTHERWISE(o.max_value_bytes = 0, GYRE_OK);
    OTHERWISE(o.default_ttl_ms = 1, GYRE_EFORMAT);
    OTHERWISE(o.default_ttl_ms = 0, GYRE_OK);
    OTHERWISE(o.seed = 1, GYRE_EFORMAT);
    OTHERWISE(o.seed = 0, GYRE_OK);
    OTHERWISE(o.value_align = 128, GYRE_EFORMAT);
    OTHERWISE(o.value_align = 16, GYRE_OK);
    OTHERWISE(o.flags |= GYRE_VERSIONS, GYRE_EFORMAT);
    OTHERWISE((o.flags = GYRE_NO_THREAD, o.capacity_bytes = 0), GYRE_OK);
#undef OTHERWISE
    CHECK_OK(gyre_unlink(&made));
}

/* Who has it open goes on, and is told; a new one is another. */
TEST(region, a_region_that_lost_its_name_says_so)
{
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, MIB, GYRE_CREATE);
    gyre *old = api_open_with(&o);
    CHECK_OK(put_text(old, "key", "old"));
    CHECK_EQ(api_stats(old).unlinked, 0);
    CHECK_OK(gyre_unlink(&o));
    CHECK_EQ(api_stats(old).unlinked, 1);
    gyre *fresh = api_open_with(&o);
    CHECK(is_missing(fresh, "key") && has_text(old, "key", "old"));
    CHECK(api_stats(old).unlinked == 1 && api_stats(fresh).unlinked == 0 && old->generation != fresh->generation);
    CHECK_OK(put_text(fresh, "key", "fresh"));
    CHECK(has_text(old, "key", "old"));
    api_close(old);
    CHECK(has_text(fresh, "key", "fresh"));
    api_close(fresh);
    CHECK_OK(gyre_unlink(&o));
}

static int
expires_elsewhere(void *arg)
{
    gyre *cache;
    gyre_view view;
    gyre_options o = region_options(arg, 0, 0);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    EXPECT(2, is_missing(cache, "short"));
    EXPECT(3, gyre_get(cache, "long", 4, &view) == GYRE_OK && view.ttl_left_ms > 0 && view.ttl_left_ms <= 3600000);
    gyre_release(&view);
    gyre_close(cache);
    return 0;
}

/* Cache time is the region's, from its making on, which was a while ago: an entry expires for all at once. */
TEST(region, time_is_the_same_for_all)
{
    enum { AGE_MS = 10000 };
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, MIB, GYRE_CREATE);
    gyre_put_options p = GYRE_PUT_OPTIONS_INIT;
    gyre *cache = api_open_with(&o);
    cache->super->clock_start_ms -= AGE_MS;
    gy_layout_sign_quiet(cache->super);
    cache->clock_start_ms -= AGE_MS;
    p.ttl_ms = 3600000;
    CHECK_OK(gyre_put(cache, "long", 4, "v", 1, &p));
    p.ttl_ms = 1;
    CHECK_OK(gyre_put(cache, "short", 5, "v", 1, &p));
    uint64_t put_at = gy_now_ms(cache);
    for (unsigned i = 0; i < API_PAUSES_MOST && gy_now_ms(cache) <= put_at; i++)
        api_pause();
    region_process(expires_elsewhere, &name);
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
}

/* ---- without the right to write --------------------------------------------------------------------------------- */

static int
no_visit(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)arg, (void)key, (void)key_size, (void)value;
    return 1;
}

static void
check_reading_only(gyre *cache)
{
    char value[40];
    size_t size = 0;
    gyre_view view;
    gyre_draft draft;
    CHECK_OK(gyre_read(cache, "key", 3, value, sizeof value, &size));
    CHECK(size == 5 && memcmp(value, "value", 5) == 0);
    CHECK_OK(gyre_read(cache, "key", 3, value, 5, NULL));
    CHECK_EQ(gyre_read(cache, "key", 3, value, 4, &size), GYRE_E2BIG);
    CHECK_EQ(gyre_read(cache, "absent", 6, value, sizeof value, &size), GYRE_MISS);
    CHECK_EQ(gyre_read(cache, "gone", 4, value, sizeof value, &size), GYRE_MISS);
    CHECK_EQ(gyre_read(cache, "", 0, value, sizeof value, &size), GYRE_EINVAL);
    CHECK_EQ(gyre_get(cache, "key", 3, &view), GYRE_EPERM);
    CHECK_EQ(put_text(cache, "key", "other"), GYRE_EPERM);
    CHECK_EQ(gyre_delete(cache, "key", 3), GYRE_EPERM);
    CHECK_EQ(gyre_touch(cache, "key", 3, 1), GYRE_EPERM);
    CHECK_EQ(gyre_reserve(cache, "key", 3, 1, NULL, &draft), GYRE_EPERM);
    CHECK_EQ(gyre_clear(cache), GYRE_EPERM);
    CHECK_EQ(gyre_maintain(cache, 1), GYRE_EPERM);
    CHECK_EQ(gyre_scan(cache, no_visit, NULL), GYRE_EPERM);
    CHECK_EQ(api_stats(cache).puts, 2);
}

static int
reads_what_it_may_not_write(void *arg)
{
    gyre *cache;
    gyre_options o = region_options(arg, 0, 0);
    EXPECT(1, setgid(65534) == 0 && setuid(65534) == 0);
    o.mode = 0644;
    EXPECT(2, gyre_open(&cache, &o) == GYRE_EPERM);
    o.flags = GYRE_READONLY;
    EXPECT(3, gyre_open(&cache, &o) == GYRE_OK);
    EXPECT(4, gyre_read(cache, "key", 3, NULL, 0, NULL) == GYRE_E2BIG);
    gyre_close(cache);
    return 0;
}

TEST(region, read_only_is_to_read_only)
{
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, MIB, GYRE_CREATE);
    gyre_put_options p = GYRE_PUT_OPTIONS_INIT;
    o.mode = 0644;
    gyre *cache = api_open_with(&o);
    p.ttl_ms = 1;
    CHECK_OK(gyre_put(cache, "gone", 4, "v", 1, &p));
    CHECK_OK(put_text(cache, "key", "value"));
    gyre_options r = region_options(&name, 0, GYRE_READONLY);
    gyre *reader = api_open_with(&r);
    for (unsigned i = 0; i < 3; i++)
        api_pause();
    check_reading_only(reader);
    CHECK_OK(gyre_clear(cache));
    CHECK_EQ(gyre_read(reader, "key", 3, NULL, 0, NULL), GYRE_MISS);
    CHECK_OK(put_text(cache, "key", "value"));
    CHECK_EQ(gyre_read(reader, "key", 3, NULL, 0, NULL), GYRE_E2BIG);
    if (getuid() == 0)
        region_process(reads_what_it_may_not_write, &name);
    gyre_close(reader);
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
}

struct readers {
    gyre *writer, *reader;
    atomic_bool ended;
    atomic_uint n_read;
};

static void
write_or_read(void *arg, unsigned i)
{
    struct readers *s = arg;
    enum { KEYS = 300, PUTS = 60000, VALUE = 200 };
    if (i == 0) {
        for (unsigned n = 0; n < PUTS; n++)
            CHECK_OK(put_bytes(s->writer, key_of(n % KEYS).text, VALUE, n % KEYS + n / KEYS * 1000));
        atomic_store(&s->ended, true);
        return;
    }
    for (unsigned n = 0; !atomic_load(&s->ended); n++) {
        char value[VALUE], again[VALUE];
        size_t size;
        unsigned k = n % KEYS;
        if (gyre_read(s->reader, key_of(k).text, 16, value, sizeof value, &size) != GYRE_OK)
            continue;
        uint64_t tag = 0;
        bool found = false;
        for (unsigned round = 0; round <= PUTS / KEYS && !found; round++) {
            tag = k + (uint64_t)round * 1000;
            fill_bytes(again, sizeof again, tag);
            found = size == VALUE && memcmp(again, value, VALUE) == 0;
        }
        CHECK_MSG(found, "key %u has torn bytes, or another's", k);
        atomic_fetch_add(&s->n_read, 1);
    }
}

/* Nothing holds what a reader without a record copies: it finds out afterwards. */
TEST(region, what_changes_under_a_reader_is_not_returned)
{
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, 128 * KIB, GYRE_CREATE), r = region_options(&name, 0, GYRE_READONLY);
    struct readers s = {.writer = api_open_with(&o), .reader = api_open_with(&r)};
    api_threads(2, write_or_read, &s);
    CHECK(atomic_load(&s.n_read) > 100);
    gyre_close(s.reader);
    api_close(s.writer);
    CHECK_OK(gyre_unlink(&o));
}

#ifdef GY_POINTS
static struct {
    gyre *writer, *reader;
    bool done;
} between;

/* Between the comparison of the key and the copy, all arenas are swept and filled with other entries. */
static void
recycle_all(const char *file, int line, const volatile void *address)
{
    (void)line;
    if (between.done || strstr(file, "readonly.c") == NULL || address != &between.reader->super->mark)
        return;
    between.done = true;
    for (unsigned i = 0; i < 5000; i++)
        CHECK_OK(put_bytes(between.writer, key_of(i).text, 100, i));
}

TEST(region, bytes_that_were_recycled_under_a_reader_are_not_returned)
{
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, 128 * KIB, GYRE_CREATE), r = region_options(&name, 0, GYRE_READONLY);
    between.writer = api_open_with(&o), between.reader = api_open_with(&r);
    CHECK_OK(put_bytes(between.writer, "key", 100, 12345));
    char value[100];
    size_t size;
    gy_point_hook = recycle_all;
    int result = gyre_read(between.reader, "key", 3, value, sizeof value, &size);
    gy_point_hook = NULL;
    CHECK(between.done && is_missing(between.writer, "key"));
    CHECK_EQ(result, GYRE_MISS);
    gyre_close(between.reader);
    api_close(between.writer);
    CHECK_OK(gyre_unlink(&o));
}
#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Conditional puts, versions, and what a touch keeps. */

#include <stdlib.h>

#include "api.h"

static int
put_if(gyre *c, const char *key, const char *value, uint32_t flags, uint64_t version, uint64_t *new_version)
{
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.flags = flags;
    put.version = version;
    put.new_version = new_version;
    return gyre_put(c, key, strlen(key), value, strlen(value), &put);
}

static uint64_t
version_of(gyre *c, const char *key)
{
    gyre_view view;
    CHECK_OK(gyre_get(c, key, strlen(key), &view));
    uint64_t version = view.version;
    gyre_release(&view);
    return version;
}

TEST(api_conditions, add)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_if(c, "k", "first", GYRE_ADD, 0, NULL));
    CHECK_EQ(put_if(c, "k", "second", GYRE_ADD, 0, NULL), GYRE_EXISTS);
    CHECK(has_text(c, "k", "first"));
    CHECK_OK(gyre_delete(c, "k", 1));
    CHECK_OK(put_if(c, "k", "third", GYRE_ADD, 0, NULL));
    CHECK(has_text(c, "k", "third"));
    CHECK_OK(put_text(c, "k", "fourth"));
    CHECK_EQ(put_if(c, "k", "fifth", GYRE_ADD, 0, NULL), GYRE_EXISTS);
    CHECK(has_text(c, "k", "fourth"));
    api_close(c);
}

TEST(api_conditions, replace)
{
    gyre *c = api_open(MIB, 0);
    CHECK_EQ(put_if(c, "k", "first", GYRE_REPLACE, 0, NULL), GYRE_MISS);
    CHECK(is_missing(c, "k"));
    CHECK_OK(put_text(c, "k", "first"));
    CHECK_OK(put_if(c, "k", "second", GYRE_REPLACE, 0, NULL));
    CHECK(has_text(c, "k", "second"));
    CHECK_OK(gyre_delete(c, "k", 1));
    CHECK_EQ(put_if(c, "k", "third", GYRE_REPLACE, 0, NULL), GYRE_MISS);
    CHECK(is_missing(c, "k"));
    api_close(c);
}

TEST(api_conditions, if_version)
{
    gyre *c = api_open(MIB, GYRE_VERSIONS);
    uint64_t v1 = 0, v2 = 0, v3 = 77;
    CHECK_EQ(put_if(c, "k", "x", GYRE_IF_VERSION, 1, &v3), GYRE_MISS);
    CHECK_EQ(v3, 77);
    CHECK_OK(put_if(c, "k", "one", 0, 0, &v1));
    CHECK(v1 != 0);
    CHECK_EQ(version_of(c, "k"), v1);
    CHECK_OK(put_if(c, "k", "two", GYRE_IF_VERSION, v1, &v2));
    CHECK(v2 != 0 && v2 != v1);
    CHECK_EQ(version_of(c, "k"), v2);
    CHECK(has_text(c, "k", "two"));
    CHECK_EQ(put_if(c, "k", "three", GYRE_IF_VERSION, v1, &v3), GYRE_CHANGED);
    CHECK_EQ(put_if(c, "k", "three", GYRE_IF_VERSION, 0, &v3), GYRE_CHANGED);
    CHECK_EQ(put_if(c, "k", "three", GYRE_IF_VERSION, UINT64_MAX, &v3), GYRE_CHANGED);
    CHECK_EQ(v3, 77);
    CHECK(has_text(c, "k", "two"));
    CHECK_OK(gyre_delete(c, "k", 1));
    CHECK_EQ(put_if(c, "k", "three", GYRE_IF_VERSION, v2, NULL), GYRE_MISS);
    CHECK_OK(put_text(c, "k", "four"));
    CHECK_EQ(put_if(c, "k", "five", GYRE_IF_VERSION, v2, NULL), GYRE_CHANGED);
    CHECK(has_text(c, "k", "four"));
    api_close(c);
}

TEST(api_conditions, versions_are_off_unless_asked_for)
{
    gyre *c = api_open(MIB, 0);
    uint64_t version = 77;
    CHECK_OK(put_if(c, "k", "one", 0, 0, &version));
    CHECK_EQ(version, 0);
    CHECK_EQ(version_of(c, "k"), 0);
    CHECK_EQ(put_if(c, "k", "two", GYRE_IF_VERSION, 0, NULL), GYRE_EINVAL);
    CHECK(has_text(c, "k", "one"));
    api_close(c);
}

TEST(api_conditions, no_two_puts_have_one_version)
{
    gyre *c = api_open(8 * MIB, GYRE_VERSIONS);
    enum { N = 3000 };
    static uint64_t seen[N];
    for (unsigned i = 0; i < N; i++) {
        CHECK_OK(put_if(c, key_of(i % 1000).text, "value", 0, 0, &seen[i]));
        CHECK(seen[i] != 0);
    }
    for (unsigned i = 0; i < N; i++)
        for (unsigned j = 0; j < i; j++)
            CHECK_MSG(seen[i] != seen[j], "puts %u and %u", i, j);
    for (unsigned i = 0; i < 1000; i++)
        CHECK_EQ(version_of(c, key_of(i).text), seen[2000 + i]);
    api_close(c);
}

struct versions {
    gyre *cache;
    uint64_t seen[4][2000];
};

static void
put_versions(void *arg, unsigned i)
{
    struct versions *v = arg;
    for (unsigned n = 0; n < 2000; n++)
        CHECK_OK(put_if(v->cache, key_of(n * 4 + i).text, "value", 0, 0, &v->seen[i][n]));
}

static int
compare_words(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

TEST(api_conditions, no_two_threads_have_one_version)
{
    static struct versions v;
    v.cache = api_open(8 * MIB, GYRE_VERSIONS);
    api_threads(4, put_versions, &v);
    uint64_t *all = &v.seen[0][0];
    qsort(all, 8000, sizeof *all, compare_words);
    CHECK(all[0] != 0);
    for (unsigned i = 1; i < 8000; i++)
        CHECK(all[i] != all[i - 1]);
    api_close(v.cache);
}

TEST(api_conditions, touch_keeps_all_but_the_ttl)
{
    for (unsigned versions = 0; versions < 2; versions++) {
        struct api_clock clock = {1000000};
        gyre_options options = api_options(MIB, versions ? GYRE_VERSIONS : 0);
        options.clock_ms = api_clock_read;
        options.clock_arg = &clock;
        gyre *c = api_open_with(&options);
        char value[333];
        fill_bytes(value, sizeof value, 5);
        uint64_t version = 0;
        gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
        put.user_flags = 0xABCD;
        put.ttl_ms = 50;
        put.new_version = &version;
        CHECK_OK(gyre_put(c, "k", 1, value, sizeof value, &put));
        static const uint32_t ttls[] = {5000, GYRE_NO_TTL, 70, 0, 80};
        for (unsigned i = 0; i < 5; i++) {
            CHECK_OK(gyre_touch(c, "k", 1, ttls[i]));
            gyre_view view;
            CHECK_OK(gyre_get(c, "k", 1, &view));
            CHECK_EQ(view.size, sizeof value);
            CHECK_MEM(view.data, value, sizeof value);
            CHECK_EQ(view.user_flags, 0xABCD);
            CHECK_EQ(view.version, version);
            CHECK_EQ(view.ttl_left_ms, ttls[i] == GYRE_NO_TTL ? 0 : ttls[i]);
            gyre_release(&view);
        }
        if (versions) {
            put.flags = GYRE_IF_VERSION;
            put.version = version;
            CHECK_OK(gyre_put(c, "k", 1, "new", 3, &put));
        }
        CHECK_EQ(gyre_touch(c, "absent", 6, 10), GYRE_MISS);
        CHECK(is_missing(c, "absent"));
        api_close(c);
    }
}

TEST(api_conditions, a_touch_leaves_no_copy_behind)
{
    gyre *c = api_open(MIB, 0);
    for (unsigned i = 0; i < 20; i++)
        CHECK_OK(put_bytes(c, key_of(i).text, 500, i));
    for (unsigned n = 0; n < 10000; n++)
        CHECK_OK(gyre_touch(c, key_of(n % 20).text, 16, 60000));
    for (unsigned i = 0; i < 20; i++)
        CHECK(has_bytes(c, key_of(i).text, 500, i));
    gyre_stats s = api_stats(c);
    CHECK_EQ(s.entries, 20);
    CHECK_EQ(s.touches, 10000);
    api_close(c);
}

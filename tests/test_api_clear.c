/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Clear: nothing older than it is found from its return on, everything put after it is. */

#include "api.h"

static int
count_entry(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)key, (void)key_size, (void)value;
    ++*(unsigned *)arg;
    return 0;
}

TEST(api_clear, nothing_older_is_found)
{
    for (unsigned flags = 0; flags < 2; flags++) {
        gyre *c = api_open(4 * MIB, flags ? GYRE_NO_THREAD : 0);
        enum { N = 1500 };
        for (unsigned round = 0; round < 10; round++) {
            for (unsigned i = 0; i < N; i++)
                CHECK_OK(put_bytes(c, key_of(i).text, 200, round));
            CHECK(has_bytes(c, key_of(7).text, 200, round));
            CHECK_OK(gyre_clear(c));
            for (unsigned i = 0; i < N; i++)
                CHECK_MSG(is_missing(c, key_of(i).text), "round %u, key %u", round, i);
            unsigned n = 0;
            CHECK_OK(gyre_scan(c, count_entry, &n));
            CHECK_EQ(n, 0);
        }
        api_settle(c);
        CHECK_EQ(api_stats(c).entries, 0);
        CHECK_EQ(api_stats(c).removed[GYRE_CLEARED], 10 * N);
        api_close(c);
    }
}

TEST(api_clear, what_comes_after_stays)
{
    gyre *c = api_open(4 * MIB, GYRE_NO_THREAD);
    enum { N = 1000 };
    for (unsigned round = 0; round < 20; round++) {
        CHECK_OK(gyre_clear(c));
        for (unsigned i = 0; i < N; i++)
            CHECK_OK(put_bytes(c, key_of(i).text, 100, round));
        if (round % 2)
            api_settle(c);
        for (unsigned i = 0; i < N; i++)
            CHECK_MSG(has_bytes(c, key_of(i).text, 100, round), "round %u, key %u", round, i);
    }
    api_settle(c);
    unsigned n = 0;
    CHECK_OK(gyre_scan(c, count_entry, &n));
    CHECK_EQ(n, N);
    api_close(c);
}

TEST(api_clear, the_cleared_is_absent_to_conditions)
{
    gyre *c = api_open(MIB, GYRE_VERSIONS | GYRE_NO_THREAD);
    uint64_t version = 0;
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.new_version = &version;
    static const char *const keys[] = {"add", "replace", "version", "delete", "touch"};
    for (unsigned i = 0; i < 5; i++)
        CHECK_OK(gyre_put(c, keys[i], strlen(keys[i]), "old", 3, &put));
    CHECK_OK(gyre_put(c, "version", 7, "old", 3, &put));
    CHECK_OK(gyre_clear(c));
    put.flags = GYRE_REPLACE;
    CHECK_EQ(gyre_put(c, "replace", 7, "new", 3, &put), GYRE_MISS);
    put.flags = GYRE_IF_VERSION;
    put.version = version;
    CHECK_EQ(gyre_put(c, "version", 7, "new", 3, &put), GYRE_MISS);
    CHECK_EQ(gyre_delete(c, "delete", 6), GYRE_MISS);
    CHECK_EQ(gyre_touch(c, "touch", 5, 10), GYRE_MISS);
    put.flags = GYRE_ADD;
    CHECK_OK(gyre_put(c, "add", 3, "new", 3, &put));
    CHECK(has_text(c, "add", "new"));
    CHECK_EQ(gyre_put(c, "add", 3, "newer", 5, &put), GYRE_EXISTS);
    api_settle(c);
    CHECK(has_text(c, "add", "new"));
    for (unsigned i = 1; i < 5; i++)
        CHECK(is_missing(c, keys[i]));
    api_close(c);
}

/* A draft counts as put when it is committed, wherever its bytes were reserved. */
TEST(api_clear, drafts_committed_after_it_stand)
{
    for (unsigned finished = 0; finished < 2; finished++) {
        gyre *c = api_open(MIB, GYRE_NO_THREAD);
        CHECK_OK(put_text(c, "old", "old"));
        gyre_draft plain, replacing;
        CHECK_OK(gyre_reserve(c, "plain", 5, 3, NULL, &plain));
        CHECK_OK(gyre_reserve(c, "old", 3, 3, NULL, &replacing));
        memcpy(plain.data, "new", 3);
        memcpy(replacing.data, "new", 3);
        CHECK_OK(gyre_clear(c));
        if (finished)
            api_settle(c);
        CHECK(is_missing(c, "old"));
        CHECK_OK(gyre_commit(&plain));
        CHECK(has_text(c, "plain", "new"));
        CHECK_OK(gyre_commit(&replacing));
        CHECK(has_text(c, "old", "new"));
        api_settle(c);
        CHECK(has_text(c, "plain", "new"));
        CHECK(has_text(c, "old", "new"));
        CHECK_OK(gyre_clear(c));
        CHECK(is_missing(c, "plain"));
        CHECK(is_missing(c, "old"));
        api_close(c);
    }
}

TEST(api_clear, a_conditional_draft_sees_the_clear)
{
    gyre *c = api_open(MIB, GYRE_NO_THREAD);
    gyre_put_options replace = GYRE_PUT_OPTIONS_INIT;
    replace.flags = GYRE_REPLACE;
    CHECK_OK(put_text(c, "k", "old"));
    gyre_draft draft;
    CHECK_OK(gyre_reserve(c, "k", 1, 3, &replace, &draft));
    memcpy(draft.data, "new", 3);
    CHECK_OK(gyre_clear(c));
    CHECK_EQ(gyre_commit(&draft), GYRE_MISS);
    CHECK(is_missing(c, "k"));
    api_close(c);
}

TEST(api_clear, views_stay_readable)
{
    gyre *c = api_open(2 * MIB, GYRE_NO_THREAD);
    gyre_view views[50];
    for (unsigned i = 0; i < 50; i++) {
        CHECK_OK(put_bytes(c, key_of(i).text, 900, i));
        CHECK_OK(gyre_get(c, key_of(i).text, 16, &views[i]));
    }
    CHECK_OK(gyre_clear(c));
    api_settle(c);
    for (unsigned i = 0; i < 20000; i++)
        CHECK_OK(put_bytes(c, key_of(100 + i).text, 900, 100 + i));
    for (unsigned i = 0; i < 50; i++) {
        CHECK_EQ(views[i].size, 900);
        CHECK_MSG(bytes_are(views[i].data, 900, i), "view %u", i);
        gyre_release(&views[i]);
    }
    api_close(c);
}

TEST(api_clear, many_clears_in_a_row)
{
    for (unsigned flags = 0; flags < 2; flags++) {
        gyre *c = api_open(64 * KIB, flags ? GYRE_NO_THREAD : 0);
        for (unsigned i = 0; i < 3000; i++) {
            CHECK_OK(put_bytes(c, "k", 64, i));
            CHECK(has_bytes(c, "k", 64, i));
            CHECK_OK(gyre_clear(c));
            CHECK(is_missing(c, "k"));
        }
        api_close(c);
    }
}

struct clearing {
    gyre *cache;
    _Atomic uint64_t cleared; /* all values below are gone */
    atomic_bool stop;
};

/* The only writer of its key, and the clearer. */
static void
put_and_clear(struct clearing *s)
{
    for (uint64_t n = 1; n <= 4000; n++) {
        CHECK_OK(gyre_put(s->cache, "k", 1, &n, sizeof n, NULL));
        if (n % 3 == 0) {
            CHECK_OK(gyre_clear(s->cache));
            atomic_store(&s->cleared, n + 1);
        }
    }
    atomic_store(&s->stop, true);
}

static void
clear_or_watch(void *arg, unsigned i)
{
    struct clearing *s = arg;
    if (i == 0) {
        put_and_clear(s);
        return;
    }
    while (!atomic_load(&s->stop)) {
        uint64_t least = atomic_load(&s->cleared), value = 0;
        if (gyre_read(s->cache, "k", 1, &value, sizeof value, NULL) == GYRE_OK)
            CHECK_MSG(value >= least, "value %llu after the clear that ended all below %llu",
                      (unsigned long long)value, (unsigned long long)least);
    }
}

TEST(api_clear, readers_never_see_the_cleared)
{
    static struct clearing s;
    s.cache = api_open(256 * KIB, 0);
    api_threads(2, clear_or_watch, &s);
    api_close(s.cache);
}

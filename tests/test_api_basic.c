/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Storing, finding and removing: what each call answers, for every kind of key and value. */

#include <stdlib.h>

#include "api.h"

TEST(api_basic, put_get_delete)
{
    gyre *c = api_open(MIB, 0);
    gyre_view view;
    memset(&view, 0xFF, sizeof view);
    CHECK_EQ(gyre_get(c, "answer", 6, &view), GYRE_MISS);
    CHECK_EQ(view.size, 0);
    gyre_release(&view);
    CHECK_OK(gyre_put(c, "answer", 6, "42", 2, NULL));
    CHECK_OK(gyre_get(c, "answer", 6, &view));
    CHECK_EQ(view.size, 2);
    CHECK_MEM(view.data, "42", 2);
    CHECK_EQ(view.version, 0);
    CHECK_EQ(view.user_flags, 0);
    CHECK_EQ(view.ttl_left_ms, 0);
    gyre_release(&view);
    CHECK(is_missing(c, "answe"));
    CHECK(is_missing(c, "answer "));
    CHECK_OK(put_text(c, "answer", "forty-two"));
    CHECK(has_text(c, "answer", "forty-two"));
    CHECK_OK(gyre_delete(c, "answer", 6));
    CHECK_EQ(gyre_delete(c, "answer", 6), GYRE_MISS);
    CHECK(is_missing(c, "answer"));
    CHECK_OK(put_text(c, "answer", "again"));
    CHECK(has_text(c, "answer", "again"));
    api_close(c);
}

TEST(api_basic, each_of_many_keys_keeps_its_value)
{
    gyre *c = api_open(16 * MIB, 0);
    enum { N = 4000 };
    for (unsigned i = 0; i < N; i++)
        CHECK_OK(put_bytes(c, key_of(i).text, i % 300, i));
    for (unsigned i = 0; i < N; i++)
        CHECK_MSG(has_bytes(c, key_of(i).text, i % 300, i), "key %u", i);
    for (unsigned i = 0; i < N; i += 2)
        CHECK_OK(put_bytes(c, key_of(i).text, i % 200, i + N));
    for (unsigned i = 1; i < N; i += 4)
        CHECK_OK(gyre_delete(c, key_of(i).text, 16));
    for (unsigned i = 0; i < N; i++) {
        if (i % 4 == 1)
            CHECK(is_missing(c, key_of(i).text));
        else if (i % 2 == 0)
            CHECK_MSG(has_bytes(c, key_of(i).text, i % 200, i + N), "key %u", i);
        else
            CHECK_MSG(has_bytes(c, key_of(i).text, i % 300, i), "key %u", i);
    }
    CHECK_EQ(api_stats(c).entries, N - N / 4);
    api_close(c);
}

TEST(api_basic, zero_length_values)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(gyre_put(c, "empty", 5, NULL, 0, NULL));
    CHECK_OK(gyre_put(c, "void", 4, "x", 0, NULL));
    gyre_view view;
    CHECK_OK(gyre_get(c, "empty", 5, &view));
    CHECK(view.data != NULL);
    CHECK_EQ(view.size, 0);
    gyre_release(&view);
    size_t size = 99;
    CHECK_OK(gyre_read(c, "void", 4, NULL, 0, &size));
    CHECK_EQ(size, 0);
    gyre_draft draft;
    CHECK_OK(gyre_reserve(c, "draft", 5, 0, NULL, &draft));
    CHECK_EQ(draft.size, 0);
    CHECK_OK(gyre_commit(&draft));
    CHECK(has_text(c, "draft", ""));
    api_close(c);
}

TEST(api_basic, keys_are_bytes)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(gyre_put(c, "a\0b", 3, "1", 1, NULL));
    CHECK_OK(gyre_put(c, "a\0c", 3, "2", 1, NULL));
    CHECK_OK(gyre_put(c, "a", 1, "3", 1, NULL));
    CHECK_OK(gyre_put(c, "a\0", 2, "4", 1, NULL));
    CHECK_OK(gyre_put(c, "\0", 1, "5", 1, NULL));
    CHECK_OK(gyre_put(c, "\0\0", 2, "6", 1, NULL));
    const gyre_key keys[6] = {{"a\0b", 3}, {"a\0c", 3}, {"a", 1}, {"a\0", 2}, {"\0", 1}, {"\0\0", 2}};
    for (unsigned i = 0; i < 6; i++) {
        char value = 0;
        CHECK_OK(gyre_read(c, keys[i].data, keys[i].size, &value, 1, NULL));
        CHECK_EQ(value, '1' + (char)i);
    }
    for (unsigned i = 0; i < 256; i++) {
        unsigned char key = (unsigned char)i;
        CHECK_OK(gyre_put(c, &key, 1, &key, 1, NULL));
    }
    for (unsigned i = 0; i < 256; i++) {
        unsigned char key = (unsigned char)i, value = 0;
        CHECK_OK(gyre_read(c, &key, 1, &value, 1, NULL));
        CHECK_EQ(value, key);
    }
    api_close(c);
}

TEST(api_basic, keys_of_every_size)
{
    gyre *c = api_open(64 * MIB, 0);
    enum { LONGEST = 60000 };
    char *key = malloc(LONGEST);
    CHECK(key != NULL);
    fill_bytes(key, LONGEST, 1);
    static const size_t near[] = {255, 256, 257, 4095, 4096, 4097, 32767, 32768, 59999, 60000};
    for (size_t n = 1; n <= 300; n++) {
        CHECK_OK(gyre_put(c, key, n, &n, sizeof n, NULL));
        CHECK_OK(gyre_put(c, key, 190 * n, &n, sizeof n, NULL));
    }
    for (size_t i = 0; i < sizeof near / sizeof *near; i++)
        CHECK_OK(gyre_put(c, key, near[i], &near[i], sizeof near[i], NULL));
    size_t value = 0;
    for (size_t n = 1; n <= 300; n++) {
        CHECK_OK(gyre_read(c, key, 190 * n, &value, sizeof value, NULL));
        CHECK(value == n || value == 190 * n);
    }
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        CHECK_OK(gyre_read(c, key, near[i], &value, sizeof value, NULL));
        CHECK_EQ(value, near[i]);
        CHECK_OK(gyre_delete(c, key, near[i]));
        CHECK_EQ(gyre_read(c, key, near[i], &value, sizeof value, NULL), GYRE_MISS);
    }
    free(key);
    api_close(c);
}

TEST(api_basic, read_copies_or_says_how_much)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_text(c, "key", "0123456789"));
    char buffer[16];
    memset(buffer, '#', sizeof buffer);
    size_t size = 77;
    CHECK_EQ(gyre_read(c, "key", 3, buffer, 9, &size), GYRE_E2BIG);
    CHECK_EQ(size, 10);
    CHECK_MEM(buffer, "################", 16);
    CHECK_EQ(gyre_read(c, "key", 3, NULL, 0, &size), GYRE_E2BIG);
    CHECK_EQ(size, 10);
    CHECK_EQ(gyre_read(c, "key", 3, NULL, 0, NULL), GYRE_E2BIG);
    CHECK_OK(gyre_read(c, "key", 3, buffer, 10, &size));
    CHECK_EQ(size, 10);
    CHECK_MEM(buffer, "0123456789######", 16);
    CHECK_OK(gyre_read(c, "key", 3, buffer, sizeof buffer, NULL));
    CHECK_MEM(buffer, "0123456789######", 16);
    CHECK_EQ(gyre_read(c, "other", 5, buffer, sizeof buffer, &size), GYRE_MISS);
    api_close(c);
}

TEST(api_basic, get_many_is_get_of_each)
{
    gyre *c = api_open(4 * MIB, 0);
    enum { N = 500 };
    static struct api_key names[N];
    static gyre_key keys[N];
    static gyre_view views[N];
    static int results[N];
    for (unsigned i = 0; i < N; i++) {
        names[i] = key_of(i / 2 * 2 + i % 2 * (i % 3)); /* some keys twice */
        keys[i] = (gyre_key){names[i].text, 16};
        if (i % 5 != 0)
            CHECK_OK(put_bytes(c, names[i].text, i % 64, 7));
    }
    memset(views, 0xEE, sizeof views);
    size_t hits = gyre_get_many(c, N, keys, views, results), counted = 0;
    for (unsigned i = 0; i < N; i++) {
        gyre_view one;
        CHECK_EQ(results[i], gyre_get(c, keys[i].data, keys[i].size, &one));
        if (results[i] == GYRE_OK) {
            counted++;
            CHECK_EQ(views[i].size, one.size);
            CHECK_MEM(views[i].data, one.data, one.size);
        } else {
            CHECK_EQ(views[i].size, 0);
        }
        gyre_release(&one);
        gyre_release(&views[i]);
    }
    CHECK_EQ(hits, counted);
    CHECK(hits > 0 && hits < N);
    results[0] = 99;
    CHECK_EQ(gyre_get_many(c, 0, keys, views, results), 0);
    CHECK_EQ(results[0], 99);
    api_close(c);
}

TEST(api_basic, get_many_judges_each_key)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_text(c, "a", "1"));
    const gyre_key keys[4] = {{"a", 1}, {NULL, 1}, {"a", 0}, {"b", 1}};
    gyre_view views[4];
    int results[4] = {9, 9, 9, 9};
    memset(views, 0xEE, sizeof views);
    CHECK_EQ(gyre_get_many(c, 4, keys, views, results), 1);
    CHECK_EQ(results[0], GYRE_OK);
    CHECK_EQ(results[1], GYRE_EINVAL);
    CHECK_EQ(results[2], GYRE_EINVAL);
    CHECK_EQ(results[3], GYRE_MISS);
    for (unsigned i = 0; i < 4; i++)
        gyre_release(&views[i]);
    api_close(c);
}

TEST(api_basic, user_flags_are_kept)
{
    gyre *c = api_open(MIB, 0);
    static const uint32_t flags[] = {0, 1, 0x80000000u, UINT32_MAX, 0xCAFE};
    for (unsigned i = 0; i < 5; i++) {
        gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
        put.user_flags = flags[i];
        CHECK_OK(gyre_put(c, key_of(i).text, 16, "value", 5, &put));
    }
    for (unsigned i = 0; i < 5; i++) {
        gyre_view view;
        CHECK_OK(gyre_get(c, key_of(i).text, 16, &view));
        CHECK_EQ(view.user_flags, flags[i]);
        CHECK_MEM(view.data, "value", 5);
        gyre_release(&view);
    }
    CHECK_OK(put_text(c, key_of(3).text, "plain"));
    gyre_view view;
    CHECK_OK(gyre_get(c, key_of(3).text, 16, &view));
    CHECK_EQ(view.user_flags, 0);
    gyre_release(&view);
    api_close(c);
}

TEST(api_basic, caches_are_apart)
{
    enum { N = 8 };
    gyre *caches[N];
    for (unsigned i = 0; i < N; i++) {
        caches[i] = api_open((uint64_t)MIB << i % 3, i % 2 ? GYRE_VERSIONS : GYRE_NO_THREAD);
        CHECK_OK(put_bytes(caches[i], "key", 100 + i, i));
    }
    for (unsigned i = 0; i < N; i++)
        CHECK(has_bytes(caches[i], "key", 100 + i, i));
    CHECK_OK(gyre_delete(caches[3], "key", 3));
    CHECK_OK(gyre_clear(caches[5]));
    api_close(caches[0]);
    for (unsigned i = 1; i < N; i++)
        CHECK_EQ(has_bytes(caches[i], "key", 100 + i, i), i != 3 && i != 5);
    for (unsigned i = N - 1; i > 0; i--)
        api_close(caches[i]);
}

TEST(api_basic, open_and_close_many_times)
{
    for (unsigned i = 0; i < 200; i++) {
        gyre *c = api_open(i % 2 ? 64 * KIB : 2 * MIB,
                           i % 4 == 0 ? GYRE_NO_THREAD : i % 4 == 1 ? GYRE_LIBURCU : 0);
        CHECK_OK(put_text(c, "key", "value"));
        CHECK(has_text(c, "key", "value"));
        api_close(c);
    }
    gyre_close(NULL);
}

TEST(api_basic, the_seed_is_fixed_or_random)
{
    for (unsigned i = 0; i < 8; i++) {
        gyre_options options = api_options(4 * MIB, 0);
        options.seed = i < 4 ? 0 : i == 4 ? UINT64_MAX : i;
        gyre *c = api_open_with(&options);
        for (unsigned k = 0; k < 1000; k++)
            CHECK_OK(put_bytes(c, key_of(k).text, 40, k));
        for (unsigned k = 0; k < 1000; k++)
            CHECK(has_bytes(c, key_of(k).text, 40, k));
        api_close(c);
    }
}

TEST(api_basic, every_flag_serves)
{
    static const uint32_t flags[] = {GYRE_CREATE, GYRE_NO_THREAD, GYRE_HUGEPAGES, GYRE_VERSIONS,
                                     GYRE_LIBURCU, GYRE_LIBURCU | GYRE_NO_THREAD | GYRE_VERSIONS};
    for (unsigned f = 0; f < sizeof flags / sizeof *flags; f++) {
        gyre *c = api_open(2 * MIB, flags[f]);
        for (unsigned i = 0; i < 8000; i++)
            CHECK_OK(put_bytes(c, key_of(i).text, 1000, i));
        unsigned found = 0;
        for (unsigned i = 0; i < 8000; i++) {
            gyre_view view;
            if (gyre_get(c, key_of(i).text, 16, &view) != GYRE_OK)
                continue;
            found++;
            CHECK_EQ(view.size, 1000);
            CHECK(bytes_are(view.data, 1000, i));
            gyre_release(&view);
        }
        CHECK_MSG(found > 1000, "%u entries of 1,000 bytes in 2 MiB with flags %u", found, flags[f]);
        api_settle(c);
        CHECK_EQ(gyre_maintain(c, 0), 0);
        api_close(c);
    }
}

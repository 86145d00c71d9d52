/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Bad input: GYRE_EINVAL, and nothing changed. */

#include <limits.h>
#include <stdlib.h>

#include "api.h"

static void
check_open(const gyre_options *options, int expected, int line)
{
    gyre *cache = (gyre *)(uintptr_t)1;
    int rc = gyre_open(&cache, options);
    CHECK_MSG(rc == expected, "line %d: %d instead of %d", line, rc, expected);
    CHECK_MSG((cache != NULL) == (rc == GYRE_OK), "line %d", line);
    gyre_close(cache);
}

#define REFUSED(field, value)                                                                      \
    do {                                                                                           \
        gyre_options o = api_options(MIB, 0);                                                      \
        o.field = (value);                                                                         \
        check_open(&o, GYRE_EINVAL, __LINE__);                                                     \
    } while (0)
#define TAKEN(field, value)                                                                        \
    do {                                                                                           \
        gyre_options o = api_options(MIB, 0);                                                      \
        o.field = (value);                                                                         \
        check_open(&o, GYRE_OK, __LINE__);                                                         \
    } while (0)

TEST(api_badinput, null_where_something_is_needed)
{
    gyre *c = api_open(MIB, 0);
    gyre *none = c;
    gyre_options options = api_options(MIB, 0);
    gyre_view view;
    gyre_draft draft;
    gyre_stats stats = GYRE_STATS_INIT;
    gyre_key key = {"k", 1};
    int result = 77;
    size_t size = 77;
    char buffer[4];
    CHECK_OK(put_text(c, "k", "v"));

    CHECK_EQ(gyre_open(NULL, &options), GYRE_EINVAL);
    CHECK_EQ(gyre_open(&none, NULL), GYRE_EINVAL);
    CHECK(none == NULL);
    CHECK_EQ(gyre_open(NULL, NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_unlink(NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_unlink(&options), GYRE_EINVAL);
    gyre_close(NULL);

    CHECK_EQ(gyre_get(NULL, "k", 1, &view), GYRE_EINVAL);
    CHECK_EQ(gyre_get(c, NULL, 1, &view), GYRE_EINVAL);
    CHECK_EQ(gyre_get(c, NULL, 0, &view), GYRE_EINVAL);
    CHECK_EQ(gyre_get(c, "k", 0, &view), GYRE_EINVAL);
    CHECK_EQ(gyre_get(c, "k", 1, NULL), GYRE_EINVAL);
    gyre_release(NULL);

    CHECK_EQ(gyre_read(NULL, "k", 1, buffer, 4, &size), GYRE_EINVAL);
    CHECK_EQ(gyre_read(c, NULL, 1, buffer, 4, &size), GYRE_EINVAL);
    CHECK_EQ(gyre_read(c, "k", 0, buffer, 4, &size), GYRE_EINVAL);
    CHECK_EQ(gyre_read(c, "k", 1, NULL, 4, &size), GYRE_EINVAL);
    CHECK_OK(gyre_read(c, "k", 1, buffer, 4, NULL));

    CHECK_EQ(gyre_get_many(NULL, 1, &key, &view, &result), 0);
    CHECK_EQ(gyre_get_many(c, 1, NULL, &view, &result), 0);
    CHECK_EQ(gyre_get_many(c, 1, &key, NULL, &result), 0);
    CHECK_EQ(gyre_get_many(c, 1, &key, &view, NULL), 0);
    CHECK_EQ(result, 77);

    CHECK_EQ(gyre_put(NULL, "k", 1, "w", 1, NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_put(c, NULL, 1, "w", 1, NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_put(c, "k", 0, "w", 1, NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_put(c, "k", 1, NULL, 1, NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_reserve(NULL, "k", 1, 1, NULL, &draft), GYRE_EINVAL);
    CHECK_EQ(gyre_reserve(c, NULL, 1, 1, NULL, &draft), GYRE_EINVAL);
    CHECK_EQ(gyre_reserve(c, "k", 0, 1, NULL, &draft), GYRE_EINVAL);
    CHECK_EQ(gyre_reserve(c, "k", 1, 1, NULL, NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_commit(NULL), GYRE_EINVAL);
    gyre_abort(NULL);
    CHECK_EQ(gyre_delete(NULL, "k", 1), GYRE_EINVAL);
    CHECK_EQ(gyre_delete(c, NULL, 1), GYRE_EINVAL);
    CHECK_EQ(gyre_delete(c, "k", 0), GYRE_EINVAL);
    CHECK_EQ(gyre_touch(NULL, "k", 1, 5), GYRE_EINVAL);
    CHECK_EQ(gyre_touch(c, NULL, 1, 5), GYRE_EINVAL);
    CHECK_EQ(gyre_touch(c, "k", 0, 5), GYRE_EINVAL);
    CHECK_EQ(gyre_clear(NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_scan(c, NULL, NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_maintain(NULL, 1), GYRE_EINVAL);
    CHECK_EQ(gyre_stats_read(NULL, &stats), GYRE_EINVAL);
    CHECK_EQ(gyre_stats_read(c, NULL), GYRE_EINVAL);

    CHECK(has_text(c, "k", "v"));
    CHECK_EQ(api_stats(c).entries, 1);
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    api_close(c);
}

static int
never(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)arg, (void)key, (void)key_size, (void)value;
    return 1;
}

TEST(api_badinput, scan_without_a_cache)
{
    CHECK_EQ(gyre_scan(NULL, never, NULL), GYRE_EINVAL);
}

TEST(api_badinput, open_flags)
{
    for (unsigned bit = 7; bit < 32; bit++) /* GYRE_SHM_FD, too: 0 is no memfd */
        REFUSED(flags, 1u << bit);
    REFUSED(flags, UINT32_MAX);
    REFUSED(flags, GYRE_READONLY);
    REFUSED(flags, GYRE_READONLY | GYRE_CREATE);
    TAKEN(flags, GYRE_CREATE);
    TAKEN(flags, GYRE_NO_THREAD | GYRE_VERSIONS | GYRE_HUGEPAGES);
}

static uint64_t
no_clock(void *arg)
{
    (void)arg;
    return 0;
}

static void *
no_memory(void *arg, size_t bytes)
{
    (void)arg, (void)bytes;
    return NULL;
}

static void
nothing_to_free(void *arg, void *memory, size_t bytes)
{
    (void)arg, (void)memory, (void)bytes;
}

TEST(api_badinput, option_values)
{
    static const uint64_t bad_capacities[] = {0, 1, 4096, 65535, ((uint64_t)4 << 40) + 1,
                                              (uint64_t)1 << 43, (uint64_t)1 << 63, UINT64_MAX};
    for (unsigned i = 0; i < sizeof bad_capacities / sizeof *bad_capacities; i++)
        REFUSED(capacity_bytes, bad_capacities[i]);
    TAKEN(capacity_bytes, 65536);
    TAKEN(capacity_bytes, 65537);
    TAKEN(capacity_bytes, (uint64_t)1 << 32);

    static const uint32_t bad_aligns[] = {1, 2, 4, 7, 9, 12, 24, 4095, 4097, 8192, 1u << 31, UINT32_MAX};
    for (unsigned i = 0; i < sizeof bad_aligns / sizeof *bad_aligns; i++)
        REFUSED(value_align, bad_aligns[i]);
    TAKEN(value_align, 8);
    TAKEN(value_align, 4096);

    REFUSED(reserved, 1);
    REFUSED(reserved, UINT32_MAX);
    static const char *const bad_names[] = {"", "/", "//name", "a/b", "/a/b", "a/", ".", "..", "/..", "na me", "n\n",
                                            ".gyre-creating-0123456789abcdef", "name\xe9"};
    for (unsigned i = 0; i < sizeof bad_names / sizeof *bad_names; i++)
        REFUSED(shm_name, bad_names[i]);
    char long_name[202];
    memset(long_name, 'n', 201), long_name[201] = 0;
    REFUSED(shm_name, long_name);
    REFUSED(shm_fd, 1);
    REFUSED(sync_interval_ms, 1);
    REFUSED(file_path, "/tmp/"); /* more in test_file.c */
    REFUSED(file_path, "");
    REFUSED(max_value_bytes, MIB);
    REFUSED(max_value_bytes, UINT32_MAX);
    REFUSED(allocate, no_memory);
    REFUSED(deallocate, nothing_to_free);
    TAKEN(max_entries, 1);
    TAKEN(default_ttl_ms, GYRE_NO_TTL);
    TAKEN(default_ttl_ms, 1);
    TAKEN(clock_ms, no_clock);
    TAKEN(expected_entry_bytes, 1);
    TAKEN(seed, UINT64_MAX);
    TAKEN(mode, 0600);
}

/* Whatever a program asks for, it gets a cache that works, or a refusal. */
TEST(api_badinput, random_options)
{
    uint64_t random = api_seed("random_options");
    unsigned n_opened = 0;
    for (unsigned i = 0; i < 400; i++) {
        gyre_options o = api_options(api_random(&random) >> api_random(&random) % 64, 0);
        o.flags = (uint32_t)api_random(&random) % 128 & ~(uint32_t)(GYRE_READONLY | GYRE_EXCLUSIVE);
        o.max_entries = api_random(&random) % 2 ? 0 : api_random(&random) >> api_random(&random) % 64;
        o.max_value_bytes = api_random(&random) % 2 ? 0 : (uint32_t)api_random(&random) >> api_random(&random) % 32;
        o.expected_entry_bytes = api_random(&random) % 2 ? 0 : (uint32_t)api_random(&random) >> api_random(&random) % 32;
        o.value_align = api_random(&random) % 2 ? 0 : 1u << api_random(&random) % 16;
        o.default_ttl_ms = (uint32_t)api_random(&random) >> api_random(&random) % 32;
        gyre *c = (gyre *)(uintptr_t)1;
        int rc = gyre_open(&c, &o);
        CHECK_MSG(rc == GYRE_OK || rc == GYRE_EINVAL || rc == GYRE_ENOMEM, "%d", rc);
        CHECK_EQ(c != NULL, rc == GYRE_OK);
        if (c == NULL)
            continue;
        n_opened++;
        for (unsigned k = 0; k < 50; k++) {
            rc = put_bytes(c, key_of(k).text, k, k);
            CHECK_MSG(rc == GYRE_OK || (rc == GYRE_E2BIG && o.max_value_bytes != 0 && k > o.max_value_bytes),
                      "%d: capacity %llu, align %u", rc, (unsigned long long)o.capacity_bytes, o.value_align);
        }
        api_close(c);
    }
    CHECK(n_opened > 0);
}

TEST(api_badinput, older_and_newer_options)
{
    struct {
        gyre_options o;
        unsigned char tail[64];
    } newer;
    memset(&newer, 0, sizeof newer);
    newer.o = api_options(MIB, 0);
    newer.o.struct_size = sizeof newer;
    check_open(&newer.o, GYRE_OK, __LINE__);
    for (unsigned i = 0; i < sizeof newer.tail; i++) {
        newer.tail[i] = 1;
        check_open(&newer.o, GYRE_EINVAL, __LINE__);
        newer.tail[i] = 0;
    }
    gyre_options o = api_options(MIB, 0);
    o.struct_size = 0;
    check_open(&o, GYRE_EINVAL, __LINE__);
    o.struct_size = 4;
    check_open(&o, GYRE_EINVAL, __LINE__);
    o.struct_size = 15; /* ends in the middle of capacity_bytes */
    check_open(&o, GYRE_EINVAL, __LINE__);

    /* The allocator came last: a header without it makes a struct that ends before it. What stands
     * behind that end is not the library's to read. */
    size_t older = offsetof(gyre_options, allocate);
    void *exact = malloc(older);
    CHECK(exact != NULL);
    o.struct_size = (uint32_t)older;
    memcpy(exact, &o, older);
    gyre *c = api_open_with(exact);
    free(exact);
    CHECK_OK(put_text(c, "k", "v"));
    CHECK(has_text(c, "k", "v"));
    api_close(c);
    o.allocate = no_memory;
    o.deallocate = nothing_to_free;
    check_open(&o, GYRE_OK, __LINE__);
}

static void
check_put(gyre *c, const gyre_put_options *put, int expected, int line)
{
    int rc = gyre_put(c, "k", 1, "w", 1, put);
    CHECK_MSG(rc == expected, "line %d: %d instead of %d", line, rc, expected);
    CHECK_MSG(has_text(c, "k", rc == GYRE_OK ? "w" : "v"), "line %d", line);
    gyre_draft draft;
    memset(&draft, 0xEE, sizeof draft);
    rc = gyre_reserve(c, "k", 1, 1, put, &draft);
    CHECK_MSG(rc == expected, "line %d: reserve: %d instead of %d", line, rc, expected);
    gyre_abort(&draft);
    CHECK_OK(put_text(c, "k", "v"));
}

TEST(api_badinput, put_options)
{
    for (unsigned versions = 0; versions < 2; versions++) {
        gyre *c = api_open(MIB, versions ? GYRE_VERSIONS : 0);
        CHECK_OK(put_text(c, "k", "v"));
        for (uint32_t flags = 3; flags < 300; flags++) {
            gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
            put.flags = flags;
            if (flags != GYRE_IF_VERSION || !versions)
                check_put(c, &put, GYRE_EINVAL, __LINE__);
        }
        gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
        put.flags = 1u << 31;
        check_put(c, &put, GYRE_EINVAL, __LINE__);
        put.flags = UINT32_MAX;
        check_put(c, &put, GYRE_EINVAL, __LINE__);
        put.flags = GYRE_REPLACE;
        check_put(c, &put, GYRE_OK, __LINE__);

        put.struct_size = 0;
        check_put(c, &put, GYRE_EINVAL, __LINE__);
        put.struct_size = 4;
        check_put(c, &put, GYRE_EINVAL, __LINE__);
        struct {
            gyre_put_options put;
            unsigned char tail[40];
        } newer;
        memset(&newer, 0, sizeof newer);
        newer.put = (gyre_put_options)GYRE_PUT_OPTIONS_INIT;
        newer.put.struct_size = sizeof newer;
        check_put(c, &newer.put, GYRE_OK, __LINE__);
        newer.tail[39] = 1;
        check_put(c, &newer.put, GYRE_EINVAL, __LINE__);
        api_close(c);
    }
}

TEST(api_badinput, stats_sizes)
{
    gyre *c = api_open(MIB, 0);
    static const uint32_t bad[] = {0, 1, 3};
    for (unsigned i = 0; i < 3; i++) {
        gyre_stats s = GYRE_STATS_INIT;
        s.struct_size = bad[i];
        s.hits = 4711;
        CHECK_EQ(gyre_stats_read(c, &s), GYRE_EINVAL);
        CHECK_EQ(s.struct_size, bad[i]);
        CHECK_EQ(s.hits, 4711);
    }
    api_close(c);
}

TEST(api_badinput, huge_sizes)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_text(c, "k", "v"));
    static const size_t huge[] = {(size_t)1 << 20, (size_t)1 << 31, ((size_t)1 << 32) - 1, (size_t)1 << 32,
                                  ((size_t)1 << 32) + 1, (size_t)1 << 62, SIZE_MAX - 7, SIZE_MAX};
    for (unsigned i = 0; i < sizeof huge / sizeof *huge; i++) {
        /* A value that is too large is refused before a byte of it is read. */
        CHECK_EQ(gyre_put(c, "other", 5, "v", huge[i], NULL), GYRE_E2BIG);
        gyre_draft draft;
        CHECK_EQ(gyre_reserve(c, "other", 5, huge[i], NULL, &draft), GYRE_E2BIG);
        /* So is a key. */
        CHECK_EQ(gyre_put(c, "k", huge[i], "v", 1, NULL), GYRE_E2BIG);
        gyre_view view;
        int rc = gyre_get(c, "k", huge[i], &view);
        CHECK(rc == GYRE_MISS || rc == GYRE_EINVAL);
        gyre_release(&view);
        rc = gyre_delete(c, "k", huge[i]);
        CHECK(rc == GYRE_MISS || rc == GYRE_EINVAL);
        rc = gyre_touch(c, "k", huge[i], 5);
        CHECK(rc == GYRE_MISS || rc == GYRE_EINVAL || rc == GYRE_E2BIG);
    }
    char buffer[4];
    CHECK_OK(gyre_read(c, "k", 1, buffer, SIZE_MAX, NULL));
    CHECK(has_text(c, "k", "v"));
    CHECK_EQ(api_stats(c).entries, 1);
    api_close(c);
}

TEST(api_badinput, strerror_is_total)
{
    static const int codes[] = {GYRE_OK, GYRE_MISS, GYRE_EXISTS, GYRE_CHANGED, GYRE_LEASED, GYRE_STALE, GYRE_EINVAL, GYRE_E2BIG,
                                GYRE_ENOMEM, GYRE_EBUSY, GYRE_EFORMAT, GYRE_ECORRUPT, GYRE_EPERM, GYRE_EIO,
                                GYRE_ENOSPC, GYRE_ENOENT, GYRE_EEXIST, GYRE_ESTALE};
    enum { N = sizeof codes / sizeof *codes };
    const char *unknown = gyre_strerror(INT_MAX);
    for (unsigned i = 0; i < N; i++) {
        CHECK(gyre_strerror(codes[i])[0] != '\0');
        CHECK(gyre_strerror(codes[i]) == gyre_strerror(codes[i]));
        CHECK(strcmp(gyre_strerror(codes[i]), unknown) != 0);
        for (unsigned j = 0; j < i; j++)
            CHECK(strcmp(gyre_strerror(codes[i]), gyre_strerror(codes[j])) != 0);
    }
    for (int code = -1000; code <= 1000; code++)
        CHECK(gyre_strerror(code) != NULL && gyre_strerror(code)[0] != '\0');
    for (int64_t code = INT_MIN; code <= INT_MAX; code += 104729)
        CHECK(gyre_strerror((int)code) != NULL && gyre_strerror((int)code)[0] != '\0');
    CHECK_STR(gyre_strerror(INT_MIN), unknown);
    CHECK_STR(gyre_strerror(-13), unknown);
    CHECK_STR(gyre_strerror(6), unknown);
    CHECK_EQ(gyre_version(), GYRE_VERSION);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Limits: of values and keys, of entries, of tiny caches; and alignment. */

#include <stdlib.h>

#include "api.h"

static int
put_flags(gyre *c, const char *key, const void *value, size_t size, uint32_t flags, uint64_t version)
{
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.flags = flags;
    put.version = version;
    return gyre_put(c, key, strlen(key), value, size, &put);
}

TEST(api_limits, values_up_to_the_limit)
{
    static const uint32_t limits[] = {0, 1, 100, 1000, 4095, 65536};
    for (unsigned i = 0; i < 6; i++) {
        gyre_options options = api_options(4 * MIB, 0);
        options.max_value_bytes = limits[i];
        gyre *c = api_open_with(&options);
        size_t most = (size_t)api_stats(c).max_value_bytes;
        CHECK(limits[i] == 0 ? most > 0 : most == limits[i]);
        CHECK_OK(put_bytes(c, "beside", 1, 5));
        for (unsigned round = 0; round < 3; round++) {
            CHECK_OK(put_bytes(c, "k", most - 1, 1));
            CHECK(has_bytes(c, "k", most - 1, 1));
            CHECK_OK(put_bytes(c, "k", most, 2));
            CHECK(has_bytes(c, "k", most, 2));
            CHECK_EQ(put_bytes(c, "k", most + 1, 3), GYRE_E2BIG);
            CHECK(is_missing(c, "k"));
            CHECK_EQ(put_bytes(c, "k", most + 1, 3), GYRE_E2BIG);
        }
        CHECK(has_bytes(c, "beside", 1, 5));
        CHECK_EQ(api_stats(c).removed[GYRE_REJECTED], 3);
        CHECK_EQ(api_stats(c).puts_rejected, 6);
        api_close(c);
    }
}

TEST(api_limits, a_rejected_value_leaves_nothing_behind)
{
    gyre_options options = api_options(MIB, GYRE_VERSIONS);
    options.max_value_bytes = 1000;
    gyre *c = api_open_with(&options);
    static char big[1001];
    gyre_view view;

    CHECK_OK(put_text(c, "k", "old"));
    CHECK_EQ(put_flags(c, "k", big, 1001, GYRE_ADD, 0), GYRE_E2BIG);
    CHECK(has_text(c, "k", "old"));
    CHECK_OK(gyre_get(c, "k", 1, &view));
    uint64_t version = view.version;
    gyre_release(&view);
    int rc = put_flags(c, "k", big, 1001, GYRE_IF_VERSION, version + 1000000);
    CHECK(rc == GYRE_E2BIG || rc == GYRE_CHANGED);
    CHECK(has_text(c, "k", "old"));
    CHECK_EQ(put_flags(c, "k", big, 1001, GYRE_IF_VERSION, version), GYRE_E2BIG);
    CHECK(is_missing(c, "k"));

    CHECK_OK(put_text(c, "k", "old"));
    CHECK_EQ(put_flags(c, "k", big, 1001, GYRE_REPLACE, 0), GYRE_E2BIG);
    CHECK(is_missing(c, "k"));
    CHECK_OK(put_text(c, "k", "old"));
    CHECK_EQ(gyre_put(c, "k", 1, big, SIZE_MAX, NULL), GYRE_E2BIG);
    CHECK(is_missing(c, "k"));

    CHECK_OK(put_text(c, "k", "old"));
    gyre_draft draft;
    CHECK_EQ(gyre_reserve(c, "k", 1, 1001, NULL, &draft), GYRE_E2BIG);
    CHECK_EQ(gyre_commit(&draft), GYRE_EINVAL);
    CHECK(is_missing(c, "k"));
    CHECK_EQ(api_stats(c).entries, 0);
    api_close(c);
}

TEST(api_limits, keys_that_are_too_large)
{
    gyre *c = api_open(64 * MIB, 0);
    size_t huge = 8 * MIB;
    char *key = malloc(huge);
    CHECK(key != NULL);
    fill_bytes(key, huge, 3);
    CHECK_EQ(gyre_put(c, key, huge, "v", 1, NULL), GYRE_E2BIG);
    gyre_view view;
    int rc = gyre_get(c, key, huge, &view);
    CHECK(rc == GYRE_MISS || rc == GYRE_EINVAL);
    gyre_release(&view);
    rc = gyre_delete(c, key, huge);
    CHECK(rc == GYRE_MISS || rc == GYRE_EINVAL);
    gyre_draft draft;
    CHECK_EQ(gyre_reserve(c, key, huge, 1, NULL, &draft), GYRE_E2BIG);
    /* The longest key that is taken, found by halving, comes back; the next longer one does not. */
    size_t taken = 1, refused = huge;
    while (refused - taken > 1) {
        size_t middle = taken + (refused - taken) / 2;
        rc = gyre_put(c, key, middle, "v", 1, NULL);
        CHECK(rc == GYRE_OK || rc == GYRE_E2BIG);
        if (rc == GYRE_OK)
            taken = middle;
        else
            refused = middle;
    }
    CHECK_MSG(taken >= 60000, "the longest key has %zu bytes", taken);
    CHECK_OK(gyre_get(c, key, taken, &view));
    CHECK_EQ(view.size, 1);
    gyre_release(&view);
    free(key);
    api_close(c);
}

/* In a tiny cache key and value together can be too large though each is not. */
TEST(api_limits, keys_and_values_that_are_too_large_together)
{
    gyre *c = api_open(64 * KIB, 0);
    char *bytes = calloc(1, 65536);
    CHECK(bytes != NULL);
    size_t most = (size_t)api_stats(c).max_value_bytes;
    for (size_t n = 1; n <= 65535; n = n * 3 + 1) {
        int rc = gyre_put(c, bytes, n, bytes, most, NULL);
        CHECK_MSG(rc == GYRE_OK || rc == GYRE_E2BIG, "%d for a key of %zu bytes", rc, n);
        gyre_view view;
        int got = gyre_get(c, bytes, n, &view);
        CHECK_MSG(got == (rc == GYRE_OK ? GYRE_OK : GYRE_MISS), "%d after %d, key of %zu", got, rc, n);
        gyre_release(&view);
    }
    free(bytes);
    api_close(c);
}

TEST(api_limits, max_entries_is_held)
{
    static const unsigned limits[] = {1, 2, 10, 50, 1000};
    for (unsigned l = 0; l < 5; l++)
        for (unsigned flags = 0; flags < 2; flags++) {
            gyre_options options = api_options(4 * MIB, flags ? GYRE_NO_THREAD : 0);
            options.max_entries = limits[l];
            gyre *c = api_open_with(&options);
            for (unsigned i = 0; i < 3000; i++) {
                CHECK_OK(put_bytes(c, key_of(i).text, 30, i));
                CHECK(has_bytes(c, key_of(i).text, 30, i));
                if (i < 100 || i % 50 == 0)
                    CHECK_EQ(api_stats(c).entries, i + 1 < limits[l] ? i + 1 : limits[l]);
            }
            unsigned found = 0;
            for (unsigned i = 0; i < 3000; i++)
                found += has_bytes(c, key_of(i).text, 30, i);
            CHECK_EQ(found, limits[l]);
            for (unsigned i = 0; i < 200; i++)
                CHECK_OK(put_bytes(c, key_of(2999).text, 60, i));
            CHECK_EQ(api_stats(c).entries, limits[l]);
            api_close(c);
        }
}

TEST(api_limits, deleted_entries_count_no_more)
{
    gyre_options options = api_options(MIB, 0);
    options.max_entries = 10;
    gyre *c = api_open_with(&options);
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < 10; i++)
            CHECK_OK(put_bytes(c, key_of(i).text, 30, i));
        CHECK_EQ(api_stats(c).entries, 10);
        for (unsigned i = 0; i < 10; i++) {
            CHECK(has_bytes(c, key_of(i).text, 30, i));
            CHECK_OK(gyre_delete(c, key_of(i).text, 16));
        }
        CHECK_EQ(api_stats(c).entries, 0);
    }
    CHECK_EQ(api_stats(c).removed[GYRE_ENTRY_LIMIT], 0);
    api_close(c);
}

/* What a clear has hidden goes before what came after it. Between a removal and its count the maintenance thread may
 * be off its processor: then the entry counts still, and one more goes for it. */
TEST(api_limits, cleared_entries_go_first)
{
    for (unsigned alone = 0; alone < 2; alone++) {
        gyre_options options = api_options(MIB, alone ? GYRE_NO_THREAD : 0);
        options.max_entries = 10;
        gyre *c = api_open_with(&options);
        unsigned found = 0;
        for (unsigned i = 0; i < 10; i++)
            CHECK_OK(put_bytes(c, key_of(i).text, 30, i));
        CHECK_OK(gyre_clear(c));
        for (unsigned i = 20; i < 30; i++)
            CHECK_OK(put_bytes(c, key_of(i).text, 30, i));
        for (unsigned i = 20; i < 30; i++)
            found += has_bytes(c, key_of(i).text, 30, i);
        CHECK_MSG(found >= (alone ? 10 : 9), "%u of 10 found", found);
        api_close(c);
    }
}

enum { WRITERS = 3, LIMIT = 50 };

struct limited {
    gyre *cache;
    atomic_uint n_done;
};

static void
put_or_count(void *arg, unsigned i)
{
    struct limited *l = arg;
    if (i < WRITERS) {
        for (unsigned n = 0; n < 20000; n++) {
            int rc = put_bytes(l->cache, key_of(n % 700 + i * 1000).text, 40 + n % 50, n);
            CHECK_OK(rc);
        }
        atomic_fetch_add(&l->n_done, 1);
        return;
    }
    while (atomic_load(&l->n_done) < WRITERS) {
        gyre_stats s = GYRE_STATS_INIT;
        CHECK_OK(gyre_stats_read(l->cache, &s));
        CHECK_MSG(s.entries <= LIMIT + WRITERS, "%llu entries", (unsigned long long)s.entries);
    }
}

TEST(api_limits, max_entries_is_exceeded_by_puts_in_flight_only)
{
    static struct limited l;
    gyre_options options = api_options(2 * MIB, 0);
    options.max_entries = LIMIT;
    l.cache = api_open_with(&options);
    api_threads(WRITERS + 1, put_or_count, &l);
    gyre_stats s = api_stats(l.cache);
    CHECK(s.entries > 0);
    CHECK(s.entries <= LIMIT);
    api_close(l.cache);
}

TEST(api_limits, tiny_caches)
{
    static const uint32_t flags[] = {0, GYRE_NO_THREAD, GYRE_VERSIONS, GYRE_LIBURCU};
    for (unsigned f = 0; f < 4; f++) {
        gyre *c = api_open(64 * KIB, flags[f]);
        unsigned hits = 0;
        for (unsigned i = 0; i < 20000; i++) {
            CHECK_OK(put_bytes(c, key_of(i).text, i % 500, i));
            hits += has_bytes(c, key_of(i).text, i % 500, i);
        }
        CHECK_MSG(hits > 19000, "%u of 20,000 values found right after they were put", hits);
        gyre_stats s = api_stats(c);
        CHECK_MSG(s.entries >= 50, "%llu entries of 290 bytes in 64 KiB", (unsigned long long)s.entries);
        size_t most = (size_t)s.max_value_bytes;
        hits = 0; /* (Any entry may be dropped at any time; what was just put, hardly ever.) */
        for (unsigned i = 0; i < 300; i++) {
            CHECK_OK(put_bytes(c, key_of(i % 7).text, most, i));
            hits += has_bytes(c, key_of(i % 7).text, most, i);
        }
        CHECK_MSG(hits >= 285, "%u of 300 of the largest values found right after they were put", hits);
        api_close(c);
    }
}

/* What was just put is there, unless a full window cost it its place, which is counted. */
static bool
is_there(gyre *c, unsigned i, size_t size, uint64_t *conflicts)
{
    if (has_bytes(c, key_of(i).text, size, i))
        return true;
    uint64_t before = *conflicts;
    *conflicts = api_stats(c).window_conflicts;
    return *conflicts > before;
}

/* Whatever share of an arena a size leaves unused, a put finds room, and what it put is there. */
static void
fill_with_size(const gyre_options *options, size_t size)
{
    gyre *c = api_open_with(options);
    unsigned n = (unsigned)(2 * options->capacity_bytes / (size + 100)) + 20;
    n = n < 2000 ? n : 2000;
    uint64_t conflicts = 0;
    for (unsigned i = 0; i < n; i++) {
        int rc = put_bytes(c, key_of(i).text, size, i);
        CHECK_MSG(rc == GYRE_OK && is_there(c, i, size, &conflicts),
                  "put %u of %zu bytes: %d; capacity %llu, align %u", i, size, rc,
                  (unsigned long long)options->capacity_bytes, options->value_align);
    }
    api_close(c);
}

TEST(api_limits, every_size_in_every_cache)
{
    static const uint64_t capacities[] = {64 * KIB, 96 * KIB, 147456, 300 * KIB, MIB};
    for (unsigned i = 0; i < 5; i++)
        for (uint32_t align = 8; align <= 4096; align *= 8) {
            gyre_options options = api_options(capacities[i], GYRE_NO_THREAD);
            options.value_align = align;
            gyre *c = NULL;
            int rc = gyre_open(&c, &options);
            if (rc == GYRE_EINVAL && capacities[i] < 32 * align)
                continue; /* too few arenas of values so far apart */
            CHECK_OK(rc);
            size_t most = (size_t)api_stats(c).max_value_bytes;
            api_close(c);
            for (size_t size = 1; size < most; size = size * 4 / 3 + 11)
                fill_with_size(&options, size);
            fill_with_size(&options, most);
        }
}

TEST(api_limits, odd_capacities)
{
    uint64_t random = api_seed("odd_capacities");
    for (unsigned i = 0; i < 60; i++) {
        gyre_options options = api_options(64 * KIB + api_random(&random) % (3 * MIB), GYRE_NO_THREAD);
        gyre *c = api_open_with(&options);
        CHECK_EQ(api_stats(c).capacity_bytes, options.capacity_bytes);
        for (unsigned k = 0; k < 3000; k++)
            CHECK_OK(put_bytes(c, key_of(k).text, 1000, k));
        uint64_t conflicts = 0;
        CHECK_MSG(is_there(c, 2999, 1000, &conflicts), "capacity %llu",
                  (unsigned long long)options.capacity_bytes);
        api_close(c);
    }
}

TEST(api_limits, values_are_aligned)
{
    static char buffer[512];
    fill_bytes(buffer, sizeof buffer, 8);
    for (uint32_t align = 8; align <= 4096; align *= 2) {
        gyre_options options = api_options(16 * MIB, align % 3 ? GYRE_VERSIONS : 0);
        options.value_align = align;
        gyre *c = api_open_with(&options);
        for (size_t n = 0; n <= 300; n++) {
            gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
            put.user_flags = n % 2 ? 7 : 0;
            put.ttl_ms = n % 3 ? 1000000 : 0;
            /* The key's address and size are as odd as the value's. */
            CHECK_OK(gyre_put(c, key_of(n).text, 16, buffer + n % 9, n, &put));
            CHECK_OK(gyre_put(c, buffer + n % 7, 20 + n % 40, buffer + n % 9, n, &put));
            gyre_draft draft;
            CHECK_OK(gyre_reserve(c, "draft", 5, n, &put, &draft));
            CHECK_EQ((uintptr_t)draft.data % align, 0);
            gyre_abort(&draft);
        }
        for (size_t n = 0; n <= 300; n++) {
            gyre_view view;
            CHECK_OK(gyre_get(c, key_of(n).text, 16, &view));
            CHECK_EQ((uintptr_t)view.data % align, 0);
            CHECK_EQ(view.size, n);
            CHECK_MEM(view.data, buffer + n % 9, n);
            gyre_release(&view);
        }
        api_close(c);
    }
}

/* They stay aligned when a sweep has moved them. */
TEST(api_limits, values_are_aligned_after_moves)
{
    for (uint32_t align = 8; align <= 4096; align *= 8) {
        gyre_options options = api_options(2 * MIB, 0);
        options.value_align = align;
        gyre *c = api_open_with(&options);
        unsigned found = 0;
        for (unsigned i = 0; i < 20000; i++) {
            CHECK_OK(put_bytes(c, key_of(i).text, i % 700, i));
            unsigned hot = i % 40;
            gyre_view view;
            if (gyre_get(c, key_of(hot).text, 16, &view) == GYRE_OK) {
                found++;
                CHECK_EQ((uintptr_t)view.data % align, 0);
                CHECK(bytes_are(view.data, view.size, hot));
                gyre_release(&view);
            }
        }
        CHECK(found > 0);
        api_close(c);
    }
}

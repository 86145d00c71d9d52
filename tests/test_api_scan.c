/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Scan: every entry once, while the visitor and others use the cache. */

#include <stdlib.h>

#include "api.h"

enum { N = 5000 };

struct seen {
    gyre *cache;
    unsigned times[N];
    unsigned n, stop_at;
};

static unsigned
number_of(const void *key, size_t key_size)
{
    char text[17] = "";
    CHECK_EQ(key_size, 16);
    memcpy(text, key, 16);
    unsigned number = (unsigned)strtoul(text + 3, NULL, 10);
    CHECK_STR(text, key_of(number).text);
    return number;
}

static int
note(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    struct seen *seen = arg;
    unsigned i = number_of(key, key_size);
    CHECK(i < N);
    CHECK_EQ(value->size, i % 100);
    CHECK(bytes_are(value->data, value->size, i));
    seen->times[i]++;
    return ++seen->n == seen->stop_at ? 4711 : 0;
}

static void
fill(gyre *c)
{
    for (unsigned i = 0; i < N; i++)
        CHECK_OK(put_bytes(c, key_of(i).text, i % 100, i));
}

TEST(api_scan, every_entry_exactly_once)
{
    for (unsigned flags = 0; flags < 2; flags++) {
        gyre *c = api_open(16 * MIB, flags ? GYRE_LIBURCU : 0);
        struct seen *seen = calloc(1, sizeof *seen);
        CHECK(seen != NULL);
        CHECK_OK(gyre_scan(c, note, seen));
        CHECK_EQ(seen->n, 0);
        fill(c);
        CHECK_OK(gyre_scan(c, note, seen));
        for (unsigned i = 0; i < N; i++)
            CHECK_MSG(seen->times[i] == 1, "key %u: %u times", i, seen->times[i]);
        CHECK_EQ(api_stats(c).pinned_bytes, 0);
        free(seen);
        api_close(c);
    }
}

TEST(api_scan, the_visitor_stops_it)
{
    gyre *c = api_open(16 * MIB, 0);
    struct seen *seen = calloc(1, sizeof *seen);
    CHECK(seen != NULL);
    fill(c);
    static const unsigned stops[] = {1, 2, 100, N};
    for (unsigned i = 0; i < 4; i++) {
        seen->n = 0;
        seen->stop_at = stops[i];
        CHECK_EQ(gyre_scan(c, note, seen), 4711);
        CHECK_EQ(seen->n, stops[i]);
    }
    free(seen);
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    api_close(c);
}

static int
stop_with(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)key, (void)key_size, (void)value;
    return *(int *)arg;
}

TEST(api_scan, the_visitors_answer_is_returned)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_text(c, "k", "v"));
    static const int answers[] = {0, 1, -1, GYRE_EBUSY, INT32_MAX, INT32_MIN};
    for (unsigned i = 0; i < 6; i++) {
        int answer = answers[i];
        CHECK_EQ(gyre_scan(c, stop_with, &answer), answers[i]);
    }
    api_close(c);
}

/* The visitor overwrites what it is shown, deletes others, and scans in turn. */
static int
meddle(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    struct seen *seen = arg;
    gyre *c = seen->cache;
    char copy[200];
    CHECK(key_size <= 16 && value->size <= sizeof copy);
    memcpy(copy, value->data, value->size);
    size_t size = value->size;
    CHECK_OK(gyre_delete(c, key, key_size));
    for (unsigned i = 0; i < 3; i++)
        CHECK_OK(gyre_put(c, key, key_size, "replaced", 8, NULL));
    CHECK_EQ(value->size, size);
    CHECK_MEM(value->data, copy, size);
    gyre_view view;
    int rc = gyre_get(c, key, key_size, &view);
    CHECK(rc == GYRE_OK);
    CHECK_EQ(view.size, 8);
    gyre_release(&view);
    if (seen->n++ % 1000 == 0) {
        struct seen *inner = calloc(1, sizeof *inner);
        int stop = 1;
        CHECK(inner != NULL);
        CHECK_EQ(gyre_scan(c, stop_with, &stop), 1);
        free(inner);
        gyre_stats s = GYRE_STATS_INIT;
        CHECK_OK(gyre_stats_read(c, &s));
        CHECK(gyre_maintain(c, 1000) >= 0);
    }
    return seen->n == 2 * N ? 1 : 0;
}

TEST(api_scan, the_visitor_may_call_gyre)
{
    gyre *c = api_open(32 * MIB, 0);
    struct seen seen = {.cache = c};
    fill(c);
    CHECK(gyre_scan(c, meddle, &seen) >= 0);
    CHECK(seen.n >= N);
    for (unsigned i = 0; i < N; i++)
        CHECK(has_text(c, key_of(i).text, "replaced"));
    api_close(c);
}

struct busy {
    gyre *cache;
    struct seen seen;
    atomic_bool stop;
};

static int
note_ours(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    return memcmp(key, "key", 3) == 0 ? note(arg, key, key_size, value) : 0;
}

/* Thread 1 puts other keys meanwhile, so that the index grows under the scan. */
static void
scan_or_churn(void *arg, unsigned i)
{
    struct busy *b = arg;
    if (i == 0) {
        CHECK_OK(gyre_scan(b->cache, note_ours, &b->seen));
        atomic_store(&b->stop, true);
        return;
    }
    char key[20];
    for (unsigned n = 0; n < 200000 && !atomic_load(&b->stop); n++) {
        snprintf(key, sizeof key, "other%010u", n);
        CHECK_OK(gyre_put(b->cache, key, 15, "value", 5, NULL));
    }
}

TEST(api_scan, entries_present_throughout_while_others_come)
{
    struct busy *b = calloc(1, sizeof *b);
    CHECK(b != NULL);
    gyre_options options = api_options(64 * MIB, 0);
    options.expected_entry_bytes = 65536; /* a small first index that has to grow */
    b->cache = api_open_with(&options);
    fill(b->cache);
    api_threads(2, scan_or_churn, b);
    unsigned still = 0;
    for (unsigned i = 0; i < N; i++) {
        CHECK_MSG(b->seen.times[i] <= 1, "key %u: %u times", i, b->seen.times[i]);
        bool there = has_bytes(b->cache, key_of(i).text, i % 100, i);
        still += there;
        CHECK_MSG(!there || b->seen.times[i] == 1, "key %u is there, was not visited", i);
    }
    CHECK(still > 0);
    api_close(b->cache);
    free(b);
}

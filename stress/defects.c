/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Defects that have been seen in other caches, each looked for here on a private cache by one
 * thread. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "round.h"

static struct rng random_draws;

static gyre *
open_with(gyre_options options)
{
    gyre *cache = NULL;
    options.seed = rng_next(&random_draws);
    options.flags = stress_draw_mode(&random_draws);
    int rc = gyre_open(&cache, &options);
    if (rc != GYRE_OK) {
        stress_fail("open: %s", gyre_strerror(rc));
        exit(stress_finish());
    }
    return cache;
}

static gyre *
open_cache(uint64_t capacity, uint32_t value_align, uint64_t max_entries)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = capacity;
    options.value_align = value_align;
    options.max_entries = max_entries;
    return open_with(options);
}

static int
put(gyre *cache, uint64_t key, const void *value, size_t size)
{
    stress_tally.operations++;
    return gyre_put(cache, &key, sizeof key, value, size, NULL);
}

static void
must_put(gyre *cache, uint64_t key, const void *value, size_t size, const char *when)
{
    int rc = put(cache, key, value, size);
    if (rc != GYRE_OK)
        stress_fail("%s: put of key %" PRIu64 ", %zu bytes: %s", when, key, size,
                    gyre_strerror(rc));
}

static bool
present(gyre *cache, uint64_t key)
{
    size_t size;
    stress_tally.operations++;
    int rc = gyre_read(cache, &key, sizeof key, NULL, 0, &size);
    return rc == GYRE_E2BIG || rc == GYRE_OK;
}

/* ---- the defects ------------------------------------------------------------------------------
 */

/* Inserting a key twice makes two entries. */
static void
one_key_many_puts(void)
{
    gyre *cache = open_cache(1 << 20, 0, 0);
    uint64_t last = 0, n_puts = STRESS_SCALED(100000);
    for (uint64_t n = 1; n <= n_puts; n++)
        must_put(cache, 1, &n, sizeof n, "one key");
    int rc = gyre_read(cache, &(uint64_t){1}, sizeof(uint64_t), &last, sizeof last, NULL);
    gyre_stats stats = settle_wait(cache);
    if (stats.entries != 1 || rc != GYRE_OK || last != n_puts)
        stress_fail("one key put %" PRIu64 " times: %" PRIu64 " entries, %s, value %" PRIu64,
                    n_puts, stats.entries, gyre_strerror(rc), last);
    if (stats.removed[GYRE_REPLACED] != n_puts - 1)
        stress_fail("%" PRIu64 " of %" PRIu64 " replacements are counted",
                    stats.removed[GYRE_REPLACED], n_puts - 1);
    gyre_close(cache);
}

/* A get does not refresh recency: what is read between the puts must outlive what is not. A hot key
 * that is missed is put again, as a cache's user would. How much of what nobody reads is kept is for
 * chance to say where only more of the same comes in: by what shares an arena with it. So it is asked
 * of several caches. */
static void
recency(void)
{
    enum { CACHES = 5, HOT = 20, PUTS = 8000 };
    char value[1000] = {0};
    unsigned missed = 0, cold_kept = 0;
    for (unsigned i = 0; i < CACHES; i++) {
        gyre *cache = open_cache(1 << 20, 0, 0);
        for (uint64_t key = 0; key < 2 * HOT; key++)
            must_put(cache, key, value, sizeof value, "recency");
        for (uint64_t n = 0; n < PUTS; n++) {
            must_put(cache, 1000 + n, value, sizeof value, "recency");
            if (present(cache, n % HOT))
                continue;
            missed++;
            must_put(cache, n % HOT, value, sizeof value, "recency");
        }
        for (uint64_t key = 0; key < HOT; key++)
            cold_kept += present(cache, HOT + key);
        gyre_close(cache);
    }
    if (missed > CACHES * PUTS / 100 || cold_kept > CACHES * HOT / 4 * 3)
        stress_fail(
            "keys read all the time were missed %u times in %d, of %d never read %u are kept",
            missed, CACHES * PUTS, CACHES * HOT, cold_kept);
    stress_report("hot misses", missed);
    stress_report("of 100 never read kept", cold_kept);
}

/* One pinned entry reads as "all pinned". */
static void
pin_one(void)
{
    gyre *cache = open_cache(1 << 17, 0, 0);
    char value[500], copy[500];
    gyre_view view;
    memset(value, 7, sizeof value);
    memcpy(copy, value, sizeof value);
    must_put(cache, 1, value, sizeof value, "pin one");
    int rc = gyre_get(cache, &(uint64_t){1}, sizeof(uint64_t), &view);
    if (rc != GYRE_OK) {
        stress_fail("pin one: %s", gyre_strerror(rc));
        gyre_close(cache);
        return;
    }
    memset(value, 9, sizeof value);
    for (uint64_t n = 0; n < STRESS_SCALED(30000); n++)
        must_put(cache, 100 + n, value, sizeof value, "one entry is pinned");
    if (view.size != sizeof copy || memcmp(view.data, copy, sizeof copy) != 0)
        stress_fail("the one pinned entry changed");
    gyre_release(&view);
    gyre_close(cache);
}

/* A value larger than the cache evicts everything, then fails. */
static void
too_big(void)
{
    enum { OTHERS = 200 };
    gyre *cache = open_cache(1 << 20, 0, 0);
    uint64_t most = stats_of(cache).max_value_bytes;
    const uint64_t sizes[] = {most + 1,          1 << 20,      1 << 22,
                              UINT64_C(1) << 40, SIZE_MAX / 2, SIZE_MAX};
    char *value = calloc(1, (1 << 22) + 1);
    if (!value)
        abort();
    for (uint64_t key = 0; key < OTHERS; key++)
        must_put(cache, key, value, 100, "too big");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        must_put(cache, OTHERS, value, 100, "too big");
        int rc = put(cache, OTHERS, value, sizes[i]);
        if (rc != GYRE_E2BIG)
            stress_fail("a value of %" PRIu64 " bytes: %s", sizes[i], gyre_strerror(rc));
        if (present(cache, OTHERS))
            stress_fail("a value of %" PRIu64 " bytes was refused and the old one stays", sizes[i]);
    }
    for (uint64_t key = 0; key < OTHERS; key++)
        if (!present(cache, key))
            stress_fail("key %" PRIu64 " is gone after another's value was too big", key);
    must_put(cache, OTHERS, value, most, "the largest value");
    free(value);
    gyre_close(cache);
}

/* Sizes not rounded, aligned values without room for the alignment. */
static void
sizes_and_alignments(void)
{
    for (uint32_t align = 8; align <= 4096; align *= 2) {
        gyre *cache = open_cache(1 << 20, align, 0);
        unsigned char value[301];
        unsigned missed = 0; /* the growing index may evict a few */
        for (uint64_t n = 0; n < STRESS_SCALED(6000); n++) {
            size_t size = n % 301;
            uint64_t key = n;
            gyre_view view;
            memset(value, (int)n, sizeof value);
            must_put(cache, key, value, size, "all sizes");
            int rc = gyre_get(cache, &key, sizeof key, &view);
            missed += rc == GYRE_MISS;
            if (rc == GYRE_OK && (view.size != size || memcmp(view.data, value, size) != 0 ||
                                  (uintptr_t)view.data % align != 0))
                stress_fail("align %u: a value of %zu bytes comes back wrong, at %p", align, size,
                            view.data);
            gyre_release(&view);
        }
        gyre_stats stats = settle_wait(cache);
        check_sums(&stats, "all sizes");
        if (missed > STRESS_SCALED(6000) / 50)
            stress_fail("align %u: %u values were missed right after their puts", align, missed);
        stress_report("missed after put", missed);
        gyre_close(cache);
    }
}

/* Bytes are counted in with one size and out with another: the ledger must end at zero. */
static void
ledger(void)
{
    gyre *cache = open_cache(4 << 20, 0, 0);
    char *value = calloc(1, 5000);
    if (!value)
        abort();
    for (uint64_t key = 0; key < 500; key++)
        for (uint64_t n = 0; n < 3; n++)
            must_put(cache, key, value, rng_below(&random_draws, 5000), "ledger");
    for (uint64_t key = 0; key < 500; key++)
        gyre_delete(cache, &key, sizeof key);
    gyre_stats stats = settle_wait(cache);
    check_sums(&stats, "ledger");
    if (stats.entries || stats.live_bytes)
        stress_fail("%" PRIu64 " entries, %" PRIu64 " live bytes in an emptied cache",
                    stats.entries, stats.live_bytes);
    free(value);
    gyre_close(cache);
}

/* Keys that begin alike share a shard and lose its room. */
static void
same_prefix(void)
{
    enum { KEYS = STRESS_SCALED(20000) };
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = 8 << 20;
    options.expected_entry_bytes = 200; /* an index that need not grow for them */
    gyre *cache = open_with(options);
    unsigned found = 0;
    char key[64];
    for (unsigned i = 0; i < KEYS; i++) {
        int size = snprintf(key, sizeof key, "a-long-prefix-that-all-keys-have-in-common/%08u", i);
        if (gyre_put(cache, key, (size_t)size, &i, sizeof i, NULL) != GYRE_OK)
            stress_fail("same prefix: put %u fails", i);
    }
    for (unsigned i = 0, value; i < KEYS; i++) {
        int size = snprintf(key, sizeof key, "a-long-prefix-that-all-keys-have-in-common/%08u", i);
        int rc = gyre_read(cache, key, (size_t)size, &value, sizeof value, NULL);
        found += rc == GYRE_OK && value == i;
    }
    if (found < KEYS - KEYS / 1000)
        stress_fail("%u of %u keys with one prefix are found", found, KEYS);
    gyre_close(cache);
}

/* A cache of ten entries holds ten. */
static void
entry_limit(void)
{
    char value[200] = {0};
    for (uint64_t limit = 1; limit <= 1000; limit *= 10) {
        gyre *cache = open_cache(8 << 20, 0, limit);
        for (uint64_t n = 0; n < STRESS_SCALED(10000); n++) {
            must_put(cache, n, value, n % sizeof value, "entry limit");
            uint64_t entries = stats_of(cache).entries;
            if (entries > limit + 1)
                stress_fail("%" PRIu64 " entries, %" PRIu64 " are allowed", entries, limit);
        }
        gyre_stats stats = settle_wait(cache);
        if (stats.entries > limit || stats.entries * 10 < limit * 9)
            stress_fail("a cache limited to %" PRIu64 " entries holds %" PRIu64, limit,
                        stats.entries);
        gyre_close(cache);
    }
}

/* Overwritten keys are answered from an old place, a miss is stored, a lookup moves what it must
 * not. */
static void
newest_always(void)
{
    enum { KEYS = 50, NEVER = 1000000 };
    struct watch watches[KEYS] = {{0}};
    gyre *cache = open_cache(1 << 17, 0, 0);
    uint64_t hits = 0;
    for (uint64_t n = 1; n < STRESS_SCALED(50000); n++) {
        uint64_t key = rng_below(&random_draws, KEYS), id = watch_begin(&watches[key]), value = 0;
        must_put(cache, key, &id, sizeof id, "newest");
        watch_done(&watches[key], id);
        if (rng_one_in(&random_draws, 4))
            key = rng_below(&random_draws, KEYS);
        uint64_t low = watch_low(&watches[key]);
        stress_tally.operations++;
        if (gyre_read(cache, &key, sizeof key, &value, sizeof value, NULL) == GYRE_OK) {
            watch_hit(&watches[key], (struct key){'n', (uint32_t)key}, low, value, "newest");
            hits++;
        }
        key += NEVER;
        if (present(cache, key) || gyre_delete(cache, &key, sizeof key) != GYRE_MISS)
            stress_fail("key %" PRIu64 " was never put", key);
    }
    stress_need("newest read", hits);
    gyre_close(cache);
}

int
main(int argc, char **argv)
{
    static void (*const defects[])(void) = {
        one_key_many_puts, recency,     pin_one,       too_big, sizes_and_alignments, ledger,
        same_prefix,       entry_limit, newest_always,
    };
    (void)argc;
    stress_start(argv, "defects", 1);
    uint64_t until = stress_now_ns() + (uint64_t)(stress_seconds() * 1e9), n = 0;
    do {
        random_draws = stress_rng(n++);
        stress_points(rng_one_in(&random_draws, 2) ? 0 : 1024u << rng_below(&random_draws, 4));
        for (size_t i = 0; i < sizeof defects / sizeof defects[0]; i++)
            defects[i]();
        stress_need("passes", 1);
    } while (!stress_failed() && stress_now_ns() < until);
    return stress_finish();
}

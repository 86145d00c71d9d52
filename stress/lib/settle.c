/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What must hold when no call is running: the books close, to the byte and to the entry. */

#include <inttypes.h>
#include <string.h>

#include "round.h"

#define PATIENCE 10000 /* looks at the statistics before a cache counts as never quiet */

gyre_stats
stats_of(gyre *cache)
{
    gyre_stats stats = GYRE_STATS_INIT;
    int rc = gyre_stats_read(cache, &stats);
    if (rc != GYRE_OK)
        stress_fail("stats: %s", gyre_strerror(rc));
    return stats;
}

void
check_sums(const gyre_stats *stats, const char *when)
{
    uint64_t sum = stats->live_bytes + stats->garbage_bytes + stats->open_bytes +
                   stats->free_bytes + stats->index_bytes;
    if (sum != stats->capacity_bytes)
        stress_fail("%s: live %" PRIu64 " + garbage %" PRIu64 " + open %" PRIu64 " + free %" PRIu64
                    " + index %" PRIu64 " = %" PRIu64 ", not the capacity of %" PRIu64,
                    when, stats->live_bytes, stats->garbage_bytes, stats->open_bytes,
                    stats->free_bytes, stats->index_bytes, sum, stats->capacity_bytes);
    uint64_t parts[] = {stats->live_bytes, stats->garbage_bytes, stats->open_bytes,
                        stats->free_bytes, stats->index_bytes};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i] > stats->capacity_bytes)
            stress_fail("%s: part %zu has %" PRIu64 " bytes of %" PRIu64, when, i, parts[i],
                        stats->capacity_bytes);
}

static bool
same_state(const gyre_stats *a, const gyre_stats *b)
{
    return a->entries == b->entries && a->sweeps == b->sweeps && a->live_bytes == b->live_bytes &&
           a->copied_entries == b->copied_entries && a->free_bytes == b->free_bytes &&
           memcmp(a->removed, b->removed, sizeof a->removed) == 0;
}

gyre_stats
settle_wait(gyre *cache)
{
    gyre_stats before = stats_of(cache);
    unsigned same = 0;
    for (unsigned i = 0; i < PATIENCE && same < 3; i++) {
        int rc = gyre_maintain(cache, 1000000);
        if (rc < 0)
            stress_fail("maintain: %s", gyre_strerror(rc));
        if (rc == 0)
            stress_sleep_us(300);
        gyre_stats now = stats_of(cache);
        same = rc == 0 && same_state(&before, &now) ? same + 1 : 0;
        before = now;
    }
    if (same < 3)
        stress_fail("the cache never becomes quiet");
    return before;
}

static int
count_visit(void *arg, const void *key, size_t key_size, const gyre_view *view)
{
    (void)key, (void)key_size, (void)view;
    ++*(uint64_t *)arg;
    return 0;
}

static uint64_t
removed_in_all(const gyre_stats *stats)
{
    uint64_t removed = 0;
    for (unsigned i = 0; i < GYRE_REASONS; i++)
        removed += stats->removed[i];
    return removed;
}

/* The cache's own thread may be off its processor between a removal and its count, and all seems quiet. */
static gyre_stats
settle_until_counted(gyre *cache, uint64_t in)
{
    gyre_stats stats = settle_wait(cache);
    for (unsigned i = 0; i < PATIENCE / 10 && stats.entries + removed_in_all(&stats) != in; i++) {
        stress_sleep_us(1000);
        stats = settle_wait(cache);
    }
    return stats;
}

/* Entries go in by puts and touches that answered OK and out by a removal that has a reason. (A put
 * that another overtook before it could be seen counts as replaced.) */
static void
check_ledger(const gyre_stats *stats, uint64_t puts, uint64_t touches)
{
    uint64_t removed = removed_in_all(stats), in = puts + touches, out = stats->entries + removed;
    if (out != in)
        stress_fail("%" PRIu64 " entries + %" PRIu64 " removed are not the %" PRIu64
                    " puts + %" PRIu64 " touches",
                    stats->entries, removed, puts, touches);
    if (stats->puts != puts || stats->touches != touches)
        stress_fail("%" PRIu64 " puts and %" PRIu64 " touches are counted of %" PRIu64
                    " and %" PRIu64,
                    stats->puts, stats->touches, puts, touches);
}

/* The cache's own thread may be at work for a moment; what nobody gives back stays. */
static void
check_nothing_held(gyre *cache)
{
    gyre_stats stats = stats_of(cache);
    for (unsigned i = 0; i < PATIENCE; i++, stats = stats_of(cache)) {
        if (stats.pinned_bytes == 0 && stats.oldest_pin_tid == 0 && stats.oldest_section_tid == 0)
            return;
        stress_sleep_us(100);
    }
    stress_fail("%" PRIu64
                " bytes are pinned, the oldest by thread %u, and thread %u is in a section,"
                " although no call is running",
                stats.pinned_bytes, stats.oldest_pin_tid, stats.oldest_section_tid);
}

/* What has expired is not visited, but counts until it is swept; what a clear has hidden counts
 * until the clear is carried out, for which the cache's own thread may want a moment. */
static void
check_scan(struct round *round)
{
    uint64_t visited = 0;
    gyre_stats stats = GYRE_STATS_INIT;
    for (unsigned i = 0; i < PATIENCE / 10; i++) {
        visited = 0;
        int rc = gyre_scan(round->cache, count_visit, &visited);
        if (rc != GYRE_OK)
            stress_fail("scan when quiet: %s", gyre_strerror(rc));
        stats = stats_of(round->cache);
        if (visited == stats.entries || (round->ttls && visited < stats.entries))
            return;
        stress_sleep_us(1000);
        settle_wait(round->cache);
    }
    stress_fail("a scan meets %" PRIu64 " entries, the statistics count %" PRIu64, visited,
                stats.entries);
}

void
settle_check(struct round *round, const struct worker *workers)
{
    uint64_t puts = 0, touches = 0;
    for (unsigned i = 0; i < round->n_workers; i++)
        puts += workers[i].total.puts, touches += workers[i].total.touches;
    gyre_stats stats = settle_until_counted(round->cache, puts + touches);
    check_sums(&stats, "when quiet");
    check_nothing_held(round->cache);
    if (round->options.max_entries && stats.entries > round->options.max_entries)
        stress_fail("%" PRIu64 " entries when quiet, at most %" PRIu64 " are allowed",
                    stats.entries, round->options.max_entries);
    check_ledger(&stats, puts, touches);
    check_scan(round);
}

static uint64_t
delete_class(struct round *round, char class, uint32_t n)
{
    uint64_t deleted = 0;
    for (uint32_t i = 0; i < n; i++) {
        unsigned char key_bytes[KEY_BYTES_MAX];
        size_t key_size = key_write((struct key){class, i}, key_bytes);
        deleted += gyre_delete(round->cache, key_bytes, key_size) == GYRE_OK;
    }
    return deleted;
}

void
settle_empty(struct round *round)
{
    gyre_stats before = settle_wait(round->cache);
    uint64_t deleted = delete_class(round, OWNED, round->n_owned) +
                       delete_class(round, SHARED, round->n_shared) +
                       delete_class(round, COUNTER, round->n_counters);
    gyre_stats stats = settle_wait(round->cache);
    check_sums(&stats, "when empty");
    if (stats.entries != 0 || stats.live_bytes != 0)
        stress_fail("%" PRIu64 " entries of %" PRIu64 " live bytes are left of %" PRIu64
                    " after all keys were deleted",
                    stats.entries, stats.live_bytes, before.entries);
    if (deleted > before.entries || (!round->ttls && deleted != before.entries))
        stress_fail("%" PRIu64 " deletes succeeded on %" PRIu64 " entries", deleted,
                    before.entries);
    int rc = gyre_put(round->cache, "after", 5, "all", 3, NULL);
    if (rc != GYRE_OK)
        stress_fail("a put into the emptied cache: %s", gyre_strerror(rc));
}

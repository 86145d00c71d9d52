/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "report.h"

#include <stdio.h>

#include "text.h"

const char *const report_reasons[] = {
    "capacity", "entry_limit", "conflict", "expired", "replaced", "deleted", "cleared", "rejected", "lease_ended",
    "damaged",
};
_Static_assert(sizeof report_reasons / sizeof report_reasons[0] == REPORT_REASONS, "a name for each reason");

const struct report_quantile report_quantiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1},
};
_Static_assert(sizeof report_quantiles / sizeof report_quantiles[0] == REPORT_QUANTILES, "");

double
report_ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

void
report_row(const char *group, const char *label, const char *value, const char *note)
{
    printf("%-8s %-14s %20s%s%s\n", group, label, value, *note ? "  " : "", note);
}

static struct text
percent(double ratio)
{
    struct text out;
    snprintf(out.s, sizeof out.s, "%.2f %%", 100 * ratio);
    return out;
}

static struct text
nanoseconds(double ns)
{
    struct text out;
    if (ns < 9999.5)
        snprintf(out.s, sizeof out.s, "%.0f ns", ns);
    else if (ns < 9999500)
        snprintf(out.s, sizeof out.s, "%.1f us", ns / 1e3);
    else
        snprintf(out.s, sizeof out.s, "%.1f ms", ns / 1e6);
    return out;
}

static void
table_trace(const struct report *report)
{
    const struct trace *trace = report->trace;
    char note[160];
    report_row("trace", "requests", text_count(trace->n_requests).s, "");
    report_row("", "unique keys", text_count(trace->keys.n).s, "");
    if (trace->unit)
        snprintf(note, sizeof note, "all keys with values of %s bytes",
                 text_count(report->plan->value_bytes).s);
    else
        snprintf(note, sizeof note, "all keys with their values");
    report_row("", "footprint", text_size((double)report->footprint_bytes).s, note);
}

static void
table_cache(const struct report *report)
{
    const gyre_stats *stats = &report->result->stats;
    char note[160];
    snprintf(note, sizeof note, "%s of the footprint",
             percent(report_ratio(stats->capacity_bytes, report->footprint_bytes)).s);
    report_row("cache", "capacity", text_size((double)stats->capacity_bytes).s, note);
    *note = '\0';
    if (report->plan->max_entries)
        snprintf(note, sizeof note, "of at most %s", text_count(report->plan->max_entries).s);
    report_row("", "entries", text_count(stats->entries).s, note);
    snprintf(note, sizeof note, "%llu", (unsigned long long)report->plan->seed);
    report_row("", "seed", note, "");
}

static void
table_result(const struct report *report)
{
    const struct trace *trace = report->trace;
    const struct replay_result *result = report->result;
    const struct replay_counts *counts = &result->counts;
    char note[160];
    report_row("result", "hit ratio", percent(report_ratio(counts->hits, trace->n_requests)).s, "");
    snprintf(note, sizeof note, "%s are first requests of keys",
             percent(report_ratio(trace->keys.n, trace->n_requests)).s);
    report_row("", "miss ratio", percent(report_ratio(counts->misses, trace->n_requests)).s, note);
    if (!trace->unit)
        report_row("", "byte misses",
            percent(report_ratio(counts->missed_bytes, counts->requested_bytes)).s,
            "of the bytes of the values asked for");
    double rate = result->seconds > 0 ? (double)trace->n_requests / result->seconds : 0;
    snprintf(note, sizeof note, "requests/s by %u thread%s in %.3f s", report->plan->n_threads,
             report->plan->n_threads == 1 ? "" : "s", result->seconds);
    report_row("", "throughput", text_count((uint64_t)rate).s, note);
    if (counts->too_large)
        report_row("", "too large", text_count(counts->too_large).s, "puts of values above its limit");
    if (counts->busy)
        report_row("", "busy", text_count(counts->busy).s, "calls that found all pinned");
    if (counts->wrong)
        report_row("", "WRONG VALUES", text_count(counts->wrong).s, "hits on the value of another key");
}

static void
latency_row(const char *group, const char *label, const struct histogram *histogram, double tick_ns)
{
    printf("%-8s %-4s", group, label);
    for (unsigned i = 0; i < REPORT_QUANTILES; i++)
        printf(" %10s",
               histogram->n
                   ? nanoseconds((double)histogram_quantile(histogram, report_quantiles[i].fraction)
                                 * tick_ns)
                         .s
                   : "-");
    printf("  of %s\n", text_count(histogram->n).s);
}

static void
table_latency(const struct report *report)
{
    const struct replay_result *result = report->result;
    printf("%-8s %-4s", "latency", "");
    for (unsigned i = 0; i < REPORT_QUANTILES; i++)
        printf(" %10s", report_quantiles[i].name);
    printf("\n");
    latency_row("", "get", &result->get, result->tick_ns);
    latency_row("", "put", &result->put, result->tick_ns);
    printf("%-8s of gyre_get and gyre_put, from call to return, in 1 request of %u, by the\n"
           "%-8s %s; the measurement takes %s of it\n",
           "", report->plan->sample, "",
           result->tsc ? "time stamp counter" : "system's monotonic clock",
           nanoseconds((double)result->overhead_ticks * result->tick_ns).s);
}

static void
memory_row(const char *group, const char *label, uint64_t bytes, const gyre_stats *stats,
           const char *what)
{
    char note[160];
    snprintf(note, sizeof note, "%8s  %s", percent(report_ratio(bytes, stats->capacity_bytes)).s,
             what);
    report_row(group, label, text_size((double)bytes).s, note);
}

static void
table_memory(const struct report *report)
{
    const gyre_stats *stats = &report->result->stats;
    memory_row("memory", "live", stats->live_bytes, stats, "entries with their headers");
    memory_row("", "garbage", stats->garbage_bytes, stats, "removed, not yet swept");
    memory_row("", "open", stats->open_bytes, stats, "room in arenas being filled");
    memory_row("", "free", stats->free_bytes, stats, "free arenas, room for index");
    memory_row("", "index", stats->index_bytes, stats, "slots that name the entries");
    report_row("", "tables", text_size((double)stats->table_bytes).s, "beside the capacity");
    struct text an_entry = {"-"};
    if (stats->entries)
        snprintf(an_entry.s, sizeof an_entry.s, "%.1f bytes",
                 report_ratio(stats->live_bytes + stats->index_bytes, stats->entries));
    report_row("", "an entry", an_entry.s, "live and index, on average");
}

/* The sum of what was removed for any reason. */
static uint64_t
sum_removed(const gyre_stats *stats)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < GYRE_REASONS; i++)
        sum += stats->removed[i];
    return sum;
}

static void
table_removed(const struct report *report)
{
    const gyre_stats *stats = &report->result->stats;
    report_row("removed", "entries", text_count(sum_removed(stats)).s, "");
    for (unsigned i = 0; i < REPORT_REASONS; i++)
        if (stats->removed[i])
            report_row("", report_reasons[i], text_count(stats->removed[i]).s,
                text_size((double)stats->removed_bytes[i]).s);
}

static void
table_curve(const struct curve *curve)
{
    size_t l = 0;
    printf("%-8s %16s %14s %14s\n", "curve", curve->by_entries ? "entries" : "cache size",
           "gyre misses", "LRU misses");
    for (size_t i = 0; i < curve->n_gyre; i++) {
        const struct curve_point *point = &curve->gyre[i];
        while (curve->lru[l].size < point->size)
            l++;
        printf("%-8s %16s %14s %14s\n", "",
               curve->by_entries ? text_count(point->size).s : text_size((double)point->size).s,
               percent(point->miss_ratio).s, percent(curve->lru[l].miss_ratio).s);
    }
}

void
report_table(const struct report *report)
{
    table_trace(report);
    table_cache(report);
    table_result(report);
    table_latency(report);
    table_memory(report);
    table_removed(report);
    if (report->curve)
        table_curve(report->curve);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "report.h"

#include <stdio.h>

#include "text.h"

const char *const report_reasons[] = {
    "capacity", "entry_limit", "conflict", "expired", "replaced", "deleted", "cleared", "rejected",
};
const unsigned report_n_reasons = sizeof report_reasons / sizeof report_reasons[0];

static const struct { const char *name; double fraction; } quantiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1},
};
enum { N_QUANTILES = sizeof quantiles / sizeof quantiles[0] };

double
report_ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

uint64_t
report_removed(const gyre_stats *stats)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < GYRE_REASONS; i++)
        sum += stats->removed[i];
    return sum;
}

/* ---- the table -------------------------------------------------------------------------------- */

static void
row(const char *group, const char *label, const char *value, const char *note)
{
    printf("%-10s %-18s %16s%s%s\n", group, label, value, *note ? "   " : "", note);
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
    row("trace", "requests", text_count(trace->n_requests).s, "");
    row("", "unique keys", text_count(trace->keys.n).s, "");
    if (trace->unit)
        snprintf(note, sizeof note, "all keys, with values of %s bytes each", text_count(report->plan->value_bytes).s);
    else
        snprintf(note, sizeof note, "all keys with their values");
    row("", "footprint", text_size((double)report->footprint_bytes).s, note);
}

static void
table_cache(const struct report *report)
{
    const gyre_stats *stats = &report->result->stats;
    char note[160];
    snprintf(note, sizeof note, "%s of the footprint",
             percent(report_ratio(stats->capacity_bytes, report->footprint_bytes)).s);
    row("cache", "capacity", text_size((double)stats->capacity_bytes).s, note);
    *note = '\0';
    if (report->plan->max_entries)
        snprintf(note, sizeof note, "of at most %s", text_count(report->plan->max_entries).s);
    row("", "entries", text_count(stats->entries).s, note);
}

static void
table_result(const struct report *report)
{
    const struct trace *trace = report->trace;
    const struct replay_result *result = report->result;
    const struct replay_counts *counts = &result->counts;
    char note[160];
    row("result", "hit ratio", percent(report_ratio(counts->hits, trace->n_requests)).s, "");
    snprintf(note, sizeof note, "%s of the requests are the first of their keys",
             percent(report_ratio(trace->keys.n, trace->n_requests)).s);
    row("", "miss ratio", percent(report_ratio(counts->misses, trace->n_requests)).s, note);
    double rate = result->seconds > 0 ? (double)trace->n_requests / result->seconds : 0;
    snprintf(note, sizeof note, "requests/s by %u thread%s in %.3f s: gets, checks of values, puts",
             report->plan->n_threads, report->plan->n_threads == 1 ? "" : "s", result->seconds);
    row("", "throughput", text_count((uint64_t)rate).s, note);
    if (counts->too_large)
        row("", "too large", text_count(counts->too_large).s, "puts of values that the cache does not take");
    if (counts->busy)
        row("", "busy", text_count(counts->busy).s, "calls that found everything pinned");
    if (counts->wrong)
        row("", "WRONG VALUES", text_count(counts->wrong).s, "hits that returned another value than the key's");
}

static void
latency_row(const char *group, const char *label, const struct histogram *histogram, double tick_ns)
{
    printf("%-10s %-6s", group, label);
    for (unsigned i = 0; i < N_QUANTILES; i++)
        printf(" %11s", histogram->n
               ? nanoseconds((double)histogram_quantile(histogram, quantiles[i].fraction) * tick_ns).s : "-");
    printf("   of %s measured\n", text_count(histogram->n).s);
}

static void
table_latency(const struct report *report)
{
    const struct replay_result *result = report->result;
    printf("%-10s %-6s", "latency", "");
    for (unsigned i = 0; i < N_QUANTILES; i++)
        printf(" %11s", quantiles[i].name);
    printf("   %s\n", "");
    latency_row("", "get", &result->get, result->tick_ns);
    latency_row("", "put", &result->put, result->tick_ns);
    printf("%-10s gyre_get and gyre_put from call to return, 1 request in %u, by the %s;\n"
           "%-10s includes the measurement itself, about %s\n", "", report->plan->sample,
           result->tsc ? "time stamp counter" : "monotonic clock", "",
           nanoseconds((double)result->overhead_ticks * result->tick_ns).s);
}

static void
memory_row(const char *group, const char *label, uint64_t bytes, const gyre_stats *stats, const char *what)
{
    char note[160];
    snprintf(note, sizeof note, "%8s  %s", percent(report_ratio(bytes, stats->capacity_bytes)).s, what);
    row(group, label, text_size((double)bytes).s, note);
}

static void
table_memory(const struct report *report)
{
    const gyre_stats *stats = &report->result->stats;
    memory_row("memory", "live", stats->live_bytes, stats, "entries with their headers");
    memory_row("", "garbage", stats->garbage_bytes, stats, "removed or replaced, not yet swept");
    memory_row("", "open", stats->open_bytes, stats, "room left in arenas being filled");
    memory_row("", "free", stats->free_bytes, stats, "free arenas, room for the index");
    memory_row("", "index", stats->index_bytes, stats, "");
    memory_row("", "tables", stats->table_bytes, stats, "beside the capacity");
    struct text an_entry = {"-"};
    if (stats->entries)
        snprintf(an_entry.s, sizeof an_entry.s, "%.1f bytes",
                 report_ratio(stats->live_bytes + stats->index_bytes, stats->entries));
    row("", "an entry", an_entry.s, "live and index, on average");
}

static void
table_removed(const struct report *report)
{
    const gyre_stats *stats = &report->result->stats;
    row("removed", "entries", text_count(report_removed(stats)).s, "");
    for (unsigned i = 0; i < report_n_reasons; i++)
        if (stats->removed[i])
            row("", report_reasons[i], text_count(stats->removed[i]).s, text_size((double)stats->removed_bytes[i]).s);
}

static void
table_curve(const struct curve *curve)
{
    size_t l = 0;
    printf("%-10s %16s %12s %12s\n", "curve", curve->by_entries ? "entries" : "cache size", "gyre misses",
           "LRU misses");
    for (size_t i = 0; i < curve->n_gyre; i++) {
        const struct curve_point *point = &curve->gyre[i];
        while (curve->lru[l].size < point->size)
            l++;
        printf("%-10s %16s %12s %12s\n", "",
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

/* ---- JSON ------------------------------------------------------------------------------------- */

static void
json_u64(const char *name, uint64_t value, bool more)
{
    printf("\"%s\":%llu%s", name, (unsigned long long)value, more ? "," : "");
}

static void
json_latency(const char *name, const struct histogram *histogram, double tick_ns)
{
    printf("\"%s\":{", name);
    json_u64("measured", histogram->n, true);
    for (unsigned i = 0; i < N_QUANTILES; i++)
        printf("\"%s_ns\":%.1f%s", quantiles[i].name,
               (double)histogram_quantile(histogram, quantiles[i].fraction) * tick_ns, i + 1 < N_QUANTILES ? "," : "}");
}

static void
json_stats(const gyre_stats *stats)
{
    printf("\"memory\":{");
    json_u64("live_bytes", stats->live_bytes, true);
    json_u64("garbage_bytes", stats->garbage_bytes, true);
    json_u64("open_bytes", stats->open_bytes, true);
    json_u64("free_bytes", stats->free_bytes, true);
    json_u64("index_bytes", stats->index_bytes, true);
    json_u64("table_bytes", stats->table_bytes, true);
    printf("\"bytes_an_entry\":%.3f},\"removed\":{",
           report_ratio(stats->live_bytes + stats->index_bytes, stats->entries));
    for (unsigned i = 0; i < report_n_reasons; i++)
        json_u64(report_reasons[i], stats->removed[i], i + 1 < report_n_reasons);
    printf("},\"stats\":{");
    json_u64("hits", stats->hits, true);
    json_u64("misses", stats->misses, true);
    json_u64("puts", stats->puts, true);
    json_u64("sweeps", stats->sweeps, true);
    json_u64("copied_entries", stats->copied_entries, true);
    json_u64("copied_bytes", stats->copied_bytes, true);
    json_u64("growths", stats->growths, true);
    json_u64("window_conflicts", stats->window_conflicts, true);
    json_u64("retries", stats->retries, true);
    json_u64("grace_periods", stats->grace_periods, true);
    json_u64("vanished", stats->vanished, false);
    printf("}");
}

static void
json_points(const char *name, const struct curve_point *points, size_t n)
{
    printf("\"%s\":[", name);
    for (size_t i = 0; i < n; i++)
        printf("%s[%llu,%.6f]", i ? "," : "", (unsigned long long)points[i].size, points[i].miss_ratio);
    printf("]");
}

static void
json_result(const struct report *report)
{
    const struct replay_result *result = report->result;
    const struct replay_counts *counts = &result->counts;
    uint64_t n = report->trace->n_requests;
    json_u64("hits", counts->hits, true);
    json_u64("misses", counts->misses, true);
    printf("\"hit_ratio\":%.6f,\"miss_ratio\":%.6f,", report_ratio(counts->hits, n), report_ratio(counts->misses, n));
    json_u64("puts", counts->puts, true);
    json_u64("too_large", counts->too_large, true);
    json_u64("busy", counts->busy, true);
    json_u64("wrong_values", counts->wrong, true);
    printf("\"seconds\":%.6f,\"requests_per_second\":%.0f,", result->seconds,
           result->seconds > 0 ? (double)n / result->seconds : 0);
    printf("\"latency\":{");
    json_u64("sample", report->plan->sample, true);
    printf("\"clock\":\"%s\",\"overhead_ns\":%.1f,", result->tsc ? "tsc" : "monotonic",
           (double)result->overhead_ticks * result->tick_ns);
    json_latency("get", &result->get, result->tick_ns);
    printf(",");
    json_latency("put", &result->put, result->tick_ns);
    printf("},");
}

void
report_json(const struct report *report)
{
    const struct trace *trace = report->trace;
    const struct replay_plan *plan = report->plan;
    uint32_t version = gyre_version();
    printf("{\"gyre\":\"%u.%u.%u\",\"trace\":\"", version >> 16, version >> 8 & 255, version & 255);
    text_json(stdout, trace->name);
    printf("\",\"format\":\"%s\",", trace_format_name(trace->format));
    json_u64("requests", trace->n_requests, true);
    json_u64("unique_keys", trace->keys.n, true);
    json_u64("footprint_bytes", report->footprint_bytes, true);
    printf("\"unit\":%s,", trace->unit ? "true" : "false");
    json_u64("value_bytes", plan->value_bytes, true);
    json_u64("capacity_bytes", report->result->stats.capacity_bytes, true);
    json_u64("max_entries", plan->max_entries, true);
    json_u64("entries", report->result->stats.entries, true);
    json_u64("threads", plan->n_threads, true);
    json_u64("ttl_ms", plan->ttl_ms, true);
    /* A string: many readers of JSON take numbers for doubles, which do not hold 64 bits. */
    printf("\"seed\":\"%llu\",", (unsigned long long)plan->seed);
    json_result(report);
    json_stats(&report->result->stats);
    if (report->curve) {
        printf(",\"curve\":{\"unit\":\"%s\",", report->curve->by_entries ? "entries" : "bytes");
        json_points("gyre", report->curve->gyre, report->curve->n_gyre);
        printf(",");
        json_points("lru", report->curve->lru, report->curve->n_lru);
        printf("}");
    }
    printf("}\n");
}

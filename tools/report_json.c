/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "report.h"

#include <stdio.h>

#include "text.h"

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
    for (unsigned i = 0; i < REPORT_QUANTILES; i++)
        printf("\"%s_ns\":%.1f%s", report_quantiles[i].name,
               (double)histogram_quantile(histogram, report_quantiles[i].fraction) * tick_ns,
               i + 1 < REPORT_QUANTILES ? "," : "}");
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
    for (unsigned i = 0; i < REPORT_REASONS; i++)
        json_u64(report_reasons[i], stats->removed[i], i + 1 < REPORT_REASONS);
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
        printf("%s[%llu,%.6f]", i ? "," : "", (unsigned long long)points[i].size,
               points[i].miss_ratio);
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
    printf("\"hit_ratio\":%.6f,\"miss_ratio\":%.6f,", report_ratio(counts->hits, n),
           report_ratio(counts->misses, n));
    json_u64("requested_bytes", counts->requested_bytes, true);
    json_u64("missed_bytes", counts->missed_bytes, true);
    printf("\"byte_miss_ratio\":%.6f,",
           report_ratio(counts->missed_bytes, counts->requested_bytes));
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

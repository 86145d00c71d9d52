/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What a replay found, for people and for programs. */

#ifndef REPORT_H
#define REPORT_H

#include "curve.h"
#include "replay.h"
#include "trace.h"

struct report {
    const struct trace *trace;
    const struct replay_plan *plan;
    const struct replay_result *result;
    const struct curve *curve; /* NULL: none was made */
    uint64_t footprint_bytes;  /* keys and values of all unique keys */
};

/* Writes a table with units, or one JSON object, on standard output. */
void report_table(const struct report *report);
void report_json(const struct report *report);

/* What both of them name: the reasons of enum gyre_reason, and the quantiles of latencies. */
enum { REPORT_REASONS = GYRE_DAMAGED + 1 };
extern const char *const report_reasons[];

enum { REPORT_QUANTILES = 5 };
struct report_quantile {
    const char *name;
    double fraction;
};
extern const struct report_quantile report_quantiles[REPORT_QUANTILES];

/* A line of a table: what it belongs to, or "", a name, a number with its unit, a remark or "". */
void report_row(const char *group, const char *label, const char *value, const char *note);

/* 0 when there is no whole. */
double report_ratio(uint64_t part, uint64_t whole);

#endif

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
    const struct curve *curve;   /* NULL: none was made */
    uint64_t footprint_bytes;    /* keys and values of all unique keys */
};

/* Writes a table with units, or one JSON object, on standard output. */
void report_table(const struct report *report);
void report_json(const struct report *report);

/* The names of enum gyre_reason, and how many of them this program knows. */
extern const char *const report_reasons[];
extern const unsigned report_n_reasons;

/* The sum of what was removed for any reason. */
uint64_t report_removed(const gyre_stats *stats);

double report_ratio(uint64_t part, uint64_t whole);

#endif

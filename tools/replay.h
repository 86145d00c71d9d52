/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A trace through a real cache. */

#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "gyre.h"
#include "histogram.h"
#include "trace.h"

struct replay_plan {
    uint64_t capacity_bytes;
    uint64_t max_entries; /* 0: no limit */
    uint64_t seed;
    uint32_t flags;       /* of gyre_options */
    uint32_t ttl_ms;      /* 0: none */
    uint32_t value_bytes; /* for keys whose size the trace does not tell */
    uint32_t n_threads;
    uint32_t sample; /* the latency of one request in so many is measured, on average */
};

struct replay_counts {
    uint64_t hits, misses;
    uint64_t puts;      /* that stand */
    uint64_t too_large; /* puts answered GYRE_E2BIG */
    uint64_t busy;      /* gets and puts answered GYRE_EBUSY */
    uint64_t wrong;     /* hits whose value was not the key's */
    uint64_t requested_bytes, missed_bytes; /* of values; not of keys */
};

struct replay_result {
    struct replay_counts counts;
    double seconds; /* from the start of the first thread to the end of the last */
    double tick_ns; /* the unit of the histograms */
    bool tsc;
    uint64_t overhead_ticks;   /* of a measurement of nothing; included in every latency */
    struct histogram get, put; /* in ticks */
    gyre_stats stats;          /* at the end */
};

/* Runs the plan. `label` names it in the progress bar, NULL for none. False, after a message, when
 * the cache could not be opened or answered with an error. Wrong values are counted only. */
bool replay_run(const struct trace *trace, const struct replay_plan *plan, const char *label,
                struct replay_result *result);

enum { REPLAY_CAPACITY_MIN = 64 << 10 };
#define REPLAY_CAPACITY_MAX ((uint64_t)4 << 40)

#endif

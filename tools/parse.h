/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The formats of traces: telling them apart, and taking them apart. */

#ifndef PARSE_H
#define PARSE_H

#include "progress.h"
#include "source.h"
#include "trace.h"

struct parse {
    struct source *source;
    struct trace *trace;
    struct progress progress;
    uint64_t line; /* of text, from 1 */
};

/* Appends all requests of the source to the trace. False: source->error. */
bool parse_all(struct parse *parse, enum trace_format format);

#endif

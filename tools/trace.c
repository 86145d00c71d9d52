/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "tool.h"

static const char *const format_names[] = {"auto", "trace", "lines", "csv"};

const char *
trace_format_name(enum trace_format format)
{
    return format_names[format];
}

bool
trace_format_find(const char *name, enum trace_format *format)
{
    for (unsigned i = 0; i < sizeof format_names / sizeof format_names[0]; i++) {
        if (strcmp(format_names[i], name) == 0) {
            *format = (enum trace_format)i;
            return true;
        }
    }
    return false;
}

static bool
all_unit(const struct keys *keys)
{
    for (uint32_t id = 0; id < keys->n; id++)
        if (keys_size(keys, id) > 1)
            return false;
    return true;
}

static bool
load(struct trace *trace, struct source *source, enum trace_format format, bool show_progress)
{
    struct parse parse = {.source = source, .trace = trace};
    progress_start(&parse.progress, show_progress, "read", "bytes", source->file_bytes);
    bool ok = parse_all(&parse, format);
    progress_end(&parse.progress);
    if (ok && trace->n_requests == 0) {
        snprintf(source->error, sizeof source->error, "empty: there are no requests in it");
        ok = false;
    }
    return ok;
}

bool
trace_load(struct trace *trace, const char *path, enum trace_format format, bool show_progress)
{
    struct source source;
    *trace = (struct trace){0};
    bool ok = source_open(&source, path) && load(trace, &source, format, show_progress);
    trace->name = source.name;
    if (!ok)
        tool_error("%s: %s", source.name, source.error);
    source_close(&source);
    keys_finish(&trace->keys);
    if (!ok)
        trace_free(trace);
    else
        trace->unit = all_unit(&trace->keys);
    return ok;
}

void
trace_free(struct trace *trace)
{
    vec_free(&trace->requests);
    keys_free(&trace->keys);
}

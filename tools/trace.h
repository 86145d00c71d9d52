/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A stream of requests in memory: one key number a request, and what is known of each key.
 *
 * A key has one size, the largest that the trace gives it: answers without a body in the log of a
 * web server do not shrink the object. */

#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "keys.h"
#include "vec.h"

enum trace_format {
    TRACE_AUTO,
    TRACE_BINARY, /* little-endian records of u64 key, u32 size, u32 0 */
    TRACE_LINES,  /* a key a line */
    TRACE_CSV     /* key,size */
};

enum { TRACE_KEY_MAX = 60000 };

struct trace {
    const char *name;
    enum trace_format format; /* as found */
    bool unit;                /* it says nothing of sizes */
    uint64_t n_requests;
    struct vec requests; /* u32 a request: the number of its key */
    struct keys keys;
};

/* Reads all of path, "-" being standard input. False, after a message: nothing is to be freed. */
bool trace_load(struct trace *trace, const char *path, enum trace_format format,
                bool show_progress);

void trace_free(struct trace *trace);

static inline const uint32_t *
trace_requests(const struct trace *trace)
{
    return trace->requests.data;
}

/* The size of a key's value: value_bytes where the trace has no meaningful one. */
static inline uint32_t
trace_value_bytes(const struct trace *trace, uint32_t id, uint32_t value_bytes)
{
    uint32_t size = keys_size(&trace->keys, id);
    return trace->unit || size == 0 ? value_bytes : size;
}

/* The name of a format, as --format takes it; false when there is none of that name. */
const char *trace_format_name(enum trace_format format);
bool trace_format_find(const char *name, enum trace_format *format);

#endif

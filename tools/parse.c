/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* How a format is recognised: bytes of value 0 among the first 64 KiB are those of binary records
 * (the last word of each is 0), and no text has them. Text is CSV when each of its first lines, a
 * header aside, ends in a comma and a number; otherwise each line is a key. */

#include "parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { RECORD_BYTES = 16, LOOK_BYTES = 64 << 10, LOOK_LINES = 32 };

static bool fail(struct parse *parse, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool
fail(struct parse *parse, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(parse->source->error, sizeof parse->source->error, format, args);
    va_end(args);
    return false;
}

static int
read_more(struct parse *parse)
{
    progress_show(&parse->progress, parse->source->read_bytes);
    return source_more(parse->source);
}

/* A request of the key that keys_number or keys_string answered. */
static bool
add_request(struct parse *parse, uint32_t id)
{
    if (id == KEYS_NONE)
        return fail(parse,
                    errno == EOVERFLOW ? "more than 4,294,967,294 different keys" : "no memory");
    uint32_t *request = vec_add(&parse->trace->requests, sizeof *request);
    if (!request)
        return fail(parse, "no memory");
    *request = id;
    parse->trace->n_requests++;
    return true;
}

static bool
parse_record(struct parse *parse, const unsigned char *record)
{
    uint64_t key;
    uint32_t size, zero;
    memcpy(&key, record, sizeof key);
    memcpy(&size, record + 8, sizeof size);
    memcpy(&zero, record + 12, sizeof zero);
    if (zero != 0)
        return fail(parse, "corrupt, or not a trace: the last word of record %llu is not 0",
                    (unsigned long long)parse->trace->n_requests + 1);
    return add_request(parse, keys_number(&parse->trace->keys, key, size));
}

static bool
parse_records(struct parse *parse)
{
    struct source *source = parse->source;
    int more = 1;
    while (more > 0) {
        for (; source->end - source->begin >= RECORD_BYTES; source->begin += RECORD_BYTES)
            if (!parse_record(parse, source->data + source->begin))
                return false;
        more = read_more(parse);
    }
    if (more == 0 && source->begin != source->end)
        return fail(parse, "truncated: it ends in the middle of record %llu",
                    (unsigned long long)parse->trace->n_requests + 1);
    return more == 0;
}

/* Takes "key,size" apart at its last comma. "-", which logs write for no size, is 0. Sizes that do
 * not fit are the largest that does: no cache takes such a value. */
static bool
split_csv(const unsigned char *line, size_t n, size_t *key_size, uint32_t *size)
{
    const unsigned char *comma = memrchr(line, ',', n);
    if (!comma)
        return false;
    const unsigned char *p = comma + 1, *end = line + n;
    while (p < end && *p == ' ')
        p++;
    while (end > p && end[-1] == ' ')
        end--;
    if (p == end)
        return false;
    uint64_t value = 0;
    bool none = end - p == 1 && *p == '-';
    for (; p < end && !none; p++) {
        if (*p < '0' || *p > '9')
            return false;
        value = value * 10 + (uint64_t)(*p - '0');
        if (value > UINT32_MAX)
            value = UINT32_MAX;
    }
    *key_size = (size_t)(comma - line);
    *size = (uint32_t)value;
    return true;
}

static bool
parse_line(struct parse *parse, const unsigned char *line, size_t n)
{
    parse->line++;
    unsigned long long number = parse->line;
    if (n && line[n - 1] == '\r')
        n--;
    if (n == 0)
        return true;
    size_t key_size = n;
    uint32_t size = 0;
    if (parse->trace->format == TRACE_CSV) {
        if (!split_csv(line, n, &key_size, &size)) {
            bool header = parse->line == 1 && memchr(line, ',', n);
            return header || fail(parse, "line %llu is not key,size", number);
        }
        if (key_size == 0)
            return fail(parse, "line %llu has no key", number);
    }
    if (key_size > TRACE_KEY_MAX)
        return fail(parse, "line %llu: the key is longer than %d bytes", number, TRACE_KEY_MAX);
    return add_request(parse, keys_string(&parse->trace->keys, line, key_size, size));
}

static bool
parse_lines(struct parse *parse)
{
    struct source *source = parse->source;
    int more = 1;
    while (more > 0) {
        unsigned char *line = source->data + source->begin, *newline;
        while ((newline = memchr(line, '\n', (size_t)(source->data + source->end - line)))) {
            if (!parse_line(parse, line, (size_t)(newline - line)))
                return false;
            line = newline + 1;
        }
        source->begin = (size_t)(line - source->data);
        more = read_more(parse);
    }
    size_t left = source->end - source->begin;
    if (more < 0)
        return false;
    if (left == SOURCE_WINDOW)
        return fail(parse, "line %llu is longer than %d bytes", (unsigned long long)parse->line + 1,
                    TRACE_KEY_MAX);
    return left == 0 || parse_line(parse, source->data + source->begin, left);
}

/* `whole`: nothing follows what was read, so that the last line is not cut. */
static enum trace_format
recognise(const struct source *source, bool whole)
{
    const unsigned char *line = source->data + source->begin, *end = source->data + source->end;
    if (memchr(line, 0, (size_t)(end - line)))
        return TRACE_BINARY;
    unsigned n_lines = 0, n_csv = 0;
    const unsigned char *newline;
    for (; n_lines < LOOK_LINES && line < end; line = newline + 1) {
        newline = memchr(line, '\n', (size_t)(end - line));
        if (!newline && !whole)
            break;
        if (!newline)
            newline = end;
        size_t n = (size_t)(newline - line), key_size;
        uint32_t size;
        if (n && line[n - 1] == '\r')
            n--;
        if (n == 0)
            continue;
        bool csv = split_csv(line, n, &key_size, &size);
        bool header = n_lines == 0 && !csv && memchr(line, ',', n);
        if (!csv && !header)
            return TRACE_LINES;
        n_lines++;
        n_csv += csv;
    }
    return n_csv ? TRACE_CSV : TRACE_LINES;
}

bool
parse_all(struct parse *parse, enum trace_format format)
{
    int more = 1;
    while (more > 0 && parse->source->end - parse->source->begin < LOOK_BYTES)
        more = read_more(parse);
    if (more < 0)
        return false;
    parse->trace->format = format == TRACE_AUTO ? recognise(parse->source, more == 0) : format;
    parse->trace->keys.text = parse->trace->format != TRACE_BINARY;
    return parse->trace->keys.text ? parse_lines(parse) : parse_records(parse);
}

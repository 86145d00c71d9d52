/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The stream that gyre dump writes and gyre load reads: docs/dump.md. A head, a record for each entry, and a record that says how
 * many there were; each with its XXH3. Little-endian, as all machines that gyre runs on. */

#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    STREAM_FORMAT = 1,
    STREAM_VERSIONS = 1, /* flags of the head: entries have versions */
    STREAM_ENTRY = 1,    /* kinds of records */
    STREAM_END = 2
};

struct stream_head {
    char magic[8];
    uint32_t format, flags;
    uint64_t made_ms; /* since 1970 */
    uint64_t sum;     /* XXH3 of what is before */
};

struct stream_record {
    uint32_t kind;
    uint32_t key_bytes, value_bytes; /* they follow, and then 8 bytes: XXH3 of record, key and value */
    uint32_t user_flags;
    uint64_t ttl_left_ms; /* at made_ms; 0: none */
    uint64_t version;     /* 0: none. Of STREAM_END: how many entries there are */
};

/* False: errno. */
bool stream_write_head(FILE *out, uint64_t made_ms, uint32_t flags);
bool stream_write_entry(FILE *out, const struct stream_record *r, const void *key, const void *value);
bool stream_write_end(FILE *out, uint64_t entries);

struct stream {
    FILE *in;
    struct stream_head head;
    struct stream_record record; /* the last that was read */
    uint64_t entries;            /* so many were read */
    uint64_t bytes;
    char *buffer; /* key, value */
    size_t room;
    const char *error; /* NULL: none */
};

/* Reads the head. False: stream->error. */
bool stream_begin(struct stream *stream, FILE *in);

/* The next entry: stream->record and stream->buffer. False: stream->error, or the end, which was whole. */
bool stream_next(struct stream *stream);
void stream_end(struct stream *stream);

#endif

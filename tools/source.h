/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The bytes of a file or of standard input, decompressed when they are zstd. */

#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source {
    const char *name;    /* for messages */
    unsigned char *data; /* what was read and not yet consumed: [begin, end) */
    size_t begin, end;
    uint64_t file_bytes; /* of a regular file as it is on disk; 0: not known */
    uint64_t read_bytes; /* of those, read so far */
    char error[256];     /* why a call failed */
    int fd;
    struct ZSTD_DCtx_s *zstd;
    unsigned char *packed; /* compressed bytes: [packed_begin, packed_end) */
    size_t packed_begin, packed_end;
    bool at_eof;
    bool in_frame; /* the zstd frame is not finished */
};

/* The longest piece that source_more can be made to hold at once. */
enum { SOURCE_WINDOW = 256 << 10 };

/* Opens path, "-" being standard input. False: source->error, and source_close is still to be
 * called. */
bool source_open(struct source *source, const char *path);

/* Moves what is unread to the front and reads more after it. 1: there is more now; 0: there is no
 * more, or no room for it; -1: source->error. */
int source_more(struct source *source);

void source_close(struct source *source);

#endif

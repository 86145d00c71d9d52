/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

static const unsigned char zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};
static const unsigned char gzip_magic[] = {0x1f, 0x8b, 0x08};

static int
fail(struct source *source, const char *why)
{
    snprintf(source->error, sizeof source->error, "%s", why);
    return -1;
}

/* Reads up to `room` bytes of the file as it is. */
static ssize_t
read_file(struct source *source, void *buffer, size_t room)
{
    for (;;) {
        ssize_t n = read(source->fd, buffer, room);
        if (n >= 0) {
            source->read_bytes += (uint64_t)n;
            return n;
        }
        if (errno != EINTR)
            return fail(source, strerror(errno));
    }
}

/* Fills `packed` until it holds `wanted` bytes or the file ends; 0 or -1. */
static int
fill_packed(struct source *source, size_t wanted)
{
    if (source->packed_begin == source->packed_end)
        source->packed_begin = source->packed_end = 0;
    while (source->packed_end - source->packed_begin < wanted && !source->at_eof) {
        ssize_t n = read_file(source, source->packed + source->packed_end,
                              SOURCE_WINDOW - source->packed_end);
        if (n < 0)
            return -1;
        source->packed_end += (size_t)n;
        source->at_eof = n == 0;
    }
    return 0;
}

static bool
starts_with(const struct source *source, const unsigned char *magic, size_t size)
{
    return source->packed_end - source->packed_begin >= size
           && memcmp(source->packed + source->packed_begin, magic, size) == 0;
}

static int
look_at_magic(struct source *source)
{
    if (fill_packed(source, sizeof zstd_magic) != 0)
        return -1;
    if (starts_with(source, gzip_magic, sizeof gzip_magic))
        return fail(source, "compressed with gzip; use: zcat FILE | gyre replay -");
    if (!starts_with(source, zstd_magic, sizeof zstd_magic))
        return 0;
    source->zstd = ZSTD_createDCtx();
    if (!source->zstd)
        return fail(source, "no memory");
    /* Archives made with zstd --long need it; memory is taken as far as a frame asks for it only.
     */
    ZSTD_DCtx_setParameter(source->zstd, ZSTD_d_windowLogMax, sizeof(void *) == 8 ? 31 : 30);
    return 0;
}

bool
source_open(struct source *source, const char *path)
{
    bool standard_input = strcmp(path, "-") == 0;
    *source = (struct source){.name = standard_input ? "standard input" : path, .fd = STDIN_FILENO};
    source->data = malloc(SOURCE_WINDOW);
    source->packed = malloc(SOURCE_WINDOW);
    if (!source->data || !source->packed) {
        fail(source, "no memory");
        return false;
    }
    if (!standard_input)
        source->fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (source->fd < 0 || fstat(source->fd, &st) != 0) {
        fail(source, strerror(errno));
        return false;
    }
    if (S_ISREG(st.st_mode))
        source->file_bytes = (uint64_t)st.st_size;
    return look_at_magic(source) == 0;
}

/* Decompresses into the room at `end`; bytes made, 0 at the end, -1. */
static ssize_t
read_zstd(struct source *source, size_t room)
{
    ZSTD_outBuffer out = {source->data + source->end, room, 0};
    while (out.pos == 0) {
        if (source->packed_begin == source->packed_end) {
            if (fill_packed(source, 1) != 0)
                return -1;
            if (source->packed_begin == source->packed_end)
                return source->in_frame
                           ? fail(source, "truncated: the zstd stream ends in the middle")
                           : 0;
        }
        ZSTD_inBuffer in = {source->packed, source->packed_end, source->packed_begin};
        size_t rc = ZSTD_decompressStream(source->zstd, &out, &in);
        if (ZSTD_isError(rc)) {
            snprintf(source->error, sizeof source->error, "corrupt zstd data: %s",
                     ZSTD_getErrorName(rc));
            return -1;
        }
        source->packed_begin = in.pos;
        source->in_frame = rc != 0;
    }
    return (ssize_t)out.pos;
}

/* What look_at_magic read ahead comes first. */
static ssize_t
read_plain(struct source *source, size_t room)
{
    size_t ahead = source->packed_end - source->packed_begin;
    if (ahead == 0)
        return source->at_eof ? 0 : read_file(source, source->data + source->end, room);
    if (ahead > room)
        ahead = room;
    memcpy(source->data + source->end, source->packed + source->packed_begin, ahead);
    source->packed_begin += ahead;
    return (ssize_t)ahead;
}

int
source_more(struct source *source)
{
    memmove(source->data, source->data + source->begin, source->end - source->begin);
    source->end -= source->begin;
    source->begin = 0;
    size_t room = SOURCE_WINDOW - source->end;
    if (room == 0)
        return 0;
    ssize_t n = source->zstd ? read_zstd(source, room) : read_plain(source, room);
    if (n <= 0)
        return (int)n;
    source->end += (size_t)n;
    return 1;
}

void
source_close(struct source *source)
{
    ZSTD_freeDCtx(source->zstd);
    free(source->data);
    free(source->packed);
    if (source->fd > STDIN_FILENO)
        close(source->fd);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

static const char magic[8] = "gyredump";
enum { PIECE = 1 << 20 }; /* so much room is taken at once, whatever a record says */

_Static_assert(sizeof(struct stream_head) == 32 && sizeof(struct stream_record) == 32, "as docs/dump.md says");

static bool
write_all(FILE *out, const void *bytes, size_t n)
{
    return n == 0 || fwrite(bytes, 1, n, out) == n;
}

bool
stream_write_head(FILE *out, uint64_t made_ms, uint32_t flags)
{
    struct stream_head head = {.format = STREAM_FORMAT, .flags = flags, .made_ms = made_ms};
    memcpy(head.magic, magic, sizeof magic);
    head.sum = XXH3_64bits(&head, offsetof(struct stream_head, sum));
    return write_all(out, &head, sizeof head);
}

static uint64_t
sum_of(const struct stream_record *r, const void *key, const void *value)
{
    uint64_t of_key = XXH3_64bits(key, r->kind == STREAM_ENTRY ? r->key_bytes : 0);
    uint64_t of_value = XXH3_64bits_withSeed(value, r->kind == STREAM_ENTRY ? r->value_bytes : 0, of_key);
    return XXH3_64bits_withSeed(r, sizeof *r, of_value);
}

bool
stream_write_entry(FILE *out, const struct stream_record *r, const void *key, const void *value)
{
    uint64_t sum = sum_of(r, key, value);
    return write_all(out, r, sizeof *r) && write_all(out, key, r->key_bytes) && write_all(out, value, r->value_bytes) &&
           write_all(out, &sum, sizeof sum);
}

bool
stream_write_end(FILE *out, uint64_t entries)
{
    const struct stream_record r = {.kind = STREAM_END, .version = entries};
    uint64_t sum = sum_of(&r, "", "");
    return write_all(out, &r, sizeof r) && write_all(out, &sum, sizeof sum);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool
refuse(struct stream *stream, const char *error)
{
    stream->error = error;
    return false;
}

static bool
read_all(struct stream *stream, void *to, size_t n)
{
    size_t got = fread(to, 1, n, stream->in);
    stream->bytes += got;
    if (got == n)
        return true;
    return refuse(stream, ferror(stream->in) ? strerror(errno) : "it ends too early: part of the dump is missing");
}

bool
stream_begin(struct stream *stream, FILE *in)
{
    *stream = (struct stream){.in = in};
    struct stream_head *head = &stream->head;
    if (!read_all(stream, head, sizeof *head))
        return false;
    if (memcmp(head->magic, magic, sizeof magic) != 0)
        return refuse(stream, "no dump of gyre");
    if (head->format != STREAM_FORMAT)
        return refuse(stream, "a dump of another format: of a later version of gyre");
    if (head->sum != XXH3_64bits(head, offsetof(struct stream_head, sum)) || head->flags & ~(uint32_t)STREAM_VERSIONS)
        return refuse(stream, "its head is damaged");
    return true;
}

/* A length may be damaged: room grows with what there is. */
static bool
read_pieces(struct stream *stream, size_t n)
{
    for (size_t done = 0; done < n;) {
        size_t piece = n - done < PIECE ? n - done : PIECE;
        if (done + piece > stream->room) {
            size_t room = 2 * (done + piece);
            char *buffer = realloc(stream->buffer, room);
            if (buffer == NULL)
                return refuse(stream, "no memory");
            stream->buffer = buffer, stream->room = room;
        }
        if (!read_all(stream, stream->buffer + done, piece))
            return false;
        done += piece;
    }
    return true;
}

bool
stream_next(struct stream *stream)
{
    struct stream_record *r = &stream->record;
    uint64_t sum;
    if (!read_all(stream, r, sizeof *r))
        return false;
    bool entry = r->kind == STREAM_ENTRY && r->key_bytes > 0 && r->key_bytes <= UINT16_MAX;
    if (!entry && (r->kind != STREAM_END || r->key_bytes != 0 || r->value_bytes != 0))
        return refuse(stream, "a record is damaged");
    if ((entry && !read_pieces(stream, (size_t)r->key_bytes + r->value_bytes)) || !read_all(stream, &sum, sizeof sum))
        return false;
    if (sum != sum_of(r, entry ? stream->buffer : "", entry ? stream->buffer + r->key_bytes : ""))
        return refuse(stream, "a record is damaged");
    if (entry) {
        stream->entries++;
        return true;
    }
    if (r->version != stream->entries)
        return refuse(stream, "records are missing");
    if (fgetc(stream->in) != EOF)
        return refuse(stream, "something follows its end");
    return false;
}

void
stream_end(struct stream *stream)
{
    free(stream->buffer);
    stream->buffer = NULL;
}

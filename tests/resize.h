/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What tests of files that get another capacity have in common. */

#ifndef TESTS_RESIZE_H
#define TESTS_RESIZE_H

#include <sys/file.h>

#include "file_cache.h"
#include "index.h"
#include "whole.h"

enum { VALUE = 200, BIG = 16 * MIB, FEW = 4000, UNLUCKY = 40 /* of many, their windows are full: a hundred thousandth */ };

static inline gyre_options
sized(uint64_t capacity, uint32_t flags)
{
    gyre_options o = options(flags & ~(uint32_t)GYRE_CREATE);
    o.flags |= flags & GYRE_CREATE;
    o.capacity_bytes = capacity;
    return o;
}

static inline gyre *
open_sized(uint64_t capacity, uint32_t flags)
{
    gyre_options o = sized(capacity, flags);
    return api_open_with(&o);
}

static inline void
fill(gyre *cache, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, VALUE, i));
}

static inline unsigned
found(gyre *cache, unsigned from, unsigned to)
{
    unsigned n = 0;
    for (unsigned i = from; i < to; i++) {
        gyre_view view;
        if (gyre_get(cache, key_of(i).text, 16, &view) != GYRE_OK)
            continue;
        CHECK(bytes_are(view.data, view.size, i) && view.size == VALUE);
        gyre_release(&view);
        n++;
    }
    return n;
}

static inline void
check_whole(gyre *cache)
{
    CHECK_EQ(whole_faults(cache, NULL), 0);
}

/* Made with so many entries, and closed. */
static inline void
make_filled(uint64_t capacity, unsigned n, uint32_t flags)
{
    gyre *cache = open_sized(capacity, GYRE_CREATE | flags);
    fill(cache, 0, n);
    api_close(cache);
}

static inline uint64_t
sum_of_file(void)
{
    struct stat s;
    int file = open(path.text, O_RDONLY);
    CHECK(file >= 0 && fstat(file, &s) == 0);
    char *bytes = malloc((size_t)s.st_size);
    CHECK(bytes != NULL && read(file, bytes, (size_t)s.st_size) == s.st_size);
    uint64_t sum = 14695981039346656037u;
    for (off_t i = 0; i < s.st_size; i++)
        sum = (sum ^ (unsigned char)bytes[i]) * 1099511628211u;
    free(bytes), close(file);
    return sum;
}

/* It is refused so, and not a byte is another. */
static inline void
check_refused(const gyre_options *o, int answer)
{
    uint64_t sum = sum_of_file();
    struct stat before, after;
    CHECK_EQ(stat(path.text, &before), 0);
    CHECK_EQ(result_of(o), answer);
    CHECK_EQ(stat(path.text, &after), 0);
    CHECK(before.st_ino == after.st_ino && before.st_mtime == after.st_mtime);
    CHECK_EQ(sum_of_file(), sum);
}

static inline uint64_t
mapped_bytes(void)
{
    struct stat s;
    CHECK_EQ(stat(path.text, &s), 0);
    return (uint64_t)s.st_size;
}

#endif

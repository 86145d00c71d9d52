/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What contract.c works with: expectations, caches, and values that tell what they are. */

#ifndef CONTRACT_H
#define CONTRACT_H

#include <gyre.h>

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint n_wrong; /* of the check that runs */

__attribute__((format(printf, 2, 3))) static void
expect(bool holds, const char *what, ...)
{
    if (holds || atomic_fetch_add(&n_wrong, 1) >= 10)
        return;
    va_list args;
    va_start(args, what);
    fputs("    wrong: ", stdout);
    vprintf(what, args);
    putchar('\n');
    va_end(args);
}

#define EXPECT(condition) expect((condition), "line %d: %s", __LINE__, #condition)

static gyre *
open_or_exit(const gyre_options *options)
{
    gyre *cache = NULL;
    int rc = gyre_open(&cache, options);
    if (rc != GYRE_OK || cache == NULL) {
        printf("gyre_open: %s\n", gyre_strerror(rc));
        exit(1);
    }
    return cache;
}

static gyre *
open_cache(uint64_t capacity_bytes, uint32_t flags)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = capacity_bytes;
    options.flags = flags;
    return open_or_exit(&options);
}

static gyre_stats
stats_of(gyre *cache)
{
    gyre_stats s = GYRE_STATS_INIT;
    EXPECT(gyre_stats_read(cache, &s) == GYRE_OK);
    return s;
}

/* Key number, count of the put, size, then bytes that follow from both, then a checksum over all. */
enum { VALUE_HEAD = 24, VALUE_MOST = 1500 };

static uint64_t
mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x7FB5D329728EA185u;
    x = (x ^ x >> 27) * 0x81DADEF4BC2DD44Du;
    return x ^ x >> 33;
}

static uint64_t
checksum(const unsigned char *bytes, size_t n)
{
    uint64_t sum = n * 0x9E3779B97F4A7C15u, word;
    for (size_t at = 0; at < n; at += 8) {
        word = 0;
        memcpy(&word, bytes + at, n - at < 8 ? n - at : 8);
        sum = mix(sum ^ word);
    }
    return sum;
}

static size_t
make_value(unsigned char *to, uint64_t key, uint64_t count, size_t size)
{
    uint64_t head[3] = {key, count, size};
    for (size_t at = VALUE_HEAD; at < size - 8; at++)
        to[at] = (unsigned char)(mix(key + count) >> at % 56);
    memcpy(to, head, sizeof head);
    uint64_t sum = checksum(to, size - 8);
    memcpy(to + size - 8, &sum, 8);
    return size;
}

/* The count of an intact value of this key; 0 when it is torn or another's. */
static uint64_t
value_count(const void *data, size_t size, uint64_t key)
{
    uint64_t head[3], sum;
    if (size < VALUE_HEAD + 8)
        return 0;
    memcpy(head, data, sizeof head);
    memcpy(&sum, (const char *)data + size - 8, 8);
    return head[0] == key && head[2] == size && sum == checksum(data, size - 8) ? head[1] : 0;
}

#endif

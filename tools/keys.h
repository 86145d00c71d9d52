/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The different keys of a trace, each once, numbered from 0 in the order of their first request. */

#ifndef KEYS_H
#define KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vec.h"

struct keys {
    bool text; /* keys are strings of bytes, else 64-bit numbers; set before the first key */
    uint32_t n;
    struct vec words; /* u64 a key: the number, or where its string ends in `bytes` */
    struct vec bytes; /* the strings, one after the other */
    struct vec sizes; /* u32 a key: the largest size that the trace gives it */
    uint32_t *table;  /* open addressing; number + 1, 0: empty */
    uint64_t mask;
};

#define KEYS_NONE UINT32_MAX

/* The number of a key, which is new if need be; KEYS_NONE: errno says why not. */
uint32_t keys_number(struct keys *keys, uint64_t key, uint32_t size);
uint32_t keys_string(struct keys *keys, const void *key, size_t key_size, uint32_t size);

/* Frees the table: no key is added from now on. */
void keys_finish(struct keys *keys);
void keys_free(struct keys *keys);

/* The bytes of key `id`, valid until keys_free. */
static inline const void *
keys_bytes(const struct keys *keys, uint32_t id, size_t *size)
{
    const uint64_t *words = keys->words.data;
    if (!keys->text) {
        *size = sizeof words[0];
        return &words[id];
    }
    uint64_t start = id ? words[id - 1] : 0;
    *size = words[id] - start;
    return (const char *)keys->bytes.data + start;
}

static inline uint32_t
keys_size(const struct keys *keys, uint32_t id)
{
    return ((const uint32_t *)keys->sizes.data)[id];
}

/* A bijection that spreads numbers over all 64 bits. */
static inline uint64_t
keys_mix(uint64_t x)
{
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

#endif

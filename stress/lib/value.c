/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "value.h"

#include <string.h>

#include "stress.h"

#define KEY_HEAD_BYTES 5
#define WORD_STEP 0x9e3779b97f4a7c15u

/* ---- keys -------------------------------------------------------------------------------------
 */

static uint64_t
key_mix(struct key key)
{
    return mix64((uint64_t)(unsigned char)key.class << 32 | key.number);
}

/* Mostly short; one in sixteen is long. */
static size_t
key_size(struct key key)
{
    uint64_t draw = key_mix(key) >> 8;
    return KEY_HEAD_BYTES + draw % ((draw >> 32) % 16 ? 20 : KEY_BYTES_MAX - KEY_HEAD_BYTES + 1);
}

size_t
key_write(struct key key, unsigned char *bytes)
{
    size_t size = key_size(key);
    bytes[0] = (unsigned char)key.class;
    memcpy(bytes + 1, &key.number, sizeof key.number);
    for (size_t i = KEY_HEAD_BYTES; i < size; i++)
        bytes[i] = (unsigned char)(key.number + i);
    return size;
}

bool
key_parse(const void *bytes, size_t size, struct key *key)
{
    unsigned char expected[KEY_BYTES_MAX];
    if (size < KEY_HEAD_BYTES)
        return false;
    key->class = *(const char *)bytes;
    memcpy(&key->number, (const char *)bytes + 1, sizeof key->number);
    return key_write(*key, expected) == size && memcmp(expected, bytes, size) == 0;
}

/* ---- values -----------------------------------------------------------------------------------
 */

static uint64_t
value_seed(struct key key, uint32_t id)
{
    return mix64(key_mix(key) + id * WORD_STEP);
}

uint32_t
value_size(const struct value_shape *shape, struct key key, uint32_t id)
{
    if (id % 64 == 0)
        return 0;
    uint64_t draw = mix64(value_seed(key, id) ^ shape->salt);
    uint32_t kind = (uint32_t)(draw % 128), limit;
    if (kind < 88)
        limit = 120;
    else if (kind < 118)
        limit = 1000;
    else if (kind < 127)
        limit = 8000;
    else
        limit = UINT32_MAX;
    uint32_t room = shape->size_max - VALUE_HEAD_BYTES;
    return VALUE_HEAD_BYTES + (uint32_t)((draw >> 32) % (limit < room ? limit : room));
}

uint32_t
value_flags(uint32_t id)
{
    return id % 4 == 0 ? id : 0;
}

void
value_write(struct key key, uint32_t id, void *bytes, size_t size)
{
    unsigned char *to = bytes;
    uint64_t word = (uint64_t)id ^ key_mix(key), seed = value_seed(key, id);
    for (size_t i = 0; i < size; i += sizeof word) {
        memcpy(to + i, &word, size - i < sizeof word ? size - i : sizeof word);
        word = seed += WORD_STEP;
    }
}

static bool
content_matches(struct key key, uint32_t id, const unsigned char *bytes, size_t size)
{
    uint64_t seed = value_seed(key, id);
    for (size_t i = VALUE_HEAD_BYTES; i < size; i += sizeof seed) {
        seed += WORD_STEP;
        if (memcmp(bytes + i, &seed, size - i < sizeof seed ? size - i : sizeof seed) != 0)
            return false;
    }
    return true;
}

uint32_t
value_check(const struct value_shape *shape, struct key key, const void *bytes, size_t size,
            uint32_t user_flags, const char *seen_by)
{
    uint64_t word = (uint64_t)user_flags ^ key_mix(key);
    if (size >= VALUE_HEAD_BYTES)
        memcpy(&word, bytes, sizeof word);
    uint64_t id = word ^ key_mix(key);
    if (id == 0 || id > UINT32_MAX) {
        stress_fail("%s: key %c%u: a value of %zu bytes that is not this key's (first word %llx)",
                    seen_by, key.class, key.number, size, (unsigned long long)word);
        return 0;
    }
    uint32_t expected = value_size(shape, key, (uint32_t)id);
    if (size != expected || user_flags != value_flags((uint32_t)id)) {
        stress_fail("%s: key %c%u id %llu: size %zu flags %u, written with %u and %u", seen_by,
                    key.class, key.number, (unsigned long long)id, size, user_flags, expected,
                    value_flags((uint32_t)id));
        return 0;
    }
    if (!content_matches(key, (uint32_t)id, bytes, size)) {
        stress_fail("%s: key %c%u id %llu: torn, %zu bytes do not belong together", seen_by,
                    key.class, key.number, (unsigned long long)id, size);
        return 0;
    }
    return (uint32_t)id;
}

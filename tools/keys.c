/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1 << 12 };

static uint64_t
hash_bytes(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    uint64_t hash = size, word;
    for (; size >= sizeof word; p += sizeof word, size -= sizeof word) {
        memcpy(&word, p, sizeof word);
        hash = keys_mix(hash ^ word);
    }
    word = 0;
    if (size)
        memcpy(&word, p, size);
    return keys_mix(hash ^ word);
}

static bool
grow_table(struct keys *keys)
{
    uint64_t n_slots = keys->table ? (keys->mask + 1) * 2 : FIRST_SLOTS;
    uint32_t *table = calloc(n_slots, sizeof *table);
    if (!table)
        return false;
    uint64_t mask = n_slots - 1;
    for (uint32_t id = 0; id < keys->n; id++) {
        size_t size;
        const void *bytes = keys_bytes(keys, id, &size);
        uint64_t i = hash_bytes(bytes, size) & mask;
        while (table[i])
            i = (i + 1) & mask;
        table[i] = id + 1;
    }
    free(keys->table);
    keys->table = table;
    keys->mask = mask;
    return true;
}

/* The slot of the key, or the empty one where it belongs. */
static uint32_t *
find_slot(const struct keys *keys, const void *key, size_t key_size)
{
    uint64_t i = hash_bytes(key, key_size) & keys->mask;
    for (; keys->table[i]; i = (i + 1) & keys->mask) {
        size_t size;
        const void *bytes = keys_bytes(keys, keys->table[i] - 1, &size);
        if (size == key_size && memcmp(bytes, key, size) == 0)
            break;
    }
    return &keys->table[i];
}

static bool
append_key(struct keys *keys, const void *key, size_t key_size)
{
    uint64_t word;
    if (keys->text) {
        void *bytes = vec_add(&keys->bytes, key_size);
        if (!bytes)
            return false;
        memcpy(bytes, key, key_size);
        word = keys->bytes.bytes;
    } else {
        memcpy(&word, key, sizeof word);
    }
    uint64_t *at = vec_add(&keys->words, sizeof *at);
    uint32_t *size = vec_add(&keys->sizes, sizeof *size);
    if (!at || !size)
        return false;
    *at = word;
    *size = 0;
    return true;
}

static uint32_t
intern(struct keys *keys, const void *key, size_t key_size, uint32_t size)
{
    bool full = !keys->table || keys->n >= keys->mask - keys->mask / 4;
    if (full && !grow_table(keys)) {
        errno = ENOMEM;
        return KEYS_NONE;
    }
    uint32_t *slot = find_slot(keys, key, key_size);
    if (!*slot) {
        if (keys->n == KEYS_NONE - 1) {
            errno = EOVERFLOW;
            return KEYS_NONE;
        }
        if (!append_key(keys, key, key_size)) {
            errno = ENOMEM;
            return KEYS_NONE;
        }
        *slot = ++keys->n;
    }
    uint32_t id = *slot - 1;
    uint32_t *sizes = keys->sizes.data;
    if (sizes[id] < size)
        sizes[id] = size;
    return id;
}

uint32_t
keys_number(struct keys *keys, uint64_t key, uint32_t size)
{
    return intern(keys, &key, sizeof key, size);
}

uint32_t
keys_string(struct keys *keys, const void *key, size_t key_size, uint32_t size)
{
    return intern(keys, key, key_size, size);
}

void
keys_finish(struct keys *keys)
{
    free(keys->table);
    keys->table = NULL;
}

void
keys_free(struct keys *keys)
{
    keys_finish(keys);
    vec_free(&keys->words);
    vec_free(&keys->bytes);
    vec_free(&keys->sizes);
}

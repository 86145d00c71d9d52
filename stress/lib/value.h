/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Keys and values that prove themselves: every byte and the length of a value follow from its key
 * and a 32-bit id that the value carries, so that any reader can tell a torn, foreign or resized
 * value without asking the writer. An empty value carries its id in the user flags. */

#ifndef GYRE_STRESS_VALUE_H
#define GYRE_STRESS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gyre.h"

#define KEY_BYTES_MAX 128
#define VALUE_HEAD_BYTES 8 /* the least that carries an id */

/* A key's class is a letter; number is its place in the class. */
struct key {
    char class;
    uint32_t number;
};

/* Writes the key's bytes, KEY_BYTES_MAX at most, and returns how many. */
size_t key_write(struct key key, unsigned char *bytes);

/* False when the bytes are no key that key_write makes. */
bool key_parse(const void *bytes, size_t size, struct key *key);

/* The bounds of a run's values: sizes follow from key and id within them. */
struct value_shape {
    uint32_t size_max;
    uint64_t salt;
};

uint32_t value_size(const struct value_shape *shape, struct key key, uint32_t id);
uint32_t value_flags(uint32_t id);
void value_write(struct key key, uint32_t id, void *bytes, size_t size);

/* Reports a failure and returns 0 when the bytes are no value of key; else returns its id. */
uint32_t value_check(const struct value_shape *shape, struct key key, const void *bytes,
                     size_t size, uint32_t user_flags, const char *seen_by);

#endif

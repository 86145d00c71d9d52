/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What the tests of the public calls share. */

#ifndef GY_TEST_API_H
#define GY_TEST_API_H

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "gyre.h"
#include "test.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* Every option of a test's cache but capacity and flags is the default, the key hash included: a fixed
 * seed would hide what only some seeds show. */
gyre_options api_options(uint64_t capacity_bytes, uint32_t flags);
gyre *api_open_with(const gyre_options *options);
gyre *api_open(uint64_t capacity_bytes, uint32_t flags);

/* Checks that the statistics add up, then closes. All views and drafts must have been given back. */
void api_close(gyre *cache);

gyre_stats api_stats(gyre *cache); /* checks the equation of capacity_bytes */

/* Maintains until nothing is left to do. The maintenance thread may be in the middle of something, and
 * scheduled late: what is counted then is awaited, a minute at most. */
void api_settle(gyre *cache);
void api_pause(void); /* a millisecond */
enum { API_PAUSES_MOST = 60000 };

/* A clock that tests move. */
struct api_clock {
    _Atomic uint64_t ms;
};
uint64_t api_clock_read(void *clock);

/* Keys and values of text, and values of bytes made from a number. */
int put_text(gyre *cache, const char *key, const char *value);
bool has_text(gyre *cache, const char *key, const char *value);
bool is_missing(gyre *cache, const char *key);
int put_bytes(gyre *cache, const char *key, size_t size, uint64_t tag);
bool has_bytes(gyre *cache, const char *key, size_t size, uint64_t tag);
void fill_bytes(void *to, size_t size, uint64_t tag);
bool bytes_are(const void *data, size_t size, uint64_t tag);

/* A key of its own for every number: 16 characters and the terminator. */
struct api_key {
    char text[24];
};
static inline struct api_key
key_of(uint64_t number)
{
    struct api_key key;
    snprintf(key.text, sizeof key.text, "key%013llu", (unsigned long long)number % 10000000000000u);
    return key;
}

/* Random numbers; a test prints its seed. */
uint64_t api_random(uint64_t *state);
uint64_t api_seed(const char *test);

/* Runs body(arg, i) on n threads at once and waits for all of them. */
void api_threads(unsigned n, void (*body)(void *arg, unsigned i), void *arg);

#endif

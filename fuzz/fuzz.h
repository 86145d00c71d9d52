/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A fuzz target is FUZZ_TARGET { ... } in a file of its own: bytes in, and an abort when a promise
 * of gyre.h is broken. Linked with libFuzzer it is explored; linked with alone.c it replays files,
 * with any compiler. */

#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv); /* may be missing */

#define FUZZ_TARGET int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)

/* Each target's own: says what its inputs made happen. Returns 0 when they exercised nothing worth
 * it. */
int fuzz_report(FILE *out);

#define FUZZ_CHECK(condition, ...)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                        \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct fuzz_bytes {
    const uint8_t *at, *end;
};

/* The next n bytes (at most 8) as a number; zeros after the end. */
static inline uint64_t
fuzz_take(struct fuzz_bytes *bytes, unsigned n)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < n && bytes->at < bytes->end; i++)
        value |= (uint64_t)*bytes->at++ << (8 * i);
    return value;
}

#endif

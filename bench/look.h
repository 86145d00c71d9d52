/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A cache in the first look at speed. Each has its loops in its own file, so that no indirect call
 * and no adapter stands between the loop and the cache, and reads values as its users would: in
 * place. */

#ifndef BENCH_LOOK_H
#define BENCH_LOOK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LOOK_VALUE_BYTES 64
#define LOOK_PAYLOAD_BYTES 80 /* with the key */

struct look_count {
    uint64_t hits;
    uint64_t right; /* hits whose whole value was as expected */
};

/* Looks up ids[0] to ids[n - 1]. */
typedef struct look_count look_loop(void *cache, const uint32_t *ids, size_t n);

struct look_peer {
    const char *name;
    void *(*open)(uint64_t n_entries); /* with room for so many; NULL: it failed */
    void (*close)(void *cache);
    void (*put)(void *cache, uint64_t id);
    look_loop *get;
    look_loop *get_many;     /* in batches of 16; may be NULL */
    look_loop *get_then_put; /* puts what was missed */
    uint64_t (*n_entries)(void *cache);
    void (*version)(char *text, size_t size); /* of the library; may be NULL */
};

extern const struct look_peer look_gyre, look_gyre_larger, look_hcc, look_lru;

#ifdef __cplusplus
}
#endif

#endif

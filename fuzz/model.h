/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What a cache may answer, for one thread. The model knows for each key the one value that a hit
 * may return; a miss is always allowed. What an answer proves is checked and noted. */

#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <gyre.h>
#include <stdbool.h>

enum {
    MODEL_KEYS = 256,
    MODEL_KEY_MOST = 160, /* bytes */
    MODEL_VERSIONS = 1 << 14,
};

/* A value's bytes follow from its number. */
struct model_value {
    bool stands;
    uint32_t number;
    uint32_t user_flags;
    size_t size;
    uint64_t version; /* 0: unknown, or none */
    bool has_ttl;
    uint64_t expiry_low,
        expiry_high; /* equal but for drafts: TTLs may count from reserve or commit */
};

struct model {
    gyre *cache;
    bool versions;
    uint32_t value_align, default_ttl_ms;
    uint64_t max_value_bytes, max_entries, capacity_bytes;
    uint64_t now_ms;
    unsigned held; /* views, drafts and scans that may pin arenas now */
    bool starved;  /* allocations fail: GYRE_ENOMEM is an answer to everything */
    uint32_t next_number;
    struct model_value values[MODEL_KEYS];
    bool lingering[MODEL_KEYS]; /* cleared, but perhaps still counted as an entry */
    bool changed[MODEL_KEYS];   /* since the flags were last cleared; for scans */
    uint64_t seen_versions[MODEL_VERSIONS];
    unsigned n_versions;
    /* Answers so far. */
    uint64_t hits, misses, put_calls, puts, deletes, delete_calls, touches, touch_calls;
};

/* Key i, in memory of exactly its size. Keys are prefixes of each other, which finds a comparison
 * that forgets the size. */
gyre_key model_key(unsigned i);
/* Which key that is; aborts when it is none. */
unsigned model_key_index(const void *key, size_t size);

/* Writes a value. */
void model_fill(uint32_t number, void *data, size_t size);
/* Aborts unless the bytes are those of the value. */
void model_check_bytes(uint32_t number, const void *data, size_t size, const char *where);

/* A view that a hit gave for key i: aborts unless it is what stands. */
void model_check_view(struct model *model, unsigned i, const gyre_view *view, const char *where);

/* A lookup's result (gyre_get, one of gyre_get_many, gyre_read); counts it. */
void model_check_lookup(struct model *model, unsigned i, int result);

/* The value that a put with these options would set, at this time. */
struct model_value model_proposal(struct model *model, const gyre_put_options *options,
                                  size_t size);

/* A put's or a commit's result. new_version is what the cache stored there; `untouched` if nothing.
 */
void model_put_done(struct model *model, unsigned i, const gyre_put_options *options,
                    struct model_value proposal, int result, uint64_t new_version);
#define MODEL_UNTOUCHED 0xfeedfeedfeedfeedu

void model_delete_done(struct model *model, unsigned i, int result);
void model_touch_done(struct model *model, unsigned i, uint32_t ttl_ms, int result);
void model_clear(struct model *model);
/* Maintenance has told that it is done. */
void model_settled(struct model *model);

/* Reads the statistics and compares them with each other and with what the model counted. */
void model_check_stats(struct model *model);

#endif

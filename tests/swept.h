/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What tests of sweeps have in common: arenas filled with keys, and what became of these. */

#ifndef TESTS_SWEPT_H
#define TESTS_SWEPT_H

#include "room.h"

enum { SWEPT_SIZE = 200 };

static inline gyre *
swept_open(void)
{
    room_stay();
    return api_open(1 << 20, GYRE_NO_THREAD);
}

/* Without a hit, which the sweep would count. */
static inline bool
swept_stands(gyre *cache, unsigned k)
{
    return room_word(cache, key_of(k).text) != 0;
}

static inline bool
swept_present(gyre *cache, unsigned k)
{
    if (!swept_stands(cache, k))
        return false;
    CHECK(has_bytes(cache, key_of(k).text, SWEPT_SIZE, k));
    return true;
}

static inline void
swept_set_freq(gyre *cache, unsigned k, unsigned freq)
{
    uint64_t hash = room_hash(cache, key_of(k).text);
    struct gy_window w;
    gy_index_window(cache, hash, &w);
    for (unsigned i = 0; i < w.n * GY_BUCKET_SLOTS; i++) {
        gy_atomic_u64 *slot = &w.bucket[i / GY_BUCKET_SLOTS]->slot[i % GY_BUCKET_SLOTS];
        uint64_t word = gy_load_seq(slot);
        if (gy_slot_may_match(word, hash))
            gy_store_seq(slot, (word & ~GY_FREQ_MASK) | (uint64_t)freq << GY_FREQ_SHIFT);
    }
}

/* Fills one arena of a ring with keys first, first + 1, ... and seals it. */
static inline unsigned
swept_fill(gyre *cache, unsigned ring, unsigned first, uint32_t *arena)
{
    unsigned k = first;
    CHECK_OK(room_put(cache, ring, key_of(k).text, SWEPT_SIZE, k));
    *arena = room_arena_of(cache, key_of(k).text);
    uint64_t room = 240; /* of one entry */
    while ((gy_load_seq(&cache->books[*arena].position) & ~GY_CLOSED) + room <= cache->arena_bytes) {
        k++;
        CHECK_OK(room_put(cache, ring, key_of(k).text, SWEPT_SIZE, k));
        CHECK_EQ(room_arena_of(cache, key_of(k).text), *arena);
    }
    room_seal_all(cache);
    return k + 1 - first;
}

static inline void
swept_expect_left(gyre *cache, uint32_t arena)
{
    CHECK_EQ(room_refs_into(cache, arena), 0);
    CHECK_EQ(room_state(cache, arena), GY_FREE);
}

static inline unsigned
swept_ring(gyre *cache, unsigned k)
{
    return gy_arena_ring(gy_load_seq(&cache->words[room_arena_of(cache, key_of(k).text)]));
}

static inline uint8_t
swept_kind(gyre *cache, unsigned k)
{
    return gy_entry_kind(gy_entry_header(gy_at(cache, gy_slot_ref(room_word(cache, key_of(k).text)))));
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What the tests of the rooms share: caches without a maintenance thread, driven from inside. */

#ifndef GY_TEST_ROOM_H
#define GY_TEST_ROOM_H

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "api.h"
#include "grow.h"
#include "index.h"
#include "insert.h"
#include "lookup.h"
#include "sweep.h"

static inline struct gy_record *
room_record(gyre *cache)
{
    int error = 0;
    struct gy_record *r = gy_record_of(cache, &error);
    CHECK(r != NULL);
    return r;
}

/* Keeps this thread on one processor, so that all it puts goes into one lane. */
static inline void
room_stay(void)
{
    int cpu = sched_getcpu();
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu < 0 ? 0u : (unsigned)cpu, &set);
    sched_setaffinity(0, sizeof set, &set); /* refused: then it stays by chance */
}

/* A cache of several hundred arenas. Without a thread, so that puts do it all. */
static inline gyre *
room_open_many(void)
{
    room_stay();
    gyre *cache = api_open(10 << 20, GYRE_NO_THREAD);
    CHECK(cache->g.n_arenas > 512);
    return cache;
}

static inline uint64_t
room_hash(gyre *cache, const char *key)
{
    return gy_hash(key, strlen(key), cache->seed);
}

static inline struct gy_content
room_content(const char *key, const void *value, size_t value_bytes)
{
    return (struct gy_content){.key = key, .key_bytes = (uint16_t)strlen(key), .value = value,
                               .value_bytes = (uint32_t)value_bytes, .kind = GY_KIND_UNKNOWN};
}

/* An entry in an open arena that is not in the index yet, held by the pin for puts. */
static inline struct gy_staged
room_stage(gyre *cache, unsigned ring, const char *key, const void *value, size_t value_bytes)
{
    struct gy_staged staged;
    struct gy_content c = room_content(key, value, value_bytes);
    CHECK(gy_arena_stage(cache, &room_record(cache)->pin[GY_PIN_PUT], ring, &c, true, &staged));
    return staged;
}

/* The word of an entry of that key that stands nowhere yet. */
static inline uint64_t
room_loose_word(gyre *cache, const char *key, uint64_t tag)
{
    char value[8];
    fill_bytes(value, sizeof value, tag);
    struct gy_staged staged = room_stage(cache, GY_PROBATION, key, value, sizeof value);
    gy_arena_unpin(cache, NULL, &staged);
    return gy_slot_word(room_hash(cache, key), 0, staged.ref);
}

static inline int
room_publish(gyre *cache, enum gy_publish_kind kind, const char *key, struct gy_staged *staged,
             uint64_t if_what)
{
    struct gy_aim aim = gy_aim_at(cache, key, strlen(key), room_hash(cache, key), kind, if_what);
    int result = gy_index_publish(cache, room_record(cache), &aim, staged);
    gy_arena_unpin(cache, NULL, staged);
    return result;
}

/* The first shard's index by one size, if nobody keeps it from its end. */
static inline void
room_grow(gyre *cache)
{
    struct gy_record *r = room_record(cache);
    gy_atomic_u64 *count = &cache->super->shard[0].n_committed;
    gy_add_rlx(count, 1u << 20);
    for (unsigned i = 0; i < 1000 && !gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, r, 0, true);
    gy_sub_rlx(count, 1u << 20);
    for (unsigned i = 0; i < 1000 && gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, r, 0, true);
}

/* A put without what a writer owes afterwards: nothing is swept, nothing grows. Its value is made from
 * tag. */
static inline int
room_put(gyre *cache, unsigned ring, const char *key, size_t size, uint64_t tag)
{
    char *value = malloc(size + 1);
    CHECK(value != NULL);
    fill_bytes(value, size, tag);
    struct gy_staged staged = room_stage(cache, ring, key, value, size);
    free(value);
    return room_publish(cache, GY_PUT_ANY, key, &staged, 0);
}

/* The committed word of a key, 0 when there is none. */
static inline uint64_t
room_word(gyre *cache, const char *key)
{
    gy_atomic_u64 *pin = &room_record(cache)->pin[GY_PIN_COMPARE];
    struct gy_found f;
    bool saw_tentative;
    if (!gy_index_find(cache, room_hash(cache, key), key, strlen(key), pin, &f, &saw_tentative))
        return 0;
    gy_pin_clear(pin);
    return f.word;
}

static inline gy_atomic_u64 *
room_slot(gyre *cache, unsigned shard, uint64_t n)
{
    return &gy_shard_buckets(cache, shard)[n / GY_BUCKET_SLOTS].slot[n % GY_BUCKET_SLOTS];
}

static inline uint64_t
room_slots(gyre *cache, unsigned shard)
{
    return gy_shard_extent(cache, shard) * GY_BUCKET_SLOTS;
}

/* Slots that are not empty and refer into an arena; UINT32_MAX: into any. */
static inline uint64_t
room_refs_into(gyre *cache, uint32_t arena)
{
    uint64_t n = 0;
    for (unsigned shard = 0; shard < cache->g.n_shards; shard++)
        for (uint64_t i = 0; i < room_slots(cache, shard); i++) {
            uint64_t word = gy_load_acq(room_slot(cache, shard, i));
            n += word != GY_EMPTY && (arena == UINT32_MAX || gy_ref_arena(cache, gy_slot_ref(word)) == arena);
        }
    return n;
}

static inline enum gy_arena_state
room_state(gyre *cache, uint32_t arena)
{
    return gy_arena_state(gy_load_acq(&cache->words[arena]));
}

static inline void
room_set_state(gyre *cache, uint32_t arena, enum gy_arena_state state)
{
    gy_store_seq(&cache->words[arena], gy_arena_with_state(gy_load_seq(&cache->words[arena]), state));
}

/* Seals all open arenas. */
static inline void
room_seal_all(gyre *cache)
{
    for (unsigned lane = 0; lane < cache->g.n_lanes; lane++)
        for (unsigned ring = 0; ring < GY_RINGS; ring++)
            gy_arena_seal(cache, lane, ring);
}

static inline unsigned
room_count_states(gyre *cache, enum gy_arena_state state)
{
    unsigned n = 0;
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        n += room_state(cache, a) == state;
    return n;
}

/* A sweep of so many bytes, wanted because free arenas are scarce: all but the reserve go to the index. */
static inline bool
room_sweep(gyre *cache, uint64_t bytes)
{
    while (gy_arena_withdraw(cache))
        gy_add_seq(&cache->super->index_credit, cache->arena_bytes);
    return gy_sweep_bytes(cache, room_record(cache), bytes);
}

/* As after the hand met many entries of main that nobody asks for: who was hit is worth more, in either ring; who
 * was not is worth nothing. */
static inline void
room_teach(gyre *cache)
{
    const float many = 100;
    uint32_t bits;
    memcpy(&bits, &many, sizeof bits);
    gy_store_seq(&cache->super->learned.met[0], bits);
    gy_store_seq(&cache->super->learned.hurdle_left, 0);
}

/* The arena in which a key stands. */
static inline uint32_t
room_arena_of(gyre *cache, const char *key)
{
    uint64_t word = room_word(cache, key);
    CHECK(word != 0);
    return gy_ref_arena(cache, gy_slot_ref(word));
}

#endif

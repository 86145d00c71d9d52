/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Puts that go straight (put.h): which do, what they leave, and what happens to their slots in between. */

#include "trap.h"

TEST(put_ways, of_plain_caches)
{
    gyre_options o = api_options(4 * MIB, GYRE_NO_THREAD);
    gyre *cache = api_open_with(&o);
    CHECK_EQ(cache->plain_id, cache->reader_fences ? UINT64_MAX : cache->id);
    gyre_close(cache);
    o.max_entries = 100;
    cache = api_open_with(&o);
    CHECK_EQ(cache->plain_id, UINT64_MAX);
    gyre_close(cache);
    o = api_options(4 * MIB, GYRE_NO_THREAD | GYRE_VERSIONS);
    cache = api_open_with(&o);
    CHECK_EQ(cache->plain_id, UINT64_MAX);
    gyre_close(cache);
    o = api_options(4 * MIB, GYRE_NO_THREAD);
    o.default_ttl_ms = 1000;
    cache = api_open_with(&o);
    CHECK_EQ(cache->plain_id, UINT64_MAX);
    gyre_close(cache);
#ifdef GY_POINTS
    gy_point_no_membarrier = true;
    cache = api_open(4 * MIB, GYRE_NO_THREAD);
    CHECK_EQ(cache->plain_id, UINT64_MAX);
    gyre_close(cache);
    gy_point_no_membarrier = false;
#endif
}

/* Around the sizes that go straight: each is stored, and replaced by what is longer, and refused where it has to be. */
TEST(put_ways, of_all_sizes)
{
    gyre *cache = api_open(4 * MIB, GYRE_NO_THREAD);
    char key[20] = "0123456789abcdefghi", *value = malloc(cache->arena_bytes + 8), *back = malloc(cache->arena_bytes + 8);
    CHECK(value != NULL && back != NULL);
    fill_bytes(value, cache->arena_bytes, 7);
    uint64_t most = cache->plain_value_most;
    CHECK(most > 0 && most <= cache->g.max_value_bytes);
    for (size_t n = 7; n < sizeof key; n++) {
        const uint64_t sizes[] = {0, 1, 63, 64, most - 1, most, most + 1, cache->g.max_value_bytes + (uint64_t)1};
        for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            size_t size = 0;
            bool fits = sizes[i] <= cache->g.max_value_bytes;
            CHECK_EQ(gyre_put(cache, key, n, value, sizes[i], NULL), fits ? GYRE_OK : GYRE_E2BIG);
            CHECK_EQ(gyre_read(cache, key, n, back, cache->arena_bytes, &size), fits ? GYRE_OK : GYRE_MISS);
            CHECK(!fits || (size == sizes[i] && memcmp(back, value, size) == 0));
        }
    }
    CHECK_OK(gyre_put(cache, key, 16, NULL, 0, NULL));
    CHECK_EQ(gyre_put(cache, key, 16, NULL, 1, NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_put(cache, NULL, 16, value, 1, NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_put(NULL, key, 16, value, 1, NULL), GYRE_EINVAL);
    free(value), free(back);
    gyre_close(cache);
}

#ifdef GY_POINTS

struct scene {
    gyre *cache;
    struct api_key key;
    struct gy_window w;
    gy_atomic_u64 *slot; /* where its word stands, or will */
    uint64_t rival;      /* a word of the key that stands nowhere, of a value made from 2 */
};

/* waits: the put that follows thinks that the key is new. The rival is of the ring that this goes by, of the other one if not. */
static struct scene
set_scene(bool stands, bool waits)
{
    struct scene s = {.cache = api_open(4 * MIB, GYRE_NO_THREAD), .key = key_of(1)};
    char value[8];
    fill_bytes(value, sizeof value, 2);
    bool main = (gy_insert_ring(s.cache) == GY_MAIN) == waits;
    struct gy_staged staged = room_stage(s.cache, main ? GY_MAIN : GY_PROBATION, s.key.text, value, sizeof value);
    gy_arena_unpin(s.cache, NULL, &staged);
    s.rival = gy_slot_word(room_hash(s.cache, s.key.text), 0, staged.ref);
    gy_index_window(s.cache, room_hash(s.cache, s.key.text), &s.w);
    s.slot = &s.w.bucket[0]->slot[0];
    CHECK_OK(put_bytes(s.cache, s.key.text, 8, 1)); /* it opens the arena: that goes the general way */
    if (!stands)
        CHECK_OK(gyre_delete(s.cache, s.key.text, 16));
    CHECK((gy_load_acq(s.slot) != GY_EMPTY) == stands);
    gy_seats[0].inserts = waits ? UINT8_MAX : 0;
    return s;
}

static unsigned
words(const struct scene *s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 2 * GY_BUCKET_SLOTS; i++)
        n += gy_load_acq(&s->w.bucket[i / GY_BUCKET_SLOTS]->slot[i % GY_BUCKET_SLOTS]) != GY_EMPTY;
    return n;
}

/* A put of 3 with a trap. Whatever happened: it stands, in one place, and no pin is left. */
static void
put_with(struct scene *s, struct trap *trap)
{
    trap->cache = s->cache;
    trap_set(trap);
    CHECK_OK(put_bytes(s->cache, s->key.text, 8, 3));
    trap_clear(trap);
    CHECK(has_bytes(s->cache, s->key.text, 8, 3));
    CHECK_EQ(words(s), 1);
    struct gy_record *r = room_record(s->cache);
    CHECK(gy_load_acq(&r->pin[GY_PIN_PUT]) == 0 && gy_load_acq(&r->pin[GY_PIN_COMPARE]) == 0);
    CHECK_EQ(gy_load_acq(&r->section), 0);
}

/* What stands in the slot before the n-th access to it. */
static void
put_when(bool stands, unsigned skip, uint64_t word_of_rival, uint64_t more)
{
    for (unsigned waits = 0; waits < 2; waits++) {
        struct scene s = set_scene(stands, waits);
        uint64_t word = word_of_rival ? s.rival : gy_load_acq(s.slot);
        put_with(&s, &(struct trap){.file = "/put.h", .address = s.slot, .skip = skip, .action = trap_store, .word = word + more});
        gyre_close(s.cache);
    }
}

static void
count(struct trap *trap, const volatile void *address)
{
    (void)trap, (void)address;
}

TEST(put_ways, straight_or_not)
{
    for (unsigned way = 0; way < 4; way++) {
        bool stands = way % 2;
        struct scene s = set_scene(stands, way / 2);
        struct trap trap = {.file = "/publish.c", .action = count, .again = true};
        gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
        trap_set(&trap);
        CHECK_OK(put_bytes(s.cache, s.key.text, 8, 3));
        CHECK_EQ(trap.sprung, 0);
        CHECK_EQ(gy_load_acq(&room_record(s.cache)->section), 0);
        CHECK_OK(gyre_put(s.cache, s.key.text, 16, "x", 1, &options));
        trap_clear(&trap);
        CHECK_EQ(words(&s), 1);
        CHECK_EQ(api_stats(s.cache).removed[GYRE_REPLACED], stands + 1);
        gyre_close(s.cache);
    }
}

TEST(put_ways, replaced_before_it_is_looked_at)
{
    put_when(true, 0, true, 0);
}

TEST(put_ways, replaced_before_it_replaces)
{
    put_when(true, 1, true, 0);
}

TEST(put_ways, counted_before_it_replaces)
{
    put_when(true, 1, false, GY_FREQ_ONE);
}

TEST(put_ways, in_the_making_at_the_first_look)
{
    put_when(true, 0, true, GY_T);
}

TEST(put_ways, in_the_making_before_it_replaces)
{
    put_when(true, 1, true, GY_T);
}

static void
empty(struct trap *trap, const volatile void *address)
{
    (void)address;
    gy_store_seq((gy_atomic_u64 *)(uintptr_t)trap->address, GY_EMPTY);
}

TEST(put_ways, gone_before_it_replaces)
{
    for (unsigned way = 0; way < 4; way++) {
        unsigned skip = way % 2;
        struct scene s = set_scene(true, way / 2);
        put_with(&s, &(struct trap){.file = "/put.h", .address = s.slot, .skip = skip, .action = empty});
        gyre_close(s.cache);
    }
}

/* Between put 3 and 5. */
TEST(put_ways, killed_before_it_commits)
{
    for (unsigned waits = 0; waits < 2; waits++) {
        struct scene s = set_scene(false, waits);
        put_with(&s, &(struct trap){.file = "/put.h", .address = s.slot, .skip = 1, .action = empty});
        gyre_close(s.cache);
    }
}

TEST(put_ways, taken_over_before_it_commits)
{
    put_when(false, 1, true, GY_T);
}

TEST(put_ways, its_slot_is_taken)
{
    put_when(false, 0, true, 0);
}

static uint64_t beside; /* how many slots from the trap's */

static void
store_beside(struct trap *trap, const volatile void *address)
{
    (void)address;
    gy_store_seq((gy_atomic_u64 *)(uintptr_t)trap->address + beside, trap->word);
}

/* Rivals in a higher slot: those in the making are killed, what was committed is replaced; and while it was they alone that
 * stood there at put 4. */
TEST(put_ways, rivals_in_another_slot)
{
    for (unsigned way = 0; way < 4; way++) {
        bool tentative = way % 2, waits = way / 2;
        struct scene s = set_scene(false, waits);
        beside = 3;
        put_with(&s, &(struct trap){.file = "/put.h", .address = s.slot, .action = store_beside,
                                    .word = s.rival | (tentative ? GY_T : 0)});
        gyre_close(s.cache);
        s = set_scene(false, waits); /* in the second bucket */
        beside = (uint64_t)(&s.w.bucket[1]->slot[0] - s.slot);
        put_with(&s, &(struct trap){.file = "/put.h", .address = s.slot, .action = store_beside,
                                    .word = s.rival | (tentative ? GY_T : 0)});
        gyre_close(s.cache);
    }
}

static void
clear_all(struct trap *trap, const volatile void *address)
{
    (void)address;
    CHECK_OK(gyre_clear(trap->cache));
}

/* A clear between the staging and the section: what it put stands, in an arena of after the clear. */
TEST(put_ways, a_clear_comes_between)
{
    for (unsigned way = 0; way < 4; way++) {
        bool stands = way % 2;
        struct scene s = set_scene(stands, way / 2);
        struct trap trap = {.file = "/put.h", .address = &s.cache->super->mark, .action = clear_all, .cache = s.cache};
        trap_set(&trap);
        CHECK_OK(put_bytes(s.cache, s.key.text, 8, 3));
        trap_clear(&trap);
        CHECK(has_bytes(s.cache, s.key.text, 8, 3));
        gyre_close(s.cache);
    }
}

/* What a clear has passed is no use of the key. */
TEST(put_ways, over_what_was_cleared)
{
    for (unsigned waits = 0; waits < 2; waits++) {
        struct scene s = set_scene(true, waits);
        CHECK_OK(gyre_clear(s.cache));
        CHECK_OK(room_put(s.cache, GY_MAIN, key_of(2).text, 8, 2)); /* it opens the arena, and carries nothing out */
        CHECK_OK(put_bytes(s.cache, s.key.text, 8, 3));
        CHECK(has_bytes(s.cache, s.key.text, 8, 3));
        CHECK(api_stats(s.cache).removed[GYRE_CLEARED] == 1 && api_stats(s.cache).removed[GYRE_REPLACED] == 0);
        gyre_close(s.cache);
    }
}

/* The shard begins to double between the first look and the section: the general way looks at its images, too. */
TEST(put_ways, growth_begins_in_between)
{
    for (unsigned way = 0; way < 4; way++) {
        bool stands = way % 2;
        struct scene s = set_scene(stands, way / 2);
        gy_atomic_u64 *geometry = gy_geometry_of(s.cache, room_hash(s.cache, s.key.text));
        uint64_t was = gy_load_acq(geometry);
        put_with(&s, &(struct trap){.file = "/index.h", .address = geometry, .skip = 1, .action = trap_store,
                                    .word = gy_geometry_word(gy_geometry_log2(was), GY_UNION)});
        gy_store_seq(geometry, was);
        gyre_close(s.cache);
    }
}

static uint64_t
same_hash(const void *key, size_t size)
{
    (void)key, (void)size;
    return (uint64_t)0xabc << GY_TAG_SHIFT | 6;
}

/* A word with the key's tag that is of another key. */
TEST(put_ways, other_keys_of_the_same_hash)
{
    gyre *cache = api_open(4 * MIB, GYRE_NO_THREAD);
    gy_hash_hook = same_hash;
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 5; i++)
            CHECK_OK(put_bytes(cache, key_of(i).text, 8, round * 5 + i));
    for (unsigned i = 0; i < 5; i++)
        CHECK(has_bytes(cache, key_of(i).text, 8, 10 + i));
    CHECK_EQ(api_stats(cache).removed[GYRE_REPLACED], 10);
    gyre_close(cache);
    gy_hash_hook = NULL;
}

static uint64_t
zeros_first(const void *key, size_t size)
{
    (void)size;
    return (uint64_t)((const unsigned char *)key)[15] << 6 | 3;
}

/* A hash that begins with zeros, as empty slots do: its put is of a new key all the same, and the next one's guess, too. */
TEST(put_ways, a_new_key_whose_hash_begins_with_zeros)
{
    gyre *cache = api_open(4 * MIB, GYRE_NO_THREAD);
    for (unsigned i = 0; i < 3; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 8, i));
    gy_seats[0].inserts = UINT8_MAX;
    gy_hash_hook = zeros_first;
    CHECK_OK(put_bytes(cache, key_of(4).text, 8, 4));
    CHECK(has_bytes(cache, key_of(4).text, 8, 4));
    struct gy_found f;
    bool saw;
    gy_atomic_u64 *pin = &room_record(cache)->pin[GY_PIN_COMPARE];
    CHECK(gy_index_find(cache, zeros_first(key_of(4).text, 16), key_of(4).text, 16, pin, &f, &saw));
    CHECK_EQ(f.header.flags >> GY_ENTRY_KIND_SHIFT, GY_KIND_UNKNOWN);
    gy_pin_clear(pin);
    CHECK(gy_seats[0].inserts);
    gy_hash_hook = NULL;
    gyre_close(cache);
}

/* Over a word of another ring than newcomers': in that one's, with its kind; and counted as nothing new. */
TEST(put_ways, over_a_word_of_another_ring)
{
    struct scene s = set_scene(true, true);
    CHECK_EQ(gy_insert_ring(s.cache), GY_MAIN);
    s.cache->enough_free = INT64_MAX / 2; /* newcomers go to probation */
    CHECK_EQ(gy_insert_ring(s.cache), GY_PROBATION);
    uint64_t entries = api_stats(s.cache).entries;
    CHECK_OK(put_bytes(s.cache, s.key.text, 8, 3));
    uint64_t word = gy_load_acq(s.slot);
    uint32_t arena = gy_ref_arena(s.cache, gy_slot_ref(word));
    CHECK_EQ(gy_arena_ring(gy_load_acq(&s.cache->words[arena])), GY_MAIN);
    CHECK_EQ(gy_entry_header(gy_at(s.cache, gy_slot_ref(word))).flags >> GY_ENTRY_KIND_SHIFT, GY_KIND_REPLACED);
    CHECK_EQ(api_stats(s.cache).entries, entries);
    gyre_close(s.cache);
}

#endif

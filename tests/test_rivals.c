/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A compare-and-swap fails because another thread was there first: each such place by itself, with what
 * the other one did made by hand between the look and the swap. */

#include "trap.h"

#ifdef GY_POINTS

#include "choose.h"
#include "clear.h"
#include "limit.h"

static gyre *
open_one(void)
{
    return api_open(1 << 20, GYRE_NO_THREAD);
}

static uint64_t
one_hash(const void *key, size_t size)
{
    (void)key, (void)size;
    return 0x5555666677778888u;
}

/* The slot in which a key stands. */
static gy_atomic_u64 *
slot_of(gyre *cache, const char *key)
{
    uint64_t word = room_word(cache, key);
    CHECK(word != 0);
    for (uint64_t i = 0; i < room_slots(cache, 0); i++)
        if (gy_load_seq(room_slot(cache, 0, i)) == word)
            return room_slot(cache, 0, i);
    CHECK(!"in the index");
    return NULL;
}

static struct gy_bucket *
first_bucket(gyre *cache, const char *key)
{
    struct gy_window w;
    gy_index_window(cache, room_hash(cache, key), &w);
    return w.bucket[0];
}

static void
expect(gyre *cache, const char *key, uint64_t tag)
{
    CHECK(has_bytes(cache, key, 8, tag));
}

/* ---- put 2 ------------------------------------------------------------------------------------- */

TEST(rivals, a_word_in_the_making_changes_before_it_is_taken_over)
{
    gyre *cache = open_one();
    uint64_t made = room_loose_word(cache, "key", 1), next = room_loose_word(cache, "key", 2);
    gy_atomic_u64 *slot = &first_bucket(cache, "key")->slot[3];
    gy_store_seq(slot, made | GY_T);
    /* publish.c looks at the slot, then takes it over by a CAS. */
    struct trap trap = {.file = "publish.c", .address = slot, .skip = 1, .action = trap_store, .word = next | GY_T};
    trap_set(&trap);
    CHECK_OK(put_bytes(cache, "key", 8, 3));
    trap_clear(&trap);
    expect(cache, "key", 3);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 1);
    api_close(cache);
}

static void
fill_window(gyre *cache)
{
    gy_hash_hook = one_hash;
    for (unsigned i = 0; i < 2 * GY_BUCKET_SLOTS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 8, i));
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 2 * GY_BUCKET_SLOTS);
}

static void
empty_index(struct trap *trap, const volatile void *address)
{
    (void)address;
    for (uint64_t i = 0; i < room_slots(trap->cache, 0); i++)
        gy_store_seq(room_slot(trap->cache, 0, i), GY_EMPTY);
}

/* In the order of evict_coldest's accesses: everything goes before it looks at the first word; the coldest goes
 * before it is pinned; the coldest changes before it is evicted. */
TEST(rivals, a_full_window_empties_itself)
{
    gyre *cache = open_one();
    fill_window(cache);
    gy_atomic_u64 *first = &first_bucket(cache, "new")->slot[0];
    /* The scan of place comes first. */
    struct trap trap = {.file = "publish.c", .address = first, .skip = 1, .action = empty_index, .cache = cache};
    trap_set(&trap);
    CHECK_OK(put_bytes(cache, "new", 8, 7));
    trap_clear(&trap);
    expect(cache, "new", 7);
    gyre_close(cache); /* the books know nothing of words that vanished */
}

TEST(rivals, the_coldest_word_goes_before_it_is_evicted)
{
    for (unsigned when = 0; when < 3; when++) {
        gyre *cache = open_one();
        fill_window(cache);
        for (unsigned i = 0; i < 2 * GY_BUCKET_SLOTS; i++) /* all but one are warm */
            CHECK(i == 5 || has_bytes(cache, key_of(i).text, 8, i));
        gy_atomic_u64 *coldest = slot_of(cache, key_of(5).text);
        gy_store_seq(coldest, gy_load_seq(coldest) & ~GY_FREQ_MASK);
        uint64_t other = gy_load_seq(coldest) ^ GY_TAG_MASK;
        /* In find.h the looks of the guess, of put 2, which pins each word, to compare its key, and for an empty slot come
         * first; then the eviction's pin looks in index.c and in find.h, and its CAS is in index.c. */
        struct trap trap = {.file = when == 1 ? "find.h" : "index.c", .address = coldest,
                            .skip = when == 1 ? 4 : when / 2,
                            .action = trap_store, .word = when == 2 ? other : GY_EMPTY};
        trap_set(&trap);
        CHECK_OK(put_bytes(cache, "new", 8, 7));
        trap_clear(&trap);
        expect(cache, "new", 7);
        gyre_close(cache);
    }
}

/* ---- put 4 ------------------------------------------------------------------------------------- */

/* Puts a word of the key into the last slot of its window while the put under test has its own tentative word in the
 * first: its second scan meets it. */
static gy_atomic_u64 *
last_slot(gyre *cache, const char *key)
{
    struct gy_window w;
    gy_index_window(cache, room_hash(cache, key), &w);
    return &w.bucket[w.n - 1]->slot[GY_BUCKET_SLOTS - 1];
}

struct late_rival {
    struct trap trap;
    gy_atomic_u64 *slot;
    uint64_t word[3]; /* what the second scan meets there, what its CAS does, what is met then */
    unsigned looks;
};

/* The rival comes as the own word is about to be placed, where gy_find_room saw an empty slot. Then it changes before the
 * CAS that follows the look at it, and before the look after that. */
static void
next_word(struct trap *trap, const volatile void *address)
{
    struct late_rival *rival = (struct late_rival *)trap;
    (void)address;
    if (rival->looks == 0)
        trap->address = rival->slot, trap->skip = 1;
    if (rival->looks < 3)
        gy_store_seq(rival->slot, rival->word[rival->looks++]);
}

/* The own word may go into the higher bucket, or be the lower one: seeds until the rival is the higher. */
static gyre *
open_with_rival_above(const char *key)
{
    for (uint64_t seed = 1;; seed++) {
        gyre_options o = api_options(1 << 20, GYRE_NO_THREAD | GYRE_VERSIONS);
        o.seed = seed;
        gyre *cache = api_open_with(&o);
        struct gy_window w;
        gy_index_window(cache, room_hash(cache, key), &w);
        if (w.bucket[1] > w.bucket[0])
            return cache;
        gyre_close(cache);
    }
}

static void
meet_late_rival(gyre *cache, uint32_t flags, uint64_t first, uint64_t second, uint64_t third, int result)
{
    gyre_put_options o = GYRE_PUT_OPTIONS_INIT;
    gy_atomic_u64 *slot = last_slot(cache, "key");
    struct late_rival rival = {.trap = {.file = "publish.c", .address = first_bucket(cache, "key")->slot,
                                        .again = true, .action = next_word},
                               .slot = slot, .word = {first, second, third}};
    char value[8];
    fill_bytes(value, sizeof value, 9);
    o.flags = flags;
    trap_set(&rival.trap);
    CHECK_EQ(gyre_put(cache, "key", 3, value, sizeof value, &o), result);
    trap_clear(&rival.trap);
}

TEST(rivals, a_higher_word_changes_before_it_is_killed)
{
    gyre *cache = open_with_rival_above("key");
    uint64_t one = room_loose_word(cache, "key", 1), two = room_loose_word(cache, "key", 2);
    /* Met at the second scan; replaced by another before the CAS; met again and killed. */
    meet_late_rival(cache, 0, one | GY_T, two | GY_T, two | GY_T, GYRE_OK);
    expect(cache, "key", 9);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 1);
    gyre_close(cache);
}

TEST(rivals, a_higher_committed_word_is_replaced)
{
    gyre *cache = open_with_rival_above("key");
    uint64_t one = room_loose_word(cache, "key", 1);
    meet_late_rival(cache, 0, one, one, one, GYRE_OK);
    expect(cache, "key", 9);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 1);
    gyre_close(cache);
}

TEST(rivals, an_add_meets_a_word_that_no_longer_counts)
{
    gyre *cache = open_with_rival_above("key");
    struct gy_content c = room_content("key", "12345678", 8);
    struct gy_staged staged;
    c.expiry_ms = 1; /* long ago */
    CHECK(gy_arena_stage(cache, &room_record(cache)->pin[GY_PIN_PUT], GY_PROBATION, &c, true, &staged));
    gy_arena_unpin(cache, NULL, &staged);
    while (gy_now_ms(cache) <= 1)
        api_pause();
    uint64_t word = gy_slot_word(room_hash(cache, "key"), 0, staged.ref);
    meet_late_rival(cache, GYRE_ADD, word, word, GY_EMPTY, GYRE_OK);
    expect(cache, "key", 9);
    gyre_close(cache);
}

TEST(rivals, a_lower_word_changes_before_it_is_taken_over)
{
    gyre *cache = open_one();
    struct gy_bucket *bucket = first_bucket(cache, "key");
    uint64_t one = room_loose_word(cache, "key", 1), two = room_loose_word(cache, "key", 2);
    gy_store_seq(&bucket->slot[0], room_loose_word(cache, "other", 3) ^ GY_TAG_MASK); /* the own word goes above it */
    struct late_rival rival = {.trap = {.file = "publish.c", .address = &bucket->slot[1], .again = true,
                                        .action = next_word},
                               .slot = &bucket->slot[0], .word = {one | GY_T, two | GY_T, two | GY_T}};
    trap_set(&rival.trap);
    CHECK_OK(put_bytes(cache, "key", 8, 9));
    trap_clear(&rival.trap);
    expect(cache, "key", 9);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 1);
    CHECK(gy_slot_ref(gy_load_seq(&bucket->slot[0])) != gy_slot_ref(two));
    gyre_close(cache);
}

TEST(rivals, a_replacement_passes_words_in_the_making)
{
    gyre *cache = open_one();
    struct gy_bucket *bucket = first_bucket(cache, "key");
    uint64_t made = room_loose_word(cache, "key", 1), stands = room_loose_word(cache, "key", 2);
    gyre_put_options o = GYRE_PUT_OPTIONS_INIT;
    char value[8];
    fill_bytes(value, sizeof value, 9);
    gy_store_seq(&bucket->slot[2], made | GY_T);
    gy_store_seq(&bucket->slot[5], stands);
    o.flags = GYRE_REPLACE;
    CHECK_OK(gyre_put(cache, "key", 3, value, sizeof value, &o));
    CHECK_EQ(gy_load_seq(&bucket->slot[2]), made | GY_T);
    expect(cache, "key", 9);
    gyre_close(cache);
}

/* ADD loses its word as often as it is tried. */
static void
lose_own_word(struct trap *trap, const volatile void *address)
{
    (void)address;
    for (uint64_t i = 0; i < room_slots(trap->cache, 0); i++)
        if (gy_slot_tentative(gy_load_seq(room_slot(trap->cache, 0, i))))
            gy_store_seq(room_slot(trap->cache, 0, i), GY_EMPTY);
}

TEST(rivals, an_add_that_always_loses_says_so)
{
    gyre *cache = open_one();
    gyre_put_options o = GYRE_PUT_OPTIONS_INIT;
    o.flags = GYRE_ADD;
    struct trap trap = {.file = "publish.c", .again = true, .action = lose_own_word, .cache = cache};
    trap_set(&trap);
    CHECK_EQ(gyre_put(cache, "key", 3, "value", 5, &o), GYRE_EBUSY);
    trap_clear(&trap);
    CHECK(is_missing(cache, "key"));
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    CHECK_OK(gyre_put(cache, "key", 3, "value", 5, &o));
    api_close(cache);
}

TEST(rivals, a_rejected_version_leaves_words_in_the_making_alone)
{
    gyre *cache = api_open(1 << 20, GYRE_NO_THREAD | GYRE_VERSIONS);
    uint64_t made = room_loose_word(cache, "key", 1);
    gy_atomic_u64 *slot = &first_bucket(cache, "key")->slot[0];
    gy_store_seq(slot, made | GY_T);
    CHECK(!gy_index_delete(cache, room_record(cache), room_hash(cache, "key"), "key", 3, 5, GYRE_REJECTED));
    CHECK_EQ(gy_load_seq(slot), made | GY_T);
    gyre_close(cache);
}

/* ---- evictions --------------------------------------------------------------------------------- */

TEST(rivals, nothing_to_evict)
{
    gyre *cache = open_one();
    CHECK(!gy_choose_and_evict(cache, room_record(cache), GYRE_ENTRY_LIMIT));
    api_close(cache);
}

TEST(rivals, the_entry_to_evict_changes)
{
    for (unsigned tentative = 0; tentative < 2; tentative++) {
        gyre *cache = open_one();
        CHECK_OK(put_bytes(cache, "key", 8, 1));
        gy_atomic_u64 *slot = slot_of(cache, "key");
        uint64_t word = gy_load_seq(slot);
        /* Tentative at the pin's look; or another word at the CAS, which is index.c's second access. */
        struct trap trap = {.file = "index.c", .address = slot, .skip = tentative ? 0 : 1, .action = trap_store,
                            .word = tentative ? word | GY_T : word ^ GY_TAG_MASK};
        trap_set(&trap);
        CHECK(!gy_choose_and_evict(cache, room_record(cache), GYRE_ENTRY_LIMIT));
        trap_clear(&trap);
        gy_store_seq(slot, word);
        expect(cache, "key", 1);
        api_close(cache);
    }
}

TEST(rivals, a_clear_meets_words_that_change)
{
    gyre *cache = open_one();
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    uint64_t made = room_loose_word(cache, "key", 2);
    gy_atomic_u64 *slot = slot_of(cache, "key");
    CHECK_OK(gyre_clear(cache));
    /* A word in the making becomes another one before clear's CAS; that one is met again, and goes. */
    gy_store_seq(slot, made | GY_T);
    struct trap trap = {.file = "clear.c", .address = slot, .skip = 2, .action = trap_store, .word = made};
    trap_set(&trap);
    while (gyre_maintain(cache, 0) > 0)
        ;
    trap_clear(&trap);
    CHECK_EQ(gy_load_seq(slot), GY_EMPTY);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    gyre_close(cache);
}

/* ---- sweeps ------------------------------------------------------------------------------------ */

static void
clear_cache(struct trap *trap, const volatile void *address)
{
    (void)address;
    CHECK_OK(gyre_clear(trap->cache));
}

TEST(rivals, a_clear_between_a_copy_and_its_look_at_the_mark)
{
    gyre *cache = open_one();
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    gy_atomic_u64 *slot = slot_of(cache, "key");
    gy_store_seq(slot, gy_load_seq(slot) | GY_FREQ_ONE * 3); /* popular: it is copied */
    room_teach(cache);
    room_seal_all(cache);
    struct trap trap = {.file = "walk.c", .address = &cache->super->mark, .action = clear_cache, .cache = cache};
    trap_set(&trap);
    for (unsigned i = 0; i < cache->g.n_arenas && !trap.sprung; i++)
        room_sweep(cache, cache->arena_bytes);
    trap_clear(&trap);
    CHECK(is_missing(cache, "key"));
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    api_close(cache);
}

/* Every arena that is freed is another thread's before this one looks, and is filled and sealed at once. */
static void
take_all(struct trap *trap, const volatile void *address)
{
    gyre *cache = trap->cache;
    (void)address;
    gy_store_seq(&cache->super->n_free, room_count_states(cache, GY_FREE));
    for (unsigned i = 0; i < 8; i++)
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(i).text, 400, i));
    room_seal_all(cache);
    gy_store_seq(&cache->super->n_free, 0);
}

TEST(rivals, room_that_others_always_take)
{
    gyre *cache = api_open(64 << 10, GYRE_NO_THREAD);
    struct trap trap = {.file = "sweep.c", .address = &cache->super->n_free, .again = true, .action = take_all,
                        .cache = cache};
    trap_set(&trap);
    CHECK(!gy_sweep_room(cache, room_record(cache), false));
    trap_clear(&trap);
    CHECK(trap.sprung > cache->g.n_arenas);
    gyre_close(cache);
}

TEST(rivals, a_limit_that_nothing_can_hold)
{
    gyre_options o = api_options(1 << 20, GYRE_NO_THREAD);
    o.max_entries = 10;
    gyre *cache = api_open_with(&o);
    gy_store_seq(&cache->super->n_entries[GY_MAIN], 50); /* of writers that stand still before they count */
    gy_limit_hold(cache, room_record(cache));
    CHECK_EQ(gy_load_seq(&cache->super->n_entries[GY_MAIN]), 50);
    gyre_close(cache);
}

/* Each arena that is chosen has a pin by the time it is claimed, and none when the next choice is made. */
static void
pin_and_unpin(struct trap *trap, const volatile void *address)
{
    gyre *cache = trap->cache;
    gy_atomic_u64 *pin = &cache->records[cache->g.n_records - 1].pin[GY_PIN_VIEWS];
    const char *at = (const char *)(uintptr_t)address, *words = (const char *)(uintptr_t)cache->words;
    if (at >= words && at < words + cache->g.n_arenas * sizeof(uint64_t))
        gy_store_seq(pin, gy_pin_word(cache, (uint32_t)((at - words) / 8), GY_PIN_READ));
}

TEST(rivals, every_choice_is_pinned_before_it_is_claimed)
{
    gyre *cache = open_one();
    for (unsigned i = 0; i < 100; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 400, i));
    room_seal_all(cache);
    gy_store_seq(&cache->super->n_records_used, cache->g.n_records);
    struct trap trap = {.file = "choose.c", .again = true, .action = pin_and_unpin, .cache = cache};
    struct gy_choice choice;
    trap_set(&trap);
    bool for_room = gy_choose_for_room(cache, room_record(cache), GY_EVICT, &choice);
    trap_clear(&trap);
    CHECK(!for_room);
    gy_store_seq(&cache->records[cache->g.n_records - 1].pin[GY_PIN_VIEWS], 0);
    api_close(cache);
}

#else

TEST(rivals, need_points)
{
    CHECK(put_bytes(NULL, "key", 1, 1) == GYRE_EINVAL);
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The straight way of a hit (hit.h) and the general one give the same answers, whatever the key, the entry and the
 * moment; what the straight way cannot answer it leaves alone. */

#include "hit.h"

#include "room.h"

enum { VALUE_MOST = 4096, ALIGN_MOST = 4096 };

/* The sizes of keys at which something changes, and all small ones. */
static const size_t key_sizes[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13,  14,  15,
                                   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,  29,  30,
                                   31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 63, 64, 240, 241, 255,
                                   256, 4095, 65535};
enum { KEY_SIZES = sizeof key_sizes / sizeof key_sizes[0] };

static char key_room[GY_KEY_MOST + 1];

/* A key of n bytes, other bytes for every tag. */
static const char *
key_bytes_of(size_t n, uint64_t tag)
{
    fill_bytes(key_room, n, tag * 65537 + n);
    return key_room;
}

static gyre *
open_aligned(uint64_t capacity, uint32_t flags, uint32_t align)
{
    gyre_options o = api_options(capacity, flags | GYRE_NO_THREAD);
    o.value_align = align;
    o.max_value_bytes = 128 * KIB;
    return api_open_with(&o);
}

static void
put_sized(gyre *cache, const char *key, size_t n, size_t size, uint64_t tag)
{
    char value[VALUE_MOST];
    fill_bytes(value, size, tag);
    CHECK_OK(gyre_put(cache, key, n, value, size, NULL));
}

static void
check_view(gyre *cache, int result, const gyre_view *view, size_t size, uint64_t tag)
{
    if (result != GYRE_OK) {
        CHECK(view->data == NULL && view->size == 0 && view->version == 0 && view->user_flags == 0 &&
              view->ttl_left_ms == 0 && view->priv[0] == 0);
        return;
    }
    CHECK_EQ(view->size, size);
    CHECK(bytes_are(view->data, size, tag));
    CHECK_EQ((uint64_t)((const char *)view->data - cache->region.base) % cache->g.value_align, 0);
    CHECK(view->version == 0 && view->user_flags == 0 && view->ttl_left_ms == 0);
}

/* What stands under a key, asked in all three ways; the views are dirty before. Nothing is held afterwards. */
static void
check_lookup(gyre *cache, const void *key, size_t n, int result, size_t size, uint64_t tag)
{
    char buffer[VALUE_MOST];
    gyre_view view, of_many;
    memset(&view, 0xee, sizeof view);
    memset(&of_many, 0xee, sizeof of_many);
    size_t read = 0;
    int one = 99;
    CHECK_EQ(gyre_get(cache, key, n, &view), result);
    check_view(cache, result, &view, size, tag);
    CHECK_EQ(gyre_get_many(cache, 1, &(gyre_key){key, n}, &of_many, &one), result == GYRE_OK);
    CHECK_EQ(one, result);
    check_view(cache, result, &of_many, size, tag);
    CHECK(result != GYRE_OK || view.data == of_many.data);
    CHECK_EQ(gyre_read(cache, key, n, buffer, sizeof buffer, &read), result);
    CHECK(result != GYRE_OK || (read == size && memcmp(buffer, view.data, size) == 0));
    gyre_release(&view);
    gyre_release(&of_many);
    CHECK(view.data == NULL && view.size == 0);
    for (unsigned p = 0; p < GY_PINS; p++)
        CHECK_EQ(gy_load_acq(&room_record(cache)->pin[p]), 0);
}

/* Is it the straight way that finds the key? */
static bool
goes_straight(gyre *cache, const void *key, size_t n)
{
    struct gy_record *r = room_record(cache);
    gyre_view view;
    if (!gy_hit(cache, r, gy_hash(key, n, cache->seed), key, n, &r->pin[GY_PIN_VIEWS], &view)) {
        CHECK_EQ(gy_load_acq(&r->pin[GY_PIN_VIEWS]), 0);
        return false;
    }
    CHECK(gy_load_acq(&r->pin[GY_PIN_VIEWS]) != 0);
    gyre_release(&view);
    return true;
}

/* The slot in which a word of the key stands; its shard has one bucket of the key's in use. */
static gy_atomic_u64 *
slot_of(gyre *cache, const char *key, size_t n)
{
    struct gy_window w;
    uint64_t hash = gy_hash(key, n, cache->seed);
    gy_index_window(cache, hash, &w);
    for (unsigned i = 0; i < w.n; i++)
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
            if (gy_slot_may_match(gy_load_acq(&w.bucket[i]->slot[s]), hash))
                return &w.bucket[i]->slot[s];
    CHECK(false);
    return NULL;
}

static struct gy_bucket *
first_bucket(const gyre *cache, uint64_t hash)
{
    struct gy_window w;
    gy_index_window(cache, hash, &w);
    return w.bucket[0];
}

/* Puts a word with the tag of a key, and a ref to another's entry, where the key would stand: what a get of it
 * compares is decided by the bytes alone. */
static gy_atomic_u64 *
pretend(gyre *cache, const char *key, size_t n, uint64_t word)
{
    uint64_t hash = gy_hash(key, n, cache->seed);
    gy_atomic_u64 *slot = first_bucket(cache, hash)->slot;
    while (gy_load_acq(slot) != GY_EMPTY)
        slot++;
    gy_store_seq(slot, gy_slot_word(hash, 0, gy_slot_ref(word)));
    return slot;
}

TEST(hit, keys_of_every_size)
{
    gyre *cache = open_aligned(32 * MIB, 0, 8);
    for (unsigned i = 0; i < KEY_SIZES; i++) {
        size_t n = key_sizes[i];
        check_lookup(cache, key_bytes_of(n, i), n, GYRE_MISS, 0, 0);
        put_sized(cache, key_bytes_of(n, i), n, 7 * i, i);
        check_lookup(cache, key_bytes_of(n, i), n, GYRE_OK, 7 * i, i);
        CHECK(goes_straight(cache, key_bytes_of(n, i), n));
        CHECK(n > 1 || !goes_straight(cache, key_bytes_of(n, i + 1), n));
    }
    for (unsigned i = 0; i < KEY_SIZES; i++)
        check_lookup(cache, key_bytes_of(key_sizes[i], i), key_sizes[i], GYRE_OK, 7 * i, i);
    api_close(cache);
}

TEST(hit, keys_that_differ_in_a_byte_or_a_bit)
{
    gyre *cache = open_aligned(32 * MIB, 0, 8);
    for (unsigned i = 0; i < KEY_SIZES; i++) {
        size_t n = key_sizes[i];
        put_sized(cache, key_bytes_of(n, 1), n, 10, i);
        uint64_t word = gy_load_acq(slot_of(cache, key_room, n));
        for (size_t at = 0; at < n; at += n < 300 || at < 16 || at + 17 > n ? 1 : n / 7) {
            char was = key_room[at];
            key_room[at] = (char)(was ^ (1 << at % 8));
            gy_atomic_u64 *slot = pretend(cache, key_room, n, word);
            check_lookup(cache, key_room, n, GYRE_MISS, 0, 0);
            gy_store_seq(slot, GY_EMPTY);
            key_room[at] = was;
        }
        check_lookup(cache, key_room, n, GYRE_OK, 10, i);
    }
    api_close(cache);
}

/* The entry of one key, the words of others that begin like it. */
TEST(hit, a_key_is_not_the_one_it_begins_with)
{
    gyre *cache = open_aligned(32 * MIB, 0, 8);
    for (size_t n = 2; n <= 40; n++) {
        put_sized(cache, key_bytes_of(n, 2), n, 30, n);
        uint64_t word = gy_load_acq(slot_of(cache, key_room, n));
        key_room[n] = 30; /* the value begins behind the key and its padding */
        for (size_t other = n - 1; other <= n + 1; other += 2) {
            gy_atomic_u64 *slot = pretend(cache, key_room, other, word);
            check_lookup(cache, key_room, other, GYRE_MISS, 0, 0);
            gy_store_seq(slot, GY_EMPTY);
        }
        check_lookup(cache, key_room, n, GYRE_OK, 30, n);
    }
    api_close(cache);
}

TEST(hit, values_at_every_alignment)
{
    for (uint32_t align = 8; align <= ALIGN_MOST; align *= 2) {
        gyre *cache = open_aligned(32 * MIB, 0, align);
        for (size_t n = 1; n <= 40; n++) {
            put_sized(cache, key_bytes_of(n, align), n, 3 * n % 100, n);
            check_lookup(cache, key_room, n, GYRE_OK, 3 * n % 100, n);
            CHECK(goes_straight(cache, key_room, n));
        }
        api_close(cache);
    }
}

/* Keys whose bytes are those of the word that stands before them in the entry: at the place where the key of a plain
 * entry is, the same bytes are met. */
TEST(hit, entries_with_further_words_go_the_general_way)
{
    struct api_clock clock = {1000};
    gyre_options o = api_options(4 * MIB, GYRE_NO_THREAD | GYRE_VERSIONS);
    o.clock_ms = api_clock_read;
    o.clock_arg = &clock;
    gyre *cache = api_open_with(&o);
    uint64_t version, of_version[2];
    uint32_t of_flags[4] = {77, 77, 77, 77};
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    gyre_view view;
    put.new_version = &version;
    CHECK_OK(gyre_put(cache, "any", 3, "v", 1, &put));
    of_version[0] = of_version[1] = version + 1; /* the next */
    CHECK_OK(gyre_put(cache, of_version, 16, "value", 5, &put));
    CHECK_EQ(version, of_version[0]);
    CHECK(!goes_straight(cache, of_version, 16));
    CHECK_OK(gyre_get(cache, of_version, 16, &view));
    CHECK(view.version == version && view.size == 5 && memcmp(view.data, "value", 5) == 0);
    gyre_release(&view);
    api_close(cache);

    o.flags = GYRE_NO_THREAD;
    cache = api_open_with(&o);
    put = (gyre_put_options)GYRE_PUT_OPTIONS_INIT;
    put.user_flags = 77;
    CHECK_OK(gyre_put(cache, of_flags, 12, "value", 5, &put));
    CHECK(!goes_straight(cache, of_flags, 12));
    CHECK_OK(gyre_get(cache, of_flags, 12, &view));
    CHECK(view.user_flags == 77 && view.size == 5 && memcmp(view.data, "value", 5) == 0);
    gyre_release(&view);
    CHECK_OK(gyre_put(cache, of_flags, 12, NULL, 0, &put));
    CHECK_OK(gyre_get(cache, of_flags, 12, &view));
    CHECK(view.user_flags == 77 && view.size == 0 && view.data != NULL);
    gyre_release(&view);

    uint64_t expiry = gy_now_ms(cache) + 10, of_expiry[2] = {expiry, expiry};
    put.user_flags = 0;
    put.ttl_ms = 10;
    CHECK_OK(gyre_put(cache, of_expiry, 16, "value", 5, &put));
    CHECK(!goes_straight(cache, of_expiry, 16));
    CHECK_OK(gyre_get(cache, of_expiry, 16, &view));
    CHECK(view.ttl_left_ms == 10 && view.size == 5 && memcmp(view.data, "value", 5) == 0);
    gyre_release(&view);
    atomic_store(&clock.ms, 1010);
    check_lookup(cache, of_expiry, 16, GYRE_MISS, 0, 0);
    api_close(cache);
}

TEST(hit, a_word_in_the_making_is_none)
{
    gyre *cache = open_aligned(4 * MIB, 0, 8);
    put_sized(cache, key_bytes_of(16, 3), 16, 20, 3);
    gy_atomic_u64 *slot = slot_of(cache, key_room, 16);
    uint64_t word = gy_load_acq(slot);
    gy_store_seq(slot, word | GY_T);
    CHECK(!goes_straight(cache, key_room, 16));
    check_lookup(cache, key_room, 16, GYRE_MISS, 0, 0);
    gy_store_seq(slot, word);
    check_lookup(cache, key_room, 16, GYRE_OK, 20, 3);
    api_close(cache);
}

/* A word whose tag is the key's stands before the key's own, or the key stands in its second bucket. */
TEST(hit, what_is_not_met_first_is_found_all_the_same)
{
    gyre *cache = open_aligned(4 * MIB, 0, 8);
    put_sized(cache, "another key", 11, 8, 1);
    uint64_t another = gy_load_acq(slot_of(cache, "another key", 11));
    put_sized(cache, key_bytes_of(12, 4), 12, 20, 4);
    uint64_t hash = gy_hash(key_room, 12, cache->seed), word = gy_load_acq(slot_of(cache, key_room, 12));
    struct gy_bucket *first = first_bucket(cache, hash);
    gy_store_seq(slot_of(cache, key_room, 12), GY_EMPTY);
    for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++)
        gy_store_seq(&first->slot[s], s + 1 < GY_BUCKET_SLOTS ? gy_slot_word(hash, 1, gy_slot_ref(another)) : word);
    CHECK(!goes_straight(cache, key_room, 12));
    check_lookup(cache, key_room, 12, GYRE_OK, 20, 4);
    for (unsigned s = 0; s + 1 < GY_BUCKET_SLOTS; s++)
        gy_store_seq(&first->slot[s], GY_EMPTY);
    CHECK(goes_straight(cache, key_room, 12)); /* in the last slot */
    check_lookup(cache, key_room, 12, GYRE_OK, 20, 4);

    gy_store_seq(&first->slot[GY_BUCKET_SLOTS - 1], GY_EMPTY);
    struct gy_window w;
    gy_index_window(cache, hash, &w);
    CHECK(w.bucket[0] == first && w.bucket[1] != first);
    gy_store_seq(&w.bucket[1]->slot[5], word);
    CHECK(goes_straight(cache, key_room, 12));
    check_lookup(cache, key_room, 12, GYRE_OK, 20, 4);
    gyre_close(cache);
}

/* An empty slot looks like one of that tag. */
TEST(hit, a_tag_of_zero)
{
    gyre *cache = open_aligned(4 * MIB, 0, 8);
    uint64_t key[2] = {0, 1};
    while (gy_hash(key, sizeof key, cache->seed) >> GY_TAG_SHIFT != 0)
        key[0]++;
    check_lookup(cache, key, sizeof key, GYRE_MISS, 0, 0);
    put_sized(cache, (const char *)key, sizeof key, 11, 5);
    check_lookup(cache, key, sizeof key, GYRE_OK, 11, 5);
    struct gy_bucket *bucket = first_bucket(cache, gy_hash(key, sizeof key, cache->seed));
    uint64_t word = gy_load_acq(&bucket->slot[0]);
    gy_store_seq(&bucket->slot[0], GY_EMPTY);
    gy_store_seq(&bucket->slot[6], word);
    check_lookup(cache, key, sizeof key, GYRE_OK, 11, 5);
    CHECK_OK(gyre_delete(cache, key, sizeof key));
    check_lookup(cache, key, sizeof key, GYRE_MISS, 0, 0);
    api_close(cache);
}

/* Values that end where their arena does, and those that would end behind it. */
TEST(hit, no_further_than_the_end_of_the_arena)
{
    gyre *cache = open_aligned(4 * MIB, 0, 8);
    put_sized(cache, key_bytes_of(16, 6), 16, 100, 6);
    uint64_t offset = gy_slot_offset(gy_load_acq(slot_of(cache, key_room, 16)));
    char *entry = cache->region.base + offset;
    struct gy_header h = gy_entry_header(entry), sound = h;
    uint64_t value = offset + gy_entry_value_offset(offset, h, 8);
    uint64_t left = gy_arena_offset(cache, gy_arena_at(cache, offset)) + cache->arena_bytes - value;
    gyre_view view;
    h.value_bytes = (uint32_t)left;
    gy_entry_set_header(entry, h);
    CHECK(goes_straight(cache, key_room, 16));
    CHECK_OK(gyre_get(cache, key_room, 16, &view));
    CHECK_EQ(view.size, left);
    gyre_release(&view);
    const uint32_t too_many[] = {(uint32_t)left + 1, (uint32_t)left + 8, (uint32_t)cache->arena_bytes, UINT32_MAX};
    for (unsigned i = 0; i < 4; i++) {
        h.value_bytes = too_many[i];
        gy_entry_set_header(entry, h);
        CHECK(!goes_straight(cache, key_room, 16));
        check_lookup(cache, key_room, 16, GYRE_MISS, 0, 0);
    }
    h = sound;
    h.key_bytes = GY_KEY_MOST;
    gy_entry_set_header(entry, h);
    check_lookup(cache, key_room, 16, GYRE_MISS, 0, 0);
    gy_entry_set_header(entry, sound);
    check_lookup(cache, key_room, 16, GYRE_OK, 100, 6);
    api_close(cache);
}

/* While the first pin is taken, and when all pins of the first record are. */
TEST(hit, many_views_at_once)
{
    enum { VIEWS = 3 * GY_PINS };
    gyre *cache = open_aligned(4 * MIB, 0, 8);
    static gyre_view view[VIEWS], many[VIEWS];
    gyre_key keys[VIEWS];
    static struct api_key key[VIEWS];
    int results[VIEWS];
    for (unsigned i = 0; i < VIEWS; i++) {
        key[i] = key_of(i);
        keys[i] = (gyre_key){key[i].text, i % 3 ? 16 : 17};
        put_sized(cache, key[i].text, keys[i].size, i, i);
        CHECK_OK(gyre_get(cache, key[i].text, keys[i].size, &view[i]));
    }
    gyre_release(&view[0]);
    CHECK_EQ(gyre_get_many(cache, VIEWS, keys, many, results), VIEWS);
    CHECK_OK(gyre_get(cache, keys[0].data, keys[0].size, &view[0]));
    for (unsigned i = 0; i < VIEWS; i++) {
        CHECK_OK(results[i]);
        check_view(cache, GYRE_OK, &view[i], i, i);
        check_view(cache, GYRE_OK, &many[i], i, i);
        for (unsigned j = 0; j < VIEWS; j++) { /* each by a pin of its own */
            CHECK(i == j || view[i].priv[0] != view[j].priv[0]);
            CHECK(i == j || many[i].priv[0] != many[j].priv[0]);
            CHECK(view[i].priv[0] != many[j].priv[0]);
        }
    }
    for (unsigned i = 0; i < VIEWS; i++) {
        gyre_release(&view[i]);
        gyre_release(&many[VIEWS - 1 - i]);
    }
    CHECK_EQ(api_stats(cache).pinned_bytes, 0);
    check_lookup(cache, key[1].text, 16, GYRE_OK, 1, 1);
    api_close(cache);
}

TEST(hit, while_the_index_grows)
{
    gyre_options o = api_options(8 * MIB, GYRE_NO_THREAD);
    o.expected_entry_bytes = 60000;
    gyre *cache = api_open_with(&o);
    uint64_t seed = api_seed("hit"), in_phase[4] = {0};
    for (uint64_t n = 0; n < 6000; n++) {
        put_sized(cache, key_of(n).text, 16, 9, n);
        for (unsigned shard = 0; shard < cache->g.n_shards; shard++)
            in_phase[gy_geometry_phase(gy_load_acq(&cache->geometries[shard]))]++;
        uint64_t one = api_random(&seed) % (n + 1);
        check_lookup(cache, key_of(one).text, 16, GYRE_OK, 9, one);
        check_lookup(cache, key_of(n + 1).text, 16, GYRE_MISS, 0, 0);
    }
    CHECK(in_phase[GY_STEADY] > 0 && in_phase[GY_STEADY] < 6000u * cache->g.n_shards);
    api_close(cache);
}

TEST(hit, while_a_clear_is_under_way)
{
    gyre *cache = open_aligned(4 * MIB, 0, 8);
    for (unsigned i = 0; i < 300; i++)
        put_sized(cache, key_of(i).text, 16, 9, i);
    CHECK_OK(gyre_clear(cache));
    CHECK(gy_clear_pending(cache));
    for (unsigned i = 0; i < 300; i++) {
        CHECK(!goes_straight(cache, key_of(i).text, 16));
        check_lookup(cache, key_of(i).text, 16, GYRE_MISS, 0, 0);
    }
    put_sized(cache, key_of(7).text, 16, 9, 1000);
    check_lookup(cache, key_of(7).text, 16, GYRE_OK, 9, 1000);
    api_settle(cache);
    CHECK(!gy_clear_pending(cache));
    CHECK(goes_straight(cache, key_of(7).text, 16));
    check_lookup(cache, key_of(7).text, 16, GYRE_OK, 9, 1000);
    api_close(cache);
}

/* Keys short enough for a way of their own, and others. */
TEST(hit, arguments_that_are_not_usable)
{
    gyre *cache = open_aligned(4 * MIB, 0, 8);
    const size_t sizes[] = {0, 1, 8, 9, 16, 17, 65535, 65536, 65541, (size_t)1 << 32, SIZE_MAX};
    static const char key[65536];
    gyre_view view;
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        bool usable = sizes[i] > 0 && sizes[i] <= GY_KEY_MOST;
        memset(&view, 0xee, sizeof view);
        CHECK_EQ(gyre_get(NULL, key, sizes[i], &view), GYRE_EINVAL);
        check_view(cache, GYRE_EINVAL, &view, 0, 0);
        memset(&view, 0xee, sizeof view);
        CHECK_EQ(gyre_get(cache, NULL, sizes[i], &view), GYRE_EINVAL);
        check_view(cache, GYRE_EINVAL, &view, 0, 0);
        CHECK_EQ(gyre_get(cache, key, sizes[i], NULL), GYRE_EINVAL);
        CHECK_EQ(gyre_get(NULL, NULL, sizes[i], NULL), GYRE_EINVAL);
        check_lookup(cache, key, sizes[i], usable ? GYRE_MISS : GYRE_EINVAL, 0, 0);
    }
    api_close(cache);
}

static unsigned
freq_of(gyre *cache, const char *key)
{
    return gy_slot_freq(gy_load_acq(slot_of(cache, key, 16)));
}

TEST(hit, is_counted_once_and_its_frequency_to_the_most)
{
    gyre *cache = open_aligned(4 * MIB, 0, 8);
    gyre_view view;
    int result;
    put_sized(cache, key_of(1).text, 16, 9, 1);
    put_sized(cache, key_of(2).text, 16, 9, 2);
    unsigned first = freq_of(cache, key_of(1).text);
    for (unsigned n = 1; n <= 2 * GY_FREQ_MOST; n++) {
        CHECK_OK(gyre_get(cache, key_of(1).text, 16, &view));
        gyre_release(&view);
        CHECK_EQ(freq_of(cache, key_of(1).text), gy_min(first + n, GY_POLICY_FREQ_MOST));
        CHECK_EQ(api_stats(cache).hits, 2 * n - 1);
        CHECK_EQ(gyre_get_many(cache, 1, &(gyre_key){key_of(2).text, 16}, &view, &result), 1);
        gyre_release(&view);
        CHECK_EQ(freq_of(cache, key_of(2).text), gy_min(first + n, GY_POLICY_FREQ_MOST));
        CHECK_EQ(api_stats(cache).hits, 2 * n);
    }
    CHECK_EQ(gyre_get(cache, key_of(3).text, 16, &view), GYRE_MISS);
    CHECK(api_stats(cache).misses == 1 && api_stats(cache).vanished == 0);
    api_close(cache);
}

/* One thread, more caches than it has seats, in turns; one of them closed and another opened in its place. */
TEST(hit, of_the_cache_that_was_asked)
{
    enum { CACHES = GY_SEATS + 2 };
    gyre *cache[CACHES];
    for (unsigned i = 0; i < CACHES; i++) {
        cache[i] = open_aligned(4 * MIB, 0, 8);
        put_sized(cache[i], key_of(0).text, 16, 9, i);
    }
    for (unsigned round = 0; round < 3 * CACHES; round++) {
        unsigned closed = round % CACHES;
        for (unsigned i = 0; i < CACHES; i++)
            check_lookup(cache[i], key_of(0).text, 16, GYRE_OK, 9, i);
        check_lookup(cache[closed], key_of(0).text, 16, GYRE_OK, 9, closed);
        api_close(cache[closed]);
        cache[closed] = open_aligned(4 * MIB, 0, 8);
        check_lookup(cache[closed], key_of(0).text, 16, GYRE_MISS, 0, 0);
        put_sized(cache[closed], key_of(0).text, 16, 9, closed);
    }
    for (unsigned i = 0; i < CACHES; i++)
        api_close(cache[i]);
}

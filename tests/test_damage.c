/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What is read from a region is checked before it is followed (I8): words, pins and hands that refer to
 * nothing, entries that make no sense. Nobody crashes, and what is sound is served. */

#include "clear.h"
#include "grow.h"
#include "hit.h"
#include "mend.h"
#include "room.h"
#include "sweep.h"

static gyre *
open_one(void)
{
    return api_open(1 << 20, GYRE_NO_THREAD);
}

/* A place beyond the arenas. */
static gy_ref
nowhere(const gyre *cache)
{
    return (cache->g.region_bytes >> 3) + 12345;
}

static gy_atomic_u64 *
slot_for(gyre *cache, const char *key, unsigned n)
{
    struct gy_window w;
    gy_index_window(cache, room_hash(cache, key), &w);
    gy_atomic_u64 *slot = w.bucket[0]->slot;
    while (n + 1 < GY_BUCKET_SLOTS && gy_load_seq(&slot[n]) != GY_EMPTY) /* another key may stand there */
        n++;
    return &slot[n];
}

TEST(damage, a_lane_that_shows_no_arena_gets_one)
{
    gyre *cache = open_one();
    for (unsigned lane = 0; lane < cache->g.n_lanes; lane++)
        for (unsigned ring = 0; ring < GY_RINGS; ring++)
            gy_store_seq(&cache->lanes[lane].open[ring], gy_open_word(cache->g.n_arenas + lane, 77));
    room_seal_all(cache);
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    CHECK(has_bytes(cache, "key", 8, 1));
    api_close(cache);
}

TEST(damage, a_pin_on_no_arena_holds_nothing)
{
    gyre *cache = open_one();
    gy_atomic_u64 *pin = &room_record(cache)->pin[GY_PINS - 1];
    gy_store_seq(pin, gy_pin_word(cache, cache->g.n_arenas + 5, GY_PIN_READ));
    for (unsigned i = 0; i < 5000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 400, i));
    CHECK_EQ(api_stats(cache).pinned_bytes, 0);
    gy_store_seq(pin, 0);
    api_close(cache);
}

TEST(damage, a_hand_on_no_arena_is_not_followed)
{
    gyre_options o = api_options(1 << 20, GYRE_NO_THREAD);
    o.max_entries = 10;
    gyre *cache = api_open_with(&o);
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned ring = 0; ring < GY_RINGS; ring++)
            gy_store_seq(&cache->super->hand[ring].parked, cache->g.n_arenas + 1 + i);
        CHECK_OK(put_bytes(cache, key_of(i).text, 40, i));
    }
    CHECK(api_stats(cache).entries <= 10);
    api_close(cache);
}

TEST(damage, a_word_that_refers_nowhere)
{
    gyre *cache = open_one();
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    gy_atomic_u64 *slot = slot_for(cache, "other", 0);
    gy_store_seq(slot, gy_slot_word(room_hash(cache, "other"), 0, nowhere(cache)));
    CHECK(is_missing(cache, "other"));
    gyre_key keys[] = {{"other", 5}, {"key", 3}};
    gyre_view views[2];
    int results[2];
    CHECK_EQ(gyre_get_many(cache, 2, keys, views, results), 1);
    CHECK(results[0] == GYRE_MISS && results[1] == GYRE_OK);
    gyre_release(&views[1]);
    CHECK_EQ(gyre_delete(cache, "other", 5), GYRE_MISS);
    CHECK_OK(put_bytes(cache, "other", 8, 2));
    CHECK(has_bytes(cache, "other", 8, 2) && has_bytes(cache, "key", 8, 1));
    CHECK_OK(gyre_clear(cache));
    while (gyre_maintain(cache, 0) > 0) /* the pass of clear leaves it alone, and ends */
        ;
    CHECK(is_missing(cache, "key") && is_missing(cache, "other"));
    gy_mend_quiet(cache); /* a forked child drops it */
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    gyre_close(cache);
}

/* So that key and value would stand in the next one. */
TEST(damage, a_word_that_refers_to_the_last_bytes_of_an_arena)
{
    gyre *cache = open_one();
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    CHECK(has_bytes(cache, "key", 8, 1)); /* from now on, gets go straight */
    gy_ref end = gy_arena_offset(cache, cache->g.n_arenas - 1) >> 3;
    gy_entry_set_header(gy_at(cache, end - 1), (struct gy_header){.value_bytes = 8, .key_bytes = 5});
    memcpy(gy_at(cache, end), "other", 5);
    gy_atomic_u64 *slot = slot_for(cache, "other", 0);
    gy_store_seq(slot, gy_slot_word(room_hash(cache, "other"), 0, end - 1));
    CHECK(is_missing(cache, "other"));
    gy_store_seq(slot, GY_EMPTY);
    memset(gy_at(cache, end - 1), 0, 16);
    api_close(cache);
}

/* Counts are hints: any is good, and none is reckoned with beyond what its type can hold. */
TEST(damage, counts_that_may_be_anything)
{
    const uint64_t highest = (uint64_t)1 << 63, most = highest / 150;
    const uint64_t count[] = {highest, highest - 1, highest / 4, most, ~most, ~(uint64_t)0};
    gyre *cache = open_one();
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    struct gy_shard *shard = &cache->super->shard[0];
    uint64_t free = gy_load_seq(&cache->super->n_free), committed = gy_load_seq(&shard->n_committed);
    for (unsigned i = 0; i < sizeof count / sizeof count[0]; i++) {
        gy_store_seq(&cache->super->n_free, count[i]);
        gy_sweep_help(cache, room_record(cache), 1, i % 2);
        gy_sweep_spacious(cache);
        gy_sweep_spacious_exactly(cache);
        gy_sweep_wanted(cache);
        gy_store_seq(&cache->super->n_free, free);
        gy_store_seq(&shard->n_committed, count[i]);
        gy_grow_loaded(cache, shard);
        gy_grow_behind(cache, shard);
        gy_store_seq(&shard->n_committed, committed);
        CHECK_OK(put_bytes(cache, "another", 8, i));
    }
    gyre_close(cache);
}

/* Proofs would be read from behind the entries; of the last one, from behind the region. */
TEST(damage, a_doubt_where_nothing_proves_itself)
{
    gyre *cache = open_one();
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    gy_store_seq(&cache->super->done, gy_load_seq(&cache->super->done) | GY_DOUBT);
    CHECK(!gy_doubted(cache));
    CHECK(has_bytes(cache, "key", 8, 1));
    for (unsigned i = 0; i < 1000 && gy_clear_pending(cache); i++)
        gy_clear_step(cache, room_record(cache));
    CHECK(!gy_clear_pending(cache));
    CHECK(has_bytes(cache, "key", 8, 1));
    api_close(cache);
}

/* Entries whose headers make no sense, in an arena that is walked slot by slot. */
static void
sweep_damaged(void (*damage)(gyre *cache, char *entry), bool tentative)
{
    gyre *cache = open_one();
    for (unsigned i = 0; i < 20; i++)
        CHECK_OK(room_put(cache, GY_MAIN, key_of(i).text, 40, i));
    uint64_t word = room_word(cache, key_of(7).text);
    uint32_t arena = gy_ref_arena(cache, gy_slot_ref(word));
    gy_store_seq(&cache->books[arena].holed, 1);
    for (uint64_t i = 0; i < room_slots(cache, 0); i++) {
        gy_atomic_u64 *slot = room_slot(cache, 0, i);
        if (gy_load_seq(slot) == word)
            gy_store_seq(slot, tentative ? word | GY_T : word);
        else if (gy_load_seq(slot) != GY_EMPTY) /* the others are popular */
            gy_store_seq(slot, gy_load_seq(slot) | GY_FREQ_ONE * 3);
    }
    room_teach(cache);
    damage(cache, gy_at(cache, gy_slot_ref(word)));
    room_seal_all(cache);
    for (unsigned i = 0; i < cache->g.n_arenas && room_refs_into(cache, arena) > 0; i++)
        CHECK(room_sweep(cache, cache->arena_bytes));
    CHECK_EQ(room_refs_into(cache, arena), 0);
    CHECK(is_missing(cache, key_of(7).text));
    for (unsigned i = 0; i < 20; i++)
        CHECK(i == 7 || has_bytes(cache, key_of(i).text, 40, i));
    gyre_close(cache);
}

static void
no_key(gyre *cache, char *entry)
{
    struct gy_header h = gy_entry_header(entry);
    (void)cache;
    h.key_bytes = 0;
    gy_entry_set_header(entry, h);
}

static void
no_kind(gyre *cache, char *entry)
{
    struct gy_header h = gy_entry_header(entry);
    (void)cache;
    h.flags = (uint8_t)(GY_KINDS << GY_ENTRY_KIND_SHIFT);
    gy_entry_set_header(entry, h);
}

static void
largest_kind(gyre *cache, char *entry)
{
    struct gy_header h = gy_entry_header(entry);
    (void)cache;
    h.flags = (uint8_t)~GY_ENTRY_KNOWN;
    gy_entry_set_header(entry, h);
}

static void
another_generation(gyre *cache, char *entry)
{
    struct gy_header h = gy_entry_header(entry);
    (void)cache;
    h.generation++;
    gy_entry_set_header(entry, h);
}

static void
too_long(gyre *cache, char *entry)
{
    struct gy_header h = gy_entry_header(entry);
    h.value_bytes = (uint32_t)cache->arena_bytes;
    gy_entry_set_header(entry, h);
}

TEST(damage, entries_that_make_no_sense_are_dropped)
{
    sweep_damaged(no_key, false);
    sweep_damaged(no_kind, false);
    sweep_damaged(largest_kind, false);
    sweep_damaged(another_generation, false);
    sweep_damaged(too_long, false);
    sweep_damaged(too_long, true);
}

TEST(damage, a_region_larger_than_a_ref_reaches_is_refused)
{
    gyre_options o = api_options((uint64_t)16 << 40, GYRE_NO_THREAD); /* more than gyre_open allows */
    o.value_align = 8;
    struct gy_geometry g;
    CHECK_OK(gy_layout_plan(&g, &o, 4));
    CHECK(g.region_bytes >> 3 > GY_REF_MASK);
    char *base = aligned_alloc(4096, g.records_at);
    CHECK(base != NULL);
    memset(base, 0, g.records_at);
    gy_layout_format_quiet(base, &g, &(struct gy_birth){.seed = 42});
    CHECK_EQ(gy_layout_verify((struct gy_super *)(void *)base, g.region_bytes), GYRE_ECORRUPT);
    free(base);
}

TEST(damage, a_draft_that_was_overwritten_is_stale)
{
    for (unsigned what = 0; what < 2; what++) {
        gyre *cache = open_one();
        gyre_draft draft;
        CHECK_OK(gyre_reserve(cache, "key", 3, 8, NULL, &draft));
        gy_atomic_u64 *pin = (gy_atomic_u64 *)(uintptr_t)draft.priv[1];
        if (what == 0)
            draft.priv[2] ^= 1; /* the pin is another's */
        else
            draft.priv[3] = nowhere(cache);
        CHECK_EQ(gyre_commit(&draft), GYRE_ESTALE);
        CHECK(draft.data == NULL);
        CHECK(is_missing(cache, "key"));
        gy_store_seq(pin, 0);
        gyre_close(cache);
    }
}

TEST(damage, records_that_there_are_not)
{
    gyre *cache = open_one();
    struct gy_record *r = room_record(cache);
    gyre_view first, second;
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    gy_store_seq(&cache->super->n_records_used, UINT32_MAX);
    CHECK(api_stats(cache).entries == 1);
    CHECK_OK(gyre_get(cache, "key", 3, &first));
    r->pin_next = r->pins_in = r->next = 1u << 30;
    CHECK_OK(gyre_get(cache, "key", 3, &second));
    gyre_release(&first);
    gyre_release(&second);
    for (unsigned i = 0; i < 5000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 400, i));
    api_close(cache);
}

/* Each knows the other as the next, and no pin of theirs is free. */
TEST(damage, records_in_a_circle)
{
    gyre *cache = open_one();
    struct gy_record *r = room_record(cache);
    gyre_view view;
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    for (unsigned p = GY_PIN_VIEWS; p < GY_PINS; p++)
        gy_store_seq(&r->pin[p], gy_pin_word(cache, 0, GY_PIN_READ));
    r->next = (uint32_t)(r - cache->records) + 1;
    CHECK_EQ(gyre_get(cache, "key", 3, &view), GYRE_EBUSY);
    r->next = 0;
    for (unsigned p = GY_PIN_VIEWS; p < GY_PINS; p++)
        gy_pin_clear(&r->pin[p]);
    api_close(cache);
}

/* What is read or written there would be another arena's, or no memory. */
TEST(damage, positions_past_their_arena)
{
    for (unsigned limited = 0; limited < 2; limited++) {
        gyre_options o = api_options(1 << 20, GYRE_NO_THREAD);
        o.max_entries = limited ? 500 : 0;
        gyre *cache = api_open_with(&o);
        for (unsigned i = 0; i < 5000; i++) {
            int result = put_bytes(cache, key_of(i).text, 400, i);
            CHECK(result == GYRE_OK || result == GYRE_EBUSY);
            if (i % 100 == 0)
                for (uint32_t a = 0; a < cache->g.n_arenas; a++)
                    gy_add_seq(&cache->books[a].position, a % 3 == 0 ? (uint64_t)1 << 40 : a % 3 == 1 ? 5 : 0);
        }
        gyre_close(cache);
    }
}

TEST(damage, a_clear_that_nobody_has_begun)
{
    gyre *cache = open_one();
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    gy_store_seq(&cache->super->mark, UINT64_MAX / 2);
    CHECK_OK(put_bytes(cache, "key", 8, 2));
    CHECK(has_bytes(cache, "key", 8, 2));
    api_close(cache);
}

/* A put finds no empty slot, in the full ones nothing that it could pin, and cannot displace a word either: as it looks,
 * somebody else does that. */
TEST(damage, windows_full_of_words_that_refer_to_nothing)
{
    gyre *cache = open_one();
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    uint64_t sound = room_word(cache, "key");
    uint64_t no_entry = gy_slot_ref(sound) + 100;
    memset(gy_at(cache, no_entry), 0xff, sizeof(struct gy_header)); /* the header of what does not fit its arena */
    for (unsigned shard = 0; shard < cache->g.n_shards; shard++)
        for (uint64_t i = 0; i < room_slots(cache, shard); i++)
            if (gy_load_seq(room_slot(cache, shard, i)) == GY_EMPTY)
                gy_store_seq(room_slot(cache, shard, i),
                             gy_slot_word(i << 40 | i, i % 2 * 2, i % 3 == 0 ? no_entry : nowhere(cache)));
    for (unsigned shard = 0; shard < cache->g.n_shards; shard++)
        gy_store_seq(&cache->super->shard[shard].driver, 12345);
    for (unsigned k = 0; k < 300; k++) {
        CHECK_OK(put_bytes(cache, key_of(k).text, 8, k));
        CHECK(has_bytes(cache, key_of(k).text, 8, k));
    }
    gyre_close(cache);
}

/* A put makes room for its entry, and for as many more as others may have left to it. */
/* Whatever a shard's word says, all buckets that are looked at are the shard's. */
TEST(damage, a_shard_of_a_size_that_it_cannot_have)
{
    gyre *cache = open_one();
    const uint64_t buckets = cache->g.shard_bytes_most / sizeof(struct gy_bucket);
    uint64_t seed = api_seed("damage");
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t number = api_random(&seed) % cache->n_shards, hash, geometry;
        struct gy_bucket *base = gy_shard_buckets(cache, number), *at;
        gy_atomic_u64 *word = &cache->geometries[number];
        struct gy_window w;
        uint64_t was = gy_load_seq(word);
        do
            hash = api_random(&seed);
        while (gy_shard_number(cache, hash) != number);
        gy_store_seq(word, i < 4 ? ~(uint64_t)0 << i : api_random(&seed) >> api_random(&seed) % 64);
        CHECK(gy_shard_extent(cache, (unsigned)number) <= buckets);
        gy_index_window(cache, hash, &w);
        for (unsigned b = 0; b < w.n; b++)
            CHECK(w.bucket[b] >= base && w.bucket[b] < base + buckets);
        if (gy_hit_window(cache, hash, &at, &geometry))
            for (unsigned b = 0; b < 2; b++) {
                struct gy_bucket *bucket = gy_geometry_bucket(at, geometry, b ? gy_hash_mixed(hash) : hash);
                CHECK(bucket >= base && bucket < base + buckets);
            }
        CHECK(gyre_put(cache, &hash, sizeof hash, "new", 3, NULL) <= GYRE_OK);
        gyre_delete(cache, &hash, sizeof hash);
        gyre_maintain(cache, 0);
        gy_store_seq(word, was);
    }
    gyre_close(cache);
}

TEST(damage, a_count_of_entries_that_is_far_too_large)
{
    gyre_options o = api_options(4 << 20, GYRE_NO_THREAD);
    o.max_entries = 5000;
    gyre *cache = api_open_with(&o);
    for (unsigned k = 0; k < 5000; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, 40, k));
    uint64_t before = api_stats(cache).entries;
    gy_add_seq(&cache->super->n_entries[GY_MAIN], (uint64_t)1 << 40);
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    CHECK(before > 4000 && api_stats(cache).entries >= before - 1001);
    gyre_close(cache);
}

/* Somebody is said to be busy with the last entry of each arena, which ends elsewhere than its position says: none retires, and
 * none has anything to evict. And the limit is said to be passed. */
TEST(damage, arenas_that_somebody_works_on_for_ever)
{
    gyre_options o = api_options(1 << 20, GYRE_NO_THREAD);
    o.max_entries = 500;
    gyre *cache = api_open_with(&o);
    for (unsigned k = 0; k < 500; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, 400, k));
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_rlx(&cache->words[a]);
        if (gy_arena_state(word) != GY_SEALED)
            continue;
        gy_store_rlx(&cache->books[a].position, 2 * cache->arena_bytes | GY_CLOSED);
        gy_store_rlx(&cache->books[a].progress, GY_PROGRESS_BUSY_ONE | cache->arena_bytes);
        gy_store_rlx(&cache->words[a], gy_arena_with_state(word, GY_PARKED));
    }
    gy_add_seq(&cache->super->n_entries[GY_MAIN], 1 << 20);
    for (unsigned k = 0; k < 10; k++)
        CHECK_OK(put_bytes(cache, key_of(1000 + k).text, 8, k));
    gyre_close(cache);
}

/* Of what is learned: a share of the cache that is no number, or too large for one. */
TEST(damage, a_window_that_is_no_share)
{
    static const uint32_t window[] = {0x7fc00000, 0x7f800000, 0xff800000, 0x7f7fffff, 0xff7fffff, 0x80000000, 1};
    gyre *cache = open_one();
    gy_atomic_u32 *word = &cache->super->learned.window;
    for (unsigned i = 0; i < sizeof window / sizeof *window; i++) {
        gy_store_rlx(word, window[i]);
        float found = gy_learn_window(&cache->super->learned);
        CHECK(found >= 0 && found <= gy_policy.window_most);
        for (unsigned k = 0; k < 5000; k++)
            CHECK_OK(put_bytes(cache, key_of(k).text, 400, k));
    }
    api_close(cache);
}

#ifdef GY_POINTS
static uint64_t accesses;

static int
no_visit(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)arg, (void)key, (void)key_size, (void)value;
    return 0;
}

static void
count_access(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line, (void)address;
    accesses++;
}

/* Words in the making that nobody makes: a scan waits for them, and not for each of them anew. */
TEST(damage, a_scan_of_many_words_that_stay_tentative)
{
    gyre *cache = open_one();
    gy_atomic_u64 *geometry = &cache->geometries[0];
    unsigned log2 = gy_geometry_log2(gy_load_seq(geometry));
    for (uint64_t i = 0; i < room_slots(cache, 0); i += GY_BUCKET_SLOTS)
        gy_store_seq(room_slot(cache, 0, i), gy_slot_word(i << 40 | i, 0, nowhere(cache)) | GY_T);
    gy_store_seq(geometry, gy_geometry_word(log2, GY_MOVING));
    accesses = 0;
    gy_point_hook = count_access;
    CHECK_OK(gyre_scan(cache, no_visit, NULL));
    gy_point_hook = NULL;
    CHECK_MSG(accesses < ((uint64_t)1 << log2) * 1000, "%llu accesses", (unsigned long long)accesses);
    gy_store_seq(geometry, gy_geometry_word(log2, GY_STEADY));
    gyre_close(cache);
}
#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "index.h"

#include "room.h"

static gyre *
open_one(void)
{
    return api_open(1 << 20, GYRE_NO_THREAD | GYRE_VERSIONS);
}

/* Is the value of a key the one made from this tag? */
static bool
stands(gyre *cache, const char *key, size_t size, uint64_t tag)
{
    gy_atomic_u64 *pin = &room_record(cache)->pin[GY_PIN_COMPARE];
    struct gy_found f;
    bool saw_tentative;
    if (!gy_index_find(cache, room_hash(cache, key), key, strlen(key), pin, &f, &saw_tentative))
        return false;
    CHECK(gy_arena_pinned(cache, f.arena));
    CHECK_EQ(gy_load_seq(f.slot), f.word);
    struct gy_content c = gy_entry_content(f.entry, gy_slot_ref(f.word) << 3, f.header, cache->g.value_align);
    bool same = c.value_bytes == size && bytes_are(c.value, size, tag);
    gy_pin_clear(pin);
    return same;
}

static int
publish(gyre *cache, enum gy_publish_kind kind, const char *key, const char *value, uint64_t if_what)
{
    struct gy_staged staged = room_stage(cache, GY_PROBATION, key, value, strlen(value));
    return room_publish(cache, kind, key, &staged, if_what);
}

static bool
delete(gyre *cache, struct gy_record *r, const char *key)
{
    return gy_index_delete(cache, r, room_hash(cache, key), key, strlen(key), 0, GYRE_DELETED);
}

static uint64_t
committed(gyre *cache)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < cache->g.n_shards; i++)
        n += (uint64_t)gy_account_entries(cache, i);
    return n;
}

TEST(index, finds_what_was_published_until_it_is_deleted)
{
    gyre *cache = open_one();
    struct gy_record *r = room_record(cache);
    enum { KEYS = 500 };
    for (unsigned i = 0; i < KEYS; i++) {
        CHECK(!stands(cache, key_of(i).text, i % 50, i));
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(i).text, i % 50, i));
        CHECK(stands(cache, key_of(i).text, i % 50, i));
    }
    CHECK_EQ(committed(cache), KEYS);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), KEYS);
    for (unsigned i = 0; i < KEYS; i += 2)
        CHECK(delete(cache, r, key_of(i).text));
    for (unsigned i = 0; i < KEYS; i++) {
        CHECK_EQ(stands(cache, key_of(i).text, i % 50, i), i % 2);
        CHECK_EQ(delete(cache, r, key_of(i).text), i % 2);
    }
    CHECK_EQ(committed(cache), 0);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    CHECK_EQ(api_stats(cache).removed[GYRE_DELETED], KEYS);
    CHECK_EQ(api_stats(cache).live_bytes, 0);
    api_close(cache);
}

TEST(index, a_second_put_takes_the_slot_of_the_first)
{
    gyre *cache = open_one();
    CHECK_OK(publish(cache, GY_PUT_ANY, "key", "one", 0));
    uint64_t first = room_word(cache, "key");
    CHECK_OK(publish(cache, GY_PUT_ANY, "key", "two", 0));
    uint64_t second = room_word(cache, "key");
    CHECK(gy_slot_ref(first) != gy_slot_ref(second));
    CHECK_EQ(gy_slot_freq(second), gy_slot_freq(first) + 1); /* asked for again, in a way */
    CHECK(has_text(cache, "key", "two"));
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 1);
    CHECK_EQ(committed(cache), 1);
    gyre_stats s = api_stats(cache);
    CHECK_EQ(s.removed[GYRE_REPLACED], 1);
    CHECK_EQ(s.live_bytes, 24);
    api_close(cache);
}

TEST(index, conditions)
{
    gyre *cache = open_one();
    CHECK_EQ(publish(cache, GY_PUT_REPLACE, "key", "zero", 0), GYRE_MISS);
    CHECK_EQ(publish(cache, GY_PUT_IF_REF, "key", "zero", 1), GYRE_MISS);
    CHECK_EQ(publish(cache, GY_PUT_IF_VERSION, "key", "zero", 1), GYRE_MISS);
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    CHECK_OK(publish(cache, GY_PUT_ADD, "key", "one", 0));
    CHECK_EQ(publish(cache, GY_PUT_ADD, "key", "two", 0), GYRE_EXISTS);
    CHECK(has_text(cache, "key", "one"));
    CHECK_OK(publish(cache, GY_PUT_REPLACE, "key", "three", 0));
    uint64_t ref = gy_slot_ref(room_word(cache, "key"));
    CHECK_EQ(publish(cache, GY_PUT_IF_REF, "key", "four", ref + 1), GYRE_CHANGED);
    CHECK(has_text(cache, "key", "three"));
    CHECK_OK(publish(cache, GY_PUT_IF_REF, "key", "four", ref));
    CHECK(has_text(cache, "key", "four"));
    CHECK_EQ(publish(cache, GY_PUT_IF_VERSION, "key", "five", 77), GYRE_CHANGED);
    CHECK(has_text(cache, "key", "four"));
    CHECK_EQ(api_stats(cache).live_bytes, 24); /* what did not get in is garbage */
    api_close(cache);
}

static bool
peek(gyre *cache, const char *key, unsigned *ring)
{
    struct gy_window w;
    const char *entry;
    gy_index_window(cache, room_hash(cache, key), &w);
    return gy_index_peek(cache, room_hash(cache, key), &w, ring, &entry);
}

static unsigned
place(gyre *cache, const char *key, struct gy_content *content)
{
    struct gy_aim aim = gy_aim_at(cache, key, strlen(key), room_hash(cache, key), GY_PUT_ANY, 0);
    return gy_insert_place(cache, &aim, content);
}

TEST(index, peek_names_the_ring)
{
    gyre *cache = open_one();
    unsigned ring = 9;
    CHECK(!peek(cache, "a", &ring));
    CHECK_OK(room_put(cache, GY_PROBATION, "a", 5, 1));
    CHECK_OK(room_put(cache, GY_MAIN, "b", 5, 2));
    CHECK(peek(cache, "a", &ring));
    CHECK_EQ(ring, GY_PROBATION);
    CHECK(peek(cache, "b", &ring));
    CHECK_EQ(ring, GY_MAIN);
    api_close(cache);
}

/* A replacement stays in the ring of what it replaces; a new key is no newcomer while there is room for all. */
TEST(index, a_put_is_placed_by_what_stands)
{
    gyre *cache = open_one();
    struct gy_content c = {.kind = 0};
    CHECK_OK(room_put(cache, GY_PROBATION, "a", 5, 1));
    CHECK_OK(room_put(cache, GY_MAIN, "b", 5, 2));
    CHECK_EQ(place(cache, "a", &c), GY_PROBATION);
    CHECK_EQ(c.kind, GY_KIND_UNKNOWN);
    CHECK_EQ(place(cache, "b", &c), GY_MAIN);
    CHECK_EQ(c.kind, GY_KIND_REPLACED);
    CHECK_EQ(place(cache, "c", &c), GY_MAIN);
    CHECK_EQ(c.kind, GY_KIND_UNKNOWN);
    gy_store_seq(&cache->super->n_free, cache->g.reserve_arenas + 1); /* now somebody has to leave */
    CHECK_EQ(place(cache, "c", &c), GY_PROBATION);
    CHECK_EQ(place(cache, "b", &c), GY_MAIN);
    gyre_close(cache);
}

TEST(index, a_word_that_is_not_published_is_invisible)
{
    gyre *cache = open_one();
    CHECK_OK(publish(cache, GY_PUT_ANY, "key", "one", 0));
    gy_atomic_u64 *pin = &room_record(cache)->pin[GY_PIN_COMPARE];
    struct gy_found f;
    bool saw_tentative;
    uint64_t hash = room_hash(cache, "key");
    CHECK(gy_index_find(cache, hash, "key", 3, pin, &f, &saw_tentative));
    CHECK(!saw_tentative);
    gy_pin_clear(pin);
    gy_store_seq(f.slot, f.word | GY_T);
    gy_sub_rlx(&gy_shard_of(cache, hash)->n_committed, 1);
    CHECK(!gy_index_find(cache, hash, "key", 3, pin, &f, &saw_tentative));
    CHECK(saw_tentative);
    CHECK_EQ(gy_load_seq(pin), 0);
    CHECK(is_missing(cache, "key"));
    CHECK_EQ(api_stats(cache).vanished, 1);
    CHECK_OK(publish(cache, GY_PUT_ANY, "key", "two", 0)); /* takes the word of the dead over */
    CHECK(has_text(cache, "key", "two"));
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 1);
    api_close(cache);
}

TEST(index, a_delete_removes_words_in_the_making)
{
    gyre *cache = open_one();
    uint64_t hash = room_hash(cache, "key");
    for (unsigned i = 0; i < 2; i++) {
        struct gy_window w;
        struct gy_staged s = room_stage(cache, GY_PROBATION, "key", "value", 5);
        gy_arena_unpin(cache, NULL, &s);
        gy_index_window(cache, hash, &w);
        gy_store_seq(&w.bucket[i]->slot[3], gy_slot_word(hash, 0, s.ref) | GY_T);
    }
    CHECK(!gy_index_delete(cache, room_record(cache), hash, "key", 3, 0, GYRE_DELETED));
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    api_close(cache);
}

/* A ref that leads out of the arenas, or to no entry, is never followed. */
TEST(index, damaged_words_are_misses)
{
    gyre *cache = open_one();
    uint64_t hash = room_hash(cache, "key");
    uint64_t arenas = cache->g.arenas_at >> 3, end = cache->g.region_bytes >> 3;
    const uint64_t ref[] = {1, arenas - 1, end, end + 100, GY_REF_MASK, end - 1, arenas};
    struct gy_window w;
    gy_index_window(cache, hash, &w);
    for (unsigned i = 0; i < sizeof ref / sizeof *ref; i++) {
        gy_store_seq(&w.bucket[0]->slot[0], gy_slot_word(hash, 0, ref[i]));
        CHECK(is_missing(cache, "key"));
        CHECK(!gy_index_delete(cache, room_record(cache), hash, "key", 3, 0, GYRE_DELETED));
    }
    struct gy_header h = {.value_bytes = 1 << 30, .key_bytes = 3}; /* an entry longer than its arena */
    gy_entry_set_header(gy_at(cache, arenas), h);
    memcpy(gy_at(cache, arenas) + 8, "key", 3);
    gy_store_seq(&w.bucket[0]->slot[0], gy_slot_word(hash, 0, arenas));
    CHECK(is_missing(cache, "key"));
    CHECK_OK(publish(cache, GY_PUT_ANY, "key", "good", 0));
    CHECK(has_text(cache, "key", "good"));
    gy_store_seq(&w.bucket[0]->slot[0], GY_EMPTY);
    api_close(cache);
}

TEST(index, the_window_of_each_phase)
{
    gyre *cache = open_one();
    struct gy_bucket *base = gy_shard_buckets(cache, 0);
    uint64_t seed = api_seed("index"), was = gy_load_seq(cache->geometries);
    for (unsigned log2 = 1; log2 < cache->g.log2_buckets_most; log2++)
        for (unsigned i = 0; i < 2000; i++) {
            uint64_t hash = api_random(&seed), n = (uint64_t)1 << log2;
            for (unsigned phase = GY_STEADY; phase <= GY_MOVING; phase++) {
                struct gy_window w;
                gy_store_seq(cache->geometries, gy_geometry_word(log2, (enum gy_phase)phase));
                gy_index_window(cache, hash, &w);
                const uint64_t place[2] = {gy_hash_first(hash), gy_hash_second(hash)};
                unsigned at = 0;
                for (unsigned p = 0; p < 2; p++) {
                    uint64_t old = place[p] & (n - 1), image = place[p] & (2 * n - 1);
                    unsigned old_at = at;
                    CHECK(w.bucket[at++] == base + old);
                    if (phase != GY_STEADY && image != old)
                        CHECK(w.bucket[at++] == base + old + n);
                    CHECK_EQ(w.insert[p], phase == GY_MOVING ? at - 1 : old_at);
                }
                CHECK_EQ(w.n, at);
            }
        }
    gy_store_seq(cache->geometries, was);
    api_close(cache);
}

#ifdef GY_POINTS

static uint64_t
same_hash(const void *key, size_t size)
{
    const char *text = key;
    return size > 3 && memcmp(text, "odd", 3) == 0 ? 0x1111222233334444u : 0x5555666677778888u;
}

TEST(index, two_keys_with_one_hash_are_both_right)
{
    gyre *cache = open_one();
    gy_hash_hook = same_hash;
    for (unsigned round = 0; round < 50; round++) {
        CHECK_OK(put_bytes(cache, "odd one", 20, round));
        CHECK_OK(put_bytes(cache, "odd two", 20, round + 1000));
        CHECK(has_bytes(cache, "odd one", 20, round));
        CHECK(has_bytes(cache, "odd two", 20, round + 1000));
        CHECK_EQ(room_refs_into(cache, UINT32_MAX), 2);
        CHECK_EQ(gyre_delete(cache, "odd six", 7), GYRE_MISS);
        CHECK_OK(gyre_delete(cache, "odd one", 7));
        CHECK(is_missing(cache, "odd one") && has_bytes(cache, "odd two", 20, round + 1000));
    }
    api_close(cache);
}

TEST(index, many_keys_with_one_hash_share_one_window)
{
    enum { KEYS = 40, WINDOW = 2 * GY_BUCKET_SLOTS };
    gyre *cache = open_one();
    uint64_t version[KEYS] = {0}, seed = api_seed("index");
    gy_hash_hook = same_hash;
    for (unsigned round = 1; round <= 3000; round++) {
        unsigned k = (unsigned)(api_random(&seed) % KEYS), present = 0;
        version[k] = round;
        CHECK_OK(put_bytes(cache, key_of(k).text, 20, round));
        CHECK(has_bytes(cache, key_of(k).text, 20, round)); /* what was put last stands */
        for (unsigned i = 0; i < KEYS; i++) {
            present += has_bytes(cache, key_of(i).text, 20, version[i]);
            CHECK(is_missing(cache, key_of(i).text) || has_bytes(cache, key_of(i).text, 20, version[i]));
        }
        CHECK_EQ(present, room_refs_into(cache, UINT32_MAX));
        CHECK(present <= WINDOW);
    }
    gyre_stats s = api_stats(cache);
    CHECK_EQ(s.entries, WINDOW);
    CHECK(s.removed[GYRE_CONFLICT] > 1000);
    CHECK_EQ(s.removed[GYRE_CONFLICT], s.window_conflicts);
    api_close(cache);
}

#endif

/* Rivals for a few keys in one small index: at the end each key has at most one committed word (I1), no
 * word is left in the making, and what is counted agrees with what is there. */
static void
put_and_delete(void *arg, unsigned thread)
{
    gyre *cache = arg;
    struct gy_record *r = room_record(cache);
    uint64_t seed = thread;
    for (unsigned i = 0; i < 4000; i++) {
        uint64_t x = api_random(&seed);
        struct api_key key = key_of(x % 5);
        if (x >> 32 & 1)
            room_put(cache, GY_PROBATION, key.text, 8, x % 5);
        else
            delete(cache, r, key.text);
        gyre_view view;
        if (gyre_get(cache, key.text, 16, &view) == GYRE_OK)
            CHECK(view.size == 8 && bytes_are(view.data, 8, x % 5));
        gyre_release(&view);
    }
}

TEST(index, rivals_leave_one_word_a_key)
{
    gyre *cache = api_open(4 << 20, GYRE_NO_THREAD);
    api_threads(3, put_and_delete, cache);
    uint64_t words = 0;
    for (unsigned k = 0; k < 5; k++) {
        struct api_key key = key_of(k);
        if (room_word(cache, key.text) != 0) {
            words++;
            CHECK(stands(cache, key.text, 8, k));
        }
    }
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), words);
    CHECK_EQ(committed(cache), words);
    api_close(cache);
}

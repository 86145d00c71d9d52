/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre_get_many: what each key of a batch gets is what it gets alone, whatever the others are. */

#include "trap.h"

enum { KEYS = 90, KEY_MOST = 300, ASKED_MOST = 70, HELD_MOST = 40, VALUE_MOST = 200 };

struct known {
    char bytes[KEY_MOST];
    size_t size;
    gy_atomic_u64 *slot; /* NULL: it is absent */
};

struct scene {
    gyre *cache;
    struct known key[KEYS];
};

static size_t
value_bytes(unsigned i)
{
    return i % 13 ? 2 * i : VALUE_MOST;
}

/* Moves the word of a key that was put last to a bucket of its two. */
static gy_atomic_u64 *
move_to(gyre *cache, const struct known *k, unsigned b)
{
    uint64_t hash = gy_hash(k->bytes, k->size, cache->seed), word = 0;
    struct gy_window w;
    gy_index_window(cache, hash, &w);
    for (unsigned i = 0; i < w.n && word == 0; i++)
        for (unsigned n = 0; n < GY_BUCKET_SLOTS && word == 0; n++)
            if (gy_slot_may_match(gy_load_acq(&w.bucket[i]->slot[n]), hash)) {
                word = gy_load_acq(&w.bucket[i]->slot[n]);
                gy_store_seq(&w.bucket[i]->slot[n], GY_EMPTY);
            }
    gy_atomic_u64 *slot = w.bucket[b]->slot;
    while (gy_load_acq(slot) != GY_EMPTY)
        slot++;
    CHECK(word != 0 && slot < w.bucket[b]->slot + GY_BUCKET_SLOTS);
    gy_store_seq(slot, word);
    return slot;
}

/* Every fourth key is absent, every third of the others in its second bucket. */
static void
set_scene(struct scene *s, const size_t *sizes, unsigned n_sizes)
{
    char value[VALUE_MOST];
    s->cache = api_open(8 * MIB, GYRE_NO_THREAD);
    for (unsigned i = 0; i < KEYS; i++) {
        struct known *k = &s->key[i];
        k->size = sizes[i % n_sizes];
        fill_bytes(k->bytes, k->size, i);
        k->bytes[0] = (char)i;
        k->slot = NULL;
        if (i % 4 == 3)
            continue;
        fill_bytes(value, value_bytes(i), i);
        CHECK_OK(gyre_put(s->cache, k->bytes, k->size, value, value_bytes(i), NULL));
        k->slot = move_to(s->cache, k, i % 3 == 1);
    }
}

static void
ask(struct scene *s, const unsigned *which, size_t n, size_t *hits)
{
    static gyre_view view[ASKED_MOST];
    gyre_key keys[ASKED_MOST];
    int results[ASKED_MOST];
    unsigned freq[KEYS];
    memset(view, 0xee, sizeof view);
    memset(results, 0xee, sizeof results);
    for (unsigned i = 0; i < KEYS; i++)
        freq[i] = s->key[i].slot ? gy_slot_freq(gy_load_acq(s->key[i].slot)) : 0;
    for (size_t i = 0; i < n; i++) {
        const struct known *k = &s->key[which[i] % KEYS];
        keys[i] = (gyre_key){which[i] / KEYS == 1 ? NULL : k->bytes, which[i] / KEYS == 2 ? 65541 : k->size};
        *hits += which[i] < KEYS && k->slot != NULL;
        if (which[i] < KEYS && k->slot != NULL && freq[which[i]] < GY_POLICY_FREQ_MOST)
            freq[which[i]]++;
    }
    gyre_get_many(s->cache, n, keys, view, results);
    for (size_t i = 0; i < n; i++) {
        unsigned k = which[i] % KEYS;
        int result = which[i] >= KEYS ? GYRE_EINVAL : s->key[k].slot ? GYRE_OK : GYRE_MISS;
        CHECK_EQ(results[i], result);
        CHECK(result == GYRE_OK ? view[i].size == value_bytes(k) && bytes_are(view[i].data, view[i].size, k)
                                : view[i].data == NULL && view[i].size == 0 && view[i].priv[0] == 0);
        CHECK(view[i].version == 0 && view[i].user_flags == 0 && view[i].ttl_left_ms == 0);
        for (size_t j = 0; j < i && result == GYRE_OK; j++)
            CHECK(view[i].priv[0] != view[j].priv[0]);
    }
    for (unsigned i = 0; i < KEYS; i++)
        CHECK(s->key[i].slot == NULL || gy_slot_freq(gy_load_acq(s->key[i].slot)) <= freq[i]);
    for (size_t i = 0; i < n; i++)
        gyre_release(&view[i]);
}

/* Batches of 1 to 70 keys, with and without views that others hold. */
static void
ask_for_all(const size_t *sizes, unsigned n_sizes, bool unusable)
{
    static struct scene s;
    static gyre_view held[HELD_MOST];
    uint64_t seed = api_seed("hit_batches");
    set_scene(&s, sizes, n_sizes);
    for (unsigned round = 0; round < 300; round++) {
        unsigned which[ASKED_MOST], n_held = round % 3 ? 0 : (unsigned)(api_random(&seed) % HELD_MOST);
        size_t n = 1 + api_random(&seed) % ASKED_MOST, hits = 0;
        for (unsigned i = 0; i < n_held; i++)
            CHECK_OK(gyre_get(s.cache, s.key[4 * i % 88].bytes, s.key[4 * i % 88].size, &held[i]));
        for (unsigned i = 0; i < n_held; i += 3) /* so that free pins lie between others */
            gyre_release(&held[i]);
        for (size_t i = 0; i < n; i++)
            which[i] = (unsigned)(api_random(&seed) % (unusable && i % 5 == 0 ? 3 * KEYS : KEYS));
        uint64_t before = api_stats(s.cache).hits;
        ask(&s, which, n, &hits);
        CHECK_EQ(api_stats(s.cache).hits - before, hits);
        for (unsigned i = 0; i < n_held; i++)
            gyre_release(&held[i]);
        CHECK_EQ(api_stats(s.cache).pinned_bytes, 0);
    }
    for (unsigned i = 0; i < KEYS; i++)
        CHECK(s.key[i].slot == NULL || gy_slot_freq(gy_load_acq(s.key[i].slot)) >= GY_POLICY_FREQ_MOST);
    gyre_close(s.cache);
}

TEST(hit_batches, keys_of_the_usual_size)
{
    ask_for_all((const size_t[]){16}, 1, false);
}

TEST(hit_batches, keys_of_the_usual_size_and_some_that_are_none)
{
    ask_for_all((const size_t[]){16}, 1, true);
}

TEST(hit_batches, keys_of_one_other_size)
{
    ask_for_all((const size_t[]){20}, 1, false);
}

TEST(hit_batches, keys_of_all_sizes)
{
    ask_for_all((const size_t[]){16, 8, 16, 9, 15, 17, 300, 16, 5, 40, 128}, 11, true);
}

/* What is not usable has no hash. Where it is looked for, a key stands; by its header, one of 65541 bytes could be one of
 * five with an expiry. */
TEST(hit_batches, what_is_no_key_is_not_compared)
{
    gyre *cache = api_open(4 * MIB, GYRE_NO_THREAD);
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.ttl_ms = 100000;
    CHECK_OK(gyre_put(cache, "five5", 5, "value", 5, &put));
    CHECK_OK(gyre_put(cache, "sixteen bytes...", 16, "value", 5, NULL));
    const struct known five = {"five5", 5, NULL}, sixteen = {"sixteen bytes...", 16, NULL};
    uint64_t words[2] = {gy_load_acq(move_to(cache, &five, 0)), gy_load_acq(move_to(cache, &sixteen, 0))};
    const gyre_key keys[3] = {{"five5", 65541}, {NULL, 16}, {NULL, 5}};
    struct gy_window w;
    gy_index_window(cache, 0, &w);
    for (unsigned i = 0; i < 2; i++) {
        gyre_view view[3];
        int results[3];
        gy_atomic_u64 *slot = &w.bucket[0]->slot[0]; /* before those that are empty, which look alike */
        CHECK_EQ(gy_load_acq(slot), GY_EMPTY);
        gy_store_seq(slot, gy_slot_word(0, 0, gy_slot_ref(words[i])));
        CHECK_EQ(gyre_get_many(cache, 3, keys, view, results), 0);
        for (unsigned k = 0; k < 3; k++)
            CHECK(results[k] == GYRE_EINVAL && view[k].data == NULL && view[k].priv[0] == 0);
        CHECK_EQ(gy_slot_freq(gy_load_acq(slot)), 0);
        gy_store_seq(slot, GY_EMPTY);
        CHECK_EQ(api_stats(cache).pinned_bytes, 0);
    }
    gyre_close(cache);
}

/* A word that begins like a key's leads to another's entry: that one is not counted, nor held. */
TEST(hit_batches, anothers_entry_is_let_go_uncounted)
{
    gyre *cache = api_open(4 * MIB, GYRE_NO_THREAD);
    const struct known other = {"another 16 bytes", 16, NULL};
    CHECK_OK(gyre_put(cache, other.bytes, 16, "value", 5, NULL));
    gy_atomic_u64 *slot = move_to(cache, &other, 0);
    uint64_t hash = gy_hash("sixteen bytes...", 16, cache->seed), word = gy_load_acq(slot);
    struct gy_window w;
    gy_index_window(cache, hash, &w);
    gy_store_seq(slot, GY_EMPTY);
    slot = w.bucket[0]->slot;
    gy_store_seq(slot, gy_slot_word(hash, 0, gy_slot_ref(word)));
    gyre_view view[2];
    int results[2];
    CHECK_EQ(gyre_get_many(cache, 1, &(gyre_key){"sixteen bytes...", 16}, view, results), 0);
    CHECK_EQ(results[0], GYRE_MISS);
    CHECK_EQ(gy_slot_freq(gy_load_acq(slot)), 0);
    CHECK(api_stats(cache).hits == 0 && api_stats(cache).misses == 1 && api_stats(cache).pinned_bytes == 0);
    gyre_close(cache);
}

#ifdef GY_POINTS

/* What happens to the slot of the second key of three before the second look at it: the view is of what stands then. */
static int
ask_while(void (*action)(struct trap *, const volatile void *), uint64_t and_word, uint64_t and_freq)
{
    static const char *const names[3] = {"the first key...", "the second key..", "the third key..."};
    gyre *cache = api_open(4 * MIB, GYRE_NO_THREAD);
    gyre_key keys[3];
    struct known k = {.size = 16};
    gy_atomic_u64 *slot = NULL;
    for (unsigned i = 0; i < 3; i++) {
        keys[i] = (gyre_key){names[i], 16};
        CHECK_OK(gyre_put(cache, names[i], 16, names[i], 16, NULL));
        memcpy(k.bytes, names[i], 16);
        slot = i == 1 ? move_to(cache, &k, 0) : slot;
    }
    uint64_t word = gy_load_acq(slot);
    struct trap trap = {.file = "/hit.h", .address = slot, .skip = 1, .action = action, .cache = cache,
                        .word = (word & and_word) + and_freq};
    gyre_view view[3];
    int results[3];
    trap_set(&trap);
    size_t hits = gyre_get_many(cache, 3, keys, view, results);
    trap_clear(&trap);
    CHECK_EQ(hits, 2 + (results[1] == GYRE_OK));
    CHECK(api_stats(cache).hits == hits && api_stats(cache).misses == 3 - hits);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(i == 1 || results[i] == GYRE_OK);
        CHECK(results[i] == GYRE_OK ? memcmp(view[i].data, names[i], 16) == 0 : view[i].priv[0] == 0);
        gyre_release(&view[i]);
    }
    CHECK(and_word == 0 || gy_load_acq(slot) == word + and_freq + GY_FREQ_ONE);
    for (unsigned p = 0; p < GY_PINS; p++)
        CHECK_EQ(gy_load_acq(&room_record(cache)->pin[p]), 0);
    gyre_close(cache);
    return results[1];
}

TEST(hit_batches, emptied_between_the_looks)
{
    CHECK_EQ(ask_while(trap_store, 0, 0), GYRE_MISS);
}

TEST(hit_batches, counted_by_another_between_the_looks)
{
    CHECK_EQ(ask_while(trap_store, UINT64_MAX, GY_FREQ_ONE), GYRE_OK);
}

#endif

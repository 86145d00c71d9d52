/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Files in which bits have turned over while nobody had them open. (stress/damage does it at random.) */

#include <sys/mman.h>

#include "clear.h"
#include "doubt.h"
#include "file_cache.h"
#include "proof.h"

enum { KEYS = 40, BYTES = 100 };

static void
fill(gyre *cache)
{
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, BYTES, i));
}

static void
make_full(void)
{
    begin();
    gyre *cache = open_it(GYRE_CREATE);
    fill(cache);
    api_close(cache);
}

/* The bytes of the file, for who turns bits over. */
static char *
bytes_of(size_t *n)
{
    struct stat is;
    int file = open(path.text, O_RDWR);
    CHECK(file >= 0 && fstat(file, &is) == 0);
    *n = (size_t)is.st_size;
    char *bytes = mmap(NULL, *n, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(bytes != MAP_FAILED);
    close(file);
    return bytes;
}

static size_t
offset_of(const gyre *cache, const volatile void *what)
{
    return (uintptr_t)what - (uintptr_t)cache->region.base;
}

/* Where a key stands in a file that is open: its slot, its entry. */
static struct gy_found
place_of(gyre *cache, unsigned i)
{
    struct gy_found f;
    bool tentative;
    struct api_key key = key_of(i);
    uint64_t hash = gy_hash(key.text, strlen(key.text), cache->seed);
    CHECK(gy_index_find_growing(cache, hash, key.text, strlen(key.text), &cache->records[0].pin[GY_PIN_COMPARE], &f, &tentative));
    gy_pin_clear(&cache->records[0].pin[GY_PIN_COMPARE]);
    return f;
}

static unsigned
hits(gyre *cache)
{
    unsigned n = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        bool hit = has_bytes(cache, key_of(i).text, BYTES, i);
        CHECK(hit || is_missing(cache, key_of(i).text));
        n += hit;
    }
    return n;
}

static int
count_visit(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)key, (void)key_size, (void)value;
    ++*(unsigned *)arg;
    return 0;
}

static unsigned
scanned(gyre *cache)
{
    unsigned n = 0;
    CHECK_OK(gyre_scan(cache, count_visit, &n));
    return n;
}

/* Offsets of what is to be damaged, found while the file is open. */
static struct {
    size_t value, slot, other_slot;
    uint64_t word;
} at;

static void
find_places(unsigned i)
{
    gyre *cache = open_it(0);
    struct gy_found f = place_of(cache, i), g = place_of(cache, i + 1);
    at.value = (size_t)(f.entry - cache->region.base) + sizeof(struct gy_header) + strlen(key_of(i).text) + BYTES / 2;
    at.slot = offset_of(cache, f.slot);
    at.other_slot = offset_of(cache, g.slot);
    at.word = g.word;
    api_close(cache);
}

TEST(damaged, a_value_is_missed_and_removed)
{
    size_t n;
    make_full(), find_places(3);
    char *bytes = bytes_of(&n);
    bytes[at.value] ^= 1;
    gyre_options o = options(GYRE_READONLY);
    gyre *reader = api_open_with(&o);
    char value[BYTES];
    CHECK_EQ(gyre_read(reader, key_of(3).text, strlen(key_of(3).text), value, sizeof value, NULL), GYRE_MISS);
    CHECK_OK(gyre_read(reader, key_of(4).text, strlen(key_of(4).text), value, sizeof value, NULL));
    gyre_close(reader);
    gyre *cache = open_it(0);
    CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
    CHECK_EQ(hits(cache), KEYS - 1);
    CHECK_EQ(scanned(cache), KEYS - 1);
    CHECK(gy_doubted(cache));
    api_settle(cache);
    CHECK(!gy_doubted(cache));
    CHECK_EQ(api_stats(cache).removed[GYRE_DAMAGED], 1);
    CHECK_EQ(hits(cache), KEYS - 1);
    fill(cache);
    CHECK_EQ(hits(cache), KEYS);
    api_close(cache);
    munmap(bytes, n), end();
}

/* The word of one key leads to another's entry, or nowhere. */
TEST(damaged, a_word_is_removed_that_leads_elsewhere)
{
    for (unsigned nowhere = 0; nowhere < 2; nowhere++) {
        size_t n;
        make_full(), find_places(5);
        char *bytes = bytes_of(&n);
        gy_atomic_u64 *slot = (gy_atomic_u64 *)(void *)(bytes + at.slot);
        uint64_t ref = nowhere ? GY_REF_MASK : gy_slot_ref(at.word);
        gy_store_seq(slot, (gy_load_seq(slot) & ~GY_REF_MASK) | ref);
        gyre *cache = open_it(0);
        CHECK_EQ(scanned(cache), KEYS - 1);
        CHECK_EQ(hits(cache), KEYS - 1);
        api_settle(cache);
        CHECK_EQ(gy_load_seq((gy_atomic_u64 *)(void *)(bytes + at.slot)), GY_EMPTY);
        CHECK_EQ(hits(cache), KEYS - 1);
        api_close(cache);
        munmap(bytes, n), end();
        strcpy(folder, "/tmp/gyre-test-XXXXXX");
    }
}

/* A word that leads into another's value: who evicts it writes nothing there. */
TEST(damaged, nothing_is_written_where_a_damaged_word_leads)
{
    size_t n;
    make_full(), find_places(7);
    gyre *cache = open_it(0);
    struct gy_found f = place_of(cache, 7);
    f.entry += 2 * sizeof(struct gy_header);
    f.header = gy_entry_header(f.entry);
    f.word += 2;
    char *bytes = bytes_of(&n), before[64];
    memcpy(before, f.entry, sizeof before);
    gy_proof_void(cache, &f);
    CHECK_EQ(memcmp(before, f.entry, sizeof before), 0);
    api_close(cache);
    munmap(bytes, n), end();
}

/* One bit of anything small, of a file that was closed: found at once. */
TEST(damaged, tables_of_a_clean_file)
{
    size_t n;
    make_full();
    gyre *cache = open_it(0);
    size_t places[] = {offset_of(cache, cache->words), offset_of(cache, &cache->books[0].position),
                       offset_of(cache, cache->geometries), offsetof(struct gy_super, mark),
                       offsetof(struct gy_super, learned), offsetof(struct gy_super, life.marked),
                       offset_of(cache, cache->lanes)};
    api_close(cache);
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        char *bytes = bytes_of(&n);
        bytes[places[i]] ^= 1;
        munmap(bytes, n);
        cache = open_it(0);
        CHECK_EQ(api_stats(cache).start, GYRE_START_RECOVERED);
        gyre_clear(cache), fill(cache);
        CHECK_EQ(hits(cache), KEYS);
        api_close(cache);
    }
    end();
}

static int
fill_and_die(void *arg)
{
    (void)arg;
    gyre *cache;
    gyre_options o = options(GYRE_CREATE);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    fill(cache);
    return 0;
}

/* After a kill there is no sum: what is written twice is compared. */
TEST(damaged, tables_of_a_file_whose_users_were_killed)
{
    size_t n;
    begin();
    region_process(fill_and_die, NULL);
    gyre *cache = open_it(0);
    size_t places[] = {offset_of(cache, cache->words), offset_of(cache, cache->geometries),
                       offsetof(struct gy_super, life.marked)};
    gyre_close(cache);
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        unlink(path.text);
        region_process(fill_and_die, NULL);
        char *bytes = bytes_of(&n);
        bytes[places[i]] ^= 1;
        munmap(bytes, n);
        cache = open_it(0);
        CHECK_EQ(api_stats(cache).start, GYRE_START_RECOVERED);
        gyre_close(cache);
    }
    end();
}

static int
fill_without_checksums_and_die(void *arg)
{
    (void)arg;
    gyre *cache;
    gyre_options o = options(GYRE_CREATE | GYRE_NO_CHECKSUMS);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    fill(cache);
    return 0;
}

/* Arenas are read for what proves itself, which nothing in it does. */
TEST(damaged, what_has_no_proofs_is_never_to_be_read)
{
    size_t n;
    begin();
    region_process(fill_without_checksums_and_die, NULL);
    char *bytes = bytes_of(&n);
    struct gy_super *s = (struct gy_super *)(void *)bytes;
    gy_atomic_u64 *words = (gy_atomic_u64 *)(void *)(bytes + s->geometry.words_at);
    uint64_t word = gy_load_acq(&words[s->geometry.n_arenas - 1]);
    CHECK_EQ(gy_arena_state(word), GY_FREE);
    gy_store_seq(&words[s->geometry.n_arenas - 1], gy_arena_in_lane(gy_arena_with_state(word, GY_WITHDRAWN), GY_LANE_UNREAD));
    gy_store_seq(&s->rebuild, 1);
    munmap(bytes, n);
    gyre *cache = open_it(GYRE_NO_CHECKSUMS);
    CHECK_EQ(api_stats(cache).start, GYRE_START_EMPTIED);
    api_close(cache);
    end();
}

/* Records that nobody ever had are not looked at, whatever their number is said to be. */
TEST(damaged, the_number_of_records_in_use)
{
    size_t n;
    begin();
    region_process(fill_and_die, NULL);
    char *bytes = bytes_of(&n);
    struct gy_super *s = (struct gy_super *)(void *)bytes;
    uint32_t used = gy_load_seq(&s->n_records_used);
    gy_store_seq(&s->n_records_used, used ^ 1u << 31);
    gyre *cache = open_it(0);
    CHECK_EQ(gy_load_seq(&s->n_records_used), used);
    CHECK_EQ(hits(cache), KEYS);
    api_close(cache);
    munmap(bytes, n), end();
}

/* Of the open arenas, nobody can tell how far they were filled: a put that went by that would write over what stands there. */
TEST(damaged, the_position_of_an_open_arena)
{
    size_t n;
    begin();
    region_process(fill_and_die, NULL);
    char *bytes = bytes_of(&n);
    const struct gy_super *s = (const struct gy_super *)(const void *)bytes;
    struct gy_book *book = (struct gy_book *)(void *)(bytes + s->geometry.books_at);
    for (unsigned a = 0; a < s->geometry.n_arenas; a++)
        if (gy_load_seq(&book[a].position) != 0)
            gy_store_seq(&book[a].position, 8); /* it was more */
    munmap(bytes, n);
    gyre *cache = open_it(0);
    CHECK_EQ(hits(cache), KEYS);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(1000 + i).text, BYTES, 1));
    CHECK_EQ(hits(cache), KEYS);
    api_close(cache);
    end();
}

/* The head is there twice. */
TEST(damaged, any_bit_of_the_head)
{
    size_t n;
    make_full();
    for (unsigned bit = 0; bit < offsetof(struct gy_super, mark) * 8; bit += 3) {
        char *bytes = bytes_of(&n);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        munmap(bytes, n);
        gyre *cache = open_it(bit % 2 ? GYRE_READONLY : 0);
        CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
        gyre_close(cache);
        cache = open_it(0);
        CHECK_EQ(hits(cache), KEYS);
        api_close(cache);
    }
    char *bytes = bytes_of(&n);
    CHECK_EQ(memcmp(bytes, bytes + GY_HEAD_COPY_AT, sizeof(uint64_t[GY_HEAD_WORDS])), 0);
    bytes[64] ^= 1, bytes[GY_HEAD_COPY_AT + 64] ^= 1;
    gyre_options o = options(0);
    CHECK_EQ(result_of(&o), GYRE_ECORRUPT);
    munmap(bytes, n), end();
}

/* The length of what is dead says where the next entry begins: a sweep that goes by a wrong one would leave what lives behind it,
 * and give its room away. */
TEST(damaged, a_length_of_what_is_dead)
{
    size_t n, header = 0;
    begin();
    gyre *cache = open_it(GYRE_CREATE);
    for (unsigned i = 0; i < 60000; i++) /* until newcomers have to leave again */
        CHECK_OK(put_bytes(cache, key_of(1000 + i).text, BYTES, i));
    fill(cache);
    struct gy_found f = place_of(cache, 1);
    header = (size_t)(f.entry - cache->region.base);
    uint32_t arena = f.arena;
    uint64_t bytes_each = gy_found_bytes(cache, &f);
    CHECK_EQ(gyre_delete(cache, key_of(1).text, strlen(key_of(1).text)), GYRE_OK);
    api_close(cache);
    char *bytes = bytes_of(&n);
    struct gy_header *h = (struct gy_header *)(void *)(bytes + header);
    h->value_bytes += (uint32_t)(2 * bytes_each); /* to the beginning of another */
    cache = open_it(0);
    api_settle(cache);
    uint64_t opened = gy_load_seq(&cache->books[arena].opened);
    for (unsigned i = 0; gy_load_seq(&cache->books[arena].opened) == opened; i++) /* until it is used again */
        CHECK(i < 1000000 && put_bytes(cache, key_of(100000 + i).text, BYTES, i) == GYRE_OK);
    for (uint64_t slot = 0; slot < cache->n_shards * gy_shard_extent(cache, 0) * GY_BUCKET_SLOTS; slot++) {
        uint64_t shard_slots = gy_shard_extent(cache, 0) * GY_BUCKET_SLOTS;
        struct gy_bucket *base = gy_shard_buckets(cache, slot / shard_slots);
        uint64_t word = gy_load_seq(&base[slot % shard_slots / GY_BUCKET_SLOTS].slot[slot % GY_BUCKET_SLOTS]);
        f = (struct gy_found){.word = word, .entry = gy_at(cache, gy_slot_ref(word)), .arena = gy_ref_arena(cache, gy_slot_ref(word))};
        CHECK(word == GY_EMPTY || f.arena != arena || gy_entry_proved(cache, &f));
    }
    hits(cache);
    api_close(cache);
    munmap(bytes, n), end();
}

/* A lease of before has no holder. */
TEST(damaged, leases_of_before_are_none)
{
    begin();
    gyre *cache = open_it(GYRE_CREATE);
    gyre_view view;
    gyre_lease lease;
    CHECK_EQ(gyre_get_or_lease(cache, "key", 3, NULL, &view, &lease), GYRE_MISS);
    gyre_close(cache);
    cache = open_it(0);
    CHECK_EQ(gyre_get_or_lease(cache, "key", 3, NULL, &view, &lease), GYRE_MISS);
    gyre_close(cache);
    end();
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "layout.h"

#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "entry.h"

static const uint64_t LEAST = 64 << 10, MOST = (uint64_t)4 << 40;

static gyre_options
checked(uint64_t capacity_bytes)
{
    gyre_options given = api_options(capacity_bytes, 0), out;
    CHECK_OK(gy_options_check(&out, &given));
    return out;
}

static void
check_parts(const struct gy_geometry *g, const char *what, uint64_t capacity)
{
    const uint64_t start[] = {0, g->records_at, g->words_at, g->books_at, g->lanes_at, g->history_at,
                              g->index_at, g->arenas_at, g->region_bytes};
    const uint64_t bytes[] = {sizeof(struct gy_super) + sizeof(struct gy_shard) * g->n_shards,
                              (uint64_t)g->n_records * sizeof(struct gy_record),
                              (uint64_t)g->n_arenas * sizeof(gy_atomic_u64),
                              (uint64_t)g->n_arenas * sizeof(struct gy_book),
                              (uint64_t)g->n_lanes * sizeof(struct gy_lane),
                              (uint64_t)g->n_history * GY_LINE,
                              g->shard_bytes_most * g->n_shards, (uint64_t)g->n_arenas << g->arena_shift};
    for (unsigned i = 0; i < 8; i++) {
        CHECK_MSG(start[i + 1] >= start[i] + bytes[i], "%s, capacity %llu, part %u", what,
                  (unsigned long long)capacity, i);
        CHECK_EQ(start[i] % 4096, 0);
    }
}

/* What all plans have in common. */
static void
check_plan(const struct gy_geometry *g, const gyre_options *o, unsigned cpus)
{
    uint64_t arena = (uint64_t)1 << g->arena_shift, index_first, capacity = o->capacity_bytes;
    check_parts(g, "parts", capacity);
    CHECK_EQ(g->arenas_at % arena, 0);
    CHECK_EQ(g->capacity_bytes, capacity);
    index_first = gy_layout_index_first(g);
    CHECK(((uint64_t)g->n_arenas << g->arena_shift) + index_first <= capacity);
    CHECK(capacity - index_first - ((uint64_t)g->n_arenas << g->arena_shift) < arena); /* nothing is wasted */
    CHECK(g->region_bytes >> 3 <= GY_REF_MASK); /* a ref reaches every entry */
    CHECK(g->n_arenas < (1u << GY_ARENA_BITS) - 1); /* and a pin, and a lane's word, every arena */
    CHECK(g->log2_buckets_first >= 1 && g->log2_buckets_first <= g->log2_buckets_most);
    CHECK(g->log2_buckets_most <= GY_MAX_LOG2_BUCKETS && g->n_shards > 0 && g->n_shards <= GY_MAX_SHARDS);
    CHECK_EQ(g->shard_bytes_most, (uint64_t)sizeof(struct gy_bucket) << g->log2_buckets_most);
    CHECK(g->n_lanes >= 1 && g->n_lanes <= gy_max(1, cpus) && g->n_lanes <= 0x7ff);
    /* What the cache cannot do without: an arena for each ring, the reserve, and something to sweep. */
    CHECK(g->n_arenas >= g->n_lanes * GY_RINGS + g->reserve_arenas + 1);
    struct gy_header h = {.value_bytes = (uint32_t)g->max_value_bytes, .key_bytes = 100,
                          .flags = GY_ENTRY_KNOWN};
    CHECK(gy_entry_bytes(8, h, g->value_align) <= arena);
    CHECK(g->max_value_bytes > 0 && (o->max_value_bytes == 0 || g->max_value_bytes == o->max_value_bytes));
}

TEST(layout, plans_of_all_capacities)
{
    static const uint32_t align[] = {8, 64, 512}, cpus[] = {1, 2, 16, 256, 4096};
    static const uint32_t expected[] = {16, 1024, 60000};
    for (uint64_t capacity = LEAST; capacity <= MOST; capacity = capacity * 5 / 4 + 12345) {
        for (unsigned i = 0; i < 45; i++) {
            gyre_options o = checked(capacity);
            o.value_align = align[i % 3], o.expected_entry_bytes = expected[i / 3 % 3];
            o.max_entries = i % 2 ? capacity / 2000 : 0;
            struct gy_geometry g;
            CHECK_MSG(gy_layout_plan(&g, &o, cpus[i / 9]) == GYRE_OK, "capacity %llu, align %u",
                      (unsigned long long)capacity, o.value_align);
            check_plan(&g, &o, cpus[i / 9]);
        }
    }
    gyre_options o = checked(MOST);
    struct gy_geometry g;
    CHECK_OK(gy_layout_plan(&g, &o, 64));
    check_plan(&g, &o, 64);
}

TEST(layout, a_large_value_makes_arenas_for_it_or_is_refused)
{
    for (uint64_t value = 1; value < 64 << 20; value = value * 3 + 1) {
        gyre_options o = checked(64 << 20);
        struct gy_geometry g;
        o.max_value_bytes = (uint32_t)value;
        int result = gy_layout_plan(&g, &o, 4);
        if (result == GYRE_OK)
            check_plan(&g, &o, 4);
        else
            CHECK_EQ(result, GYRE_EINVAL);
        CHECK_MSG((result == GYRE_OK) == (value <= (8 << 20) - 520), "value %llu", (unsigned long long)value);
    }
}

TEST(layout, a_limit_of_entries_sizes_the_first_index)
{
    gyre_options o = checked(256 << 20);
    struct gy_geometry few, many;
    o.max_entries = 1000;
    CHECK_OK(gy_layout_plan(&few, &o, 4));
    o.max_entries = 4000000;
    CHECK_OK(gy_layout_plan(&many, &o, 4));
    CHECK(gy_layout_index_first(&many) > gy_layout_index_first(&few));
    uint64_t slots = gy_layout_index_first(&many) / sizeof(struct gy_bucket) * GY_BUCKET_SLOTS;
    CHECK(o.max_entries * 100 <= slots * 64);
}

/* The history has its bytes for each entry, of a limit or of the capacity, and a line at the least. */
TEST(layout, the_history_follows_the_entries)
{
    for (uint64_t limit = 1; limit < (64 << 20) / 32; limit = limit * 3 / 2 + 1) {
        gyre_options o = checked(64 << 20);
        struct gy_geometry g;
        o.max_entries = limit;
        CHECK_OK(gy_layout_plan(&g, &o, 4));
        CHECK_EQ(g.n_history, gy_max(1, limit * 4 / GY_LINE));
        check_plan(&g, &o, 4);
    }
    gyre_options o = checked(64 << 20);
    struct gy_geometry small, large;
    o.expected_entry_bytes = 64;
    CHECK_OK(gy_layout_plan(&small, &o, 4));
    o.expected_entry_bytes = 4096;
    CHECK_OK(gy_layout_plan(&large, &o, 4));
    CHECK_EQ(small.n_history, (64 << 20) / (64 + 24) * 4 / GY_LINE); /* header and slots are of the capacity, too */
    CHECK(large.n_history >= (64 << 20) / (4096 + 24) * 4 / GY_LINE && large.n_history < small.n_history);
    o.max_entries = (uint64_t)1 << 40;
    CHECK_OK(gy_layout_plan(&large, &o, 4));
    check_plan(&large, &o, 4);
    CHECK_EQ(large.n_history, (64 << 20) / 32 * 4 / GY_LINE); /* more entries cannot be there */
}

/* A formatted region's head. */
static char *
formatted(struct gy_geometry *g)
{
    gyre_options o = checked(32 << 20);
    CHECK_OK(gy_layout_plan(g, &o, 4));
    char *base = aligned_alloc(4096, g->words_at);
    CHECK(base != NULL);
    memset(base, 0, g->words_at);
    gy_layout_format_quiet(base, g, &(struct gy_birth){.seed = 42, .generation = 7, .clock_start_ms = 1000});
    return base;
}

/* Size and phase are what was put in, twice; of a steady shard, less what stands above, the word is the mask of its
 * buckets' places. */
TEST(layout, a_geometry_word_is_a_mask_and_a_phase)
{
    for (unsigned log2 = 0; log2 <= GY_MAX_LOG2_BUCKETS; log2++)
        for (unsigned phase = GY_STEADY; phase <= GY_MOVING; phase++) {
            uint64_t word = gy_geometry_word(log2, (enum gy_phase)phase), last = ((uint64_t)1 << log2) - 1;
            CHECK_EQ(gy_geometry_log2(word), log2);
            CHECK_EQ(gy_geometry_phase(word), phase);
            uint64_t again = word >> GY_GEOMETRY_AGAIN_SHIFT, mask = word - (again << GY_GEOMETRY_AGAIN_SHIFT);
            CHECK_EQ(again, log2 << 2 | phase);
            CHECK_EQ(mask & ~(uint64_t)63, last * sizeof(struct gy_bucket));
            CHECK(phase != GY_STEADY || (mask & 63) == 0);
        }
}

TEST(layout, what_was_formatted_is_verified)
{
    struct gy_geometry g;
    char *base = formatted(&g);
    struct gy_super *s = (struct gy_super *)(void *)base;
    CHECK_OK(gy_layout_verify(s, g.region_bytes));
    CHECK_OK(gy_layout_verify_shards(base, &g));
    CHECK_MEM(&s->geometry, &g, sizeof g);
    CHECK(s->seed == 42 && s->generation == 7 && s->clock_start_ms == 1000);
    CHECK_EQ(gy_load_rlx(&s->n_free), g.n_arenas);
    uint64_t arenas = (uint64_t)g.n_arenas << g.arena_shift;
    CHECK_EQ(gy_load_rlx(&s->index_bytes) + gy_load_rlx(&s->index_credit) + arenas, g.capacity_bytes);
    for (unsigned i = 0; i < g.n_shards; i++)
        CHECK_EQ(gy_load_rlx(&gy_layout_geometries((char *)s, &g)[i]), gy_geometry_word(g.log2_buckets_first, GY_STEADY));
    CHECK(gy_load_rlx(&s->mark) == 0 && gy_load_rlx(&s->sequence) > 0);
    free(base);
}

TEST(layout, what_is_not_ours_or_damaged_is_refused)
{
    struct gy_geometry g;
    char *base = formatted(&g);
    struct gy_super *s = (struct gy_super *)(void *)base;
    struct gy_super good;
    memcpy(&good, s, sizeof good);
#define REFUSED(change, code)                                                                      \
    do {                                                                                           \
        (void)(change);                                                                            \
        gy_layout_sign_quiet(s);   /* whoever wrote it */                                          \
        CHECK_EQ(gy_layout_verify(s, g.region_bytes), code);                                    \
        memcpy(s, &good, sizeof good);                                                             \
        CHECK_OK(gy_layout_verify(s, g.region_bytes));                                          \
    } while (0)
    for (unsigned bit = 0; bit < 64; bit++)
        REFUSED(s->magic ^= (uint64_t)1 << bit, GYRE_EFORMAT);
    for (unsigned bit = 0; bit < 32; bit++)
        REFUSED(s->stamp ^= 1u << bit, GYRE_EFORMAT);
    for (unsigned bit = 0; bit < 16; bit++)
        REFUSED(s->format ^= (uint16_t)(1u << bit), GYRE_EFORMAT);
    for (unsigned minor = GY_FORMAT_MINOR + 1; minor <= UINT16_MAX; minor++)
        REFUSED(s->minor = (uint16_t)minor, GYRE_EFORMAT);
    REFUSED(gy_store_rlx(&s->state, 0), GYRE_ECORRUPT); /* still being formatted, or its maker died */
    REFUSED(gy_store_rlx(&s->state, 2), GYRE_ECORRUPT);
    REFUSED(s->geometry.region_bytes += 4096, GYRE_ECORRUPT);
    REFUSED(s->geometry.region_bytes -= 4096, GYRE_ECORRUPT);
    REFUSED(s->geometry.n_arenas++, GYRE_ECORRUPT);
    REFUSED(s->geometry.n_arenas = UINT32_MAX, GYRE_ECORRUPT);
    REFUSED(s->geometry.arena_shift++, GYRE_ECORRUPT);
    REFUSED(s->geometry.arena_shift = 41, GYRE_ECORRUPT);
    REFUSED(s->geometry.arena_shift = 255, GYRE_ECORRUPT);
    REFUSED(s->geometry.arenas_at += (uint64_t)1 << g.arena_shift, GYRE_ECORRUPT);
    REFUSED(s->geometry.arenas_at = UINT64_MAX, GYRE_ECORRUPT);
    REFUSED(s->geometry.n_history = 0, GYRE_ECORRUPT);
    REFUSED(s->geometry.n_history = UINT32_MAX, GYRE_ECORRUPT);
    REFUSED(s->geometry.n_history *= 16, GYRE_ECORRUPT); /* it would reach into the index */
    REFUSED(s->geometry.n_shards = 0, GYRE_ECORRUPT);
    REFUSED(s->geometry.n_shards = GY_MAX_SHARDS + 1, GYRE_ECORRUPT);
    REFUSED(s->geometry.n_shards++, GYRE_ECORRUPT);
    REFUSED(s->geometry.log2_buckets_most = GY_MAX_LOG2_BUCKETS + 1, GYRE_ECORRUPT);
    for (unsigned bit = 0; bit < 32; bit++) /* but GYRE_VERSIONS, which cannot be told */
        if (1u << bit != GYRE_VERSIONS)
            REFUSED(s->geometry.flags ^= 1u << bit, GYRE_ECORRUPT);
    REFUSED(s->geometry.n_lanes = g.n_arenas / 2, GYRE_ECORRUPT); /* no arena left to sweep */
    REFUSED(s->geometry.reserve_arenas = g.n_arenas - g.n_lanes * GY_RINGS, GYRE_ECORRUPT);
    REFUSED(s->geometry.reserve_arenas = 0, GYRE_ECORRUPT);
    REFUSED(s->geometry.reserve_arenas = UINT32_MAX, GYRE_ECORRUPT);
    REFUSED(s->geometry.max_value_bytes = 0, GYRE_ECORRUPT);
    REFUSED(s->geometry.capacity_bytes = MOST + 1, GYRE_ECORRUPT);
    REFUSED(s->reader_fences = 2, GYRE_ECORRUPT);
#undef REFUSED
    CHECK_EQ(gy_layout_verify(s, g.region_bytes - 1), GYRE_ECORRUPT);
    CHECK_EQ(gy_layout_verify(s, sizeof *s - 1), GYRE_EFORMAT);
    CHECK_EQ(gy_layout_verify(s, 0), GYRE_EFORMAT);
    free(base);
}

/* What an entry takes of the first index: about the same in any capacity, since the number of shards is any. */
/* Of two heads that are whole, a file has the one that tells its length. */
TEST(layout, a_head_is_mended_for_the_file_that_it_stands_in)
{
    struct gy_geometry g, larger;
    char *base = formatted(&g);
    gyre_options o = checked(2 * g.capacity_bytes);
    CHECK_OK(gy_layout_plan(&larger, &o, 4));
    CHECK(larger.region_bytes != g.region_bytes);
    struct gy_super *s = (struct gy_super *)(void *)base, head;
    uint64_t good[GY_HEAD_WORDS];
    memcpy(good, s->copy, sizeof good);
    s->geometry = larger;
    gy_layout_sign_quiet(s);
    CHECK_OK(gy_layout_verify(s, larger.region_bytes));
    memcpy(s->copy, good, sizeof good);
    memcpy(&head, s, sizeof head);
    CHECK_OK(gy_layout_verify_either(&head, g.region_bytes));
    gy_layout_mend_quiet(s, g.region_bytes);
    CHECK_OK(gy_layout_verify(s, g.region_bytes));
    CHECK_MEM(s, &head, sizeof good);
    CHECK_MEM(s->copy, s, sizeof good);
    free(base);
}

TEST(layout, the_index_is_as_large_as_it_has_to_be)
{
    for (uint64_t capacity = 8 << 20; capacity <= MOST; capacity = capacity * 9 / 8 + 12345) {
        static const uint32_t expected[] = {40, 80, 300};
        for (unsigned i = 0; i < 6; i++) {
            gyre_options o = checked(capacity);
            struct gy_geometry g;
            o.expected_entry_bytes = expected[i / 2];
            o.flags |= i % 2 ? GYRE_HUGEPAGES : 0;
            CHECK_OK(gy_layout_plan(&g, &o, 4));
            uint64_t filled = capacity - ((uint64_t)3 << g.arena_shift); /* what is open or free is not */
            uint64_t entries = filled / (expected[i / 2] + 24), bytes = gy_layout_index_first(&g);
            uint64_t rounding = i % 2 ? capacity / 64 : 0, shard = bytes / g.n_shards;
            CHECK_MSG(bytes * 64 >= entries * 8 * 100, "capacity %llu", (unsigned long long)capacity);
            CHECK_MSG(bytes * 64 <= entries * 8 * 100 * 33 / 32 + 64 * (rounding + shard),
                      "capacity %llu, %u shards of %llu", (unsigned long long)capacity, g.n_shards,
                      (unsigned long long)shard);
            CHECK(g.n_shards == 1 || g.n_shards > 32 || shard == (2 << 20) || shard == (64 << 10));
            CHECK(g.n_shards == 1 || shard >= 64 << 10);
            CHECK(g.n_shards <= 64 || g.log2_buckets_first == GY_MAX_LOG2_BUCKETS - 2);
            CHECK(g.log2_buckets_first < g.log2_buckets_most);
        }
    }
}

/* Threads that put share no count of a few shards, however few the entries that are expected. */
TEST(layout, a_small_index_has_several_shards)
{
    for (uint64_t capacity = 1 << 20; capacity <= (uint64_t)1 << 30; capacity *= 2) {
        gyre_options o = checked(capacity);
        struct gy_geometry g;
        o.expected_entry_bytes = 100000;
        CHECK_OK(gy_layout_plan(&g, &o, 4));
        check_plan(&g, &o, 4);
        CHECK_EQ(g.n_shards, gy_max(1, gy_min(64, capacity >> 22)));
        CHECK(gy_layout_index_first(&g) <= capacity / 2000);
    }
}

/* Of a huge page that is used in part all is resident. Where that would be much, shards are made for small ones. */
TEST(layout, with_huge_pages_shards_fill_them)
{
    unsigned filled = 0;
    for (uint64_t capacity = 1 << 20; capacity <= (uint64_t)64 << 30; capacity *= 4) {
        gyre_options o = checked(capacity);
        struct gy_geometry g;
        o.expected_entry_bytes = 80;
        o.flags |= GYRE_HUGEPAGES;
        CHECK_OK(gy_layout_plan(&g, &o, 4));
        check_plan(&g, &o, 4);
        uint64_t shard = gy_layout_index_first(&g) / g.n_shards;
        CHECK(shard % (2 << 20) == 0 || capacity < 128 << 20);
        filled += shard % (2 << 20) == 0;
    }
    CHECK(filled > 4);
}

/* A shard's word is a mask that lookups apply to hashes: it stays within the shard. */
TEST(layout, damaged_words_of_shards_are_refused)
{
    struct gy_geometry g;
    char *base = formatted(&g);
    for (unsigned shard = 0; shard < g.n_shards; shard += g.n_shards - 1) {
        gy_atomic_u64 *word = &gy_layout_geometries(base, &g)[shard];
        for (unsigned log2 = 0; log2 < 57; log2++)
            for (unsigned phase = GY_STEADY; phase <= 3; phase++) {
                unsigned last = log2 + (phase != GY_STEADY);
                bool good = log2 >= g.log2_buckets_first && last <= g.log2_buckets_most && phase <= GY_MOVING;
                gy_store_rlx(word, gy_geometry_word(log2, (enum gy_phase)phase));
                CHECK_EQ(gy_layout_verify_shards(base, &g), good ? GYRE_OK : GYRE_ECORRUPT);
            }
        uint64_t fine = gy_geometry_word(g.log2_buckets_first, GY_STEADY);
        gy_store_rlx(word, UINT64_MAX);
        CHECK_EQ(gy_layout_verify_shards(base, &g), GYRE_ECORRUPT);
        for (unsigned bit = 0; bit < 64; bit++) {
            gy_store_rlx(word, fine ^ (uint64_t)1 << bit);
            CHECK_EQ(gy_layout_verify_shards(base, &g), GYRE_ECORRUPT);
        }
        gy_store_rlx(word, fine);
        CHECK_OK(gy_layout_verify_shards(base, &g));
    }
    free(base);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Options become a plan, a plan a superblock, and the rest of the bytes damage it; then it is signed anew, or not. What is planned,
 * and what is still accepted after the damage, must be a region that can be followed: its parts are where
 * they can be, whoever wrote them. A file's head and its copy are made whole by each other, and nothing else comes of it.
 * Nothing is mapped: this is fast. */

#include <string.h>

#include "entry.h"
#include "fuzz.h"
#include "layout.h"

enum { PATCHES_MOST = 8, CPUS_MOST = 5000 };

static struct {
    unsigned long long planned, refused, accepted_damaged, rejected_damaged, mended;
} totals;

/* A number of any magnitude, from few bytes: some bits at some place. */
static uint64_t
take_number(struct fuzz_bytes *in)
{
    uint64_t shift = fuzz_take(in, 1) % 64;

    return fuzz_take(in, 2) << shift;
}

/* What gy_options_check would have let through, and the sizes that it would not have. */
static gyre_options
take_options(struct fuzz_bytes *in)
{
    gyre_options given = GYRE_OPTIONS_INIT, out;
    uint64_t which = fuzz_take(in, 1);

    given.capacity_bytes = take_number(in);
    given.max_entries = which & 1 ? take_number(in) : 0;
    given.max_value_bytes = which & 2 ? (uint32_t)take_number(in) : 0;
    given.expected_entry_bytes = which & 4 ? (uint32_t)take_number(in) : 0;
    given.value_align = which & 8 ? (uint32_t)take_number(in) : 0;
    given.default_ttl_ms = which & 16 ? (uint32_t)take_number(in) : 0;
    given.flags = which & 32 ? (uint32_t)fuzz_take(in, 1) & ~(uint32_t)GYRE_SHM_FD : 0; /* one that is made */
    if (which & 64)
        given.file_path = "file", given.flags = (given.flags & ~(uint32_t)GYRE_HUGEPAGES) | GYRE_CREATE;
    if (gy_options_check(&out, &given) != GYRE_OK)
        out.struct_size = 0;
    return out;
}

/* Each part after the one before it, with room for what it holds; computed wide, so that nothing wraps. */
static bool
parts_follow(const struct gy_geometry *g)
{
    typedef unsigned __int128 wide;
    const uint64_t start[] = {g->records_at, g->words_at, g->books_at,  g->lanes_at,
                              g->history_at, g->index_at, g->arenas_at, g->region_bytes};
    const wide bytes[] = {(wide)g->n_records * sizeof(struct gy_record),
                          (wide)g->n_arenas * sizeof(gy_atomic_u64),
                          (wide)g->n_arenas * sizeof(struct gy_book),
                          (wide)g->n_lanes * sizeof(struct gy_lane),
                          (wide)g->n_history * GY_LINE,
                          ((wide)sizeof(struct gy_bucket) << g->log2_buckets_most) * g->n_shards,
                          (wide)g->n_arenas << g->arena_shift};

    if (g->geometries_at < sizeof(struct gy_super) + (wide)sizeof(struct gy_shard) * g->n_shards ||
        g->counts_at < g->geometries_at + (wide)sizeof(gy_atomic_u64) * g->n_shards || start[0] < g->counts_at)
        return false;
    for (unsigned i = 0; i < 7; i++)
        if (start[i] % 64 != 0 || start[i] + bytes[i] > start[i + 1])
            return false;
    return true;
}

/* What the rest of the library takes for granted of a geometry. */
static void
check_geometry(const struct gy_geometry *g, uint64_t region_bytes)
{
    FUZZ_CHECK(g->arena_shift >= 12 && g->arena_shift < 64 && g->n_shards > 0 && g->n_shards <= GY_MAX_SHARDS &&
                   g->log2_buckets_most <= GY_MAX_LOG2_BUCKETS && g->n_history > 0,
               "shifts");
    FUZZ_CHECK(parts_follow(g), "parts");
    FUZZ_CHECK(g->region_bytes == region_bytes && region_bytes / 8 <= GY_REF_MASK, "a ref does not reach");
    FUZZ_CHECK(g->arenas_at % ((uint64_t)1 << g->arena_shift) == 0, "arenas are not aligned");
    FUZZ_CHECK(g->n_arenas > 0 && g->n_arenas < 1u << GY_ARENA_BITS && g->n_lanes > 0 && g->n_records > 0,
               "counts");
    FUZZ_CHECK(g->log2_buckets_first > 0 && g->log2_buckets_first <= g->log2_buckets_most, "index");
    FUZZ_CHECK(g->max_value_bytes < (uint64_t)1 << g->arena_shift, "values");
    FUZZ_CHECK(g->value_align >= 8 && g->value_align <= 4096 && (g->value_align & (g->value_align - 1)) == 0,
               "alignment");
    uint64_t index = gy_layout_index_first(g);
    FUZZ_CHECK(index + ((uint64_t)g->n_arenas << g->arena_shift) <= g->capacity_bytes, "capacity");
}

/* What holds of plans beyond that. */
static void
check_plan(const struct gy_geometry *g, const gyre_options *o)
{
    struct gy_header h = {.value_bytes = (uint32_t)g->max_value_bytes, .key_bytes = 1, .flags = GY_ENTRY_KNOWN};

    check_geometry(g, g->region_bytes);
    FUZZ_CHECK(g->capacity_bytes == o->capacity_bytes, "capacity");
    FUZZ_CHECK(g->n_arenas >= g->n_lanes * GY_RINGS + g->reserve_arenas + 1, "%u arenas", g->n_arenas);
    FUZZ_CHECK(gy_entry_bytes(8, h, g->value_align) <= (uint64_t)1 << g->arena_shift, "the largest entry");
    FUZZ_CHECK(g->max_value_bytes > 0 && (o->max_value_bytes == 0 || g->max_value_bytes == o->max_value_bytes),
               "the largest value");
}

static void
sign(struct gy_super *s, uint64_t how)
{
    uint64_t copy[GY_HEAD_WORDS];
    memcpy(copy, s->copy, sizeof copy);
    gy_layout_sign_quiet(s);
    if (how & 128)
        memcpy(s->copy, copy, sizeof copy);
    else if (how & 32)
        memcpy(s, copy, sizeof copy);
}

/* Bytes of the superblock, its geometry mostly, are changed; how long the region is said to be, too. */
static void
damage(char *base, size_t head_bytes, uint64_t *region_bytes, struct fuzz_bytes *in)
{
    const size_t geometry = offsetof(struct gy_super, geometry);

    struct gy_super *s = (struct gy_super *)(void *)base;
    for (unsigned i = 0; i < PATCHES_MOST && in->at < in->end; i++) {
        uint64_t how = fuzz_take(in, 1), word;
        size_t width = how & 1 ? 4 : 8;
        size_t at = how & 2 ? fuzz_take(in, 2) : geometry + fuzz_take(in, 1) % sizeof(struct gy_geometry);
        uint64_t number = take_number(in);

        at = at / width * width % (head_bytes - width + 1);
        memcpy(&word, base + at, width);
        word = how & 4 ? number : how & 8 ? word + number : word - number;
        memcpy(base + at, &word, width);
        if (how >= 240)
            *region_bytes = how & 4 ? number : s->geometry.region_bytes;
        else if (how & 64) /* of both, or of one of them */
            sign(s, how);
    }
}

static int
verify(const char *base, uint64_t region_bytes)
{
    const struct gy_super *head = (const struct gy_super *)(const void *)base;
    int result = gy_layout_verify(head, region_bytes);
    return result == GYRE_OK ? gy_layout_verify_shards(base, &head->geometry) : result;
}

static void *
page_aligned(size_t bytes)
{
    void *memory;
    FUZZ_CHECK(posix_memalign(&memory, _Alignof(struct gy_super), bytes) == 0, "memory");
    return memory;
}

/* Who opens a file has a copy of its head at first; then he mends what is there. */
static void
check_mended(char *base, uint64_t region_bytes)
{
    struct gy_super *s = (struct gy_super *)(void *)base, *head = page_aligned(sizeof *head);
    const size_t fixed = sizeof s->copy;

    memcpy(head, s, sizeof *head);
    bool whole = gy_layout_verify(s, region_bytes) == GYRE_OK;
    int result = gy_layout_verify_either(head, region_bytes);
    FUZZ_CHECK(result == GYRE_OK || memcmp(head, s, sizeof *head) == 0, "what is refused is changed");
    FUZZ_CHECK(!whole || (result == GYRE_OK && memcmp(head, s, fixed) == 0), "a whole head is replaced");
    if (result == GYRE_OK) {
        check_geometry(&head->geometry, region_bytes);
        gy_layout_mend_quiet(s, region_bytes);
        FUZZ_CHECK(gy_layout_verify(s, region_bytes) == GYRE_OK && memcmp(head, s, fixed) == 0, "another head");
        FUZZ_CHECK(memcmp(s, s->copy, fixed) == 0, "another copy");
        totals.mended += !whole;
    }
    free(head);
}

static void
verify_damaged(const struct gy_geometry *plan, struct fuzz_bytes *in)
{
    size_t head_bytes = plan->counts_at;
    uint64_t region_bytes = plan->region_bytes;
    char *base = page_aligned(head_bytes); /* reading beyond it is seen */

    memset(base, 0, head_bytes);
    gy_layout_format_quiet(base, plan, &(struct gy_birth){.seed = 1 + fuzz_take(in, 1)});
    FUZZ_CHECK(verify(base, region_bytes) == GYRE_OK, "a fresh superblock is refused");
    damage(base, head_bytes, &region_bytes, in);
    int result = verify(base, region_bytes);
    FUZZ_CHECK(result == GYRE_OK || result == GYRE_EFORMAT || result == GYRE_ECORRUPT, "verify: %d", result);
    if (result == GYRE_OK) {
        check_geometry(&((struct gy_super *)(void *)base)->geometry, region_bytes);
        totals.accepted_damaged++;
    } else {
        totals.rejected_damaged++;
    }
    check_mended(base, region_bytes);
    free(base);
}

FUZZ_TARGET
{
    struct fuzz_bytes in = {data, data + size};
    gyre_options options = take_options(&in);
    unsigned cpus = 1 + (unsigned)fuzz_take(&in, 2) % CPUS_MOST;
    struct gy_geometry plan;

    if (options.struct_size == 0 || gy_layout_plan(&plan, &options, cpus) != GYRE_OK) {
        totals.refused++;
        return 0;
    }
    totals.planned++;
    check_plan(&plan, &options);
    verify_damaged(&plan, &in);
    return 0;
}

int
fuzz_report(FILE *out)
{
    fprintf(out, "%llu plans, %llu refused; damaged: %llu accepted, %llu rejected, %llu mended\n", totals.planned,
            totals.refused, totals.accepted_damaged, totals.rejected_damaged, totals.mended);
    return totals.planned > 0 && totals.refused > 0 && totals.accepted_damaged > 0 && totals.rejected_damaged > 0 &&
           totals.mended > 0;
}

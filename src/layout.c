/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "layout.h"

#include <string.h>

#include "entry.h"

static const uint64_t MAGIC = 0x3165727967u; /* "gyre1" */
enum {
    FORMAT = 3,
    READY = 1,
    RECORDS = 4096,
    ARENA_LEAST = 4 << 10,
    ARENAS_WANTED = 512, /* small enough that a pin holds little, large enough that ends waste little */
    ARENAS_LEAST = 8,
    ENTRY_EXPECTED = 1024,
    ENTRY_EXTRA = 24,    /* what an entry takes beside key and value: header and slots */
    ENTRY_SMALL = 256,   /* where many would take more than few */
    ENTRY_ROOM = 512,    /* beside the largest value: header, optional words, a usual key */
    HISTORY_MOST = 1 << 28,
    HUGE_PAGE = 2 << 20,
    LOAD_NUMERATOR = 3,  /* of the first index, at most; it grows at 64 % */
    LOAD_DENOMINATOR = 5,
};

static uint32_t
layout_stamp(void)
{
    const uint32_t parts[] = {FORMAT, GY_LINE, sizeof(struct gy_super), sizeof(struct gy_record),
                              sizeof(struct gy_shard), sizeof(struct gy_book), sizeof(struct gy_lane),
                              sizeof(struct gy_header), GY_REF_BITS, GY_TAG_SHIFT, GY_BUCKET_SLOTS,
                              XXH_VERSION_NUMBER / 10000, sizeof(void *)};
    return (uint32_t)XXH3_64bits(parts, sizeof parts);
}

/* The size of all arenas: a power of two with room for the largest value, and enough of them. */
static int
plan_arenas(struct gy_geometry *g, const gyre_options *o)
{
    uint64_t capacity = o->capacity_bytes;
    uint64_t bytes = (uint64_t)1 << gy_log2_floor(capacity / ARENAS_WANTED);
    uint64_t least = capacity >= (8u << 20) ? 16u << 10 : capacity >= (256u << 10) ? 8u << 10 : ARENA_LEAST;
    bytes = gy_max(gy_min(bytes, 32u << 20), least);
    /* When entries are known to be large: many an arena, so that little is lost at its end. */
    uint64_t expected = o->expected_entry_bytes;
    bytes = gy_max(bytes, gy_min(gy_min(expected * 32, capacity / 32), 1u << 30));
    bytes = gy_max(bytes, gy_min(expected * 4, capacity / 16));
    /* A value starts at a multiple of its alignment, after the header: two such pieces at the least. */
    bytes = gy_max(bytes, gy_min((uint64_t)o->value_align * 4, gy_max(capacity / 16, o->value_align * 2u)));
    bytes = (uint64_t)1 << gy_log2_floor(bytes);
    uint64_t room = ENTRY_ROOM + o->value_align;
    if (o->max_value_bytes > 0)
        bytes = gy_max(bytes, (uint64_t)1 << gy_log2_ceil(o->max_value_bytes + room));
    if (bytes > capacity / ARENAS_LEAST)
        return GYRE_EINVAL;
    g->arena_shift = gy_log2_floor(bytes);
    g->max_value_bytes = o->max_value_bytes ? o->max_value_bytes : gy_min(bytes - room, UINT32_MAX);
    return GYRE_OK;
}

static void
plan_index(struct gy_geometry *g, const gyre_options *o)
{
    uint64_t capacity = o->capacity_bytes;
    g->log2_shards = (uint32_t)gy_min(6, gy_log2_floor(gy_max(1, capacity >> 22)));
    uint64_t expected = o->expected_entry_bytes ? o->expected_entry_bytes : ENTRY_EXPECTED;
    uint64_t entries = gy_max(capacity / (expected + ENTRY_EXTRA), 1);
    if (o->max_entries > 0) /* full, it has no need to grow */
        entries = gy_max(entries, gy_min(o->max_entries * 5 / 4, capacity / 32));
    uint64_t buckets = entries * LOAD_DENOMINATOR / LOAD_NUMERATOR / GY_BUCKET_SLOTS;
    if (o->flags & GYRE_HUGEPAGES) /* each shard fills one at least: a part of one is resident as a whole */
        g->log2_shards = (uint32_t)gy_min(g->log2_shards, gy_log2_floor(gy_max(1, buckets * GY_LINE / HUGE_PAGE)));
    buckets >>= g->log2_shards;
    uint64_t shard_most = capacity / 2 >> g->log2_shards;
    g->log2_buckets_most = (uint32_t)gy_min(gy_log2_floor(shard_most / sizeof(struct gy_bucket)),
                                            GY_MAX_LOG2_BUCKETS);
    uint64_t first = gy_log2_ceil(gy_max(buckets, 2));
    /* Not more than an eighth of the capacity at first. */
    g->log2_buckets_first = (uint32_t)gy_max(1, gy_min(first, g->log2_buckets_most - 2));
}

/* Where the parts stand follows from how many there are of each. */
static void
place(struct gy_geometry *g)
{
    const uint64_t page = 4096, huge = HUGE_PAGE, arena_bytes = (uint64_t)1 << g->arena_shift;
    g->shard_bytes_most = sizeof(struct gy_bucket) << g->log2_buckets_most;
    uint64_t at = gy_align_up(sizeof(struct gy_super) + (sizeof(struct gy_shard) << g->log2_shards), page);
    g->records_at = at, at += gy_align_up(sizeof(struct gy_record) * g->n_records, page);
    g->words_at = at, at += gy_align_up(sizeof(gy_atomic_u64) * g->n_arenas, page);
    g->books_at = at, at += gy_align_up(sizeof(struct gy_book) * g->n_arenas, page);
    g->lanes_at = at, at += gy_align_up(sizeof(struct gy_lane) * g->n_lanes, page);
    g->history_at = at, at += gy_align_up(g->n_history * (uint64_t)GY_LINE, page);
    at = gy_align_up(at, huge);
    g->index_at = at, at += g->shard_bytes_most << g->log2_shards;
    at = gy_align_up(at, gy_max(arena_bytes, huge));
    g->arenas_at = at, at += (uint64_t)g->n_arenas << g->arena_shift;
    g->region_bytes = at;
}

int
gy_layout_plan(struct gy_geometry *out, const gyre_options *o, unsigned n_cpus)
{
    struct gy_geometry g = {.capacity_bytes = o->capacity_bytes, .max_entries = o->max_entries,
                            .value_align = o->value_align, .default_ttl_ms = o->default_ttl_ms,
                            .flags = o->flags, .n_records = RECORDS};
    int result = plan_arenas(&g, o);
    if (result != GYRE_OK)
        return result;
    plan_index(&g, o);

    uint64_t index_first = sizeof(struct gy_bucket) << g.log2_buckets_first << g.log2_shards;
    g.n_arenas = (uint32_t)((o->capacity_bytes - index_first) >> g.arena_shift);
    uint64_t entry = o->expected_entry_bytes ? (uint64_t)o->expected_entry_bytes + ENTRY_EXTRA : ENTRY_SMALL;
    uint64_t entries = o->max_entries ? gy_min(o->max_entries, o->capacity_bytes / 32) : o->capacity_bytes / entry;
    /* Open arenas are at most a sixteenth of the cache. Of one that counts its entries, and so evicts one by one,
     * a sixty-fourth: lanes keep no order between them, and writers meet at the count in any case. */
    uint64_t filled = entries / gy_max(1, ((uint64_t)1 << g.arena_shift) / entry);
    uint64_t lanes = o->max_entries ? gy_min(g.n_arenas, filled) / (64 * GY_RINGS) : g.n_arenas / (16 * GY_RINGS);
    g.n_lanes = (uint32_t)gy_max(1, gy_min(gy_min(n_cpus, lanes), 1024));
    /* For the copies of sweeps, of which several may run, and of which each may open one in its lane. */
    g.reserve_arenas = (uint32_t)gy_max(1, gy_min(g.n_arenas / 32, g.n_lanes + 8));
    g.n_history = (uint32_t)gy_max(1, gy_min(entries * GY_HISTORY_ENTRY / GY_LINE, HISTORY_MOST));

    place(&g);
    *out = g;
    return GYRE_OK;
}

void
gy_layout_format_quiet(char *base, const struct gy_geometry *g, uint64_t seed, bool reader_fences)
{
    struct gy_super *s = (struct gy_super *)(void *)base;
    uint64_t index_first = sizeof(struct gy_bucket) << g->log2_buckets_first << g->log2_shards;
    uint64_t arenas = (uint64_t)g->n_arenas << g->arena_shift;
    s->magic = MAGIC;
    s->format = FORMAT;
    s->stamp = layout_stamp();
    s->reader_fences = reader_fences;
    s->generation = 1;
    s->seed = seed;
    s->geometry = *g;
    gy_store_rlx(&s->n_free, g->n_arenas);
    gy_store_rlx(&s->index_bytes, index_first);
    gy_store_rlx(&s->index_credit, g->capacity_bytes - index_first - arenas);
    gy_store_rlx(&s->sequence, 1);
    gy_store_rlx(&s->epoch, 1);
    gy_store_rlx(&s->versions, 1);
    gy_store_rlx(&s->history_clock, 1);
    gy_learn_init(&s->learned);
    gy_learn_size(&s->learned, g->max_entries);
    for (unsigned i = 0; i < 1u << g->log2_shards; i++)
        gy_store_rlx(&s->shard[i].geometry, gy_geometry_word(g->log2_buckets_first, GY_STEADY));
    gy_store_rel(&s->state, READY); /* the last store: a region that is not READY is not followed */
}

/* Are the counts such that the parts can be placed at all? */
static bool
countable(const struct gy_geometry *g)
{
    return g->n_records > 0 && g->n_records <= 1u << 20 && g->n_arenas > 0 && g->n_arenas < 1u << GY_ARENA_BITS &&
           g->n_lanes > 0 && g->n_lanes <= 1024 && g->log2_shards <= GY_MAX_LOG2_SHARDS &&
           g->log2_buckets_first > 0 && g->log2_buckets_first <= g->log2_buckets_most &&
           g->log2_buckets_most <= GY_MAX_LOG2_BUCKETS && g->arena_shift >= 12 && g->arena_shift < 34 &&
           g->n_history > 0 && g->n_history <= HISTORY_MOST && g->value_align >= 8 && g->value_align <= 4096 &&
           (g->value_align & (g->value_align - 1)) == 0 &&
           g->max_value_bytes < (uint64_t)1 << g->arena_shift && g->reserve_arenas < g->n_arenas &&
           (sizeof(struct gy_bucket) << g->log2_buckets_first << g->log2_shards) +
                   ((uint64_t)g->n_arenas << g->arena_shift) <= g->capacity_bytes;
}

int
gy_layout_verify(const char *base, uint64_t region_bytes)
{
    const struct gy_super *s = (const struct gy_super *)(const void *)base;
    if (region_bytes < sizeof *s || s->magic != MAGIC || s->format != FORMAT || s->stamp != layout_stamp())
        return GYRE_EFORMAT;
    if (gy_load_acq(&s->state) != READY || !countable(&s->geometry))
        return GYRE_ECORRUPT;
    struct gy_geometry placed = s->geometry;
    place(&placed);
    if (memcmp(&placed, &s->geometry, sizeof placed) != 0 || placed.region_bytes != region_bytes ||
        region_bytes >> 3 > GY_REF_MASK)
        return GYRE_ECORRUPT;
    return GYRE_OK;
}

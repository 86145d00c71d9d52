/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "layout.h"

#include <string.h>

#include "entry.h"

enum {
    CREATING = 0, /* so that bytes nobody has written say so */
    READY = 1,
    RECORDS = 4096,
    ARENA_LEAST = 4 << 10,
    ARENAS_WANTED = 512, /* small enough that a pin holds little, large enough that ends waste little */
    ARENAS_LEAST = 8,
    ARENAS_NOT_FULL = 3, /* open ones and a free one, at the least */
    ENTRY_EXPECTED = 1024,
    ENTRY_EXTRA = 24,    /* what an entry takes beside key and value: header and slots */
    ENTRY_SMALL = 256,   /* where many would take more than few */
    ENTRY_ROOM = 512,    /* beside the largest value: header, optional words, a usual key */
    HISTORY_MOST = 1 << 28,
    HUGE_PAGE = 2 << 20,
    LOAD_FIRST = 64,     /* percent, of the first index when it holds what is expected; beyond that it grows */
    SHARDS_MOST = 64,
    SHARD_LEAST = 1024,  /* buckets: what shards hold differs by few percent */
    SMALL_INDEX_SHARD = 4 << 20, /* of the capacity, for each shard of an index that is small beside it */
    ROUNDING_MOST = 64,  /* of the capacity: what huge pages may add to the first index */
};
static const uint64_t CAPACITY_MOST = (uint64_t)4 << 40;

static uint32_t
layout_stamp(void)
{
    const uint32_t parts[] = {GY_FORMAT, GY_LINE, sizeof(struct gy_super), sizeof(struct gy_member), sizeof(struct gy_record),
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

bool
gy_layout_value_derived(const struct gy_geometry *g)
{
    return g->max_value_bytes == gy_min(((uint64_t)1 << g->arena_shift) - ENTRY_ROOM - g->value_align, UINT32_MAX);
}

/* Huge pages are filled to the end but for the last: is that one worth it? */
static bool
fills_huge_pages(uint64_t index_bytes, uint64_t capacity)
{
    return gy_align_up(index_bytes, HUGE_PAGE) - index_bytes <= capacity / ROUNDING_MOST;
}

/* So many shards, of so many buckets each, that the index is hardly larger than it has to be: the number of shards may
 * be any. */
static void
plan_index(struct gy_geometry *g, const gyre_options *o)
{
    uint64_t capacity = o->capacity_bytes;
    uint64_t expected = o->expected_entry_bytes ? o->expected_entry_bytes : ENTRY_EXPECTED;
    uint64_t filled = capacity - ((uint64_t)ARENAS_NOT_FULL << g->arena_shift); /* of small caches, a large part is not */
    uint64_t entries = gy_max(filled / (expected + ENTRY_EXTRA), 1);
    if (o->max_entries > 0) /* full, it has no need to grow */
        entries = gy_max(entries, gy_min(o->max_entries, capacity / 32));
    const uint64_t most = capacity / 4 / sizeof(struct gy_bucket); /* at first, so that it can double */
    uint64_t wanted = gy_min(entries * 100 / (LOAD_FIRST * GY_BUCKET_SLOTS) + 1, most);
    if (o->expected_entry_bytes == 0 && o->max_entries == 0) /* a guess: it will double, up to half of the capacity */
        wanted = gy_min((uint64_t)1 << gy_log2_ceil(wanted), most);
    /* An index that is small beside the capacity need not fit: it may have to grow, and several threads share it. */
    uint64_t few = (uint64_t)1 << gy_log2_floor(gy_max(1, gy_min(capacity / SMALL_INDEX_SHARD, SHARDS_MOST)));
    unsigned log2 = gy_log2_ceil(gy_max(2, gy_min((wanted - 1) / few + 1, SHARD_LEAST)));
    if (o->flags & GYRE_HUGEPAGES && fills_huge_pages(wanted * sizeof(struct gy_bucket), capacity))
        log2 = gy_log2_floor(HUGE_PAGE / sizeof(struct gy_bucket));
    else
        wanted = gy_max(wanted, gy_min(few << log2, most));
    while (wanted > (uint64_t)SHARDS_MOST << log2 && log2 < GY_MAX_LOG2_BUCKETS - 2)
        log2++;
    log2 = (unsigned)gy_min(log2, gy_log2_floor(most));
    g->n_shards = (uint32_t)gy_max(1, gy_min((wanted - 1) >> log2, (most >> log2) - 1) + 1);
    g->log2_buckets_first = log2;
    uint64_t shard_most = capacity / 2 / g->n_shards / sizeof(struct gy_bucket);
    g->log2_buckets_most = (uint32_t)gy_min(gy_log2_floor(shard_most), GY_MAX_LOG2_BUCKETS);
}

/* Where the parts stand follows from how many there are of each. */
static void
place(struct gy_geometry *g)
{
    const uint64_t page = 4096, huge = HUGE_PAGE, arena_bytes = (uint64_t)1 << g->arena_shift;
    g->shard_bytes_most = sizeof(struct gy_bucket) << g->log2_buckets_most;
    g->geometries_at = sizeof(struct gy_super) + sizeof(struct gy_shard) * g->n_shards;
    g->counts_at = g->geometries_at + sizeof(gy_atomic_u64) * gy_layout_counts(g->n_shards);
    uint64_t at = gy_align_up(g->counts_at + sizeof(gy_atomic_u64) * GY_PLACES * gy_layout_counts(g->n_shards), page);
    g->members_at = at, at += gy_align_up(sizeof(struct gy_member) * g->n_members, page);
    g->records_at = at, at += gy_align_up(sizeof(struct gy_record) * g->n_records, page);
    g->words_at = at, at += gy_align_up(sizeof(gy_atomic_u64) * g->n_arenas, page);
    g->books_at = at, at += gy_align_up(sizeof(struct gy_book) * g->n_arenas, page);
    g->lanes_at = at, at += gy_align_up(sizeof(struct gy_lane) * g->n_lanes, page);
    /* The gap before the history, not after it: with huge pages no part of one but what is used. */
    g->index_at = gy_align_up(at + g->n_history * (uint64_t)GY_LINE, huge);
    g->history_at = (g->index_at - g->n_history * (uint64_t)GY_LINE) / page * page;
    at = g->index_at + g->shard_bytes_most * g->n_shards;
    at = gy_align_up(at, gy_max(arena_bytes, huge));
    g->arenas_at = at, at += (uint64_t)g->n_arenas << g->arena_shift;
    g->region_bytes = at;
}

int
gy_layout_plan(struct gy_geometry *out, const gyre_options *o, unsigned n_cpus)
{
    struct gy_geometry g = {.capacity_bytes = o->capacity_bytes, .max_entries = o->max_entries,
                            .value_align = o->value_align, .default_ttl_ms = o->default_ttl_ms,
                            .flags = o->flags & GY_FLAGS_KEPT, .n_records = RECORDS,
                            .proof_bytes = o->file_path && !(o->flags & GYRE_NO_CHECKSUMS) ? GY_PROOF_BYTES : 0,
                            .n_members = o->shm_name || o->file_path || o->flags & GYRE_SHM_FD ? GY_MEMBERS : 0};
    int result = plan_arenas(&g, o);
    if (result != GYRE_OK)
        return result;
    plan_index(&g, o);

    uint64_t index_first = gy_layout_index_first(&g);
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

/* What is not zero in a region without entries, but for what is fixed. (Relaxed, as all of format: nobody else is there.) */
static void
fill_in(char *base, const struct gy_geometry *g)
{
    struct gy_super *s = (struct gy_super *)(void *)base;
    uint64_t index_first = gy_layout_index_first(g);
    uint64_t arenas = (uint64_t)g->n_arenas << g->arena_shift;
    gy_store_rlx(&s->n_free, g->n_arenas);
    gy_store_rlx(&s->index_bytes, index_first);
    gy_store_rlx(&s->index_credit, g->capacity_bytes - index_first - arenas);
    gy_store_rlx(&s->sequence, 1);
    gy_store_rlx(&s->epoch, 1);
    gy_store_rlx(&s->history_clock, 1);
    gy_learn_init(&s->learned);
    gy_learn_size(&s->learned, g->max_entries);
    for (unsigned i = 0; i < g->n_shards; i++)
        gy_store_rlx(&gy_layout_geometries(base, g)[i], gy_geometry_word(g->log2_buckets_first, GY_STEADY));
}

void
gy_layout_format_quiet(char *base, const struct gy_geometry *g, const struct gy_birth *birth)
{
    struct gy_super *s = (struct gy_super *)(void *)base;
    s->magic = GY_MAGIC;
    s->format = GY_FORMAT;
    s->minor = g->flags & GYRE_SPARSE ? GY_FORMAT_MINOR_SPARSE : 0; /* the earliest that has all that it uses */
    s->stamp = layout_stamp();
    s->reader_fences = birth->reader_fences;
    s->generation = birth->generation;
    s->seed = birth->seed;
    s->clock_start_ms = birth->clock_start_ms;
    s->clock_before_ms = birth->clock_before_ms;
    s->geometry = *g;
    gy_store_rlx(&s->versions, 1);
    fill_in(base, g);
    gy_layout_sign_quiet(s);
    gy_store_rel(&s->state, READY); /* the last store: a region that is not READY is not followed */
}

static uint64_t
sum_of(const struct gy_super *s)
{
    const uint64_t from = offsetof(struct gy_super, reader_fences), format = offsetof(struct gy_super, format);
    uint64_t seed;
    memcpy(&seed, (const char *)s + format, sizeof seed); /* with minor and stamp */
    return XXH3_64bits_withSeed((const char *)s + from, offsetof(struct gy_super, sum) - from, seed);
}

/* (Relaxed: nobody looks at it yet; or it is what the copy says, too.) */
void
gy_layout_sign_quiet(struct gy_super *s)
{
    s->sum = sum_of(s);
    memcpy(s->copy, s, sizeof s->copy);
    gy_store_rlx(&((struct gy_super *)(void *)s->copy)->state, READY);
}

void
gy_layout_empty_quiet(char *base, const struct gy_geometry *g)
{
    const uint64_t from = offsetof(struct gy_super, mark), shards = offsetof(struct gy_super, shard);
    memset(base + from, 0, offsetof(struct gy_super, life) - from);
    memset(base + shards, 0, g->geometries_at - shards);
    fill_in(base, g);
}

/* Are the counts such that the parts can be placed at all? */
static bool
countable(const struct gy_geometry *g)
{
    return g->n_members <= GY_MEMBERS && g->n_records > 0 && g->n_records <= 1u << 20 && g->n_arenas > 0 &&
           g->n_arenas < 1u << GY_ARENA_BITS &&
           g->n_lanes > 0 && g->n_lanes <= 1024 && g->reserve_arenas > 0 && g->reserve_arenas < g->n_arenas &&
           g->n_lanes * GY_RINGS + g->reserve_arenas < g->n_arenas && g->n_shards > 0 && g->n_shards <= GY_MAX_SHARDS &&
           g->log2_buckets_first > 0 && g->log2_buckets_first <= g->log2_buckets_most &&
           g->log2_buckets_most <= GY_MAX_LOG2_BUCKETS && g->arena_shift >= 12 && g->arena_shift < 34 &&
           g->n_history > 0 && g->n_history <= HISTORY_MOST && g->value_align >= 8 && g->value_align <= 4096 &&
           (g->value_align & (g->value_align - 1)) == 0 && (g->flags & ~GY_FLAGS_KEPT) == 0 &&
           (g->proof_bytes == 0 || (g->proof_bytes == GY_PROOF_BYTES && g->n_members > 0)) && g->unused == 0 &&
           g->max_value_bytes > 0 && g->max_value_bytes < (uint64_t)1 << g->arena_shift &&
           g->capacity_bytes <= CAPACITY_MOST &&
           gy_layout_index_first(g) + ((uint64_t)g->n_arenas << g->arena_shift) <= g->capacity_bytes;
}

bool
gy_layout_unfinished(const struct gy_super *head)
{
    return (head->magic == 0 || head->magic == GY_MAGIC) && gy_load_acq(&head->state) == CREATING;
}

int
gy_layout_verify(const struct gy_super *s, uint64_t region_bytes)
{
    if (region_bytes < sizeof *s || s->magic != GY_MAGIC || s->format != GY_FORMAT || s->minor > GY_FORMAT_MINOR ||
        s->stamp != layout_stamp())
        return GYRE_EFORMAT;
    if (gy_load_acq(&s->state) != READY || s->sum != sum_of(s) || s->reader_fences > 1 || !countable(&s->geometry))
        return GYRE_ECORRUPT;
    if (s->minor < GY_FORMAT_MINOR_SPARSE && s->geometry.flags & GYRE_SPARSE)
        return GYRE_ECORRUPT;
    struct gy_geometry placed = s->geometry;
    place(&placed);
    if (memcmp(&placed, &s->geometry, sizeof placed) != 0 || placed.region_bytes != region_bytes ||
        region_bytes >> 3 > GY_REF_MASK)
        return GYRE_ECORRUPT;
    return GYRE_OK;
}

int
gy_layout_verify_either(struct gy_super *s, uint64_t region_bytes)
{
    int result = gy_layout_verify(s, region_bytes);
    if (result == GYRE_OK || region_bytes < sizeof *s)
        return result;
    uint64_t first[GY_HEAD_WORDS];
    memcpy(first, s, sizeof first);
    memcpy(s, s->copy, sizeof s->copy);
    if (gy_layout_verify(s, region_bytes) == GYRE_OK)
        return GYRE_OK;
    memcpy(s, first, sizeof first);
    return result;
}

void
gy_layout_mend_quiet(struct gy_super *s, uint64_t region_bytes)
{
    if (gy_layout_verify(s, region_bytes) != GYRE_OK)
        memcpy(s, s->copy, sizeof s->copy);
    else if (memcmp(s->copy, s, sizeof s->copy) != 0)
        memcpy(s->copy, s, sizeof s->copy);
}

int
gy_layout_verify_shards(const char *base, const struct gy_geometry *g)
{
    const gy_atomic_u64 *geometries = gy_layout_geometries(base, g);
    for (unsigned i = 0; i < g->n_shards; i++) {
        uint64_t word = gy_load_acq(&geometries[i]);
        unsigned log2 = gy_geometry_log2(word);
        enum gy_phase phase = gy_geometry_phase(word);
        if (log2 < g->log2_buckets_first || log2 + (phase != GY_STEADY) > g->log2_buckets_most || phase > GY_MOVING ||
            word != gy_geometry_word(log2, phase))
            return GYRE_ECORRUPT;
    }
    return GYRE_OK;
}

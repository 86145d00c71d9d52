/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "patch.h"

#include <string.h>
#include <unistd.h>

#include "doubt.h"
#include "fuzz.h"
#include "proof.h"

enum { A_WORD = sizeof(uint64_t), SECTOR = 512 };

static struct image_patch
take_patch(struct fuzz_bytes *bytes)
{
    struct image_patch p = {.part = (uint8_t)(fuzz_take(bytes, 1) % IMAGE_PARTS)};
    p.operation = (uint8_t)fuzz_take(bytes, 1);
    p.which = (uint16_t)fuzz_take(bytes, 2);
    p.number = fuzz_take(bytes, 8);
    return p;
}

void
image_read(struct image_input *in, const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, data + size};
    unsigned file = (unsigned)fuzz_take(&bytes, 1);
    in->file = &image_files()[file % IMAGE_KINDS];
    in->state = (enum image_state)(file / IMAGE_KINDS % IMAGE_STATES);
    in->image = in->file->image[in->state];
    in->how = (uint8_t)fuzz_take(&bytes, 1);
    in->visit = (uint16_t)fuzz_take(&bytes, 2);
    for (in->n = 0; in->n < IMAGE_PATCHES && bytes.at < bytes.end; in->n++)
        in->patch[in->n] = take_patch(&bytes);
}

/* A file that is changed, with what the library knows of one that is open. */
struct patient {
    const struct image_input *in;
    gyre cache;
    char *map;
    uint64_t bytes;
};

static uint64_t
load(const struct patient *p, uint64_t at)
{
    uint64_t word;
    memcpy(&word, p->map + at, sizeof word);
    return word;
}

static void
store(struct patient *p, uint64_t at, uint64_t word)
{
    memcpy(p->map + at, &word, sizeof word);
}

static void
take(struct patient *p)
{
    const struct gy_super *s = (const struct gy_super *)(const void *)p->map;
    memset(&p->cache, 0, sizeof p->cache);
    p->cache.region.base = p->map;
    p->cache.g = s->geometry;
    p->cache.seed = s->seed;
    p->cache.generation = s->generation;
    gy_cache_settle(&p->cache);
}

/* ---- where ----------------------------------------------------------------------------------------------------- */

struct range {
    uint64_t from, to;
};

static struct range
range_of(const struct patient *p, enum image_part part)
{
    const struct gy_geometry *g = &p->cache.g;
    const uint64_t life = offsetof(struct gy_super, life), copy = offsetof(struct gy_super, copy);
    const struct range ranges[] = {
        [IMAGE_HEAD] = {0, offsetof(struct gy_super, mark)},
        [IMAGE_LIFE] = {life, life + sizeof(struct gy_life)},
        [IMAGE_SHARED] = {offsetof(struct gy_super, mark), copy},
        [IMAGE_SHARDS] = {offsetof(struct gy_super, shard), g->geometries_at},
        [IMAGE_GEOMETRIES] = {g->geometries_at, g->members_at},
        [IMAGE_MEMBERS] = {g->members_at, g->members_at + 4 * sizeof(struct gy_member)},
        [IMAGE_RECORDS] = {g->records_at, g->records_at + 4 * sizeof(struct gy_record)},
        [IMAGE_WORDS] = {g->words_at, g->words_at + g->n_arenas * sizeof(uint64_t)},
        [IMAGE_BOOKS] = {g->books_at, g->books_at + g->n_arenas * sizeof(struct gy_book)},
        [IMAGE_LANES] = {g->lanes_at, g->lanes_at + g->n_lanes * sizeof(struct gy_lane)},
        [IMAGE_HISTORY] = {g->history_at, g->index_at},
        [IMAGE_INDEX] = {g->index_at, g->index_at + 2 * gy_layout_index_first(g)},
        [IMAGE_BODIES] = {g->arenas_at, g->region_bytes},
    };
    return ranges[part];
}

/* The entry that a place in the arenas belongs to. */
static uint64_t
entry_of(const struct patient *p, uint64_t at)
{
    const struct image_places *entries = &p->in->image->entries;
    uint32_t low = 0, high = entries->n;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        *(entries->at[middle] <= at ? &low : &high) = middle;
    }
    return entries->at[low];
}

static bool
fits(const struct patient *p, uint64_t entry, struct gy_header h)
{
    const gyre *c = &p->cache;
    return h.key_bytes > 0 && gy_entry_room(c, entry, h) <= c->arena_bytes - (entry & c->arena_mask);
}

/* Its check, then its sequence, where the entry is said to end. */
static uint64_t
proof_of(const struct patient *p, uint64_t entry, unsigned word)
{
    struct gy_header h = gy_entry_header(p->map + entry);
    bool there = p->cache.g.proof_bytes != 0 && fits(p, entry, h);
    return there ? entry + gy_entry_room(&p->cache, entry, h) - GY_PROOF_BYTES + A_WORD * (word % 2) : entry;
}

static uint64_t
place_of(const struct patient *p, enum image_part part, uint64_t which)
{
    const struct image_places *slots = &p->in->image->slots, *entries = &p->in->image->entries;
    if (part == IMAGE_SLOTS)
        return slots->at[which % slots->n];
    if (part == IMAGE_HEADERS)
        return entries->at[which % entries->n];
    if (part == IMAGE_PROOFS)
        return proof_of(p, entries->at[which / 2 % entries->n], (unsigned)which);
    struct range r = range_of(p, part);
    return r.from + which % ((r.to - r.from) / A_WORD) * A_WORD;
}

/* ---- mending --------------------------------------------------------------------------------------------------- */

static uint64_t
no_time(void *arg)
{
    (void)arg;
    return 0;
}

/* With the sequence that stands there. */
static void
prove(struct patient *p, uint64_t entry, bool published)
{
    struct gy_header h = gy_entry_header(p->map + entry);
    uint32_t arena = gy_arena_at(&p->cache, entry);
    if (p->cache.g.proof_bytes == 0 || arena == UINT32_MAX || !fits(p, entry, h))
        return;
    struct gy_staged staged = {.ref = entry >> 3, .arena = arena, .opened = gy_load_rlx(&p->cache.books[arena].opened)};
    struct gy_record r = {.sequence = load(p, proof_of(p, entry, 1)) - 1};
    p->cache.clock_ms = no_time;
    if (published)
        gy_proof_give(&p->cache, &staged, gy_proof_prepare(&p->cache, &r, &staged, 0));
    else
        gy_proof_of_room_always(&p->cache, &staged);
}

/* It refers to an entry: with the tag of its key. */
static void
tag(struct patient *p, uint64_t at)
{
    uint64_t word = load(p, at), entry = gy_slot_offset(word);
    if (gy_arena_at(&p->cache, entry) == UINT32_MAX)
        return;
    struct gy_header h = gy_entry_header(p->map + entry);
    if (fits(p, entry, h))
        word = gy_slot_word(gy_hash(gy_entry_key(p->map + entry, h), h.key_bytes, p->cache.seed), gy_slot_freq(word),
                            gy_slot_ref(word)) | (word & GY_T);
    store(p, at, word);
}

static void
mend(struct patient *p, const struct image_patch *patch, uint64_t at)
{
    uint64_t word = load(p, at);
    switch (patch->part) {
    case IMAGE_GEOMETRIES:
        store(p, at, gy_geometry_word(gy_geometry_log2(word & p->cache.geometry_bits), gy_geometry_phase(word)));
        return;
    case IMAGE_WORDS:
        store(p, at, gy_arena_with_state(word, gy_arena_state(word)));
        return;
    case IMAGE_BOOKS: {
        struct gy_book *book = &p->cache.books[(at - p->cache.g.books_at) / sizeof *book];
        gy_store_rlx(&book->proved, gy_proof_of_life(&p->cache, gy_load_rlx(&book->opened)));
        return;
    }
    case IMAGE_LIFE:
    case IMAGE_SHARED:
        gy_proof_mark(&p->cache);
        return;
    case IMAGE_INDEX:
    case IMAGE_SLOTS:
        tag(p, at);
        return;
    case IMAGE_HEADERS:
    case IMAGE_BODIES:
    case IMAGE_PROOFS:
        prove(p, entry_of(p, at), !(patch->operation & IMAGE_UNPUBLISHED));
        return;
    default:
        return;
    }
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

static void
change_sector(struct patient *p, const struct image_patch *patch, uint64_t at)
{
    uint64_t bytes = (uint64_t)SECTOR << (patch->number % 4), from = patch->number / 4 * bytes % p->bytes;
    at = at / bytes * bytes;
    if (at + bytes > p->bytes || from + bytes > p->bytes)
        return;
    if (patch->operation % IMAGE_OPERATIONS == IMAGE_ANOTHER)
        memmove(p->map + at, p->map + from, bytes);
    else if (patch->operation % IMAGE_OPERATIONS == IMAGE_NOTHING)
        memset(p->map + at, 0, bytes);
    else
        for (uint64_t i = 0; i < bytes; i += A_WORD)
            store(p, at + i, mix64(patch->number + i));
}

static void
change_word(struct patient *p, const struct image_patch *patch, uint64_t at)
{
    uint64_t word = load(p, at), n = patch->number;
    switch (patch->operation % IMAGE_OPERATIONS) {
    case IMAGE_FLIP:
        store(p, at, word ^ (uint64_t)1 << n % 64);
        return;
    case IMAGE_ADD:
        store(p, at, word + n);
        return;
    case IMAGE_LIKE:
        store(p, at, load(p, place_of(p, (enum image_part)patch->part, n)));
        return;
    case IMAGE_HALF:
        memcpy(p->map + at + n % 2 * 4, (const char *)&n + 4, 4);
        return;
    default:
        store(p, at, n);
    }
}

/* The head of a region with other options, in place of its own. */
static void
plan(struct patient *p, uint64_t n)
{
    gyre_options o = p->in->file->kind->options;
    struct gy_super *s = (struct gy_super *)(void *)p->map;
    struct gy_geometry g;
    o.capacity_bytes = (64 + n % 16 * 16) << 10;
    o.value_align = 8u << (n >> 4) % 10;
    o.max_entries = (n >> 8 & 3) == 3 ? n >> 16 & 0xff : (n >> 8 & 1) * o.max_entries;
    o.expected_entry_bytes = n >> 10 & 1 ? (uint32_t)(n >> 24) & 0xffff : 0;
    o.max_value_bytes = n >> 11 & 1 ? (uint32_t)(n >> 40) & 0xffff : 0;
    o.flags = (n >> 12 & 1 ? GYRE_VERSIONS : 0) | (n >> 13 & 1 ? GYRE_NO_CHECKSUMS : 0);
    o.file_path = p->in->file->path;
    if (gy_layout_plan(&g, &o, 1 + (unsigned)(n >> 14 & 3)) == GYRE_OK && g.region_bytes <= IMAGE_MOST)
        s->geometry = g;
}

static void
change_length(struct patient *p, const struct image_patch *patch)
{
    p->bytes = (patch->operation & 1 ? p->bytes + patch->number % (2 * IMAGE_PAGE) : patch->number) % IMAGE_MOST;
    p->bytes = p->bytes < sizeof(struct gy_super) + sizeof(struct gy_shard) ? p->in->image->bytes : p->bytes;
}

/* What a disk does: bits turn over, each for itself; sectors are others' or nothing. */
static bool
natural(const struct image_input *in)
{
    bool table = false;
    if (in->how & (IMAGE_SIGN_HEAD | IMAGE_SIGN_TABLES))
        return false;
    for (unsigned i = 0; i < in->n; i++) {
        const struct image_patch *p = &in->patch[i];
        unsigned operation = p->operation % IMAGE_OPERATIONS;
        bool sector = operation >= IMAGE_NOTHING && operation <= IMAGE_ANOTHER, tables = p->part < IMAGE_HISTORY;
        if (p->part == IMAGE_PLAN || p->operation & IMAGE_MENDED || (operation != IMAGE_FLIP && !sector))
            return false;
        if (tables && table) /* two that were chosen look like another table, where there is no sum */
            return false;
        table |= tables;
        for (unsigned j = 0; j < i; j++) /* nor is a word turned over bit by bit */
            if (in->patch[j].part == p->part && in->patch[j].which == p->which)
                return false;
    }
    return true;
}

static void
sign(struct patient *p)
{
    const struct image_input *in = p->in;
    struct gy_super *s = (struct gy_super *)(void *)p->map;
    if (in->how & IMAGE_REBOOT)
        gy_store_rlx(&s->life.boot[0], gy_load_rlx(&s->life.boot[0]) ^ 1);
    if (in->how & IMAGE_COPIED)
        gy_store_rlx(&s->life.home, gy_load_rlx(&s->life.home) ^ 1);
    if (in->how & IMAGE_SIGN_HEAD)
        gy_layout_sign_quiet(s);
    if (in->how & IMAGE_FITTED && s->geometry.region_bytes >= sizeof *s && s->geometry.region_bytes <= IMAGE_MOST)
        p->bytes = s->geometry.region_bytes;
    FUZZ_CHECK(ftruncate(in->file->file, (off_t)p->bytes) == 0, "%s", in->file->path);
    if (!(in->how & IMAGE_SIGN_TABLES) || gy_layout_verify(s, p->bytes) != GYRE_OK)
        return;
    take(p);
    gy_doubt_sign_quiet(&p->cache);
}

bool
image_apply(const struct image_input *in)
{
    struct patient p = {.in = in, .map = in->file->map, .bytes = in->image->bytes};
    uint64_t bytes = p.bytes;
    take(&p);
    for (unsigned i = 0; i < in->n; i++) {
        const struct image_patch *patch = &in->patch[i];
        unsigned operation = patch->operation % IMAGE_OPERATIONS;
        if (patch->part == IMAGE_PLAN) {
            plan(&p, patch->number);
        } else if (patch->part == IMAGE_LENGTH) {
            change_length(&p, patch);
            bytes = p.bytes, p.bytes = in->image->bytes;
        } else {
            uint64_t at = place_of(&p, (enum image_part)patch->part, patch->which);
            if (operation >= IMAGE_NOTHING && operation <= IMAGE_ANOTHER)
                change_sector(&p, patch, at);
            else
                change_word(&p, patch, at);
            if (patch->operation & IMAGE_MENDED)
                mend(&p, patch, at);
        }
    }
    p.bytes = bytes;
    sign(&p);
    return natural(in);
}

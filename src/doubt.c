/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "doubt.h"

#include <string.h>

#include "account.h"
#include "proof.h"

/* ---- tables ----------------------------------------------------------------------------------------------------- */

static uint64_t
add_to_sum(const struct gyre *cache, uint64_t sum, uint64_t from, uint64_t to)
{
    return XXH3_64bits_withSeed(cache->region.base + from, to - from, sum);
}

/* All that is small, but for what describes processes and threads: they are gone. */
static uint64_t
sum_of_tables(const struct gyre *cache)
{
    const struct gy_geometry *g = &cache->g;
    const uint64_t life = offsetof(struct gy_super, life);
    uint64_t sum = add_to_sum(cache, cache->generation, offsetof(struct gy_super, mark), life);
    sum = add_to_sum(cache, sum, life + offsetof(struct gy_life, marked), life + offsetof(struct gy_life, tables));
    sum = add_to_sum(cache, sum, offsetof(struct gy_super, versions), offsetof(struct gy_super, copy));
    sum = add_to_sum(cache, sum, offsetof(struct gy_super, shard), g->members_at);
    return add_to_sum(cache, sum, g->words_at, g->lanes_at + g->n_lanes * sizeof(struct gy_lane));
}

/* (Relaxed, all of this part: under the file's lock, by who is alone.) */
void
gy_doubt_sign_quiet(struct gyre *cache)
{
    gy_store_rlx(&cache->super->life.tables, sum_of_tables(cache));
}

/* What a sweep has left behind in an arena is whole, and may be old. */
static bool
in_use(const struct gyre *cache, uint32_t arena)
{
    uint64_t word = gy_load_rlx(&cache->words[arena]);
    enum gy_arena_state state = gy_arena_state(word);
    return (state >= GY_OPEN && state <= GY_PARKED) || gy_arena_read_into(word);
}

/* An arena's word and its book are in different pages. (One that was given back unused is free, and owned by its last life.) */
static bool
word_holds(const struct gyre *cache, uint32_t arena)
{
    uint64_t word = gy_load_rlx(&cache->words[arena]), opened = gy_load_rlx(&cache->books[arena].opened);
    enum gy_arena_state state = gy_arena_state(word);
    bool used = in_use(cache, arena);
    bool filled = (gy_load_rlx(&cache->books[arena].position) & ~GY_CLOSED) != 0;
    if (!gy_arena_state_whole(word) || opened > gy_load_rlx(&cache->super->sequence) || (used && opened == 0))
        return false;
    bool owned = gy_proves(cache) && gy_load_rlx(&cache->books[arena].proved) == gy_proof_of_life(cache, opened);
    bool rebuilt = gy_proves(cache) && gy_load_rlx(&cache->super->rebuild) != 0;
    return (used || state == GY_OPENING || !owned || !filled) && (rebuilt || !gy_arena_unread(word));
}

/* What cleared entries come back by, or arenas that are in use are taken for free ones. */
static bool
words_hold(const struct gyre *cache)
{
    const struct gy_super *s = cache->super;
    uint64_t sequence = gy_load_rlx(&s->sequence), mark = gy_load_rlx(&s->mark), marked = gy_load_rlx(&s->life.marked);
    if (gy_proves(cache) && (!gy_proof_of_mark_holds(cache, marked) || mark < marked))
        return false;
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        if (!word_holds(cache, a))
            return false;
    return mark <= sequence;
}

bool
gy_doubt_tables_hold(const struct gyre *cache, bool clean)
{
    if (clean && gy_load_rlx(&cache->super->life.tables) != sum_of_tables(cache))
        return false;
    return words_hold(cache) && gy_layout_verify_shards(cache->region.base, &cache->g) == GYRE_OK;
}

/* How far an arena was filled, or swept, is not known for sure. Who read one is gone, whoever it was. */
static void
settle_arenas(struct gyre *cache)
{
    for (unsigned lane = 0; lane < cache->g.n_lanes; lane++)
        for (unsigned ring = 0; ring < GY_RINGS; ring++)
            gy_arena_seal(cache, lane, ring);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_rlx(&cache->words[a]);
        enum gy_arena_state state = gy_arena_state(word);
        if (gy_arena_read_into(word))
            gy_store_rlx(&cache->words[a], gy_arena_in_lane(word, GY_LANE_HALF));
        bool swept = state == GY_SWEEPING || state == GY_PARKED;
        gy_atomic_u64 *progress = &cache->books[a].progress;
        gy_store_rlx(progress, swept ? gy_progress_again(gy_load_rlx(progress)) : 0);
    }
}

/* A count that is damaged would have every look at pins go over records that nobody ever had. */
static uint32_t
count_records(struct gyre *cache)
{
    static const struct gy_record unused;
    uint32_t used = (uint32_t)gy_min(gy_load_rlx(&cache->super->n_records_used), cache->g.n_records);
    while (used > 0 && memcmp(&cache->records[used - 1], &unused, sizeof unused) == 0)
        used--;
    gy_store_rlx(&cache->super->n_records_used, used);
    return used;
}

void
gy_doubt_begin_quiet(struct gyre *cache, bool clean)
{
    struct gy_super *s = cache->super;
    uint32_t used = count_records(cache);
    if (!clean)
        settle_arenas(cache);
    if (!gy_proves(cache))
        return;
    for (uint32_t i = 0; i < used; i++) { /* of before: no token of theirs is given out */
        struct gy_record *r = &cache->records[i];
        if (r->version_next != r->version_end)
            r->version_next = r->version_end = 0;
    }
    gy_store_rlx(&s->life.doubted, gy_add_seq(&s->sequence, 1) + 1);
    gy_store_rlx(&s->life.doubted_versions, gy_load_rlx(&s->versions));
    gy_store_rlx(&s->done, gy_load_rlx(&s->done) | GY_DOUBT);
}

/* ---- entries ---------------------------------------------------------------------------------------------------- */

static bool
fits(const struct gyre *cache, uint64_t offset, struct gy_header h)
{
    return h.key_bytes > 0 && gy_entry_room(cache, offset, h) <= cache->arena_bytes - (offset & cache->arena_mask);
}

/* A lease has no value that could be wrong; those of before have no holders any more. (Relaxed: opened is constant while the arena
 * is pinned; and what is doubted was settled before GY_DOUBT was seen.) */
bool
gy_entry_proved(const struct gyre *cache, const struct gy_found *f)
{
    uint64_t offset = gy_slot_ref(f->word) << 3, sequence;
    struct gy_header h = gy_entry_header(f->entry);
    if (!in_use(cache, f->arena) || !fits(cache, offset, h) || !gy_entry_filled(h))
        return false;
    if (gy_entry_is_lease(h))
        return gy_entry_version(f->entry, h) >= gy_load_rlx(&cache->super->life.doubted_versions);
    return gy_proof_holds(cache, offset, h, gy_load_rlx(&cache->books[f->arena].opened), &sequence);
}

bool
gy_entry_there(const struct gyre *cache, const struct gy_found *f)
{
    uint64_t offset = gy_slot_ref(f->word) << 3;
    struct gy_header h = gy_entry_header(f->entry);
    return in_use(cache, f->arena) && fits(cache, offset, h) && gy_doubt_length_holds(cache, offset, h, f->arena);
}

/* Does it stand where its key is looked for? */
static bool
placed(struct gyre *cache, const struct gy_found *f, const struct gy_bucket *bucket)
{
    struct gy_window w;
    uint64_t hash = gy_hash(gy_entry_key(f->entry, f->header), f->header.key_bytes, cache->seed);
    gy_index_window(cache, hash, &w);
    for (unsigned i = 0; i < w.n; i++)
        if (w.bucket[i] == bucket)
            return gy_slot_may_match(f->word, hash);
    return false;
}

bool
gy_doubt_well_placed(struct gyre *cache, const struct gy_found *f, const struct gy_bucket *bucket)
{
    return gy_entry_proved(cache, f) && placed(cache, f, bucket);
}

void
gy_doubt_void(struct gyre *cache, const struct gy_found *f, const struct gy_bucket *bucket)
{
    if (gy_entry_there(cache, f) && placed(cache, f, bucket))
        gy_proof_void(cache, f);
}

/* What is not known of it is how many bytes it took; and its arena, perhaps. */
void
gy_doubt_remove(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, gy_atomic_u64 *slot, uint64_t word)
{
    uint32_t arena = gy_ref_arena(cache, gy_slot_ref(word));
    bool committed = !gy_slot_tentative(word);
    if (!gy_cas_seq(slot, &word, GY_EMPTY) || !committed)
        return;
    if (arena != UINT32_MAX)
        gy_account_gone(cache, r, shard, arena, 0, GYRE_DAMAGED, false);
    else
        gy_account_committed(cache, r, shard, (uint64_t)-1);
    gy_store_seq(&cache->super->recount, 1);
}

/* (Relaxed, here and below: opened is constant while the arena is held.) */
bool
gy_doubt_walked(const struct gyre *cache, uint32_t arena)
{
    return gy_unlikely(gy_proves(cache)) &&
           gy_load_rlx(&cache->books[arena].opened) < gy_load_rlx(&cache->super->life.doubted);
}

bool
gy_doubt_length_holds(const struct gyre *cache, uint64_t offset, struct gy_header h, uint32_t arena)
{
    uint64_t opened = gy_load_rlx(&cache->books[arena].opened), sequence;
    struct gy_header was = h;
    was.generation ^= UINT8_MAX; /* before it was void */
    return gy_proof_of_room_holds(cache, offset, h, opened) || gy_proof_holds(cache, offset, h, opened, &sequence) ||
           gy_proof_holds(cache, offset, was, opened, &sequence);
}

bool
gy_doubt_goes_on(const struct gyre *cache, uint32_t arena, uint64_t end)
{
    uint64_t offset = gy_arena_offset(cache, arena) + end;
    if (cache->arena_bytes - end < sizeof(struct gy_header))
        return false;
    struct gy_header h = gy_entry_header_walked(cache->region.base + offset);
    return fits(cache, offset, h) && gy_doubt_length_holds(cache, offset, h, arena);
}

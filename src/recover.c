/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Nothing is believed but what proves itself:
 *
 *   - of an arena, that its last life owns it: else its entries may have been swept, and what replaced them deleted since;
 *   - of an entry, that it was published, whole, in that life, and that nothing has taken it out of the index;
 *   - of several with one key, that with the highest sequence is the newest;
 *   - of the mark of clears, that it is the one that was stored. Without it, nothing is kept; nor when the disk had refused
 *     to write something.
 *
 * What a sync had written out is in the pages as it left them, or as they were made later. So no entry comes back that was
 * replaced, deleted, evicted or cleared before the last sync; and one that was there then is lost only if it was replaced,
 * removed, moved, or being swept since.
 *
 * Every table but the books is wiped, and filled from arenas alone; of the tables only hints are taken: how large shards were,
 * which arenas were withdrawn for that, which ring an arena was of, how far the sequence had come. Who is killed in the middle
 * has taken nothing away that the next one needs, who begins anew. */

#include "recover.h"

#include <stdlib.h>

#include "account.h"
#include "doubt.h"
#include "find.h"
#include "grow.h"
#include "proof.h"

/* What is remembered of an arena while tables are wiped. */
struct life {
    uint64_t opened; /* 0: it has none that can be trusted */
    uint32_t arena;
    uint8_t ring, generation;
    bool withdrawn;
};

enum { BATCH = 16 }; /* entries whose buckets are fetched at once */

struct item {
    uint64_t offset, hash, sequence;
    struct gy_header h;
};

struct recovery {
    struct gyre *cache;
    struct life *life;
    uint8_t *log2;    /* of the shards */
    uint64_t *n_words; /* and how many words each has by now */
    struct item item[BATCH];
    unsigned n_items;
    uint64_t sequence, versions, mark;
    bool marked;      /* the mark can be trusted */
};

enum { SEQUENCES_LOST = 1 << 28, VERSIONS_LOST_SHIFT = 32 }; /* more than can have been drawn since a page was written */

/* (Relaxed, all in this file: this thread is alone.) */
static void
remember(struct recovery *r)
{
    struct gyre *c = r->cache;
    struct gy_super *s = c->super;
    r->sequence = gy_load_rlx(&s->sequence) & GY_SEQUENCE_MASK;
    r->versions = gy_load_rlx(&s->versions);
    r->mark = gy_load_rlx(&s->life.marked);
    /* Of what the disk has refused, voids may be missing. */
    r->marked = gy_proof_of_mark_holds(c, r->mark) && gy_load_rlx(&s->life.sync_errors) == 0;
    for (uint32_t a = 0; a < c->g.n_arenas; a++) {
        gy_store_rlx(&c->books[a].dead, 0);
        uint64_t word = gy_load_rlx(&c->words[a]), opened = gy_load_rlx(&c->books[a].opened);
        bool owned = r->marked && opened >= r->mark && opened != 0 && opened <= GY_SEQUENCE_MASK &&
                     gy_load_rlx(&c->books[a].proved) == gy_proof_of_life(c, opened);
        r->life[a] = (struct life){.opened = owned ? opened : 0, .arena = a, .ring = (uint8_t)gy_arena_ring(word),
                                   .withdrawn = !owned && gy_arena_state(word) == GY_WITHDRAWN};
        r->sequence = owned ? gy_max(r->sequence, opened) : r->sequence;
    }
    for (unsigned n = 0; n < c->g.n_shards; n++) {
        uint64_t word = gy_load_rlx(&c->geometries[n]), log2 = gy_geometry_log2(word) + (gy_geometry_phase(word) != GY_STEADY);
        bool sane = word >> GY_BUCKET_SHIFT != 0 && log2 >= c->g.log2_buckets_first && log2 <= c->g.log2_buckets_most;
        r->log2[n] = (uint8_t)(sane ? log2 : c->g.log2_buckets_first);
    }
}

static int
by_age(const void *a, const void *b)
{
    uint64_t x = ((const struct life *)a)->opened, y = ((const struct life *)b)->opened;
    return x < y ? -1 : x > y;
}

/* As many arenas as the index has the bytes of are withdrawn: those that were, those without a life, and the oldest. */
static void
withdraw(struct recovery *r)
{
    struct gyre *c = r->cache;
    uint64_t index = 0, arenas = (uint64_t)c->g.n_arenas << c->g.arena_shift;
    for (unsigned n = 0; n < c->g.n_shards; n++)
        index += sizeof(struct gy_bucket) << r->log2[n];
    uint64_t over = index + arenas > c->g.capacity_bytes ? index + arenas - c->g.capacity_bytes : 0;
    uint64_t n = (over + c->arena_bytes - 1) >> c->g.arena_shift, have = 0;
    for (unsigned pass = 0; pass < 3; pass++)
        for (uint32_t i = 0; i < c->g.n_arenas; i++) {
            struct life *life = &r->life[i];
            bool first = pass == 0 && life->withdrawn, then = pass == 1 && life->opened == 0 && !life->withdrawn;
            if (pass == 0)
                life->withdrawn = first && have < n;
            else if (have < n && !life->withdrawn && (then || pass == 2))
                life->withdrawn = true;
            else
                continue;
            have += life->withdrawn;
            life->opened = life->withdrawn ? 0 : life->opened;
        }
}

static int
reserve(struct recovery *r)
{
    struct gyre *c = r->cache;
    struct gy_region *region = &c->region;
    const struct gy_geometry *g = &c->g;
    int result = region->ops->reserve(region, g->geometries_at, g->index_at - g->geometries_at);
    for (unsigned n = 0; n < g->n_shards && result == GYRE_OK; n++)
        result = region->ops->reserve(region, g->index_at + g->shard_bytes_most * n, sizeof(struct gy_bucket) << r->log2[n]);
    for (uint32_t i = 0; i < g->n_arenas && result == GYRE_OK; i++) {
        const struct life *life = &r->life[i];
        bool used = !c->sparse || life->opened != 0 || life->arena < gy_layout_arenas_least(g);
        if (used && !life->withdrawn)
            result = region->ops->reserve(region, gy_arena_offset(c, life->arena), c->arena_bytes);
    }
    return result;
}

/* All but books. */
static int
wipe(struct recovery *r)
{
    struct gyre *c = r->cache;
    const struct gy_geometry *g = &c->g;
    struct gy_super *s = c->super;
    c->region.ops->discard(&c->region, g->geometries_at, g->books_at - g->geometries_at);
    c->region.ops->discard(&c->region, g->lanes_at, g->arenas_at - g->lanes_at);
    int result = reserve(r);
    if (result != GYRE_OK)
        return result;
    gy_layout_empty_quiet(c->region.base, g);
    gy_store_rlx(&s->mark, r->marked ? r->mark : 0);
    gy_store_rlx(&s->done, r->marked ? r->mark : 0);
    gy_store_rlx(&s->sequence, r->sequence + SEQUENCES_LOST);
    gy_store_rlx(&s->versions, ((r->versions >> VERSIONS_LOST_SHIFT) + 1) << VERSIONS_LOST_SHIFT);
    for (unsigned n = 0; n < g->n_shards; n++)
        gy_store_rlx(&c->geometries[n], gy_geometry_word(r->log2[n], GY_STEADY));
    return GYRE_OK;
}

/* The arena as if it had been filled and sealed, or was free. */
static void
settle(struct recovery *r, const struct life *life, bool holds, uint64_t end)
{
    struct gyre *c = r->cache;
    struct gy_book *book = &c->books[life->arena];
    enum gy_arena_state state = holds ? GY_SEALED : life->withdrawn ? GY_WITHDRAWN : GY_FREE;
    uint64_t sequence = gy_add_rlx(&c->super->sequence, 1);
    gy_store_rlx(&c->words[life->arena], gy_arena_word(state, life->ring, 0, life->generation, sequence));
    if (!holds)
        gy_store_rlx(&book->proved, 0);
    gy_store_rlx(&book->opened, holds ? life->opened : 0);
    gy_store_rlx(&book->position, end | GY_CLOSED);
    gy_store_rlx(&book->progress, 0);
    gy_store_rlx(&book->pin_stamp, 0);
    gy_store_rlx(&book->clock[0], 1);
    gy_store_rlx(&book->clock[1], 1);
}

/* The slot that the key's word is in; or an empty one where it may go; NULL: its window is full. */
static gy_atomic_u64 *
slot_for(struct gyre *c, const struct gy_window *w, const struct item *i)
{
    const char *entry = c->region.base + i->offset;
    for (unsigned b = 0; b < 2; b++)
        for (unsigned n = gy_find_candidates(w->bucket[b], i->hash); n; n = gy_find_next(n)) {
            gy_atomic_u64 *slot = gy_find_candidate(w->bucket[b], n);
            uint64_t word = gy_load_rlx(slot);
            const char *other = gy_at(c, gy_slot_ref(word));
            if (gy_slot_may_match(word, i->hash) &&
                gy_entry_has_key(other, gy_entry_header(other), gy_entry_key(entry, i->h), i->h.key_bytes))
                return slot;
        }
    unsigned first = gy_find_empty(w->bucket[w->insert[0]]), second = gy_find_empty(w->bucket[w->insert[1]]);
    bool to_second = (first & (first - 1)) == 0 && second != 0 && (first == 0 || (second & (second - 1)) != 0);
    if (first == 0 && second == 0)
        return NULL;
    return gy_find_candidate(w->bucket[w->insert[to_second]], to_second ? second : first);
}

static struct gy_found
found(struct gyre *c, gy_atomic_u64 *slot, uint64_t word)
{
    const char *entry = gy_at(c, gy_slot_ref(word));
    return (struct gy_found){.slot = slot, .word = word, .entry = entry, .header = gy_entry_header(entry),
                             .arena = gy_ref_arena(c, gy_slot_ref(word))};
}

/* Of an arena, what lives is counted where what is dead will be: finish turns it round. */
static void
count(struct recovery *r, const struct gy_found *f, int64_t n)
{
    struct gyre *c = r->cache;
    gy_add_rlx(&c->books[f->arena].dead, (uint64_t)n * gy_found_bytes(c, f));
}

/* The loser of two with one key is void, and so is what finds no room: lest it come back when the other has gone. */
static void
insert(struct recovery *r, const struct item *i)
{
    struct gyre *c = r->cache;
    struct gy_window w;
    gy_index_window(c, i->hash, &w);
    gy_atomic_u64 *slot = slot_for(c, &w, i);
    uint64_t word = slot != NULL ? gy_load_rlx(slot) : GY_EMPTY;
    struct gy_found this = found(c, slot, gy_slot_word(i->hash, 0, i->offset >> 3)), other = this;
    if (word != GY_EMPTY)
        other = found(c, slot, word);
    if (slot == NULL || (word != GY_EMPTY && gy_proof_sequence(c, &other) > i->sequence)) {
        gy_proof_void_now(&this);
        return;
    }
    if (word != GY_EMPTY) {
        gy_proof_void_now(&other);
        count(r, &other, -1);
    }
    r->n_words[w.number] += word == GY_EMPTY;
    count(r, &this, 1);
    gy_store_rlx(slot, this.word);
}

static void
insert_all(struct recovery *r)
{
    for (unsigned i = 0; i < r->n_items; i++)
        insert(r, &r->item[i]);
    r->n_items = 0;
}

static void
add(struct recovery *r, uint64_t offset, struct gy_header h, uint64_t sequence)
{
    struct gyre *c = r->cache;
    uint64_t hash = gy_hash(gy_entry_key(c->region.base + offset, h), h.key_bytes, c->seed);
    struct gy_window w;
    gy_index_window(c, hash, &w);
    gy_index_prefetch(&w);
    r->item[r->n_items++] = (struct item){.offset = offset, .hash = hash, .sequence = sequence, .h = h};
    if (r->n_items == BATCH)
        insert_all(r);
}

/* Is there an entry that was, or may never be: a void one, a lease, one that was given up? It is passed over. */
static bool
passed(struct recovery *r, const struct life *life, uint64_t offset, struct gy_header h)
{
    return gy_doubt_length_holds(r->cache, offset, h, life->arena);
}

/* Too much of it would have to be hashed, of what looks like entries: the rest goes, lest what is in it is found another time. */
static void
give_up(struct recovery *r, const struct life *life, uint64_t at)
{
    memset(r->cache->region.base + gy_arena_offset(r->cache, life->arena) + at, 0, r->cache->arena_bytes - at);
}

/* An entry after the other. Where none proves itself (it was never published, or is damaged, or its page is older), the next one is
 * looked for at every place: an entry that were not found now, and is neither void, could be found by the next recovery, when the page
 * that hid it is another. */
static void
read_arena(struct recovery *r, struct life *life)
{
    enum { HASHED_MOST = 16 }; /* times its bytes, in vain */
    struct gyre *c = r->cache;
    uint64_t from = gy_arena_offset(c, life->arena), at = 0, end = 0, hashed = 0, sequence;
    bool holds = false, walkable = true, so_far = true;
    uint8_t first = 0;
    while (life->opened != 0 && c->arena_bytes - at >= sizeof(struct gy_header)) {
        struct gy_header h = gy_entry_header(c->region.base + from + at);
        uint64_t bytes = h.key_bytes != 0 ? gy_entry_room(c, from + at, h) : c->arena_bytes;
        bool fits = bytes <= c->arena_bytes - at, same = fits && (!holds || h.generation == life->generation);
        if (same && gy_entry_filled(h) && !gy_entry_is_lease(h) && gy_proof_holds(c, from + at, h, life->opened, &sequence)) {
            life->generation = h.generation, holds = true;
            add(r, from + at, h, sequence);
            end = at + bytes, walkable = so_far;
        } else if (!fits || !passed(r, life, from + at, h)) {
            hashed += fits ? bytes : 0;
            bytes = GY_ENTRY_ALIGN, so_far = false;
        }
        first = at == 0 ? h.generation : first;
        so_far = so_far && gy_proof_plausible(h, first);
        at += bytes;
        if (hashed > HASHED_MOST * c->arena_bytes) {
            give_up(r, life, at);
            break;
        }
    }
    settle(r, life, holds, end);
    gy_store_rlx(&c->books[life->arena].holed, !walkable); /* where a walk would stop, the index tells what is there */
}

static void
count_rings(struct gyre *c)
{
    for (unsigned n = 0; n < c->g.n_shards; n++) {
        struct gy_bucket *base = gy_shard_buckets(c, n);
        for (uint64_t at = 0; at < gy_shard_extent(c, n) * GY_BUCKET_SLOTS; at++) {
            uint64_t word = gy_load_rlx(&base[at / GY_BUCKET_SLOTS].slot[at % GY_BUCKET_SLOTS]);
            if (word != GY_EMPTY)
                gy_account_ring(c, gy_ref_arena(c, gy_slot_ref(word)), 1);
        }
    }
}

/* What is kept beside: how many words, live bytes, free arenas there are. */
static void
finish(struct recovery *r)
{
    struct gyre *c = r->cache;
    struct gy_super *s = c->super;
    uint64_t n_free = 0;
    for (uint32_t a = 0; a < c->g.n_arenas; a++) {
        struct gy_book *book = &c->books[a];
        uint64_t used = gy_load_rlx(&book->position) & ~GY_CLOSED, live = gy_load_rlx(&book->dead);
        gy_store_rlx(&book->dead, used - live);
        n_free += gy_arena_state(gy_load_rlx(&c->words[a])) == GY_FREE;
    }
    gy_store_rlx(&s->n_free, n_free);
    for (unsigned n = 0; n < c->g.n_shards; n++) {
        gy_account_set_quiet(c, n, r->n_words[n]);
        c->kept += r->n_words[n];
    }
    gy_grow_mend_quiet(c);
    if (c->g.max_entries)
        count_rings(c);
    if (!r->marked) { /* nothing was kept: what comes now can be trusted */
        gy_proof_mark(c);
        gy_store_rlx(&s->life.sync_errors, 0);
    }
}

int
gy_recover(struct gyre *cache)
{
    struct recovery r = {.cache = cache};
    uint64_t lives = cache->g.n_arenas * sizeof *r.life, words = cache->g.n_shards * sizeof *r.n_words;
    r.life = cache->allocate(cache->allocate_arg, lives);
    r.log2 = cache->allocate(cache->allocate_arg, cache->g.n_shards);
    r.n_words = cache->allocate(cache->allocate_arg, words);
    cache->kept = 0;
    int result = r.life != NULL && r.log2 != NULL && r.n_words != NULL ? GYRE_OK : GYRE_ENOMEM;
    if (result == GYRE_OK) {
        memset(r.n_words, 0, words);
        remember(&r);
        qsort(r.life, cache->g.n_arenas, sizeof *r.life, by_age);
        withdraw(&r);
        result = wipe(&r);
    }
    for (uint32_t i = 0; i < cache->g.n_arenas && result == GYRE_OK; i++)
        read_arena(&r, &r.life[i]);
    if (result == GYRE_OK) {
        insert_all(&r);
        finish(&r);
    }
    if (r.life != NULL)
        cache->deallocate(cache->allocate_arg, r.life, lives);
    if (r.log2 != NULL)
        cache->deallocate(cache->allocate_arg, r.log2, cache->g.n_shards);
    if (r.n_words != NULL)
        cache->deallocate(cache->allocate_arg, r.n_words, words);
    return result;
}

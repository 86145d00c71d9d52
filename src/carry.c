/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "carry.h"

#include <stdlib.h>

#include "account.h"
#include "insert.h"
#include "proof.h"
#include "registry.h"

void (*gy_carry_progress)(uint64_t done, uint64_t total);

enum {
    WARMTHS = 6,           /* 0: the warmest */
    ITEMS_LEAST = 1 << 16, /* words that are collected at once, or a sixteenth of all */
    AHEAD = 8,             /* items whose windows are fetched before it is their turn */
    REFUSED_MOST = 1000,   /* one after the other: it is full */
    SHOW_EVERY = 1 << 10
};

struct item {
    uint64_t word;
    uint32_t turn;
};

struct aged {
    uint64_t sequence;
    uint32_t arena;
};

struct carry {
    struct gyre *to, *from;
    struct gy_record *r;
    struct aged *aged;        /* arenas, the oldest first */
    uint32_t *rank;           /* of an arena among them */
    uint64_t *n_cell;         /* words, by warmth and rank */
    uint32_t *turn;           /* when they go */
    uint64_t *n_turn;         /* and words, by turn */
    uint32_t n_turns;
    struct item *item;
    uint64_t n_items, room;
    uint64_t words, done, left_behind; /* left_behind: they are not wanted */
    unsigned refused;
};

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* (Relaxed, all in this file: this thread is alone.) */
static bool
in_use(const struct gyre *cache, uint32_t arena)
{
    enum gy_arena_state state = gy_arena_state(gy_load_rlx(&cache->words[arena]));
    return state >= GY_OPEN && state <= GY_PARKED;
}

static unsigned
ring_of(const struct gyre *cache, uint32_t arena)
{
    return gy_arena_ring(gy_load_rlx(&cache->words[arena]));
}

/* Hit twice or more, once, not at all; of the main ring before what is on probation. */
static unsigned
warmth(const struct gyre *cache, uint64_t word, uint32_t arena)
{
    unsigned hits = gy_policy_freq(gy_slot_freq(word)), probation = ring_of(cache, arena) != GY_MAIN;
    return hits == 0 ? 4 + probation : GY_POLICY_FREQ_MOST - hits + 2 * probation;
}

/* The cell of a committed word; false: it is none, or leads nowhere. */
static bool
cell_of(const struct carry *c, uint64_t word, uint64_t *cell)
{
    uint32_t arena = gy_ref_arena(c->from, gy_slot_ref(word));
    if (word == GY_EMPTY || gy_slot_tentative(word) || arena == UINT32_MAX || !in_use(c->from, arena))
        return false;
    *cell = (uint64_t)warmth(c->from, word, arena) * c->from->g.n_arenas + c->rank[arena];
    return true;
}

static void
each_word(struct carry *c, void (*visit)(struct carry *c, uint64_t word, const void *arg), const void *arg)
{
    for (unsigned shard = 0; shard < c->from->g.n_shards; shard++) {
        struct gy_bucket *base = gy_shard_buckets(c->from, shard);
        uint64_t n = gy_shard_extent(c->from, shard) * GY_BUCKET_SLOTS;
        for (uint64_t at = 0; at < n; at++)
            visit(c, gy_load_rlx(&base[at / GY_BUCKET_SLOTS].slot[at % GY_BUCKET_SLOTS]), arg);
    }
}

static void
count_word(struct carry *c, uint64_t word, const void *unused)
{
    uint64_t cell;
    (void)unused;
    c->words += word != GY_EMPTY && !gy_slot_tentative(word);
    if (cell_of(c, word, &cell))
        c->n_cell[cell]++;
}

/* ---- what goes when ---------------------------------------------------------------------------------------------- */

static int
by_age(const void *a, const void *b)
{
    uint64_t x = ((const struct aged *)a)->sequence, y = ((const struct aged *)b)->sequence;
    return x < y ? -1 : x > y;
}

static void
rank_arenas(struct carry *c)
{
    uint32_t n = c->from->g.n_arenas;
    for (uint32_t a = 0; a < n; a++)
        c->aged[a] = (struct aged){gy_arena_sequence(gy_load_rlx(&c->from->words[a])), a};
    qsort(c->aged, n, sizeof *c->aged, by_age);
    for (uint32_t i = 0; i < n; i++)
        c->rank[c->aged[i].arena] = i;
}

/* Of an arena's bytes, those that live: about, as all that follows. */
static uint64_t
live_bytes(const struct gyre *cache, uint32_t arena)
{
    const struct gy_book *book = &cache->books[arena];
    uint64_t used = gy_min(gy_load_rlx(&book->position) & ~GY_CLOSED, cache->arena_bytes);
    return used - gy_min(gy_load_rlx(&book->dead), used);
}

/* So many bytes surely fit: less the reserve, what the index grows by, the ends of arenas, and a sixteenth. */
static uint64_t
surely_fits(const struct carry *c, uint64_t live)
{
    enum { INDEX_A_WORD = 16 };
    const struct gy_geometry *g = &c->to->g;
    uint64_t ends = gy_min(live / gy_max(c->words, 1), c->to->arena_bytes) / 2, first = gy_layout_index_first(g);
    uint64_t arenas = (g->n_arenas - g->reserve_arenas) * (c->to->arena_bytes - ends);
    uint64_t grows = c->words * INDEX_A_WORD - gy_min(c->words * INDEX_A_WORD, first);
    arenas -= gy_min(arenas, grows);
    return arenas - arenas / 16;
}

static void
choose(struct carry *c)
{
    const struct gyre *from = c->from;
    uint32_t n = from->g.n_arenas;
    uint64_t live = 0, taken = 0;
    for (uint32_t a = 0; a < n; a++)
        live += in_use(from, a) ? live_bytes(from, a) : 0;
    uint64_t most = surely_fits(c, live);
    bool chosen = true;
    c->n_turns = n;
    for (unsigned warm = 0; warm < WARMTHS; warm++)
        for (uint32_t i = n; i-- > 0;) {
            uint64_t cell = (uint64_t)warm * n + i, in_arena = 0;
            if (c->n_cell[cell] == 0)
                continue;
            for (unsigned w = 0; w < WARMTHS; w++)
                in_arena += c->n_cell[(uint64_t)w * n + i];
            taken += (uint64_t)((double)live_bytes(from, c->aged[i].arena) / (double)in_arena * (double)c->n_cell[cell]);
            chosen = chosen && taken <= most;
            c->turn[cell] = chosen ? i : c->n_turns++;
            c->n_turn[c->turn[cell]] += c->n_cell[cell];
        }
}

/* ---- the entries ------------------------------------------------------------------------------------------------- */

static struct gy_found
found(const struct carry *c, uint64_t word)
{
    const char *entry = gy_at(c->from, gy_slot_ref(word));
    return (struct gy_found){.word = word, .entry = entry, .header = gy_entry_header(entry),
                             .arena = gy_ref_arena(c->from, gy_slot_ref(word))};
}

/* Does it lie within its arena? Then its key can be read. */
static bool
whole(const struct gyre *from, const struct gy_found *f)
{
    uint64_t offset = gy_slot_ref(f->word) << 3;
    return f->header.key_bytes > 0 && gy_entry_filled(f->header) &&
           gy_entry_room(from, offset, f->header) <= from->arena_bytes - (offset & from->arena_mask);
}

static uint64_t
hash_of(const struct carry *c, const struct gy_found *f)
{
    return gy_hash(gy_entry_key(f->entry, f->header), f->header.key_bytes, c->from->seed);
}

/* Its window in the new index comes into the processor's cache until it is its turn. */
static void
fetch(const struct carry *c, uint64_t word)
{
    struct gy_window w;
    struct gy_found f = found(c, word);
    if (!whole(c->from, &f))
        return;
    gy_index_window(c->to, hash_of(c, &f), &w);
    gy_index_prefetch(&w);
}

/* Is it what its word says, and wanted? */
static bool
stands(struct carry *c, const struct gy_found *f, uint64_t *hash)
{
    struct gyre *from = c->from;
    enum gyre_reason reason;
    if (!whole(from, f))
        return false;
    if (!gy_entry_is_lease(f->header) && gy_proves(from) && !gy_entry_proved(from, f))
        return false;
    if (!gy_entry_stands_exactly(from, f, &reason)) {
        c->left_behind++;
        return false;
    }
    *hash = hash_of(c, f);
    return gy_slot_may_match(f->word, *hash);
}

/* Its hits go with it. */
static void
set_freq(struct gyre *to, uint64_t hash, gy_ref ref, unsigned freq)
{
    struct gy_window w;
    gy_index_window(to, hash, &w);
    for (unsigned i = 0; i < w.n * (unsigned)GY_BUCKET_SLOTS; i++) {
        gy_atomic_u64 *slot = &w.bucket[i / GY_BUCKET_SLOTS]->slot[i % GY_BUCKET_SLOTS];
        uint64_t word = gy_load_rlx(slot);
        if (word != GY_EMPTY && gy_slot_ref(word) == ref)
            gy_cas_seq(slot, &word, gy_slot_word(word, freq, ref));
    }
}

static int
put(struct carry *c, const struct gy_found *f, uint64_t hash)
{
    struct gyre *to = c->to;
    uint64_t offset = gy_slot_ref(f->word) << 3;
    struct gy_content content = gy_entry_content(f->entry, offset, f->header, c->from->g.value_align);
    struct gy_staged staged;
    if (content.kind >= GY_KINDS) /* it proves nothing of what the policy knows */
        content.kind = GY_KIND_UNKNOWN;
    if (!gy_insert_fits(to, &content))
        return GYRE_OK;
    if (!gy_arena_stage(to, &c->r->pin[GY_PIN_PUT], ring_of(c->from, f->arena), &content, false, &staged)) {
        c->refused++;
        return GYRE_OK;
    }
    c->refused = 0;
    struct gy_aim aim = gy_aim_at(to, content.key, content.key_bytes, hash, GY_PUT_ANY, 0);
    int result = gy_index_publish(to, c->r, &aim, &staged);
    gy_arena_unpin(to, c->r, &staged);
    if (result != GYRE_OK)
        return result;
    set_freq(to, hash, staged.ref, gy_slot_freq(f->word));
    gy_insert_settle(to, c->r, aim.window.shard);
    while (gy_grow_wanted_in(to, aim.window.shard) && gy_grow_step(to, c->r, aim.window.number, true))
        ; /* to its end: nobody waits, and a window that is full would cost an entry */
    return GYRE_OK;
}

/* Where the disk is full, an arena or a larger index is not to be had, and would cost entries. */
static int
carry_item(struct carry *c, const struct item *i)
{
    uint64_t hash;
    const struct gy_found f = found(c, i->word);
    if (c->done++ % SHOW_EVERY == 0 && gy_carry_progress != NULL)
        gy_carry_progress(c->done, c->words);
    int result = stands(c, &f, &hash) ? put(c, &f, hash) : GYRE_OK;
    return result == GYRE_OK ? (int)(int64_t)gy_load_rlx(&c->to->region.refused) : result;
}

/* ---- in turn ----------------------------------------------------------------------------------------------------- */

struct turns {
    uint32_t from, to;
};

static void
collect_word(struct carry *c, uint64_t word, const void *arg)
{
    const struct turns *turns = arg;
    uint64_t cell;
    if (cell_of(c, word, &cell) && c->turn[cell] >= turns->from && c->turn[cell] < turns->to && c->n_items < c->room)
        c->item[c->n_items++] = (struct item){.word = word, .turn = c->turn[cell]};
}

static int
by_turn(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    uint64_t u = gy_slot_ref(x->word), v = gy_slot_ref(y->word);
    if (x->turn != y->turn)
        return x->turn < y->turn ? -1 : 1;
    return u < v ? -1 : u > v;
}

static int
carry_all(struct carry *c)
{
    int result = GYRE_OK;
    for (struct turns turns = {0, 0}; turns.to < c->n_turns && c->refused < REFUSED_MOST; turns.from = turns.to) {
        uint64_t n = c->n_turn[turns.to++];
        while (turns.to < c->n_turns && n + c->n_turn[turns.to] <= c->room)
            n += c->n_turn[turns.to++];
        c->n_items = 0;
        each_word(c, collect_word, &turns);
        qsort(c->item, c->n_items, sizeof *c->item, by_turn);
        for (uint64_t i = 0; i < c->n_items && result == GYRE_OK && c->refused < REFUSED_MOST; i++) {
            if (i + AHEAD < c->n_items)
                fetch(c, c->item[i + AHEAD].word);
            result = carry_item(c, &c->item[i]);
        }
        if (result != GYRE_OK)
            return result;
    }
    return GYRE_OK;
}

static uint64_t
entries_in(struct gyre *cache)
{
    int64_t n = 0;
    for (unsigned shard = 0; shard < cache->g.n_shards; shard++)
        n += gy_account_entries(cache, shard);
    return (uint64_t)(n > 0 ? n : 0);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static uint64_t
cells(const struct carry *c)
{
    return (uint64_t)WARMTHS * c->from->g.n_arenas;
}

static void *
take(struct carry *c, uint64_t n, size_t bytes)
{
    void *memory = c->to->allocate(c->to->allocate_arg, n * bytes);
    if (memory != NULL)
        memset(memory, 0, n * bytes);
    return memory;
}

static void
give_back(struct carry *c, void *memory, uint64_t n, size_t bytes)
{
    if (memory != NULL)
        c->to->deallocate(c->to->allocate_arg, memory, n * bytes);
}

static bool
take_tables(struct carry *c)
{
    uint64_t n = c->from->g.n_arenas;
    c->aged = take(c, n, sizeof *c->aged);
    c->rank = take(c, n, sizeof *c->rank);
    c->n_cell = take(c, cells(c), sizeof *c->n_cell);
    c->turn = take(c, cells(c), sizeof *c->turn);
    c->n_turn = take(c, n + cells(c), sizeof *c->n_turn);
    return c->aged != NULL && c->rank != NULL && c->n_cell != NULL && c->turn != NULL && c->n_turn != NULL;
}

static void
give_tables_back(struct carry *c)
{
    uint64_t n = c->from->g.n_arenas;
    give_back(c, c->aged, n, sizeof *c->aged);
    give_back(c, c->rank, n, sizeof *c->rank);
    give_back(c, c->n_cell, cells(c), sizeof *c->n_cell);
    give_back(c, c->turn, cells(c), sizeof *c->turn);
    give_back(c, c->n_turn, n + cells(c), sizeof *c->n_turn);
    give_back(c, c->item, c->room, sizeof *c->item);
}

static bool
take_items(struct carry *c)
{
    c->room = gy_max(gy_min(c->words, ITEMS_LEAST), c->words / 16) + 1;
    for (uint32_t i = 0; i < c->n_turns; i++)
        c->room = gy_max(c->room, c->n_turn[i]);
    c->item = take(c, c->room, sizeof *c->item);
    return c->item != NULL;
}

static int
carry(struct carry *c)
{
    if (!take_tables(c))
        return GYRE_ENOMEM;
    rank_arenas(c);
    each_word(c, count_word, NULL);
    choose(c);
    return take_items(c) ? carry_all(c) : GYRE_ENOMEM;
}

int
gy_carry(struct gyre *to, struct gyre *from)
{
    struct carry c = {.to = to, .from = from};
    int result;
    gy_store_rlx(&to->region.refused, 0), gy_store_rlx(&to->lacking, 0); /* whatever was so of the old one */
    gy_tick(to);
    gy_registry_add(to);
    c.r = gy_record_to_write(to, &result);
    if (c.r != NULL) {
        result = carry(&c);
        give_tables_back(&c);
        gy_record_leave(to);
    }
    gy_registry_remove(to);
    uint64_t kept = entries_in(to), wanted = c.words - c.left_behind; /* (Relaxed: nobody knows the new region yet.) */
    gy_store_rlx(&to->super->recovered.entries, kept);
    gy_store_rlx(&to->super->recovered.dropped[GYRE_DROP_NO_ROOM], wanted - gy_min(kept, wanted));
    return result;
}

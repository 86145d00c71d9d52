/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The words of the index, each with the entry that it refers to. An entry is read without a pin: what was read counts when
 * the slot still holds the word afterwards, and the arena was not opened again meanwhile (as in readonly.c). */

#include <string.h>

#include "index.h"
#include "inspect_parts.h"
#include "lease.h"
#include "proof.h"

enum { TRIES = 64 };

/* A word, and the entry that it refers to. */
struct seen {
    gy_atomic_u64 *slot;
    uint64_t word, offset, opened, hash, bytes;
    uint32_t arena;
    const char *entry;
    struct gy_header h;
    bool is_void; /* about to be taken out; or who was about to has died, and it stays */
};

enum verdict { NOTHING, AN_ENTRY, WRONG, CHANGED };

/* The same word, whoever has hit it since; in the same life of the arena. */
static bool
still(const struct inspect *i, const struct seen *s)
{
    gy_fence_seq(); /* what was read comes before the looks that say whether it was there */
    return ((gy_load_acq(s->slot) ^ s->word) & ~GY_FREQ_MASK) == 0 &&
           gy_load_acq(&i->cache->books[s->arena].opened) == s->opened;
}

/* Whatever can be said of an entry that lies within its arena. */
static bool
wrong_entry(struct inspect *i, const struct seen *s)
{
    const struct gyre *c = i->cache;
    bool lease = gy_entry_is_lease(s->h), tentative = gy_slot_tentative(s->word);
    bool versions = (c->g.flags & GYRE_VERSIONS) != 0 || lease, version = (s->h.flags & GY_ENTRY_VERSION) != 0;
    if (gy_entry_kind(s->h) >= GY_KINDS && !lease && !(tentative && !gy_entry_filled(s->h)))
        return inspect_what(i, gy_entry_filled(s->h) ? "its entry is of a kind that there is not"
                                                     : "its entry has gone, or was never finished");
    if (((s->hash ^ s->word) & GY_TAG_MASK) != 0)
        return inspect_what(i, "the key of its entry has another tag");
    if (s->h.value_bytes > c->g.max_value_bytes + (lease ? sizeof(struct gy_lease_note) : 0))
        return inspect_what(i, "its value of %u bytes is larger than the cache takes", s->h.value_bytes);
    if (version != versions)
        return inspect_what(i, version ? "its entry has a version, and no other has" : "its entry has no version");
    if (version && gy_entry_version(s->entry, s->h) >= gy_load_acq(&c->super->versions))
        return inspect_what(i, "its entry's version was never given out");
    if (!lease)
        return false;
    struct gy_lease_note note;
    const struct gy_found f = {s->slot, s->word, s->entry, s->h, s->arena};
    return (!gy_lease_read(c, &f, &note) || note.record >= c->g.n_records) &&
           inspect_what(i, "its lease is held by nobody that could be");
}

static enum verdict
read_word(struct inspect *i, gy_atomic_u64 *slot, struct seen *s)
{
    const struct gyre *c = i->cache;
    *s = (struct seen){.slot = slot, .word = gy_load_acq(slot)};
    if (s->word == GY_EMPTY)
        return NOTHING;
    s->offset = gy_slot_offset(s->word);
    s->arena = gy_arena_at(c, s->offset);
    if (s->arena == UINT32_MAX) {
        inspect_what(i, "refers to byte %llu, which is in no arena", (unsigned long long)s->offset);
        return WRONG;
    }
    struct gy_book *book = &c->books[s->arena];
    s->opened = gy_load_acq(&book->opened);
    uint64_t of_arena = gy_load_acq(&c->words[s->arena]);
    uint64_t end = gy_min(gy_load_acq(&book->position) & ~GY_CLOSED, c->arena_bytes);
    if (!still(i, s))
        return CHANGED;
    enum gy_arena_state state = gy_arena_state(of_arena);
    if (gy_arena_read_into(of_arena)) {
        end = c->arena_bytes; /* how far it reaches is known when it is read */
    } else if (state < GY_OPEN || state > GY_PARKED) {
        if (state < INSPECT_STATES) /* else the arena is told of itself */
            inspect_what(i, "refers into arena %u, which is %s", s->arena, inspect_states[state]);
        return state < INSPECT_STATES ? WRONG : NOTHING;
    }
    uint64_t at = s->offset & c->arena_mask;
    s->entry = c->region.base + s->offset;
    if (at + sizeof s->h <= end) {
        s->h = gy_entry_header(s->entry);
        s->bytes = gy_entry_room(c, s->offset, s->h);
    }
    if (s->h.key_bytes == 0 || at + s->bytes > end) {
        inspect_what(i, "its entry of %llu bytes, at %llu of arena %u, is not within the %llu that are written",
                     (unsigned long long)s->bytes, (unsigned long long)at, s->arena, (unsigned long long)end);
        return still(i, s) ? WRONG : CHANGED;
    }
    s->hash = gy_hash(gy_entry_key(s->entry, s->h), s->h.key_bytes, c->seed);
    bool wrong = wrong_entry(i, s);
    uint8_t differs = s->h.generation ^ gy_arena_generation(of_arena);
    s->is_void = gy_proves(c) && differs == UINT8_MAX;
    if (!wrong && differs != 0 && !s->is_void)
        wrong = inspect_what(i, "its entry is of another life of arena %u", s->arena);
    return still(i, s) ? (wrong ? WRONG : AN_ENTRY) : CHANGED;
}

/* ---- its place among the words of its key ------------------------------------------------------------------------ */

static bool
same_key(const struct seen *a, const struct seen *b)
{
    return a->h.key_bytes == b->h.key_bytes &&
           memcmp(gy_entry_key(a->entry, a->h), gy_entry_key(b->entry, b->h), a->h.key_bytes) == 0;
}

/* Does a slot above it hold a committed word of the same key? */
static enum verdict
twice(struct inspect *i, const struct seen *s, const struct gy_window *w)
{
    for (unsigned b = 0; b < w->n; b++)
        for (unsigned n = 0; n < GY_BUCKET_SLOTS; n++) {
            gy_atomic_u64 *slot = &w->bucket[b]->slot[n];
            uint64_t word = gy_load_acq(slot);
            struct seen other;
            if (slot <= s->slot || gy_slot_tentative(word) || !gy_slot_may_match(word, s->hash))
                continue;
            enum verdict v = read_word(i, slot, &other);
            if (v == CHANGED)
                return CHANGED;
            if (v != AN_ENTRY || gy_slot_tentative(other.word) || !same_key(s, &other))
                continue;
            if (!still(i, &other) || !still(i, s))
                return CHANGED;
            inspect_what(i, "its key stands in a second slot, too");
            return WRONG;
        }
    return AN_ENTRY;
}

static enum verdict
judge_place(struct inspect *i, unsigned shard, const struct seen *s)
{
    const struct gyre *c = i->cache;
    uint64_t number = gy_shard_number(c, s->hash), geometry = gy_load_acq(&c->geometries[shard]);
    enum verdict v = AN_ENTRY;
    struct gy_window w;
    if (number != shard) {
        inspect_what(i, "its key belongs to shard %llu", (unsigned long long)number);
        return still(i, s) ? WRONG : CHANGED;
    }
    gy_index_window(c, s->hash, &w);
    bool found = false;
    for (unsigned b = 0; b < w.n; b++)
        found |= s->slot >= w.bucket[b]->slot && s->slot < w.bucket[b]->slot + GY_BUCKET_SLOTS;
    if (!found) {
        inspect_what(i, "its key does not belong into this bucket");
        v = still(i, s) ? WRONG : CHANGED;
    } else if (!gy_slot_tentative(s->word)) {
        v = twice(i, s, &w);
    }
    return gy_load_acq(&c->geometries[shard]) == geometry ? v : CHANGED;
}

/* Of what nothing else tells: the bytes of its value. (Who put or moved it may not have come to its proof, or be dead.) */
static enum verdict
judge_proof(struct inspect *i, const struct seen *s)
{
    uint64_t sequence;
    struct gy_header h = s->h;
    h.generation ^= s->is_void ? UINT8_MAX : 0;
    if (!gy_proves(i->cache) || gy_slot_tentative(s->word) || gy_entry_is_lease(h) ||
        gy_proof_of_room_holds(i->cache, s->offset, h, s->opened) ||
        gy_proof_holds(i->cache, s->offset, h, s->opened, &sequence))
        return AN_ENTRY;
    inspect_what(i, "its entry does not prove itself");
    return still(i, s) ? WRONG : CHANGED;
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */

static gy_atomic_u64 *
numbered(const struct inspect *i, unsigned shard, uint64_t n)
{
    return &gy_shard_buckets(i->cache, shard)[n / GY_BUCKET_SLOTS].slot[n % GY_BUCKET_SLOTS];
}

/* A slot's number among all: of its shard, and in it. */
enum { SHARD_SHIFT = 32 };

static bool
wrong_slot(struct inspect *i, uint64_t n)
{
    unsigned shard = (unsigned)(n >> SHARD_SHIFT);
    uint64_t in_shard = n & UINT32_MAX;
    struct seen s;
    enum verdict v = CHANGED;
    for (unsigned tries = 0; tries < TRIES && v == CHANGED; tries++) {
        v = read_word(i, numbered(i, shard, in_shard), &s);
        if (v == AN_ENTRY)
            v = judge_place(i, shard, &s);
        if (v == AN_ENTRY)
            v = judge_proof(i, &s);
    }
    inspect_place(i, "shard %u, bucket %llu, slot %llu", shard, (unsigned long long)(in_shard / GY_BUCKET_SLOTS),
                  (unsigned long long)(in_shard % GY_BUCKET_SLOTS));
    i->report->moving += v == CHANGED;
    return v == WRONG;
}

/* For the numbers that are compared afterwards. */
static void
count(struct inspect *i, unsigned shard, gy_atomic_u64 *slot)
{
    struct seen s;
    uint64_t word = gy_load_acq(slot);
    i->report->tentative += word != GY_EMPTY && gy_slot_tentative(word);
    if (word == GY_EMPTY || gy_slot_tentative(word))
        return;
    i->report->words++;
    i->committed[shard]++;
    if (read_word(i, slot, &s) != AN_ENTRY)
        return;
    i->live[s.arena] += s.bytes;
    i->in_ring[gy_arena_ring(gy_load_acq(&i->cache->words[s.arena]))]++;
    i->report->leases += gy_entry_is_lease(s.h);
}

void
inspect_index(struct inspect *i)
{
    for (unsigned shard = 0; shard < i->cache->g.n_shards; shard++) {
        uint64_t buckets = gy_shard_extent(i->cache, shard);
        i->report->buckets += buckets;
        for (uint64_t n = 0; n < buckets * GY_BUCKET_SLOTS; n++) {
            if (gy_load_acq(numbered(i, shard, n)) != GY_EMPTY) {
                inspect_judge(i, wrong_slot, (uint64_t)shard << SHARD_SHIFT | n);
                count(i, shard, numbered(i, shard, n));
            }
            if (n % GY_BUCKET_SLOTS == 0)
                inspect_progress(i, INSPECT_BUCKET_LINES);
        }
    }
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Entries of files prove themselves: after the last byte of the value stand a checksum and a sequence. When the machine has
 * stopped, whatever the disk has kept of the file's pages, an entry that proves itself was published, is whole, and of two with
 * one key the one with the higher sequence is the newer.
 *
 *   entry | padding to 8 | check (8) | sequence (8) |
 *
 * The check is the hash of what the entry is (lengths, optional words, key, value), under the cache's secret seed, plus a hash of
 * the life of the arena it stands in (the opening number, which is of this life alone, and the generation in the header) and of the
 * sequence. So
 *
 *   - bytes that an earlier life of the arena left prove nothing in a later one;
 *   - a copy proves itself by what proved the original: damage is copied as damage, and what is void as void;
 *   - nobody who chooses values can make one that holds an entry.
 *
 * The check is written when the word is committed, by who committed it: what was never published never has one. Before, the entry has
 * its sequence, for who meets it, and in the check's place a proof of room, which says how long it is. (Who is killed in between leaves an entry
 * that recovery misses, until a sweep moves it.) Whoever takes a word
 * out of the index has voided the entry before, lest he be killed in between: all bits of its header's generation are turned over,
 * so that no single bit brings it back, nor a check that comes late. (When he fails, and it stays, recovery misses it.) So does who takes a tentative word,
 * if a mover has it in hand, whose entry was published long ago. (A sweep does not void what it evicts or moves: the whole arena is disowned when its sweep begins,
 * by its book, since to write each page of it once more would double what the disk has to take.) A sync that begins later
 * writes that out: what was replaced, deleted or evicted before it does not come back. */

#ifndef GY_PROOF_H
#define GY_PROOF_H

#include "index.h"
#include "policy.h"

_Static_assert((unsigned)GY_KINDS <= (unsigned)GY_ENTRY_LEASE_KIND, "a kind is none that says lease, or unfilled");

/* Is this the cache of entries that do? */
static inline bool
gy_proves(const struct gyre *cache)
{
    return cache->g.proof_bytes != 0;
}

/* Before the commit of a staged entry, which has its proof of room, and whose writer has met no entry of the key with a higher sequence
 * than `met`. Returns the check. */
uint64_t gy_proof_prepare(struct gyre *cache, struct gy_record *r, const struct gy_staged *staged, uint64_t met);

/* The entry was committed: its arena is still pinned. */
void gy_proof_give(struct gyre *cache, const struct gy_staged *staged, uint64_t check);

/* 0 of what has none: a lease. */
uint64_t gy_proof_sequence(const struct gyre *cache, const struct gy_found *f);

/* Of a staged entry that is a lease, or is not committed yet, or was not after all: it proves its length, and nothing else. Before any
 * word leads to it, a tentative one, too. Returns the check. */
uint64_t gy_proof_of_room_always(struct gyre *cache, const struct gy_staged *staged);

static inline uint64_t
gy_proof_of_room(struct gyre *cache, const struct gy_staged *staged)
{
    return gy_unlikely(gy_proves(cache)) ? gy_proof_of_room_always(cache, staged) : 0;
}

bool gy_proof_of_room_holds(const struct gyre *cache, uint64_t offset, struct gy_header h, uint64_t opened);

/* The same of a pinned one. */
bool gy_proof_of_room_found(const struct gyre *cache, const struct gy_found *f);

/* As gy_proof_prepare, of the copy of an entry, in an arena of that generation: which is void, if the entry is. */
uint64_t gy_proof_copy(struct gyre *cache, const struct gy_staged *from, uint8_t generation, const struct gy_staged *copy);

/* Before the word that refers to the entry is taken out of the index. */
void gy_proof_void_always(struct gyre *cache, const struct gy_found *f);

static inline void
gy_proof_void(struct gyre *cache, const struct gy_found *f)
{
    if (gy_unlikely(gy_proves(cache)))
        gy_proof_void_always(cache, f);
}

/* The same of a tentative word: of a put's the entry is not published. */
static inline void
gy_proof_void_moving(struct gyre *cache, const struct gy_found *f)
{
    if (gy_unlikely(gy_proves(cache)) && !gy_proof_of_room_found(cache, f))
        gy_proof_void_always(cache, f);
}

/* Does the entry prove itself, in an arena of that life? It lies within its arena. */
bool gy_proof_holds(const struct gyre *cache, uint64_t offset, struct gy_header h, uint64_t opened, uint64_t *sequence);

/* What a book says of the life of an arena whose entries may be trusted, and of no other: never 0. */
uint32_t gy_proof_of_life(const struct gyre *cache, uint64_t opened);

/* Could a walk of an arena of that generation meet this header? It may be void. */
static inline bool
gy_proof_plausible(struct gy_header h, uint8_t generation)
{
    bool kind = gy_entry_kind(h) < GY_KINDS || gy_entry_is_lease(h) || !gy_entry_filled(h);
    uint8_t differs = h.generation ^ generation;
    return h.key_bytes > 0 && kind && (differs == 0 || differs == UINT8_MAX);
}

/* The mark of clears is as it was raised. */
void gy_proof_mark(struct gyre *cache);
bool gy_proof_of_mark_holds(const struct gyre *cache, uint64_t mark);

/* An arena is owned by its life, from its opening on; and disowned, from when a sweep takes it. */
static inline void
gy_proof_own(struct gyre *cache, uint32_t arena, uint64_t opened)
{
    if (gy_unlikely(gy_proves(cache)))
        gy_store_rel(&cache->books[arena].proved, gy_proof_of_life(cache, opened));
}

/* By whom, before it is taken: who comes late disowns no later life. */
static inline uint32_t
gy_proof_owner(const struct gyre *cache, uint32_t arena)
{
    return gy_unlikely(gy_proves(cache)) ? gy_load_acq(&cache->books[arena].proved) : 0;
}

static inline void
gy_proof_disown(struct gyre *cache, uint32_t arena, uint32_t owner)
{
    if (gy_unlikely(owner != 0))
        gy_cas_seq(&cache->books[arena].proved, &owner, 0);
}

#endif

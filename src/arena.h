/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Arenas: equal, power-of-two pieces of the region that entries are appended to and that are swept as
 * a whole. Each has one word, which says everything about its state and is changed by CAS alone (I4),
 * and a book: its position and what is known of its contents.
 *
 *   63               24 23    16 15      5   4       3       2     0
 *   |     sequence     |  gen   |  lane   | ring | parity | state |       (SWEEPING: the member instead of the lane)
 *
 * The parity is the state's: one bit that turns over in a file makes no other state of it.
 *
 *   FREE -> OPENING          taken by a writer or a sweep; its book is being reset
 *   OPENING -> OPEN          it stands in its lane: by the opener, or by any writer that finds it there
 *   OPENING -> FREE          another arena was installed first
 *   OPEN -> SEALED           full, or sealed early; sequence becomes the sealing number: the ring's order
 *   SEALED -> SWEEPING       the hand is on it; pins were looked at after this step, else back
 *   SWEEPING <-> PARKED      claimed for room, and left inside; or parked at once for max_entries, for any
 *                            number of threads to walk. No new pin matters: movers and writers see that it is
 *                            neither OPEN nor SEALED. Those of writers that were there when it was parked make
 *                            it late: it is walked once more when they have gone
 *   SWEEPING, PARKED -> RETIRED  no slot holds a ref into it (I5)
 *   RETIRED -> FREE          after a membarrier, no pin was on it
 *   FREE -> WITHDRAWN        its bytes went to the index
 *
 * While a file is rebuilt (rebuild.h), what is WITHDRAWN in a lane that is none is not of the index, but to be read:
 *
 *   UNREAD -> READING        by the member that the lane names, which brings refs into it as a writer does
 *   READING -> SEALED        read; RETIRED: nothing in it proved itself
 *   READING -> HALF          its reader is dead, or was expelled: to be read once more
 *   HALF -> READING
 *   UNREAD -> SWEEPING       for room: no slot holds a ref into it
 *
 * In OPENING and OPEN the sequence is the opening number: unique, so that a lane's word names an arena
 * of one life. Sequence numbers have 40 bits; they are compared by signed difference. */

#ifndef GY_ARENA_H
#define GY_ARENA_H

#include "atomic.h"
#include "base.h"

enum gy_arena_state {
    GY_FREE, GY_OPENING, GY_OPEN, GY_SEALED, GY_SWEEPING, GY_PARKED, GY_RETIRED, GY_WITHDRAWN
};

enum { GY_SEQUENCE_BITS = 40, GY_ARENA_BITS = 24 };
#define GY_SEQUENCE_MASK (((uint64_t)1 << GY_SEQUENCE_BITS) - 1)

struct gy_book {
    _Alignas(GY_LINE) gy_atomic_u64 position; /* bytes reserved; with GY_CLOSED nothing more is */
    gy_atomic_u64 dead;      /* bytes of entries that no slot refers to. (Relaxed: steers the sweep.) */
    gy_atomic_u64 opened;    /* the opening number, for clear. (Relaxed: constant while any ref exists.) */
    gy_atomic_u64 progress;  /* of the sweep: see below */
    gy_atomic_u64 pin_stamp; /* the latest look at pins that found one here */
    gy_atomic_u64 clock[2];  /* evictions when it was opened, and when sealed. (Relaxed: ages for the policy.) */
    gy_atomic_u32 proved;    /* files: that the life which has opened it owns it: proof.h */
    gy_atomic_u32 holed;     /* 1: a writer died inside. (Relaxed: set before progress or word, or alone.) */
};

#define GY_CLOSED ((uint64_t)1 << 63)

/* How far a sweep has come: the entries before `taken` (34 bits) are done, but for as many as are in somebody's
 * hands (`busy`, 13 bits). Flags: the sweep that stopped here keeps everything; the arena had pins of writers when it
 * was parked. The walk has a number (15 bits), which changes when somebody busy is left out of account, so that he does
 * not count himself out of what others took. */
#define GY_PROGRESS_COMPACT ((uint64_t)1 << 63)
#define GY_PROGRESS_LATE ((uint64_t)1 << 62)
#define GY_PROGRESS_WALK_ONE ((uint64_t)1 << 47)
#define GY_PROGRESS_WALK ((uint64_t)0x7fff << 47)
#define GY_PROGRESS_BUSY_ONE ((uint64_t)1 << 34)
#define GY_PROGRESS_BUSY ((uint64_t)0x1fff << 34)

static inline uint64_t
gy_progress_taken(uint64_t progress)
{
    return progress & (GY_PROGRESS_BUSY_ONE - 1);
}

/* From the start, with none of the flags but the first. */
static inline uint64_t
gy_progress_again(uint64_t progress)
{
    return (progress & GY_PROGRESS_COMPACT) | ((progress + GY_PROGRESS_WALK_ONE) & GY_PROGRESS_WALK);
}

/* From `at`, where one who had the arena to himself has stopped. Others who took entries meanwhile need not be
 * waited for: what is before `at` is done, and the rest is taken again. */
static inline uint64_t
gy_progress_from(uint64_t progress, uint64_t at)
{
    uint64_t walk = progress & (GY_PROGRESS_COMPACT | GY_PROGRESS_WALK);
    return at | (progress & GY_PROGRESS_BUSY ? gy_progress_again(progress) : walk);
}

enum { GY_STATE_BITS = 15, GY_STATE_PARITY = 8 };

static inline uint64_t
gy_arena_state_bits(enum gy_arena_state state)
{
    return (uint64_t)state | (__builtin_parity((unsigned)state) ? GY_STATE_PARITY : 0);
}

static inline uint64_t
gy_arena_word(enum gy_arena_state state, unsigned ring, unsigned lane, uint64_t generation, uint64_t sequence)
{
    return gy_arena_state_bits(state) | (uint64_t)ring << 4 | (uint64_t)lane << 5 | (generation & 0xff) << 16 |
           sequence << 24;
}

static inline enum gy_arena_state
gy_arena_state(uint64_t word)
{
    return (enum gy_arena_state)(word & (GY_STATE_PARITY - 1));
}

/* Has its state the parity that it was given? */
static inline bool
gy_arena_state_whole(uint64_t word)
{
    return (word & GY_STATE_BITS) == gy_arena_state_bits(gy_arena_state(word));
}

static inline unsigned
gy_arena_ring(uint64_t word)
{
    return (unsigned)(word >> 4) & 1;
}

static inline unsigned
gy_arena_lane(uint64_t word)
{
    return (unsigned)(word >> 5) & 0x7ff;
}

static inline uint8_t
gy_arena_generation(uint64_t word)
{
    return (uint8_t)(word >> 16);
}

static inline uint64_t
gy_arena_sequence(uint64_t word)
{
    return word >> 24;
}

static inline uint64_t
gy_arena_with_state(uint64_t word, enum gy_arena_state state)
{
    return (word & ~(uint64_t)GY_STATE_BITS) | gy_arena_state_bits(state);
}

/* SWEEPING, by the member in that place, from 1 (0 in private caches): who clears up after it has to know. It takes the
 * place of the lane, which matters in OPENING and OPEN only. */
static inline uint64_t
gy_arena_swept_by(uint64_t word, unsigned member)
{
    return (word & ~((uint64_t)0x7ff << 5 | GY_STATE_BITS)) | (uint64_t)member << 5 | gy_arena_state_bits(GY_SWEEPING);
}

/* Lanes that are none, and no member's either: of arenas that are to be read. */
enum { GY_LANE_HALF = 0x7fe, GY_LANE_UNREAD = 0x7ff };

static inline uint64_t
gy_arena_in_lane(uint64_t word, unsigned lane)
{
    return (word & ~((uint64_t)0x7ff << 5)) | (uint64_t)lane << 5;
}

/* Its bytes went to the index. */
static inline bool
gy_arena_withdrawn(uint64_t word)
{
    return gy_arena_state(word) == GY_WITHDRAWN && gy_arena_lane(word) == 0;
}

/* Not all that proves itself in it is in the index yet. */
static inline bool
gy_arena_unread(uint64_t word)
{
    return gy_arena_state(word) == GY_WITHDRAWN && gy_arena_lane(word) != 0;
}

/* May a slot hold a ref into it? */
static inline bool
gy_arena_read_into(uint64_t word)
{
    return gy_arena_unread(word) && gy_arena_lane(word) != GY_LANE_UNREAD;
}

/* Negative when a is older than b. */
static inline int64_t
gy_sequence_compare(uint64_t a, uint64_t b)
{
    return (int64_t)((a - b) << (64 - GY_SEQUENCE_BITS));
}

/* A lane's word: arena + 1 and the opening number; 0 is none. */
static inline uint64_t
gy_open_word(uint32_t arena, uint64_t sequence)
{
    return (uint64_t)(arena + 1) | sequence << GY_ARENA_BITS;
}

static inline uint32_t
gy_open_arena(uint64_t open)
{
    return (uint32_t)(open & (((uint64_t)1 << GY_ARENA_BITS) - 1)) - 1;
}

struct gyre;
struct gy_record;
struct gy_content;

/* Room for one entry, header written and pinned. */
struct gy_staged {
    gy_ref ref;
    uint32_t arena;
    uint64_t bytes;
    uint64_t opened;     /* the arena's opening number */
    gy_atomic_u64 *pin;  /* holds the arena until the entry is published or given up */
    uint64_t pin_word;
};

/* Reserves room in the open arena of a ring and writes the whole entry but, when content->value is
 * NULL, its value. Never waits, never sweeps. False when a new arena is needed and none is free (urgent:
 * down to the last one; else the reserve is left to the sweep) or the entry is larger than an arena. */
bool gy_arena_stage(struct gyre *cache, gy_atomic_u64 *pin, unsigned ring, const struct gy_content *content,
                    bool urgent, struct gy_staged *out);

/* Who publishes a staged entry was expelled meanwhile: gy_arena_unpin. */
void gy_arena_late(struct gyre *cache, const struct gy_staged *staged);

/* Seals what stands open in a lane: later entries go to a new arena. */
void gy_arena_seal(struct gyre *cache, unsigned lane, unsigned ring);

/* Frees the retired arenas that no pin holds. Returns how many. */
unsigned gy_arena_free_retired(struct gyre *cache);

/* Marks with a fresh stamp all arenas that pins hold now, and returns the stamp. */
uint64_t gy_arena_stamp_pins(struct gyre *cache);

/* Is any pin on this arena? seq_cst loads: see the essay in arena.c. */
bool gy_arena_pinned(struct gyre *cache, uint32_t arena);

/* The same of those who may yet bring a ref into it: writers, drafts and movers, but not readers. */
bool gy_arena_written(struct gyre *cache, uint32_t arena);

/* Do views and drafts hold all arenas that writers could otherwise have? */
bool gy_arena_all_held(struct gyre *cache);

/* Takes one free arena out of service, for the index. */
bool gy_arena_withdraw(struct gyre *cache);

#endif

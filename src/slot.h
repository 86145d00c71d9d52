/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The slot word: one 64-bit atomic word of the index.
 *
 *   63        44  43  42   40 39                              0
 *   |   tag    | T  |  freq  |              ref               |
 *
 *   EMPTY (0)        no entry
 *   tentative (T)    an entry that is not yet published: invisible to get
 *   committed        an entry; its key hashes to tag
 *
 * A slot is written by compare-and-swap only, from its initial zero on (but for mend.c, alone in
 * its process), always strong, success seq_cst, failure acquire.
 * Transitions (docs/protocols.md gives the steps):
 *
 *   EMPTY -> tentative       put 3, migrate 2
 *   tentative -> tentative   put 2 and 4: another put takes it over
 *   tentative -> committed   put 5, migrate 4: its owner only
 *   committed -> committed   put 2 and 4: replaced; sweep: relocated; get: frequency
 *   any -> EMPTY             delete, eviction, put 4 (a rival), migrate 3
 *
 * I1: at every instant at most one slot of a key's window holds a committed word of the key. */

#ifndef GY_SLOT_H
#define GY_SLOT_H

#include "atomic.h"
#include "hash.h"

enum { GY_REF_BITS = 40, GY_FREQ_SHIFT = GY_REF_BITS, GY_FREQ_MOST = 7, GY_BUCKET_SLOTS = 8 };

#define GY_EMPTY ((uint64_t)0)
#define GY_T ((uint64_t)1 << 43)
#define GY_REF_MASK (((uint64_t)1 << GY_REF_BITS) - 1)
#define GY_FREQ_ONE ((uint64_t)1 << GY_FREQ_SHIFT)
#define GY_FREQ_MASK ((uint64_t)GY_FREQ_MOST << GY_FREQ_SHIFT)
#define GY_TAG_MASK (~(uint64_t)0 << GY_TAG_SHIFT)

struct gy_bucket {
    _Alignas(GY_LINE) gy_atomic_u64 slot[GY_BUCKET_SLOTS];
};
_Static_assert(sizeof(struct gy_bucket) == 1 << GY_BUCKET_SHIFT, "the mask of a shard's geometry is in bytes");

static inline uint64_t
gy_slot_word(uint64_t hash, unsigned freq, gy_ref ref)
{
    return (hash & GY_TAG_MASK) | (uint64_t)freq << GY_FREQ_SHIFT | ref;
}

static inline gy_ref
gy_slot_ref(uint64_t word)
{
    return word & GY_REF_MASK;
}

/* The place it refers to, in bytes from the start of the region. */
static inline uint64_t
gy_slot_offset(uint64_t word)
{
    return word << (64 - GY_REF_BITS) >> (64 - GY_REF_BITS - 3);
}

static inline unsigned
gy_slot_freq(uint64_t word)
{
    return (unsigned)(word >> GY_FREQ_SHIFT) & GY_FREQ_MOST;
}

/* What a word that takes the place of this one begins with: as one that was asked for once more. */
static inline unsigned
gy_slot_freq_carried(uint64_t word)
{
    enum { CARRIED_MOST = 3 };
    unsigned freq = gy_slot_freq(word);
    return freq < CARRIED_MOST ? freq + 1 : freq;
}

static inline bool
gy_slot_tentative(uint64_t word)
{
    return (word & GY_T) != 0;
}

/* Could be an entry of a key with this hash, tentative or not. */
static inline bool
gy_slot_may_match(uint64_t word, uint64_t hash)
{
    return word != GY_EMPTY && ((word ^ hash) & GY_TAG_MASK) == 0;
}

#endif

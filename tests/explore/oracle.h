/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Looks at every access, and knows what may not happen:
 *
 *   arenas      only the transitions of src/arena.h; RETIRED with no ref into it left (I5)
 *   slots       only the transitions of src/slot.h; one committed word a key (I1)
 *   bytes       of entries are touched only by whom a validated pin, or the sweep, allows to, in the life of
 *               the arena in which it was validated: the generation oracle. Lives are counted when an arena
 *               is taken into use again, so a reader that is late but harmless is no violation
 *   races       in the relaxed mode: bytes that are read were written before, bytes that are written again
 *               were read before, by happens-before */

#ifndef GY_EXPLORE_ORACLE_H
#define GY_EXPLORE_ORACLE_H

#include "cache.h"

void oracle_begin(struct gyre *cache);

void oracle_loaded(unsigned thread, const volatile void *from, uint64_t value, uint32_t life);
void oracle_stored(unsigned thread, const volatile void *to, uint64_t value);
/* By a read-modify-write. */
void oracle_updated(unsigned thread, const volatile void *at, uint64_t from, uint64_t to);
void oracle_bytes(unsigned thread, const void *at, size_t n, bool write);

/* The life of what a value at this address refers to. */
uint32_t oracle_life(const volatile void *address, uint64_t value);

/* A slot of the index? */
bool oracle_is_slot(const volatile void *address);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The bytes of the capacity that are set aside for the index: arenas withdrawn, less doublings begun.
 *
 * A word: bytes (48 bits), and above them a count of changes (16), so that who counted it anew, was expelled and comes
 * late fails. */

#ifndef GY_CREDIT_H
#define GY_CREDIT_H

#include "cache.h"

enum { GY_CREDIT_BITS = 48 };

static inline uint64_t
gy_credit_bytes(uint64_t word)
{
    return word & (((uint64_t)1 << GY_CREDIT_BITS) - 1);
}

uint64_t gy_credit(const struct gyre *cache);

/* Takes so many for a doubling; false when there are fewer. */
bool gy_credit_take(struct gyre *cache, uint64_t bytes);
void gy_credit_give(struct gyre *cache, uint64_t bytes);

/* Counts them anew, and those of the index, while nobody drives a growth. False: one did who was expelled. */
bool gy_credit_count(struct gyre *cache);

#endif

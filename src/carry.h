/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The entries of one region are put into another, fresh one.
 *
 * What fits is chosen by warmth: how often an entry was hit since the hand passed, then its ring, then the age of its arena, as the
 * hand would choose. What was chosen goes in the order in which it was written, so that the hand meets the old first there,
 * too; then, while there is room, what was not, the warmest first. Neither is sorted at once: of all entries only their numbers are
 * known, by warmth and arena, and a pass over the index collects the next sixteenth of them.
 *
 * Nothing is evicted for room, and nothing in the old region is changed. What has expired, was cleared, or does not prove itself,
 * and leases, stay behind. */

#ifndef GY_CARRY_H
#define GY_CARRY_H

#include "cache.h"

/* `from` and `to`: of one seed and one time, and this thread alone has them; `to` is a member and not registered. Counts in
 * to->super->recovered. GYRE_OK, GYRE_ENOMEM or GYRE_EBUSY. */
int gy_carry(struct gyre *to, struct gyre *from);

/* For a program that shows how far it is: so many of so many entries. NULL: nobody wants to know. */
extern void (*gy_carry_progress)(uint64_t done, uint64_t total);

#endif

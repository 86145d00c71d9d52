/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Two rules about what happens before what, checked where an order is relied on rather than where its lack
 * would at last be felt:
 *
 *   hand-over   words that are also written by plain stores (books, stages, roles, owners, pins) have one
 *               writer at a time: a store comes after every write that others made, an update after the
 *               last store. Else an update may be lost, or a role be taken up without what was left with it.
 *               Who goes by a geometry or by the end of a clear has seen what was done before
 *   sections    when a grace period has elapsed, the sections that were open at its start have ended, in
 *               happens-before, and none goes by an older geometry, or by an older mark of a clear */

#ifndef GY_EXPLORE_HANDOVER_H
#define GY_EXPLORE_HANDOVER_H

#include "cache.h"

void handover_begin(struct gyre *cache);
void handover_loaded(unsigned thread, const volatile void *from, uint64_t value);
/* Before the store is made. */
void handover_stores(unsigned thread, const volatile void *to, uint64_t value);
/* After the update was made. */
void handover_updated(unsigned thread, const volatile void *at);

#endif

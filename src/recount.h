/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Counts of a shared cache that a dead process had not yet brought up to date. */

#ifndef GY_RECOUNT_H
#define GY_RECOUNT_H

struct gyre;

/* When somebody has died since: counts free arenas, the index's bytes and the entries anew, beside all others, and corrects
 * what is surely wrong. What changes too fast to tell is looked at again in the next call. By one thread at a time. */
void gy_recount(struct gyre *cache);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* When all is quiet: books, counts and index agree. */

#ifndef GY_EXPLORE_SETTLE_H
#define GY_EXPLORE_SETTLE_H

#include "cache.h"

/* ALL_ENDED: no thread was stopped, so that every count is exact. MENDED: they were, and what the child of a fork does was
 * done. REAPED: their processes have died, and others have cleared up: what nobody needs to be exact is not. */
enum ending { ALL_ENDED, MENDED, REAPED };
void settle_check(gyre *cache, enum ending ending);

#endif

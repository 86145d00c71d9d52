/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* When all is quiet: books, counts and index agree. */

#ifndef GY_EXPLORE_SETTLE_H
#define GY_EXPLORE_SETTLE_H

#include "cache.h"

/* all_ended: no thread was stopped, so that every count is exact. */
void settle_check(gyre *cache, bool all_ended);

#endif

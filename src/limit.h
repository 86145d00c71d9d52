/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* max_entries. */

#ifndef GY_LIMIT_H
#define GY_LIMIT_H

#include "cache.h"

/* Evicts, entry by entry, until no more than max_entries are left. */
void gy_limit_hold(struct gyre *cache, struct gy_record *r);

#endif

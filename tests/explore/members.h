/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* When all is quiet, and the dead have been looked for: nothing in the region bears the name of one who is no member. */

#ifndef GY_EXPLORE_MEMBERS_H
#define GY_EXPLORE_MEMBERS_H

#include "cache.h"

void members_check(gyre *cache);

/* A read-modify-write: of the word of a member's place, perhaps. Only the dead are cleared up after, by one, and when a place
 * becomes free, nothing bears the member's name any more. */
void members_updated(gyre *cache, const volatile void *at, uint64_t from, uint64_t to);

#endif

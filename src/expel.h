/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Giving up on a member of a shared cache that lives and does not go on: what it holds is the others' from now on. */

#ifndef GY_EXPEL_H
#define GY_EXPEL_H

#include "cache.h"

/* The member in that place, whose word was loaded: JOINED, or to be expelled by another, who may have stopped. GYRE_OK, also
 * when it has gone meanwhile; GYRE_EIO: there was no membarrier, and it keeps what it holds. */
int gy_expel(struct gyre *cache, uint32_t place, uint64_t word);

#endif

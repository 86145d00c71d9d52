/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file's index made anew from what its arenas hold, when the machine has stopped while it was open: of its pages some are as
 * they were last, some as they were earlier. */

#ifndef GY_RECOVER_H
#define GY_RECOVER_H

#include "base.h"

struct gyre;

/* Of a cache whose parts are settled and whose proofs are asked for, under the file's lock, alone. What it finds, and what it does
 * not keep, it counts in the cache. GYRE_OK; GYRE_ENOMEM, GYRE_ENOSPC, GYRE_EIO: it may be tried again. */
int gy_recover(struct gyre *cache);

/* The same for about so long: what was not read then is to be read while the cache is used (rebuild.h). */
int gy_recover_within(struct gyre *cache, uint64_t ms);

#endif

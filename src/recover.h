/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file's index made anew from what its arenas hold, when the machine has stopped while it was open: of its pages some are as
 * they were last, some as they were earlier. */

#ifndef GY_RECOVER_H
#define GY_RECOVER_H

struct gyre;

/* Of a cache whose parts are settled and whose proofs are asked for, under the file's lock, alone. What it finds it counts in
 * cache->kept. GYRE_OK; GYRE_ENOMEM, GYRE_ENOSPC, GYRE_EIO: it may be tried again. */
int gy_recover(struct gyre *cache);

#endif

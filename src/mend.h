/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A forked child has a copy of a cache in which all threads but one stopped in mid-step. */

#ifndef GY_MEND_H
#define GY_MEND_H

struct gyre;

/* Finishes or undoes what they left: alone in the process. Records have been reaped. */
void gy_mend_quiet(struct gyre *cache);

#endif

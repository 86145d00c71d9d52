/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* All background work, in bounded steps: clear, sweep, growth. */

#ifndef GY_MAINTAIN_H
#define GY_MAINTAIN_H

#include "base.h"

struct gyre;

/* Works for about budget_ns, at least one step. 1 when more is to be done, 0, or a GYRE_E code. */
int gy_maintain(struct gyre *cache, uint64_t budget_ns);

#endif

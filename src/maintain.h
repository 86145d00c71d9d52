/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* All background work, in bounded steps: clear, sweep, growth. */

#ifndef GY_MAINTAIN_H
#define GY_MAINTAIN_H

#include "base.h"

struct gyre;

/* Works for about budget_ns, at least one step. GY_WAITING: nothing can be done now, but a clear or a
 * growth is under way: for a grace period, or in the hands of another thread. */
enum gy_work { GY_IDLE, GY_WORKED, GY_WAITING };
int gy_maintain(struct gyre *cache, uint64_t budget_ns); /* or a GYRE_E code */

/* Of the members of a shared cache one at a time is the maintainer: its thread works, the others' threads sleep. Nothing
 * goes wrong when two work; only recounts must be one's alone. */
enum gy_maintainer { GY_MAINTAINER_OTHER, GY_MAINTAINER_NOW, GY_MAINTAINER_ALREADY }; /* this thread is, or another */
enum gy_maintainer gy_maintainer_begin(struct gyre *cache);
void gy_maintainer_end(struct gyre *cache);

/* What the cache's own thread has to do: true when it is to work, as the maintainer or because that one seems to be
 * stopped. */
bool gy_maintainer_turn(struct gyre *cache);

#endif

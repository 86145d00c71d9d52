/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* All schedules of a small scenario with at most two preemptions; or, where processes die, with one preemption and one
 * death, before any access. */

#ifndef GY_EXPLORE_BOUNDED_H
#define GY_EXPLORE_BOUNDED_H

#include "scheduler.h"

struct bounded {
    struct plan *plan;
    bool deaths;
    unsigned n_threads;
    bool (*run)(void); /* a schedule by the plan; false: something is wrong */
    bool (*enough)(void);
};

bool bounded_run(const struct bounded *b);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* How long a process's calls take, less the time in which the machine did not let it run: what is left is what a call
 * itself took, or waited for. The kernel tells how long a thread was ready and not run, and how long the machine
 * itself was not. It is asked once a millisecond, not for each call. */

#ifndef GYRE_STRESS_DELAY_H
#define GYRE_STRESS_DELAY_H

#include <stdint.h>

enum { DELAY_LONG_MS = 100 };

struct delay {
    int thread, machine; /* files; -1 where the kernel has none */
    uint64_t started_ns, asked_ns, kept_from_running_ns, stolen_ns;
};

/* In the thread whose calls they are. */
void delay_begin(struct delay *delay);

/* Around a call. What it took less what is explained, in nanoseconds: at most that. */
void delay_call(struct delay *delay);
uint64_t delay_returned(struct delay *delay, uint64_t *took_ns);

#endif

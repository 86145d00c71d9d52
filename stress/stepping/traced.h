/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Processes that run one instruction at a time for a while. On x86-64 the processor traps after each, and a handler in the
 * process itself looks: where it is known at which address a region is, that is write-protected, so that only what an
 * instruction wrote to is looked at. That takes a microsecond or two. Elsewhere (or with -DSTEPS_PTRACE) the parent traces
 * the process and looks at all, which takes twenty times as long. */

#ifndef GYRE_STRESS_TRACED_H
#define GYRE_STRESS_TRACED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Called after each instruction, in the process or in its parent: arg is in memory that both have at the same address.
 * What it may have written to: from, bytes. region: NULL where it is not known, or will be mapped later. */
struct traced_each {
    void (*look)(void *arg, uint64_t from, uint64_t bytes);
    void *arg;
    char *region;
    uint64_t bytes;
};

/* NULL, or why it cannot be done here. On aarch64, loops of exclusive loads and stores never come to an end under a
 * tracer: the processor must have atomic instructions. */
const char *traced_cannot(void);

/* In the process itself: stops until its parent lets it go on. First of all. */
void traced_begin(void);
/* Stops; what comes then, up to the end, where it stops again, goes one by one. */
void traced_steps_begin(const struct traced_each *each);
void traced_steps_end(void);

/* In its parent. Waits for its next stop; false: it has ended, or got another signal. */
bool traced_await(pid_t pid);
bool traced_go_on(pid_t pid);
/* From the stop before the steps to the one behind them. */
bool traced_step_through(pid_t pid, const struct traced_each *each);

/* When it returns there is no such process any more. */
void traced_kill(pid_t pid);

/* A child that is to the library the very same process, since no handler of a fork runs: it goes on as the member that
 * the caller is. parents: a child of the caller's parent. */
pid_t traced_double(bool parents);

#endif

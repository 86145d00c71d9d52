/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Contexts to switch between, on one thread of the system. */

#ifndef GY_EXPLORE_FIBER_H
#define GY_EXPLORE_FIBER_H

#include <stdbool.h>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

struct fiber {
#if defined(__x86_64__)
    void *stack_pointer;
#else
    ucontext_t context;
#endif
    char *stack;
};

/* Room for a fiber's stack, with a page below it that must not be touched. False: no memory. */
bool fiber_init(struct fiber *fiber);

/* Makes the fiber start in body() when it is switched to next; body never returns. */
void fiber_start(struct fiber *fiber, void (*body)(void));

void fiber_switch(struct fiber *from, struct fiber *to);

#endif

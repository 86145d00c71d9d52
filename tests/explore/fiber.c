/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "fiber.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { STACK_BYTES = 128 << 10, GUARD_BYTES = 4096 };

bool
fiber_init(struct fiber *fiber)
{
    char *at = mmap(NULL, STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return false;
    mprotect(at, GUARD_BYTES, PROT_NONE);
    fiber->stack = at + GUARD_BYTES;
    return true;
}

#if defined(__x86_64__)
/* What the System V ABI lets a call keep: rbx, rbp, r12 to r15 and the stack pointer. (The control words
 * of the floating point units are the same in all fibers.) */
void fiber_swap(void **save, void *load);
__asm__(".text\n"
        ".globl fiber_swap\n"
        ".type fiber_swap, @function\n"
        "fiber_swap:\n"
        "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
        "  ret\n"
        ".size fiber_swap, . - fiber_swap\n");

void
fiber_start(struct fiber *fiber, void (*body)(void))
{
    uintptr_t *top = (uintptr_t *)(void *)(fiber->stack + STACK_BYTES);
    *--top = 0;                /* the return address of body, at a multiple of 16 less 8 */
    *--top = (uintptr_t)body;  /* where fiber_swap returns to */
    for (unsigned i = 0; i < 6; i++)
        *--top = 0;
    fiber->stack_pointer = top;
}

void
fiber_switch(struct fiber *from, struct fiber *to)
{
    fiber_swap(&from->stack_pointer, to->stack_pointer);
}
#else
void
fiber_start(struct fiber *fiber, void (*body)(void))
{
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK_BYTES;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, body, 0);
}

void
fiber_switch(struct fiber *from, struct fiber *to)
{
    swapcontext(&from->context, &to->context);
}
#endif

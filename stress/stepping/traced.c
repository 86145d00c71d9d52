/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "traced.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(__x86_64__) && !defined(STEPS_PTRACE)
#define STEPS_PTRACE
#endif
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

/* (A double's C library may have another number than its own.) */
static void
stop(void)
{
    syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
}

/* The signal that it is stopped by; 0: it has ended. */
static int
await_stop(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, WUNTRACED) != pid)
        if (errno != EINTR)
            return 0;
    return WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
}

bool
traced_await(pid_t pid)
{
    return await_stop(pid) == SIGSTOP;
}

#ifdef STEPS_PTRACE

void
traced_begin(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* none outlives the program */
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(1);
    stop();
}

void
traced_steps_begin(const struct traced_each *each)
{
    (void)each;
    stop();
}

void
traced_steps_end(void)
{
    stop();
}

bool
traced_go_on(pid_t pid)
{
    return ptrace(PTRACE_CONT, pid, NULL, NULL) == 0 && traced_await(pid);
}

bool
traced_step_through(pid_t pid, const struct traced_each *each)
{
    int signal = SIGTRAP;
    while (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0 && (signal = await_stop(pid)) == SIGTRAP)
        each->look(each->arg, 0, UINT64_MAX);
    return signal == SIGSTOP;
}

#else

enum { TRAP_FLAG = 0x100, PAGE = 4096, WRITTEN_MOST = 4 };
static const struct traced_each *looking;
static char *written[WRITTEN_MOST]; /* pages, by this instruction */
static unsigned n_written;

static void
on_trap(int number)
{
    (void)number;
    if (n_written == 0)
        looking->look(looking->arg, 0, looking->region ? 0 : UINT64_MAX);
    for (unsigned i = 0; i < n_written; i++) {
        looking->look(looking->arg, (uint64_t)(written[i] - looking->region), PAGE);
        mprotect(written[i], PAGE, PROT_READ);
    }
    n_written = 0;
}

/* A store to the region: it is made again, and traps then. Any other ends the process. */
static void
on_fault(int number, siginfo_t *info, void *context)
{
    char *page = (char *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1));
    (void)context;
    if (looking->region == NULL || page < looking->region || page >= looking->region + looking->bytes ||
        n_written == WRITTEN_MOST || mprotect(page, PAGE, PROT_READ | PROT_WRITE) != 0)
        signal(number, SIG_DFL);
    else
        written[n_written++] = page;
}

void
traced_begin(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* none outlives the program */
    stop();
}

void
traced_steps_begin(const struct traced_each *each)
{
    struct sigaction trap = {.sa_handler = on_trap}, fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    looking = each;
    sigaction(SIGTRAP, &trap, NULL);
    sigaction(SIGSEGV, &fault, NULL);
    if (each->region)
        mprotect(each->region, each->bytes, PROT_READ);
    stop();
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | TRAP_FLAG);
}

void
traced_steps_end(void)
{
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~(uint64_t)TRAP_FLAG);
    stop();
}

bool
traced_go_on(pid_t pid)
{
    return kill(pid, SIGCONT) == 0 && traced_await(pid);
}

bool
traced_step_through(pid_t pid, const struct traced_each *each)
{
    (void)each;
    return traced_go_on(pid);
}

#endif

static void
count(void *arg, uint64_t from, uint64_t bytes)
{
    (void)from, (void)bytes;
    ++*(volatile uint64_t *)arg;
}

const char *
traced_cannot(void)
{
#ifdef __aarch64__
    if (!(getauxval(AT_HWCAP) & (1 << 8)))
        return "this processor has no atomic instructions: exclusive stores fail under a tracer";
#endif
    uint64_t *n = mmap(NULL, sizeof *n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct traced_each each = {count, n, NULL, 0};
    pid_t child = n == MAP_FAILED ? -1 : fork();
    if (child == 0) {
        traced_begin();
        traced_steps_begin(&each);
        traced_steps_end();
        _exit(0);
    }
    bool can = child > 0 && traced_await(child) && traced_go_on(child) && traced_step_through(child, &each) && *n > 2;
    if (child > 0)
        traced_kill(child);
    return can ? NULL : "no process can be made to run by steps here";
}

void
traced_kill(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    do
        while (waitpid(pid, &status, 0) != pid)
            if (errno != EINTR)
                return;
    while (!WIFEXITED(status) && !WIFSIGNALED(status));
}

pid_t
traced_double(bool parents)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD | (parents ? CLONE_PARENT : 0), 0, 0, 0, 0);
}

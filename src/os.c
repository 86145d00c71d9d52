/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "os.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint64_t
gy_os_clock_ns(void)
{
    struct timespec t = {0, 0}; /* a clock that cannot be read stands still */
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t
gy_os_clock_ms(void)
{
    return gy_os_clock_ns() / 1000000u;
}

uint64_t
gy_os_wall_ms(void)
{
    struct timespec t = {0, 0};
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool
gy_os_random(void *buffer, size_t bytes)
{
    unsigned char *to = buffer;
    while (bytes > 0) {
        ssize_t n = getrandom(to, bytes, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        to += n;
        bytes -= (size_t)n;
    }
    return true;
}

unsigned
gy_os_cpus(void)
{
    long n = sysconf(_SC_NPROCESSORS_CONF);
    return n < 1 ? 1 : (unsigned)n;
}

unsigned
gy_os_cpu(void)
{
    int cpu = sched_getcpu();
    return cpu < 0 ? 0 : (unsigned)cpu;
}

_Thread_local struct gy_os_here gy_os_here;

void
gy_os_look_around(void)
{
    enum { LOOKS = 32 };
    gy_os_here = (struct gy_os_here){gy_os_cpu(), LOOKS};
}

uint32_t
gy_os_tid(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

uint32_t
gy_os_pid(void)
{
    return (uint32_t)getpid();
}

bool
gy_os_membarrier_register(void)
{
#ifdef GY_POINTS
    if (gy_point_no_membarrier)
        return false;
#endif
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

bool
gy_os_membarrier_register_all(void)
{
#ifdef GY_POINTS
    if (gy_point_no_membarrier)
        return false;
#endif
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

bool
gy_os_membarrier_all(void)
{
#ifdef GY_POINTS
    if (gy_point_no_membarrier)
        return false;
#endif
    return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}

bool
gy_os_membarrier(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

static void
futex_wait(gy_atomic_u32 *word, int operation, uint32_t value, uint32_t timeout_ms)
{
    struct timespec t = {.tv_sec = timeout_ms / 1000, .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
    if (syscall(SYS_futex, word, operation, value, &t, NULL, 0) != 0 && errno != EAGAIN &&
        errno != EINTR && errno != ETIMEDOUT)
        nanosleep(&t, NULL); /* a kernel that refuses it: the wake-up comes late */
}

void
gy_os_wait(gy_atomic_u32 *word, uint32_t value, uint32_t timeout_ms)
{
    futex_wait(word, FUTEX_WAIT_PRIVATE, value, timeout_ms);
}

void
gy_os_wait_shared(gy_atomic_u32 *word, uint32_t value, uint32_t timeout_ms)
{
    futex_wait(word, FUTEX_WAIT, value, timeout_ms);
}

void
gy_os_nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

void
gy_os_wake(gy_atomic_u32 *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void
gy_os_wake_shared(gy_atomic_u32 *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void *
gy_os_map(size_t bytes, size_t alignment)
{
    size_t wide = bytes + alignment;
    if (wide < bytes)
        return NULL;
    char *at = mmap(NULL, wide, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    char *aligned = (char *)gy_align_up((uintptr_t)at, alignment);
    if (aligned > at)
        munmap(at, (size_t)(aligned - at));
    munmap(aligned + bytes, (size_t)(at + wide - (aligned + bytes)));
    return aligned;
}

void *
gy_os_map_again(void *address, size_t bytes, size_t alignment, size_t away_at, size_t away_bytes)
{
    void *room = gy_os_map(bytes, alignment);
    if (room == NULL)
        return NULL;
    /* Of a size of 0: a second mapping of the same memory. */
    void *again = mremap(address, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, room);
    if (again == MAP_FAILED) {
        munmap(room, bytes);
        return NULL;
    }
    char *away = (char *)address + away_at;
    if (mmap(away, away_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) ==
        MAP_FAILED) {
        munmap(again, bytes);
        return NULL;
    }
    return again;
}

void
gy_os_unmap(void *address, size_t bytes)
{
    munmap(address, bytes);
}

void
gy_os_hugepages(void *address, size_t bytes)
{
    madvise(address, bytes, MADV_HUGEPAGE);
}

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

void
gy_os_populate(const void *address, size_t bytes, bool to_write)
{
    madvise((void *)(uintptr_t)address, bytes, to_write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}

void
gy_os_discard(void *address, size_t bytes)
{
    madvise(address, bytes, MADV_DONTNEED);
}

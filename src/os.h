/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Every system call the library makes. Failures are return values; errno is not used by callers. */

#ifndef GY_OS_H
#define GY_OS_H

#include "atomic.h"
#include "base.h"

uint64_t gy_os_clock_ms(void); /* CLOCK_MONOTONIC */
uint64_t gy_os_clock_ns(void);
uint64_t gy_os_wall_ms(void);  /* CLOCK_REALTIME: it may be set, and step */
bool gy_os_random(void *buffer, size_t bytes);
unsigned gy_os_cpus(void);    /* how many may exist; at least 1 */
unsigned gy_os_cpu(void);     /* the one this thread runs on; a hint */

/* The same, or the one it ran on a few dozen looks ago: asked for each time, it would be a twentieth of a put. */
struct gy_os_here {
    uint32_t cpu, looks; /* looks: until it is asked for again */
};
extern _Thread_local struct gy_os_here gy_os_here __attribute__((tls_model("initial-exec")));
void gy_os_look_around(void);

static inline unsigned
gy_os_cpu_lately(void)
{
#ifdef GY_POINTS /* threads of tests are moved at will */
    return gy_os_cpu();
#else
    if (gy_unlikely(gy_os_here.looks == 0))
        gy_os_look_around();
    gy_os_here.looks--;
    return gy_os_here.cpu;
#endif
}

uint32_t gy_os_tid(void);
uint32_t gy_os_pid(void);

/* membarrier(2), private expedited: when it returns true, every thread of this process has executed a
 * full barrier since the call began. Registration must precede; false from either means that readers
 * have to fence for themselves, or that nothing was ordered this time. */
#ifdef GY_POINTS
extern bool gy_point_no_membarrier; /* tests: as on a kernel without it */
#endif
bool gy_os_membarrier_register(void);
bool gy_os_membarrier(void);

/* The same for all processes that have registered, by the global expedited one. */
bool gy_os_membarrier_register_all(void);
bool gy_os_membarrier_all(void);

/* Sleep while *word == value, at most timeout_ms; wake everyone who sleeps on word. */
void gy_os_wait(gy_atomic_u32 *word, uint32_t value, uint32_t timeout_ms);
void gy_os_wake(gy_atomic_u32 *word);
void gy_os_wait_shared(gy_atomic_u32 *word, uint32_t value, uint32_t timeout_ms); /* between processes */
void gy_os_wake_shared(gy_atomic_u32 *word);

void gy_os_nap(void); /* a millisecond */

/* Address space for bytes, zero-filled as it is touched, aligned to alignment (a power of two). */
void *gy_os_map(size_t bytes, size_t alignment);
/* A second mapping of shared memory, aligned as well; in the first, a part of it becomes private memory that reads as
 * zero. NULL when there is no room. */
void *gy_os_map_again(void *address, size_t bytes, size_t alignment, size_t away_at, size_t away_bytes);
void gy_os_unmap(void *address, size_t bytes);
void gy_os_hugepages(void *address, size_t bytes);
/* Of what is mapped and there: without a fault for each page, where the kernel can (5.14). */
void gy_os_populate(const void *address, size_t bytes, bool to_write);
void gy_os_discard(void *address, size_t bytes); /* give the pages back; they read as zero again */

#endif

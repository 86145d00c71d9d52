/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Accesses of the library: the scheduler first, then the memory, then the oracle. Outside threads they go
 * straight to memory. And what the library asks of the system. */

#include "layer.h"

#include <stdatomic.h>
#include <string.h>

#include "cache.h"
#include "oracle.h"
#include "processes.h"
#include "scheduler.h"
#include "world.h"

uint64_t
explore_load(const volatile void *from, unsigned size, struct explore_site *site)
{
    sched_access(site, from);
    if (!sched_inside())
        return memory_raw(from, size);
    if (site->weakened)
        memory_prefers_stale();
    struct memory_value v = memory_load(sched_self(), from, size, site->order);
    oracle_loaded(sched_self(), from, v.value, v.life);
    return v.value;
}

void
explore_store(volatile void *to, unsigned size, uint64_t value, struct explore_site *site)
{
    sched_access(site, to);
    if (!sched_inside()) {
        memory_raw_store(to, size, value);
        return;
    }
    oracle_stored(sched_self(), to, value);
    memory_store(sched_self(), to, size, value, site->order);
}

enum update { ADD, SUB, SWAP };

static uint64_t
update(volatile void *at, unsigned size, enum update how, uint64_t operand, struct explore_site *site)
{
    sched_access(site, at);
    bool inside = sched_inside();
    uint64_t old = inside ? memory_read_for_update(sched_self(), at, size) : memory_raw(at, size);
    uint64_t new = how == ADD ? old + operand : how == SUB ? old - operand : operand;
    if (size < 8)
        new &= ((uint64_t)1 << 8 * size) - 1;
    if (inside) {
        memory_update(sched_self(), at, size, new, 0, site->order);
        oracle_updated(sched_self(), at, old, new);
    } else {
        memory_raw_store(at, size, new);
    }
    return old;
}

uint64_t
explore_fetch_add(volatile void *at, unsigned size, uint64_t value, struct explore_site *site)
{
    return update(at, size, ADD, value, site);
}

uint64_t
explore_fetch_sub(volatile void *at, unsigned size, uint64_t value, struct explore_site *site)
{
    return update(at, size, SUB, value, site);
}

uint64_t
explore_exchange(volatile void *at, unsigned size, uint64_t value, struct explore_site *site)
{
    return update(at, size, SWAP, value, site);
}

bool
explore_cas(volatile void *at, unsigned size, void *expected, uint64_t desired, struct explore_site *site)
{
    sched_access(site, at);
    uint64_t wanted = memory_raw(expected, size);
    bool inside = sched_inside();
    uint64_t old = inside ? memory_read_for_update(sched_self(), at, size) : memory_raw(at, size);
    if (old != wanted) {
        memory_raw_store(expected, size, old);
        if (inside) {
            memory_update_failed(sched_self(), at, size, site->failure_order);
            oracle_loaded(sched_self(), at, old, 0);
        }
        return false;
    }
    if (inside) {
        memory_update(sched_self(), at, size, desired, oracle_life(at, desired), site->order);
        oracle_updated(sched_self(), at, old, desired);
    } else {
        memory_raw_store(at, size, desired);
    }
    return true;
}

void
explore_count(volatile void *at, uint64_t n, struct explore_site *site)
{
    if (world_cache()->members == NULL || !sched_inside()) {
        memory_raw_store(at, sizeof n, memory_raw(at, sizeof n) + n);
        return;
    }
    sched_access(site, at);
    uint64_t old = memory_load(sched_self(), at, sizeof n, memory_order_relaxed).value;
    memory_store(sched_self(), at, sizeof n, old + n, memory_order_relaxed);
}

void
explore_fence(struct explore_site *site)
{
    sched_access(site, NULL);
    if (sched_inside() && site->order != memory_order_relaxed)
        memory_fence(sched_self());
}

static bool
any_thread(unsigned thread)
{
    (void)thread;
    return true;
}

static bool
of_this_process(unsigned thread)
{
    return process_of(thread) == process_self();
}

/* Of all processes that share the cache, or of one. */
bool
explore_membarrier(bool all, struct explore_site *site)
{
    sched_access(site, NULL);
    if (sched_inside() && site->order != memory_order_relaxed)
        memory_membarrier(sched_self(), world_threads(), all ? any_thread : of_this_process);
    return true;
}

void
explore_compiler_barrier(struct explore_site *site)
{
    sched_access(site, NULL);
    if (sched_inside() && site->order != memory_order_relaxed)
        memory_compiler_barrier(sched_self());
}

void
explore_bytes_read(const void *from, size_t n, struct explore_site *site)
{
    sched_access(site, from);
    if (!sched_inside())
        return;
    memory_drain_for_bytes(sched_self(), from, n);
    oracle_bytes(sched_self(), from, n, false);
}

void
explore_bytes_written(const void *to, size_t n, struct explore_site *site)
{
    sched_access(site, to);
    if (sched_inside())
        oracle_bytes(sched_self(), to, n, true);
}

/* The system, by --wrap. */

uint32_t __wrap_gy_os_tid(void);
unsigned __wrap_gy_os_cpu(void);
uint64_t __wrap_gy_os_clock_ns(void);
uint64_t __wrap_gy_os_clock_ms(void);
void __wrap_gy_os_discard(void *address, size_t bytes);
void __wrap_gy_os_object_discard(int fd, uint64_t offset, uint64_t bytes);
bool __wrap_gy_os_membarrier_register_all(void);
void __wrap_gy_os_wait_shared(volatile void *word, uint32_t value, uint32_t timeout_ms);
void __wrap_gy_os_nap(void);
int __wrap_sched_yield(void);

uint32_t
__wrap_gy_os_tid(void)
{
    return 1000 + sched_self();
}

unsigned
__wrap_gy_os_cpu(void)
{
    return 0;
}

uint64_t
__wrap_gy_os_clock_ns(void)
{
    return world_clock_ms() * 1000000;
}

uint64_t
__wrap_gy_os_clock_ms(void)
{
    return world_clock_ms();
}

void
__wrap_gy_os_discard(void *address, size_t bytes)
{
    memset(address, 0xDD, bytes);
}

void
__wrap_gy_os_object_discard(int fd, uint64_t offset, uint64_t bytes)
{
    (void)fd;
    memset(world_base() + offset, 0xDD, bytes);
}

bool
__wrap_gy_os_membarrier_register_all(void)
{
    return true;
}

/* The kernel compares with the newest value. Who is not woken wakes up when the time is over. */
void
__wrap_gy_os_wait_shared(volatile void *word, uint32_t value, uint32_t timeout_ms)
{
    if (memory_raw(word, sizeof value) == value)
        world_sleep(timeout_ms);
    sched_yield_now();
}

void
__wrap_gy_os_nap(void)
{
    sched_yield_now();
}

int
__wrap_sched_yield(void)
{
    sched_yield_now();
    return 0;
}

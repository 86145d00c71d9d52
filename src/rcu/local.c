/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Sections of private caches, on liburcu. The flavour is urcu-bp: the one made for libraries. A thread
 * needs no registration by the host program, and a host that uses urcu-bp itself, before or after, does
 * not collide (a second registration with urcu-memb or -qsbr corrupts their lists). It aborts when a
 * thread's first section finds no memory for the thread's reader state: thread_ready asks the system for
 * more than that first, and answers GYRE_ENOMEM; a race for the last pages is left.
 *
 * The version in Debian 12 cannot poll a grace period, only wait for one, in naps of 10 ms when a thread
 * was descheduled inside a section. No put may wait so long, so only the maintenance thread (or, without
 * one, whoever does its work) ends the phases of growth. Epochs in the records can be polled by anyone,
 * which is why they are the default: docs/decisions/004. */

#include "rcu.h"

#include <pthread.h>
#include <urcu/urcu-bp.h>

#include "cache.h"

enum { READER_STATE_ROOM = 64 << 10 };

/* liburcu's own handlers around fork may be called once only, and the host may do so: a second call waits
 * for ever. So fork finds none of our threads inside a grace period, and a forked child's caches use epochs
 * in their records. (A fork inside a section of the host cannot wait for one: it goes ahead.) */
static pthread_mutex_t inside = PTHREAD_MUTEX_INITIALIZER;
static bool held;

void
gy_rcu_local_hold(void)
{
    if (urcu_bp_read_ongoing())
        return;
    pthread_mutex_lock(&inside);
    held = true;
}

void
gy_rcu_local_let_go(void)
{
    if (!held)
        return;
    held = false;
    pthread_mutex_unlock(&inside);
}

/* ThreadSanitizer does not see into liburcu: it is told what a grace period orders. */
#ifdef GY_TSAN
#include <sanitizer/tsan_interface.h>
#define SECTION_ENDS() __tsan_release(&inside)
#define SECTIONS_ENDED() __tsan_acquire(&inside)
#else
#define SECTION_ENDS() ((void)0)
#define SECTIONS_ENDED() ((void)0)
#endif

static int
local_thread_ready(void)
{
    void *room = gy_os_map(READER_STATE_ROOM, 4096);
    if (room == NULL)
        return GYRE_ENOMEM;
    gy_os_unmap(room, READER_STATE_ROOM);
    urcu_bp_register_thread();
    return GYRE_OK;
}

static void
local_enter(struct gyre *cache, struct gy_record *record)
{
    struct gy_super *s = cache->super; /* (Relaxed: for gyre_stats only; liburcu keeps the section.) */
    gy_store_rlx(&record->section, (uint64_t)1 << 24 | gy_load_rlx(&s->pin_base) >> 32);
    urcu_bp_read_lock();
}

static void
local_exit(struct gyre *cache, struct gy_record *record)
{
    (void)cache;
    SECTION_ENDS();
    urcu_bp_read_unlock();
    gy_store_rlx(&record->section, 0);
}

/* A cookie is a number; a grace period that begins later covers all numbers drawn before. */
static uint64_t
local_start(struct gyre *cache)
{
    return gy_add_seq(&cache->super->epoch, 1) + 1;
}

static bool
local_poll(struct gyre *cache, uint64_t cookie)
{
    gy_atomic_u64 *elapsed = &cache->super->epoch_elapsed;
    uint64_t seen = gy_load_acq(elapsed); /* acquire: pairs with the CAS below, after a grace period */
    if (seen >= cookie)
        return true;
    if (urcu_bp_read_ongoing())
        return false; /* called by the host from a section of its own: it would wait for itself */
    uint64_t covered = gy_load_seq(&cache->super->epoch); /* model: local1 */
    pthread_mutex_lock(&inside);
    urcu_bp_synchronize_rcu(); /* model: local2 */
    SECTIONS_ENDED();
    pthread_mutex_unlock(&inside);
    gy_add_rlx(&cache->super->grace_periods, 1);
    while (seen < covered && !gy_cas_seq(elapsed, &seen, covered)) /* model: local3 */
        ; /* retried because another thread's grace period ended; it only rises */
    return true;
}

const struct gy_rcu_ops gy_rcu_local = {local_thread_ready, local_enter, local_exit, local_start, true,
                                        local_poll};

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "processes.h"

#include <string.h>

#include "cache.h"
#include "maintain.h"
#include "ops.h"
#include "reap.h"

enum { LOCKS_MOST = 16, NOBODY = -1, THE_FILE = 77 };

/* An open of the region's file for locks: its number is that of its process. */
static struct system {
    bool dead[PROCESSES_MOST];
    int holder[LOCKS_MOST]; /* of each byte */
} now, before;

static const char *of_threads;
static unsigned outside;
static bool apart;

void
processes_set(const char *threads)
{
    of_threads = threads;
    outside = 0;
    memset(&now, 0, sizeof now);
    for (unsigned i = 0; i < LOCKS_MOST; i++)
        now.holder[i] = NOBODY;
}

void
processes_keep(void)
{
    before = now;
}

void
processes_begin(bool in_namespaces_of_their_own)
{
    now = before;
    outside = 0;
    apart = in_namespaces_of_their_own;
}

unsigned
process_of(unsigned thread)
{
    return of_threads && thread < strlen(of_threads) ? (unsigned)(of_threads[thread] - '0') : 0;
}

unsigned
process_self(void)
{
    return sched_inside() ? process_of(sched_self()) : outside;
}

void
process_be(unsigned process)
{
    outside = process;
}

bool
process_is_dead(unsigned process)
{
    return now.dead[process];
}

/* What it has not answered by now, it never will; and nobody does it in its place. */
static void
end_operations(unsigned process)
{
    ops_history.instants++;
    for (unsigned i = 0; i < ops_history.n; i++) {
        struct operation *o = &ops_history.op[i];
        if (o->op.result != WGL_PENDING || o->thread == MEMORY_THREADS || process_of(o->thread) != process || o->died)
            continue;
        o->died = true;
        o->op.end = ops_history.instants;
    }
}

static void
work_as_a_member(gyre *cache)
{
    if (gy_maintainer_turn(cache))
        gy_maintain(cache, 1);
}

static void
join_members(gyre *cache)
{
    int result = gy_member_join(cache, THE_FILE);
    if (result != GYRE_OK)
        sched_violation("a process cannot join: %d", result);
}

void
processes_do(char what)
{
    switch (what) {
    case 'M': work_as_a_member(world_cache()); break;
    case 'Z': gy_reap_now(world_cache()); break;
    case 'Q': gy_member_leave(world_cache()); break;
    case 'J': join_members(world_cache()); break;
    default: sched_violation("no operation is called %c", what);
    }
}

void
process_kill(unsigned process)
{
    if (now.dead[process])
        return;
    now.dead[process] = true;
    for (unsigned i = 0; i < LOCKS_MOST; i++)
        if (now.holder[i] == (int)process)
            now.holder[i] = NOBODY;
    end_operations(process);
}

/* Between the access before and what the system is asked, others may go on. */
#define ASK(what) sched_access(EXPLORE_SITE(what, 0, 0), NULL)

/* Who has learnt that processes are dead has learnt all that they did. */
static void
learn_of_the_dead(void)
{
    for (unsigned t = 0; sched_inside() && t < world_threads(); t++)
        if (now.dead[process_of(t)])
            memory_learn_all(sched_self(), t);
}

void __wrap_gy_process_self(struct gy_identity *out);
bool __wrap_gy_process_dead(const struct gy_identity *self, const struct gy_identity *other, enum gy_lock lock);
int __wrap_gy_process_lock_open(int file);
void __wrap_gy_process_lock_close(int locks);
uint64_t __wrap_gy_process_file(int file);
enum gy_lock_take __wrap_gy_process_lock_take(int locks, uint32_t byte);
void __wrap_gy_process_lock_drop(int locks, uint32_t byte);
enum gy_lock __wrap_gy_process_lock_look(int locks, uint32_t byte);

void
__wrap_gy_process_self(struct gy_identity *out)
{
    *out = (struct gy_identity){.pid = PID_FIRST + process_self(), .start = 1, .stack = 1, .pid_ns = 1, .time_ns = 1};
}

bool
__wrap_gy_process_dead(const struct gy_identity *self, const struct gy_identity *other, enum gy_lock lock)
{
    unsigned process = other->pid - PID_FIRST;
    (void)self;
    ASK("pidfd");
    if (process >= PROCESSES_MOST) {
        sched_violation("whether process %u lives is asked, and there is none", other->pid);
        return false;
    }
    /* (It may have left since the look at its lock: the caller sees that.) */
    bool dead = apart ? lock == GY_LOCK_FREE : now.dead[process];
    if (dead)
        learn_of_the_dead();
    return dead;
}

int
__wrap_gy_process_lock_open(int file)
{
    (void)file;
    return (int)process_self();
}

void
__wrap_gy_process_lock_close(int locks)
{
    for (unsigned i = 0; i < LOCKS_MOST; i++)
        if (now.holder[i] == locks)
            now.holder[i] = NOBODY;
}

uint64_t
__wrap_gy_process_file(int file)
{
    return file >= 0 ? THE_FILE : 0;
}

enum gy_lock_take
__wrap_gy_process_lock_take(int locks, uint32_t byte)
{
    ASK("lock");
    if (byte >= LOCKS_MOST)
        return GY_LOCK_NONE;
    if (now.holder[byte] != NOBODY && now.holder[byte] != locks)
        return GY_LOCK_OTHERS;
    now.holder[byte] = locks;
    learn_of_the_dead();
    return GY_LOCK_TAKEN;
}

void
__wrap_gy_process_lock_drop(int locks, uint32_t byte)
{
    ASK("unlock");
    if (byte < LOCKS_MOST && now.holder[byte] == locks)
        now.holder[byte] = NOBODY;
}

enum gy_lock
__wrap_gy_process_lock_look(int locks, uint32_t byte)
{
    ASK("look");
    if (locks < 0 || byte >= LOCKS_MOST)
        return GY_LOCK_UNKNOWN;
    bool held = now.holder[byte] != NOBODY && now.holder[byte] != locks;
    if (!held)
        learn_of_the_dead();
    return held ? GY_LOCK_HELD : GY_LOCK_FREE;
}

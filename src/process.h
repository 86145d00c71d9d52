/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Who a process is, and whether it is provably dead. Unknown means alive: nothing is taken from a process
 * that may still use it.
 *
 * In the same PID namespace a pidfd tells: it is ready when the whole process has ended. So a zombie is dead, and a
 * process of which only the main thread has exited is alive; kill(pid, 0) and the state in /proc have both of these
 * wrong. The time of its start tells a process from a later one with its number.
 *
 * In another namespace the number means nothing. There a lock byte tells, at the offset of the process's place in the
 * region's table: held through an open of the region's file that nothing else uses (a mapping keeps the descriptor it
 * was made from alive in forked children), closed on exec and by the child of a fork.
 *
 * A process that executes another program keeps number and start. It has left when its lock is gone and its stack
 * begins elsewhere; the lock alone would say the same of a program that closes all descriptors. */

#ifndef GY_PROCESS_H
#define GY_PROCESS_H

#include "base.h"

struct gy_identity {
    uint64_t pid_ns, time_ns; /* numbers of the namespaces; 0: unknown, as in the rest */
    uint64_t boot[2];
    uint64_t start; /* clock ticks since boot, as seen in that time namespace */
    uint64_t stack; /* where its stack begins: another address after an exec */
    uint32_t pid;   /* in its own namespace */
};

enum gy_lock { GY_LOCK_UNKNOWN, GY_LOCK_FREE, GY_LOCK_HELD };

void gy_process_self(struct gy_identity *out);

/* Is it proved that the process has ended, or has left by exec? lock: of its byte, as found now. */
bool gy_process_dead(const struct gy_identity *self, const struct gy_identity *other, enum gy_lock lock);

/* An open of its own of the file behind a descriptor, for lock bytes; -1 when it cannot be had. */
int gy_process_lock_open(int file);
void gy_process_lock_close(int locks);
uint64_t gy_process_file(int file); /* a number of the file that is open there; 0: none is */
enum gy_lock_take { GY_LOCK_TAKEN, GY_LOCK_OTHERS, GY_LOCK_NONE }; /* NONE: there are no locks to be had */
enum gy_lock_take gy_process_lock_take(int locks, uint32_t byte);
void gy_process_lock_drop(int locks, uint32_t byte);
enum gy_lock gy_process_lock_look(int locks, uint32_t byte); /* is it held by others than this open? */
enum gy_lock gy_process_locks_look(int locks, uint32_t byte, uint32_t bytes); /* any of so many? */

#endif

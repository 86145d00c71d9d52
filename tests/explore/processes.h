/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Processes that share the cache of a scenario. Each has a handle of its own on the one region, which is mapped once;
 * its threads are fibers. What the library learns of processes from the system (src/process.h), it learns from here:
 * who it is, who has died, who holds the lock of which byte.
 *
 * A process dies between two accesses: none of its threads goes on, what they have stored stands, their locks are
 * gone, and from then on there is proof of it. Process 0 is the one that looks on, and lives. */

#ifndef GY_EXPLORE_PROCESSES_H
#define GY_EXPLORE_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

enum { PROCESSES_MOST = 5, PID_FIRST = 5000 }; /* PID_FIRST: of process 0, and so on */

/* All live, and hold the locks that they held when processes_keep was called. apart: they are in namespaces of their own,
 * and only a lock that is free proves a death. */
void processes_keep(void);
void processes_begin(bool apart);

/* Which process each thread is of: a digit each; NULL: all are of process 0. */
void processes_set(const char *of_threads);
unsigned process_of(unsigned thread);

/* Of the running thread; outside threads, of whom process_be has named. */
unsigned process_self(void);
void process_be(unsigned process);

/* An operation of scenarios: M, Z, Q, J. */
void processes_do(char what);

void process_kill(unsigned process);
bool process_is_dead(unsigned process);

#endif

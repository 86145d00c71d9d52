/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* System calls and allocations that fail on purpose. replace.c stands in, at link time, for each
 * function that the library calls and that can fail (tests/rules.mk names them); cases.c calls every
 * public function; ../test_api_faults.c makes each call of each kind fail under each of them. */

#ifndef GY_TEST_FAULTS_H
#define GY_TEST_FAULTS_H

#include <stdatomic.h>

#include "../api.h"

enum fault {
    FAULT_ALLOCATE,         /* the allocator in the options */
    FAULT_MALLOC,
    FAULT_MMAP,
    FAULT_MUNMAP,
    FAULT_MADVISE,
    FAULT_RANDOM,           /* getrandom: ENOSYS */
    FAULT_RANDOM_SHORT,     /* one byte at a time */
    FAULT_RANDOM_INTERRUPTED,
    FAULT_BARRIER_REGISTER, /* membarrier: the registration */
    FAULT_BARRIER,          /* and the command */
    FAULT_WAIT,             /* futex */
    FAULT_WAKE,
    FAULT_CPUS,             /* sysconf */
    FAULT_CPU,              /* sched_getcpu */
    FAULT_THREAD,           /* pthread_create */
    FAULT_KEY,              /* pthread_key_create */
    FAULT_SPECIFIC,         /* pthread_setspecific */
    FAULT_ATFORK,
    FAULT_OPEN, /* here and below: of objects in shared memory */
    FAULT_OPEN_UNNAMED,
    FAULT_LOOK, /* fstat and its kind, getcwd */
    FAULT_TELL, /* statx: which file it is */
    FAULT_READ,
    FAULT_READ_INTERRUPTED,
    FAULT_PERMIT, /* fchmod, fchown */
    FAULT_RESIZE, /* ftruncate */
    FAULT_RESERVE,
    FAULT_RESERVE_INTERRUPTED,
    FAULT_DISCARD, /* fallocate */
    FAULT_LINK,    /* linkat, renameat2, rename */
    FAULT_REMOVE,  /* unlink */
    FAULT_LOCK,    /* flock */
    FAULT_CONTROL, /* fcntl */
    FAULT_FOLDER,  /* opendir */
    FAULT_SYNC,    /* fdatasync: of files */
    FAULT_SYNC_FOLDER, /* fsync */
    FAULTS
};
extern const char *const fault_names[FAULTS];

/* What the library imports: a reason says why that cannot fail, NULL that replace.c makes it fail. */
struct fault_import {
    const char *symbol, *reason;
};
const struct fault_import *fault_import_find(const char *symbol);
unsigned fault_imports_failing(void); /* how many have no reason */

/* Whose calls are counted and made to fail: those of the thread that armed, or of all others (the
 * library's own thread: tests have no more than one other, and it waits). */
enum fault_scope { OF_CALLER, OF_OTHERS };

/* From the at-th call on of that kind; FAULTS: only counts. */
struct fault_plan {
    enum fault fault;
    unsigned at;
    bool for_ever;
    enum fault_scope scope;
};
void faults_arm(const struct fault_plan *plan);
void faults_disarm(void);
unsigned faults_calls(enum fault fault); /* since armed */
unsigned faults_struck(void);            /* that were made to fail, since armed */
unsigned faults_random_bytes(void);      /* that getrandom has given to the thread that armed */
extern bool faults_no_unnamed; /* as on a file system that makes no files without a name */
bool faults_fails_now(enum fault fault); /* is it what fails, and has done so? */
bool faults_strike(enum fault fault, int error); /* for what stands in: counts, and is true when it is to fail */
long faults_unknown_call(void);          /* a system call by number that replace.c does not know; 0 */

/* What the library holds of the system. What a munmap that was made to fail has left is not its fault:
 * faults_holdings gives it back. */
struct holdings {
    long long blocks, mapped_bytes, keys, threads, files;
};
struct holdings faults_holdings(void);

/* For options: fails as a plan says, and checks the sizes that come back. */
void faults_own_allocator(gyre_options *options);

void faults_run_thread(void *(*body)(void *), void *arg); /* to its end; never fails on purpose */

/* ---- one call of each public function ----------------------------------------------------------- */

enum { SCENE_KEYS = 64, SCENE_FEW_KEYS = 12, SCENE_KEY_BYTES = 1000, SCENE_VALUE_BYTES = 40 };

/* A cache, and what the caller knows of it. */
struct scene {
    gyre *cache;
    gyre_options options;
    uint64_t tag[SCENE_KEYS]; /* of the value that a key has unless it was evicted; 0: it is absent */
    uint64_t next_tag, n_deleted;
    gyre_view view;
    gyre_draft draft;
    gyre_lease lease;
    unsigned draft_key, leased_most; /* leases that may stand: entries without a value */
};

/* What a function needs, from which follows what may go wrong. EVICTS: is called on a full cache, and
 * entries may go. LISTS: is called on a full cache, too. */
enum { OPENS = 1, REGISTERS = 2, STORES = 4, EVICTS = 8, LISTS = 16, CLOSES = 32 };

struct fault_case {
    const char *function;
    unsigned needs;
    int usual;                       /* its answer when nothing fails */
    void (*prepare)(struct scene *); /* by another thread, before; may be NULL */
    int (*call)(struct scene *);     /* leaves the scene as the answer says */
};
extern const struct fault_case fault_cases[];
extern const unsigned n_fault_cases;

const char *scene_key(unsigned k); /* SCENE_KEY_BYTES bytes */
int scene_put(struct scene *s, unsigned k);
bool scene_value_is(const struct scene *s, unsigned k, const void *data, size_t size);

#endif

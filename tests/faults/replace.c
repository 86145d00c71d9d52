/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <dirent.h>
#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

const char *const fault_names[FAULTS] = {
    "allocate", "malloc", "mmap", "munmap", "madvise", "getrandom", "getrandom, short",
    "getrandom, EINTR", "membarrier register", "membarrier", "futex wait", "futex wake", "sysconf",
    "sched_getcpu", "pthread_create", "pthread_key_create", "pthread_setspecific", "pthread_atfork",
    "open", "open, unnamed", "fstat", "statx", "pread", "pread, EINTR", "fchmod", "ftruncate", "posix_fallocate",
    "posix_fallocate, EINTR", "fallocate", "linkat", "unlink", "flock", "fcntl", "opendir",
    "fdatasync", "fsync"};

static const struct fault_import imports[] = {
    {"malloc", NULL}, {"mmap", NULL}, {"munmap", NULL}, {"madvise", NULL}, {"getrandom", NULL},
    {"syscall", NULL}, {"sysconf", NULL}, {"sched_getcpu", NULL}, {"pthread_create", NULL},
    {"pthread_key_create", NULL}, {"pthread_setspecific", NULL}, {"pthread_atfork", NULL},
    {"open", NULL}, {"fstat", NULL}, {"lstat", NULL}, {"stat", NULL}, {"fstatfs", NULL}, {"statx", NULL}, {"pread", NULL},
    {"fchmod", NULL}, {"ftruncate", NULL}, {"posix_fallocate", NULL}, {"fallocate", NULL}, {"linkat", NULL},
    {"renameat2", NULL}, {"rename", NULL}, {"fchown", NULL}, {"unlink", NULL}, {"flock", NULL}, {"fcntl", NULL}, {"opendir", NULL},
    {"statfs", NULL}, {"getcwd", NULL}, {"fdatasync", NULL}, {"fsync", NULL},
    {"_GLOBAL_OFFSET_TABLE_", "no function"},
    {"__errno_location", "a place of the thread's own"},
    {"__tls_get_addr", "the loader's; it ends the process itself when it finds no room for 64 bytes"},
    {"close", "whatever it answers, the descriptor is gone"},
    {"closedir", "as close"},
    {"readdir", "ends early: what others have left stays until the next time"},
    {"geteuid", "cannot fail"},
    {"getrlimit", "fails for a bad argument; ours are constant"},
    {"snprintf", "its room is enough"},
    {"strcat", "cannot fail"},
    {"strcpy", "cannot fail"},
    {"strcmp", "cannot fail"},
    {"strlen", "cannot fail"},
    {"strchr", "cannot fail"},
    {"strrchr", "cannot fail"},
    {"strstr", "cannot fail"},
    {"strtol", "what is no number reads as 0: unknown"},
    {"strtoull", "what is no number reads as 0: unknown"},
    {"read", "of /proc: what cannot be read is unknown: nobody is taken for dead, no file is opened"},
    {"poll", "of a pidfd: a process of which it cannot tell is alive"},
    {"getpgid", "asks where there are no pidfds: a process of which it cannot tell is alive"},
    {"mremap", "in the child of a fork: its calls answer GYRE_ENOMEM"},
    {"strncmp", "cannot fail"},
    {"strnlen", "cannot fail"},
    {"strspn", "cannot fail"},
    {"clock_gettime", "both clocks are on every Linux, and the struct is ours"},
    {"free", "has no result"},
    {"getpid", "cannot fail"},
    {"memcmp", "cannot fail"},
    {"memcpy", "cannot fail"},
    {"memmove", "cannot fail"},
    {"memset", "cannot fail"},
    {"pthread_join", "fails for a thread that was joined before, or for itself"},
    {"pthread_key_delete", "fails for a key that is none"},
    {"pthread_mutex_lock", "a plain mutex: fails for a robust or a checking one"},
    {"pthread_mutex_unlock", "as pthread_mutex_lock"},
    {"pthread_sigmask", "fails for a bad argument; ours are constant"},
    {"qsort", "has no result; glibc's sorts in place where it finds no memory"},
    {"sched_yield", "cannot fail on Linux"},
    {"nanosleep", "its time is valid; it may end early"},
    {"sigfillset", "fails for a NULL"},
    {"urcu_bp_read_lock", "has no result"},
    {"urcu_bp_read_unlock", "has no result"},
    {"urcu_bp_read_ongoing", "cannot fail"},
    {"urcu_bp_register_thread", "has no result; aborts without memory, which is asked of mmap first"},
    {"urcu_bp_synchronize_rcu", "has no result"},
};

/* What compilers add: sanitizers, coverage, hardening. */
static const char *const added[] = {"__asan_", "__ubsan_", "__tsan_", "__sanitizer_", "__gcov_",
                                    "__stack_chk_fail"};
static const struct fault_import by_compiler = {"", "added by the compiler"};

const struct fault_import *
fault_import_find(const char *symbol)
{
    for (unsigned i = 0; i < sizeof imports / sizeof *imports; i++)
        if (strcmp(symbol, imports[i].symbol) == 0)
            return &imports[i];
    for (unsigned i = 0; i < sizeof added / sizeof *added; i++)
        if (strncmp(symbol, added[i], strlen(added[i])) == 0)
            return &by_compiler;
    return NULL;
}

unsigned
fault_imports_failing(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < sizeof imports / sizeof *imports; i++)
        n += imports[i].reason == NULL;
    return n;
}

/* ---- the plan ---------------------------------------------------------------------------------- */

static struct {
    atomic_bool armed, for_ever, of_others;
    atomic_uint fault, at, struck, random_bytes, calls[FAULTS];
    atomic_long unknown_call;
} plan;
static _Thread_local bool arms;

void
faults_arm(const struct fault_plan *p)
{
    atomic_store(&plan.fault, (unsigned)p->fault);
    atomic_store(&plan.at, p->at);
    atomic_store(&plan.for_ever, p->for_ever);
    atomic_store(&plan.of_others, p->scope == OF_OTHERS);
    atomic_store(&plan.struck, 0);
    atomic_store(&plan.random_bytes, 0);
    for (unsigned i = 0; i < FAULTS; i++)
        atomic_store(&plan.calls[i], 0);
    arms = true;
    atomic_store(&plan.armed, true);
}

void
faults_disarm(void)
{
    atomic_store(&plan.armed, false);
    arms = false;
}

unsigned
faults_calls(enum fault fault)
{
    return atomic_load(&plan.calls[fault]);
}

unsigned
faults_struck(void)
{
    return atomic_load(&plan.struck);
}

unsigned
faults_random_bytes(void)
{
    return atomic_load(&plan.random_bytes);
}

long
faults_unknown_call(void)
{
    return atomic_load(&plan.unknown_call);
}

static bool
fails(enum fault fault)
{
    if (!atomic_load(&plan.armed) || arms == atomic_load(&plan.of_others))
        return false;
    unsigned n = atomic_fetch_add(&plan.calls[fault], 1) + 1, at = atomic_load(&plan.at);
    if (fault != atomic_load(&plan.fault) || n < at || (n > at && !atomic_load(&plan.for_ever)))
        return false;
    atomic_fetch_add(&plan.struck, 1);
    return true;
}

/* As fails, for calls that answer -1. */
static bool
fails_with(enum fault fault, int error)
{
    if (!fails(fault))
        return false;
    errno = error;
    return true;
}

bool
faults_fails_now(enum fault fault)
{
    return atomic_load(&plan.armed) && atomic_load(&plan.fault) == (unsigned)fault && faults_struck() > 0;
}

bool
faults_strike(enum fault fault, int error)
{
    return fails_with(fault, error);
}

/* ---- what is held ------------------------------------------------------------------------------ */

enum { LEFT_MOST = 16 };
static atomic_llong n_blocks, mapped_bytes, n_keys, n_threads;
static struct {
    pthread_mutex_t lock;
    void *at[LEFT_MOST];
    size_t bytes[LEFT_MOST];
    unsigned n;
} left = {.lock = PTHREAD_MUTEX_INITIALIZER}; /* by a munmap that was made to fail */

int __real_munmap(void *at, size_t bytes);

static long long
whole_pages(size_t bytes)
{
    return (long long)(bytes + 4095) / 4096 * 4096;
}

static long long
count_files(void)
{
    long long n = 0;
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir != NULL);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

struct holdings
faults_holdings(void)
{
    pthread_mutex_lock(&left.lock);
    for (; left.n > 0; left.n--) {
        __real_munmap(left.at[left.n - 1], left.bytes[left.n - 1]);
        atomic_fetch_sub(&mapped_bytes, whole_pages(left.bytes[left.n - 1]));
    }
    pthread_mutex_unlock(&left.lock);
    return (struct holdings){atomic_load(&n_blocks), atomic_load(&mapped_bytes), atomic_load(&n_keys),
                             atomic_load(&n_threads), count_files()};
}

/* ---- the calls that are replaced --------------------------------------------------------------- */

void *__real_malloc(size_t bytes);
void __real_free(void *memory);
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_madvise(void *at, size_t bytes, int advice);
ssize_t __real_getrandom(void *to, size_t bytes, unsigned flags);
long __real_syscall(long number, ...);
long __real_sysconf(int name);
int __real_sched_getcpu(void);
int __real_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*body)(void *), void *arg);
int __real_pthread_join(pthread_t thread, void **result);
int __real_pthread_key_create(pthread_key_t *out, void (*destructor)(void *));
int __real_pthread_key_delete(pthread_key_t key);
int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __real_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

void *__wrap_malloc(size_t bytes);
void __wrap_free(void *memory);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t bytes);
int __wrap_madvise(void *at, size_t bytes, int advice);
ssize_t __wrap_getrandom(void *to, size_t bytes, unsigned flags);
long __wrap_syscall(long number, ...);
long __wrap_sysconf(int name);
int __wrap_sched_getcpu(void);
int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*body)(void *), void *arg);
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_key_create(pthread_key_t *out, void (*destructor)(void *));
int __wrap_pthread_key_delete(pthread_key_t key);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

void *
__wrap_malloc(size_t bytes)
{
    void *memory = fails_with(FAULT_MALLOC, ENOMEM) ? NULL : __real_malloc(bytes);
    if (memory != NULL)
        atomic_fetch_add(&n_blocks, 1);
    return memory;
}

void
__wrap_free(void *memory)
{
    if (memory != NULL)
        atomic_fetch_sub(&n_blocks, 1);
    __real_free(memory);
}

void *
__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    if (fails_with(FAULT_MMAP, ENOMEM))
        return MAP_FAILED;
    void *memory = __real_mmap(at, bytes, protection, flags, fd, offset);
    if (memory != MAP_FAILED && !(flags & MAP_FIXED)) /* that takes the place of another mapping */
        atomic_fetch_add(&mapped_bytes, whole_pages(bytes));
    return memory;
}

int
__wrap_munmap(void *at, size_t bytes)
{
    if (fails_with(FAULT_MUNMAP, ENOMEM)) {
        pthread_mutex_lock(&left.lock);
        if (left.n < LEFT_MOST) {
            left.at[left.n] = at;
            left.bytes[left.n++] = bytes;
        }
        pthread_mutex_unlock(&left.lock);
        return -1;
    }
    int rc = __real_munmap(at, bytes);
    if (rc == 0)
        atomic_fetch_sub(&mapped_bytes, whole_pages(bytes));
    return rc;
}

int
__wrap_madvise(void *at, size_t bytes, int advice)
{
    return fails_with(FAULT_MADVISE, EINVAL) ? -1 : __real_madvise(at, bytes, advice);
}

/* No storm of signals is endless: EINTR comes a hundred times in a row. */
ssize_t
__wrap_getrandom(void *to, size_t bytes, unsigned flags)
{
    if (fails_with(FAULT_RANDOM, ENOSYS))
        return -1;
    if (fails(FAULT_RANDOM_SHORT))
        bytes = 1;
    if (faults_calls(FAULT_RANDOM_INTERRUPTED) < 100 && fails_with(FAULT_RANDOM_INTERRUPTED, EINTR))
        return -1;
    ssize_t n = __real_getrandom(to, bytes, flags);
    if (n > 0 && arms)
        atomic_fetch_add(&plan.random_bytes, (unsigned)n);
    return n;
}

/* The call of a number and an operation that is made to fail; FAULTS: it cannot fail. */
static enum fault
fault_of_syscall(long number, long first, long second)
{
    bool registers = first == MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED ||
                     first == MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED;
    if (number == SYS_membarrier)
        return registers ? FAULT_BARRIER_REGISTER : FAULT_BARRIER;
    if (number == SYS_futex)
        return (second & FUTEX_CMD_MASK) == FUTEX_WAIT ? FAULT_WAIT : FAULT_WAKE;
    if (number != SYS_gettid)
        atomic_store(&plan.unknown_call, number);
    return FAULTS;
}

long
__wrap_syscall(long number, ...)
{
    long a[6];
    va_list args;
    va_start(args, number);
    for (unsigned i = 0; i < 6; i++) /* as the C library does: more than were given is harmless */
        a[i] = va_arg(args, long);
    va_end(args);
    enum fault fault = fault_of_syscall(number, a[0], a[1]);
    if (fault != FAULTS && fails_with(fault, fault == FAULT_BARRIER ? ENOMEM : ENOSYS))
        return -1;
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* The same number of processors on every machine: so many lanes, as far as there is room. */
long
__wrap_sysconf(int name)
{
    if (fails_with(FAULT_CPUS, EINVAL))
        return -1;
    return name == _SC_NPROCESSORS_CONF ? 4 : __real_sysconf(name);
}

int
__wrap_sched_getcpu(void)
{
    return fails_with(FAULT_CPU, ENOSYS) ? -1 : __real_sched_getcpu();
}

int
__wrap_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*body)(void *), void *arg)
{
    int rc = fails(FAULT_THREAD) ? EAGAIN : __real_pthread_create(out, attr, body, arg);
    if (rc == 0)
        atomic_fetch_add(&n_threads, 1);
    return rc;
}

int
__wrap_pthread_join(pthread_t thread, void **result)
{
    int rc = __real_pthread_join(thread, result);
    if (rc == 0)
        atomic_fetch_sub(&n_threads, 1);
    return rc;
}

void
faults_run_thread(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    CHECK_EQ(__real_pthread_create(&thread, NULL, body, arg), 0);
    CHECK_EQ(__real_pthread_join(thread, NULL), 0);
}

int
__wrap_pthread_key_create(pthread_key_t *out, void (*destructor)(void *))
{
    int rc = fails(FAULT_KEY) ? EAGAIN : __real_pthread_key_create(out, destructor);
    if (rc == 0)
        atomic_fetch_add(&n_keys, 1);
    return rc;
}

int
__wrap_pthread_key_delete(pthread_key_t key)
{
    atomic_fetch_sub(&n_keys, 1);
    return __real_pthread_key_delete(key);
}

int
__wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    return fails(FAULT_SPECIFIC) ? ENOMEM : __real_pthread_setspecific(key, value);
}

int
__wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return fails(FAULT_ATFORK) ? ENOMEM : __real_pthread_atfork(prepare, parent, child);
}

/* ---- the allocator in the options -------------------------------------------------------------- */

enum { SIZE_ROOM = 64 }; /* in front of a block: its size */

static void *
own_allocate(void *arg, size_t bytes)
{
    CHECK(arg == &plan);
    char *memory = fails(FAULT_ALLOCATE) ? NULL : malloc(SIZE_ROOM + bytes);
    if (memory == NULL)
        return NULL;
    memcpy(memory, &bytes, sizeof bytes);
    return memory + SIZE_ROOM;
}

static void
own_deallocate(void *arg, void *memory, size_t bytes)
{
    CHECK(arg == &plan);
    if (memory == NULL)
        return;
    size_t had;
    memcpy(&had, (char *)memory - SIZE_ROOM, sizeof had);
    CHECK_EQ(bytes, had);
    free((char *)memory - SIZE_ROOM);
}

void
faults_own_allocator(gyre_options *options)
{
    options->allocate = own_allocate;
    options->deallocate = own_deallocate;
    options->allocate_arg = &plan;
}

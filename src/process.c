/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gyre.h"
#include "os_object.h"

enum { TEXT = 1024, FIELD_START = 22, FIELD_STACK = 28 };

/* The text of a small file of /proc; empty when it cannot be read. */
static void
read_text(const char *path, char text[TEXT])
{
    text[0] = '\0';
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t n;
    do
        n = read(file, text, TEXT - 1);
    while (n < 0 && errno == EINTR);
    text[n > 0 ? n : 0] = '\0';
    close(file);
}

/* A field of /proc/PID/stat, numbered as in proc(5); 0 when it is not there. The name of the program, the second, may
 * hold blanks and parentheses. */
static uint64_t
stat_field(const char *text, unsigned number)
{
    const char *at = strrchr(text, ')');
    for (unsigned field = 2; at != NULL && field < number; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

static uint64_t
namespace_number(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? s.st_ino : 0;
}

static void
read_boot(uint64_t boot[2])
{
    char text[TEXT];
    read_text("/proc/sys/kernel/random/boot_id", text);
    boot[0] = boot[1] = 0;
    unsigned digits = 0;
    for (const char *c = text; *c && digits < 32; c++) {
        const char *hex = "0123456789abcdef", *digit = strchr(hex, *c);
        if (digit == NULL)
            continue;
        uint64_t *half = &boot[digits++ / 16];
        *half = *half << 4 | (uint64_t)(digit - hex);
    }
}

void
gy_process_self(struct gy_identity *out)
{
    char text[TEXT];
    read_text("/proc/self/stat", text);
    *out = (struct gy_identity){.pid = (uint32_t)getpid(), .start = stat_field(text, FIELD_START),
                                .stack = stat_field(text, FIELD_STACK),
                                .pid_ns = namespace_number("/proc/self/ns/pid"),
                                .time_ns = namespace_number("/proc/self/ns/time")};
    read_boot(out->boot);
}

/* The number that the /proc which is mounted here gives the process of a pidfd: it may be that of another namespace. */
static long
number_in_proc(int pidfd)
{
    char path[64], text[TEXT];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    read_text(path, text);
    const char *at = strstr(text, "\nPid:");
    return at ? strtol(at + 5, NULL, 10) : 0;
}

static void
read_stat(int pidfd, uint64_t *start, uint64_t *stack)
{
    char path[64], text[TEXT];
    *start = *stack = 0;
    long number = number_in_proc(pidfd);
    if (number <= 0)
        return;
    snprintf(path, sizeof path, "/proc/%ld/stat", number);
    read_text(path, text);
    *start = stat_field(text, FIELD_START);
    *stack = stat_field(text, FIELD_STACK);
}

/* A descriptor, or -1: *gone tells whether there is no such process. (A thread's number is none of a process.) */
static int
open_pidfd(uint32_t pid, bool *gone)
{
    int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    int error = pidfd < 0 ? errno : 0;
    *gone = error == ESRCH || error == EINVAL || error == ENOENT;
    if (error == ENOSYS || error == EPERM) /* a kernel, or a filter, without pidfds */
        *gone = getpgid((pid_t)pid) < 0 && errno == ESRCH;
    return pidfd;
}

static bool
has_ended(int pidfd)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    return poll(&p, 1, 0) > 0 && (p.revents & POLLIN);
}

static bool
known_and_different(uint64_t a, uint64_t b)
{
    return a != 0 && b != 0 && a != b;
}

/* Of this namespace, both of pid and of time. */
static bool
dead_here(const struct gy_identity *other, enum gy_lock lock)
{
    bool dead;
    int pidfd = open_pidfd(other->pid, &dead);
    if (pidfd < 0)
        return dead;
    uint64_t start, stack;
    read_stat(pidfd, &start, &stack);
    /* Asked last: what was read is of the process of the pidfd if that runs yet. If it has ended, so has the other: it
     * was this one, or its number had been free. */
    dead = has_ended(pidfd) || known_and_different(start, other->start) ||
           (lock == GY_LOCK_FREE && known_and_different(stack, other->stack));
    close(pidfd);
    return dead;
}

bool
gy_process_dead(const struct gy_identity *self, const struct gy_identity *other, enum gy_lock lock)
{
    if (known_and_different(self->boot[0], other->boot[0]) || known_and_different(self->boot[1], other->boot[1]))
        return true;
    if (self->pid_ns != 0 && self->pid_ns == other->pid_ns && self->time_ns == other->time_ns)
        return dead_here(other, lock);
    return lock == GY_LOCK_FREE;
}

int
gy_process_lock_open(int file)
{
    int locks;
    return gy_os_object_reopen(file, &locks) == GYRE_OK ? locks : -1;
}

void
gy_process_lock_close(int locks)
{
    if (locks >= 0)
        close(locks);
}

uint64_t
gy_process_file(int file)
{
    struct stat s;
    return fstat(file, &s) == 0 ? (uint64_t)s.st_dev << 48 ^ s.st_ino : 0;
}

static bool
lock_command(int locks, int command, uint32_t byte, uint32_t bytes, struct flock *lock, short type)
{
    *lock = (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = bytes};
    int result;
    do
        result = fcntl(locks, command, lock);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

enum gy_lock_take
gy_process_lock_take(int locks, uint32_t byte)
{
    struct flock lock;
    if (lock_command(locks, F_OFD_SETLK, byte, 1, &lock, F_WRLCK))
        return GY_LOCK_TAKEN;
    return errno == EAGAIN || errno == EACCES ? GY_LOCK_OTHERS : GY_LOCK_NONE;
}

void
gy_process_lock_drop(int locks, uint32_t byte)
{
    struct flock lock;
    if (locks >= 0)
        lock_command(locks, F_OFD_SETLK, byte, 1, &lock, F_UNLCK);
}

enum gy_lock
gy_process_locks_look(int locks, uint32_t byte, uint32_t bytes)
{
    struct flock lock;
    if (locks < 0 || !lock_command(locks, F_OFD_GETLK, byte, bytes, &lock, F_WRLCK))
        return GY_LOCK_UNKNOWN;
    return lock.l_type == F_UNLCK ? GY_LOCK_FREE : GY_LOCK_HELD;
}

enum gy_lock
gy_process_lock_look(int locks, uint32_t byte)
{
    return gy_process_locks_look(locks, byte, 1);
}

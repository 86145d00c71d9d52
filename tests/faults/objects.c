/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What replace.c does, for the calls that objects in shared memory take. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

enum { INTERRUPTIONS = 100 }; /* in a row: no storm of signals is endless */
bool faults_no_unnamed;

int __real_open(const char *path, int flags, ...);
int __real_fcntl(int fd, int what, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_fcntl(int fd, int what, ...);

int
__wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    bool unnamed = (flags & __O_TMPFILE) == __O_TMPFILE; /* of two bits: one is that of folders */
    unsigned mode = flags & O_CREAT || unnamed ? va_arg(args, unsigned) : 0;
    va_end(args);
    if (unnamed && faults_no_unnamed) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (faults_strike(unnamed ? FAULT_OPEN_UNNAMED : FAULT_OPEN, unnamed ? EOPNOTSUPP : EMFILE))
        return -1;
    return __real_open(path, flags, mode);
}

int
__wrap_fcntl(int fd, int what, ...)
{
    va_list args;
    va_start(args, what);
    void *argument = va_arg(args, void *); /* more than was given is harmless */
    va_end(args);
    return faults_strike(FAULT_CONTROL, EMFILE) ? -1 : __real_fcntl(fd, what, argument);
}

#define STAND_IN(type, name, fault, error, failed, declared, given)                                \
    type __real_##name declared;                                                                   \
    type __wrap_##name declared;                                                                   \
    type __wrap_##name declared { return faults_strike(fault, error) ? (failed) : __real_##name given; }

STAND_IN(int, fstat, FAULT_LOOK, EOVERFLOW, -1, (int fd, struct stat *s), (fd, s))
STAND_IN(int, stat, FAULT_LOOK, ENOENT, -1, (const char *path, struct stat *s), (path, s))
STAND_IN(int, lstat, FAULT_LOOK, EACCES, -1, (const char *path, struct stat *s), (path, s))
STAND_IN(int, fstatfs, FAULT_LOOK, EIO, -1, (int fd, struct statfs *s), (fd, s))
STAND_IN(int, statx, FAULT_TELL, EPERM, -1, (int folder, const char *name, int flags, unsigned mask, struct statx *s),
         (folder, name, flags, mask, s))
STAND_IN(int, statfs, FAULT_LOOK, EIO, -1, (const char *path, struct statfs *s), (path, s))
STAND_IN(char *, getcwd, FAULT_LOOK, ENOENT, NULL, (char *to, size_t bytes), (to, bytes))
STAND_IN(int, fchmod, FAULT_PERMIT, EPERM, -1, (int fd, mode_t mode), (fd, mode))
STAND_IN(int, ftruncate, FAULT_RESIZE, EFBIG, -1, (int fd, off_t bytes), (fd, bytes))
STAND_IN(int, fallocate, FAULT_DISCARD, EOPNOTSUPP, -1, (int fd, int how, off_t at, off_t n), (fd, how, at, n))
STAND_IN(int, linkat, FAULT_LINK, ENOSPC, -1, (int a, const char *from, int b, const char *to, int flags),
         (a, from, b, to, flags))
STAND_IN(int, renameat2, FAULT_LINK, ENOSPC, -1, (int a, const char *from, int b, const char *to, unsigned flags),
         (a, from, b, to, flags))
STAND_IN(int, rename, FAULT_LINK, ENOSPC, -1, (const char *from, const char *to), (from, to))
STAND_IN(int, fchown, FAULT_PERMIT, EPERM, -1, (int fd, uid_t user, gid_t group), (fd, user, group))
STAND_IN(int, unlink, FAULT_REMOVE, EACCES, -1, (const char *path), (path))
STAND_IN(int, flock, FAULT_LOCK, EWOULDBLOCK, -1, (int fd, int how), (fd, how))
STAND_IN(DIR *, opendir, FAULT_FOLDER, EMFILE, NULL, (const char *path), (path))

int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);

/* Nobody here looks at the disk: these take no time. */
int
__wrap_fdatasync(int fd)
{
    (void)fd;
    return faults_strike(FAULT_SYNC, EIO) ? -1 : 0;
}

int
__wrap_fsync(int fd)
{
    (void)fd;
    return faults_strike(FAULT_SYNC_FOLDER, EIO) ? -1 : 0;
}

int __real_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

/* Who waits for a lock that is not to be had waits in naps, thousands of them: they end early. */
int
__wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
    return faults_fails_now(FAULT_LOCK) ? 0 : __real_nanosleep(time, left);
}

ssize_t __real_pread(int fd, void *to, size_t bytes, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t at);
int __real_posix_fallocate(int fd, off_t at, off_t bytes);
int __wrap_posix_fallocate(int fd, off_t at, off_t bytes);

ssize_t
__wrap_pread(int fd, void *to, size_t bytes, off_t at)
{
    if (faults_strike(FAULT_READ, EIO))
        return -1;
    if (faults_calls(FAULT_READ_INTERRUPTED) < INTERRUPTIONS && faults_strike(FAULT_READ_INTERRUPTED, EINTR))
        return -1;
    return __real_pread(fd, to, bytes, at);
}

int
__wrap_posix_fallocate(int fd, off_t at, off_t bytes)
{
    if (faults_strike(FAULT_RESERVE, 0))
        return ENOSPC;
    if (faults_calls(FAULT_RESERVE_INTERRUPTED) < INTERRUPTIONS && faults_strike(FAULT_RESERVE_INTERRUPTED, 0))
        return EINTR;
    return __real_posix_fallocate(fd, at, bytes);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "os_object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gyre.h"

enum { PAGE = 4096, OPEN_ALWAYS = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, PROC_PATH = 40 };

static int
code_of(int error)
{
    switch (error) {
    case ENOENT:
        return GYRE_ENOENT;
    case EEXIST:
        return GYRE_EEXIST;
    case ENAMETOOLONG:
        return GYRE_EINVAL;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return GYRE_ENOSPC;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return GYRE_ENOMEM;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case EISDIR:
    case ENXIO:
    case ENOTDIR:
    case ETXTBSY:
        return GYRE_EPERM;
    default:
        return GYRE_EIO;
    }
}

static int
code_of_call(int result)
{
    return result < 0 ? code_of(errno) : GYRE_OK;
}

/* Never 0 to 2: what a program that has closed those prints would be written over a cache; and who puts something else
 * in their place would let go of its locks. */
static int
opened(int fd, int *out)
{
    *out = fd;
    if (fd >= 0 && fd <= STDERR_FILENO) {
        *out = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        int error = errno;
        close(fd);
        errno = error;
    }
    return code_of_call(*out);
}

static void
proc_path(char path[PROC_PATH], int fd)
{
    snprintf(path, PROC_PATH, "/proc/self/fd/%d", fd);
}

int
gy_os_object_open(const char *path, bool readonly, int *fd)
{
    return opened(open(path, (readonly ? O_RDONLY : O_RDWR) | OPEN_ALWAYS), fd);
}

/* It gets its name by way of /proc: without that it is not made. */
int
gy_os_object_unnamed(const char *folder, int *fd)
{
    char path[PROC_PATH];
    struct stat s;
    int result = opened(open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), fd);
    if (result != GYRE_OK)
        return result;
    proc_path(path, *fd);
    result = code_of_call(stat(path, &s));
    if (result != GYRE_OK)
        close(*fd), *fd = -1;
    return result;
}

int
gy_os_object_named(const char *path, int *fd)
{
    return opened(open(path, O_RDWR | O_CREAT | O_EXCL | OPEN_ALWAYS, 0600), fd);
}

int
gy_os_object_link(int fd, const char *from, const char *path)
{
    char unnamed[PROC_PATH];
    if (from != NULL)
        return code_of_call(renameat2(AT_FDCWD, from, AT_FDCWD, path, RENAME_NOREPLACE));
    proc_path(unnamed, fd);
    return code_of_call(linkat(AT_FDCWD, unnamed, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
}

int
gy_os_object_replace(const char *from, const char *path)
{
    return code_of_call(rename(from, path));
}

int
gy_os_object_remove(const char *path)
{
    return code_of_call(unlink(path));
}

static int
looked(int result, const struct stat *s, struct gy_object *out)
{
    if (result != 0)
        return code_of(errno);
    *out = (struct gy_object){s->st_dev, s->st_ino, (uint64_t)s->st_size, s->st_nlink,
                              s->st_uid, s->st_gid, s->st_mode & 07777, S_ISREG(s->st_mode)};
    return GYRE_OK;
}

int
gy_os_object_look(int fd, struct gy_object *out)
{
    struct stat s;
    return looked(fstat(fd, &s), &s, out);
}

int
gy_os_object_look_at(const char *path, struct gy_object *out)
{
    struct stat s;
    return looked(lstat(path, &s), &s, out);
}

int
gy_os_object_read(int fd, void *to, size_t bytes)
{
    char *at = to;
    for (size_t done = 0; done < bytes;) {
        ssize_t n = pread(fd, at + done, bytes - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return code_of(errno);
        if (n == 0)
            return GYRE_EFORMAT;
        done += (size_t)n;
    }
    return GYRE_OK;
}

int
gy_os_object_permit(int fd, uint32_t mode)
{
    return code_of_call(fchmod(fd, mode));
}

int
gy_os_object_own(int fd, uint32_t owner, uint32_t group)
{
    return code_of_call(fchown(fd, owner, group));
}

int
gy_os_object_resize(int fd, uint64_t bytes)
{
    int result;
    struct rlimit most; /* beyond it, the call would end the process by SIGXFSZ */
    if (getrlimit(RLIMIT_FSIZE, &most) == 0 && bytes > most.rlim_cur)
        return GYRE_ENOSPC;
    do
        result = ftruncate(fd, (off_t)bytes);
    while (result < 0 && errno == EINTR);
    return code_of_call(result);
}

/* A signal takes back all that one call has reserved: under many signals, less at a time. */
int
gy_os_object_reserve(int fd, uint64_t offset, uint64_t bytes)
{
    uint64_t end = gy_align_up(offset + bytes, PAGE), at = offset / PAGE * PAGE, step = end - at;
    while (at < end) {
        step = gy_min(step, end - at);
        int error = posix_fallocate(fd, (off_t)at, (off_t)step);
        if (error == EINTR)
            step = gy_max(gy_align_up(step / 2, PAGE), PAGE);
        else if (error != 0)
            return code_of(error);
        else
            at += step;
    }
    return GYRE_OK;
}

bool
gy_os_object_discard(int fd, uint64_t offset, uint64_t bytes)
{
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) == 0;
}

uint64_t
gy_os_object_identity(int fd)
{
    struct statx s;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &s) != 0)
        return 0;
    uint64_t device = (uint64_t)s.stx_dev_major << 32 | s.stx_dev_minor, born = 0;
    if (s.stx_mask & STATX_BTIME)
        born = (uint64_t)s.stx_btime.tv_sec * 1000000000 + s.stx_btime.tv_nsec;
    return gy_max(device << 44 ^ s.stx_ino ^ born * 0x9e3779b97f4a7c15, 1);
}

int
gy_os_object_sync(int fd)
{
    return code_of_call(fdatasync(fd));
}

void
gy_os_object_close(int fd)
{
    close(fd);
}

int
gy_os_folder_open(const char *path, int *fd)
{
    return opened(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd);
}

static int
local(int result, const struct statfs *system)
{
    /* In part of headers that not everybody has. */
    static const uint32_t others[] = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, 0xff534d42 /* cifs */, 0xfe534d42 /* smb2 */,
                                      V9FS_MAGIC, FUSE_SUPER_MAGIC, CODA_SUPER_MAGIC, AFS_SUPER_MAGIC,
                                      0x6b414653 /* kafs */, CEPH_SUPER_MAGIC, NCP_SUPER_MAGIC, OCFS2_SUPER_MAGIC,
                                      0x01161970 /* gfs2 */, 0x0bd00bd0 /* lustre */, 0x47504653 /* gpfs */,
                                      0x786f4256 /* vboxsf */, 0x19830326 /* beegfs */};
    if (result != 0)
        return code_of(errno);
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        if ((uint32_t)system->f_type == others[i])
            return GYRE_EPERM;
    return GYRE_OK;
}

int
gy_os_object_local(int fd)
{
    struct statfs system;
    int result = fstatfs(fd, &system);
    return local(result, &system);
}

int
gy_os_folder_local(const char *path)
{
    struct statfs system;
    int result = statfs(path, &system);
    return local(result, &system);
}

int
gy_os_folder_sync(const char *path)
{
    int fd, result = gy_os_folder_open(path, &fd);
    if (result != GYRE_OK)
        return result;
    result = fsync(fd) != 0 && errno != EINVAL ? code_of(errno) : GYRE_OK; /* EINVAL: folders are not written apart */
    close(fd);
    return result;
}

bool
gy_os_absolute(char *out, size_t bytes, const char *path)
{
    size_t at = 0, n = strnlen(path, bytes);
    if (path[0] != '/') {
        if (getcwd(out, bytes) == NULL)
            return false;
        at = strlen(out);
        if (at + 1 < bytes)
            out[at++] = '/';
    }
    if (at + n >= bytes)
        return false;
    memcpy(out + at, path, n + 1);
    return true;
}

bool
gy_os_lock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

void
gy_os_unlock(int fd)
{
    flock(fd, LOCK_UN);
}

void
gy_os_folder_scan(const char *path, void (*visit)(void *arg, const char *name), void *arg)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
        visit(arg, e->d_name);
    closedir(folder);
}

int
gy_os_object_adopt(int given, bool readonly, int *fd)
{
    struct stat s;
    struct statfs system;
    int flags = fcntl(given, F_GETFL);
    if (flags < 0 || fstat(given, &s) != 0 || !S_ISREG(s.st_mode) || fstatfs(given, &system) != 0 ||
        system.f_type != TMPFS_MAGIC)
        return GYRE_EINVAL;
    int access = flags & O_ACCMODE;
    if (flags & O_PATH || (access != O_RDWR && (access != O_RDONLY || !readonly)))
        return GYRE_EPERM;
    return opened(fcntl(given, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), fd);
}

int
gy_os_object_reopen(int fd, int *out)
{
    char path[PROC_PATH];
    proc_path(path, fd);
    return opened(open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), out);
}

void
gy_os_object_seal(int fd)
{
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
}

void *
gy_os_object_map(int fd, size_t bytes, size_t alignment, bool readonly)
{
    size_t wide = bytes + alignment;
    if (wide < bytes)
        return NULL;
    char *at = mmap(NULL, wide, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    char *aligned = (char *)gy_align_up((uintptr_t)at, alignment);
    int protection = PROT_READ | (readonly ? 0 : PROT_WRITE);
    if (mmap(aligned, bytes, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
        munmap(at, wide);
        return NULL;
    }
    if (aligned > at)
        munmap(at, (size_t)(aligned - at));
    munmap(aligned + bytes, (size_t)(at + wide - (aligned + bytes)));
    return aligned;
}

/* Written first: the kernel takes longer over pages that were reserved and never touched. */
void
gy_os_object_hugepages(void *address, size_t bytes)
{
    enum { POPULATE_WRITE = 23, COLLAPSE = 25 }; /* MADV_..., which older headers lack */
    madvise(address, bytes, POPULATE_WRITE);
    madvise(address, bytes, COLLAPSE);
}

uint32_t
gy_os_user(void)
{
    return geteuid();
}

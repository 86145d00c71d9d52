/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The system calls for shared memory objects and files, with a name or without. Results are GYRE_OK or a GYRE_E code. */

#ifndef GY_OS_OBJECT_H
#define GY_OS_OBJECT_H

#include "base.h"

struct gy_object {
    uint64_t device, inode, bytes, links;
    uint32_t owner, group, permissions;
    bool regular;
};

/* Opens what has that name. Never follows a link, never waits. */
int gy_os_object_open(const char *path, bool readonly, int *fd);

/* Makes one without a name, which vanishes with its last descriptor unless it gets one; or with a name that nothing
 * has yet. */
int gy_os_object_unnamed(const char *folder, int *fd);
int gy_os_object_named(const char *path, int *fd);

/* Gives it a name that nothing has yet (GYRE_EEXIST); of another name that it has, if from is not NULL. */
int gy_os_object_link(int fd, const char *from, const char *path);
int gy_os_object_replace(const char *from, const char *path); /* of what has that name, in one step */
int gy_os_object_remove(const char *path);

int gy_os_object_look(int fd, struct gy_object *out);
int gy_os_object_look_at(const char *path, struct gy_object *out);
int gy_os_object_read(int fd, void *to, size_t bytes); /* from its start. GYRE_EFORMAT: it is shorter */
int gy_os_object_permit(int fd, uint32_t mode);        /* whatever the umask */
int gy_os_object_own(int fd, uint32_t owner, uint32_t group);
int gy_os_object_resize(int fd, uint64_t bytes);
int gy_os_object_reserve(int fd, uint64_t offset, uint64_t bytes);
bool gy_os_object_discard(int fd, uint64_t offset, uint64_t bytes); /* it reads as zero; false: it cannot */
/* Which file it is, of all that this machine has while it runs: a copy is another, also when it got the number of one
 * that was removed. 0: it cannot be told. */
uint64_t gy_os_object_identity(int fd);
int gy_os_object_sync(int fd); /* what was written, mapped or not, is on the disk */
void gy_os_object_close(int fd);

/* Is it of this machine? Else GYRE_EPERM; of a kind of file system that may be either, too. */
int gy_os_object_local(int fd);
int gy_os_folder_local(const char *path);
int gy_os_folder_sync(const char *path); /* the names in it */

/* The path from the root on; false: it is too long, or where this process is cannot be told. */
bool gy_os_absolute(char *out, size_t bytes, const char *path);

/* A folder to lock; a lock that ends with the descriptor, or the process. */
int gy_os_folder_open(const char *path, int *fd);
bool gy_os_lock(int fd);
void gy_os_unlock(int fd);

/* Calls visit with each name in the folder. */
void gy_os_folder_scan(const char *path, void (*visit)(void *arg, const char *name), void *arg);

/* Of a descriptor that the caller of the library gave: a duplicate of it. GYRE_EINVAL: it is none of an object in
 * memory. GYRE_EPERM: it does not allow what is wanted. */
int gy_os_object_adopt(int given, bool readonly, int *fd);
/* The same object opened anew: a lock on the result is not shared with whoever else holds fd. */
int gy_os_object_reopen(int fd, int *out);
/* Nobody can make it shorter or longer any more; where that can be had. */
void gy_os_object_seal(int fd);

void *gy_os_object_map(int fd, size_t bytes, size_t alignment, bool readonly);
/* Of what is mapped and reserved: huge pages instead of small ones, where the kernel can (6.1) and has any. */
void gy_os_object_hugepages(void *address, size_t bytes);

uint32_t gy_os_user(void);

#endif

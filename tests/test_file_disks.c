/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Disks that have no room for a file, or a quota, or that nobody may write to: the answer says so, nothing is left, and what is
 * there stays as it is. With file systems of their own, where this process may make some. */

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "file_cache.h"

int __real_posix_fallocate(int fd, off_t offset, off_t bytes);
int __wrap_posix_fallocate(int fd, off_t offset, off_t bytes);

static bool over_quota;

int
__wrap_posix_fallocate(int fd, off_t offset, off_t bytes)
{
    return over_quota ? EDQUOT : __real_posix_fallocate(fd, offset, bytes);
}

/* In a process of its own. False: it may make none. */
static bool
disk(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", folder, "tmpfs", 0, "size=16m") == 0;
}

static int
files(void)
{
    char command[120];
    snprintf(command, sizeof command, "test -z \"$(ls -A %s)\"", folder);
    return system(command);
}

static int
fill_it(void *arg)
{
    (void)arg;
    gyre_options o = options(GYRE_CREATE);
    o.capacity_bytes = 32 * MIB;
    if (!disk())
        return 0;
    EXPECT(1, result_of(&o) == GYRE_ENOSPC);
    EXPECT(2, files() == 0);
    o.capacity_bytes = 4 * MIB;
    EXPECT(3, result_of(&o) == GYRE_OK);
    o.flags &= ~(uint32_t)GYRE_CREATE;
    o.capacity_bytes = 32 * MIB; /* it is made anew, and that does not fit */
    EXPECT(4, result_of(&o) == GYRE_ENOSPC);
    o.capacity_bytes = 0;
    EXPECT(5, result_of(&o) == GYRE_OK);
    return 0;
}

TEST(file_disks, a_full_one_has_no_file_afterwards)
{
    begin();
    region_process(fill_it, NULL);
    end();
}

static int
write_to_it(void *arg)
{
    (void)arg;
    gyre_options o = options(GYRE_CREATE);
    char command[200];
    if (!disk())
        return 0;
    gyre *cache;
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    EXPECT(2, put_text(cache, "key", "value") == GYRE_OK);
    gyre_close(cache);
    snprintf(command, sizeof command, "cp %s /dev/shm/gyre-test-%d", path.text, (int)getpid());
    EXPECT(3, system(command) == 0);
    EXPECT(4, mount("none", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=16m") == 0);
    EXPECT(5, result_of(&o) == GYRE_EPERM);
    o.flags &= ~(uint32_t)GYRE_CREATE;
    EXPECT(6, result_of(&o) == GYRE_EPERM);
    o.capacity_bytes = 8 * MIB;
    EXPECT(7, result_of(&o) == GYRE_EPERM);
    EXPECT(8, gyre_unlink(&o) == GYRE_EPERM);
    o = options(GYRE_CREATE);
    o.file_path = other.text;
    EXPECT(9, result_of(&o) == GYRE_EPERM);
    o = options(GYRE_READONLY);
    EXPECT(10, gyre_open(&cache, &o) == GYRE_OK);
    char value[8];
    size_t bytes;
    EXPECT(11, gyre_read(cache, "key", 3, value, sizeof value, &bytes) == GYRE_OK && bytes == 5 && memcmp(value, "value", 5) == 0);
    gyre_close(cache);
    snprintf(command, sizeof command, "cmp %s /dev/shm/gyre-test-%d && rm /dev/shm/gyre-test-%d", path.text, (int)getpid(),
             (int)getpid());
    EXPECT(12, system(command) == 0);
    return 0;
}

TEST(file_disks, one_that_nobody_may_write_to_is_read)
{
    begin();
    region_process(write_to_it, NULL);
    end();
}

TEST(file_disks, a_quota_is_a_full_disk)
{
    begin();
    gyre_options o = options(GYRE_CREATE);
    over_quota = true;
    CHECK_EQ(result_of(&o), GYRE_ENOSPC);
    CHECK_EQ(files(), 0);
    over_quota = false;
    make();
    over_quota = true;
    o.capacity_bytes = 8 * MIB;
    CHECK_EQ(result_of(&o), GYRE_ENOSPC);
    gyre *cache = open_it(0);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    over_quota = false;
    end();
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* In which order a file reaches the disk. The disk is played: it has what fdatasync was told to write, and a sync that fails
 * loses what it had to write, as a kernel does that takes such pages for clean. At each sync and after each call, whatever
 * mixture of old and new pages a machine finds that stops there: if it may say that it is clean, it is whole. */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache.h"
#include "region.h"

enum { PAGE = 4096, BYTES_MOST = 16 * MIB };

/* Of all processes of a test. */
static struct disk {
    char has[BYTES_MOST], lost[BYTES_MOST]; /* lost: what a sync that failed was to write */
    bool failed, folder_has_it;
    unsigned syncs, fail_at, die_at; /* the number of the sync; 0: none */
} *disk;
static char folder[] = "/tmp/gyre-test-XXXXXX", path[sizeof folder + 8];
static bool elsewhere; /* the file system is one of another machine */
static gyre *used_meanwhile; /* by somebody else, during a sync */

int __real_fstatfs(int fd, struct statfs *s);
int __real_statfs(const char *name, struct statfs *s);
int __wrap_fstatfs(int fd, struct statfs *s);
int __wrap_statfs(const char *name, struct statfs *s);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

int
__wrap_fstatfs(int fd, struct statfs *s)
{
    int result = __real_fstatfs(fd, s);
    s->f_type = elsewhere ? NFS_SUPER_MAGIC : s->f_type;
    return result;
}

int
__wrap_statfs(const char *name, struct statfs *s)
{
    int result = __real_statfs(name, s);
    s->f_type = elsewhere ? NFS_SUPER_MAGIC : s->f_type;
    return result;
}

/* Who waits for a lock here waits in vain. */
int
__wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
    (void)time, (void)left;
    return 0;
}

static size_t
map(int fd, const char **now)
{
    struct stat s;
    CHECK(fstat(fd, &s) == 0 && s.st_size <= BYTES_MOST);
    *now = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(*now != MAP_FAILED);
    return (size_t)s.st_size;
}

static uint64_t
clean_of(const char *head)
{
    uint64_t clean;
    memcpy(&clean, head + offsetof(struct gy_super, life.clean), sizeof clean);
    return clean;
}

/* What may be of any moment: a clean file is opened as it is whatever these say. */
static void
forgive(char head[PAGE])
{
    memset(head + offsetof(struct gy_super, clock_start_ms), 0, 2 * sizeof(uint64_t));
    memset(head + offsetof(struct gy_super, life.clean), 0, offsetof(struct gy_life, synced));
}

static void
check_disk(int fd)
{
    const char *now;
    char new_head[PAGE], old_head[PAGE];
    size_t bytes = map(fd, &now);
    if (clean_of(now) == GY_FILE_CLEAN || clean_of(disk->has) == GY_FILE_CLEAN) {
        memcpy(new_head, now, PAGE), memcpy(old_head, disk->has, PAGE);
        forgive(new_head), forgive(old_head);
        CHECK_MSG(memcmp(new_head, old_head, PAGE) == 0 && memcmp(now + PAGE, disk->has + PAGE, bytes - PAGE) == 0,
                  "%s says that it is clean, after %u syncs, and it is not whole",
                  clean_of(disk->has) == GY_FILE_CLEAN ? "the disk" : "the file", disk->syncs);
    }
    munmap((void *)(uintptr_t)now, bytes);
}

static void
check_now(void)
{
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    check_disk(fd);
    close(fd);
}

/* The first page is stored to anew before each sync. */
static void
write_out(const char *now, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PAGE)
        if (at == 0 || !disk->failed || memcmp(disk->lost + at, now + at, PAGE) != 0)
            memcpy(disk->has + at, now + at, PAGE);
}

int
__wrap_fdatasync(int fd)
{
    const char *now;
    unsigned number = ++disk->syncs;
    check_disk(fd);
    if (number == disk->die_at)
        _exit(0);
    size_t bytes = map(fd, &now);
    if (number == disk->fail_at) {
        memcpy(disk->lost, now, bytes);
        disk->failed = true;
        errno = EIO;
    } else {
        write_out(now, bytes);
    }
    munmap((void *)(uintptr_t)now, bytes);
    for (unsigned i = 0; used_meanwhile != NULL && i < 100; i++)
        CHECK_OK(put_bytes(used_meanwhile, key_of(i).text, 1000, i));
    return number == disk->fail_at ? -1 : 0;
}

int
__wrap_fsync(int fd)
{
    (void)fd;
    CHECK(disk->syncs > 0); /* what the name is of is on the disk */
    CHECK(clean_of(disk->has) == GY_FILE_DIRTY || disk->folder_has_it);
    disk->folder_has_it = access(path, F_OK) == 0;
    return 0;
}

static void
begin(void)
{
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/cache", folder);
    disk = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(disk != MAP_FAILED);
}

static void
end(void)
{
    munmap(disk, sizeof *disk);
    unlink(path);
    CHECK_EQ(rmdir(folder), 0);
}

static gyre_options
options(uint32_t flags)
{
    gyre_options o = api_options(flags & GYRE_CREATE ? 256 * KIB : 0, flags | GYRE_NO_THREAD);
    o.file_path = path;
    return o;
}

static int
open_result(uint32_t flags, gyre **cache)
{
    gyre_options o = options(flags);
    int result = gyre_open(cache, &o);
    if (access(path, F_OK) == 0)
        check_now();
    return result;
}

static gyre *
open_it(uint32_t flags)
{
    gyre *cache;
    CHECK_OK(open_result(flags, &cache));
    return cache;
}

static void
put(gyre *cache, const char *key)
{
    CHECK_OK(put_text(cache, key, "value"));
    check_now();
}

static void
close_it(gyre *cache)
{
    api_close(cache);
    check_now();
}

static void
make(void)
{
    gyre *cache = open_it(GYRE_CREATE);
    put(cache, "key");
    close_it(cache);
    CHECK_EQ(clean_of(disk->has), GY_FILE_CLEAN);
}

static bool
says_clean(void)
{
    uint64_t clean;
    int fd = open(path, O_RDONLY);
    CHECK(pread(fd, &clean, sizeof clean, offsetof(struct gy_super, life.clean)) == sizeof clean);
    close(fd);
    return clean == GY_FILE_CLEAN;
}

TEST(file_steps, a_disk_that_says_clean_is_whole)
{
    begin(), make();
    CHECK(disk->folder_has_it);
    gyre *cache = open_it(0);
    CHECK_EQ(clean_of(disk->has), GY_FILE_OPENING);
    put(cache, "other");
    gyre *second = open_it(0);
    put(second, "third");
    close_it(cache);
    put(second, "fourth");
    close_it(second);
    CHECK_EQ(clean_of(disk->has), GY_FILE_CLEAN);
    end();
}

static int
opens(void *arg)
{
    (void)arg;
    gyre *cache;
    open_result(0, &cache);
    return 1; /* it should have died */
}

TEST(file_steps, who_dies_before_the_disk_says_open_leaves_it_to_the_next)
{
    begin(), make();
    disk->die_at = disk->syncs + 1;
    region_process(opens, NULL);
    CHECK_EQ(clean_of(disk->has), GY_FILE_CLEAN);
    gyre *cache = open_it(0);
    CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
    put(cache, "other");
    close_it(cache);
    end();
}

TEST(file_steps, who_is_refused_before_the_disk_says_open_leaves_it_to_the_next)
{
    begin(), make();
    gyre *cache;
    disk->fail_at = disk->syncs + 1;
    CHECK_EQ(open_result(0, &cache), GYRE_EIO);
    cache = open_it(0);
    CHECK(has_text(cache, "key", "value"));
    put(cache, "other");
    close_it(cache);
    CHECK(says_clean()); /* nothing had to be written but that it is open */
    end();
}

static void
close_refused(unsigned number)
{
    begin(), make();
    gyre *cache = open_it(0);
    put(cache, "other");
    disk->fail_at = disk->syncs + number;
    close_it(cache);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(!says_clean());
        cache = open_it(0);
        CHECK_EQ(api_stats(cache).sync_errors, 1);
        CHECK(has_text(cache, "other", "value"));
        close_it(cache);
    }
    end();
}

TEST(file_steps, what_a_close_could_not_write_is_never_clean) { close_refused(1); }
TEST(file_steps, what_a_close_could_not_write_under_its_lock_is_never_clean) { close_refused(2); }

TEST(file_steps, what_a_sync_could_not_write_is_never_clean)
{
    begin(), make();
    gyre *cache = open_it(0);
    put(cache, "other");
    disk->fail_at = disk->syncs + 1;
    CHECK_EQ(gyre_sync(cache), GYRE_EIO);
    CHECK(api_stats(cache).sync_errors == 1 && api_stats(cache).syncs == 0);
    CHECK_OK(gyre_sync(cache));
    close_it(cache);
    CHECK(!says_clean());
    end();
}

/* A child of fork goes on with what the parent, the last, has closed. */
static void
go_on_in_child(unsigned fail_at, bool parent_stays)
{
    begin(), make();
    int go[2], status;
    char word;
    gyre *cache = open_it(0);
    CHECK_EQ(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        close(go[1]);
        bool fine = read(go[0], &word, 1) == 0; /* its end: the parent has gone on */
        disk->fail_at = fail_at ? disk->syncs + fail_at : 0;
        fine &= !fail_at || put_text(cache, "refused", "value") == GYRE_EIO;
        check_now();
        put(cache, "child");
        close_it(cache);
        _exit(fine ? 0 : 1);
    }
    if (!parent_stays)
        close_it(cache);
    close(go[0]), close(go[1]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(status == 0, "status %#x", (unsigned)status);
    CHECK_EQ(says_clean(), !parent_stays);
    if (parent_stays)
        close_it(cache);
    end();
}

TEST(file_steps, a_child_says_that_it_is_open) { go_on_in_child(0, false); }
TEST(file_steps, a_child_that_is_refused_says_so_again) { go_on_in_child(1, false); }
TEST(file_steps, a_child_closes_what_its_parent_has_open) { go_on_in_child(0, true); }

TEST(file_steps, opening_and_closing_are_one_at_a_time)
{
    begin(), make();
    gyre *cache, *second = open_it(0);
    int file = open(path, O_RDONLY);
    CHECK_EQ(flock(file, LOCK_EX | LOCK_NB), 0); /* no opener holds it once he is a member */
    CHECK_EQ(open_result(0, &cache), GYRE_EBUSY);
    cache = open_it(GYRE_READONLY); /* needs none */
    api_close(cache);
    close_it(second);
    CHECK(!says_clean());
    CHECK_EQ(flock(file, LOCK_UN), 0);
    cache = open_it(0);
    CHECK_EQ(flock(file, LOCK_EX | LOCK_NB), 0);
    CHECK_EQ(flock(file, LOCK_UN), 0);
    close_it(cache);
    CHECK(says_clean());
    CHECK_EQ(flock(file, LOCK_EX | LOCK_NB), 0);
    close(file);
    end();
}

TEST(file_steps, a_file_of_another_machine_is_refused)
{
    begin();
    gyre *cache;
    elsewhere = true;
    CHECK_EQ(open_result(GYRE_CREATE, &cache), GYRE_EPERM);
    CHECK(access(path, F_OK) != 0);
    close_it(open_it(GYRE_CREATE | GYRE_ANY_FILE_SYSTEM));
    CHECK_EQ(open_result(GYRE_CREATE, &cache), GYRE_EPERM);
    CHECK_EQ(open_result(0, &cache), GYRE_EPERM);
    CHECK_EQ(open_result(GYRE_READONLY, &cache), GYRE_EPERM);
    CHECK(says_clean());
    close_it(open_it(GYRE_ANY_FILE_SYSTEM));
    elsewhere = false;
    end();
}

TEST(file_steps, what_is_put_during_a_sync_is_pending)
{
    begin();
    gyre *cache = open_it(GYRE_CREATE);
    used_meanwhile = cache;
    CHECK_OK(gyre_sync(cache));
    used_meanwhile = NULL;
    CHECK(api_stats(cache).pending_bytes >= 100000);
    CHECK_OK(gyre_sync(cache));
    CHECK(api_stats(cache).pending_bytes < 100000);
    api_close(cache);
    end();
}

static void
stop_machine(void)
{
    const uint64_t life[2] = {GY_FILE_DIRTY, 1 /* of the boot's number */};
    int file = open(path, O_RDWR);
    CHECK(pwrite(file, life, sizeof life, offsetof(struct gy_super, life.clean)) == sizeof life);
    memcpy(disk->has + offsetof(struct gy_super, life.clean), life, sizeof life);
    close(file);
}

TEST(file_steps, one_that_was_emptied_begins_anew)
{
    begin();
    gyre *cache = open_it(GYRE_CREATE | GYRE_NO_CHECKSUMS);
    for (unsigned i = 0; i < 500; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 1000, i));
    CHECK_OK(gyre_sync(cache));
    uint64_t generation = cache->generation;
    api_close(cache), stop_machine();
    cache = open_it(0);
    CHECK_EQ(api_stats(cache).start, GYRE_START_EMPTIED);
    CHECK(cache->generation != generation);
    CHECK_EQ(cache->super->generation, cache->generation);
    for (unsigned i = 0; i < 100; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 1000, i));
    CHECK(api_stats(cache).pending_bytes >= 100000);
    close_it(cache);
    end();
}

static int
puts_and_dies(void *arg)
{
    (void)arg;
    gyre *cache;
    EXPECT(1, open_result(0, &cache) == GYRE_OK);
    EXPECT(2, put_text(cache, "other", "value") == GYRE_OK);
    return 0; /* with the cache open */
}

TEST(file_steps, who_closes_as_the_last_clears_up_after_the_dead)
{
    begin(), make();
    gyre *cache = open_it(0);
    region_process(puts_and_dies, NULL);
    close_it(cache);
    CHECK(says_clean());
    end();
}

/* The thread that writes out is not in a child. */
TEST(file_steps, a_child_writes_out_by_itself)
{
    begin();
    gyre_options o = options(GYRE_CREATE);
    o.flags &= ~(uint32_t)GYRE_NO_THREAD;
    o.sync_interval_ms = 2;
    gyre *cache = api_open_with(&o);
    int go[2], status;
    char word;
    CHECK_EQ(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        close(go[1]);
        bool fine = read(go[0], &word, 1) == 0 && put_text(cache, "key", "value") == GYRE_OK;
        uint64_t before = api_stats(cache).syncs;
        for (unsigned i = 0; i < 2000 && api_stats(cache).syncs == before; i++) { /* due after two */
            usleep(1000);
            fine &= gyre_maintain(cache, 0) >= 0;
        }
        fine &= api_stats(cache).syncs > before;
        gyre_close(cache);
        _exit(fine ? 0 : 1);
    }
    api_close(cache);
    close(go[0]), close(go[1]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(status == 0, "status %#x", (unsigned)status);
    end();
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process gives a file another capacity and dies before or after each of its system calls, and, in builds with points, at
 * accesses to the region in between; or a call fails. Afterwards the name leads to a whole file, the old one or the new one. */

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "file_cache.h"
#include "whole.h"

enum { KEYS = 600, VALUE = 1000, BYTES_MOST = 32 * MIB };

/* Of the process that dies, seen by the one that looks. */
static struct steps {
    _Atomic unsigned n;          /* steps, two for each call */
    unsigned die_at, fail_at;    /* and calls that fail */
    unsigned n_fail;
    _Atomic uint64_t points;     /* of several threads */
    uint64_t die_at_point;
    unsigned renamed, folder_synced; /* in that order */
    bool not_locked;             /* what was about to get the name could be taken for what the dead have left */
    bool named, not_written;     /* no files without a name; what got the name was not on the disk as it was */
    char on_disk[BYTES_MOST];    /* of what was written out last */
} *steps;
static bool counting;

static void
step(void)
{
    if (counting && ++steps->n == steps->die_at)
        kill(getpid(), SIGKILL);
}

static bool
fails(void)
{
    if (!counting || ++steps->n_fail != steps->fail_at)
        return false;
    errno = EIO;
    return true;
}

#define REPLACE(name, parameters, arguments)                                                                         \
    int __real_##name parameters;                                                                                    \
    int __wrap_##name parameters;                                                                                    \
    int __wrap_##name parameters                                                                                     \
    {                                                                                                                \
        step();                                                                                                      \
        int result = fails() ? -1 : __real_##name arguments;                                                         \
        step();                                                                                                      \
        return result;                                                                                               \
    }
REPLACE(fchmod, (int fd, mode_t mode), (fd, mode))
REPLACE(fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
REPLACE(ftruncate, (int fd, off_t bytes), (fd, bytes))
REPLACE(linkat, (int from, const char *a, int to, const char *b, int flags), (from, a, to, b, flags))

int __real_posix_fallocate(int fd, off_t at, off_t bytes);
int __real_rename(const char *from, const char *to);
int __real_flock(int fd, int operation);
int __real_open(const char *name, int flags, ...);
int __wrap_posix_fallocate(int fd, off_t at, off_t bytes);
int __wrap_rename(const char *from, const char *to);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_flock(int fd, int operation);
int __wrap_open(const char *name, int flags, ...);

int
__wrap_posix_fallocate(int fd, off_t at, off_t bytes)
{
    step();
    return fails() ? ENOSPC : __real_posix_fallocate(fd, at, bytes);
}

static size_t
read_file(const char *name, char *to)
{
    int fd = __real_open(name, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, to, BYTES_MOST);
    close(fd);
    return n > 0 ? (size_t)n : 0;
}

static uint64_t
clean_of(const char *head)
{
    uint64_t clean;
    memcpy(&clean, head + offsetof(struct gy_super, life.clean), sizeof clean);
    return clean;
}

/* What gets the name is on the disk, and says there that it may not be what the name leads to. */
int
__wrap_rename(const char *from, const char *to)
{
    static char now[BYTES_MOST];
    step();
    if (counting) {
        size_t bytes = read_file(from, now);
        steps->not_written |= bytes == 0 || memcmp(now, steps->on_disk, bytes) != 0 || clean_of(now) != GY_FILE_OPENING;
        int file = __real_open(from, O_RDWR); /* who removes what the dead have left looks whether it is locked */
        steps->not_locked |= __real_flock(file, LOCK_EX | LOCK_NB) == 0;
        close(file);
        steps->renamed++;
    }
    int result = fails() ? -1 : __real_rename(from, to);
    step();
    return result;
}

int
__wrap_fdatasync(int fd)
{
    step();
    if (counting && pread(fd, steps->on_disk, BYTES_MOST, 0) <= 0)
        return -1;
    int result = fails() ? -1 : 0; /* the disk is played: what it has is in steps */
    step();
    return result;
}

int
__wrap_fsync(int fd)
{
    (void)fd;
    step();
    if (counting)
        steps->folder_synced = steps->renamed;
    return 0;
}

int
__wrap_flock(int fd, int operation)
{
    step();
    return __real_flock(fd, operation);
}

int
__wrap_open(const char *name, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    step();
    if (steps != NULL && steps->named && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_open(name, flags, mode);
}

#ifdef GY_POINTS
static void
die_there(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line, (void)address;
    if (counting && ++steps->points == steps->die_at_point)
        kill(getpid(), SIGKILL);
}
#endif

/* ---- one file ---------------------------------------------------------------------------------------------------- */

static bool untrusted;

static void
prepare(void)
{
    begin();
    steps = mmap(NULL, sizeof *steps, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(steps != MAP_FAILED);
    gyre *cache = open_it(GYRE_CREATE);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, VALUE, i));
    if (untrusted)
        copy(path.text, other.text); /* while it is open: it is to be recovered */
    api_close(cache);
    if (!untrusted)
        copy(path.text, other.text);
}

static void
again(void)
{
    copy(other.text, path.text);
    steps->n = 0;
    steps->n_fail = steps->renamed = steps->folder_synced = 0;
    steps->points = 0;
    steps->not_written = steps->not_locked = false;
}

static uint64_t wanted;

static int
resizes(void)
{
    gyre *cache;
    gyre_options o = options(0);
    o.capacity_bytes = wanted;
#ifdef GY_POINTS
    gy_point_hook = die_there;
#endif
    counting = true;
    int result = gyre_open(&cache, &o);
    counting = false;
    _exit(-result);
}

/* How it ended; negative: it was killed. */
static int
run(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        resizes();
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_MSG(!steps->not_written && !steps->not_locked, "step %u", steps->die_at);
    if (WIFSIGNALED(status)) {
        CHECK_EQ(WTERMSIG(status), SIGKILL);
        return -1;
    }
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static unsigned
files(void)
{
    unsigned n = 0;
    DIR *dir = opendir(folder);
    CHECK(dir != NULL);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(dir);
    return n;
}

static unsigned n_left; /* times */

/* The name leads to a file that is whole; of half the size, to what fits of the newest. True: to the new one. */
static bool
check_left(void)
{
    bool left = files() > 2;
    CHECK(files() <= 3); /* two, and one that was left unfinished */
    gyre *cache = open_it(0);
    gyre_stats stats = api_stats(cache);
    CHECK(stats.capacity_bytes == 4 * MIB || stats.capacity_bytes == wanted);
    bool resized = stats.capacity_bytes == wanted;
    unsigned n = 0;
    for (unsigned i = 0; i < KEYS; i++)
        n += has_bytes(cache, key_of(i).text, VALUE, i);
    CHECK_EQ(n, stats.entries);
    CHECK_MSG(n == KEYS || (resized && wanted < MIB && n > KEYS / 2), "%u entries in %llu bytes", n, (unsigned long long)stats.capacity_bytes);
    CHECK_EQ(whole_faults(cache, NULL), 0);
    api_close(cache);
    if (!left)
        return resized;
    n_left++;
    gyre_options o = options(GYRE_CREATE);
    char third[80];
    snprintf(third, sizeof third, "%s/third", folder);
    o.file_path = third;
    cache = api_open_with(&o); /* the next that is made in the folder */
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
    CHECK_EQ(files(), 2);
    return resized;
}

static void
finish(void)
{
    munmap(steps, sizeof *steps);
    steps = NULL;
    end();
}

static void
die_at_each(uint64_t capacity, bool named, bool not_trusted)
{
    wanted = capacity, untrusted = not_trusted;
    prepare();
    steps->named = named;
    int ended = -1;
    unsigned n_old = 0, n_new = 0;
    for (steps->die_at = 1; ended < 0; steps->die_at++) {
        again();
        ended = run();
        (*(check_left() ? &n_new : &n_old))++;
    }
    CHECK(ended == 0 && steps->renamed == 1 && steps->folder_synced == 1);
    CHECK(n_left > (named ? 10 : 1));
    CHECK_MSG(n_old > 20 && n_new > 2, "%u times the old one, %u times the new one", n_old, n_new);
    finish();
}

TEST(resize_steps, who_dies_at_a_call_leaves_one_of_the_two) { die_at_each(8 * MIB, false, false); }
TEST(resize_steps, where_files_have_names_as_well) { die_at_each(8 * MIB, true, false); }
TEST(resize_steps, and_of_one_that_gets_smaller) { die_at_each(MIB - 64 * KIB, false, false); }
TEST(resize_steps, and_of_one_that_is_recovered_first) { die_at_each(8 * MIB, false, true); }

/* The old one is as it was: a call that fails is told. */
static void
fail_at_each(bool named)
{
    wanted = 8 * MIB, untrusted = false;
    prepare();
    steps->named = named;
    int ended = -1;
    for (steps->fail_at = 1; ended != 0; steps->fail_at++) {
        again();
        ended = run();
        CHECK_MSG(ended >= 0, "call %u: it was killed", steps->fail_at);
        CHECK_MSG(files() == 2, "call %u: something is left", steps->fail_at);
        CHECK_MSG(check_left() == (ended == 0), "call %u answers %d", steps->fail_at, -ended);
    }
    CHECK_MSG(steps->fail_at > 8, "%u", steps->fail_at);
    finish();
}

TEST(resize_steps, where_a_call_fails_the_old_one_stays) { fail_at_each(false); }
TEST(resize_steps, where_files_have_names_and_a_call_fails_the_old_one_stays) { fail_at_each(true); }

/* The folder may not have been written out: the next opener does that, and only then says that the file is open. */
TEST(resize_steps, who_opens_what_may_not_be_on_the_disk_writes_the_folder_out)
{
    wanted = 8 * MIB, untrusted = false;
    prepare();
    int ended = -1;
    unsigned seen = 0;
    for (steps->die_at = 1; ended < 0; steps->die_at++) {
        again();
        ended = run();
        if (ended >= 0 || steps->folder_synced != 0 || clean_word() != GY_FILE_OPENING)
            continue;
        steps->n = steps->die_at; /* no more deaths */
        steps->renamed = 1;
        counting = true;
        gyre *cache = open_it(0);
        counting = false;
        CHECK(steps->folder_synced == 1 && clean_word() == GY_FILE_DIRTY);
        api_close(cache);
        seen++;
    }
    CHECK(seen > 0);
    finish();
}

#ifdef GY_POINTS
TEST(resize_steps, who_dies_at_an_access_leaves_one_of_the_two)
{
    enum { DEATHS = 60 };
    wanted = 8 * MIB, untrusted = false;
    prepare();
    again();
    CHECK_EQ(run(), 0);
    uint64_t points = steps->points, seed = api_seed("resize_steps");
    CHECK(points > 10000);
    for (unsigned i = 0; i < DEATHS; i++) {
        again();
        steps->die_at_point = 1 + api_random(&seed) % points;
        CHECK(run() < 0);
        check_left();
    }
    finish();
}
#endif

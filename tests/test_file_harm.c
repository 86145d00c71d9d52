/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Files whose disk refuses, whose users are killed, forked, or lose rights, descriptors or /proc, and that are copied. */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "file_cache.h"

/* In the place of the C library's. */
static _Atomic unsigned written_out, refusals;

int
fdatasync(int fd)
{
    written_out++;
    if (refusals == 0)
        return (int)syscall(SYS_fdatasync, fd);
    refusals--;
    errno = EIO;
    return -1;
}

/* On the disk it may yet be clean: who opens it next says once more that it is not, before anything is changed. */
TEST(file_harm, who_opens_it_begins_only_when_the_disk_has_it)
{
    begin(), make();
    gyre_options o = options(0);
    refusals = 1;
    CHECK_EQ(result_of(&o), GYRE_EIO);
    CHECK_EQ(clean_word(), GY_FILE_OPENING);
    refusals = 1;
    CHECK_EQ(result_of(&o), GYRE_EIO);
    CHECK_EQ(clean_word(), GY_FILE_OPENING);
    unsigned before = written_out;
    gyre *cache = open_it(0);
    CHECK(written_out > before);
    CHECK_EQ(clean_word(), GY_FILE_DIRTY);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    CHECK(is_clean());
    refusals = 1;
    CHECK_EQ(result_of(&o), GYRE_EIO);
    in_head(reboot, 0);
    cache = open_it(0);
    CHECK_EQ(api_stats(cache).start, GYRE_START_RECOVERED);
    api_close(cache);
    end();
}

/* The next sync would succeed: of what the disk has refused nothing is left to be written. */
TEST(file_harm, what_the_disk_refused_is_never_called_clean)
{
    begin();
    gyre *cache = open_it(GYRE_CREATE);
    CHECK_OK(put_text(cache, "key", "value"));
    refusals = 1;
    CHECK_EQ(gyre_sync(cache), GYRE_EIO);
    CHECK_OK(gyre_sync(cache));
    CHECK_EQ(api_stats(cache).sync_errors, 1);
    api_close(cache);
    CHECK(!is_clean());
    CHECK_EQ(unlink(path.text), 0);
    for (unsigned n = 1; n < 3; n++) { /* of the two before it is clean, in closing */
        cache = open_it(GYRE_CREATE);
        CHECK_OK(put_text(cache, "key", "value"));
        refusals = n == 1;
        if (n == 2)
            CHECK_EQ(api_stats(cache).sync_errors, 1);
        api_close(cache);
        CHECK(!is_clean());
    }
    end();
}

static void
change_boot(struct gy_super *s, uint64_t to)
{
    gy_store_rlx(&s->life.boot[0], to), gy_store_rlx(&s->life.boot[1], to);
}

/* Processes that are not shown which life of the machine it is (/proc with subset=pid). */
TEST(file_harm, nobody_empties_what_another_has_open)
{
    begin(), make();
    gyre *first = open_it(0);
    in_head(change_boot, 0);
    gyre *second = open_it(0);
    CHECK_EQ(api_stats(second).start, GYRE_START_WARM);
    CHECK(has_text(second, "key", "value"));
    api_close(second);
    gyre_options o = options(0);
    in_head(change_boot, 1); /* a machine that shares the disk */
    CHECK_EQ(result_of(&o), GYRE_EBUSY);
    CHECK(has_text(first, "key", "value"));
    in_head(change_boot, 0);
    region_process(put_and_die, "other");
    gyre_close(first);
    end();
}

/* The system gives the number of a file that was removed to the next one. */
TEST(file_harm, a_copy_in_the_place_of_the_first_is_another_file)
{
    begin();
    region_process(put_and_die, "key");
    copy(path.text, other.text);
    unlink(path.text);
    copy(other.text, path.text);
    chmod(path.text, 0600);
    gyre *cache = open_it(0);
    CHECK_EQ(api_stats(cache).start, GYRE_START_RECOVERED);
    api_close(cache);
    end();
}

static void *
open_and_close(void *stop)
{
    while (!*(_Atomic bool *)stop) {
        gyre *cache = open_it(GYRE_CREATE);
        api_close(cache);
    }
    return NULL;
}

/* A child has all descriptors that were open when it was forked. */
TEST(file_harm, a_forked_child_holds_nobody_up)
{
    begin();
    enum { CHILDREN = 40 };
    _Atomic bool stop = false;
    pid_t child[CHILDREN];
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, open_and_close, &stop), 0);
    for (unsigned i = 0; i < CHILDREN; i++) {
        usleep(1000);
        child[i] = fork();
        if (child[i] == 0)
            for (;;)
                pause();
    }
    stop = true;
    pthread_join(thread, NULL);
    gyre *cache = open_it(GYRE_CREATE);
    api_close(cache);
    CHECK(is_clean());
    for (unsigned i = 0; i < CHILDREN; i++)
        kill(child[i], SIGKILL), waitpid(child[i], NULL, 0);
    end();
}

static int
use_without_rights(void *arg)
{
    gyre *cache = open_it(GYRE_CREATE);
    int status;
    (void)arg;
    pid_t child = fork();
    if (child == 0) {
        bool fine = setuid(65534) == 0 && put_text(cache, "child", "value") == GYRE_OK;
        gyre_close(cache);
        _exit(fine ? 0 : 1);
    }
    EXPECT(1, waitpid(child, &status, 0) == child && status == 0);
    EXPECT(2, setuid(65534) == 0);
    EXPECT(3, has_text(cache, "child", "value"));
    gyre_close(cache);
    return 0;
}

/* As servers do, after they have opened what they need. */
TEST(file_harm, who_gives_up_rights_goes_on_and_closes_it)
{
    begin();
    if (geteuid() == 0) {
        region_process(use_without_rights, NULL);
        CHECK(is_clean());
    }
    end();
}

static int
use_without_proc(void *arg)
{
    (void)arg;
    gyre_options o = options(GYRE_CREATE);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/proc", "tmpfs", 0, "size=4k") != 0)
        return 0;
    EXPECT(1, result_of(&o) == GYRE_EPERM);
    o.file_path = other.text;
    EXPECT(2, result_of(&o) == GYRE_EPERM && access(other.text, F_OK) != 0);
    return 0;
}

/* Nobody could tell whether such a process has it open. */
TEST(file_harm, it_is_not_opened_without_proc)
{
    begin(), make();
    char mine[100];
    snprintf(mine, sizeof mine, "%s/.gyre-creating-my-notes", folder); /* names of another form are somebody's */
    CHECK(close(open(mine, O_CREAT | O_RDWR, 0600)) == 0);
    region_process(use_without_proc, NULL);
    CHECK(is_clean());
    CHECK_EQ(unlink(mine), 0);
    end();
}

/* As backup programs do. */
TEST(file_harm, a_copy_without_its_empty_pages_is_given_them)
{
    begin();
    struct stat first, second, third;
    gyre *cache = open_it(GYRE_CREATE);
    for (unsigned i = 0; i < 20000; i++) /* its index has grown */
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, i));
    api_close(cache);
    CHECK_EQ(stat(path.text, &first), 0);
    char command[200];
    snprintf(command, sizeof command, "cp --sparse=always %s %s", path.text, other.text);
    CHECK_EQ(system(command), 0);
    CHECK_EQ(stat(other.text, &second), 0);
    gyre_options o = options(0);
    o.file_path = other.text;
    cache = api_open_with(&o);
    CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
    CHECK(has_bytes(cache, key_of(19999).text, 100, 19999));
    CHECK_EQ(stat(other.text, &third), 0);
    CHECK(second.st_blocks < first.st_blocks && third.st_blocks >= first.st_blocks);
    api_close(cache);
    end();
}

/* By a program that closes all it does not know. */
TEST(file_harm, another_file_in_the_place_of_its_descriptor_is_not_taken_for_it)
{
    begin(), make();
    gyre *cache = open_it(0);
    int fd = cache->region.fd, claim = cache->region.claim, another = open("/", O_RDONLY);
    CHECK(fd >= 0 && claim >= 0 && another >= 0);
    CHECK(dup2(another, fd) == fd && dup2(another, claim) == claim);
    CHECK_EQ(gyre_sync(cache), GYRE_EIO);
    api_close(cache);
    CHECK(!is_clean());
    close(claim), close(another);
    cache = open_it(0);
    CHECK(has_text(cache, "key", "value"));
    CHECK_EQ(api_stats(cache).sync_errors, 0);
    api_close(cache);
    CHECK(is_clean());
    end();
}

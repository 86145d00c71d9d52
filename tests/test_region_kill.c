/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process that makes, opens or removes a shared cache is killed at each of its system calls, before it and after it.
 * What others see of a region that is being made changes with system calls only (of one in a memfd, with the
 * last store, too): so these are all states that can be left behind. The next one who comes finds a whole cache, or none,
 * and no name stays that nobody has given. */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../stress/lib/creation.h"
#include "region.h"

struct victim {
    gyre_options options;
    bool unlinks, without_proc;
};

static int
act(const struct victim *v)
{
    gyre *cache;
    if (v->without_proc && (unshare(CLONE_NEWNS) != 0 || mount("tmpfs", "/proc", "tmpfs", 0, "size=4k") != 0))
        return 2;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        return 3;
    raise(SIGSTOP);
    int result = v->unlinks ? gyre_unlink(&v->options) : gyre_open(&cache, &v->options);
    return result == GYRE_OK ? 0 : 1;
}

/* Kills it at the n-th stop, two for each call. True: it came to its end before. */
static bool
killed_late(const struct victim *v, unsigned n)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(act(v));
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_MSG(WIFSTOPPED(status), "status %#x", (unsigned)status);
    for (unsigned i = 0; i < n && WIFSTOPPED(status); i++) {
        CHECK_EQ(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        CHECK_EQ(waitpid(child, &status, 0), child);
    }
    if (WIFSTOPPED(status)) {
        kill(child, SIGKILL);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        return false;
    }
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
    return true;
}

/* A whole cache, whoever has made it; and a name that can be removed. */
static void
look_afterwards(const struct victim *v)
{
    gyre_options o = v->options;
    o.flags |= GYRE_CREATE, o.capacity_bytes = 256 * KIB;
    gyre *cache = api_open_with(&o);
    CHECK_OK(put_text(cache, "key", "value"));
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    if (o.shm_name != NULL)
        CHECK_OK(gyre_unlink(&o));
}

static unsigned
kill_at_each(struct victim *v, bool exists)
{
    unsigned n = 0;
    bool ended = false;
    for (; !ended; n++) {
        static char text[40];
        snprintf(text, sizeof text, "stop %u", n);
        test_at = text;
        int fd = -1;
        if (v->options.shm_name == NULL)
            CHECK((v->options.shm_fd = fd = memfd_create("test", MFD_CLOEXEC)) >= 0);
        if (exists) {
            gyre_options o = v->options;
            o.flags |= GYRE_CREATE, o.capacity_bytes = 256 * KIB;
            api_close(api_open_with(&o));
        }
        ended = killed_late(v, n);
        look_afterwards(v);
        if (!v->without_proc)
            CHECK_EQ(creation_objects(), 0);
        if (fd >= 0)
            close(fd);
    }
    test_at = NULL;
    return n;
}

static bool
cannot(void)
{
    bool own = creation_own_folder(0);
    if (!own)
        printf("skipped: no mount namespace can be had here\n");
    return !own;
}

TEST(region_kill, while_it_is_made)
{
    struct region_name name = region_name(0);
    struct victim v = {.options = region_options(&name, 256 * KIB, GYRE_CREATE)};
    if (cannot())
        return;
    CHECK(kill_at_each(&v, false) > 20);
}

/* The next who builds one that way removes what is left. */
TEST(region_kill, while_it_is_made_under_another_name)
{
    struct region_name name = region_name(0);
    struct victim v = {.options = region_options(&name, 256 * KIB, GYRE_CREATE), .without_proc = true};
    if (cannot())
        return;
    unsigned n = kill_at_each(&v, false);
    CHECK(n > 20);
    CHECK(killed_late(&v, 2 * n));
    CHECK_OK(gyre_unlink(&v.options));
    CHECK_EQ(creation_objects(), 0);
}

TEST(region_kill, while_it_is_opened_or_removed)
{
    struct region_name name = region_name(0);
    struct victim opens = {.options = region_options(&name, 0, 0)},
                  removes = {.options = region_options(&name, 0, 0), .unlinks = true};
    if (cannot())
        return;
    CHECK(kill_at_each(&opens, true) > 10);
    CHECK(kill_at_each(&removes, true) > 5);
}

TEST(region_kill, while_it_is_made_in_a_memfd)
{
    struct victim v = {.options = api_options(256 * KIB, GYRE_NO_THREAD | GYRE_SHM_FD | GYRE_CREATE)};
    if (cannot())
        return;
    CHECK(kill_at_each(&v, false) > 20);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "shared.h"

#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT = 250 };

struct shared_name
shared_name(unsigned number)
{
    struct shared_name name;
    snprintf(name.text, sizeof name.text, "gyre-test-%d-%u", (int)getpid(), number);
    snprintf(name.path, sizeof name.path, "/dev/shm/%s", name.text);
    unlink(name.path);
    return name;
}

gyre_options
shared_options(const struct shared_name *name, uint64_t capacity_bytes, uint32_t flags)
{
    gyre_options o = api_options(capacity_bytes, flags | GYRE_NO_THREAD);
    o.shm_name = name->text;
    return o;
}

static int
status_of(pid_t child)
{
    int status;
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_MSG(WIFEXITED(status), "status %#x", (unsigned)status);
    return WEXITSTATUS(status);
}

void
shared_process(int (*body)(void *arg), void *arg)
{
    pid_t child = fork();
    if (child == 0)
        _exit(body(arg));
    CHECK_EQ(status_of(child), 0);
}

static int
apart(unsigned pages, uint32_t user, int (*body)(void *arg), void *arg)
{
    char size[64];
    snprintf(size, sizeof size, "size=%lluk,mode=1777", (unsigned long long)pages * 4);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/dev/shm", "tmpfs", 0, size) != 0)
        return CANNOT;
    if (user != 0 && (setgid(user) != 0 || setuid(user) != 0))
        return CANNOT;
    return body(arg);
}

bool
shared_apart(unsigned pages, uint32_t user, int (*body)(void *arg), void *arg)
{
    pid_t child = fork();
    if (child == 0)
        _exit(apart(pages, user, body, arg));
    int status = status_of(child);
    if (status == CANNOT) {
        printf("skipped: no mount namespace can be had here\n");
        return false;
    }
    CHECK_EQ(status, 0);
    return true;
}

unsigned
shared_count_objects(void)
{
    unsigned n = 0;
    DIR *folder = opendir("/dev/shm");
    CHECK(folder != NULL);
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(folder);
    return n;
}

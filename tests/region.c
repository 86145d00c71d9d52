/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "region.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* What tests that failed have left: their processes are no more. */
static void
remove_leftovers(void)
{
    DIR *folder = opendir("/dev/shm");
    char path[300];
    for (struct dirent *e; folder != NULL && (e = readdir(folder)) != NULL;) {
        int pid = 0;
        if (sscanf(e->d_name, "gyre-test-%d-", &pid) != 1 || kill(pid, 0) == 0 || errno != ESRCH)
            continue;
        snprintf(path, sizeof path, "/dev/shm/%s", e->d_name);
        unlink(path);
    }
    if (folder != NULL)
        closedir(folder);
}

struct region_name
region_name(unsigned number)
{
    struct region_name name;
    remove_leftovers();
    snprintf(name.text, sizeof name.text, "gyre-test-%d-%u", (int)getpid(), number);
    snprintf(name.path, sizeof name.path, "/dev/shm/%s", name.text);
    unlink(name.path);
    return name;
}

gyre_options
region_options(const struct region_name *name, uint64_t capacity_bytes, uint32_t flags)
{
    gyre_options o = api_options(capacity_bytes, flags | GYRE_NO_THREAD);
    o.shm_name = name->text;
    return o;
}

void
region_process(int (*body)(void *arg), void *arg)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(body(arg));
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
}

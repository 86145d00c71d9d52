/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "region.h"

#include <sys/wait.h>
#include <unistd.h>

struct region_name
region_name(unsigned number)
{
    struct region_name name;
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

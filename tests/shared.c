/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "shared.h"

#include <sys/wait.h>
#include <unistd.h>

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

void
shared_process(int (*body)(void *arg), void *arg)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(body(arg));
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
}

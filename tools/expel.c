/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre expel: gives up on a process that has a shared cache or a file open and does not go on. */

#include <errno.h>
#include <stdlib.h>

#include "shared.h"
#include "tool.h"

static const char HELP[] =
    "usage: gyre expel NAME PID\n\n"
    "Gives up on a process that has the cache open and does not go on: it is stopped, or hangs. All that it\n"
    "holds there is the others' at once. When it comes back its calls are refused until it has closed the\n"
    "cache and opened it anew; what it was reading may be reused. gyre stat names who holds what. The number is\n"
    "that of the process in this PID namespace. A file's NAME is its path, with a slash in it: ./cache.\n";

static bool
read_pid(const char *text, uint32_t *pid)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    *pid = (uint32_t)n;
    return errno == 0 && *end == '\0' && text[0] >= '0' && text[0] <= '9' && n > 0 && n <= INT32_MAX;
}

static const char *
reason(int result)
{
    return result == GYRE_ENOENT ? "no such process has it open; gyre stat names those that hold something" : gyre_strerror(result);
}

/* A file that this would recover or empty is left alone: a look comes first, and nobody has such a one open. */
static int
open_to_expel(const char *name, gyre **cache)
{
    int result = shared_open(name, cache);
    if (result != GYRE_OK)
        return result;
    gyre_close(*cache);
    gyre_options options = shared_options(name, 0);
    return gyre_open(cache, &options);
}

static int
run(int argc, char **argv)
{
    uint32_t pid;
    if (argc != 3 || argv[1][0] == '-' || !read_pid(argv[2], &pid)) {
        tool_error("expel takes the name of a cache and the number of a process; gyre help expel");
        return TOOL_USAGE;
    }
    gyre *cache;
    int result = open_to_expel(argv[1], &cache);
    if (result != GYRE_OK) {
        tool_error("%s: %s", argv[1], shared_reason(argv[1], result));
        return TOOL_FAIL;
    }
    result = gyre_expel(cache, pid);
    gyre_close(cache);
    if (result != GYRE_OK)
        tool_error("%s: process %u: %s", argv[1], pid, reason(result));
    return result == GYRE_OK ? TOOL_OK : TOOL_FAIL;
}

const struct tool_command tool_expel = {"expel", "give up on a process that has a cache open and does not go on", HELP, run};

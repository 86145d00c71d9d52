/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre ls, gyre rm: the caches of this machine by name, and files. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared.h"
#include "text.h"
#include "tool.h"

#define FOLDER "/dev/shm"

static const char LS_HELP[] =
    "usage: gyre ls [FILE ...]\n\n"
    "Lists the caches in shared memory that this user may read: capacity, entries, hit ratio, the\n"
    "processes that have each open, and its name. One that is damaged, or of another format or build\n"
    "of gyre, is listed with the reason. Other files are passed over.\n"
    "With arguments, lists those files, of any folder, and no others; a file that was open when the\n"
    "machine stopped is listed with that.\n";

static const char RM_HELP[] =
    "usage: gyre rm NAME ...\n\n"
    "Removes the names of caches in shared memory, or files. Who has one open goes on with it; its\n"
    "space is given back when the last of them has closed it. What is no cache is left alone. A\n"
    "file's NAME is its path, with a slash in it: ./cache.\n";

/* GYRE_OK, or why it is not listed. */
static int
list_one(const char *name)
{
    gyre_stats s;
    int result = shared_peek(name, &s);
    char ratio[32];
    if (result == GYRE_OK) {
        snprintf(ratio, sizeof ratio, "%.1f %%", (double)s.hit_rate_ppm / 1e4);
        printf("%12s %14s %9s %9u  %s\n", text_size((double)s.capacity_bytes).s, text_count(s.entries).s, ratio, s.processes,
               name);
    } else if (shared_is_cache(name, result)) {
        printf("%12s %14s %9s %9s  %s (%s)\n", "-", "-", "-", "-", name, shared_reason(name, result));
        result = GYRE_OK;
    }
    return result;
}

static int
list_shared(void)
{
    struct dirent **found;
    int n = scandir(FOLDER, &found, NULL, alphasort);
    if (n < 0) {
        tool_error("%s: %s", FOLDER, strerror(errno));
        return TOOL_FAIL;
    }
    for (int i = 0; i < n; i++) {
        list_one(found[i]->d_name);
        free(found[i]);
    }
    free(found);
    return TOOL_OK;
}

/* Names without a slash are those of files in this folder: "gyre ls *.cache". */
static int
list_file(const char *name)
{
    char path[GY_PATH_BYTES + 2];
    int n = snprintf(path, sizeof path, "%s%s", shared_is_file(name) ? "" : name[0] == '/' ? "/" : "./", name);
    int result = n < (int)sizeof path ? list_one(path) : GYRE_EINVAL;
    if (result == GYRE_OK)
        return TOOL_OK;
    tool_error("%s: %s", name, shared_reason(path, result));
    return TOOL_FAIL;
}

static int
list(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == '-') {
        tool_error("ls takes files, or nothing; gyre help ls");
        return TOOL_USAGE;
    }
    printf("%12s %14s %9s %9s  %s\n", "capacity", "entries", "hits", "processes", "name");
    int status = argc == 1 ? list_shared() : TOOL_OK;
    for (int i = 1; i < argc; i++)
        if (list_file(argv[i]) != TOOL_OK)
            status = TOOL_FAIL;
    return tool_flush() ? status : TOOL_FAIL;
}

static int
remove_names(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') {
        tool_error("rm takes names of caches; gyre help rm");
        return TOOL_USAGE;
    }
    int status = TOOL_OK;
    for (int i = 1; i < argc; i++) {
        gyre_options options = shared_options(argv[i], 0);
        int result = gyre_unlink(&options);
        if (result != GYRE_OK) {
            tool_error("%s: %s", argv[i], shared_reason(argv[i], result));
            status = TOOL_FAIL;
        }
    }
    return status;
}

const struct tool_command tool_ls = {"ls", "list the caches in shared memory, or files", LS_HELP, list};
const struct tool_command tool_rm = {"rm", "remove caches in shared memory, or files", RM_HELP, remove_names};

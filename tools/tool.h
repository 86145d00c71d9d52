/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What the sub-commands of the program gyre share: how they are found, and how they end.
 *
 * A new sub-command is one file with one struct tool_command, named in the table of gyre.c. */

#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stddef.h>

enum { TOOL_OK = 0, TOOL_FAIL = 1, TOOL_USAGE = 2 }; /* exit statuses */

struct tool_command {
    const char *name;
    const char *summary;               /* one line of `gyre --help` */
    const char *help;                  /* all of `gyre help NAME` */
    int (*run)(int argc, char **argv); /* argv[0] is the name; returns the exit status */
};

extern const struct tool_command tool_replay, tool_stat, tool_top, tool_check, tool_expel, tool_ls, tool_rm,
    tool_dump, tool_load, tool_compact;

/* Prints "gyre: ", the message and a newline on standard error. */
void tool_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Flushes standard output; false, with a message, when what was written did not get there. */
bool tool_flush(void);

#endif

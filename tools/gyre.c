/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The program gyre: finds the sub-command and hands over to it. */

#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gyre.h"

static const struct tool_command *const commands[] = {&tool_replay, &tool_stat, &tool_top, &tool_check,
                                                      &tool_expel, &tool_dump, &tool_load, &tool_compact,
                                                      &tool_ls, &tool_rm};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

void
tool_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("gyre: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

bool
tool_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    tool_error("standard output: %s", strerror(errno));
    return false;
}

static const struct tool_command *
find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static void
print_usage(FILE *out)
{
    fputs("usage: gyre COMMAND [options] ...\n"
          "       gyre help [COMMAND]\n"
          "       gyre --version | --help\n\n"
          "commands:\n",
          out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
}

static int
unknown_command(const char *name)
{
    tool_error("no command '%s'; gyre --help lists them", name);
    return TOOL_USAGE;
}

static int
print_help(const struct tool_command *command)
{
    fputs(command->help, stdout);
    return tool_flush() ? TOOL_OK : TOOL_FAIL;
}

static int
run_help(int argc, char **argv)
{
    if (argc > 2) {
        tool_error("help takes one command");
        return TOOL_USAGE;
    }
    if (argc == 2) {
        const struct tool_command *command = find_command(argv[1]);
        return command ? print_help(command) : unknown_command(argv[1]);
    }
    print_usage(stdout);
    return tool_flush() ? TOOL_OK : TOOL_FAIL;
}

static bool
asks_for_help(const char *argument)
{
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

static int
run_command(const struct tool_command *command, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (asks_for_help(argv[i]))
            return print_help(command);
    return command->run(argc, argv);
}

static int
print_version(void)
{
    uint32_t v = gyre_version();
    printf("gyre %u.%u.%u\n", v >> 16, v >> 8 & 255, v & 255);
    return tool_flush() ? TOOL_OK : TOOL_FAIL;
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return TOOL_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return print_version();
    if (asks_for_help(argv[1]))
        return run_help(1, argv);
    if (strcmp(argv[1], "help") == 0)
        return run_help(argc - 1, argv + 1);
    const struct tool_command *command = find_command(argv[1]);
    return command ? run_command(command, argc - 1, argv + 1) : unknown_command(argv[1]);
}

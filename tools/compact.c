/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre compact: makes a file anew, without holes, and perhaps with another capacity. */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "carry.h"
#include "progress.h"
#include "report.h"
#include "shared.h"
#include "text.h"
#include "tool.h"

static const char HELP[] =
    "usage: gyre compact [-c SIZE] FILE\n\n"
    "Makes a cache in a file anew, beside the old one, which it replaces when it is whole: what lives, without the\n"
    "garbage between. With a capacity, with that one: of a smaller file the entries that are used most are kept. Nobody\n"
    "else may have it open. Time to live, flags and versions stay; the counters of hits and misses begin anew.\n"
    "FILE is a path, with a slash in it: ./cache.\n\n"
    "  -c SIZE, --capacity=SIZE   a number of bytes, or with K, M, G, T\n";

struct plan {
    const char *name;
    uint64_t capacity;
};

static struct progress progress;

static bool
parse(int argc, char **argv, struct plan *plan)
{
    *plan = (struct plan){0};
    for (int i = 1; i < argc; i++) {
        const char *size = shared_capacity(argc, argv, &i);
        if (size != NULL ? !text_bytes(size, &plan->capacity) || plan->capacity == 0 : argv[i][0] == '-' || plan->name != NULL)
            return false;
        if (size == NULL)
            plan->name = argv[i];
    }
    return plan->name != NULL && shared_is_file(plan->name);
}

static void
on_progress(uint64_t done, uint64_t total)
{
    progress.total = total;
    progress_show(&progress, done);
}

static const char *
reason(const struct plan *plan, int result)
{
    switch (result) {
    case GYRE_EBUSY:
        return "somebody has it open";
    case GYRE_EFORMAT:
        return plan->capacity != 0 && shared_is_cache(plan->name, result) ? "somebody has it open, or it is of another build of gyre"
                                                                          : shared_reason(plan->name, result);
    case GYRE_EINVAL:
        return plan->capacity != 0 ? "no such capacity: 64K to 4T, and at least eight of its largest values"
                                   : shared_reason(plan->name, result);
    case GYRE_ENOSPC:
        return "no room for another file beside it: it is as it was";
    default:
        return shared_reason(plan->name, result);
    }
}

static void
show_size(const char *group, const char *label, uint64_t before, uint64_t after, bool known)
{
    char text[128] = "";
    if (known)
        snprintf(text, sizeof text, "before: %s", text_size((double)before).s);
    report_row(group, label, text_size((double)after).s, text);
}

static uint64_t
size_of(const char *name)
{
    struct stat s;
    return stat(name, &s) == 0 ? (uint64_t)s.st_blocks * 512 : 0;
}

static int
compact(const struct plan *plan)
{
    gyre *cache;
    gyre_stats before = GYRE_STATS_INIT, after;
    uint64_t bytes = size_of(plan->name);
    bool known = shared_peek(plan->name, &before) == GYRE_OK; /* else it is recovered first */
    gyre_options options = shared_options(plan->name, GYRE_COMPACT);
    options.capacity_bytes = plan->capacity;
    progress_start(&progress, true, "compact", "entries", 0);
    gy_carry_progress = on_progress;
    int result = gyre_open(&cache, &options);
    progress_end(&progress);
    if (result != GYRE_OK) {
        tool_error("%s: %s", plan->name, reason(plan, result));
        return TOOL_FAIL;
    }
    bool looked = shared_look(cache, plan->name, &after);
    if (looked) {
        char lost[96];
        snprintf(lost, sizeof lost, "%s did not fit, or were damaged", text_count(after.dropped[GYRE_DROP_NO_ROOM]).s);
        report_row("entries", "kept", text_count(after.recovered_entries).s, after.dropped[GYRE_DROP_NO_ROOM] ? lost : "");
        show_size("memory", "capacity", before.capacity_bytes, after.capacity_bytes, known);
        show_size("", "live", before.live_bytes, after.live_bytes, known);
        show_size("", "garbage", before.garbage_bytes, after.garbage_bytes, known);
        show_size("", "free", before.free_bytes, after.free_bytes, known);
        show_size("file", "on the disk", bytes, size_of(plan->name), true);
    }
    gyre_close(cache);
    return tool_flush() && looked ? TOOL_OK : TOOL_FAIL;
}

static int
run(int argc, char **argv)
{
    struct plan plan;
    if (!parse(argc, argv, &plan)) {
        tool_error("compact takes the path of one file, with a slash in it; gyre help compact");
        return TOOL_USAGE;
    }
    return compact(&plan);
}

const struct tool_command tool_compact = {"compact", "make a cache in a file anew, without holes, or with another capacity",
                                          HELP, run};

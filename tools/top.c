/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre top: a line a second of what is going on in a cache in shared memory or a file, until it is interrupted or the cache is gone. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared.h"
#include "text.h"
#include "ticks.h"
#include "tool.h"

enum { HEAD_EVERY = 20, BAR = 20 };

static const char HELP[] =
    "usage: gyre top [-i SECONDS] [-n LINES] NAME\n\n"
    "Shows what is going on in a cache in shared memory or a file, a line for each interval:\n"
    "lookups, the share of them that hit, puts and evictions a second; entries; how full it is;\n"
    "processes and threads that have it open; pins, and how long the oldest has been held. Ends\n"
    "when it is interrupted, or when the cache's name has been removed. A file's NAME is its path,\n"
    "with a slash in it: ./cache.\n\n"
    "  -i SECONDS   the interval, 0.1 to 3600 (1)\n"
    "  -n LINES     so many lines, and no more\n";

struct plan {
    const char *name;
    double interval;
    uint64_t lines; /* 0: no limit */
};

static bool
parse(int argc, char **argv, struct plan *plan)
{
    *plan = (struct plan){.interval = 1};
    for (int i = 1; i < argc; i++) {
        char *end;
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "-i") == 0 && more) {
            plan->interval = strtod(argv[++i], &end);
            if (*end != '\0' || !(plan->interval >= 0.1 && plan->interval <= 3600))
                return false;
        } else if (strcmp(argv[i], "-n") == 0 && more) {
            if (!text_u64(argv[++i], &plan->lines) || plan->lines == 0)
                return false;
        } else if (argv[i][0] == '-' || plan->name != NULL) {
            return false;
        } else {
            plan->name = argv[i];
        }
    }
    return plan->name != NULL;
}

static void
wait_until(double seconds_from_now)
{
    struct timespec left = {.tv_sec = (time_t)seconds_from_now,
                            .tv_nsec = (long)(fmod(seconds_from_now, 1) * 1e9)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static uint64_t
evicted(const gyre_stats *s)
{
    return s->removed[GYRE_CAPACITY] + s->removed[GYRE_ENTRY_LIMIT] + s->removed[GYRE_CONFLICT];
}

/* Counters are summed while others count, and a damaged cache may count backwards. */
static uint64_t
gained(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static struct text
rate(uint64_t gained, double seconds)
{
    return text_count((uint64_t)((double)gained / seconds));
}

static void
line(const gyre_stats *now, const gyre_stats *before, double seconds)
{
    uint64_t hits = gained(now->hits, before->hits), lookups = hits + gained(now->misses, before->misses);
    char ratio[16] = "-", full[BAR + 1];
    if (lookups)
        snprintf(ratio, sizeof ratio, "%.1f", 100 * (double)hits / (double)lookups);
    double part = now->capacity_bytes ? (double)now->live_bytes / (double)now->capacity_bytes : 0;
    for (unsigned i = 0; i < BAR; i++)
        full[i] = i < (unsigned)(part * BAR + 0.5) ? '#' : '.';
    full[BAR] = '\0';
    printf("%12s %6s %12s %12s %12s  %s %5u %7u %6u %8.1f\n",
           rate(lookups, seconds).s, ratio, rate(gained(now->puts, before->puts), seconds).s,
           rate(gained(evicted(now), evicted(before)), seconds).s,
           text_count(now->entries).s, full, now->processes, now->threads, now->pins, (double)now->oldest_pin_ms / 1e3);
}

static int
watch(gyre *cache, const struct plan *plan)
{
    gyre_stats before, now;
    uint64_t start = clock_ns();
    if (!shared_look(cache, plan->name, &before))
        return TOOL_FAIL;
    for (uint64_t n = 0; plan->lines == 0 || n < plan->lines; n++) {
        if (n % HEAD_EVERY == 0)
            printf("%12s %6s %12s %12s %12s  %-*s %5s %7s %6s %8s\n", "lookups/s", "hit %", "puts/s", "evicted/s", "entries",
                   BAR, "live bytes", "procs", "threads", "pins", "oldest s");
        if (!tool_flush())
            return TOOL_FAIL;
        wait_until(plan->interval);
        uint64_t end = clock_ns();
        if (!shared_look(cache, plan->name, &now))
            return TOOL_FAIL;
        line(&now, &before, (double)(end - start) / 1e9);
        if (now.unlinked) {
            tool_flush();
            tool_error("%s: its name has been removed", plan->name);
            return TOOL_FAIL;
        }
        before = now, start = end;
    }
    return tool_flush() ? TOOL_OK : TOOL_FAIL;
}

static int
run(int argc, char **argv)
{
    struct plan plan;
    if (!parse(argc, argv, &plan)) {
        tool_error("top takes the name of one cache; gyre help top");
        return TOOL_USAGE;
    }
    gyre *cache = shared_attach(plan.name);
    if (cache == NULL)
        return TOOL_FAIL;
    int status = watch(cache, &plan);
    gyre_close(cache);
    return status;
}

const struct tool_command tool_top = {"top", "watch a cache in shared memory or a file", HELP, run};

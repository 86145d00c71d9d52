/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre check: is a cache in shared memory or a file whole? The looking is done by inspect.c; this tells of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect.h"
#include "progress.h"
#include "report.h"
#include "shared.h"
#include "text.h"
#include "tool.h"

enum { WHOLE = TOOL_OK, DAMAGED = 1, NOT_CHECKED = 3, FAULTS_MOST = 100 };

static const char HELP[] =
    "usage: gyre check [--json] NAME\n\n"
    "Examines a cache in shared memory or a file: head, index, entries, arenas, history, and what processes\n"
    "hold. Opens it without the right to write: nothing is changed, nobody waits, and others may go\n"
    "on using it. What looks wrong is looked at again, and told only if it stays as it is. That a\n"
    "process has died is no damage. Says which format it has, and which ones this build reads.\n\n"
    "  --json   one line of JSON, numbers in bytes\n\n"
    "Exit status: 0 it is whole; 1 it is damaged; 2 called wrongly; 3 it could not be examined.\n";

struct fault {
    char place[INSPECT_TEXT], what[INSPECT_TEXT];
};

struct check {
    const char *name;
    struct inspect_report report;
    gyre_stats stats; /* for ages */
    struct progress progress;
    struct fault fault[FAULTS_MOST]; /* the first ones */
};

static void
on_fault(void *arg, const char *place, const char *what)
{
    struct check *check = arg;
    uint64_t n = check->report.faults - 1;
    if (n >= FAULTS_MOST)
        return;
    snprintf(check->fault[n].place, sizeof check->fault[n].place, "%s", place);
    snprintf(check->fault[n].what, sizeof check->fault[n].what, "%s", what);
}

static void
on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct check *check = arg;
    check->progress.total = total;
    progress_show(&check->progress, done);
}

/* ---- for people -------------------------------------------------------------------------------------------- */

static void
row_size(const char *group, const char *label, uint64_t bytes, const char *note)
{
    report_row(group, label, text_size((double)bytes).s, note);
}

static void
row_count(const char *group, const char *label, uint64_t n, const char *note)
{
    report_row(group, label, text_count(n).s, note);
}

static void
show_table(const struct inspect_report *r, const gyre_stats *stats)
{
    const char *group = "arenas";
    char dead[96] = "";
    char format[32];
    snprintf(format, sizeof format, "%u.%u", r->format, r->minor);
    report_row("head", "format", format, shared_formats());
    row_count("index", "buckets", r->buckets, "");
    row_count("", "words", r->words, "each with its entry");
    row_count("", "of leases", r->leases, "");
    row_count("", "in the making", r->tentative, "");
    for (unsigned state = 0; state < INSPECT_STATES; state++)
        if (r->arenas[state] != 0) {
            row_count(group, inspect_states[state], r->arenas[state], "");
            group = "";
        }
    if (r->holed != 0)
        row_count("", "not walked", r->holed, "written to, or a writer died inside");
    row_count("entries", "in arenas", r->entries, "with those that have gone");
    row_size("", "written", r->entry_bytes, "");
    row_size("", "live", r->live_bytes, "words refer to them");
    row_size("", "lost", r->lost_bytes, "of drafts and of the dead, until they are swept");
    row_count("history", "buckets", r->history_buckets, "");
    row_count("", "keys", r->remembered, "");
    if (r->members_dead != 0)
        snprintf(dead, sizeof dead, "%s dead, to be cleared up after", text_count(r->members_dead).s);
    row_count("users", "processes", r->members, dead);
    row_count("", "records", r->records, "");
    row_count("", "pins", r->pins, "");
    shared_show_oldest(stats);
}

static void
show(const struct check *check)
{
    const struct inspect_report *r = &check->report;
    if (r->buckets != 0)
        show_table(r, &check->stats);
    if (r->moving != 0)
        printf("%s places changed faster than they could be looked at\n", text_count(r->moving).s);
    if (r->behind)
        printf("processes have died: some numbers are to be brought up to date, and were not compared\n");
    else if (r->written)
        printf("it was written to meanwhile: the numbers that it keeps of its entries were not compared\n");
    for (uint64_t n = 0; n < r->faults && n < FAULTS_MOST; n++)
        printf("FAULT    %s: %s\n", check->fault[n].place, check->fault[n].what);
    if (r->faults > FAULTS_MOST)
        printf("         and %s more\n", text_count(r->faults - FAULTS_MOST).s);
    printf("%s is %s: %s fault%s\n", check->name, r->faults ? "damaged" : "whole", text_count(r->faults).s,
           r->faults == 1 ? "" : "s");
}

/* ---- for programs -------------------------------------------------------------------------------------------- */

static void
show_json(const struct check *check)
{
    const struct inspect_report *r = &check->report;
    const struct {
        const char *name;
        uint64_t value;
    } field[] = {{"faults", r->faults}, {"moving", r->moving}, {"buckets", r->buckets}, {"words", r->words},
                 {"leases", r->leases}, {"tentative", r->tentative}, {"arenas_not_walked", r->holed}, {"entries", r->entries},
                 {"written_bytes", r->entry_bytes}, {"live_bytes", r->live_bytes}, {"lost_bytes", r->lost_bytes},
                 {"history_buckets", r->history_buckets}, {"history_keys", r->remembered}, {"processes", r->members},
                 {"processes_dead", r->members_dead}, {"records", r->records}, {"pins", r->pins},
                 {"oldest_section_ms", check->stats.oldest_section_ms}, {"oldest_pin_ms", check->stats.oldest_pin_ms}};
    fputs("{\"name\":\"", stdout);
    text_json(stdout, check->name);
    printf("\",\"format\":\"%u.%u", r->format, r->minor);
    printf("\",\"whole\":%s,\"numbers_compared\":%s", r->faults ? "false" : "true",
           r->written || r->behind ? "false" : "true");
    for (size_t i = 0; i < sizeof field / sizeof field[0]; i++)
        printf(",\"%s\":%llu", field[i].name, (unsigned long long)field[i].value);
    fputs(",\"arenas\":{", stdout);
    for (unsigned state = 0; state < INSPECT_STATES; state++)
        printf("%s\"%s\":%llu", state ? "," : "", inspect_states[state], (unsigned long long)r->arenas[state]);
    fputs("},\"first_faults\":[", stdout);
    for (uint64_t n = 0; n < r->faults && n < FAULTS_MOST; n++)
        printf("%s{\"place\":\"%s\",\"what\":\"%s\"}", n ? "," : "", check->fault[n].place, check->fault[n].what);
    puts("]}");
}

/* GYRE_OK, or why it could not be examined. */
static int
examine(struct check *check)
{
    gyre *cache;
    char path[GY_PATH_BYTES];
    int result = shared_open(check->name, &cache);
    bool refused = result == GYRE_ECORRUPT || (result == GYRE_ENOENT && shared_is_file(check->name));
    if (refused && shared_path(path, check->name)) {
        int examined = inspect_head(path, &check->report);
        return examined == GYRE_OK && check->report.faults == 0 ? result : examined;
    }
    if (result != GYRE_OK)
        return result;
    progress_start(&check->progress, true, "check", "lines", 0);
    result = inspect_cache(cache, &check->report);
    progress_end(&check->progress);
    check->stats = (gyre_stats)GYRE_STATS_INIT;
    if (result == GYRE_OK)
        result = gyre_stats_read(cache, &check->stats);
    gyre_close(cache);
    return result;
}

static int
run(int argc, char **argv)
{
    static struct check check; /* large */
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    if (argc != 2 + json || argv[1 + json][0] == '-') {
        tool_error("check takes the name of one cache; gyre help check");
        return TOOL_USAGE;
    }
    check.name = argv[1 + json];
    check.report = (struct inspect_report){.fault = on_fault, .progress = on_progress, .arg = &check};
    int result = examine(&check);
    if (result != GYRE_OK) {
        tool_error("%s: %s", check.name, shared_reason(check.name, result));
        return NOT_CHECKED;
    }
    if (json)
        show_json(&check);
    else
        show(&check);
    if (!tool_flush())
        return NOT_CHECKED;
    return check.report.faults ? DAMAGED : WHOLE;
}

const struct tool_command tool_check = {"check", "examine a cache in shared memory or a file: is it whole?", HELP, run};

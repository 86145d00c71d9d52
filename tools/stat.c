/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre stat: what a shared cache holds, where its bytes are, who uses it, and who holds what for how long. */

#include <stdio.h>
#include <string.h>

#include "report.h"
#include "shared.h"
#include "text.h"
#include "tool.h"

enum { BAR = 30 };

static const char HELP[] =
    "usage: gyre stat [--json] NAME\n\n"
    "Shows a cache in shared memory: entries and lookups, where its bytes are, the processes\n"
    "that have it open, who maintains it, and the oldest section and pin, with whose they are.\n"
    "Opens it without the right to write: nothing is changed, and nobody waits.\n\n"
    "  --json   one line of JSON, numbers in bytes and milliseconds\n";

static struct text
bar(uint64_t part, uint64_t whole)
{
    struct text out = {""};
    unsigned n = whole ? (unsigned)((double)part / (double)whole * BAR + 0.5) : 0;
    for (unsigned i = 0; i < n && i < BAR; i++)
        out.s[i] = '#';
    return out;
}

static void
show_lookups(const gyre_stats *s)
{
    char ratio[32];
    snprintf(ratio, sizeof ratio, "%.2f %%", (double)s->hit_rate_ppm / 1e4);
    report_row("entries", "now", text_count(s->entries).s, "");
    report_row("lookups", "hits", text_count(s->hits).s, "");
    report_row("", "misses", text_count(s->misses).s, "");
    report_row("", "hit ratio", ratio, "");
    report_row("writes", "puts", text_count(s->puts).s, "");
    report_row("", "rejected", text_count(s->puts_rejected).s, "");
    report_row("", "deletes", text_count(s->deletes).s, "");
    report_row("", "leases", text_count(s->leases).s, "");
    for (unsigned i = 0; i < REPORT_REASONS; i++)
        if (s->removed[i])
            report_row("removed", report_reasons[i], text_count(s->removed[i]).s, "");
}

static void
show_memory(const gyre_stats *s)
{
    const struct {
        const char *name;
        uint64_t bytes;
    } part[] = {{"live", s->live_bytes}, {"garbage", s->garbage_bytes}, {"being filled", s->open_bytes},
                {"free", s->free_bytes}, {"index", s->index_bytes}};
    report_row("memory", "capacity", text_size((double)s->capacity_bytes).s, "");
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
        report_row("", part[i].name, text_size((double)part[i].bytes).s, bar(part[i].bytes, s->capacity_bytes).s);
    report_row("", "pinned", text_size((double)s->pinned_bytes).s, "arenas that views and drafts hold");
    report_row("", "tables", text_size((double)s->table_bytes).s, "beside the capacity");
}

static void
show_users(const gyre_stats *s)
{
    char maintainer[48] = "";
    if (s->maintainer_pid)
        snprintf(maintainer, sizeof maintainer, "process %u maintains it", s->maintainer_pid);
    report_row("users", "processes", text_count(s->processes).s, maintainer);
    if (s->expelled)
        report_row("", "expelled", text_count(s->expelled).s, "given up, and not gone yet");
    report_row("", "threads", text_count(s->threads).s, "");
    report_row("", "pins", text_count(s->pins).s, "");
    shared_show_oldest(s);
    report_row("work", "sweeps", text_count(s->sweeps).s, "");
    report_row("", "growths", text_count(s->growths).s, "");
    report_row("", "grace periods", text_count(s->grace_periods).s, "");
}

static void
show_json(const char *name, const gyre_stats *s)
{
    const struct {
        const char *name;
        uint64_t value;
    } field[] = {
        {"entries", s->entries}, {"hits", s->hits}, {"misses", s->misses}, {"puts", s->puts},
        {"puts_rejected", s->puts_rejected}, {"deletes", s->deletes}, {"touches", s->touches},
        {"leases", s->leases}, {"leases_passed", s->leases_passed}, {"stale_values", s->stale_values},
        {"capacity_bytes", s->capacity_bytes}, {"live_bytes", s->live_bytes}, {"garbage_bytes", s->garbage_bytes},
        {"open_bytes", s->open_bytes}, {"free_bytes", s->free_bytes}, {"index_bytes", s->index_bytes},
        {"pinned_bytes", s->pinned_bytes}, {"table_bytes", s->table_bytes}, {"processes", s->processes},
        {"expelled", s->expelled},
        {"threads", s->threads}, {"pins", s->pins}, {"maintainer_pid", s->maintainer_pid},
        {"oldest_section_ms", s->oldest_section_ms}, {"oldest_section_pid", s->oldest_section_pid},
        {"oldest_section_tid", s->oldest_section_tid}, {"oldest_pin_ms", s->oldest_pin_ms},
        {"oldest_pin_pid", s->oldest_pin_pid}, {"oldest_pin_tid", s->oldest_pin_tid}, {"sweeps", s->sweeps},
        {"copied_bytes", s->copied_bytes}, {"growths", s->growths}, {"grace_periods", s->grace_periods},
        {"vanished", s->vanished}, {"unlinked", s->unlinked}};
    fputs("{\"name\":\"", stdout);
    text_json(stdout, name);
    putchar('"');
    for (size_t i = 0; i < sizeof field / sizeof field[0]; i++)
        printf(",\"%s\":%llu", field[i].name, (unsigned long long)field[i].value);
    fputs(",\"removed\":{", stdout);
    for (unsigned i = 0; i < REPORT_REASONS; i++)
        printf("%s\"%s\":%llu", i ? "," : "", report_reasons[i], (unsigned long long)s->removed[i]);
    puts("}}");
}

static int
run(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    if (argc != 2 + json || argv[1 + json][0] == '-') {
        tool_error("stat takes the name of one cache; gyre help stat");
        return TOOL_USAGE;
    }
    const char *name = argv[1 + json];
    gyre *cache = shared_attach(name);
    if (cache == NULL)
        return TOOL_FAIL;
    gyre_stats stats;
    bool seen = shared_look(cache, name, &stats);
    gyre_close(cache);
    if (!seen)
        return TOOL_FAIL;
    if (json) {
        show_json(name, &stats);
    } else {
        show_lookups(&stats);
        show_memory(&stats);
        show_users(&stats);
    }
    return tool_flush() ? TOOL_OK : TOOL_FAIL;
}

const struct tool_command tool_stat = {"stat", "show what a cache in shared memory holds, and who uses it", HELP, run};

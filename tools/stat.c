/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre stat: what a shared cache or a file holds, where its bytes are, who uses it, and who holds what for how long. */

#include <stdio.h>
#include <string.h>

#include "cache.h"
#include "report.h"
#include "shared.h"
#include "text.h"
#include "tool.h"

enum { BAR = 30 };

static const char HELP[] =
    "usage: gyre stat [--json] NAME\n\n"
    "Shows a cache in shared memory or a file: entries and lookups, where its bytes are, the\n"
    "processes that have it open, who maintains it, and the oldest section and pin, with whose they\n"
    "are; of a file, also what is on the disk. Opens it without the right to write: nothing is\n"
    "changed, and nobody waits. A file's NAME is its path, with a slash in it: ./cache.\n\n"
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

/* What gyre_open found. */
static const char *
start_name(uint32_t start)
{
    static const char *const names[] = {[GYRE_START_NEW] = "new", [GYRE_START_WARM] = "warm",
                                        [GYRE_START_RECOVERED] = "recovered", [GYRE_START_EMPTIED] = "emptied",
                                        [GYRE_START_RESIZED] = "resized"};
    return start < sizeof names / sizeof names[0] ? names[start] : "unknown";
}

/* What a file says of itself. */
struct of_file {
    bool clean;     /* all who had it open have closed it, and it is whole on the disk */
    bool checksums; /* its entries prove themselves */
};

static struct of_file
look_at_file(const gyre *cache)
{
    bool clean = gy_load_acq(&cache->super->life.clean) == 1; /* its partner: the release of who closed it last */
    return (struct of_file){.clean = clean, .checksums = cache->g.proof_bytes != 0};
}

static const char *const drops[] = {[GYRE_DROP_UNPROVED] = "unproved", [GYRE_DROP_OLDER] = "older",
                                    [GYRE_DROP_NO_ROOM] = "no_room"};

/* If it ever had to be recovered. */
static void
show_recovery(const gyre_stats *s)
{
    static const char *const why[] = {[GYRE_DROP_UNPROVED] = "did not prove themselves", [GYRE_DROP_OLDER] = "were older versions",
                                      [GYRE_DROP_NO_ROOM] = "had no room in the index"};
    if (s->recovered_entries > 0)
        report_row("", "recovered", text_count(s->recovered_entries).s, "entries were kept");
    for (unsigned i = 0; i < GYRE_DROPS; i++)
        if (s->dropped[i] > 0)
            report_row("", "dropped", text_count(s->dropped[i]).s, why[i]);
    if (s->recovering)
        report_row("", "unread", text_size((double)s->recovering_bytes).s, "arenas that are to be read yet, in the background");
}

static void
show_file(const gyre_stats *s, struct of_file file)
{
    const char *not_closed = file.checksums ? "not closed by all: recovered if the machine stops now, as far as it is on the disk"
                                            : "not closed by all, and without checksums: emptied if the machine stops now";
    char age[32] = "none";
    if (s->syncs > 0)
        snprintf(age, sizeof age, "%.1f s ago", (double)s->sync_age_ms / 1e3);
    report_row("file", "found", start_name(s->start), file.clean ? "closed by all, and on the disk" : not_closed);
    show_recovery(s);
    report_row("", "last sync", age, "");
    report_row("", "pending", text_size((double)s->pending_bytes).s, "arenas written to since: at most so much is not on the disk");
    report_row("", "syncs", text_count(s->syncs).s, "");
    report_row("", "failed", text_count(s->sync_errors).s,
               s->sync_errors ? "it is no longer kept over a stop of the machine: remove it, and make it anew" : "");
}

static void
show_json(const char *name, const gyre_stats *s, struct of_file file)
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
    const struct {
        const char *name;
        uint64_t value;
    } its[] = {{"syncs", s->syncs}, {"sync_errors", s->sync_errors}, {"sync_age_ms", s->sync_age_ms},
                   {"pending_bytes", s->pending_bytes}, {"recovered_entries", s->recovered_entries},
                   {"recovering_bytes", s->recovering_bytes}};
    fputs("{\"name\":\"", stdout);
    text_json(stdout, name);
    printf("\",\"file\":%s", shared_is_file(name) ? "true" : "false");
    if (shared_is_file(name)) {
        printf(",\"start\":\"%s\",\"clean\":%s,\"checksums\":%s", start_name(s->start), file.clean ? "true" : "false",
               file.checksums ? "true" : "false");
        for (size_t i = 0; i < sizeof its / sizeof its[0]; i++)
            printf(",\"%s\":%llu", its[i].name, (unsigned long long)its[i].value);
        for (unsigned i = 0; i < GYRE_DROPS; i++)
            printf(",\"dropped_%s\":%llu,\"dropped_%s_bytes\":%llu", drops[i], (unsigned long long)s->dropped[i], drops[i],
                   (unsigned long long)s->dropped_bytes[i]);
    }
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
    struct of_file file = look_at_file(cache);
    gyre_close(cache);
    if (!seen)
        return TOOL_FAIL;
    if (json) {
        show_json(name, &stats, file);
    } else {
        show_lookups(&stats);
        show_memory(&stats);
        if (shared_is_file(name))
            show_file(&stats, file);
        show_users(&stats);
    }
    return tool_flush() ? TOOL_OK : TOOL_FAIL;
}

const struct tool_command tool_stat = {"stat", "show what a cache in shared memory or a file holds, and who uses it", HELP, run};

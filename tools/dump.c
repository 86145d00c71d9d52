/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre dump: all entries of a cache, as a stream. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"
#include "shared.h"
#include "stream.h"
#include "text.h"
#include "tool.h"

static const char HELP[] =
    "usage: gyre dump [--text] [-o OUT] NAME\n\n"
    "Writes every entry of a cache in a file or in shared memory on standard output: key, value, flags,\n"
    "version, and the time it has left. gyre load reads it. Others may go on using the cache; what is put or\n"
    "removed meanwhile may be there or not. A file's NAME is its path, with a slash in it: ./cache.\n\n"
    "  -o OUT   to this file; one that exists is written over, but no cache\n"
    "  --text   a line of JSON for each entry, for people: gyre load does not read it\n";

struct plan {
    const char *name, *out;
    bool text;
};

struct dump {
    FILE *out;
    bool text, failed;
    uint64_t entries, start_ms;
    struct progress progress;
    char *line; /* of text: a key or a value, with a 0 at its end */
    size_t room;
};

static bool
parse(int argc, char **argv, struct plan *plan)
{
    *plan = (struct plan){0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-o") == 0 && i + 1 < argc)
            plan->out = argv[++i];
        else if (strcmp(argv[i], "--text") == 0)
            plan->text = true;
        else if (argv[i][0] == '-' || plan->name != NULL)
            return false;
        else
            plan->name = argv[i];
    }
    return plan->name != NULL;
}

static uint64_t
now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* As text, where it is text and nothing else; else in hexadecimal digits, under a name that says so. */
static bool
write_text(struct dump *dump, const char *name, const unsigned char *bytes, size_t n)
{
    if (n + 1 > dump->room) {
        char *line = realloc(dump->line, 2 * n + 1);
        if (line == NULL)
            return false;
        dump->line = line, dump->room = 2 * n + 1;
    }
    if (n > 0)
        memcpy(dump->line, bytes, n);
    dump->line[n] = '\0';
    bool plain = strlen(dump->line) == n && text_printable(dump->line);
    fprintf(dump->out, "\"%s%s\":\"", name, plain ? "" : "_hex");
    if (plain)
        text_json(dump->out, dump->line);
    for (size_t i = 0; i < n && !plain; i++)
        fprintf(dump->out, "%02x", bytes[i]);
    fputc('"', dump->out);
    return true;
}

static bool
write_line(struct dump *dump, const struct stream_record *r, const void *key, const void *value)
{
    fputc('{', dump->out);
    bool fine = write_text(dump, "key", key, r->key_bytes);
    if (r->ttl_left_ms != 0)
        fprintf(dump->out, ",\"ttl_left_ms\":%llu", (unsigned long long)r->ttl_left_ms);
    if (r->user_flags != 0)
        fprintf(dump->out, ",\"user_flags\":%u", r->user_flags);
    if (r->version != 0)
        fprintf(dump->out, ",\"version\":%llu", (unsigned long long)r->version);
    fputc(',', dump->out);
    fine = fine && write_text(dump, "value", value, r->value_bytes);
    fputs("}\n", dump->out);
    return fine && !ferror(dump->out);
}

static int
visit(void *arg, const void *key, size_t key_size, const gyre_view *view)
{
    struct dump *dump = arg;
    struct stream_record r = {.kind = STREAM_ENTRY, .key_bytes = (uint32_t)key_size, .value_bytes = (uint32_t)view->size,
                              .user_flags = view->user_flags, .version = view->version};
    if (view->ttl_left_ms != 0) /* all of one moment */
        r.ttl_left_ms = view->ttl_left_ms + (now_ms(CLOCK_MONOTONIC) - dump->start_ms);
    bool wrote = dump->text ? write_line(dump, &r, key, view->data) : stream_write_entry(dump->out, &r, key, view->data);
    dump->failed = !wrote;
    if (wrote)
        progress_show(&dump->progress, ++dump->entries);
    return dump->failed;
}

static bool
write_all(struct dump *dump, gyre *cache, const char *name)
{
    gyre_stats stats;
    if (!shared_look(cache, name, &stats))
        return false;
    uint64_t made_ms = now_ms(CLOCK_REALTIME);
    dump->start_ms = now_ms(CLOCK_MONOTONIC);
    uint32_t flags = shared_has_versions(cache) ? STREAM_VERSIONS : 0;
    progress_start(&dump->progress, true, "dump", "entries", stats.entries);
    dump->failed = !dump->text && !stream_write_head(dump->out, made_ms, flags);
    int result = dump->failed ? GYRE_OK : gyre_scan(cache, visit, dump);
    if (!dump->failed && result == GYRE_OK && !dump->text)
        dump->failed = !stream_write_end(dump->out, dump->entries);
    int error = errno; /* of what failed */
    progress_end(&dump->progress);
    errno = error;
    if (!dump->failed && result != GYRE_OK)
        tool_error("%s: %s", name, gyre_strerror(result));
    return !dump->failed && result == GYRE_OK;
}

/* What was for one user's eyes in the cache stays so. */
static FILE *
open_out(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd >= 0 ? fdopen(fd, "wb") : NULL;
}

static bool
close_out(struct dump *dump, const struct plan *plan)
{
    int error = dump->failed ? errno : 0; /* before another call changes it */
    bool closed = plan->out != NULL ? fclose(dump->out) == 0 : fflush(dump->out) == 0;
    if (closed && !dump->failed)
        return true;
    tool_error("%s: %s", plan->out ? plan->out : "standard output", strerror(error ? error : errno));
    return false;
}

static bool
dump_to(struct dump *dump, const struct plan *plan)
{
    gyre *cache;
    gyre_options options = shared_options(plan->name, 0);
    if (plan->out != NULL && shared_leads_to_cache(plan->out)) {
        tool_error("%s: a cache, which is not written over", plan->out);
        return false;
    }
    int result = gyre_open(&cache, &options);
    if (result != GYRE_OK) {
        tool_error("%s: %s", plan->name, shared_reason(plan->name, result));
        return false;
    }
    dump->out = plan->out ? open_out(plan->out) : stdout;
    bool fine = dump->out != NULL;
    if (!fine) {
        tool_error("%s: %s", plan->out, strerror(errno));
    } else {
        fine = write_all(dump, cache, plan->name);
        fine = close_out(dump, plan) && fine;
    }
    free(dump->line);
    gyre_close(cache);
    return fine;
}

static int
run(int argc, char **argv)
{
    struct plan plan;
    if (!parse(argc, argv, &plan)) {
        tool_error("dump takes the name of one cache; gyre help dump");
        return TOOL_USAGE;
    }
    if (plan.out == NULL && !plan.text && isatty(STDOUT_FILENO)) {
        tool_error("a dump is not for a terminal: -o FILE, or --text");
        return TOOL_USAGE;
    }
    struct dump dump = {.text = plan.text};
    return dump_to(&dump, &plan) ? TOOL_OK : TOOL_FAIL;
}

const struct tool_command tool_dump = {"dump", "write all entries of a cache as a stream", HELP, run};

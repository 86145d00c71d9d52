/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre load: puts the entries of a dump into a cache. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "progress.h"
#include "report.h"
#include "shared.h"
#include "stream.h"
#include "text.h"
#include "tool.h"

static const char HELP[] =
    "usage: gyre load [-c SIZE] NAME [DUMP]\n\n"
    "Puts the entries of a dump, from a file or standard input, into a cache in a file or in shared memory. Those\n"
    "that are in the cache already are replaced. Entries have the time left that they had when the dump was made,\n"
    "less what has passed since. A file's NAME is its path, with a slash in it: ./cache.\n\n"
    "  -c SIZE, --capacity=SIZE   makes the cache if there is none; a file of another size that nobody has\n"
    "                             open gets this one. A number of bytes, or with K, M, G, T\n\n"
    "What is damaged ends it with status 1; the entries before it were put.\n";

struct plan {
    const char *name, *from;
    uint64_t capacity;
};

struct load {
    struct stream stream;
    struct progress progress;
    uint64_t passed_ms; /* since the dump was made */
    uint64_t loaded, loaded_bytes, too_large, expired, no_room;
};

static bool
parse(int argc, char **argv, struct plan *plan)
{
    *plan = (struct plan){0};
    for (int i = 1; i < argc; i++) {
        const char *size = shared_capacity(argc, argv, &i);
        bool option = argv[i][0] == '-' && argv[i][1] != '\0';
        if (size != NULL ? !text_bytes(size, &plan->capacity) || plan->capacity == 0 : option || plan->from != NULL)
            return false;
        if (size == NULL)
            *(plan->name ? &plan->from : &plan->name) = argv[i];
    }
    return plan->name != NULL && strcmp(plan->name, "-") != 0;
}

static uint64_t
wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* One that exists, as it is but for its capacity; else one like that of the dump. */
static int
open_cache(const struct plan *plan, const struct stream *stream, gyre **cache)
{
    gyre_options options = shared_options(plan->name, 0);
    options.capacity_bytes = plan->capacity;
    int result = gyre_open(cache, &options);
    if (result != GYRE_ENOENT || plan->capacity == 0)
        return result;
    options.flags |= GYRE_CREATE | (stream->head.flags & STREAM_VERSIONS ? GYRE_VERSIONS : 0);
    options.mode = 0600;
    return gyre_open(cache, &options);
}

static const char *
open_reason(const struct plan *plan, int result)
{
    if (result == GYRE_ENOENT && plan->capacity == 0)
        return "there is none: --capacity=SIZE makes one";
    if (result == GYRE_EFORMAT && plan->capacity != 0 && shared_is_cache(plan->name, result))
        return "its capacity is another, and somebody has it open, or it is in shared memory; or it is of another build of gyre";
    if (result == GYRE_EINVAL && plan->capacity != 0)
        return "no name of a cache, or no such capacity: 64K to 4T, and at least eight of its largest values";
    return shared_reason(plan->name, result);
}

/* GYRE_OK, or an error that is not this entry's alone. */
static int
load_entry(struct load *load, gyre *cache)
{
    enum { TTL_MOST = GYRE_NO_TTL - 1 };
    const struct stream_record *r = &load->stream.record;
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    options.user_flags = r->user_flags;
    options.ttl_ms = GYRE_NO_TTL; /* whatever this cache's default is */
    if (r->ttl_left_ms != 0 && r->ttl_left_ms <= load->passed_ms) {
        load->expired++;
        return GYRE_OK;
    }
    if (r->ttl_left_ms != 0) {
        uint64_t left = r->ttl_left_ms - load->passed_ms;
        options.ttl_ms = left < TTL_MOST ? (uint32_t)left : TTL_MOST;
    }
    int result = gyre_put(cache, load->stream.buffer, r->key_bytes, load->stream.buffer + r->key_bytes, r->value_bytes, &options);
    load->loaded += result == GYRE_OK;
    load->loaded_bytes += result == GYRE_OK ? (uint64_t)r->key_bytes + r->value_bytes : 0;
    load->too_large += result == GYRE_E2BIG;
    load->no_room += result == GYRE_EBUSY;
    return result == GYRE_E2BIG || result == GYRE_EBUSY ? GYRE_OK : result;
}

static int
load_all(struct load *load, gyre *cache, uint64_t total)
{
    uint64_t now = wall_ms(), made = load->stream.head.made_ms;
    int result = GYRE_OK;
    load->passed_ms = now > made ? now - made : 0;
    progress_start(&load->progress, true, "load", "bytes", total);
    while (result == GYRE_OK && stream_next(&load->stream)) {
        result = load_entry(load, cache);
        progress_show(&load->progress, load->stream.bytes);
    }
    progress_end(&load->progress);
    return result;
}

static void
show(const struct load *load, gyre *cache)
{
    gyre_stats stats = GYRE_STATS_INIT;
    gyre_stats_read(cache, &stats);
    report_row("loaded", "entries", text_count(load->loaded).s, "");
    report_row("", "bytes", text_size((double)load->loaded_bytes).s, "keys and values");
    if (load->too_large != 0)
        report_row("refused", "too large", text_count(load->too_large).s, "");
    if (load->no_room != 0)
        report_row("refused", "no room", text_count(load->no_room).s, "all of it is held by processes");
    if (load->expired != 0)
        report_row("refused", "expired", text_count(load->expired).s, "");
    report_row("cache", "entries", text_count(stats.entries).s,
               stats.entries < load->loaded ? "others were evicted: the capacity is too small for all" : "");
}

static uint64_t
size_of(FILE *in)
{
    struct stat s;
    return fstat(fileno(in), &s) == 0 && S_ISREG(s.st_mode) ? (uint64_t)s.st_size : 0;
}

static int
load_into(struct load *load, const struct plan *plan, FILE *in, const char *from)
{
    gyre *cache;
    if (!stream_begin(&load->stream, in)) {
        tool_error("%s: %s; nothing was loaded", from, load->stream.error);
        return TOOL_FAIL;
    }
    int result = open_cache(plan, &load->stream, &cache);
    if (result != GYRE_OK) {
        tool_error("%s: %s", plan->name, open_reason(plan, result));
        return TOOL_FAIL;
    }
    result = load_all(load, cache, size_of(in));
    if (result == GYRE_OK && shared_is_file(plan->name))
        result = gyre_sync(cache);
    show(load, cache);
    gyre_close(cache);
    bool flushed = tool_flush();
    if (result != GYRE_OK)
        tool_error("%s: %s", plan->name, gyre_strerror(result));
    if (load->stream.error != NULL)
        tool_error("%s: %s; %llu records before that were read, %llu loaded", from, load->stream.error,
                   (unsigned long long)load->stream.entries, (unsigned long long)load->loaded);
    return flushed && result == GYRE_OK && load->stream.error == NULL ? TOOL_OK : TOOL_FAIL;
}

static int
run(int argc, char **argv)
{
    struct plan plan;
    if (!parse(argc, argv, &plan)) {
        tool_error("load takes the name of one cache, and perhaps a dump; gyre help load");
        return TOOL_USAGE;
    }
    bool standard = plan.from == NULL || strcmp(plan.from, "-") == 0;
    FILE *in = standard ? stdin : fopen(plan.from, "rb");
    if (in == NULL) {
        tool_error("%s: %s", plan.from, strerror(errno));
        return TOOL_FAIL;
    }
    struct load load = {0};
    int status = load_into(&load, &plan, in, standard ? "standard input" : plan.from);
    stream_end(&load.stream);
    if (!standard)
        fclose(in);
    return status;
}

const struct tool_command tool_load = {"load", "put the entries of a dump into a cache", HELP, run};

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "os_object.h"
#include "report.h"
#include "tool.h"

bool
shared_is_file(const char *name)
{
    return name[0] != '\0' && strchr(name + 1, '/') != NULL;
}

const char *
shared_capacity(int argc, char **argv, int *i)
{
    static const char LONG[] = "--capacity=";
    if ((strcmp(argv[*i], "-c") == 0 || strcmp(argv[*i], "--capacity") == 0) && *i + 1 < argc)
        return argv[++*i];
    return strncmp(argv[*i], LONG, sizeof LONG - 1) == 0 ? argv[*i] + sizeof LONG - 1 : NULL;
}

/* Of a file of another machine, too: what another machine has open is not opened here, since it is of another boot. */
gyre_options
shared_options(const char *name, uint32_t flags)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.flags = flags | GYRE_NO_THREAD;
    options.mode = 0666;
    if (shared_is_file(name)) {
        options.file_path = name;
        options.flags |= GYRE_ANY_FILE_SYSTEM;
    } else {
        options.shm_name = name;
    }
    return options;
}

bool
shared_path(char path[GY_PATH_BYTES], const char *name)
{
    return shared_is_file(name) ? gy_region_file_path(path, name) : gy_region_path(path, name);
}

int
shared_open(const char *name, gyre **cache)
{
    gyre_options options = shared_options(name, GYRE_READONLY);
    return gyre_open(cache, &options);
}

/* How a cache begins, of whatever build. */
struct beginning {
    uint64_t magic;
    uint16_t format, minor;
};

static struct beginning
beginning_at(const char *path)
{
    struct beginning b = {0, 0, 0}, read;
    int fd;
    if (gy_os_object_open(path, true, &fd) != GYRE_OK)
        return b;
    if (gy_os_object_read(fd, &read, sizeof read) == GYRE_OK)
        b = read;
    gy_os_object_close(fd);
    return b;
}

static struct beginning
beginning_of(const char *name)
{
    char path[GY_PATH_BYTES];
    return shared_path(path, name) ? beginning_at(path) : (struct beginning){0, 0, 0};
}

static bool
of_cache(struct beginning b)
{
    return b.magic == GY_MAGIC || b.magic == __builtin_bswap64(GY_MAGIC);
}

static bool
begins_as_cache(const char *name)
{
    return of_cache(beginning_of(name));
}

bool
shared_leads_to_cache(const char *path)
{
    char *end = realpath(path, NULL);
    bool is = end != NULL && of_cache(beginning_at(end));
    free(end);
    return is;
}

bool
shared_is_cache(const char *name, int result)
{
    return result == GYRE_OK || result == GYRE_ECORRUPT ||
           ((result == GYRE_EFORMAT || result == GYRE_ENOENT) && begins_as_cache(name));
}

static const char *
file_reason(const char *name, int result)
{
    switch (result) {
    case GYRE_ENOENT: /* gyre_open's answer to one that it would have to recover or empty, too */
        return begins_as_cache(name) ? "it, or what it is a copy of, was open when the machine stopped, or is damaged: "
                                       "the next program that opens it for writing recovers it, or, without checksums, empties it"
                                     : "no such file";
    case GYRE_EINVAL:
        return "no name of a file";
    case GYRE_EPERM:
        return "this user may not open it, or it is no plain file, or has a second name";
    case GYRE_EBUSY:
        return "another process opens or closes it, and does not come to an end";
    default:
        return NULL;
    }
}

/* Which format it has, and which this build reads. */
static const char *
format_reason(const char *name)
{
    static char text[120];
    struct beginning b = beginning_of(name);
    if (!begins_as_cache(name))
        return "no cache";
    if (b.magic != GY_MAGIC)
        return "of a machine of the other byte order";
    bool readable = b.format == GY_FORMAT && b.minor <= GY_FORMAT_MINOR;
    snprintf(text, sizeof text, "of format %u.%u%s%s", b.format, b.minor,
             readable ? ", but of another build of gyre: " : ", and ", shared_formats());
    return text;
}

const char *
shared_formats(void)
{
    static char text[40];
    snprintf(text, sizeof text, "this build reads %u.0 to %u.%u", GY_FORMAT, GY_FORMAT, GY_FORMAT_MINOR);
    return text;
}

const char *
shared_reason(const char *name, int result)
{
    const char *of_file = shared_is_file(name) ? file_reason(name, result) : NULL;
    if (of_file != NULL)
        return of_file;
    switch (result) {
    case GYRE_ENOENT:
        return "no such cache; gyre ls lists them, and files have a slash in their paths: ./NAME";
    case GYRE_EINVAL:
        return "no name of a cache: 1 to 200 of A-Z a-z 0-9 . _ -";
    case GYRE_EPERM:
        return "this user may not open it, or it is no plain file";
    case GYRE_EFORMAT:
        return format_reason(name);
    case GYRE_ECORRUPT:
        return "damaged; gyre check tells where, gyre rm removes it";
    default:
        return gyre_strerror(result);
    }
}

gyre *
shared_attach(const char *name)
{
    gyre *cache;
    int result = shared_open(name, &cache);
    if (result == GYRE_OK)
        return cache;
    tool_error("%s: %s", name, shared_reason(name, result));
    return NULL;
}

bool
shared_look(gyre *cache, const char *name, gyre_stats *stats)
{
    *stats = (gyre_stats)GYRE_STATS_INIT;
    int result = gyre_stats_read(cache, stats);
    if (result != GYRE_OK)
        tool_error("%s: %s", name, gyre_strerror(result));
    return result == GYRE_OK;
}

bool
shared_has_versions(const gyre *cache)
{
    return (cache->g.flags & GYRE_VERSIONS) != 0;
}

int
shared_peek(const char *name, gyre_stats *stats)
{
    gyre *cache;
    int result = shared_open(name, &cache);
    if (result != GYRE_OK)
        return result;
    *stats = (gyre_stats)GYRE_STATS_INIT;
    result = gyre_stats_read(cache, stats);
    gyre_close(cache);
    return result;
}

static void
show_holder(const char *label, uint64_t age_ms, uint32_t pid, uint32_t tid)
{
    char age[32], who[64] = "";
    snprintf(age, sizeof age, pid ? "%.1f s" : "none", (double)age_ms / 1e3);
    if (pid)
        snprintf(who, sizeof who, "process %u, thread %u", pid, tid);
    report_row("", label, age, who);
}

void
shared_show_oldest(const gyre_stats *s)
{
    show_holder("oldest section", s->oldest_section_ms, s->oldest_section_pid, s->oldest_section_tid);
    show_holder("oldest pin", s->oldest_pin_ms, s->oldest_pin_pid, s->oldest_pin_tid);
}

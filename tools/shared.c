/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "shared.h"

#include "tool.h"

/* Whoever may read it may look, whosever it is. */
static int
open_to_read(const char *name, gyre **cache)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.shm_name = name;
    options.flags = GYRE_READONLY | GYRE_NO_THREAD;
    options.mode = 0666;
    return gyre_open(cache, &options);
}

const char *
shared_reason(int result)
{
    switch (result) {
    case GYRE_ENOENT:
        return "no such cache; gyre ls lists them";
    case GYRE_EINVAL:
        return "no name of a cache: 1 to 200 of A-Z a-z 0-9 . _ -";
    case GYRE_EPERM:
        return "this user may not open it, or it is no plain file";
    case GYRE_EFORMAT:
        return "no cache, or one of another build of gyre";
    case GYRE_ECORRUPT:
        return "damaged; gyre rm removes it";
    default:
        return gyre_strerror(result);
    }
}

gyre *
shared_attach(const char *name)
{
    gyre *cache;
    int result = open_to_read(name, &cache);
    if (result == GYRE_OK)
        return cache;
    tool_error("%s: %s", name, shared_reason(result));
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

int
shared_peek(const char *name, gyre_stats *stats)
{
    gyre *cache;
    int result = open_to_read(name, &cache);
    if (result != GYRE_OK)
        return result;
    *stats = (gyre_stats)GYRE_STATS_INIT;
    result = gyre_stats_read(cache, stats);
    gyre_close(cache);
    return result;
}

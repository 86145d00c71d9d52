/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The door for the rest: gyre_clear, gyre_maintain, gyre_strerror, gyre_version. */

#include <sched.h>

#include "cache.h"
#include "clear.h"
#include "maintain.h"
#include "registry.h"

int
gyre_clear(gyre *cache)
{
    if (cache == NULL)
        return GYRE_EINVAL;
    if (cache->region.readonly)
        return GYRE_EPERM;
    int result = gy_registry_mended(cache);
    if (result == GYRE_OK && gy_member_expelled(cache))
        result = GYRE_ESTALE;
    if (result != GYRE_OK)
        return result;
    gy_clear_begin(cache);
    gy_worker_wake(cache);
    return GYRE_OK;
}

int
gyre_maintain(gyre *cache, uint64_t budget_ns)
{
    if (cache == NULL)
        return GYRE_EINVAL;
    int work = gy_maintain(cache, budget_ns);
    if (work >= 0)
        gy_sync_if_due(cache);
    if (work == GY_WAITING)
        sched_yield(); /* callers loop until there is nothing to do: let whom it waits for run */
    return work;
}

const char *
gyre_strerror(int code)
{
    switch (code) {
    case GYRE_OK:
        return "success";
    case GYRE_MISS:
        return "no such entry";
    case GYRE_EXISTS:
        return "the key is present";
    case GYRE_CHANGED:
        return "another version stands";
    case GYRE_LEASED:
        return "another computes the value";
    case GYRE_STALE:
        return "an expired value; another computes a newer one";
    case GYRE_EINVAL:
        return "invalid argument";
    case GYRE_E2BIG:
        return "too large";
    case GYRE_ENOMEM:
        return "out of memory";
    case GYRE_EBUSY:
        return "busy: views or drafts hold what is needed";
    case GYRE_EFORMAT:
        return "a region of another format or build";
    case GYRE_ECORRUPT:
        return "damaged region";
    case GYRE_EPERM:
        return "not permitted";
    case GYRE_EIO:
        return "input or output error";
    case GYRE_ENOSPC:
        return "no space left";
    case GYRE_ENOENT:
        return "no such cache";
    case GYRE_EEXIST:
        return "the cache exists";
    case GYRE_ESTALE:
        return "expelled, revoked, or inherited from another process";
    default:
        return "unknown code";
    }
}

uint32_t
gyre_version(void)
{
    return GYRE_VERSION;
}

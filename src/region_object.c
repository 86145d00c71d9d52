/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "region_object.h"

#include <string.h>

#include "gyre.h"
#include "os.h"
#include "os_object.h"

int
gy_object_read(struct gy_region *region, void *to, size_t bytes)
{
    return gy_os_object_read(region->fd, to, bytes);
}

int
gy_object_map(struct gy_region *region)
{
    region->base = gy_os_object_map(region->fd, region->bytes, region->alignment, region->readonly);
    return region->base == NULL ? GYRE_ENOMEM : GYRE_OK;
}

/* Huge pages are for what fills them, as in private memory; what is reserved without a touch comes in small ones, whatever
 * was advised. Processes that open the object later map them as they are. */
int
gy_object_reserve(struct gy_region *region, size_t offset, size_t bytes)
{
    size_t from = gy_align_up(offset, GY_HUGE_PAGE), to = (offset + bytes) / GY_HUGE_PAGE * GY_HUGE_PAGE;
    int result = gy_os_object_reserve(region->fd, offset, bytes);
    if (result == GYRE_OK && region->hugepages && from < to)
        gy_os_object_hugepages(region->base + from, to - from);
    return result;
}

int
gy_object_reserve_tables(struct gy_region *region, size_t bytes)
{
    return gy_os_object_reserve(region->fd, 0, bytes);
}

void
gy_object_discard(struct gy_region *region, size_t offset, size_t bytes)
{
    if (!gy_os_object_discard(region->fd, offset, bytes))
        memset(region->base + offset, 0, bytes); /* of file systems that keep what they have: it is there to be written */
}

void
gy_object_unmap(struct gy_region *region)
{
    if (region->base != NULL)
        gy_os_unmap(region->base, region->bytes);
    if (region->fd >= 0)
        gy_os_object_close(region->fd);
    if (region->claim >= 0) /* a process forked meanwhile has the descriptor, too */
        gy_os_unlock(region->claim), gy_os_object_close(region->claim);
    region->base = NULL;
    region->fd = region->claim = -1;
}

unsigned
gy_object_patience(const struct gy_region *region)
{
    enum { LEAST = 2000, A_GIB = 4000, MOST = 1000000 }; /* making one takes about a second for each GiB */
    return (unsigned)gy_min(LEAST + (region->wanted_bytes >> 30) * A_GIB, MOST);
}

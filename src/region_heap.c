/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "region.h"

#include "gyre.h"
#include "os.h"

/* Nobody else can have made it. */
static int
heap_find(struct gy_region *region, bool create)
{
    (void)region, (void)create;
    return GYRE_ENOENT;
}

static int
heap_read(struct gy_region *region, void *to, size_t bytes)
{
    (void)region, (void)to, (void)bytes;
    return GYRE_EINVAL;
}

static int
heap_map(struct gy_region *region)
{
    region->base = gy_os_map(region->bytes, region->alignment);
    return region->base == NULL ? GYRE_ENOMEM : GYRE_OK;
}

/* The kernel promises anonymous memory, or ends the process: there is nothing to reserve. Huge pages are for what fills
 * them: of one that reaches beyond the range, all would be resident. */
static int
heap_reserve(struct gy_region *region, size_t offset, size_t bytes)
{
    size_t from = gy_align_up(offset, GY_HUGE_PAGE), to = (offset + bytes) / GY_HUGE_PAGE * GY_HUGE_PAGE;
    if (region->hugepages && from < to)
        gy_os_hugepages(region->base + from, to - from);
    return GYRE_OK;
}

static int
heap_reserve_tables(struct gy_region *region, size_t bytes)
{
    (void)region, (void)bytes;
    return GYRE_OK;
}

static int
heap_publish(struct gy_region *region)
{
    (void)region;
    return GYRE_OK;
}

static void
heap_discard(struct gy_region *region, size_t offset, size_t bytes)
{
    gy_os_discard(region->base + offset, bytes);
}

static bool
heap_lost(const struct gy_region *region)
{
    (void)region;
    return false;
}

static void
heap_unmap(struct gy_region *region)
{
    if (region->base)
        gy_os_unmap(region->base, region->bytes);
    region->base = NULL;
}

const struct gy_region_ops gy_region_heap = {heap_find, heap_read, heap_map, heap_reserve, heap_reserve_tables,
                                             heap_publish, heap_discard, heap_lost, heap_unmap};

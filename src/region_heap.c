/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "region.h"

#include "gyre.h"
#include "os.h"

enum { HUGE_PAGE = 2 << 20 };

static int
heap_map(struct gy_region *region, bool hugepages)
{
    region->base = gy_os_map(region->bytes, HUGE_PAGE);
    if (region->base == NULL)
        return GYRE_ENOMEM;
    if (hugepages)
        gy_os_hugepages(region->base, region->bytes);
    return GYRE_OK;
}

/* The kernel promises anonymous memory, or ends the process: there is nothing to reserve. */
static int
heap_reserve(struct gy_region *region, size_t offset, size_t bytes)
{
    (void)region, (void)offset, (void)bytes;
    return GYRE_OK;
}

static void
heap_discard(struct gy_region *region, size_t offset, size_t bytes)
{
    gy_os_discard(region->base + offset, bytes);
}

static void
heap_unmap(struct gy_region *region)
{
    gy_os_unmap(region->base, region->bytes);
    region->base = NULL;
}

const struct gy_region_ops gy_region_heap = {heap_map, heap_reserve, heap_discard, heap_unmap};

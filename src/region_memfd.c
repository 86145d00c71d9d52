/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Shared memory without a name: who has a descriptor may open it, and who made the object decides who gets one. A
 * region is built in the object itself, which others may hold already: its state says when it is complete, and a lock
 * that ends with its maker keeps others from making it at the same time. */

#include "gyre.h"
#include "layout.h"
#include "os.h"
#include "os_object.h"
#include "region_object.h"

/* GYRE_OK: a region, or something that is none. GYRE_ENOENT: there is nothing yet, or half a region. */
static int
look(struct gy_region *region)
{
    struct gy_object o;
    struct gy_super head;
    int result = gy_os_object_look(region->fd, &o);
    if (result != GYRE_OK)
        return result;
    region->bytes = o.bytes;
    if (o.bytes == 0)
        return GYRE_ENOENT;
    result = gy_os_object_read(region->fd, &head, sizeof head);
    return result == GYRE_OK && gy_layout_unfinished(&head) ? GYRE_ENOENT : result;
}

static int
wait_for_maker(struct gy_region *region)
{
    for (unsigned left = gy_object_patience(region); !gy_os_lock(region->claim); left--) {
        if (left == 0)
            return GYRE_EBUSY;
        gy_os_nap();
    }
    return look(region);
}

static int
memfd_find(struct gy_region *region, bool create)
{
    int result = gy_os_object_adopt(region->given, region->readonly, &region->fd);
    if (result == GYRE_OK)
        result = look(region);
    if (result == GYRE_ENOENT && create) {
        result = gy_os_object_reopen(region->fd, &region->claim);
        if (result == GYRE_OK)
            result = wait_for_maker(region);
        region->fresh = result == GYRE_ENOENT;
    }
    if (result != GYRE_OK && !region->fresh)
        gy_object_unmap(region);
    return result;
}

static int
memfd_map(struct gy_region *region)
{
    int result = GYRE_OK;
    if (region->fresh) {
        result = gy_os_object_resize(region->fd, 0); /* with what a dead maker has written */
        if (result == GYRE_OK)
            result = gy_os_object_resize(region->fd, region->bytes);
    }
    return result == GYRE_OK ? gy_object_map(region) : result;
}

static int
memfd_publish(struct gy_region *region)
{
    gy_os_object_seal(region->fd);
    gy_os_unlock(region->claim), gy_os_object_close(region->claim);
    region->claim = -1;
    region->fresh = false;
    return GYRE_OK;
}

/* What could not be made leaves the object as it was: empty. */
static void
memfd_unmap(struct gy_region *region)
{
    if (region->fresh)
        gy_os_object_resize(region->fd, 0);
    region->fresh = false;
    gy_object_unmap(region);
}

static bool
memfd_lost(const struct gy_region *region)
{
    (void)region; /* it has no name */
    return false;
}

const struct gy_region_ops gy_region_memfd = {memfd_find, gy_object_read, memfd_map, gy_object_reserve,
                                              gy_object_reserve_tables, memfd_publish, gy_object_discard, memfd_lost,
                                              memfd_unmap};

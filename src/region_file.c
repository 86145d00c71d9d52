/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file: found, made and named as shared memory is, in any folder of a file system of this machine. A fresh one is on the
 * disk before it gets its name, so that after a power cut, too, whoever finds the name finds a whole region. */

#include <string.h>

#include "gyre.h"
#include "os_object.h"
#include "region_object.h"

bool
gy_region_file_path(char path[GY_PATH_BYTES], const char *file)
{
    if (!gy_os_absolute(path, GY_PATH_BYTES, file))
        return false;
    const char *name = strrchr(path, '/') + 1;
    return name[0] != 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           strncmp(name, GY_UNFINISHED, sizeof GY_UNFINISHED - 1) != 0;
}

/* A file of another machine is refused: its mappings are not the same memory for all, and who has it open there cannot be
 * proved dead. */
static int
file_find(struct gy_region *region, bool create)
{
    char folder[GY_PATH_BYTES];
    int result = gy_named_find(region, create), where = GYRE_OK;
    gy_named_folder(folder, region->path);
    if (!region->anywhere && result == GYRE_OK)
        where = gy_os_object_local(region->fd);
    else if (!region->anywhere && result == GYRE_ENOENT && create)
        where = gy_os_folder_local(folder);
    if (where != GYRE_OK)
        gy_object_unmap(region);
    return where == GYRE_OK ? result : where;
}

/* Without huge pages: what is reserved stays unwritten until it is used. */
static int
file_reserve(struct gy_region *region, size_t offset, size_t bytes)
{
    int result = gy_os_object_reserve(region->fd, offset, bytes);
    if (result != GYRE_OK)
        gy_store_rlx(&region->refused, (uint64_t)(int64_t)result); /* (Relaxed: for the thread itself.) */
    return result;
}

int
gy_region_file_sync_name(const struct gy_region *region)
{
    char folder[GY_PATH_BYTES];
    gy_named_folder(folder, region->path);
    return gy_os_folder_sync(folder);
}

static int
file_publish(struct gy_region *region)
{
    int result = gy_os_object_sync(region->fd);
    if (result == GYRE_OK)
        result = gy_named_publish(region);
    if (result != GYRE_OK)
        return result;
    result = gy_region_file_sync_name(region);
    if (result != GYRE_OK)
        gy_os_object_remove(region->path);
    return result;
}

int
gy_region_file_replace(struct gy_region *region)
{
    int result = gy_os_object_sync(region->fd);
    if (result == GYRE_OK)
        result = gy_named_replace(region);
    return result == GYRE_OK ? gy_region_file_sync_name(region) : result;
}

const struct gy_region_ops gy_region_file = {file_find, gy_object_read, gy_named_map, file_reserve,
                                             gy_object_reserve_tables, file_publish, gy_object_discard, gy_named_lost,
                                             gy_named_unmap};

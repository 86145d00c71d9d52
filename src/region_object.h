/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What regions have in common that are objects in memory, with a name or without: everything but how one is found,
 * made and shown to others. */

#ifndef GY_REGION_OBJECT_H
#define GY_REGION_OBJECT_H

#include "region.h"

#define GY_SHM_FOLDER "/dev/shm"
#define GY_SHM_UNFINISHED ".gyre-creating-" /* names of objects that are being made begin so */
enum { GY_NAME_MOST = 200, GY_PATH_BYTES = sizeof GY_SHM_FOLDER + 1 + GY_NAME_MOST };

/* The path of a name that a caller gave, with or without a slash in front; false: it is no name. */
bool gy_region_path(char path[GY_PATH_BYTES], const char *name);

/* Removes the name of a region. GYRE_EFORMAT: it is the name of something else. */
int gy_region_unlink(const char *path);

int gy_object_read(struct gy_region *region, void *to, size_t bytes);
int gy_object_map(struct gy_region *region);
int gy_object_reserve(struct gy_region *region, size_t offset, size_t bytes);
int gy_object_reserve_tables(struct gy_region *region, size_t bytes);
void gy_object_discard(struct gy_region *region, size_t offset, size_t bytes);
void gy_object_unmap(struct gy_region *region); /* closes it, too */

/* How long those who want to make a region wait for another who does, in naps of a millisecond. */
unsigned gy_object_patience(const struct gy_region *region);

#endif

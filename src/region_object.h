/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What regions have in common that are objects, in memory or files, with a name or without: everything but how one is
 * found, made and shown to others; and of those with a name, that, too. */

#ifndef GY_REGION_OBJECT_H
#define GY_REGION_OBJECT_H

#include "region.h"

#define GY_SHM_FOLDER "/dev/shm"
#define GY_UNFINISHED ".gyre-creating-" /* names of objects that are being made begin so */
enum { GY_NAME_MOST = 200, GY_PATH_BYTES = 4096 };

/* The path of a name that a caller gave for shared memory, with or without a slash in front; or of a file, from the root on.
 * False: it is no name. */
bool gy_region_path(char path[GY_PATH_BYTES], const char *name);
bool gy_region_file_path(char path[GY_PATH_BYTES], const char *file);

/* Removes the name of a region. GYRE_EFORMAT: it is the name of something else. */
int gy_region_unlink(const char *path);

int gy_object_read(struct gy_region *region, void *to, size_t bytes);
int gy_object_map(struct gy_region *region);
int gy_object_reserve(struct gy_region *region, size_t offset, size_t bytes);
int gy_object_reserve_tables(struct gy_region *region, size_t bytes);
void gy_object_discard(struct gy_region *region, size_t offset, size_t bytes);
void gy_object_unmap(struct gy_region *region); /* closes it, too */

int gy_named_find(struct gy_region *region, bool create);
int gy_named_map(struct gy_region *region);
int gy_named_publish(struct gy_region *region);
/* A fresh one takes the name from the one that has it, in one step. */
int gy_named_replace(struct gy_region *region);
/* Removes what the dead left of regions that they were making in the same folder. */
void gy_named_tidy(const struct gy_region *region);
bool gy_named_lost(const struct gy_region *region);
void gy_named_unmap(struct gy_region *region);
/* The folder in which a path's name is. */
void gy_named_folder(char folder[GY_PATH_BYTES], const char *path);

/* The same of a file, which is on the disk before; and then the name is. */
int gy_region_file_replace(struct gy_region *region);
int gy_region_file_sync_name(const struct gy_region *region);

/* How long those who want to make a region wait for another who does, in naps of a millisecond. */
unsigned gy_object_patience(const struct gy_region *region);

#endif

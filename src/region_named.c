/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Regions with a name: shared memory, and what files have in common with it. A region is built without a name and gets it when it is complete, by one call that fails
 * if the name is taken: whoever finds the name finds a whole region, and of one whose maker died nothing is left.
 * Where files without a name cannot be had, it is built under a name of another kind, under a lock: one of these that
 * nobody has locked is what a dead maker left, and goes when the next one is made.
 *
 * One process after the other makes regions, so that many who want the same one do not reserve its space many times
 * over: they lock the folder meanwhile. It is a courtesy that nothing else rests on: who has waited for
 * long goes ahead. */

#include <string.h>

#include "gyre.h"
#include "layout.h"
#include "os.h"
#include "os_object.h"
#include "region_object.h"

enum { UNFINISHED_DIGITS = 16, UNFINISHED_BYTES = sizeof GY_UNFINISHED + UNFINISHED_DIGITS,
       TRIES = 100 };

bool
gy_region_path(char path[GY_PATH_BYTES], const char *name)
{
    static const char folder[] = GY_SHM_FOLDER "/";
    static const char usual[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    name += name[0] == '/';
    size_t n = strnlen(name, GY_NAME_MOST + 1);
    if (n == 0 || n > GY_NAME_MOST || strspn(name, usual) != n || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        strncmp(name, GY_UNFINISHED, sizeof GY_UNFINISHED - 1) == 0)
        return false;
    memcpy(path, folder, sizeof folder - 1);
    memcpy(path + sizeof folder - 1, name, n + 1);
    return true;
}

void
gy_named_folder(char folder[GY_PATH_BYTES], const char *path)
{
    size_t n = (size_t)(strrchr(path, '/') - path);
    memcpy(folder, path, n);
    strcpy(folder + n, n == 0 ? "/" : "");
}

/* Of another name in the same folder; false: it would be too long. */
static bool
path_beside(char out[GY_PATH_BYTES], const char *path, const char *name)
{
    size_t n = (size_t)(strrchr(path, '/') + 1 - path), more = strlen(name);
    if (n + more >= GY_PATH_BYTES)
        return false;
    memcpy(out, path, n);
    memcpy(out + n, name, more + 1);
    return true;
}

/* Whom the opener trusts: itself, root, and whomever it lets in itself. */
static bool
trusted(const struct gy_region *region, const struct gy_object *o)
{
    enum { OTHERS = 066, OTHERS_WRITE = 022 };
    uint32_t user = gy_os_user();
    if (!o->regular || o->links > 1 || (o->permissions & OTHERS_WRITE & ~region->mode) != 0)
        return false;
    return o->owner == user || o->owner == 0 || (region->mode & OTHERS) != 0;
}

static int
open_existing(struct gy_region *region)
{
    struct gy_object o;
    int result = gy_os_object_open(region->path, region->readonly, &region->fd);
    if (result != GYRE_OK)
        return result;
    result = gy_os_object_look(region->fd, &o);
    if (result == GYRE_OK && o.links == 0)
        result = GYRE_ENOENT; /* its name was removed since */
    else if (result == GYRE_OK && !trusted(region, &o))
        result = GYRE_EPERM;
    if (result == GYRE_OK)
        region->bytes = o.bytes;
    else
        gy_object_unmap(region);
    return result;
}

int
gy_named_find(struct gy_region *region, bool create)
{
    char folder_path[GY_PATH_BYTES];
    int folder, result = open_existing(region);
    gy_named_folder(folder_path, region->path);
    if (result != GYRE_ENOENT || !create || gy_os_folder_open(folder_path, &folder) != GYRE_OK)
        return result;
    for (unsigned left = gy_object_patience(region); left > 0 && !gy_os_lock(folder); left--) {
        gy_os_nap();
        result = open_existing(region);
        if (result != GYRE_ENOENT) {
            gy_os_object_close(folder);
            return result;
        }
    }
    result = open_existing(region);
    if (result == GYRE_ENOENT)
        region->claim = folder;
    else
        gy_os_object_close(folder);
    return result;
}

/* ---- making one ------------------------------------------------------------------------------------------------ */

static bool
unfinished_path(char path[GY_PATH_BYTES], const struct gy_region *region)
{
    char name[UNFINISHED_BYTES] = GY_UNFINISHED;
    for (unsigned i = 0; i < UNFINISHED_DIGITS; i++)
        name[sizeof GY_UNFINISHED - 1 + i] = "0123456789abcdef"[region->unfinished >> 4 * i & 15];
    name[sizeof GY_UNFINISHED - 1 + UNFINISHED_DIGITS] = 0;
    return path_beside(path, region->path, name);
}

/* Is this name still that of the object? */
static bool
leads_to(const char *path, int fd)
{
    struct gy_object here, there;
    return gy_os_object_look_at(path, &there) == GYRE_OK && gy_os_object_look(fd, &here) == GYRE_OK &&
           here.device == there.device && here.inode == there.inode;
}

static bool
is_unfinished(const char *name)
{
    const char *number = name + sizeof GY_UNFINISHED - 1;
    return strncmp(name, GY_UNFINISHED, sizeof GY_UNFINISHED - 1) == 0 && strlen(number) == UNFINISHED_DIGITS &&
           strspn(number, "0123456789abcdef") == UNFINISHED_DIGITS;
}

/* What nobody has locked was left by the dead; or its maker is about to lock it, and will find it gone. */
static void
remove_unfinished(void *arg, const char *name)
{
    char path[GY_PATH_BYTES];
    struct gy_object o;
    int fd;
    if (!is_unfinished(name) || !path_beside(path, arg, name) ||
        gy_os_object_open(path, false, &fd) != GYRE_OK)
        return;
    if (gy_os_object_look(fd, &o) == GYRE_OK && o.regular && gy_os_lock(fd) && leads_to(path, fd))
        gy_os_object_remove(path);
    gy_os_object_close(fd);
}

void
gy_named_tidy(const struct gy_region *region)
{
    char folder[GY_PATH_BYTES];
    gy_named_folder(folder, region->path);
    gy_os_folder_scan(folder, remove_unfinished, (void *)(uintptr_t)region->path);
}

/* GYRE_EINVAL: it would be too long. */
static int
draw_unfinished(struct gy_region *region, char path[GY_PATH_BYTES])
{
    if (!gy_os_random(&region->unfinished, sizeof region->unfinished))
        return GYRE_EIO;
    region->unfinished |= 1;
    if (unfinished_path(path, region))
        return GYRE_OK;
    region->unfinished = 0;
    return GYRE_EINVAL;
}

static int
make_unfinished(struct gy_region *region)
{
    char path[GY_PATH_BYTES];
    for (unsigned i = 0; i < TRIES; i++) {
        int result = draw_unfinished(region, path);
        if (result == GYRE_OK)
            result = gy_os_object_named(path, &region->fd);
        if (result != GYRE_OK && result != GYRE_EEXIST)
            return result;
        if (result == GYRE_OK && gy_os_lock(region->fd) && leads_to(path, region->fd))
            return GYRE_OK;
        if (result == GYRE_OK) { /* who removes what the dead have left was faster */
            gy_os_object_remove(path);
            gy_os_object_close(region->fd), region->fd = -1;
        }
    }
    return GYRE_EBUSY;
}

int
gy_named_map(struct gy_region *region)
{
    char folder[GY_PATH_BYTES];
    if (region->fd >= 0)
        return gy_object_map(region);
    gy_named_folder(folder, region->path);
    gy_named_tidy(region);
    int result = gy_os_object_unnamed(folder, &region->fd);
    if (result != GYRE_OK && result != GYRE_ENOSPC && result != GYRE_ENOMEM)
        result = make_unfinished(region);
    if (result == GYRE_OK)
        result = gy_os_object_permit(region->fd, region->mode);
    if (result == GYRE_OK)
        result = gy_os_object_resize(region->fd, region->bytes);
    return result == GYRE_OK ? gy_object_map(region) : result;
}

int
gy_named_publish(struct gy_region *region)
{
    char path[GY_PATH_BYTES];
    if (region->unfinished != 0)
        unfinished_path(path, region);
    int result = gy_os_object_link(region->fd, region->unfinished != 0 ? path : NULL, region->path);
    if (result != GYRE_OK)
        return result;
    if (region->unfinished != 0)
        gy_os_unlock(region->fd);
    region->unfinished = 0;
    if (region->claim >= 0)
        gy_os_unlock(region->claim), gy_os_object_close(region->claim);
    region->claim = -1;
    return GYRE_OK;
}

/* One without a name gets one of another kind first: no call gives it a name that is taken. Who finds that finds it locked. */
static int
name_unfinished(struct gy_region *region)
{
    char path[GY_PATH_BYTES];
    int result = gy_os_lock(region->fd) ? GYRE_EEXIST : GYRE_EIO;
    for (unsigned i = 0; i < TRIES && result == GYRE_EEXIST; i++) {
        result = draw_unfinished(region, path);
        if (result == GYRE_OK)
            result = gy_os_object_link(region->fd, NULL, path);
    }
    if (result != GYRE_OK)
        region->unfinished = 0;
    return result;
}

int
gy_named_replace(struct gy_region *region)
{
    char path[GY_PATH_BYTES];
    int result = region->unfinished != 0 ? GYRE_OK : name_unfinished(region);
    if (result == GYRE_OK && unfinished_path(path, region))
        result = gy_os_object_replace(path, region->path);
    if (result != GYRE_OK)
        return result;
    gy_os_unlock(region->fd);
    region->unfinished = 0;
    return GYRE_OK;
}

void
gy_named_unmap(struct gy_region *region)
{
    char path[GY_PATH_BYTES];
    if (region->unfinished != 0) {
        unfinished_path(path, region);
        gy_os_object_remove(path);
        region->unfinished = 0;
    }
    gy_object_unmap(region);
}

bool
gy_named_lost(const struct gy_region *region)
{
    return !leads_to(region->path, region->fd);
}

int
gy_region_unlink(const char *path)
{
    struct gy_object o;
    uint64_t magic;
    int fd, result = gy_os_object_open(path, true, &fd);
    if (result != GYRE_OK)
        return result;
    result = gy_os_object_look(fd, &o);
    if (result == GYRE_OK)
        result = o.regular ? gy_os_object_read(fd, &magic, sizeof magic) : GYRE_EPERM;
    if (result == GYRE_OK)
        result = magic == GY_MAGIC ? gy_os_object_remove(path) : GYRE_EFORMAT;
    gy_os_object_close(fd);
    return result;
}

const struct gy_region_ops gy_region_named = {gy_named_find, gy_object_read, gy_named_map, gy_object_reserve,
                                              gy_object_reserve_tables, gy_named_publish, gy_object_discard,
                                              gy_named_lost, gy_named_unmap};

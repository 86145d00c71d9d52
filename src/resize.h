/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file gets another capacity: it is made anew, under the old one's lock, by who has it alone.
 *
 *   1. the new geometry is planned: what cannot be is refused before anything is looked at;
 *   2. the old file is locked, and made one that can be read (recovered, after a power cut). Nothing else is changed in it;
 *   3. a new file, without a name, or with one of those that unfinished files have, is filled from it: carry.h;
 *   4. it is written out, and takes the name in one step; then the folder is written out.
 *
 * Who dies on the way leaves the old file under the name, or the new one, whole. A file that was left unfinished goes when
 * the next one is made in the folder. Who waited for the old file's lock finds that another has its name, and begins anew. */

#ifndef GY_RESIZE_H
#define GY_RESIZE_H

#include "cache.h"

/* Is what was found, with this geometry, to be made anew? */
bool gy_resize_wanted(const struct gyre *cache, const struct gy_geometry *g, const gyre_options *o);

/* Of a region that was found and is not mapped yet: makes it anew, and opens that. `head` is a verified copy of its head. GYRE_OK;
 * else it is as it was, and the cache's region is closed. */
int gy_resize(struct gyre *cache, const gyre_options *o, struct gy_super *head);

#endif

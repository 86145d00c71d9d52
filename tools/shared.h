/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Shared caches and files seen from outside: opened without the right to write, so that looking changes nothing.
 * What the user calls a cache is a file's path if a slash stands in it after its first character, and else a name in shared
 * memory: "./cache" and "/var/cache/it" are files, "cache" and "/cache" are names. */

#ifndef SHARED_H
#define SHARED_H

#include <stdbool.h>

#include "gyre.h"
#include "region_object.h"

bool shared_is_file(const char *name);

/* Options that say which cache is meant, and whom it may let in. */
gyre_options shared_options(const char *name, uint32_t flags);

/* Where it is. False: it cannot be called so. */
bool shared_path(char path[GY_PATH_BYTES], const char *name);

/* What stands at -c or --capacity= at argv[*i], which is moved on; NULL: something else does. */
const char *shared_capacity(int argc, char **argv, int *i);

/* As gyre_open. Whoever may read it may look, whosever it is. */
int shared_open(const char *name, gyre **cache);

/* NULL, with a message, when there is no such cache or it cannot be read. */
gyre *shared_attach(const char *name);

/* What it says of itself; false, with a message. */
bool shared_look(gyre *cache, const char *name, gyre_stats *stats);

/* Was it made with GYRE_VERSIONS? */
bool shared_has_versions(const gyre *cache);

/* What gyre_open answers for a file under a name: 0, and its statistics, when it is a cache. Says nothing. */
int shared_peek(const char *name, gyre_stats *stats);

/* Rows of a table: the oldest section and the oldest pin, and whose they are. */
void shared_show_oldest(const gyre_stats *stats);

/* Is it a cache, though a damaged one, or of another build? */
bool shared_is_cache(const char *name, int result);

/* Does this path, of any form, lead to one, over links too? */
bool shared_leads_to_cache(const char *path);

/* "this build reads 9.0 to 9.1" */
const char *shared_formats(void);

/* Why it could not be opened: "no such cache; ..."; until the next call. */
const char *shared_reason(const char *name, int result);

#endif

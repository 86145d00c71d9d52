/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Shared caches seen from outside: opened by name without the right to write, so that looking changes nothing. */

#ifndef SHARED_H
#define SHARED_H

#include <stdbool.h>

#include "gyre.h"

/* As gyre_open. Whoever may read it may look, whosever it is. */
int shared_open(const char *name, gyre **cache);

/* NULL, with a message, when there is no such cache or it cannot be read. */
gyre *shared_attach(const char *name);

/* What it says of itself; false, with a message. */
bool shared_look(gyre *cache, const char *name, gyre_stats *stats);

/* What gyre_open answers for a file under a name: 0, and its statistics, when it is a cache. Says nothing. */
int shared_peek(const char *name, gyre_stats *stats);

/* Rows of a table: the oldest section and the oldest pin, and whose they are. */
void shared_show_oldest(const gyre_stats *stats);

/* Is it a cache, though a damaged one, or of another build? */
bool shared_is_cache(const char *name, int result);

/* Why it could not be opened: "no such cache; ..." */
const char *shared_reason(const char *name, int result);

#endif

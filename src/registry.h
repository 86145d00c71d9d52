/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What the process knows of its open caches: for threads that exit and for fork. The lock is taken by
 * open, close, a thread's exit, fork, and
 * the first operation in a forked child. */

#ifndef GY_REGISTRY_H
#define GY_REGISTRY_H

#include "cache.h"

bool gy_registry_forked(void);               /* is this process a forked child? */
int gy_registry_start(void);                 /* thread key, fork handlers; may be called again */
void gy_registry_add(struct gyre *cache);    /* gives it its id */
void gy_registry_remove(struct gyre *cache);
int gy_registry_enter_thread(void);          /* this thread's exit will give its records back */
int gy_registry_adopt(struct gyre *cache);   /* in a forked child, before the first operation: or a GYRE_E code */

/* Before an operation. GYRE_OK, or why a forked child cannot use the cache. */
static inline int
gy_registry_mended(struct gyre *cache)
{
    if (gy_unlikely(gy_load_acq(&cache->orphaned) != 0)) /* acquire: pairs with gy_registry_adopt */
        return gy_registry_adopt(cache);
    return GYRE_OK;
}

#endif

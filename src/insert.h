/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Getting an entry into the cache: room, the protocol, and what a writer owes afterwards. */

#ifndef GY_INSERT_H
#define GY_INSERT_H

#include "index.h"

/* Could an entry of these sizes ever be stored? Exactly, for those that come near the size of an arena. */
bool gy_insert_fits_exactly(const struct gyre *cache, const struct gy_content *content);

static inline bool
gy_insert_fits(const struct gyre *cache, const struct gy_content *content)
{
    if (gy_likely(gy_entry_surely_fits(cache, content)))
        return content->value_bytes <= cache->g.max_value_bytes;
    return gy_insert_fits_exactly(cache, content);
}

/* Stages an entry, sweeping when there is no room. GYRE_OK or GYRE_EBUSY. */
int gy_insert_stage(struct gyre *cache, struct gy_record *r, gy_atomic_u64 *pin, unsigned ring,
                    const struct gy_content *content, struct gy_staged *out);

/* The ring a put of this key goes to; sets the content's kind. */
unsigned gy_insert_place(struct gyre *cache, uint64_t hash, const struct gy_window *window,
                         struct gy_content *content);

/* Stages, publishes, releases the pin; again when a clear came between. Results as gyre_put. */
int gy_insert(struct gyre *cache, struct gy_record *r, enum gy_publish_kind kind, uint64_t hash,
              unsigned ring, const struct gy_content *content, uint64_t if_what);

/* Room for so many bytes, which a put is about to write and a touch or a new lease has written: helps the sweep when
 * there is little, and wakes the worker when that did not do. */
void gy_insert_make_room(struct gyre *cache, struct gy_record *r, uint64_t bytes);

/* After a put: carries a clear out when no thread does, holds max_entries, lets a shard grow, wakes the worker. */
void gy_insert_settle(struct gyre *cache, struct gy_record *r, uint64_t hash);

/* The next version: unique in the life of the region. */
uint64_t gy_insert_version(struct gyre *cache, struct gy_record *r);

/* When an entry with these options expires, in cache time; 0: never. */
uint64_t gy_insert_expiry(struct gyre *cache, uint32_t ttl_ms);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A lookup: find, check that it stands, count. What gyre_get, gyre_read, gyre_get_many and the conditions
 * of puts share. */

#ifndef GY_LOOKUP_H
#define GY_LOOKUP_H

#include "index.h"

/* GYRE_OK: *f is held by pin. GYRE_MISS: nothing is. Counts hits, misses and frequency. */
int gy_lookup(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_bytes,
              gy_atomic_u64 *pin, struct gy_found *f, uint32_t *ttl_left_ms);

/* The same without counting anything. */
bool gy_lookup_quietly(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key,
                       size_t key_bytes, gy_atomic_u64 *pin, struct gy_found *f, uint32_t *ttl_left_ms,
                       bool *saw_tentative);

/* How much longer an entry with a TTL lives; 0 when its time has come. */
uint32_t gy_ttl_left(struct gyre *cache, const struct gy_found *f);

void gy_view_fill(struct gyre *cache, const struct gy_found *f, gy_atomic_u64 *pin, uint32_t ttl_left_ms,
                  gyre_view *view);

#endif

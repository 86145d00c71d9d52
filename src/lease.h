/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A lease on a key is an entry under it, committed like any other, that says who computes its value: whoever looks
 * the key up finds nothing. So all that the slot protocol promises of values it promises of leases: there is one at
 * most, and a delete, a clear or a put removes it. A lease is known by its token, which stands where entries keep
 * their version and is of the same numbers: unique in the life of the region, and the same when the entry is moved.
 *
 *   header | expiry: the limit | version: the token | user flags? | key | padding | stale value | note
 *
 * The value that stood there before, and had expired, is kept within, for those who rather take that than wait. */

#ifndef GY_LEASE_H
#define GY_LEASE_H

#include "holder.h"
#include "index.h"

struct gy_lease_note {
    uint64_t owner;           /* and record: struct gy_holder */
    uint64_t stale_expiry_ms; /* cache time; 0: no stale value is kept */
    uint32_t record;
    uint8_t kind, ring;       /* for the value: what the policy knew of the key, and the ring it goes to */
    uint16_t zero;
};
_Static_assert(sizeof(struct gy_lease_note) == 24, "no padding: all of it is written");

/* Size of the stale value. */
static inline uint32_t
gy_lease_stale_bytes(const struct gy_found *f)
{
    return f->header.value_bytes - (uint32_t)sizeof(struct gy_lease_note);
}

static inline const char *
gy_lease_stale(const struct gyre *cache, const struct gy_found *f)
{
    return f->entry + gy_entry_value_offset(gy_slot_ref(f->word) << 3, f->header, cache->g.value_align);
}

/* False: a damaged entry, of no holder. */
bool gy_lease_read(const struct gyre *cache, const struct gy_found *f, struct gy_lease_note *note);

/* Does it still keep others away? */
bool gy_lease_lasts(struct gyre *cache, const struct gy_found *f, const struct gy_lease_note *note);

/* Finds a lease by its token. True: *f is held by pin. */
bool gy_lease_find(struct gyre *cache, uint64_t hash, uint64_t token, gy_atomic_u64 *pin, struct gy_found *f);

/* Places a lease of this thread on a key: over is what stands there now, a lease or expired, held by a pin, and what
 * of it is to be kept; NULL where nothing stands. GYRE_OK, or GYRE_EXISTS, GYRE_MISS, GYRE_CHANGED when that is no
 * longer so; GYRE_EBUSY, GYRE_E2BIG. */
struct gy_lease_wish {
    const void *key;
    uint64_t hash, limit_ms; /* cache time */
    uint16_t key_bytes;
    const struct gy_found *over;
    struct gy_lease_note keep; /* of over: its holder is of no interest */
};
int gy_lease_place(struct gyre *cache, struct gy_record *r, const struct gy_lease_wish *wish, uint64_t *token);

/* Ends a lease without a value, if it is still the one of that token. */
void gy_lease_end(struct gyre *cache, struct gy_record *r, uint64_t hash, uint64_t token);
void gy_lease_end_of_draft(struct gyre *cache, const char *entry, uint64_t token); /* a draft's entry, pinned */

#endif

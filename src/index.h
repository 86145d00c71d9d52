/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The index: shards of buckets of eight slots. A key may stand in its window: its two buckets and, while
 * its shard doubles, their images. Steps are numbered as in docs/protocols.md. */

#ifndef GY_INDEX_H
#define GY_INDEX_H

#include "cache.h"
#include "entry.h"

/* A steady shard's bucket, from the hash or from gy_hash_mixed. */
static inline struct gy_bucket *
gy_geometry_bucket(struct gy_bucket *base, uint64_t geometry, uint64_t hash)
{
    return (struct gy_bucket *)(void *)((char *)base + (hash & geometry));
}

static inline uint64_t
gy_shard_number(const struct gyre *cache, uint64_t hash)
{
    return gy_hash_shard(hash, cache->n_shards);
}

static inline struct gy_shard *
gy_shard_of(const struct gyre *cache, uint64_t hash)
{
    return &cache->super->shard[gy_shard_number(cache, hash)];
}

static inline gy_atomic_u64 *
gy_geometry_of(const struct gyre *cache, uint64_t hash)
{
    return &cache->geometries[gy_shard_number(cache, hash)];
}

/* A shard's word. Others may have written anything there: it leads nowhere but into the shard's own buckets.
 * acquire: the new half was reserved before the phase that shows it */
static GY_INLINE uint64_t
gy_shard_geometry(const struct gyre *cache, uint64_t shard)
{
    return gy_load_acq(&cache->geometries[shard]) & cache->geometry_bits; /* model: section3 */
}

/* The logarithm of its buckets; while it doubles, of its lower half. */
static inline unsigned
gy_shard_log2(const struct gyre *cache, uint64_t geometry)
{
    unsigned upper = gy_geometry_phase(geometry) != GY_STEADY;
    return (unsigned)gy_min(gy_geometry_log2(geometry), cache->g.log2_buckets_most - upper);
}

/* Buckets that may hold words now: both halves while the shard doubles. */
static inline uint64_t
gy_shard_extent(const struct gyre *cache, unsigned shard)
{
    uint64_t geometry = gy_shard_geometry(cache, shard);
    return (uint64_t)1 << gy_shard_log2(cache, geometry) << (gy_geometry_phase(geometry) != GY_STEADY);
}

static inline struct gy_bucket *
gy_shard_buckets(const struct gyre *cache, uint64_t shard)
{
    return (struct gy_bucket *)(void *)(cache->index + cache->g.shard_bytes_most * shard);
}

/* The buckets of a window in the order in which puts, deletes and sweeps scan them: each old bucket
 * before its own image. insert[]: where new words go, the key's first bucket first. */
struct gy_window {
    struct gy_bucket *bucket[4];
    struct gy_shard *shard;
    uint64_t geometry; /* of the shard: while that is the same, so is the window */
    uint32_t number;   /* the shard's */
    uint8_t n, insert[2];
};

/* The same while the shard doubles. */
void gy_index_window_growing(const struct gyre *cache, struct gy_bucket *base, uint64_t geometry, uint64_t hash,
                             struct gy_window *out);

static inline void
gy_index_window(const struct gyre *cache, uint64_t hash, struct gy_window *out)
{
    uint64_t number = gy_shard_number(cache, hash);
    struct gy_bucket *base = gy_shard_buckets(cache, number);
    out->shard = &cache->super->shard[number], out->number = (uint32_t)number;
    uint64_t geometry = out->geometry = gy_shard_geometry(cache, number);
    if (gy_unlikely(gy_geometry_phase(geometry) != GY_STEADY)) {
        gy_index_window_growing(cache, base, geometry, hash, out);
        return;
    }
    out->bucket[0] = gy_geometry_bucket(base, geometry, hash);
    out->bucket[1] = gy_geometry_bucket(base, geometry, gy_hash_mixed(hash));
    out->n = 2, out->insert[0] = 0, out->insert[1] = 1;
}

/* In a section: is a window that was made before it the one to go by? */
static inline bool
gy_index_window_holds(const struct gyre *cache, const struct gy_window *w)
{
    return gy_shard_geometry(cache, w->number) == w->geometry;
}

/* Starts the cache misses that an operation on its key will have; the first is waited for first. (Always inline: a
 * function of prefetches alone gcc takes for one without effects, and leaves its calls out.) */
static GY_INLINE void
gy_index_prefetch(const struct gy_window *w)
{
    for (unsigned i = 2; gy_unlikely(i < w->n); i++)
        __builtin_prefetch(w->bucket[i]);
    __builtin_prefetch(w->bucket[1]);
    __builtin_prefetch(w->bucket[0]);
}

/* An entry that a validated pin holds. */
struct gy_found {
    gy_atomic_u64 *slot;
    uint64_t word;
    const char *entry;
    struct gy_header header;
    uint32_t arena;
};

static inline uint64_t
gy_found_bytes(const struct gyre *cache, const struct gy_found *f)
{
    return gy_entry_room(cache, gy_slot_ref(f->word) << 3, f->header);
}

/* Pins the arena of the word in a slot, as it is at the second look, and checks the entry against its
 * arena. False: the slot is empty or refers to nothing that could be an entry; nothing is pinned. */
bool gy_index_pin(struct gyre *cache, gy_atomic_u64 *slot, gy_atomic_u64 *pin, struct gy_found *out);

/* The slow half of gy_index_find (find.h): while the shard grows, or words in the making were met. */
bool gy_index_find_growing(struct gyre *cache, uint64_t hash, const void *key, size_t key_bytes,
                           gy_atomic_u64 *pin, struct gy_found *out, bool *saw_tentative);

/* Removes a committed word and accounts for it; false when the slot has changed. */
bool gy_index_evict(struct gyre *cache, struct gy_record *r, struct gy_shard *shard,
                    const struct gy_found *f, enum gyre_reason reason);

/* GY_PUT_IF_REF: only in place of the very entry at that ref (touch). Of leases: GY_PUT_LEASE places one where nothing
 * stands, not even what has expired; GY_PUT_LEASE_OVER in place of the very entry at that ref, a lease or expired;
 * GY_PUT_LEASED puts a value in place of the lease with that token, else GYRE_ESTALE. */
enum gy_publish_kind {
    GY_PUT_ANY,
    GY_PUT_ADD,
    GY_PUT_REPLACE,
    GY_PUT_IF_VERSION,
    GY_PUT_IF_REF,
    GY_PUT_LEASE,
    GY_PUT_LEASE_OVER,
    GY_PUT_LEASED
};
enum { GY_RESTAGE = 100 }; /* the entry stands in an arena that a clear has passed */

/* What a put is aimed at, and on what condition. */
struct gy_aim {
    const void *key;
    size_t key_bytes;
    uint64_t hash;
    enum gy_publish_kind kind;
    uint64_t if_what;        /* a version, a ref or a token, as the kind says */
    struct gy_window window; /* a guess, until the put is in its section */
    bool unseen;             /* put 2 was made already, in this window, and no word has the hash's tag */
};

static inline struct gy_aim
gy_aim_at(const struct gyre *cache, const void *key, size_t key_bytes, uint64_t hash, enum gy_publish_kind kind,
          uint64_t if_what)
{
    struct gy_aim aim = {.key = key, .key_bytes = key_bytes, .hash = hash, .kind = kind, .if_what = if_what};
    gy_index_window(cache, hash, &aim.window);
    return aim;
}

/* put: publishes a staged entry (whose pin the caller holds and releases). GYRE_OK, GYRE_EXISTS,
 * GYRE_MISS, GYRE_CHANGED, GYRE_EBUSY or GY_RESTAGE. Accounts for what it replaces and for the staged
 * bytes when they did not get in. */
int gy_index_publish(struct gyre *cache, struct gy_record *r, struct gy_aim *aim, const struct gy_staged *staged);

/* delete: removes every word of a key, tentative or not. True when one that a get could have returned
 * was among them. if_version other than 0: only a committed word with that version. */
bool gy_index_delete(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key,
                     size_t key_bytes, uint64_t if_version, enum gyre_reason reason);

/* Is the file doubted? Then what does not prove itself does not stand: doubt.h. (Without proofs the bit is damage, and there is
 * nothing behind an entry to look at.) acquire: what is doubted was settled before */
static inline bool
gy_doubted(const struct gyre *cache)
{
    return gy_unlikely((gy_load_acq(&cache->super->done) & GY_DOUBT) != 0) && cache->g.proof_bytes != 0;
}

/* Does it prove itself; is there an entry at all, of that length? For what is doubted: doubt.c. */
bool gy_entry_proved(const struct gyre *cache, const struct gy_found *f);
bool gy_entry_there(const struct gyre *cache, const struct gy_found *f);

/* Has a clear passed it? (Relaxed: opened is constant while the arena is pinned.) */
static inline bool
gy_entry_cleared(const struct gyre *cache, const struct gy_found *f)
{
    return gy_load_rlx(&cache->books[f->arena].opened) < gy_load_acq(&cache->super->mark);
}

/* Has it gone, whatever its time? */
static inline bool
gy_entry_void(const struct gyre *cache, const struct gy_found *f)
{
    return gy_entry_cleared(cache, f) || (gy_doubted(cache) && !gy_entry_proved(cache, f));
}

/* May a get return this entry? Otherwise *reason says why it goes. */
bool gy_entry_stands_exactly(struct gyre *cache, const struct gy_found *f, enum gyre_reason *reason);

static inline bool
gy_entry_stands(struct gyre *cache, const struct gy_found *f, enum gyre_reason *reason)
{
    if (gy_likely((f->header.flags & GY_ENTRY_EXPIRY) == 0 && !gy_entry_void(cache, f)))
        return true;
    return gy_entry_stands_exactly(cache, f, reason);
}

#endif

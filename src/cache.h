/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* One open cache, as this process sees it: where the parts of its region are, how to tell the time, how
 * to wait for sections. Everything that must survive this process is in the region. */

#ifndef GY_CACHE_H
#define GY_CACHE_H

#include "entry.h"
#include "hash.h"
#include "layout.h"
#include "os.h"
#include "rcu/rcu.h"
#include "rebuild.h"
#include "region_object.h"
#include "sync.h"
#include "worker.h"

struct gyre {
    uint64_t straight_id;    /* id; no seat's where readers need fences: a get's straight way makes none */
    uint64_t plain_id;       /* id; no seat's where puts are not plain: put.h */
    uint64_t id;             /* unique in this process; changes in a forked child */
    struct gy_geometry g;    /* checked copy */
    struct gy_super *super;
    struct gy_record *records;
    gy_atomic_u64 *words;
    gy_atomic_u64 *counts; /* account.c */
    struct gy_book *books;
    struct gy_lane *lanes;
    gy_atomic_u16 *history;
    gy_atomic_u64 *geometries; /* of the shards */
    char *index;
    uint64_t seed, arena_first, arena_bytes; /* arena_first: number of arena 0 in units of arenas */
    struct gy_hash_flips flips;              /* of the seed */
    uint64_t committed_mask;                 /* of a word: its ref and T. A variable, since that saves instructions */
    gy_ref arenas_ref, arenas_refs;          /* of arena 0; and as many as there are in all arenas */
    uint64_t *arenas;                        /* arena 0, in units of refs */
    uint64_t arena_part;                     /* 2^64 arenas for each of the refs of one: their number is a product's upper half */
    uint64_t arena_mask;                     /* the place within an arena */
    uint64_t room_mask;                      /* the same, or, in a larger arena, within 4 GiB of it */
    uint64_t plain_bits;                     /* GY_ENTRY_PLAIN_BITS: as committed_mask */
    uint64_t geometry_bits;                  /* those that a shard's word may have */
    uint64_t align_less_one, align_mask;     /* of values; n is aligned by (n + align_less_one) & align_mask */
    uint64_t plain_value_most;               /* bytes: values of plain puts */
    uint64_t end_more;                       /* of an entry, up to a multiple of 8 and with its proof: so many more bytes, at most */
    bool sparse;             /* arenas get their bytes when they are opened: space.h */
    bool hands_apart;        /* processors have hands of their own: hand.h */
    uint64_t n_shards;       /* of g, wide: lookups multiply by it */
    int64_t enough_free;     /* free arenas: with no more of them, maintenance makes room; sweep.h */
    int64_t window_most;     /* arenas: the most that probation may have */
    uint64_t early_bytes;    /* of a shard: so far its index grows early; grow.h */
    const struct gy_rcu_ops *rcu;
    bool reader_fences, shared, file; /* shared: with other processes; file: one of these that is a file */
    struct gy_region region;

    uint64_t (*clock_ms)(void *);
    void *clock_arg;
    uint64_t clock_start_ms, clock_before_ms;
    void *(*allocate)(void *, size_t);
    void (*deallocate)(void *, void *, size_t);
    void *allocate_arg;

    struct gy_member *members;      /* shared caches; else NULL */
    uint32_t member;                /* this process's name among them; 0: it has none yet, or no more */
    int locks;                      /* the open of the region's file that holds its lock; -1: none */
    uint64_t locks_file;            /* which file that is */
    struct gy_identity identity;
    gy_atomic_u64 next_look_ms;     /* for the dead: reap.c */
    gy_atomic_u64 next_recount_ms;  /* recount.c */
    char *inherited;                /* where a parent of this process had the region: member.c */
    bool maintains;                 /* its thread, which alone uses this, is the maintainer */
    bool usable;                    /* a forked child has a mapping of its own */

    /* Of a sparse cache: free arenas that could have no bytes, when one was to be opened last; and until when nobody tries
     * again. (Relaxed: hints.) */
    gy_atomic_u64 lacking, lacking_until_ms;

    /* A clear, as far as this process has carried it out: clear.c. (Relaxed: who is clearing has them to himself.) */
    gy_atomic_u64 clear_stage, clear_at, clear_cookie, clear_target;
    gy_atomic_u32 clearing;         /* 1: a thread is */

    enum gyre_start start;          /* what was found */
    bool resumes;                   /* it was being rebuilt, and nobody else is at it: rebuild.h */
    struct gy_rebuild rebuild;
    uint64_t home;                  /* which file it is */
    uint32_t sync_interval_ms;
    struct gy_syncer syncer;
    struct gy_worker worker;
    struct gyre *next_open;  /* the process's list of open caches: registry.c */
    gy_atomic_u32 orphaned;  /* a forked child has not yet mended what the parent's threads left */
    uint64_t orphan_owner;   /* and the records of the thread that forked bear this name */
    uint64_t generation;     /* of the region: no other has it */
    struct gy_untold untold[GY_HANDS_OWN]; /* of processors' hands: learn.h */
    char path[GY_PATH_BYTES]; /* of one with a name */
};

/* Are puts without options plain? put.h */
static inline bool
gy_cache_plain(const struct gyre *cache)
{
    return !cache->reader_fences && cache->rcu == &gy_rcu_shared && !cache->shared && cache->g.proof_bytes == 0 &&
           cache->g.max_entries == 0 && cache->g.default_ttl_ms == 0 && (cache->g.flags & GYRE_VERSIONS) == 0;
}

/* gy_hash, in this cache. */
static GY_INLINE uint64_t
gy_hash_in(const struct gyre *cache, const void *key, size_t size)
{
    return gy_likely(size == GY_KEY_USUAL) ? gy_hash_flipped(key, size, &cache->flips) : gy_hash(key, size, cache->seed);
}

/* This thread's record; NULL with *error when there is none to be had. */
static inline struct gy_record *
gy_record_of(struct gyre *cache, int *error)
{
    if (gy_likely(gy_seats[0].cache_id == cache->id))
        return gy_seats[0].record;
    return gy_record_find(cache, error);
}

/* The same for calls that change something: what an expelled process has not begun it does not begin. */
static inline struct gy_record *
gy_record_to_write(struct gyre *cache, int *error)
{
    struct gy_record *r = gy_record_of(cache, error);
    if (gy_likely(r != NULL) && gy_unlikely(gy_record_expelled(r))) {
        *error = GYRE_ESTALE;
        return NULL;
    }
    return r;
}

/* Does a pin keep its arena from being reused, and from being swept? Not that of a view of who was expelled. (The owner is
 * loaded after the pin: it is whose the pin is, or later.) */
static inline bool
gy_pin_holds(const struct gyre *cache, struct gy_record *r, unsigned place, uint64_t pin)
{
    if (pin == 0 || gy_likely(cache->members == NULL) || !gy_pin_is_view(place, pin))
        return pin != 0;
    return !gy_member_revoked(cache, (uint32_t)(gy_load_acq(&r->owner) >> 32));
}

/* Is somebody in the section that the record shows, of whom anything is to be waited for? */
static inline bool
gy_section_counts(const struct gyre *cache, struct gy_record *r, uint64_t section)
{
    return section != 0 &&
           (cache->members == NULL || !gy_member_revoked(cache, (uint32_t)(gy_load_acq(&r->owner) >> 32)));
}

/* Cache time: milliseconds since creation, from 1. A clock that stepped back to before it stands still. */
static inline uint64_t
gy_now_ms(const struct gyre *cache)
{
    uint64_t now = cache->clock_ms ? cache->clock_ms(cache->clock_arg) : gy_os_clock_ms();
    return cache->clock_before_ms + (gy_likely(now >= cache->clock_start_ms) ? now - cache->clock_start_ms + 1 : 1);
}

static inline char *
gy_at(const struct gyre *cache, gy_ref ref)
{
    return cache->region.base + (ref << 3);
}

/* The arena of a place in the region. Places come from the region: the result is checked against n_arenas. */
static inline uint32_t
gy_arena_at(const struct gyre *cache, uint64_t offset)
{
    uint64_t arena = (offset >> cache->g.arena_shift) - cache->arena_first;
    return gy_likely(arena < cache->g.n_arenas) ? (uint32_t)arena : UINT32_MAX;
}

static inline uint32_t
gy_ref_arena(const struct gyre *cache, gy_ref ref)
{
    return gy_arena_at(cache, ref << 3);
}

static inline uint64_t
gy_arena_offset(const struct gyre *cache, uint32_t arena)
{
    return cache->g.arenas_at + ((uint64_t)arena << cache->g.arena_shift);
}

/* The lane of the processor that this thread runs on, or ran on lately; a hint. */
static inline unsigned
gy_lane_here(const struct gyre *cache)
{
    unsigned cpu = gy_os_cpu_lately();
    return gy_likely(cpu < cache->g.n_lanes) ? cpu : cpu % cache->g.n_lanes;
}

/* What an entry takes, with what proves it: proof.h. */
static inline uint64_t
gy_entry_room(const struct gyre *cache, uint64_t offset, struct gy_header h)
{
    uint64_t value_at = (offset + gy_entry_key_offset(h.flags) + h.key_bytes + cache->align_less_one) & cache->align_mask;
    return ((value_at + h.value_bytes + cache->end_more) & ~(uint64_t)(GY_ENTRY_ALIGN - 1)) - offset;
}

/* Beside key and value, and the value's alignment: the header, the optional words, the end's padding, the proof: at most. */
enum { GY_ENTRY_BESIDES = 64 };

/* Far from the size of an arena? (Else gy_entry_room has to say.) */
static inline bool
gy_entry_surely_fits(const struct gyre *cache, const struct gy_content *content)
{
    return GY_ENTRY_BESIDES + (uint64_t)content->key_bytes + content->value_bytes + cache->g.value_align <= cache->arena_bytes;
}

/* Coarse time for the ages of pins and sections: units of 32 ms of cache time, 24 bits. */
static inline uint64_t
gy_tick_now(const struct gyre *cache)
{
    return gy_now_ms(cache) >> 5 & 0xffffff;
}

/* (Relaxed, here and where pins are made: an age, and a number that changes in fork only.) */
static inline void
gy_tick(struct gyre *cache)
{
    uint64_t fork_generation = gy_load_rlx(&cache->super->fork_generation) & 63;
    gy_store_rlx(&cache->super->pin_base, fork_generation << 26 | gy_tick_now(cache) << 32);
}

static inline uint64_t
gy_pin_word(const struct gyre *cache, uint64_t arena, enum gy_pin_kind kind)
{
    return gy_load_rlx(&cache->super->pin_base) + ((uint64_t)kind << 24) + arena + 1;
}

static inline bool
gy_pin_made_before_fork(const struct gyre *cache, uint64_t pin)
{
    return ((pin ^ gy_load_rlx(&cache->super->pin_base)) >> 26 & 63) != 0;
}

/* A reader's pin: visible to whoever reads pins after a membarrier that follows it. The second look at
 * the slot comes after this. */
static inline void
gy_pin_set_unfenced(gy_atomic_u64 *pin, uint64_t word)
{
    /* release: what was read under the pin it may take the place of comes before. The barrier below, or the
     * reclaimer's membarrier, orders it before the second look. */
    gy_store_rel(pin, word);
    gy_compiler_barrier();
}

static inline void
gy_pin_set(const struct gyre *cache, gy_atomic_u64 *pin, uint64_t word)
{
    gy_pin_set_unfenced(pin, word);
    if (gy_unlikely(cache->reader_fences))
        gy_fence_seq();
}

/* When it returns true, every thread that uses the cache has executed a full barrier since the call began. */
static inline bool
gy_barrier(const struct gyre *cache)
{
    return cache->members ? gy_os_membarrier_all() : gy_os_membarrier();
}

/* This process's place among the members, from 1; 0 in private caches. */
static inline unsigned
gy_member_number(const struct gyre *cache)
{
    return cache->member & 0xffff;
}

static inline void
gy_pin_clear(gy_atomic_u64 *pin)
{
    /* model: unpin */
    gy_store_rel(pin, 0); /* what was read or written under the pin comes before its end */
}

/* Clears the pin of a staged entry, which the thread of r may have published; NULL: nobody has. */
static inline void
gy_arena_unpin(struct gyre *cache, struct gy_record *r, const struct gy_staged *staged)
{
    if (r != NULL && gy_unlikely(gy_record_expelled(r)))
        gy_arena_late(cache, staged);
    gy_pin_clear(staged->pin);
}

/* Finds the parts of a region that is mapped and was formatted or verified; open.c, as the next. */
void gy_cache_settle(struct gyre *cache);

/* The same of one whose head was verified, with what it fixes. */
void gy_cache_settle_in(struct gyre *cache, const struct gy_super *head);

/* Address space for a region of this geometry. GYRE_OK or a GYRE_E code. */
int gy_cache_map(struct gy_region *region, const struct gy_geometry *g);

/* Maps and fills a fresh region: all but its name. GYRE_OK or a GYRE_E code. */
int gy_cache_build(struct gyre *cache, const struct gy_geometry *g, const struct gy_birth *birth);

/* All of a fresh region that is used from the start can be written without a fault. GYRE_OK or a GYRE_E code. */
int gy_cache_reserve(struct gy_region *region, const struct gy_geometry *g);

#endif

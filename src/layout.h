/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Where everything stands in a region, and the words at its head that all users share.
 *
 *   | superblock, shards | shards' geometries | counts | members | records | arena words | arenas' books | lanes | history | index | arenas |
 *
 * The index has address space for its largest size; a shard's part starts at its first size and doubles
 * in place. Arenas are aligned to their size. Everything is reached by offset: there is no pointer. */

#ifndef GY_LAYOUT_H
#define GY_LAYOUT_H

#include <stddef.h>

#include "arena.h"
#include "learn.h"
#include "member.h"
#include "options.h"
#include "rcu/record.h"
#include "slot.h"

#define GY_MAGIC ((uint64_t)0x3165727967) /* "gyre1" */

/* Of a format: another major is another format; a minor adds to it. Who reads one minor reads those before, and leaves
 * alone what is of a later one. docs/format.md says what may change in which. */
enum { GY_FORMAT = 9, GY_FORMAT_MINOR = 1, GY_FORMAT_MINOR_SPARSE = 1 };

/* Flags of a cache that are kept with it. */
#define GY_FLAGS_KEPT ((uint32_t)(GYRE_VERSIONS | GYRE_SPARSE))

/* Fixed at creation. Kept in the superblock, copied by each user after it was checked. */
struct gy_geometry {
    uint64_t capacity_bytes, region_bytes;
    uint64_t geometries_at, counts_at, members_at, records_at, words_at, books_at, lanes_at, history_at, index_at, arenas_at; /* offsets */
    uint64_t shard_bytes_most;   /* address space of one shard: its largest size */
    uint64_t max_value_bytes, max_entries;
    uint32_t n_members, n_records, n_arenas, n_lanes, n_shards, log2_buckets_first, log2_buckets_most;
    uint32_t arena_shift, n_history, value_align, default_ttl_ms, flags, reserve_arenas, proof_bytes, unused;
};

enum {
    GY_HISTORY_WORDS = GY_LINE / 2, /* of 16 bits, in a bucket: a line */
    GY_HISTORY_ENTRY = 4            /* bytes of history for each entry */
};

enum { GY_PROOF_BYTES = 16 }; /* of an entry that proves itself: proof.h */

enum { GY_GATES = GY_LINE / sizeof(uint32_t) };

enum gy_ring { GY_PROBATION, GY_MAIN, GY_RINGS };
enum { GY_AHEAD = 8 }; /* arenas to be swept next: so many are known of a ring */

/* Threads that sweep at once have a hand each, or nearly: an arena that no hand knows of is found by a look at all. The
 * first ones are of processors, where arenas are many: hand.h. */
enum { GY_HANDS = 16, GY_HANDS_OWN = 8 };

struct gy_hand {
    _Alignas(GY_LINE) gy_atomic_u64 parked; /* an arena + 1, GY_HAND_FLAGS: there a sweep goes on */
    gy_atomic_u64 owed;                     /* bytes: what sweeps for room kept and should not. (Relaxed: steers.) */
    gy_atomic_u64 evicted;                  /* entries not yet in history_clock */
};

struct gy_lane {
    _Alignas(GY_LINE) gy_atomic_u64 open[GY_RINGS]; /* the arena entries are appended to, with its sequence */
};

/* Phases of growth, kept with the size in a shard's geometry word. An operation takes them once, at its
 * start, inside its section. (The fourth phase, when all use the new size, is phase 0 of that size.) */
enum gy_phase { GY_STEADY, GY_UNION, GY_MOVING };

/* A mask of the places of N buckets, in bytes; and the phase, in the bits below. */
static inline uint64_t
gy_geometry_mask(unsigned log2, enum gy_phase phase)
{
    return (((uint64_t)1 << log2) - 1) << GY_BUCKET_SHIFT | phase;
}

/* And both once more above, which lookups mask off: one bit that turns over in a file makes no other geometry of it. */
enum { GY_GEOMETRY_AGAIN_SHIFT = 56 };

static inline uint64_t
gy_geometry_word(unsigned log2, enum gy_phase phase)
{
    return gy_geometry_mask(log2, phase) | (uint64_t)(log2 << 2 | phase) << GY_GEOMETRY_AGAIN_SHIFT;
}

static inline enum gy_phase
gy_geometry_phase(uint64_t geometry)
{
    return (enum gy_phase)(geometry & 3);
}

/* Of the N buckets. */
static inline uint64_t
gy_geometry_bytes(uint64_t geometry)
{
    return (geometry | (((uint64_t)1 << GY_BUCKET_SHIFT) - 1)) + 1;
}

static inline unsigned
gy_geometry_log2(uint64_t geometry)
{
    return (unsigned)__builtin_ctzll((geometry >> GY_BUCKET_SHIFT) + 1); /* the lowest bit that is 0, whatever is above */
}

/* The bits that a shard's word may have: of as many buckets as there is room for, and of a phase where there is
 * room for two sizes. */
static inline uint64_t
gy_geometry_bits(const struct gy_geometry *g)
{
    return gy_geometry_mask(g->log2_buckets_most, GY_STEADY) | (g->log2_buckets_most > 0 ? 3 : 0);
}

/* A shard of the index. Its geometry stands apart, beside those of the others: every lookup reads one, and they are in as
 * few lines as can be. */
struct gy_shard {
    _Alignas(GY_LINE) gy_atomic_u64 n_committed;  /* about: account.h. (Relaxed: decides when to grow.) */
    _Alignas(GY_LINE) gy_atomic_u64 driver;       /* who drives the growth, or displaces a word; 0: nobody */
    gy_atomic_u64 stage, cursor, finished;        /* growth: grow.c */
    gy_atomic_u64 orphaned;                       /* 1: who had claimed buckets to move may have died */
    gy_atomic_u64 displaced; /* the hash of the key whose word is being moved, lowest bit set; 0: none */
};

/* Threads count apart what they do to shards in so many places: account.c. Each has a count for every shard, in lines of
 * its own. */
enum { GY_PLACES = 8 };

static inline uint64_t
gy_layout_counts(uint64_t n_shards)
{
    const uint64_t a_line = GY_LINE / sizeof(gy_atomic_u64);
    return (n_shards + a_line - 1) / a_line * a_line;
}

enum gy_clean {
    GY_FILE_DIRTY,   /* and it is not clean on the disk either */
    GY_FILE_CLEAN,   /* all have closed it, and what they wrote is on the disk */
    GY_FILE_OPENING  /* nothing was changed yet; on the disk it may be clean */
};

/* A file, over the lives of the machine. (Relaxed, but for clean: by who holds its lock, or statistics.) */
struct gy_life {
    gy_atomic_u64 clean;   /* a gy_clean */
    gy_atomic_u64 boot[2]; /* the machine's, when it was opened last */
    gy_atomic_u64 home;    /* which file it is: a copy is another */
    gy_atomic_u64 start_wall_ms, latest_ms; /* wall clock at the start of cache time, as told last; and cache time then */
    gy_atomic_u64 start_wall_again; /* the earlier of both counts: lest what has expired comes back */
    gy_atomic_u64 marked, mark_proved; /* the mark of clears; and that it is: proof.h */
    gy_atomic_u64 synced;  /* the number of the sequence at which the last sync began, and cache time */
    gy_atomic_u64 synced_ms, syncs, sync_errors;
    gy_atomic_u64 tables;  /* of a clean one: the sum of its tables: doubt.h */
    gy_atomic_u64 doubted; /* when nobody had it open last: arenas of before have a smaller opening number, */
    gy_atomic_u64 doubted_versions; /* and leases a smaller token */
};

/* Of a file: what its last recovery has found, by whomever. (Relaxed: statistics.) */
struct gy_recovered {
    gy_atomic_u64 entries, dropped[GYRE_DROPS], dropped_bytes[GYRE_DROPS];
};

enum { GY_HEAD_WORDS = 32, GY_HEAD_COPY_AT = 4096, GY_HEAD_UNUSED = 200 };

/* In the word that says how far clears were carried out: the file is doubted. */
#define GY_DOUBT ((uint64_t)1 << 63)

struct gy_super {
    uint64_t magic;
    uint16_t format, minor;
    uint32_t stamp;              /* everything on which two builds of one format must agree */
    gy_atomic_u32 state;
    uint32_t reader_fences;      /* 1: readers fence for themselves; 0: reclaimers use membarrier */
    uint64_t generation, seed;   /* generation: a random number; no other region has it */
    uint64_t clock_start_ms;     /* of the monotonic clock: cache time counts from here */
    uint64_t clock_before_ms;    /* and so much had passed before: of a file, while the machine's clock was another */
    struct gy_geometry geometry;
    uint64_t sum;                /* of these, but for magic and state */

    /* Clear: entries of arenas opened before mark are gone; those before done are out of the index. */
    _Alignas(GY_LINE) gy_atomic_u64 mark;
    gy_atomic_u64 done;                           /* with GY_DOUBT: doubt.h */
    gy_atomic_u64 rebuild;                        /* a file that is being rebuilt: note.h; else 0 */

    _Alignas(GY_LINE) gy_atomic_u64 sequence;     /* openings and sealings of arenas */
    gy_atomic_u64 n_free;                         /* free arenas (Relaxed: a hint and a statistic) */
    gy_atomic_u64 n_retired;                      /* and those that may soon be, about (Relaxed: a hint) */
    gy_atomic_u64 index_credit;                   /* bytes of withdrawn arenas not yet used by the index: credit.h */
    gy_atomic_u64 index_bytes;
    gy_atomic_u64 draft_bytes;

    struct gy_hand hand[GY_HANDS];

    _Alignas(GY_LINE) gy_atomic_u64 epoch;        /* grace periods started */
    gy_atomic_u64 epoch_elapsed;                  /* and how far they are known to have elapsed: local.c */
    gy_atomic_u64 pin_base;                       /* the part of a pin that is the same for all: see cache.h */
    gy_atomic_u32 n_records_used;                 /* records at and above this index were never used */
    gy_atomic_u32 fork_generation;
    gy_atomic_u32 n_members_used;                 /* shared caches: the same of members' places */
    gy_atomic_u32 maintainer_sleeps;              /* a futex */
    gy_atomic_u64 maintainer;                     /* the thread that does the maintenance for all */
    gy_atomic_u64 maintained_ms;                  /* when it last did. (Relaxed: a sign of life.) */
    gy_atomic_u64 recount;                        /* 1: somebody died, and counts may be off */

    /* From the last look at all arenas: the oldest of each ring, as lanes name arenas, and the bytes that live in those
     * that are sealed. (Relaxed: hints.) */
    _Alignas(GY_LINE) gy_atomic_u64 ahead[GY_RINGS][GY_AHEAD];
    gy_atomic_u64 sealed[GY_RINGS];

    _Alignas(GY_LINE) gy_atomic_u64 n_entries[GY_RINGS]; /* with max_entries */
    _Alignas(GY_LINE) gy_atomic_u64 history_clock;
    gy_atomic_u64 sweeps, growths, grace_periods; /* (Relaxed: statistics.) */

    /* Apart, since every put reads them. */
    _Alignas(GY_LINE) gy_atomic_u64 history_shift; /* the history uses its buckets >> this many: history.c */
    gy_atomic_u64 turnover, mean_bytes;           /* entries, when last counted; and of what size. (Relaxed: measures.) */

    _Alignas(GY_LINE) struct gy_learned learned;

    _Alignas(GY_LINE) gy_atomic_u32 gate[GY_GATES]; /* where those wait who wait for leases: gate.h */

    /* What stays when a file is emptied. */
    _Alignas(GY_LINE) struct gy_life life;        /* files: file.h */
    _Alignas(GY_LINE) gy_atomic_u64 versions;     /* handed out in blocks */
    _Alignas(GY_LINE) struct gy_recovered recovered;

    _Alignas(GY_LINE) uint64_t unused[GY_HEAD_UNUSED];
    uint64_t copy[GY_HEAD_WORDS];                 /* of all before mark, in another page */

    _Alignas(GY_LINE) struct gy_shard shard[];
};
_Static_assert(offsetof(struct gy_super, mark) == sizeof(uint64_t[GY_HEAD_WORDS]), "so much is fixed");
_Static_assert(offsetof(struct gy_super, copy) == GY_HEAD_COPY_AT, "the copy is found without the head");

static inline gy_atomic_u64 *
gy_layout_geometries(const char *base, const struct gy_geometry *g)
{
    return (gy_atomic_u64 *)(uintptr_t)(base + g->geometries_at);
}

static inline uint64_t
gy_layout_index_first(const struct gy_geometry *g)
{
    return (sizeof(struct gy_bucket) << g->log2_buckets_first) * g->n_shards;
}

/* Of a sparse cache, so many of the first arenas have their bytes from the start: puts can go on with them. */
static inline uint32_t
gy_layout_arenas_least(const struct gy_geometry *g)
{
    enum { TO_SWEEP = 8 };
    return (uint32_t)gy_min(g->n_arenas, (uint64_t)g->n_lanes * GY_RINGS + g->reserve_arenas + TO_SWEEP);
}

/* Plans a region for checked options. GYRE_OK, GYRE_EINVAL when the parts do not fit the capacity. */
int gy_layout_plan(struct gy_geometry *out, const gyre_options *options, unsigned n_cpus);

/* Does the largest value follow from the size of arenas? Else it was asked for. */
bool gy_layout_value_derived(const struct gy_geometry *g);

/* Empties a region of which all but the head and the arenas reads as zero: it is as if fresh, but for what is fixed in the head,
 * a file's life, and versions. Nobody else is there. */
void gy_layout_empty_quiet(char *base, const struct gy_geometry *g);

/* What a fresh region is given beside its geometry. */
struct gy_birth {
    uint64_t seed, generation, clock_start_ms, clock_before_ms;
    bool reader_fences;
};

/* Writes the superblock of a fresh region: nobody else can be there, or looks at more than whether it is finished. */
void gy_layout_format_quiet(char *base, const struct gy_geometry *g, const struct gy_birth *birth);

/* Signs the head, and copies it. Quiet: nobody else changes it. */
void gy_layout_sign_quiet(struct gy_super *head);

/* The head and its copy are made whole by each other, if one is the head of a region of so many bytes. */
void gy_layout_mend_quiet(struct gy_super *head, uint64_t region_bytes);

/* Of the first bytes of an object: there is no region yet, or half of one? */
bool gy_layout_unfinished(const struct gy_super *head);

/* Checks a superblock before anything in it is followed: its fixed part, of which the caller has a copy that nobody
 * changes; then the shards' words. GYRE_OK, GYRE_EFORMAT or GYRE_ECORRUPT. */
int gy_layout_verify(const struct gy_super *head, uint64_t region_bytes);

/* The same; where the fixed part is damaged, its copy takes its place, if that is not. */
int gy_layout_verify_either(struct gy_super *head, uint64_t region_bytes);

int gy_layout_verify_shards(const char *base, const struct gy_geometry *g);

#endif

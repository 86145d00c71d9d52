/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre: a lock-free concurrent cache.
 *
 *     gyre_options options = GYRE_OPTIONS_INIT;
 *     options.capacity_bytes = 64 << 20;
 *     gyre *cache;
 *     if (gyre_open(&cache, &options) != GYRE_OK) ...
 *     gyre_put(cache, "answer", 6, "42", 2, NULL);
 *     gyre_view view;
 *     if (gyre_get(cache, "answer", 6, &view) == GYRE_OK) {
 *         ... view.data, view.size: the cached bytes themselves, nothing was copied ...
 *         gyre_release(&view);
 *     }
 *     gyre_close(cache);
 *
 * Caveats, before anything else:
 *
 *  - A cache may drop any entry at any time. A miss is never an error and never final.
 *  - A view keeps one arena of the cache (a few hundred entries, say) from being reused until it is
 *    released. Hold as many as you need, for as long as you need, but not by accident:
 *    gyre_stats names the oldest.
 *  - Values are immutable once they are published. Writing through a view is undefined.
 *  - Release all views, and finish or abort all drafts and leases, before gyre_close.
 *  - Do not copy a gyre_view or gyre_draft and release both copies.
 *  - The library is not async-signal-safe: do not call it from signal handlers.
 *
 * Thread rule, for every function: unless its comment says otherwise, any thread may call it at any
 * time on an open cache, concurrently with all others, and no call but gyre_get_or_lease waits for
 * another thread. Threads need no registration; what a thread holds of the cache is given back when it
 * exits.
 *
 * Ordering, for every function: per key, puts, deletes and hits are linearizable, and spurious misses
 * are allowed. After a put returned, no get that starts later returns an older value of that key;
 * after a delete returned, none returns a value put before the delete. What a thread wrote before a
 * put is visible to whoever gets that value. No order is promised between different keys.
 *
 * Bad input: a NULL where something is needed, a size out of range, an unknown flag or options that
 * contradict each other answer GYRE_EINVAL and change nothing. The library never prints, exits,
 * aborts or touches a signal handler. */

#ifndef GYRE_H
#define GYRE_H

#if !defined(__linux__) || !defined(__LP64__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "gyre needs Linux on a 64-bit little-endian machine (x86-64 or aarch64)"
#endif

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GYRE_VERSION_MAJOR 0
#define GYRE_VERSION_MINOR 1
#define GYRE_VERSION_PATCH 0
#define GYRE_VERSION ((uint32_t)(GYRE_VERSION_MAJOR << 16 | GYRE_VERSION_MINOR << 8 | GYRE_VERSION_PATCH))

#define GYRE_API __attribute__((visibility("default")))

typedef struct gyre gyre; /* one open cache; every call may be made by any thread */

/* Results: 0 success; positive: an ordinary outcome; negative: an error. */
enum {
    GYRE_OK = 0,
    GYRE_MISS = 1,      /* no such entry, or none that may be returned */
    GYRE_EXISTS = 2,    /* GYRE_ADD: the key is present */
    GYRE_CHANGED = 3,   /* GYRE_IF_VERSION: another version stands */
    GYRE_LEASED = 4,    /* gyre_get_or_lease: absent, and another computes it */
    GYRE_STALE = 5,     /* gyre_get_or_lease: the same, and here is the value that has expired */
    GYRE_EINVAL = -1,   /* an argument is not usable */
    GYRE_E2BIG = -2,    /* larger than the cache, or the buffer, takes */
    GYRE_ENOMEM = -3,   /* the system has no memory, or no thread, to give */
    GYRE_EBUSY = -4,    /* nothing could be freed: pins hold it; or lost too many races */
    GYRE_EFORMAT = -5,  /* a region of another format or build */
    GYRE_ECORRUPT = -6, /* a damaged region */
    GYRE_EPERM = -7,    /* not permitted, or a read-only cache */
    GYRE_EIO = -8,
    GYRE_ENOSPC = -9,
    GYRE_ENOENT = -10,
    GYRE_EEXIST = -11,
    GYRE_ESTALE = -12   /* revoked: a lease that has ended; a draft or lease of the parent's, in a forked child; or this process
                         * was expelled from the cache (gyre_expel) */
};

/* A short English text for any int; a static string, never NULL. Any thread, any time. */
GYRE_API const char *gyre_strerror(int code);

/* The version of the library that runs, as GYRE_VERSION is that of the header compiled against. */
GYRE_API uint32_t gyre_version(void);

/* ---- open and close --------------------------------------------------------------------------- */

enum {                        /* gyre_options.flags */
    GYRE_CREATE = 1,          /* create it when it does not exist; implied by a private cache */
    GYRE_EXCLUSIVE = 2,       /* with GYRE_CREATE: fail when it exists */
    GYRE_READONLY = 4,        /* shared caches and files only */
    GYRE_NO_THREAD = 8,       /* start no maintenance thread: puts and gyre_maintain do its work */
    GYRE_HUGEPAGES = 16,      /* ask for huge pages for arenas and index */
    GYRE_VERSIONS = 32,       /* give every entry a version (8 bytes an entry) */
    GYRE_LIBURCU = 64,        /* private caches: grace periods of liburcu (urcu-bp) instead of our own.
                               * They can only be waited for: maintenance does, and, when there is no
                               * thread, a put that lets the index grow. Not inside a urcu-bp section;
                               * and see docs/failures.md before forking */
    GYRE_SHM_FD = 128,        /* shared memory without a name, by descriptor: see shm_fd */
    GYRE_NO_CHECKSUMS = 512,  /* files: entries do not prove themselves (16 bytes less for each, and puts are faster). A file that
                               * was open when the machine stopped is then emptied, not recovered */
    GYRE_COMPACT = 1024,      /* files: it is made anew as if with another capacity: without holes, its entries in order */
    GYRE_SPARSE = 2048,       /* files and shared memory, when they are made: not all of the capacity is reserved at once, but what
                               * puts cannot do without (of large caches a tenth at most), and the rest as it is used. Where
                               * the disk, or memory, is full then, puts evict instead. What exists is as it was made, with
                               * this flag or without */
    GYRE_ANY_FILE_SYSTEM = 256 /* file_path may be on a file system of another machine. Only one machine may then have the
                               * file open, and nobody looks whether that is so */
};

/* Zero means the default in every field but struct_size and capacity_bytes. For a shared cache or a file that exists
 * already, zero (in capacity_bytes, too) means as it is, and what is not zero must be as it was created
 * (value_align at most as large; expected_entry_bytes is not compared): GYRE_EFORMAT otherwise. But a file gets another
 * capacity by being opened with it (gyre_open). */
typedef struct gyre_options {
    uint32_t struct_size;          /* set by GYRE_OPTIONS_INIT */
    uint32_t flags;
    uint64_t capacity_bytes;       /* required: arenas and index together; 64 KiB to 4 TiB */
    uint64_t max_entries;          /* 0: no limit. Held strictly: exceeded by puts in flight only */
    uint32_t max_value_bytes;      /* 0: derived from the capacity (about a 512th of it, at least 3,500
                                    * bytes); gyre_stats shows it */
    uint32_t expected_entry_bytes; /* mean size of key and value; 0: 1024. Sizes the first index, which
                                    * grows as needed, and, when given, arenas that fit large entries */
    uint32_t value_align;          /* 0: 8. Alignment of view.data: a power of two, 8 to 4096 */
    uint32_t default_ttl_ms;       /* 0: none */
    uint32_t mode;                 /* permissions of a shared object, whatever the umask: 0 (0600), or bits of
                                    * 0666. One that lets others write whom mode does not is refused */
    uint32_t reserved;             /* 0 */
    const char *shm_name;          /* shared memory between processes: 1 to 200 of [A-Za-z0-9._-], one '/' in
                                    * front allowed; not ".", "..", or ".gyre-creating-" and more */
    const char *file_path;         /* a file that outlives them, and the machine: a path of less than 4,096 bytes */
    uint64_t seed;                 /* of the key hash; 0: random */
    uint64_t (*clock_ms)(void *);  /* NULL: the system's monotonic clock. Must not run backwards, must */
    void *clock_arg;               /* be callable by any thread, and must not call gyre. For tests */
    void *(*allocate)(void *arg, size_t bytes);                 /* both or neither; NULL: malloc and  */
    void (*deallocate)(void *arg, void *memory, size_t bytes);  /* free. For process-local state: not */
    void *allocate_arg;                                         /* the cached bytes. Any thread.      */
    int32_t shm_fd;       /* with GYRE_SHM_FD (else 0): a memfd, open for reading and writing. With GYRE_CREATE
                           * an empty one is filled. The cache works on a duplicate: yours stays yours */
    uint32_t sync_interval_ms; /* files: a thread of this process does a gyre_sync when the last one was so long ago; 0: none
                                * does. With GYRE_NO_THREAD gyre_maintain does it */
} gyre_options;

#define GYRE_OPTIONS_INIT                                                                          \
    { (uint32_t)sizeof(gyre_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, \
      0, 0 }

/* Opens a cache and stores it in *out. *out is NULL on failure.
 * Memory: address space for capacity_bytes, the largest index and small tables is reserved at once;
 * pages become resident as they are used, and arenas and index together never exceed capacity_bytes.
 * Callers built against an older or a newer header are served: a shorter struct reads as zero-extended,
 * a longer one must be zero in what this library does not know.
 * GYRE_EINVAL (also when the capacity is less than about eight of the largest values, or of pieces of
 * twice value_align), GYRE_ENOMEM (memory, address space, a descriptor, or the thread could not be had), GYRE_EIO (no
 * random seed could be had; or what the system says of shared memory fits nothing else).
 *
 * Shared caches: without GYRE_CREATE one that exists is opened (GYRE_ENOENT); with it, one is created when there is
 * none: by one process, however many ask at once, and nobody finds half of one; with GYRE_EXCLUSIVE, too, one that
 * exists is refused (GYRE_EEXIST). Their space is reserved when they are created (but see GYRE_SPARSE): GYRE_ENOSPC, and nothing is
 * left. GYRE_EPERM: what has the name is no plain file, has a second name, belongs to somebody else than this
 * process's user or root (unless mode lets others read or write), or lets others write whom mode does not. GYRE_EFORMAT: no
 * region, one of another format or build, or one that is not as options say; nothing was changed. GYRE_ECORRUPT: a damaged region;
 * gyre_unlink removes it. GYRE_EBUSY: another process has been creating it for long, and does not come to an end.
 * Not for them: clock_ms, GYRE_LIBURCU. More in docs/shared.md.
 *
 * Files: shared caches whose bytes are a file's: all of the above holds for them. What is found is warm when it was closed
 * by all who had it open, or when they were killed and the machine has gone on since. The index of a file that was open when the
 * machine stopped is made anew from entries that prove themselves: what is found then is whole, and was put last before
 * the last gyre_sync, or since; all else is a miss (stats: start). That takes about a second here, and then goes on in the
 * background: what was not read yet is a miss, too (stats: recovering). With GYRE_NO_THREAD, gyre_maintain and gyre_sync go on with it.
 * GYRE_EPERM also:
 * the file system is not of this machine, or may not be (FUSE), and GYRE_ANY_FILE_SYSTEM is not given; or there is no /proc, or
 * no lock to be had. GYRE_EBUSY also: another process opens or closes it and does not come to an end, or a process of
 * another machine has it open. GYRE_EFORMAT also: it is a cache in shared memory. GYRE_EIO also: the disk refused a write:
 * nothing was changed that cannot be done again. Read-only, of one that is to be recovered or emptied: GYRE_ENOENT. More in
 * docs/file.md.
 *
 * A file that is opened with another capacity than it has, or with GYRE_COMPACT, by who may write and while nobody else has it
 * open, is made anew: a file beside it is filled with what fits, hottest first, written out, and takes its name; time to live,
 * flags, versions and frequencies stay, statistics begin anew (stats: start, recovered_entries, dropped). Whatever
 * happens meanwhile, the name leads to one of the two, whole. It takes room for both, and a few microseconds for each entry,
 * during which other openers wait. GYRE_EFORMAT: somebody else has it open (GYRE_EBUSY, if the capacity is the same); GYRE_EINVAL: that
 * capacity does not take its largest values (max_value_bytes); GYRE_ENOSPC: no room for the other one; GYRE_EPERM: this process
 * may not make one in that folder, or not for that owner. It is as it was then. */
GYRE_API int gyre_open(gyre **out, const gyre_options *options);

/* Stops the maintenance thread and returns all memory to the system. NULL is allowed.
 * No other call on this cache may be running or made later; all its views must have been released and
 * its drafts committed or aborted. Threads that used the cache may live on. */
GYRE_API void gyre_close(gyre *cache);

/* Removes the name of a shared cache or a file (only shm_name and file_path are read). Who has it open goes on with it; gyre_stats tells them,
 * and the next gyre_open with GYRE_CREATE makes another. GYRE_ENOENT; GYRE_EPERM; GYRE_EFORMAT when it is the name of
 * something else, which is left alone; GYRE_EINVAL for caches without a name. */
GYRE_API int gyre_unlink(const gyre_options *options);

/* ---- reading ---------------------------------------------------------------------------------- */

/* A pinned, readable value. Set by gyre_get and gyre_get_many, given back by gyre_release. */
typedef struct gyre_view {
    const void *data;     /* aligned to options.value_align; not NULL, even when size is 0 */
    size_t size;          /* bytes */
    uint64_t version;     /* 0 without GYRE_VERSIONS */
    uint32_t user_flags;
    uint32_t ttl_left_ms; /* 0: no TTL; at least 1 with one */
    uint64_t priv[3];
} gyre_view;

/* Looks a key up. GYRE_OK: view->data is the cached value itself, readable until gyre_release, by any
 * thread, whatever happens to the entry meanwhile. Otherwise the view is empty and needs no release.
 * GYRE_MISS; GYRE_EINVAL (a key of 0 bytes, too); GYRE_EBUSY when every pin of the cache is in use (a
 * hundred thousand views), or 4,096 threads hold its records; GYRE_ENOMEM when this thread's first call finds no memory to register it.
 * A hit on an entry that has been hit a few times writes nothing that another thread reads. */
GYRE_API int gyre_get(gyre *cache, const void *key, size_t key_size, gyre_view *view);

/* Gives a view back; any thread. An empty view, NULL, or the same struct a second time: no effect. */
GYRE_API void gyre_release(gyre_view *view);

/* Copies a value into buffer and stores its size in *value_size (which may be NULL).
 * GYRE_E2BIG: buffer_size is too small; *value_size is set and nothing is written.
 * buffer may be NULL when buffer_size is 0. Otherwise as gyre_get. */
GYRE_API int gyre_read(gyre *cache, const void *key, size_t key_size, void *buffer, size_t buffer_size,
                       size_t *value_size);

typedef struct gyre_key {
    const void *data;
    size_t size; /* bytes */
} gyre_key;

/* n lookups whose cache misses overlap: several times faster than n times gyre_get when the entries
 * are not in the processor's caches. views[i] and results[i] are what gyre_get would have given for
 * keys[i]; each view with GYRE_OK is to be released. Returns the number of hits; 0 and no result
 * stored when cache, keys, views or results is NULL. The n lookups are not one atomic step. */
GYRE_API size_t gyre_get_many(gyre *cache, size_t n, const gyre_key *keys, gyre_view *views, int *results);

/* ---- writing ---------------------------------------------------------------------------------- */

enum {                   /* gyre_put_options.flags; at most one */
    GYRE_ADD = 1,        /* only when absent, else GYRE_EXISTS */
    GYRE_REPLACE = 2,    /* only when present, else GYRE_MISS */
    GYRE_IF_VERSION = 4  /* only when that version stands: GYRE_MISS when absent, GYRE_CHANGED when
                          * another stands; GYRE_EINVAL without GYRE_VERSIONS */
};

#define GYRE_NO_TTL UINT32_MAX

typedef struct gyre_put_options {
    uint32_t struct_size;  /* set by GYRE_PUT_OPTIONS_INIT */
    uint32_t flags;
    uint32_t ttl_ms;       /* 0: the cache's default; GYRE_NO_TTL: none */
    uint32_t user_flags;   /* kept with the value (4 bytes when not 0) */
    uint64_t version;      /* in: for GYRE_IF_VERSION */
    uint64_t *new_version; /* out, may be NULL: set on GYRE_OK; 0 without GYRE_VERSIONS */
} gyre_put_options;

#define GYRE_PUT_OPTIONS_INIT { (uint32_t)sizeof(gyre_put_options), 0, 0, 0, 0, NULL }

/* Stores a copy of value under key; options may be NULL. GYRE_OK once the value stands.
 * A put does not fail while anything can be evicted. value may be NULL when value_size is 0.
 * GYRE_E2BIG: key or value is larger than the cache takes. The older value is then removed (a rejected
 *   replacement must not leave it behind), except with GYRE_ADD and with a version that does not stand.
 * GYRE_EBUSY: pins hold so much that nothing can be freed; or the threads that have the room in hand did not run
 *   while this one waited, some 20 ms; or, with GYRE_ADD, too many races with other writers of this key were lost;
 *   the cache is unchanged.
 * GYRE_ENOMEM, GYRE_EBUSY: this thread could not be registered, as gyre_get.
 * GYRE_EXISTS, GYRE_MISS, GYRE_CHANGED: see the flags; the cache is unchanged.
 * Two overlapping puts of one key may, rarely, both be lost: as if evicted at once. */
GYRE_API int gyre_put(gyre *cache, const void *key, size_t key_size, const void *value, size_t value_size,
                      const gyre_put_options *options);

/* A value being built in place. */
typedef struct gyre_draft {
    void *data;  /* size writable bytes, aligned to options.value_align, not initialised */
    size_t size; /* bytes */
    uint64_t priv[6];
} gyre_draft;

/* Reserves room for a value that the caller writes into draft->data, on any thread and for as long as
 * it takes, and then publishes with gyre_commit or drops with gyre_abort. Nobody sees it before.
 * The TTL counts from this call; conditions are decided by gyre_commit.
 * Errors as gyre_put; GYRE_EBUSY also when open drafts hold a quarter of the cache. On failure the
 * draft is empty. */
GYRE_API int gyre_reserve(gyre *cache, const void *key, size_t key_size, size_t value_size,
                          const gyre_put_options *options, gyre_draft *draft);

/* Publishes a draft; results as gyre_put. The draft is empty afterwards, whatever the result.
 * options.new_version, when given to gyre_reserve, is written here and must live until then.
 * An empty draft: GYRE_EINVAL. GYRE_ESTALE: in a forked child, a draft of another of the parent's threads, or
 * any of a shared cache's from before. */
GYRE_API int gyre_commit(gyre_draft *draft);

/* Drops a draft. NULL or an empty draft: no effect. */
GYRE_API void gyre_abort(gyre_draft *draft);

/* Removes a key. GYRE_OK when it was present, GYRE_MISS when it was not; GYRE_EINVAL; GYRE_ENOMEM and
 * GYRE_EBUSY as gyre_get. */
GYRE_API int gyre_delete(gyre *cache, const void *key, size_t key_size);

/* Gives an entry a new TTL from now, as in gyre_put_options. The entry is replaced by a copy with the
 * same value, flags and version. GYRE_OK, GYRE_MISS when absent; else as gyre_put. */
GYRE_API int gyre_touch(gyre *cache, const void *key, size_t key_size, uint32_t ttl_ms);

/* Empties the cache in constant time for the caller: from its return on no older entry is returned.
 * Its memory is taken back in the background. */
GYRE_API int gyre_clear(gyre *cache);

/* ---- computing a value once --------------------------------------------------------------------- */

/* A lease: its holder alone computes the value of a key; the others who want it wait, take a stale one, or go on by
 * themselves. It ends when it is committed, reserved under, or aborted; when a put, a delete or a clear of the key comes
 * first; when the thread that took it exits, or its time is over, and another asks for the key. Like an entry it
 * may be evicted, too, where the cache is short of room. Until then every lookup of the key is a miss, and no
 * condition finds it. A lease that has ended is refused: so what was computed before a delete, a clear or a put is
 * never stored after it, and of two who computed the same value one stores it.
 * Do not copy a gyre_lease and use both copies. */
typedef struct gyre_lease {
    uint64_t priv[6];
} gyre_lease;

#define GYRE_NO_WAIT UINT32_MAX

/* Zero means the default in every field but struct_size. Callers of the same key use the same ones, as a rule. */
typedef struct gyre_lease_options {
    uint32_t struct_size; /* set by GYRE_LEASE_OPTIONS_INIT */
    uint32_t flags;       /* 0 */
    uint32_t lease_ms;    /* how long the lease lasts, when this call gets it; 0: 10 seconds. Longer than the value
                           * takes to compute: who comes later takes it over */
    uint32_t wait_ms;     /* how long to wait for another's; 0: as lease_ms; GYRE_NO_WAIT: not at all */
    uint32_t stale_ms;    /* rather than wait, take a value that expired less than so long ago; 0: no */
    uint32_t reserved;    /* 0 */
} gyre_lease_options;

#define GYRE_LEASE_OPTIONS_INIT { (uint32_t)sizeof(gyre_lease_options), 0, 0, 0, 0, 0 }

/* Looks a key up, as gyre_get; when it is absent, one caller at a time gets a lease on it. options may be NULL.
 * GYRE_OK: the value, as from gyre_get, to be released. The lease is empty.
 * GYRE_MISS: the lease is the caller's: compute the value, then gyre_lease_commit, or gyre_lease_abort.
 * GYRE_STALE: with stale_ms: another has the lease; the view has the expired value, its version and ttl_left_ms are
 *   0, and it is to be released. It is there as long as the entry was not evicted, nor looked up by another call,
 *   before the lease was given; whoever finds it expired first gets the lease.
 * GYRE_LEASED: another has the lease, and wait_ms is over. Nothing was handed out: compute the value without storing it,
 *   try later, or put it, which ends the other's lease. Also, at once, when the caller's thread has it.
 * Otherwise view and lease are empty: GYRE_EINVAL; GYRE_E2BIG: the key is larger than the cache takes; GYRE_EBUSY:
 *   as gyre_get and gyre_put; GYRE_ENOMEM as gyre_get; GYRE_EPERM: the cache is read-only.
 * In a shared cache the callers of all processes are one herd, and a holder is gone when its process is.
 * This is the one call that waits for other threads, and only while one of them has the lease. It holds nothing of the
 * cache while it waits; who waits is woken when the lease ends, and the next of them gets it if no value came.
 * A lease keeps some 60 bytes and the key, and the stale value if there is one, in the cache. */
GYRE_API int gyre_get_or_lease(gyre *cache, const void *key, size_t key_size, const gyre_lease_options *options,
                               gyre_view *view, gyre_lease *lease);

/* Stores the value that was computed under a lease, and ends it; any thread. options as gyre_put, without a flag. The
 * lease is empty afterwards, whatever the result.
 * GYRE_ESTALE: the lease had ended: nothing is stored, and what stands stays. GYRE_EINVAL (an empty lease, too);
 * GYRE_E2BIG, GYRE_EBUSY, GYRE_ENOMEM as gyre_put: nothing is stored. */
GYRE_API int gyre_lease_commit(gyre_lease *lease, const void *value, size_t value_size,
                               const gyre_put_options *options);

/* The same for a value that is built in place: a draft as from gyre_reserve. gyre_commit stores it and ends the lease,
 * results as gyre_lease_commit; gyre_abort ends the lease, too. The lease itself is empty afterwards; where
 * this fails (results as gyre_lease_commit) it has ended, and the draft is empty. */
GYRE_API int gyre_lease_reserve(gyre_lease *lease, size_t value_size, const gyre_put_options *options,
                                gyre_draft *draft);

/* Ends a lease without a value: the next who asks gets it. NULL, an empty lease, or one that has ended: no effect. */
GYRE_API void gyre_lease_abort(gyre_lease *lease);

/* ---- the whole cache -------------------------------------------------------------------------- */

/* Called with each entry; key and view are readable until it returns, the view is the scan's and must
 * not be released. May call any gyre function but gyre_close. Non-zero stops the scan. */
typedef int gyre_visit(void *arg, const void *key, size_t key_size, const gyre_view *value);

/* Visits every entry that is present throughout the scan, none twice unless it was put again; others
 * may or may not be visited. In no particular order. GYRE_OK, or what visit returned to stop it;
 * GYRE_EINVAL, GYRE_ENOMEM, GYRE_EBUSY. */
GYRE_API int gyre_scan(gyre *cache, gyre_visit *visit, void *arg);

/* Does maintenance (sweep, growth, clear, recovery) for about budget_ns nanoseconds, at least one step.
 * For caches with GYRE_NO_THREAD; harmless on others. Positive when more is to be done, 0 when nothing
 * is; GYRE_EINVAL; GYRE_ENOMEM and GYRE_EBUSY as gyre_get. */
GYRE_API int gyre_maintain(gyre *cache, uint64_t budget_ns);

/* Gives up on a process that has a shared cache open and does not go on: it is stopped, by SIGSTOP or a debugger, or
 * hangs, at any instruction of any call. All that it holds of the cache is the others' from now on: what waited for it
 * goes on; views of its own keep no memory any more; its leases pass on; its work is taken over. (What stays set aside
 * until it has closed the cache or ended: at most five arenas for each of its threads that was in a call, and its drafts.)
 * When it comes back its calls answer GYRE_ESTALE, but for gyre_close, gyre_release, gyre_abort, gyre_lease_abort and
 * gyre_stats_read, which it may use as ever; it may open the cache anew. A call during which it was expelled answers
 * GYRE_ESTALE, too: what it was to change may have changed, or not. *What its views point to may be reused at any time
 * after this call*: a program that may be expelled, and uses views, asks (a gyre_read of any key) after it has used them
 * and before it believes what it read. gyre_read never hands out what was reused.
 * pid is a number of the caller's PID namespace; if the process has the cache open more than once, all of these are given up.
 * GYRE_OK, also when it was expelled before; GYRE_ENOENT: no such process has the cache open; GYRE_EINVAL: the caller
 * itself, 0, or a private cache; GYRE_EPERM: a read-only cache; GYRE_EIO: the kernel refused a membarrier, and it keeps what
 * it holds: call again; GYRE_ESTALE: the caller was expelled itself. */
GYRE_API int gyre_expel(gyre *cache, uint32_t pid);

/* Files: when it returns GYRE_OK, everything that was put, deleted or cleared before the call is on the disk: whenever the machine
 * stops, it is there, or what came later, or nothing where the entry was being moved or has been evicted since; and nothing
 * comes back that had been replaced, deleted, cleared or evicted by then. (With GYRE_NO_CHECKSUMS: if all had closed it.) It
 * waits for the disk; no other call waits for it. While a file is being recovered, it waits for the end of that, and helps.
 * GYRE_EIO, GYRE_ENOSPC: the disk refused something. Later calls may succeed, but what was refused may be lost: until
 * the file is made anew, nobody's close makes it one that is trusted as it is after the machine stopped (stats: sync_errors).
 * GYRE_EINVAL: the cache is no file. GYRE_EPERM: it is read-only. GYRE_EBUSY: a process that recovers it seems to be stopped.
 * GYRE_ENOMEM, GYRE_EBUSY: in a forked child, as gyre_get. */
GYRE_API int gyre_sync(gyre *cache);

typedef enum gyre_start { /* what gyre_open found */
    GYRE_START_NEW,       /* it was made */
    GYRE_START_WARM,      /* it was there */
    GYRE_START_RECOVERED, /* a file that was open when the machine stopped, or its copy: from what proves itself */
    GYRE_START_EMPTIED,   /* the same, with GYRE_NO_CHECKSUMS: emptied */
    GYRE_START_RESIZED    /* a file that was made anew, with another capacity or GYRE_COMPACT */
} gyre_start;

typedef enum gyre_reason {   /* why an entry was removed */
    GYRE_CAPACITY,           /* evicted for room */
    GYRE_ENTRY_LIMIT,        /* evicted to hold max_entries */
    GYRE_CONFLICT,           /* evicted because its window of the index was full, or by growth */
    GYRE_EXPIRED,
    GYRE_REPLACED,
    GYRE_DELETED,
    GYRE_CLEARED,
    GYRE_REJECTED,           /* its replacement was too large */
    GYRE_LEASE_ENDED,        /* no value: a lease, ended by its commit or abort, by another writer, or passed on */
    GYRE_DAMAGED,            /* it did not prove itself any more, in a file that nobody had had open */
    GYRE_REASONS = 16        /* room for more */
} gyre_reason;

/* Why recovery did not keep an entry that a file held. */
typedef enum gyre_drop {
    GYRE_DROP_UNPROVED, /* it does not prove itself: damaged, or on the disk in part */
    GYRE_DROP_OLDER,    /* a newer version of its key was found, or has come in since; or the key was removed since */
    GYRE_DROP_NO_ROOM,  /* no room in its window, or its reader was expelled; or, in a file made anew, it did not fit, or was damaged */
    GYRE_DROPS
} gyre_drop;

typedef struct gyre_stats {
    uint32_t struct_size;          /* set by the caller (GYRE_STATS_INIT) */
    uint32_t hit_rate_ppm;         /* hits per million lookups; 0 without lookups */
    uint64_t hits, misses, puts, puts_rejected, deletes, touches;
    uint64_t removed[GYRE_REASONS], removed_bytes[GYRE_REASONS]; /* by gyre_reason */
    uint64_t entries;
    uint64_t capacity_bytes;       /* = live + garbage + open + free + index + recovering */
    uint64_t live_bytes;           /* entries, with their headers and padding */
    uint64_t garbage_bytes;        /* the rest: removed, replaced, never published, ends of arenas */
    uint64_t open_bytes;           /* room left in arenas that are being filled */
    uint64_t free_bytes;           /* free arenas, and what is set aside for the index */
    uint64_t index_bytes;
    uint64_t table_bytes;          /* beside the capacity: records, arena table, history */
    uint64_t pinned_bytes;         /* of arenas that views and drafts hold */
    uint64_t max_value_bytes;
    uint64_t sweeps, copied_entries, copied_bytes, growths, window_conflicts, retries, grace_periods;
    uint64_t vanished;             /* misses on an entry that was in the middle of a move or a put */
    uint64_t oldest_section_ms, oldest_pin_ms;      /* ages; 0 and pid 0 when there is none */
    uint32_t oldest_section_pid, oldest_section_tid, oldest_pin_pid, oldest_pin_tid;
    uint32_t unlinked;             /* 1: the name has gone, or leads to another cache: open it again to use that */
    uint32_t expelled;             /* processes that gyre_expel has given up, and that have neither closed it nor ended */
    uint64_t leases;               /* granted; each counts as an entry until it ends */
    uint64_t leases_passed;        /* of these: taken over from a holder that was gone or late */
    uint64_t stale_values;         /* GYRE_STALE answered: counted in misses, too */
    uint32_t processes;            /* that have it open, but for readers without the right to write; 1 for private caches */
    uint32_t threads;              /* that have used it, and have not ended; who holds many views counts as several */
    uint32_t pins;                 /* of views, of drafts, and of calls under way */
    uint32_t maintainer_pid;       /* whose thread maintains a shared cache; 0: nobody's */
    uint32_t start;                /* a gyre_start */
    uint32_t sync_errors;          /* files: syncs that failed since it was made */
    uint64_t syncs;                /* and those that did not */
    uint64_t sync_age_ms;          /* since the last of these began, or since it was made */
    uint64_t pending_bytes;        /* of arenas to which entries may have been written since: at most so much of them is not on
                                    * the disk */
    uint64_t recovered_entries;    /* files: so many were kept when it was recovered, or made anew, last, by whomever, so far */
    uint64_t dropped[GYRE_DROPS], dropped_bytes[GYRE_DROPS]; /* and so many were not, by gyre_drop */
    uint32_t recovering, unused;   /* 1: that goes on in the background, and what was not read yet is a miss; 0 */
    uint64_t recovering_bytes;     /* of arenas that are to be read: part of the capacity, and of none of the above */
} gyre_stats;

#define GYRE_STATS_INIT                                                                            \
    { (uint32_t)sizeof(gyre_stats), 0, 0, 0, 0, 0, 0, 0, {0}, {0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}, {0}, 0, 0, 0 }

/* Fills in as much as stats->struct_size has room for. Counters are summed without stopping anyone:
 * exact when nobody is in a call, else each is a value of the last moments. GYRE_OK, GYRE_EINVAL. */
GYRE_API int gyre_stats_read(gyre *cache, gyre_stats *stats);

#ifdef __cplusplus
}
#endif

#endif

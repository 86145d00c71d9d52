/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Memory and threads that cannot be had: each call of the allocator and of the system is made to fail in
 * turn. An open either works or answers GYRE_ENOMEM; either way nothing is left behind.
 *
 * The system's calls are replaced at link time: rules.mk names them. */

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "api.h"

/* ---- what fails, and what is outstanding ------------------------------------------------------- */

enum kind { ALLOCATE, MALLOC, MMAP, THREAD, KEY, SPECIFIC, KINDS };
static const char *const kind_names[KINDS] = {"allocate", "malloc", "mmap", "pthread_create",
                                              "pthread_key_create", "pthread_setspecific"};

static struct {
    atomic_int kind; /* the kind that fails; KINDS: none */
    atomic_uint n_calls[KINDS];
    unsigned fail_at;
    bool for_ever;
    atomic_bool watching;      /* malloc's results are remembered */
    atomic_llong mapped_bytes; /* by mmap, less munmap */
} faults = {.kind = KINDS};

static bool
fails(enum kind kind)
{
    unsigned n = atomic_fetch_add(&faults.n_calls[kind], 1) + 1;
    return kind == (enum kind)atomic_load(&faults.kind) &&
           (n == faults.fail_at || (faults.for_ever && n > faults.fail_at));
}

static void
arm(enum kind kind, unsigned fail_at, bool for_ever)
{
    for (unsigned i = 0; i < KINDS; i++)
        atomic_store(&faults.n_calls[i], 0);
    faults.fail_at = fail_at;
    faults.for_ever = for_ever;
    atomic_store(&faults.kind, (int)kind);
}

static void
disarm(void)
{
    atomic_store(&faults.kind, KINDS);
}

enum { BLOCKS = 4096 };
static struct {
    pthread_mutex_t lock;
    void *memory[BLOCKS];
    size_t bytes[BLOCKS];
    unsigned n;
} blocks = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *
remember(void *memory, size_t bytes)
{
    pthread_mutex_lock(&blocks.lock);
    if (memory != NULL && blocks.n < BLOCKS) {
        blocks.memory[blocks.n] = memory;
        blocks.bytes[blocks.n++] = bytes;
    }
    pthread_mutex_unlock(&blocks.lock);
    return memory;
}

/* The bytes that were asked for; SIZE_MAX when this block is not known. */
static size_t
forget(void *memory)
{
    size_t bytes = SIZE_MAX;
    pthread_mutex_lock(&blocks.lock);
    for (unsigned i = 0; i < blocks.n; i++)
        if (blocks.memory[i] == memory) {
            bytes = blocks.bytes[i];
            blocks.n--;
            blocks.memory[i] = blocks.memory[blocks.n];
            blocks.bytes[i] = blocks.bytes[blocks.n];
            break;
        }
    pthread_mutex_unlock(&blocks.lock);
    return bytes;
}

/* ---- the calls that are replaced --------------------------------------------------------------- */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);
int __real_posix_memalign(void **out, size_t align, size_t bytes);
void __real_free(void *memory);
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t bytes);
int __real_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*body)(void *), void *arg);
int __real_pthread_key_create(pthread_key_t *out, void (*destructor)(void *));
int __real_pthread_setspecific(pthread_key_t key, const void *value);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
int __wrap_posix_memalign(void **out, size_t align, size_t bytes);
void __wrap_free(void *memory);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t bytes);
int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*body)(void *), void *arg);
int __wrap_pthread_key_create(pthread_key_t *out, void (*destructor)(void *));
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);

static void *
watched(void *memory, size_t bytes)
{
    return atomic_load(&faults.watching) ? remember(memory, bytes) : memory;
}

static void *
no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

void *
__wrap_malloc(size_t bytes)
{
    return fails(MALLOC) ? no_memory() : watched(__real_malloc(bytes), bytes);
}

void *
__wrap_calloc(size_t n, size_t bytes)
{
    return fails(MALLOC) ? no_memory() : watched(__real_calloc(n, bytes), n * bytes);
}

void *
__wrap_realloc(void *memory, size_t bytes)
{
    if (fails(MALLOC))
        return no_memory();
    size_t old = forget(memory);
    void *moved = __real_realloc(memory, bytes);
    if (moved == NULL && old != SIZE_MAX)
        remember(memory, old);
    return watched(moved, bytes);
}

void *
__wrap_aligned_alloc(size_t align, size_t bytes)
{
    return fails(MALLOC) ? no_memory() : watched(__real_aligned_alloc(align, bytes), bytes);
}

int
__wrap_posix_memalign(void **out, size_t align, size_t bytes)
{
    if (fails(MALLOC))
        return ENOMEM;
    int rc = __real_posix_memalign(out, align, bytes);
    if (rc == 0)
        watched(*out, bytes);
    return rc;
}

void
__wrap_free(void *memory)
{
    (void)forget(memory);
    __real_free(memory);
}

void *
__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    if (fails(MMAP)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *memory = __real_mmap(at, bytes, protection, flags, fd, offset);
    if (memory != MAP_FAILED && !(flags & MAP_FIXED))
        atomic_fetch_add(&faults.mapped_bytes, (long long)(bytes + 4095) / 4096 * 4096);
    return memory;
}

int
__wrap_munmap(void *at, size_t bytes)
{
    int rc = __real_munmap(at, bytes);
    if (rc == 0)
        atomic_fetch_sub(&faults.mapped_bytes, (long long)(bytes + 4095) / 4096 * 4096);
    return rc;
}

int
__wrap_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*body)(void *), void *arg)
{
    return fails(THREAD) ? EAGAIN : __real_pthread_create(out, attr, body, arg);
}

int
__wrap_pthread_key_create(pthread_key_t *out, void (*destructor)(void *))
{
    return fails(KEY) ? EAGAIN : __real_pthread_key_create(out, destructor);
}

int
__wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    return fails(SPECIFIC) ? ENOMEM : __real_pthread_setspecific(key, value);
}

/* ---- the allocator in the options -------------------------------------------------------------- */

static void *
allocate(void *arg, size_t bytes)
{
    CHECK(arg == &faults);
    return fails(ALLOCATE) ? NULL : remember(__real_malloc(bytes), bytes);
}

static void
deallocate(void *arg, void *memory, size_t bytes)
{
    CHECK(arg == &faults);
    if (memory == NULL)
        return;
    size_t known = forget(memory);
    CHECK_MSG(known == bytes, "%zu bytes given back of a block of %zu", bytes, known);
    __real_free(memory);
}

/* ---- the runs ---------------------------------------------------------------------------------- */

static unsigned
count_files(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir != NULL);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

static bool
may_be(int rc)
{
    return rc == GYRE_OK || rc == GYRE_MISS || rc == GYRE_ENOMEM;
}

static int
pass_by(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)arg, (void)key, (void)key_size, (void)value;
    return 0;
}

/* Every kind of call while something fails: each works, or says that there is no memory. */
static void
use_while_failing(gyre *c)
{
    gyre_view view;
    gyre_draft draft;
    char value[8];
    gyre_stats s = GYRE_STATS_INIT;
    CHECK(may_be(gyre_get(c, "k", 1, &view)));
    gyre_release(&view);
    CHECK(may_be(put_text(c, "k", "v")));
    CHECK(may_be(gyre_get(c, "k", 1, &view)));
    CHECK(may_be(gyre_read(c, "k", 1, value, sizeof value, NULL)));
    CHECK(may_be(gyre_touch(c, "k", 1, 100000)));
    int rc = gyre_reserve(c, "d", 1, 3, NULL, &draft);
    CHECK(may_be(rc));
    if (rc == GYRE_OK) {
        memset(draft.data, 'd', 3);
        CHECK(may_be(gyre_commit(&draft)));
    }
    CHECK(may_be(gyre_scan(c, pass_by, NULL)));
    CHECK(may_be(gyre_clear(c)));
    CHECK(may_be(gyre_delete(c, "d", 1)));
    rc = gyre_maintain(c, 1000);
    CHECK(rc >= 0 || rc == GYRE_ENOMEM);
    CHECK_OK(gyre_stats_read(c, &s));
    gyre_release(&view);
}

static void
use(gyre *c)
{
    for (unsigned i = 0; i < 300; i++)
        CHECK_OK(put_bytes(c, key_of(i).text, 500, i));
    CHECK(has_bytes(c, key_of(299).text, 500, 299));
    gyre_view views[60]; /* more than one record of a thread holds */
    for (unsigned i = 0; i < 60; i++)
        CHECK_OK(gyre_get(c, key_of(299).text, 16, &views[i]));
    for (unsigned i = 0; i < 60; i++)
        gyre_release(&views[i]);
}

struct attempt {
    const gyre_options *options;
    enum kind kind;
    unsigned fail_at;
    bool for_ever;
    bool opened, failed_once; /* out */
};

/* On a thread of its own, so that what a thread needs is had anew each time. */
static void *
try_once(void *arg)
{
    struct attempt *a = arg;
    gyre *c = (gyre *)(uintptr_t)1;
    arm(a->kind, a->fail_at, a->for_ever);
    int rc = gyre_open(&c, a->options);
    a->opened = rc == GYRE_OK;
    if (rc != GYRE_OK)
        disarm();
    CHECK_MSG(rc == GYRE_OK || rc == GYRE_ENOMEM, "%d from gyre_open when call %u of %s fails", rc,
              a->fail_at, kind_names[a->kind]);
    CHECK_EQ(c != NULL, rc == GYRE_OK);
    if (c != NULL) {
        use_while_failing(c);
        a->failed_once = atomic_load(&faults.n_calls[a->kind]) >= a->fail_at;
        disarm();
        use(c);
        api_close(c);
    } else {
        a->failed_once = true;
    }
    return NULL;
}

static void
run_attempt(struct attempt *a)
{
    pthread_t thread;
    CHECK_EQ(__real_pthread_create(&thread, NULL, try_once, a), 0);
    pthread_join(thread, NULL);
    test_end_();
}

/* Makes the first, second, ... call fail, until one run needs no more of them. */
static void
fail_each(const gyre_options *options, enum kind kind, bool for_ever)
{
    struct attempt warm_up = {.options = options, .kind = kind, .fail_at = UINT32_MAX};
    run_attempt(&warm_up);
    CHECK(warm_up.opened && !warm_up.failed_once);
    unsigned files = count_files();
    long long mapped = atomic_load(&faults.mapped_bytes);
    CHECK_MSG(kind != ALLOCATE || blocks.n == 0, "%u blocks not given back", blocks.n);
    atomic_store(&faults.watching, true);
    unsigned n = 0, n_refused = 0;
    struct attempt a;
    do {
        a = (struct attempt){.options = options, .kind = kind, .fail_at = ++n, .for_ever = for_ever};
        run_attempt(&a);
        n_refused += !a.opened;
        CHECK_MSG(blocks.n == 0, "%s, call %u, opened %d: %u blocks not given back (one has %zu bytes)",
                  kind_names[kind], n, a.opened, blocks.n, blocks.bytes[0]);
        CHECK_MSG(mapped == atomic_load(&faults.mapped_bytes), "%s, call %u: %lld bytes mapped", kind_names[kind], n,
                  (long long)atomic_load(&faults.mapped_bytes) - mapped);
        CHECK_EQ(count_files(), files);
        CHECK(n < 1000);
    } while (a.failed_once);
    atomic_store(&faults.watching, false);
    printf("%s, flags %u, %s: %u calls, %u times refused to open\n", kind_names[kind], options->flags,
           for_ever ? "for ever" : "once", n - 1, n_refused);
}

static const uint32_t flag_sets[] = {0, GYRE_LIBURCU, GYRE_NO_THREAD,
                                     GYRE_LIBURCU | GYRE_NO_THREAD | GYRE_VERSIONS};

static void
fail_each_in_every_mode(enum kind kind)
{
    for (unsigned f = 0; f < 4; f++) {
        gyre_options options = api_options(256 * KIB, flag_sets[f]);
        if (kind == ALLOCATE) {
            options.allocate = allocate;
            options.deallocate = deallocate;
            options.allocate_arg = &faults;
        }
        fail_each(&options, kind, false);
        fail_each(&options, kind, true);
    }
}

TEST(api_oom, the_options_allocator)
{
    fail_each_in_every_mode(ALLOCATE);
}

TEST(api_oom, malloc)
{
    fail_each_in_every_mode(MALLOC);
}

TEST(api_oom, mmap)
{
    fail_each_in_every_mode(MMAP);
}

TEST(api_oom, threads)
{
    fail_each_in_every_mode(THREAD);
}

TEST(api_oom, setspecific)
{
    fail_each_in_every_mode(SPECIFIC);
}

/* A key is made once in a process, so that this has to be the first open. */
static void
fail_first_key(bool for_ever)
{
    gyre_options options = api_options(256 * KIB, 0);
    for (unsigned n = 1; n <= 4; n++) {
        struct attempt a = {.options = &options, .kind = KEY, .fail_at = n, .for_ever = for_ever};
        run_attempt(&a);
    }
    struct attempt last = {.options = &options, .kind = KEY, .fail_at = UINT32_MAX};
    run_attempt(&last);
    CHECK(last.opened);
}

TEST(api_oom, the_threads_key_once)
{
    fail_first_key(false);
}

TEST(api_oom, the_threads_key_for_ever)
{
    fail_first_key(true);
}

TEST(api_oom, a_map_larger_than_the_address_space)
{
    for (unsigned i = 0; i < 3; i++) {
        gyre *c = (gyre *)(uintptr_t)1;
        gyre_options options = api_options((uint64_t)4 << 40, i ? GYRE_NO_THREAD : 0);
        arm(MMAP, 1, true);
        int rc = gyre_open(&c, &options);
        disarm();
        CHECK_EQ(rc, GYRE_ENOMEM);
        CHECK(c == NULL);
    }
}

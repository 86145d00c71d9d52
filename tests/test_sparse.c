/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Sparse caches: nothing is written but where bytes were reserved, and a disk that is full costs entries, and nothing else. The disk is
 * full when posix_fallocate says so; and in earnest, where a file system may be made. */

#include "file_cache.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>

#include "proof.h"
#include "space.h"
#include "whole.h"

int __real_posix_fallocate(int fd, off_t offset, off_t bytes);
int __wrap_posix_fallocate(int fd, off_t offset, off_t bytes);

enum { PAGE = 4096, PAGES = 64 * MIB / PAGE };
static bool reserved[PAGES]; /* of the file that asked last */
static ino_t asked;
static uint64_t left = UINT64_MAX; /* bytes of the disk */
static unsigned refused;
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;

int
__wrap_posix_fallocate(int fd, off_t offset, off_t bytes)
{
    struct stat s;
    CHECK_EQ(fstat(fd, &s), 0);
    pthread_mutex_lock(&disk);
    if (s.st_ino != asked)
        memset(reserved, 0, sizeof reserved), asked = s.st_ino;
    uint64_t first = (uint64_t)offset / PAGE, end = gy_align_up((uint64_t)(offset + bytes), PAGE) / PAGE, more = 0;
    CHECK(end <= PAGES);
    for (uint64_t page = first; page < end; page++)
        more += reserved[page] ? 0 : PAGE;
    bool full = more > left;
    refused += full;
    if (!full) {
        left -= more;
        memset(reserved + first, true, end - first);
    }
    pthread_mutex_unlock(&disk);
    return full ? ENOSPC : __real_posix_fallocate(fd, offset, bytes);
}

static void
disk_of(uint64_t bytes)
{
    memset(reserved, 0, sizeof reserved);
    left = bytes, refused = 0;
}

static void
begin_with(uint64_t bytes)
{
    disk_of(bytes);
    begin();
}

static void
end_all(void)
{
    left = UINT64_MAX;
    end();
}

static gyre *
make_sparse(uint64_t capacity_bytes, uint32_t flags)
{
    gyre_options o = options(GYRE_CREATE | GYRE_SPARSE | flags);
    o.capacity_bytes = capacity_bytes;
    return api_open_with(&o);
}

static void
put_some(gyre *cache, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 1000, i));
}

/* Of these keys so many have their values; none has another's. */
static unsigned
count_found(gyre *cache, unsigned from, unsigned to)
{
    unsigned n = 0;
    for (unsigned i = from; i < to; i++)
        if (!is_missing(cache, key_of(i).text)) {
            CHECK(has_bytes(cache, key_of(i).text, 1000, i));
            n++;
        }
    return n;
}

static uint64_t
on_disk(void)
{
    struct stat s;
    CHECK_EQ(stat(path.text, &s), 0);
    return (uint64_t)s.st_blocks * 512;
}

/* Bytes of arenas that this process has reserved. */
static uint64_t
reserved_bytes(const gyre *cache)
{
    uint64_t n = 0;
    for (uint64_t at = cache->g.arenas_at; at < cache->g.region_bytes; at += PAGE)
        n += reserved[at / PAGE] ? PAGE : 0;
    return n;
}

/* The same; and what is not reserved reads as zero. */
static uint64_t
check_reserved(const gyre *cache)
{
    static const char zeros[PAGE];
    for (uint64_t at = cache->g.arenas_at; at < cache->g.region_bytes; at += PAGE)
        CHECK_MSG(reserved[at / PAGE] || memcmp(cache->region.base + at, zeros, PAGE) == 0, "page %llu was written to",
                  (unsigned long long)at / PAGE);
    return reserved_bytes(cache);
}

static uint64_t
least_bytes(const gyre *cache)
{
    return (uint64_t)gy_layout_arenas_least(&cache->g) << cache->g.arena_shift;
}

TEST(sparse, the_disk_holds_what_is_used)
{
    begin_with(UINT64_MAX);
    gyre *cache = make_sparse(32 * MIB, 0);
    CHECK(cache->super->minor == 1 && cache->g.flags == GYRE_SPARSE);
    uint64_t first = on_disk(), tables = cache->g.arenas_at;
    CHECK_EQ(check_reserved(cache), least_bytes(cache));
    CHECK(least_bytes(cache) <= 4 * MIB);
    CHECK_MSG(first <= tables + least_bytes(cache), "%llu bytes", (unsigned long long)first);
    put_some(cache, 0, 8000);
    uint64_t then = on_disk(); /* (ext4 may count some twice for a while) */
    CHECK_MSG(then > first + 4 * MIB && then < 30 * MIB, "%llu bytes", (unsigned long long)then);
    CHECK(check_reserved(cache) < 10 * MIB);
    put_some(cache, 8000, 60000); /* several turns of its ring */
    CHECK(on_disk() > 30 * MIB);
    CHECK(count_found(cache, 0, 60000) > 15000);
    check_reserved(cache);
    api_close(cache);
    unlink(path.text);
    make(); /* all of it, for comparison */
    CHECK(on_disk() >= 4 * MIB);
    cache = open_it(GYRE_SPARSE); /* it stays what it is */
    CHECK(cache->super->minor == 0 && !cache->sparse);
    api_close(cache);
    end_all();
}

TEST(sparse, a_full_disk_costs_entries)
{
    begin_with(14 * MIB); /* for tables and a few MiB of arenas */
    gyre *cache = make_sparse(32 * MIB, 0);
    uint64_t first = check_reserved(cache);
    put_some(cache, 0, 60000);
    uint64_t full = check_reserved(cache);
    CHECK(refused > 0 && full > first + MIB && full < 16 * MIB);
    CHECK(has_bytes(cache, key_of(59999).text, 1000, 59999));
    unsigned n = count_found(cache, 0, 60000);
    CHECK_MSG(n > full / 1100 / 4 && n < full / 1000, "%u entries in %llu bytes", n, (unsigned long long)full);
    put_some(cache, 60000, 90000);
    CHECK_MSG(refused < 100, "%u times", refused); /* about one a second, not for each arena */
    CHECK_EQ(check_reserved(cache), full);
    left = UINT64_MAX; /* somebody has made room */
    gy_store_rlx(&cache->lacking_until_ms, 0);
    put_some(cache, 90000, 150000);
    CHECK(check_reserved(cache) > 28 * MIB);
    CHECK(count_found(cache, 0, 150000) > 15000);
    api_close(cache);
    cache = open_it(0);
    CHECK(api_stats(cache).start == GYRE_START_WARM && count_found(cache, 0, 150000) > 15000);
    api_close(cache);
    end_all();
}

static void
put_beside_others(void *arg, unsigned i)
{
    put_some(arg, i * 10000, (i + 1) * 10000);
}

/* And with a thread that sweeps for them. */
TEST(sparse, several_threads_meet_a_full_disk)
{
    enum { THREADS = 4 };
    begin_with(12 * MIB);
    for (unsigned round = 0; round < 4; round++) {
        gyre_options o = options(GYRE_CREATE | GYRE_SPARSE);
        o.capacity_bytes = 16 * MIB;
        o.flags &= round % 2 ? ~(uint32_t)GYRE_NO_THREAD : UINT32_MAX;
        o.max_entries = round / 2 ? 3000 : 0;
        gyre *cache = api_open_with(&o);
        api_threads(THREADS, put_beside_others, cache);
        CHECK(round / 2 || refused > 0);
        unsigned n = count_found(cache, 0, THREADS * 10000);
        CHECK_MSG(n > 1000, "%u", n);
        CHECK(round / 2 == 0 || n <= 3000);
        check_reserved(cache);
        CHECK(round / 2 || refused < 100);
        api_close(cache);
        unlink(path.text);
        disk_of(12 * MIB);
    }
    end_all();
}

/* With the arenas that it has from the start, whatever it is asked for. */
TEST(sparse, it_goes_on_with_what_it_was_made_with)
{
    static const uint64_t capacity[] = {64 << 10, 256 << 10, MIB, 32 * MIB};
    begin();
    for (unsigned i = 0; i < sizeof capacity / sizeof capacity[0]; i++) {
        disk_of(UINT64_MAX);
        gyre *cache = make_sparse(capacity[i], i % 2 ? GYRE_NO_CHECKSUMS : 0);
        left = 0;
        put_some(cache, 0, 20000);
        CHECK(has_bytes(cache, key_of(19999).text, 1000, 19999));
        CHECK_EQ(check_reserved(cache), least_bytes(cache));
        for (unsigned k = 0; k < 20000; k++) /* the index wants to grow */
            CHECK_OK(put_bytes(cache, key_of(k).text, 8, k));
        CHECK(has_bytes(cache, key_of(19999).text, 8, 19999));
        CHECK_EQ(check_reserved(cache), least_bytes(cache));
        api_close(cache);
        CHECK(capacity[i] < MIB || refused > 0);
        unlink(path.text);
    }
    end_all();
}

TEST(sparse, where_it_cannot_be_made_nothing_is_left)
{
    begin_with(8 * MIB);
    gyre_options o = options(GYRE_CREATE | GYRE_SPARSE);
    o.capacity_bytes = 32 * MIB;
    left = 4 * MIB;
    CHECK_EQ(result_of(&o), GYRE_ENOSPC);
    CHECK(access(path.text, F_OK) != 0);
    end_all();
}

static int
fill_and_die(void *arg)
{
    (void)arg;
    gyre_options o = options(GYRE_CREATE | GYRE_SPARSE);
    gyre *cache;
    o.capacity_bytes = 32 * MIB;
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    for (unsigned i = 0; i < 20000; i++)
        EXPECT(2, put_bytes(cache, key_of(i).text, 1000, i) == GYRE_OK);
    EXPECT(3, refused > 0);
    return 0; /* with the cache open */
}

/* Two lives of the machine: in the second one it is recovered. */
TEST(sparse, what_was_killed_on_a_full_disk_is_found)
{
    begin();
    for (unsigned stopped = 0; stopped < 2; stopped++) {
        disk_of(14 * MIB);
        region_process(fill_and_die, NULL);
        memset(reserved, 0, sizeof reserved), left = UINT64_MAX; /* what this process reserves */
        if (stopped)
            in_head(reboot, 0);
        gyre *cache = open_it(0);
        CHECK_EQ(api_stats(cache).start, stopped ? GYRE_START_RECOVERED : GYRE_START_WARM);
        CHECK(has_bytes(cache, key_of(19999).text, 1000, 19999));
        CHECK(count_found(cache, 0, 20000) > 1000);
        CHECK(stopped ? reserved_bytes(cache) < 14 * MIB : reserved_bytes(cache) == 0);
        put_some(cache, 20000, 80000);
        CHECK(count_found(cache, 0, 80000) > 15000);
        api_close(cache);
        unlink(path.text);
    }
    end_all();
}

/* A program that leaves out what reads as zero leaves out what is reserved. */
static void
copy_sparse(void)
{
    char command[300];
    snprintf(command, sizeof command, "cp --sparse=always %s %s && mv %s %s", path.text, other.text, other.text, path.text);
    CHECK_EQ(system(command), 0);
    memset(reserved, 0, sizeof reserved);
}

TEST(sparse, a_copy_gets_the_bytes_that_are_used)
{
    begin_with(UINT64_MAX);
    gyre *cache = make_sparse(32 * MIB, 0);
    put_some(cache, 0, 8000);
    uint64_t used = check_reserved(cache);
    api_close(cache);
    copy_sparse();
    cache = open_it(0);
    CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        bool wanted = a < gy_layout_arenas_least(&cache->g) || gy_load_rlx(&cache->books[a].opened) != 0;
        CHECK_EQ(reserved[gy_arena_offset(cache, a) / PAGE], wanted);
    }
    CHECK_EQ(check_reserved(cache), used);
    CHECK_EQ(count_found(cache, 0, 8000), 8000);
    left = 0;
    put_some(cache, 8000, 60000);
    CHECK_EQ(check_reserved(cache), used);
    api_close(cache);
    copy_sparse();
    gyre_options o = options(0);
    CHECK_EQ(result_of(&o), GYRE_ENOSPC); /* it is not opened where it would fault */
    left = UINT64_MAX;
    CHECK_EQ(result_of(&o), GYRE_OK);
    end_all();
}

/* However much of the disk is left: it is made anew with all that it holds, or not. */
TEST(sparse, where_the_disk_gets_full_meanwhile_the_old_one_stays)
{
    begin_with(UINT64_MAX);
    gyre *cache = make_sparse(32 * MIB, 0);
    put_some(cache, 0, 8000);
    api_close(cache);
    gyre_options o = options(GYRE_COMPACT);
    uint64_t bytes = 0;
    for (int result = GYRE_ENOSPC; result != GYRE_OK; bytes += MIB) {
        disk_of(bytes);
        result = result_of(&o);
        CHECK(result == GYRE_OK || (result == GYRE_ENOSPC && refused > 0));
        left = UINT64_MAX;
        cache = open_it(0);
        CHECK_EQ(count_found(cache, 0, 8000), 8000);
        api_close(cache);
    }
    CHECK_MSG(bytes > 12 * MIB, "%llu bytes", (unsigned long long)bytes);
    end_all();
}

static void
make_older(struct gy_super *s, uint64_t by)
{
    (void)by;
    s->minor = 0;
    gy_layout_sign_quiet(s);
}

TEST(sparse, no_file_of_an_earlier_minor_is)
{
    begin_with(UINT64_MAX);
    api_close(make_sparse(4 * MIB, 0));
    in_head(make_older, 0);
    gyre_options o = options(0);
    CHECK_EQ(result_of(&o), GYRE_ECORRUPT);
    o.flags |= GYRE_READONLY;
    CHECK_EQ(result_of(&o), GYRE_ECORRUPT);
    end_all();
}

TEST(sparse, shared_memory_may_be_and_private_memory_is_anyway)
{
    memset(reserved, 0, sizeof reserved);
    struct region_name name = region_name(1);
    gyre_options o = region_options(&name, 32 * MIB, GYRE_CREATE | GYRE_SPARSE | GYRE_NO_THREAD);
    gyre *cache = api_open_with(&o);
    struct stat s;
    CHECK_EQ(stat(name.path, &s), 0);
    CHECK((uint64_t)s.st_blocks * 512 < 16 * MIB);
    put_some(cache, 0, 60000);
    CHECK_EQ(stat(name.path, &s), 0);
    CHECK((uint64_t)s.st_blocks * 512 > 30 * MIB);
    check_reserved(cache);
    CHECK(count_found(cache, 0, 60000) > 15000);
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
    o = api_options(4 * MIB, GYRE_SPARSE);
    CHECK_EQ(gyre_open(&cache, &o), GYRE_EINVAL);
}

/* A file system of 16 MiB, in earnest: a page that is not to be had would be SIGBUS. False: this process may make none. */
static bool
small_disk(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", folder, "tmpfs", 0, "size=16m") == 0;
}

static int
fill_a_disk(void *arg)
{
    (void)arg;
    enum { SIZE = 2 * MIB, KEYS = 30000 };
    char filler[80];
    gyre_options o = options(GYRE_CREATE | GYRE_SPARSE);
    gyre *cache;
    o.capacity_bytes = 32 * MIB;
    if (!small_disk())
        return 0;
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    for (unsigned i = 0; i < KEYS; i++)
        EXPECT(2, put_bytes(cache, key_of(i).text, 1000, i) == GYRE_OK);
    EXPECT(3, has_bytes(cache, key_of(KEYS - 1).text, 1000, KEYS - 1));
    gyre_close(cache);
    unlink(path.text);
    EXPECT(4, gyre_open(&cache, &o) == GYRE_OK); /* and now somebody else takes what is left */
    snprintf(filler, sizeof filler, "%s/filler", folder);
    int file = open(filler, O_CREAT | O_RDWR, 0600);
    for (off_t at = 0; __real_posix_fallocate(file, at, PAGE) == 0; at += PAGE)
        continue;
    for (unsigned i = 0; i < KEYS; i++)
        EXPECT(5, put_bytes(cache, key_of(i).text, 1000, i) == GYRE_OK);
    EXPECT(6, has_bytes(cache, key_of(KEYS - 1).text, 1000, KEYS - 1));
    unsigned n = 0;
    for (unsigned i = 0; i < KEYS; i++)
        n += has_bytes(cache, key_of(i).text, 1000, i);
    EXPECT(7, n > 100 && n < SIZE / 1000);
    gyre_close(cache);
    return 0;
}

TEST(sparse, a_disk_that_is_full_in_earnest)
{
    begin_with(UINT64_MAX);
    region_process(fill_a_disk, NULL);
    end_all();
}

static void
put_for_ever(uint64_t seed)
{
    gyre_options o = options(GYRE_CREATE | GYRE_SPARSE);
    gyre *cache;
    o.capacity_bytes = 32 * MIB;
    if (gyre_open(&cache, &o) != GYRE_OK)
        _exit(1);
    for (;;) {
        uint64_t i = api_random(&seed) % 40000;
        if (put_bytes(cache, key_of(i).text, 1000, i) != GYRE_OK)
            _exit(2);
    }
}

/* Two at a time are killed, wherever they are; where a small disk may be had, most of the time it is full. */
static int
kill_them(void *arg)
{
    enum { ROUNDS = 20, AT_ONCE = 2, KEYS = 40000 };
    uint64_t seed = *(uint64_t *)arg, n = 0;
    gyre *cache;
    (void)small_disk();
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t child[AT_ONCE];
        int status;
        for (unsigned i = 0; i < AT_ONCE; i++) {
            child[i] = fork();
            if (child[i] == 0)
                put_for_ever(seed + round * AT_ONCE + i);
        }
        usleep((useconds_t)(api_random(&seed) % 100000));
        for (unsigned i = 0; i < AT_ONCE; i++)
            kill(child[i], SIGKILL);
        for (unsigned i = 0; i < AT_ONCE; i++)
            EXPECT(1, waitpid(child[i], &status, 0) == child[i] && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        if (access(path.text, F_OK) != 0)
            continue; /* before it was made */
        gyre_options o = options(0);
        EXPECT(2, gyre_open(&cache, &o) == GYRE_OK);
        EXPECT(3, api_stats(cache).start == GYRE_START_WARM);
        EXPECT(4, whole_faults(cache, NULL) == 0);
        n = count_found(cache, 0, KEYS);
        EXPECT(5, put_bytes(cache, "key", 1000, 1) == GYRE_OK && has_bytes(cache, "key", 1000, 1));
        gyre_close(cache);
    }
    EXPECT(6, n > 1000);
    unlink(path.text);
    return 0;
}

TEST(sparse, who_is_killed_leaves_it_whole)
{
    uint64_t seed = api_seed("sparse");
    begin_with(UINT64_MAX);
    region_process(kill_them, &seed);
    end_all();
}

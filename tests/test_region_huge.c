/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Huge pages of shared caches: whoever has one open reads it through them. */

#include <sys/mman.h>
#include <unistd.h>

#include "cache.h"
#include "region.h"

enum { CAPACITY = 16 * MIB, COLLAPSE = 25 };

/* Of what is mapped between these addresses, so much is mapped by huge pages. */
static uint64_t
huge_bytes(const char *from, const char *to)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[4096];
    unsigned long long first, end, kib, n = 0;
    bool inside = false;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%llx-%llx ", &first, &end) == 2)
            inside = first < (uintptr_t)to && end > (uintptr_t)from;
        else if (inside && sscanf(line, "ShmemPmdMapped: %llu kB", &kib) == 1)
            n += kib * KIB;
    }
    if (file != NULL)
        fclose(file);
    return n;
}

/* Does this machine give any at all? */
static bool
given_here(void)
{
    int file = memfd_create("gyre-test", MFD_CLOEXEC);
    char *at = mmap(NULL, 2 * GY_HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *aligned = (char *)gy_align_up((uintptr_t)at, GY_HUGE_PAGE);
    CHECK(file >= 0 && at != MAP_FAILED && ftruncate(file, GY_HUGE_PAGE) == 0);
    CHECK(mmap(aligned, GY_HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED);
    memset(aligned, 1, GY_HUGE_PAGE);
    bool given = madvise(aligned, GY_HUGE_PAGE, COLLAPSE) == 0 && huge_bytes(aligned, aligned + GY_HUGE_PAGE) > 0;
    munmap(at, 2 * GY_HUGE_PAGE);
    close(file);
    if (!given)
        printf("skipped: no huge pages of shared memory can be had here\n");
    return given;
}

/* Nearly all arenas, once they have been read. */
static int
reads_through_huge_pages(gyre *cache)
{
    const char *from = cache->region.base;
    unsigned n = 0;
    for (unsigned i = 0; i < 10000; i++)
        n += has_bytes(cache, key_of(i).text, 900, i);
    EXPECT(1, n == 10000);
    EXPECT(2, huge_bytes(from, from + cache->region.bytes) >= CAPACITY / 2);
    return 0;
}

static int
open_and_read(void *arg)
{
    gyre_options o = region_options(arg, 0, 0); /* it is the maker that asks for them */
    gyre *cache;
    EXPECT(3, gyre_open(&cache, &o) == GYRE_OK);
    int wrong = reads_through_huge_pages(cache);
    gyre_close(cache);
    return wrong;
}

static int
read_what_is_inherited(void *arg)
{
    EXPECT(4, put_bytes(arg, "key", 10, 1) == GYRE_OK); /* with its first call it gets a mapping of its own */
    return reads_through_huge_pages(arg);
}

TEST(region_huge, all_processes_have_them)
{
    if (!given_here())
        return;
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, CAPACITY, GYRE_CREATE | GYRE_HUGEPAGES);
    gyre *cache = api_open_with(&o);
    for (unsigned i = 0; i < 10000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 900, i));
    CHECK_EQ(reads_through_huge_pages(cache), 0);
    region_process(open_and_read, &name);
    region_process(read_what_is_inherited, cache);
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
}

TEST(region_huge, nobody_has_them_unasked)
{
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, CAPACITY, GYRE_CREATE);
    gyre *cache = api_open_with(&o);
    for (unsigned i = 0; i < 10000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 900, i));
    CHECK_EQ(huge_bytes(cache->region.base, cache->region.base + cache->region.bytes), 0);
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
}

/* Where an arena ends is told by addresses: regions begin at a multiple of an arena's size. */
TEST(region_huge, arenas_larger_than_huge_pages)
{
    enum { CACHES = 6, VALUE = 5 * MIB };
    static char value[VALUE];
    gyre *cache[CACHES];
    for (unsigned i = 0; i < CACHES; i++) {
        gyre_options o = api_options(128 * MIB, GYRE_NO_THREAD);
        o.max_value_bytes = VALUE;
        cache[i] = api_open_with(&o);
        CHECK(cache[i]->arena_bytes > GY_HUGE_PAGE);
        CHECK_EQ((uintptr_t)cache[i]->region.base % cache[i]->arena_bytes, 0);
        CHECK_OK(gyre_put(cache[i], "of sixteen bytes", 16, value, sizeof value, NULL));
        gyre_view view;
        CHECK_OK(gyre_get(cache[i], "of sixteen bytes", 16, &view));
        CHECK_EQ(view.size, sizeof value);
        gyre_release(&view);
    }
    for (unsigned i = 0; i < CACHES; i++)
        api_close(cache[i]);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The machine stops: of each sector of the file the disk has what it had at the last sync, or at any later moment. Images are
 * composed of what a file was at several moments, sector by sector at random, and opened. What is found must be what was last
 * put before that sync, or put since; nothing that a delete, a clear or a put had removed by then. And a recovered cache is
 * whole, and works.
 *
 *     ROUNDS=100 SEED=1 build/release/tests/test_file_images */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cache.h"
#include "region.h"
#include "whole.h"

enum { KEYS = 3000, MOMENTS = 5, STEPS = 4000, SECTOR = 512, PAGE = 4096 };

static char path[64], image[64], folder[] = "/dev/shm/gyre-test-XXXXXX"; /* where nothing waits for a disk */
static uint64_t state;

static uint64_t
pick(uint64_t n)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (state >> 11) % n;
}

/* Versions count up over all keys. */
static struct {
    uint64_t last;    /* that was put; 0: none yet */
    uint64_t removed; /* up to which all are: by a delete, a clear, or by being replaced */
    uint64_t synced;  /* removed, at the last sync */
} of[KEYS];
static uint64_t version;

struct value {
    uint64_t key, version, bytes;
};

static size_t
value_bytes(uint64_t k, uint64_t v)
{
    return sizeof(struct value) + (k * 7919 + v * 104729) % 600;
}

static void
put(gyre *cache, uint64_t k)
{
    static unsigned char bytes[1000];
    version++;
    struct value v = {k, version, value_bytes(k, version)};
    gyre_put_options p = GYRE_PUT_OPTIONS_INIT;
    fill_bytes(bytes, v.bytes, v.version);
    memcpy(bytes, &v, sizeof v);
    p.flags = pick(16) == 0 ? GYRE_ADD : pick(16) == 0 ? GYRE_REPLACE : 0;
    p.ttl_ms = pick(16) == 0 ? 3600000 : 0;
    int result = gyre_put(cache, key_of(k).text, 16, bytes, v.bytes, &p);
    CHECK(result == GYRE_OK || (p.flags != 0 && result >= 0));
    if (result == GYRE_OK)
        of[k].removed = of[k].last, of[k].last = v.version; /* what it replaced does not come back after a sync */
}

static uint64_t
version_of(const void *data, size_t size, uint64_t k)
{
    static unsigned char bytes[1000];
    struct value v;
    CHECK(size >= sizeof v);
    memcpy(&v, data, sizeof v);
    CHECK(v.key == k && v.bytes == size && size == value_bytes(k, v.version));
    fill_bytes(bytes, size, v.version);
    CHECK_EQ(memcmp(bytes + sizeof v, (const char *)data + sizeof v, size - sizeof v), 0);
    return v.version;
}

/* While the machine goes on: the last, or nothing. */
static void
get(gyre *cache, uint64_t k)
{
    gyre_view view;
    if (gyre_get(cache, key_of(k).text, 16, &view) != GYRE_OK)
        return;
    uint64_t v = version_of(view.data, view.size, k);
    CHECK_MSG(v == of[k].last && v > of[k].removed, "key %llu: version %llu of %llu", (unsigned long long)k,
              (unsigned long long)v, (unsigned long long)of[k].last);
    gyre_release(&view);
}

static void
clear(gyre *cache)
{
    CHECK_OK(gyre_clear(cache));
    for (unsigned k = 0; k < KEYS; k++)
        of[k].removed = of[k].last;
}

static void
work(gyre *cache, unsigned steps, uint64_t keys)
{
    for (unsigned i = 0; i < steps; i++) {
        uint64_t k = pick(keys), what = pick(100);
        if (what < 50) {
            put(cache, k);
        } else if (what < 65) {
            CHECK(gyre_delete(cache, key_of(k).text, 16) >= 0);
            of[k].removed = of[k].last;
        } else if (what < 66 && pick(100) == 0) {
            clear(cache);
        } else if (what < 70) {
            CHECK(gyre_maintain(cache, 0) >= 0);
        } else if (what < 72) {
            CHECK(gyre_touch(cache, key_of(k).text, 16, GYRE_NO_TTL) >= 0);
        } else {
            get(cache, k);
        }
    }
}

static char *
moment(size_t *bytes)
{
    int file = open(path, O_RDONLY);
    *bytes = (size_t)lseek(file, 0, SEEK_END);
    char *copy = malloc(*bytes);
    CHECK(copy != NULL && pread(file, copy, *bytes, 0) == (ssize_t)*bytes);
    close(file);
    return copy;
}

/* The head's sectors are some of them, too. That it is another life of the machine is written last. */
static void
compose(char **from, unsigned n, size_t bytes)
{
    size_t step = pick(2) ? SECTOR : PAGE;
    char *mixed = malloc(bytes);
    for (size_t at = 0; at < bytes; at += step) {
        size_t some = at + step <= bytes ? step : bytes - at;
        memcpy(mixed + at, from[pick(n)] + at, some);
    }
    uint64_t boot[2] = {1, 2};
    memcpy(mixed + offsetof(struct gy_super, life.boot), boot, sizeof boot);
    int file = open(image, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && write(file, mixed, bytes) == (ssize_t)bytes);
    close(file), free(mixed);
}

static uint64_t kept, lost, scanned[KEYS], this_scan;

static int
visit(void *arg, const void *key, size_t key_size, const gyre_view *view)
{
    (void)arg;
    char text[17] = "";
    CHECK_EQ(key_size, 16);
    memcpy(text, key, 16);
    uint64_t k = strtoull(text + 3, NULL, 10);
    CHECK(k < KEYS);
    CHECK_MSG(scanned[k] != this_scan, "key %llu is there twice", (unsigned long long)k);
    scanned[k] = this_scan;
    uint64_t v = version_of(view->data, view->size, k);
    CHECK_MSG(v > of[k].synced && v <= version, "key %llu: version %llu, but up to %llu all were removed before the sync",
              (unsigned long long)k, (unsigned long long)v, (unsigned long long)of[k].synced);
    of[k].last = v, of[k].removed = v - 1; /* from now on, it is that */
    kept++;
    return 0;
}

static void
round_of(uint64_t seed)
{
    char *from[MOMENTS];
    size_t bytes = 0;
    state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    memset(of, 0, sizeof of);
    gyre_options o = api_options((pick(4) + 1) * 512 * KIB, GYRE_CREATE | GYRE_NO_THREAD);
    uint64_t keys = pick(3) ? KEYS : 300;
    o.file_path = path;
    o.flags |= pick(4) == 0 ? GYRE_VERSIONS : 0;
    o.value_align = pick(4) == 0 ? 64 : 0;
    o.max_entries = pick(4) == 0 ? 200 : 0;
    o.expected_entry_bytes = pick(2) ? 400 : 0;
    gyre *cache = api_open_with(&o);
    for (unsigned crash = 0; crash < 2; crash++) {
        work(cache, (unsigned)pick(STEPS), keys);
        CHECK_OK(gyre_sync(cache));
        for (unsigned k = 0; k < KEYS; k++)
            of[k].synced = of[k].removed;
        unsigned n = 1 + (unsigned)pick(MOMENTS);
        for (unsigned i = 0; i < n; i++) {
            from[i] = moment(&bytes);
            work(cache, (unsigned)pick(pick(2) ? STEPS : 50), keys);
        }
        uint64_t entries = api_stats(cache).entries;
        compose(from, n, bytes);
        for (unsigned i = 0; i < n; i++)
            free(from[i]);
        gyre_close(cache);
        CHECK_EQ(rename(image, path), 0);
        o.flags &= ~(uint32_t)GYRE_CREATE;
        gy_rebuild_at_once_ms = pick(2) ? UINT32_MAX : 0;
        cache = api_open_with(&o);
        CHECK_EQ(api_stats(cache).start, GYRE_START_RECOVERED);
        if (gy_rebuild_at_once_ms == 0) /* what it reads in the background */
            CHECK_OK(gyre_sync(cache));
        uint64_t before = kept;
        this_scan++;
        for (unsigned k = 0; k < KEYS; k++)
            of[k].removed = version; /* what is not found is gone */
        CHECK_OK(gyre_scan(cache, visit, NULL));
        CHECK_EQ(kept - before, api_stats(cache).entries);
        lost += entries > kept - before ? entries - (kept - before) : 0;
        CHECK_EQ(whole_faults(cache, NULL), 0);
    }
    work(cache, STEPS, keys);
    CHECK_EQ(whole_faults(cache, NULL), 0);
    api_close(cache);
    unlink(path);
}

TEST(file_images, any_mixture_of_sectors_is_recovered)
{
    const char *rounds = getenv("ROUNDS"), *seed = getenv("SEED");
    unsigned n = rounds ? (unsigned)atoi(rounds) : 40;
    uint64_t first = seed ? strtoull(seed, NULL, 10) : (uint64_t)gy_os_clock_ns() % 1000000;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/cache", folder), snprintf(image, sizeof image, "%s/image", folder);
    for (unsigned i = 0; i < n; i++) {
        char at[60];
        snprintf(at, sizeof at, "ROUNDS=1 SEED=%llu", (unsigned long long)(first + i));
        test_at = at;
        round_of(first + i);
    }
    CHECK_EQ(rmdir(folder), 0);
    printf("%u images of each of two crashes, from SEED=%llu on: %llu entries kept, %llu lost\n", n, (unsigned long long)first,
           (unsigned long long)kept, (unsigned long long)lost);
}

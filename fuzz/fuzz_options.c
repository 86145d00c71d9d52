/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Option structs of any size with any contents: each is refused by a code, or gives a cache that
 * works. The structs lie in blocks of exactly the size they claim, so that reading beyond it is
 * seen. */

#include <string.h>
#include <sys/prctl.h>

#include "fuzz.h"
#include "heap.h"

enum { STRUCT_MOST = 1024, CAPACITY_BITS = 22 };

static struct {
    unsigned long opened, refused, too_little_memory, hits;
} totals;

/* No use is made of its argument: a short struct may end before it. */
static uint64_t
clock_ms(void *arg)
{
    (void)arg;
    return 1000;
}

/* What gyre.h says is refused, whatever else is in the struct. `size`: as the struct claims. */
static int
must_be_refused(const gyre_options *o, const unsigned char *raw, size_t size)
{
    const uint32_t flags = GYRE_CREATE | GYRE_EXCLUSIVE | GYRE_READONLY | GYRE_NO_THREAD |
                           GYRE_HUGEPAGES | GYRE_VERSIONS | GYRE_LIBURCU | GYRE_SHM_FD;

    for (size_t i = sizeof *o; i < size; i++) {
        if (raw[i] != 0)
            return 1;
    }
    return (o->flags & ~flags) != 0 || o->reserved != 0 || o->shm_name != NULL ||
           o->file_path != NULL || (o->flags & GYRE_SHM_FD) != 0 || o->shm_fd != 0 || o->sync_interval_ms != 0 || (o->flags & GYRE_READONLY) != 0 || o->capacity_bytes < 65536 ||
           o->capacity_bytes > (uint64_t)4 << 40 || (o->value_align & (o->value_align - 1)) != 0 ||
           (o->value_align != 0 && (o->value_align < 8 || o->value_align > 4096)) ||
           (o->allocate == NULL) != (o->deallocate == NULL);
}

/* Small enough to touch all of it, too small, too large, or only too large for any machine. */
static void
clamp_capacity(gyre_options *options, uint64_t how)
{
    if (how >= 250)
        return;
    if (how >= 240)
        options->capacity_bytes = ((uint64_t)4 << 40) + (how - 245) * 4096;
    else
        options->capacity_bytes &= ((uint64_t)1 << (17 + how % (CAPACITY_BITS - 16))) - 1;
    if (how < 200)
        options->capacity_bytes |= 65536;
}

static void
set_pointers(gyre_options *options, struct fuzz_heap *heap, uint64_t bits)
{
    options->shm_name = bits % 32 == 31 ? "no/name" : NULL;
    options->file_path = bits % 32 == 30 ? "/nonexistent/fuzz/" : NULL; /* a folder: no name of a file */
    options->clock_ms = bits & 32 ? clock_ms : NULL;
    options->clock_arg = NULL;
    fuzz_heap_use(heap, options);
    if (bits % 32 == 29)
        options->allocate = NULL;
    if (bits % 32 == 28)
        options->deallocate = NULL;
    if (bits & 64 || options->struct_size < sizeof *options)
        options->allocate = NULL, options->deallocate = NULL;
}

/* A put with any put options; nothing but a code may come of it. */
static void
try_put_options(gyre *cache, struct fuzz_bytes *in)
{
    uint32_t size = (uint32_t)(4 + fuzz_take(in, 1) % 60);
    unsigned char *raw = malloc(size);
    uint64_t new_version = 0, *out = &new_version;

    for (uint32_t i = 0; raw != NULL && i < size; i++)
        raw[i] = (unsigned char)fuzz_take(in, 1);
    if (raw == NULL)
        return;
    memcpy(raw, &size, sizeof size);
    if (size >= offsetof(gyre_put_options, new_version) + sizeof out)
        memcpy(raw + offsetof(gyre_put_options, new_version), &out, sizeof out);
    else if (size > offsetof(gyre_put_options, new_version))
        memset(raw + offsetof(gyre_put_options, new_version), 0,
               size - offsetof(gyre_put_options, new_version));
    int result = gyre_put(cache, "any", 3, "value", 5, (const gyre_put_options *)(void *)raw);
    FUZZ_CHECK(result >= GYRE_EBUSY && result <= GYRE_CHANGED, "put: %s", gyre_strerror(result));
    free(raw);
}

static void
try_stats(gyre *cache, struct fuzz_bytes *in)
{
    uint32_t size = 4 + (uint32_t)fuzz_take(in, 2) % (sizeof(gyre_stats) + 64);
    unsigned char *raw = malloc(size);
    gyre_stats whole = GYRE_STATS_INIT;

    FUZZ_CHECK(raw != NULL, "memory");
    memset(raw, 0xee, size);
    memcpy(raw, &size, sizeof size);
    int result = gyre_stats_read(cache, (gyre_stats *)(void *)raw);
    FUZZ_CHECK(result == GYRE_OK || result == GYRE_EINVAL, "stats: %s", gyre_strerror(result));
    free(raw);
    FUZZ_CHECK(gyre_stats_read(cache, &whole) == GYRE_OK, "stats");
    FUZZ_CHECK(whole.live_bytes + whole.garbage_bytes + whole.open_bytes + whole.free_bytes +
                       whole.index_bytes ==
                   whole.capacity_bytes,
               "the parts do not add up");
}

/* Puts of several sizes, gets of the same: what hits must be what was put. Seldom many of them: what counts here
 * is how many caches are opened. */
static void
try_cache(gyre *cache, struct fuzz_bytes *in)
{
    gyre_stats stats = GYRE_STATS_INIT;
    static char value[1 << 16];
    unsigned hits = 0, first = fuzz_take(in, 1) % 8 == 7 ? 0 : 20;

    FUZZ_CHECK(gyre_stats_read(cache, &stats) == GYRE_OK && stats.max_value_bytes > 0, "stats");
    for (unsigned round = first; round < 24; round++) {
        char key[16];
        size_t key_size = (size_t)snprintf(key, sizeof key, "key %u", round % 8);
        size_t size =
            round * round * 8 < stats.max_value_bytes ? round * round * 8 : stats.max_value_bytes;
        gyre_view view;

        size = size < sizeof value ? size : sizeof value;
        memset(value, (int)round, size);
        int result = gyre_put(cache, key, key_size, value, size, NULL);
        FUZZ_CHECK(result == GYRE_OK || result == GYRE_ENOMEM, "put of %zu: %s", size,
                   gyre_strerror(result));
        int got = gyre_get(cache, key, key_size, &view);
        FUZZ_CHECK(got == GYRE_OK || got == GYRE_MISS || got == GYRE_ENOMEM, "get: %s",
                   gyre_strerror(got));
        if (got == GYRE_OK) {
            hits++;
            FUZZ_CHECK(result == GYRE_OK && view.size == size &&
                           memcmp(view.data, value, size) == 0,
                       "another value");
        }
        gyre_release(&view);
    }
    totals.hits += hits;
    try_put_options(cache, in);
    try_stats(cache, in);
    FUZZ_CHECK(gyre_clear(cache) >= GYRE_ENOMEM && gyre_maintain(cache, 1000) >= GYRE_ENOMEM,
               "clear");
}

/* What asks for huge pages would be given two cleared megabytes, and that for each cache. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

FUZZ_TARGET
{
    struct fuzz_bytes in = {data, data + size};
    static struct fuzz_heap heap;
    uint64_t how = fuzz_take(&in, 1), pointers = fuzz_take(&in, 1), failing = fuzz_take(&in, 1);
    uint32_t claimed = (uint32_t)fuzz_take(&in, 2) % STRUCT_MOST;
    gyre_options options;
    gyre *cache = (gyre *)&in;

    /* Mostly the size that this version knows: the rest is refused early. */
    if (how % 4 != 0 || claimed < sizeof claimed)
        claimed = sizeof options;
    if (claimed > offsetof(gyre_options, shm_name) && claimed < sizeof options)
        claimed -= claimed % 8; /* half a pointer would be a wild one */
    unsigned char *raw = calloc(1, claimed > sizeof options ? claimed : sizeof options);
    FUZZ_CHECK(raw != NULL, "memory");
    for (size_t i = 0; i < offsetof(gyre_options, shm_fd); i++)
        raw[i] = (unsigned char)fuzz_take(&in, 1);
    memcpy(&options, raw, sizeof options);
    options.struct_size = claimed;
    clamp_capacity(&options, how);
    set_pointers(&options, &heap, pointers);
    options.shm_fd = how % 64 == 63 || options.flags & GYRE_SHM_FD ? -1 : 0; /* never one that is open */
    if (pointers & 128)
        options.reserved = 0, options.flags &= 127 & ~(uint32_t)GYRE_READONLY, options.mode &= 0777;
    if (how & 2)
        options.value_align = (uint32_t)8 << options.value_align % 10;
    if (options.capacity_bytes > 1 << CAPACITY_BITS)
        options.expected_entry_bytes |=
            1 << 30; /* a first index that is not too large to be touched */
    memcpy(raw, &options, sizeof options);
    for (size_t i = sizeof options; i < claimed; i++)
        raw[i] = (unsigned char)fuzz_take(&in, 1);
    raw = realloc(raw, claimed);
    if (claimed < sizeof options)
        memset((char *)&options + claimed, 0, sizeof options - claimed);
    heap = (struct fuzz_heap){.left = failing < 32 ? (long)failing : -1};

    int result = gyre_open(&cache, (const gyre_options *)(void *)raw);
    if (result == GYRE_OK) {
        FUZZ_CHECK(cache != NULL && !must_be_refused(&options, raw, claimed), "accepted");
        totals.opened++;
        try_cache(cache, &in);
        gyre_close(cache);
    } else {
        FUZZ_CHECK(cache == NULL, "a cache in spite of %s", gyre_strerror(result));
        FUZZ_CHECK(result == GYRE_EINVAL || result == GYRE_E2BIG || result == GYRE_ENOMEM,
                   "open: %s", gyre_strerror(result));
        totals.refused += result != GYRE_ENOMEM;
        totals.too_little_memory += result == GYRE_ENOMEM;
    }
    fuzz_heap_check_empty(&heap);
    free(raw);
    return 0;
}

int
fuzz_report(FILE *out)
{
    fprintf(out, "%lu caches opened, %lu refused, %lu without memory, %lu hits\n", totals.opened,
            totals.refused, totals.too_little_memory, totals.hits);
    return totals.opened > 0 && totals.refused > 0 && totals.hits > 0;
}

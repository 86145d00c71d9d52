/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Files of each kind, small ones, as tests/golden keeps them; and what the library finds in one:
 *
 *     golden make KIND FILE       makes it; says what is in it
 *     golden dump START FILE      opens it and says what is in it; START: new, warm, recovered, emptied
 *
 * An entry is a line, as tests/format/reader.py writes it: key, value, user flags, version, in hexadecimal. What is made is said by
 * what was put, where nothing is evicted; else by a scan. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache.h"

enum { KIB = 1 << 10, SECOND_MS = 1000, HOUR_MS = 3600 * SECOND_MS, LARGEST = 3000 };
#define FAR ((uint64_t)1 << 43) /* ms since 1970, in a year that no reader sees: cache time stands still until then */

static void
must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "golden: %s\n", what);
    exit(1);
}

static void
show_bytes(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        printf("%02x", ((const unsigned char *)bytes)[i]);
    printf("%s ", size == 0 ? "-" : "");
}

static void
show(const void *key, size_t key_size, const void *value, size_t size, uint32_t user_flags, uint64_t version)
{
    show_bytes(key, key_size);
    show_bytes(value, size);
    printf("%x %llx\n", user_flags, (unsigned long long)version);
}

/* ---- what is put ------------------------------------------------------------------------------------------------- */

static void
fill(char *to, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++) /* few different bytes: what is kept in the tests is compressed */
        to[i] = (char)('a' + (i + seed) % 7);
}

/* said: it is there in the end. */
static void
put(gyre *cache, size_t key_size, size_t size, unsigned seed, uint32_t user_flags, uint32_t ttl_ms, bool said)
{
    char key[LARGEST], value[LARGEST];
    gyre_put_options o = GYRE_PUT_OPTIONS_INIT;
    uint64_t version = 0;
    fill(key, key_size, 0), fill(value, size, seed);
    o.user_flags = user_flags, o.ttl_ms = ttl_ms, o.new_version = &version;
    must(gyre_put(cache, key, key_size, value, size, &o) == GYRE_OK, "a put failed");
    if (said)
        show(key, key_size, value, size, user_flags, version);
}

static void
forget(gyre *cache, size_t key_size)
{
    char key[LARGEST];
    fill(key, key_size, 0);
    must(gyre_delete(cache, key, key_size) == GYRE_OK, "a delete failed");
}

static void
put_several(gyre *cache)
{
    static const size_t key[] = {1, 3, 8, 9, 16, 17, 31, 64, 129, 240, 241, 300, 1000};
    static const size_t value[] = {0, 1, 7, 8, 9, 16, 17, 100, 128, 240, 241, 1000, LARGEST};
    enum { N = sizeof key / sizeof key[0] };
    for (unsigned i = 0; i < N; i++) /* replaced below */
        put(cache, key[i], value[N - 1 - i], i, 0, 0, false);
    for (unsigned i = 0; i < N; i++)
        put(cache, key[i], value[i], i + 1, i % 3 == 1 ? 7777 + i : 0, i % 4 == 2 ? HOUR_MS : 0, i != 4 && i != 9);
    forget(cache, key[4]), forget(cache, key[9]);
    put(cache, 50, 20, 1, 5, 1, false); /* over at once */
    put(cache, 51, 20, 1, 0, SECOND_MS, false); /* over when the clock has gone on a little: finish */
}

static int
say(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)arg;
    show(key, key_size, value->data, value->size, value->user_flags, value->version);
    return 0;
}

/* A small cache after several turns of its rings, with a clear in between. */
static void
put_many(gyre *cache)
{
    for (unsigned i = 0; i < 6000; i++) {
        char key[32];
        gyre_view view;
        snprintf(key, sizeof key, "key %u", i);
        must(gyre_put(cache, key, strlen(key), key, i % 30, NULL) == GYRE_OK, "a put failed");
        if (i == 2000)
            must(gyre_clear(cache) == GYRE_OK, "a clear failed");
        snprintf(key, sizeof key, "key %u", i / 2);
        if (gyre_get(cache, key, strlen(key), &view) == GYRE_OK)
            gyre_release(&view);
    }
    must(gyre_scan(cache, say, NULL) == GYRE_OK, "a scan failed");
}

/* Until a shard is in the middle of doubling. */
static void
put_until_it_grows(gyre *cache)
{
    for (unsigned i = 0;; i++) {
        char key[32];
        must(i < 100000, "the index does not grow");
        snprintf(key, sizeof key, "key %u", i);
        must(gyre_put(cache, key, strlen(key), key, i % 10, NULL) == GYRE_OK, "a put failed");
        if (gy_geometry_phase(gy_load_acq(&cache->geometries[0])) == GY_MOVING)
            break;
    }
    must(gyre_scan(cache, say, NULL) == GYRE_OK, "a scan failed");
}

static const struct kind {
    const char *name;
    uint32_t flags, value_align;
    uint64_t capacity;
    void (*fill)(gyre *cache);
    bool killed;
} kinds[] = {{"clean", 0, 0, 256 * KIB, put_several, false},
             {"plain", GYRE_NO_CHECKSUMS, 0, 256 * KIB, put_several, false},
             {"aligned", GYRE_VERSIONS, 64, 256 * KIB, put_several, false},
             {"swept", 0, 0, 64 * KIB, put_many, false},
             {"growing", 0, 0, 1024 * KIB, put_until_it_grows, false},
             {"sparse", GYRE_SPARSE, 0, 1024 * KIB, put_several, false},
             {"killed", 0, 0, 256 * KIB, put_several, true}};

static void
fill_in(const struct kind *kind, const char *path)
{
    gyre_options o = GYRE_OPTIONS_INIT;
    gyre *cache;
    o.file_path = path, o.flags = GYRE_CREATE | GYRE_EXCLUSIVE | GYRE_NO_THREAD | kind->flags;
    o.capacity_bytes = kind->capacity, o.value_align = kind->value_align;
    int result = gyre_open(&cache, &o);
    must(result == GYRE_OK, gyre_strerror(result));
    kind->fill(cache);
    fflush(stdout);
    if (kind->killed)
        _exit(0); /* with the cache open */
    gyre_close(cache);
}

/* The file as it will be found, in another life of the machine: cache time stands still, some seconds after it was filled. */
static void
finish(const char *path)
{
    struct gy_super *s = aligned_alloc(_Alignof(struct gy_super), sizeof *s);
    FILE *file = fopen(path, "r+b");
    must(s != NULL && file != NULL && fread(s, offsetof(struct gy_super, shard), 1, file) == 1, "it cannot be read");
    struct gy_life *life = &s->life;
    gy_store_rlx(&life->latest_ms, gy_load_rlx(&life->latest_ms) + 10 * SECOND_MS);
    gy_store_rlx(&life->start_wall_ms, FAR);
    gy_store_rlx(&life->start_wall_again, FAR);
    gy_store_rlx(&life->boot[0], 1), gy_store_rlx(&life->boot[1], 2);
    rewind(file);
    must(fwrite(s, offsetof(struct gy_super, shard), 1, file) == 1 && fclose(file) == 0, "it cannot be written");
    free(s);
}

static void
make(const char *name, const char *path)
{
    const struct kind *kind = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            kind = &kinds[i];
    must(kind != NULL, "there is no such kind");
    int status;
    pid_t child = fork();
    if (child == 0) {
        fill_in(kind, path);
        exit(0);
    }
    must(waitpid(child, &status, 0) == child && status == 0, "it was not made");
    finish(path);
}

static void
dump(const char *start, const char *path)
{
    static const char *const starts[] = {"new", "warm", "recovered", "emptied"};
    gyre_options o = GYRE_OPTIONS_INIT;
    gyre_stats stats = GYRE_STATS_INIT;
    gyre *cache;
    o.file_path = path, o.flags = GYRE_NO_THREAD;
    int result = gyre_open(&cache, &o);
    must(result == GYRE_OK, gyre_strerror(result));
    must(gyre_stats_read(cache, &stats) == GYRE_OK, "it has no statistics");
    must(strcmp(starts[stats.start], start) == 0, starts[stats.start]);
    must(gyre_scan(cache, say, NULL) == GYRE_OK, "a scan failed");
    gyre_close(cache);
}

int
main(int argc, char **argv)
{
    must(argc == 4, "golden make KIND FILE, golden dump START FILE");
    if (strcmp(argv[1], "make") == 0)
        make(argv[2], argv[3]);
    else
        dump(argv[2], argv[3]);
    return 0;
}

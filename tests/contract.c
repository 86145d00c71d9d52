/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What a program may expect of gyre.h, checked with nothing but that header, contract.h beside this
 * file and the C library, so that it can be built against any installed copy:
 *
 *     cc -O2 contract.c $(pkg-config --cflags --libs gyre) -pthread && ./a.out [seconds]
 *
 * Prints a line for each check and exits with 1 when one failed. */

#include "contract.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

static unsigned n_checks, n_failed;

static void
check(const char *name, void (*body)(void))
{
    atomic_store(&n_wrong, 0);
    body();
    unsigned wrong = atomic_load(&n_wrong);
    printf("%s %s\n", wrong ? "FAIL" : "ok  ", name);
    fflush(stdout);
    n_checks++;
    n_failed += wrong != 0;
}

static bool
holds(gyre *cache, const char *key, const char *value)
{
    gyre_view view;
    if (gyre_get(cache, key, strlen(key), &view) != GYRE_OK)
        return false;
    bool same = view.size == strlen(value) && memcmp(view.data, value, view.size) == 0;
    gyre_release(&view);
    return same;
}

static int
put(gyre *cache, const char *key, const char *value, uint32_t flags, uint64_t version, uint64_t *new_version)
{
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    options.flags = flags;
    options.version = version;
    options.new_version = new_version;
    return gyre_put(cache, key, strlen(key), value, strlen(value), &options);
}

/* ---- single-threaded semantics ---------------------------------------------------------------- */

static void
check_basics(void)
{
    gyre *c = open_cache(1 << 20, 0);
    gyre_view view;
    char buffer[8];
    size_t size = 0;
    EXPECT(gyre_get(c, "k", 1, &view) == GYRE_MISS && view.size == 0);
    EXPECT(gyre_put(c, "k", 1, "value", 5, NULL) == GYRE_OK && holds(c, "k", "value"));
    EXPECT(gyre_put(c, "k", 1, "other", 5, NULL) == GYRE_OK && holds(c, "k", "other"));
    EXPECT(gyre_read(c, "k", 1, buffer, 4, &size) == GYRE_E2BIG && size == 5);
    EXPECT(gyre_read(c, "k", 1, buffer, 8, &size) == GYRE_OK && memcmp(buffer, "other", 5) == 0);
    EXPECT(gyre_put(c, "k\0x", 3, NULL, 0, NULL) == GYRE_OK);
    EXPECT(gyre_get(c, "k\0x", 3, &view) == GYRE_OK && view.size == 0 && view.data != NULL);
    gyre_release(&view);
    gyre_release(&view);
    EXPECT(gyre_delete(c, "k", 1) == GYRE_OK && gyre_delete(c, "k", 1) == GYRE_MISS);
    EXPECT(gyre_get(c, "k", 1, &view) == GYRE_MISS);
    EXPECT(gyre_put(c, "", 0, "v", 1, NULL) == GYRE_EINVAL);
    EXPECT(gyre_put(NULL, "k", 1, "v", 1, NULL) == GYRE_EINVAL);
    EXPECT(gyre_get(c, NULL, 1, &view) == GYRE_EINVAL);
    EXPECT(put(c, "k", "v", GYRE_IF_VERSION, 1, NULL) == GYRE_EINVAL);
    gyre_close(c);
}

static void
check_conditions(void)
{
    gyre *c = open_cache(1 << 20, GYRE_VERSIONS);
    uint64_t first = 0, second = 0;
    EXPECT(put(c, "k", "1", GYRE_REPLACE, 0, NULL) == GYRE_MISS);
    EXPECT(put(c, "k", "1", GYRE_IF_VERSION, 1, NULL) == GYRE_MISS);
    EXPECT(put(c, "k", "1", GYRE_ADD, 0, &first) == GYRE_OK && first != 0);
    EXPECT(put(c, "k", "2", GYRE_ADD, 0, NULL) == GYRE_EXISTS && holds(c, "k", "1"));
    EXPECT(put(c, "k", "2", GYRE_IF_VERSION, first, &second) == GYRE_OK && second != first);
    EXPECT(put(c, "k", "3", GYRE_IF_VERSION, first, NULL) == GYRE_CHANGED && holds(c, "k", "2"));
    EXPECT(put(c, "k", "3", GYRE_REPLACE, 0, NULL) == GYRE_OK && holds(c, "k", "3"));
    gyre_close(c);
}

static void
check_drafts(void)
{
    gyre *c = open_cache(1 << 20, 0);
    gyre_draft draft;
    EXPECT(gyre_reserve(c, "k", 1, 5, NULL, &draft) == GYRE_OK && draft.size == 5);
    EXPECT(!holds(c, "k", "draft"));
    memcpy(draft.data, "draft", 5);
    EXPECT(gyre_commit(&draft) == GYRE_OK && holds(c, "k", "draft"));
    EXPECT(gyre_commit(&draft) == GYRE_EINVAL);
    EXPECT(gyre_reserve(c, "k", 1, 5, NULL, &draft) == GYRE_OK);
    gyre_abort(&draft);
    gyre_abort(&draft);
    EXPECT(holds(c, "k", "draft"));
    EXPECT(gyre_reserve(c, "k", 1, 5, NULL, &draft) == GYRE_OK);
    memcpy(draft.data, "after", 5);
    EXPECT(gyre_clear(c) == GYRE_OK && !holds(c, "k", "draft"));
    EXPECT(gyre_commit(&draft) == GYRE_OK && holds(c, "k", "after"));
    gyre_close(c);
}

static uint64_t now_ms;

static uint64_t
read_clock(void *arg)
{
    (void)arg;
    return __atomic_load_n(&now_ms, __ATOMIC_SEQ_CST);
}

static void
set_clock(uint64_t ms)
{
    __atomic_store_n(&now_ms, ms, __ATOMIC_SEQ_CST);
}

static void
check_ttl(void)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = 1 << 20;
    options.clock_ms = read_clock;
    options.default_ttl_ms = 1000;
    set_clock(5000);
    gyre *c = open_or_exit(&options);
    gyre_put_options timed = GYRE_PUT_OPTIONS_INIT;
    timed.user_flags = 77;
    EXPECT(gyre_put(c, "default", 7, "v", 1, NULL) == GYRE_OK);
    timed.ttl_ms = 10;
    EXPECT(gyre_put(c, "short", 5, "v", 1, &timed) == GYRE_OK);
    timed.ttl_ms = GYRE_NO_TTL;
    EXPECT(gyre_put(c, "none", 4, "v", 1, &timed) == GYRE_OK);
    set_clock(5009);
    EXPECT(holds(c, "short", "v"));
    set_clock(5010);
    EXPECT(!holds(c, "short", "v") && holds(c, "default", "v"));
    EXPECT(gyre_touch(c, "short", 5, 10) == GYRE_MISS);
    EXPECT(gyre_touch(c, "none", 4, 2000) == GYRE_OK);
    gyre_view view;
    EXPECT(gyre_get(c, "none", 4, &view) == GYRE_OK);
    EXPECT(view.ttl_left_ms == 2000 && view.user_flags == 77);
    gyre_release(&view);
    set_clock(5999);
    EXPECT(holds(c, "default", "v"));
    set_clock(6000);
    EXPECT(!holds(c, "default", "v") && holds(c, "none", "v"));
    gyre_close(c);
}

static void
check_too_big(void)
{
    gyre *c = open_cache(1 << 20, 0);
    size_t most = (size_t)stats_of(c).max_value_bytes;
    char *big = calloc(1, most + 1);
    if (big == NULL)
        exit(1);
    EXPECT(gyre_put(c, "k", 1, big, most, NULL) == GYRE_OK);
    EXPECT(put(c, "k", "old", 0, 0, NULL) == GYRE_OK);
    EXPECT(put(c, "beside", "there", 0, 0, NULL) == GYRE_OK);
    gyre_put_options add = GYRE_PUT_OPTIONS_INIT;
    add.flags = GYRE_ADD;
    EXPECT(gyre_put(c, "k", 1, big, most + 1, &add) == GYRE_E2BIG && holds(c, "k", "old"));
    EXPECT(gyre_put(c, "k", 1, big, most + 1, NULL) == GYRE_E2BIG && !holds(c, "k", "old"));
    EXPECT(holds(c, "beside", "there"));
    free(big);
    gyre_close(c);
}

static void
check_alignment(void)
{
    static char buffer[400];
    for (size_t i = 0; i < sizeof buffer; i++)
        buffer[i] = (char)(i * 37);
    for (uint32_t align = 8; align <= 4096; align *= 2) {
        gyre_options options = GYRE_OPTIONS_INIT;
        options.capacity_bytes = 8 << 20;
        options.value_align = align;
        gyre *c = open_or_exit(&options);
        for (size_t n = 0; n <= 300; n++) {
            gyre_view view;
            EXPECT(gyre_put(c, buffer + 1, 10 + n, buffer + n % 13, n, NULL) == GYRE_OK);
            EXPECT(gyre_get(c, buffer + 1, 10 + n, &view) == GYRE_OK);
            expect((uintptr_t)view.data % align == 0, "%p for an alignment of %u", view.data, align);
            EXPECT(view.size == n && memcmp(view.data, buffer + n % 13, n) == 0);
            gyre_release(&view);
        }
        gyre_close(c);
    }
}

static void
check_max_entries(void)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = 1 << 20;
    options.max_entries = 10;
    gyre *c = open_or_exit(&options);
    char key[16];
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "%d", i);
        EXPECT(put(c, key, key, 0, 0, NULL) == GYRE_OK && holds(c, key, key));
        EXPECT(stats_of(c).entries == (uint64_t)(i < 10 ? i + 1 : 10));
    }
    int found = 0;
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "%d", i);
        found += holds(c, key, key);
    }
    expect(found == 10, "%d of 500 keys found", found);
    gyre_close(c);
}

enum { SCANNED = 5000 };
static unsigned char visits[SCANNED];

static int
visit(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    char text[16] = "";
    EXPECT(key_size < sizeof text && value->size == key_size && memcmp(key, value->data, key_size) == 0);
    memcpy(text, key, key_size < 15 ? key_size : 15);
    unsigned number = (unsigned)strtoul(text, NULL, 10);
    EXPECT(number < SCANNED);
    visits[number % SCANNED]++;
    return ++*(int *)arg == 100 ? 4711 : 0;
}

static void
check_scan(void)
{
    gyre *c = open_cache(16 << 20, 0);
    char key[16];
    for (int i = 0; i < SCANNED; i++) {
        snprintf(key, sizeof key, "%d", i);
        EXPECT(put(c, key, key, 0, 0, NULL) == GYRE_OK);
    }
    int n = 1000;
    EXPECT(gyre_scan(c, visit, &n) == GYRE_OK && n == 1000 + SCANNED);
    for (int i = 0; i < SCANNED; i++)
        expect(visits[i] == 1, "key %d: %d visits", i, visits[i]);
    n = 0;
    EXPECT(gyre_scan(c, visit, &n) == 4711 && n == 100);
    gyre_close(c);
}

/* ---- views that are held ------------------------------------------------------------------------ */

static void
check_pinned_views(void)
{
    enum { HELD = 200, SIZE = 1024 };
    static gyre_view views[HELD];
    static unsigned char value[SIZE], expected[SIZE];
    const uint64_t capacity = 16 << 20;
    gyre *c = open_cache(capacity, 0);
    for (uint64_t k = 0; k < HELD; k++) {
        make_value(value, k, 1, SIZE);
        EXPECT(gyre_put(c, &k, sizeof k, value, SIZE, NULL) == GYRE_OK);
        EXPECT(gyre_get(c, &k, sizeof k, &views[k]) == GYRE_OK);
    }
    for (uint64_t k = HELD; k < HELD + 20 * capacity / SIZE; k++) {
        make_value(value, k, 1, SIZE);
        EXPECT(gyre_put(c, &k, sizeof k, value, SIZE, NULL) == GYRE_OK);
    }
    for (uint64_t k = 0; k < HELD; k++) {
        make_value(expected, k, 1, SIZE);
        expect(views[k].size == SIZE && memcmp(views[k].data, expected, SIZE) == 0, "view %llu changed",
               (unsigned long long)k);
        gyre_release(&views[k]);
    }
    EXPECT(stats_of(c).pinned_bytes == 0);
    gyre_close(c);
}

/* ---- two writers and two readers -------------------------------------------------------------- */

enum { WRITERS = 2, READERS = 2, KEYS = 4096 };
static unsigned run_seconds = 8;

/* One writer for each key: it says begun before a put or delete and done after it, so that a reader
 * knows that what it finds must be between done, read before its get, and begun, read after it. */
static struct crowd {
    gyre *cache;
    _Atomic uint64_t begun[KEYS], done[KEYS];
    atomic_bool stop;
    _Atomic uint64_t puts, deletes, hits, misses, stale, torn;
} crowd;

static void *
write_keys(void *arg)
{
    uint64_t random = 0x1234567 + (uint64_t)(uintptr_t)arg, writer = (uint64_t)(uintptr_t)arg;
    unsigned char value[VALUE_MOST];
    uint64_t puts = 0, deletes = 0;
    while (!atomic_load(&crowd.stop)) {
        random = mix(random + 0x9E3779B97F4A7C15u);
        uint64_t range = random % 4 ? KEYS / 16 : KEYS;
        uint64_t key = (random >> 8) % (range / WRITERS) * WRITERS + writer;
        uint64_t count = atomic_load(&crowd.begun[key]) + 1;
        size_t size = VALUE_HEAD + 8 + (random >> 40) % (VALUE_MOST - VALUE_HEAD - 8);
        int rc;
        atomic_store(&crowd.begun[key], count);
        if ((random >> 32) % 16 == 0) {
            rc = gyre_delete(crowd.cache, &key, sizeof key);
            rc = rc == GYRE_MISS ? GYRE_OK : rc;
            deletes++;
        } else if ((random >> 32) % 16 == 1) {
            gyre_draft draft;
            rc = gyre_reserve(crowd.cache, &key, sizeof key, size, NULL, &draft);
            if (rc == GYRE_OK) {
                make_value(draft.data, key, count, size);
                rc = gyre_commit(&draft);
            }
            puts++;
        } else {
            rc = gyre_put(crowd.cache, &key, sizeof key, value, make_value(value, key, count, size), NULL);
            puts++;
        }
        expect(rc == GYRE_OK, "a write answered %d", rc);
        atomic_store(&crowd.done[key], count);
    }
    atomic_fetch_add(&crowd.puts, puts);
    atomic_fetch_add(&crowd.deletes, deletes);
    return NULL;
}

static void
judge(uint64_t key, const gyre_view *view, uint64_t done)
{
    uint64_t count = value_count(view->data, view->size, key);
    if (count == 0)
        atomic_fetch_add(&crowd.torn, 1);
    else if (count < done || count > atomic_load(&crowd.begun[key]))
        atomic_fetch_add(&crowd.stale, 1);
}

static void *
read_keys(void *arg)
{
    enum { BATCH = 16 };
    uint64_t random = 0x7654321 + (uint64_t)(uintptr_t)arg, hits = 0, misses = 0;
    uint64_t numbers[BATCH], done[BATCH];
    gyre_key keys[BATCH];
    gyre_view views[BATCH];
    int results[BATCH];
    while (!atomic_load(&crowd.stop)) {
        for (int i = 0; i < BATCH; i++) {
            random = mix(random + 0x9E3779B97F4A7C15u);
            numbers[i] = (random >> 8) % (random % 4 ? KEYS / 16 : KEYS);
            keys[i] = (gyre_key){&numbers[i], sizeof numbers[i]};
            done[i] = atomic_load(&crowd.done[numbers[i]]);
        }
        if (random >> 63) {
            gyre_get_many(crowd.cache, BATCH, keys, views, results);
        } else {
            for (int i = 0; i < BATCH; i++)
                results[i] = gyre_get(crowd.cache, keys[i].data, keys[i].size, &views[i]);
        }
        for (int i = 0; i < BATCH; i++) {
            expect(results[i] == GYRE_OK || results[i] == GYRE_MISS, "a get answered %d", results[i]);
            if (results[i] == GYRE_OK)
                judge(numbers[i], &views[i], done[i]);
            results[i] == GYRE_OK ? hits++ : misses++;
            gyre_release(&views[i]);
        }
    }
    atomic_fetch_add(&crowd.hits, hits);
    atomic_fetch_add(&crowd.misses, misses);
    return NULL;
}

static void
check_crowd(void)
{
    pthread_t threads[WRITERS + READERS];
    crowd.cache = open_cache(2 << 20, 0);
    for (uintptr_t i = 0; i < WRITERS + READERS; i++)
        if (pthread_create(&threads[i], NULL, i < WRITERS ? write_keys : read_keys, (void *)i) != 0)
            exit(1);
    struct timespec time = {.tv_sec = run_seconds};
    nanosleep(&time, NULL);
    atomic_store(&crowd.stop, true);
    for (int i = 0; i < WRITERS + READERS; i++)
        pthread_join(threads[i], NULL);
    printf("     %llu puts, %llu deletes, %llu hits, %llu misses in %u s: %llu stale, %llu torn\n",
           (unsigned long long)crowd.puts, (unsigned long long)crowd.deletes,
           (unsigned long long)crowd.hits, (unsigned long long)crowd.misses, run_seconds,
           (unsigned long long)crowd.stale, (unsigned long long)crowd.torn);
    EXPECT(crowd.stale == 0);
    EXPECT(crowd.torn == 0);
    EXPECT(crowd.puts > 0 && crowd.hits > 0);
    gyre_stats s = stats_of(crowd.cache);
    EXPECT(s.removed[GYRE_CAPACITY] > 0 || run_seconds == 0);
    EXPECT(s.capacity_bytes ==
           s.live_bytes + s.garbage_bytes + s.open_bytes + s.free_bytes + s.index_bytes + s.recovering_bytes);
    gyre_close(crowd.cache);
}

/* ---- what an entry costs ---------------------------------------------------------------------- */

static uint64_t
resident_bytes(void)
{
    unsigned long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%lu %lu", &size, &resident) != 2)
        exit(1);
    fclose(f);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
check_bytes_an_entry(void)
{
    const uint64_t capacity = 256 << 20;
    uint64_t before = resident_bytes(), value[8] = {0};
    char key[17];
    gyre *c = open_cache(capacity, 0);
    /* Until it is full and has evicted for a while. */
    for (uint64_t i = 0; i < 3 * capacity / 80; i++) {
        if (i % 65536 == 0 && stats_of(c).removed[GYRE_CAPACITY] > 500000)
            break;
        snprintf(key, sizeof key, "%016llx", (unsigned long long)mix(i));
        value[0] = i;
        EXPECT(gyre_put(c, key, 16, value, sizeof value, NULL) == GYRE_OK);
    }
    gyre_stats s = stats_of(c);
    uint64_t resident = resident_bytes() - before;
    double an_entry = s.entries ? (double)s.capacity_bytes / (double)s.entries : 0;
    printf("     %llu entries of 16 + 64 bytes in 256 MiB: %.1f bytes an entry of capacity, %.1f resident\n",
           (unsigned long long)s.entries, an_entry,
           s.entries ? (double)resident / (double)s.entries : 0);
    EXPECT(s.entries > 0 && an_entry <= 112);
    EXPECT(s.removed[GYRE_CAPACITY] > 0);
    gyre_close(c);
}

int
main(int argc, char **argv)
{
    if (argc > 1)
        run_seconds = (unsigned)strtoul(argv[1], NULL, 10);
    check("storing, finding, removing", check_basics);
    check("conditions and versions", check_conditions);
    check("drafts", check_drafts);
    check("time to live", check_ttl);
    check("values that are too large", check_too_big);
    check("alignment of values", check_alignment);
    check("ten entries at most", check_max_entries);
    check("a scan of 5,000 entries", check_scan);
    check("200 views while the cache is overwritten 20 times", check_pinned_views);
    check("two writers and two readers: nothing stale, nothing torn", check_crowd);
    check("at most 112 bytes an entry", check_bytes_an_entry);
    printf("%u checks, %u failed\n", n_checks, n_failed);
    return n_failed != 0;
}

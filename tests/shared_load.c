/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process that uses a shared cache, or with a slash in its name a file, for tests of what looks at one from outside: makes so many calls, of all kinds and
 * on random keys, and ends. It opens the cache again and again, as many short processes would.
 *
 *     shared_load NAME CALLS SEED [MAX_ENTRIES] */

#include <gyre.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 20000, VALUE_MOST = 3000, CALLS_AN_OPENING = 200000 };

static uint64_t seed;

static uint64_t
below(uint64_t n)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (seed * 0x9e3779b97f4a7c15u >> 33) % n;
}

static void
put(gyre *cache, const char *key, size_t key_size)
{
    static char value[VALUE_MOST];
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    gyre_draft draft;
    size_t size = below(8) ? below(200) : below(VALUE_MOST);
    if (below(10) == 0)
        options.ttl_ms = 1 + (uint32_t)below(50);
    if (below(10) == 0)
        options.user_flags = 7;
    if (below(20) == 0)
        options.flags = below(2) ? GYRE_ADD : GYRE_REPLACE;
    if (below(20) != 0)
        gyre_put(cache, key, key_size, value, size, &options);
    else if (gyre_reserve(cache, key, key_size, size, &options, &draft) == GYRE_OK) {
        memset(draft.data, 0, draft.size);
        if (below(4))
            gyre_commit(&draft);
        else
            gyre_abort(&draft);
    }
}

static void
lease(gyre *cache, const char *key, size_t key_size)
{
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    gyre_view view;
    gyre_lease taken;
    options.wait_ms = GYRE_NO_WAIT;
    options.lease_ms = 20;
    options.stale_ms = 1000;
    int result = gyre_get_or_lease(cache, key, key_size, &options, &view, &taken);
    if (result == GYRE_MISS && below(4))
        gyre_lease_commit(&taken, key, key_size, NULL);
    else if (result == GYRE_MISS && below(2))
        gyre_lease_abort(&taken);
    else if (result == GYRE_OK || result == GYRE_STALE)
        gyre_release(&view);
}

static void
call(gyre *cache)
{
    char key[32];
    gyre_view view;
    size_t key_size = (size_t)snprintf(key, sizeof key, "key %llu", (unsigned long long)below(KEYS));
    switch (below(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
        put(cache, key, key_size);
        break;
    case 4:
        gyre_delete(cache, key, key_size);
        break;
    case 5:
        gyre_touch(cache, key, key_size, below(2) ? 5 : GYRE_NO_TTL);
        break;
    case 6:
        lease(cache, key, key_size);
        break;
    default:
        if (gyre_get(cache, key, key_size, &view) == GYRE_OK)
            gyre_release(&view);
    }
    if (below(50000) == 0)
        gyre_clear(cache);
}

int
main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s NAME CALLS SEED [MAX_ENTRIES]\n", argv[0]);
        return 2;
    }
    gyre_options options = GYRE_OPTIONS_INIT;
    if (strchr(argv[1], '/') != NULL)
        options.file_path = argv[1];
    else
        options.shm_name = argv[1];
    options.flags = GYRE_CREATE;
    options.capacity_bytes = 4 << 20;
    options.max_entries = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    uint64_t calls = strtoull(argv[2], NULL, 10);
    for (seed = strtoull(argv[3], NULL, 10) + 1; calls > 0;) {
        gyre *cache;
        int result = gyre_open(&cache, &options);
        if (result != GYRE_OK) {
            fprintf(stderr, "gyre_open: %s\n", gyre_strerror(result));
            return 1;
        }
        for (unsigned n = 0; n < CALLS_AN_OPENING && calls > 0; n++, calls--)
            call(cache);
        gyre_close(cache);
    }
    return 0;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* How many bytes an entry takes beside its key and value, once the cache evicts: of resident memory, index, tables and
 * policy included. For several capacities, since an index that came in powers of two would be cheap for some of them
 * and dear for others; each with pages of 4 KiB and of 2 MiB, each in a process of its own. */

#include <gyre.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

enum { VALUE_BYTES = 64, PAYLOAD = WORKLOAD_KEY_BYTES + VALUE_BYTES, MUST = 30 /* bytes beside it, at most */ };

struct row {
    uint64_t capacity_bytes;
    uint32_t flags;
};

static double
resident_bytes(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    double kib = -1;

    while (file != NULL && kib < 0 && fgets(line, sizeof line, file) != NULL)
        sscanf(line, "Rss: %lf", &kib);
    if (file != NULL)
        fclose(file);
    return kib * 1024;
}

static int
put(gyre *cache, uint64_t id)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    char value[VALUE_BYTES];

    workload_key(id, key);
    workload_fill(id, value, sizeof value);
    return gyre_put(cache, key, sizeof key, value, sizeof value, NULL);
}

/* Fills the cache beyond its room, then asks by Zipf's law for ten times as many keys, and puts what it misses. */
static int
use(gyre *cache, uint64_t room, const uint32_t *ids)
{
    int result = GYRE_OK;

    for (uint64_t i = 0; i < room * 3 / 2 && result == GYRE_OK; i++)
        result = put(cache, ((uint64_t)1 << 40) + i);
    for (uint64_t i = 0; i < 2 * room && result == GYRE_OK; i++) {
        unsigned char key[WORKLOAD_KEY_BYTES];
        gyre_view view;
        workload_key(ids[i], key);
        if (gyre_get(cache, key, sizeof key, &view) == GYRE_OK)
            gyre_release(&view);
        else
            result = put(cache, ids[i]);
    }
    return result;
}

static int
measure(const struct row *row)
{
    uint64_t room = row->capacity_bytes / (PAYLOAD + MUST);
    uint32_t *ids = workload_sequence((uint32_t)(10 * room), WORKLOAD_ZIPF, 2 * room, 1);
    gyre_options options = GYRE_OPTIONS_INIT;
    gyre_stats stats = GYRE_STATS_INIT;
    gyre *cache;

    options.capacity_bytes = row->capacity_bytes;
    options.expected_entry_bytes = PAYLOAD;
    options.flags = row->flags;
    double before = resident_bytes();
    if (ids == NULL || gyre_open(&cache, &options) != GYRE_OK || use(cache, room, ids) != GYRE_OK)
        return EXIT_FAILURE;
    gyre_stats_read(cache, &stats);
    double entries = (double)stats.entries, beside = (resident_bytes() - before) / entries - PAYLOAD;
    printf("%8.0f MB  %-5s %9.0f %9.1f %9.1f %9.1f %9.1f %9.1f %10.0f\n", (double)row->capacity_bytes / 1e6,
           row->flags & GYRE_HUGEPAGES ? "2 MiB" : "4 KiB", entries, beside,
           (double)stats.index_bytes / entries, (double)stats.live_bytes / entries - PAYLOAD,
           (double)(stats.open_bytes + stats.free_bytes + stats.garbage_bytes) / entries,
           (double)stats.table_bytes / entries, (double)stats.window_conflicts * 1e6 / (double)stats.puts);
    gyre_close(cache);
    free(ids);
    return beside <= MUST ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
in_child(const struct row *row)
{
    int status = -1;

    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int result = measure(row);
        fflush(stdout);
        _exit(result);
    }
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

int
main(int argc, char **argv)
{
    static const char *const usual[] = {"20", "64", "100", "112", "200", "300", "500"};
    const char *const *given = argc > 1 ? (const char *const *)(argv + 1) : usual;
    int n = argc > 1 ? argc - 1 : (int)(sizeof usual / sizeof *usual);
    int result = EXIT_SUCCESS;

    printf("Bytes an entry beside %d of key and value, evicting (at most %d):\n"
           "   capacity  pages   entries  resident     index   headers  not live    tables  conflicts in 10^6 puts\n",
           PAYLOAD, MUST);
    for (int i = 0; i < n; i++)
        for (int huge = 0; huge < 2; huge++) {
            struct row row = {(uint64_t)(atof(given[i]) * 1e6), huge ? GYRE_HUGEPAGES : 0};
            if (in_child(&row) != 0)
                result = EXIT_FAILURE;
        }
    puts(result == EXIT_SUCCESS ? "OK" : "failed, or more than it must be");
    return result;
}

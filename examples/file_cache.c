/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A cache in a file: what one run of the program has computed, the next one finds, also when the first was killed. (If the
 * machine stops while it is open, the next one finds what was on the disk by then: here what the last ten seconds brought
 * may be absent.) Reads numbers, one a line, and says of each how many primes are below it.
 *
 *     cc -std=c11 file_cache.c $(pkg-config --cflags --libs gyre) -o file_cache
 *     echo 100000000 | ./file_cache ./primes.cache     (takes a moment)
 *     echo 100000000 | ./file_cache ./primes.cache     (does not)
 *     gyre stat ./primes.cache; gyre rm ./primes.cache */

#include <gyre.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 100000000 };

/* Stands for whatever is slow. (The sieve of Eratosthenes, of odd numbers.) */
static uint32_t
primes_below(uint32_t limit)
{
    uint32_t half = limit / 2, n = limit > 2; /* 2 is one; sieve[i] is of 2 i + 1 */
    char *sieve = calloc(half + 1, 1);
    if (sieve == NULL)
        abort();
    for (uint32_t i = 1; i < half; i++) {
        if (sieve[i])
            continue;
        n++;
        uint64_t prime = 2 * i + 1;
        for (uint64_t k = prime * prime / 2; k < half; k += prime)
            sieve[k] = 1;
    }
    free(sieve);
    return n;
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }
    gyre_options options = GYRE_OPTIONS_INIT;
    options.file_path = argv[1];
    options.flags = GYRE_CREATE;
    options.capacity_bytes = 4 << 20;
    options.sync_interval_ms = 10000;
    gyre *cache;
    int result = gyre_open(&cache, &options);
    if (result != GYRE_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], gyre_strerror(result));
        return 1;
    }

    /* Whether anything was there matters little: what is absent is a miss, as in any cache. */
    static const char *const found[] = {[GYRE_START_NEW] = "new", [GYRE_START_WARM] = "warm",
                                        [GYRE_START_RECOVERED] = "recovered, since the machine stopped",
                                        [GYRE_START_EMPTIED] = "emptied, since the machine stopped",
                                        [GYRE_START_RESIZED] = "of another size now"};
    gyre_stats stats = GYRE_STATS_INIT;
    gyre_stats_read(cache, &stats);
    printf("the cache is %s: %" PRIu64 " entries\n", found[stats.start], stats.entries);

    uint32_t limit, primes;
    while (fflush(stdout) == 0 && scanf("%" SCNu32, &limit) == 1 && limit <= MOST) {
        size_t size;
        if (gyre_read(cache, &limit, sizeof limit, &primes, sizeof primes, &size) == GYRE_OK) {
            printf("%" PRIu32 " primes below %" PRIu32 ", remembered\n", primes, limit);
            continue;
        }
        primes = primes_below(limit);
        gyre_put(cache, &limit, sizeof limit, &primes, sizeof primes, NULL);
        printf("%" PRIu32 " primes below %" PRIu32 ", computed\n", primes, limit);
    }
    gyre_close(cache); /* the last one to close it writes everything out */
    return 0;
}

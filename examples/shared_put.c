/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* One of two programs that share a cache: puts a value, which shared_read finds, in another process, at any time later,
 * also when this one has long ended. The first to come makes the cache.
 *
 *     cc -std=c11 shared_put.c $(pkg-config --cflags --libs gyre) -o shared_put
 *     ./shared_put greeting "hello, neighbour" && ./shared_read greeting
 *     gyre stat gyre-example; gyre rm gyre-example */

#include <gyre.h>
#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s KEY VALUE\n", argv[0]);
        return 2;
    }
    gyre_options options = GYRE_OPTIONS_INIT;
    options.shm_name = "gyre-example";
    options.flags = GYRE_CREATE | GYRE_NO_THREAD; /* a program as short as this needs no thread */
    options.capacity_bytes = 4 << 20;
    gyre *cache;
    int result = gyre_open(&cache, &options);
    if (result != GYRE_OK) {
        fprintf(stderr, "gyre_open: %s\n", gyre_strerror(result));
        return 1;
    }
    result = gyre_put(cache, argv[1], strlen(argv[1]), argv[2], strlen(argv[2]), NULL);
    if (result != GYRE_OK)
        fprintf(stderr, "gyre_put: %s\n", gyre_strerror(result));
    gyre_close(cache);
    return result == GYRE_OK ? 0 : 1;
}

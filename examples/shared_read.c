/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The other of two programs that share a cache: prints what shared_put has put, from the cache's own bytes.
 *
 *     cc -std=c11 shared_read.c $(pkg-config --cflags --libs gyre) -o shared_read */

#include <gyre.h>
#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s KEY\n", argv[0]);
        return 2;
    }
    gyre_options options = GYRE_OPTIONS_INIT;
    options.shm_name = "gyre-example";
    options.flags = GYRE_NO_THREAD; /* without GYRE_CREATE: taken as it is, or not at all */
    gyre *cache;
    int result = gyre_open(&cache, &options);
    if (result != GYRE_OK) {
        fprintf(stderr, "gyre_open: %s\n", gyre_strerror(result));
        return 1;
    }
    gyre_view view;
    result = gyre_get(cache, argv[1], strlen(argv[1]), &view);
    if (result == GYRE_OK) {
        printf("%.*s\n", (int)view.size, (const char *)view.data); /* nothing was copied */
        gyre_release(&view);
    } else {
        fprintf(stderr, "%s: %s\n", argv[1], gyre_strerror(result));
    }
    gyre_close(cache);
    return result == GYRE_OK ? 0 : 1;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The smallest complete program: open, put, get, release, close.
 *
 *     cc -std=c11 hello.c $(pkg-config --cflags --libs gyre) -o hello */

#include <gyre.h>
#include <stdio.h>

int
main(void)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = 16 << 20;

    gyre *cache;
    int rc = gyre_open(&cache, &options);
    if (rc != GYRE_OK) {
        fprintf(stderr, "hello: gyre_open: %s\n", gyre_strerror(rc));
        return 1;
    }

    rc = gyre_put(cache, "answer", 6, "42", 2, NULL);
    if (rc != GYRE_OK)
        fprintf(stderr, "hello: gyre_put: %s\n", gyre_strerror(rc));

    /* A hit is a pointer to the cached bytes themselves. They stay readable until gyre_release,
     * whatever happens to the entry meanwhile. */
    gyre_view view;
    rc = gyre_get(cache, "answer", 6, &view);
    if (rc == GYRE_OK) {
        printf("the answer is %.*s\n", (int)view.size, (const char *)view.data);
        gyre_release(&view);
    } else {
        printf("no answer: %s\n", gyre_strerror(rc));
    }

    if (gyre_get(cache, "question", 8, &view) == GYRE_MISS)
        printf("the question is not known\n");

    gyre_close(cache);
    return 0;
}

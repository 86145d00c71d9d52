/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A cache of files whose contents are read straight into the cache: gyre_reserve gives the room, read(2)
 * fills it, gyre_commit publishes it, and write(2) sends it from there. No buffer stands between.
 * Each file is sent to standard output, twice; the second time comes from the cache.
 *
 *     cc -std=c11 reserve_commit.c $(pkg-config --cflags --libs gyre) -o reserve_commit
 *     ./reserve_commit FILE ... > /dev/null */

#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <gyre.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
send_all(const char *data, size_t size)
{
    while (size) {
        ssize_t sent = write(STDOUT_FILENO, data, size);
        if (sent < 0)
            return -1;
        data += sent;
        size -= (size_t)sent;
    }
    return 0;
}

/* Reads an open file into a draft. Whatever goes wrong, an aborted draft leaves no trace. */
static int
fill(gyre_draft *draft, int fd)
{
    for (size_t done = 0; done < draft->size;) {
        ssize_t got = read(fd, (char *)draft->data + done, draft->size - done);
        if (got <= 0) {
            gyre_abort(draft);
            return GYRE_EIO;
        }
        done += (size_t)got;
    }
    return gyre_commit(draft);
}

static int
load(gyre *cache, const char *path)
{
    int rc = GYRE_EIO;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return rc;
    struct stat status;
    gyre_draft draft;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        rc = gyre_reserve(cache, path, strlen(path), (size_t)status.st_size, NULL, &draft);
        if (rc == GYRE_OK)
            rc = fill(&draft, fd);
    }
    close(fd);
    return rc;
}

static int
serve(gyre *cache, const char *path)
{
    gyre_view view;
    int rc = gyre_get(cache, path, strlen(path), &view);
    const char *from = "cache";
    if (rc == GYRE_MISS) {
        from = "disk";
        rc = load(cache, path);
        if (rc == GYRE_OK)
            rc = gyre_get(cache, path, strlen(path), &view);
    }
    if (rc != GYRE_OK) {
        fprintf(stderr, "%s: %s\n", path, gyre_strerror(rc));
        return 1;
    }
    fprintf(stderr, "%s: %zu bytes from the %s\n", path, view.size, from);
    int failed = send_all(view.data, view.size);
    gyre_release(&view);
    return failed;
}

int
main(int argc, char **argv)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = 64 << 20;
    gyre *cache;
    if (argc < 2 || gyre_open(&cache, &options) != GYRE_OK) {
        fprintf(stderr, "usage: reserve_commit FILE ...\n");
        return 2;
    }
    int failed = 0;
    for (int round = 0; round < 2; round++)
        for (int i = 1; i < argc; i++)
            failed |= serve(cache, argv[i]);
    gyre_close(cache);
    return failed ? 1 : 0;
}

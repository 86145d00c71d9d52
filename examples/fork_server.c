/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A server that forks for each request, and a cache that all its children share: what one of them has computed, the
 * next ones find, though it has ended. Of children that want the same page at once, one makes it. Every eleventh child is
 * killed in the middle of its work: the others do not notice, but for who takes over its page.
 *
 *     cc -std=c11 fork_server.c $(pkg-config --cflags --libs gyre) -o fork_server */

#define _GNU_SOURCE
#include <gyre.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REQUESTS = 400, AT_ONCE = 8, PAGES = 20, MAKE_MS = 3 };

static void
make_page(unsigned number, char *page, size_t room)
{
    snprintf(page, room, "<h1>page %u</h1>", number);
}

enum outcome { MADE, FOUND, WRONG };

/* In a child. The cache that it inherits is as good as one that it had opened itself. */
static enum outcome
serve(gyre *cache, unsigned number, bool dies)
{
    char page[64];
    gyre_view view;
    gyre_lease lease;
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    options.lease_ms = 2000;
    make_page(number, page, sizeof page);
    int result = gyre_get_or_lease(cache, &number, sizeof number, &options, &view, &lease);
    if (dies)
        raise(SIGKILL); /* with the view, or the lease, in hand */
    if (result == GYRE_OK) {
        bool right = view.size == strlen(page) && memcmp(view.data, page, view.size) == 0;
        gyre_release(&view);
        return right ? FOUND : WRONG;
    }
    if (result != GYRE_MISS && result != GYRE_LEASED)
        return WRONG;
    nanosleep(&(struct timespec){.tv_nsec = MAKE_MS * 1000000}, NULL); /* what making it takes */
    if (result == GYRE_MISS)
        gyre_lease_commit(&lease, page, strlen(page), NULL);
    return MADE;
}

int
main(void)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    int fd = memfd_create("pages", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    options.flags = GYRE_SHM_FD | GYRE_CREATE;
    options.shm_fd = fd; /* no name: it goes with the last process */
    options.capacity_bytes = 4 << 20;
    gyre *cache;
    int result = gyre_open(&cache, &options);
    if (result != GYRE_OK) {
        fprintf(stderr, "gyre_open: %s\n", gyre_strerror(result));
        return 1;
    }
    unsigned outcome[WRONG + 1] = {0}, killed = 0;
    for (unsigned request = 0; request < REQUESTS + AT_ONCE; request++) {
        if (request < REQUESTS && fork() == 0)
            _exit(serve(cache, request * 7 % PAGES, request % 11 == 10));
        int status;
        if (request < AT_ONCE || wait(&status) < 0)
            continue;
        if (WIFEXITED(status) && WEXITSTATUS(status) <= WRONG)
            outcome[WEXITSTATUS(status)]++;
        else
            killed++;
    }
    gyre_stats stats = GYRE_STATS_INIT;
    gyre_stats_read(cache, &stats);
    printf("%u requests, %u children killed: %u pages found, %u made, %u wrong; %llu leases, %llu passed on\n", REQUESTS,
           killed, outcome[FOUND], outcome[MADE], outcome[WRONG], (unsigned long long)stats.leases,
           (unsigned long long)stats.leases_passed);
    gyre_close(cache);
    close(fd);
    return outcome[WRONG] == 0 && outcome[MADE] > 0 && outcome[FOUND] > outcome[MADE] ? 0 : 1;
}

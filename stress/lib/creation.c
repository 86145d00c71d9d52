/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "creation.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RIVALS_MOST = 64, VALUE_BYTES = 100, CAPACITY = 256 << 10, KILL_WITHIN_US = 8000 };
enum answer { NONE, MADE, FOUND, NOT_OPENED, NOT_PUT, NOT_READ, NOT_STARTED };

bool
creation_own_folder(uint64_t pages)
{
    char size[64] = "mode=1777";
    if (pages > 0)
        snprintf(size, sizeof size, "mode=1777,size=%lluk", (unsigned long long)pages * 4);
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "/dev/shm", "tmpfs", 0, size) == 0;
}

static bool
hide_proc(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "/proc", "tmpfs", 0, "size=4k") == 0;
}

unsigned
creation_objects(void)
{
    unsigned n = 0;
    DIR *folder = opendir("/dev/shm");
    for (struct dirent *e; folder != NULL && (e = readdir(folder)) != NULL;)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (folder != NULL)
        closedir(folder);
    return n;
}

static void
value_of(unsigned number, char value[VALUE_BYTES])
{
    memset(value, (int)('A' + number % 57), VALUE_BYTES);
}

static bool
has_value(gyre *cache, unsigned number)
{
    char value[VALUE_BYTES], is[VALUE_BYTES];
    size_t size = 0;
    value_of(number, value);
    return gyre_read(cache, &number, sizeof number, is, sizeof is, &size) == GYRE_OK && size == sizeof is &&
           memcmp(is, value, sizeof is) == 0;
}

static gyre_options
options_of(const struct creation *c, uint32_t flags)
{
    gyre_options o = GYRE_OPTIONS_INIT;
    o.shm_name = c->name;
    o.flags = flags | GYRE_NO_THREAD;
    o.capacity_bytes = flags & GYRE_CREATE ? CAPACITY : 0;
    return o;
}

/* Every other one asks to be the only maker; all put a value and look whether it is there. */
static enum answer
rival(const struct creation *c, unsigned number, int start)
{
    char byte, value[VALUE_BYTES];
    gyre *cache;
    enum answer answer = FOUND;
    if ((c->without_proc && !hide_proc()) || read(start, &byte, 1) != 0)
        return NOT_STARTED;
    gyre_options o = options_of(c, GYRE_CREATE | (number % 2 ? 0 : GYRE_EXCLUSIVE));
    int result = gyre_open(&cache, &o);
    if (result == GYRE_OK && number % 2 == 0)
        answer = MADE;
    if (result == GYRE_EEXIST) {
        o = options_of(c, 0);
        result = gyre_open(&cache, &o);
    }
    if (result != GYRE_OK)
        return NOT_OPENED;
    value_of(number, value);
    if (gyre_put(cache, &number, sizeof number, value, sizeof value, NULL) != GYRE_OK)
        return NOT_PUT;
    if (!has_value(cache, number))
        return NOT_READ;
    gyre_close(cache);
    return answer;
}

/* After the race: is there one region, with what each of those who came to an end has put, and is it gone when its name
 * is removed? One more is made and removed, which finds what the dead have left. */
static const char *
look_afterwards(const struct creation *c, const enum answer answer[])
{
    unsigned makers = 0, done = 0;
    for (unsigned i = 0; i < c->rivals; i++) {
        if (answer[i] > FOUND)
            return answer[i] == NOT_OPENED ? "a rival could not open it" : "a rival could not use it";
        makers += answer[i] == MADE, done += answer[i] != NONE;
    }
    if (makers > 1)
        return "it was made twice";
    if (!c->kills && done != c->rivals)
        return "a rival has died";
    gyre *cache;
    gyre_options o = options_of(c, 0);
    int result = gyre_open(&cache, &o);
    if (result == GYRE_ENOENT && done == 0)
        return NULL;
    if (result != GYRE_OK)
        return "what was made cannot be opened";
    for (unsigned i = 0; i < c->rivals; i++)
        if (answer[i] != NONE && !has_value(cache, i))
            return "rivals had different caches";
    gyre_close(cache);
    return gyre_unlink(&o) == GYRE_OK ? NULL : "its name stays";
}

static void
kill_some(const struct creation *c, const pid_t child[], struct rng *rng)
{
    for (unsigned n = rng_below32(rng, c->rivals); n > 0; n--) {
        usleep(rng_below32(rng, KILL_WITHIN_US / c->rivals));
        kill(child[rng_below32(rng, c->rivals)], SIGKILL);
    }
}

const char *
creation_race(struct creation *c, struct rng *rng)
{
    pid_t child[RIVALS_MOST];
    enum answer answer[RIVALS_MOST];
    int start[2], status;
    if (c->rivals > RIVALS_MOST || pipe(start) != 0)
        return "cannot start";
    for (unsigned i = 0; i < c->rivals; i++) {
        child[i] = fork();
        if (child[i] < 0)
            return "cannot fork";
        if (child[i] == 0) {
            close(start[1]);
            _exit(rival(c, i, start[0]));
        }
    }
    close(start[0]), close(start[1]);
    if (c->kills)
        kill_some(c, child, rng);
    for (unsigned i = 0; i < c->rivals; i++) {
        if (waitpid(child[i], &status, 0) != child[i])
            return "cannot wait";
        bool ended = WIFEXITED(status);
        answer[i] = ended ? (enum answer)WEXITSTATUS(status) : NONE;
        if (!ended && (WTERMSIG(status) != SIGKILL || !c->kills))
            return "a rival has crashed";
        c->made += answer[i] == MADE, c->found += answer[i] == FOUND, c->killed += !ended;
    }
    return look_afterwards(c, answer);
}

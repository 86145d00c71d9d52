/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "subject.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache.h"
#include "reboot.h"
#include "stress.h"

enum { STEPS = 1500, INSTRUCTIONS_MOST = 4000, OVER_US = 30000 };

#define OPTIONS(...) {.struct_size = sizeof(gyre_options), __VA_ARGS__}
const struct subject subjects[SUBJECTS] = {
    {"plain", OPTIONS(.capacity_bytes = 128 << 10), .size_max = 1500},
    {"limited", OPTIONS(.capacity_bytes = 128 << 10, .max_entries = 80), .size_max = 800},
    {"growing", OPTIONS(.capacity_bytes = 128 << 10, .expected_entry_bytes = 4000), .size_max = 60, .grows = true},
    {"cleared", OPTIONS(.capacity_bytes = 256 << 10, .flags = GYRE_VERSIONS, .value_align = 64, .default_ttl_ms = 3600000),
     .size_max = 1000, .clears = true},
    {"unproved", OPTIONS(.capacity_bytes = 128 << 10, .flags = GYRE_NO_CHECKSUMS), .size_max = 1000},
};
const char *const state_name[STATES] = {"closed", "moved", "killed", "stopped"};

/* ---- who fills it ---------------------------------------------------------------------------------------------- */

static void
tell(struct caller *c, const char *format, ...)
{
    (void)c;
    stress_fail("a file is wrong before it was damaged: %s", format);
    _exit(1);
}

static bool
growing(const gyre *cache)
{
    return gy_geometry_phase(gy_load_acq(&cache->geometries[0])) != GY_STEADY;
}

/* So much of it, and on to the middle of growth where that is wanted; the keys that are used become more until then. */
static void
work(struct caller *c, const struct subject *s, unsigned steps)
{
    uint32_t keys = s->grows ? KEYS / 8 : KEYS;
    for (unsigned i = 0; i < steps || (s->grows && !growing(c->cache) && keys < KEYS); i++) {
        keys += s->grows && i >= steps && keys < KEYS;
        caller_call(c, caller_draw(c), rng_below32(&c->rng, keys));
        if (rng_one_in(&c->rng, 50))
            gyre_maintain(c->cache, 0);
        if (s->clears && i + steps / 8 == steps)
            caller_clear(c);
    }
}

static struct caller
opened(const struct subject *s, struct knowledge *knows, uint64_t salt, const char *path, uint64_t *arenas_at)
{
    struct caller c = {.knows = knows, .rng = stress_rng(salt), .size_max = s->size_max, .wrong = tell};
    gyre_options o = s->options;
    o.flags |= GYRE_CREATE | GYRE_NO_THREAD;
    o.file_path = path;
    o.seed = mix64(stress_rng(0).state + (uint64_t)(s - subjects)) | 1; /* as everything, it follows from the program's */
    if (gyre_open(&c.cache, &o) != GYRE_OK)
        tell(&c, "it cannot be opened");
    *arenas_at = c.cache->g.arenas_at;
    return c;
}

/* In a process of its own, since it may be killed: makes it and closes it, or goes on with it until it is killed. */
static void
fill(const struct subject *s, struct image *image, uint64_t salt, const char *path, bool close_it)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct caller c = opened(s, &image->knows, salt, path, &image->arenas_at);
    work(&c, s, STEPS);
    if (close_it) {
        gyre_close(c.cache);
        _exit(0);
    }
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    for (;;)
        caller_call(&c, caller_draw(&c), rng_below32(&c.rng, KEYS));
}

static void
fail(const char *what)
{
    fprintf(stderr, "damage: %s\n", what);
    exit(2);
}

static void
fill_and_close(const struct subject *s, struct image *image, uint64_t salt, const char *path)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        fill(s, image, salt, path, true);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        fail("no file could be made");
}

/* After some instructions of a call. */
static void
fill_and_die(const struct subject *s, struct image *image, uint64_t salt, const char *path)
{
    struct rng rng = stress_rng(salt + 1);
    int status;
    pid_t pid = fork();
    if (pid == 0)
        fill(s, image, salt, path, false);
    if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
        fail("no file could be filled");
    for (uint64_t n = rng_below(&rng, INSTRUCTIONS_MOST); n > 0; n--)
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0 || waitpid(pid, &status, 0) != pid)
            break;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) == pid && !WIFSIGNALED(status) && !WIFEXITED(status))
        ;
}

/* ---- as it was left -------------------------------------------------------------------------------------------- */

static void
look(struct image *image, const char *path)
{
    int file = open(path, O_RDONLY);
    off_t bytes = lseek(file, 0, SEEK_END), at = 0;
    if (file < 0 || bytes <= 0 || bytes > IMAGE_MOST)
        fail("the file is of no size that is expected");
    image->bytes = (uint64_t)bytes;
    memset(image->held, 0, sizeof image->held);
    memset(image->at, 0, sizeof image->at);
    while ((at = lseek(file, at, SEEK_DATA)) >= 0) {
        static const char nothing[IMAGE_PAGE];
        char *to = image->at + at;
        if (pread(file, to, IMAGE_PAGE, at) <= 0)
            fail("the file cannot be read");
        image->held[at / IMAGE_PAGE] = memcmp(to, nothing, IMAGE_PAGE) != 0;
        at += IMAGE_PAGE;
    }
    close(file);
}

/* To another file, in another life of the machine. */
static void
move(struct image *to, const struct image *from, const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    memcpy(to, from, sizeof *to);
    if (file < 0 || pwrite(file, from->at, from->bytes, 0) != (ssize_t)from->bytes)
        fail("the file cannot be copied");
    close(file);
    reboot_file(path);
    look(to, path);
}

void
subject_make(const struct subject *s, uint64_t salt, const char *path, const char *other, struct image image[STATES])
{
    unlink(path);
    memset(&image[CLOSED].knows, 0, sizeof image->knows);
    fill_and_close(s, &image[CLOSED], salt, path);
    look(&image[CLOSED], path);
    image[KILLED].knows = image[CLOSED].knows;
    fill_and_die(s, &image[KILLED], salt + 2, path);
    look(&image[KILLED], path);
    stress_sleep_us(OVER_US);
    caller_settle(&image[CLOSED].knows), caller_settle(&image[KILLED].knows);
    move(&image[MOVED], &image[CLOSED], other);
    move(&image[STOPPED], &image[KILLED], other);
}

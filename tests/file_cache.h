/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What tests of files have in common: a folder with a cache in it, and another life of the machine. */

#ifndef TESTS_FILE_CACHE_H
#define TESTS_FILE_CACHE_H

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache.h"
#include "region.h"

enum { HOUR_MS = 3600000 };
static char folder[] = "/tmp/gyre-test-XXXXXX";
static struct {
    char text[64];
} path, other;

static inline void
begin(void)
{
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path.text, sizeof path.text, "%s/cache", folder);
    snprintf(other.text, sizeof other.text, "%s/other", folder);
}

static inline void
end(void)
{
    unlink(path.text), unlink(other.text);
    CHECK_EQ(rmdir(folder), 0); /* nothing else is left */
}

static inline gyre_options
options(uint32_t flags)
{
    gyre_options o = api_options(flags & GYRE_CREATE ? 4 * MIB : 0, flags | GYRE_NO_THREAD);
    o.file_path = path.text;
    return o;
}

static inline gyre *
open_it(uint32_t flags)
{
    gyre_options o = options(flags);
    return api_open_with(&o);
}

static inline int
result_of(const gyre_options *o)
{
    gyre *cache;
    int result = gyre_open(&cache, o);
    gyre_close(cache);
    return result;
}

static inline void
make_with(uint32_t flags)
{
    gyre *cache = open_it(GYRE_CREATE | flags);
    CHECK_EQ(api_stats(cache).start, GYRE_START_NEW);
    CHECK_OK(put_text(cache, "key", "value"));
    api_close(cache);
}

static inline void
make(void)
{
    make_with(0);
}

static inline int
put_and_die(void *arg)
{
    gyre *cache;
    gyre_options o = options(GYRE_CREATE);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    EXPECT(2, put_text(cache, arg, "value") == GYRE_OK);
    return 0; /* with the cache open */
}

/* The file's head as a process of its own changes it, with nobody there. */
static inline void
in_head(void (*change)(struct gy_super *s, uint64_t by), uint64_t by)
{
    struct gy_super *s = aligned_alloc(_Alignof(struct gy_super), sizeof *s);
    int file = open(path.text, O_RDWR);
    CHECK(s != NULL && pread(file, s, sizeof *s, 0) == sizeof *s);
    change(s, by);
    CHECK(pwrite(file, s, sizeof *s, 0) == sizeof *s);
    close(file), free(s);
}

static inline void
reboot(struct gy_super *s, uint64_t after_ms)
{
    gy_store_rlx(&s->life.boot[0], gy_load_rlx(&s->life.boot[0]) ^ 1);
    gy_store_rlx(&s->life.start_wall_ms, gy_load_rlx(&s->life.start_wall_ms) - after_ms);
    s->clock_start_ms += (uint64_t)1 << 40; /* of a clock that means nothing any more */
}

static inline uint64_t
clean_word(void)
{
    uint64_t clean;
    int file = open(path.text, O_RDONLY);
    CHECK(pread(file, &clean, sizeof clean, offsetof(struct gy_super, life.clean)) == sizeof clean);
    close(file);
    return clean;
}

static inline bool
is_clean(void)
{
    return clean_word() == GY_FILE_CLEAN;
}

static inline void
copy(const char *from, const char *to)
{
    char command[200];
    snprintf(command, sizeof command, "cp %s %s", from, to);
    CHECK_EQ(system(command), 0);
}

#endif

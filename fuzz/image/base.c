/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "base.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache.h"
#include "fuzz.h"
#include "clock.h"

enum { STEPS = 900, LATER_STEPS = 150, OPTIONS_SEED = 77 };

#define OPTIONS(...) {.struct_size = sizeof(gyre_options), __VA_ARGS__}
static const struct image_kind kinds[IMAGE_KINDS] = {
    {"plain", OPTIONS(.capacity_bytes = 128 << 10), .size_max = 1500},
    {"limited", OPTIONS(.capacity_bytes = 128 << 10, .max_entries = 80), .size_max = 800},
    {"growing", OPTIONS(.capacity_bytes = 128 << 10, .expected_entry_bytes = 4000), .size_max = 60, .grows = true},
    {"cleared", OPTIONS(.capacity_bytes = 256 << 10, .flags = GYRE_VERSIONS, .value_align = 64, .default_ttl_ms = 3600000),
     .size_max = 1000, .clears = true},
    {"unproved", OPTIONS(.capacity_bytes = 128 << 10, .flags = GYRE_NO_CHECKSUMS), .size_max = 1000},
};
static char folder[] = "/dev/shm/gyre-fuzz-XXXXXX";

/* ---- who fills it ---------------------------------------------------------------------------------------------- */

static void
tell(struct caller *c, const char *format, ...)
{
    (void)c;
    FUZZ_CHECK(false, "a file is wrong before it was changed: %s", format);
}

static bool
growing(const gyre *cache)
{
    return gy_geometry_phase(gy_load_acq(&cache->geometries[0])) != GY_STEADY;
}

/* So much of it, and on to the middle of growth where that is wanted; the keys that are used become more until then. */
static void
work(struct caller *c, const struct image_kind *kind, unsigned steps)
{
    uint32_t keys = kind->grows ? KEYS / 8 : KEYS;
    for (unsigned i = 0; i < steps || (kind->grows && !growing(c->cache) && keys < KEYS); i++) {
        keys += kind->grows && i >= steps && keys < KEYS;
        caller_call(c, caller_draw(c), rng_below32(&c->rng, keys));
        if (rng_one_in(&c->rng, 50))
            gyre_maintain(c->cache, 0);
        if (kind->clears && i + steps / 8 == steps)
            caller_clear(c);
    }
}

/* What a thread has in hand when it dies. */
static void
leave_open(gyre *cache)
{
    gyre_draft draft;
    gyre_view view;
    gyre_lease lease;
    gyre_get_or_lease(cache, "nobody's", 8, NULL, &view, &lease);
    gyre_reserve(cache, "never committed", 15, 30, NULL, &draft);
    for (unsigned k = 0; k < KEYS; k++) {
        unsigned char key[KEY_BYTES_MAX];
        size_t bytes = key_write((struct key){'k', k}, key);
        if (gyre_get(cache, key, bytes, &view) == GYRE_OK)
            return;
    }
}

/* In a process of its own, which ends with the cache open, or closes it. */
static void
fill(const struct image_file *f, struct image *image, bool close_it)
{
    struct caller c = {.knows = &image->knows, .size_max = f->kind->size_max, .wrong = tell};
    gyre_options o = f->kind->options;
    c.rng.state = (uint64_t)(f->kind - kinds) * 2 + close_it;
    o.flags |= GYRE_CREATE | GYRE_NO_THREAD;
    o.file_path = f->path;
    o.seed = OPTIONS_SEED;
    image_time_begin(close_it ? IMAGE_FILLED_MS : IMAGE_KILLED_MS);
    FUZZ_CHECK(gyre_open(&c.cache, &o) == GYRE_OK, "%s cannot be opened", f->path);
    work(&c, f->kind, close_it ? STEPS : LATER_STEPS);
    if (close_it)
        gyre_close(c.cache);
    else
        leave_open(c.cache);
    _exit(0);
}

static void
fill_apart(const struct image_file *f, struct image *image, bool close_it)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        fill(f, image, close_it);
    FUZZ_CHECK(waitpid(pid, &status, 0) == pid && status == 0, "no file could be made");
    caller_settle(&image->knows);
}

/* ---- as it was left -------------------------------------------------------------------------------------------- */

static bool
is_zero(const char *page)
{
    static const char nothing[IMAGE_PAGE];
    return memcmp(page, nothing, IMAGE_PAGE) == 0;
}

/* Calls each with the pages of a file that hold anything, or did. */
#define FOR_EACH_PAGE(file, page)                                                                                              \
    for (off_t from_ = lseek(file, 0, SEEK_DATA), to_; from_ >= 0 && (to_ = lseek(file, from_, SEEK_HOLE)) > from_;            \
         from_ = lseek(file, to_, SEEK_DATA))                                                                                  \
        for (uint64_t page = (uint64_t)from_ / IMAGE_PAGE; page < (uint64_t)to_ / IMAGE_PAGE; page++)

static void
add_place(struct image_places *places, uint64_t at)
{
    if (places->n < IMAGE_PLACES)
        places->at[places->n++] = (uint32_t)at;
}

static void
find_places(struct image *image)
{
    gyre cache = {.region.base = image->at};
    cache.g = ((const struct gy_super *)(const void *)image->at)->geometry;
    gy_cache_settle(&cache);
    for (uint64_t at = cache.g.index_at; at < cache.g.arenas_at; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, image->at + at, sizeof word);
        if (word != GY_EMPTY)
            add_place(&image->slots, at);
    }
    for (uint32_t a = 0; a < cache.g.n_arenas; a++) {
        uint64_t at = gy_arena_offset(&cache, a), end = at + cache.arena_bytes;
        while (end - at >= sizeof(struct gy_header)) {
            struct gy_header h = gy_entry_header(image->at + at);
            uint64_t bytes = gy_entry_room(&cache, at, h);
            if (h.key_bytes == 0 || bytes > end - at)
                break;
            add_place(&image->entries, at);
            at += bytes;
        }
    }
    FUZZ_CHECK(image->slots.n > 0 && image->entries.n > 0, "there is nothing to be changed");
}

static void
look(const struct image_file *f, struct image *image)
{
    off_t bytes = lseek(f->file, 0, SEEK_END);
    FUZZ_CHECK(bytes > 0 && bytes <= IMAGE_MOST, "%s has %lld bytes", f->path, (long long)bytes);
    image->bytes = (uint64_t)bytes;
    FOR_EACH_PAGE(f->file, page) {
        image->held[page] = !is_zero(f->map + page * IMAGE_PAGE);
        if (image->held[page])
            memcpy(image->at + page * IMAGE_PAGE, f->map + page * IMAGE_PAGE, IMAGE_PAGE);
    }
    find_places(image);
}

void
image_heal(struct image_file *f, const struct image *image)
{
    FUZZ_CHECK(ftruncate(f->file, (off_t)image->bytes) == 0, "%s", f->path);
    FOR_EACH_PAGE(f->file, page)
        if (!image->held[page] && !is_zero(f->map + page * IMAGE_PAGE))
            memset(f->map + page * IMAGE_PAGE, 0, IMAGE_PAGE);
    for (uint64_t page = 0; page < image->bytes / IMAGE_PAGE; page++)
        if (image->held[page] && memcmp(f->map + page * IMAGE_PAGE, image->at + page * IMAGE_PAGE, IMAGE_PAGE) != 0)
            memcpy(f->map + page * IMAGE_PAGE, image->at + page * IMAGE_PAGE, IMAGE_PAGE);
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

static void *
memory(size_t bytes, int file)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | (file < 0 ? MAP_ANONYMOUS : 0), file, 0);
    FUZZ_CHECK(at != MAP_FAILED, "no memory");
    return at;
}

static void
make(struct image_file *f, const struct image_kind *kind)
{
    f->kind = kind;
    for (unsigned state = 0; state < IMAGE_STATES; state++) {
        struct image *image = f->image[state] = memory(sizeof *image, -1);
        if (state == IMAGE_KILLED)
            image->knows = f->image[IMAGE_CLOSED]->knows;
        fill_apart(f, image, state == IMAGE_CLOSED);
        if (state == IMAGE_CLOSED) {
            f->file = open(f->path, O_RDWR | O_CLOEXEC);
            f->map = memory(IMAGE_MOST, f->file);
        }
        look(f, image);
    }
}

/* However this process ends, somebody takes the folder away: who waits for that in vain. */
static void
leave_nothing(const struct image_file *files)
{
    int ends[2];
    FUZZ_CHECK(pipe2(ends, O_CLOEXEC) == 0, "no pipe");
    if (fork() == 0) {
        char byte;
        signal(SIGINT, SIG_IGN), signal(SIGTERM, SIG_IGN);
        close(ends[1]);
        while (read(ends[0], &byte, 1) > 0)
            ;
        for (unsigned i = 0; i < IMAGE_KINDS; i++)
            unlink(files[i].path);
        _exit(rmdir(folder));
    }
    close(ends[0]);
}

struct image_file *
image_files(void)
{
    static struct image_file files[IMAGE_KINDS];
    if (files[0].kind != NULL)
        return files;
    FUZZ_CHECK(mkdtemp(folder) != NULL, "no folder in /dev/shm");
    for (unsigned i = 0; i < IMAGE_KINDS; i++)
        snprintf(files[i].path, sizeof files[i].path, "%s/%s", folder, kinds[i].name);
    leave_nothing(files);
    for (unsigned i = 0; i < IMAGE_KINDS; i++)
        make(&files[i], &kinds[i]);
    return files;
}

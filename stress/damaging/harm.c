/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "harm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layout.h"

enum { LINE = 64, LINE_BITS = 8 * LINE, SECTOR = 512, EMPTY_APART = 64, LONGER_MOST = 3 << 20 };

const char *const kind_name[KINDS] = {"nothing", "bit", "empty bits", "bits", "sectors", "shorter", "longer"};

/* ---- the file -------------------------------------------------------------------------------------------------- */

static bool
holds_nothing(const char *line)
{
    static const char nothing[LINE];
    return memcmp(line, nothing, LINE) == 0;
}

static void
find_lines(struct patient *p)
{
    p->n_lines = 0;
    for (uint64_t at = 0; at < p->image->arenas_at; at += LINE) {
        if (!holds_nothing(p->image->at + at))
            p->line[p->n_lines++] = (uint32_t)(at / LINE);
    }
}

void
patient_take(struct patient *p, const struct image *image, const char *path)
{
    *p = (struct patient){.path = path, .image = image, .file = open(path, O_RDWR)};
    p->line = malloc(image->arenas_at / LINE * sizeof *p->line);
    p->at = mmap(NULL, IMAGE_MOST + LONGER_MOST, PROT_READ | PROT_WRITE, MAP_SHARED, p->file, 0);
    if (p->file < 0 || p->line == NULL || p->at == MAP_FAILED) {
        perror("damage");
        exit(2);
    }
    find_lines(p);
}

void
patient_leave(struct patient *p)
{
    munmap(p->at, IMAGE_MOST + LONGER_MOST);
    close(p->file);
    free(p->line);
}

static void
make_nothing(struct patient *p, uint64_t from, uint64_t to)
{
    if (from < to)
        fallocate(p->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from));
}

void
patient_heal(struct patient *p)
{
    const struct image *image = p->image;
    off_t at = 0, end;
    if (ftruncate(p->file, (off_t)image->bytes) != 0)
        exit(2);
    while ((at = lseek(p->file, at, SEEK_DATA)) >= 0) {
        end = lseek(p->file, at, SEEK_HOLE);
        uint64_t from = (uint64_t)at, to = from;
        for (; to < (uint64_t)end; to += IMAGE_PAGE)
            if (image->held[to / IMAGE_PAGE])
                make_nothing(p, from, to), from = to + IMAGE_PAGE;
        make_nothing(p, from, to);
        at = end;
    }
    for (uint64_t page = 0; page * IMAGE_PAGE < image->bytes; page++)
        if (image->held[page])
            memcpy(p->at + page * IMAGE_PAGE, image->at + page * IMAGE_PAGE, IMAGE_PAGE);
}

uint64_t
patient_sum(const struct patient *p)
{
    struct stat s;
    fstat(p->file, &s);
    uint64_t sum = (uint64_t)s.st_size;
    off_t at = 0;
    while ((at = lseek(p->file, at, SEEK_DATA)) >= 0) {
        for (off_t end = lseek(p->file, at, SEEK_HOLE); at < end; at += IMAGE_PAGE)
            for (unsigned i = 0; i < IMAGE_PAGE; i += LINE)
                if (at + i + LINE <= s.st_size && !holds_nothing(p->at + at + i))
                    sum = XXH3_64bits_withSeed(p->at + at + i, LINE, sum + (uint64_t)at + i);
    }
    return sum;
}

/* ---- what is done to it ---------------------------------------------------------------------------------------- */

/* A place for the message: the part of the region that it is in. */
static const char *
part_of(const struct patient *p, uint64_t at, uint64_t *from)
{
    const struct gy_super *s = (const struct gy_super *)(const void *)p->image->at;
    const struct gy_geometry *g = &s->geometry;
    const struct {
        const char *name;
        uint64_t at;
    } part[] = {{"arenas", g->arenas_at}, {"index", g->index_at}, {"history", g->history_at}, {"lanes", g->lanes_at},
                {"books", g->books_at}, {"words", g->words_at}, {"records", g->records_at}, {"members", g->members_at},
                {"counts", g->counts_at}, {"geometries", g->geometries_at}, {"shards", offsetof(struct gy_super, shard)},
                {"head", 0}};
    unsigned i = 0;
    while (at < part[i].at)
        i++;
    *from = part[i].at;
    return part[i].name;
}

static void
flip(struct patient *p, uint64_t bit, char *what, size_t what_bytes)
{
    uint64_t from, at = bit / 8;
    const char *name = part_of(p, at, &from);
    p->at[at] ^= (char)(1u << bit % 8);
    snprintf(what, what_bytes, "%s+%llu, bit %u of 0x%016llx", name, (unsigned long long)((at & ~(uint64_t)7) - from),
             (unsigned)(bit % 64), (unsigned long long)*(const uint64_t *)(const void *)(p->image->at + (at & ~(uint64_t)7)));
}

static uint64_t
held_byte(const struct patient *p, struct rng *rng)
{
    for (;;) {
        uint64_t at = rng_below(rng, p->image->bytes);
        if (p->image->held[at / IMAGE_PAGE])
            return at;
    }
}

/* The same bit of each of many lines: they are of places that are not used. */
static uint64_t
flip_empty(struct patient *p, uint64_t item, char *what, size_t what_bytes)
{
    uint64_t n = 0, nth = 0;
    for (uint64_t at = 0; at < p->image->arenas_at; at += LINE)
        if (holds_nothing(p->image->at + at) && nth++ % EMPTY_APART == item / LINE_BITS)
            flip(p, at * 8 + item % LINE_BITS, what, what_bytes), n++;
    return n;
}

static uint64_t
flip_many(struct patient *p, struct rng *rng, char *what, size_t what_bytes)
{
    uint64_t n = (uint64_t)1 << 2 * rng_below(rng, 7);
    for (uint64_t i = 0; i < n; i++)
        flip(p, held_byte(p, rng) * 8 + rng_below(rng, 8), what, what_bytes);
    return n;
}

static uint64_t
damage_sectors(struct patient *p, struct rng *rng, char *what, size_t what_bytes)
{
    uint64_t n = 1 + rng_below(rng, 8), how = rng_below(rng, 3), step = rng_one_in(rng, 2) ? SECTOR : IMAGE_PAGE, from = 0;
    const char *name = "";
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = held_byte(p, rng) / step * step, other = held_byte(p, rng) / step * step;
        name = part_of(p, at, &from);
        from = at - from;
        if (how == 0)
            memset(p->at + at, 0, step);
        else if (how == 1)
            memcpy(p->at + at, p->image->at + other, step);
        for (uint64_t w = 0; how == 2 && w < step; w += 8)
            *(uint64_t *)(void *)(p->at + at + w) = rng_next(rng);
    }
    static const char *const way[] = {"nothing", "those of elsewhere", "nonsense"};
    snprintf(what, what_bytes, "%llu sectors of %llu are %s, last: %s+%llu", (unsigned long long)n, (unsigned long long)step,
             way[how], name, (unsigned long long)from);
    return n;
}

/* Near where a part, a page or a sector ends, or anywhere. */
static uint64_t
some_length(const struct patient *p, struct rng *rng)
{
    const struct gy_super *s = (const struct gy_super *)(const void *)p->image->at;
    const struct gy_geometry *g = &s->geometry;
    const uint64_t edge[] = {0, sizeof *s, g->geometries_at, g->counts_at, g->members_at, g->records_at, g->words_at, g->books_at,
                             g->lanes_at, g->history_at, g->index_at, g->arenas_at, p->image->bytes,
                             rng_below(rng, p->image->bytes) / SECTOR * SECTOR, rng_below(rng, p->image->bytes)};
    uint64_t at = edge[rng_below(rng, sizeof edge / sizeof *edge)] + rng_below(rng, 17);
    return at < 8 ? at : at - 8;
}

static uint64_t
resize(struct patient *p, uint64_t bytes, char *what, size_t what_bytes)
{
    if (ftruncate(p->file, (off_t)bytes) != 0)
        exit(2);
    snprintf(what, what_bytes, "%llu bytes instead of %llu", (unsigned long long)bytes, (unsigned long long)p->image->bytes);
    return 1;
}

static uint64_t
lengthen(struct patient *p, struct rng *rng, char *what, size_t what_bytes)
{
    uint64_t old = p->image->bytes, most = rng_one_in(rng, 2) ? LONGER_MOST : 2 * SECTOR, more = 1 + rng_below(rng, most);
    resize(p, old + more, what, what_bytes);
    for (uint64_t i = 0; rng_one_in(rng, 2) && i < 64 && i < more; i++)
        p->at[old + i] = (char)rng_next(rng);
    return 1;
}

uint64_t
harm_kinds_of(const struct patient *p, enum kind kind)
{
    return kind == BIT ? (uint64_t)p->n_lines * LINE_BITS : kind == EMPTY_BIT ? (uint64_t)EMPTY_APART * LINE_BITS :
           kind == SHORTER ? p->image->bytes : UINT64_MAX;
}

uint64_t
harm_draw(const struct patient *p, enum kind kind, struct rng *rng)
{
    return kind == SHORTER ? gy_min(some_length(p, rng), p->image->bytes - 1) : rng_below(rng, harm_kinds_of(p, kind));
}

uint64_t
harm(struct patient *p, enum kind kind, uint64_t item, struct rng *rng, char *what, size_t what_bytes)
{
    switch (kind) {
    case BIT:
        flip(p, p->line[item / LINE_BITS] * (uint64_t)LINE_BITS + item % LINE_BITS, what, what_bytes);
        return 1;
    case EMPTY_BIT:
        return flip_empty(p, item, what, what_bytes);
    case BITS:
        return flip_many(p, rng, what, what_bytes);
    case SECTORS:
        return damage_sectors(p, rng, what, what_bytes);
    case SHORTER:
        return resize(p, item, what, what_bytes);
    case LONGER:
        return lengthen(p, rng, what, what_bytes);
    default:
        snprintf(what, what_bytes, "undamaged");
        return 0;
    }
}

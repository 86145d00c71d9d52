/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file is changed in any way, sums and proofs mended or not, and opened; all calls are made, and it is closed and opened again.
 * Nobody crashes, nobody waits for ever, and what is shown lies in an arena. Where nothing was done that a disk does not do, what is
 * shown is the newest value of its key, too. */

#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "fuzz.h"
#include "image/patch.h"
#include "image/clock.h"

enum { REFUSED_MOST = 3, WAITS_MOST = 500, CALLS = 60, TURNS = 2 };

static struct {
    unsigned long long files, believed, refused, warm, recovered, emptied, hits, calls;
} totals;

static void
wrong(struct caller *c, const char *format, ...)
{
    (void)c;
    FUZZ_CHECK(false, "%s", format);
}

static uint64_t read_so_far;

/* Of an open cache; all of it can be read. */
static void
look(struct caller *c, const void *data, size_t size)
{
    const struct gy_geometry *g = &c->cache->g;
    uint64_t at = (uint64_t)((const char *)data - c->cache->region.base), arena = (uint64_t)1 << g->arena_shift;
    FUZZ_CHECK(at >= g->arenas_at && at <= g->region_bytes && size <= arena - at % arena, "%zu bytes at %llu", size,
               (unsigned long long)at);
    read_so_far += XXH3_64bits(data, size);
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

struct visit {
    const struct image_input *in;
    struct knowledge knows;
    struct rng rng;
    bool honest;
};

/* Where no arena can be had, each put waits for a while, for nobody. */
static bool
goes_on(const struct caller *c)
{
    return c->refused < REFUSED_MOST && image_waits() < WAITS_MOST;
}

static void
read_all(struct caller *c)
{
    if (rng_one_in(&c->rng, 2))
        caller_get_many(c, 0, KEYS);
    else
        for (uint32_t k = 0; k < KEYS; k++)
            caller_call(c, rng_one_in(&c->rng, 2) ? CALL_GET : CALL_READ, k);
    if (rng_one_in(&c->rng, 2))
        caller_scan(c);
}

static void
change(struct caller *c, unsigned calls)
{
    for (unsigned i = 0; i < calls && goes_on(c); i++) {
        caller_call(c, caller_draw(c), rng_below32(&c->rng, KEYS));
        if (rng_one_in(&c->rng, 32))
            gyre_maintain(c->cache, 0);
    }
}

static void
turn_over(struct caller *c, const struct image_kind *kind)
{
    uint64_t puts = TURNS * kind->options.capacity_bytes / (2 * (uint64_t)kind->size_max / 3);
    for (uint64_t i = 0; i < puts && goes_on(c); i++) {
        caller_call(c, CALL_PUT, KEYS + (uint32_t)(i % FILLERS));
        if (i % 8 == 0)
            caller_call(c, caller_draw(c), rng_below32(&c->rng, KEYS + FILLERS));
    }
}

static void
ask(struct caller *c)
{
    gyre_stats stats = GYRE_STATS_INIT;
    FUZZ_CHECK(gyre_stats_read(c->cache, &stats) == GYRE_OK, "stats");
    totals.warm += stats.start == GYRE_START_WARM, totals.recovered += stats.start == GYRE_START_RECOVERED;
    totals.emptied += stats.start == GYRE_START_EMPTIED;
}

static void
use(struct caller *c, const struct image_input *in)
{
    if (rng_one_in(&c->rng, 2))
        read_all(c);
    change(c, CALLS);
    if (rng_one_in(&c->rng, 2))
        gyre_maintain(c->cache, 0);
    read_all(c);
    if (in->how & IMAGE_WHOLE)
        turn_over(c, in->file->kind), read_all(c);
    if (rng_one_in(&c->rng, 8))
        caller_clear(c), change(c, CALLS), read_all(c);
    if (rng_one_in(&c->rng, 8))
        gyre_sync(c->cache);
}

/* ---- an opening ------------------------------------------------------------------------------------------------ */

static bool
expected(const struct visit *v, int result, uint32_t flags)
{
    if (result == GYRE_OK || result == GYRE_EFORMAT || result == GYRE_ECORRUPT || (flags & GYRE_READONLY && result == GYRE_ENOENT))
        return true;
    return !v->honest && (result == GYRE_ENOMEM || result == GYRE_ENOSPC || result == GYRE_EBUSY);
}

static bool
open_it(struct visit *v, struct caller *c, uint32_t flags)
{
    gyre_options o = GYRE_OPTIONS_INIT;
    bool unproved = v->in->file->kind->options.flags & GYRE_NO_CHECKSUMS;
    o.file_path = v->in->file->path;
    o.flags = flags;
    *c = (struct caller){.knows = &v->knows, .rng = v->rng, .size_max = v->in->file->kind->size_max, .wrong = wrong, .look = look,
                         .blind = !v->honest || (unproved && v->in->n > 0)};
    int result = gyre_open(&c->cache, &o);
    FUZZ_CHECK(expected(v, result, flags), "gyre_open: %s", gyre_strerror(result));
    FUZZ_CHECK((result == GYRE_OK) == (c->cache != NULL), "%s", gyre_strerror(result));
    return result == GYRE_OK;
}

static void
close_it(struct visit *v, struct caller *c)
{
    ask(c);
    v->rng = c->rng;
    totals.hits += c->hits, totals.calls += c->calls;
    gyre_close(c->cache);
}

static void
read_only(struct visit *v)
{
    struct caller c;
    if (!open_it(v, &c, GYRE_READONLY))
        return;
    for (uint32_t k = 0; k < KEYS; k++)
        caller_call(&c, CALL_READ, k);
    close_it(v, &c);
}

static void
visit(struct visit *v)
{
    struct caller c;
    if (v->in->how & IMAGE_READ_FIRST)
        read_only(v);
    if (!open_it(v, &c, v->in->how & IMAGE_THREAD ? 0 : GYRE_NO_THREAD)) {
        totals.refused++;
        return;
    }
    use(&c, v->in);
    close_it(v, &c);
    if (rng_one_in(&v->rng, 4))
        read_only(v);
    if (!open_it(v, &c, GYRE_NO_THREAD)) {
        FUZZ_CHECK(!v->honest, "what was closed is refused");
        return;
    }
    read_all(&c);
    close_it(v, &c);
}

/* What value.c of the stress programs says when a value is wrong. */
void stress_fail(const char *format, ...);
void
stress_fail(const char *format, ...)
{
    FUZZ_CHECK(false, "%s", format);
}

FUZZ_TARGET
{
    struct image_input in;
    image_read(&in, data, size);
    image_time_begin(IMAGE_VISITED_MS);
    image_heal(in.file, in.image);
    struct visit v = {.in = &in, .knows = in.image->knows, .rng = {in.visit}};
    v.honest = image_apply(&in);
    totals.files++, totals.believed += !v.honest;
    visit(&v);
    return 0;
}

int
fuzz_report(FILE *out)
{
    fprintf(out, "%llu files, %llu made to be believed; opened: %llu warm, %llu recovered, %llu emptied, %llu refused; "
                 "%llu calls, %llu hits\n", totals.files, totals.believed, totals.warm, totals.recovered, totals.emptied,
            totals.refused, totals.calls, totals.hits);
    return totals.believed > 0 && totals.warm > 0 && totals.recovered > 0 && totals.emptied > 0 && totals.refused > 0 &&
           totals.hits > 0;
}

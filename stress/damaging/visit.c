/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "visit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
note(struct caller *c, const char *format, ...)
{
    struct visit *v = c->arg;
    va_list list;
    va_start(list, format);
    if (v->wrong[0] == 0) {
        int n = snprintf(v->wrong, sizeof v->wrong, "%s: ", *v->doing);
        vsnprintf(v->wrong + n, sizeof v->wrong - (size_t)n, format, list);
    }
    va_end(list);
    c->stop = true;
}

static struct caller
caller_of(struct visit *v)
{
    return (struct caller){.knows = &v->knows, .rng = v->rng, .size_max = v->subject->size_max, .wrong = note, .arg = v,
                           .blind = v->subject->options.flags & GYRE_NO_CHECKSUMS && v->harmed};
}

static void
done(struct visit *v, struct caller *c)
{
    v->rng = c->rng;
    v->calls += c->calls, v->checked += c->hits, v->refused_calls += c->refused;
    gyre_close(c->cache);
}

static int
open_as(struct visit *v, struct caller *c, const char *doing, uint32_t flags)
{
    gyre_options o = GYRE_OPTIONS_INIT;
    o.file_path = v->patient->path;
    o.flags = flags | GYRE_NO_THREAD;
    *v->doing = doing;
    *c = caller_of(v);
    int result = gyre_open(&c->cache, &o);
    if (result != GYRE_OK && result != GYRE_EFORMAT && result != GYRE_ECORRUPT && !(flags && result == GYRE_ENOENT))
        note(c, "gyre_open: %s", gyre_strerror(result));
    return result;
}

/* Puts that are refused wait for some time each: that of many is not worth it. */
static bool
goes_on(const struct caller *c)
{
    enum { REFUSED_MOST = 20 };
    return !c->stop && c->refused < REFUSED_MOST;
}

static void
look_at_all(struct caller *c, enum call call, uint32_t n)
{
    for (uint32_t k = 0; k < n && !c->stop; k++)
        caller_call(c, call, k);
}

static void
read_only(struct visit *v, const char *doing)
{
    struct caller c;
    gyre_stats stats = GYRE_STATS_INIT;
    uint64_t before = patient_sum(v->patient);
    if (open_as(v, &c, doing, GYRE_READONLY) == GYRE_OK) {
        look_at_all(&c, CALL_READ, KEYS);
        gyre_stats_read(c.cache, &stats);
    }
    done(v, &c);
    if (!c.stop && patient_sum(v->patient) != before)
        note(&c, "the file was changed");
}

/* What comes first is what touches an entry that nobody has looked at: each kind of call. */
static void
meet(struct visit *v, struct caller *c)
{
    uint32_t first = rng_below32(&c->rng, CALL_KINDS + 3);
    *v->doing = "first calls";
    if (first < CALL_KINDS)
        look_at_all(c, CALL_GET, 0);
    for (uint32_t k = 0; first < CALL_KINDS && k < KEYS && goes_on(c); k++)
        caller_call(c, rng_one_in(&c->rng, 4) ? caller_draw(c) : (enum call)first, k);
    if (first == CALL_KINDS)
        caller_get_many(c, 0, KEYS);
    if (first == CALL_KINDS + 1)
        caller_scan(c);
}

static void
read_all(struct visit *v, struct caller *c, const char *doing)
{
    *v->doing = doing;
    if (rng_one_in(&c->rng, 2))
        caller_get_many(c, 0, KEYS);
    else
        look_at_all(c, rng_one_in(&c->rng, 2) ? CALL_READ : CALL_GET, KEYS);
    caller_scan(c);
}

static void
change(struct visit *v, struct caller *c)
{
    *v->doing = "changing";
    for (unsigned i = 0; i < KEYS / 2 && goes_on(c); i++)
        caller_call(c, caller_draw(c), rng_below32(&c->rng, KEYS));
}

/* Until all that was there has been swept, and once more. */
static void
turn_over(struct visit *v, struct caller *c)
{
    gyre_stats stats = GYRE_STATS_INIT;
    *v->doing = "turning over";
    gyre_stats_read(c->cache, &stats);
    uint64_t puts = 5 * v->subject->options.capacity_bytes / (2 * (uint64_t)v->subject->size_max / 3);
    for (uint64_t i = 0; i < puts && goes_on(c); i++) {
        caller_call(c, CALL_PUT, KEYS + (uint32_t)(i % FILLERS));
        if (i % 8 == 0)
            caller_call(c, caller_draw(c), rng_below32(&c->rng, KEYS + FILLERS));
        if (i % 64 == 0)
            gyre_maintain(c->cache, 0);
    }
}

static enum outcome
outcome_of(const struct caller *c)
{
    gyre_stats stats = GYRE_STATS_INIT;
    gyre_stats_read(c->cache, &stats);
    return stats.start == GYRE_START_RECOVERED ? RECOVERED : stats.start == GYRE_START_EMPTIED ? EMPTIED : WARM;
}

/* What is found first, by gets alone: so that what is kept can be counted. */
static void
count_kept(struct visit *v, struct caller *c)
{
    uint64_t hits = c->hits;
    *v->doing = "first gets";
    look_at_all(c, CALL_GET, KEYS);
    v->kept = c->hits - hits;
}

static void
use(struct visit *v, struct caller *c)
{
    if (rng_one_in(&c->rng, 2))
        meet(v, c);
    read_all(v, c, "reading");
    change(v, c);
    read_all(v, c, "reading what was changed");
    if (v->whole)
        turn_over(v, c), read_all(v, c, "reading what was turned over");
    if (v->whole && rng_one_in(&c->rng, 2) && !c->stop) {
        *v->doing = "clearing";
        caller_clear(c);
        read_all(v, c, "reading after a clear");
        change(v, c);
    }
}

void
visit(struct visit *v)
{
    struct caller c;
    v->wrong[0] = 0;
    if (rng_one_in(&v->rng, 2))
        read_only(v, "read only");
    uint64_t before = patient_sum(v->patient);
    if (open_as(v, &c, "opening", 0) != GYRE_OK) {
        v->outcome = REFUSED;
        if (!c.stop && patient_sum(v->patient) != before)
            note(&c, "it was refused, and changed");
        return;
    }
    v->outcome = outcome_of(&c);
    count_kept(v, &c);
    if (!c.stop)
        use(v, &c);
    *v->doing = "closing";
    done(v, &c);
    if (c.stop)
        return;
    read_only(v, "read only, then");
    if (v->wrong[0] != 0 || open_as(v, &c, "opening again", 0) != GYRE_OK)
        return;
    read_all(v, &c, "reading again");
    done(v, &c);
}

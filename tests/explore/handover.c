/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "handover.h"

#include "processes.h"
#include "scheduler.h"
#include "world.h"

enum { WORDS = 1 << 11, NOBODY = MEMORY_THREADS };
enum kind { NONE, WRITTEN_IN_TURN, DRIVERS_OWN }; /* the latter: read by its writers only */

struct word {
    const volatile void *address;
    uint32_t schedule, stored, updated[MEMORY_THREADS]; /* instants; updates since the last store */
    uint64_t value;                                     /* stored last */
    unsigned by;
};

/* A thread's section, the one before, and the start of its latest grace period. */
static struct section {
    bool open, has_mark;
    const volatile void *at; /* in whose record */
    uint64_t began; /* at the first load inside: one whose store is not seen, for want of a fence yet, may go on */
    uint64_t geometry, mark; /* as loaded inside; geometry 0: not yet */
    uint64_t last_began;
    uint32_t last_ended; /* an instant */
    uint64_t grace_began;
    const volatile void *cookie; /* whose grace period it asks for */
} sections[MEMORY_THREADS];

static struct gyre *cache;
static struct word words[WORDS];
static uint64_t clear_began[PROCESSES_MOST], growth_began;
static uint32_t schedule;

void
handover_begin(struct gyre *c)
{
    cache = c;
    schedule++;
    memset(clear_began, 0, sizeof clear_began);
    growth_began = 0;
    memset(sections, 0, sizeof sections);
}

/* Where in an array of structures; SIZE_MAX: not in it. */
static size_t
field_of(const volatile void *at, const volatile void *array, size_t n, size_t bytes)
{
    size_t offset = (size_t)((uintptr_t)at - (uintptr_t)array);
    return offset < n * bytes ? offset % bytes : SIZE_MAX;
}

static enum kind
kind_of(const volatile void *at)
{
    const struct gy_super *s = cache->super;
    const struct gy_shard *shard = &s->shard[0]; /* scenarios have one */
    const struct gyre *own = world_cache(); /* a clear is each process's own */
    if (at == &own->clear_stage || at == &own->clear_at || at == &own->clear_cookie || at == &own->clear_target)
        return DRIVERS_OWN;
    if (at == &s->done || at == &own->clearing || at == &shard->driver || at == &shard->stage ||
        at == &shard->cursor || at == &shard->finished || at == cache->geometries)
        return WRITTEN_IN_TURN;
    size_t field = field_of(at, cache->books, cache->g.n_arenas, sizeof(struct gy_book));
    if (field != SIZE_MAX) /* any number of threads at once seal, look at pins, and walk */
        return field == offsetof(struct gy_book, pin_stamp) || field == offsetof(struct gy_book, progress) ||
                       field == offsetof(struct gy_book, holed) || field >= offsetof(struct gy_book, clock)
                   ? NONE
                   : WRITTEN_IN_TURN;
    field = field_of(at, cache->records, cache->g.n_records, sizeof(struct gy_record));
    return field < offsetof(struct gy_record, count) ? WRITTEN_IN_TURN : NONE;
}

static struct word *
word_at(const volatile void *address)
{
    uint32_t i = (uint32_t)(mix64((uintptr_t)address) % WORDS);
    while (words[i].schedule == schedule && words[i].address != address)
        i = (i + 1) % WORDS;
    if (words[i].schedule != schedule)
        words[i] = (struct word){.address = address, .schedule = schedule, .by = NOBODY};
    return &words[i];
}

static void
after_the_store(unsigned thread, const struct word *w, const char *does)
{
    if (w->by != NOBODY && !memory_happened_before(thread, w->by, w->stored))
        sched_violation("hand-over: thread %u %s byte %td of the region, and the last store, by thread %u, has "
                        "not happened before", thread, does, (const volatile char *)w->address - cache->region.base,
                        w->by);
}

static void
after_the_updates(unsigned thread, const struct word *w, const char *does)
{
    for (unsigned t = 0; t < MEMORY_THREADS; t++)
        if (w->updated[t] != 0 && !memory_happened_before(thread, t, w->updated[t]))
            sched_violation("hand-over: thread %u %s byte %td of the region, and an update by thread %u has not "
                            "happened before", thread, does, (const volatile char *)w->address - cache->region.base,
                            t);
}

void
handover_loaded(unsigned thread, const volatile void *from, uint64_t value)
{
    struct section *s = &sections[thread];
    const struct gy_super *super = cache->super;
    if (s->open && s->began == 0)
        s->began = sched_now();
    if (from == cache->geometries)
        s->geometry = value;
    else if (from == &super->mark && !s->has_mark)
        s->mark = value, s->has_mark = true;
    else if (from == &world_cache()->clear_cookie || from == &super->shard[0].stage)
        s->cookie = from;
    bool goes_by_it = from == &super->done || (from == cache->geometries && s->open);
    if (kind_of(from) == DRIVERS_OWN || (goes_by_it && value == word_at(from)->value))
        after_the_store(thread, word_at(from), "goes by");
}

/* Of a dead thread, another ends it. */
static unsigned
who_is_inside(unsigned thread, const volatile void *at)
{
    for (unsigned t = 0; t < MEMORY_THREADS; t++)
        if (sections[t].open && sections[t].at == at)
            return t;
    return thread;
}

static void
section_changes(unsigned thread, const volatile void *at, bool opens)
{
    thread = opens ? thread : who_is_inside(thread, at);
    struct section *s = &sections[thread];
    s->at = at;
    if (opens) {
        s->began = 0;
        s->geometry = 0;
        s->has_mark = false;
    } else if (s->open && s->began != 0) {
        s->last_began = s->began;
        s->last_ended = memory_instant(thread);
    }
    s->open = opens;
}

void
handover_stores(unsigned thread, const volatile void *to, uint64_t value)
{
    if (kind_of(to) == NONE)
        return;
    struct word *w = word_at(to);
    after_the_store(thread, w, "stores to");
    after_the_updates(thread, w, "stores to");
    memset(w->updated, 0, sizeof w->updated);
    w->by = thread;
    w->value = value;
    w->stored = memory_instant(thread) + 1;
    if (field_of(to, cache->records, cache->g.n_records, sizeof(struct gy_record)) ==
        offsetof(struct gy_record, section))
        section_changes(thread, to, value != 0);
    if (to == &world_cache()->clear_cookie)
        clear_began[process_self()] = sections[thread].grace_began;
}

/* The thread says that the grace period of the cookie it read last has elapsed. */
static void
grace_period_ended(unsigned thread)
{
    bool clears = sections[thread].cookie == &world_cache()->clear_cookie;
    uint64_t start = clears ? clear_began[process_self()] : growth_began;
    uint64_t geometry = memory_raw(cache->geometries, 8), mark = memory_raw(&world_cache()->clear_target, 8);
    for (unsigned t = 0; t < MEMORY_THREADS; t++) {
        const struct section *s = &sections[t];
        if (t == thread)
            continue;
        bool waits = s->open && s->began != 0 && s->began < start;
        if (waits || (s->last_began != 0 && s->last_began < start && !memory_happened_before(thread, t, s->last_ended)))
            sched_violation("sections: the grace period of thread %u is over, and a section of thread %u that "
                            "began before it %s", thread, t, waits ? "is open" : "has not ended before");
        else if (s->open && !clears && s->geometry != 0 && s->geometry != geometry)
            sched_violation("sections: the grace period of thread %u is over, and thread %u is in a section with "
                            "an older geometry", thread, t);
        else if (s->open && clears && s->has_mark && s->mark < mark)
            sched_violation("sections: the grace period of thread %u is over, and thread %u is in a section with "
                            "an older mark", thread, t);
    }
}

void
handover_updated(unsigned thread, const volatile void *at)
{
    if (at == &cache->super->epoch)
        sections[thread].grace_began = sched_now();
    else if (at == &cache->super->grace_periods)
        grace_period_ended(thread);
    if (kind_of(at) == NONE)
        return;
    const struct gy_shard *shard = &cache->super->shard[0];
    struct word *w = word_at(at);
    bool shows = at == cache->geometries || at == &cache->super->done; /* who reads that value goes by it */
    if (!shows)
        after_the_store(thread, w, "updates");
    w->updated[thread] = memory_instant(thread);
    if (at == &shard->stage)
        growth_began = sections[thread].grace_began;
    if (at == cache->geometries) /* all that was moved is where it belongs */
        after_the_updates(thread, word_at(&shard->finished), "shows a geometry, after");
    if (shows) {
        w->by = thread;
        w->value = memory_raw(at, sizeof(uint64_t));
        w->stored = memory_instant(thread);
    }
}

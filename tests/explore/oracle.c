/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "oracle.h"

#include "handover.h"
#include "index.h"
#include "members.h"
#include "scheduler.h"

enum { ARENAS_MOST = 64, PINS_MOST = 64, GRANULES = 32 << 10, RUN_THREAD = MEMORY_THREADS };

/* A pin as its writer made it, whether or not it is visible yet. */
struct pin {
    const volatile void *at;
    uint32_t arena, life; /* life: 0 until validated */
    unsigned by;
};

/* Eight bytes of the arenas: who touched them last, in which schedule. */
struct granule {
    uint32_t schedule, written, read[MEMORY_THREADS];
    uint8_t writer;
};

static struct gyre *cache;
static uint32_t life[ARENAS_MOST];
static unsigned sweeper[ARENAS_MOST]; /* thread + 1 */
static struct pin pins[PINS_MOST];
static unsigned n_pins;
static struct granule granules[GRANULES];
static uint32_t schedule;

void
oracle_begin(struct gyre *c)
{
    cache = c;
    handover_begin(c);
    n_pins = 0;
    schedule++;
    for (unsigned a = 0; a < ARENAS_MOST; a++) {
        life[a] = 1;
        sweeper[a] = 0;
    }
}

static bool
within(const volatile void *at, const volatile void *start, size_t bytes)
{
    return (uintptr_t)at - (uintptr_t)start < bytes;
}

bool
oracle_is_slot(const volatile void *at)
{
    return within(at, cache->index, cache->g.shard_bytes_most * cache->g.n_shards);
}

static inline bool
is_arena_word(const volatile void *at)
{
    return within(at, cache->words, cache->g.n_arenas * sizeof(uint64_t));
}

static bool
is_pin(const volatile void *at)
{
    if (!within(at, cache->records, sizeof(struct gy_record) * cache->g.n_records))
        return false;
    size_t in_record = (size_t)((const volatile char *)at - (const volatile char *)cache->records) %
                       sizeof(struct gy_record);
    return in_record >= offsetof(struct gy_record, pin) &&
           in_record < offsetof(struct gy_record, pin) + sizeof(uint64_t) * GY_PINS;
}

static bool
in_arenas(const volatile void *at)
{
    return within(at, cache->region.base + cache->g.arenas_at, (size_t)cache->g.n_arenas << cache->g.arena_shift);
}

uint32_t
oracle_life(const volatile void *address, uint64_t value)
{
    if (oracle_is_slot(address) && value != GY_EMPTY) {
        uint32_t a = gy_ref_arena(cache, gy_slot_ref(value));
        return a < ARENAS_MOST ? life[a] : 0;
    }
    return is_arena_word(address) ? life[(const volatile gy_atomic_u64 *)address - cache->words] : 0;
}

static struct pin *
pin_at(const volatile void *at)
{
    for (unsigned i = 0; i < n_pins; i++)
        if (pins[i].at == at)
            return &pins[i];
    if (n_pins == PINS_MOST) {
        sched_violation("more than %d pins: the scenario is too large for the oracle", PINS_MOST);
        return &pins[0];
    }
    pins[n_pins] = (struct pin){.at = at};
    return &pins[n_pins++];
}

/* A slot or an arena's word was read: pins on that arena by this thread are valid for the life seen. */
static void
validate(unsigned thread, uint32_t arena, uint32_t seen)
{
    for (unsigned i = 0; i < n_pins; i++)
        if (pins[i].arena == arena + 1 && pins[i].by == thread)
            pins[i].life = seen;
}

void
oracle_loaded(unsigned thread, const volatile void *from, uint64_t value, uint32_t seen)
{
    handover_loaded(thread, from, value);
    if (oracle_is_slot(from)) {
        uint32_t a = gy_ref_arena(cache, gy_slot_ref(value));
        if (value != GY_EMPTY && a < ARENAS_MOST)
            validate(thread, a, seen ? seen : life[a]);
    } else if (is_arena_word(from) && (gy_arena_state(value) == GY_OPEN || gy_arena_state(value) == GY_PARKED)) {
        uint32_t a = (uint32_t)((const volatile gy_atomic_u64 *)from - cache->words);
        validate(thread, a, seen ? seen : life[a]);
    }
}

void
oracle_stored(unsigned thread, const volatile void *to, uint64_t value)
{
    handover_stores(thread, to, value);
    if (oracle_is_slot(to) || is_arena_word(to)) {
        sched_violation("a plain store to a %s: CAS alone changes it", is_arena_word(to) ? "word of an arena" : "slot");
    } else if (is_pin(to)) {
        struct pin *p = pin_at(to);
        uint32_t arena = value ? gy_pin_arena(value) + 1 : 0;
        if (p->arena != arena || p->by != thread)
            p->life = 0;
        p->arena = arena;
        p->by = thread;
    } else if (in_arenas(to)) {
        oracle_bytes(thread, (const void *)(uintptr_t)to, sizeof(uint64_t), true);
    }
}

static bool
refers_into(uint64_t word, uint32_t arena)
{
    return word != GY_EMPTY && gy_ref_arena(cache, gy_slot_ref(word)) == arena;
}

static uint64_t *
slots(unsigned *n)
{
    uint64_t geometry = memory_raw(&cache->geometries[0], 8);
    *n = (unsigned)(GY_BUCKET_SLOTS << gy_geometry_log2(geometry) << (gy_geometry_phase(geometry) != GY_STEADY));
    return (uint64_t *)(void *)cache->index; /* scenarios have one shard */
}

static void
arena_changed(unsigned thread, uint32_t a, uint64_t from, uint64_t to)
{
    static const uint8_t legal[8] = { /* bits: the states that may follow */
        [GY_FREE] = 1 << GY_OPENING | 1 << GY_WITHDRAWN,
        [GY_OPENING] = 1 << GY_OPEN | 1 << GY_FREE,
        [GY_OPEN] = 1 << GY_SEALED,
        [GY_SEALED] = 1 << GY_SWEEPING,
        [GY_SWEEPING] = 1 << GY_SEALED | 1 << GY_PARKED | 1 << GY_RETIRED,
        [GY_PARKED] = 1 << GY_SWEEPING | 1 << GY_RETIRED,
        [GY_RETIRED] = 1 << GY_FREE,
    };
    enum gy_arena_state was = gy_arena_state(from), is = gy_arena_state(to);
    if (!(legal[was] >> is & 1))
        sched_violation("arena %u went from state %d to %d", a, was, is);
    if (is == GY_SWEEPING)
        sweeper[a] = thread + 1;
    if (is == GY_OPENING) {
        life[a]++;
        if (gy_arena_generation(to) == gy_arena_generation(from))
            sched_violation("arena %u is taken into use again with its old generation", a);
    }
    unsigned n;
    const uint64_t *slot = slots(&n);
    for (unsigned i = 0; i < n && (is == GY_RETIRED || is == GY_OPENING); i++)
        if (refers_into(slot[i], a))
            sched_violation("I5: arena %u is %s and slot %u refers to it", a,
                            is == GY_RETIRED ? "RETIRED" : "taken into use again", i);
}

static bool
same_key(uint64_t a, uint64_t b)
{
    const char *x = gy_at(cache, gy_slot_ref(a)), *y = gy_at(cache, gy_slot_ref(b));
    struct gy_header hx, hy;
    memcpy(&hx, x, sizeof hx);
    memcpy(&hy, y, sizeof hy);
    return hx.key_bytes == hy.key_bytes &&
           memcmp(x + gy_entry_key_offset(hx.flags), y + gy_entry_key_offset(hy.flags), hx.key_bytes) == 0;
}

/* A ref that comes into a slot is one into an arena whose sweep has not begun, or has found the pin or will. */
static void
check_ref(uint64_t from, uint64_t to)
{
    uint32_t a = gy_ref_arena(cache, gy_slot_ref(to));
    if (to == GY_EMPTY)
        return;
    if (a >= cache->g.n_arenas) {
        sched_violation("a slot refers to no arena");
        return;
    }
    enum gy_arena_state state = gy_arena_state(memory_raw(&cache->words[a], 8));
    bool stays = from != GY_EMPTY && gy_slot_ref(from) == gy_slot_ref(to);
    bool late = memory_raw(&cache->books[a].progress, 8) & GY_PROGRESS_LATE;
    if (state != GY_OPEN && state != GY_SEALED && state != GY_SWEEPING && !((stays || late) && state == GY_PARKED))
        sched_violation("I5: a ref into arena %u comes into a slot, and the arena is in state %d", a, state);
}

static void
slot_changed(const volatile void *at, uint64_t from, uint64_t to)
{
    bool in = gy_slot_tentative(from), out = gy_slot_tentative(to);
    if (from == GY_EMPTY ? !out : !in && out)
        sched_violation("a slot went from %016llx to %016llx", (unsigned long long)from, (unsigned long long)to);
    if (in && to != GY_EMPTY && !out && gy_slot_ref(from) != gy_slot_ref(to))
        sched_violation("a tentative word was committed as another");
    check_ref(from, to);
    if (to == GY_EMPTY || out)
        return;
    unsigned n;
    const uint64_t *slot = slots(&n);
    for (unsigned i = 0; i < n; i++)
        if (&slot[i] != at && slot[i] != GY_EMPTY && !gy_slot_tentative(slot[i]) &&
            (slot[i] ^ to) >> GY_TAG_SHIFT == 0 && same_key(slot[i], to))
            sched_violation("I1: two committed words of one key, the other in slot %u", i);
}

void
oracle_updated(unsigned thread, const volatile void *at, uint64_t from, uint64_t to)
{
    handover_updated(thread, at);
    members_updated(cache, at, from, to);
    if (is_arena_word(at))
        arena_changed(thread, (uint32_t)((const volatile gy_atomic_u64 *)at - cache->words), from, to);
    else if (oracle_is_slot(at))
        slot_changed(at, from, to);
}

static bool
allowed(unsigned thread, uint32_t a)
{
    for (unsigned i = 0; i < n_pins; i++)
        if (pins[i].arena == a + 1 && pins[i].by == thread && pins[i].life == life[a])
            return true;
    uint64_t word = memory_raw(&cache->words[a], 8);
    return gy_arena_state(word) == GY_SWEEPING && sweeper[a] == thread + 1;
}

static void
look_for_race(unsigned thread, struct granule *g, uint64_t offset, bool write)
{
    if (g->schedule != schedule) {
        memset(g, 0, sizeof *g);
        g->schedule = schedule;
        g->writer = RUN_THREAD;
    }
    if (g->writer != RUN_THREAD && !memory_happened_before(thread, g->writer, g->written))
        sched_violation("race: thread %u %s byte %llu of the arenas that thread %u wrote", thread,
                        write ? "writes" : "reads", (unsigned long long)offset, g->writer);
    for (unsigned t = 0; t < MEMORY_THREADS && write; t++) {
        if (g->read[t] != 0 && !memory_happened_before(thread, t, g->read[t]))
            sched_violation("race: thread %u writes byte %llu of the arenas that thread %u read", thread,
                            (unsigned long long)offset, t);
        g->read[t] = 0;
    }
    if (write) {
        g->writer = (uint8_t)thread;
        g->written = memory_instant(thread) + 1; /* with the thread's next access: a release before it is over */
    } else {
        g->read[thread] = memory_instant(thread) + 1;
    }
}

void
oracle_bytes(unsigned thread, const void *at, size_t n, bool write)
{
    if (n == 0 || !in_arenas(at))
        return;
    uint64_t offset = (uint64_t)((const char *)at - (cache->region.base + cache->g.arenas_at));
    uint32_t a = (uint32_t)(offset >> cache->g.arena_shift);
    if (!allowed(thread, a))
        sched_violation("generation: thread %u %s %zu bytes at %llu of arena %u, and no pin of it is valid in "
                        "the arena's life", thread, write ? "writes" : "reads", n,
                        (unsigned long long)(offset & (cache->arena_bytes - 1)), a);
    for (uint64_t g = offset / 8; g <= (offset + n - 1) / 8 && g < GRANULES; g++)
        look_for_race(thread, &granules[g], offset, write);
}

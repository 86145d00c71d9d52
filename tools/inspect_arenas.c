/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Arenas: their words, their books, and the entries in them one after the other. */

#include "entry.h"
#include "inspect_parts.h"
#include "proof.h"

const char *const inspect_states[] = {"free", "opening", "open", "sealed", "sweeping", "parked", "retired", "withdrawn"};
_Static_assert(sizeof inspect_states / sizeof inspect_states[0] == INSPECT_STATES && GY_WITHDRAWN + 1 == INSPECT_STATES,
               "a name for each state");

static bool
in_use(uint64_t word)
{
    return gy_arena_state(word) >= GY_OPEN && gy_arena_state(word) <= GY_PARKED;
}

/* Does a lane show it as the arena that it is? */
static bool
shown(const struct gyre *c, uint32_t arena, uint64_t word)
{
    unsigned lane = gy_arena_lane(word);
    return lane < c->g.n_lanes &&
           gy_load_acq(&c->lanes[lane].open[gy_arena_ring(word)]) == gy_open_word(arena, gy_arena_sequence(word));
}

static bool
wrong_word(struct inspect *i, uint64_t n)
{
    const struct gyre *c = i->cache;
    uint64_t word = gy_load_acq(&c->words[n]), sequence = gy_load_acq(&c->super->sequence) & GY_SEQUENCE_MASK;
    enum gy_arena_state state = gy_arena_state(word);
    unsigned lane = gy_arena_lane(word);
    inspect_place(i, "arena %llu", (unsigned long long)n);
    if (!gy_arena_state_whole(word))
        return inspect_what(i, "is in no state: %llu", (unsigned long long)(word & GY_STATE_BITS));
    if (gy_arena_sequence(word) != 0 && gy_sequence_compare(gy_arena_sequence(word), sequence) >= 0)
        return inspect_what(i, "its number %llu was never given out", (unsigned long long)gy_arena_sequence(word));
    if ((state == GY_OPENING || state == GY_OPEN) && lane >= c->g.n_lanes)
        return inspect_what(i, "belongs to lane %u of %u", lane, c->g.n_lanes);
    if (state == GY_OPEN && !shown(c, (uint32_t)n, word))
        return inspect_what(i, "is open, and no lane shows it");
    if (state == GY_SWEEPING && c->members != NULL &&
        (lane == 0 || lane > c->g.n_members || gy_member_state(gy_load_acq(&c->members[lane - 1].word)) == GY_MEMBER_FREE))
        return inspect_what(i, "is swept by member %u, which there is not", lane);
    return false;
}

static bool
wrong_book(struct inspect *i, uint64_t n)
{
    const struct gyre *c = i->cache;
    struct gy_book *book = &c->books[n];
    uint64_t opened = gy_load_acq(&book->opened), word = gy_load_acq(&c->words[n]);
    uint64_t dead = gy_load_acq(&book->dead), taken = gy_progress_taken(gy_load_acq(&book->progress));
    uint64_t position = gy_load_acq(&book->position), used = position & ~GY_CLOSED;
    gy_fence_seq(); /* what was read comes before the look that says of which life it was */
    if (!in_use(word) || gy_load_acq(&c->words[n]) != word || gy_load_acq(&book->opened) != opened)
        return false;
    inspect_place(i, "arena %llu", (unsigned long long)n);
    if (used > c->arena_bytes || used % GY_ENTRY_ALIGN != 0)
        return inspect_what(i, "is written up to byte %llu of %llu", (unsigned long long)used,
                            (unsigned long long)c->arena_bytes);
    if (gy_arena_state(word) != GY_OPEN && !(position & GY_CLOSED))
        return inspect_what(i, "is sealed, and can be written to");
    if (dead > used)
        return inspect_what(i, "%llu bytes are counted as dead, of %llu", (unsigned long long)dead, (unsigned long long)used);
    if (gy_arena_state(word) == GY_PARKED && taken > used)
        return inspect_what(i, "is swept up to byte %llu of %llu", (unsigned long long)taken, (unsigned long long)used);
    if (opened >= gy_load_acq(&c->super->sequence))
        return inspect_what(i, "was opened as number %llu, which was never given out", (unsigned long long)opened);
    return false;
}

/* Files: a life owns its arena until a sweep takes it. Else what stands there would be lost when the machine stops, or what was
 * evicted would come back. */
static bool
wrong_owner(struct inspect *i, uint64_t n)
{
    const struct gyre *c = i->cache;
    uint64_t opened = gy_load_acq(&c->books[n].opened), proved = gy_load_acq(&c->books[n].proved);
    uint64_t word = gy_load_acq(&c->words[n]);
    enum gy_arena_state state = gy_arena_state(word);
    gy_fence_seq(); /* what was read comes before the look that says of which life it was */
    if (gy_load_acq(&c->books[n].opened) != opened)
        return false;
    bool owned = proved == gy_proof_of_life(c, opened);
    inspect_place(i, "arena %llu", (unsigned long long)n);
    if (state == GY_PARKED && owned)
        return inspect_what(i, "is swept, and owned still");
    return (state == GY_OPEN || state == GY_SEALED) && !owned && inspect_what(i, "is %s, and not owned", inspect_states[state]);
}

static bool
wrong_lane(struct inspect *i, uint64_t n)
{
    const struct gyre *c = i->cache;
    uint64_t lane = n / GY_RINGS, ring = n % GY_RINGS, open = gy_load_acq(&c->lanes[lane].open[ring]);
    inspect_place(i, "lane %llu, %s", (unsigned long long)lane, ring == GY_MAIN ? "main" : "probation");
    return open != 0 && gy_open_arena(open) >= c->g.n_arenas &&
           inspect_what(i, "shows arena %u of %u", gy_open_arena(open), c->g.n_arenas);
}

/* ---- the entries ------------------------------------------------------------------------------------------------- */

/* Is somebody between reserving room in it and saying of what length, or did he die there? */
static bool
being_reserved(const struct gyre *c, uint64_t arena)
{
    uint32_t used = (uint32_t)gy_min(gy_load_seq(&c->super->n_records_used), c->g.n_records);
    for (uint32_t n = 0; n < used; n++)
        for (unsigned p = 0; p < GY_PINS; p++) {
            uint64_t pin = gy_load_seq(&c->records[n].pin[p]);
            if (pin != 0 && gy_pin_arena(pin) == arena && gy_pin_kind(pin) == GY_PIN_RESERVING)
                return true;
        }
    return false;
}

/* The bytes of what stands there; 0: no entry does. */
static uint64_t
entry_at(const struct gyre *c, uint64_t offset, uint64_t left, uint8_t generation)
{
    if (left < sizeof(struct gy_header))
        return 0;
    struct gy_header h = gy_entry_header_walked(c->region.base + offset);
    uint64_t bytes = gy_entry_room(c, offset, h);
    return gy_proof_plausible(h, generation) && bytes <= left ? bytes : 0;
}

struct walked {
    uint64_t entries, bytes;
    bool holed;
};

/* Walks an arena up to `end`. False: what follows `at` is no entry, and nobody is about to make it one. */
static bool
walk(const struct gyre *c, uint64_t n, uint64_t end, uint8_t generation, struct walked *w)
{
    uint64_t base = gy_arena_offset(c, (uint32_t)n);
    while (w->bytes < end) {
        uint64_t bytes = entry_at(c, base + w->bytes, end - w->bytes, generation);
        if (bytes == 0) {
            w->holed = being_reserved(c, n); /* then the header again: it comes before the end of the pin */
            bytes = entry_at(c, base + w->bytes, end - w->bytes, generation);
        }
        if (bytes == 0)
            return w->holed;
        w->entries++;
        w->bytes += bytes;
    }
    return true;
}

static bool
walk_arena(const struct gyre *c, uint64_t n, struct walked *w)
{
    struct gy_book *book = &c->books[n];
    uint64_t opened = gy_load_acq(&book->opened), word = gy_load_acq(&c->words[n]);
    uint64_t end = gy_load_acq(&book->position) & ~GY_CLOSED;
    *w = (struct walked){.holed = gy_load_acq(&book->holed) != 0};
    if (!in_use(word) || w->holed || end > c->arena_bytes)
        return true;
    bool whole = walk(c, n, end, gy_arena_generation(word), w);
    gy_fence_seq();
    uint64_t now = gy_load_acq(&c->words[n]);
    bool same = in_use(now) && gy_arena_generation(now) == gy_arena_generation(word) && gy_load_acq(&book->opened) == opened;
    return whole || !same || gy_load_acq(&book->holed) != 0;
}

static bool
wrong_log(struct inspect *i, uint64_t n)
{
    struct walked w;
    inspect_place(i, "arena %llu", (unsigned long long)n);
    return !walk_arena(i->cache, n, &w) &&
           inspect_what(i, "what follows its byte %llu, after %llu entries, is no entry", (unsigned long long)w.bytes,
                        (unsigned long long)w.entries);
}

void
inspect_arenas(struct inspect *i)
{
    const struct gyre *c = i->cache;
    for (uint64_t n = 0; n < (uint64_t)c->g.n_lanes * GY_RINGS; n++)
        inspect_judge(i, wrong_lane, n);
    for (uint32_t n = 0; n < c->g.n_arenas; n++) {
        struct walked w;
        enum gy_arena_state state = gy_arena_state(gy_load_acq(&c->words[n]));
        inspect_judge(i, wrong_word, n);
        inspect_judge(i, wrong_book, n);
        if (gy_proves(c))
            inspect_judge(i, wrong_owner, n);
        inspect_judge(i, wrong_log, n);
        walk_arena(c, n, &w);
        i->report->entries += w.entries;
        i->report->entry_bytes += w.bytes;
        i->report->holed += w.holed;
        if (state < INSPECT_STATES)
            i->report->arenas[state]++;
        inspect_progress(i, c->arena_bytes / GY_LINE);
    }
}

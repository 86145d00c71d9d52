/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "arena.h"

#include <sched.h>

#include "choose.h"
#include "trap.h"

static gyre *
open_one(void)
{
    room_stay();
    return api_open(1 << 20, GYRE_NO_THREAD);
}

static uint64_t
used(gyre *cache, uint32_t arena)
{
    return gy_load_acq(&cache->books[arena].position) & ~GY_CLOSED;
}

TEST(arena, words_keep_their_fields)
{
    uint64_t seed = api_seed("arena");
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t r = api_random(&seed), sequence = api_random(&seed) & GY_SEQUENCE_MASK;
        unsigned ring = r & 1, lane = (unsigned)(r >> 1) & 0x7ff;
        uint8_t generation = (uint8_t)(r >> 20);
        for (unsigned state = GY_FREE; state <= GY_WITHDRAWN; state++) {
            uint64_t word = gy_arena_word(GY_OPEN, ring, lane, generation, sequence);
            word = gy_arena_with_state(word, (enum gy_arena_state)state);
            CHECK_EQ(gy_arena_state(word), state);
            CHECK_EQ(gy_arena_ring(word), ring);
            CHECK_EQ(gy_arena_lane(word), lane);
            CHECK_EQ(gy_arena_generation(word), generation);
            CHECK_EQ(gy_arena_sequence(word), sequence);
        }
        uint32_t arena = (uint32_t)(r >> 40);
        arena = arena == 0xffffff ? 0 : arena;
        CHECK_EQ(gy_open_arena(gy_open_word(arena, sequence)), arena);
        CHECK_EQ(gy_open_word(arena, sequence) >> GY_ARENA_BITS, sequence);
        CHECK(gy_open_word(arena, sequence) != 0);
    }
}

TEST(arena, sequences_compare_across_their_wrap)
{
    CHECK(gy_sequence_compare(1, 2) < 0 && gy_sequence_compare(2, 1) > 0 && gy_sequence_compare(7, 7) == 0);
    CHECK(gy_sequence_compare(GY_SEQUENCE_MASK, 0) < 0 && gy_sequence_compare(3, GY_SEQUENCE_MASK - 3) > 0);
}

/* Everything that was staged is found by walking the arena, in order, and nothing else. */
static void
walk(gyre *cache, uint32_t arena, void (*visit)(void *arg, gy_ref ref, struct gy_header h), void *arg)
{
    uint64_t at = 0, end = used(cache, arena);
    while (at < end) {
        uint64_t offset = gy_arena_offset(cache, arena) + at;
        struct gy_header h = gy_entry_header(cache->region.base + offset);
        CHECK(h.key_bytes > 0);
        CHECK_EQ(h.generation, gy_arena_generation(gy_load_acq(&cache->words[arena])));
        visit(arg, offset >> 3, h);
        at += gy_entry_bytes(offset, h, cache->g.value_align);
    }
    CHECK_EQ(at, end);
}

struct list {
    gyre *cache;
    gy_ref ref[20000];
    size_t n, next;
};

static void
expect_next(void *arg, gy_ref ref, struct gy_header h)
{
    struct list *list = arg;
    CHECK(list->next < list->n);
    CHECK_EQ(list->ref[list->next], ref);
    struct api_key key = key_of(list->next);
    CHECK(gy_entry_has_key(gy_at(list->cache, ref), h, key.text, strlen(key.text)));
    list->next++;
}

TEST(arena, stages_until_full_then_seals_and_opens_the_next)
{
    static struct list list;
    gyre *cache = list.cache = open_one();
    uint32_t first = UINT32_MAX;
    for (unsigned i = 0;; i++) {
        struct api_key key = key_of(i);
        struct gy_staged s = room_stage(cache, GY_PROBATION, key.text, "some value", 10);
        if (first == UINT32_MAX)
            first = s.arena;
        CHECK_EQ(gy_pin_arena(gy_load_seq(s.pin)), s.arena);
        CHECK_EQ(gy_pin_kind(gy_load_seq(s.pin)), GY_PIN_FILLING);
        CHECK_EQ(room_state(cache, s.arena), GY_OPEN);
        CHECK_EQ(s.opened, gy_load_seq(&cache->books[s.arena].opened));
        gy_arena_unpin(cache, NULL, &s);
        CHECK_EQ(gy_load_seq(s.pin), 0);
        if (s.arena != first) {
            CHECK(s.opened > gy_load_seq(&cache->books[first].opened));
            break;
        }
        list.ref[list.n++] = s.ref;
    }
    CHECK_EQ(room_state(cache, first), GY_SEALED);
    CHECK(gy_load_seq(&cache->books[first].position) & GY_CLOSED);
    CHECK(cache->arena_bytes - used(cache, first) < 64); /* no room for one more, and not much wasted */
    walk(cache, first, expect_next, &list);
    CHECK_EQ(list.next, list.n);
    api_close(cache);
}

TEST(arena, a_sealed_lane_gets_another_arena)
{
    gyre *cache = open_one();
    struct gy_staged a = room_stage(cache, GY_MAIN, "a", "1", 1);
    gy_arena_unpin(cache, NULL, &a);
    uint64_t open_word = gy_load_seq(&cache->words[a.arena]);
    CHECK_EQ(gy_arena_ring(open_word), GY_MAIN);
    room_seal_all(cache);
    uint64_t sealed_word = gy_load_seq(&cache->words[a.arena]);
    CHECK_EQ(gy_arena_state(sealed_word), GY_SEALED);
    CHECK(gy_sequence_compare(gy_arena_sequence(sealed_word), gy_arena_sequence(open_word)) > 0);
    room_seal_all(cache); /* once more: no effect */
    CHECK_EQ(gy_load_seq(&cache->words[a.arena]), sealed_word);
    struct gy_staged b = room_stage(cache, GY_MAIN, "b", "2", 1);
    gy_arena_unpin(cache, NULL, &b);
    CHECK(b.arena != a.arena);
    api_close(cache);
}

TEST(arena, an_arena_left_in_opening_is_opened_by_the_next_writer)
{
    gyre *cache = open_one();
    struct gy_staged a = room_stage(cache, GY_MAIN, "a", "1", 1);
    gy_arena_unpin(cache, NULL, &a);
    room_set_state(cache, a.arena, GY_OPENING);
    struct gy_staged b = room_stage(cache, GY_MAIN, "b", "2", 1);
    gy_arena_unpin(cache, NULL, &b);
    CHECK_EQ(b.arena, a.arena);
    CHECK_EQ(room_state(cache, a.arena), GY_OPEN);
    room_set_state(cache, a.arena, GY_OPENING);
    room_seal_all(cache);
    CHECK_EQ(room_state(cache, a.arena), GY_SEALED);
    api_close(cache);
}

static void
fill_all(gyre *cache, bool urgent, unsigned *arenas)
{
    char value[1000] = {0};
    struct gy_staged s;
    struct gy_content c = room_content("k", value, sizeof value);
    while (gy_arena_stage(cache, &room_record(cache)->pin[GY_PIN_PUT], GY_PROBATION, &c, urgent, &s))
        gy_arena_unpin(cache, NULL, &s);
    *arenas = cache->g.n_arenas - room_count_states(cache, GY_FREE);
}

TEST(arena, the_reserve_is_for_the_urgent)
{
    gyre *cache = open_one();
    unsigned taken;
    fill_all(cache, false, &taken);
    CHECK_EQ(taken, cache->g.n_arenas - cache->g.reserve_arenas);
    CHECK_EQ(gy_load_seq(&cache->super->n_free), cache->g.reserve_arenas);
    fill_all(cache, true, &taken);
    CHECK_EQ(taken, cache->g.n_arenas);
    CHECK_EQ(gy_load_seq(&cache->super->n_free), 0);
    api_close(cache);
}

TEST(arena, what_is_larger_than_an_arena_is_not_staged)
{
    gyre *cache = open_one();
    struct gy_staged s;
    char *value = calloc(1, cache->arena_bytes);
    struct gy_content c = room_content("key", value, cache->arena_bytes - 16); /* for header and key */
    CHECK(gy_arena_stage(cache, &room_record(cache)->pin[GY_PIN_PUT], GY_PROBATION, &c, false, &s));
    gy_arena_unpin(cache, NULL, &s);
    CHECK_EQ(s.bytes, cache->arena_bytes);
    c.value_bytes++;
    CHECK(!gy_arena_stage(cache, &room_record(cache)->pin[GY_PIN_PUT], GY_PROBATION, &c, true, &s));
    free(value);
    api_close(cache);
}

/* A sweep claims no arena that a pin holds, of any kind, and one that was pinned is claimed afterwards. */
TEST(arena, a_pin_stops_a_claim)
{
    gyre *cache = open_one();
    struct gy_record *r = room_record(cache);
    for (unsigned kind = GY_PIN_READ; kind <= GY_PIN_FILLING; kind++) {
        struct gy_staged s = room_stage(cache, GY_PROBATION, "held", "v", 1);
        gy_arena_unpin(cache, NULL, &s);
        room_seal_all(cache);
        CHECK(!gy_arena_pinned(cache, s.arena));
        gy_store_seq(&r->pin[GY_PINS - 1], gy_pin_word(cache, s.arena, (enum gy_pin_kind)kind));
        CHECK(gy_arena_pinned(cache, s.arena));
        uint64_t stamp = gy_arena_stamp_pins(cache);
        for (uint32_t a = 0; a < cache->g.n_arenas; a++)
            CHECK_EQ((gy_load_seq(&cache->books[a].pin_stamp) == stamp), (a == s.arena));
        struct gy_choice choice;
        CHECK(!gy_choose_for_room(cache, room_record(cache), GY_FOREGROUND, &choice));
        CHECK_EQ(room_state(cache, s.arena), GY_SEALED);
        gy_pin_clear(&r->pin[GY_PINS - 1]);
        CHECK(gy_choose_for_room(cache, room_record(cache), GY_FOREGROUND, &choice));
        CHECK_EQ(choice.arena, s.arena);
        CHECK_EQ(room_state(cache, s.arena), GY_SWEEPING);
        gy_pin_clear(&room_record(cache)->pin[GY_PIN_SWEEP]); /* which would keep it */
        room_set_state(cache, s.arena, GY_RETIRED);
        CHECK_EQ(gy_arena_free_retired(cache), 1);
    }
    api_close(cache);
}

TEST(arena, retired_becomes_free_when_unpinned_only)
{
    gyre *cache = open_one();
    struct gy_record *r = room_record(cache);
    struct gy_staged s = room_stage(cache, GY_PROBATION, "held", "v", 1);
    gy_arena_unpin(cache, NULL, &s);
    room_seal_all(cache);
    uint8_t generation = gy_arena_generation(gy_load_seq(&cache->words[s.arena]));
    uint64_t n_free = gy_load_seq(&cache->super->n_free);
    gy_store_seq(&r->pin[GY_PINS - 1], gy_pin_word(cache, s.arena, GY_PIN_READ));
    CHECK_EQ(gy_arena_free_retired(cache), 0); /* sealed is not retired */
    room_set_state(cache, s.arena, GY_RETIRED);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(gy_arena_free_retired(cache), 0);
    CHECK_EQ(room_state(cache, s.arena), GY_RETIRED);
    gy_pin_clear(&r->pin[GY_PINS - 1]);
    CHECK_EQ(gy_arena_free_retired(cache), 1);
    CHECK_EQ(room_state(cache, s.arena), GY_FREE);
    CHECK_EQ(gy_load_seq(&cache->super->n_free), n_free + 1);
    unsigned taken; /* in its next life it has another generation */
    fill_all(cache, true, &taken);
    CHECK_EQ(taken, cache->g.n_arenas);
    CHECK_EQ(gy_arena_generation(gy_load_seq(&cache->words[s.arena])), (uint8_t)(generation + 1));
    api_close(cache);
}

/* More retired arenas than one batch takes, a pinned one in between. */
TEST(arena, many_retired_are_freed_around_a_held_one)
{
    gyre *cache = open_one();
    unsigned taken;
    fill_all(cache, true, &taken);
    CHECK(taken > 70);
    gy_store_seq(&room_record(cache)->pin[GY_PINS - 1], gy_pin_word(cache, 3, GY_PIN_READ));
    for (uint32_t a = 0; a < taken; a++)
        room_set_state(cache, a, GY_RETIRED);
    unsigned freed = 0, n;
    while ((n = gy_arena_free_retired(cache)) > 0)
        freed += n;
    CHECK_EQ(freed, taken - 1);
    CHECK_EQ(room_state(cache, 3), GY_RETIRED);
    gy_pin_clear(&room_record(cache)->pin[GY_PINS - 1]);
    CHECK_EQ(gy_arena_free_retired(cache), 1);
    api_close(cache);
}

#ifdef GY_POINTS

/* A pin that appears just before the n-th access to some word. */
static struct {
    const volatile void *address;
    unsigned n;
    gy_atomic_u64 *pin;
    uint64_t word;
} late;

static void
pin_late(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line;
    if (address != late.address || late.n == 0 || --late.n > 0)
        return;
    late.address = NULL;
    atomic_store(late.pin, late.word);
}

/* The look at the pins that counts is the one after the barrier. */
TEST(arena, a_pin_between_the_two_looks_stops_the_reuse)
{
    gyre *cache = open_one();
    struct gy_staged s = room_stage(cache, GY_PROBATION, "held", "v", 1);
    gy_arena_unpin(cache, NULL, &s);
    room_set_state(cache, s.arena, GY_RETIRED);
    late.pin = &room_record(cache)->pin[GY_PINS - 1];
    late.word = gy_pin_word(cache, s.arena, GY_PIN_READ);
    late.address = &cache->super->n_records_used;
    late.n = 2;
    gy_point_hook = pin_late;
    CHECK_EQ(gy_arena_free_retired(cache), 0);
    gy_point_hook = NULL;
    CHECK(late.address == NULL);
    CHECK_EQ(room_state(cache, s.arena), GY_RETIRED);
    gy_pin_clear(late.pin);
    CHECK_EQ(gy_arena_free_retired(cache), 1);
    api_close(cache);
}

/* Another look at the pins begins and ends before this one, which is older, writes down what it saw. */
static void
look_too(struct trap *trap, const volatile void *address)
{
    (void)address;
    trap->word = gy_arena_stamp_pins(trap->cache);
}

TEST(arena, a_late_look_at_pins_does_not_hide_a_newer_one)
{
    gyre *cache = open_one();
    gy_atomic_u64 *pin = &room_record(cache)->pin[GY_PINS - 1];
    gy_store_seq(pin, gy_pin_word(cache, 1, GY_PIN_READ));
    for (unsigned skip = 0; skip < 2; skip++) { /* before the stamp is read, and before it is raised */
        struct trap trap = {.file = "arena.c", .address = &cache->books[1].pin_stamp, .skip = skip,
                            .action = look_too, .cache = cache};
        trap_set(&trap);
        gy_arena_stamp_pins(cache);
        trap_clear(&trap);
        CHECK(gy_load_seq(&cache->books[1].pin_stamp) >= trap.word);
    }
    gy_pin_clear(pin);
    gyre_close(cache);
}

/* A writer's pin that comes after the choice and before the claim sends the arena back. */
TEST(arena, a_pin_before_the_claim_stops_it)
{
    gyre *cache = open_one();
    struct gy_staged s = room_stage(cache, GY_PROBATION, "held", "v", 1);
    gy_arena_unpin(cache, NULL, &s);
    room_seal_all(cache);
    late.pin = &room_record(cache)->pin[GY_PINS - 1];
    late.word = gy_pin_word(cache, s.arena, GY_PIN_FILLING);
    late.address = &cache->words[s.arena];
    late.n = 2; /* the survey loads it first */
    gy_point_hook = pin_late;
    struct gy_choice choice;
    CHECK(!gy_choose_for_room(cache, room_record(cache), GY_FOREGROUND, &choice));
    gy_point_hook = NULL;
    CHECK(late.address == NULL);
    CHECK_EQ(room_state(cache, s.arena), GY_SEALED);
    gy_pin_clear(late.pin);
    CHECK(gy_choose_for_room(cache, room_record(cache), GY_FOREGROUND, &choice));
    api_close(cache);
}

#endif

TEST(arena, free_arenas_are_withdrawn_down_to_the_reserve)
{
    gyre *cache = open_one();
    unsigned n = 0;
    memset(cache->region.base + cache->g.arenas_at, 0x77, cache->arena_bytes * cache->g.n_arenas);
    while (gy_arena_withdraw(cache))
        n++;
    CHECK_EQ(n, cache->g.n_arenas - cache->g.reserve_arenas);
    CHECK_EQ(room_count_states(cache, GY_WITHDRAWN), n);
    CHECK_EQ(gy_load_seq(&cache->super->n_free), cache->g.reserve_arenas);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) { /* their pages were given back */
        const char *bytes = cache->region.base + gy_arena_offset(cache, a);
        CHECK_EQ(bytes[100], room_state(cache, a) == GY_WITHDRAWN ? 0 : 0x77);
    }
    gy_add_seq(&cache->super->index_credit, n * cache->arena_bytes); /* where growth would book them */
    api_close(cache);
}

/* Concurrent stagers: no two entries overlap, and the walk of all arenas finds exactly what was staged. */
enum { STAGERS = 4, EACH = 3000 };

struct staging {
    gyre *cache;
    gy_ref ref[STAGERS][EACH];
    unsigned n[STAGERS];
    size_t found;
    unsigned char seen[STAGERS][EACH];
};

static void
stage_many(void *arg, unsigned thread)
{
    struct staging *s = arg;
    uint64_t seed = thread;
    for (unsigned i = 0; i < EACH; i++) {
        char value[200];
        size_t size = api_random(&seed) % sizeof value;
        fill_bytes(value, size, thread * EACH + i);
        struct api_key key = key_of(thread * EACH + i);
        struct gy_content c = room_content(key.text, value, size);
        struct gy_staged staged;
        CHECK(gy_arena_stage(s->cache, &room_record(s->cache)->pin[GY_PIN_PUT], i & 1, &c, true, &staged));
        gy_arena_unpin(s->cache, NULL, &staged);
        s->ref[thread][i] = staged.ref;
    }
}

static void
find_staged(void *arg, gy_ref ref, struct gy_header h)
{
    struct staging *s = arg;
    const char *entry = gy_at(s->cache, ref);
    char text[17] = {0};
    CHECK_EQ(h.key_bytes, 16);
    memcpy(text, gy_entry_key(entry, h), 16);
    unsigned long number = strtoul(text + 3, NULL, 10);
    CHECK(number < STAGERS * EACH);
    unsigned thread = (unsigned)number / EACH, i = (unsigned)number % EACH;
    CHECK_EQ(s->ref[thread][i], ref);
    CHECK(!s->seen[thread][i]);
    s->seen[thread][i] = 1;
    const char *value = entry + gy_entry_value_offset(ref << 3, h, s->cache->g.value_align);
    CHECK(bytes_are(value, h.value_bytes, number));
    s->found++;
}

#ifdef GY_POINTS
static void
yield_sometimes(const char *file, int line, const volatile void *address)
{
    static _Thread_local unsigned n;
    (void)file, (void)line, (void)address;
    if (++n % 23 == 0)
        sched_yield();
}
#endif

TEST(arena, concurrent_stagers_do_not_overlap)
{
    static struct staging s;
    s.cache = api_open(8 << 20, GYRE_NO_THREAD);
#ifdef GY_POINTS
    gy_point_hook = yield_sometimes;
#endif
    api_threads(STAGERS, stage_many, &s);
#ifdef GY_POINTS
    gy_point_hook = NULL;
#endif
    for (uint32_t a = 0; a < s.cache->g.n_arenas; a++)
        if (room_state(s.cache, a) != GY_FREE)
            walk(s.cache, a, find_staged, &s);
    CHECK_EQ(s.found, STAGERS * EACH);
    api_close(s.cache);
}

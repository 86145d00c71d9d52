/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What happens to a slot between the two looks of a hit that goes straight (hit.h), and before it counts itself. */

#include "trap.h"

#ifdef GY_POINTS

struct scene {
    gyre *cache;
    gy_atomic_u64 *slot, *pin;
    uint64_t word;
    struct api_key key;
};

static struct scene
set_scene(void)
{
    struct scene s = {.cache = api_open(4 * MIB, GYRE_NO_THREAD), .key = key_of(1)};
    CHECK_OK(put_bytes(s.cache, s.key.text, 100, 1));
    s.pin = &room_record(s.cache)->pin[GY_PIN_VIEWS];
    s.word = room_word(s.cache, s.key.text);
    struct gy_window w;
    gy_index_window(s.cache, room_hash(s.cache, s.key.text), &w);
    for (unsigned n = 0; n < GY_BUCKET_SLOTS; n++)
        if (gy_load_acq(&w.bucket[0]->slot[n]) == s.word)
            s.slot = &w.bucket[0]->slot[n];
    CHECK(s.slot != NULL);
    return s;
}

/* A get of the key with a trap; 0: a miss that left nothing, else the tag of the value. The trap springs before the
 * second look, or, in lookup.h, before the hit counts itself. */
static unsigned
get_with(struct scene *s, const char *file, void (*action)(struct trap *, const volatile void *), uint64_t word)
{
    struct trap trap = {.file = file, .address = s->slot, .skip = strcmp(file, "/hit.h") == 0, .action = action,
                        .cache = s->cache, .word = word};
    gyre_view view;
    memset(&view, 0xee, sizeof view);
    trap_set(&trap);
    int result = gyre_get(s->cache, s->key.text, 16, &view);
    trap_clear(&trap);
    if (result != GYRE_OK) {
        CHECK_EQ(result, GYRE_MISS);
        CHECK(view.data == NULL && view.size == 0 && view.priv[0] == 0);
        CHECK_EQ(gy_load_acq(s->pin), 0);
        return 0;
    }
    unsigned tag = 1;
    while (!bytes_are(view.data, view.size, tag))
        CHECK(++tag < 10);
    CHECK(gy_load_acq(s->pin) != 0);
    gyre_release(&view);
    CHECK_EQ(gy_load_acq(s->pin), 0);
    return tag;
}

TEST(hit_instants, emptied_between_the_looks)
{
    struct scene s = set_scene();
    CHECK_EQ(get_with(&s, "/hit.h", trap_store, GY_EMPTY), 0);
    CHECK(api_stats(s.cache).misses == 1 && api_stats(s.cache).hits == 0);
    gyre_close(s.cache);
}

/* As when the arena was swept and used again, and the entry is not published yet. */
TEST(hit_instants, in_the_making_at_the_second_look)
{
    struct scene s = set_scene();
    CHECK_EQ(get_with(&s, "/hit.h", trap_store, s.word | GY_T), 0);
    CHECK_EQ(api_stats(s.cache).vanished, 1);
    gyre_close(s.cache);
}

/* As it was committed when its bucket was looked through, and then taken back. */
TEST(hit_instants, in_the_making_at_the_first_look)
{
    struct scene s = set_scene();
    struct trap trap = {.file = "/hit.h", .address = s.slot, .action = trap_store, .word = s.word | GY_T};
    gyre_view view;
    trap_set(&trap);
    CHECK_EQ(gyre_get(s.cache, s.key.text, 16, &view), GYRE_MISS);
    trap_clear(&trap);
    CHECK_EQ(gy_load_acq(s.pin), 0);
    CHECK_EQ(api_stats(s.cache).vanished, 1);
    gyre_close(s.cache);
}

static uint64_t put_word;

static void
put_another(struct trap *trap, const volatile void *address)
{
    (void)address;
    CHECK_OK(put_bytes(trap->cache, key_of(1).text, 200, 2));
    put_word = room_word(trap->cache, key_of(1).text);
}

TEST(hit_instants, replaced_between_the_looks)
{
    struct scene s = set_scene();
    CHECK_EQ(get_with(&s, "/hit.h", put_another, 0), 2);
    CHECK(api_stats(s.cache).misses == 0 && api_stats(s.cache).hits == 1);
    gyre_close(s.cache);
}

/* A replacement counts as a use, up to a frequency; from there on the upper halves of both words are the same. */
TEST(hit_instants, replaced_by_a_word_with_another_ref_alone)
{
    struct scene s = set_scene();
    for (unsigned i = 0; i < 2 * GY_FREQ_MOST; i++)
        CHECK_OK(put_bytes(s.cache, s.key.text, 100, 1));
    s.word = gy_load_acq(s.slot);
    CHECK_EQ(get_with(&s, "/hit.h", put_another, 0), 2);
    CHECK(put_word != s.word && put_word >> 32 == s.word >> 32);
    gyre_close(s.cache);
}

/* Another's hit: the second look is the one that counts. */
TEST(hit_instants, counted_by_another_between_the_looks)
{
    struct scene s = set_scene();
    CHECK_EQ(gy_slot_freq(s.word), 0);
    CHECK_EQ(get_with(&s, "/hit.h", trap_store, s.word + GY_FREQ_ONE), 1);
    CHECK_EQ(gy_load_acq(s.slot), s.word + 2 * GY_FREQ_ONE);
    gyre_close(s.cache);
}

static void
see_pin(struct trap *trap, const volatile void *address)
{
    (void)address;
    uint64_t pin = gy_load_acq(&room_record(trap->cache)->pin[GY_PIN_VIEWS]);
    CHECK(pin != 0);
    CHECK_EQ(gy_pin_arena(pin), gy_ref_arena(trap->cache, gy_slot_ref(trap->word)));
    CHECK_EQ(gy_pin_kind(pin), GY_PIN_READ);
}

TEST(hit_instants, pinned_at_the_second_look)
{
    struct scene s = set_scene();
    CHECK_EQ(get_with(&s, "/hit.h", see_pin, s.word), 1);
    gyre_close(s.cache);
}

/* The view is of what stood at the second look; the count is given up. */
TEST(hit_instants, replaced_or_emptied_before_it_counts)
{
    struct scene s = set_scene();
    CHECK_EQ(get_with(&s, "lookup.h", put_another, 0), 1);
    CHECK(put_word != s.word);
    CHECK_EQ(gy_load_acq(s.slot), put_word);
    CHECK(has_bytes(s.cache, s.key.text, 200, 2));
    gyre_close(s.cache);
    s = set_scene();
    CHECK_EQ(get_with(&s, "lookup.h", trap_store, GY_EMPTY), 1);
    CHECK_EQ(gy_load_acq(s.slot), GY_EMPTY);
    CHECK(is_missing(s.cache, s.key.text));
    gyre_close(s.cache);
}

static struct scene late;

/* Of a key that stands nowhere, until its first bucket has been looked at. */
static void
come_late(struct trap *trap, const volatile void *address)
{
    (void)address;
    gy_atomic_u64 *geometry = (gy_atomic_u64 *)(uintptr_t)trap->address;
    gy_store_seq(late.slot, late.word);
    if (trap->word != 0)
        gy_store_seq(geometry, trap->word);
}

static int
get_of_late(struct scene *s, unsigned skip, uint64_t geometry)
{
    struct trap trap = {.file = "/hit.h", .address = gy_geometry_of(s->cache, room_hash(s->cache, s->key.text)), .skip = skip,
                        .action = come_late, .cache = s->cache, .word = geometry};
    gyre_view view;
    late = *s;
    gy_store_seq(s->slot, GY_EMPTY);
    trap_set(&trap);
    int result = gyre_get(s->cache, s->key.text, 16, &view);
    trap_clear(&trap);
    gyre_release(&view);
    CHECK_EQ(gy_load_acq(s->pin), 0);
    return result;
}

/* The shard may have doubled since the first bucket was looked at: it is looked at again, with the second. */
TEST(hit_instants, in_its_first_bucket_after_all)
{
    struct scene s = set_scene();
    CHECK_OK(get_of_late(&s, 1, 0));
    gyre_close(s.cache);
}

/* It begins to double when both buckets have been looked at. */
TEST(hit_instants, growth_begins_before_it_is_a_miss)
{
    struct scene s = set_scene();
    gy_atomic_u64 *geometry = gy_geometry_of(s.cache, room_hash(s.cache, s.key.text));
    uint64_t was = gy_load_acq(geometry);
    CHECK_OK(get_of_late(&s, 2, gy_geometry_word(gy_geometry_log2(was), GY_UNION)));
    gy_store_seq(geometry, was);
    gyre_close(s.cache);
}

/* Neither happens. */
TEST(hit_instants, a_miss_is_none_of_the_general_way)
{
    struct scene s = set_scene();
    struct trap trap = {.file = "/find.h", .address = gy_geometry_of(s.cache, room_hash(s.cache, s.key.text)),
                        .action = trap_store, .cache = s.cache};
    CHECK_OK(gyre_delete(s.cache, s.key.text, 16));
    gyre_view view;
    uint64_t misses = api_stats(s.cache).misses;
    memset(&view, 0xee, sizeof view);
    trap_set(&trap);
    CHECK_EQ(gyre_get(s.cache, s.key.text, 16, &view), GYRE_MISS);
    gy_point_hook = NULL;
    CHECK_EQ(trap.sprung, 0);
    CHECK_EQ(api_stats(s.cache).misses, misses + 1);
    CHECK(view.data == NULL && view.size == 0 && view.priv[0] == 0);
    gyre_close(s.cache);
}

static void
clear_all(struct trap *trap, const volatile void *address)
{
    (void)address;
    CHECK_OK(gyre_clear(trap->cache));
}

/* A get that began before a clear may still find what stood; the next one does not. */
TEST(hit_instants, cleared_between_the_looks)
{
    struct scene s = set_scene();
    CHECK_EQ(get_with(&s, "/hit.h", clear_all, 0), 1);
    CHECK(is_missing(s.cache, s.key.text));
    gyre_close(s.cache);
}

static void
finish_clear(struct trap *trap, const volatile void *address)
{
    (void)address;
    while (gyre_maintain(trap->cache, 0) > 0)
        ;
    CHECK(!gy_clear_pending(trap->cache));
}

/* The clear had returned before the get began: whether it is over is asked before the look at the slot. */
TEST(hit_instants, a_clear_ends_while_it_is_asked_for)
{
    struct scene s = set_scene();
    CHECK_OK(gyre_clear(s.cache));
    struct trap trap = {.file = "clear.h", .address = &s.cache->super->done, .action = finish_clear, .cache = s.cache};
    gyre_view view;
    trap_set(&trap);
    CHECK_EQ(gyre_get(s.cache, s.key.text, 16, &view), GYRE_MISS);
    trap_clear(&trap);
    gyre_close(s.cache);
}

#else

TEST(hit_instants, needs_points)
{
    CHECK(true);
}

#endif

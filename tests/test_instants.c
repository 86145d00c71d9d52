/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* At one instant of an operation something else happens that random schedules seldom bring together: each
 * test is here because a mutant of tests/mutants/ got past all others. */

#include "trap.h"

#ifdef GY_POINTS

#include "clear.h"

static gyre *
open_one(void)
{
    gyre_options o = api_options(1 << 20, GYRE_NO_THREAD);
    o.expected_entry_bytes = 60000;
    return api_open_with(&o);
}

static uint64_t
one_hash(const void *key, size_t size)
{
    (void)key, (void)size;
    return 0x5555666677778888u;
}

static gy_atomic_u64 *
slot_in_first(gyre *cache, const char *key, unsigned s)
{
    struct gy_window w;
    gy_index_window(cache, room_hash(cache, key), &w);
    return &w.bucket[0]->slot[s];
}

/* ---- put 4 ------------------------------------------------------------------------------------- */

static void
empty_first(struct trap *trap, const volatile void *address)
{
    (void)address;
    gy_store_seq(slot_in_first(trap->cache, "key", 0), GY_EMPTY);
}

/* A put took a word in the making over and is evicted. The older value, further on in the window, goes all the same. */
TEST(instants, a_put_that_lost_its_word_still_removes_what_is_older)
{
    gyre *cache = open_one();
    gy_hash_hook = one_hash;
    CHECK_OK(put_bytes(cache, "other", 8, 8));
    CHECK_OK(put_bytes(cache, "one more", 8, 9));
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    CHECK_EQ(gy_load_seq(slot_in_first(cache, "key", 2)), room_word(cache, "key"));
    gy_store_seq(slot_in_first(cache, "key", 0), room_loose_word(cache, "key", 2) | GY_T);
    struct trap trap = {.file = "publish.c", .address = slot_in_first(cache, "key", 1), .action = empty_first,
                        .cache = cache};
    trap_set(&trap);
    room_put(cache, GY_PROBATION, "key", 8, 3);
    trap_clear(&trap);
    CHECK(!has_bytes(cache, "key", 8, 1));
    gy_hash_hook = NULL;
    gyre_close(cache);
}

/* One rival stands in slot 2, another that had passed it has just committed in slot 1 and killed ours in 3. */
static void
two_rivals(struct trap *trap, const volatile void *address)
{
    (void)address;
    gy_store_seq(slot_in_first(trap->cache, "key", 1), trap->word);
    gy_store_seq(slot_in_first(trap->cache, "key", 2), room_loose_word(trap->cache, "key", 2) | GY_T);
    gy_store_seq(slot_in_first(trap->cache, "key", 3), GY_EMPTY);
}

TEST(instants, a_put_that_moved_down_looks_at_lower_slots_again)
{
    gyre *cache = open_one();
    gy_hash_hook = one_hash;
    for (unsigned k = 0; k < 3; k++)
        CHECK_OK(room_put(cache, GY_PROBATION, key_of(k).text, 8, k));
    uint64_t rival = room_loose_word(cache, "key", 1);
    for (unsigned s = 1; s < 3; s++) /* tags that are no key's, until the rivals come */
        gy_store_seq(slot_in_first(cache, "key", s), rival ^ GY_TAG_MASK);
    struct trap trap = {.file = "find.h", .address = slot_in_first(cache, "key", 2), .skip = 2,
                        .action = two_rivals, .cache = cache, .word = rival};
    trap_set(&trap);
    CHECK_OK(room_put(cache, GY_PROBATION, "key", 8, 3));
    trap_clear(&trap);
    unsigned words = 0;
    for (unsigned s = 1; s < GY_BUCKET_SLOTS; s++)
        words += gy_load_seq(slot_in_first(cache, "key", s)) != GY_EMPTY;
    CHECK_EQ(words, 1);
    CHECK(has_bytes(cache, "key", 8, 3));
    gy_hash_hook = NULL;
    gyre_close(cache);
}

/* ---- delete ------------------------------------------------------------------------------------ */

/* The word in the making is a mover's: an old value, committed between the delete's look and its CAS. */
TEST(instants, a_delete_looks_again_at_a_word_that_was_committed)
{
    gyre *cache = open_one();
    gy_hash_hook = one_hash;
    gy_atomic_u64 *slot = slot_in_first(cache, "key", 0);
    uint64_t word = room_loose_word(cache, "key", 1);
    gy_store_seq(slot, word | GY_T);
    struct trap trap = {.file = "publish.c", .address = slot, .skip = 1, .action = trap_store, .word = word};
    trap_set(&trap);
    gyre_delete(cache, "key", 3);
    trap_clear(&trap);
    CHECK_EQ(gy_load_seq(slot), GY_EMPTY);
    gy_hash_hook = NULL;
    gyre_close(cache);
}

/* ---- freeing ----------------------------------------------------------------------------------- */

static void
retire_another(struct trap *trap, const volatile void *address)
{
    (void)address;
    room_set_state(trap->cache, (uint32_t)trap->word, GY_RETIRED);
}

TEST(instants, an_arena_retired_after_the_barrier_waits_for_the_next)
{
    gyre *cache = open_one();
    room_set_state(cache, 1, GY_RETIRED);
    struct trap trap = {.file = "arena.c", .address = &cache->super->sequence, .skip = 1,
                        .action = retire_another, .cache = cache, .word = 2};
    trap_set(&trap);
    CHECK_EQ(gy_arena_free_retired(cache), 1);
    trap_clear(&trap);
    CHECK_EQ(room_state(cache, 1), GY_FREE);
    CHECK_EQ(room_state(cache, 2), GY_RETIRED);
    CHECK_EQ(gy_arena_free_retired(cache), 1);
    gyre_close(cache);
}

/* A slow freer comes to its CAS when the arena is at the end of its next life, whose readers it did not look at. */
static void
next_life(struct trap *trap, const volatile void *address)
{
    (void)address;
    gy_store_seq(&trap->cache->words[1], gy_arena_word(GY_RETIRED, 0, 0, 7, 1000));
}

TEST(instants, a_freer_frees_the_life_of_an_arena_that_it_saw)
{
    gyre *cache = open_one();
    room_set_state(cache, 1, GY_RETIRED);
    struct trap trap = {.file = "arena.c", .address = &cache->words[1], .skip = 1, .action = next_life,
                        .cache = cache};
    trap_set(&trap);
    CHECK_EQ(gy_arena_free_retired(cache), 0);
    trap_clear(&trap);
    CHECK_EQ(room_state(cache, 1), GY_RETIRED);
    gyre_close(cache);
}

/* ---- growth ------------------------------------------------------------------------------------ */

static void
fill_until_growth(gyre *cache)
{
    for (unsigned i = 0; !gy_grow_wanted(cache, 0); i++)
        CHECK_OK(room_put(cache, GY_MAIN, key_of(i).text, 8, i));
}

/* Until words are moved: the stage after the last grace period before that. */
static void
grow_to_move(gyre *cache)
{
    enum { MOVE = 3 };
    fill_until_growth(cache);
    for (unsigned i = 0; i < 1000 && (gy_load_seq(&cache->super->shard[0].stage) & 7) != MOVE; i++)
        gy_grow_step(cache, room_record(cache), 0, true);
    CHECK_EQ(gy_load_seq(&cache->super->shard[0].stage) & 7, MOVE);
}

static void
grow_to_the_end(gyre *cache)
{
    for (unsigned i = 0; i < 1000 && gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, room_record(cache), 0, true);
    CHECK(!gy_grow_under_way(cache, 0));
}

TEST(instants, a_mover_drops_words_in_the_making)
{
    gyre *cache = open_one();
    grow_to_move(cache);
    uint64_t n = (uint64_t)1 << gy_geometry_log2(gy_load_seq(&cache->geometries[0]));
    for (uint64_t i = 0; i < n * GY_BUCKET_SLOTS; i++) {
        uint64_t word = gy_load_seq(room_slot(cache, 0, i));
        if (word != GY_EMPTY)
            gy_store_seq(room_slot(cache, 0, i), word | GY_T);
    }
    grow_to_the_end(cache);
    for (uint64_t i = 0; i < n * GY_BUCKET_SLOTS; i++) {
        uint64_t word = gy_load_seq(room_slot(cache, 0, i));
        if (word == GY_EMPTY)
            continue;
        const char *entry = gy_at(cache, gy_slot_ref(word)); /* it stays in its bucket: it need not be moved */
        struct gy_header h = gy_entry_header(entry);
        uint64_t hash = gy_hash(gy_entry_key(entry, h), h.key_bytes, cache->seed), b = i / GY_BUCKET_SLOTS;
        CHECK((gy_hash_first(hash) & (2 * n - 1)) == b || (gy_hash_second(hash) & (2 * n - 1)) == b);
    }
    gyre_close(cache);
}

static struct move {
    gy_atomic_u64 *from, *to; /* a word that will move, and where to */
    uint64_t word;
    unsigned steps;
} move;
enum { MOVERS_FIRST_LOOKS = 2 }; /* at a slot: to prefetch what it refers to, and to move it */

/* Another put changes the word between the mover's first look and its pin, which is on the arena of the first.
 * What the new word refers to may be reused by then: not a byte of it is read. */
static struct {
    gy_atomic_u64 *slot;
    uint64_t other;      /* the word that comes, of an entry in another arena */
    const char *from;    /* that arena */
    unsigned looks;
    bool reused, read;
    gyre *cache;
    bool unpinned; /* a key of the cache was hashed that the mover's pin does not hold */
} change;

static uint64_t
watched_hash(const void *key, size_t size)
{
    const char *at = key;
    change.read |= change.reused && at >= change.from && at < change.from + 4096;
    uint32_t arena = change.cache ? gy_arena_at(change.cache, (uint64_t)(at - change.cache->region.base)) : UINT32_MAX;
    if (arena != UINT32_MAX)
        change.unpinned |= gy_pin_arena(gy_load_seq(&room_record(change.cache)->pin[GY_PIN_MOVE])) != arena;
    return XXH3_64bits(key, size);
}

static void
change_word(struct trap *trap, const volatile void *address)
{
    if (address == change.slot && change.looks++ == MOVERS_FIRST_LOOKS)
        gy_store_seq(change.slot, change.other);
    uint32_t first = gy_ref_arena(trap->cache, gy_slot_ref(trap->word));
    if (change.looks > MOVERS_FIRST_LOOKS && address == &trap->cache->words[first])
        change.reused = true;
}

static void
choose_move(gyre *cache, uint64_t n)
{
    for (uint64_t i = 0; i < n * GY_BUCKET_SLOTS; i++) {
        move.from = room_slot(cache, 0, i);
        move.word = gy_load_seq(move.from);
        if (move.word == GY_EMPTY)
            continue;
        const char *entry = gy_at(cache, gy_slot_ref(move.word));
        struct gy_header h = gy_entry_header(entry);
        uint64_t hash = gy_hash(gy_entry_key(entry, h), h.key_bytes, cache->seed), image = i / GY_BUCKET_SLOTS + n;
        if ((gy_hash_first(hash) & (2 * n - 1)) == image || (gy_hash_second(hash) & (2 * n - 1)) == image) {
            move.to = room_slot(cache, 0, image * GY_BUCKET_SLOTS);
            return;
        }
    }
    test_fail_(__FILE__, __LINE__, "no word of the shard will move");
}

/* A sweep that claimed the arena and saw no pin: the mover is about to store it. */
static void
begin_sweep(struct trap *trap, const volatile void *address)
{
    gyre *cache = trap->cache;
    move.steps += address == move.from;
    if (move.steps >= MOVERS_FIRST_LOOKS && move.steps < 100 && address == &room_record(cache)->pin[GY_PIN_MOVE]) {
        room_set_state(cache, gy_ref_arena(cache, gy_slot_ref(move.word)), GY_SWEEPING);
        move.steps = 100;
    }
}

TEST(instants, a_mover_pins_before_it_looks_at_the_arena)
{
    gyre *cache = open_one();
    grow_to_move(cache);
    move = (struct move){.steps = 0};
    choose_move(cache, (uint64_t)1 << gy_geometry_log2(gy_load_seq(&cache->geometries[0])));
    struct trap trap = {.file = ".c", .again = true, .action = begin_sweep, .cache = cache};
    trap_set(&trap);
    grow_to_the_end(cache);
    trap_clear(&trap);
    CHECK(move.steps >= 100);
    for (uint64_t i = 0; i < room_slots(cache, 0); i++)
        CHECK(gy_load_seq(room_slot(cache, 0, i)) != move.word);
    gyre_close(cache);
}

TEST(instants, a_mover_reads_what_its_pin_holds)
{
    gy_hash_hook = watched_hash;
    gyre *cache = open_one();
    grow_to_move(cache);
    choose_move(cache, (uint64_t)1 << gy_geometry_log2(gy_load_seq(&cache->geometries[0])));
    room_seal_all(cache);
    memset(&change, 0, sizeof change);
    change.slot = move.from;
    change.cache = cache;
    change.other = room_loose_word(cache, "another key", 1);
    change.from = gy_at(cache, gy_slot_ref(change.other));
    CHECK(gy_ref_arena(cache, gy_slot_ref(change.other)) != gy_ref_arena(cache, gy_slot_ref(move.word)));
    struct trap trap = {.file = "", .again = true, .action = change_word, .cache = cache, .word = move.word};
    trap_set(&trap);
    grow_to_the_end(cache);
    trap_clear(&trap);
    CHECK(change.looks > 2);
    CHECK(!change.read);
    CHECK(!change.unpinned);
    gy_hash_hook = NULL;
    gyre_close(cache);
}

/* ---- clear ------------------------------------------------------------------------------------- */

static void
grow_now(struct trap *trap, const volatile void *address)
{
    (void)address;
    for (unsigned i = 0; i < 1000 && gy_grow_wanted(trap->cache, 0); i++)
        gy_grow_step(trap->cache, room_record(trap->cache), 0, true);
}

TEST(instants, the_pass_of_a_clear_follows_a_shard_that_doubles)
{
    gyre *cache = open_one();
    fill_until_growth(cache);
    CHECK_OK(gyre_clear(cache));
    struct trap trap = {.file = "clear.c", .address = room_slot(cache, 0, 0), .action = grow_now, .cache = cache};
    trap_set(&trap);
    for (unsigned i = 0; i < 1000 && gy_clear_pending(cache); i++)
        gy_clear_step(cache, room_record(cache));
    trap_clear(&trap);
    CHECK(!gy_clear_pending(cache));
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    gyre_close(cache);
}

/* Another clear raises the mark between this one's draw and its CAS; from then on the mark does not go back. */
static void
clear_too(struct trap *trap, const volatile void *address)
{
    (void)address;
    if (trap->sprung == 1) {
        CHECK_OK(gyre_clear(trap->cache));
        trap->word = gy_load_seq(&trap->cache->super->mark);
    }
    CHECK(gy_load_seq(&trap->cache->super->mark) >= trap->word);
}

TEST(instants, of_two_clears_neither_takes_the_others_mark_back)
{
    gyre *cache = open_one();
    struct trap trap = {.file = "clear.c", .address = &cache->super->mark, .skip = 1, .again = true,
                        .action = clear_too, .cache = cache};
    trap_set(&trap);
    CHECK_OK(gyre_clear(cache));
    trap_clear(&trap);
    CHECK(gy_load_seq(&cache->super->mark) >= trap.word);
    gyre_close(cache);
}

/* A writer enters its section and looks at the mark; only then another clear raises it. */
static void
enter_and_clear(struct trap *trap, const volatile void *address)
{
    (void)address;
    trap->cache->rcu->enter(trap->cache, &trap->cache->records[1]);
    gy_clear_begin(trap->cache);
}

TEST(instants, a_clear_waits_for_all_who_saw_less_than_its_mark)
{
    gyre *cache = open_one();
    struct gy_record *r = room_record(cache);
    CHECK_OK(put_bytes(cache, "key", 8, 1));
    gy_store_seq(&cache->super->n_records_used, 2);
    gy_clear_begin(cache);
    struct trap trap = {.file = "clear.c", .address = &cache->super->mark, .action = enter_and_clear,
                        .cache = cache};
    trap_set(&trap);
    CHECK(gy_clear_step(cache, r));
    trap_clear(&trap);
    for (unsigned i = 0; i < 100; i++)
        gy_clear_step(cache, r);
    CHECK(gy_load_seq(&cache->super->done) < gy_load_seq(&cache->super->mark));
    cache->rcu->exit(cache, &cache->records[1]);
    for (unsigned i = 0; i < 100 && gy_clear_pending(cache); i++)
        gy_clear_step(cache, r);
    CHECK(!gy_clear_pending(cache));
    CHECK_EQ(room_refs_into(cache, UINT32_MAX), 0);
    gyre_close(cache);
}

/* ---- scan -------------------------------------------------------------------------------------- */

/* While a scan passes a family the shard begins to move: a word is on its way into its image when the scan
 * comes by, and there when the scan looks at the geometry again. */
static void
move_under_way(struct trap *trap, const volatile void *address)
{
    gy_atomic_u64 *geometry = &trap->cache->geometries[0];
    if (move.steps == 0 && address == move.from) {
        gy_store_seq(geometry, gy_geometry_word(gy_geometry_log2(gy_load_seq(geometry)), GY_MOVING));
        gy_store_seq(move.from, GY_EMPTY);
        gy_store_seq(move.to, move.word | GY_T);
        move.steps++;
    } else if (move.steps == 1 && address == geometry) {
        gy_store_seq(move.to, move.word);
        move.steps++;
    }
}

static int
count_it(void *arg, const void *key, size_t key_size, const gyre_view *view)
{
    (void)view;
    const char *entry = gy_at(arg, gy_slot_ref(move.word));
    move.steps += 10 * (unsigned)gy_entry_has_key(entry, gy_entry_header(entry), key, key_size);
    return 0;
}

TEST(instants, a_scan_goes_back_to_what_moved_under_it)
{
    gyre *cache = open_one();
    fill_until_growth(cache);
    CHECK(gy_grow_step(cache, room_record(cache), 0, true));
    uint64_t geometry = gy_load_seq(&cache->geometries[0]);
    CHECK_EQ(gy_geometry_phase(geometry), GY_UNION);
    move = (struct move){.steps = 0};
    choose_move(cache, (uint64_t)1 << gy_geometry_log2(geometry));
    struct trap trap = {.file = "scan.c", .again = true, .action = move_under_way, .cache = cache};
    trap_set(&trap);
    CHECK_OK(gyre_scan(cache, count_it, cache));
    trap_clear(&trap);
    CHECK_EQ(move.steps, 12); /* both steps were taken, and the key was shown once */
    gyre_close(cache);
}

/* The shard moves words all along: one is in the making in its image when the scan comes by, and there after. */
static void
commit_later(struct trap *trap, const volatile void *address)
{
    if (move.steps == 0 && address == move.to) {
        move.steps++;
    } else if (move.steps == 1 && address == &trap->cache->geometries[0]) {
        gy_store_seq(move.to, move.word);
        move.steps++;
    }
}

TEST(instants, a_scan_waits_for_a_word_on_its_way)
{
    gyre *cache = open_one();
    grow_to_move(cache);
    move = (struct move){.steps = 0};
    choose_move(cache, (uint64_t)1 << gy_geometry_log2(gy_load_seq(&cache->geometries[0])));
    gy_store_seq(move.from, GY_EMPTY);
    gy_store_seq(move.to, move.word | GY_T);
    struct trap trap = {.file = "scan.c", .again = true, .action = commit_later, .cache = cache};
    trap_set(&trap);
    CHECK_OK(gyre_scan(cache, count_it, cache));
    trap_clear(&trap);
    CHECK_EQ(move.steps, 12);
    gyre_close(cache);
}

#else

TEST(instants, need_points)
{
    CHECK(put_bytes(NULL, "key", 1, 1) == GYRE_EINVAL);
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Small steps of a sweep go on in an arena without a claim (sweep 9). A process stops at one access to shared memory after the
 * other of such a step, and others sweep the arena to its end, and use it anew; then it goes on, given up or not. Or it dies
 * there. */

#include <pthread.h>

#include "hand.h"
#include "members.h"

#if defined(GY_POINTS) && !defined(GY_TSAN) /* one thread at a time does all of it, one access after the other */

#include "expel.h"

enum {
    SIZE = 200, KEYS = 8192,
    ALL = 6000,                          /* entries: more than there is room for */
    STEPS = 3, STEPS_MOST = 100, TRIES = 4, ACCESSES = 200,
    REFS = 256,                          /* more than an arena has entries */
};

/* Who steps, and the one that uses its arena anew. */
static struct {
    struct shared s;
    gyre *theirs, *ours;
    unsigned n_put, put[KEYS]; /* the number of the last put of a key; 0: none */
} pair;

static struct {
    uint64_t n, at, then; /* accesses; then: where it stops once more, from the first; 0: nowhere */
    bool expels;
    uint32_t arena;       /* in which it goes on */
    uint64_t life, word;  /* of it: when the others began, and when they were done */
    struct {
        gy_atomic_u64 *slot;
        uint64_t word;
    } ref[REFS];          /* what referred into it then */
    unsigned n_refs, stopped, anew;
    uint64_t unsaid;      /* arenas that are free, and not said to be */
} stop;

static void
put_some(unsigned n)
{
    for (; n > 0; n--) {
        unsigned k = pair.n_put++ % KEYS;
        pair.put[k] = pair.n_put;
        CHECK_OK(put_bytes(pair.ours, key_of(k).text, SIZE, pair.n_put));
        for (unsigned hits = k % 2 * 3; hits > 0; hits--)
            CHECK(has_bytes(pair.ours, key_of(k).text, SIZE, pair.n_put));
    }
}

static void
open_pair(void)
{
    gyre_options o = api_options(1 << 20, 0);
    o.expected_entry_bytes = 200;
    pair.s = shared_create_with(&o, false);
    pair.ours = shared_open(&pair.s, GYRE_NO_THREAD);
    pair.theirs = shared_open(&pair.s, GYRE_NO_THREAD);
    CHECK_MSG(pair.ours->g.n_arenas >= 64 && pair.ours->g.n_arenas < 512, "%u arenas", pair.ours->g.n_arenas);
    pair.n_put = 0, memset(pair.put, 0, sizeof pair.put);
    put_some(ALL);
    room_teach(pair.ours);
}

/* What is there is what was put last. */
static void
expect_right(void)
{
    char buffer[SIZE];
    size_t size;
    unsigned n = 0;
    for (unsigned k = 0; k < KEYS; k++)
        if (gyre_read(pair.ours, key_of(k).text, 16, buffer, SIZE, &size) == GYRE_OK) {
            CHECK_MSG(size == SIZE && bytes_are(buffer, SIZE, pair.put[k]), "key %u, at %llu", k, (unsigned long long)stop.at);
            n++;
        }
    CHECK(n > ALL / 4);
}

static void
close_pair(void)
{
    gyre_close(pair.theirs);
    expect_right();
    shared_expect_alone(pair.ours);
    gyre_close(pair.ours);
    close(pair.s.file);
}

/* So few arenas are free, soon ones, too, that puts sweep a little; and as many as there are. */
static void
say_few_are_free(void)
{
    gyre *cache = pair.ours;
    gy_arena_free_retired(cache);
    uint64_t few = cache->g.reserve_arenas + cache->g.n_arenas / 64, before = gy_load_seq(&cache->super->n_free);
    gy_store_seq(&cache->super->n_free, few);
    stop.unsaid = before - few;
}

static void
say_what_is_free(void)
{
    gy_add_seq(&pair.ours->super->n_free, stop.unsaid);
    stop.unsaid = 0;
}

static void
step(void (*hook)(const char *file, int line, const volatile void *address))
{
    struct gy_record *r = room_record(pair.theirs);
    say_few_are_free();
    gy_point_hook = hook;
    gy_sweep_help(pair.theirs, r, 1, true);
    gy_point_hook = NULL;
    say_what_is_free();
}

static void
look_where(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line;
    gy_point_hook = NULL;
    const gy_atomic_u64 *pin = &room_record(pair.theirs)->pin[GY_PIN_SWEEP];
    uint64_t word = gy_load_seq(pin);
    if (address == pin && word != 0) /* it is about to be cleared */
        stop.arena = gy_pin_arena(word);
    gy_point_hook = look_where;
}

/* Steps until one arena is parked and goes on. */
static void
begin_stretch(void)
{
    uint32_t before = UINT32_MAX;
    for (unsigned goes_on = 0; goes_on < 2; before = stop.arena) {
        step(look_where);
        goes_on = before == stop.arena && room_state(pair.ours, stop.arena) == GY_PARKED ? goes_on + 1 : 0;
    }
}

static uint64_t
life_of(uint32_t arena)
{
    return gy_arena_sequence(gy_load_seq(&pair.ours->words[arena]));
}

static void
sweep_it(void)
{
    say_few_are_free();
    for (unsigned i = 0; i < 2 * pair.ours->g.n_arenas && room_state(pair.ours, stop.arena) == GY_PARKED; i++)
        gy_sweep_bytes(pair.ours, room_record(pair.ours), pair.ours->arena_bytes);
    say_what_is_free();
    gy_arena_free_retired(pair.ours);
}

static void
note_refs(void)
{
    stop.n_refs = 0;
    for (unsigned shard = 0; shard < pair.ours->g.n_shards; shard++)
        for (uint64_t i = 0; i < room_slots(pair.ours, shard); i++) {
            gy_atomic_u64 *slot = room_slot(pair.ours, shard, i);
            uint64_t word = gy_load_acq(slot);
            if (word == GY_EMPTY || gy_ref_arena(pair.ours, gy_slot_ref(word)) != stop.arena)
                continue;
            CHECK(stop.n_refs < REFS);
            stop.ref[stop.n_refs].slot = slot, stop.ref[stop.n_refs++].word = word;
        }
}

/* As if it were free after 255 more lives: the next one's headers say what this one's do. */
static void
let_generation_come_again(void)
{
    gy_atomic_u64 *at = &pair.ours->words[stop.arena];
    uint64_t word = gy_load_seq(at);
    if (gy_arena_state(word) == GY_FREE)
        gy_store_seq(at, gy_arena_word(GY_FREE, gy_arena_ring(word), gy_arena_lane(word), gy_arena_generation(word) - 1u,
                                       gy_arena_sequence(word)));
}

static void
use_it_anew(void)
{
    let_generation_come_again();
    for (unsigned i = 0; i < ALL && (life_of(stop.arena) == stop.life || room_state(pair.ours, stop.arena) != GY_SEALED); i++)
        put_some(1);
    stop.anew += life_of(stop.arena) != stop.life;
    stop.word = gy_load_seq(&pair.ours->words[stop.arena]);
    note_refs();
}

/* By another thread: this one's steps are its own. */
static void *
go_on(void *arg)
{
    say_what_is_free();
    if (stop.stopped == 1) {
        stop.life = life_of(stop.arena);
        if (stop.expels) {
            uint32_t place = gy_member_place(pair.theirs->member);
            CHECK_OK(gy_expel(pair.ours, place, gy_load_acq(&pair.ours->members[place].word)));
        }
        sweep_it();
    }
    if (stop.stopped == 2 || stop.then == 0)
        use_it_anew();
    return arg;
}

static void
stop_there(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line, (void)address;
    stop.n++;
    if (stop.n != stop.at && (stop.then == 0 || stop.n != stop.at + stop.then))
        return;
    gy_point_hook = NULL;
    stop.stopped++;
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, go_on, NULL), 0);
    pthread_join(thread, NULL);
    gy_point_hook = stop_there;
}

/* Of what is in the arena by now nothing was evicted or moved, unless it has claimed it for another step, as anybody may. */
static void
expect_untouched(void)
{
    if (gy_load_seq(&pair.ours->words[stop.arena]) == stop.word)
        for (unsigned i = 0; i < stop.n_refs; i++)
            CHECK_MSG(gy_load_seq(stop.ref[i].slot) == stop.ref[i].word, "at %llu, %llu", (unsigned long long)stop.at,
                      (unsigned long long)stop.then);
}

/* False: there are no such accesses in so many steps. */
static bool
stop_once(uint64_t at, uint64_t then, unsigned steps)
{
    begin_stretch();
    stop.n = 0, stop.at = at, stop.then = then, stop.stopped = 0;
    for (unsigned i = 0; i < steps && stop.stopped < 1; i++)
        step(stop_there);
    if (stop.stopped < (then ? 2 : 1))
        return false;
    expect_untouched();
    return true;
}

/* The same of any steps: what has gone takes fewer. */
static bool
stop_at(uint64_t at, uint64_t then, unsigned steps)
{
    for (unsigned tries = 0; tries < TRIES; tries++)
        if (stop_once(at, then, steps))
            return true;
    return false;
}

TEST(stretch_points, the_arena_is_used_anew)
{
    open_pair();
    stop.expels = false, stop.anew = 0;
    uint64_t at = 1;
    for (; stop_at(at, 0, STEPS); at++)
        expect_right();
    CHECK(at > ACCESSES && stop.anew > 0 && stop.anew < at);
    close_pair();
}

TEST(stretch_points, it_is_freed_and_then_used_anew)
{
    open_pair();
    stop.expels = false, stop.anew = 0;
    uint64_t n = 0;
    for (uint64_t at = 1; stop_at(at, 1, 1); at++)
        for (uint64_t then = 2; stop_at(at, then, 1); then++)
            n++;
    CHECK(n > ACCESSES && stop.anew > n / 8);
    close_pair();
}

static uint64_t
swept(void)
{
    struct gy_record *r = room_record(pair.theirs);
    return gy_load_seq(&r->count.removed[GYRE_CAPACITY]) + gy_load_seq(&r->count.copied_entries);
}

TEST(stretch_points, given_up_meanwhile)
{
    open_pair();
    stop.expels = true, stop.anew = 0;
    uint64_t at = 1;
    for (; stop_at(at, 0, STEPS); at++) {
        uint64_t did = swept();
        for (unsigned i = 0; i < STEPS; i++)
            step(NULL);
        CHECK_EQ(swept(), did);
        expect_untouched();
        gyre_close(pair.theirs);
        expect_right();
        shared_expect_alone(pair.ours);
        pair.theirs = shared_open(&pair.s, GYRE_NO_THREAD);
    }
    CHECK(at > ACCESSES && stop.anew > 0 && stop.anew < at);
    close_pair();
}

static void
die_there(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line, (void)address;
    if (++stop.n == stop.at)
        kill(getpid(), SIGKILL);
}

static void
die(void *arg, struct shared_child *self)
{
    int result;
    (void)arg, (void)self;
    pair.theirs = shared_try_open(&pair.s, GYRE_NO_THREAD, &result);
    if (pair.theirs == NULL)
        _exit(1);
    pair.ours = pair.theirs; /* the parent's is not for this process */
    begin_stretch();
    stop.n = 0;
    for (unsigned i = 0; i < STEPS_MOST; i++) /* what has gone takes fewer accesses */
        step(die_there);
    _exit(1);
}

TEST(stretch_points, it_dies_there)
{
    open_pair();
    gyre_close(pair.theirs);
    for (stop.at = 1; stop.at < 2 * ACCESSES; stop.at += 3) {
        struct shared_child c = shared_fork(die, NULL);
        CHECK(WIFSIGNALED(shared_wait(&c)));
        shared_expect_alone(pair.ours);
        put_some(ALL / 8);
        expect_right();
    }
    put_some(ALL);
    pair.theirs = shared_open(&pair.s, GYRE_NO_THREAD);
    close_pair();
}

#else
TEST(stretch_points, need_builds_with_points) {}
#endif

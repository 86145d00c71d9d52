/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Several processes in one cache, of which some die, fork, or leave. */

#include "members.h"

#include <pthread.h>

#include "clear.h"
#include "maintain.h"
#include "recount.h"
#include "trap.h"

TEST(members, another_process_finds_what_one_has_put)
{
    struct shared s;
    gyre *cache = shared_full(&s);
    struct shared_child c = shared_fork(shared_use, &s);
    CHECK_EQ(shared_wait(&c), 0);
    shared_expect_all(cache);
    shared_expect_alone(cache); /* it has left nothing */
    gyre_close(cache);
}

/* ---- death ---- */

static void
hold_views(void *arg, struct shared_child *self)
{
    int result;
    gyre *cache = shared_try_open(arg, GYRE_NO_THREAD, &result);
    gyre_view view[40];
    for (unsigned i = 0; i < 40; i++)
        if (gyre_get(cache, key_of(i).text, strlen(key_of(i).text), &view[i]) != GYRE_OK)
            _exit(1);
    shared_say_ready(self);
    shared_hold(self);
}

TEST(members, the_pins_of_the_dead_go)
{
    struct shared s;
    gyre *cache = shared_full(&s);
    struct shared_child c = shared_fork(hold_views, &s);
    shared_await(&c);
    CHECK(api_stats(cache).pinned_bytes > 0);
    gy_reap_now(cache);
    CHECK(api_stats(cache).pinned_bytes > 0); /* it lives */
    CHECK_EQ(api_stats(cache).oldest_pin_pid, c.pid);
    CHECK_EQ(api_stats(cache).oldest_pin_tid, c.pid);
    CHECK_EQ(shared_members(cache), 2);
    shared_kill(&c);
    gy_reap_now(cache);
    CHECK_EQ(api_stats(cache).pinned_bytes, 0);
    shared_expect_alone(cache);
    shared_expect_all(cache);
    gyre_close(cache);
}

/* All arenas pinned by the dead: a put finds out by itself. */
TEST(members, a_put_that_needs_room_finds_the_dead)
{
    struct shared s;
    gyre *cache = shared_full(&s);
    struct shared_child c = shared_fork(hold_views, &s);
    shared_await(&c);
    struct gy_record *dead = NULL;
    for (uint32_t i = 0; i < cache->g.n_records; i++)
        if (gy_load_seq(&cache->records[i].owner) >> 32 != cache->member && gy_load_seq(&cache->records[i].owner) != 0)
            dead = &cache->records[i];
    CHECK(dead != NULL && cache->g.n_arenas >= GY_PINS);
    uint32_t n = 0;
    for (uint32_t i = 0; i < cache->g.n_records && n < cache->g.n_arenas; i++) {
        struct gy_record *r = &cache->records[i];
        uint64_t nobody = gy_load_seq(&r->owner), owner = gy_load_seq(&dead->owner);
        if (nobody >> 32 == cache->member)
            continue;
        gy_store_seq(&r->owner, owner);
        for (unsigned p = GY_PIN_VIEWS; p < GY_PINS && n < cache->g.n_arenas; p++)
            gy_store_seq(&r->pin[p], gy_pin_word(cache, n++, GY_PIN_READ));
        if (gy_load_seq(&cache->super->n_records_used) <= i)
            gy_store_seq(&cache->super->n_records_used, i + 1);
    }
    shared_kill(&c);
    for (unsigned i = 0; i < 3000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 1000, i));
    shared_expect_alone(cache);
    gyre_close(cache);
}

static void
stay_in_a_section(void *arg, struct shared_child *self)
{
    int result;
    gyre *cache = shared_try_open(arg, GYRE_NO_THREAD, &result);
    cache->rcu->enter(cache, room_record(cache));
    shared_say_ready(self);
    shared_hold(self);
}

TEST(members, a_grace_period_survives_the_death_of_a_section)
{
    struct shared s = shared_create(1 << 20);
    gyre *cache = shared_open(&s, GYRE_NO_THREAD);
    struct shared_child c = shared_fork(stay_in_a_section, &s);
    shared_await(&c);
    uint64_t cookie = cache->rcu->start(cache);
    for (unsigned i = 0; i < 50; i++) {
        CHECK(!cache->rcu->poll(cache, cookie));
        api_pause();
    }
    shared_kill(&c);
    bool elapsed = false;
    for (unsigned n = 0; n < API_PAUSES_MOST && !elapsed; n++) {
        elapsed = cache->rcu->poll(cache, cookie); /* nothing but polls: who waits proves the death */
        api_pause();
    }
    CHECK(elapsed);
    shared_expect_alone(cache);
    gyre_close(cache);
}

/* A dead member in the middle of something, made by hand: one that is joined and has a record. */
static void
be_member(void *arg, struct shared_child *self)
{
    int result;
    gyre *cache = shared_try_open(arg, GYRE_NO_THREAD, &result);
    if (cache == NULL || !has_bytes(cache, key_of(0).text, SHARED_SIZE, 0))
        _exit(1);
    shared_say_ready(self);
    shared_hold(self);
}

struct stage {
    struct shared s;
    gyre *cache;
    struct shared_child c;
    struct gy_record *theirs;
    uint64_t owner;
};

static struct stage
stage(uint64_t max_entries)
{
    gyre_options o = api_options(1 << 20, 0);
    o.max_entries = max_entries;
    struct stage t = {.s = shared_create_with(&o, false)};
    t.cache = shared_open(&t.s, GYRE_NO_THREAD);
    shared_put_all(t.cache);
    t.c = shared_fork(be_member, &t.s);
    shared_await(&t.c);
    for (uint32_t i = 0; i < t.cache->g.n_records; i++) {
        uint64_t owner = gy_load_seq(&t.cache->records[i].owner);
        if (owner != 0 && owner >> 32 != t.cache->member)
            t.theirs = &t.cache->records[i], t.owner = owner;
    }
    CHECK(t.theirs != NULL);
    return t;
}

static void
strike(struct stage *t)
{
    shared_kill(&t->c);
    shared_expect_alone(t->cache);
    shared_put_all(t->cache);
    shared_expect_all(t->cache);
    gyre_close(t->cache);
}

TEST(members, an_arena_in_which_the_dead_reserved_is_marked)
{
    struct stage t = stage(0);
    uint32_t arena = room_arena_of(t.cache, key_of(0).text);
    gy_store_seq(&t.theirs->pin[GY_PIN_PUT], gy_pin_word(t.cache, arena, GY_PIN_RESERVING));
    shared_kill(&t.c);
    gy_reap_now(t.cache);
    CHECK_EQ(gy_load_seq(&t.cache->books[arena].holed), 1);
    CHECK_EQ(gy_load_seq(&t.theirs->pin[GY_PIN_PUT]), 0);
    shared_expect_alone(t.cache);
    shared_expect_all(t.cache);
    gyre_close(t.cache);
}

/* It was displacing a word: one stands in the other bucket, and the entry says meanwhile that it has gone. */
TEST(members, what_the_dead_moved_is_looked_for_in_the_whole_index)
{
    struct stage t = stage(0);
    struct api_key key = key_of(0);
    struct gy_window w;
    gy_index_window(t.cache, room_hash(t.cache, key.text), &w);
    bool in_first = false;
    gy_atomic_u64 *image = NULL;
    for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
        in_first |= gy_load_seq(&w.bucket[0]->slot[s]) == room_word(t.cache, key.text);
        image = gy_load_seq(&w.bucket[1]->slot[s]) == GY_EMPTY ? &w.bucket[1]->slot[s] : image;
    }
    CHECK(in_first && image != NULL);
    uint32_t arena = room_arena_of(t.cache, key.text);
    gy_store_seq(&t.theirs->pin[GY_PIN_MOVE], gy_pin_word(t.cache, arena, GY_PIN_READ));
    gy_store_seq(image, room_word(t.cache, key.text) | GY_T);
    CHECK_OK(put_bytes(t.cache, key.text, SHARED_SIZE, 7));
    shared_kill(&t.c);
    gy_reap_now(t.cache);
    room_seal_all(t.cache);
    for (unsigned n = 0; n < t.cache->g.n_arenas && room_state(t.cache, arena) == GY_SEALED; n++)
        CHECK(room_sweep(t.cache, t.cache->arena_bytes));
    CHECK(room_state(t.cache, arena) != GY_SEALED);
    CHECK_EQ(room_refs_into(t.cache, arena), 0);
    shared_expect_alone(t.cache);
    gyre_close(t.cache);
}

TEST(members, an_arena_that_the_dead_swept_is_swept_again)
{
    struct stage t = stage(0);
    uint32_t arena = room_arena_of(t.cache, key_of(0).text);
    room_seal_all(t.cache);
    uint64_t word = gy_load_seq(&t.cache->words[arena]);
    gy_store_seq(&t.cache->words[arena], gy_arena_swept_by(word, (unsigned)(t.owner >> 32) & 0xffff));
    /* A writer of ours published late: it may yet bring in a ref. */
    gy_atomic_u64 *pin = &room_record(t.cache)->pin[GY_PIN_PUT];
    gy_store_seq(pin, gy_pin_word(t.cache, arena, GY_PIN_FILLING));
    gy_reap_now(t.cache);
    CHECK_EQ(room_state(t.cache, arena), GY_SWEEPING); /* its sweeper lives */
    shared_kill(&t.c);
    gy_reap_now(t.cache);
    CHECK_EQ(room_state(t.cache, arena), GY_PARKED);
    uint64_t progress = gy_load_seq(&t.cache->books[arena].progress);
    CHECK(progress & GY_PROGRESS_LATE);
    CHECK_EQ(gy_progress_taken(progress), 0);
    gy_pin_clear(pin);
    CHECK(room_sweep(t.cache, t.cache->arena_bytes));
    CHECK(room_state(t.cache, arena) == GY_FREE || room_state(t.cache, arena) == GY_RETIRED);
    shared_settle(t.cache);
    gyre_close(t.cache);
}

TEST(members, an_arena_that_a_living_one_sweeps_is_left_alone)
{
    struct stage t = stage(0);
    uint32_t arena = room_arena_of(t.cache, key_of(0).text);
    room_seal_all(t.cache);
    uint64_t word = gy_load_seq(&t.cache->words[arena]);
    gy_store_seq(&t.cache->words[arena], gy_arena_swept_by(word, gy_member_number(t.cache)));
    shared_kill(&t.c);
    gy_reap_now(t.cache);
    CHECK_EQ(room_state(t.cache, arena), GY_SWEEPING);
    gy_store_seq(&t.cache->words[arena], word);
    shared_expect_alone(t.cache);
    gyre_close(t.cache);
}

TEST(members, an_arena_that_the_dead_opened_goes_back_or_on)
{
    for (int shown = 0; shown < 2; shown++) {
        struct stage t = stage(0);
        uint32_t arena = t.cache->g.n_arenas - 1;
        CHECK_EQ(room_state(t.cache, arena), GY_FREE);
        uint64_t sequence = gy_add_seq(&t.cache->super->sequence, 1), open = gy_open_word(arena, sequence);
        gy_store_seq(&t.theirs->arena_changes, shown ? 2 : 1);
        gy_store_seq(&t.theirs->opening, open);
        gy_sub_rlx(&t.cache->super->n_free, 1);
        gy_store_seq(&t.cache->words[arena], gy_arena_word(GY_OPENING, GY_MAIN, 0, 7, sequence));
        if (shown) {
            gy_arena_seal(t.cache, 0, GY_MAIN); /* what stood there */
            gy_store_seq(&t.cache->lanes[0].open[GY_MAIN], open);
        }
        shared_kill(&t.c);
        gy_reap_now(t.cache);
        CHECK_EQ(room_state(t.cache, arena), shown ? GY_OPEN : GY_FREE);
        shared_expect_alone(t.cache);
        gyre_close(t.cache);
    }
}

/* It had counted a free arena out and not taken it; or freed one and not counted it in. */
TEST(members, free_arenas_are_counted_anew)
{
    for (int more = -1; more <= 1; more++) {
        struct stage t = stage(0);
        gy_add_rlx(&t.cache->super->n_free, (uint64_t)(int64_t)more);
        gy_add_rlx(&t.cache->super->index_credit, 1000);
        gy_add_rlx(&t.cache->super->shard[0].n_committed, (uint64_t)(int64_t)(5 * more));
        strike(&t);
    }
}

TEST(members, entries_are_counted_anew)
{
    struct stage t = stage(1000);
    gy_add_rlx(&t.cache->super->n_entries[GY_MAIN], 17);
    gy_sub_rlx(&t.cache->super->n_entries[GY_PROBATION], 3);
    strike(&t);
}

/* While another is in the middle of a change nothing can be told: it is counted later. */
TEST(members, no_count_is_corrected_in_the_middle_of_a_change)
{
    struct stage t = stage(0);
    struct gy_record *mine = room_record(t.cache);
    uint64_t n_free = gy_load_seq(&t.cache->super->n_free), n = gy_load_seq(&t.cache->super->shard[0].n_committed);
    gy_add_seq(&mine->arena_changes, 1); /* a thread of ours stands between count and claim */
    gy_sub_rlx(&t.cache->super->n_free, 1);
    t.cache->rcu->enter(t.cache, mine);
    gy_add_rlx(&t.cache->super->shard[0].n_committed, 1);
    shared_kill(&t.c);
    gy_reap_now(t.cache);
    gy_recount(t.cache);
    CHECK_EQ(gy_load_seq(&t.cache->super->n_free), n_free - 1);
    CHECK_EQ(gy_load_seq(&t.cache->super->shard[0].n_committed), n + 1);
    CHECK_EQ(gy_load_seq(&t.cache->super->recount), 1);
    gy_add_rlx(&t.cache->super->n_free, 1);
    gy_sub_rlx(&t.cache->super->shard[0].n_committed, 1);
    gy_add_seq(&mine->arena_changes, 1);
    t.cache->rcu->exit(t.cache, mine);
    shared_expect_alone(t.cache);
    gyre_close(t.cache);
}

TEST(members, drivers_that_died_are_released)
{
    struct stage t = stage(0);
    struct gy_shard *shard = &t.cache->super->shard[0];
    gy_store_seq(&shard->driver, t.owner);
    gy_store_seq(&t.cache->super->maintainer, t.owner);
    CHECK_EQ(gy_maintainer_begin(t.cache), GY_MAINTAINER_OTHER);
    shared_kill(&t.c);
    gy_reap_now(t.cache);
    CHECK_EQ(gy_load_seq(&shard->driver), 0);
    CHECK_EQ(gy_maintainer_begin(t.cache), GY_MAINTAINER_NOW);
    CHECK_EQ(gy_maintainer_begin(t.cache), GY_MAINTAINER_ALREADY);
    gy_maintainer_end(t.cache);
    shared_expect_alone(t.cache);
    shared_expect_all(t.cache);
    gyre_close(t.cache);
}

TEST(members, drivers_that_live_stay)
{
    struct stage t = stage(0);
    struct gy_shard *shard = &t.cache->super->shard[0];
    CHECK(gy_grow_drive(t.cache, shard));
    CHECK_EQ(gy_maintainer_begin(t.cache), GY_MAINTAINER_NOW);
    shared_kill(&t.c);
    gy_reap_now(t.cache);
    CHECK_EQ(gy_load_seq(&shard->driver) >> 32, t.cache->member);
    CHECK_EQ(gy_maintainer_begin(t.cache), GY_MAINTAINER_ALREADY);
    gy_maintainer_end(t.cache);
    gy_grow_undrive(t.cache, shard);
    shared_expect_alone(t.cache);
    gyre_close(t.cache);
}

static void
be_maintainer(void *arg, struct shared_child *self)
{
    int result;
    gyre *cache = shared_try_open(arg, 0, &result);
    while (gy_load_seq(&cache->super->maintainer) >> 32 != cache->member)
        api_pause();
    shared_say_ready(self);
    shared_hold(self);
}

static void
be_maintainer_later(void *arg, struct shared_child *self)
{
    char word;
    while (read(self->hold[0], &word, 1) < 0)
        ;
    be_maintainer(arg, self);
}

/* The role goes from the dead to a living one's thread by itself, and from one that closes. All children are born while
 * this process has no thread: those of ThreadSanitizer may have none otherwise. */
TEST(members, another_becomes_the_maintainer)
{
    struct shared s = shared_create(1 << 20);
    struct shared_child first = shared_fork(be_maintainer, &s), second = shared_fork(be_maintainer_later, &s);
    shared_await(&first);
    gyre *cache = shared_open(&s, 0);
    uint64_t holder = gy_load_seq(&cache->super->maintainer);
    CHECK(holder != 0 && holder >> 32 != cache->member);
    shared_kill(&first);
    for (unsigned n = 0; n < API_PAUSES_MOST && gy_load_seq(&cache->super->maintainer) >> 32 != cache->member; n++)
        api_pause();
    CHECK_EQ(gy_load_seq(&cache->super->maintainer) >> 32, cache->member);
    CHECK_EQ(write(second.hold[1], "x", 1), 1);
    CHECK_OK(put_text(cache, "key", "value"));
    CHECK_OK(gyre_clear(cache)); /* it wakes its own thread, which carries it out */
    for (unsigned n = 0; n < API_PAUSES_MOST && gy_clear_pending(cache); n++)
        api_pause();
    CHECK(!gy_clear_pending(cache));
    gyre_close(cache);
    shared_await(&second);
    shared_kill(&second);
    close(s.file);
}

/* A mover has claimed buckets and died: a shard that grows comes to its end all the same, and loses none. */
TEST(members, growth_goes_on_when_a_mover_has_died)
{
    struct stage t = stage(0);
    struct gy_shard *shard = &t.cache->super->shard[0];
    struct gy_record *r = room_record(t.cache);
    gy_atomic_u64 *count = &shard->n_committed;
    uint64_t n = gy_load_seq(count), growths = api_stats(t.cache).growths;
    gy_store_seq(count, 1u << 20); /* as if it were full */
    for (unsigned i = 0; i < 1000 && gy_load_seq(&shard->cursor) >> 48 == 0; i++)
        gy_grow_step(t.cache, r, 0, true);
    gy_store_seq(count, n);
    uint64_t cursor = gy_load_seq(&shard->cursor);
    CHECK(cursor >> 48 != 0);
    gy_store_seq(&shard->cursor, cursor + 8); /* claimed by the one that dies */
    for (unsigned i = 0; i < 100000; i++)
        gy_grow_step(t.cache, r, 0, true);
    CHECK_EQ(api_stats(t.cache).growths, growths); /* it waits for the mover, who may be about to move */
    shared_kill(&t.c);
    gy_reap_now(t.cache);
    for (unsigned i = 0; i < 100000 && gy_grow_under_way(t.cache, 0); i++)
        gy_grow_step(t.cache, r, 0, true);
    CHECK_EQ(api_stats(t.cache).growths, growths + 1);
    shared_expect_all(t.cache);
    shared_expect_alone(t.cache);
    gyre_close(t.cache);
}

/* Who cleared up after another died in the middle: a third does it. */
TEST(members, a_reaper_may_die_too)
{
    struct stage t = stage(0);
    struct shared_child second = shared_fork(be_member, &t.s);
    shared_await(&second);
    uint32_t place = gy_member_place((uint32_t)(t.owner >> 32)), name = 0;
    for (uint32_t p = 0; p < t.cache->g.n_members; p++) {
        uint64_t word = gy_load_seq(&t.cache->members[p].word);
        if (gy_member_state(word) == GY_MEMBER_JOINED && p != place && p != gy_member_place(t.cache->member))
            name = gy_member_name(p, word);
    }
    CHECK(name != 0);
    uint64_t word = gy_load_seq(&t.cache->members[place].word);
    uint64_t leaving = gy_member_word(GY_MEMBER_LEAVING, gy_member_generation(word), name);
    gy_store_seq(&t.cache->members[place].word, leaving);
    shared_kill(&t.c);
    gy_reap_now(t.cache);
    CHECK_EQ(gy_load_seq(&t.cache->members[place].word), leaving); /* left to the other */
    shared_kill(&second);
    gy_reap_now(t.cache);
    gy_reap_now(t.cache);
    shared_expect_alone(t.cache);
    gyre_close(t.cache);
}

#ifdef GY_POINTS

/* Whenever the place of one who is being cleared up after is about to change. */
static void
expect_no_roles(struct trap *trap, const volatile void *address)
{
    gy_atomic_u64 *word = (gy_atomic_u64 *)(uintptr_t)address;
    if (gy_member_state(gy_load_seq(word)) != GY_MEMBER_LEAVING)
        return;
    CHECK_EQ(gy_load_seq(&trap->cache->super->shard[0].driver), 0);
    CHECK_EQ(gy_load_seq(&trap->cache->super->maintainer), 0);
    trap->word++;
}

/* For who is found dead in it once more finds all that is still to do. */
TEST(members, a_place_becomes_free_after_its_roles)
{
    struct stage t = stage(0);
    gy_store_seq(&t.cache->super->shard[0].driver, t.owner);
    gy_store_seq(&t.cache->super->maintainer, t.owner);
    shared_kill(&t.c);
    struct trap trap = {.file = "reap.c", .address = &t.cache->members[gy_member_place((uint32_t)(t.owner >> 32))].word,
                        .again = true, .action = expect_no_roles, .cache = t.cache};
    trap_set(&trap);
    gy_reap_now(t.cache);
    trap_clear(&trap);
    CHECK_EQ(trap.word, 1);
    shared_expect_alone(t.cache);
    gyre_close(t.cache);
}

#endif

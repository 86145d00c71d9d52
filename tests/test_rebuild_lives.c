/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file that is rebuilt in the background, by several processes and threads, over their lives and the machine's. */

#include <pthread.h>
#include <time.h>

#include "expel.h"
#include "rebuild_file.h"
#include "refill.h"

TEST(rebuild_lives, who_joins_meanwhile_is_served_and_may_change)
{
    make_full();
    gyre *first = open_unread(), *second = open_it(0);
    gyre_stats s = api_stats(second);
    CHECK(s.start == GYRE_START_WARM && s.recovering == 1);
    read_some(first, 3);
    CHECK_EQ(api_stats(second).recovered_entries, api_stats(first).entries);
    CHECK_OK(put_bytes(second, key_of(0).text, SIZE, NEW));
    gyre_delete(second, key_of(1).text, 16);
    gyre_delete(first, key_of(2).text, 16);
    gyre_options o = options(GYRE_READONLY);
    gyre *reader;
    CHECK_OK(gyre_open(&reader, &o));
    CHECK_EQ(api_stats(reader).recovering, 1);
    gyre_close(reader);
    read_some(first, 3);
    read_all(second);
    CHECK(has_bytes(first, key_of(0).text, SIZE, NEW) && count_missing(first, 1, 3) == 2);
    CHECK_EQ(count_found(first, 3, KEYS, 0), KEYS - 3);
    api_close(second);
    close_and_end(first);
}

/* Else what was removed before would come back when the machine stops after the next has opened it. */
TEST(rebuild_lives, who_closes_it_as_the_last_reads_the_rest)
{
    make_full();
    gyre *cache = open_unread(), *second = open_it(0);
    read_some(cache, 3);
    unsigned left = unread(cache);
    gyre_delete(cache, key_of(0).text, 16);
    CHECK_OK(put_bytes(cache, key_of(1).text, SIZE, NEW + 1));
    api_close(cache);
    CHECK_EQ(unread(second), left);
    api_close(second);
    CHECK(is_clean());
    for (unsigned turn = 0; turn < 2; turn++) {
        cache = open_it(0);
        gyre_stats s = api_stats(cache);
        CHECK(s.start == (turn ? GYRE_START_RECOVERED : GYRE_START_WARM) && s.recovering == 0);
        CHECK(is_missing(cache, key_of(0).text) && has_bytes(cache, key_of(1).text, SIZE, NEW + 1));
        CHECK_EQ(count_found(cache, 2, KEYS, 0), KEYS - 2);
        api_close(cache);
        crash(AT_ONCE_MS * 3600);
    }
    close_and_end(open_it(0));
}

TEST(rebuild_lives, a_sync_reads_the_rest)
{
    make_full();
    gyre *cache = open_unread();
    gyre_delete(cache, key_of(0).text, 16);
    CHECK_OK(gyre_sync(cache));
    CHECK_EQ(api_stats(cache).recovering, 0);
    CHECK_EQ(count_found(cache, 1, KEYS, 0), KEYS - 1);
    api_close(cache);
    crash(AT_ONCE_MS * 3600);
    cache = open_it(0);
    CHECK_EQ(count_found(cache, 1, KEYS, 0), KEYS - 1);
    CHECK(is_missing(cache, key_of(0).text));
    close_and_end(cache);
}

static int
change_and_die(void *arg)
{
    gyre *cache;
    gyre_options o = options(0);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    read_some(cache, 3);
    gyre_delete(cache, key_of(0).text, 16);
    EXPECT(2, put_bytes(cache, key_of(1).text, SIZE, NEW + 1) == GYRE_OK);
    (void)arg;
    return 0; /* with the cache open */
}

/* The machine stops again: nothing had been promised of what came since. */
TEST(rebuild_lives, another_stop_begins_it_anew)
{
    make_full();
    region_process(change_and_die, NULL);
    crash(0);
    gyre *cache = open_unread();
    read_all(cache);
    CHECK_EQ(count_found(cache, 2, KEYS, 0), KEYS - 2);
    close_and_end(cache);
}

TEST(rebuild_lives, who_is_killed_leaves_the_rest_to_the_next)
{
    make_full();
    region_process(change_and_die, NULL);
    gyre *cache = open_it(0);
    gyre_stats s = api_stats(cache);
    CHECK(s.start == GYRE_START_WARM && s.recovering == 1 && s.entries > 0 && s.entries < KEYS);
    CHECK(has_bytes(cache, key_of(1).text, SIZE, NEW + 1));
    read_all(cache);
    CHECK(is_missing(cache, key_of(0).text) && has_bytes(cache, key_of(1).text, SIZE, NEW + 1));
    CHECK_EQ(count_found(cache, 2, KEYS, 0), KEYS - 2);
    close_and_end(cache);
}

/* In the middle of an arena: some of its words are committed, one is tentative, one is in the next one's way. */
static int
read_half_and_die(void *arg)
{
    gyre *cache;
    gyre_options o = options(0);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    uint32_t a = 0, most = 0;
    for (; a < cache->g.n_arenas; a++) { /* the newest */
        uint64_t word = gy_load_acq(&cache->words[a]), best = gy_load_acq(&cache->words[most]);
        if (gy_arena_unread(word) && (!gy_arena_unread(best) || gy_arena_sequence(word) > gy_arena_sequence(best)))
            most = a;
    }
    uint64_t offset = gy_arena_offset(cache, most), word = gy_load_acq(&cache->words[most]);
    struct gy_header h = gy_entry_header(cache->region.base + offset);
    word = gy_arena_in_lane(word, gy_member_number(cache)) | (uint64_t)h.generation << 16;
    gy_store_seq(&cache->words[most], word);
    for (unsigned n = 0; n < 20; n++) {
        h = gy_entry_header(cache->region.base + offset);
        if (h.key_bytes == 0)
            break;
        uint64_t hash = gy_hash(gy_entry_key(cache->region.base + offset, h), h.key_bytes, cache->seed);
        struct gy_window w;
        gy_index_window(cache, hash, &w);
        gy_store_seq(&w.bucket[1]->slot[__builtin_ctz(gy_find_empty(w.bucket[1]))],
                     gy_slot_word(hash, 0, offset >> 3) | (n % 2 ? GY_T : 0));
        offset += gy_entry_room(cache, offset, h);
    }
    (void)arg;
    return 0;
}

TEST(rebuild_lives, an_arena_whose_reader_died_is_read_once_more)
{
    make_full();
    region_process(read_half_and_die, NULL);
    gyre *cache = open_it(0);
    CHECK_EQ(api_stats(cache).recovering, 1);
    gy_store_seq(&cache->super->recount, 1); /* what it had put in is not counted: nor would it be of who died there */
    read_some(cache, STEPS_MOST);
    CHECK_EQ(unread(cache), 0);
    CHECK_EQ(count_found(cache, 0, KEYS, 0), KEYS);
    for (unsigned n = 0; n < STEPS_MOST && gy_load_seq(&cache->super->recount) != 0; n++)
        gyre_maintain(cache, 0), api_pause();
    CHECK_EQ(api_stats(cache).entries, KEYS);
    CHECK_EQ(count_found(cache, 0, KEYS, 0), KEYS);
    close_and_end(cache);
}

TEST(rebuild_lives, what_the_dead_were_reading_is_given_to_who_lives)
{
    make_full();
    gyre *cache = open_unread();
    region_process(read_half_and_die, NULL);
    CHECK_OK(gyre_sync(cache));
    CHECK(unread(cache) == 0 && api_stats(cache).recovering == 0);
    CHECK_EQ(count_found(cache, 0, KEYS, 0), KEYS);
    gy_store_seq(&cache->super->recount, 1); /* as above */
    for (unsigned n = 0; n < STEPS_MOST && gy_load_seq(&cache->super->recount) != 0; n++)
        gyre_maintain(cache, 0), api_pause();
    close_and_end(cache);
}

/* Damaged: no member has that place. */
static int
read_as_nobody_and_die(void *arg)
{
    gyre *cache;
    gyre_options o = options(0);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_acq(&cache->words[a]);
        if (gy_arena_unread(word))
            gy_store_seq(&cache->words[a], gy_arena_in_lane(word, GY_LANE_UNREAD ^ 1024));
    }
    (void)arg;
    return 0;
}

TEST(rebuild_lives, an_arena_that_nobody_reads_is_read)
{
    make_full();
    region_process(read_as_nobody_and_die, NULL);
    gyre *cache = open_it(0);
    CHECK_OK(gyre_sync(cache));
    CHECK_EQ(count_found(cache, 0, KEYS, 0), KEYS);
    close_and_end(cache);
}

/* Who closed it as the last was no member any more, and died over the rest: nobody is left to be counted after. */
static int
leave_and_die(void *arg)
{
    gyre *cache;
    gyre_options o = options(0);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    read_some(cache, 3);
    for (unsigned n = 0; n < cache->g.n_shards; n++)
        gy_store_seq(&cache->super->shard[n].n_committed, 0);
    gy_member_leave(cache);
    gy_store_seq(&cache->super->recount, 0);
    (void)arg;
    return 0;
}

TEST(rebuild_lives, what_who_closed_it_read_is_counted)
{
    make_full();
    region_process(leave_and_die, NULL);
    gyre *cache = open_it(0);
    read_some(cache, STEPS_MOST);
    for (unsigned n = 0; n < STEPS_MOST && gy_load_seq(&cache->super->recount) != 0; n++)
        gyre_maintain(cache, 0), api_pause();
    CHECK_EQ(api_stats(cache).entries, KEYS);
    close_and_end(cache);
}

/* Two members; the first has claimed an arena, and stands in the middle of it. */
struct at_it {
    gyre *theirs, *ours;
    struct gy_record *r;
    uint32_t arena;
    uint64_t word;
    gy_atomic_u64 *placed; /* the tentative word of its first entry */
    unsigned entries;      /* in it */
};

static struct at_it
one_reads(void)
{
    make_full();
    struct at_it at = {.theirs = open_unread(), .ours = open_it(0)};
    gyre *c = at.theirs;
    at.r = room_record(c);
    while (!gy_arena_unread(gy_load_acq(&c->words[at.arena])))
        at.arena++;
    uint64_t first = gy_arena_offset(c, at.arena), offset = first;
    struct gy_header h = gy_entry_header(c->region.base + offset);
    at.word = gy_arena_in_lane(gy_load_acq(&c->words[at.arena]), gy_member_number(c));
    at.word = (at.word & ~((uint64_t)UINT8_MAX << 16)) | (uint64_t)h.generation << 16;
    gy_store_seq(&c->words[at.arena], at.word);
    gy_store_seq(&at.r->pin[GY_PIN_PUT], gy_pin_word(c, at.arena, GY_PIN_FILLING));
    uint64_t hash = gy_hash(gy_entry_key(c->region.base + offset, h), h.key_bytes, c->seed);
    struct gy_window w;
    gy_index_window(c, hash, &w);
    at.placed = &w.bucket[1]->slot[__builtin_ctz(gy_find_empty(w.bucket[1]))];
    gy_store_seq(at.placed, gy_slot_word(hash, 0, offset >> 3) | GY_T);
    while (offset - first < c->arena_bytes && (h = gy_entry_header(c->region.base + offset)).key_bytes != 0)
        at.entries++, offset += gy_entry_room(c, offset, h);
    return at;
}

static void
expel(const struct at_it *at)
{
    uint32_t place = gy_member_place(at->theirs->member);
    CHECK_OK(gy_expel(at->ours, place, gy_load_acq(&at->ours->members[place].word)));
    CHECK_EQ(gy_arena_lane(gy_load_acq(&at->ours->words[at->arena])), GY_LANE_HALF);
}

/* It may have looked already whether it may commit the word: so nobody places the same word again. */
TEST(rebuild_lives, beside_an_expelled_reader_nothing_comes_in)
{
    struct at_it at = one_reads();
    expel(&at);
    read_some(at.ours, STEPS_MOST);
    CHECK_EQ(unread(at.ours), 0);
    CHECK_EQ(gy_load_acq(at.placed), GY_EMPTY);
    CHECK(at.entries > 10);
    CHECK_EQ(api_stats(at.ours).dropped[GYRE_DROP_NO_ROOM], at.entries);
    CHECK_EQ(count_found(at.ours, 0, KEYS, 0), KEYS - at.entries);
    gy_pin_clear(&at.r->pin[GY_PIN_PUT]);
    api_close(at.theirs);
    close_and_end(at.ours);
}

/* It was stopped before its pin: the arena may be used for something else by now. */
TEST(rebuild_lives, an_expelled_reader_leaves_what_is_no_more_its_own)
{
    struct at_it at = one_reads();
    gy_pin_clear(&at.r->pin[GY_PIN_PUT]);
    expel(&at);
    struct gy_book *book = &at.ours->books[at.arena];
    gy_store_rlx(&book->dead, 8);
    struct gy_refill f;
    gy_refill_begin(&f, at.theirs, at.r, NULL);
    gy_refill_arena(&f, at.arena, at.word, false);
    CHECK(f.stopped && gy_load_rlx(&book->dead) == 8 && gy_load_acq(&at.r->pin[GY_PIN_PUT]) == 0);
    read_all(at.ours);
    CHECK_EQ(count_found(at.ours, 0, KEYS, 0), KEYS);
    api_close(at.theirs);
    close_and_end(at.ours);
}

/* What an expelled reader may have put in late is looked for in the whole index. */
TEST(rebuild_lives, an_expelled_reader_marks_the_arena)
{
    struct at_it at = one_reads();
    expel(&at);
    gy_store_seq(&at.ours->words[at.arena], at.word); /* as it was when it looked */
    struct gy_refill f;
    gy_refill_begin(&f, at.theirs, at.r, NULL);
    gy_refill_arena(&f, at.arena, at.word, false);
    CHECK(f.stopped && gy_load_rlx(&at.ours->books[at.arena].holed) == 1);
    CHECK_EQ(gy_load_acq(&at.r->pin[GY_PIN_PUT]), 0);
    gy_store_seq(&at.ours->words[at.arena], gy_arena_in_lane(at.word, GY_LANE_HALF));
    read_all(at.ours);
    CHECK_EQ(count_found(at.ours, 0, KEYS, 0), KEYS);
    api_close(at.theirs);
    close_and_end(at.ours);
}

/* What it had put in leads to it, until a clear is carried out. */
TEST(rebuild_lives, an_arena_that_was_read_in_part_is_not_given_up)
{
    make_full();
    region_process(read_half_and_die, NULL);
    gyre *cache = open_it(0);
    CHECK_OK(gyre_clear(cache));
    read_some(cache, STEPS_MOST);
    CHECK_EQ(unread(cache), 0);
    close_and_end(cache);
}

/* Of one that is not trusted, and of one that somebody left in the middle. */
TEST(rebuild_lives, who_makes_it_larger_reads_the_rest_first)
{
    gyre_options o = options(0);
    o.capacity_bytes = 8 * MIB;
    for (unsigned turn = 0; turn < 2; turn++) {
        make_full();
        if (turn == 1)
            region_process(change_and_die, NULL);
        gyre *cache = api_open_with(&o);
        gyre_stats s = api_stats(cache);
        CHECK(s.start == GYRE_START_RESIZED && s.capacity_bytes == 8 * MIB && s.recovering == 0);
        CHECK_EQ(count_found(cache, 2, KEYS, 0), KEYS - 2);
        CHECK(turn == 0 || (is_missing(cache, key_of(0).text) && has_bytes(cache, key_of(1).text, SIZE, NEW + 1)));
        api_close(cache);
        gy_rebuild_at_once_ms = AT_ONCE_MS;
        end();
        strcpy(folder, "/tmp/gyre-test-XXXXXX");
    }
}

/* With threads of its own, until it is killed. */
static int
open_and_wait(void *arg)
{
    gyre *cache;
    gyre_options o = options(0);
    o.flags &= ~(uint32_t)GYRE_NO_THREAD;
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    struct timespec t = {.tv_nsec = *(const long *)arg};
    nanosleep(&t, NULL);
    kill(getpid(), SIGKILL);
    return 2;
}

/* Of large entries, so that it takes a while. */
TEST(rebuild_lives, killed_at_any_moment)
{
    enum { LARGE = 2000, TURNS = 30 };
    unsigned gone_on = 0;
    begin();
    gyre_options o = options(GYRE_CREATE);
    o.capacity_bytes = 32 * MIB;
    gyre *cache = api_open_with(&o);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, LARGE, i));
    api_close(cache);
    for (long turn = 0; turn < TURNS; turn++) {
        crash(0);
        long wait = turn / 3 * 50000;
        for (long n = 0; n < 1 + turn % 3; n++) {
            pid_t pid = fork();
            CHECK(pid >= 0);
            if (pid == 0)
                _exit(open_and_wait(&wait));
            CHECK(waitpid(pid, NULL, 0) == pid);
        }
        cache = open_it(0);
        gone_on += api_stats(cache).recovering;
        read_some(cache, STEPS_MOST);
        for (unsigned i = 0; i < KEYS; i++)
            CHECK(has_bytes(cache, key_of(i).text, LARGE, i));
        api_close(cache);
    }
    CHECK(gone_on > 0);
    gy_rebuild_at_once_ms = AT_ONCE_MS;
    end();
}

static gy_atomic_u32 over;

/* Each key has one writer: it knows what must be found. */
static void *
write_meanwhile(void *arg)
{
    gyre *cache = arg;
    unsigned n = 0;
    for (; gy_load_acq(&over) == 0 && n < KEYS / 2; n++) {
        if (n % 2)
            CHECK_OK(put_bytes(cache, key_of(n).text, SIZE, NEW + n));
        else
            gyre_delete(cache, key_of(n).text, 16);
    }
    return (void *)(uintptr_t)n;
}

TEST(rebuild_lives, threads_read_while_others_write)
{
    make_full();
    for (unsigned turn = 0; turn < 5; turn++) {
        gyre_options o = options(0);
        o.flags &= ~(uint32_t)GYRE_NO_THREAD;
        gyre *cache;
        pthread_t writer;
        void *n;
        gy_store_rlx(&over, 0);
        CHECK_OK(gyre_open(&cache, &o));
        CHECK_EQ(pthread_create(&writer, NULL, write_meanwhile, cache), 0);
        while (api_stats(cache).recovering)
            api_pause();
        gy_store_rel(&over, 1);
        CHECK_EQ(pthread_join(writer, &n), 0);
        for (unsigned i = 0; i < KEYS; i++) {
            bool changed = i < (unsigned)(uintptr_t)n;
            CHECK(changed && i % 2 == 0 ? is_missing(cache, key_of(i).text)
                                        : has_bytes(cache, key_of(i).text, SIZE, changed ? NEW + i : i));
        }
        for (unsigned i = 0; i < KEYS; i++)
            CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, i));
        api_close(cache);
        cache = open_it(0);
        CHECK_EQ(whole_faults(cache, NULL), 0);
        api_close(cache);
        crash(0);
    }
    gy_rebuild_at_once_ms = AT_ONCE_MS;
    end();
}

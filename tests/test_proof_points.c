/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process stops at one access to shared memory after the other, in each kind of call that brings something into the index or
 * moves it; another deletes all keys, or puts them anew, and then the machine stops: what went is not found, and of what was
 * put the last. */

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clear.h"
#include "trap.h"
#include "whole.h"

#if defined(GY_POINTS) && !defined(GY_TSAN) /* one thread does all of it, one access after the other */

static const char PUTS[] = "publish.c proof.c entry.h", SWEEPS[] = "walk.c proof.c";

enum { KEYS = 8, SIZE = 200, OURS = 1000, NEW = 2000 };

static char folder[] = "/dev/shm/gyre-test-XXXXXX", path[sizeof folder + 8], other[sizeof folder + 8];

static struct {
    gyre *ours;
    void (*others)(gyre *ours);
    void (*expect)(gyre *recovered);
    uint64_t n, at;
    const char *files; /* accesses in these alone */
    bool stopped;
    bool moved; /* others moved what it had committed */
    unsigned tentative; /* words that were met */
} stop;

/* As the machine finds it that stops now, with all that was written on the disk. */
static gyre *
recover(void)
{
    struct stat s;
    int from = open(path, O_RDONLY), to = open(other, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(from >= 0 && to >= 0 && fstat(from, &s) == 0 && sendfile(to, from, NULL, (size_t)s.st_size) == s.st_size);
    close(from), close(to);
    gyre_options o = api_options(0, GYRE_NO_THREAD);
    o.file_path = other;
    gyre *recovered = api_open_with(&o);
    CHECK_EQ(api_stats(recovered).start, GYRE_START_RECOVERED);
    CHECK_EQ(whole_faults(recovered, NULL), 0);
    return recovered;
}

static void
expect_recovered(void (*expect)(gyre *recovered))
{
    gyre *recovered = recover();
    expect(recovered);
    api_close(recovered);
}

/* Is it in an arena that is not being swept? */
static bool
owned(unsigned k)
{
    uint32_t arena = room_arena_of(stop.ours, key_of(k).text);
    struct gy_book *book = &stop.ours->books[arena];
    return gy_load_seq(&book->proved) == gy_proof_of_life(stop.ours, gy_load_seq(&book->opened));
}

/* When it has gone on: what is there is found, and nothing else. */
static void
expect_same(gyre *recovered)
{
    char buffer[2][SIZE];
    size_t size[2];
    for (unsigned k = 0; k < KEYS + 2; k++) {
        int result = gyre_read(recovered, key_of(k).text, 16, buffer[0], SIZE, &size[0]);
        int its = gyre_read(stop.ours, key_of(k).text, 16, buffer[1], SIZE, &size[1]);
        CHECK_MSG(result == its || (its == GYRE_OK && !owned(k)), "key %u: %d, after access %llu: %d", k, its,
                  (unsigned long long)stop.at, result);
        CHECK(result != GYRE_OK || (size[0] == size[1] && memcmp(buffer[0], buffer[1], size[0]) == 0));
    }
}

/* What a put's tentative word leads to is not taken for an entry that was published, and made void. */
static void
expect_room_alone(gyre *ours)
{
    for (unsigned number = 0; number < ours->g.n_shards; number++)
        for (uint64_t n = 0; n < gy_shard_extent(ours, number) * GY_BUCKET_SLOTS; n++) {
            gy_atomic_u64 *slot = &gy_shard_buckets(ours, number)[n / GY_BUCKET_SLOTS].slot[n % GY_BUCKET_SLOTS];
            uint64_t word = gy_load_acq(slot);
            if (word == GY_EMPTY || !gy_slot_tentative(word))
                continue;
            const char *entry = gy_at(ours, gy_slot_ref(word));
            const struct gy_found f = {slot, word, entry, gy_entry_header(entry), gy_ref_arena(ours, gy_slot_ref(word))};
            CHECK(gy_proof_of_room_found(ours, &f));
            stop.tentative++;
        }
}

/* By another thread: this one's seats stay as they are. */
static void *
go_on(void *arg)
{
    CHECK_EQ(whole_faults(stop.ours, NULL), 0);
    if (stop.files == PUTS)
        expect_room_alone(stop.ours);
    stop.others(stop.ours);
    expect_recovered(stop.expect);
    return arg;
}

static bool
is_there(const char *file)
{
    const char *name = strrchr(file, '/');
    return strstr(stop.files, name ? name + 1 : file) != NULL && ++stop.n == stop.at;
}

static void
stop_there(const char *file, int line, const volatile void *address)
{
    (void)line, (void)address;
    if (!is_there(file))
        return;
    gy_point_hook = NULL;
    stop.stopped = true;
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, go_on, NULL), 0);
    pthread_join(thread, NULL);
}

/* ---- the others ----------------------------------------------------------------------------------------------------- */

static void
delete_all(gyre *ours)
{
    for (unsigned k = 0; k < KEYS + 2; k++)
        CHECK(gyre_delete(ours, key_of(k).text, 16) >= 0);
}

static void
expect_none(gyre *recovered)
{
    for (unsigned k = 0; k < KEYS + 2; k++)
        CHECK_MSG(is_missing(recovered, key_of(k).text), "key %u came back, at access %llu", k, (unsigned long long)stop.at);
}

static void
put_all(gyre *ours)
{
    for (unsigned k = 0; k < KEYS + 2; k++)
        CHECK_OK(put_bytes(ours, key_of(k).text, SIZE, NEW + k));
}

static void
expect_new(gyre *recovered)
{
    for (unsigned k = 0; k < KEYS + 2; k++)
        CHECK_MSG(has_bytes(recovered, key_of(k).text, SIZE, NEW + k), "key %u is not the last, at access %llu", k,
                  (unsigned long long)stop.at);
}

static void
put_and_delete(gyre *ours)
{
    put_all(ours), delete_all(ours);
}

/* As where windows are full: nothing is written of it but that it is void. */
static void
evict_all(gyre *ours)
{
    struct gy_record *r = room_record(ours);
    for (unsigned k = 0; k < KEYS + 2; k++) {
        struct gy_found f;
        bool tentative;
        uint64_t hash = room_hash(ours, key_of(k).text);
        if (gy_index_find_growing(ours, hash, key_of(k).text, 16, &r->pin[GY_PIN_COMPARE], &f, &tentative))
            CHECK(gy_index_evict(ours, r, gy_shard_of(ours, hash), &f, GYRE_CONFLICT));
        gy_pin_clear(&r->pin[GY_PIN_COMPARE]);
    }
}

/* Where room is short: who stands holds some, and is waited for. */
static void
put_some(gyre *ours)
{
    for (unsigned k = 0; k < KEYS + 2; k++)
        if (k % 8 != 0 || put_bytes(ours, key_of(k).text, SIZE, NEW + k) != GYRE_OK)
            CHECK(gyre_delete(ours, key_of(k).text, 16) >= 0);
}

static void
expect_new_or_none(gyre *recovered)
{
    for (unsigned k = 0; k < KEYS + 2; k++)
        CHECK_MSG(is_missing(recovered, key_of(k).text) || has_bytes(recovered, key_of(k).text, SIZE, NEW + k),
                  "key %u is not the last, at access %llu", k, (unsigned long long)stop.at);
}

/* The puts that it makes are committed in an arena that it still pins, and moved out of there. */
static void
sweep_for_limit(gyre *ours)
{
    const char *key = key_of(KEYS + 1).text;
    uint64_t before = room_word(ours, key);
    room_seal_all(ours), room_teach(ours);
    for (unsigned k = 0; before != 0 && k < 100 * KEYS && !stop.moved; k++) {
        gyre_read(ours, key, 16, NULL, 0, NULL);
        CHECK_OK(put_bytes(ours, key_of(OURS + k).text, SIZE, k));
        uint64_t word = room_word(ours, key);
        stop.moved = before != 0 && word != 0 && gy_slot_ref(before) != gy_slot_ref(word) && owned(KEYS + 1);
    }
}

static void
expect_moved(gyre *recovered)
{
    CHECK(!stop.moved || has_bytes(recovered, key_of(KEYS + 1).text, SIZE, OURS + KEYS + 1));
}

/* A pass over the index of what is doubted. */
static void
settle(gyre *ours)
{
    for (unsigned i = 0; i < 100 && gy_doubted(ours); i++)
        gy_clear_step(ours, room_record(ours));
    CHECK(!gy_doubted(ours));
}

static void
settle_and_delete(gyre *ours)
{
    settle(ours), delete_all(ours);
}

static void
expect_others(gyre *recovered)
{
    for (unsigned k = 2; k < KEYS; k++)
        CHECK(has_bytes(recovered, key_of(k).text, SIZE, k));
}

/* ---- who stops ------------------------------------------------------------------------------------------------------ */

static void
do_put(gyre *cache)
{
    CHECK_OK(put_bytes(cache, key_of(1).text, SIZE, OURS + 1));
    CHECK_OK(put_bytes(cache, key_of(KEYS + 1).text, SIZE, OURS + KEYS + 1));
}

static void
do_draft(gyre *cache)
{
    gyre_draft draft;
    CHECK_OK(gyre_reserve(cache, key_of(4).text, 16, SIZE, NULL, &draft));
    fill_bytes(draft.data, SIZE, OURS + 4);
    CHECK_OK(gyre_commit(&draft));
}

static void
do_touch(gyre *cache)
{
    int result = gyre_touch(cache, key_of(5).text, 16, GYRE_NO_TTL);
    CHECK(result == GYRE_OK || (stop.stopped && result == GYRE_MISS));
}

static void
do_lease(gyre *cache)
{
    gyre_lease lease;
    gyre_view view;
    char value[SIZE];
    fill_bytes(value, SIZE, OURS + KEYS + 1);
    int result = gyre_get_or_lease(cache, key_of(KEYS + 1).text, 16, NULL, &view, &lease);
    gyre_release(&view);
    if (result != GYRE_MISS)
        return;
    result = gyre_lease_commit(&lease, value, SIZE, NULL);
    CHECK(result == GYRE_OK || (stop.stopped && result == GYRE_ESTALE));
}

/* All that was put is hot, and is moved. */
static void
do_sweep(gyre *cache)
{
    room_seal_all(cache);
    room_teach(cache);
    room_sweep(cache, 4 * cache->arena_bytes);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

static void
make_folder(void)
{
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/cache", folder), snprintf(other, sizeof other, "%s/other", folder);
}

static void
drop_folder(void)
{
    unlink(path), unlink(other);
    CHECK_EQ(rmdir(folder), 0);
    strcpy(strrchr(folder, '-'), "-XXXXXX");
}

static gyre *
open_both(uint64_t max_entries, bool doubted)
{
    gyre_options o = api_options(128 * KIB, GYRE_CREATE | GYRE_NO_THREAD);
    o.file_path = path, o.max_entries = max_entries, o.expected_entry_bytes = 400;
    unlink(path);
    stop.ours = api_open_with(&o);
    o.flags = GYRE_NO_THREAD, o.capacity_bytes = 0, o.max_entries = 0, o.expected_entry_bytes = 0;
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(stop.ours, key_of(k).text, SIZE, k));
    uint64_t sequence = room_record(stop.ours)->sequence;
    if (doubted)
        api_close(stop.ours), stop.ours = api_open_with(&o);
    CHECK_EQ(gy_doubted(stop.ours), doubted);
    for (unsigned i = 0; doubted && i < 2; i++) /* it waits for nobody any more */
        CHECK(gy_clear_step(stop.ours, room_record(stop.ours)));
    gyre *theirs = api_open_with(&o);
    for (unsigned k = 0; k < 2 * KEYS; k++)
        CHECK(has_bytes(theirs, key_of(k / 2).text, SIZE, k / 2));
    room_record(theirs)->sequence = sequence + 1000; /* it has put more */
    return theirs;
}

/* Returns how often what it had committed was moved meanwhile. */
static unsigned
stop_in_one(uint64_t max_entries, bool doubted, void (*body)(gyre *), const char *files, void (*others)(gyre *),
            void (*expect)(gyre *))
{
    bool stopped = true;
    unsigned moved = 0, tries = 0;
    make_folder();
    for (uint64_t at = 1; stopped; at++) {
        gyre *theirs = open_both(max_entries, doubted);
        stop.n = 0, stop.at = at, stop.stopped = stop.moved = false, stop.files = files, stop.others = others, stop.expect = expect;
        gy_point_hook = stop_there;
        body(theirs);
        gy_point_hook = NULL;
        stopped = stop.stopped;
        CHECK_EQ(whole_faults(stop.ours, NULL), 0);
        expect_recovered(expect_same);
        if (at == 1 && !stopped && ++tries < 20)
            at = 0, stopped = true; /* by chance nothing had to move: again, with another seed */
        CHECK(at != 1 || stopped);
        moved += stop.moved;
        api_close(theirs), api_close(stop.ours);
    }
    drop_folder();
    return moved;
}

static void
stop_at_each(void (*body)(gyre *), const char *files, void (*others)(gyre *), void (*expect)(gyre *))
{
    stop_in_one(0, false, body, files, others, expect);
}

TEST(proof_points, a_put_and_a_delete)
{
    stop_at_each(do_put, PUTS, delete_all, expect_none);
    CHECK(stop.tentative > 0);
}

TEST(proof_points, a_put_and_another) { stop_at_each(do_put, PUTS, put_all, expect_new); }
TEST(proof_points, a_put_and_an_eviction) { stop_at_each(do_put, PUTS, evict_all, expect_none); }
TEST(proof_points, a_draft) { stop_at_each(do_draft, PUTS, delete_all, expect_none); }
TEST(proof_points, a_touch) { stop_at_each(do_touch, PUTS, delete_all, expect_none); }
TEST(proof_points, a_lease) { stop_at_each(do_lease, PUTS, delete_all, expect_none); }
TEST(proof_points, a_sweep_and_a_delete) { stop_at_each(do_sweep, SWEEPS, delete_all, expect_none); }
TEST(proof_points, a_sweep_and_a_put) { stop_at_each(do_sweep, SWEEPS, put_some, expect_new_or_none); }
TEST(proof_points, a_growth_and_a_delete) { stop_at_each(room_grow, "move.c", delete_all, expect_none); }
TEST(proof_points, a_growth_and_a_put) { stop_at_each(room_grow, "move.c", put_and_delete, expect_none); }

/* Whose copy proves itself, though its writer has not come to that. */
TEST(proof_points, a_put_that_is_moved_before_it_proves_itself)
{
    unsigned moved = stop_in_one(KEYS + 2, false, do_put, PUTS, sweep_for_limit, expect_moved);
    CHECK_MSG(moved > 0, "%u", moved);
}

/* What does not prove itself yet is not taken for damaged. */
TEST(proof_points, a_put_that_is_doubted)
{
    stop_in_one(0, true, do_put, PUTS, delete_all, expect_none);
    stop_in_one(0, true, do_put, PUTS, settle_and_delete, expect_none);
    stop_in_one(0, true, do_put, PUTS, settle, expect_others);
}

/* ---- headers that another writes over ----------------------------------------------------------------------------------- */

static struct {
    char *entry;
    uint32_t value_bytes; /* what its header says from then on */
} over;

static void
write_over(void)
{
    struct gy_header h = gy_entry_header(over.entry);
    h.value_bytes = over.value_bytes;
    gy_entry_set_header(over.entry, h);
}

static void
write_over_there(const char *file, int line, const volatile void *address)
{
    (void)line, (void)address;
    if (!is_there(file))
        return;
    gy_point_hook = NULL;
    stop.stopped = true;
    write_over();
}

/* At that access: nothing else of the arena changes than the header and the proof, which stands where the entry ends. */
static void
publish_written_over(uint64_t at, uint32_t value_bytes)
{
    char value[SIZE];
    fill_bytes(value, SIZE, OURS);
    gyre *theirs = open_both(0, false);
    struct gy_staged s = room_stage(theirs, GY_PROBATION, key_of(OURS).text, value, SIZE);
    char *arena = theirs->region.base + gy_arena_offset(theirs, s.arena), *was = malloc(theirs->arena_bytes);
    CHECK(was != NULL);
    memcpy(was, arena, theirs->arena_bytes);
    over.entry = gy_at(theirs, s.ref), over.value_bytes = value_bytes;
    stop.n = 0, stop.at = at, stop.stopped = false, stop.files = PUTS;
    gy_point_hook = write_over_there;
    CHECK_OK(room_publish(theirs, GY_PUT_ANY, key_of(OURS).text, &s, 0));
    gy_point_hook = NULL;
    uint64_t from = (uint64_t)(over.entry - arena), proof = from + s.bytes - theirs->g.proof_bytes;
    for (uint64_t i = 0; i < theirs->arena_bytes; i++)
        CHECK_MSG(was[i] == arena[i] || i - from < sizeof(struct gy_header) || i - proof < theirs->g.proof_bytes,
                  "byte %llu, of an entry at %llu, at access %llu", (unsigned long long)i, (unsigned long long)from,
                  (unsigned long long)at);
    free(was);
    api_close(theirs), api_close(stop.ours);
}

TEST(proof_points, a_header_that_is_written_over)
{
    static const uint32_t says[] = {0, SIZE / 2, 2 * SIZE, UINT32_MAX};
    make_folder();
    for (unsigned i = 0; i < sizeof says / sizeof says[0]; i++) {
        stop.stopped = true;
        for (uint64_t at = 1; stop.stopped; at++)
            publish_written_over(at, says[i]);
        CHECK(stop.at > 8);
    }
    drop_folder();
}

/* Others may write over its header for as long as its holder takes. */
TEST(proof_points, a_draft_whose_header_is_written_over)
{
    make_folder();
    for (unsigned aborts = 0; aborts < 2; aborts++) {
        gyre *theirs = open_both(0, false);
        gyre_draft draft;
        CHECK_OK(gyre_reserve(theirs, key_of(OURS).text, 16, SIZE, NULL, &draft));
        fill_bytes(draft.data, SIZE, OURS);
        over.entry = gy_at(theirs, draft.priv[3] & GY_REF_MASK), over.value_bytes = UINT32_MAX;
        write_over();
        if (aborts)
            gyre_abort(&draft);
        else
            CHECK_OK(gyre_commit(&draft));
        expect_others(theirs);
        api_close(theirs), api_close(stop.ours);
    }
    drop_folder();
}

#else
TEST(proof_points, need_builds_with_points) {}
#endif

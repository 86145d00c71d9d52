/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What proves itself, step by step. Mixtures of sectors at random: test_file_images. */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "find.h"
#include "proof.h"
#include "recover.h"
#include "room.h"
#include "whole.h"

static char path[64];

static gyre *
begin(uint64_t capacity_bytes, uint32_t flags, uint64_t max_entries)
{
    char folder[] = "/dev/shm/gyre-test-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/cache", folder);
    gyre_options o = api_options(capacity_bytes, GYRE_CREATE | GYRE_NO_THREAD | flags);
    o.file_path = path, o.max_entries = max_entries;
    return api_open_with(&o);
}

static void
end(gyre *cache)
{
    CHECK_EQ(whole_faults(cache, NULL), 0);
    api_close(cache);
    unlink(path);
    *strrchr(path, '/') = 0;
    CHECK_EQ(rmdir(path), 0);
}

/* The machine stops after everything was written out. Nobody closes it: as if all had been killed. */
static gyre *
stop(gyre *cache)
{
    char copy[80], command[200];
    snprintf(copy, sizeof copy, "%s-copy", path);
    snprintf(command, sizeof command, "cp %s %s", path, copy);
    CHECK_EQ(system(command), 0);
    api_close(cache);
    CHECK_EQ(rename(copy, path), 0); /* a copy of one that was open: the same as another life of the machine */
    gyre_options o = api_options(0, GYRE_NO_THREAD);
    o.file_path = path;
    cache = api_open_with(&o);
    CHECK_EQ(api_stats(cache).start, GYRE_START_RECOVERED);
    CHECK_EQ(whole_faults(cache, NULL), 0);
    return cache;
}

/* Pinned. */
static struct gy_found
find(gyre *cache, const char *key)
{
    struct gy_found f;
    bool tentative;
    CHECK(gy_index_find_growing(cache, gy_hash_in(cache, key, strlen(key)), key, strlen(key),
                                &room_record(cache)->pin[GY_PIN_COMPARE], &f, &tentative));
    return f;
}

static void
evict(gyre *cache, const char *key)
{
    struct gy_record *r = room_record(cache);
    struct gy_found f = find(cache, key);
    CHECK(gy_index_evict(cache, r, gy_shard_of(cache, gy_hash_in(cache, key, strlen(key))), &f, GYRE_CONFLICT));
    gy_pin_clear(&r->pin[GY_PIN_COMPARE]);
}

/* The header of an entry, which it is given again later: the page was of another time. */
static uint64_t
set_header(gyre *cache, uint64_t offset, uint64_t to)
{
    gy_atomic_u64 *header = (gy_atomic_u64 *)(void *)(cache->region.base + offset);
    uint64_t was = gy_load_rlx(header);
    gy_store_rlx(header, to);
    return was;
}

TEST(recover, the_last_of_each_key_is_found_with_all_that_it_has)
{
    gyre *cache = begin(MIB, GYRE_VERSIONS, 0);
    gyre_put_options p = GYRE_PUT_OPTIONS_INIT;
    uint64_t version;
    CHECK_OK(put_text(cache, "key", "first"));
    p.ttl_ms = 3600000, p.user_flags = 77, p.new_version = &version;
    CHECK_OK(gyre_put(cache, "key", 3, "second", 6, &p));
    CHECK_OK(put_text(cache, "other", ""));
    CHECK_OK(put_text(cache, "gone", "value"));
    CHECK_OK(put_text(cache, "gone", "another"));
    CHECK_OK(gyre_delete(cache, "gone", 4));
    cache = stop(cache);
    gyre_view view;
    CHECK_OK(gyre_get(cache, "key", 3, &view));
    CHECK(view.size == 6 && memcmp(view.data, "second", 6) == 0 && view.user_flags == 77 && view.version == version);
    CHECK(view.ttl_left_ms > 3000000 && view.ttl_left_ms <= 3600000);
    gyre_release(&view);
    CHECK(has_text(cache, "other", "") && is_missing(cache, "gone"));
    CHECK_EQ(api_stats(cache).recovered_entries, 2);
    uint64_t next;
    p.new_version = &next;
    CHECK_OK(gyre_put(cache, "key", 3, "third", 5, &p));
    CHECK(next > version);
    end(cache);
}

/* The first was evicted, the second deleted: neither comes back, now or after another stop. */
TEST(recover, what_was_evicted_does_not_come_back)
{
    gyre *cache = begin(MIB, 0, 0);
    CHECK_OK(put_text(cache, "key", "first"));
    evict(cache, "key");
    cache = stop(cache);
    CHECK(is_missing(cache, "key"));
    CHECK_OK(put_text(cache, "key", "second"));
    CHECK_OK(gyre_delete(cache, "key", 3));
    cache = stop(cache);
    CHECK(is_missing(cache, "key"));
    end(cache);
}

TEST(recover, what_was_never_published_is_not_found)
{
    gyre *cache = begin(MIB, 0, 0);
    gyre_put_options p = GYRE_PUT_OPTIONS_INIT;
    gyre_draft draft;
    CHECK_OK(put_text(cache, "key", "value"));
    p.flags = GYRE_ADD;
    CHECK_EQ(gyre_put(cache, "key", 3, "other", 5, &p), GYRE_EXISTS);
    CHECK_OK(gyre_reserve(cache, "draft", 5, 8, NULL, &draft));
    memcpy(draft.data, "drafted", 8);
    gyre_abort(&draft);
    CHECK_OK(gyre_reserve(cache, "kept", 4, 8, NULL, &draft));
    memcpy(draft.data, "drafted", 8);
    CHECK_OK(gyre_commit(&draft));
    gyre_lease lease;
    gyre_view view;
    CHECK_EQ(gyre_get_or_lease(cache, "leased", 6, NULL, &view, &lease), GYRE_MISS);
    gyre_lease_abort(&lease);
    CHECK_EQ(gyre_get_or_lease(cache, "computed", 8, NULL, &view, &lease), GYRE_MISS);
    CHECK_OK(gyre_lease_commit(&lease, "value", 5, NULL));
    cache = stop(cache);
    CHECK(has_text(cache, "key", "value") && is_missing(cache, "draft") && is_missing(cache, "leased"));
    CHECK(has_text(cache, "computed", "value"));
    CHECK_OK(gyre_get(cache, "kept", 4, &view));
    gyre_release(&view);
    CHECK_EQ(api_stats(cache).recovered_entries, 3);
    end(cache);
}

/* A sweep voids nothing: what it has passed, in an arena that is free by now, is disowned as a whole. */
TEST(recover, what_was_swept_does_not_come_back)
{
    enum { KEYS = 20000 };
    gyre *cache = begin(MIB, 0, 0);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, i));
    unsigned n = 0;
    for (unsigned i = 0; i < KEYS; i++) /* what is there goes as well, and nothing is written over */
        n += gyre_delete(cache, key_of(i).text, 16) == GYRE_OK;
    CHECK(n > 1000 && n < KEYS / 2);
    cache = stop(cache);
    CHECK_EQ(api_stats(cache).recovered_entries, 0);
    end(cache);
    cache = begin(MIB, 0, 500);
    for (unsigned i = 0; i < 5000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, i));
    for (unsigned i = 0; i < 5000; i++)
        CHECK(gyre_delete(cache, key_of(i).text, 16) >= 0);
    cache = stop(cache);
    CHECK_EQ(api_stats(cache).recovered_entries, 0);
    end(cache);
}

TEST(recover, what_was_cleared_does_not_come_back)
{
    gyre *cache = begin(MIB, 0, 0);
    for (unsigned i = 0; i < 1000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, i));
    CHECK_OK(gyre_clear(cache)); /* not carried out */
    CHECK_OK(put_text(cache, "after", "value"));
    cache = stop(cache);
    CHECK_EQ(api_stats(cache).recovered_entries, 1);
    unsigned kept = 0; /* arenas */
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        kept += gy_load_seq(&cache->books[a].opened) != 0;
    CHECK_EQ(kept, 1);
    CHECK(has_text(cache, "after", "value"));
    CHECK_OK(gyre_clear(cache));
    CHECK(is_missing(cache, "after"));
    end(cache);
}

/* Without a mark that proves itself nothing is known of what was cleared. */
TEST(recover, without_its_mark_nothing_is_kept)
{
    gyre *cache = begin(MIB, 0, 0);
    CHECK_OK(put_text(cache, "key", "value"));
    gy_store_seq(&cache->super->life.marked, 1);
    cache = stop(cache);
    CHECK(is_missing(cache, "key"));
    CHECK_OK(put_text(cache, "key", "newer"));
    cache = stop(cache);
    CHECK(has_text(cache, "key", "newer"));
    end(cache);
}

/* What a sync had answered may rest on pages that the disk never took. */
TEST(recover, what_the_disk_has_refused_is_not_trusted)
{
    gyre *cache = begin(MIB, 0, 0);
    CHECK_OK(put_text(cache, "key", "value"));
    gy_add_rlx(&cache->super->life.sync_errors, 1);
    cache = stop(cache);
    CHECK(is_missing(cache, "key") && api_stats(cache).sync_errors == 0);
    end(cache);
}

/* Of two with one key the later is found, wherever it stands: here the older one was not voided, as when its page was not
 * written. */
TEST(recover, the_newer_of_two_wins)
{
    gyre *cache = begin(MIB, 0, 0);
    struct gy_record *r = room_record(cache);
    for (unsigned i = 0; i < 100; i++) {
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, 1000 + i));
        gy_ref ref = gy_slot_ref(room_word(cache, key_of(i).text));
        struct gy_header before = gy_entry_header(gy_at(cache, ref));
        r->sequence -= 5; /* as of a thread that is behind */
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, 2000 + i));
        CHECK_EQ(gy_entry_header(gy_at(cache, ref)).generation ^ before.generation, UINT8_MAX);
        gy_entry_set_header(gy_at(cache, ref), before);
    }
    cache = stop(cache);
    CHECK_EQ(api_stats(cache).recovered_entries, 100);
    for (unsigned i = 0; i < 100; i++) {
        CHECK(has_bytes(cache, key_of(i).text, 100, 2000 + i));
        CHECK_OK(gyre_delete(cache, key_of(i).text, 16));
    }
    cache = stop(cache); /* nor does the loser come back when the winner has gone */
    CHECK_EQ(api_stats(cache).recovered_entries, 0);
    end(cache);
}

/* The same of one that was not there any more when the later one was put, by a thread that is behind: the clock tells. */
TEST(recover, the_newer_wins_after_a_delete)
{
    gyre *cache = begin(MIB, 0, 0);
    struct gy_record *r = room_record(cache);
    r->sequence = gy_now_ms(cache) << 20;
    CHECK_OK(put_text(cache, "key", "older"));
    char *older = gy_at(cache, gy_slot_ref(room_word(cache, "key")));
    struct gy_header before = gy_entry_header(older);
    CHECK_OK(gyre_delete(cache, "key", 3));
    uint64_t then = gy_now_ms(cache);
    while (gy_now_ms(cache) == then)
        sched_yield();
    r->sequence = 0;
    CHECK_OK(put_text(cache, "key", "newer"));
    CHECK_OK(put_text(cache, "key", "newest"));
    gy_entry_set_header(older, before);
    cache = stop(cache);
    CHECK(has_text(cache, "key", "newest"));
    end(cache);
}

/* What is far ahead of all that can be is damaged, and nobody follows it there. */
TEST(recover, a_sequence_far_ahead_is_not_followed)
{
    gyre *cache = begin(MIB, 0, 0);
    struct gy_record *r = room_record(cache);
    CHECK_OK(put_text(cache, "key", "12345678"));
    uint64_t was = r->sequence;
    gy_ref ref = gy_slot_ref(room_word(cache, "key"));
    uint64_t *sequence = (uint64_t *)(void *)(gy_at(cache, ref) + 32);
    CHECK_EQ(*sequence, was);
    *sequence |= (uint64_t)1 << 60;
    CHECK_OK(put_text(cache, "key", "again"));
    CHECK(r->sequence > was && r->sequence - was < (uint64_t)1 << 50);
    end(cache);
}

/* Nor is it further than a thread may be behind: which has not put anything, in a cache that is some weeks old. */
TEST(recover, a_thread_far_behind_is_not_taken_for_right)
{
    gyre *cache = begin(MIB, 0, 0);
    struct gy_record *r = room_record(cache);
    cache->clock_before_ms = (uint64_t)1 << 31;
    CHECK_OK(put_text(cache, "key", "older"));
    uint64_t was = r->sequence;
    r->sequence = 0;
    CHECK_OK(put_text(cache, "key", "newer"));
    CHECK(r->sequence > was);
    end(cache);
}

/* Also where the newer one stands in the arena that is read first. */
TEST(recover, the_newer_of_two_wins_wherever_it_is)
{
    gyre *cache = begin(MIB, 0, 0);
    struct gy_record *r = room_record(cache);
    CHECK_OK(put_text(cache, "key", "newer"));
    struct gy_staged newer = {.ref = gy_slot_ref(room_word(cache, "key"))};
    newer.arena = gy_ref_arena(cache, newer.ref);
    newer.opened = gy_load_rlx(&cache->books[newer.arena].opened);
    struct gy_header valid = gy_entry_header(gy_at(cache, newer.ref));
    newer.bytes = gy_entry_room(cache, newer.ref << 3, valid);
    for (unsigned i = 0; gy_ref_arena(cache, gy_slot_ref(room_word(cache, "key"))) == newer.arena; i++) {
        CHECK_OK(put_bytes(cache, key_of(i).text, 500, i));
        CHECK_OK(put_text(cache, "key", "older"));
    }
    gy_entry_set_header(gy_at(cache, newer.ref), valid);
    gy_proof_give(cache, &newer, gy_proof_prepare(cache, r, &newer, r->sequence));
    cache = stop(cache);
    CHECK(has_text(cache, "key", "newer"));
    end(cache);
}

TEST(recover, what_is_damaged_is_lost_alone)
{
    enum { KEYS = 3000 };
    gyre *cache = begin(MIB, 0, 0);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, i));
    bool there[KEYS];
    for (unsigned i = 0; i < KEYS; i++)
        there[i] = has_bytes(cache, key_of(i).text, 100, i); /* where windows were full, some have had to go */
    for (unsigned i = 0; i < KEYS; i += 3) {
        if (!there[i])
            continue;
        char *entry = gy_at(cache, gy_slot_ref(room_word(cache, key_of(i).text)));
        entry[24 + i % 100] ^= (char)(1 << i % 8); /* of its value */
    }
    cache = stop(cache);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK(there[i] && i % 3 != 0 ? has_bytes(cache, key_of(i).text, 100, i) : is_missing(cache, key_of(i).text));
    end(cache);
}

TEST(recover, what_follows_a_page_of_another_time_is_found_now_or_never)
{
    static char junk[3000];
    gyre *cache = begin(MIB, 0, 0);
    CHECK_OK(put_text(cache, "before", "1"));
    fill_bytes(junk, sizeof junk, 1);
    CHECK_OK(gyre_put(cache, "hides", 5, junk, sizeof junk, NULL));
    CHECK_OK(put_text(cache, "kept", "2"));
    CHECK_OK(put_text(cache, "deleted", "3"));
    uint64_t hides = (uint64_t)(find(cache, "hides").entry - cache->region.base);
    gy_pin_clear(&room_record(cache)->pin[GY_PIN_COMPARE]);
    const uint64_t other[] = {0, UINT64_MAX, (uint64_t)9 << 32 | 30, (uint64_t)9 << 32 | 3100};
    for (unsigned i = 0; i < 4; i++) {
        uint64_t header = set_header(cache, hides, other[i]);
        cache = stop(cache);
        CHECK(has_text(cache, "before", "1") && has_text(cache, "kept", "2"));
        CHECK(is_missing(cache, "hides"));
        if (i == 0)
            CHECK_EQ(gyre_delete(cache, "deleted", 7), GYRE_OK);
        set_header(cache, hides, header); /* what was not there is there now */
        cache = stop(cache);
        CHECK(has_text(cache, "before", "1") && has_text(cache, "kept", "2"));
        CHECK(is_missing(cache, "deleted"));
    }
    uint64_t before = (uint64_t)(find(cache, "before").entry - cache->region.base); /* where an arena begins */
    gy_pin_clear(&room_record(cache)->pin[GY_PIN_COMPARE]);
    set_header(cache, before, UINT32_MAX); /* without a key, of four GiB */
    cache = stop(cache);
    CHECK(is_missing(cache, "before") && has_text(cache, "kept", "2"));
    end(cache);
}

TEST(recover, it_does_not_search_for_ever)
{
    static uint64_t like_entries[20000]; /* a header at each place */
    gyre *cache = begin(4 * MIB, 0, 0);
    for (unsigned i = 0; i < 20000; i++)
        like_entries[i] = (uint64_t)(i % 500 + 1) << 32 | 1000;
    uint64_t bytes = gy_min(sizeof like_entries, cache->g.max_value_bytes);
    CHECK_OK(put_text(cache, "before", "1"));
    CHECK_OK(gyre_put(cache, "large", 5, like_entries, bytes, NULL));
    uint64_t large = (uint64_t)(find(cache, "large").entry - cache->region.base);
    gy_pin_clear(&room_record(cache)->pin[GY_PIN_COMPARE]);
    set_header(cache, large, 0);
    cache = stop(cache);
    CHECK(has_text(cache, "before", "1"));
    CHECK(is_missing(cache, "large"));
    uint64_t end_of_arena = gy_align_up(large - cache->g.arenas_at, cache->arena_bytes) + cache->g.arenas_at;
    CHECK_EQ(set_header(cache, end_of_arena - 8, 0), 0);
    CHECK_EQ(set_header(cache, large + bytes / 2 / 8 * 8, 0), 0);
    end(cache);
}

TEST(recover, what_is_void_stays_void)
{
    gyre *cache = begin(MIB, 0, 0);
    CHECK_OK(put_text(cache, "key", "value"));
    struct gy_found f = find(cache, "key");
    gy_proof_void(cache, &f); /* by who fails then, or is killed */
    f = find(cache, "key");
    gy_proof_void(cache, &f);
    gy_pin_clear(&room_record(cache)->pin[GY_PIN_COMPARE]);
    for (unsigned i = 0; i < 20000; i++) {
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, i));
        CHECK(has_text(cache, "key", "value"));
    }
    CHECK(find(cache, "key").entry != f.entry); /* a copy */
    gy_pin_clear(&room_record(cache)->pin[GY_PIN_COMPARE]);
    CHECK_EQ(whole_faults(cache, NULL), 0);
    cache = stop(cache);
    CHECK(is_missing(cache, "key"));
    end(cache);
}

TEST(recover, what_is_found_stays_within_its_limit)
{
    gyre *cache = begin(MIB, 0, 500);
    for (unsigned i = 0; i < 500; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, i));
    cache = stop(cache);
    CHECK(api_stats(cache).recovered_entries > 450);
    for (unsigned i = 500; i < 1500; i++) {
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, i));
        CHECK(api_stats(cache).entries <= 501);
    }
    end(cache);
}

/* The index has grown, and arenas were withdrawn for it. */
TEST(recover, the_index_is_as_large_as_it_was)
{
    enum { KEYS = 40000 };
    gyre *cache = begin(8 * MIB, 0, 0);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 8, i));
    CHECK(api_stats(cache).growths > 0);
    uint64_t entries = api_stats(cache).entries, index = api_stats(cache).index_bytes;
    cache = stop(cache);
    gyre_stats after = api_stats(cache);
    CHECK_EQ(after.index_bytes, index);
    CHECK(after.recovered_entries <= entries && after.recovered_entries > entries - entries / 100);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 16, i));
    end(cache);
}

/* Who is killed in the middle leaves what the next one needs. */
TEST(recover, it_may_be_begun_again)
{
    gyre *cache = begin(MIB, 0, 0);
    for (unsigned i = 0; i < 1000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, i));
    for (unsigned turn = 0; turn < 3; turn++) {
        CHECK_OK(gy_recover(cache));
        CHECK_EQ(whole_faults(cache, NULL), 0);
        for (unsigned i = 0; i < 1000; i++)
            CHECK(has_bytes(cache, key_of(i).text, 100, i));
        gyre_maintain(cache, 0);
    }
    cache = stop(cache);
    CHECK_EQ(api_stats(cache).entries, 1000);
    end(cache);
}

TEST(recover, copies_prove_themselves)
{
    enum { HOT = 500, KEYS = 20000 };
    gyre *cache = begin(MIB, 0, 0);
    for (unsigned i = 0; i < KEYS; i++) {
        CHECK_OK(put_bytes(cache, key_of(i).text, 100, i));
        for (unsigned hot = 0; i % 100 == 0 && hot < HOT; hot++)
            if (!has_bytes(cache, key_of(hot).text, 100, hot))
                CHECK_OK(put_bytes(cache, key_of(hot).text, 100, hot));
    }
    CHECK(api_stats(cache).copied_entries > HOT / 5);
    unsigned before = 0, after = 0;
    for (unsigned i = 0; i < HOT; i++)
        before += has_bytes(cache, key_of(i).text, 100, i);
    cache = stop(cache);
    for (unsigned i = 0; i < HOT; i++)
        after += has_bytes(cache, key_of(i).text, 100, i);
    CHECK(before > HOT / 2 && after > before - before / 10); /* but for what was being swept */
    end(cache);
}

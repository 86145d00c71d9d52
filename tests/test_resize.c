/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file gets another capacity. */

#include "resize.h"

TEST(resize, a_larger_capacity_keeps_all)
{
    begin(), make_filled(4 * MIB, FEW, 0);
    struct stat before, after;
    CHECK_EQ(stat(path.text, &before), 0);
    gyre_options o = sized(BIG, GYRE_CREATE);
    o.mode = 0640; /* as it was made, all the same */
    gyre *cache = api_open_with(&o);
    gyre_stats stats = api_stats(cache);
    CHECK(stats.start == GYRE_START_RESIZED && stats.capacity_bytes == BIG && stats.entries == FEW);
    CHECK(stats.recovered_entries == FEW && stats.dropped[GYRE_DROP_NO_ROOM] == 0 && stats.unlinked == 0);
    CHECK_EQ(found(cache, 0, FEW), FEW);
    CHECK_EQ(stat(path.text, &after), 0);
    CHECK(after.st_mode == before.st_mode && after.st_ino != before.st_ino && after.st_size > before.st_size);
    check_whole(cache);
    fill(cache, FEW, 200000); /* it works, for several turns of its ring */
    CHECK(api_stats(cache).entries > 40000 && found(cache, FEW, 200000) > 40000);
    check_whole(cache);
    api_close(cache);
    CHECK(is_clean());
    cache = open_sized(BIG, 0);
    CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
    api_close(cache);
    end();
}

/* Those that are asked for stay, whenever they came in. */
TEST(resize, a_smaller_capacity_keeps_the_hottest)
{
    enum { ALL = 50000, EVERY = 20 };
    begin(), make_filled(BIG, ALL, 0);
    gyre *cache = open_sized(0, 0);
    unsigned asked = 0;
    for (unsigned turn = 0; turn < 3; turn++)
        for (unsigned i = 0; i < ALL; i += EVERY)
            asked += found(cache, i, i + 1);
    CHECK(asked > 3 * (ALL / EVERY - UNLUCKY));
    uint64_t entries = api_stats(cache).entries, bytes = mapped_bytes();
    CHECK(entries > ALL - UNLUCKY);
    api_close(cache);
    cache = open_sized(BIG / 2, 0);
    gyre_stats stats = api_stats(cache);
    CHECK(stats.start == GYRE_START_RESIZED && stats.capacity_bytes == BIG / 2 && mapped_bytes() < bytes);
    CHECK_EQ(stats.entries, stats.recovered_entries);
    CHECK_EQ(stats.recovered_entries + stats.dropped[GYRE_DROP_NO_ROOM], entries);
    CHECK(stats.entries > 0.4 * ALL); /* what fits is there */
    check_whole(cache);
    unsigned hot = 0, late = 0;
    for (unsigned i = 0; i < ALL; i += EVERY)
        hot += found(cache, i, i + 1);
    late = found(cache, ALL - 1000, ALL);
    CHECK_MSG(hot > ALL / EVERY - UNLUCKY, "%u", hot);
    CHECK_MSG(late > 950 && found(cache, 1, EVERY) == 0, "%u of the newest, %u of the oldest", late, found(cache, 1, EVERY));
    api_close(cache);
    end();
}

TEST(resize, hits_go_with_an_entry)
{
    begin();
    gyre *cache = open_sized(4 * MIB, GYRE_CREATE);
    fill(cache, 0, 1000);
    CHECK_EQ(found(cache, 0, 100), 100);
    CHECK_EQ(found(cache, 0, 100), 100);
    api_close(cache);
    cache = open_sized(5 * MIB, 0);
    unsigned n[GY_POLICY_FREQ_MOST + 1] = {0};
    for (unsigned shard = 0; shard < cache->g.n_shards; shard++)
        for (uint64_t at = 0; at < gy_shard_extent(cache, shard) * GY_BUCKET_SLOTS; at++) {
            uint64_t word = gy_load_acq(&gy_shard_buckets(cache, shard)[at / GY_BUCKET_SLOTS].slot[at % GY_BUCKET_SLOTS]);
            if (word != GY_EMPTY)
                n[gy_policy_freq(gy_slot_freq(word))]++;
        }
    CHECK_MSG(n[0] == 900 && n[GY_POLICY_FREQ_MOST] == 100, "%u %u %u", n[0], n[1], n[2]);
    api_close(cache);
    end();
}

/* What is of before, in the order in which it came: the next sweep meets the oldest first. */
TEST(resize, the_order_of_entries_stays)
{
    begin(), make_filled(4 * MIB, FEW, 0);
    gyre *cache = open_sized(5 * MIB, 0);
    uint64_t last = 0;
    unsigned turned = 0;
    for (unsigned i = 0; i < FEW; i++) {
        gyre_view view;
        CHECK_OK(gyre_get(cache, key_of(i).text, 16, &view));
        uint64_t opened = gy_load_acq(&cache->books[gy_arena_at(cache, (uint64_t)((const char *)view.data - cache->region.base))].opened);
        turned += opened < last;
        last = opened;
        gyre_release(&view);
    }
    CHECK_MSG(turned < FEW / 20, "%u", turned); /* lanes alternate where the thread moves to another processor */
    api_close(cache);
    end();
}

static const gyre_put_options TIMED = {.struct_size = sizeof TIMED, .ttl_ms = 2 * HOUR_MS, .user_flags = 77};

TEST(resize, times_flags_and_versions_stay)
{
    begin();
    gyre *cache = open_sized(4 * MIB, GYRE_CREATE | GYRE_VERSIONS);
    gyre_put_options o = TIMED;
    uint64_t version = 0;
    o.new_version = &version;
    CHECK_OK(gyre_put(cache, "timed", 5, "value", 5, &o));
    CHECK(version != 0);
    o.ttl_ms = HOUR_MS / 60, o.new_version = NULL;
    CHECK_OK(gyre_put(cache, "short", 5, "value", 5, &o));
    CHECK_OK(put_text(cache, "plain", "value"));
    CHECK_OK(put_text(cache, "gone", "value"));
    CHECK_OK(gyre_delete(cache, "gone", 4));
    uint64_t last = 0;
    o = (gyre_put_options)GYRE_PUT_OPTIONS_INIT, o.new_version = &last;
    CHECK_OK(gyre_put(cache, "last", 4, "value", 5, &o));
    api_close(cache);
    in_head(reboot, HOUR_MS); /* and an hour passes */
    cache = open_sized(8 * MIB, 0);
    gyre_stats stats = api_stats(cache);
    CHECK(stats.start == GYRE_START_RESIZED && stats.entries == 3 && stats.recovered_entries == 3);
    CHECK_EQ(stats.dropped[GYRE_DROP_NO_ROOM], 0); /* what has expired is not wanted */
    gyre_view view;
    CHECK_OK(gyre_get(cache, "timed", 5, &view));
    CHECK(view.user_flags == 77 && view.ttl_left_ms <= HOUR_MS && view.ttl_left_ms > HOUR_MS - 60000);
    gyre_release(&view);
    CHECK(is_missing(cache, "short") && is_missing(cache, "gone") && has_text(cache, "plain", "value"));
    gyre_put_options condition = GYRE_PUT_OPTIONS_INIT;
    uint64_t next = 0;
    condition.flags = GYRE_IF_VERSION, condition.version = version, condition.new_version = &next;
    CHECK_OK(gyre_put(cache, "timed", 5, "other", 5, &condition));
    CHECK(next > last); /* none is given out twice */
    api_close(cache);
    end();
}

TEST(resize, what_was_cleared_stays_away)
{
    begin(), make_filled(4 * MIB, 1000, 0);
    gyre *cache = open_sized(0, 0);
    CHECK_OK(gyre_clear(cache)); /* and no maintenance carries it out */
    fill(cache, 1000, 1010);
    api_close(cache);
    cache = open_sized(2 * MIB, 0);
    CHECK(found(cache, 0, 1000) == 0 && found(cache, 1000, 1010) == 10);
    CHECK_EQ(api_stats(cache).dropped[GYRE_DROP_NO_ROOM], 0);
    api_close(cache);
    end();
}

/* A reader without the right to write stays with what it has. */
/* No disk is so large; nor may a process write so large a file: it is refused as on a full disk. */
TEST(resize, one_that_is_not_trusted_is_recovered_first)
{
    begin(), make_filled(4 * MIB, 1000, 0);
    region_process(put_and_die, "other");
    in_head(reboot, 0);
    gyre *cache = open_sized(8 * MIB, 0);
    gyre_stats stats = api_stats(cache);
    CHECK(stats.start == GYRE_START_RESIZED && stats.recovered_entries == 1001);
    CHECK(has_text(cache, "other", "value") && found(cache, 0, 1000) == 1000);
    check_whole(cache);
    api_close(cache);
    end();
}

TEST(resize, without_checksums_what_is_not_trusted_is_empty)
{
    begin(), make_filled(4 * MIB, 1000, GYRE_NO_CHECKSUMS);
    gyre *cache = open_sized(5 * MIB, 0);
    CHECK(found(cache, 0, 1000) == 1000 && cache->g.proof_bytes == 0);
    api_close(cache);
    region_process(put_and_die, "other"); /* with 4 MiB: that is one more */
    in_head(reboot, 0);
    cache = open_sized(8 * MIB, 0);
    CHECK(api_stats(cache).start == GYRE_START_RESIZED && api_stats(cache).entries == 0);
    fill(cache, 0, 1000);
    CHECK_EQ(found(cache, 0, 1000), 1000);
    api_close(cache);
    end();
}

/* Killed with it open, in this life of the machine. */
TEST(resize, what_the_dead_put_goes_with_it)
{
    begin();
    region_process(put_and_die, "first");
    gyre *cache = open_sized(8 * MIB, GYRE_CREATE);
    CHECK(has_text(cache, "first", "value"));
    CHECK_EQ(api_stats(cache).processes, 1);
    api_close(cache);
    CHECK(is_clean());
    end();
}

TEST(resize, damage_stays_behind)
{
    begin(), make_filled(4 * MIB, 1000, 0);
    gyre *cache = open_sized(0, 0);
    gyre_view view;
    CHECK_OK(gyre_get(cache, key_of(5).text, 16, &view));
    off_t at = (off_t)((const char *)view.data - cache->region.base) + 10;
    gyre_release(&view);
    api_close(cache);
    int file = open(path.text, O_RDWR);
    CHECK_EQ(pwrite(file, "?!?!", 4, at), 4);
    close(file);
    cache = open_sized(8 * MIB, 0);
    CHECK(found(cache, 0, 1000) == 999 && is_missing(cache, key_of(5).text));
    CHECK(api_stats(cache).recovered_entries == 999 && api_stats(cache).dropped[GYRE_DROP_NO_ROOM] == 1);
    api_close(cache);
    end();
}

TEST(resize, a_compact_one_has_no_holes)
{
    begin(), make_filled(4 * MIB, 12000, 0);
    gyre *cache = open_sized(0, 0);
    for (unsigned i = 0; i < 12000; i++)
        if (i % 2)
            CHECK(gyre_delete(cache, key_of(i).text, 16) >= 0);
    gyre_stats before = api_stats(cache);
    api_close(cache);
    cache = open_sized(0, GYRE_COMPACT);
    gyre_stats after = api_stats(cache);
    CHECK(after.start == GYRE_START_RESIZED && after.capacity_bytes == 4 * MIB && after.entries > before.entries - UNLUCKY);
    CHECK_EQ(after.dropped[GYRE_DROP_NO_ROOM] + after.entries, before.entries);
    CHECK(before.garbage_bytes > MIB && after.garbage_bytes < MIB / 16);
    check_whole(cache);
    api_close(cache);
    end();
}

/* As full as it can be: all but what the ends of arenas take stays. */
TEST(resize, a_full_one_stays_full)
{
    begin(), make_filled(4 * MIB, 60000, 0);
    gyre *cache = open_sized(0, 0);
    uint64_t entries = api_stats(cache).entries;
    api_close(cache);
    cache = open_sized(0, GYRE_COMPACT);
    gyre_stats stats = api_stats(cache);
    CHECK_MSG(stats.entries >= entries - entries / 50, "%llu of %llu", (unsigned long long)stats.entries,
              (unsigned long long)entries);
    CHECK_EQ(stats.entries + stats.dropped[GYRE_DROP_NO_ROOM], entries);
    api_close(cache);
    end();
}

TEST(resize, an_index_grows_with_what_is_carried)
{
    begin();
    gyre *cache = open_sized(8 * MIB, GYRE_CREATE);
    for (unsigned i = 0; i < 60000; i++)
        CHECK_OK(gyre_put(cache, key_of(i).text, 16, &i, sizeof i, NULL));
    uint64_t entries = api_stats(cache).entries;
    CHECK(entries > 59900);
    api_close(cache);
    cache = open_sized(BIG, 0);
    CHECK(api_stats(cache).entries > entries - UNLUCKY);
    entries = api_stats(cache).entries;
    for (unsigned i = 0; i < 60000; i++) {
        unsigned value;
        size_t size;
        entries -= gyre_read(cache, key_of(i).text, 16, &value, sizeof value, &size) == GYRE_OK && value == i;
    }
    CHECK_EQ(entries, 0);
    check_whole(cache);
    api_close(cache);
    end();
}

/* The options that it was made with stay, and large values have their room. */
TEST(resize, what_it_was_made_for_stays)
{
    begin();
    gyre_options o = sized(8 * MIB, GYRE_CREATE);
    o.expected_entry_bytes = 100000, o.max_entries = 500, o.default_ttl_ms = HOUR_MS, o.value_align = 64;
    gyre *cache = api_open_with(&o);
    uint64_t most = api_stats(cache).max_value_bytes, seed = cache->seed;
    char *large = calloc(1, most);
    CHECK_OK(gyre_put(cache, "large", 5, large, most, NULL));
    api_close(cache);
    cache = open_sized(9 * MIB, 0);
    gyre_view view;
    CHECK_OK(gyre_get(cache, "large", 5, &view));
    CHECK(view.size == most && view.ttl_left_ms > 0 && (uintptr_t)view.data % 64 == 0);
    gyre_release(&view);
    CHECK(cache->g.max_entries == 500 && cache->g.default_ttl_ms == HOUR_MS && cache->g.value_align == 64 && cache->seed == seed);
    api_close(cache);
    free(large);
    end();
}

TEST(resize, a_sparse_one_stays_sparse)
{
    static const uint64_t capacity[] = {64 * MIB, 128 * MIB, 32 * MIB};
    begin();
    gyre_options o = sized(64 * MIB, GYRE_CREATE | GYRE_SPARSE);
    gyre *cache = api_open_with(&o);
    CHECK_OK(put_text(cache, "key", "value"));
    api_close(cache);
    for (unsigned i = 0; i < 3; i++) {
        cache = open_sized(capacity[i], GYRE_COMPACT);
        struct stat s;
        CHECK_EQ(stat(path.text, &s), 0);
        CHECK(api_stats(cache).start == GYRE_START_RESIZED && cache->sparse && cache->super->minor == 1);
        CHECK_MSG((uint64_t)s.st_blocks * 512 < 24 * MIB, "%llu bytes", (unsigned long long)s.st_blocks * 512);
        CHECK(has_text(cache, "key", "value"));
        api_close(cache);
    }
    end();
}

/* Who waits for the old file's lock goes on with the new one. */

/* As programs open it: with threads, and children that go on with it. */
TEST(resize, threads_and_children_use_the_new_one)
{
    begin(), make_filled(4 * MIB, FEW, 0);
    gyre_options o = sized(8 * MIB, GYRE_CREATE);
    o.flags &= ~(uint32_t)GYRE_NO_THREAD;
    o.sync_interval_ms = 5;
    gyre *cache = api_open_with(&o);
    int status;
    pid_t child = fork();
    if (child == 0) {
        bool fine = has_bytes(cache, key_of(1).text, VALUE, 1) && put_text(cache, "child", "value") == GYRE_OK;
        gyre_close(cache);
        _exit(fine ? 0 : 1);
    }
    fill(cache, FEW, 40000);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(status == 0, "status %#x", (unsigned)status);
    CHECK(api_stats(cache).entries > 15000);
    api_close(cache);
    CHECK(is_clean());
    cache = open_it(0);
    check_whole(cache);
    api_close(cache);
    end();
}

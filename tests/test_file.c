/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Files over the lives of processes and of the machine, of which another is made of a file's head. */

#include "file_cache.h"
#include "proof.h"
#include "whole.h"

TEST(file, it_is_warm_when_it_was_closed)
{
    begin(), make();
    struct stat s;
    CHECK_EQ(stat(path.text, &s), 0);
    CHECK_EQ(s.st_mode & 07777, 0600);
    CHECK(is_clean());
    gyre *cache = open_it(0);
    CHECK(!is_clean());
    gyre_stats stats = api_stats(cache);
    CHECK(stats.start == GYRE_START_WARM && stats.entries == 1 && stats.unlinked == 0);
    CHECK(has_text(cache, "key", "value"));
    gyre *second = open_it(GYRE_CREATE);
    CHECK(has_text(second, "key", "value"));
    api_close(cache);
    CHECK(!is_clean()); /* the second has it open */
    api_close(second);
    CHECK(is_clean());
    in_head(reboot, 0);
    cache = open_it(0);
    CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    gyre_options o = options(0);
    CHECK_OK(gyre_unlink(&o));
    CHECK_EQ(result_of(&o), GYRE_ENOENT);
    end();
}

static int
open_without_standard_streams(void *arg)
{
    (void)arg;
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        close(fd);
    gyre *cache;
    gyre_options o = options(0);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        EXPECT(2, fcntl(fd, F_GETFD) == -1);
    gyre_close(cache);
    return 0;
}

/* What a program prints that has closed them would be written to the file. */
TEST(file, its_descriptors_are_none_of_the_standard_streams)
{
    begin(), make();
    region_process(open_without_standard_streams, NULL);
    end();
}

TEST(file, it_is_warm_after_processes_died)
{
    begin();
    region_process(put_and_die, "first");
    CHECK(!is_clean());
    region_process(put_and_die, "second");
    gyre *cache = open_it(0);
    CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
    CHECK(has_text(cache, "first", "value") && has_text(cache, "second", "value"));
    CHECK_EQ(api_stats(cache).processes, 1);
    api_close(cache);
    CHECK(is_clean()); /* whoever has cleared up after the dead may say so */
    end();
}

TEST(file, it_is_recovered_when_the_machine_stopped_meanwhile)
{
    begin(), make();
    region_process(put_and_die, "other");
    in_head(reboot, 0);
    gyre_options o = options(GYRE_READONLY);
    CHECK_EQ(result_of(&o), GYRE_ENOENT);
    gyre *cache = open_it(0);
    gyre_stats stats = api_stats(cache);
    CHECK_EQ(stats.start, GYRE_START_RECOVERED);
    CHECK(stats.entries == 2 && stats.recovered_entries == 2);
    CHECK(has_text(cache, "key", "value") && has_text(cache, "other", "value"));
    for (unsigned i = 0; i < 60000; i++) /* it works, for several turns of its ring */
        CHECK_OK(put_bytes(cache, key_of(i).text, 200, i));
    CHECK(has_bytes(cache, key_of(59999).text, 200, 59999));
    api_close(cache);
    end();
}

TEST(file, without_checksums_it_is_emptied)
{
    begin(), make_with(GYRE_NO_CHECKSUMS);
    region_process(put_and_die, "other");
    in_head(reboot, 0);
    gyre_options o = options(GYRE_READONLY);
    CHECK_EQ(result_of(&o), GYRE_ENOENT);
    gyre *cache = open_it(0);
    gyre_stats stats = api_stats(cache);
    CHECK(stats.start == GYRE_START_EMPTIED && stats.entries == 0 && stats.live_bytes == 0);
    CHECK(is_missing(cache, "key") && is_missing(cache, "other"));
    for (unsigned i = 0; i < 60000; i++) /* it works, for several turns of its ring */
        CHECK_OK(put_bytes(cache, key_of(i).text, 200, i));
    CHECK(has_bytes(cache, key_of(59999).text, 200, 59999));
    api_close(cache);
    cache = open_it(0);
    CHECK(has_bytes(cache, key_of(59999).text, 200, 59999));
    CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
    api_close(cache);
    end();
}

/* Who copies a file that is open has pages of several moments. */
TEST(file, a_copy_is_warm_when_nobody_had_it_open)
{
    begin(), make();
    copy(path.text, other.text);
    gyre_options o = options(0);
    o.file_path = other.text;
    gyre *cache = api_open_with(&o), *first = open_it(0);
    CHECK(has_text(cache, "key", "value") && has_text(first, "key", "value"));
    CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
    api_close(cache), unlink(other.text);
    copy(path.text, other.text);
    cache = api_open_with(&o);
    CHECK(has_text(cache, "key", "value"));
    CHECK_EQ(api_stats(cache).start, GYRE_START_RECOVERED);
    api_close(cache), api_close(first);
    end();
}

static int
reads(void *arg)
{
    (void)arg;
    gyre *cache;
    char value[8];
    size_t size;
    gyre_options o = options(GYRE_READONLY);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    EXPECT(2, gyre_read(cache, "key", 3, value, sizeof value, &size) == GYRE_OK && size == 5);
    EXPECT(3, gyre_sync(cache) == GYRE_EPERM);
    EXPECT(4, put_text(cache, "key", "other") == GYRE_EPERM);
    gyre_close(cache);
    return 0;
}

TEST(file, reading_leaves_it_as_it_is)
{
    begin(), make();
    in_head(reboot, 0);
    struct stat before, after;
    stat(path.text, &before);
    copy(path.text, other.text);
    region_process(reads, NULL);
    stat(path.text, &after);
    CHECK(before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    char command[200];
    snprintf(command, sizeof command, "cmp %s %s", path.text, other.text);
    CHECK_EQ(system(command), 0);
    gyre *cache = open_it(0); /* and one that is open */
    region_process(reads, NULL);
    api_close(cache);
    end();
}

static uint32_t
ttl_left(gyre *cache)
{
    gyre_view view;
    CHECK_OK(gyre_get(cache, "timed", 5, &view));
    uint32_t left = view.ttl_left_ms;
    gyre_release(&view);
    return left;
}

static void
set_wall_back(struct gy_super *s, uint64_t by)
{
    reboot(s, 0);
    gy_store_rlx(&s->life.start_wall_ms, gy_load_rlx(&s->life.start_wall_ms) + by);
    gy_store_rlx(&s->life.start_wall_again, gy_load_rlx(&s->life.start_wall_ms));
}

TEST(file, time_passes_while_the_machine_is_off)
{
    begin();
    gyre_put_options p = GYRE_PUT_OPTIONS_INIT;
    p.ttl_ms = 2 * HOUR_MS;
    gyre *cache = open_it(GYRE_CREATE);
    CHECK_OK(gyre_put(cache, "timed", 5, "v", 1, &p));
    api_close(cache);
    in_head(reboot, HOUR_MS);
    gyre_options o = options(GYRE_READONLY);
    cache = api_open_with(&o);
    CHECK_EQ(gyre_read(cache, "timed", 5, NULL, 0, NULL), GYRE_E2BIG);
    gyre_close(cache);
    cache = open_it(0);
    uint32_t left = ttl_left(cache);
    CHECK(left <= HOUR_MS && left > HOUR_MS - 600000);
    api_close(cache);
    in_head(set_wall_back, 24 * HOUR_MS); /* then it stands still */
    cache = open_it(0);
    CHECK(ttl_left(cache) <= left && ttl_left(cache) > HOUR_MS - 600000);
    api_close(cache);
    in_head(reboot, 26 * HOUR_MS);
    o = options(GYRE_READONLY);
    cache = api_open_with(&o);
    CHECK_EQ(gyre_read(cache, "timed", 5, NULL, 0, NULL), GYRE_MISS);
    gyre_close(cache);
    cache = open_it(0);
    CHECK(is_missing(cache, "timed"));
    api_close(cache);
    end();
}

TEST(file, sync_says_what_is_on_the_disk)
{
    begin();
    gyre *cache = open_it(GYRE_CREATE);
    CHECK_EQ(api_stats(cache).syncs, 0);
    for (unsigned i = 0; i < 1000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 1000, i));
    CHECK(api_stats(cache).pending_bytes >= 1000000);
    CHECK_OK(gyre_sync(cache));
    CHECK_EQ(api_stats(cache).syncs, 1);
    CHECK(api_stats(cache).pending_bytes <= 2 * cache->g.n_lanes * cache->arena_bytes); /* of open arenas */
    CHECK(api_stats(cache).sync_age_ms < HOUR_MS);
    api_close(cache);
    end();
    cache = api_open(MIB, 0);
    CHECK_EQ(gyre_sync(cache), GYRE_EINVAL);
    api_close(cache);
    CHECK_EQ(gyre_sync(NULL), GYRE_EINVAL);
}

TEST(file, it_is_written_out_from_time_to_time)
{
    begin();
    gyre_options o = options(GYRE_CREATE);
    o.flags &= ~(uint32_t)GYRE_NO_THREAD;
    o.sync_interval_ms = 2;
    gyre *cache = api_open_with(&o);
    for (unsigned i = 0; i < API_PAUSES_MOST && api_stats(cache).syncs < 3; i++)
        api_pause();
    CHECK(api_stats(cache).syncs >= 3);
    api_close(cache);
    o.flags |= GYRE_NO_THREAD;
    cache = api_open_with(&o);
    uint64_t before = api_stats(cache).syncs;
    for (unsigned i = 0; i < API_PAUSES_MOST && api_stats(cache).syncs == before; i++) {
        api_pause();
        CHECK(gyre_maintain(cache, 0) >= 0);
    }
    CHECK(api_stats(cache).syncs > before);
    api_close(cache);
    end();
}

/* The parent was the last to close it, and a child of it goes on. */
TEST(file, a_forked_child_opens_it_anew)
{
    begin();
    int go[2], status;
    char word;
    gyre *cache = open_it(GYRE_CREATE);
    CHECK_EQ(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        close(go[1]);
        int n = (int)read(go[0], &word, 1); /* its end: the parent has closed the cache */
        bool fine = n == 0 && is_clean() && put_text(cache, "child", "value") == GYRE_OK && !is_clean();
        gyre_close(cache);
        _exit(fine && is_clean() ? 0 : 1);
    }
    CHECK_OK(put_text(cache, "parent", "value"));
    api_close(cache);
    close(go[0]), close(go[1]);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    cache = open_it(0);
    CHECK(has_text(cache, "parent", "value") && has_text(cache, "child", "value"));
    api_close(cache);
    end();
}

static int
race(void *arg)
{
    (void)arg;
    gyre *cache;
    gyre_options o = options(GYRE_CREATE);
    for (unsigned i = 0; i < 20; i++) {
        EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
        EXPECT(2, put_bytes(cache, key_of((uint64_t)getpid()).text, 8, i) == GYRE_OK);
        EXPECT(3, has_bytes(cache, key_of((uint64_t)getpid()).text, 8, i));
        gyre_close(cache);
    }
    return 0;
}

TEST(file, any_number_open_and_close_it_at_once)
{
    begin();
    enum { PROCESSES = 6 };
    pid_t child[PROCESSES];
    int status;
    for (unsigned i = 0; i < PROCESSES; i++)
        if ((child[i] = fork()) == 0)
            _exit(race(NULL));
    for (unsigned i = 0; i < PROCESSES; i++)
        CHECK_MSG(waitpid(child[i], &status, 0) == child[i] && status == 0, "status %#x", (unsigned)status);
    CHECK(is_clean());
    gyre *cache = open_it(0);
    for (unsigned i = 0; i < PROCESSES; i++)
        CHECK(has_bytes(cache, key_of((uint64_t)child[i]).text, 8, 19));
    api_close(cache);
    end();
}

TEST(file, its_name_may_be_of_any_folder)
{
    begin();
    char before[4096], long_name[5000];
    CHECK(getcwd(before, sizeof before) != NULL);
    CHECK_EQ(chdir(folder), 0);
    gyre_options o = options(GYRE_CREATE);
    o.file_path = "cache";
    gyre *cache = api_open_with(&o);
    CHECK_EQ(chdir(before), 0);
    CHECK_EQ(api_stats(cache).unlinked, 0);
    CHECK_EQ(rename(path.text, other.text), 0);
    CHECK_EQ(api_stats(cache).unlinked, 1);
    api_close(cache);
    memset(long_name, 'n', sizeof long_name);
    long_name[0] = '/', long_name[4999] = 0;
    const char *const bad[] = {"", "/", "/tmp/", "/tmp/.", "..", "/tmp/.gyre-creating-1", long_name};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.file_path = bad[i];
        CHECK_MSG(result_of(&o) == GYRE_EINVAL && gyre_unlink(&o) == GYRE_EINVAL, "%.40s", bad[i]);
    }
    memset(long_name, 'n', 300);
    long_name[0] = '/', long_name[300] = 0;
    o.file_path = long_name;
    CHECK_EQ(result_of(&o), GYRE_EINVAL);
    o.file_path = "/nowhere/at/all";
    CHECK_EQ(result_of(&o), GYRE_ENOENT);
    o.file_path = "/dev/null/cache";
    CHECK_EQ(result_of(&o), GYRE_EPERM);
    end();
}

static void
check_refused(int answer, const char *what)
{
    struct stat before, after;
    CHECK_EQ(lstat(path.text, &before), 0);
    const uint32_t ways[] = {0, GYRE_CREATE, GYRE_READONLY};
    for (unsigned i = 0; i < 3; i++) {
        gyre_options o = options(ways[i]);
        CHECK_MSG(result_of(&o) == answer, "%s, flags %u: %d", what, ways[i], result_of(&o));
    }
    CHECK_EQ(lstat(path.text, &after), 0);
    CHECK_MSG(before.st_ino == after.st_ino && before.st_size == after.st_size && before.st_mode == after.st_mode &&
                  before.st_mtim.tv_nsec == after.st_mtim.tv_nsec, "%s was changed", what);
}

TEST(file, what_is_no_cache_of_its_own_is_left_alone)
{
    begin();
    CHECK_EQ(symlink("nowhere", path.text), 0);
    check_refused(GYRE_EPERM, "a link");
    unlink(path.text);
    CHECK_EQ(mkfifo(path.text, 0600), 0);
    check_refused(GYRE_EPERM, "a pipe");
    unlink(path.text);
    CHECK_EQ(mkdir(path.text, 0700), 0);
    check_refused(GYRE_EPERM, "a folder");
    rmdir(path.text);
    int file = open(path.text, O_CREAT | O_RDWR, 0600);
    check_refused(GYRE_EFORMAT, "an empty file");
    CHECK_EQ(write(file, "some text that somebody else wrote\n", 35), 35);
    check_refused(GYRE_EFORMAT, "a text");
    close(file), unlink(path.text);
    make();
    CHECK_EQ(link(path.text, other.text), 0);
    check_refused(GYRE_EPERM, "a file with two names");
    unlink(other.text);
    chmod(path.text, 0666);
    check_refused(GYRE_EPERM, "a file that others may write");
    chmod(path.text, 0600);
    struct stat s;
    stat(path.text, &s);
    CHECK_EQ(truncate(path.text, s.st_size - 4096), 0);
    check_refused(GYRE_ECORRUPT, "a short file");
    end();
}

static int
make_with_little_room(void *arg)
{
    (void)arg;
    struct rlimit most = {.rlim_cur = MIB, .rlim_max = MIB};
    gyre_options o = options(GYRE_CREATE);
    EXPECT(1, setrlimit(RLIMIT_FSIZE, &most) == 0);
    EXPECT(2, result_of(&o) == GYRE_ENOSPC);
    EXPECT(3, access(path.text, F_OK) != 0);
    return 0;
}

TEST(file, what_cannot_be_made_leaves_nothing)
{
    begin();
    region_process(make_with_little_room, NULL);
    end();
}

/* Who is killed after he has made an entry void, and before he has taken it out, leaves it in the index. */
TEST(file, a_void_entry_in_the_index_is_no_fault)
{
    begin(), make();
    gyre *cache = open_it(0);
    unsigned n = 0;
    for (unsigned shard = 0; shard < cache->g.n_shards; shard++)
        for (uint64_t b = 0; b < gy_shard_extent(cache, shard) * GY_BUCKET_SLOTS; b++) {
            gy_atomic_u64 *slot = &gy_shard_buckets(cache, shard)[b / GY_BUCKET_SLOTS].slot[b % GY_BUCKET_SLOTS];
            uint64_t word = gy_load_acq(slot);
            if (word == GY_EMPTY)
                continue;
            const char *entry = gy_at(cache, gy_slot_ref(word));
            const struct gy_found f = {slot, word, entry, gy_entry_header(entry), gy_ref_arena(cache, gy_slot_ref(word))};
            gy_proof_void(cache, &f);
            n++;
        }
    CHECK_EQ(n, 1);
    CHECK_EQ(whole_faults(cache, NULL), 0);
    while (gyre_maintain(cache, 1000000) > 0)
        continue;
    CHECK(is_missing(cache, "key")); /* it was doubted, since nobody had it open */
    CHECK_EQ(whole_faults(cache, NULL), 0);
    api_close(cache);
    end();
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file does not get another capacity, or another process was faster. */

#include "resize.h"

static int
tries_another(void *arg)
{
    gyre_options o = sized(8 * MIB, 0), same = sized(0, GYRE_COMPACT);
    gyre *cache;
    (void)arg;
    EXPECT(1, gyre_open(&cache, &o) == GYRE_EFORMAT);
    EXPECT(2, gyre_open(&cache, &same) == GYRE_EBUSY);
    return 0;
}

TEST(resize_refused, of_others_it_is_refused)
{
    begin(), make();
    gyre *cache = open_it(0);
    struct stat before, after;
    CHECK_EQ(stat(path.text, &before), 0);
    region_process(tries_another, NULL);
    CHECK_EQ(tries_another(NULL), 0); /* the same process is somebody else, too */
    CHECK_EQ(stat(path.text, &after), 0);
    CHECK(before.st_ino == after.st_ino);
    CHECK(has_text(cache, "key", "value"));
    CHECK(api_stats(cache).unlinked == 0 && api_stats(cache).capacity_bytes == 4 * MIB);
    api_close(cache);
    cache = open_sized(8 * MIB, 0);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    end();
}

TEST(resize_refused, who_only_reads_changes_nothing_and_goes_on)
{
    begin(), make();
    gyre_options o = sized(8 * MIB, GYRE_READONLY);
    check_refused(&o, GYRE_EFORMAT);
    o.flags |= GYRE_COMPACT;
    CHECK_EQ(result_of(&o), GYRE_EINVAL);
    gyre *reader = open_it(GYRE_READONLY), *cache = open_sized(8 * MIB, 0);
    char value[8];
    size_t size;
    CHECK_OK(gyre_read(reader, "key", 3, value, sizeof value, &size));
    CHECK_EQ(api_stats(reader).unlinked, 1);
    api_close(reader), api_close(cache);
    end();
}

TEST(resize_refused, no_capacity_asks_for_none)
{
    begin(), make();
    gyre *cache = open_sized(0, 0);
    CHECK(api_stats(cache).start == GYRE_START_WARM && api_stats(cache).capacity_bytes == 4 * MIB);
    api_close(cache);
    cache = open_sized(4 * MIB, GYRE_CREATE);
    CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
    api_close(cache);
    end();
}

TEST(resize_refused, what_cannot_be_is_refused)
{
    begin();
    gyre_options o = sized(4 * MIB, GYRE_CREATE);
    o.max_value_bytes = 100000;
    gyre *cache = api_open_with(&o);
    CHECK_OK(put_text(cache, "key", "value"));
    api_close(cache);
    o = sized(MIB / 2, 0); /* it does not take eight of the largest values */
    check_refused(&o, GYRE_EINVAL);
    o = sized(KIB, 0);
    check_refused(&o, GYRE_EINVAL);
    o = sized((uint64_t)8 << 40, 0);
    check_refused(&o, GYRE_EINVAL);
    o = sized(8 * MIB, 0), o.max_value_bytes = 5;
    check_refused(&o, GYRE_EFORMAT);
    o = sized(0, GYRE_COMPACT), o.file_path = NULL, o.shm_name = "gyre-test-compact";
    CHECK_EQ(result_of(&o), GYRE_EINVAL);
    o.shm_name = NULL, o.capacity_bytes = MIB;
    CHECK_EQ(result_of(&o), GYRE_EINVAL);
    cache = open_sized(8 * MIB, 0);
    CHECK_EQ(api_stats(cache).max_value_bytes, 100000);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    end();
}

TEST(resize_refused, on_a_full_disk_the_old_one_stays)
{
    begin(), make_filled(4 * MIB, 1000, 0);
    const struct rlimit limit = {(rlim_t)mapped_bytes() + MIB, RLIM_INFINITY};
    struct rlimit before;
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    gyre_options o = sized(BIG, GYRE_CREATE);
    check_refused(&o, GYRE_ENOSPC);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK(is_clean());
    gyre *cache = open_sized(0, 0);
    CHECK(api_stats(cache).start == GYRE_START_WARM && found(cache, 0, 1000) == 1000);
    api_close(cache);
    end();
}

TEST(resize_refused, where_no_file_may_be_made_the_old_one_stays)
{
    if (geteuid() == 0)
        return; /* root may */
    begin(), make();
    CHECK_EQ(chmod(folder, 0500), 0);
    gyre_options o = sized(8 * MIB, 0);
    check_refused(&o, GYRE_EPERM);
    CHECK_EQ(chmod(folder, 0700), 0);
    end();
}

TEST(resize_refused, the_owner_stays)
{
    if (geteuid() != 0)
        return; /* nobody else may give files away */
    begin(), make();
    struct stat s;
    CHECK_EQ(chown(path.text, 1234, 4321), 0);
    gyre_options o = sized(8 * MIB, 0);
    o.mode = 0666;
    gyre *cache = api_open_with(&o);
    api_close(cache);
    CHECK_EQ(stat(path.text, &s), 0);
    CHECK(s.st_uid == 1234 && s.st_gid == 4321 && (s.st_mode & 07777) == 0600);
    end();
}

static int
opens_at_once(void *arg)
{
    gyre_options o = sized(*(const uint64_t *)arg, GYRE_CREATE);
    for (unsigned i = 0; i < 20; i++) {
        gyre *cache;
        int result = gyre_open(&cache, &o);
        EXPECT(1, result == GYRE_OK || result == GYRE_EFORMAT); /* another has it open */
        if (result != GYRE_OK)
            continue;
        EXPECT(2, has_text(cache, "key", "value"));
        gyre_close(cache);
    }
    return 0;
}

TEST(resize_refused, many_at_once_get_one_after_the_other)
{
    static const uint64_t capacity[] = {4 * MIB, 5 * MIB, 6 * MIB, 7 * MIB};
    begin(), make();
    pid_t child[4];
    for (unsigned i = 0; i < 4; i++)
        if ((child[i] = fork()) == 0)
            _exit(opens_at_once((void *)(uintptr_t)&capacity[i]));
    for (unsigned i = 0; i < 4; i++) {
        int status;
        CHECK(waitpid(child[i], &status, 0) == child[i]);
        CHECK_MSG(status == 0, "status %#x", (unsigned)status);
    }
    gyre *cache = open_it(0);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    end();
}

static int
waits(void *arg)
{
    gyre *cache;
    gyre_options o = options(0);
    (void)arg;
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    EXPECT(2, api_stats(cache).unlinked == 0);
    EXPECT(3, has_text(cache, "key", "value"));
    gyre_close(cache);
    return 0;
}

TEST(resize_refused, who_waits_begins_anew_with_what_has_the_name)
{
    begin(), make();
    copy(path.text, other.text);
    int file = open(path.text, O_RDONLY), status;
    CHECK_EQ(flock(file, LOCK_EX), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(waits(NULL));
    usleep(100000); /* until it waits: else it finds the other at once, and this shows less */
    CHECK_EQ(rename(other.text, path.text), 0);
    CHECK_EQ(flock(file, LOCK_UN), 0);
    close(file);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(status == 0, "status %#x", (unsigned)status);
    end();
}

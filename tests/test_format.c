/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Files of other formats, by heads that are made up: what may be opened is, and what may not be keeps every byte. */

#include "file_cache.h"

static void
check_untouched(const char *what)
{
    static const uint32_t ways[] = {0, GYRE_CREATE, GYRE_READONLY, GYRE_CREATE | GYRE_NO_CHECKSUMS};
    char command[200];
    struct stat before, after;
    copy(path.text, other.text);
    CHECK_EQ(stat(path.text, &before), 0);
    for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        gyre_options o = options(ways[i]);
        CHECK_MSG(result_of(&o) == GYRE_EFORMAT, "%s, flags %u: %d", what, ways[i], result_of(&o));
    }
    snprintf(command, sizeof command, "cmp -s %s %s", path.text, other.text);
    CHECK_MSG(system(command) == 0, "%s: bytes were changed", what);
    CHECK_EQ(stat(path.text, &after), 0);
    CHECK_MSG(before.st_ino == after.st_ino && before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
                  before.st_mtim.tv_nsec == after.st_mtim.tv_nsec, "%s: it was written to", what);
    unlink(other.text);
}

/* A head that its own build would take for whole. */
static void
change_major(struct gy_super *s, uint64_t by)
{
    s->format = (uint16_t)(s->format + by);
    gy_layout_sign_quiet(s);
}

static void
change_minor(struct gy_super *s, uint64_t by)
{
    s->minor = (uint16_t)(s->minor + by);
    gy_layout_sign_quiet(s);
}

static void
change_stamp(struct gy_super *s, uint64_t by)
{
    s->stamp ^= (uint32_t)by;
    gy_layout_sign_quiet(s);
}

TEST(format, another_major_is_left_alone)
{
    begin(), make();
    in_head(change_major, 1);
    check_untouched("a later major");
    in_head(change_major, (uint64_t)-2);
    check_untouched("an earlier major");
    in_head(change_major, 1);
    gyre *cache = open_it(0);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    end();
}

TEST(format, a_later_minor_is_left_alone)
{
    begin(), make();
    in_head(change_minor, GY_FORMAT_MINOR + 1);
    check_untouched("a later minor");
    in_head(change_minor, (uint64_t)-GY_FORMAT_MINOR - 1);
    gyre *cache = open_it(0);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    end();
}

/* One that uses nothing of later minors is of the first, and stays so. */
TEST(format, an_earlier_minor_is_opened)
{
    CHECK(GY_FORMAT_MINOR > 0);
    begin(), make();
    for (unsigned round = 0; round < 2; round++) {
        gyre *cache = open_it(0);
        CHECK_EQ(cache->super->minor, 0);
        CHECK(has_text(cache, "key", "value"));
        CHECK_OK(put_text(cache, "key", "value"));
        api_close(cache);
        in_head(reboot, 0);
    }
    end();
}

TEST(format, another_build_s_file_is_left_alone)
{
    begin(), make();
    in_head(change_stamp, 1);
    check_untouched("a build with other sizes");
    end();
}

/* As a machine of the other byte order writes its words. */
static void
turn_round(struct gy_super *s, uint64_t by)
{
    (void)by;
    uint64_t words[sizeof *s / sizeof(uint64_t)];
    memcpy(words, s, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        words[i] = __builtin_bswap64(words[i]);
    memcpy(s, words, sizeof words);
}

TEST(format, the_other_byte_order_is_left_alone)
{
    begin(), make();
    in_head(turn_round, 0);
    check_untouched("another byte order");
    in_head(turn_round, 0);
    gyre *cache = open_it(0);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    end();
}

static void
flip(struct gy_super *s, uint64_t bit)
{
    uint64_t word;
    memcpy(&word, (const char *)s + sizeof s->magic, sizeof word);
    word ^= (uint64_t)1 << bit;
    memcpy((char *)s + sizeof s->magic, &word, sizeof word);
}

/* Format, minor and stamp have a sum, too: a bit that turned over makes no other format of a file. */
TEST(format, a_bit_of_it_is_mended)
{
    begin(), make();
    for (unsigned bit = 0; bit < 64; bit++) {
        in_head(flip, bit);
        gyre *cache = open_it(0);
        CHECK_EQ(api_stats(cache).start, GYRE_START_WARM);
        CHECK(has_text(cache, "key", "value"));
        CHECK(cache->super->format == GY_FORMAT && cache->super->minor == 0);
        api_close(cache);
    }
    end();
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "slot.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "arena.h"

TEST(slot, fields_are_disjoint_and_fill_the_word)
{
    const uint64_t field[] = {GY_TAG_MASK, GY_T, GY_FREQ_MASK, GY_REF_MASK};
    uint64_t all = 0;
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(all & field[i], 0);
        all |= field[i];
    }
    CHECK_EQ(~all, 0);
    CHECK_EQ(GY_FREQ_ONE * GY_FREQ_MOST, GY_FREQ_MASK);
}

TEST(slot, every_field_comes_back)
{
    uint64_t seed = api_seed("slot");
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t hash = api_random(&seed), pick = api_random(&seed);
        uint64_t ref = pick % 4 == 0 ? GY_REF_MASK : pick % 4 == 1 ? 1 : pick >> 8 & GY_REF_MASK;
        unsigned freq = (unsigned)pick & GY_FREQ_MOST;
        for (unsigned t = 0; t < 2; t++) {
            uint64_t word = gy_slot_word(hash, freq, ref) | (t ? GY_T : 0);
            CHECK_EQ(gy_slot_ref(word), ref);
            CHECK_EQ(gy_slot_offset(word), ref << 3);
            CHECK_EQ(gy_slot_freq(word), freq);
            CHECK_EQ(gy_slot_tentative(word), t);
            CHECK_EQ(word >> GY_TAG_SHIFT, hash >> GY_TAG_SHIFT);
            CHECK(gy_slot_may_match(word, hash) || word == GY_EMPTY);
        }
    }
}

TEST(slot, a_hit_adds_to_the_frequency_and_to_nothing_else)
{
    uint64_t hash = (uint64_t)0xabcde << GY_TAG_SHIFT, word = gy_slot_word(hash, 0, GY_REF_MASK);
    for (unsigned freq = 1; freq <= GY_FREQ_MOST; freq++) {
        word += GY_FREQ_ONE;
        CHECK_EQ(gy_slot_freq(word), freq);
        CHECK_EQ(gy_slot_ref(word), GY_REF_MASK);
        CHECK(!gy_slot_tentative(word) && gy_slot_may_match(word, hash));
    }
}

TEST(slot, a_match_is_one_of_the_whole_tag)
{
    uint64_t hash = 0x123456789abcdef0u, word = gy_slot_word(hash, 3, 77);
    for (unsigned bit = 0; bit < 64; bit++)
        CHECK_MSG(gy_slot_may_match(word, hash ^ (uint64_t)1 << bit) == (bit < GY_TAG_SHIFT), "bit %u", bit);
    CHECK(gy_slot_may_match(word | GY_T, hash));
    CHECK(!gy_slot_may_match(GY_EMPTY, 0)); /* the tag of an empty slot is no tag */
}

TEST(slot, a_bucket_is_a_cache_line)
{
    CHECK_EQ(sizeof(struct gy_bucket), GY_LINE);
    CHECK_EQ(_Alignof(struct gy_bucket), GY_LINE);
}

/* The numbers in the first line of a header that begins a picture of bits: " *   63   44  43 ... 0". */
static void
read_picture(const char *path, char *out, size_t room)
{
    char line[256];
    FILE *f = fopen(path, "r");
    CHECK_MSG(f != NULL, "%s, from the folder above tests/", path);
    *out = '\0';
    while (*out == '\0' && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, " *   63 ", 8) != 0)
            continue;
        for (char *word = strtok(line, " *\n"); word != NULL; word = strtok(NULL, " *\n"))
            snprintf(out + strlen(out), room - strlen(out), "%s ", word);
    }
    fclose(f);
}

/* First and last bit of each field, from the top; a field of one bit is one number. */
static void
draw(char *out, size_t room, const uint64_t *field, unsigned n)
{
    *out = '\0';
    for (unsigned i = 0; i < n; i++) {
        unsigned high = 63u - (unsigned)__builtin_clzll(field[i]), low = (unsigned)__builtin_ctzll(field[i]);
        snprintf(out + strlen(out), room - strlen(out), "%u ", high);
        if (high != low)
            snprintf(out + strlen(out), room - strlen(out), "%u ", low);
    }
}

TEST(slot, the_picture_in_the_header_is_right)
{
    char drawn[128], real[128];
    const uint64_t field[] = {GY_TAG_MASK, GY_T, GY_FREQ_MASK, GY_REF_MASK};
    read_picture("src/slot.h", drawn, sizeof drawn);
    draw(real, sizeof real, field, 4);
    CHECK_STR(drawn, real);
}

TEST(slot, the_picture_of_an_arena_word_is_right)
{
    char drawn[128], real[128];
    uint64_t none = gy_arena_word((enum gy_arena_state)0, 0, 0, 0, 0);
    const uint64_t field[] = {gy_arena_word(GY_FREE, 0, 0, 0, GY_SEQUENCE_MASK),
                              gy_arena_word(GY_FREE, 0, 0, 255, 0), gy_arena_word(GY_FREE, 0, 0x7ff, 0, 0),
                              gy_arena_word(GY_FREE, 1, 0, 0, 0), GY_STATE_PARITY,
                              ~gy_arena_with_state(~(uint64_t)0, GY_FREE) & ~(uint64_t)GY_STATE_PARITY};
    CHECK_EQ(none, 0);
    read_picture("src/arena.h", drawn, sizeof drawn);
    draw(real, sizeof real, field, 6);
    CHECK_STR(drawn, real);
}

/* One bit of a state that turns over makes no other. */
TEST(slot, states_of_arenas_have_two_bits_between_them)
{
    for (unsigned state = GY_FREE; state <= GY_WITHDRAWN; state++) {
        uint64_t word = gy_arena_word((enum gy_arena_state)state, 1, 5, 7, 9);
        CHECK_EQ(gy_arena_state(word), state);
        CHECK(gy_arena_state_whole(word));
        for (unsigned bit = 0; bit < 4; bit++)
            CHECK(!gy_arena_state_whole(word ^ (uint64_t)1 << bit));
    }
}

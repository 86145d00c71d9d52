/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "entry.h"

#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "policy.h"

enum { ROOM = 64 * 1024 };

static struct gy_content
content_of(unsigned kinds, char *key, uint16_t key_bytes, char *value, uint32_t value_bytes)
{
    fill_bytes(key, key_bytes, 1);
    fill_bytes(value, value_bytes, 2);
    return (struct gy_content){.key = key, .value = value, .value_bytes = value_bytes, .key_bytes = key_bytes,
                               .user_flags = kinds & 1 ? 0x89abcdef : 0,
                               .expiry_ms = kinds & 2 ? 0x1122334455667788 : 0,
                               .version = kinds & 4 ? 0x99aabbccddeeff01 : 0,
                               .kind = (uint8_t)((value_bytes + key_bytes) % 32)};
}

static void
write_entry(char *base, uint64_t offset, uint32_t align, const struct gy_content *c, struct gy_header *h)
{
    *h = (struct gy_header){.value_bytes = c->value_bytes, .key_bytes = c->key_bytes,
                            .flags = gy_content_flags(c), .generation = 0xa5};
    gy_entry_set_header(base + offset, *h);
    gy_entry_fill(base + offset, c);
    memcpy(base + offset + gy_entry_value_offset(offset, *h, align), c->value, c->value_bytes);
}

static void
check_entry(const char *base, uint64_t offset, uint32_t align, const struct gy_content *c, struct gy_header h)
{
    const char *entry = base + offset;
    struct gy_header read = gy_entry_header(entry);
    CHECK_MEM(&read, &h, sizeof h);
    uint64_t value_at = gy_entry_value_offset(offset, h, align), bytes = gy_entry_bytes(offset, h, align);
    CHECK_EQ((offset + value_at) % align, 0);
    CHECK((uint64_t)(gy_entry_key(entry, h) - entry) + c->key_bytes <= value_at);
    CHECK(value_at + c->value_bytes <= bytes && bytes % GY_ENTRY_ALIGN == 0);
    CHECK(value_at < gy_entry_key_offset(h.flags) + c->key_bytes + align); /* no padding beyond alignment */
    CHECK(bytes < value_at + c->value_bytes + GY_ENTRY_ALIGN);
    CHECK_EQ(gy_entry_expiry(entry, h), c->expiry_ms);
    CHECK_EQ(gy_entry_version(entry, h), c->version);
    CHECK_EQ(gy_entry_user_flags(entry, h), c->user_flags);
    CHECK(gy_entry_has_key(entry, h, c->key, c->key_bytes));
    struct gy_content back = gy_entry_content(entry, offset, h, align);
    CHECK_EQ(back.value_bytes, c->value_bytes);
    CHECK_EQ(back.key_bytes, c->key_bytes);
    CHECK(back.user_flags == c->user_flags && back.expiry_ms == c->expiry_ms && back.version == c->version);
    CHECK_EQ(back.kind, c->kind);
    CHECK_MEM(back.key, c->key, c->key_bytes);
    CHECK_MEM(back.value, c->value, c->value_bytes);
}

TEST(entry, all_sizes_flags_and_alignments_come_back)
{
    static const uint32_t size[] = {0, 1, 7, 8, 9, 15, 64, 255, 300};
    char *base = aligned_alloc(4096, ROOM), key[300], value[300];
    CHECK(base != NULL);
    for (uint32_t align = 8; align <= 4096; align *= 2)
        for (unsigned kinds = 0; kinds < 8; kinds++)
            for (unsigned k = 1; k < 9; k++)
                for (unsigned v = 0; v < 9; v++) {
                    struct gy_content c = content_of(kinds, key, (uint16_t)size[k], value, size[v]);
                    struct gy_header h;
                    uint64_t offset = 8u * (1 + k * 9 + v);
                    memset(base + offset, 0, 2 * 4096);
                    write_entry(base, offset, align, &c, &h);
                    check_entry(base, offset, align, &c, h);
                }
    free(base);
}

/* Entries back to back, as an arena has them: each writes within its own bytes only. */
TEST(entry, neighbours_do_not_overlap)
{
    enum { MOST = 200 };
    uint64_t seed = api_seed("entry");
    char *base = aligned_alloc(4096, ROOM * 16);
    CHECK(base != NULL);
    for (uint32_t align = 8; align <= 4096; align *= 8) {
        static char key[MOST][300], value[MOST][300];
        struct gy_content c[MOST];
        struct gy_header h[MOST];
        uint64_t at[MOST + 1] = {8};
        unsigned n = 0;
        memset(base, 0xee, ROOM * 16);
        for (; n < MOST && at[n] + 2 * 4096 < ROOM * 16; n++) {
            uint64_t r = api_random(&seed);
            c[n] = content_of((unsigned)r & 7, key[n], (uint16_t)(1 + (r >> 8) % 300), value[n],
                              (uint32_t)((r >> 32) % 301));
            write_entry(base, at[n], align, &c[n], &h[n]);
            at[n + 1] = at[n] + gy_entry_bytes(at[n], h[n], align);
        }
        CHECK(n > 50);
        for (unsigned i = 0; i < n; i++)
            check_entry(base, at[i], align, &c[i], h[i]);
        CHECK_EQ((unsigned char)base[at[n]], 0xee);
        CHECK_EQ((unsigned char)base[7], 0xee);
    }
    free(base);
}

/* The policy's kind shares a byte with the bits that say which words follow: neither disturbs the other. */
TEST(entry, a_kind_goes_into_the_upper_bits)
{
    _Static_assert(GY_ENTRY_KIND_SHIFT + GY_KIND_BITS == 8 && GY_KINDS <= 1 << GY_KIND_BITS, "kinds fit");
    _Static_assert(GY_ENTRY_KNOWN < 1 << GY_ENTRY_KIND_SHIFT, "the lower bits are taken");
    for (unsigned words = 0; words <= GY_ENTRY_KNOWN; words++)
        for (unsigned kind = 0; kind < 1 << GY_KIND_BITS; kind++) {
            struct gy_content c = {.user_flags = words & GY_ENTRY_USER_FLAGS, .expiry_ms = words & GY_ENTRY_EXPIRY,
                                   .version = words & GY_ENTRY_VERSION, .kind = (uint8_t)kind};
            struct gy_header h = {.flags = gy_content_flags(&c)};
            CHECK_EQ(gy_entry_kind(h), kind);
            CHECK_EQ(h.flags & GY_ENTRY_KNOWN, words);
            CHECK_EQ(gy_entry_key_offset(h.flags), gy_entry_key_offset((uint8_t)words));
        }
}

TEST(entry, a_key_is_another_when_a_byte_or_its_length_is)
{
    char room[512], key[40], value[8];
    _Alignas(8) char entry[512];
    struct gy_content c = content_of(7, key, 40, value, 8);
    struct gy_header h = {.value_bytes = 8, .key_bytes = 40, .flags = gy_content_flags(&c)};
    memset(entry, 0, sizeof entry);
    gy_entry_set_header(entry, h);
    gy_entry_fill(entry, &c);
    memset(room, 0, sizeof room);
    memcpy(room, key, 40);
    CHECK(gy_entry_has_key(entry, h, room, 40));
    CHECK(!gy_entry_has_key(entry, h, room, 39));
    CHECK(!gy_entry_has_key(entry, h, room, 41));
    for (unsigned i = 0; i < 40; i++) {
        room[i] ^= 1;
        CHECK(!gy_entry_has_key(entry, h, room, 40));
        room[i] ^= 1;
    }
}

TEST(entry, bytes_are_the_same_when_all_of_them_are)
{
    char a[300], b[300];
    for (size_t n = 1; n <= sizeof a; n += n < 40 ? 1 : 65) {
        fill_bytes(a, sizeof a, n);
        fill_bytes(b, sizeof b, n + 1);
        memcpy(b, a, n); /* what follows does not count */
        CHECK(gy_entry_same_bytes(a, b, n));
        for (size_t i = 0; i < n; i++)
            for (unsigned bit = 0; bit < 8; bit++) {
                b[i] = (char)(b[i] ^ (1 << bit));
                CHECK_MSG(!gy_entry_same_bytes(a, b, n), "byte %zu of %zu", i, n);
                b[i] = a[i];
            }
    }
}

static uint64_t
plain_size(struct gy_header h, size_t key_bytes)
{
    return gy_entry_plain_size(h, key_bytes, GY_ENTRY_PLAIN_BITS);
}

TEST(entry, is_plain_with_a_key_of_that_size_and_no_words)
{
    for (unsigned flags = 0; flags < 256; flags++)
        for (uint32_t n = 1; n <= GY_KEY_MOST; n = n == GY_KEY_MOST ? n + 1 : (uint32_t)gy_min(n * 3, GY_KEY_MOST)) {
            struct gy_header h = {.value_bytes = UINT32_MAX, .key_bytes = (uint16_t)n, .flags = (uint8_t)flags,
                                  .generation = (uint8_t)(n + flags)};
            bool plain = (flags & GY_ENTRY_KNOWN) == 0;
            CHECK(plain ? plain_size(h, n) == UINT32_MAX : plain_size(h, n) > UINT32_MAX);
            for (unsigned bit = 0; bit < 16; bit++)
                CHECK(plain_size(h, n ^ 1u << bit) > UINT32_MAX);
        }
}

/* The bytes themselves, for those who read a region with other means. */
TEST(entry, the_bytes_are_those_of_the_essay)
{
    static const unsigned char golden[] = {
        3, 0, 0, 0, 2, 0, 0x97, 9, /* value bytes, key bytes, kind and flags, generation */
        5, 0, 0, 0, 0, 0, 0, 0,    /* expiry */
        6, 0, 0, 0, 0, 0, 0, 0,    /* version */
        7, 0, 0, 0, 'k', 'y', 0, 0, /* user flags, key, padding */
        'v', 'a', 'l', 0, 0, 0, 0, 0,
    };
    _Alignas(64) char entry[sizeof golden] = {0};
    struct gy_content c = {.key = "ky", .value = "val", .value_bytes = 3, .key_bytes = 2, .user_flags = 7,
                           .expiry_ms = 5, .version = 6, .kind = 18};
    struct gy_header h = {.value_bytes = 3, .key_bytes = 2, .flags = gy_content_flags(&c), .generation = 9};
    gy_entry_set_header(entry, h);
    gy_entry_fill(entry, &c);
    memcpy(entry + gy_entry_value_offset(0, h, 8), "val", 3);
    CHECK_EQ(gy_entry_bytes(0, h, 8), sizeof golden);
    CHECK_MEM(entry, golden, sizeof golden);
}

TEST(entry, the_largest_sizes_do_not_wrap)
{
    struct gy_header h = {.value_bytes = UINT32_MAX, .key_bytes = GY_KEY_MOST, .flags = GY_ENTRY_KNOWN};
    CHECK(gy_entry_bytes(8, h, 4096) > (uint64_t)UINT32_MAX + GY_KEY_MOST);
    uint64_t far = (((uint64_t)1 << 40) - 1) << 3; /* the last ref there is */
    CHECK_EQ((far + gy_entry_value_offset(far, h, 4096)) % 4096, 0);
}

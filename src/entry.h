/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The bytes of an entry. Immutable once published, but for the header's kind.
 *
 *   header (8) | expiry (8)? | version (8)? | user flags (4)? | key | padding | value | padding to 8
 *
 * The header announces which words follow. Bits are left for a checksum and a persistent sequence.
 * The value stands at the cache's alignment within the region; where exactly, and how many bytes the
 * entry takes, follows from the header and the entry's own place alone.
 *
 * The header's first store is atomic and is the last step of reserving the room, so that whoever walks
 * the arena finds the next entry; every other byte is written before the entry is published. It is stored again
 * when the key is written: whoever walks an arena that is still written to hashes no key before that. And once more by
 * who took the last ref to the entry out of the index, if he holds its arena anyway: then a walk need not look for it. */

#ifndef GY_ENTRY_H
#define GY_ENTRY_H

#include <string.h>

#include "atomic.h"
#include "base.h"

enum {
    GY_ENTRY_EXPIRY = 1,
    GY_ENTRY_VERSION = 2,
    GY_ENTRY_USER_FLAGS = 4,
    GY_ENTRY_KNOWN = 7,
    GY_ENTRY_KIND_SHIFT = 3, /* above: the policy's kind (policy.h) */
    GY_ENTRY_UNFILLED = 31 << GY_ENTRY_KIND_SHIFT, /* in its place: the key is not written yet, or the entry has gone */
    GY_ENTRY_LEASE_KIND = 30, /* in its place: a lease on the key, and no value (lease.h) */

    GY_KEY_MOST = 65535,
    GY_ENTRY_ALIGN = 8,
};

struct gy_header {
    uint32_t value_bytes;
    uint16_t key_bytes;
    uint8_t flags;
    uint8_t generation; /* the low bits of the arena's: a check, never a proof */
};

_Static_assert(sizeof(struct gy_header) == sizeof(uint64_t), "a header is one atomic word");

static inline uint64_t
gy_header_word(struct gy_header h)
{
    uint64_t word;
    memcpy(&word, &h, sizeof word);
    return word;
}

/* What an entry is made of, before it has a place. */
struct gy_content {
    const void *key;
    const void *value; /* NULL: to be filled in later */
    uint32_t value_bytes;
    uint16_t key_bytes;
    uint32_t user_flags;
    uint64_t expiry_ms; /* cache time; 0: none */
    uint64_t version;   /* 0: none */
    uint8_t kind;       /* what the policy knows of it */
};

/* Without the optional words. */
static inline struct gy_content
gy_content_plain(const void *key, size_t key_bytes, const void *value, size_t value_bytes, unsigned kind)
{
    return (struct gy_content){.key = key, .value = value, .value_bytes = (uint32_t)value_bytes,
                               .key_bytes = (uint16_t)key_bytes, .kind = (uint8_t)kind};
}

static inline uint8_t
gy_content_flags(const struct gy_content *c)
{
    uint8_t kind = (uint8_t)(c->kind << GY_ENTRY_KIND_SHIFT);
    if (gy_likely((c->expiry_ms | c->version | c->user_flags) == 0))
        return kind;
    return (uint8_t)((c->expiry_ms ? GY_ENTRY_EXPIRY : 0) | (c->version ? GY_ENTRY_VERSION : 0) |
                     (c->user_flags ? GY_ENTRY_USER_FLAGS : 0) | kind);
}

/* Header, expiry (1) 8 bytes, version (2) 8, user flags (4) 4. */
static inline uint32_t
gy_entry_key_offset(uint8_t flags)
{
    static const uint8_t offset[GY_ENTRY_KNOWN + 1] = {8, 16, 16, 24, 12, 20, 20, 28};
    return offset[flags & GY_ENTRY_KNOWN];
}

static inline uint8_t
gy_entry_kind(struct gy_header h)
{
    return h.flags >> GY_ENTRY_KIND_SHIFT;
}

/* What of a header gy_entry_plain_size looks at: all but kind and generation. */
#define GY_ENTRY_PLAIN_BITS ((uint64_t)GY_ENTRY_KNOWN << 48 | (uint64_t)UINT16_MAX << 32 | UINT32_MAX)

/* Has it none of the optional words, and a key of so many bytes? Then the key follows the header, and this is the value's
 * size. Else this is 2^32 or more. plain_bits: GY_ENTRY_PLAIN_BITS. */
static GY_INLINE uint64_t
gy_entry_plain_size(struct gy_header h, size_t key_bytes, uint64_t plain_bits)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word = gy_header_word(h);
#else
    uint64_t word = (uint64_t)h.flags << 48 | (uint64_t)h.key_bytes << 32 | h.value_bytes;
#endif
    return (word & plain_bits) ^ (uint64_t)key_bytes << 32;
}

/* Has it none of the optional words, and a key of so many bytes? */
static GY_INLINE bool
gy_entry_plain(struct gy_header h, size_t key_bytes)
{
    return gy_entry_plain_size(h, key_bytes, GY_ENTRY_PLAIN_BITS) <= UINT32_MAX;
}

/* Where the value starts, from the start of the entry, for an entry at this offset of its region. */
static inline uint64_t
gy_entry_value_offset(uint64_t offset, struct gy_header h, uint32_t align)
{
    return gy_align_up(offset + gy_entry_key_offset(h.flags) + h.key_bytes, align) - offset;
}

static inline uint64_t
gy_entry_bytes(uint64_t offset, struct gy_header h, uint32_t align)
{
    return gy_align_up(gy_entry_value_offset(offset, h, align) + h.value_bytes, GY_ENTRY_ALIGN);
}

static inline struct gy_header
gy_entry_header(const char *entry)
{
    /* (Relaxed: the slot that led here was acquired, and who changes the kind changes nothing else.) */
    uint64_t word = gy_load_rlx((const gy_atomic_u64 *)(const void *)entry);
    struct gy_header h;
    memcpy(&h, &word, sizeof h);
    return h;
}

static inline bool
gy_entry_filled(struct gy_header h)
{
    return (h.flags & GY_ENTRY_UNFILLED) != GY_ENTRY_UNFILLED;
}

/* Its expiry, which it always has, is the lease's limit: so that no lookup takes it for a plain entry. */
static inline bool
gy_entry_is_lease(struct gy_header h)
{
    return gy_entry_kind(h) == GY_ENTRY_LEASE_KIND && (h.flags & GY_ENTRY_EXPIRY) != 0;
}

/* For a walk, which no slot tells that the entry is complete: acquires its key. */
static inline struct gy_header
gy_entry_header_walked(const char *entry)
{
    uint64_t word = gy_load_acq((const gy_atomic_u64 *)(const void *)entry);
    struct gy_header h;
    memcpy(&h, &word, sizeof h);
    return h;
}

/* (Release: the key comes before the header that says so. The first one need not be: whoever reads pins and finds
 * none of this arena sees it, since the pin is cleared by a release store after this one.) */
static inline void
gy_entry_set_word(char *entry, uint64_t header_word)
{
    gy_store_rel((gy_atomic_u64 *)(void *)entry, header_word);
}

static inline void
gy_entry_set_header(char *entry, struct gy_header h)
{
    gy_entry_set_word(entry, gy_header_word(h));
}

/* No slot refers to it, and none will: for walks. Release: the word is out of its slot before. */
static inline void
gy_entry_set_gone(const char *entry, struct gy_header h)
{
    const struct gy_header gone = {.flags = GY_ENTRY_UNFILLED};
    gy_entry_set_word((char *)(uintptr_t)entry, gy_header_word(h) | gy_header_word(gone));
}

static inline const char *
gy_entry_key(const char *entry, struct gy_header h)
{
    return entry + gy_entry_key_offset(h.flags);
}

/* Of 8 to 16 bytes: without a call, the first and the last eight. */
static GY_INLINE bool
gy_entry_same_bytes(const char *a, const char *b, size_t n)
{
    if (gy_unlikely(n - 8 > 8))
        return memcmp(a, b, n) == 0;
    uint64_t x[2], y[2];
    memcpy(&x[0], a, 8), memcpy(&x[1], a + n - 8, 8);
    memcpy(&y[0], b, 8), memcpy(&y[1], b + n - 8, 8);
    return gy_likely(x[0] == y[0]) && gy_likely(x[1] == y[1]);
}

static GY_INLINE bool
gy_entry_has_key(const char *entry, struct gy_header h, const void *key, size_t key_bytes)
{
    gy_bytes_read(gy_entry_key(entry, h), h.key_bytes);
    gy_bytes_read(key, key_bytes);
    return h.key_bytes == key_bytes && gy_entry_same_bytes(gy_entry_key(entry, h), key, key_bytes);
}

static inline uint64_t
gy_entry_expiry(const char *entry, struct gy_header h)
{
    uint64_t expiry = 0;
    gy_bytes_read(entry + sizeof h, gy_entry_key_offset(h.flags) - sizeof h);
    if (h.flags & GY_ENTRY_EXPIRY)
        memcpy(&expiry, entry + sizeof h, sizeof expiry);
    return expiry;
}

static inline uint64_t
gy_entry_version(const char *entry, struct gy_header h)
{
    uint64_t version = 0;
    gy_bytes_read(entry + sizeof h, gy_entry_key_offset(h.flags) - sizeof h);
    if (h.flags & GY_ENTRY_VERSION)
        memcpy(&version, entry + sizeof h + (h.flags & GY_ENTRY_EXPIRY ? 8 : 0), sizeof version);
    return version;
}

static inline uint32_t
gy_entry_user_flags(const char *entry, struct gy_header h)
{
    uint32_t flags = 0;
    gy_bytes_read(entry + sizeof h, gy_entry_key_offset(h.flags) - sizeof h);
    if (h.flags & GY_ENTRY_USER_FLAGS)
        memcpy(&flags, entry + gy_entry_key_offset(h.flags) - 4, sizeof flags);
    return flags;
}

/* Everything but the header and the value: the optional words and the key. */
static inline void
gy_entry_fill(char *entry, const struct gy_content *c)
{
    char *at = entry + sizeof(struct gy_header);
    gy_bytes_read(c->key, c->key_bytes);
    gy_bytes_written(at, gy_entry_key_offset(gy_content_flags(c)) - sizeof(struct gy_header) + c->key_bytes);
    if (c->expiry_ms)
        memcpy(at, &c->expiry_ms, 8), at += 8;
    if (c->version)
        memcpy(at, &c->version, 8), at += 8;
    if (c->user_flags)
        memcpy(at, &c->user_flags, 4), at += 4;
    memmove(at, c->key, c->key_bytes); /* as the value */
}

/* The other direction: pointers into the entry. */
static inline struct gy_content
gy_entry_content(const char *entry, uint64_t offset, struct gy_header h, uint32_t align)
{
    struct gy_content content = {.key = gy_entry_key(entry, h),
                                 .value = entry + gy_entry_value_offset(offset, h, align),
                                 .value_bytes = h.value_bytes,
                                 .key_bytes = h.key_bytes,
                                 .kind = gy_entry_kind(h)};
    if (gy_unlikely((h.flags & GY_ENTRY_KNOWN) != 0)) {
        content.user_flags = gy_entry_user_flags(entry, h);
        content.expiry_ms = gy_entry_expiry(entry, h);
        content.version = gy_entry_version(entry, h);
    }
    return content;
}

#endif

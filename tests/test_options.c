/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "api.h"

static gyre_options
good(void)
{
    return api_options(1 << 20, 0);
}

static bool
refused(const gyre_options *given)
{
    gyre_options out;
    return gy_options_check(&out, given) == GYRE_EINVAL;
}

static uint64_t
no_clock(void *arg)
{
    (void)arg;
    return 0;
}

static void *
no_memory(void *arg, size_t bytes)
{
    (void)arg, (void)bytes;
    return NULL;
}

static void
nothing_to_free(void *arg, void *memory, size_t bytes)
{
    (void)arg, (void)memory, (void)bytes;
}

TEST(options, defaults_are_filled_in_and_the_rest_is_kept)
{
    gyre_options given = good(), out;
    given.flags = GYRE_VERSIONS | GYRE_NO_THREAD;
    given.max_entries = 12345, given.seed = 99, given.default_ttl_ms = 7, given.max_value_bytes = 5000;
    CHECK_OK(gy_options_check(&out, &given));
    CHECK_EQ(out.value_align, 8);
    CHECK_EQ(out.expected_entry_bytes, 0);
    given.value_align = out.value_align, given.expected_entry_bytes = out.expected_entry_bytes;
    CHECK_MEM(&out, &given, sizeof out);
    given.value_align = 64, given.expected_entry_bytes = 100;
    CHECK_OK(gy_options_check(&out, &given));
    CHECK_MEM(&out, &given, sizeof out);
    given.default_ttl_ms = GYRE_NO_TTL;
    CHECK_OK(gy_options_check(&out, &given));
    CHECK_EQ(out.default_ttl_ms, 0);
}

TEST(options, numbers_out_of_range_are_refused)
{
    gyre_options o;
    CHECK(refused(NULL));
    const uint64_t most = (uint64_t)4 << 40;
#define EDGE(field, ok, bad)                                                                       \
    o = good(), o.capacity_bytes = most, o.field = (ok);                                           \
    CHECK(!refused(&o));                                                                           \
    o.field = (bad);                                                                               \
    CHECK(refused(&o))
    EDGE(capacity_bytes, most, most + 1);
    EDGE(capacity_bytes, 64 << 10, (64 << 10) - 1);
    EDGE(max_entries, (uint64_t)1 << 40, ((uint64_t)1 << 40) + 1);
    EDGE(value_align, 8, 4);
    EDGE(value_align, 4096, 8192);
    EDGE(value_align, 16, 24);
    EDGE(mode, 07777, 010000);
    EDGE(reserved, 0, 1);
    EDGE(flags, GYRE_CREATE | GYRE_EXCLUSIVE | GYRE_NO_THREAD | GYRE_HUGEPAGES | GYRE_VERSIONS | GYRE_LIBURCU,
         GYRE_ANY_FILE_SYSTEM);
    EDGE(flags, 0, 512);
    EDGE(shm_fd, 0, 1);
    EDGE(shm_fd, 0, -1);
    EDGE(sync_interval_ms, 0, 1);
    EDGE(flags, 0, (uint32_t)1 << 31);
    EDGE(flags, 0, GYRE_READONLY);
#undef EDGE
    o = good(), o.max_value_bytes = (1 << 20) - 1;
    CHECK(!refused(&o));
    o.max_value_bytes = 1 << 20;
    CHECK(refused(&o));
    o = good(), o.expected_entry_bytes = 1 << 20;
    CHECK(!refused(&o));
    o.expected_entry_bytes++;
    CHECK(refused(&o));
}

TEST(options, what_shared_caches_may_ask_for)
{
    gyre_options o;
#define SHARED(flags_, ok)                                                                         \
    o = good(), o.shm_name = "name", o.flags = (flags_);                                           \
    CHECK_EQ(refused(&o), !(ok));                                                                  \
    o.shm_name = NULL, o.file_path = "name";                                                       \
    CHECK_EQ(refused(&o), !(ok));                                                                  \
    o.file_path = NULL, o.flags |= GYRE_SHM_FD, o.shm_fd = 3;                                      \
    CHECK_EQ(refused(&o), !(ok))
    SHARED(0, true);
    SHARED(GYRE_CREATE, true);
    SHARED(GYRE_CREATE | GYRE_EXCLUSIVE, true);
    SHARED(GYRE_EXCLUSIVE, false);
    SHARED(GYRE_READONLY, true);
    SHARED(GYRE_READONLY | GYRE_CREATE, false);
    SHARED(GYRE_LIBURCU, false);
    SHARED(GYRE_VERSIONS | GYRE_HUGEPAGES | GYRE_NO_THREAD, true);
#undef SHARED
    o.shm_name = "name"; /* which of the two? */
    CHECK(refused(&o));
    o.shm_name = NULL, o.shm_fd = -1;
    CHECK(refused(&o));
    o.shm_fd = 3, o.file_path = "name";
    CHECK(refused(&o));
    o = good(), o.file_path = "name", o.sync_interval_ms = 1, o.flags = GYRE_ANY_FILE_SYSTEM;
    CHECK(!refused(&o));
    o.shm_name = "name";
    CHECK(refused(&o));
    o.file_path = NULL, o.sync_interval_ms = 0;
    CHECK(refused(&o));
    o.flags = 0;
    CHECK(!refused(&o));
    o.sync_interval_ms = 1;
    CHECK(refused(&o));
    o = good(), o.shm_name = "name", o.mode = 0666;
    CHECK(!refused(&o));
    o.mode = 0700;
    CHECK(refused(&o));
    o = good(), o.shm_name = "name", o.clock_ms = no_clock;
    CHECK(refused(&o));
}

/* No capacity is asked of one that exists; what is created has one. */
TEST(options, a_shared_cache_may_be_taken_as_it_is)
{
    gyre_options o = api_options(0, 0), out;
    o.shm_name = "name", o.max_value_bytes = 5000, o.expected_entry_bytes = 100;
    CHECK_OK(gy_options_check(&out, &o));
    CHECK(out.capacity_bytes == 0 && out.mode == 0600 && out.max_value_bytes == 5000);
    o.flags = GYRE_CREATE;
    CHECK(refused(&o));
    o.flags = 0, o.capacity_bytes = 1;
    CHECK(refused(&o));
}

TEST(options, an_allocator_is_both_functions_or_none)
{
    gyre_options o = good();
    o.allocate = no_memory;
    CHECK(refused(&o));
    o.deallocate = nothing_to_free;
    CHECK(!refused(&o));
    o.allocate = NULL;
    CHECK(refused(&o));
}

/* A program built against a header with more options than this library knows. */
struct newer {
    gyre_options known;
    uint64_t more[4];
};

TEST(options, a_newer_struct_is_taken_when_it_asks_for_nothing_new)
{
    struct newer given = {.known = good()};
    gyre_options out;
    given.known.struct_size = sizeof given;
    given.known.flags = GYRE_NO_THREAD;
    CHECK_OK(gy_options_check(&out, &given.known));
    CHECK_EQ(out.flags, GYRE_NO_THREAD);
    for (unsigned i = 0; i < 4; i++) {
        given.more[i] = (uint64_t)1 << 63;
        CHECK_EQ(gy_options_check(&out, &given.known), GYRE_EINVAL);
        given.more[i] = 0;
    }
    CHECK_OK(gy_options_check(&out, &given.known));
}

TEST(options, an_older_struct_reads_as_if_extended_by_zeros)
{
    gyre_options given = good(), out;
    const size_t older = offsetof(gyre_options, allocate);
    memset((char *)&given + older, 0xff, sizeof given - older);
    given.struct_size = (uint32_t)older;
    CHECK_OK(gy_options_check(&out, &given));
    CHECK(out.allocate == NULL && out.deallocate == NULL && out.allocate_arg == NULL && out.shm_fd == 0);
    CHECK_EQ(out.capacity_bytes, given.capacity_bytes);
    given.struct_size--;
    CHECK(refused(&given)); /* it ends in the middle of a field */
    const size_t oldest = offsetof(gyre_options, max_entries);
    memset((char *)&given + oldest, 0xff, sizeof given - oldest);
    given.struct_size = (uint32_t)oldest;
    CHECK_OK(gy_options_check(&out, &given));
    CHECK(out.max_entries == 0 && out.reserved == 0 && out.shm_name == NULL && out.clock_ms == NULL);
    given.struct_size -= 4;
    CHECK(refused(&given));
    given.struct_size = 0;
    CHECK(refused(&given));
    given.struct_size = UINT32_MAX;
    CHECK(refused(&given));
}

TEST(options, those_of_puts)
{
    gyre_put_options given = GYRE_PUT_OPTIONS_INIT, out;
    memset(&out, 0xff, sizeof out);
    CHECK_OK(gy_put_options_check(&out, NULL, false));
    CHECK(out.flags == 0 && out.ttl_ms == 0 && out.user_flags == 0 && out.new_version == NULL);
    given.ttl_ms = 5, given.user_flags = 6, given.version = 7;
    static const uint32_t one[] = {0, GYRE_ADD, GYRE_REPLACE, GYRE_IF_VERSION};
    for (unsigned i = 0; i < 4; i++)
        for (unsigned j = 0; j < 4; j++) {
            given.flags = one[i] | one[j];
            bool single = i == j || i == 0 || j == 0;
            CHECK_EQ(gy_put_options_check(&out, &given, true), single ? GYRE_OK : GYRE_EINVAL);
            bool versioned = given.flags & GYRE_IF_VERSION;
            CHECK_EQ(gy_put_options_check(&out, &given, false), single && !versioned ? GYRE_OK : GYRE_EINVAL);
        }
    given.flags = GYRE_ADD;
    CHECK_OK(gy_put_options_check(&out, &given, false));
    CHECK_MEM(&out, &given, sizeof out);
    given.flags = 8;
    CHECK_EQ(gy_put_options_check(&out, &given, true), GYRE_EINVAL);
    given.flags = 0, given.struct_size = offsetof(gyre_put_options, user_flags);
    CHECK_OK(gy_put_options_check(&out, &given, true));
    CHECK(out.ttl_ms == 5 && out.user_flags == 0 && out.version == 0 && out.new_version == NULL);
    given.struct_size--;
    CHECK_EQ(gy_put_options_check(&out, &given, true), GYRE_EINVAL);
}

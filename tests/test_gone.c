/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Entries that were replaced or deleted, as a sweep finds them. */

#include "asks.h"
#include "trap.h"

static bool
says_gone(gyre *cache, gy_ref ref)
{
    return !gy_entry_filled(gy_entry_header(gy_at(cache, ref)));
}

/* A key of which a mover may have reserved an image while its shard grows. */
static const char *
key_with_images(gyre *cache, struct api_key *key)
{
    struct gy_window w = {.n = 0};
    for (unsigned k = 0; w.n < 3; k++) {
        *key = key_of(k);
        gy_atomic_u64 *geometry = gy_geometry_of(cache, room_hash(cache, key->text));
        uint64_t steady = gy_load_seq(geometry);
        gy_store_seq(geometry, gy_geometry_word(gy_geometry_log2(steady), GY_UNION));
        gy_index_window(cache, room_hash(cache, key->text), &w);
        gy_store_seq(geometry, steady);
    }
    return key->text;
}

/* A walk need not look for it then; but it must where there may be an image. With options, a put goes the general way. */
TEST(gone, an_entry_that_has_gone_says_so)
{
    gyre *cache = api_open(MIB, GYRE_NO_THREAD);
    struct api_key chosen;
    const char *key = key_with_images(cache, &chosen);
    const gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    for (unsigned turn = 0; turn < 4; turn++) {
        bool growing = turn % 2;
        CHECK_OK(put_bytes(cache, key, 8, 1));
        gy_ref first = gy_slot_ref(room_word(cache, key));
        gy_atomic_u64 *geometry = gy_geometry_of(cache, room_hash(cache, key));
        uint64_t steady = gy_load_seq(geometry);
        if (growing)
            gy_store_seq(geometry, gy_geometry_word(gy_geometry_log2(steady), GY_UNION));
        CHECK_OK(gyre_put(cache, key, strlen(key), "another", 8, turn < 2 ? NULL : &options));
        gy_ref second = gy_slot_ref(room_word(cache, key));
        CHECK(second != first && !says_gone(cache, second));
        CHECK_EQ(says_gone(cache, first), !growing);
        CHECK_OK(gyre_delete(cache, key, strlen(key)));
        CHECK_EQ(says_gone(cache, second), !growing);
        gy_store_seq(geometry, steady);
    }
    api_close(cache);
}

#ifdef GY_POINTS
static void
delete_it(struct trap *trap, const volatile void *address)
{
    (void)address;
    gyre_delete(trap->cache, "k", 1);
}
#endif

/* A lookup has pinned it, and is about to see what it is. */
TEST(gone, a_lease_that_has_gone_is_no_value)
{
    gyre *cache = api_open(MIB, GYRE_NO_THREAD);
    gyre_lease lease = lease_of(cache, "k");
    const char *entry = gy_at(cache, gy_slot_ref(room_word(cache, "k")));
#ifdef GY_POINTS
    struct trap trap = {.file = "entry.h", .address = entry, .skip = 1, .action = delete_it, .cache = cache};
    trap_set(&trap);
    CHECK(is_missing(cache, "k"));
    trap_clear(&trap);
#else
    gyre_delete(cache, "k", 1);
#endif
    CHECK_EQ(room_word(cache, "k"), 0);
    CHECK(gy_entry_is_lease(gy_entry_header(entry)));
    gyre_lease_abort(&lease);
    api_close(cache);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A lease is an entry: it is moved by sweeps and growth, evicted, and found again by its token. */

#include "lease.h"

#include "asks.h"
#include "gate.h"
#include "room.h"

static gyre *
open_alone(uint64_t capacity)
{
    room_stay();
    return api_open(capacity, GYRE_NO_THREAD);
}

static void
sweep_all(gyre *c)
{
    room_seal_all(c);
    for (unsigned i = 0; i < 64; i++)
        room_sweep(c, UINT64_MAX / 2);
}

TEST(lease, a_sweep_carries_it_on)
{
    gyre *c = open_alone(MIB);
    gyre_lease lease = lease_of(c, "k");
    uint64_t before = room_word(c, "k");
    CHECK(before != 0);
    room_seal_all(c);
    for (unsigned i = 0; i < 1000 && room_word(c, "k") == before; i++) {
        for (unsigned n = 0; n < 50; n++)
            CHECK_OK(put_bytes(c, key_of(i * 50 + n).text, 500, n));
    }
    CHECK(room_word(c, "k") != 0 && room_word(c, "k") != before); /* moved */
    CHECK_EQ(ask_elsewhere(c, "k"), GYRE_LEASED);
    CHECK_OK(commit_text(&lease, "v"));
    CHECK(has_text(c, "k", "v"));
    api_close(c);
}

TEST(lease, one_whose_time_is_over_is_swept)
{
    struct api_clock clock = {1000};
    gyre_options options = api_options(MIB, GYRE_NO_THREAD);
    options.clock_ms = api_clock_read, options.clock_arg = &clock;
    room_stay();
    gyre *c = api_open_with(&options);
    gyre_lease lease = lease_of(c, "k");
    clock.ms += 10000;
    sweep_all(c);
    CHECK_EQ(room_word(c, "k"), 0);
    CHECK_EQ(api_stats(c).removed[GYRE_LEASE_ENDED], 1);
    CHECK_EQ(commit_text(&lease, "late"), GYRE_ESTALE);
    CHECK_EQ(api_stats(c).entries, 0);
    api_close(c);
}

TEST(lease, an_evicted_one_is_refused)
{
    gyre *c = open_alone(MIB);
    gyre_lease lease = lease_of(c, "k");
    struct gy_found f;
    struct gy_record *r = room_record(c);
    CHECK(gy_lease_find(c, lease.priv[1], lease.priv[2], &r->pin[GY_PIN_COMPARE], &f));
    CHECK(gy_index_evict(c, r, gy_shard_of(c, lease.priv[1]), &f, GYRE_CONFLICT));
    gy_pin_clear(&r->pin[GY_PIN_COMPARE]);
    gyre_lease second = lease_of(c, "k"); /* two compute */
    CHECK_EQ(commit_text(&lease, "first"), GYRE_ESTALE);
    CHECK(is_missing(c, "k"));
    CHECK_OK(commit_text(&second, "second"));
    CHECK(has_text(c, "k", "second"));
    api_close(c);
}

/* Between its look and its step, another has been there. */
TEST(lease, steps_that_come_late)
{
    gyre *c = open_alone(MIB);
    struct gy_staged staged;
    gyre_lease lease = lease_of(c, "k");
    static const enum gy_publish_kind CONDITIONS[] = {GY_PUT_REPLACE, GY_PUT_IF_VERSION, GY_PUT_IF_REF};
    for (unsigned i = 0; i < 3; i++) {
        staged = room_stage(c, GY_PROBATION, "k", "x", 1);
        CHECK_EQ(room_publish(c, CONDITIONS[i], "k", &staged, lease.priv[2]), GYRE_MISS);
    }
    staged = room_stage(c, GY_PROBATION, "k", "x", 1);
    CHECK_EQ(room_publish(c, GY_PUT_LEASE, "k", &staged, 0), GYRE_EXISTS);
    staged = room_stage(c, GY_PROBATION, "k", "x", 1);
    CHECK_EQ(room_publish(c, GY_PUT_LEASE_OVER, "k", &staged, staged.ref), GYRE_CHANGED);
    CHECK_OK(commit_text(&lease, "value"));
    staged = room_stage(c, GY_PROBATION, "k", "x", 1);
    CHECK_EQ(room_publish(c, GY_PUT_LEASE, "k", &staged, 0), GYRE_EXISTS);
    CHECK(has_text(c, "k", "value"));
    staged = room_stage(c, GY_PROBATION, "k", "x", 1);
    CHECK_EQ(room_publish(c, GY_PUT_LEASED, "k", &staged, lease.priv[2]), GYRE_ESTALE);
    CHECK(has_text(c, "k", "value"));
    api_close(c);
}

TEST(lease, growth_carries_them_on)
{
    enum { LEASES = 64, ENTRIES = 20000 };
    gyre_options options = api_options(8 * MIB, GYRE_NO_THREAD);
    options.expected_entry_bytes = 60000; /* a small first index */
    gyre *c = api_open_with(&options);
    static gyre_lease lease[LEASES];
    for (unsigned i = 0; i < LEASES; i++)
        lease[i] = lease_of(c, key_of(1000000 + i).text);
    for (unsigned i = 0; i < ENTRIES && api_stats(c).growths < 2 * c->g.n_shards; i++) {
        CHECK_OK(put_bytes(c, key_of(i).text, 8, i));
        if (i % 64 == 0)
            gyre_maintain(c, 1000000);
    }
    CHECK(api_stats(c).growths > 0);
    unsigned kept = 0;
    for (unsigned i = 0; i < LEASES; i++) {
        int result = commit_text(&lease[i], "v");
        CHECK(result == GYRE_OK || result == GYRE_ESTALE);
        CHECK_EQ(has_text(c, key_of(1000000 + i).text, "v"), result == GYRE_OK);
        kept += result == GYRE_OK;
    }
    CHECK_MSG(kept >= LEASES * 9 / 10, "%u kept", kept); /* a full window may evict one */
    api_close(c);
}

/* Each at the step where it has its place in the old half, in both, in the new. */
TEST(lease, committed_in_the_middle_of_growth)
{
    gyre_options options = api_options(8 * MIB, GYRE_NO_THREAD);
    options.expected_entry_bytes = 60000;
    gyre *c = api_open_with(&options);
    struct gy_record *r = room_record(c);
    unsigned growing = 0;
    for (unsigned step = 0, n = 0; step < 40; step++) {
        char key[32];
        snprintf(key, sizeof key, "leased %u", step);
        gyre_lease lease = lease_of(c, key);
        for (unsigned shard = 0; shard < c->g.n_shards; shard++)
            for (unsigned i = 0; i < 200 && !gy_grow_wanted(c, shard); i++, n++)
                CHECK_OK(room_put(c, GY_PROBATION, key_of(n).text, 8, n));
        for (unsigned shard = 0; shard < c->g.n_shards; shard++)
            gy_grow_step(c, r, shard, true);
        growing += gy_geometry_phase(gy_load_acq(gy_geometry_of(c, lease.priv[1]))) == GY_MOVING;
        CHECK_OK(commit_text(&lease, "v"));
        CHECK(has_text(c, key, "v"));
    }
    CHECK(growing > 0);
    api_close(c);
}

TEST(lease, max_entries_counts_them)
{
    gyre_options options = api_options(MIB, GYRE_NO_THREAD);
    options.max_entries = 10;
    gyre *c = api_open_with(&options);
    static gyre_lease lease[100];
    for (unsigned i = 0; i < 100; i++) {
        lease[i] = lease_of(c, key_of(i).text);
        CHECK(api_stats(c).entries <= 10);
    }
    unsigned kept = 0;
    for (unsigned i = 0; i < 100; i++)
        kept += commit_text(&lease[i], "v") == GYRE_OK;
    CHECK_MSG(kept > 0 && kept <= 10, "%u kept", kept);
    CHECK_EQ(api_stats(c).entries, kept);
    api_close(c);
}

/* What the policy knew of the key when the lease was given goes to the value, and a fill is no use. */
TEST(lease, its_value_is_a_newcomer)
{
    gyre *c = open_alone(MIB);
    CHECK_OK(put_text(c, "plain", "v"));
    gyre_lease lease = lease_of(c, "leased");
    CHECK_OK(commit_text(&lease, "v"));
    uint64_t plain = room_word(c, "plain"), leased = room_word(c, "leased");
    CHECK_EQ(gy_slot_freq(plain), gy_slot_freq(leased));
    struct gy_header a = gy_entry_header(gy_at(c, gy_slot_ref(plain)));
    struct gy_header b = gy_entry_header(gy_at(c, gy_slot_ref(leased)));
    CHECK_EQ(a.flags, b.flags);
    CHECK_EQ(gy_arena_ring(gy_load_acq(&c->words[gy_ref_arena(c, gy_slot_ref(plain))])),
             gy_arena_ring(gy_load_acq(&c->words[gy_ref_arena(c, gy_slot_ref(leased))])));
    api_close(c);
}

TEST(lease, a_damaged_one_is_nobodys)
{
    gyre *c = open_alone(MIB);
    gyre_lease lease = lease_of(c, "k");
    struct gy_found f;
    struct gy_record *r = room_record(c);
    gy_atomic_u64 *pin = &r->pin[GY_PIN_COMPARE];
    CHECK(gy_lease_find(c, lease.priv[1], lease.priv[2], pin, &f));
    char *at = gy_at(c, gy_slot_ref(f.word)) + (gy_lease_stale(c, &f) - f.entry);
    struct gy_lease_note note;
    memset(&note, 0xff, sizeof note); /* a ring that is none, */
    note.record = c->g.n_records;     /* and a record that is none, though what is there says that it is the holder's */
    note.owner = gy_load_seq(&c->records[note.record].owner);
    CHECK((note.owner & GY_OWNER_EXPELLED) == 0);
    memcpy(at, &note, sizeof note);
    gy_pin_clear(pin);
    gyre_view view;
    gyre_lease other;
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    CHECK_EQ(gyre_get_or_lease(c, "k", 1, &options, &view, &other), GYRE_MISS);
    CHECK_OK(commit_text(&other, "v"));
    CHECK(has_text(c, "k", "v"));
    CHECK(gy_entry_kind(gy_entry_header(gy_at(c, gy_slot_ref(room_word(c, "k"))))) < GY_KINDS);
    lease = lease_of(c, "short");
    CHECK(gy_lease_find(c, lease.priv[1], lease.priv[2], pin, &f));
    struct gy_header h = f.header;
    h.value_bytes = 3;
    gy_entry_set_header(gy_at(c, gy_slot_ref(f.word)), h);
    gy_pin_clear(pin);
    CHECK_EQ(ask_elsewhere(c, "short"), GYRE_MISS);
    gyre_close(c);
}

TEST(lease, the_gate)
{
    gyre *c = open_alone(MIB);
    uint64_t hash = room_hash(c, "k");
    uint32_t armed = gy_gate_arm(c, hash);
    CHECK_EQ(gy_gate_arm(c, hash), armed);
    gy_gate_open(c, hash);
    CHECK(gy_gate_arm(c, hash) != armed); /* who sleeps with it does not */
    gy_gate_wait(c, hash, armed, UINT64_MAX);
    gy_gate_open(c, hash);
    uint32_t before = gy_load_acq(&c->super->gate[(hash >> GY_TAG_SHIFT) % GY_GATES]);
    gy_gate_open(c, hash); /* nobody waits: nothing is written */
    CHECK_EQ(gy_load_acq(&c->super->gate[(hash >> GY_TAG_SHIFT) % GY_GATES]), before);
    api_close(c);
}

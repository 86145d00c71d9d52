/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "clear.h"
#include "maintain.h"
#include "scene.h"

enum { PUT_NEW = STEPS_KEYS + 1, FIRST_OF_MANY = 1000, LAST_OF_MANY = 1080, LEASE_MS = 3600 * 1000, TRIES = 1000 };

static void
put(gyre *cache, const char *key, const char *value)
{
    gyre_put(cache, key, 16, value, STEPS_SIZE, NULL);
}

/* The cache is as good as full, with entries of other sizes: what a gap shows of them leads astray. */
static void
fill_up(gyre *cache)
{
    for (unsigned k = FIRST_OF_MANY; k-- > FIRST_OF_MANY / 2;)
        put_bytes(cache, key_of(k).text, STEPS_SIZE - k % 11 * 8, k);
}

/* So many that arenas are sealed, opened and swept. */
static void
put_many(gyre *cache, const char *key, const char *value)
{
    for (unsigned k = FIRST_OF_MANY; k < LAST_OF_MANY; k++) {
        char other[16];
        memcpy(other, key, sizeof other);
        other[14] = (char)('0' + k / 10 % 10), other[15] = (char)('0' + k % 10);
        other[0] = 'K';
        gyre_put(cache, other, sizeof other, value, STEPS_SIZE, NULL);
    }
    put(cache, key, value);
}

static void
get(gyre *cache, const char *key, const char *value)
{
    gyre_view view;
    (void)value;
    if (gyre_get(cache, key, 16, &view) == GYRE_OK)
        gyre_release(&view);
}

static void
copy(gyre *cache, const char *key, const char *value)
{
    char buffer[STEPS_SIZE];
    (void)value;
    gyre_read(cache, key, 16, buffer, sizeof buffer, NULL);
}

static void
delete(gyre *cache, const char *key, const char *value)
{
    (void)value;
    gyre_delete(cache, key, 16);
}

static void
draft(gyre *cache, const char *key, const char *value)
{
    gyre_draft d;
    if (gyre_reserve(cache, key, 16, STEPS_SIZE, NULL, &d) != GYRE_OK)
        return;
    memcpy(d.data, value, STEPS_SIZE);
    gyre_commit(&d);
}

static void
touch(gyre *cache, const char *key, const char *value)
{
    (void)value;
    gyre_touch(cache, key, 16, GYRE_NO_TTL);
}

/* A lease that time alone does not end, and its value. */
static void
lease(gyre *cache, const char *key, const char *value)
{
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    gyre_view view;
    gyre_lease l;
    options.lease_ms = LEASE_MS, options.wait_ms = GYRE_NO_WAIT;
    if (gyre_get_or_lease(cache, key, 16, &options, &view, &l) == GYRE_MISS)
        gyre_lease_commit(&l, value, STEPS_SIZE, NULL);
}

/* All free arenas but a few have gone to the index: there is need of room. */
static void
make_scarce(gyre *cache)
{
    room_seal_all(cache);
    put_bytes(cache, key_of(6).text, STEPS_SIZE, 6);
    while (gy_arena_withdraw(cache))
        gy_add_seq(&cache->super->index_credit, cache->arena_bytes);
}

static void
sweep(gyre *cache, const char *key, const char *value)
{
    int error;
    (void)key, (void)value;
    struct gy_record *r = gy_record_of(cache, &error);
    gy_sweep_bytes(cache, r, cache->arena_bytes);
    gy_arena_free_retired(cache);
}

/* The index is to double as soon as somebody takes a step. */
static void
make_full(gyre *cache)
{
    gy_add_seq(&cache->super->shard[0].n_committed, 1u << 20);
}

static void
grow(gyre *cache, const char *key, const char *value)
{
    int error;
    (void)key, (void)value;
    struct gy_record *r = gy_record_of(cache, &error);
    for (unsigned i = 0; i < TRIES && !gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, r, 0, true);
    gy_sub_rlx(&cache->super->shard[0].n_committed, 1u << 20);
    for (unsigned i = 0; i < TRIES && gy_grow_under_way(cache, 0); i++)
        gy_grow_step(cache, r, 0, true);
}

static void
clear(gyre *cache, const char *key, const char *value)
{
    int error;
    (void)key, (void)value;
    struct gy_record *r = gy_record_of(cache, &error);
    gyre_clear(cache);
    while (gy_clear_step(cache, r))
        ;
}

static void
leave(gyre *cache, const char *key, const char *value)
{
    (void)key, (void)value;
    gyre_close(cache);
}

const struct operation steps_operations[] = {
    {"get and release", STEPS_MEMBER, 2, STEPS_OLD, STEPS_OLD, OTHERS_STAY, 0, NULL, get},
    {"read", STEPS_MEMBER, 2, STEPS_OLD, STEPS_OLD, OTHERS_STAY, 0, NULL, copy},
    {"put, new", STEPS_MEMBER, PUT_NEW, STEPS_GONE, STEPS_NEWER, OTHERS_STAY, 0, NULL, put},
    {"put, replacing", STEPS_MEMBER, 1, STEPS_OLD, STEPS_NEWER, OTHERS_STAY, 0, NULL, put},
    {"put, entries limited", STEPS_MEMBER, PUT_NEW, STEPS_GONE, STEPS_NEWER, OTHERS_MAY_GO, STEPS_KEYS, NULL, put},
    {"80 puts, full cache", STEPS_MEMBER, LAST_OF_MANY, STEPS_GONE, STEPS_NEWER, OTHERS_MAY_GO, 0, fill_up, put_many},
    {"delete", STEPS_MEMBER, 3, STEPS_OLD, STEPS_GONE, OTHERS_STAY, 0, NULL, delete},
    {"draft", STEPS_MEMBER, 4, STEPS_OLD, STEPS_NEWER, OTHERS_STAY, 0, NULL, draft},
    {"touch", STEPS_MEMBER, 5, STEPS_OLD, STEPS_OLD, OTHERS_MAY_GO, 0, NULL, touch},
    {"lease and commit", STEPS_MEMBER, PUT_NEW, STEPS_GONE, STEPS_NEWER, OTHERS_STAY, 0, NULL, lease},
    {"sweep of an arena", STEPS_MEMBER, 7, STEPS_OLD, STEPS_OLD, OTHERS_MAY_GO, 0, make_scarce, sweep},
    {"growth", STEPS_MEMBER, 7, STEPS_OLD, STEPS_OLD, OTHERS_MAY_GO, 0, make_full, grow},
    {"clear", STEPS_MEMBER, 7, STEPS_OLD, STEPS_GONE, OTHERS_GO_AT_ONCE, 0, NULL, clear},
    {"first call after fork", STEPS_FORKED, 2, STEPS_OLD, STEPS_OLD, OTHERS_STAY, 0, NULL, get},
    {"attach", STEPS_OPENER, 2, STEPS_OLD, STEPS_OLD, OTHERS_STAY, 0, NULL, NULL},
    {"close", STEPS_MEMBER, 2, STEPS_OLD, STEPS_OLD, OTHERS_STAY, 0, NULL, leave},
    {"create", STEPS_CREATOR, PUT_NEW, STEPS_GONE, STEPS_GONE, OTHERS_STAY, 0, NULL, NULL},
};
const unsigned steps_n_operations = sizeof steps_operations / sizeof *steps_operations;

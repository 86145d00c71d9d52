/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* One who is given up, and one that stays: two members of a shared cache, both of this process. */

#ifndef GY_TEST_EXPEL_PAIR_H
#define GY_TEST_EXPEL_PAIR_H

#include "clear.h"
#include "displace.h"
#include "expel.h"
#include "grow.h"
#include "maintain.h"
#include "members.h"

enum { KEYS = 60, SIZE = 200, OURS = 1000, NEW = 2000, MANY = 900 };

/* Who is given up, and the one that stays. */
struct pair {
    struct shared s;
    gyre *theirs, *ours;
};

static inline struct pair
open_pair(uint64_t max_entries)
{
    gyre_options o = api_options(128 << 10, 0);
    o.max_entries = max_entries;
    o.expected_entry_bytes = 400;
    struct pair p = {.s = shared_create_with(&o, false)};
    p.ours = shared_open(&p.s, GYRE_NO_THREAD);
    p.theirs = shared_open(&p.s, GYRE_NO_THREAD);
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(p.ours, key_of(k).text, SIZE, k));
    CHECK(has_bytes(p.theirs, key_of(0).text, SIZE, 0)); /* it has a record */
    return p;
}

static inline int
expel(struct pair *p)
{
    uint32_t place = gy_member_place(p->theirs->member);
    return gy_expel(p->ours, place, gy_load_acq(&p->ours->members[place].word));
}

/* Puts until every arena has been in use again, but for those that somebody keeps. */
static inline void
recycle(gyre *cache)
{
    for (unsigned k = 0; k < MANY; k++)
        CHECK_OK(put_bytes(cache, key_of(OURS + k).text, SIZE, OURS + k));
}

static inline void
put_new(gyre *cache)
{
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, NEW + k));
}

static inline int
no_visit(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)arg, (void)key, (void)key_size, (void)value;
    return 1;
}

/* Every call that looks or changes something says so, and none does. */
static inline void
expect_stale(gyre *cache)
{
    char buffer[SIZE];
    gyre_view view;
    gyre_draft draft;
    gyre_lease lease;
    gyre_key key = {key_of(1).text, 16};
    int result = 0;
    CHECK_EQ(gyre_get(cache, key_of(1).text, 16, &view), GYRE_ESTALE);
    CHECK(view.data == NULL);
    CHECK_EQ(gyre_get(cache, "absent", 6, &view), GYRE_ESTALE);
    CHECK_EQ(gyre_get_many(cache, 1, &key, &view, &result), 0);
    CHECK_EQ(result, GYRE_ESTALE);
    CHECK_EQ(gyre_read(cache, key_of(1).text, 16, buffer, sizeof buffer, NULL), GYRE_ESTALE);
    CHECK_EQ(gyre_put(cache, "mine", 4, "x", 1, NULL), GYRE_ESTALE);
    CHECK_EQ(gyre_reserve(cache, "mine", 4, 10, NULL, &draft), GYRE_ESTALE);
    CHECK_EQ(gyre_delete(cache, key_of(1).text, 16), GYRE_ESTALE);
    CHECK_EQ(gyre_touch(cache, key_of(1).text, 16, 1000), GYRE_ESTALE);
    CHECK_EQ(gyre_clear(cache), GYRE_ESTALE);
    CHECK_EQ(gyre_get_or_lease(cache, "mine", 4, NULL, &view, &lease), GYRE_ESTALE);
    CHECK_EQ(gyre_scan(cache, no_visit, NULL), GYRE_ESTALE);
    CHECK_EQ(gyre_maintain(cache, 0), GYRE_ESTALE);
    CHECK_EQ(gyre_expel(cache, 1), GYRE_ESTALE);
    CHECK_EQ(api_stats(cache).expelled, 1);
    for (unsigned p = 0; p < GY_PINS; p++)
        CHECK_EQ(gy_load_seq(&room_record(cache)->pin[p]), 0);
}

static inline void
expect_alone_and_close(struct pair *p)
{
    gyre_close(p->theirs);
    shared_expect_alone(p->ours);
    CHECK_EQ(api_stats(p->ours).expelled, 0);
    recycle(p->ours);
    shared_expect_alone(p->ours);
    gyre_close(p->ours);
    close(p->s.file);
}

#endif

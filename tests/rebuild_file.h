/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What the tests of files that are rebuilt in the background have in common. */

#ifndef TESTS_REBUILD_FILE_H
#define TESTS_REBUILD_FILE_H

#include "file_cache.h"
#include "grow.h"
#include "history.h"
#include "note.h"
#include "proof.h"
#include "room.h"
#include "whole.h"

enum { KEYS = 8000, SIZE = 100, NEW = 1000000, STEPS_MOST = 10000, AT_ONCE_MS = 1000 };

static inline void
not_closed(struct gy_super *s, uint64_t unused)
{
    (void)unused;
    gy_store_rlx(&s->life.clean, GY_FILE_DIRTY);
}

/* The machine stops; and recovery is to read for so long before it goes on in the background. */
static inline void
crash(uint32_t at_once_ms)
{
    in_head(not_closed, 0), in_head(reboot, 0);
    gy_rebuild_at_once_ms = at_once_ms;
}

static inline gyre *
create_for(uint32_t entry_bytes)
{
    begin();
    gyre_options o = options(GYRE_CREATE);
    o.expected_entry_bytes = entry_bytes;
    o.seed = 1;
    return api_open_with(&o);
}

/* With an index so large that no window is ever full, in whatever order threads fill it. */
static inline gyre *
create(void)
{
    return create_for(48);
}

static inline unsigned
count_found(gyre *cache, unsigned from, unsigned to, uint64_t tag)
{
    unsigned n = 0;
    for (unsigned i = from; i < to; i++)
        n += has_bytes(cache, key_of(i).text, SIZE, tag + i);
    return n;
}

/* A file with KEYS entries in it, which nobody has closed when the machine stopped. */
static inline void
make_full(void)
{
    gyre *cache = create();
    for (unsigned i = 0; i < KEYS; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, SIZE, i));
    CHECK_EQ(count_found(cache, 0, KEYS, 0), KEYS);
    api_close(cache);
    crash(0);
}

static inline gyre *
open_unread(void)
{
    gyre *cache = open_it(0);
    gyre_stats s = api_stats(cache);
    CHECK(s.start == GYRE_START_RECOVERED && s.recovering == 1 && s.recovering_bytes > 0 && s.entries == 0);
    return cache;
}

static inline unsigned
unread(gyre *cache)
{
    unsigned n = 0;
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        n += gy_arena_unread(gy_load_acq(&cache->words[a]));
    return n;
}

/* As maintenance does, an arena at a time. */
static inline void
read_some(gyre *cache, unsigned steps)
{
    for (unsigned n = 0; n < steps && gy_rebuilding(cache); n++)
        CHECK(gy_rebuild_step(cache, room_record(cache)));
}

static inline void
read_all(gyre *cache)
{
    read_some(cache, STEPS_MOST);
    gyre_stats s = api_stats(cache);
    CHECK(s.recovering == 0 && s.recovering_bytes == 0 && unread(cache) == 0);
    CHECK_EQ(whole_faults(cache, NULL), 0);
}

static inline unsigned
count_missing(gyre *cache, unsigned from, unsigned to)
{
    unsigned n = 0;
    for (unsigned i = from; i < to; i++)
        n += is_missing(cache, key_of(i).text);
    return n;
}

static inline void
close_and_end(gyre *cache)
{
    CHECK_EQ(whole_faults(cache, NULL), 0);
    api_close(cache);
    gy_rebuild_at_once_ms = AT_ONCE_MS;
    end();
}

#endif

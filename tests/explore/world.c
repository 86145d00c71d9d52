/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clear.h"
#include "deaths.h"
#include "grow.h"
#include "maintain.h"
#include "mend.h"
#include "ops.h"
#include "oracle.h"
#include "processes.h"
#include "reap.h"
#include "settle.h"

enum { RECORDS_KEPT = 16, MEMBERS_KEPT = 16, LOG2_BUCKETS_KEPT = 6, CAPACITY = 64 << 10, RANGES = 5 };

static const struct scenario *scenario;
static gyre *cache;                        /* of process 0 */
static gyre handles[PROCESSES_MOST];       /* of the others */
static struct actor actors[MEMORY_THREADS + 1], initial_actor;
static unsigned n_threads;
struct world_work world_work;

/* All that a schedule may change. */
static struct {
    struct {
        char *at, *copy;
        size_t bytes;
    } range[RANGES];
    gyre handle, handles[PROCESSES_MOST];
    struct history history;
    struct gy_seat seats[GY_SEATS];
    uint64_t sweeps, growths;
} before;

gyre *
world_cache(void)
{
    return process_self() == 0 ? cache : &handles[process_self()];
}

char *
world_base(void)
{
    return cache->region.base;
}

unsigned
world_threads(void)
{
    return n_threads;
}

static void
keep_range(unsigned i, char *at, size_t bytes)
{
    before.range[i].at = at;
    before.range[i].bytes = bytes;
    before.range[i].copy = malloc(bytes);
    memcpy(before.range[i].copy, at, bytes);
}

static void
keep(void)
{
    char *base = cache->region.base;
    const struct gy_geometry *g = &cache->g;
    size_t members = g->n_members ? MEMBERS_KEPT * sizeof(struct gy_member) : 0;
    keep_range(0, base, g->members_at + members);
    keep_range(4, base + g->records_at, RECORDS_KEPT * sizeof(struct gy_record));
    keep_range(1, base + g->words_at, g->history_at + (size_t)g->n_history * GY_LINE - g->words_at);
    keep_range(2, base + g->index_at, sizeof(struct gy_bucket) << LOG2_BUCKETS_KEPT);
    unsigned last = g->n_arenas;
    while (last > 0 && gy_arena_state(gy_load_rlx(&cache->words[last - 1])) == GY_WITHDRAWN)
        last--;
    keep_range(3, base + g->arenas_at, (size_t)last << g->arena_shift);
    before.handle = *cache;
    memcpy(before.handles, handles, sizeof handles);
    processes_keep();
    before.history = ops_history;
    before.sweeps = gy_load_rlx(&cache->super->sweeps);
    before.growths = gy_load_rlx(&cache->super->growths);
    memcpy(before.seats, gy_seats, sizeof gy_seats);
    initial_actor = actors[MEMORY_THREADS];
}

static void
put_back(void)
{
    for (unsigned i = 0; i < RANGES; i++)
        memcpy(before.range[i].at, before.range[i].copy, before.range[i].bytes);
    *cache = before.handle;
    memcpy(handles, before.handles, sizeof handles);
    ops_history = before.history;
    memcpy(gy_seats, before.seats, sizeof gy_seats);
}

/* Leaves the lowest arenas. */
static void
withdraw_arenas(unsigned left)
{
    for (uint32_t a = left; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_rlx(&cache->words[a]);
        if (gy_cas_seq(&cache->words[a], &word, gy_arena_with_state(word, GY_WITHDRAWN))) {
            gy_sub_rlx(&cache->super->n_free, 1);
            gy_add_seq(&cache->super->index_credit, cache->arena_bytes);
        }
    }
}

/* The others open the cache, too: but those that join later. */
static bool
open_handles(void)
{
    bool opened[PROCESSES_MOST] = {true};
    for (unsigned t = 0; t < n_threads; t++) {
        unsigned process = process_of(t);
        gyre *h = &handles[process];
        if (opened[process])
            continue;
        opened[process] = true;
        *h = *cache;
        h->id |= (uint64_t)process << 40;
        h->member = 0;
        h->locks = -1;
        process_be(process);
        if (scenario->thread[t][0] != 'J' && gy_member_join(h, 0) != GYRE_OK)
            return false;
    }
    process_be(0);
    return true;
}

/* A region that processes could share, though none but this one does. */
static int
open_cache(gyre_options *options)
{
    if (scenario->processes) {
        options->flags |= GYRE_SHM_FD | GYRE_CREATE;
        options->shm_fd = memfd_create("gyre-explore", MFD_CLOEXEC);
    }
    int result = gyre_open(&cache, options);
    if (scenario->processes)
        close(options->shm_fd);
    return result;
}

bool
world_open(const struct scenario *s)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    scenario = s;
    ops_begin(s);
    memset(&world_work, 0, sizeof world_work);
    processes_set(s->processes);
    gy_hash_hook = ops_hash;
    memset(&ops_history, 0, sizeof ops_history);
    memset(&actors, 0, sizeof actors);
    ops_history.next_id = 1;
    ops_history.clock_ms = 1000;
    options.capacity_bytes = CAPACITY;
    options.expected_entry_bytes = CAPACITY / (s->crowded ? 36u : 8u); /* eight buckets at first, or two */
    options.flags = GYRE_NO_THREAD | s->flags;
    options.max_entries = s->max_entries;
    options.seed = 1;
    if (open_cache(&options) != GYRE_OK)
        return false;
    if (s->arenas)
        withdraw_arenas(s->arenas);
    for (n_threads = 0; n_threads < 4 && s->thread[n_threads]; n_threads++)
        ;
    oracle_begin(cache);
    if (s->setup)
        ops_do(&actors[MEMORY_THREADS], s->setup);
    if (!open_handles())
        return false;
    keep();
    return true;
}

void
world_close(void)
{
    put_back();
    for (unsigned i = 0; i < RANGES; i++)
        free(before.range[i].copy);
    gyre_close(cache);
}

static void
thread_body(unsigned thread)
{
    struct actor *a = &actors[thread];
    ops_do(a, scenario->thread[thread]);
    ops_release_all(a);
    if (scenario->processes)
        gy_maintainer_end(world_cache());
    gy_record_leave(world_cache());
}

/* All that have stopped have died. The one that looks on finds it out. */
static void
reap(bool all)
{
    for (unsigned t = 0; t < n_threads; t++)
        if (all || sched_stopped(t))
            process_kill(process_of(t));
    gy_store_rlx(&cache->next_look_ms, 0);
    gy_reap_now(cache);
}

static void
maintain_to_the_end(void)
{
    for (unsigned i = 0; i < 1000 && gyre_maintain(cache, 1) > 0; i++)
        ;
}

static void
count_work(void)
{
    world_work.operations += ops_history.n - before.history.n;
    world_work.deaths += deaths_so_far();
    world_work.sweeps += gy_load_rlx(&cache->super->sweeps) - before.sweeps;
    world_work.growths += gy_load_rlx(&cache->super->growths) - before.growths;
    for (unsigned i = 0; i < RECORDS_KEPT; i++) {
        const struct gy_counters *c = &cache->records[i].count;
        world_work.copies += gy_load_rlx(&c->copied_entries);
        for (unsigned r = 0; r < GYRE_REASONS; r++)
            world_work.removals += gy_load_rlx(&c->removed[r]);
    }
}

static void
begin(const struct plan *plan)
{
    struct rng rng = {mix64(plan->seed ^ 0xac705)};
    put_back();
    for (unsigned i = 0; i <= MEMORY_THREADS; i++) {
        actors[i] = initial_actor;
        actors[i].n_held = 0;
        actors[i].rng.state = rng_next(&rng);
    }
    cache->super->reader_fences = rng_one_in(&rng, 4);
    for (unsigned p = 0; p < PROCESSES_MOST; p++) {
        gyre *h = p == 0 ? cache : &handles[p];
        h->reader_fences = cache->super->reader_fences;
        h->straight_id = h->reader_fences ? UINT64_MAX : h->id;
        h->plain_id = gy_cache_plain(h) && rng_one_in(&rng, 2) ? h->id : UINT64_MAX; /* else puts go the general way */
    }
    ops_history.clock_moves.state = rng_next(&rng);
    processes_begin(plan->apart);
    oracle_begin(cache);
}

/* What the child of a fork does with what is left. */
static void
mend(struct actor *last)
{
    gy_record_reap_quiet(cache, (uint64_t)gy_os_pid() << 32 | gy_os_tid());
    gy_mend_quiet(cache);
    ops_look_at_all(last);
}

bool
world_run(const struct plan *plan)
{
    begin(plan);
    enum outcome how = sched_run(plan, n_threads, thread_body);
    bool all_ended = how == RAN;
    for (unsigned i = 0; i < n_threads; i++)
        all_ended &= !sched_stopped(i);
    struct actor *last = &actors[MEMORY_THREADS];
    if (how == RAN) {
        ops_release_shelf();
        ops_look_at_all(last);
        if (!all_ended) /* the dead are in nobody's way */
            ops_do(last, "p0 g0 f f");
    }
    if (how != VIOLATED && !all_ended) {
        if (scenario->processes)
            reap(how == CUT);
        else
            mend(last);
        ops_do(last, "f f f f f f f f p0 g0"); /* sweeps what the dead have left behind */
    }
    if (how != VIOLATED) {
        maintain_to_the_end();
        ops_look_at_all(last);
        settle_check(cache, how == RAN && all_ended ? ALL_ENDED : scenario->processes ? REAPED : MENDED);
        ops_check(scenario->keys);
    }
    count_work();
    return sched_violation_text()[0] == 0;
}

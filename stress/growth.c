/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What does a lookup notice while the index grows from a thousand entries to millions?
 *
 * Keys that are put once at the start and never touched again are looked up all the time while
 * workers insert, replace, delete and read around them. There is room for everything. A lookup may
 * miss such a key in the instant of its move: fewer than one in a million may, no more than the
 * statistics admit, and each must be found again. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "round.h"

#define STILL 'k'
#define GROWING 'g'
#define SCRATCH 'x'
#define STILL_KEYS 1000
#define SCRATCH_KEYS 1000
#define ENTRY_BYTES_AMPLE 214 /* of capacity for each entry that will be there */
#define LOST_AFTER_NS UINT64_C(10000000000)
#define BANDS 512 /* of the histogram of lookup times: eight for each power of two */

struct grower {
    gyre *cache;
    unsigned index, n_workers;
    struct rng rng;
    struct watch *scratch;        /* of all workers; each writes its own */
    uint64_t to_insert, inserted; /* by this worker */
    uint64_t lookups, misses, longest_absence_ns, longest_ns;
    uint64_t bands[BANDS];
    uint64_t ops;
};

static const struct value_shape shape = {64, 7};

static int
put(gyre *cache, struct key key, uint32_t id)
{
    unsigned char key_bytes[KEY_BYTES_MAX], value[64];
    size_t key_size = key_write(key, key_bytes), size = value_size(&shape, key, id);
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    options.user_flags = value_flags(id);
    value_write(key, id, value, size);
    stress_tally.operations++;
    return gyre_put(cache, key_bytes, key_size, value, size, &options);
}

/* The id of what was found; 0 for a miss. */
static uint32_t
look(gyre *cache, struct key key)
{
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes);
    uint32_t id = 0;
    gyre_view view;
    stress_tally.operations++;
    int rc = gyre_get(cache, key_bytes, key_size, &view);
    if (rc == GYRE_OK) {
        id = value_check(&shape, key, view.data, view.size, view.user_flags, "lookup");
        gyre_release(&view);
        if (key.class != SCRATCH && id != 1)
            stress_fail("lookup: key %c%u has id %u, and only 1 was put", key.class, key.number, id);
        stress_tally.checked += key.class != SCRATCH;
    } else if (rc != GYRE_MISS) {
        stress_fail("lookup: %s", gyre_strerror(rc));
    }
    return id;
}

static void
look_at_scratch(struct grower *grower, uint32_t number)
{
    struct key key = {SCRATCH, number};
    uint64_t low = watch_low(&grower->scratch[number]);
    uint32_t id = look(grower->cache, key);
    if (id)
        watch_hit(&grower->scratch[number], key, low, id, "lookup");
}

/* ---- times ------------------------------------------------------------------------------------
 */

static unsigned
band_of(uint64_t ns)
{
    if (ns < 8)
        return (unsigned)ns;
    unsigned power = 63 - (unsigned)__builtin_clzll(ns);
    return power * 8 + (unsigned)(ns >> (power - 3) & 7);
}

static uint64_t
band_start(unsigned band)
{
    return band < 24 ? band : (8 + band % 8) << (band / 8 - 3);
}

static uint64_t
percentile(const uint64_t *bands, double part)
{
    uint64_t total = 0, below = 0;
    for (unsigned i = 0; i < BANDS; i++)
        total += bands[i];
    for (unsigned i = 0; i < BANDS; i++) {
        below += bands[i];
        if ((double)below >= part * (double)total)
            return band_start(i);
    }
    return 0;
}

/* ---- the workers ------------------------------------------------------------------------------
 */

/* A missed key is looked for until it is there again. */
static void
wait_for(struct grower *grower, struct key key, uint64_t missed_ns)
{
    uint64_t gone = 0;
    grower->misses++;
    while (!look(grower->cache, key)) {
        gone = stress_now_ns() - missed_ns;
        if (gone > LOST_AFTER_NS) {
            stress_fail("key k%u, which nobody touched, is lost", key.number);
            return;
        }
    }
    gone = stress_now_ns() - missed_ns;
    if (gone > grower->longest_absence_ns)
        grower->longest_absence_ns = gone;
}

static void
look_up_still(struct grower *grower)
{
    struct key key = {STILL, (uint32_t)rng_below(&grower->rng, STILL_KEYS)};
    uint64_t start = stress_now_ns();
    bool found = look(grower->cache, key) != 0;
    uint64_t took = stress_now_ns() - start;
    grower->lookups++;
    grower->bands[band_of(took)]++;
    if (took > grower->longest_ns)
        grower->longest_ns = took;
    if (!found)
        wait_for(grower, key, start);
}

static void
insert_one(struct grower *grower)
{
    struct key key = {GROWING, (uint32_t)(grower->inserted * grower->n_workers + grower->index)};
    int rc = put(grower->cache, key, 1);
    if (rc != GYRE_OK)
        stress_fail("insertion %" PRIu64 ": %s", grower->inserted, gyre_strerror(rc));
    grower->inserted++;
}

static void
write_scratch(struct grower *grower, bool delete)
{
    unsigned char key_bytes[KEY_BYTES_MAX];
    uint32_t mine = SCRATCH_KEYS / grower->n_workers;
    struct key key = {SCRATCH, (uint32_t)rng_below(&grower->rng, mine) * grower->n_workers +
                                   grower->index};
    struct watch *watch = &grower->scratch[key.number];
    uint32_t id = watch_begin(watch);
    int rc = GYRE_OK;
    if (delete)
        gyre_delete(grower->cache, key_bytes, key_write(key, key_bytes));
    else
        rc = put(grower->cache, key, id);
    stress_tally.operations += delete;
    if (rc == GYRE_OK)
        watch_done(watch, id);
    else
        stress_fail("put of key x%u: %s", key.number, gyre_strerror(rc));
}

static void
mixed_one(struct grower *grower)
{
    uint64_t draw = rng_below(&grower->rng, 8);
    if (draw < 3)
        write_scratch(grower, draw == 2);
    else if (draw < 5)
        look_at_scratch(grower, (uint32_t)rng_below(&grower->rng, SCRATCH_KEYS));
    else if (grower->inserted)
        look(grower->cache,
             (struct key){GROWING,
                          (uint32_t)(rng_below(&grower->rng, grower->inserted) * grower->n_workers +
                                     grower->index)});
}

static void
grow(void *arg)
{
    struct grower *grower = arg;
    while (grower->inserted < grower->to_insert && !stress_failed()) {
        insert_one(grower);
        look_up_still(grower);
        if (rng_one_in(&grower->rng, 4))
            mixed_one(grower);
        if (rng_one_in(&grower->rng, 4096))
            gyre_maintain(grower->cache, 1000);
        grower->ops++;
    }
}

/* ---- the run ----------------------------------------------------------------------------------
 */

static gyre *
open_cache(uint64_t n_entries, unsigned n_workers, struct rng *rng)
{
    gyre_options options = GYRE_OPTIONS_INIT;
    gyre *cache;
    options.capacity_bytes = n_entries * ENTRY_BYTES_AMPLE + (4u << 20);
    options.expected_entry_bytes =
        (uint32_t)(options.capacity_bytes / 1000 < (1u << 30) ? options.capacity_bytes / 1000
                                                              : 1u << 30);
    options.seed = rng_next(rng);
    /* Not liburcu, unless asked for: its grace periods end in naps, docs/decisions/004. */
    options.flags = stress_draw_mode(rng) & ~(uint32_t)GYRE_LIBURCU;
    options.flags = (uint32_t)stress_setting("FLAGS", options.flags);
    printf("growth: FLAGS=%u, %u workers\n", options.flags, n_workers);
    int rc = gyre_open(&cache, &options);
    if (rc != GYRE_OK) {
        stress_fail("open: %s", gyre_strerror(rc));
        exit(stress_finish());
    }
    for (uint32_t i = 0; i < STILL_KEYS; i++)
        if (put(cache, (struct key){STILL, i}, 1) != GYRE_OK)
            stress_fail("key k%u cannot be put at the start", i);
    settle_wait(cache); /* no word is on its way while these are looked up */
    for (unsigned pass = 0; pass < 4; pass++) /* warm entries are not the first to go */
        for (uint32_t i = 0; i < STILL_KEYS; i++)
            if (!look(cache, (struct key){STILL, i}))
                stress_fail("key k%u is missed before the growth", i);
    return cache;
}

/* A thread that is descheduled in a section holds up a doubling while others insert. That weighs on
 * a small index, which doubles every few milliseconds, and on few CPUs; not on a large one. On a loaded
 * machine it may be off its CPU for so long that a small index is far too small meanwhile: who finds too
 * many evictions then looks at another run, and does not find it again and again. */
static uint64_t
conflicts_rarer_than(uint64_t inserted)
{
    return inserted >= 5000000 ? 10000 : STRESS_POINTS ? 20 : 200;
}

static bool
judge(gyre *cache, const struct grower *growers, unsigned n, bool last)
{
    struct grower sum = {0};
    for (unsigned i = 0; i < n; i++) {
        sum.inserted += growers[i].inserted;
        sum.lookups += growers[i].lookups;
        sum.misses += growers[i].misses;
        for (unsigned j = 0; j < BANDS; j++)
            sum.bands[j] += growers[i].bands[j];
        if (growers[i].longest_absence_ns > sum.longest_absence_ns)
            sum.longest_absence_ns = growers[i].longest_absence_ns;
        if (growers[i].longest_ns > sum.longest_ns)
            sum.longest_ns = growers[i].longest_ns;
    }
    gyre_stats stats = settle_wait(cache);
    check_sums(&stats, "after the growth");
    uint64_t conflicts = stats.removed[GYRE_CONFLICT];
    if (!STRESS_POINTS && sum.misses > 1 + sum.lookups / 1000000)
        stress_fail("%" PRIu64 " of %" PRIu64 " lookups missed a key that nobody touched",
                    sum.misses, sum.lookups);
    if (sum.misses > stats.vanished)
        stress_fail("%" PRIu64 " lookups missed a key that nobody touched, %" PRIu64 " are counted",
                    sum.misses, stats.vanished);
    bool too_many = conflicts > 3 + sum.inserted / conflicts_rarer_than(sum.inserted);
    if (too_many && last)
        stress_fail("%" PRIu64 " evictions for want of a slot in %" PRIu64 " insertions", conflicts,
                    sum.inserted);
    if (stats.removed[GYRE_CAPACITY])
        stress_fail("%" PRIu64 " entries evicted for room, although there is room for all",
                    stats.removed[GYRE_CAPACITY]);
    for (uint32_t i = 0; i < STILL_KEYS; i++)
        if (!look(cache, (struct key){STILL, i}))
            stress_fail("key k%u is gone after the growth", i);
    stress_need("insertions", sum.inserted);
    stress_need("growths", stats.growths);
    stress_need("lookups", sum.lookups);
    stress_report("misses", sum.misses);
    stress_report("vanished", stats.vanished);
    stress_report("longest absence us", sum.longest_absence_ns / 1000);
    stress_report("conflict evictions", conflicts);
    stress_report("entries", stats.entries);
    stress_report("index bytes", stats.index_bytes);
    stress_report("lookup ns median", percentile(sum.bands, 0.5));
    stress_report("p99.99", percentile(sum.bands, 0.9999));
    stress_report("max", sum.longest_ns);
    return !too_many;
}

/* An index that grows; false when too many were evicted for want of a slot. */
static bool
play(struct rng *rng, uint64_t n, bool last)
{
    unsigned n_workers = stress_threads((unsigned)rng_between(rng, 2, 4));
    struct grower *growers = calloc(n_workers, sizeof(struct grower));
    struct watch *scratch = calloc(SCRATCH_KEYS, sizeof(struct watch));
    if (!growers || !scratch)
        abort();
    stress_points(rng_one_in(rng, 4) ? 0 : 256u << rng_below(rng, 6));
    gyre *cache = open_cache(n, n_workers, rng);
    for (unsigned i = 0; i < n_workers; i++) {
        growers[i] = (struct grower){.cache = cache,
                                     .index = i,
                                     .n_workers = n_workers,
                                     .rng = {rng_next(rng)},
                                     .scratch = scratch,
                                     .to_insert = n / n_workers};
    }
    stress_run(n_workers, grow, growers, sizeof growers[0]);
    stress_points(0);
    bool fine = judge(cache, growers, n_workers, last);
    gyre_close(cache);
    free(growers);
    free(scratch);
    return fine;
}

int
main(int argc, char **argv)
{
    (void)argc;
    stress_start(argv, "growth", 5);
    uint64_t n = stress_setting("MILLIONS", 0) * 1000000;
    unsigned tries = n ? 1 : 4;
    if (n == 0)
        n = (uint64_t)(stress_seconds() * (STRESS_POINTS ? 20000 : 100000));
    struct rng rng = stress_rng(0);
    while (!play(&rng, n, tries == 1) && --tries > 0 && !stress_failed())
        stress_report("runs repeated", 1);
    return stress_finish();
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Where nothing is evicted, has every race exactly one winner? And does every race on one key have
 * an explanation, wherever it is?
 *
 * Games: the cache has room for everything, so the outcomes of all threads together are certain: of
 * many GYRE_ADDs of a key one succeeds; of many GYRE_IF_VERSION updates of one version one succeeds,
 * so a counter ends at the number of updates that answered OK; of many deletes of a key one
 * succeeds. Storms: a tiny cache is swept, grows, is cleared and expires. In both, windows of all
 * operations on one key (lib/window.h) are checked exhaustively. */

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "round.h"
#include "window.h"

#define KEYS 64
#define COUNTERS 4
#define UPDATES 100 /* of each counter by each worker in a lap */
#define WINDOWS 8   /* in a lap */
#define FILLER 'f'  /* keys that make a storm */
#define FILLERS 4000
#define NEIGHBOUR 'n' /* keys that stand where those of windows do */
#define NEIGHBOURS 6
#define STORMS 5 /* after each game: an index grows at the beginning only */

struct game {
    gyre *cache;
    pthread_barrier_t barrier;
    unsigned n_workers;
    uint64_t until_ns;
    bool over; /* written between barriers */
    _Atomic uint32_t added[KEYS], add_busy[KEYS], deleted[KEYS];
    _Atomic uint64_t counted[COUNTERS], lost_adds, lost_puts, laps, busy, changed, vanished;
    struct watch counts[COUNTERS];
    struct window window;
};

struct player {
    struct game *game;
    unsigned index;
    struct rng rng;
};

static int
add(gyre *cache, uint32_t number, uint64_t value)
{
    struct key key = {'a', number};
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write(key, key_bytes);
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    options.flags = GYRE_ADD;
    return gyre_put(cache, key_bytes, key_size, &value, sizeof value, &options);
}

static void
add_all(struct player *player)
{
    struct game *game = player->game;
    uint32_t first = (uint32_t)rng_below(&player->rng, 4); /* close enough to meet */
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t number = (first + i) % KEYS;
        int rc = add(game->cache, number, player->index);
        if (rc == GYRE_OK)
            atomic_fetch_add(&game->added[number], 1);
        else if (rc == GYRE_EBUSY)
            atomic_fetch_add(&game->add_busy[number], 1);
        else if (rc != GYRE_EXISTS)
            stress_fail("add: %s", gyre_strerror(rc));
    }
}

static void
delete_all(struct player *player)
{
    struct game *game = player->game;
    uint32_t first = (uint32_t)rng_below(&player->rng, 4);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t number = (first + i) % KEYS;
        unsigned char key_bytes[KEY_BYTES_MAX];
        size_t key_size = key_write((struct key){'a', number}, key_bytes);
        int rc = gyre_delete(game->cache, key_bytes, key_size);
        if (rc == GYRE_OK)
            atomic_fetch_add(&game->deleted[number], 1);
        else if (rc != GYRE_MISS)
            stress_fail("delete: %s", gyre_strerror(rc));
    }
}

/* One update of a counter that is always there; a miss can only be a passing one. */
static void
count_up(struct player *player, uint32_t number)
{
    struct game *game = player->game;
    unsigned char key_bytes[KEY_BYTES_MAX];
    size_t key_size = key_write((struct key){COUNTER, number}, key_bytes);
    uint64_t value = 0, version = 0;
    uint64_t low = watch_low(&game->counts[number]);
    gyre_view view;
    stress_tally.operations += 2;
    int rc = gyre_get(game->cache, key_bytes, key_size, &view);
    if (rc != GYRE_OK) {
        atomic_fetch_add(&game->vanished, 1);
        return;
    }
    value = *(const uint64_t *)view.data + 1;
    version = view.version;
    gyre_release(&view);
    watch_hit(&game->counts[number], (struct key){COUNTER, number}, low, value - 1, "counter");
    stress_raise(&game->counts[number].begun, value);
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    options.flags = GYRE_IF_VERSION;
    options.version = version;
    rc = gyre_put(game->cache, key_bytes, key_size, &value, sizeof value, &options);
    if (rc == GYRE_OK) {
        watch_done(&game->counts[number], value);
        atomic_fetch_add(&game->counted[number], 1);
    } else if (rc == GYRE_CHANGED)
        atomic_fetch_add(&game->changed, 1);
    else if (rc == GYRE_EBUSY)
        atomic_fetch_add(&game->busy, 1);
    else if (rc == GYRE_MISS)
        atomic_fetch_add(&game->vanished, 1);
    else
        stress_fail("update: %s", gyre_strerror(rc));
}

/* Nobody else is in a call. */
static void
judge_adds(struct game *game)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t added = atomic_load(&game->added[i]), busy = atomic_load(&game->add_busy[i]);
        if (added > 1)
            stress_fail("%u of %u ADDs of key a%u succeeded", added, game->n_workers, i);
        if (added == 0 && busy == 0)
            stress_fail("no ADD of key a%u succeeded: it is absent, yet all say that it exists", i);
        atomic_fetch_add(&game->lost_adds, added == 0);
        atomic_fetch_add(&game->busy, busy);
    }
}

static void
judge_deletes(struct game *game)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t added = atomic_exchange(&game->added[i], 0);
        uint32_t deleted = atomic_exchange(&game->deleted[i], 0);
        atomic_store(&game->add_busy[i], 0);
        atomic_fetch_add(&game->lost_puts, added - (deleted < added ? deleted : added));
        if (deleted > added)
            stress_fail("%u of %u deletes of key a%u succeeded, it was added %u times", deleted,
                        game->n_workers, i, added);
    }
    for (uint32_t i = 0; i < COUNTERS; i++) {
        unsigned char key_bytes[KEY_BYTES_MAX];
        size_t key_size = key_write((struct key){COUNTER, i}, key_bytes);
        uint64_t value = 0;
        int rc = gyre_read(game->cache, key_bytes, key_size, &value, sizeof value, NULL);
        if (rc != GYRE_OK || value != atomic_load(&game->counted[i]))
            stress_fail("counter %u: %s, stands at %" PRIu64 " after %" PRIu64 " updates", i,
                        gyre_strerror(rc), value, atomic_load(&game->counted[i]));
    }
    atomic_fetch_add(&game->laps, 1);
    game->over = stress_now_ns() > game->until_ns || stress_failed();
}

static void
play(void *arg)
{
    struct player *player = arg;
    struct game *game = player->game;
    while (!game->over) {
        add_all(player);
        if (pthread_barrier_wait(&game->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            judge_adds(game);
        for (unsigned i = 0; i < UPDATES * COUNTERS; i++)
            count_up(player, (uint32_t)rng_below(&player->rng, COUNTERS));
        for (unsigned i = 0; i < WINDOWS; i++)
            window_play(&game->window, player->index, &player->rng);
        delete_all(player);
        if (pthread_barrier_wait(&game->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            judge_deletes(game);
        pthread_barrier_wait(&game->barrier);
    }
}

static void
report_windows(const struct window *window)
{
    stress_need("windows", window->windows);
    stress_report("overlapping", window->overlapping);
    stress_need("races", window->overlapping);
}

static void
play_game(struct rng *rng, uint64_t for_ns)
{
    struct game game = {.n_workers = stress_threads((unsigned)rng_between(rng, 2, 6))};
    struct player players[WORKERS_MAX];
    gyre_options options = GYRE_OPTIONS_INIT;
    options.capacity_bytes = 32u << 20;
    options.flags = GYRE_VERSIONS | stress_draw_mode(rng);
    options.seed = rng_next(rng);
    if (game.n_workers > WORKERS_MAX)
        game.n_workers = WORKERS_MAX;
    stress_points(rng_one_in(rng, 4) ? 0 : 8u << rng_below(rng, 7));
    int rc = gyre_open(&game.cache, &options);
    if (rc != GYRE_OK) {
        stress_fail("open: %s", gyre_strerror(rc));
        return;
    }
    for (uint32_t i = 0; i < COUNTERS; i++) {
        unsigned char key_bytes[KEY_BYTES_MAX];
        size_t key_size = key_write((struct key){COUNTER, i}, key_bytes);
        uint64_t zero = 0;
        gyre_put(game.cache, key_bytes, key_size, &zero, sizeof zero, NULL);
    }
    window_init(&game.window, game.cache, game.n_workers, false);
    game.until_ns = stress_now_ns() + for_ns;
    pthread_barrier_init(&game.barrier, NULL, game.n_workers);
    for (unsigned i = 0; i < game.n_workers; i++)
        players[i] = (struct player){&game, i, {rng_next(rng)}};
    stress_run(game.n_workers, play, players, sizeof players[0]);
    pthread_barrier_destroy(&game.barrier);

    gyre_stats stats = stats_of(game.cache);
    uint64_t evicted = stats.removed[GYRE_CAPACITY] + stats.removed[GYRE_CONFLICT];
    if (evicted)
        stress_fail("%" PRIu64 " entries were evicted although there is room for all", evicted);
    stress_need("laps", atomic_load(&game.laps));
    for (uint32_t i = 0; i < COUNTERS; i++)
        stress_need("updates", atomic_load(&game.counted[i]));
    stress_need("races", atomic_load(&game.changed));
    stress_report("lost races", atomic_load(&game.changed));
    stress_report("busy", atomic_load(&game.busy));
    stress_report("keys nobody added", atomic_load(&game.lost_adds));
    stress_report("added and gone", atomic_load(&game.lost_puts));
    stress_report("vanished", atomic_load(&game.vanished));
    report_windows(&game.window);
    gyre_close(game.cache);
}

/* ---- storms -----------------------------------------------------------------------------------
 */

struct storm {
    struct stress_world world;
    bool crowded;
    struct window window;
    uint64_t until_ns;
    bool over; /* written by worker 0 between windows */
    _Atomic unsigned left;
};

struct sailor {
    struct storm *storm;
    unsigned index;
    struct rng rng;
};

static void
sail(void *arg)
{
    struct sailor *sailor = arg;
    struct storm *storm = sailor->storm;
    while (!storm->over) {
        window_play(&storm->window, sailor->index, &sailor->rng);
        if (sailor->index == 0)
            storm->over = stress_now_ns() > storm->until_ns || stress_failed();
        window_play(&storm->window, sailor->index, &sailor->rng);
    }
    atomic_fetch_sub(&storm->left, 1);
}

#ifdef GY_POINTS
extern uint64_t (*gy_hash_hook)(const void *key, size_t size);

static uint64_t
crowded_hash(const void *key, size_t size)
{
    char class = *(const char *)key;
    uint32_t number;
    (void)size;
    memcpy(&number, (const char *)key + 1, sizeof number);
    return class == FILLER ? mix64(number) : UINT64_C(0x123456789abcdef0);
}

/* Or all keys but fillers have one hash: rivals of one key stand in different slots then. */
static void
crowd(bool crowded)
{
    gy_hash_hook = crowded ? crowded_hash : NULL;
}
#else
static void
crowd(bool crowded)
{
    (void)crowded;
}
#endif

/* A neighbour comes or goes. */
static void
move_neighbour(gyre *cache, struct rng *rng)
{
    unsigned char key_bytes[KEY_BYTES_MAX];
    struct key key = {NEIGHBOUR, (uint32_t)rng_below(rng, NEIGHBOURS)};
    size_t key_size = key_write(key, key_bytes);
    int rc = rng_one_in(rng, 2) ? gyre_delete(cache, key_bytes, key_size)
                                : gyre_put(cache, key_bytes, key_size, "here", 4, NULL);
    if (rc != GYRE_OK && rc != GYRE_MISS && rc != GYRE_EBUSY)
        stress_fail("neighbour: %s", gyre_strerror(rc));
}

/* What goes on beside the windows: the cache fills up again and again, the index grows, time goes by. */
static void
blow(struct storm *storm, gyre *cache, struct rng *rng)
{
    unsigned char key_bytes[KEY_BYTES_MAX];
    while (atomic_load(&storm->left)) {
        struct key key = {FILLER, (uint32_t)rng_below(rng, FILLERS)};
        int rc = gyre_put(cache, key_bytes, key_write(key, key_bytes), "filler", 6, NULL);
        if (rc != GYRE_OK && rc != GYRE_EBUSY)
            stress_fail("filler: %s", gyre_strerror(rc));
        stress_tally.operations++;
        for (unsigned i = 0; storm->crowded && i < NEIGHBOURS; i++)
            move_neighbour(cache, rng);
        if (rng_one_in(rng, 64))
            atomic_fetch_add_explicit(&storm->world.clock_ms, 1, memory_order_acq_rel);
        if (rng_one_in(rng, 256))
            gyre_maintain(cache, 1000);
    }
}

static void
play_storm(struct rng *rng, uint64_t for_ns)
{
    struct storm storm = {.crowded = rng_one_in(rng, 2)};
    struct sailor sailors[WORKERS_MAX];
    struct stress_thread *threads[WORKERS_MAX];
    gyre_options options = GYRE_OPTIONS_INIT;
    gyre *cache;
    unsigned n = stress_threads((unsigned)rng_between(rng, 2, 6));
    n = n < WORKERS_MAX ? n : WORKERS_MAX;
    options.capacity_bytes = (uint64_t)65536 << rng_below(rng, 4);
    options.expected_entry_bytes = 65536; /* an index that must grow */
    options.flags = GYRE_VERSIONS | stress_draw_mode(rng);
    options.seed = rng_next(rng);
    stress_world_install(&storm.world, &options);
    stress_points(rng_one_in(rng, 4) ? 0 : 8u << rng_below(rng, 7));
    crowd(storm.crowded);
    int rc = gyre_open(&cache, &options);
    if (rc != GYRE_OK) {
        stress_fail("open: %s", gyre_strerror(rc));
        return;
    }
    window_init(&storm.window, cache, n, true);
    storm.until_ns = stress_now_ns() + for_ns;
    atomic_store(&storm.left, n);
    for (unsigned i = 0; i < n; i++) {
        sailors[i] = (struct sailor){&storm, i, {rng_next(rng)}};
        threads[i] = stress_spawn(sail, &sailors[i]);
    }
    blow(&storm, cache, rng);
    for (unsigned i = 0; i < n; i++)
        stress_join(threads[i]);
    gyre_stats stats = stats_of(cache);
    stress_need("storms", 1);
    stress_report("growths", stats.growths);
    stress_report("sweeps", stats.sweeps);
    report_windows(&storm.window);
    gyre_close(cache);
    crowd(false);
    stress_world_check_empty(&storm.world);
}

int
main(int argc, char **argv)
{
    (void)argc;
    stress_start(argv, "adds", 5);
    uint64_t until = stress_now_ns() + (uint64_t)(stress_seconds() * 1e9);
    for (uint64_t n = 0; stress_goes_on(until, stress_lacks()); n++) {
        struct rng rng = stress_rng(n);
        play_game(&rng, (uint64_t)(stress_seconds() * 1e9 / 10));
        stress_report("games", 1);
        for (unsigned i = 0; i < STORMS && !stress_failed(); i++)
            play_storm(&rng, (uint64_t)(stress_seconds() * 1e9 / 10 / STORMS));
    }
    return stress_finish();
}

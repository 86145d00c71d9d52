/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "scene.h"

#include "recount.h"

enum { CAPACITY = 128 << 10, SOME = 4 /* records and members are not more */ };

struct record *
scene_record(void)
{
    struct record *record = mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(record != MAP_FAILED);
    states_open(&record->states);
    return record;
}

static void
look(void *arg, uint64_t from, uint64_t bytes)
{
    struct record *record = arg;
    record->instructions++;
    if (bytes > 0)
        image_look(&record->image, &record->states, record->instructions, from, bytes);
}

static struct traced_each
each_of(struct scene *scene, gyre *cache)
{
    struct traced_each each = {.look = look, .arg = scene->record};
    if (cache != NULL)
        each.region = cache->region.base, each.bytes = cache->region.bytes;
    return each;
}

bool
scene_step_through(struct scene *scene, pid_t pid)
{
    struct traced_each each = each_of(scene, NULL);
    scene->record->instructions = 0;
    image_begin(&scene->record->image, &scene->record->states);
    return traced_step_through(pid, &each);
}

static gyre_options
options_of(const struct operation *o)
{
    gyre_options options = api_options(CAPACITY, GYRE_NO_THREAD);
    options.expected_entry_bytes = 400;
    options.max_entries = o->max_entries;
    options.seed = 1;
    return options;
}

static gyre *
make(int file, const struct operation *o)
{
    gyre_options options = options_of(o);
    gyre *cache;
    options.flags |= GYRE_CREATE | GYRE_SHM_FD;
    options.shm_fd = file;
    return gyre_open(&cache, &options) == GYRE_OK ? cache : NULL;
}

static void
use(gyre *cache)
{
    gyre_view view;
    if (cache == NULL)
        _exit(1);
    if (gyre_get(cache, key_of(0).text, 16, &view) == GYRE_OK) /* it has a record */
        gyre_release(&view);
}

static void
be_victim(struct scene *scene)
{
    const struct operation *o = scene->operation;
    gyre *cache = scene->cache;
    struct api_key key = key_of(o->key);
    char value[STEPS_SIZE];
    int result;
    fill_bytes(value, sizeof value, o->key + STEPS_NEW);
    traced_begin();
    if (o->kind == STEPS_MEMBER)
        use(cache = shared_try_open(&scene->shared, GYRE_NO_THREAD, &result));
    struct traced_each each = each_of(scene, cache);
    traced_steps_begin(&each);
    if (o->kind == STEPS_OPENER)
        shared_try_open(&scene->shared, GYRE_NO_THREAD, &result);
    else if (o->kind == STEPS_CREATOR)
        make(scene->shared.file, o);
    else
        o->act(cache, key.text, value);
    traced_steps_end();
    _exit(0);
}

/* Joins, and then makes doubles of itself, which clear up. (That the peer lives is not looked at: it takes ten thousand
 * instructions, and no store.) */
static void
be_heir(struct scene *scene)
{
    int result;
    char byte;
    if (read(scene->ask[0], &byte, 1) != 1)
        _exit(0);
    gyre *cache = shared_try_open(&scene->shared, GYRE_NO_THREAD, &result);
    use(cache);
    pid_t pid = 0;
    while (write(scene->answer[1], &pid, sizeof pid) == sizeof pid && read(scene->ask[0], &byte, 1) == 1) {
        pid = traced_double(true);
        if (pid != 0)
            continue;
        struct traced_each each = each_of(scene, cache);
        traced_begin();
        traced_steps_begin(&each);
        for (uint32_t place = 1; place < SOME; place++) {
            uint64_t word = gy_load_acq(&cache->members[place].word);
            if (gy_member_state(word) != GY_MEMBER_FREE)
                gy_reap_one(cache, gy_member_name(place, word));
        }
        gy_recount(cache);
        traced_steps_end();
        _exit(0);
    }
    _exit(0);
}

static pid_t
ask_heir(struct scene *scene)
{
    pid_t pid = -1;
    CHECK_EQ(write(scene->ask[1], "x", 1), 1);
    CHECK_EQ(read(scene->answer[0], &pid, sizeof pid), sizeof pid);
    return pid;
}

pid_t
scene_heir(struct scene *scene)
{
    pid_t pid = ask_heir(scene);
    CHECK(pid > 0 && traced_await(pid) && traced_go_on(pid));
    return pid;
}

void
scene_end_heir(struct scene *scene)
{
    close(scene->ask[1]), close(scene->answer[0]);
    traced_kill(scene->heir);
}

static void
start_heir(struct scene *scene)
{
    CHECK(pipe(scene->ask) == 0 && pipe(scene->answer) == 0);
    scene->heir = fork();
    CHECK(scene->heir >= 0);
    if (scene->heir == 0) {
        close(scene->ask[1]), close(scene->answer[0]);
        be_heir(scene);
    }
    close(scene->ask[0]), close(scene->answer[1]);
}

static void
start_victim(struct scene *scene)
{
    scene->victim = fork();
    CHECK(scene->victim >= 0);
    if (scene->victim == 0)
        be_victim(scene);
    CHECK(traced_await(scene->victim));
}

/* The parts, not the gaps between them: where a step takes long against the kernel's tick, the vDSO begins to read the clock
 * again and again, and its reader never comes to an end. */
static void
watch(struct scene *scene, const struct gy_geometry *g)
{
    struct image *image = &scene->record->image;
    image_open(image, scene->shared.file, g->region_bytes);
    image_watch(image, 0, g->members_at + SOME * sizeof(struct gy_member));
    image_watch(image, g->records_at, SOME * sizeof(struct gy_record));
    image_watch(image, g->words_at, g->lanes_at + g->n_lanes * sizeof(struct gy_lane) - g->words_at);
    image_watch(image, g->history_at, g->index_at + g->n_shards * g->shard_bytes_most - g->history_at);
    image_watch(image, g->arenas_at, g->region_bytes - g->arenas_at);
}

static struct gy_geometry
geometry_of_another(const struct operation *o)
{
    int file = memfd_create("gyre", MFD_CLOEXEC);
    gyre *cache = make(file, o);
    CHECK(cache != NULL);
    struct gy_geometry g = cache->g;
    gyre_close(cache);
    close(file);
    return g;
}

void
scene_begin(struct scene *scene, const struct operation *o, bool with_heir)
{
    *scene = (struct scene){.operation = o, .record = scene->record, .heir = -1};
    scene->shared.file = memfd_create("gyre", MFD_CLOEXEC);
    struct gy_geometry g = geometry_of_another(o);
    if (o->kind != STEPS_CREATOR) {
        gyre *maker = make(scene->shared.file, o);
        CHECK(maker != NULL);
        gyre_close(maker);
    }
    watch(scene, &g);
    if (o->kind != STEPS_FORKED)
        start_victim(scene); /* before the peer has the cache: it inherits nothing */
    if (with_heir)
        start_heir(scene);
    if (o->kind != STEPS_CREATOR) {
        scene->cache = shared_open(&scene->shared, GYRE_NO_THREAD);
        for (unsigned k = 0; k < STEPS_KEYS; k++)
            CHECK_OK(put_bytes(scene->cache, key_of(k).text, STEPS_SIZE, k));
    }
    if (with_heir)
        ask_heir(scene);
    if (o->kind == STEPS_FORKED)
        start_victim(scene);
    if (o->prepare)
        o->prepare(scene->cache);
    CHECK(traced_go_on(scene->victim));
}

void
scene_end(struct scene *scene)
{
    image_close(&scene->record->image);
    if (scene->cache)
        gyre_close(scene->cache);
    close(scene->shared.file);
}

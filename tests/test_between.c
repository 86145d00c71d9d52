/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* One operation stops at a point, another thread carries out a second one from beginning to end, and the
 * first goes on: every pair of operations, in caches that are in the middle of something, at as many of the
 * first one's points as time allows. The answers and what stands afterwards must be those of one order of
 * the two, evictions allowed, and the books must balance. Builds without points run the two in turn. */

#include <pthread.h>
#include <stdlib.h>

#include "room.h"

enum { VALUE = 600, KEYS_MOST = 2000, TTL_MS = 50 };
enum { ABSENT, SETUP, FIRST, SECOND }; /* what a key holds: nothing, or whose value */

static const char KEY[] = "the key";

/* How many points of each pair are tried, at most; and where a run takes long, one pair in how many. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { POINTS_MOST = 4, ONE_PAIR_IN = 6 };
#else
enum { POINTS_MOST = 8, ONE_PAIR_IN = 1 };
#endif

struct scene {
    gyre *cache;
    struct api_clock clock;
    uint64_t version; /* of the value that the setup put */
    uint64_t put;     /* by the setup, to be counted in the end */
    int state;        /* of the key, before the two operations */
};

struct answer {
    int result, saw; /* saw: whose value a lookup hit */
};

/* ---- operations -------------------------------------------------------------------------------- */

enum kind { PUT, ADD, REPLACE, IF_VERSION, DELETE, TOUCH, GET, READ, MANY, DRAFT, CLEAR, STEP, SETTLE, SCAN, FLOOD, STATS,
            KINDS };
static const char *const kind_names[KINDS] = {"put", "add", "replace", "put if version", "delete", "touch", "get", "read",
                                              "get_many", "draft", "clear", "a step", "maintain", "scan", "flood", "stats"};

static int
whose(const void *data, size_t size)
{
    CHECK_EQ(size, VALUE);
    for (int tag = SETUP; tag <= SECOND; tag++)
        if (bytes_are(data, size, (uint64_t)tag))
            return tag;
    CHECK(!"a value that was put");
    return ABSENT;
}

static int
seen_in(int result, gyre_view *view)
{
    int saw = result == GYRE_OK ? whose(view->data, view->size) : ABSENT;
    gyre_release(view);
    return saw;
}

static int
put_with(struct scene *s, uint32_t flags, int tag, bool as_draft)
{
    char value[VALUE];
    gyre_put_options o = GYRE_PUT_OPTIONS_INIT;
    o.flags = flags, o.version = s->version;
    fill_bytes(value, VALUE, (uint64_t)tag);
    if (!as_draft)
        return gyre_put(s->cache, KEY, sizeof KEY, value, VALUE, &o);
    gyre_draft draft;
    int result = gyre_reserve(s->cache, KEY, sizeof KEY, VALUE, &o, &draft);
    if (result != GYRE_OK)
        return result;
    memcpy(draft.data, value, VALUE);
    return gyre_commit(&draft);
}

static int
look(void *arg, const void *key, size_t key_size, const gyre_view *view)
{
    (void)arg;
    if (key_size == sizeof KEY && memcmp(key, KEY, key_size) == 0)
        whose(view->data, view->size);
    return 0;
}

static void
put_others(struct scene *s, unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        int result = put_bytes(s->cache, key_of(i).text, VALUE, i);
        CHECK_MSG(result == GYRE_OK || result == GYRE_EBUSY, "put: %s", gyre_strerror(result));
        s->put += result == GYRE_OK;
    }
}

static int
maintain(gyre *cache, unsigned turns)
{
    int result = 1;
    for (unsigned i = 0; i < turns && result > 0; i++)
        result = gyre_maintain(cache, 0);
    return result > 0 ? GYRE_OK : result;
}

static struct answer
act(struct scene *s, enum kind kind, int tag)
{
    struct answer a = {GYRE_OK, ABSENT};
    gyre_view views[2] = {{0}};
    int results[2];
    char value[VALUE];
    size_t size;
    switch (kind) {
    case PUT: a.result = put_with(s, 0, tag, false); break;
    case ADD: a.result = put_with(s, GYRE_ADD, tag, false); break;
    case REPLACE: a.result = put_with(s, GYRE_REPLACE, tag, false); break;
    case IF_VERSION: a.result = put_with(s, GYRE_IF_VERSION, tag, false); break;
    case DELETE: a.result = gyre_delete(s->cache, KEY, sizeof KEY); break;
    case TOUCH: a.result = gyre_touch(s->cache, KEY, sizeof KEY, GYRE_NO_TTL); break;
    case GET:
        a.result = gyre_get(s->cache, KEY, sizeof KEY, views);
        a.saw = seen_in(a.result, views);
        break;
    case READ:
        a.result = gyre_read(s->cache, KEY, sizeof KEY, value, sizeof value, &size);
        a.saw = a.result == GYRE_OK ? whose(value, size) : ABSENT;
        break;
    case MANY:
        gyre_get_many(s->cache, 2, (gyre_key[2]){{KEY, sizeof KEY}, {"no key", 6}}, views, results);
        a.result = results[0];
        a.saw = seen_in(a.result, views);
        break;
    case DRAFT: a.result = put_with(s, 0, tag, true); break;
    case CLEAR: a.result = gyre_clear(s->cache); break;
    case STEP: a.result = maintain(s->cache, 1); break;
    case SETTLE: a.result = maintain(s->cache, 100); break;
    case SCAN: a.result = gyre_scan(s->cache, look, s); break;
    case FLOOD: put_others(s, KEYS_MOST * (unsigned)tag, 90); break;
    default: api_stats(s->cache);
    }
    return a;
}

/* ---- what is allowed --------------------------------------------------------------------------- */

static struct answer
expected(enum kind kind, int tag, int *state)
{
    struct answer a = {GYRE_OK, ABSENT};
    int before = *state;
    switch (kind) {
    case PUT:
    case DRAFT: *state = tag; break;
    case ADD:
        a.result = before ? GYRE_EXISTS : GYRE_OK;
        *state = before ? before : tag;
        break;
    case REPLACE:
        a.result = before ? GYRE_OK : GYRE_MISS;
        *state = before ? tag : ABSENT;
        break;
    case IF_VERSION:
        a.result = before == SETUP ? GYRE_OK : before ? GYRE_CHANGED : GYRE_MISS;
        *state = before == SETUP ? tag : before;
        break;
    case DELETE:
        a.result = before ? GYRE_OK : GYRE_MISS;
        *state = ABSENT;
        break;
    case TOUCH: a.result = before ? GYRE_OK : GYRE_MISS; break;
    case GET:
    case READ:
    case MANY:
        a.result = before ? GYRE_OK : GYRE_MISS;
        a.saw = before;
        break;
    case CLEAR: *state = ABSENT; break;
    default: break;
    }
    return a;
}

struct pair {
    enum kind kind[2];
    struct answer answer[2];
    int after;
    bool moving; /* words may be on their way to where they stand after growth */
};

/* Between migrate 3 and 4 a word is invisible: what only looks, or replaces what it sees, may miss it. */
static bool
may_overlook(enum kind kind)
{
    return kind == GET || kind == READ || kind == MANY || kind == REPLACE || kind == IF_VERSION || kind == TOUCH;
}

/* Does this order explain everything, with evictions where the bits of evicted say so? An operation that
 * answers that it was busy has changed nothing. */
static bool
explains(const struct pair *p, int state, bool second_first, unsigned evicted)
{
    for (unsigned n = 0; n < 2; n++) {
        unsigned i = n ^ second_first;
        if (evicted & 1u << n)
            state = ABSENT;
        if (p->kind[i] <= DRAFT && p->answer[i].result == GYRE_EBUSY)
            continue;
        if (p->moving && may_overlook(p->kind[i]) && p->answer[i].result == GYRE_MISS)
            continue;
        struct answer a = expected(p->kind[i], FIRST + (int)i, &state);
        if (a.result != p->answer[i].result || a.saw != p->answer[i].saw)
            return false;
    }
    return p->after == ((evicted & 4) ? ABSENT : state);
}

static bool
allowed(const struct pair *p, int state)
{
    for (unsigned evicted = 0; evicted < 8; evicted++)
        if (explains(p, state, false, evicted) || explains(p, state, true, evicted))
            return true;
    return false;
}

/* ---- scenes ------------------------------------------------------------------------------------ */

static uint64_t
one_hash(const void *key, size_t size)
{
    (void)key, (void)size;
    return 0x5555666677778888u;
}

static void
put_setup(struct scene *s, uint32_t ttl_ms)
{
    char value[VALUE];
    gyre_put_options o = GYRE_PUT_OPTIONS_INIT;
    o.ttl_ms = ttl_ms, o.new_version = &s->version;
    fill_bytes(value, VALUE, SETUP);
    CHECK_OK(gyre_put(s->cache, KEY, sizeof KEY, value, VALUE, &o));
    s->put++;
    s->state = SETUP;
}

static void
nothing(struct scene *s)
{
    (void)s;
}

static void
present(struct scene *s)
{
    put_setup(s, 0);
}

static void
expired(struct scene *s)
{
    put_setup(s, TTL_MS);
    s->clock.ms += TTL_MS + 1;
    s->state = ABSENT;
}

static void
cleared(struct scene *s)
{
    put_others(s, 0, 10);
    put_setup(s, 0);
    CHECK_OK(gyre_clear(s->cache));
    s->state = ABSENT;
}

static void
tight(struct scene *s)
{
    put_setup(s, 0);
    put_others(s, 0, 70);
    s->state = is_missing(s->cache, "nothing") ? SETUP : ABSENT; /* evicted, perhaps: that is allowed */
}

/* Other keys until the shard wants to grow, and steps until its words show that phase. */
static void
grown_to(struct scene *s, enum gy_phase phase)
{
    struct gy_record *r = room_record(s->cache);
    for (unsigned i = 0; !gy_grow_wanted(s->cache, 0); i++, s->put++)
        CHECK_OK(room_put(s->cache, GY_MAIN, key_of(i).text, 8, i)), gy_count(&r->count.puts, 1);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t geometry = gy_load_seq(&s->cache->geometries[0]);
        uint64_t stage = gy_load_seq(&s->cache->super->shard[0].stage) & 7;
        if (gy_geometry_phase(geometry) == phase && (phase != GY_MOVING || stage == 3))
            break;
        gy_grow_step(s->cache, r, 0, true);
    }
}

static void
before_growth(struct scene *s)
{
    grown_to(s, GY_STEADY);
    put_setup(s, 0);
}

static void
growing(struct scene *s)
{
    put_setup(s, 0);
    grown_to(s, GY_UNION);
}

static void
moving(struct scene *s)
{
    put_setup(s, 0);
    grown_to(s, GY_MOVING);
}

static void
moving_without(struct scene *s)
{
    grown_to(s, GY_MOVING);
}

static void
crowd(struct scene *s)
{
    put_others(s, 0, 2 * GY_BUCKET_SLOTS);
}

static void
crowd_with(struct scene *s)
{
    put_others(s, 0, 2 * GY_BUCKET_SLOTS - 1);
    put_setup(s, 0);
}

static const struct setting {
    const char *name;
    void (*prepare)(struct scene *s);
    uint32_t expected_entry_bytes, max_entries;
    bool same_hash;
} settings[] = {
    {"an empty cache", nothing, 0, 0, false},
    {"the key is present", present, 0, 0, false},
    {"the key has expired", expired, 0, 0, false},
    {"a clear is under way", cleared, 0, 0, false},
    {"the cache is full", tight, 0, 0, false},
    {"at its limit", tight, 0, 12, false},
    {"about to grow", before_growth, 60000, 0, false},
    {"growing", growing, 60000, 0, false},
    {"moving", moving, 60000, 0, false},
    {"moving, the key is absent", moving_without, 60000, 0, false},
    {"a full window", crowd, 0, 0, true},
    {"a full window with the key", crowd_with, 0, 0, true},
};

static void
open_scene(struct scene *s, const struct setting *setting, uint64_t seed)
{
    *s = (struct scene){.clock = {1000}};
    gyre_options o = api_options(64 * KIB, GYRE_NO_THREAD | GYRE_VERSIONS);
    o.expected_entry_bytes = setting->expected_entry_bytes;
    o.max_entries = setting->max_entries;
    o.seed = seed;
    o.clock_ms = api_clock_read, o.clock_arg = &s->clock;
#ifdef GY_POINTS
    gy_hash_hook = setting->same_hash ? one_hash : NULL;
#else
    (void)one_hash;
#endif
    s->cache = api_open_with(&o);
    setting->prepare(s);
}

/* Every put went out again, or stands. A touch may count as a replacement. */
static void
check_books(struct scene *s, const struct pair *p)
{
    gyre_stats stats = api_stats(s->cache);
    uint64_t removed = 0, touches = 0;
    for (unsigned i = 0; i < 2; i++) {
        bool put = p->kind[i] <= IF_VERSION || p->kind[i] == DRAFT;
        s->put += put && p->answer[i].result == GYRE_OK;
        touches += p->kind[i] == TOUCH && p->answer[i].result == GYRE_OK;
    }
    for (unsigned i = 0; i < GYRE_REASONS; i++)
        removed += stats.removed[i];
    CHECK_EQ(stats.puts, s->put);
    CHECK_MSG(stats.entries + removed >= s->put && stats.entries + removed <= s->put + touches,
              "%llu entries, %llu removed, %llu put", (unsigned long long)stats.entries, (unsigned long long)removed,
              (unsigned long long)s->put);
    CHECK_EQ(stats.entries, room_refs_into(s->cache, UINT32_MAX));
    CHECK_EQ(stats.pinned_bytes, 0);
}

/* ---- one inside the other ---------------------------------------------------------------------- */

static struct {
    struct scene *scene;
    struct pair *pair;
    unsigned at, stop_at; /* points passed, and the one to stop at */
    bool stopped;
} now;
#ifdef GY_POINTS
static _Thread_local bool first_thread;
#endif

static void *
second(void *arg)
{
    (void)arg;
    now.pair->answer[1] = act(now.scene, now.pair->kind[1], SECOND);
    return NULL;
}

static void
let_second_act(void)
{
    pthread_t thread;
    now.stopped = true;
    CHECK_OK(pthread_create(&thread, NULL, second, NULL));
    CHECK_OK(pthread_join(thread, NULL));
}

#ifdef GY_POINTS
static void
at_point(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line, (void)address;
    if (first_thread && ++now.at == now.stop_at)
        let_second_act();
}
#endif

/* Runs a pair; the number of points that the first operation passed. */
static unsigned
run(const struct setting *setting, enum kind one, enum kind other, unsigned stop_at, uint64_t seed)
{
    struct scene scene;
    struct pair pair = {.kind = {one, other}, .moving = setting->expected_entry_bytes != 0};
    open_scene(&scene, setting, seed);
    now.scene = &scene, now.pair = &pair, now.at = 0, now.stop_at = stop_at, now.stopped = false;
#ifdef GY_POINTS
    gy_point_hook = at_point;
    first_thread = true;
#endif
    pair.answer[0] = act(&scene, one, FIRST);
#ifdef GY_POINTS
    first_thread = false;
    gy_point_hook = NULL;
#endif
    if (!now.stopped)
        let_second_act();
    gyre_view view;
    pair.after = seen_in(gyre_get(scene.cache, KEY, sizeof KEY, &view), &view);
    CHECK_MSG(allowed(&pair, scene.state),
              "%s: %s answers %d (%d), %s answers %d (%d) at its point %u, then the key holds %d; seed %llu", setting->name,
              kind_names[one], pair.answer[0].result, pair.answer[0].saw, kind_names[other], pair.answer[1].result,
              pair.answer[1].saw, stop_at, pair.after, (unsigned long long)seed);
    maintain(scene.cache, 1000);
    check_books(&scene, &pair);
    api_close(scene.cache);
    return now.at;
}

static void
run_setting(const struct setting *setting)
{
    uint64_t seed = api_seed(setting->name);
    for (unsigned one = 0; one < KINDS; one++)
        for (unsigned other = 0; other < KINDS; other++) {
            if (api_random(&seed) % ONE_PAIR_IN != 0)
                continue;
            uint64_t hash_seed = 1 + api_random(&seed) % 1000000;
            unsigned points = run(setting, (enum kind)one, (enum kind)other, 0, hash_seed);
            for (unsigned n = 0; n < points && n < POINTS_MOST; n++) {
                bool all = points <= POINTS_MOST;
                unsigned stop_at = 1 + (all ? n : (unsigned)(api_random(&seed) % points));
                run(setting, (enum kind)one, (enum kind)other, stop_at, all ? hash_seed : 1 + api_random(&seed) % 1000000);
            }
        }
}

TEST(between, one_operation_inside_another)
{
    for (unsigned i = 0; i < sizeof settings / sizeof settings[0]; i++)
        run_setting(&settings[i]);
}

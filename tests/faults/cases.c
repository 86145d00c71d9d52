/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Every public function once. A call that takes room is made often enough to fill several arenas, so
 * that a full cache has to sweep; it ends with the first answer that is not the usual one. What stood
 * before such an answer stands after it: the scene changes only where a call succeeded. */

#include <stdlib.h>

#include "faults.h"

enum { TURNS = 20, STRIDE = 3 }; /* so that keys that are there are met, and others */

/* Long keys, alike but for the last bytes: a scan has to enlarge its list of those it has shown. */
const char *
scene_key(unsigned k)
{
    static _Thread_local char key[SCENE_KEY_BYTES + 1];
    memset(key, 'k', SCENE_KEY_BYTES);
    snprintf(key + SCENE_KEY_BYTES - 8, 9, "%08u", k);
    return key;
}

static unsigned
key_of_turn(unsigned turn)
{
    return (turn * STRIDE + 1) % SCENE_KEYS;
}

/* A key that is there; a full cache has some. */
static unsigned
present_key(const struct scene *s)
{
    for (unsigned k = 0; k < SCENE_KEYS; k++)
        if (s->tag[k] != 0)
            return k;
    CHECK_MSG(false, "the cache is empty");
    return 0;
}

int
scene_put(struct scene *s, unsigned k)
{
    char value[SCENE_VALUE_BYTES];
    uint64_t tag = ++s->next_tag;
    fill_bytes(value, sizeof value, tag);
    int rc = gyre_put(s->cache, scene_key(k), SCENE_KEY_BYTES, value, sizeof value, NULL);
    if (rc == GYRE_OK)
        s->tag[k] = tag;
    return rc;
}

bool
scene_value_is(const struct scene *s, unsigned k, const void *data, size_t size)
{
    return size == SCENE_VALUE_BYTES && s->tag[k] != 0 && bytes_are(data, size, s->tag[k]);
}

static int
call_strerror(struct scene *s)
{
    (void)s;
    return gyre_strerror(GYRE_EIO) != NULL ? GYRE_OK : GYRE_EINVAL;
}

static int
call_version(struct scene *s)
{
    (void)s;
    return gyre_version() == GYRE_VERSION ? GYRE_OK : GYRE_EINVAL;
}

static int
call_unlink(struct scene *s)
{
    return gyre_unlink(&s->options);
}

static int
call_open(struct scene *s)
{
    s->cache = (gyre *)(uintptr_t)1;
    int rc = gyre_open(&s->cache, &s->options);
    CHECK_EQ(s->cache != NULL, rc == GYRE_OK);
    return rc;
}

static int
call_close(struct scene *s)
{
    gyre_close(s->cache);
    s->cache = NULL;
    return GYRE_OK;
}

static int
call_get(struct scene *s)
{
    static const gyre_view empty;
    unsigned k = present_key(s);
    gyre_view view;
    int rc = gyre_get(s->cache, scene_key(k), SCENE_KEY_BYTES, &view);
    if (rc == GYRE_OK)
        CHECK(scene_value_is(s, k, view.data, view.size));
    else
        CHECK_MEM(&view, &empty, sizeof view);
    gyre_release(&view);
    return rc;
}

static int
call_read(struct scene *s)
{
    unsigned k = present_key(s);
    char value[SCENE_VALUE_BYTES];
    size_t size = 0;
    int rc = gyre_read(s->cache, scene_key(k), SCENE_KEY_BYTES, value, sizeof value, &size);
    CHECK(rc != GYRE_OK || scene_value_is(s, k, value, size));
    return rc;
}

/* All have one answer: they are of one thread and one cache. */
static int
call_get_many(struct scene *s)
{
    enum { MANY = 20 };
    gyre_key keys[MANY];
    gyre_view views[MANY];
    int results[MANY];
    unsigned k = present_key(s);
    char key[SCENE_KEY_BYTES];
    memcpy(key, scene_key(k), sizeof key);
    for (unsigned i = 0; i < MANY; i++)
        keys[i] = (gyre_key){key, sizeof key};
    size_t hits = gyre_get_many(s->cache, MANY, keys, views, results);
    for (unsigned i = 0; i < MANY; i++) {
        CHECK_EQ(results[i], results[0]);
        CHECK(results[i] != GYRE_OK || scene_value_is(s, k, views[i].data, views[i].size));
        gyre_release(&views[i]);
    }
    CHECK_EQ(hits, results[0] == GYRE_OK ? MANY : 0);
    return results[0];
}

static void
prepare_release(struct scene *s)
{
    unsigned k = present_key(s);
    CHECK_OK(gyre_get(s->cache, scene_key(k), SCENE_KEY_BYTES, &s->view));
}

static int
call_release(struct scene *s)
{
    gyre_release(&s->view);
    return s->view.data == NULL ? GYRE_OK : GYRE_EINVAL;
}

static int
call_put(struct scene *s)
{
    int rc = GYRE_OK;
    for (unsigned turn = 0; turn < TURNS && rc == GYRE_OK; turn++)
        rc = scene_put(s, key_of_turn(turn));
    return rc;
}

static int
reserve(struct scene *s, unsigned k)
{
    static const gyre_draft empty;
    s->draft_key = k;
    int rc = gyre_reserve(s->cache, scene_key(k), SCENE_KEY_BYTES, SCENE_VALUE_BYTES, NULL, &s->draft);
    if (rc != GYRE_OK)
        CHECK_MEM(&s->draft, &empty, sizeof empty);
    return rc;
}

static void
prepare_draft(struct scene *s)
{
    CHECK_OK(reserve(s, present_key(s)));
}

static int
call_reserve(struct scene *s)
{
    int rc = GYRE_OK;
    for (unsigned turn = 0; turn < TURNS && rc == GYRE_OK; turn++) {
        rc = reserve(s, key_of_turn(turn));
        gyre_abort(&s->draft);
    }
    return rc;
}

static int
call_commit(struct scene *s)
{
    uint64_t tag = ++s->next_tag;
    fill_bytes(s->draft.data, s->draft.size, tag);
    int rc = gyre_commit(&s->draft);
    CHECK(s->draft.data == NULL);
    if (rc == GYRE_OK)
        s->tag[s->draft_key] = tag;
    return rc;
}

static int
call_abort(struct scene *s)
{
    gyre_abort(&s->draft);
    return s->draft.data == NULL ? GYRE_OK : GYRE_EINVAL;
}

/* A key that is not there. */
static int
lease(struct scene *s, unsigned k)
{
    static const gyre_lease empty;
    gyre_view view;
    s->draft_key = k;
    int rc = gyre_get_or_lease(s->cache, scene_key(k), SCENE_KEY_BYTES, NULL, &view, &s->lease);
    CHECK(view.data == NULL);
    CHECK_EQ(memcmp(&s->lease, &empty, sizeof empty) != 0, rc == GYRE_MISS);
    return rc;
}

static void
prepare_absent(struct scene *s)
{
    s->draft_key = present_key(s);
    CHECK_OK(gyre_delete(s->cache, scene_key(s->draft_key), SCENE_KEY_BYTES));
    s->tag[s->draft_key] = 0, s->n_deleted++;
}

static void
prepare_lease(struct scene *s)
{
    prepare_absent(s);
    CHECK_EQ(lease(s, s->draft_key), GYRE_MISS);
    s->leased_most = 1; /* until its thread can be registered that ends it */
}

static int
call_get_or_lease(struct scene *s)
{
    int rc = GYRE_MISS;
    for (unsigned turn = 0; turn < 2 * TURNS && rc == GYRE_MISS; turn++) {
        rc = lease(s, s->draft_key);
        gyre_lease_abort(&s->lease);
    }
    return rc;
}

static int
call_lease_commit(struct scene *s)
{
    char value[SCENE_VALUE_BYTES];
    uint64_t tag = ++s->next_tag;
    fill_bytes(value, sizeof value, tag);
    int rc = gyre_lease_commit(&s->lease, value, sizeof value, NULL);
    CHECK_EQ(gyre_lease_commit(&s->lease, value, sizeof value, NULL), GYRE_EINVAL);
    if (rc == GYRE_OK)
        s->tag[s->draft_key] = tag;
    return rc;
}

static int
call_lease_reserve(struct scene *s)
{
    int rc = gyre_lease_reserve(&s->lease, SCENE_VALUE_BYTES, NULL, &s->draft);
    CHECK_EQ(s->draft.data != NULL, rc == GYRE_OK);
    gyre_abort(&s->draft);
    return rc;
}

static int
call_lease_abort(struct scene *s)
{
    gyre_lease_abort(&s->lease);
    return GYRE_OK;
}

static int
call_delete(struct scene *s)
{
    unsigned k = present_key(s);
    int rc = gyre_delete(s->cache, scene_key(k), SCENE_KEY_BYTES);
    if (rc == GYRE_OK)
        s->tag[k] = 0, s->n_deleted++;
    return rc;
}

/* Of what the copies have evicted, nothing is expected. */
static int
call_touch(struct scene *s)
{
    int rc = GYRE_OK;
    for (unsigned turn = 0; turn < TURNS && rc == GYRE_OK; turn++) {
        unsigned k = key_of_turn(turn);
        rc = gyre_touch(s->cache, scene_key(k), SCENE_KEY_BYTES, GYRE_NO_TTL);
        if (rc == GYRE_MISS)
            s->tag[k] = 0, rc = GYRE_OK;
    }
    return rc;
}

static int
call_clear(struct scene *s)
{
    int rc = gyre_clear(s->cache);
    if (rc == GYRE_OK)
        memset(s->tag, 0, sizeof s->tag);
    return rc;
}

struct scan_check {
    const struct scene *scene;
    unsigned n;
};

static int
visit(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    struct scan_check *check = arg;
    char digits[9] = "";
    CHECK_EQ(key_size, SCENE_KEY_BYTES);
    memcpy(digits, (const char *)key + key_size - 8, 8);
    unsigned k = (unsigned)strtoul(digits, NULL, 10);
    CHECK(k < SCENE_KEYS && scene_value_is(check->scene, k, value->data, value->size));
    check->n++;
    return 0;
}

static int
call_scan(struct scene *s)
{
    unsigned n_present = 0;
    for (unsigned k = 0; k < SCENE_KEYS; k++)
        n_present += s->tag[k] != 0;
    struct scan_check check = {.scene = s};
    int rc = gyre_scan(s->cache, visit, &check);
    CHECK(check.n <= n_present);
    if (s->options.flags & GYRE_NO_THREAD) /* else some may have been evicted since */
        CHECK_EQ(check.n == n_present, rc == GYRE_OK);
    return rc;
}

/* Something to do: many entries let the index grow, and all are cleared. */
static void
prepare_maintain(struct scene *s)
{
    for (unsigned i = 0; i < 400; i++)
        CHECK_OK(put_text(s->cache, key_of(i).text, "value"));
    CHECK_OK(call_clear(s));
}

static int
call_maintain(struct scene *s)
{
    int rc = 1;
    for (unsigned turn = 0; turn < TURNS && rc > 0; turn++)
        rc = gyre_maintain(s->cache, 100000);
    return rc < 0 ? rc : GYRE_OK;
}

static int
call_stats_read(struct scene *s)
{
    gyre_stats stats = GYRE_STATS_INIT;
    int rc = gyre_stats_read(s->cache, &stats);
    CHECK_EQ(stats.capacity_bytes, rc == GYRE_OK ? s->options.capacity_bytes : 0);
    return rc;
}

static int
call_expel(struct scene *s)
{
    CHECK_EQ(gyre_expel(NULL, 1), GYRE_EINVAL);
    return gyre_expel(s->cache, 1); /* a private cache */
}

static int
call_sync(struct scene *s)
{
    CHECK_EQ(gyre_sync(NULL), GYRE_EINVAL);
    return gyre_sync(s->cache); /* no file */
}

const struct fault_case fault_cases[] = {
    {"gyre_strerror", 0, GYRE_OK, NULL, call_strerror},
    {"gyre_version", 0, GYRE_OK, NULL, call_version},
    {"gyre_open", OPENS, GYRE_OK, NULL, call_open},
    {"gyre_close", CLOSES, GYRE_OK, NULL, call_close},
    {"gyre_unlink", 0, GYRE_EINVAL, NULL, call_unlink},
    {"gyre_get", REGISTERS, GYRE_OK, NULL, call_get},
    {"gyre_release", 0, GYRE_OK, prepare_release, call_release},
    {"gyre_read", REGISTERS, GYRE_OK, NULL, call_read},
    {"gyre_get_many", REGISTERS, GYRE_OK, NULL, call_get_many},
    {"gyre_put", REGISTERS | STORES | EVICTS, GYRE_OK, NULL, call_put},
    {"gyre_reserve", REGISTERS | STORES | EVICTS, GYRE_OK, NULL, call_reserve},
    {"gyre_commit", REGISTERS | EVICTS, GYRE_OK, prepare_draft, call_commit},
    {"gyre_abort", 0, GYRE_OK, prepare_draft, call_abort},
    {"gyre_get_or_lease", REGISTERS | STORES | EVICTS, GYRE_MISS, prepare_absent, call_get_or_lease},
    {"gyre_lease_commit", REGISTERS | STORES | EVICTS, GYRE_OK, prepare_lease, call_lease_commit},
    {"gyre_lease_reserve", REGISTERS | STORES | EVICTS, GYRE_OK, prepare_lease, call_lease_reserve},
    {"gyre_lease_abort", 0, GYRE_OK, prepare_lease, call_lease_abort},
    {"gyre_delete", REGISTERS, GYRE_OK, NULL, call_delete},
    {"gyre_touch", REGISTERS | STORES | EVICTS, GYRE_OK, NULL, call_touch},
    {"gyre_clear", 0, GYRE_OK, NULL, call_clear},
    {"gyre_scan", REGISTERS | LISTS, GYRE_OK, NULL, call_scan},
    {"gyre_maintain", REGISTERS | EVICTS, GYRE_OK, prepare_maintain, call_maintain},
    {"gyre_stats_read", 0, GYRE_OK, NULL, call_stats_read},
    {"gyre_expel", 0, GYRE_EINVAL, NULL, call_expel},
    {"gyre_sync", 0, GYRE_EINVAL, NULL, call_sync},
};
const unsigned n_fault_cases = sizeof fault_cases / sizeof *fault_cases;

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "processes.h"

enum { VALUE_MOST = 4096, TTL_MS = 10, FRESH_KEY = 255, SMALL_BYTES = 40 };

struct history ops_history;
static const struct scenario *scenario;

void
ops_begin(const struct scenario *s)
{
    scenario = s;
}

/* Where processes die, it goes on by itself: they are looked for from time to time only. */
uint64_t
world_clock_ms(void)
{
    enum { LOOK_MS = 11 };
    if (scenario->processes && sched_inside() && rng_one_in(&ops_history.clock_moves, 16))
        ops_history.clock_ms += LOOK_MS;
    return ops_history.clock_ms;
}

void
world_sleep(uint32_t ms)
{
    ops_history.clock_ms += ms;
}

/* Fresh ones are spread, and have tags of their own. */
uint64_t
ops_key_of(unsigned key)
{
    return key == FRESH_KEY ? 1000 + ops_history.fresh++ : key;
}

/* A hash whose buckets, of eight, are the first and this one. */
static uint64_t
crowded_hash(uint64_t number, uint64_t second)
{
    enum { LAST = 7 };
    for (uint64_t n = number << 16;; n++) {
        uint64_t hash = mix64(n);
        if ((gy_hash_first(hash) & LAST) == 0 && (gy_hash_second(hash) & LAST) == second)
            return hash;
    }
}

uint64_t
ops_hash(const void *key, size_t bytes)
{
    uint64_t number;
    (void)bytes;
    memcpy(&number, key, sizeof number);
    if (number < 1000 && scenario->same_hash)
        return (uint64_t)0xabc << GY_TAG_SHIFT | 6;
    if (scenario->crowded)
        return crowded_hash(number, number < 1000 ? 3 : 1);
    return mix64(number + 77);
}

static uint64_t
word_of(unsigned key, uint32_t id, uint32_t i)
{
    return (uint64_t)key << 56 | (uint64_t)id << 24 | i;
}

void
ops_fill(void *to, unsigned key, uint32_t id, uint32_t bytes)
{
    uint64_t *word = to;
    for (uint32_t i = 0; i < bytes / 8; i++)
        word[i] = word_of(key, id, i);
}

/* Reads a value in pieces, between which others run. Its id, or 0 when it is nobody's. */
uint32_t
ops_read_value(const void *data, size_t bytes, unsigned key)
{
    const uint64_t *word = data;
    if (bytes < 8 || bytes % 8 != 0) {
        sched_violation("a value of %zu bytes, which nobody put", bytes);
        return 0;
    }
    gy_bytes_read(data, 8);
    uint32_t id = (uint32_t)(word[0] >> 24);
    if (id == 0 || id >= ops_history.next_id || ops_history.value[id].bytes != bytes) {
        sched_violation("a value that nobody put: %016llx, %zu bytes", (unsigned long long)word[0], bytes);
        return 0;
    }
    for (uint32_t i = 0; i < bytes / 8; i++) {
        if (i % 32 == 0)
            gy_bytes_read(&word[i], 8);
        if (word[i] != word_of(key, id, i)) {
            sched_violation("torn or foreign: word %u of value %u of key %u is %016llx", i, id, key,
                            (unsigned long long)word[i]);
            return 0;
        }
    }
    return id;
}

struct operation *
ops_record(enum wgl_kind kind, unsigned key)
{
    static struct operation unrecorded;
    struct operation *o = ops_history.n < OPS_MOST && key != FRESH_KEY ? &ops_history.op[ops_history.n++] : &unrecorded;
    memset(o, 0, sizeof *o);
    o->key = (uint8_t)key;
    o->thread = sched_self();
    o->op.kind = kind;
    o->op.result = WGL_PENDING;
    o->op.end = UINT64_MAX;
    o->op.start = ++ops_history.instants;
    if (sched_inside())
        memory_operation_begins(sched_self());
    return o;
}

void
ops_answer(struct operation *o, int rc)
{
    o->op.end = ++ops_history.instants;
    o->clock_ms = ops_history.clock_ms;
    o->op.result = rc == GYRE_OK        ? WGL_OK
                   : rc == GYRE_MISS    ? WGL_MISS
                   : rc == GYRE_EXISTS  ? WGL_EXISTS
                   : rc == GYRE_CHANGED ? WGL_CHANGED
                   : rc == GYRE_E2BIG   ? WGL_REJECTED
                                        : WGL_FAILED;
    if (rc < 0 && rc != GYRE_E2BIG && rc != GYRE_EBUSY)
        sched_violation("an operation answered %d", rc);
}

uint32_t
ops_new_value(unsigned key, uint32_t bytes)
{
    uint32_t id = ops_history.next_id++;
    if (id >= IDS_MOST) {
        sched_violation("a scenario of too many puts");
        id = IDS_MOST - 1;
    }
    ops_history.value[id] = (struct value){.bytes = bytes, .key = (uint8_t)key};
    return id;
}

static void
put(struct actor *a, unsigned key, enum wgl_kind kind, uint32_t bytes, uint32_t ttl_ms)
{
    static const uint32_t flags[] = {[WGL_PUT] = 0, [WGL_ADD] = GYRE_ADD, [WGL_REPLACE] = GYRE_REPLACE,
                                     [WGL_IF_VERSION] = GYRE_IF_VERSION};
    uint64_t text[2] = {ops_key_of(key)}, version = 0, value[VALUE_MOST / 8];
    gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
    uint32_t id = ops_new_value(key, bytes);
    options.flags = flags[kind];
    options.ttl_ms = ttl_ms;
    options.new_version = &version;
    if (kind == WGL_IF_VERSION)
        options.version = a->seen_version[key];
    if (ttl_ms) {
        ops_history.value[id].may_expire = true;
        ops_history.value[id].first_expiry_ms = ops_history.clock_ms + ttl_ms;
        ops_history.value[id].expiry_ms = UINT64_MAX; /* the put looks at the clock when it likes */
    }
    ops_fill(value, key, id, bytes < VALUE_MOST ? bytes : VALUE_MOST);
    struct operation *o = ops_record(kind, key);
    o->op.id = id;
    o->op.expected = kind == WGL_IF_VERSION ? a->seen_id[key] : 0;
    bool bare = kind == WGL_PUT && ttl_ms == 0 && !(scenario->flags & GYRE_VERSIONS);
    int rc = gyre_put(world_cache(), text, KEY_BYTES, value, bytes, bare ? NULL : &options);
    if (ttl_ms) {
        uint64_t latest = ops_history.clock_ms + ttl_ms, touched = ops_history.value[id].touched_ms;
        ops_history.value[id].expiry_ms = latest > touched ? latest : touched;
    }
    ops_history.puts += rc == GYRE_OK;
    if (rc == GYRE_OK && key != FRESH_KEY) {
        a->seen_id[key] = id;
        a->seen_version[key] = version;
    }
    ops_answer(o, rc);
}

static void
draft(unsigned key, bool commit)
{
    uint64_t text[2] = {ops_key_of(key)};
    gyre_draft d;
    uint32_t id = ops_new_value(key, scenario->value_bytes);
    if (!commit) {
        if (gyre_reserve(world_cache(), text, KEY_BYTES, scenario->value_bytes, NULL, &d) == GYRE_OK)
            gyre_abort(&d);
        return;
    }
    struct operation *o = ops_record(WGL_PUT, key);
    o->op.id = id;
    int rc = gyre_reserve(world_cache(), text, KEY_BYTES, scenario->value_bytes, NULL, &d);
    if (rc == GYRE_OK) {
        gy_bytes_written(d.data, d.size);
        ops_fill(d.data, key, id, scenario->value_bytes);
        rc = gyre_commit(&d);
    }
    ops_history.puts += rc == GYRE_OK;
    ops_answer(o, rc);
}

static void
note_hit(struct actor *a, struct operation *o, unsigned key, uint32_t id, uint64_t version, uint64_t clock_before)
{
    const struct value *v = &ops_history.value[id];
    o->op.id = id;
    a->seen_id[key] = id;
    a->seen_version[key] = version;
    if (v->may_expire && v->expiry_ms <= clock_before && ops_history.touches_going_on == 0)
        sched_violation("value %u of key %u was found after its time", id, key);
}

static void
get(struct actor *a, unsigned key, bool hold)
{
    uint64_t text[2] = {ops_key_of(key)}, clock = ops_history.clock_ms;
    gyre_view view;
    struct operation *o = ops_record(WGL_GET, key);
    int rc = gyre_get(world_cache(), text, KEY_BYTES, &view);
    if (rc == GYRE_OK) {
        uint32_t id = ops_read_value(view.data, view.size, key);
        note_hit(a, o, key, id, view.version, clock);
        ops_answer(o, rc);
        if (hold && a->n_held < HELD_MOST) {
            a->held[a->n_held] = view;
            a->held_id[a->n_held] = id;
            a->held_key[a->n_held++] = (uint8_t)key;
        } else {
            gyre_release(&view);
        }
        return;
    }
    ops_answer(o, rc);
}

static void
release_oldest(struct actor *a)
{
    if (a->n_held == 0)
        return;
    if (ops_read_value(a->held[0].data, a->held[0].size, a->held_key[0]) != a->held_id[0])
        sched_violation("a view that was held changed its value");
    gyre_release(&a->held[0]);
    a->n_held--;
    memmove(&a->held[0], &a->held[1], sizeof a->held[0] * a->n_held);
    memmove(&a->held_id[0], &a->held_id[1], sizeof a->held_id[0] * a->n_held);
    memmove(&a->held_key[0], &a->held_key[1], a->n_held);
}

void
ops_release_all(struct actor *a)
{
    while (a->n_held > 0)
        release_oldest(a);
}

/* The threads of the program synchronize when they hand a view on. */
static void
leave_on_shelf(struct actor *a)
{
    if (a->n_held == 0 || gy_load_acq(&ops_history.shelf_full) != 0)
        return;
    ops_history.shelf = a->held[--a->n_held];
    gy_store_rel(&ops_history.shelf_full, 1);
}

void
ops_release_shelf(void)
{
    uint64_t full = 1;
    if (gy_cas_seq(&ops_history.shelf_full, &full, 2)) {
        gyre_release(&ops_history.shelf);
        gy_store_rel(&ops_history.shelf_full, 0);
    }
}

static void
read_copy(struct actor *a, unsigned key)
{
    uint64_t text[2] = {ops_key_of(key)}, buffer[VALUE_MOST / 8], clock = ops_history.clock_ms;
    size_t size;
    struct operation *o = ops_record(WGL_GET, key);
    int rc = gyre_read(world_cache(), text, KEY_BYTES, buffer, sizeof buffer, &size);
    if (rc == GYRE_OK)
        note_hit(a, o, key, ops_read_value(buffer, size, key), 0, clock);
    ops_answer(o, rc);
}

static void
get_all(struct actor *a)
{
    uint64_t text[WORLD_KEYS][2], clock = ops_history.clock_ms;
    gyre_key keys[WORLD_KEYS];
    gyre_view views[WORLD_KEYS];
    int results[WORLD_KEYS];
    struct operation *o[WORLD_KEYS];
    for (unsigned k = 0; k < scenario->keys; k++) {
        text[k][0] = k, text[k][1] = 0;
        keys[k] = (gyre_key){text[k], KEY_BYTES};
        o[k] = ops_record(WGL_GET, k);
    }
    gyre_get_many(world_cache(), scenario->keys, keys, views, results);
    for (unsigned k = 0; k < scenario->keys; k++) {
        if (results[k] == GYRE_OK) {
            note_hit(a, o[k], k, ops_read_value(views[k].data, views[k].size, k), views[k].version, clock);
            gyre_release(&views[k]);
        }
        ops_answer(o[k], results[k]);
    }
}

struct visit {
    struct actor *actor;
    uint64_t start;
    uint32_t seen; /* keys */
};

static int
visited(void *arg, const void *key, size_t key_bytes, const gyre_view *view)
{
    struct visit *v = arg;
    uint64_t number = 0;
    if (key_bytes == KEY_BYTES)
        memcpy(&number, key, sizeof number);
    if (number >= WORLD_KEYS)
        return 0;
    if (v->seen >> number & 1)
        sched_violation("a scan showed key %llu twice", (unsigned long long)number);
    v->seen |= 1u << number;
    struct operation *o = ops_record(WGL_GET, (unsigned)number);
    o->op.start = v->start;
    o->op.id = ops_read_value(view->data, view->size, (unsigned)number);
    ops_answer(o, GYRE_OK);
    return 0;
}

static void
scan(struct actor *a)
{
    struct visit v = {a, ++ops_history.instants, 0};
    if (sched_inside())
        memory_operation_begins(sched_self());
    int rc = gyre_scan(world_cache(), visited, &v);
    if (rc != GYRE_OK && rc != GYRE_EBUSY)
        sched_violation("gyre_scan answered %d", rc);
}

static void
clear(void)
{
    struct operation *o[WORLD_KEYS];
    for (unsigned k = 0; k < scenario->keys; k++)
        o[k] = ops_record(WGL_DELETE, k);
    int rc = gyre_clear(world_cache());
    if (rc != GYRE_OK)
        sched_violation("gyre_clear answered %d", rc);
    for (unsigned k = 0; k < scenario->keys; k++)
        ops_answer(o[k], GYRE_MISS);
}

static void
delete(unsigned key)
{
    uint64_t text[2] = {ops_key_of(key)};
    struct operation *o = ops_record(WGL_DELETE, key);
    ops_answer(o, gyre_delete(world_cache(), text, KEY_BYTES));
}

/* It may be any value of the key that a touch meets. */
static void
extend(unsigned key, uint64_t expiry_ms)
{
    for (uint32_t id = 1; id < ops_history.next_id; id++) {
        struct value *v = &ops_history.value[id];
        if (v->key != key)
            continue;
        v->expiry_ms = v->expiry_ms < expiry_ms ? expiry_ms : v->expiry_ms;
        v->touched_ms = v->touched_ms < expiry_ms ? expiry_ms : v->touched_ms;
        v->first_expiry_ms = v->first_expiry_ms ? v->first_expiry_ms : expiry_ms;
    }
}

static void
touch(unsigned key)
{
    uint64_t text[2] = {ops_key_of(key)};
    struct operation *o = ops_record(WGL_TOUCH, key);
    extend(key, ops_history.clock_ms + 3 * TTL_MS);
    ops_history.touches_going_on++;
    int rc = gyre_touch(world_cache(), text, KEY_BYTES, 3 * TTL_MS);
    extend(key, ops_history.clock_ms + 3 * TTL_MS);
    ops_history.touches_going_on--;
    ops_history.touches += rc == GYRE_OK;
    ops_answer(o, rc);
}

static void
leave(struct actor *a)
{
    ops_release_all(a);
    gy_record_leave(world_cache());
}

static void
do_one(struct actor *a, char what, unsigned key)
{
    switch (what) {
    case 'p': put(a, key, WGL_PUT, scenario->value_bytes, 0); break;
    case 's': put(a, key, WGL_PUT, SMALL_BYTES, 0); break;
    case 'f': put(a, FRESH_KEY, WGL_PUT, scenario->value_bytes, 0); break;
    case 'T': put(a, key, WGL_PUT, scenario->value_bytes, TTL_MS); break;
    case 'x': put(a, key, WGL_PUT, VALUE_MOST, 0); break;
    case 'a': put(a, key, WGL_ADD, scenario->value_bytes, 0); break;
    case 'r': put(a, key, WGL_REPLACE, scenario->value_bytes, 0); break;
    case 'v': put(a, key, a->seen_id[key] ? WGL_IF_VERSION : WGL_PUT, scenario->value_bytes, 0); break;
    case 'R': draft(key, true); break;
    case 'A': draft(key, false); break;
    case 'g': get(a, key, false); break;
    case 'h': get(a, key, true); break;
    case 'e': release_oldest(a); break;
    case 'H': leave_on_shelf(a); break;
    case 'E': ops_release_shelf(); break;
    case 'k': read_copy(a, key); break;
    case 'y': get_all(a); break;
    case 'n': scan(a); break;
    case 'd': delete(key); break;
    case 't': touch(key); break;
    case 'c': clear(); break;
    case 'm': gyre_maintain(world_cache(), 1); break;
    case 'w': ops_history.clock_ms += TTL_MS + 1; break;
    case 'l': leave(a); break;
    case 'L': leases_ask(a, key, false); break;
    case 'W': leases_ask(a, key, true); break;
    case 'C': leases_commit(a, key, scenario->value_bytes, false); break;
    case 'D': leases_commit(a, key, scenario->value_bytes, true); break;
    case 'B': leases_abort(a, key); break;
    case 'Q': leave(a), processes_do(what); break;
    default: processes_do(what);
    }
}

void
ops_do(struct actor *a, const char *text)
{
    struct {
        char what, key;
    } word[64];
    unsigned n = 0, draws = 0;
    for (const char *at = text; *at && n < 64; at++) {
        if (*at == ' ')
            continue;
        if (*at == '@') {
            draws = (unsigned)*++at - '0';
            continue;
        }
        word[n].what = *at;
        word[n].key = at[1] == '*' || (at[1] >= '0' && at[1] <= '9') ? *++at : '0';
        n++;
    }
    for (unsigned i = 0; i < (draws ? draws : n); i++) {
        unsigned w = draws ? rng_below32(&a->rng, n) : i;
        unsigned key = word[w].key == '*' ? rng_below32(&a->rng, scenario->keys) : (unsigned)(word[w].key - '0');
        do_one(a, word[w].what, key);
    }
}

void
ops_look_at_all(struct actor *a)
{
    for (unsigned k = 0; k < scenario->keys; k++)
        get(a, k, false);
}

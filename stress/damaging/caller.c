/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "caller.h"

#include <string.h>

#include "stress.h"

enum { VALUE_MOST = 4096, BATCH = 16, BRIEF_MS = 10, LONG_MS = 3600000 };

static struct key
key_at(uint32_t k)
{
    return (struct key){'k', k};
}

static struct value_shape
shape_of(const struct caller *c)
{
    return (struct value_shape){.size_max = c->size_max};
}

/* ---- what is shown --------------------------------------------------------------------------------------------- */

static bool
is_value(const struct caller *c, uint32_t k, uint32_t id, const void *data, size_t size, uint32_t flags)
{
    unsigned char bytes[VALUE_MOST];
    struct value_shape shape = shape_of(c);
    if (id == 0 || size != value_size(&shape, key_at(k), id) || (flags != UINT32_MAX && flags != value_flags(id)))
        return false;
    value_write(key_at(k), id, bytes, size);
    return size == 0 || memcmp(bytes, data, size) == 0;
}

/* For the message: which value of the key is it? 0: none that was ever put. */
static uint32_t
id_of(const struct caller *c, uint32_t k, const void *data, size_t size, uint32_t flags)
{
    for (uint32_t id = 1; id <= c->knows->last_id; id++)
        if (is_value(c, k, id, data, size, flags))
            return id;
    return 0;
}

static void
look(struct caller *c, const void *data, size_t size)
{
    if (c->look != NULL)
        c->look(c, data, size);
}

/* flags: UINT32_MAX where they are not told. */
static void
shown(struct caller *c, const char *by, uint32_t k, const void *data, size_t size, uint32_t flags)
{
    struct known *of = &c->knows->of[k];
    c->hits++;
    if (is_value(c, k, of->now, data, size, flags)) {
        of->pending = 0;
    } else if (is_value(c, k, of->pending, data, size, flags)) {
        of->now = of->pending, of->pending = 0;
    } else if (!c->blind) {
        uint32_t id = id_of(c, k, data, size, flags);
        c->wrong(c, "%s: key %u: %s %u of %zu bytes, flags %x, where %u stands", by, k,
                 id ? of->now ? "an older value" : "a value that had gone," : "no value", id, size, flags, of->now);
    }
}

static int
answer(struct caller *c, int result)
{
    c->calls++;
    c->refused += result < 0;
    return result;
}

static void
get(struct caller *c, uint32_t k, const unsigned char *key, size_t size)
{
    gyre_view view;
    if (answer(c, gyre_get(c->cache, key, size, &view)) == GYRE_OK) {
        look(c, view.data, view.size);
        shown(c, "get", k, view.data, view.size, view.user_flags);
        gyre_release(&view);
    }
}

static void
read_it(struct caller *c, uint32_t k, const unsigned char *key, size_t size)
{
    unsigned char bytes[VALUE_MOST];
    size_t got = 0;
    if (answer(c, gyre_read(c->cache, key, size, bytes, sizeof bytes, &got)) == GYRE_OK)
        shown(c, "read", k, bytes, got, UINT32_MAX);
}

void
caller_get_many(struct caller *c, uint32_t from, uint32_t n)
{
    unsigned char bytes[BATCH][KEY_BYTES_MAX];
    gyre_key key[BATCH];
    gyre_view view[BATCH];
    int result[BATCH];
    for (uint32_t at = from; at < from + n && !c->stop; at += BATCH) {
        uint32_t some = from + n - at < BATCH ? from + n - at : BATCH;
        for (uint32_t i = 0; i < some; i++)
            key[i] = (gyre_key){bytes[i], key_write(key_at(at + i), bytes[i])};
        gyre_get_many(c->cache, some, key, view, result);
        for (uint32_t i = 0; i < some; i++) {
            if (answer(c, result[i]) != GYRE_OK)
                continue;
            look(c, view[i].data, view[i].size);
            shown(c, "get_many", at + i, view[i].data, view[i].size, view[i].user_flags);
            gyre_release(&view[i]);
        }
    }
}

struct scan {
    struct caller *c;
    bool seen[KEYS + FILLERS];
};

static int
visit(void *arg, const void *bytes, size_t size, const gyre_view *view)
{
    struct scan *s = arg;
    struct key key;
    look(s->c, bytes, size), look(s->c, view->data, view->size);
    if (s->c->blind)
        return 0;
    if (!key_parse(bytes, size, &key) || key.class != 'k' || key.number >= KEYS + FILLERS) {
        s->c->wrong(s->c, "scan: a key of %zu bytes that nobody has put", size);
        return 1;
    }
    if (s->seen[key.number])
        s->c->wrong(s->c, "scan: key %u is there twice", key.number);
    s->seen[key.number] = true;
    shown(s->c, "scan", key.number, view->data, view->size, view->user_flags);
    return s->c->stop;
}

void
caller_scan(struct caller *c)
{
    struct scan s = {.c = c};
    answer(c, gyre_scan(c->cache, visit, &s));
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

static uint32_t
ttl_of(uint32_t id)
{
    return caller_brief(id) ? BRIEF_MS : id % 16 == 7 ? LONG_MS : GYRE_NO_TTL;
}

struct put {
    unsigned char value[VALUE_MOST];
    size_t bytes;
    gyre_put_options options;
    uint32_t id, before; /* what was pending */
};

/* Its effect may be there from now on. */
static void
begin(struct caller *c, uint32_t k, struct put *p)
{
    struct value_shape shape = shape_of(c);
    struct known *of = &c->knows->of[k];
    p->id = ++c->knows->last_id;
    p->before = of->pending;
    p->bytes = value_size(&shape, key_at(k), p->id);
    p->options = (gyre_put_options)GYRE_PUT_OPTIONS_INIT;
    p->options.ttl_ms = ttl_of(p->id);
    p->options.user_flags = value_flags(p->id);
    value_write(key_at(k), p->id, p->value, p->bytes);
    of->pending = p->id;
}

static void
end(struct caller *c, uint32_t k, const struct put *p, int result)
{
    struct known *of = &c->knows->of[k];
    answer(c, result);
    if (result == GYRE_OK || result == GYRE_E2BIG)
        *of = (struct known){.now = result == GYRE_OK ? p->id : 0};
    else
        of->pending = p->before;
}

/* An answer says that the key is there. */
static void
there(struct caller *c, const char *by, uint32_t k)
{
    const struct known *of = &c->knows->of[k];
    if (of->now == 0 && of->pending == 0 && !c->blind)
        c->wrong(c, "%s: key %u is said to be there, where nothing stands", by, k);
}

static void
put(struct caller *c, uint32_t k, const unsigned char *key, size_t size, uint32_t flags)
{
    struct put p;
    gyre_view view;
    uint64_t version = 0;
    if (flags == GYRE_IF_VERSION) {
        if (gyre_get(c->cache, key, size, &view) != GYRE_OK)
            return;
        shown(c, "get", k, view.data, view.size, view.user_flags);
        version = view.version;
        flags = version == 0 ? GYRE_REPLACE : flags;
        gyre_release(&view);
    }
    struct known before = c->knows->of[k];
    begin(c, k, &p);
    p.options.flags = flags, p.options.version = version;
    int result = gyre_put(c->cache, key, size, p.value, p.bytes, &p.options);
    if (before.now == 0 && before.pending == 0 && !c->blind &&
        (result == GYRE_EXISTS || (result == GYRE_OK && flags > GYRE_ADD)))
        c->wrong(c, "put: key %u is said to be there, where nothing stands", k);
    end(c, k, &p, result);
}

static void
draft(struct caller *c, uint32_t k, const unsigned char *key, size_t size)
{
    struct put p;
    gyre_draft d;
    begin(c, k, &p);
    int result = gyre_reserve(c->cache, key, size, p.bytes, &p.options, &d);
    if (result == GYRE_OK) {
        look(c, d.data, d.size);
        memcpy(d.data, p.value, p.bytes);
        result = gyre_commit(&d);
    }
    end(c, k, &p, result);
}

static void
lease(struct caller *c, uint32_t k, const unsigned char *key, size_t size)
{
    gyre_lease_options how = GYRE_LEASE_OPTIONS_INIT;
    gyre_view view;
    gyre_lease l;
    how.lease_ms = 1000, how.wait_ms = GYRE_NO_WAIT;
    int result = answer(c, gyre_get_or_lease(c->cache, key, size, &how, &view, &l));
    if (result == GYRE_OK) {
        look(c, view.data, view.size);
        shown(c, "get_or_lease", k, view.data, view.size, view.user_flags);
        gyre_release(&view);
    } else if (result == GYRE_MISS && rng_one_in(&c->rng, 3)) {
        gyre_lease_abort(&l);
    } else if (result == GYRE_MISS) {
        struct put p;
        begin(c, k, &p);
        end(c, k, &p, gyre_lease_commit(&l, p.value, p.bytes, &p.options));
    }
}

static void
touch(struct caller *c, uint32_t k, const unsigned char *key, size_t size)
{
    const struct known *of = &c->knows->of[k];
    if (caller_brief(of->now) || caller_brief(of->pending)) /* it would stay */
        return;
    if (answer(c, gyre_touch(c->cache, key, size, rng_one_in(&c->rng, 2) ? GYRE_NO_TTL : LONG_MS)) == GYRE_OK)
        there(c, "touch", k);
}

static void
delete(struct caller *c, uint32_t k, const unsigned char *key, size_t size)
{
    int result = answer(c, gyre_delete(c->cache, key, size));
    if (result == GYRE_OK)
        there(c, "delete", k);
    if (result >= 0)
        c->knows->of[k] = (struct known){0, 0};
}

void
caller_call(struct caller *c, enum call call, uint32_t k)
{
    unsigned char key[KEY_BYTES_MAX];
    size_t size = key_write(key_at(k), key);
    switch (call) {
    case CALL_GET:
        get(c, k, key, size);
        return;
    case CALL_READ:
        read_it(c, k, key, size);
        return;
    case CALL_LEASE:
        lease(c, k, key, size);
        return;
    case CALL_DRAFT:
        draft(c, k, key, size);
        return;
    case CALL_TOUCH:
        touch(c, k, key, size);
        return;
    case CALL_DELETE:
        delete(c, k, key, size);
        return;
    default:
        put(c, k, key, size, call == CALL_ADD ? GYRE_ADD : call == CALL_REPLACE ? GYRE_REPLACE :
                             call == CALL_IF_VERSION ? GYRE_IF_VERSION : 0);
    }
}

enum call
caller_draw(struct caller *c)
{
    static const unsigned weight[CALL_KINDS] = {20, 6, 4, 40, 4, 4, 4, 6, 4, 8};
    unsigned at = rng_below32(&c->rng, 100), call = 0;
    while (call < CALL_KINDS - 1 && at >= weight[call])
        at -= weight[call++];
    return (enum call)call;
}

void
caller_clear(struct caller *c)
{
    uint32_t last_id = c->knows->last_id;
    if (answer(c, gyre_clear(c->cache)) == GYRE_OK)
        *c->knows = (struct knowledge){.last_id = last_id};
}

void
caller_settle(struct knowledge *knows)
{
    for (unsigned k = 0; k < KEYS + FILLERS; k++) {
        struct known *of = &knows->of[k];
        of->now = caller_brief(of->now) ? 0 : of->now;
        of->pending = caller_brief(of->pending) ? 0 : of->pending;
    }
}

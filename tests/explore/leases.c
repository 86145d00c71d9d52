/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "find.h"
#include "lease.h"
#include "ops.h"

/* Where processes die, leases last longer than anybody waits: it is the death that ends them. */
enum { LEASE_MS = 10, LEASE_LONG_MS = 1000000, WAIT_MS = 200, STALE_MS = 1000, VALUE_MOST = 4096 };

/* A value that has expired: nothing may have been put or deleted, from its put's end to this call's start. */
static void
check_stale(const struct operation *call, unsigned key, uint32_t id)
{
    const struct operation *put = NULL;
    for (unsigned i = 0; i < ops_history.n; i++)
        if (ops_history.op[i].key == key && ops_history.op[i].op.id == id && ops_history.op[i].op.kind != WGL_GET)
            put = &ops_history.op[i];
    for (unsigned i = 0; put != NULL && i < ops_history.n; i++) {
        const struct operation *o = &ops_history.op[i];
        bool ends_it = o->op.kind == WGL_DELETE ||
                       ((o->op.kind == WGL_PUT || o->op.kind == WGL_IF_VERSION) && o->op.result == WGL_OK);
        if (o != put && o->key == key && ends_it && o->op.start > put->op.end && o->op.end < call->op.start)
            sched_violation("value %u of key %u is handed out as stale, and was deleted or replaced", id, key);
    }
}

/* The lease that stands, if its holder has left; else 0. */
static uint64_t
left_behind(gyre *cache, const uint64_t text[2])
{
    int error;
    bool tentative;
    struct gy_record *r = gy_record_of(cache, &error);
    struct gy_found f;
    struct gy_lease_note note;
    uint64_t token = 0;
    if (r == NULL || !gy_index_find(cache, ops_hash(text, KEY_BYTES), text, KEY_BYTES, &r->pin[GY_PIN_COMPARE], &f, &tentative))
        return 0;
    if (gy_entry_is_lease(f.header) && gy_lease_read(cache, &f, &note) &&
        (note.record >= cache->g.n_records || gy_load_acq(&cache->records[note.record].owner) != note.owner))
        token = gy_entry_version(f.entry, f.header);
    gy_pin_clear(&r->pin[GY_PIN_COMPARE]);
    return token;
}

void
leases_ask(struct actor *a, unsigned key, bool wait)
{
    uint64_t text[2] = {ops_key_of(key)};
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    gyre_view view;
    gyre *cache = world_cache();
    bool among_processes = cache->members != NULL;
    if (a->lease_id[key] != 0)
        return;
    options.lease_ms = among_processes ? LEASE_LONG_MS : LEASE_MS;
    options.wait_ms = wait ? WAIT_MS : GYRE_NO_WAIT;
    options.stale_ms = STALE_MS;
    uint32_t id = ops_new_value(key, 0);
    uint64_t left = among_processes ? left_behind(cache, text) : 0;
    struct operation *o = ops_record(WGL_GET, key);
    int rc = gyre_get_or_lease(cache, text, KEY_BYTES, &options, &view, &a->lease[key]);
    if (rc == GYRE_MISS) {
        o->op.kind = WGL_ADD;
        o->op.id = id;
        ops_history.leases++;
        a->lease_id[key] = id;
        ops_answer(o, GYRE_OK);
        return;
    }
    if (rc == GYRE_LEASED && left != 0 && left_behind(cache, text) == left)
        sched_violation("a lease on key %u lasts, and its holder had left it when the call began", key);
    if (rc == GYRE_OK)
        o->op.id = ops_read_value(view.data, view.size, key);
    if (rc == GYRE_STALE)
        check_stale(o, key, ops_read_value(view.data, view.size, key));
    gyre_release(&view);
    ops_answer(o, rc == GYRE_LEASED || rc == GYRE_STALE ? GYRE_MISS : rc);
}

/* It is over, and nobody waits for it. */
static void
check_gone(const gyre_lease *was, unsigned key)
{
    gyre *cache = (gyre *)(uintptr_t)was->priv[0];
    int error;
    struct gy_record *r = gy_record_of(cache, &error);
    struct gy_found f;
    if (r == NULL || !gy_lease_find(cache, was->priv[1], was->priv[2], &r->pin[GY_PIN_COMPARE], &f))
        return;
    sched_violation("a lease on key %u stands after its holder has ended it", key);
    gy_pin_clear(&r->pin[GY_PIN_COMPARE]);
}

void
leases_commit(struct actor *a, unsigned key, uint32_t bytes, bool draft)
{
    uint64_t value[VALUE_MOST / 8];
    gyre_draft d;
    if (a->lease_id[key] == 0)
        return;
    uint32_t id = ops_new_value(key, bytes);
    struct operation *o = ops_record(WGL_IF_VERSION, key);
    o->op.id = id;
    o->op.expected = a->lease_id[key];
    a->lease_id[key] = 0;
    const gyre_lease was = a->lease[key];
    int rc;
    if (draft) {
        rc = gyre_lease_reserve(&a->lease[key], bytes, NULL, &d);
        if (rc == GYRE_OK) {
            gy_bytes_written(d.data, d.size);
            ops_fill(d.data, key, id, bytes);
            rc = gyre_commit(&d);
        }
    } else {
        ops_fill(value, key, id, bytes);
        rc = gyre_lease_commit(&a->lease[key], value, bytes, NULL);
    }
    ops_history.puts += rc == GYRE_OK;
    ops_answer(o, rc == GYRE_ESTALE ? GYRE_MISS : rc);
    check_gone(&was, key);
}

void
leases_abort(struct actor *a, unsigned key)
{
    if (a->lease_id[key] == 0)
        return;
    a->lease_id[key] = 0;
    const gyre_lease was = a->lease[key];
    gyre_lease_abort(&a->lease[key]);
    check_gone(&was, key);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <string.h>

#include "world.h"

/* Mostly a few keys, so that they meet. */
unsigned
world_take_key(struct world *w)
{
    unsigned key = (unsigned)fuzz_take(&w->in, 1);

    return key < 128 ? key % 8 * 19 : key;
}

size_t
world_take_size(struct world *w)
{
    uint64_t most = w->model.max_value_bytes, n = fuzz_take(&w->in, 1);

    switch (n % 8) {
    case 0: return n / 8;
    case 1: return most - (n / 8 < most ? n / 8 : most);
    case 2: return most + 1 + n / 8 * n / 8 * 64;
    case 3: return (size_t)(most * (n / 8) / 64);
    case 4: return n * 16;
    default: return n;
    }
}

uint32_t
world_take_ttl(struct world *w)
{
    uint64_t n = fuzz_take(&w->in, 1);

    if (n < 128)
        return 0;
    if (n < 140)
        return GYRE_NO_TTL;
    if (n < 146)
        return GYRE_NO_TTL - 1 - (uint32_t)(n - 140);
    return (uint32_t)((n - 145) * (n - 145));
}

/* NULL for a put without options. */
static gyre_put_options *
take_put_options(struct world *w, unsigned key, gyre_put_options *options, uint64_t *new_version)
{
    static const uint32_t flags[] = {
        0, 0, 0, 0, GYRE_ADD, GYRE_REPLACE, GYRE_IF_VERSION, GYRE_IF_VERSION};
    uint64_t n = fuzz_take(&w->in, 1);

    *options = (gyre_put_options)GYRE_PUT_OPTIONS_INIT;
    *new_version = MODEL_UNTOUCHED;
    if (n < 64)
        return NULL;
    options->flags = flags[n % 8];
    options->ttl_ms = world_take_ttl(w);
    options->user_flags = n & 8 ? (uint32_t)n * 0x01010101u : 0;
    options->version = n & 16 ? w->model.values[key].version : n;
    options->new_version = n & 32 ? new_version : NULL;
    return options;
}

static void
do_put(struct world *w, unsigned key, size_t size, const gyre_put_options *options,
       uint64_t *new_version)
{
    gyre_key k = model_key(key);
    struct model_value proposal = model_proposal(&w->model, options, size);
    unsigned char *value =
        malloc(size > 0 ? size : 1); /* its own block: reading beyond it is seen */

    FUZZ_CHECK(value != NULL, "memory");
    model_fill(proposal.number, value, size);
    int result = gyre_put(w->model.cache, k.data, k.size, size > 0 ? value : NULL, size, options);
    free(value);
    model_put_done(&w->model, key, options, proposal, result, *new_version);
}

void
world_put(struct world *w)
{
    unsigned key = world_take_key(w);
    gyre_put_options storage, *options;
    uint64_t new_version;

    options = take_put_options(w, key, &storage, &new_version);
    uint64_t puts = w->model.puts;
    do_put(w, key, world_take_size(w), options, &new_version);
    if (w->model.puts == puts || w->model.held > 0)
        return;
    w->gone_at_once += !world_is_there(w, key);
}

void
world_put_default(struct world *w, unsigned key, size_t size)
{
    uint64_t none = 0;

    do_put(w, key, size, NULL, &none);
}

void
world_flood(struct world *w)
{
    unsigned from = (unsigned)fuzz_take(&w->in, 1), n = (unsigned)fuzz_take(&w->in, 1) % 32;
    size_t size = world_take_size(w);

    for (unsigned i = 0; i < n; i++)
        world_put_default(w, (from + i) % MODEL_KEYS, size);
}

void
world_reserve(struct world *w)
{
    struct held_draft *held = &w->drafts[fuzz_take(&w->in, 1) % DRAFTS];
    unsigned key = world_take_key(w);
    gyre_key k = model_key(key);
    gyre_put_options *options;

    if (held->draft.data != NULL)
        return;
    held->key = key;
    options = take_put_options(w, key, &held->options, &held->new_version);
    size_t size = world_take_size(w);
    held->reserved_ms = w->model.now_ms;
    held->proposal = model_proposal(&w->model, options, size);
    int result = gyre_reserve(w->model.cache, k.data, k.size, size, options, &held->draft);
    if (result != GYRE_OK) {
        /* Not a put that happened: nothing but a rejection or an error can be said of it. */
        FUZZ_CHECK(result != GYRE_EBUSY || w->model.held > 0 || size > w->model.capacity_bytes / 8,
                   "a reservation is refused, though nothing is held");
        w->model.held++;
        model_put_done(&w->model, key, options, held->proposal, result, held->new_version);
        w->model.held--;
        FUZZ_CHECK(held->draft.data == NULL, "a draft without room");
        return;
    }
    FUZZ_CHECK(held->draft.data != NULL && held->draft.size == size &&
                   (uintptr_t)held->draft.data % w->model.value_align == 0,
               "a draft of %zu bytes", held->draft.size);
    model_fill(held->proposal.number, held->draft.data, size / 2);
    w->model.held++;
}

void
world_finish(struct world *w, unsigned draft, bool commit)
{
    struct held_draft *held = &w->drafts[draft];

    if (held->draft.data == NULL)
        return;
    if (commit) {
        struct model_value proposal = held->proposal;

        proposal.expiry_high += w->model.now_ms - held->reserved_ms;
        model_fill(proposal.number, held->draft.data, proposal.size);
        int result = gyre_commit(&held->draft);
        model_put_done(&w->model, held->key, &held->options, proposal, result, held->new_version);
        FUZZ_CHECK(gyre_commit(&held->draft) == GYRE_EINVAL, "an empty draft was committed");
    }
    gyre_abort(&held->draft);
    held->draft.data = NULL;
    w->model.held--;
}

void
world_delete(struct world *w, unsigned key)
{
    gyre_key k = model_key(key);

    model_delete_done(&w->model, key, gyre_delete(w->model.cache, k.data, k.size));
}

void
world_touch(struct world *w)
{
    unsigned key = world_take_key(w);
    uint32_t ttl_ms = world_take_ttl(w);
    gyre_key k = model_key(key);

    model_touch_done(&w->model, key, ttl_ms, gyre_touch(w->model.cache, k.data, k.size, ttl_ms));
}

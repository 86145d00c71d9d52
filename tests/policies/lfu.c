/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The key of the least worth goes, the longest unused among equals: worth is the number of
 * requests since it came in; with ageing, plus the worth of the last victim at that time; with
 * sizes, per byte. */

#include <stdlib.h>

#include "policies.h"

#define NOT_IN UINT32_MAX

struct worth {
    double worth;
    uint64_t last_request;
};

struct ranked {
    uint32_t *heap, n;  /* keys, the least worth first */
    uint32_t *place;    /* of a key in the heap, or NOT_IN */
    struct worth *rank; /* of a key */
    uint32_t *asked, *size;
    uint64_t capacity, held, clock;
    double floor; /* the worth of the last victim */
    bool ages, by_size;
};

static void *
create_ranked(const struct shape *shape, bool ages, bool by_size)
{
    struct ranked *s = policies_alloc(1, sizeof *s);
    s->heap = policies_alloc(shape->n_keys, sizeof *s->heap);
    s->place = policies_alloc(shape->n_keys, sizeof *s->place);
    s->rank = policies_alloc(shape->n_keys, sizeof *s->rank);
    s->asked = policies_alloc(shape->n_keys, sizeof *s->asked);
    s->size = policies_alloc(shape->n_keys, sizeof *s->size);
    for (uint32_t key = 0; key < shape->n_keys; key++)
        s->place[key] = NOT_IN;
    s->capacity = shape->capacity;
    s->ages = ages;
    s->by_size = by_size;
    return s;
}

static void *
create_lfu(const struct shape *shape)
{
    return create_ranked(shape, false, false);
}

static void *
create_lfu_ageing(const struct shape *shape)
{
    return create_ranked(shape, true, false);
}

static void *
create_gdsf(const struct shape *shape)
{
    return create_ranked(shape, true, true);
}

static bool
is_less(const struct ranked *s, uint32_t a, uint32_t b)
{
    const struct worth *x = &s->rank[a], *y = &s->rank[b];
    return x->worth < y->worth || (x->worth == y->worth && x->last_request < y->last_request);
}

static void
put_at(struct ranked *s, uint32_t place, uint32_t key)
{
    s->heap[place] = key;
    s->place[key] = place;
}

static void
sift_up(struct ranked *s, uint32_t key)
{
    uint32_t place = s->place[key];
    while (place > 0 && is_less(s, key, s->heap[(place - 1) / 2])) {
        put_at(s, place, s->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put_at(s, place, key);
}

static void
sift_down(struct ranked *s, uint32_t key)
{
    uint32_t place = s->place[key], child;
    while ((child = 2 * place + 1) < s->n) {
        if (child + 1 < s->n && is_less(s, s->heap[child + 1], s->heap[child]))
            child++;
        if (!is_less(s, s->heap[child], key))
            break;
        put_at(s, place, s->heap[child]);
        place = child;
    }
    put_at(s, place, key);
}

static void
evict(struct ranked *s)
{
    uint32_t key = s->heap[0];
    if (s->ages)
        s->floor = s->rank[key].worth;
    s->held -= s->size[key];
    s->place[key] = NOT_IN;
    uint32_t last = s->heap[--s->n];
    if (last != key) {
        put_at(s, 0, last);
        sift_down(s, last);
    }
}

static void
rank(struct ranked *s, uint32_t key)
{
    double asked = (double)s->asked[key];
    s->rank[key].worth = s->floor + (s->by_size ? asked * 1e6 / (double)s->size[key] : asked);
    s->rank[key].last_request = ++s->clock;
}

static bool
request(void *state, uint32_t key, uint32_t size)
{
    struct ranked *s = state;
    if (s->place[key] != NOT_IN) {
        s->asked[key]++;
        rank(s, key);
        sift_down(s, key);
        return true;
    }
    while (s->held + size > s->capacity)
        evict(s);
    s->held += size;
    s->size[key] = size;
    s->asked[key] = 1;
    rank(s, key);
    put_at(s, s->n++, key);
    sift_up(s, key);
    return false;
}

static uint64_t
held(const void *state)
{
    const struct ranked *s = state;
    return s->held;
}

static void
destroy(void *state)
{
    struct ranked *s = state;
    free(s->heap);
    free(s->place);
    free(s->rank);
    free(s->asked);
    free(s->size);
    free(s);
}

const struct policy policy_lfu = {
    .name = "LFU",
    .reference = "LFU",
    .tolerance = POLICY_SAME,
    .source = "what was asked for least since it came in goes first",
    .create = create_lfu,
    .request = request,
    .held = held,
    .destroy = destroy,
};

const struct policy policy_lfu_ageing = {
    .name = "LFU-ageing",
    .source = "Arlitt and others, 2000, as LFU-DA",
    .create = create_lfu_ageing,
    .request = request,
    .held = held,
    .destroy = destroy,
};

const struct policy policy_gdsf = {
    .name = "GDSF",
    .reference = "GDSF",
    .tolerance = POLICY_SAME,
    .source = "Cherkasova, 1998; on keys of size 1 it is LFU with ageing",
    .create = create_gdsf,
    .request = request,
    .held = held,
    .destroy = destroy,
};

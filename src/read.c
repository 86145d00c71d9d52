/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The door for reading: gyre_get, gyre_release, gyre_read, gyre_get_many. */

#include "lookup.h"

static const gyre_view NO_VIEW;

static bool
key_usable(const void *key, size_t key_size)
{
    return key != NULL && key_size > 0 && key_size <= GY_KEY_MOST;
}

static GY_INLINE int
get_hashed(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_size,
           gyre_view *view)
{
    gy_atomic_u64 *pin = gy_record_view_pin(cache, r);
    struct gy_found f;
    uint32_t ttl_left_ms;
    int result = GYRE_EBUSY;
    if (gy_likely(pin != NULL))
        result = gy_lookup(cache, r, hash, key, key_size, pin, &f, &ttl_left_ms);
    if (gy_likely(result == GYRE_OK))
        gy_view_fill(cache, &f, pin, ttl_left_ms, view);
    else
        *view = NO_VIEW;
    return result;
}

int
gyre_get(gyre *cache, const void *key, size_t key_size, gyre_view *view)
{
    int error = GYRE_EINVAL;
    struct gy_record *r = NULL;
    if (gy_likely(view != NULL && cache != NULL && key_usable(key, key_size)))
        r = gy_record_of(cache, &error);
    if (gy_unlikely(r == NULL)) {
        if (view != NULL)
            *view = NO_VIEW;
        return error;
    }
    return get_hashed(cache, r, gy_hash(key, key_size, cache->seed), key, key_size, view);
}

void
gyre_release(gyre_view *view)
{
    if (view == NULL || view->priv[0] == 0)
        return;
    gy_atomic_u64 *pin = (gy_atomic_u64 *)(uintptr_t)view->priv[0];
    /* Only the pin this view made: in a forked child it may be gone, and the slot another's.
     * (Relaxed: nobody but the view's holder changes it while it holds this word.) */
    if (gy_load_rlx(pin) == view->priv[1])
        gy_pin_clear(pin);
    view->priv[0] = 0;
    view->data = NULL;
    view->size = 0;
}

int
gyre_read(gyre *cache, const void *key, size_t key_size, void *buffer, size_t buffer_size, size_t *value_size)
{
    if (cache == NULL || !key_usable(key, key_size) || (buffer == NULL && buffer_size > 0))
        return GYRE_EINVAL;
    int error;
    struct gy_record *r = gy_record_of(cache, &error);
    if (gy_unlikely(r == NULL))
        return error;
    gy_atomic_u64 *pin = &r->pin[GY_PIN_COMPARE];
    struct gy_found f;
    uint32_t ttl_left_ms;
    uint64_t hash = gy_hash(key, key_size, cache->seed);
    int result = gy_lookup(cache, r, hash, key, key_size, pin, &f, &ttl_left_ms);
    if (result != GYRE_OK)
        return result;
    gyre_view view;
    gy_view_fill(cache, &f, pin, ttl_left_ms, &view);
    if (value_size)
        *value_size = view.size;
    if (view.size > buffer_size)
        result = GYRE_E2BIG;
    else if (view.size > 0) {
        gy_bytes_read(view.data, view.size);
        memcpy(buffer, view.data, view.size);
    }
    gy_pin_clear(pin);
    return result;
}

enum { OVERLAP = 16 }; /* lookups in flight: the processor tracks about as many misses */

/* Starts the miss of the entry that a lookup will most likely end at. */
static void
prefetch_entry(const struct gyre *cache, uint64_t hash)
{
    struct gy_window w;
    gy_index_window(cache, hash, &w);
    for (unsigned i = 0; i < w.n; i++)
        for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
            uint64_t word = gy_load_rlx(&w.bucket[i]->slot[s]); /* (Relaxed: a guess) */
            if (gy_slot_may_match(word, hash) && gy_ref_arena(cache, gy_slot_ref(word)) != UINT32_MAX) {
                __builtin_prefetch(gy_at(cache, gy_slot_ref(word)));
                return;
            }
        }
}

static void
prefetch_bucket(const struct gyre *cache, uint64_t hash)
{
    unsigned number = gy_shard_number(cache, hash);
    uint64_t geometry = gy_load_acq(&cache->super->shard[number].geometry);
    uint64_t mask = ((uint64_t)1 << gy_geometry_log2(geometry)) - 1;
    __builtin_prefetch(gy_shard_buckets(cache, number) + (gy_hash_first(hash) & mask));
}

size_t
gyre_get_many(gyre *cache, size_t n, const gyre_key *keys, gyre_view *views, int *results)
{
    if (cache == NULL || keys == NULL || views == NULL || results == NULL)
        return 0;
    int error = GYRE_OK;
    struct gy_record *r = gy_record_of(cache, &error);
    size_t hits = 0;
    for (size_t start = 0; start < n; start += OVERLAP) {
        size_t m = n - start < OVERLAP ? n - start : OVERLAP;
        uint64_t hash[OVERLAP];
        for (size_t i = 0; i < m; i++) {
            const gyre_key *k = &keys[start + i];
            views[start + i] = NO_VIEW;
            results[start + i] = !key_usable(k->data, k->size) ? GYRE_EINVAL : r == NULL ? error : GYRE_OK;
            if (results[start + i] != GYRE_OK)
                continue;
            hash[i] = gy_hash(k->data, k->size, cache->seed);
            prefetch_bucket(cache, hash[i]);
        }
        for (size_t i = 0; i < m; i++)
            if (results[start + i] == GYRE_OK)
                prefetch_entry(cache, hash[i]);
        for (size_t i = 0; i < m; i++) {
            if (results[start + i] != GYRE_OK)
                continue;
            results[start + i] = get_hashed(cache, r, hash[i], keys[start + i].data, keys[start + i].size,
                                            &views[start + i]);
            hits += results[start + i] == GYRE_OK;
        }
    }
    return hits;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The door for reading: gyre_get, gyre_release, gyre_read, gyre_get_many. */

#include "hit.h"

static const gyre_view NO_VIEW;

static bool
key_usable(const void *key, size_t key_size)
{
    return key != NULL && key_size - 1 < GY_KEY_MOST;
}

/* The general way. */
static __attribute__((noinline)) int
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

static __attribute__((noinline)) int
get_generally(struct gyre *cache, const void *key, size_t key_size, gyre_view *view)
{
    int error = GYRE_EINVAL;
    struct gy_record *r = NULL;
    if (view != NULL && cache != NULL && key_usable(key, key_size))
        r = gy_record_of(cache, &error);
    if (r != NULL)
        return get_hashed(cache, r, gy_hash(key, key_size, cache->seed), key, key_size, view);
    if (view != NULL)
        *view = NO_VIEW;
    return error;
}

/* The common hit; else the general way. */
static GY_INLINE int
get(gyre *cache, const void *key, size_t key_size, gyre_view *view)
{
    if (gy_unlikely(gy_seats[0].cache_id != cache->id))
        return get_generally(cache, key, key_size, view);
    struct gy_record *r = gy_seats[0].record;
    gy_atomic_u64 *pin = &r->pin[GY_PIN_VIEWS]; /* acquire: the release of the view that had it */
    if (gy_unlikely(gy_load_acq(pin) != 0))
        return get_generally(cache, key, key_size, view);
    if (gy_unlikely(!gy_hit(cache, r, gy_hash(key, key_size, cache->seed), key, key_size, pin, view)))
        return get_generally(cache, key, key_size, view);
    return GYRE_OK;
}

static __attribute__((noinline)) int
get_any_key(gyre *cache, const void *key, size_t key_size, gyre_view *view)
{
    if (view == NULL || cache == NULL || !key_usable(key, key_size))
        return get_generally(cache, key, key_size, view);
    return get(cache, key, key_size, view);
}

int
gyre_get(gyre *cache, const void *key, size_t key_size, gyre_view *view)
{
    if (gy_unlikely(!gy_hash_short(key_size))) /* elsewhere: without their calls, this needs fewer registers */
        return get_any_key(cache, key, key_size, view);
    if (gy_unlikely(view == NULL))
        return GYRE_EINVAL;
    if (gy_unlikely(cache == NULL))
        return get_generally(cache, key, key_size, view);
    if (gy_unlikely(key == NULL))
        return get_generally(cache, key, key_size, view);
    return get(cache, key, key_size, view);
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

enum { OVERLAP = 16 }; /* lookups in flight: the processor tracks about as many misses; and pins */
_Static_assert(GY_PIN_VIEWS + OVERLAP <= GY_PINS, "a pin each");

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
        struct gy_bucket *bucket[OVERLAP]; /* NULL: the general way */
        for (size_t i = 0; i < m; i++) {
            const gyre_key *k = &keys[start + i];
            results[start + i] = !key_usable(k->data, k->size) ? GYRE_EINVAL : r == NULL ? error : GYRE_OK;
            bucket[i] = NULL;
            if (gy_unlikely(results[start + i] != GYRE_OK)) {
                views[start + i] = NO_VIEW;
                continue;
            }
            hash[i] = gy_hash(k->data, k->size, cache->seed);
            bucket[i] = gy_hit_bucket(cache, hash[i]);
            __builtin_prefetch(bucket[i]);
        }
        for (size_t i = 0; i < m; i++)
            if (gy_likely(bucket[i] != NULL))
                gy_hit_prefetch(cache, bucket[i], hash[i]);
        for (size_t i = 0; i < m; i++) {
            const gyre_key *k = &keys[start + i];
            if (gy_unlikely(results[start + i] != GYRE_OK))
                continue;
            gy_atomic_u64 *pin = &r->pin[GY_PIN_VIEWS + i]; /* acquire: the release of the view that had it */
            if (gy_unlikely(gy_load_acq(pin) != 0))
                pin = gy_record_view_pin(cache, r);
            if (gy_unlikely(pin == NULL || !gy_hit(cache, r, hash[i], k->data, k->size, pin, &views[start + i])))
                results[start + i] = get_hashed(cache, r, hash[i], k->data, k->size, &views[start + i]);
            hits += results[start + i] == GYRE_OK;
        }
    }
    return hits;
}

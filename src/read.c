/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The door for reading: gyre_get, gyre_release, gyre_read, gyre_get_many. */

#include "history.h"
#include "hit.h"
#include "readonly.h"

static const gyre_view NO_VIEW;

static bool
key_usable(const void *key, size_t key_size)
{
    return key != NULL && (gy_likely(key_size == GY_KEY_USUAL) || key_size - 1 < GY_KEY_MOST);
}

/* A miss. Where they come close to each other, the next one is expected. */
static void
expect_misses(struct gy_record *r, uint64_t hash)
{
    enum { SELDOM = 16 }; /* hits in between */
    struct gy_seat *seat = &gy_seats[0];
    if (seat->record != r)
        return;
    uint64_t hits = gy_load_rlx(&r->count.hits); /* (Relaxed: its own counter.) */
    seat->sure_id = hits - seat->hits_before < SELDOM ? 0 : seat->cache_id;
    seat->hits_before = hits;
    seat->missed = hash;
}

/* The general way. */
static __attribute__((noinline)) int
get_hashed(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_size,
           gyre_view *view)
{
    gy_history_prefetch(cache, hash); /* most that come here miss, and a put follows */
    gy_atomic_u64 *pin = gy_record_view_pin(cache, r);
    struct gy_found f;
    uint32_t ttl_left_ms;
    int result = GYRE_EBUSY;
    if (gy_likely(pin != NULL))
        result = gy_lookup(cache, r, hash, key, key_size, pin, &f, &ttl_left_ms);
    if (gy_likely(result == GYRE_OK))
        gy_view_fill(cache, &f, pin, ttl_left_ms, view);
    result = gy_view_stands(r, pin, result);
    if (gy_unlikely(result != GYRE_OK)) {
        expect_misses(r, hash);
        *view = NO_VIEW;
    }
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
        return get_hashed(cache, r, gy_hash_in(cache, key, key_size), key, key_size, view);
    if (view != NULL)
        *view = NO_VIEW;
    return error;
}

/* Whether a seat has this thread's record in the cache, and hits may go the straight way. */
static GY_INLINE bool
seated(const struct gyre *cache)
{
    return gy_likely(gy_seats[0].cache_id == cache->straight_id);
}

/* A miss of a get that went the straight way. A put follows most of them. */
static __attribute__((noinline)) int
miss(struct gyre *cache, struct gy_record *r, uint64_t hash, gyre_view *view)
{
    gy_history_prefetch(cache, hash);
    gy_count(&r->count.misses, 1);
    expect_misses(r, hash);
    *view = NO_VIEW;
    return gy_view_stands(r, NULL, GYRE_MISS);
}

/* The key was not in its first bucket. */
static __attribute__((noinline)) int
get_in_second(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_size, gyre_view *view)
{
    enum gy_hit_outcome outcome = gy_hit_second(cache, r, hash, key, key_size, &r->pin[GY_PIN_VIEWS], view);
    if (gy_likely(outcome == GY_HIT))
        return GYRE_OK;
    if (gy_likely(outcome == GY_HIT_ABSENT))
        return miss(cache, r, hash, view);
    return get_hashed(cache, r, hash, key, key_size, view);
}

/* The common hit; else the general way. */
static GY_INLINE int
get_seated(gyre *cache, const void *key, size_t key_size, bool doubtful, gyre_view *view)
{
    gy_atomic_u64 *pin = gy_seats[0].view_pin;
    struct gy_record *r = gy_record_of_view_pin(pin);
    uint64_t hash = gy_hash_in(cache, key, key_size);
    enum gy_hit_outcome outcome = gy_hit_first(cache, r, hash, key, key_size, pin, doubtful, view);
    if (gy_likely(outcome == GY_HIT))
        return GYRE_OK;
    if (outcome == GY_HIT_ELSEWHERE)
        return get_in_second(cache, r, hash, key, key_size, view);
    return get_generally(cache, key, key_size, view); /* it hashes again: so that hits need not keep the hash */
}

static __attribute__((noinline)) int
get_doubtful(gyre *cache, const void *key, size_t key_size, gyre_view *view)
{
    return seated(cache) ? get_seated(cache, key, key_size, true, view) : get_generally(cache, key, key_size, view);
}

static GY_INLINE int
get(gyre *cache, const void *key, size_t key_size, gyre_view *view)
{
    if (gy_unlikely(gy_seats[0].sure_id != cache->straight_id))
        return get_doubtful(cache, key, key_size, view);
    return get_seated(cache, key, key_size, false, view);
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
    if (gy_unlikely(key_size != GY_KEY_USUAL))
        return get_any_key(cache, key, key_size, view);
    if (gy_unlikely(cache == NULL))
        return get_any_key(cache, key, key_size, view);
    /* One is NULL, or they have no bit in common: that is told apart there. */
    if (gy_unlikely(((uintptr_t)key & (uintptr_t)view) == 0))
        return get_any_key(cache, key, key_size, view);
    return get(cache, key, GY_KEY_USUAL, view);
}

void
gyre_release(gyre_view *view)
{
    if (gy_unlikely(view == NULL || view->priv[0] == 0))
        return;
    gy_atomic_u64 *pin = (gy_atomic_u64 *)(uintptr_t)view->priv[0];
    /* Only the pin this view made: in a forked child it may be gone, and the slot another's.
     * (Relaxed: nobody but the view's holder changes it while it holds this word.) */
    if (gy_likely(gy_load_rlx(pin) == view->priv[1]))
        gy_pin_clear(pin);
    view->priv[0] = 0;
    view->data = NULL;
    view->size = 0;
}

static __attribute__((noinline)) int
read_without_record(gyre *cache, int error, struct gy_wanted *want)
{
    size_t unwanted;
    if (!cache->region.readonly)
        return error;
    if (want->value_bytes == NULL)
        want->value_bytes = &unwanted;
    return gy_readonly_read(cache, want);
}

/* A value that a pin holds is copied, and let go. */
static GY_INLINE int
copy_out(gy_atomic_u64 *pin, const void *value, size_t bytes, const struct gy_wanted *want)
{
    if (want->value_bytes != NULL)
        *want->value_bytes = bytes;
    bool fits = bytes <= want->buffer_bytes;
    if (fits && bytes > 0) {
        gy_bytes_read(value, bytes);
        memcpy(want->buffer, value, bytes);
    }
    gy_pin_clear(pin);
    return fits ? GYRE_OK : GYRE_E2BIG;
}

static __attribute__((noinline)) int
read_generally(gyre *cache, struct gy_wanted *want)
{
    int error;
    struct gy_record *r = gy_record_of(cache, &error);
    if (gy_unlikely(r == NULL))
        return read_without_record(cache, error, want);
    gy_atomic_u64 *pin = &r->pin[GY_PIN_COMPARE];
    uint64_t hash = gy_hash_in(cache, want->key, want->key_bytes);
    struct gy_found f;
    gyre_view view;
    uint32_t ttl_left_ms;
    int result = gy_lookup(cache, r, hash, want->key, want->key_bytes, pin, &f, &ttl_left_ms);
    result = gy_view_stands(r, pin, result); /* (The pin holds what it copies all the same.) */
    if (result != GYRE_OK)
        return result;
    gy_view_fill(cache, &f, pin, ttl_left_ms, &view);
    return copy_out(pin, view.data, view.size, want);
}

int
gyre_read(gyre *cache, const void *key, size_t key_size, void *buffer, size_t buffer_size, size_t *value_size)
{
    if (cache == NULL || !key_usable(key, key_size) || (buffer == NULL && buffer_size > 0))
        return GYRE_EINVAL;
    struct gy_wanted want = {key, key_size, buffer, buffer_size, value_size};
    if (gy_unlikely(!seated(cache)))
        return read_generally(cache, &want);
    struct gy_record *r = gy_seats[0].record;
    gy_atomic_u64 *pin = &r->pin[GY_PIN_COMPARE];
    gyre_view view;
    if (gy_unlikely(!gy_hit(cache, r, gy_hash_in(cache, key, key_size), key, key_size, pin, &view)))
        return read_generally(cache, &want);
    return copy_out(pin, view.data, view.size, &want);
}

enum { OVERLAP = 16 }; /* lookups in flight: the processor tracks about as many misses; and pins */
_Static_assert(GY_PIN_VIEWS + OVERLAP <= GY_PINS, "a pin each");

/* A batch of lookups, at most OVERLAP, in passes: the misses of each are under way together. */
struct batch {
    size_t n;
    const gyre_key *keys;
    gyre_view *views;
    int *results;
};

/* What the passes tell each other of its keys. */
struct batch_state {
    uint64_t hash[OVERLAP];
    struct gy_bucket *bucket[OVERLAP]; /* the first; of those in left[] the second */
    const char *entry[OVERLAP];        /* pinned; or no_entry */
    size_t left[OVERLAP];              /* keys that a pass leaves to the next */
    size_t n_fresh, fresh[OVERLAP];    /* keys whose hits count in the frequency, and the words that say so */
    gy_atomic_u64 *slot[OVERLAP];
    uint64_t word[OVERLAP];
};

static struct gy_bucket no_bucket; /* nothing is found there */
static const uint64_t no_entry;    /* a header that no key has */

/* Of a key that is not usable, anything. */
static __attribute__((noinline)) uint64_t
batch_hash_unusual(const struct gyre *cache, const gyre_key *k)
{
    return key_usable(k->data, k->size) ? gy_hash(k->data, k->size, cache->seed) : 0;
}

/* Fetches first buckets. True: all keys are of the usual size. */
static GY_INLINE bool
batch_hash(const struct gyre *cache, struct batch b, struct batch_state *s)
{
    bool usual = true;
    for (size_t i = 0; i < b.n; i++) {
        struct gy_bucket *base;
        uint64_t hash, geometry;
        if (gy_likely(b.keys[i].size == GY_KEY_USUAL && b.keys[i].data != NULL))
            hash = gy_hash_flipped(b.keys[i].data, GY_KEY_USUAL, &cache->flips);
        else
            hash = batch_hash_unusual(cache, &b.keys[i]), usual = false;
        s->hash[i] = hash;
        if (gy_unlikely(!gy_hit_window(cache, hash, &base, &geometry))) {
            s->bucket[i] = &no_bucket;
            continue;
        }
        s->bucket[i] = gy_geometry_bucket(base, geometry, hash);
        __builtin_prefetch(s->bucket[i]);
    }
    return usual;
}

/* Pins the entry of key i, and fetches its first bytes, and those that follow: it begins anywhere in a line. */
static GY_INLINE void
batch_pin(struct gyre *cache, struct gy_record *r, struct batch b, struct batch_state *s, size_t i, gy_atomic_u64 *slot)
{
    gy_atomic_u64 *pin = &r->pin[GY_PIN_VIEWS + i];
    gyre_view *view = &b.views[i];
    const char *entry;
    uint64_t word;
    s->entry[i] = (const char *)&no_entry;
    if (gy_unlikely(gy_load_acq(pin) != 0)) /* acquire: the release of the view that had it */
        pin = gy_record_view_pin(cache, r);
    if (gy_unlikely(pin == NULL))
        return;
    view->priv[0] = (uint64_t)(uintptr_t)pin;
    if (!gy_hit_pin(cache, slot, pin, view, &word, &entry)) {
        gy_pin_clear(pin);
        return;
    }
    s->entry[i] = entry;
    __builtin_prefetch(entry), __builtin_prefetch(entry + GY_LINE);
    if (gy_unlikely(gy_lookup_counts(word)))
        s->fresh[s->n_fresh] = i, s->slot[s->n_fresh] = slot, s->word[s->n_fresh++] = word;
}

/* Finds the entries of first buckets, fetches second ones. Returns how many keys are left to these. */
static GY_INLINE size_t
batch_find_first(struct gyre *cache, struct gy_record *r, struct batch b, struct batch_state *s)
{
    size_t n_left = 0;
    for (size_t i = 0; i < b.n; i++) {
        struct gy_bucket *base;
        uint64_t geometry;
        gy_atomic_u64 *slot = gy_hit_slot(s->bucket[i], s->hash[i]);
        if (gy_likely(slot != NULL)) {
            batch_pin(cache, r, b, s, i, slot);
            continue;
        }
        s->entry[i] = (const char *)&no_entry;
        if (gy_unlikely(!gy_hit_window(cache, s->hash[i], &base, &geometry)))
            continue;
        s->bucket[i] = gy_geometry_bucket(base, geometry, gy_hash_mixed(s->hash[i]));
        __builtin_prefetch(s->bucket[i]);
        s->left[n_left++] = i;
    }
    return n_left;
}

static GY_INLINE void
batch_find_second(struct gyre *cache, struct gy_record *r, struct batch b, struct batch_state *s, size_t n_left)
{
    for (size_t n = 0; n < n_left; n++) {
        size_t i = s->left[n];
        gy_atomic_u64 *slot = gy_hit_slot(s->bucket[i], s->hash[i]);
        if (slot != NULL)
            batch_pin(cache, r, b, s, i, slot);
    }
}

static void
batch_unpin(const gyre_view *view)
{
    gy_pin_clear((gy_atomic_u64 *)(uintptr_t)view->priv[0]);
}

/* Fills the views of hits, and fetches the ends of their values. Returns how many keys are left to the general way. */
static GY_INLINE size_t
batch_show(struct gyre *cache, struct batch b, struct batch_state *s, bool usual)
{
    size_t n_left = 0;
    for (size_t i = 0; i < b.n; i++) {
        const gyre_key *k = &b.keys[i];
        gyre_view *view = &b.views[i];
        const char *entry = s->entry[i];
        size_t key_size = usual ? GY_KEY_USUAL : k->size;
        if (gy_likely((usual || key_usable(k->data, key_size)) && gy_hit_show(cache, entry, k->data, key_size, view))) {
            __builtin_prefetch((const char *)view->data + view->size - 1);
            b.results[i] = GYRE_OK;
            continue;
        }
        if (entry != (const char *)&no_entry)
            batch_unpin(view);
        b.results[i] = GYRE_MISS;
        s->left[n_left++] = i;
    }
    return n_left;
}

/* Counts the hits. True: they stand. */
static GY_INLINE bool
batch_count(struct gy_record *r, struct batch b, const struct batch_state *s, size_t hits)
{
    gy_count(&r->count.hits, hits);
    for (size_t n = 0; n < s->n_fresh; n++)
        if (b.results[s->fresh[n]] == GYRE_OK)
            gy_lookup_bump(s->slot[n], s->word[n]);
    gy_compiler_barrier();
    return gy_likely(!gy_record_expelled(r)); /* after what was read */
}

/* Those that are left, or all. Returns how many hits there are among them. */
static __attribute__((noinline)) size_t
batch_generally(struct gyre *cache, struct gy_record *r, struct batch b, const size_t *left, size_t n_left)
{
    size_t hits = 0;
    for (size_t n = 0; n < n_left; n++) {
        size_t i = left != NULL ? left[n] : n;
        const gyre_key *k = &b.keys[i];
        if (key_usable(k->data, k->size))
            b.results[i] = get_hashed(cache, r, gy_hash_in(cache, k->data, k->size), k->data, k->size, &b.views[i]);
        else
            b.views[i] = NO_VIEW, b.results[i] = GYRE_EINVAL;
        hits += b.results[i] == GYRE_OK;
    }
    return hits;
}

static __attribute__((noinline)) size_t
batch_expelled(struct gyre *cache, struct gy_record *r, struct batch b)
{
    for (size_t i = 0; i < b.n; i++)
        if (b.results[i] == GYRE_OK)
            batch_unpin(&b.views[i]);
    return batch_generally(cache, r, b, NULL, b.n);
}

static GY_INLINE size_t
batch_get(struct gyre *cache, struct gy_record *r, struct batch b)
{
    struct batch_state s;
    if (gy_unlikely(!seated(cache) || gy_clear_pending(cache)))
        return batch_generally(cache, r, b, NULL, b.n);
    bool usual = batch_hash(cache, b, &s);
    s.n_fresh = 0;
    size_t n_left = batch_find_first(cache, r, b, &s);
    batch_find_second(cache, r, b, &s, n_left);
    n_left = gy_likely(usual) ? batch_show(cache, b, &s, true) : batch_show(cache, b, &s, false);
    size_t hits = b.n - n_left;
    if (gy_unlikely(!batch_count(r, b, &s, hits)))
        return batch_expelled(cache, r, b);
    return gy_likely(n_left == 0) ? hits : hits + batch_generally(cache, r, b, s.left, n_left);
}

size_t
gyre_get_many(gyre *cache, size_t n, const gyre_key *keys, gyre_view *views, int *results)
{
    if (cache == NULL || keys == NULL || views == NULL || results == NULL)
        return 0;
    int error = GYRE_OK;
    struct gy_record *r = gy_record_of(cache, &error);
    size_t hits = 0;
    for (size_t i = 0; r == NULL && i < n; i++) {
        results[i] = key_usable(keys[i].data, keys[i].size) ? error : GYRE_EINVAL;
        views[i] = NO_VIEW;
    }
    for (size_t start = 0; r != NULL && start < n; start += OVERLAP) {
        struct batch b = {gy_min(n - start, OVERLAP), keys + start, views + start, results + start};
        hits += batch_get(cache, r, b);
    }
    return hits;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre_scan: each bucket together with the buckets its words may move to. Growth moves a word from b to
 * b + N only, so the words of b stay within b, b + N, b + 3N ... as long as they are in the cache: a
 * family. A family is passed in ascending order, and again while growth is moving words in it; keys
 * that were shown are remembered for the length of one family, so that none is shown twice. From family to
 * family words go only by displacement, which holds still: displace.c. */

#include <sched.h>

#include "displace.h"
#include "doubt.h"
#include "lookup.h"

enum { SEEN_FIRST = 4096, PASSES_MOST = 1000, WAITS_MOST = 1000 };

struct seen { /* the keys shown: hash, length and bytes of each, back to back */
    char *bytes;
    size_t used, room;
};

struct scan {
    gyre *cache;
    struct gy_record *r;
    gyre_visit *visit;
    void *arg;
    struct seen seen, late; /* of the family; of keys with the hash that may still be displaced */
    uint64_t displaced;
    bool tentative; /* this pass met a word in the making */
    unsigned waits; /* passes that were made again for such words, in all families */
};

static bool
was_seen(const struct seen *seen, uint64_t hash, const void *key, uint32_t key_bytes)
{
    for (size_t at = 0; at < seen->used;) {
        uint64_t h;
        uint32_t n;
        memcpy(&h, seen->bytes + at, sizeof h);
        memcpy(&n, seen->bytes + at + sizeof h, sizeof n);
        at += sizeof h + sizeof n;
        if (h == hash && n == key_bytes && memcmp(seen->bytes + at, key, n) == 0)
            return true;
        at += n;
    }
    return false;
}

static bool
see(struct scan *s, struct seen *seen, uint64_t hash, const void *key, uint32_t key_bytes)
{
    size_t need = seen->used + sizeof hash + sizeof key_bytes + key_bytes;
    if (need > seen->room) {
        size_t room = need * 2;
        char *bytes = s->cache->allocate(s->cache->allocate_arg, room);
        if (bytes == NULL)
            return false;
        if (seen->bytes != NULL) {
            memcpy(bytes, seen->bytes, seen->used);
            s->cache->deallocate(s->cache->allocate_arg, seen->bytes, seen->room);
        }
        seen->bytes = bytes;
        seen->room = room;
    }
    memcpy(seen->bytes + seen->used, &hash, sizeof hash);
    memcpy(seen->bytes + seen->used + sizeof hash, &key_bytes, sizeof key_bytes);
    memcpy(seen->bytes + seen->used + sizeof hash + sizeof key_bytes, key, key_bytes);
    seen->used = need;
    return true;
}

static int
visit_slot(struct scan *s, struct gy_bucket *bucket, unsigned n)
{
    gyre *c = s->cache;
    gy_atomic_u64 *slot = &bucket->slot[n];
    uint64_t word = gy_load_acq(slot);
    if (word == GY_EMPTY)
        return GYRE_OK;
    if (gy_slot_tentative(word)) {
        s->tentative = true;
        if (s->waits >= WAITS_MOST) /* its owner is stopped or dead: legal for any word, at any time */
            gy_cas_seq(slot, &word, GY_EMPTY);
        return GYRE_OK;
    }
    gy_atomic_u64 *pin = gy_record_view_pin(c, s->r);
    if (pin == NULL)
        return GYRE_EBUSY;
    struct gy_found f;
    if (!gy_index_pin(c, slot, pin, &f))
        return GYRE_OK;
    const char *key = gy_entry_key(f.entry, f.header);
    uint64_t hash = gy_hash(key, f.header.key_bytes, c->seed);
    enum gyre_reason reason;
    int result = GYRE_OK;
    uint32_t ttl_left_ms = 0;
    bool stands = !gy_slot_tentative(f.word) && gy_entry_stands(c, &f, &reason);
    if (gy_doubted(c))
        stands = stands && gy_doubt_well_placed(c, &f, bucket);
    if (stands && f.header.flags & GY_ENTRY_EXPIRY)
        stands = (ttl_left_ms = gy_ttl_left(c, &f)) != 0;
    struct seen *seen = (hash | 1) == s->displaced ? &s->late : &s->seen;
    if (stands && !was_seen(seen, hash, key, f.header.key_bytes)) {
        gyre_view view;
        gy_view_fill(c, &f, pin, ttl_left_ms, &view);
        view.priv[0] = 0; /* the scan's: a release by the visitor has no effect */
        if (!see(s, seen, hash, key, f.header.key_bytes))
            result = GYRE_ENOMEM;
        else
            result = gy_view_stands(s->r, NULL, GYRE_OK); /* after all that was read of the entry */
        if (result == GYRE_OK)
            result = s->visit(s->arg, key, f.header.key_bytes, &view);
    }
    gy_pin_clear(pin);
    return result;
}

static int
scan_family(struct scan *s, unsigned shard, uint64_t b, uint64_t stride)
{
    gyre *c = s->cache;
    struct gy_bucket *base = gy_shard_buckets(c, shard);
    gy_atomic_u64 *geometry = &c->geometries[shard];
    s->seen.used = 0;
    for (unsigned pass = 0; pass <= PASSES_MOST; pass++) { /* again: growth moves words of this family */
        uint64_t before = gy_load_acq(geometry);
        s->tentative = false;
        for (uint64_t at = b; at < gy_shard_extent(c, shard); at += stride)
            for (unsigned n = 0; n < GY_BUCKET_SLOTS; n++) {
                int result = visit_slot(s, &base[at], n);
                if (result != GYRE_OK)
                    return result;
            }
        bool wait = gy_geometry_phase(before) == GY_MOVING && s->tentative && s->waits < WAITS_MOST;
        if (gy_load_acq(geometry) == before && !wait)
            break;
        if (wait)
            sched_yield();
        s->waits += wait;
    }
    return GYRE_OK;
}

int
gyre_scan(gyre *cache, gyre_visit *visit, void *arg)
{
    if (cache == NULL || visit == NULL)
        return GYRE_EINVAL;
    int result;
    struct scan s = {.cache = cache, .visit = visit, .arg = arg, .r = gy_record_to_write(cache, &result)};
    if (s.r == NULL)
        return result;
    s.seen.bytes = cache->allocate(cache->allocate_arg, SEEN_FIRST);
    if (s.seen.bytes == NULL)
        return GYRE_ENOMEM;
    s.seen.room = SEEN_FIRST;
    result = GYRE_OK;
    gy_displace_hold(s.r);
    for (unsigned shard = 0; shard < cache->g.n_shards && result == GYRE_OK; shard++) {
        uint64_t n = (uint64_t)1 << gy_shard_log2(cache, gy_shard_geometry(cache, shard));
        s.displaced = gy_displace_late(&cache->super->shard[shard]);
        s.late.used = 0;
        for (uint64_t b = 0; b < n && result == GYRE_OK; b++)
            result = scan_family(&s, shard, b, n);
    }
    gy_displace_release(s.r);
    cache->deallocate(cache->allocate_arg, s.seen.bytes, s.seen.room);
    if (s.late.bytes != NULL)
        cache->deallocate(cache->allocate_arg, s.late.bytes, s.late.room);
    return result;
}

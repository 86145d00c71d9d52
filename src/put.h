/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The common put in one straight line: the cache is of this process alone, and has no versions, no expiry and no bound of
 * entries; the put has no options; the key has 9 to 16 bytes; its shard is steady, and its word, if it has one, is the first that
 * begins like it. Whatever is otherwise goes the general way (insert.h, publish.c), from the start; or, where an entry was
 * staged meanwhile, with that. The steps and their order are the general ones, but that a tentative word which meets a rival is
 * withdrawn: the general way places it anew. */

#ifndef GY_PUT_H
#define GY_PUT_H

#include "account.h"
#include "hit.h"
#include "insert.h"
#include "section.h"
#include "stage.h"

/* A key's window. */
struct gy_put {
    uint64_t hash, number, geometry;
    struct gy_bucket *first, *second;
    gy_atomic_u64 *slot; /* where a word begins like the hash; NULL: nowhere, and so was put 2, in its order */
    uint64_t word;       /* and that word; else EMPTY */
};

/* The window, if its shard is steady; and the misses that the put will wait for. */
static GY_INLINE bool
gy_put_window(const struct gyre *cache, uint64_t hash, struct gy_put *p)
{
    p->hash = hash, p->number = gy_shard_number(cache, hash);
    p->geometry = gy_shard_geometry(cache, p->number);
    if (gy_unlikely(gy_geometry_phase(p->geometry) != GY_STEADY))
        return false;
    struct gy_bucket *base = gy_shard_buckets(cache, p->number);
    p->first = gy_geometry_bucket(base, p->geometry, hash);
    p->second = gy_geometry_bucket(base, p->geometry, gy_hash_mixed(hash));
    __builtin_prefetch(p->second);
    __builtin_prefetch(p->first);
    gy_history_prefetch(cache, hash);
    return true;
}

/* The first look at it, and the ring and the kind of the entry, as gy_insert_place. False: the word leads nowhere. */
static GY_INLINE bool
gy_put_place(struct gyre *cache, struct gy_put *p, unsigned *ring, unsigned *kind)
{
    p->slot = gy_hit_slot(p->first, p->hash);
    if (p->slot == NULL)
        p->slot = gy_hit_slot(p->second, p->hash);
    gy_seats[0].inserts = p->slot == NULL;
    if (p->slot == NULL) {
        p->word = GY_EMPTY;
        *kind = gy_history_recall(cache, p->hash);
        *ring = gy_insert_ring(cache);
        return true;
    }
    p->word = gy_load_acq(p->slot); /* model: put2 */
    uint32_t arena = gy_ref_arena(cache, gy_slot_ref(p->word));
    if (gy_unlikely(arena == UINT32_MAX))
        return false;
    *ring = gy_index_ring(cache, p->word, arena);
    *kind = gy_insert_kind_in(*ring);
    return true;
}

/* put 3 to 5. False: it did not get in, and nothing is left of it. */
static GY_INLINE bool
gy_put_in(struct gyre *cache, struct gy_record *r, const struct gy_put *p, const struct gy_staged *staged)
{
    uint64_t word = gy_slot_word(p->hash, 0, staged->ref), nothing = GY_EMPTY, mine = word | GY_T;
    gy_atomic_u64 *e = gy_find_room_in(p->first, p->second);
    if (gy_unlikely(e == NULL) || gy_unlikely(!gy_cas_seq(e, &nothing, mine))) /* model: put3 */
        return false;
    unsigned candidates = gy_find_candidates_seq(p->first, p->hash); /* model: put4 */
    candidates |= gy_find_candidates_seq(p->second, p->hash) << 2 * GY_BUCKET_SLOTS;
    if (gy_unlikely(gy_find_next(candidates) != 0)) { /* not the own one alone */
        gy_cas_seq(e, &mine, GY_EMPTY); /* failed: it was taken over, killed or evicted already */
        return false;
    }
    if (gy_unlikely(!gy_cas_seq(e, &mine, word))) /* model: put5 */
        return false;
    gy_account_in(cache, r, &cache->super->shard[p->number], staged->arena);
    return true;
}

/* put 2, at the word that the look has met first. False: it is not the key's, or not that simple, and nothing was done. */
static GY_INLINE bool
gy_put_over(struct gyre *cache, struct gy_record *r, const struct gy_put *p, const void *key, size_t key_bytes,
            const struct gy_staged *staged)
{
    gy_atomic_u64 *pin = &r->pin[GY_PIN_COMPARE];
    struct gy_found f;
    bool done = false;
    if (gy_unlikely(!gy_find_pin(cache, p->slot, p->word, pin, &f))) /* model: reader1 */
        return false;
    uint64_t word = gy_slot_word(p->hash, gy_slot_freq_carried(f.word), staged->ref);
    const char *its = f.entry + sizeof f.header;
    gy_bytes_read(its, key_bytes);
    gy_bytes_read(key, key_bytes);
    if (gy_likely(((f.word ^ word) & (GY_TAG_MASK | GY_T)) == 0 && gy_entry_plain(f.header, key_bytes) &&
                  gy_entry_same_bytes(its, key, key_bytes) && !gy_entry_cleared(cache, &f))) {
        uint64_t expected = f.word;
        done = gy_cas_seq(p->slot, &expected, word); /* model: put2cas */
        if (gy_likely(done)) {
            gy_entry_set_gone(f.entry, f.header);
            gy_account_out(cache, r, &cache->super->shard[p->number], f.arena, gy_found_bytes(cache, &f), GYRE_REPLACED, true);
        }
    }
    gy_pin_clear(pin);
    return done;
}

/* The general way from here on: with what was staged, or NULL. */
int gy_put_on(struct gyre *cache, struct gy_record *r, uint64_t hash, unsigned ring, const struct gy_content *content,
              const struct gy_staged *staged);

/* GYRE_OK, or as gyre_put of what went the general way in the end. */
static GY_INLINE int
gy_put(struct gyre *cache, struct gy_record *r, const struct gy_put *p, const void *key, size_t key_bytes, const void *value,
       size_t value_bytes, unsigned ring, unsigned kind)
{
    const struct gy_content content = gy_content_plain(key, key_bytes, value, value_bytes, kind);
    const struct gy_header h = {.value_bytes = content.value_bytes, .key_bytes = content.key_bytes,
                                .flags = (uint8_t)(kind << GY_ENTRY_KIND_SHIFT)};
    struct gy_staging e = {.word = gy_header_word(h), .head = sizeof h + key_bytes, .value_bytes = value_bytes};
    struct gy_staged staged;
    gy_atomic_u64 *pin = &r->pin[GY_PIN_PUT];
    uint64_t open = gy_load_acq(&cache->lanes[gy_lane_here(cache)].open[ring]);
    if (gy_unlikely(gy_stage_in(cache, pin, open, &e, &staged) != GY_STAGE_DONE)) {
        gy_pin_clear(pin);
        struct gy_content same = gy_content_plain(key, key_bytes, value, value_bytes, kind); /* for what is above needs no memory */
        return gy_put_on(cache, r, p->hash, ring, &same, NULL);
    }
    gy_stage_fill(cache, &staged, &e, &content);
    /* model: writer3 */
    bool done = false;
    gy_section_open_unfenced(cache, r);
    /* Inside the section: clear waits for those that did not see its mark. */
    if (gy_likely(staged.opened >= gy_load_seq(&cache->super->mark) && gy_shard_geometry(cache, p->number) == p->geometry))
        done = p->slot == NULL ? gy_put_in(cache, r, p, &staged) : gy_put_over(cache, r, p, key, key_bytes, &staged);
    gy_section_close(r);
    if (gy_unlikely(!done)) {
        struct gy_content same = gy_content_plain(key, key_bytes, value, value_bytes, kind);
        struct gy_staged also = staged;
        return gy_put_on(cache, r, p->hash, ring, &same, &also);
    }
    gy_pin_clear(pin);
    return GYRE_OK;
}

#endif

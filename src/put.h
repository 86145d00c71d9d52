/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The common put in one straight line: the cache is of this process alone, and has no versions, no expiry and no bound of
 * entries; the put has no options; the key has 9 to 16 bytes; its shard is steady, and its word, if it has one, is the first that
 * begins like it. Whatever is otherwise goes the general way (insert.h, publish.c), from the start; or, where an entry was
 * staged meanwhile, with that. The steps and their order are the general ones, but that a tentative word which meets a rival is
 * withdrawn: the general way places it anew.
 *
 * A put waits for its buckets; the processor begins the next put's wait meanwhile, if what stands between the first look at
 * them and that put's request fits into its window of instructions, as with hits (hit.h). So a put of a key that is thought to be new
 * (gy_insert_surely) does all that does not need its buckets before that look: it stages its entry for the ring of newcomers, and is
 * counted. If the key is there all the same, it begins anew where that is another ring's. */

#ifndef GY_PUT_H
#define GY_PUT_H

#include "account.h"
#include "hit.h"
#include "insert.h"
#include "section.h"
#include "stage.h"

/* A key's window, and its bucket of the history. */
struct gy_put {
    uint64_t hash, number, geometry;
    struct gy_bucket *first, *second;
    gy_atomic_u64 *history;
    bool present;        /* false: that was put 2, in its order */
    gy_atomic_u64 *slot; /* the first word that begins like the hash; absent: a place for one */
    uint64_t word;
    unsigned ring; /* of the entry, as gy_insert_place */
};

/* The window, if its shard is steady; and the misses that the put will wait for: first, for what comes before the request takes room in the
 * processor's window, too. Of a shard that is not steady they are of other lines of it. */
static GY_INLINE bool
gy_put_window(const struct gyre *cache, uint64_t hash, struct gy_put *p)
{
    p->hash = hash, p->number = gy_shard_number(cache, hash);
    p->geometry = gy_shard_geometry(cache, p->number);
    struct gy_bucket *base = gy_shard_buckets(cache, p->number);
    p->first = gy_geometry_bucket(base, p->geometry, hash);
    if (gy_likely(gy_insert_surely())) /* else it may be read by others, again before it is written */
        gy_prefetch_to_write(p->first);
    else
        __builtin_prefetch(p->first);
    p->second = gy_geometry_bucket(base, p->geometry, gy_hash_mixed(hash));
    __builtin_prefetch(p->second);
    p->history = gy_history_bucket(cache, hash);
    __builtin_prefetch(p->history);
    return gy_likely(gy_geometry_phase(p->geometry) == GY_STEADY);
}

/* What a new key's word is compared with, and what it is, tentative and committed: ready before the look, behind which as little as
 * can be is to stand. */
struct gy_put_words {
    gy_find_begin begin;
    uint64_t tentative, committed;
};

static GY_INLINE struct gy_put_words
gy_put_words(const struct gy_put *p, const struct gy_staged *staged)
{
    uint64_t committed = gy_slot_word(p->hash, 0, staged->ref), tentative = committed | GY_T;
    gy_ready(committed);
    gy_ready(tentative);
    return (struct gy_put_words){gy_find_begin_of(p->hash), tentative, committed};
}

/* The first look at it. both: at both buckets, before anything is asked. False: a word leads nowhere, or there is no place. */
static GY_INLINE bool
gy_put_look(struct gyre *cache, struct gy_put *p, bool both, const struct gy_put_words *words)
{
    struct gy_find_look look = {0, 0};
    if (both) {
        look = gy_find_look(p->first, p->second, words->begin);
        p->present = look.likely != 0;
        if (gy_unlikely(p->present))
            p->slot = gy_find_lowest(p->first, p->second, look.likely);
    } else {
        unsigned likely = gy_find_likely(p->first, p->hash), likely2 = likely ? 0 : gy_find_likely(p->second, p->hash);
        p->present = (likely | likely2) != 0;
        if (p->present)
            p->slot = likely ? gy_find_first(p->first, likely) : gy_find_first(p->second, likely2);
        else
            look.empty = gy_find_empty(p->first) | gy_find_empty(p->second) << GY_BUCKET_SLOTS;
    }
    if (!p->present) {
        if (!both) /* else it knows */
            gy_insert_tell(false);
        p->slot = gy_find_room_of(p->first, p->second, look.empty);
        return p->slot != NULL;
    }
    gy_insert_tell(true);
    p->word = gy_load_acq(p->slot); /* model: put2 */
    uint32_t arena = gy_ref_arena(cache, gy_slot_ref(p->word));
    if (gy_unlikely(arena == UINT32_MAX)) {
        p->ring = GY_RINGS; /* of none: the put begins anew */
        return false;
    }
    p->ring = gy_index_ring(cache, p->word, arena);
    return true;
}

/* put 3 to 5. False: it did not get in, and nothing is left of it. */
static GY_INLINE bool
gy_put_in(const struct gy_put *p, const struct gy_put_words *words)
{
    uint64_t nothing = GY_EMPTY, mine = words->tentative;
    if (gy_unlikely(!gy_cas_seq(p->slot, &nothing, mine))) /* model: put3 */
        return false;
    if (gy_unlikely(!gy_find_alone(p->first, p->second, words->begin))) { /* model: put4 */
        gy_cas_seq(p->slot, &mine, GY_EMPTY); /* failed: it was taken over, killed or evicted already */
        return false;
    }
    return gy_likely(gy_cas_seq(p->slot, &mine, words->committed)); /* model: put5 */
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

/* The general way, from the start. */
int gy_put_anew(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_bytes, const void *value,
                size_t value_bytes);

/* The general way from here on: with what was staged, or NULL. */
int gy_put_on(struct gyre *cache, struct gy_record *r, uint64_t hash, unsigned ring, const struct gy_content *content,
              const struct gy_staged *staged);

/* Into an arena, for its ring and of its kind. False: it has to be another arena, and nothing was done. */
static GY_INLINE bool
gy_put_stage(struct gyre *cache, const struct gy_put *p, gy_atomic_u64 *pin, const struct gy_content *content,
             struct gy_staged *staged)
{
    const struct gy_header h = {.value_bytes = content->value_bytes, .key_bytes = content->key_bytes,
                                .flags = (uint8_t)(content->kind << GY_ENTRY_KIND_SHIFT)};
    struct gy_staging e = {.word = gy_header_word(h), .head = sizeof h + content->key_bytes, .value_bytes = content->value_bytes};
    uint64_t open = gy_load_acq(&cache->lanes[gy_lane_here(cache)].open[p->ring]);
    if (gy_unlikely(gy_stage_in(cache, pin, open, &e, staged) != GY_STAGE_DONE)) {
        gy_pin_clear(pin);
        return false;
    }
    gy_stage_fill(cache, staged, &e, content);
    return true;
}

/* The kind that a staged entry has turned out to be of; only its writer knows it yet. */
static GY_INLINE void
gy_put_set_kind(struct gyre *cache, const struct gy_staged *staged, unsigned kind)
{
    char *entry = gy_at(cache, staged->ref);
    struct gy_header h = gy_entry_header(entry);
    h.flags = (uint8_t)(kind << GY_ENTRY_KIND_SHIFT);
    gy_entry_set_header(entry, h);
}

/* GYRE_OK, or as gyre_put of what went the general way in the end. new: so the key is thought to be. */
static GY_INLINE int
gy_put(struct gyre *cache, struct gy_record *r, struct gy_put *p, const void *key, size_t key_bytes, const void *value,
       size_t value_bytes, bool new)
{
    struct gy_shard *shard = &cache->super->shard[p->number];
    gy_atomic_u64 *pin = &r->pin[GY_PIN_PUT];
    struct gy_staged staged;
    unsigned kind = GY_KIND_UNKNOWN;
    p->ring = gy_insert_ring(cache), p->present = false, p->slot = NULL, p->word = GY_EMPTY;
    if (!new) {
        if (gy_unlikely(!gy_put_look(cache, p, false, NULL)))
            return gy_put_anew(cache, r, p->hash, key, key_bytes, value, value_bytes);
        kind = p->present ? gy_insert_kind_in(p->ring) : gy_history_recall(cache, p->history, p->hash);
    }
    const struct gy_content content = gy_content_plain(key, key_bytes, value, value_bytes, kind);
    if (gy_unlikely(!gy_put_stage(cache, p, pin, &content, &staged))) {
        if (new)
            return gy_put_anew(cache, r, p->hash, key, key_bytes, value, value_bytes);
        struct gy_content same = gy_content_plain(key, key_bytes, value, value_bytes, kind); /* for what is above needs no memory */
        return gy_put_on(cache, r, p->hash, p->ring, &same, NULL);
    }
    /* model: writer3 */
    gy_section_open_unfenced(cache, r);
    /* Inside the section: clear waits for those that did not see its mark. */
    bool usable = staged.opened >= gy_load_seq(&cache->super->mark) && gy_shard_geometry(cache, p->number) == p->geometry;
    unsigned ring = p->ring;
    struct gy_put_words words;
    if (new) {
        words = gy_put_words(p, &staged);
        const struct gy_history_wanted wanted = gy_history_wanted(p->hash);
        gy_account_committed(cache, r, shard, 1); /* before it has come: no recount is of a cache of one process */
        usable = usable && gy_put_look(cache, p, true, &words) && p->ring == ring; /* in this order: the look sets it */
        kind = p->present ? gy_insert_kind_in(p->ring) : gy_history_recall_wanted(cache, p->history, p->hash, wanted);
        if (gy_unlikely(kind != GY_KIND_UNKNOWN))
            gy_put_set_kind(cache, &staged, kind);
    }
    bool done = false;
    if (gy_likely(usable) && p->present) {
        done = gy_put_over(cache, r, p, key, key_bytes, &staged);
    } else if (gy_likely(usable)) {
        if (!new)
            words = gy_put_words(p, &staged);
        done = gy_put_in(p, &words);
    }
    bool came = done && !p->present;
    if (came)
        gy_count(&r->count.arrived, 1);
    if (gy_unlikely(came != new)) /* it was not what it was thought to be */
        gy_account_committed(cache, r, shard, (uint64_t)came - (uint64_t)new);
    gy_section_close(r);
    if (gy_likely(done)) {
        gy_pin_clear(pin);
        return GYRE_OK;
    }
    if (p->ring != ring) {
        gy_account_given_up(cache, &staged);
        gy_pin_clear(pin);
        return gy_put_anew(cache, r, p->hash, key, key_bytes, value, value_bytes);
    }
    struct gy_content same = gy_content_plain(key, key_bytes, value, value_bytes, kind);
    struct gy_staged also = staged;
    return gy_put_on(cache, r, p->hash, ring, &same, &also);
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The door for writing: gyre_put, gyre_delete, gyre_touch, and drafts. */

#include "account.h"
#include "clear.h"
#include "draft.h"
#include "history.h"
#include "insert.h"
#include "lease.h"
#include "lookup.h"
#include "put.h"
#include "reap.h"
#include "registry.h"

static const gyre_draft NO_DRAFT;
static const gyre_put_options NO_OPTIONS;

static enum gy_publish_kind
kind_of(const gyre_put_options *o)
{
    return o->flags & GYRE_ADD          ? GY_PUT_ADD
           : o->flags & GYRE_REPLACE    ? GY_PUT_REPLACE
           : o->flags & GYRE_IF_VERSION ? GY_PUT_IF_VERSION
                                        : GY_PUT_ANY;
}

/* What gyre_put and gyre_reserve have in common, up to the staging. */
struct request {
    struct gy_record *r;
    const gyre_put_options *options;
    struct gy_aim aim;
    struct gy_content content;
    gyre_put_options given;  /* where options are, when there are any */
};

/* A value that cannot be stored must not leave the older one behind, unless the put would not have
 * replaced it. */
static GY_SELDOM int
reject(gyre *cache, struct request *q, size_t key_size)
{
    gy_count(&q->r->count.puts_rejected, 1);
    bool replaces = q->aim.kind != GY_PUT_ADD && (q->aim.kind != GY_PUT_IF_VERSION || q->options->version != 0);
    if (replaces)
        gy_index_delete(cache, q->r, q->aim.hash, q->content.key, key_size,
                        q->aim.kind == GY_PUT_IF_VERSION ? q->options->version : 0, GYRE_REJECTED);
    return GYRE_E2BIG;
}

/* A condition that plainly does not hold needs no entry written. */
static GY_SELDOM int
precheck(gyre *cache, struct request *q)
{
    struct gy_found f;
    uint32_t ttl;
    bool saw_tentative;
    gy_atomic_u64 *pin = &q->r->pin[GY_PIN_COMPARE];
    bool present = gy_lookup_quietly(cache, q->r, q->aim.hash, q->content.key, q->content.key_bytes, pin, &f, &ttl,
                                     &saw_tentative);
    uint64_t version = present ? gy_entry_version(f.entry, f.header) : 0;
    if (present)
        gy_pin_clear(pin);
    if (q->aim.kind == GY_PUT_ADD)
        return present ? GYRE_EXISTS : GYRE_OK;
    if (!present)
        return GYRE_MISS;
    return q->aim.kind == GY_PUT_IF_VERSION && version != q->options->version ? GYRE_CHANGED : GYRE_OK;
}

static GY_SELDOM int
take_options(const gyre *cache, const gyre_put_options *given, struct request *q)
{
    int result = gy_put_options_check(&q->given, given, cache->g.flags & GYRE_VERSIONS);
    q->options = &q->given;
    q->aim.kind = kind_of(&q->given), q->aim.if_what = q->given.version;
    return result;
}

/* The misses that the put will wait for: its window's, and the history's. */
static inline void
prefetch(gyre *cache, struct request *q)
{
    gy_index_window(cache, q->aim.hash, &q->aim.window);
    gy_index_prefetch(&q->aim.window);
    gy_history_prefetch(cache, q->aim.hash);
}

static GY_INLINE int
prepare(gyre *cache, const void *key, size_t key_size, const void *value, size_t value_size,
        const gyre_put_options *options, struct request *q)
{
    if (cache == NULL || key == NULL || key_size == 0)
        return GYRE_EINVAL;
    int result = GYRE_OK;
    q->options = &NO_OPTIONS, q->aim.kind = GY_PUT_ANY;
    if (gy_unlikely(options != NULL)) {
        result = take_options(cache, options, q);
        if (result != GYRE_OK)
            return result;
    }
    q->r = gy_record_to_write(cache, &result);
    if (q->r == NULL)
        return result;
    if (key_size > GY_KEY_MOST) { /* refused before a byte of it is read: it cannot be present */
        gy_count(&q->r->count.puts_rejected, 1);
        return GYRE_E2BIG;
    }
    q->aim.hash = gy_hash(key, key_size, cache->seed), q->aim.key = key, q->aim.key_bytes = key_size;
    prefetch(cache, q);
    q->content = (struct gy_content){.key = key, .value = value, .user_flags = q->options->user_flags};
    if (gy_unlikely((q->options->ttl_ms | cache->g.default_ttl_ms) != 0))
        q->content.expiry_ms = gy_insert_expiry(cache, q->options->ttl_ms);
    if (cache->g.flags & GYRE_VERSIONS)
        q->content.version = gy_insert_version(cache, q->r);
    if (value_size > UINT32_MAX)
        return reject(cache, q, key_size);
    q->content.key_bytes = (uint16_t)key_size;
    q->content.value_bytes = (uint32_t)value_size;
    if (!gy_insert_fits(cache, &q->content))
        return reject(cache, q, key_size);
    if (gy_unlikely(q->aim.kind != GY_PUT_ANY))
        result = precheck(cache, q);
    if (gy_likely(result == GYRE_OK)) /* before the look at the window: its misses are under way meanwhile */
        gy_insert_make_room(cache, q->r, sizeof(struct gy_header) + key_size + value_size,
                            gy_insert_waits(q->aim.hash));
    return result;
}

static inline void
count_put(struct gy_record *r, int result)
{
    if (result == GYRE_OK)
        gy_count(&r->count.puts, 1);
    else if (result < 0)
        gy_count(&r->count.puts_rejected, 1);
}

static __attribute__((noinline)) int
put_generally(gyre *cache, const void *key, size_t key_size, const void *value, size_t value_size,
              const gyre_put_options *options)
{
    struct request q;
    if (value == NULL && value_size > 0)
        return GYRE_EINVAL;
    int result = prepare(cache, key, key_size, value, value_size, options, &q);
    if (result != GYRE_OK)
        return result;
    unsigned ring = gy_insert_place(cache, &q.aim, &q.content);
    result = gy_insert(cache, q.r, &q.aim, ring, &q.content);
    count_put(q.r, result);
    if (result == GYRE_OK) {
        if (gy_unlikely(q.options->new_version != NULL))
            *q.options->new_version = q.content.version;
        gy_insert_settle(cache, q.r, q.aim.window.shard);
    }
    return result;
}

GY_SELDOM int
gy_put_anew(struct gyre *cache, struct gy_record *r, uint64_t hash, const void *key, size_t key_bytes, const void *value,
            size_t value_bytes)
{
    struct gy_content content = gy_content_plain(key, key_bytes, value, value_bytes, GY_KIND_UNKNOWN);
    struct gy_aim aim = gy_aim_at(cache, key, key_bytes, hash, GY_PUT_ANY, 0);
    unsigned ring = gy_insert_place(cache, &aim, &content);
    return gy_insert(cache, r, &aim, ring, &content);
}

GY_SELDOM int
gy_put_on(gyre *cache, struct gy_record *r, uint64_t hash, unsigned ring, const struct gy_content *content,
          const struct gy_staged *staged)
{
    struct gy_aim aim = gy_aim_at(cache, content->key, content->key_bytes, hash, GY_PUT_ANY, 0);
    if (staged == NULL)
        return gy_insert(cache, r, &aim, ring, content);
    int result = gy_index_publish(cache, r, &aim, staged);
    gy_arena_unpin(cache, r, staged);
    return result == GY_RESTAGE ? gy_insert(cache, r, &aim, ring, content) : result;
}

int
gyre_put(gyre *cache, const void *key, size_t key_size, const void *value, size_t value_size,
         const gyre_put_options *options)
{
    struct gy_put p;
    /* As little as can be before the window's misses are started. */
    if (gy_unlikely(cache == NULL || key == NULL || !gy_hash_short(key_size)) ||
        gy_unlikely(gy_seats[0].cache_id != cache->plain_id) ||
        gy_unlikely(!gy_put_window(cache, gy_hash_flipped(key, key_size, &cache->flips), &p)) ||
        gy_unlikely(value == NULL || options != NULL || value_size > cache->plain_value_most))
        return put_generally(cache, key, key_size, value, value_size, options);
    struct gy_record *r = gy_seats[0].record;
    bool waits = gy_insert_waits(p.hash);
    gy_insert_make_room(cache, r, sizeof(struct gy_header) + key_size + value_size, waits);
    gy_insert_settle(cache, r, &cache->super->shard[p.number]); /* for the put before */
    int result = waits && gy_insert_surely() ? gy_put(cache, r, &p, key, key_size, value, value_size, true)
                                             : gy_put(cache, r, &p, key, key_size, value, value_size, false);
    count_put(r, result);
    return result;
}

int
gyre_delete(gyre *cache, const void *key, size_t key_size)
{
    if (cache == NULL || key == NULL || key_size == 0 || key_size > GY_KEY_MOST)
        return GYRE_EINVAL;
    int error;
    struct gy_record *r = gy_record_to_write(cache, &error);
    if (r == NULL)
        return error;
    uint64_t hash = gy_hash(key, key_size, cache->seed);
    gy_count(&r->count.deletes, 1);
    bool present = gy_index_delete(cache, r, hash, key, key_size, 0, GYRE_DELETED);
    if (gy_unlikely(gy_record_expelled(r)))
        return gy_member_late(cache);
    return present ? GYRE_OK : GYRE_MISS;
}

int
gyre_touch(gyre *cache, const void *key, size_t key_size, uint32_t ttl_ms)
{
    if (cache == NULL || key == NULL || key_size == 0 || key_size > GY_KEY_MOST)
        return GYRE_EINVAL;
    int result;
    struct gy_record *r = gy_record_to_write(cache, &result);
    if (r == NULL)
        return result;
    uint64_t hash = gy_hash(key, key_size, cache->seed);
    gy_atomic_u64 *pin = &r->pin[GY_PIN_MOVE]; /* holds the entry while it is copied, and its ref while it is compared with */
    do {
        struct gy_found f;
        uint32_t ttl_left;
        bool saw_tentative;
        if (!gy_lookup_quietly(cache, r, hash, key, key_size, pin, &f, &ttl_left, &saw_tentative))
            return GYRE_MISS;
        gy_ref ref = gy_slot_ref(f.word);
        struct gy_content content = gy_entry_content(f.entry, ref << 3, f.header, cache->g.value_align);
        content.expiry_ms = gy_insert_expiry(cache, ttl_ms);
        unsigned ring = gy_arena_ring(gy_load_rlx(&cache->words[f.arena])); /* (Relaxed: a hint) */
        struct gy_aim aim = gy_aim_at(cache, key, key_size, hash, GY_PUT_IF_REF, ref);
        result = gy_insert_fits(cache, &content)
                     ? gy_insert(cache, r, &aim, ring, &content)
                     : GYRE_E2BIG;
        gy_pin_clear(pin);
    } while (result == GYRE_CHANGED); /* because it was replaced or moved meanwhile */
    if (result == GYRE_OK) {
        gy_count(&r->count.touches, 1);
        gy_insert_settle(cache, r, gy_shard_of(cache, hash));
        gy_insert_make_room(cache, r, sizeof(struct gy_header) + key_size, false);
    }
    return result;
}

int
gyre_reserve(gyre *cache, const void *key, size_t key_size, size_t value_size, const gyre_put_options *options,
             gyre_draft *draft)
{
    if (draft == NULL)
        return GYRE_EINVAL;
    *draft = NO_DRAFT;
    struct request q;
    int result = prepare(cache, key, key_size, NULL, value_size, options, &q);
    if (result != GYRE_OK)
        return result;
    result = gy_draft_open(cache, q.r, q.aim.kind, gy_insert_place(cache, &q.aim, &q.content), &q.content,
                           q.options, draft);
    if (result != GYRE_OK)
        count_put(q.r, result);
    return result;
}

/* Takes a draft apart; the draft is empty afterwards. False when it is empty or not this process's. */
static bool
draft_take(gyre_draft *draft, gyre **cache, struct gy_staged *s, gyre_draft *was)
{
    if (draft == NULL || draft->priv[0] == 0)
        return false;
    *was = *draft;
    *draft = NO_DRAFT;
    *cache = (gyre *)(uintptr_t)was->priv[0];
    if (gy_registry_mended(*cache) != GYRE_OK)
        return false;
    s->pin = (gy_atomic_u64 *)(uintptr_t)was->priv[1];
    s->ref = was->priv[3] & GY_REF_MASK;
    s->arena = gy_ref_arena(*cache, s->ref);
    /* (Relaxed: nobody but the draft's holder changes a pin that holds this word.) */
    if (gy_load_rlx(s->pin) != was->priv[2] || s->arena == UINT32_MAX)
        return false;
    s->opened = gy_load_rlx(&(*cache)->books[s->arena].opened); /* (Relaxed: constant under the pin) */
    struct gy_header h = gy_entry_header(gy_at(*cache, s->ref));
    uint64_t end = gy_arena_offset(*cache, s->arena) + (*cache)->arena_bytes;
    s->bytes = gy_min(gy_entry_room(*cache, s->ref << 3, h), end - (s->ref << 3)); /* it was open to others for long */
    /* A forked child that inherited it has counted its bytes as dead, and no drafts: gy_mend_quiet. */
    if (gy_pin_made_before_fork(*cache, was->priv[2]))
        gy_sub_rlx(&(*cache)->books[s->arena].dead, s->bytes);
    else
        gy_sub_rlx(gy_draft_bytes(*cache), s->bytes);
    return true;
}

int
gyre_commit(gyre_draft *draft)
{
    gyre *cache;
    gyre_draft was;
    struct gy_staged staged;
    if (draft == NULL || draft->priv[0] == 0)
        return GYRE_EINVAL;
    if (!draft_take(draft, &cache, &staged, &was))
        return GYRE_ESTALE;
    int result;
    struct gy_record *r = gy_record_to_write(cache, &result);
    const char *entry = gy_at(cache, staged.ref);
    struct gy_content content = gy_entry_content(entry, staged.ref << 3, gy_entry_header(entry),
                                                 cache->g.value_align);
    enum gy_publish_kind kind = gy_draft_kind(&was);
    uint64_t hash = gy_hash(content.key, content.key_bytes, cache->seed);
    struct gy_aim aim = gy_aim_at(cache, content.key, content.key_bytes, hash, kind, was.priv[4]);
    if (r != NULL)
        result = gy_index_publish(cache, r, &aim, &staged);
    else
        gy_account_dead(cache, staged.arena, staged.bytes);
    if (result == GY_RESTAGE) { /* a clear passed the draft's arena: the value moves to a younger one */
        content.kind = GY_KIND_UNKNOWN;
        result = gy_insert(cache, r, &aim, GY_PROBATION, &content);
    }
    uint64_t version = content.version;
    gy_arena_unpin(cache, r, &staged);
    if (kind == GY_PUT_LEASED && result != GYRE_OK && r != NULL)
        gy_lease_end(cache, r, hash, was.priv[4]);
    if (r != NULL)
        count_put(r, result);
    if (result == GYRE_OK) {
        if (was.priv[5])
            *(uint64_t *)(uintptr_t)was.priv[5] = version;
        gy_insert_settle(cache, r, gy_shard_of(cache, hash));
    }
    return result;
}

void
gyre_abort(gyre_draft *draft)
{
    gyre *cache;
    gyre_draft was;
    struct gy_staged staged;
    if (!draft_take(draft, &cache, &staged, &was))
        return;
    if (gy_draft_kind(&was) == GY_PUT_LEASED)
        gy_lease_end_of_draft(cache, gy_at(cache, staged.ref), was.priv[4]);
    gy_account_given_up(cache, &staged);
    gy_arena_unpin(cache, NULL, &staged);
}

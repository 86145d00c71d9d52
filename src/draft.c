/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "draft.h"

#include "reap.h"

enum { DRAFTS_SHARE = 4 }; /* open drafts hold at most a quarter of the arenas */

gy_atomic_u64 *
gy_draft_bytes(struct gyre *cache)
{
    return cache->members ? &cache->members[gy_member_place(cache->member)].draft_bytes : &cache->super->draft_bytes;
}

/* (Relaxed: a bound that may be passed by the calls in flight.) */
static uint64_t
all_bytes(struct gyre *cache)
{
    uint64_t bytes = gy_load_rlx(&cache->super->draft_bytes);
    uint32_t used = cache->members ? gy_load_acq(&cache->super->n_members_used) : 0;
    for (uint32_t place = 0; place < used && place < cache->g.n_members; place++)
        bytes += gy_load_rlx(&cache->members[place].draft_bytes);
    return bytes;
}

/* A draft's private words: cache, pin, pin word, ref and kind, version or token asked for, new_version. */
static void
fill(struct gyre *cache, const struct gy_staged *s, enum gy_publish_kind kind, const gyre_put_options *options,
     gyre_draft *draft)
{
    struct gy_header h = gy_entry_header(gy_at(cache, s->ref));
    draft->data = gy_at(cache, s->ref) + gy_entry_value_offset(s->ref << 3, h, cache->g.value_align);
    draft->size = h.value_bytes;
    draft->priv[0] = (uint64_t)(uintptr_t)cache;
    draft->priv[1] = (uint64_t)(uintptr_t)s->pin;
    draft->priv[2] = s->pin_word;
    draft->priv[3] = s->ref | (uint64_t)kind << GY_DRAFT_KIND_SHIFT;
    draft->priv[4] = options->version;
    draft->priv[5] = (uint64_t)(uintptr_t)options->new_version;
}

int
gy_draft_open(struct gyre *cache, struct gy_record *r, enum gy_publish_kind kind, unsigned ring,
              const struct gy_content *content, const gyre_put_options *options, gyre_draft *draft)
{
    gy_atomic_u64 *pin = gy_record_view_pin(cache, r);
    if (pin == NULL)
        return GYRE_EBUSY;
    uint64_t most = ((uint64_t)cache->g.n_arenas << cache->g.arena_shift) / DRAFTS_SHARE, bytes = content->value_bytes;
    if (all_bytes(cache) + bytes > most && (!gy_reap(cache) || all_bytes(cache) + bytes > most))
        return GYRE_EBUSY;
    struct gy_staged staged;
    int result = gy_insert_stage(cache, r, pin, ring, content, &staged);
    if (result != GYRE_OK)
        return result;
    gy_add_rlx(gy_draft_bytes(cache), staged.bytes); /* (Relaxed: a bound.) */
    fill(cache, &staged, kind, options, draft);
    return GYRE_OK;
}

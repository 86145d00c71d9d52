/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "draft.h"

enum { DRAFTS_SHARE = 4 }; /* open drafts hold at most a quarter of the arenas */

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
    struct gy_super *s = cache->super; /* (Relaxed: a bound that may be passed by the calls in flight.) */
    uint64_t most = ((uint64_t)cache->g.n_arenas << cache->g.arena_shift) / DRAFTS_SHARE;
    if (gy_load_rlx(&s->draft_bytes) + content->value_bytes > most)
        return GYRE_EBUSY;
    struct gy_staged staged;
    int result = gy_insert_stage(cache, r, pin, ring, content, &staged);
    if (result != GYRE_OK)
        return result;
    gy_add_rlx(&s->draft_bytes, staged.bytes);
    fill(cache, &staged, kind, options, draft);
    return GYRE_OK;
}

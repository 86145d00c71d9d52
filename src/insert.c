/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "insert.h"

#include "limit.h"
#include "recount.h"

enum { VERSION_BLOCK = 256 };

bool
gy_insert_fits_exactly(const struct gyre *cache, const struct gy_content *content)
{
    struct gy_header h = {.value_bytes = content->value_bytes, .key_bytes = content->key_bytes,
                          .flags = gy_content_flags(content)};
    return content->value_bytes <= cache->g.max_value_bytes &&
           gy_entry_room(cache, 0, h) <= cache->arena_bytes;
}

int
gy_insert_stage_anew(struct gyre *cache, struct gy_record *r, gy_atomic_u64 *pin, unsigned ring,
                     const struct gy_content *content, struct gy_staged *out)
{
    /* Again when another took the room; or there was none, whatever n_free said. */
    for (bool again = false; gy_sweep_room(cache, r, again); again = true)
        if (gy_arena_stage(cache, pin, ring, content, false, out))
            return GYRE_OK;
    return gy_record_expelled(r) ? GYRE_ESTALE : GYRE_EBUSY; /* who was expelled makes no room */
}

void
gy_insert_settle_up(struct gyre *cache, struct gy_record *r, struct gy_shard *shard)
{
    unsigned number = (unsigned)(shard - cache->super->shard);
    bool wanted = gy_grow_wanted_in(cache, shard), alone = !gy_worker_runs(&cache->worker);
    if (gy_unlikely(alone && gy_clear_pending(cache)))
        gy_clear_step(cache, r);
    if (gy_unlikely(alone && cache->members != NULL))
        gy_recount(cache);
    if (cache->g.max_entries)
        gy_limit_hold(cache, r);
    /* Without a thread that moves most buckets, a put moves more of them: else the windows fill up meanwhile. */
    if (gy_unlikely(wanted) && (alone || gy_grow_behind(cache, shard)))
        gy_grow_steps(cache, r, number, alone || !cache->rcu->poll_waits, alone ? 4 : 1);
    if (!alone && wanted)
        gy_worker_wake(cache);
}

void
gy_insert_find_room(struct gyre *cache, struct gy_record *r, uint64_t bytes, bool waits)
{
    if (gy_sweep_help(cache, r, bytes, waits) && gy_worker_runs(&cache->worker))
        gy_worker_wake(cache);
}

uint64_t
gy_insert_version(struct gyre *cache, struct gy_record *r)
{
    if (r->version_next == r->version_end) { /* (Relaxed: all that matters is that it is unique.) */
        r->version_next = gy_add_rlx(&cache->super->versions, VERSION_BLOCK);
        r->version_end = r->version_next + VERSION_BLOCK;
    }
    return r->version_next++;
}

uint64_t
gy_insert_expiry(struct gyre *cache, uint32_t ttl_ms)
{
    if (ttl_ms == 0)
        ttl_ms = cache->g.default_ttl_ms;
    if (ttl_ms == 0 || ttl_ms == GYRE_NO_TTL)
        return 0;
    uint64_t now = gy_now_ms(cache);
    return now > UINT64_MAX - ttl_ms ? UINT64_MAX : now + ttl_ms;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "lease.h"

#include "account.h"
#include "find.h"
#include "insert.h"

enum { LOOKS_MOST = 64 };

bool
gy_lease_read(const struct gyre *cache, const struct gy_found *f, struct gy_lease_note *note)
{
    if (f->header.value_bytes < sizeof *note) {
        memset(note, 0, sizeof *note);
        return false;
    }
    const char *at = gy_lease_stale(cache, f) + gy_lease_stale_bytes(f);
    gy_bytes_read(at, sizeof *note);
    memcpy(note, at, sizeof *note);
    return true;
}

bool
gy_lease_lasts(struct gyre *cache, const struct gy_found *f, const struct gy_lease_note *note)
{
    const struct gy_holder holder = {note->owner, note->record};
    return gy_now_ms(cache) < gy_entry_expiry(f->entry, f->header) && !gy_holder_dead(cache, holder);
}

static bool
find_in(struct gyre *cache, struct gy_bucket *bucket, uint64_t hash, uint64_t token, gy_atomic_u64 *pin,
        struct gy_found *f, bool *tentative)
{
    unsigned candidates = gy_find_candidates(bucket, hash);
    for (; candidates; candidates = gy_find_next(candidates)) {
        if (!gy_index_pin(cache, gy_find_candidate(bucket, candidates), pin, f))
            continue;
        bool same = gy_entry_is_lease(f->header) && gy_entry_version(f->entry, f->header) == token;
        if (same && !gy_slot_tentative(f->word))
            return true;
        *tentative |= same;
        gy_pin_clear(pin);
    }
    return false;
}

/* As gy_index_find_growing: a lease that growth has in hand is looked for again. */
bool
gy_lease_find(struct gyre *cache, uint64_t hash, uint64_t token, gy_atomic_u64 *pin, struct gy_found *f)
{
    gy_atomic_u64 *where = gy_geometry_of(cache, hash);
    for (unsigned looks = 0; looks < LOOKS_MOST; looks++) {
        struct gy_window w;
        uint64_t geometry = gy_load_acq(where);
        gy_index_window(cache, hash, &w);
        bool tentative = false;
        for (unsigned i = 2 * w.n; i-- > 0;)
            if (find_in(cache, w.bucket[i % w.n], hash, token, pin, f, &tentative))
                return true;
        if (!tentative && gy_load_acq(where) == geometry)
            return false;
    }
    return false;
}

/* What follows the key. */
static void
fill(struct gyre *cache, const struct gy_staged *s, const struct gy_lease_wish *wish,
     const struct gy_lease_note *note)
{
    char *entry = gy_at(cache, s->ref);
    struct gy_header h = gy_entry_header(entry);
    char *at = entry + gy_entry_value_offset(s->ref << 3, h, cache->g.value_align);
    gy_bytes_written(at, h.value_bytes);
    size_t stale = h.value_bytes - sizeof *note;
    if (stale > 0) {
        gy_bytes_read(gy_lease_stale(cache, wish->over), stale);
        memmove(at, gy_lease_stale(cache, wish->over), stale);
    }
    memcpy(at + stale, note, sizeof *note);
}

static bool
fits(const struct gyre *cache, const struct gy_content *content)
{
    struct gy_header h = {.value_bytes = content->value_bytes, .key_bytes = content->key_bytes,
                          .flags = gy_content_flags(content)};
    return gy_entry_room(cache, 0, h) <= cache->arena_bytes;
}

int
gy_lease_place(struct gyre *cache, struct gy_record *r, const struct gy_lease_wish *wish, uint64_t *token)
{
    const struct gy_found *over = wish->over;
    struct gy_lease_note note = wish->keep;
    note.owner = gy_load_rlx(&r->owner), note.record = (uint32_t)(r - cache->records); /* (Relaxed: its own.) */
    struct gy_content content = {.key = wish->key, .key_bytes = wish->key_bytes, .expiry_ms = wish->limit_ms,
                                 .version = gy_insert_version(cache, r), .value_bytes = sizeof note,
                                 .kind = GY_ENTRY_LEASE_KIND};
    if (note.stale_expiry_ms) {
        content.value_bytes = over->header.value_bytes + (gy_entry_is_lease(over->header) ? 0 : (uint32_t)sizeof note);
        content.user_flags = gy_entry_user_flags(over->entry, over->header);
        if (!fits(cache, &content))
            note.stale_expiry_ms = content.user_flags = 0, content.value_bytes = sizeof note;
    }
    if (!fits(cache, &content))
        return GYRE_E2BIG;
    *token = content.version;
    struct gy_aim aim = gy_aim_at(cache, wish->key, wish->key_bytes, wish->hash,
                                  over ? GY_PUT_LEASE_OVER : GY_PUT_LEASE, over ? gy_slot_ref(over->word) : 0);
    int result;
    do {
        struct gy_staged staged;
        result = gy_insert_stage(cache, r, &r->pin[GY_PIN_PUT], GY_PROBATION, &content, &staged);
        if (result != GYRE_OK)
            return result;
        fill(cache, &staged, wish, &note);
        if (gy_unlikely(gy_record_expelled(r))) { /* after the stale value was copied, which a view's pin held */
            gy_account_dead(cache, staged.arena, staged.bytes);
            gy_arena_unpin(cache, NULL, &staged);
            return GYRE_ESTALE;
        }
        /* model: leaseplace, leaseover */
        result = gy_index_publish(cache, r, &aim, &staged);
        gy_arena_unpin(cache, r, &staged);
    } while (result == GY_RESTAGE); /* because a clear began in between */
    return result;
}

/* Again, when growth had it in hand: a lease that were left behind would be waited for. */
void
gy_lease_end(struct gyre *cache, struct gy_record *r, uint64_t hash, uint64_t token)
{
    gy_atomic_u64 *pin = &r->pin[GY_PIN_MOVE];
    struct gy_found f;
    for (unsigned looks = 0; looks < LOOKS_MOST && gy_lease_find(cache, hash, token, pin, &f); looks++) {
        gy_index_delete(cache, r, hash, gy_entry_key(f.entry, f.header), f.header.key_bytes, token, GYRE_LEASE_ENDED);
        gy_pin_clear(pin);
    }
}

void
gy_lease_end_of_draft(struct gyre *cache, const char *entry, uint64_t token)
{
    int error;
    struct gy_record *r = gy_record_to_write(cache, &error);
    struct gy_header h = gy_entry_header(entry);
    if (r != NULL) /* else it ends when its holder or its time does */
        gy_lease_end(cache, r, gy_hash(gy_entry_key(entry, h), h.key_bytes, cache->seed), token);
}

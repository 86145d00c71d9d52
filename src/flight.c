/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The door for leases: gyre_get_or_lease, gyre_lease_commit, gyre_lease_reserve, gyre_lease_abort. */

#include "draft.h"
#include "gate.h"
#include "hit.h"
#include "lease.h"
#include "policy.h"
#include "registry.h"

static const gyre_view NO_VIEW;
static const gyre_lease NO_LEASE;

enum { LOST_RACES_MOST = 64, AGAIN = 1000 };

/* One call of gyre_get_or_lease. */
struct seeker {
    gyre *cache;
    struct gy_record *r;
    const void *key;
    size_t key_size;
    uint64_t hash;
    const gyre_lease_options *options;
    gy_atomic_u64 *pin;
    struct gy_found f; /* what the last look has found, held by pin */
    struct gy_lease_note note;
    uint64_t until_ns; /* of waiting; 0: it has not begun */
    uint32_t armed;    /* the gate; 0: it is not */
    unsigned lost;     /* races */
};

enum sight { NOTHING, VALUE, EXPIRED, LEASE };

static enum sight
look(struct seeker *s, uint32_t *ttl_left_ms)
{
    bool saw_tentative;
    *ttl_left_ms = 0;
    if (!gy_index_find(s->cache, s->hash, s->key, s->key_size, s->pin, &s->f, &saw_tentative))
        return NOTHING;
    if (gy_entry_void(s->cache, &s->f)) {
        gy_pin_clear(s->pin);
        return NOTHING;
    }
    if (gy_entry_is_lease(s->f.header))
        return LEASE;
    if (!(s->f.header.flags & GY_ENTRY_EXPIRY))
        return VALUE;
    *ttl_left_ms = gy_ttl_left(s->cache, &s->f);
    return *ttl_left_ms != 0 ? VALUE : EXPIRED;
}

static bool
young(const struct seeker *s, uint64_t expiry_ms)
{
    uint64_t now = gy_now_ms(s->cache);
    return expiry_ms != 0 && (now < expiry_ms || now - expiry_ms < s->options->stale_ms);
}

/* A lease's private words: cache, hash, token, the process. */
static void
grant(struct seeker *s, uint64_t token, bool passed, gyre_lease *lease)
{
    lease->priv[0] = (uint64_t)(uintptr_t)s->cache;
    lease->priv[1] = s->hash;
    lease->priv[2] = token;
    lease->priv[3] = gy_os_pid();
    gy_count(&s->r->count.leases, 1);
    gy_count(&s->r->count.leases_passed, passed);
    gy_insert_settle(s->cache, s->r, gy_shard_of(s->cache, s->hash));
    gy_insert_make_room(s->cache, s->r, sizeof(struct gy_header) + s->key_size, false);
}

/* Nothing stands, or something that may be taken over, by this thread and no other. */
static int
take(struct seeker *s, enum sight seen, gyre_lease *lease)
{
    struct gyre *cache = s->cache;
    uint64_t now = gy_now_ms(cache), token, limit = now + s->options->lease_ms;
    struct gy_lease_wish wish = {.key = s->key, .key_bytes = (uint16_t)s->key_size, .hash = s->hash,
                                 .limit_ms = limit < now ? UINT64_MAX : limit,
                                 .over = seen == NOTHING ? NULL : &s->f};
    if (seen == LEASE) {
        wish.keep = s->note;
    } else {
        struct gy_content value;
        value.key_bytes = 0, value.value_bytes = 0;
        struct gy_aim aim = gy_aim_at(cache, s->key, s->key_size, s->hash, GY_PUT_LEASE, 0);
        wish.keep.ring = (uint8_t)gy_insert_place(cache, &aim, &value);
        wish.keep.kind = value.kind;
    }
    if (seen == EXPIRED && young(s, gy_entry_expiry(s->f.entry, s->f.header)))
        wish.keep.stale_expiry_ms = gy_entry_expiry(s->f.entry, s->f.header);
    int result = gy_lease_place(cache, s->r, &wish, &token);
    if (seen != NOTHING)
        gy_pin_clear(s->pin);
    if (result < 0 && result != GYRE_EBUSY)
        return result;
    if (result == GYRE_OK) {
        grant(s, token, seen == LEASE, lease);
        return GYRE_MISS;
    }
    return ++s->lost < LOST_RACES_MOST ? AGAIN : GYRE_EBUSY; /* another changed what stands: look again */
}

static int
stale(struct seeker *s, gyre_view *view)
{
    gy_view_fill(s->cache, &s->f, s->pin, 0, view);
    view->size = gy_lease_stale_bytes(&s->f);
    view->version = 0;
    gy_count(&s->r->count.stale_values, 1);
    return GYRE_STALE;
}

/* Another has the lease. */
static int
wait(struct seeker *s)
{
    gy_pin_clear(s->pin);
    uint64_t now = gy_os_clock_ns();
    if (s->until_ns == 0)
        s->until_ns = now + (uint64_t)s->options->wait_ms * 1000000;
    if (s->options->wait_ms == GYRE_NO_WAIT || now >= s->until_ns || s->note.owner == gy_load_rlx(&s->r->owner))
        return GYRE_LEASED; /* (Relaxed: the thread's own name.) */
    if (s->armed != 0)
        gy_gate_wait(s->cache, s->hash, s->armed, (s->until_ns - now) / 1000000 + 1);
    s->armed = gy_gate_arm(s->cache, s->hash);
    return AGAIN;
}

static __attribute__((noinline)) int
seek(struct seeker *s, gyre_view *view, gyre_lease *lease)
{
    for (;;) { /* again after waiting, and when another changed what stands; both are bounded */
        uint32_t ttl_left_ms;
        enum sight seen = look(s, &ttl_left_ms);
        if (seen == VALUE) {
            gy_lookup_count(s->r, s->f.slot, s->f.word);
            gy_view_fill(s->cache, &s->f, s->pin, ttl_left_ms, view);
            return GYRE_OK;
        }
        int result;
        bool others = seen == LEASE && gy_lease_read(s->cache, &s->f, &s->note) &&
                      gy_lease_lasts(s->cache, &s->f, &s->note);
        if (!others)
            result = take(s, seen, lease);
        else
            result = young(s, s->note.stale_expiry_ms) ? stale(s, view) : wait(s);
        if (result != AGAIN) {
            gy_count(&s->r->count.misses, result > 0);
            return result;
        }
    }
}

int
gyre_get_or_lease(gyre *cache, const void *key, size_t key_size, const gyre_lease_options *options, gyre_view *view,
                  gyre_lease *lease)
{
    if (view != NULL)
        *view = NO_VIEW;
    if (lease != NULL)
        *lease = NO_LEASE;
    gyre_lease_options o;
    if (cache == NULL || key == NULL || key_size - 1 >= GY_KEY_MOST || view == NULL || lease == NULL ||
        gy_lease_options_check(&o, options) != GYRE_OK)
        return GYRE_EINVAL;
    int error;
    struct gy_record *r = gy_record_to_write(cache, &error);
    if (r == NULL)
        return error;
    gy_atomic_u64 *pin = gy_record_view_pin(cache, r);
    if (pin == NULL)
        return GYRE_EBUSY;
    uint64_t hash = gy_hash_in(cache, key, key_size);
    if (gy_likely(gy_seats[0].cache_id == cache->straight_id) &&
        gy_hit(cache, r, hash, key, key_size, pin, view))
        return GYRE_OK;
    *view = NO_VIEW;
    struct seeker s = {.cache = cache, .r = r, .key = key, .key_size = key_size, .hash = hash, .options = &o, .pin = pin};
    int result = gy_view_stands(r, pin, seek(&s, view, lease));
    if (gy_unlikely(result == GYRE_ESTALE))
        *view = NO_VIEW, *lease = NO_LEASE;
    return result;
}

/* A lease that is about to be used. */
struct use {
    gyre *cache;
    struct gy_record *r;
    uint64_t hash, token;
    unsigned ring;
    gyre_put_options options;
    struct gy_content content;
};

/* Takes a lease apart; it is empty afterwards. With GYRE_OK it is this process's. */
static int
use(gyre_lease *lease, struct use *u)
{
    if (lease == NULL || lease->priv[0] == 0)
        return GYRE_EINVAL;
    const gyre_lease was = *lease;
    *lease = NO_LEASE;
    u->cache = (gyre *)(uintptr_t)was.priv[0];
    u->hash = was.priv[1];
    u->token = was.priv[2];
    if (was.priv[3] != gy_os_pid()) /* the parent's: no child ends it */
        return GYRE_ESTALE;
    int error = GYRE_OK;
    u->r = gy_record_to_write(u->cache, &error);
    return u->r == NULL ? error : GYRE_OK;
}

/* Finds the lease of u, for its key, and what the policy knew: with GYRE_OK it is held by the pin for moves. */
static int
find(struct use *u, const void *value, size_t value_size, const gyre_put_options *options)
{
    struct gyre *cache = u->cache;
    int result = gy_put_options_check(&u->options, options, cache->g.flags & GYRE_VERSIONS);
    if (result != GYRE_OK || u->options.flags != 0 || (value == NULL && value_size > 0))
        return GYRE_EINVAL;
    struct gy_found f;
    struct gy_lease_note note;
    gy_atomic_u64 *pin = &u->r->pin[GY_PIN_MOVE];
    if (!gy_lease_find(cache, u->hash, u->token, pin, &f))
        return GYRE_ESTALE;
    gy_lease_read(cache, &f, &note);
    u->ring = note.ring < GY_RINGS ? note.ring : GY_PROBATION;
    u->content = (struct gy_content){.key = gy_entry_key(f.entry, f.header), .key_bytes = f.header.key_bytes,
                                     .value = value, .value_bytes = (uint32_t)value_size,
                                     .user_flags = u->options.user_flags,
                                     .expiry_ms = gy_insert_expiry(cache, u->options.ttl_ms),
                                     .kind = note.kind < GY_KINDS ? note.kind : (uint8_t)GY_KIND_UNKNOWN};
    if (cache->g.flags & GYRE_VERSIONS)
        u->content.version = gy_insert_version(cache, u->r);
    if (value_size <= UINT32_MAX && gy_insert_fits(cache, &u->content)) {
        gy_insert_make_room(cache, u->r, sizeof(struct gy_header) + u->content.key_bytes + value_size, false);
        return GYRE_OK;
    }
    gy_pin_clear(pin);
    return GYRE_E2BIG;
}

/* No value came of it. */
static void
give_up(struct use *u, int result)
{
    gy_count(&u->r->count.puts_rejected, 1);
    if (result != GYRE_ESTALE)
        gy_lease_end(u->cache, u->r, u->hash, u->token);
}

int
gyre_lease_commit(gyre_lease *lease, const void *value, size_t value_size, const gyre_put_options *options)
{
    struct use u;
    int result = use(lease, &u);
    if (result != GYRE_OK)
        return result;
    result = find(&u, value, value_size, options);
    if (result == GYRE_OK) {
        struct gy_aim aim = gy_aim_at(u.cache, u.content.key, u.content.key_bytes, u.hash, GY_PUT_LEASED, u.token);
        result = gy_insert(u.cache, u.r, &aim, u.ring, &u.content);
        gy_pin_clear(&u.r->pin[GY_PIN_MOVE]);
    }
    if (result != GYRE_OK) {
        give_up(&u, result);
        return result;
    }
    gy_count(&u.r->count.puts, 1);
    if (u.options.new_version)
        *u.options.new_version = u.content.version;
    gy_insert_settle(u.cache, u.r, gy_shard_of(u.cache, u.hash));
    return GYRE_OK;
}

int
gyre_lease_reserve(gyre_lease *lease, size_t value_size, const gyre_put_options *options, gyre_draft *draft)
{
    struct use u;
    int result = use(lease, &u);
    if (draft != NULL)
        *draft = (gyre_draft){.data = NULL};
    if (result != GYRE_OK)
        return result;
    result = draft == NULL ? GYRE_EINVAL : find(&u, "", value_size, options);
    if (result == GYRE_OK) {
        u.content.value = NULL;
        u.options.version = u.token;
        result = gy_draft_open(u.cache, u.r, GY_PUT_LEASED, u.ring, &u.content, &u.options, draft);
        gy_pin_clear(&u.r->pin[GY_PIN_MOVE]);
    }
    if (result != GYRE_OK)
        give_up(&u, result);
    return result;
}

void
gyre_lease_abort(gyre_lease *lease)
{
    struct use u;
    if (use(lease, &u) == GYRE_OK)
        gy_lease_end(u.cache, u.r, u.hash, u.token);
}

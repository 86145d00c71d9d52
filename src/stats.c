/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre_stats_read: adds up what the records and books say. */

#include "account.h"
#include "credit.h"
#include "index.h"
#include "note.h"
#include "options.h"
#include "registry.h"

/* All loads relaxed: each number is one of the last moments. */
static void
add_record(const struct gy_counters *c, gyre_stats *s)
{
    s->hits += gy_load_rlx(&c->hits);
    s->misses += gy_load_rlx(&c->misses);
    s->puts += gy_load_rlx(&c->puts);
    s->puts_rejected += gy_load_rlx(&c->puts_rejected);
    s->deletes += gy_load_rlx(&c->deletes);
    s->touches += gy_load_rlx(&c->touches);
    s->copied_entries += gy_load_rlx(&c->copied_entries);
    s->copied_bytes += gy_load_rlx(&c->copied_bytes);
    s->window_conflicts += gy_load_rlx(&c->window_conflicts);
    s->retries += gy_load_rlx(&c->retries);
    s->vanished += gy_load_rlx(&c->vanished);
    s->leases += gy_load_rlx(&c->leases);
    s->leases_passed += gy_load_rlx(&c->leases_passed);
    s->stale_values += gy_load_rlx(&c->stale_values);
    for (unsigned i = 0; i < GYRE_REASONS; i++) {
        s->removed[i] += gy_load_rlx(&c->removed[i]);
        s->removed_bytes[i] += gy_load_rlx(&c->removed_bytes[i]);
    }
}

static uint64_t
age_ms(const gyre *cache, uint64_t tick)
{
    return ((gy_tick_now(cache) - tick) & 0xffffff) << 5;
}

/* Of the owner of a record; this process's where it is no longer known whose it was. (Relaxed: statistics.) */
static uint32_t
pid_of(const gyre *cache, uint64_t owner)
{
    uint32_t name = (uint32_t)(owner >> 32);
    if (name == 0)
        return gy_os_pid();
    if (cache->members == NULL)
        return name;
    uint32_t place = gy_member_place(name);
    return place < cache->g.n_members ? (uint32_t)gy_load_rlx(&cache->members[place].pid) & ~GY_MEMBER_UNLOCKED : 0;
}

static uint32_t
tid_of(uint64_t owner)
{
    return (uint32_t)(owner & ~GY_OWNER_EXPELLED);
}

static void
look_at_owner(const gyre *cache, struct gy_record *r, gyre_stats *s)
{
    uint64_t owner = gy_load_rlx(&r->owner), section = gy_load_rlx(&r->section);
    s->threads += owner != 0;
    if (gy_section_counts(cache, r, section)) {
        uint64_t age = age_ms(cache, section & 0xffffff);
        if (s->oldest_section_pid == 0 || age > s->oldest_section_ms) {
            s->oldest_section_ms = age;
            s->oldest_section_pid = pid_of(cache, owner);
            s->oldest_section_tid = tid_of(owner);
        }
    }
    for (unsigned p = 0; p < GY_PINS; p++) {
        uint64_t pin = gy_load_rlx(&r->pin[p]);
        if (!gy_pin_holds(cache, r, p, pin))
            continue;
        uint64_t age = age_ms(cache, gy_pin_tick(pin));
        s->pins++;
        if (s->oldest_pin_pid == 0 || age > s->oldest_pin_ms) {
            s->oldest_pin_ms = age;
            s->oldest_pin_pid = pid_of(cache, owner);
            s->oldest_pin_tid = tid_of(owner);
        }
    }
}

static void
look_at_members(gyre *cache, gyre_stats *s)
{
    if (cache->members == NULL) {
        s->processes = 1;
        return;
    }
    uint32_t used = (uint32_t)gy_min(gy_load_rlx(&cache->super->n_members_used), cache->g.n_members);
    for (uint32_t i = 0; i < used; i++) {
        enum gy_member_state state = gy_member_state(gy_load_rlx(&cache->members[i].word));
        s->processes += state == GY_MEMBER_JOINED;
        s->expelled += state == GY_MEMBER_EXPELLING || state == GY_MEMBER_EXPELLED;
    }
    uint64_t maintainer = gy_load_rlx(&cache->super->maintainer);
    s->maintainer_pid = maintainer ? pid_of(cache, maintainer) : 0;
}

/* How many of these arenas views and drafts hold; CHUNK at most. (Relaxed: statistics.) */
enum { CHUNK = 1 << 15 };
static uint64_t
held_arenas(gyre *cache, uint32_t first)
{
    uint64_t seen[CHUNK / 64] = {0}, n = 0;
    uint32_t used = (uint32_t)gy_min(gy_load_rlx(&cache->super->n_records_used), cache->g.n_records);
    for (uint32_t i = 0; i < used; i++)
        for (unsigned p = GY_PIN_VIEWS; p < GY_PINS; p++) {
            uint64_t pin = gy_load_rlx(&cache->records[i].pin[p]), arena = gy_pin_arena(pin);
            if (!gy_pin_holds(cache, &cache->records[i], p, pin) || arena < first || arena >= gy_min((uint64_t)first + CHUNK, cache->g.n_arenas))
                continue;
            uint64_t *word = &seen[(arena - first) / 64], bit = (uint64_t)1 << (arena - first) % 64;
            n += !(*word & bit);
            *word |= bit;
        }
    return n;
}

static void
add_arenas(gyre *cache, gyre_stats *s)
{
    for (uint32_t first = 0; first < cache->g.n_arenas; first += CHUNK)
        s->pinned_bytes += held_arenas(cache, first) * cache->arena_bytes;
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_acq(&cache->words[a]);
        enum gy_arena_state state = gy_arena_state(word);
        struct gy_book *book = &cache->books[a];
        s->recovering_bytes += gy_arena_unread(word) ? cache->arena_bytes : 0;
        if (state == GY_FREE || state == GY_OPENING) {
            s->free_bytes += cache->arena_bytes;
            continue;
        }
        if (state == GY_WITHDRAWN)
            continue;
        uint64_t position = gy_load_rlx(&book->position), dead = gy_load_rlx(&book->dead);
        uint64_t used = position & ~GY_CLOSED;
        if (state == GY_OPEN && !(position & GY_CLOSED))
            s->open_bytes += cache->arena_bytes - used;
        if (state != GY_RETIRED && used > dead)
            s->live_bytes += used - dead;
    }
}

static void
add_memory(gyre *cache, gyre_stats *s)
{
    struct gy_super *super = cache->super;
    uint32_t records = gy_load_rlx(&super->n_records_used);
    s->capacity_bytes = cache->g.capacity_bytes;
    s->max_value_bytes = cache->g.max_value_bytes;
    s->index_bytes = gy_load_rlx(&super->index_bytes);
    s->free_bytes = gy_credit(cache);
    add_arenas(cache, s);
    uint64_t parts = s->live_bytes + s->open_bytes + s->free_bytes + s->index_bytes + s->recovering_bytes;
    s->garbage_bytes = s->capacity_bytes > parts ? s->capacity_bytes - parts : 0;
    s->table_bytes = cache->g.records_at + records * sizeof(struct gy_record) +
                     (cache->g.lanes_at + cache->g.n_lanes * sizeof(struct gy_lane) - cache->g.words_at) +
                     (cache->g.index_at - cache->g.history_at);
}

/* Of an arena that was open, or opened, when the last sync began or later: all that was ever written to it. (Relaxed, all here:
 * statistics.) */
static void
look_at_life(gyre *cache, gyre_stats *s)
{
    const struct gy_life *life = &cache->super->life;
    uint64_t synced = gy_load_rlx(&life->synced), now = gy_now_ms(cache), then = gy_load_rlx(&life->synced_ms);
    const struct gy_recovered *recovered = &cache->super->recovered;
    s->recovered_entries = gy_load_rlx(&recovered->entries);
    for (unsigned why = 0; why < GYRE_DROPS; why++) {
        s->dropped[why] = gy_load_rlx(&recovered->dropped[why]);
        s->dropped_bytes[why] = gy_load_rlx(&recovered->dropped_bytes[why]);
    }
    s->recovering = gy_rebuilding(cache);
    s->syncs = gy_load_rlx(&life->syncs);
    s->sync_errors = (uint32_t)gy_min(gy_load_rlx(&life->sync_errors), UINT32_MAX);
    s->sync_age_ms = now > then ? now - then : 0;
    if (gy_load_rlx(&life->clean) == 1)
        return; /* what was pending is on the disk since all have closed it */
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_acq(&cache->words[a]);
        enum gy_arena_state state = gy_arena_state(word);
        if (state == GY_OPEN || ((state == GY_SEALED || state == GY_SWEEPING || state == GY_PARKED) &&
                                 gy_sequence_compare(gy_arena_sequence(word), synced) >= 0))
            s->pending_bytes += gy_load_rlx(&cache->books[a].position) & ~GY_CLOSED;
    }
}

static void
collect(gyre *cache, gyre_stats *s)
{
    struct gy_super *super = cache->super;
    uint32_t records = (uint32_t)gy_min(gy_load_acq(&super->n_records_used), cache->g.n_records);
    for (uint32_t i = 0; i < records; i++) {
        add_record(&cache->records[i].count, s);
        look_at_owner(cache, &cache->records[i], s);
    }
    look_at_members(cache, s);
    uint64_t entries = 0; /* less than none, for moments */
    for (unsigned i = 0; i < cache->g.n_shards; i++)
        entries += (uint64_t)gy_account_entries(cache, i);
    s->entries = (int64_t)entries > 0 ? entries : 0;
    add_memory(cache, s);
    s->start = cache->start;
    if (cache->file)
        look_at_life(cache, s);
    s->sweeps = gy_load_rlx(&super->sweeps);
    s->growths = gy_load_rlx(&super->growths);
    s->grace_periods = gy_load_rlx(&super->grace_periods);
    uint64_t lookups = s->hits + s->misses;
    s->hit_rate_ppm = lookups ? (uint32_t)((double)s->hits / (double)lookups * 1e6) : 0;
}

int
gyre_stats_read(gyre *cache, gyre_stats *stats)
{
    gyre_stats s;
    if (cache == NULL || stats == NULL)
        return GYRE_EINVAL;
    uint32_t bytes = stats->struct_size;
    if (bytes < offsetof(gyre_stats, hits) || bytes > 65536)
        return GYRE_EINVAL;
    memset(&s, 0, sizeof s);
    gy_registry_mended(cache);
    collect(cache, &s);
    if (!cache->region.readonly)
        gy_tick(cache);
    s.unlinked = cache->region.ops->lost(&cache->region);
    s.struct_size = bytes;
    memcpy(stats, &s, bytes < sizeof s ? bytes : sizeof s);
    if (bytes > sizeof s)
        memset((char *)stats + sizeof s, 0, bytes - sizeof s);
    return GYRE_OK;
}

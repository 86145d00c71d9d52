/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process that dies between a change and its count leaves the count wrong for good: by one, for each of its threads.
 * Nobody can be stopped for a recount, so changes are looked at before and after it: if there was none, it is exact. Of
 * arenas few change at a time; of entries so many may that what differs by less than has changed is left alone. */

#include "recount.h"

#include "account.h"
#include "clear.h"
#include "grow.h"
#include "index.h"
#include "maintain.h"

/* Changes of which arenas are free, ever; an odd number of some thread's: it is in the middle of one. */
static uint64_t
arena_changes(struct gyre *cache, bool *in_the_middle)
{
    uint64_t sum = 0;
    uint32_t used = gy_load_seq(&cache->super->n_records_used);
    for (uint32_t i = 0; i < used && i < cache->g.n_records; i++) {
        uint32_t n = gy_load_seq(&cache->records[i].arena_changes);
        *in_the_middle |= (n & 1) != 0 && !gy_record_expelled(&cache->records[i]); /* who comes late asks for another */
        sum += n;
    }
    return sum;
}

static bool
recount_arenas(struct gyre *cache)
{
    bool in_the_middle = false;
    /* model: recount1 */
    uint64_t before = arena_changes(cache, &in_the_middle), n = gy_load_seq(&cache->super->n_free), n_free = 0;
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        n_free += gy_arena_state(gy_load_seq(&cache->words[a])) == GY_FREE; /* model: recount2 */
    if (in_the_middle || arena_changes(cache, &in_the_middle) != before) /* model: recount3 */
        return false;
    if (gy_member_expelled(cache))
        return false; /* another counts */
    gy_add_rlx(&cache->super->n_free, n_free - n); /* what it is off by stays the same, whatever has changed since */
    return true;
}

/* What has come into the index, gone from it, or moved in it, ever. It is counted inside sections. (Relaxed: see below.) */
static uint64_t
entry_changes(struct gyre *cache)
{
    uint64_t sum = 0;
    uint32_t used = gy_load_seq(&cache->super->n_records_used);
    for (uint32_t i = 0; i < used && i < cache->g.n_records; i++) {
        struct gy_counters *count = &cache->records[i].count;
        sum += gy_load_rlx(&count->arrived) + gy_load_rlx(&count->copied_entries);
        for (unsigned reason = 0; reason < GYRE_REASONS; reason++)
            sum += gy_load_rlx(&count->removed[reason]);
    }
    return sum;
}

/* Those who may have changed something and not counted it yet. */
static uint64_t
in_sections(struct gyre *cache)
{
    uint64_t n = 0;
    uint32_t used = gy_load_seq(&cache->super->n_records_used);
    for (uint32_t i = 0; i < used && i < cache->g.n_records; i++)
        /* acquire: what was done in one that has ended */
        n += gy_section_counts(cache, &cache->records[i], gy_load_acq(&cache->records[i].section));
    return n;
}

/* The committed words of a shard; in_ring: added to. */
static uint64_t
count_shard(struct gyre *cache, unsigned number, uint64_t in_ring[GY_RINGS])
{
    struct gy_bucket *base = gy_shard_buckets(cache, number);
    uint64_t n = 0, slots = gy_shard_extent(cache, number) * GY_BUCKET_SLOTS;
    for (uint64_t at = 0; at < slots; at++) {
        uint64_t word = gy_load_acq(&base[at / GY_BUCKET_SLOTS].slot[at % GY_BUCKET_SLOTS]);
        uint32_t arena = gy_ref_arena(cache, gy_slot_ref(word));
        if (word == GY_EMPTY || gy_slot_tentative(word) || arena == UINT32_MAX)
            continue;
        n++;
        in_ring[gy_arena_ring(gy_load_rlx(&cache->words[arena]))]++; /* (Relaxed: it does not change while it is used.) */
    }
    return n;
}

static void
correct(gy_atomic_u64 *count, uint64_t was, uint64_t counted, uint64_t doubt)
{
    uint64_t off = counted - was, distance = (int64_t)off < 0 ? 0 - off : off;
    if (distance > doubt)
        gy_add_seq(count, off);
}

/* Before and after a count; *changes: at the look before. Of somebody whose change is counted, the section shows after the
 * barrier if he is in it yet, and what he changed, if not. False: there was no barrier. */
static bool
look_before(struct gyre *cache, uint64_t *changes, uint64_t *doubt)
{
    *changes = entry_changes(cache);
    if (!gy_barrier(cache))
        return false;
    *doubt = in_sections(cache);
    return true;
}

static bool
look_after(struct gyre *cache, uint64_t changes, uint64_t *doubt)
{
    if (!gy_barrier(cache))
        return false;
    *doubt += in_sections(cache); /* before the changes: who is not seen in one has counted his */
    *doubt += entry_changes(cache) - changes;
    return true;
}

static bool
recount_entries(struct gyre *cache)
{
    struct gy_super *s = cache->super;
    uint64_t was[GY_RINGS], counted[GY_RINGS] = {0}, first, all_doubt;
    if (gy_clear_pending(cache) || !look_before(cache, &first, &all_doubt))
        return false;
    for (unsigned ring = 0; ring < GY_RINGS; ring++)
        was[ring] = gy_load_seq(&s->n_entries[ring]);
    uint64_t late = cache->hands_apart ? 1 + GY_ACCOUNT_AT_ONCE : 1; /* of which a change may be between two counts */
    for (unsigned i = 0; i < cache->g.n_shards; i++) {
        uint64_t before, doubt;
        if (!look_before(cache, &before, &doubt))
            return false;
        uint64_t was_in_it = (uint64_t)gy_account_entries(cache, i), n = count_shard(cache, i, counted);
        if (!look_after(cache, before, &doubt))
            return false;
        correct(&s->shard[i].n_committed, was_in_it, n, doubt * late);
        all_doubt += doubt;
    }
    if (!look_after(cache, first, &all_doubt))
        return false;
    for (unsigned ring = 0; ring < GY_RINGS && cache->g.max_entries; ring++)
        correct(&s->n_entries[ring], was[ring], counted[ring], all_doubt);
    return all_doubt == 0 && !gy_clear_pending(cache);
}

/* He may be about to add to the index, or to what is set aside for it: they are counted when he has gone. */
static bool
somebody_is_expelled(const struct gyre *cache)
{
    uint32_t used = cache->members ? gy_load_acq(&cache->super->n_members_used) : 0;
    for (uint32_t place = 0; place < used && place < cache->g.n_members; place++)
        if (gy_member_state(gy_load_acq(&cache->members[place].word)) >= GY_MEMBER_EXPELLING)
            return true;
    return false;
}

enum { SHARE = 10 }; /* of the time, at most, goes to it */

void
gy_recount(struct gyre *cache)
{
    if (gy_load_acq(&cache->super->recount) == 0)
        return;
    uint64_t now = gy_os_clock_ms();
    if (now < gy_load_rlx(&cache->next_recount_ms)) /* (Relaxed: a time.) */
        return;
    enum gy_maintainer role = gy_maintainer_begin(cache);
    if (role == GY_MAINTAINER_OTHER)
        return;
    gy_store_seq(&cache->super->recount, 0); /* first: a death from here on asks for another */
    bool exact = recount_arenas(cache);
    exact &= somebody_is_expelled(cache) || gy_grow_recount(cache);
    exact &= recount_entries(cache);
    if (!exact)
        gy_store_seq(&cache->super->recount, 1);
    gy_store_rlx(&cache->next_recount_ms, now + (gy_os_clock_ms() - now) * SHARE); /* (Relaxed: as above.) */
    if (role == GY_MAINTAINER_NOW)
        gy_maintainer_end(cache);
}

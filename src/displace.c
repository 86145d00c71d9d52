/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Cuckoo displacement (Pagh and Rodler, 2001), one step deep: where both buckets of a new key are full, a
 * word that stands in its first bucket, which is one of these, goes to its second if that has room. So more
 * keys may go to their first bucket, where they are found with one miss, and yet hardly any insertion
 * evicts for want of a slot.
 *
 * The steps are those by which growth moves a word to its image (migrate, in docs/protocols.md), and hold
 * for the same reasons: whoever scans looks at the first bucket before the second, so a word on its way is
 * met at one of the two. From its second bucket back to its first no word ever goes.
 *
 *   - One thread moves words of a shard at a time: who has the shard's driver, a try-lock that nobody waits
 *     for (CE4). Growth moves words only when no section is left that took the shard for steady.
 *   - Words go to higher buckets only, as images are higher: passes over the index in ascending order
 *     (clear, holes, scans) meet each word that stays.
 *   - A scan must not show a word in two buckets. It says in its record that it is scanning, and looks then
 *     which word is being moved; a displacement says which word it moves, and looks then for scans
 *     (Dekker: all four seq_cst). So the scan knows the one word that may still go, and all later
 *     displacements leave the words where they are. */

#include "displace.h"

#include "grow.h"
#include "move.h"

static bool
scan_under_way(struct gyre *cache)
{
    uint32_t used = gy_load_seq(&cache->super->n_records_used); /* raised before a record's scans */
    used = used < cache->g.n_records ? used : cache->g.n_records;
    for (uint32_t i = 0; i < used; i++)
        if (gy_load_seq(&cache->records[i].scans) != 0 && !gy_record_expelled(&cache->records[i]))
            return true;
    return false;
}

uint64_t
gy_displace_late(struct gy_shard *shard)
{
    return gy_load_seq(&shard->displaced);
}

void
gy_displace_hold(struct gy_record *r)
{
    gy_store_seq(&r->scans, gy_load_rlx(&r->scans) + 1); /* (Relaxed: its own. A visitor may scan, too.) */
}

void
gy_displace_release(struct gy_record *r)
{
    gy_store_rel(&r->scans, gy_load_rlx(&r->scans) - 1); /* what the scan has read, it read before. (Relaxed: its own.) */
}

/* migrate 2 to 4. */
static bool
move_to(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, const struct gy_found *f,
        struct gy_bucket *bucket)
{
    for (unsigned s = 0; s < GY_BUCKET_SLOTS; s++) {
        uint64_t nothing = GY_EMPTY;
        if (gy_load_acq(&bucket->slot[s]) == GY_EMPTY &&
            gy_cas_seq(&bucket->slot[s], &nothing, f->word | GY_T)) /* model: migrate2 */
            return gy_move_finish(cache, r, shard, f, &bucket->slot[s]);
    }
    return false;
}

/* True: the slot has become empty. */
static bool
displace(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, struct gy_bucket *from, gy_atomic_u64 *slot)
{
    uint64_t word = gy_load_acq(slot);
    struct gy_found f;
    bool movable, moved = false;
    if (word == GY_EMPTY || gy_slot_tentative(word))
        return word == GY_EMPTY;
    if (!gy_move_read(cache, r, slot, word, &f))
        return false;
    uint64_t hash = gy_hash(gy_entry_key(f.entry, f.header), f.header.key_bytes, cache->seed);
    struct gy_window w;
    gy_index_window(cache, hash, &w);
    if (!gy_slot_tentative(f.word) && w.n == 2 && w.bucket[0] == from && w.bucket[1] > from &&
        gy_move_hold(cache, r, &f, &movable) && movable) {
        uint64_t mine = hash | 1, was = 0; /* by CAS: who was expelled may come late, and is in nobody's way */
        if (gy_cas_seq(&shard->displaced, &was, mine)) {
            moved = !scan_under_way(cache) && move_to(cache, r, shard, &f, w.bucket[1]);
            gy_cas_seq(&shard->displaced, &mine, 0); /* a scan that reads this reads what was moved */
        }
    }
    gy_pin_clear(&r->pin[GY_PIN_MOVE]);
    return moved;
}

bool
gy_displace(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, const struct gy_window *w)
{
    if (w->n != 2 || !gy_grow_drive(cache, shard))
        return false;
    bool room = false;
    for (unsigned n = 0; n < 2 * GY_BUCKET_SLOTS; n++) {
        uint64_t word = gy_load_acq(&w->bucket[n / GY_BUCKET_SLOTS]->slot[n % GY_BUCKET_SLOTS]);
        gy_move_prefetch(cache, word);
    }
    for (unsigned n = 0; n < 2 * GY_BUCKET_SLOTS && !room; n++) {
        struct gy_bucket *from = w->bucket[n / GY_BUCKET_SLOTS];
        room = displace(cache, r, shard, from, &from->slot[n % GY_BUCKET_SLOTS]);
    }
    gy_grow_undrive(cache, shard);
    return room;
}

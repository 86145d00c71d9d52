/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "proof.h"

struct proof {
    gy_atomic_u64 check, sequence;
};

/* It may reach beyond the arena where the entry is damaged: for who has seen that it does not. */
static struct proof *
proof_at(const struct gyre *cache, uint64_t offset, struct gy_header h)
{
    uint64_t at = offset + gy_entry_bytes(offset, h, cache->g.value_align);
    return (struct proof *)(void *)(cache->region.base + at);
}

/* Of a staged entry: where its thread knows it to end, whatever another has written over its header since. */
static struct proof *
proof_of(const struct gyre *cache, const struct gy_staged *staged)
{
    return (struct proof *)(void *)(gy_at(cache, staged->ref) + staged->bytes - sizeof(struct proof));
}

/* Of an entry in that arena's life, as its header's generation says that it is valid; 0 for the life itself. */
static uint64_t
of_life(const struct gyre *cache, uint64_t opened, uint64_t sequence, uint64_t generation)
{
    const uint64_t what[] = {opened, sequence, generation};
    return gy_hash_three(what, cache->generation);
}

uint32_t
gy_proof_of_life(const struct gyre *cache, uint64_t opened)
{
    return (uint32_t)of_life(cache, opened, 0, UINT64_MAX) | 1;
}

/* All but the kind, which is the policy's, and the generation, which is the life's. */
static uint64_t
of_content(const struct gyre *cache, uint64_t offset, struct gy_header h)
{
    const char *entry = cache->region.base + offset, *value = entry + gy_entry_value_offset(offset, h, cache->g.value_align);
    uint64_t head_bytes = gy_entry_key_offset(h.flags) - sizeof h + h.key_bytes;
    gy_bytes_read(entry + sizeof h, head_bytes), gy_bytes_read(value, h.value_bytes);
    uint64_t of_value = XXH3_64bits_withSeed(value, h.value_bytes, cache->seed);
    h.flags &= GY_ENTRY_KNOWN;
    h.generation = 0;
    return gy_hash_bytes(entry + sizeof h, head_bytes, of_value ^ gy_header_word(h));
}

/* Higher than any before by this thread, and than those of entries of the key that it has met; and than the time, where it has met
 * none. So of two puts of one key that do not overlap, the later has the higher one, unless the first was evicted in between, and
 * voided, in the same millisecond: what has gone before the first of those that met each other was put was put earlier. (Who has
 * met one needs no clock, which takes longer than all else here.) */
static uint64_t
next_sequence(struct gyre *cache, struct gy_record *r, uint64_t met)
{
    enum { A_MILLISECOND = 20 };
    const uint64_t sane = (uint64_t)1 << 50; /* further ahead: it is damaged, or this thread is far behind */
    uint64_t next = r->sequence + 1;
    if (met == 0 || (met >= next && met - next >= sane))
        next = gy_max(next, gy_now_ms(cache) << A_MILLISECOND);
    if (met >= next && met - next < sane)
        next = met + 1;
    return r->sequence = next;
}

uint64_t
gy_proof_sequence(const struct gyre *cache, const struct gy_found *f)
{
    if (gy_entry_is_lease(f->header) || !gy_entry_filled(f->header))
        return 0;
    return gy_load_rlx(&proof_at(cache, gy_slot_ref(f->word) << 3, f->header)->sequence); /* (Relaxed: as above.) */
}

static uint64_t
of_room(const struct gyre *cache, uint64_t offset, struct gy_header h, uint64_t opened)
{
    h.flags &= GY_ENTRY_KNOWN;
    h.generation = 0;
    const uint64_t what[] = {opened, offset, gy_header_word(h)};
    return gy_hash_three(what, cache->seed);
}

uint64_t
gy_proof_of_room_always(struct gyre *cache, const struct gy_staged *staged)
{
    uint64_t offset = staged->ref << 3;
    struct gy_header h = gy_entry_header(gy_at(cache, staged->ref));
    uint64_t check = of_room(cache, offset, h, staged->opened);
    gy_store_rlx(&proof_of(cache, staged)->check, check); /* (Relaxed: published by the word's CAS; or for another life.) */
    return check;
}

bool
gy_proof_of_room_holds(const struct gyre *cache, uint64_t offset, struct gy_header h, uint64_t opened)
{
    return gy_load_rlx(&proof_at(cache, offset, h)->check) == of_room(cache, offset, h, opened); /* (Relaxed: as above.) */
}

bool
gy_proof_of_room_found(const struct gyre *cache, const struct gy_found *f)
{
    /* (Relaxed: constant while the arena is pinned.) */
    return gy_proof_of_room_holds(cache, gy_slot_ref(f->word) << 3, f->header, gy_load_rlx(&cache->books[f->arena].opened));
}

/* Of one that stands at an offset, in an arena of that life, as its header says that it is valid. */
static uint64_t
of_entry(const struct gyre *cache, uint64_t offset, struct gy_header h, uint64_t opened, uint64_t sequence)
{
    return of_content(cache, offset, h) + of_life(cache, opened, sequence, h.generation);
}

/* The same of a staged one; nothing of one whose lengths are not its own any more. */
static uint64_t
of_staged(const struct gyre *cache, const struct gy_staged *staged, struct gy_header h, uint64_t sequence)
{
    uint64_t offset = staged->ref << 3;
    if (gy_unlikely(gy_entry_room(cache, offset, h) != staged->bytes))
        return 0;
    return of_entry(cache, offset, h, staged->opened, sequence);
}

uint64_t
gy_proof_prepare(struct gyre *cache, struct gy_record *r, const struct gy_staged *staged, uint64_t met)
{
    uint64_t sequence = next_sequence(cache, r, met);
    gy_store_rlx(&proof_of(cache, staged)->sequence, sequence); /* (Relaxed: published by the word's CAS.) */
    return of_staged(cache, staged, gy_entry_header(gy_at(cache, staged->ref)), sequence);
}

/* By the header's generation as it was before anybody could void it. */
void
gy_proof_give(struct gyre *cache, const struct gy_staged *staged, uint64_t check)
{
    gy_store_rel(&proof_of(cache, staged)->check, check); /* after the word's CAS */
}

uint64_t
gy_proof_copy(struct gyre *cache, const struct gy_staged *from, uint8_t generation, const struct gy_staged *copy)
{
    char *entry = gy_at(cache, copy->ref);
    struct gy_header h = gy_entry_header(gy_at(cache, from->ref)), its = gy_entry_header(entry);
    uint64_t check = gy_proof_of_room_always(cache, copy);
    if (gy_entry_is_lease(its))
        return check;
    struct proof *proof = proof_of(cache, from);
    uint64_t sequence = gy_load_rlx(&proof->sequence), its_check = gy_load_rlx(&proof->check); /* (Relaxed: as above.) */
    gy_store_rlx(&proof_of(cache, copy)->sequence, sequence);
    if (gy_unlikely(its_check == of_room(cache, from->ref << 3, h, from->opened))) /* its writer has not come to it, or died: it was committed */
        check = of_staged(cache, copy, its, sequence);
    else
        check = its_check - of_life(cache, from->opened, sequence, generation) +
                of_life(cache, copy->opened, sequence, its.generation);
    its.generation ^= h.generation ^ generation;
    gy_entry_set_header(entry, its);
    return check;
}

/* By the arena's generation, not the header's: who tries again, or another beside him, makes no void entry valid. */
void
gy_proof_void_always(struct gyre *cache, const struct gy_found *f)
{
    if (gy_entry_is_lease(f->header) || (gy_doubted(cache) && !gy_entry_there(cache, f)))
        return; /* a damaged word may lead into another's value */
    struct gy_header h = gy_entry_header(f->entry); /* it may say by now that the entry has gone, or that it is void */
    /* (Relaxed: constant while the arena is pinned.) */
    h.generation = gy_arena_generation(gy_load_rlx(&cache->words[f->arena])) ^ UINT8_MAX;
    gy_entry_set_header((char *)(uintptr_t)f->entry, h);
}

bool
gy_proof_holds(const struct gyre *cache, uint64_t offset, struct gy_header h, uint64_t opened, uint64_t *sequence)
{
    struct proof *proof = proof_at(cache, offset, h);
    *sequence = gy_load_rlx(&proof->sequence); /* (Relaxed: this thread is alone, or pins what was published by a CAS.) */
    return gy_load_rlx(&proof->check) == of_entry(cache, offset, h, opened, *sequence);
}

/* Of clears at once, who comes last has the highest. */
void
gy_proof_mark(struct gyre *cache)
{
    struct gy_super *s = cache->super;
    uint64_t mark = gy_load_seq(&s->mark), seen;
    if (!gy_proves(cache))
        return;
    do {
        seen = mark;
        gy_store_seq(&s->life.marked, mark);
        gy_store_seq(&s->life.mark_proved, of_life(cache, mark, 1, UINT64_MAX));
        mark = gy_load_seq(&s->mark); /* after both: another's may have come in between */
    } while (mark != seen);
}

bool
gy_proof_of_mark_holds(const struct gyre *cache, uint64_t mark)
{
    return gy_load_acq(&cache->super->life.mark_proved) == of_life(cache, mark, 1, UINT64_MAX);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Room in the arena that a lane shows, and the entry written there: inline, for puts do it all the time. The essay is in
 * arena.c. */

#ifndef GY_STAGE_H
#define GY_STAGE_H

#include "arena.h"
#include "cache.h"
#include "entry.h"

/* What is to be staged. */
struct gy_staging {
    uint64_t word; /* its header's; as one, for it is stored twice */
    uint64_t head, value_bytes; /* head: bytes before the value, less padding */
    uint64_t value_at;          /* once it has a place */
    uint64_t arena_word;        /* of the arena that was full */
};

/* Reserves room for an entry under a RESERVING pin on an OPEN arena; false when there is not enough. */
static GY_INLINE bool
gy_stage_reserve(struct gyre *cache, uint32_t arena, struct gy_staging *e, uint64_t *offset, uint64_t *bytes)
{
    gy_atomic_u64 *position = &cache->books[arena].position;
    uint64_t base = gy_arena_offset(cache, arena), at = gy_load_acq(position);
    for (;;) {
        if (gy_unlikely(at & GY_CLOSED))
            return false;
        e->value_at = (base + at + e->head + cache->align_less_one) & cache->align_mask; /* as gy_entry_value_offset */
        uint64_t need = ((e->value_at + e->value_bytes + cache->end_more) & ~(uint64_t)(GY_ENTRY_ALIGN - 1)) - base - at;
        if (at + need > cache->arena_bytes)
            return false;
        /* model: reserve */
        if (gy_cas_seq(position, &at, at + need)) { /* else another writer got this room */
            *offset = base + at;
            *bytes = need;
            return true;
        }
    }
}

/* FULL: it is to be sealed, under the pin, and another to be opened, as for ELSEWHERE; AGAIN: look at the lane again. The pin
 * stays where it is. */
enum gy_stage_result { GY_STAGE_DONE, GY_STAGE_FULL, GY_STAGE_ELSEWHERE, GY_STAGE_AGAIN };

/* One attempt in the arena that the lane shows. */
static GY_INLINE enum gy_stage_result
gy_stage_in(struct gyre *cache, gy_atomic_u64 *pin, uint64_t open, struct gy_staging *e, struct gy_staged *out)
{
    uint32_t arena = gy_open_arena(open);
    if (gy_unlikely(arena >= cache->g.n_arenas)) /* as of no word */
        return GY_STAGE_ELSEWHERE;
    /* seq_cst store, seq_cst load: see the essay in arena.c. Checked by: tests/models/pins.pml. */
    uint64_t reserving = gy_pin_word(cache, arena, GY_PIN_RESERVING);
    gy_store_seq(pin, reserving); /* model: writer1 */
    uint64_t word = gy_load_seq(&cache->words[arena]); /* model: writer2 */
    if (gy_unlikely(gy_arena_sequence(word) != open >> GY_ARENA_BITS))
        return GY_STAGE_ELSEWHERE; /* sealed; perhaps already something else */
    if (gy_unlikely(gy_arena_state(word) == GY_OPENING)) {
        gy_cas_seq(&cache->words[arena], &word, gy_arena_with_state(word, GY_OPEN)); /* model: open4 */
        return GY_STAGE_AGAIN;
    }
    if (gy_unlikely(gy_arena_state(word) != GY_OPEN))
        return GY_STAGE_ELSEWHERE;
    uint64_t offset, opened = gy_load_rlx(&cache->books[arena].opened); /* (Relaxed: constant under the pin) */
    if (gy_unlikely(opened < gy_load_acq(&cache->super->mark) || /* of before a clear */
                    !gy_stage_reserve(cache, arena, e, &offset, &out->bytes))) {
        e->arena_word = word;
        return GY_STAGE_FULL;
    }
    const uint64_t unfilled = gy_header_word((struct gy_header){.flags = GY_ENTRY_UNFILLED});
    e->word |= gy_header_word((struct gy_header){.generation = gy_arena_generation(word)});
    gy_entry_set_word(cache->region.base + offset, e->word | unfilled); /* model: header */
    out->pin = pin;
    out->pin_word = gy_pin_of_kind(reserving, GY_PIN_FILLING);
    gy_store_rel(pin, out->pin_word); /* model: filling */
    out->ref = offset >> 3;
    out->arena = arena;
    out->opened = opened;
    return GY_STAGE_DONE;
}

/* The optional words and the key. */
static GY_INLINE void
gy_stage_key(char *entry, uint64_t head, const struct gy_content *content)
{
    size_t n = content->key_bytes;
    if (gy_unlikely(head != sizeof(struct gy_header) + n || !gy_hash_short(n))) {
        gy_entry_fill(entry, content);
        return;
    }
    const char *key = content->key; /* 9 to 16 bytes: the first and the last eight */
    char *to = entry + sizeof(struct gy_header);
    uint64_t first, last;
    gy_bytes_read(key, n);
    gy_bytes_written(to, n);
    memcpy(&first, key, sizeof first), memcpy(&last, key + n - sizeof last, sizeof last);
    memcpy(to, &first, sizeof first), memcpy(to + n - sizeof last, &last, sizeof last);
}

/* Writes the whole entry but, when content->value is NULL, its value. */
static GY_INLINE void
gy_stage_fill(struct gyre *cache, const struct gy_staged *staged, const struct gy_staging *e, const struct gy_content *content)
{
    char *entry = gy_at(cache, staged->ref);
    gy_stage_key(entry, e->head, content); /* model: fill */
    gy_entry_set_word(entry, e->word);
    /* Where the next one will stand: its first locked instruction waits until what was written before is in the cache. */
    gy_prefetch_to_write(entry + staged->bytes + GY_LINE);
    gy_prefetch_to_write(entry + staged->bytes + 2 * GY_LINE);
    if (content->value && content->value_bytes) {
        char *value = cache->region.base + e->value_at;
        gy_bytes_read(content->value, content->value_bytes);
        gy_bytes_written(value, content->value_bytes);
        memmove(value, content->value, content->value_bytes); /* a copy's is an entry's: of a damaged arena, anywhere */
    }
}

#endif

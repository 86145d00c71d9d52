/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "move.h"

#include "account.h"
#include "find.h"

bool
gy_move_read(struct gyre *cache, struct gy_record *r, gy_atomic_u64 *slot, uint64_t word, struct gy_found *f)
{
    if (gy_find_pin(cache, slot, word, &r->pin[GY_PIN_MOVE], f)) /* model: reader1 */
        return true;
    gy_cas_seq(slot, &word, GY_EMPTY); /* damaged, if it is still there: no entry fits where it refers to */
    return false;
}

/* Pin (seq_cst), slot again, then the arena's state (seq_cst). */
bool
gy_move_hold(struct gyre *cache, struct gy_record *r, const struct gy_found *f, bool *movable)
{
    gy_store_seq(&r->pin[GY_PIN_MOVE], gy_pin_word(cache, f->arena, GY_PIN_READ)); /* model: mover1 */
    if (gy_load_acq(f->slot) != f->word) /* model: mover2 */
        return false;
    uint64_t its = gy_load_seq(&cache->words[f->arena]); /* model: mover3 */
    enum gy_arena_state state = gy_arena_state(its);
    *movable = state == GY_OPEN || state == GY_SEALED || gy_arena_read_into(its);
    return true;
}

bool
gy_move_finish(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, const struct gy_found *f,
               gy_atomic_u64 *e)
{
    uint64_t expected = f->word, mine = f->word | GY_T;
    if (!gy_cas_seq(f->slot, &expected, GY_EMPTY)) { /* model: migrate3 */
        gy_cas_seq(e, &mine, GY_EMPTY);              /* model: migrate3undo */
        return false;
    }
    gy_count(&r->count.arrived, 1); /* a recount may meet the word in both slots, or in none */
    uint64_t to = gy_unlikely(gy_record_expelled(r)) ? GY_EMPTY : f->word; /* late, there may be a second mover: CE4 */
    if (!gy_cas_seq(e, &mine, to) || to == GY_EMPTY) { /* model: migrate4 */
        /* A put took it over or killed it, or it was evicted, in between. */
        gy_proof_void(cache, f); /* who took it for his own, in withdrawing, has not */
        gy_account_out(cache, r, shard, f->arena, gy_found_bytes(cache, f), GYRE_REPLACED, false);
    }
    return true;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Reserving room. A writer stores its pin (RESERVING, seq_cst), then loads the arena's word (seq_cst):
 * OPEN, with the opening number that its lane named. A sweep of the arena changes the word first and
 * reads the pins then, so one of the two sees the other. Under the pin the arena cannot be reused, and
 * its position moves by CAS; room is the writer's own from then on. The header is stored next: until
 * then a death would leave a gap of unknown length, and the RESERVING pin says so to whoever reaps it.
 *
 * (A CAS on the position instead of a fetch-add: the size of an entry depends on where it starts when
 * values are aligned, and the exact end of a full arena comes for free. docs/decisions/002.)
 *
 * Installing an arena in a lane comes before OPEN, and any writer that finds it there in OPENING makes
 * it OPEN: an opener that stops or dies between the two holds nobody up. */

#include "cache.h"
#include "entry.h"
#include "proof.h"
#include "reap.h"
#include "space.h"
#include "stage.h"

/* In a shared cache a record says when its thread changes which arenas are free and has not yet brought n_free up to
 * date, or the reverse: gy_recount looks at it. (In a private one, a forked child counts anew.) */
static void
mark_change(struct gyre *cache)
{
    if (cache->members == NULL || gy_seats[0].cache_id != cache->id)
        return;
    gy_atomic_u32 *changes = &gy_seats[0].record->arena_changes;
    gy_store_seq(changes, gy_load_rlx(changes) + 1); /* before the change; (Relaxed: only this thread writes it) */
}

/* And, for the dead, which one it is about to open. */
static void
mark_opening(struct gyre *cache, uint32_t arena, uint64_t opened)
{
    if (cache->members != NULL && gy_seats[0].cache_id == cache->id)
        gy_store_seq(&gy_seats[0].record->opening, gy_open_word(arena, opened & GY_SEQUENCE_MASK)); /* before the claim */
}

/* n_free is counted down first: who finds it too small sweeps, who found it too large would try again and
 * again for an arena that is not there. */
static bool
claim_free(struct gyre *cache, uint32_t arena, uint64_t word, uint64_t taken)
{
    mark_change(cache);
    gy_sub_rlx(&cache->super->n_free, 1); /* model: open1 */
    bool claimed = gy_cas_seq(&cache->words[arena], &word, taken); /* model: open2 */
    if (!claimed)
        gy_add_rlx(&cache->super->n_free, 1);
    mark_change(cache);
    return claimed;
}

static void
give_back(struct gyre *cache, uint32_t arena, uint64_t word)
{
    mark_change(cache);
    /* model: giveback */
    if (gy_cas_seq(&cache->words[arena], &word, gy_arena_with_state(word, GY_FREE)))
        gy_add_rlx(&cache->super->n_free, 1);
    mark_change(cache);
}

/* A clear's mark was drawn before it was stored: one that no number has reached is damage, and no arena would ever be new
 * enough for a put. It becomes a clear of now. */
static GY_SELDOM void
mend_mark(struct gyre *cache, uint64_t now)
{
    uint64_t mark = gy_load_seq(&cache->super->mark);
    if (mark > gy_load_seq(&cache->super->sequence))
        gy_cas_seq(&cache->super->mark, &mark, now);
}

/* The first free one from `a` on, and its word; n_arenas if there is none. */
static uint32_t
next_free(const struct gyre *cache, uint32_t a, uint64_t *word)
{
    const uint32_t n = cache->g.n_arenas;
    for (; a < n; a++) {
        *word = gy_load_acq(&cache->words[a]); /* acquire: the last life's accesses are over */
        if (gy_arena_state(*word) == GY_FREE)
            break;
    }
    return a;
}

/* Takes a free arena and resets its book. Leaves the reserve to sweeps unless urgent. */
static bool
take_free(struct gyre *cache, unsigned ring, unsigned lane, bool urgent, uint32_t *arena, uint64_t *sequence)
{
    struct gy_super *s = cache->super;
    /* (Relaxed: a hint. The CAS below decides; sweeps survive a reserve that is smaller.) */
    if ((int64_t)(gy_load_rlx(&s->n_free) - gy_space_lacking(cache)) <= (urgent ? 0 : (int64_t)cache->g.reserve_arenas))
        return false;
    uint64_t word = 0; /* the lowest: what was never used takes no memory */
    for (uint32_t a = next_free(cache, 0, &word); a < cache->g.n_arenas; a = next_free(cache, a + 1, &word)) {
        if (!gy_space_hoped(cache, a))
            continue;
        uint64_t opened = gy_add_seq(&s->sequence, 1);
        if (gy_unlikely(gy_load_acq(&s->mark) > opened))
            mend_mark(cache, opened);
        uint64_t taken = gy_arena_word(GY_OPENING, ring, lane, gy_arena_generation(word) + 1u, opened);
        mark_opening(cache, a, opened); /* model: opening */
        if (!claim_free(cache, a, word, taken))
            continue;
        if (gy_unlikely(!gy_space_take(cache, a))) {
            give_back(cache, a, taken);
            continue;
        }
        gy_tick(cache);
        /* model: reset */
        struct gy_book *book = &cache->books[a]; /* (Relaxed: published by the CAS that installs it.) */
        gy_store_rel(&book->position, 0); /* a sealer holds no pin: one that is late may close this life's */
        gy_store_rlx(&book->dead, 0);
        gy_store_rlx(&book->progress, 0);
        gy_store_rlx(&book->holed, 0);
        gy_store_rlx(&book->opened, opened);
        gy_proof_own(cache, a, opened);
        gy_store_rlx(&book->clock[0], gy_load_rlx(&s->history_clock));
        *arena = a;
        *sequence = opened & GY_SEQUENCE_MASK;
        return true;
    }
    gy_space_missed(cache);
    return false;
}

/* Closes the position of an open arena and seals it; any number of threads may do so at once. */
static GY_SELDOM void
seal(struct gyre *cache, uint32_t arena, uint64_t word)
{
    gy_atomic_u64 *position = &cache->books[arena].position;
    uint64_t at = gy_load_acq(position);
    while (!(at & GY_CLOSED) && !gy_cas_seq(position, &at, at | GY_CLOSED)) /* model: seal1 */
        ; /* retried because another writer reserved */
    gy_store_rlx(&cache->books[arena].clock[1], gy_load_rlx(&cache->super->history_clock));
    uint64_t number = gy_add_seq(&cache->super->sequence, 1);
    if (gy_cas_seq(&cache->words[arena], &word, /* model: seal2 */
                   gy_arena_word(GY_SEALED, gy_arena_ring(word), gy_arena_lane(word), gy_arena_generation(word),
                                 number)))
        gy_add_rlx(&cache->super->sealed[gy_arena_ring(word)], at & ~GY_CLOSED); /* (Relaxed: steers.) */
}

/* Puts a fresh arena into the lane in place of the one that was seen there. True when the lane has
 * changed, by whomever; false when no arena is to be had. */
static GY_SELDOM bool
open_next(struct gyre *cache, unsigned ring, unsigned lane, uint64_t seen, bool urgent)
{
    uint32_t arena;
    uint64_t sequence;
    if (!take_free(cache, ring, lane, urgent, &arena, &sequence))
        return false;
    uint64_t word = gy_load_acq(&cache->words[arena]);
    /* model: open3 */
    if (!gy_cas_seq(&cache->lanes[lane].open[ring], &seen, gy_open_word(arena, sequence))) {
        give_back(cache, arena, word);
        return true;
    }
    gy_cas_seq(&cache->words[arena], &word, gy_arena_with_state(word, GY_OPEN)); /* model: open4 */
    return true;
}

bool
gy_arena_stage(struct gyre *cache, gy_atomic_u64 *pin, unsigned ring, const struct gy_content *content,
               bool urgent, struct gy_staged *out)
{
    const struct gy_header h = {.value_bytes = content->value_bytes, .key_bytes = content->key_bytes,
                                .flags = gy_content_flags(content)};
    if (gy_unlikely(!gy_entry_surely_fits(cache, content)) && gy_entry_room(cache, 0, h) > cache->arena_bytes)
        return false;
    struct gy_staging e = {.head = gy_entry_key_offset(h.flags) + (uint64_t)h.key_bytes, .value_bytes = h.value_bytes};
    unsigned lane = gy_lane_here(cache);
    gy_atomic_u64 *shown = &cache->lanes[lane].open[ring];
    for (;;) { /* each turn means that an arena was filled, installed or made OPEN by somebody */
        uint64_t open = gy_load_acq(shown);
        e.word = gy_header_word(h);
        enum gy_stage_result result = gy_stage_in(cache, pin, open, &e, out);
        if (gy_likely(result == GY_STAGE_DONE))
            break;
        if (result == GY_STAGE_FULL)
            seal(cache, gy_open_arena(open), e.arena_word);
        gy_pin_clear(pin);
        if (result != GY_STAGE_AGAIN && !open_next(cache, ring, lane, open, urgent))
            return false;
    }
    gy_stage_fill(cache, out, &e, content);
    return true;
}

/* Of who was expelled, a word may stand where the walk of the arena does not look: outside of the window, as it is by now,
 * or in an arena that a clear was said to have emptied. A look at the whole index finds it. */
void
gy_arena_late(struct gyre *cache, const struct gy_staged *staged)
{
    gy_store_seq(&cache->books[staged->arena].holed, 1);
    gy_member_late(cache);
}

void
gy_arena_seal(struct gyre *cache, unsigned lane, unsigned ring)
{
    uint64_t open = gy_load_seq(&cache->lanes[lane].open[ring]);
    uint32_t arena = gy_open_arena(open);
    if (open == 0 || arena >= cache->g.n_arenas)
        return;
    uint64_t word = gy_load_seq(&cache->words[arena]);
    if (gy_arena_sequence(word) != open >> GY_ARENA_BITS)
        return;
    if (gy_arena_state(word) == GY_OPENING) {
        uint64_t as_open = gy_arena_with_state(word, GY_OPEN);
        if (gy_cas_seq(&cache->words[arena], &word, as_open)) /* model: open4 */
            word = as_open;
    }
    if (gy_arena_state(word) == GY_OPEN && gy_arena_sequence(word) == open >> GY_ARENA_BITS)
        seal(cache, arena, word);
}

uint64_t
gy_arena_stamp_pins(struct gyre *cache)
{
    uint64_t stamp = gy_add_seq(&cache->super->sequence, 1);
    uint32_t used = (uint32_t)gy_min(gy_load_seq(&cache->super->n_records_used), cache->g.n_records);
    for (uint32_t i = 0; i < used; i++) {
        for (unsigned p = 0; p < GY_PINS; p++) {
            uint64_t pin = gy_load_seq(&cache->records[i].pin[p]);
            if (gy_pin_arena(pin) >= cache->g.n_arenas || !gy_pin_holds(cache, &cache->records[i], p, pin))
                continue;
            gy_atomic_u64 *at = &cache->books[gy_pin_arena(pin)].pin_stamp;
            uint64_t seen = gy_load_acq(at);
            while (seen < stamp && !gy_cas_seq(at, &seen, stamp))
                ; /* retried because another look at pins stamped it; stamps only rise */
        }
    }
    return stamp;
}

static bool
pinned_from(struct gyre *cache, uint32_t arena, unsigned first_pin)
{
    uint32_t used = (uint32_t)gy_min(gy_load_seq(&cache->super->n_records_used), cache->g.n_records);
    for (uint32_t i = 0; i < used; i++)
        for (unsigned p = first_pin; p < GY_PINS; p++) {
            uint64_t pin = gy_load_seq(&cache->records[i].pin[p]);
            if (gy_pin_arena(pin) == arena && gy_pin_holds(cache, &cache->records[i], p, pin))
                return true;
        }
    return false;
}

bool
gy_arena_pinned(struct gyre *cache, uint32_t arena)
{
    return pinned_from(cache, arena, 0);
}

bool
gy_arena_written(struct gyre *cache, uint32_t arena)
{
    uint32_t used = (uint32_t)gy_min(gy_load_seq(&cache->super->n_records_used), cache->g.n_records);
    for (uint32_t i = 0; i < used; i++)
        for (unsigned p = 0; p < GY_PINS; p++) {
            uint64_t pin = gy_load_seq(&cache->records[i].pin[p]);
            enum gy_pin_kind kind = gy_pin_kind(pin);
            if (pin == 0 || gy_pin_arena(pin) != arena || kind == GY_PIN_SWEEPING)
                continue;
            if (p == GY_PIN_MOVE || kind != GY_PIN_READ)
                return true;
        }
    return false;
}

bool
gy_arena_all_held(struct gyre *cache)
{
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = gy_load_acq(&cache->words[a]);
        if (gy_arena_state(word) != GY_FREE && !gy_arena_withdrawn(word) && !pinned_from(cache, a, GY_PIN_VIEWS))
            return false;
    }
    return true;
}

enum { FREE_BATCH = 64 };

unsigned
gy_arena_free_retired(struct gyre *cache)
{
    uint32_t arena[FREE_BATCH];
    uint64_t word[FREE_BATCH];
    unsigned n = 0, freed = 0;
    uint64_t first_look = gy_arena_stamp_pins(cache); /* so that held arenas do not fill the batch */
    for (uint32_t a = 0; a < cache->g.n_arenas && n < FREE_BATCH; a++) {
        uint64_t w = gy_load_acq(&cache->words[a]);
        /* model: free1 */
        if (gy_arena_state(w) == GY_RETIRED && gy_load_acq(&cache->books[a].pin_stamp) < first_look)
            arena[n] = a, word[n++] = w;
    }
    gy_store_rlx(&cache->super->n_retired, 0); /* what is held is not free soon */
    if (n == 0)
        return 0;
    /* Retired first, then the barrier, then the pins: a reader whose pin is not seen below makes its
     * second look at the slot after the barrier, and finds the slot changed. */
    if (cache->reader_fences)
        gy_fence_seq();
    else if (!gy_barrier(cache)) /* model: free2 */
        return 0;
    uint64_t stamp = gy_arena_stamp_pins(cache); /* model: free3 */
    mark_change(cache);
    for (unsigned i = 0; i < n; i++)
        if (gy_load_acq(&cache->books[arena[i]].pin_stamp) < stamp &&
            /* model: free4 */
            gy_cas_seq(&cache->words[arena[i]], &word[i], gy_arena_with_state(word[i], GY_FREE))) {
            gy_add_rlx(&cache->super->n_free, 1);
            freed++;
        }
    mark_change(cache);
    if (freed < n)
        gy_reap(cache); /* what holds the others may be of the dead */
    return freed;
}

bool
gy_arena_withdraw(struct gyre *cache)
{
    if ((int64_t)gy_load_rlx(&cache->super->n_free) <= (int64_t)cache->g.reserve_arenas) /* (Relaxed: a hint) */
        return false;
    for (uint32_t i = 0; i < cache->g.n_arenas; i++) {
        uint32_t a = cache->sparse ? cache->g.n_arenas - 1 - i : i; /* rather what was never used, and has no bytes */
        uint64_t word = gy_load_acq(&cache->words[a]);
        if (gy_arena_state(word) != GY_FREE ||
            !claim_free(cache, a, word, gy_arena_in_lane(gy_arena_with_state(word, GY_WITHDRAWN), 0))) /* model: withdraw */
            continue;
        cache->region.ops->discard(&cache->region, gy_arena_offset(cache, a), cache->arena_bytes);
        return true;
    }
    return false;
}

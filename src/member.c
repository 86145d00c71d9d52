/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "member.h"

#include "cache.h"
#include "reap.h"

/* (Relaxed, both: released by JOINED, and read again by who sees another word afterwards.) */
static void
write_identity(struct gy_member *m, const struct gy_identity *is, uint32_t who)
{
    gy_store_rlx(&m->pid_ns, is->pid_ns);
    gy_store_rlx(&m->time_ns, is->time_ns);
    gy_store_rlx(&m->boot[0], is->boot[0]);
    gy_store_rlx(&m->boot[1], is->boot[1]);
    gy_store_rlx(&m->start, is->start);
    gy_store_rlx(&m->stack, is->stack);
    gy_store_rlx(&m->pid, who); /* (Relaxed: as above.) */
}

static struct gy_identity
read_identity(struct gy_member *m)
{
    return (struct gy_identity){.pid_ns = gy_load_rlx(&m->pid_ns), .time_ns = gy_load_rlx(&m->time_ns),
                                .boot = {gy_load_rlx(&m->boot[0]), gy_load_rlx(&m->boot[1])},
                                .start = gy_load_rlx(&m->start), .stack = gy_load_rlx(&m->stack),
                                .pid = (uint32_t)gy_load_rlx(&m->pid) & ~GY_MEMBER_UNLOCKED}; /* (Relaxed: as above.) */
}

/* Who looks for the dead looks at places below n_members_used: raised before the claim. */
static void
announce(struct gyre *cache, uint32_t place)
{
    gy_atomic_u32 *used = &cache->super->n_members_used;
    uint32_t seen = gy_load_acq(used);
    while (seen <= place && !gy_cas_seq(used, &seen, place + 1)) /* model: joinannounce */
        ; /* retried because another process joined */
}

/* The lock is held before the claim: who finds a place claimed and its byte free, finds it left by the dead. */
static bool
claim(struct gyre *cache, uint32_t place, const struct gy_identity *is)
{
    struct gy_member *m = &cache->members[place];
    uint64_t word = gy_load_acq(&m->word);
    if (gy_member_state(word) != GY_MEMBER_FREE)
        return false;
    /* model: joinlock */
    enum gy_lock_take lock = cache->locks >= 0 ? gy_process_lock_take(cache->locks, place) : GY_LOCK_NONE;
    if (lock == GY_LOCK_OTHERS)
        return false; /* another process is about to claim it, or a child of the last member holds it */
    uint32_t who = is->pid | (lock == GY_LOCK_NONE ? GY_MEMBER_UNLOCKED : 0);
    uint32_t generation = gy_member_generation(word) + 1;
    generation += (generation & 0xffff) == 0;
    uint64_t joining = gy_member_word(GY_MEMBER_JOINING, generation, who);
    announce(cache, place);
    if (!gy_cas_seq(&m->word, &word, joining)) { /* model: joinclaim */
        gy_process_lock_drop(cache->locks, place);
        return false;
    }
    write_identity(m, is, who); /* model: joinidentity */
    gy_store_rlx(&m->draft_bytes, 0);
    cache->member = gy_member_name(place, joining);
    cache->identity = *is;
    /* model: joined */
    gy_store_rel(&m->word, gy_member_word(GY_MEMBER_JOINED, generation, who)); /* with the identity */
    return true;
}

int
gy_member_join(struct gyre *cache, int file)
{
    /* Before the first pin: from here on the barriers of all members order this process's threads, too. */
    if (!cache->reader_fences && !gy_os_membarrier_register_all())
        return GYRE_EPERM;
    struct gy_identity is;
    gy_process_self(&is);
    if (cache->locks < 0 && file >= 0)
        cache->locks = gy_process_lock_open(file);
    cache->locks_file = gy_process_file(cache->locks);
    for (uint32_t place = 0; place < cache->g.n_members; place++)
        if (claim(cache, place, &is)) {
            gy_reap_now(cache); /* whom nobody was left to clear up after */
            return GYRE_OK;
        }
    gy_process_lock_close(cache->locks);
    cache->locks = -1;
    return GYRE_EBUSY;
}

/* Where the parent had the region; its own parent had it at .next. In what was its records, of which no view knows. */
struct inherited {
    char *next;
};

static char **
next_of(const struct gyre *cache, char *base)
{
    return &((struct inherited *)(void *)(base + cache->g.records_at))->next;
}

/* A program that closes all descriptors may have opened a file of its own under the number. */
static bool
is_ours(const struct gyre *cache, int locks)
{
    uint64_t file = gy_process_file(locks); /* 0: it cannot be told; then most likely there is none */
    return locks >= 0 && (file == 0 || cache->locks_file == 0 || file == cache->locks_file);
}

void
gy_member_forget(struct gyre *cache)
{
    int inherited = cache->locks; /* its locks are the parent's for as long as any process has it open */
    cache->locks = -1;
    if (is_ours(cache, inherited)) {
        cache->locks = gy_process_lock_open(inherited);
        gy_process_lock_close(inherited);
    }
    cache->member = 0;
    gy_store_rlx(&cache->clearing, 0); /* (Relaxed: this thread is alone.) What it was at stays as it is. */
    char *parents = cache->region.base;
    char *mine = gy_os_map_again(parents, cache->region.bytes, cache->region.alignment, cache->g.records_at,
                                 cache->g.words_at - cache->g.records_at);
    cache->usable = mine != NULL;
    if (mine != NULL) {
        *next_of(cache, parents) = cache->inherited;
        cache->inherited = parents;
        cache->region.base = mine;
        gy_cache_settle(cache);
    }
    gy_store_rlx(&cache->next_look_ms, 0); /* (Relaxed: this thread is alone.) */
}

int
gy_member_join_again(struct gyre *cache)
{
    return cache->usable ? gy_member_join(cache, -1) : GYRE_ENOMEM;
}

void
gy_member_leave(struct gyre *cache)
{
    while (cache->inherited != NULL) {
        char *base = cache->inherited;
        cache->inherited = *next_of(cache, base);
        gy_os_unmap(base, cache->region.bytes);
    }
    if (cache->member == 0)
        return;
    uint32_t place = gy_member_place(cache->member);
    struct gy_member *m = &cache->members[place];
    uint64_t word = gy_load_acq(&m->word);
    uint64_t leaving = gy_member_word(GY_MEMBER_LEAVING, gy_member_generation(word), cache->member);
    if (gy_member_expelled(cache))
        gy_member_late(cache); /* of all its calls: there are none under way now */
    /* model: memberleave */
    while (gy_member_state(word) != GY_MEMBER_LEAVING && gy_member_name(place, word) == cache->member)
        if (gy_cas_seq(&m->word, &word, leaving)) { /* retried because another expels this one */
            gy_reap_member(cache, place, leaving);
            break;
        }
    cache->member = 0;
    if (is_ours(cache, cache->locks))
        gy_process_lock_close(cache->locks);
    cache->locks = -1;
}

bool
gy_member_dead(struct gyre *cache, uint32_t place, uint64_t word)
{
    struct gy_member *m = &cache->members[place];
    enum gy_member_state state = gy_member_state(word);
    if (state == GY_MEMBER_FREE)
        return false;
    uint32_t who = state == GY_MEMBER_JOINING ? gy_member_who(word) : (uint32_t)gy_load_rlx(&m->pid); /* (Relaxed: as above.) */
    bool unlocked = who & GY_MEMBER_UNLOCKED, dead;
    /* model: provelock */
    enum gy_lock lock = unlocked ? GY_LOCK_UNKNOWN : gy_process_lock_look(cache->locks, place);
    if (state == GY_MEMBER_JOINING) { /* it has not told who it is, nor in which namespace */
        dead = lock == GY_LOCK_FREE;
    } else {
        struct gy_identity is = read_identity(m);
        dead = gy_process_dead(&cache->identity, &is, lock); /* model: proveprocess */
    }
    /* model: proveagain */
    return dead && gy_load_acq(&m->word) == word; /* what was looked at was of this one */
}

bool
gy_member_expelled(const struct gyre *cache)
{
    if (gy_likely(cache->members == NULL) || cache->member == 0)
        return false;
    /* seq_cst: after the claim of a record. Who expels does the reverse: the word, then all records. */
    return gy_member_state(gy_load_seq(&cache->members[gy_member_place(cache->member)].word)) >= GY_MEMBER_EXPELLING;
}

/* FREE, where the place has another's name or none. */
static uint64_t
word_of(const struct gyre *cache, uint32_t name)
{
    uint32_t place = gy_member_place(name);
    uint64_t word = place < cache->g.n_members ? gy_load_acq(&cache->members[place].word) : 0;
    return gy_member_name(place, word) == name ? word : 0;
}

bool
gy_member_revoked(const struct gyre *cache, uint32_t name)
{
    uint64_t word = word_of(cache, name);
    uint32_t by = gy_member_who(word);
    if (gy_member_state(word) == GY_MEMBER_LEAVING && by != name)
        word = word_of(cache, by); /* the dead have no use for it, and who clears up may do so late: theirs stays theirs */
    return gy_member_state(word) == GY_MEMBER_EXPELLED;
}

int
gy_member_late(struct gyre *cache)
{
    gy_store_seq(&cache->super->recount, 1);
    return GYRE_ESTALE;
}

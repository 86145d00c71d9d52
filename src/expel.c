/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre_expel: giving up on a process that is stopped, at whatever instruction, and may come back and execute the rest of its
 * call. To the others it is dead as to what it holds, and alive as to what it may still write
 * (docs/protocols.md, section 14, has all that it may write late, and why none of it does harm):
 *
 *   1 JOINED -> EXPELLING: its threads get no more records.
 *   2 GY_OWNER_EXPELLED in the owner of each of its records, by CAS. Its threads ask for the mark after they have read
 *     what they hand out, and before they make a word committed.
 *   3 A membarrier. All that it executes after it comes after the marks: who asks and finds none has done all before.
 *   4 EXPELLING -> EXPELLED: its sections and the pins of its views are passed over from now on, by all.
 *   5 Its roles and the arenas that it swept pass on: reap.c. Whoever looks for the dead does this again, for what it
 *     may take before it finds out.
 *
 * Place, records and the pins under which it writes stay its own until it has closed the cache, or its death is proved. Who
 * expels may die, or be expelled, between any two steps: another gyre_expel goes on. */

#include "expel.h"

#include "reap.h"
#include "registry.h"

/* 2. A record that is given back meanwhile is of a thread that has no more to do; one that is claimed has an owner who
 * looks at the member after that. */
static void
mark_records(struct gyre *cache, uint32_t name)
{
    uint32_t used = (uint32_t)gy_min(gy_load_seq(&cache->super->n_records_used), cache->g.n_records);
    for (uint32_t i = 0; i < used; i++) {
        gy_atomic_u64 *at = &cache->records[i].owner;
        uint64_t owner = gy_load_seq(at);
        while (owner >> 32 == name && !(owner & GY_OWNER_EXPELLED) && !gy_cas_seq(at, &owner, owner | GY_OWNER_EXPELLED))
            ; /* retried because its thread gave it back, or another expels, too */
    }
}

int
gy_expel(struct gyre *cache, uint32_t place, uint64_t word)
{
    struct gy_member *m = &cache->members[place];
    uint32_t name = gy_member_name(place, word), who = gy_member_who(word);
    uint64_t expelling = gy_member_word(GY_MEMBER_EXPELLING, gy_member_generation(word), who);
    uint64_t expelled = gy_member_word(GY_MEMBER_EXPELLED, gy_member_generation(word), who);
    if (gy_member_state(word) == GY_MEMBER_JOINED && !gy_cas_seq(&m->word, &word, expelling) && word != expelling) /* expel 1 */
        return GYRE_OK; /* it leaves, or has died; or another has expelled it */
    if (gy_member_state(word) != GY_MEMBER_EXPELLED) {
        mark_records(cache, name);
        if (cache->reader_fences)
            gy_fence_seq();
        else if (!gy_barrier(cache)) /* expel 3 */
            return GYRE_EIO;
        gy_cas_seq(&m->word, &expelling, expelled); /* expel 4 */
    }
    gy_reap_expelled(cache, place, name);
    gy_store_seq(&cache->super->recount, 1);
    return GYRE_OK;
}

/* A process of this PID namespace with that number, which has the cache open. */
static bool
is_it(const struct gyre *cache, uint32_t place, uint64_t word, uint32_t pid)
{
    struct gy_member *m = &cache->members[place];
    enum gy_member_state state = gy_member_state(word);
    bool open = state == GY_MEMBER_JOINED || state == GY_MEMBER_EXPELLING || state == GY_MEMBER_EXPELLED;
    bool here = gy_load_rlx(&m->pid_ns) == cache->identity.pid_ns; /* (Relaxed: acquired with the word.) */
    return open && here && (gy_member_who(word) & ~GY_MEMBER_UNLOCKED) == pid;
}

int
gyre_expel(gyre *cache, uint32_t pid)
{
    if (cache == NULL || cache->region.readonly)
        return cache == NULL ? GYRE_EINVAL : GYRE_EPERM;
    if (cache->members == NULL || pid == 0 || pid == gy_os_pid())
        return GYRE_EINVAL;
    int result = gy_registry_mended(cache);
    if (result == GYRE_OK && gy_member_expelled(cache))
        result = GYRE_ESTALE;
    if (result != GYRE_OK)
        return result;
    result = GYRE_ENOENT;
    uint32_t used = (uint32_t)gy_min(gy_load_acq(&cache->super->n_members_used), cache->g.n_members);
    for (uint32_t place = 0; place < used && (result == GYRE_OK || result == GYRE_ENOENT); place++) {
        uint64_t word = gy_load_acq(&cache->members[place].word);
        if (is_it(cache, place, word, pid))
            result = gy_expel(cache, place, word);
    }
    return result;
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "credit.h"
#include "members.h"

#include "index.h"
#include "processes.h"
#include "scheduler.h"

/* Of whom it is the name, by the process's number; 0: nobody's. */
static uint32_t
pid_of(gyre *cache, uint32_t name)
{
    uint32_t place = gy_member_place(name);
    bool is = place < cache->g.n_members && gy_member_name(place, memory_raw(&cache->members[place].word, 8)) == name;
    return is ? (uint32_t)memory_raw(&cache->members[place].pid, 8) : 0;
}

/* Of a member that lives. */
static bool
is_name(gyre *cache, uint32_t name)
{
    uint32_t place = gy_member_place(name);
    if (name == 0 || place >= cache->g.n_members)
        return false;
    uint64_t word = gy_load_acq(&cache->members[place].word);
    return gy_member_state(word) == GY_MEMBER_JOINED && gy_member_name(place, word) == name;
}

static void
check_role(gyre *cache, const char *what, const gy_atomic_u64 *role, bool may_be_held)
{
    uint64_t holder = gy_load_acq((gy_atomic_u64 *)(uintptr_t)role);
    if (holder != 0 && !(may_be_held && is_name(cache, (uint32_t)(holder >> 32))))
        sched_violation("%s is %llx in the end", what, (unsigned long long)holder);
}

static bool
is_of(const gy_atomic_u64 *role, uint32_t name)
{
    return memory_raw(role, sizeof *role) >> 32 == name;
}

/* What still bears its name; NULL: nothing. */
static const char *
left_of(gyre *cache, uint32_t name)
{
    const struct gy_super *s = cache->super;
    for (uint32_t i = 0; i < memory_raw(&s->n_records_used, sizeof s->n_records_used); i++)
        if (is_of(&cache->records[i].owner, name))
            return "a record";
    for (uint32_t a = 0; a < cache->g.n_arenas; a++) {
        uint64_t word = memory_raw(&cache->words[a], sizeof word);
        if (gy_arena_state(word) == GY_SWEEPING && gy_arena_lane(word) == gy_member_place(name) + 1)
            return "an arena in SWEEPING";
    }
    const struct gy_shard *shard = &s->shard[0];
    if (memory_raw(&shard->driver, 8) == 0 && memory_raw(&shard->displaced, 8) != 0)
        return "a word on its way"; /* nobody drives: it is nobody else's */
    bool role = is_of(&s->shard[0].driver, name) || is_of(&s->maintainer, name);
    return role ? "a role" : NULL;
}

static bool
lives(uint32_t pid)
{
    unsigned process = (pid & ~GY_MEMBER_UNLOCKED) - PID_FIRST;
    return process < PROCESSES_MOST && !process_is_dead(process);
}

void
members_updated(gyre *cache, const volatile void *at, uint64_t from, uint64_t to)
{
    static const uint8_t legal[] = { /* bits: the states that may follow */
        [GY_MEMBER_FREE] = 1 << GY_MEMBER_JOINING,
        [GY_MEMBER_JOINING] = 1 << GY_MEMBER_LEAVING,
        [GY_MEMBER_JOINED] = 1 << GY_MEMBER_LEAVING | 1 << GY_MEMBER_EXPELLING,
        [GY_MEMBER_EXPELLING] = 1 << GY_MEMBER_LEAVING | 1 << GY_MEMBER_EXPELLED,
        [GY_MEMBER_EXPELLED] = 1 << GY_MEMBER_LEAVING,
        [GY_MEMBER_LEAVING] = 1 << GY_MEMBER_LEAVING | 1 << GY_MEMBER_FREE,
    };
    size_t offset = (size_t)((const volatile char *)at - (const volatile char *)cache->members);
    uint32_t place = (uint32_t)(offset / sizeof(struct gy_member));
    if (cache->members == NULL || place >= cache->g.n_members || at != &cache->members[place].word)
        return;
    enum gy_member_state was = gy_member_state(from), is = gy_member_state(to);
    uint32_t name = gy_member_name(place, from);
    if (!(legal[was] >> is & 1))
        sched_violation("the place %u of a member went from state %d to %d", place, was, is);
    bool of_another = is == GY_MEMBER_LEAVING && gy_member_who(to) != name;
    uint32_t pid = (uint32_t)memory_raw(&cache->members[place].pid, sizeof(uint64_t));
    if (of_another && was != GY_MEMBER_LEAVING && lives(was != GY_MEMBER_JOINING ? pid : gy_member_who(from)))
        sched_violation("the member in place %u lives, and another clears up after it", place);
    if (of_another && was == GY_MEMBER_LEAVING && lives(pid_of(cache, gy_member_who(from))))
        sched_violation("who clears up in place %u lives, and another begins", place);
    const char *left = is == GY_MEMBER_FREE ? left_of(cache, name) : NULL;
    if (left != NULL)
        sched_violation("place %u becomes free, and %s is of its last member", place, left);
}

static void
check_places(gyre *cache)
{
    for (uint32_t place = 0; place < cache->g.n_members; place++) {
        struct gy_member *m = &cache->members[place];
        uint64_t word = gy_load_acq(&m->word);
        if (gy_load_acq(&m->draft_bytes) != 0)
            sched_violation("drafts of the member in place %u hold bytes in the end", place);
        if (gy_member_state(word) == GY_MEMBER_FREE)
            continue;
        if (place >= gy_load_acq(&cache->super->n_members_used))
            sched_violation("place %u is used, and nobody looks there for the dead", place);
        if (gy_member_state(word) != GY_MEMBER_JOINED || process_is_dead((unsigned)gy_load_acq(&m->pid) - PID_FIRST))
            sched_violation("place %u is left in state %d", place, gy_member_state(word));
    }
}

static void
check_records(gyre *cache)
{
    for (uint32_t i = 0; i < gy_load_acq(&cache->super->n_records_used); i++) {
        struct gy_record *r = &cache->records[i];
        uint64_t owner = gy_load_acq(&r->owner);
        if (owner != 0 && !is_name(cache, (uint32_t)(owner >> 32)))
            sched_violation("record %u belongs to %llx, who is no member", i, (unsigned long long)owner);
        if (gy_load_acq(&r->section) != 0 || gy_load_acq(&r->scans) != 0 || gy_load_acq(&r->arena_changes) % 2 != 0)
            sched_violation("record %u is left in a section, a scan or a change", i);
    }
}

static void
check_bytes(gyre *cache)
{
    uint64_t arenas = 0, index = gy_shard_extent(cache, 0) * sizeof(struct gy_bucket);
    for (uint32_t a = 0; a < cache->g.n_arenas; a++)
        arenas += gy_arena_state(gy_load_acq(&cache->words[a])) != GY_WITHDRAWN;
    uint64_t all = (arenas << cache->g.arena_shift) + index + gy_credit(cache);
    if (index != gy_load_acq(&cache->super->index_bytes) || all != cache->g.capacity_bytes)
        sched_violation("index and arenas are %llu bytes of %llu; the index has %llu, %llu are counted",
                        (unsigned long long)all, (unsigned long long)cache->g.capacity_bytes, (unsigned long long)index,
                        (unsigned long long)gy_load_acq(&cache->super->index_bytes));
}

void
members_check(gyre *cache)
{
    const struct gy_super *s = cache->super;
    check_places(cache);
    check_records(cache);
    check_role(cache, "the driver of growth", &s->shard[0].driver, false);
    check_role(cache, "the word that is displaced", &s->shard[0].displaced, false);
    check_role(cache, "the maintainer", &s->maintainer, true);
    check_bytes(cache);
}

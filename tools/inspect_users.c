/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Who uses a cache: members, records with sections and pins, roles. That somebody is dead is no damage: the next member
 * clears up. What belongs to nobody is: nobody ever would. */

#include "inspect_parts.h"
#include "member.h"

/* Is the owner of a record, or of a role, a process that has the cache open, or had, and was not cleared up after? */
static bool
is_member(const struct inspect *i, uint64_t owner)
{
    const struct gyre *c = i->cache;
    uint32_t name = (uint32_t)(owner >> 32), place = gy_member_place(name);
    if (c->members == NULL)
        return true; /* it names a process, which cannot be asked */
    if (name == 0 || place >= c->g.n_members)
        return false;
    uint64_t word = gy_load_acq(&c->members[place].word);
    return gy_member_state(word) != GY_MEMBER_FREE && gy_member_name(place, word) == name;
}

static bool
wrong_member(struct inspect *i, uint64_t n)
{
    const struct gyre *c = i->cache;
    struct gy_member *m = &c->members[n];
    uint64_t word = gy_load_acq(&m->word), pid = gy_load_acq(&m->pid);
    uint32_t used = gy_load_acq(&c->super->n_members_used);
    enum gy_member_state state = gy_member_state(word);
    if (gy_load_acq(&m->word) != word)
        return false;
    inspect_place(i, "member %llu", (unsigned long long)n + 1);
    if (state != GY_MEMBER_FREE && n >= used)
        return inspect_what(i, "is not among the first %u, which are in use", used);
    if (state != GY_MEMBER_FREE && gy_member_generation(word) == 0)
        return inspect_what(i, "has no name");
    if (state > GY_MEMBER_EXPELLED)
        return inspect_what(i, "is in state %u, which there is not", state);
    bool told = state == GY_MEMBER_JOINED || state == GY_MEMBER_EXPELLING || state == GY_MEMBER_EXPELLED;
    if (told && gy_member_who(word) != pid)
        return inspect_what(i, "is process %u, and process %llu", gy_member_who(word), (unsigned long long)pid);
    if (state == GY_MEMBER_LEAVING && gy_member_place(gy_member_who(word)) >= c->g.n_members)
        return inspect_what(i, "is cleared up after by nobody that could be");
    return false;
}

static bool
wrong_record(struct inspect *i, uint64_t n)
{
    const struct gyre *c = i->cache;
    struct gy_record *r = &c->records[n];
    uint64_t owner = gy_load_acq(&r->owner), section = gy_load_acq(&r->section), first_pin = 0;
    unsigned pins = 0;
    inspect_place(i, "record %llu", (unsigned long long)n);
    for (unsigned p = 0; p < GY_PINS; p++) {
        uint64_t pin = gy_load_acq(&r->pin[p]);
        if (pin != 0 && gy_pin_arena(pin) >= c->g.n_arenas)
            return inspect_what(i, "pin %u is on arena %u of %u", p, gy_pin_arena(pin), c->g.n_arenas);
        pins += pin != 0;
        first_pin = first_pin ? first_pin : pin;
    }
    if (c->members != NULL && section >> 24 > gy_load_acq(&c->super->epoch))
        return inspect_what(i, "its section is of epoch %llu, which has not come", (unsigned long long)(section >> 24));
    if (owner != 0 && !is_member(i, owner))
        return inspect_what(i, "belongs to %#llx, which is no process that has it open", (unsigned long long)owner);
    if (owner == 0 && section != 0)
        return inspect_what(i, "has a section open, and no owner");
    if (owner == 0 && pins != 0 && c->members != NULL)
        return inspect_what(i, "has %u pins, one on arena %u, and no owner", pins, gy_pin_arena(first_pin));
    if ((owner | section) != 0 && n >= gy_load_acq(&c->super->n_records_used))
        return inspect_what(i, "is not among the first %u, which are in use", gy_load_acq(&c->super->n_records_used));
    return false;
}

/* Drivers of shards, then those of the whole cache. */
static bool
wrong_role(struct inspect *i, uint64_t n)
{
    struct gy_super *s = i->cache->super;
    uint32_t shards = i->cache->g.n_shards;
    gy_atomic_u64 *role = n < shards ? &s->shard[n].driver : &s->maintainer;
    uint64_t holder = gy_load_acq(role);
    if (n < shards)
        inspect_place(i, "shard %llu, driver", (unsigned long long)n);
    else
        inspect_place(i, "head, %s", "maintainer");
    return holder != 0 && !is_member(i, holder) &&
           inspect_what(i, "is %#llx, which is no process that has it open", (unsigned long long)holder);
}

/* As a member would: who looks is none, but the file tells him of locks. */
static void
count_dead(struct inspect *i)
{
    struct gyre as_member = *i->cache;
    gy_process_self(&as_member.identity);
    as_member.locks = as_member.region.fd;
    for (uint32_t n = 0; n < as_member.g.n_members; n++) {
        uint64_t word = gy_load_acq(&as_member.members[n].word);
        if (gy_member_state(word) == GY_MEMBER_FREE)
            continue;
        i->report->members++;
        i->report->members_dead += gy_member_dead(&as_member, n, word);
    }
}

static bool
wrong_use(struct inspect *i, uint64_t n)
{
    struct gy_super *s = i->cache->super;
    uint32_t used = n == 0 ? gy_load_acq(&s->n_records_used) : gy_load_acq(&s->n_members_used);
    uint32_t most = n == 0 ? i->cache->g.n_records : i->cache->g.n_members;
    inspect_place(i, "head, %s in use", n == 0 ? "records" : "members");
    return used > most && inspect_what(i, "counts %u of %u", used, most);
}

void
inspect_users(struct inspect *i)
{
    const struct gyre *c = i->cache;
    for (unsigned n = 0; n < 2; n++)
        inspect_judge(i, wrong_use, n);
    for (uint32_t n = 0; n < c->g.n_members; n++)
        inspect_judge(i, wrong_member, n);
    for (uint32_t n = 0; n < c->g.n_records; n++) {
        inspect_judge(i, wrong_record, n);
        i->report->records += gy_load_acq(&c->records[n].owner) != 0;
        for (unsigned p = 0; p < GY_PINS; p++)
            i->report->pins += gy_load_acq(&c->records[n].pin[p]) != 0;
    }
    for (uint32_t n = 0; n < c->g.n_shards + 1; n++)
        inspect_judge(i, wrong_role, n);
    if (c->members != NULL)
        count_dead(i);
}

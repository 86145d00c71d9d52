/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Members: the processes that have a shared cache open. Each has a place in a table of the region, claimed by CAS, and
 * a name that is never used for another: place and generation. Records and roles bear the name of their member, so that
 * they can be taken from the dead. A private cache has no members.
 *
 *   FREE -> JOINING      claimed; the byte of its lock is held before
 *   JOINING -> JOINED    it can be told who it is
 *   -> LEAVING           by the member itself, or by who has proved its death: he alone clears up after it. When
 *                        he dies, too, who proves that takes over, and does all of it again
 *   LEAVING -> FREE      nothing in the region bears its name
 *   JOINED -> EXPELLING  given up by gyre_expel: it may claim nothing more, and its records are being marked
 *   EXPELLING -> EXPELLED  every instruction that it executes from now on comes after the marks: what it held is
 *                        others' (expel.h). Place and records stay its own until LEAVING
 *
 * A word: state (3 bits), generation (16), and 32 bits: the pid, with GY_MEMBER_UNLOCKED where no lock could be had, so
 * that nobody takes its absence for death; when LEAVING, the name of who clears up. */

#ifndef GY_MEMBER_H
#define GY_MEMBER_H

#include "atomic.h"
#include "base.h"
#include "process.h"

enum { GY_MEMBERS = 1024 };
#define GY_MEMBER_UNLOCKED ((uint32_t)1 << 31)
enum gy_member_state {
    GY_MEMBER_FREE, GY_MEMBER_JOINING, GY_MEMBER_JOINED, GY_MEMBER_LEAVING, GY_MEMBER_EXPELLING, GY_MEMBER_EXPELLED
};

struct gy_member {
    _Alignas(GY_LINE) gy_atomic_u64 word;
    gy_atomic_u64 pid_ns, time_ns, boot[2], start, stack; /* (Relaxed, with pid: released by JOINED.) */
    gy_atomic_u64 pid; /* as in the word */
    _Alignas(GY_LINE) gy_atomic_u64 draft_bytes; /* (Relaxed: a bound that calls in flight may pass.) */
};

static inline uint64_t
gy_member_word(enum gy_member_state state, uint32_t generation, uint32_t who)
{
    return (uint64_t)state | (uint64_t)(generation & 0xffff) << 3 | (uint64_t)who << 19;
}

static inline enum gy_member_state
gy_member_state(uint64_t word)
{
    return (enum gy_member_state)(word & 7);
}

static inline uint32_t
gy_member_generation(uint64_t word)
{
    return (uint32_t)(word >> 3) & 0xffff;
}

static inline uint32_t
gy_member_who(uint64_t word)
{
    return (uint32_t)(word >> 19);
}

/* Never 0. */
static inline uint32_t
gy_member_name(uint32_t place, uint64_t word)
{
    return gy_member_generation(word) << 16 | (place + 1);
}

static inline uint32_t
gy_member_place(uint32_t name) /* name != 0 */
{
    return (name & 0xffff) - 1;
}

struct gyre;

/* Makes this process a member: file is the region's, -1 when it has none. Before its threads claim records. GYRE_OK;
 * GYRE_EBUSY: no place is left; GYRE_EPERM: it cannot order memory as the region was created for. */
int gy_member_join(struct gyre *cache, int file);

/* In a forked child, before anything else: it is not the member that its parent is. It gets a mapping of its own. In the
 * inherited one, records read as zero from now on: views and drafts of the parent refer to them, and their release
 * here finds nothing to release. Their bytes may be read for as long as the parent holds them. */
void gy_member_forget(struct gyre *cache);

/* In a forked child, before its first operation: gy_member_join, or GYRE_ENOMEM when there was no room for a mapping. */
int gy_member_join_again(struct gyre *cache);

/* Gives back what the process holds, and its place. */
void gy_member_leave(struct gyre *cache);

/* Has this process been expelled, or is it being? Asked after what must not be late: gy_record_expelled. */
bool gy_member_expelled(const struct gyre *cache);

/* The answer, GYRE_ESTALE, of a call that began before its process was expelled and has ended since: others may have counted
 * anew in between, and are to do so again. */
int gy_member_late(struct gyre *cache);

/* Has what the member of that name held been given to others? It was expelled; or is dead, and an expelled one clears up. */
bool gy_member_revoked(const struct gyre *cache, uint32_t name);

/* Is it proved that the member in that place, whose word was loaded, is no more? */
bool gy_member_dead(struct gyre *cache, uint32_t place, uint64_t word);

#endif

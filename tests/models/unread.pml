/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* unread.pml - an arena that is to be read: who claims it, gives it up, seals, sweeps and frees it; and the end of
 * the notes.
 *
 * A transition is one shared access; sequentially consistent. One arena of one entry; a slot refers to it or not. Members
 * 1 to NM read it when they find it to be read. STOP: member 1 is expelled at any time, and goes on late, or never. DIE: it
 * may die at any step, and is cleared up after. ROOM: one gives the arena up for room. One sweeps it when it is sealed,
 * frees it, and opens it for another life. One says that it is over when no arena is left, and one writes a note at any
 * time.
 *
 * Checked: one reads it at a time, but for who was expelled; nobody looks at its bytes or writes its book in another life;
 * it is sealed, and counted, once; when it is RETIRED no slot refers to it, and none does later (I5); when it is over it was
 * read or given up; in the end it is over, no note is left, and the entry was brought in, unless the arena was given up, or
 * an expelled one was at it.
 *
 * Mutations that must fail:
 *   CLAIMBLIND claimed by a store              CLAIMANY  from another reader, too
 *   GIVEBLIND  given up by a store             GIVEHALF  also when it is read or was read in part
 *   SEALBLIND  sealed by a store               NOSEALED  what was read is not sealed
 *   NOPIN      its reader does not pin it      NOAGAIN   he pins, and does not look again
 *   NORELEASE  what the dead was reading stays his    RELEASEBLIND  is taken away by a store
 *   NOBACK     a late note stays               WIPEFIRST the notes are wiped, and then it is said that they end
 *   OVEREARLY  it is over while somebody reads */

#ifndef NM
#define NM 2
#endif
#ifndef ROOM
#define ROOM 0
#endif

/* words: UNREAD, READING by a member, HALF, and the other states; a CAS compares the life, too */
#define UNREAD 0
#define READING(m) (m)
#define HALF 5
#define SEALED 6
#define SWEEPING 7
#define RETIRED 8
#define FREE 9
#define OPEN 10
#define IS_UNREAD (st <= HALF)
#define TENTATIVE(m) (m)
#define COMMITTED 5

byte st = UNREAD, slot, readers, counted;
bool pin[5];
bool expelled, dead, second_life, alone = 1, given_up;
bool noted, flag, ends, over;
byte alive;

inline inv() {
    assert(st < RETIRED || slot == 0)
}
/* bytes of the arena, or its book */
inline touch() { assert(!second_life) }

#define STANDS(m) ((m) != 1 || !(expelled || dead))

mtype = { LOOK, CLAIM, OTHERS, PIN, AGAIN, READ, PLACE, STAND, COMMIT, WITHDRAW, BOOK, SEAL, UNPIN, DONE };

proctype Reader(byte m) {
    byte seen;
    bool mine, with_other;
    mtype pc = LOOK;
    do
    :: d_step { pc == LOOK && (st == UNREAD || st >= HALF
#ifdef CLAIMANY
        || (m != 1 && st == READING(1))
#endif
        ) ->
        seen = st; pc = (st <= HALF && STANDS(m) -> CLAIM : DONE) }
    :: d_step { pc == CLAIM -> /* step claimunread */
#ifdef CLAIMBLIND
        if :: st <= HALF -> seen = st :: else fi;
#endif
        if
        :: st == seen ->
            st = READING(m); pc = OTHERS;
            if :: STANDS(m) -> readers++; mine = 1 :: else fi;
            assert(readers <= 1)
        :: else -> pc = LOOK
        fi; seen = 0 }
    :: d_step { pc == OTHERS -> /* step claimhalf */ with_other = m != 1 && pin[1];
        if :: with_other -> alone = 0 :: else fi; pc = PIN }
    :: d_step { pc == PIN -> /* step refillpin */
#ifndef NOPIN
        pin[m] = 1;
#endif
        pc = AGAIN }
    :: d_step { pc == AGAIN -> /* step refillagain */
#ifdef NOAGAIN
        pc = READ
#else
        pc = (st == READING(m) -> READ : UNPIN)
#endif
      }
    :: d_step { pc == READ -> /* step refill4 */ touch();
        if
        :: m == 1 && expelled -> pc = UNPIN
        :: !(m == 1 && expelled) && slot == COMMITTED -> pc = BOOK
        :: !(m == 1 && expelled) && slot != COMMITTED && slot != 0 -> slot = 0    /* step refill4kill */
        :: !(m == 1 && expelled) && slot == 0 -> pc = (with_other -> BOOK : PLACE)
        fi }
    :: d_step { pc == PLACE -> /* step refill3 */ touch();
        if :: slot == 0 -> slot = TENTATIVE(m); pc = STAND :: else -> pc = READ fi; inv() }
    :: d_step { pc == STAND -> pc = (m == 1 && expelled -> WITHDRAW : COMMIT) }
    :: d_step { pc == WITHDRAW -> if :: slot == TENTATIVE(m) -> slot = 0 :: else fi; pc = READ }
    :: d_step { pc == COMMIT -> /* step refill5 */ touch();
        if :: slot == TENTATIVE(m) -> slot = COMMITTED; pc = BOOK :: else -> pc = READ fi; inv() }
    :: d_step { pc == BOOK -> touch();
        if :: mine && STANDS(m) -> readers-- :: else fi; mine = 0; pc = SEAL }
    :: d_step { pc == SEAL -> /* step refillsealed */
#ifndef NOSEALED
#ifdef SEALBLIND
        st = SEALED; counted++; assert(counted <= 1);
#else
        if :: st == READING(m) -> st = SEALED; counted++; assert(counted <= 1) :: else fi;
#endif
#endif
        inv(); pc = UNPIN }
    :: d_step { pc == UNPIN -> /* step unpin */ pin[m] = 0; pc = DONE }
#ifdef DIE
    :: d_step { m == 1 && pc != DONE && !dead -> dead = 1; if :: mine -> readers-- :: else fi; mine = 0; with_other = 0; seen = 0; pc = DONE }
#endif
#ifdef STOP
    :: d_step { m == 1 && expelled && pc != DONE -> mine = 0; seen = 0; pc = DONE }   /* it stays where it is */
#endif
    :: d_step { pc == DONE -> alive-- } -> break
    od
}

/* expels member 1, or clears up after it; what it may take before it finds out is looked for again */
inline release() {
#ifdef NORELEASE
    skip
#elif defined(RELEASEBLIND)
    seen = st == READING(1);
    d_step { if :: seen -> st = HALF :: else fi; inv() }
#else
    d_step { /* step reapread */ if :: st == READING(1) -> st = HALF :: else fi; inv() }
#endif
}
proctype Expel() {
    bool seen;
    d_step { /* expelled: what it reads does not count any more */
#ifdef DIE
        dead ->
#else
        expelled = 1;
#endif
        if :: !dead && readers && st == READING(1) -> readers-- :: else fi
    };
#ifdef DIE
    pin[1] = 0;                         /* step reappin */
#endif
    release();
    do
#ifdef NORELEASE
    :: break
#else
    :: st == READING(1) -> release()
    :: over -> break
#endif
    od
}

#if ROOM
proctype Room() {
    byte seen;
    d_step { seen = st };
#ifdef GIVEHALF
    if :: seen <= HALF -> skip :: else -> goto none fi;
#else
    if :: seen == UNREAD -> skip :: else -> goto none fi;
#endif
#ifdef GIVEBLIND
    d_step { st = SWEEPING; given_up = 1 };
#else
    atomic { /* step giveup */ if :: st == seen -> st = SWEEPING; given_up = 1 :: else -> goto none fi };
#endif
    d_step { if :: st == SWEEPING -> st = RETIRED :: else fi; inv() };
none:
    skip
}
#endif

/* Sweeps it, frees it, opens it. */
proctype Sweep() {
    if
    :: atomic { st == SEALED -> /* step sweep1 */ st = SWEEPING };
        if
        :: pin[1] || pin[2] || pin[3] -> /* step sweep1look */ st = SEALED; goto left
        :: else
        fi;
        slot = 0;                       /* step sweep2 */
        d_step { st = RETIRED; inv() };
    :: st == RETIRED
    fi;
    /* step free3 */
    !(pin[1] || pin[2] || pin[3]);
    d_step { /* step free4 */ st = FREE; inv() };
    d_step { /* step opening */ st = OPEN; second_life = 1; inv() };
left:
    skip
}

proctype End() {
#ifdef OVEREARLY
    atomic { st != UNREAD && st != HALF };
#else
    atomic { !IS_UNREAD };
#endif
#ifndef WIPEFIRST
    ends = 1;                           /* step noteend1 */
#endif
    if :: flag -> noted = 0 :: else fi;
#ifdef WIPEFIRST
    ends = 1;
#endif
    d_step { /* step noteend2 */ over = 1; ends = 0; flag = 0; assert(!IS_UNREAD) }
}

proctype Noter() {
    if :: over -> goto none :: else fi;
    d_step { if :: !over -> flag = 1 :: else fi };
    noted = 1;                          /* step note */
#ifndef NOBACK
    if :: ends || over -> noted = 0     /* step notelate */ :: else fi;
#endif
none:
    skip
}

proctype Final() {
    timeout;
    d_step {
        assert(over && !noted);
        assert(given_up || slot == COMMITTED || st > SEALED || !alone)
    }
}

init {
    atomic {
        byte m = 1;
        do :: m <= NM -> alive++; run Reader(m); m++ :: else -> break od;
#if defined(STOP) || defined(DIE)
        run Expel();
#endif
#if ROOM
        run Room();
#endif
        run Sweep(); run End(); run Noter(); run Final()
    }
}

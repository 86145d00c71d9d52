/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* arena.pml - the life of an arena: opening, reserving, sealing, sweeping, parking, freeing, withdrawing;
 * the lane that shows the open one; openers, sealers and writers that stop or die anywhere; holes.
 *
 * A transition is one shared access (a load and the CAS that is repeated until it succeeds count as one);
 * sequentially consistent: all of these are CASes and seq_cst accesses, but for the reset of a book and the
 * header, which are published by one. Store buffers of pins, readers, copies and movers: pins.pml.
 *
 * An arena has room for CAP entries; its word is state, generation and sequence, its book position, CLOSED,
 * cursor and holed. A slot of the index holds a ref; a put replaces what is there (the slot protocol:
 * index.pml). A worker puts; when it finds no room it frees and sweeps (evicting all), as writers do.
 *
 * Checked, after every change of a word, the lane or a slot:
 *   an OPEN arena stands in the lane; only one process sweeps an arena
 *   no slot refers to an arena that is FREE, OPENING, RETIRED, WITHDRAWN, or of another life (I5)
 *   room is given to one writer only, and written to in that life only, by a writer that is pinned
 *   n_free is never more than the arenas that are FREE
 * and when all are done: no arena is lost, n_free is exact.
 *
 *   NA arenas, NW workers, PUTS puts of the first and PUTS1 of the others, TRIES turns of a sweep before a put answers BUSY; NS slots;
 *   PARK: sweeps may park; CLEARS: times a thread without a pin seals what the lane shows; WITHDRAW: an
 *   arena is withdrawn; FORK: at any moment a thread forks, all others are gone in the child, where it mends
 *   and runs CHILD workers; DEATHS: so many workers die, each a process, and one clears up after them while the others go
 *   on, AGAIN times anew.
 * Mutations that must fail:
 *   BYSTATE   OPENING -> OPEN compares the state alone
 *   INSTFIRST the arena is installed before its book is reset
 *   LANESTORE installed by a store             NOSEAL    a full arena is replaced, not sealed
 *   KEEP      who finds another installed keeps its own
 *   COUNTLATE n_free is counted down after the claim (for ever, when the claimer stops)
 *   NOHELP    writers wait for the opener (for ever)
 *   NOLOOK    a sweep does not look at the pins
 *   TAKEUP    a parked arena is taken up by a store
 *   CURSOR    opening does not reset the cursor
 *   PINLATE   a writer pins after it reserved
 *   FILLFIRST the pin says FILLING before the header is stored
 *   NOHOLED   the arena of a writer that died inside is not marked
 *   MENDOPEN  the child makes every OPENING arena OPEN
 * and with DEATHS:
 *   HOLELATE  the pin goes before the arena is marked
 *   NOLATE    what the dead swept is parked without a look at the pins
 *   PARKALL   what the living sweep, too        NOOPENING what the dead were opening is left alone
 *   NAMELATE  a record names the arena that is opened after the claim
 *   NOSEQ     it names the arena alone, not its life
 *   NOMIDDLE  a recount in the middle of a change of n_free, NOAFTER: or with one since it began
 * Harmless: NOCLOSE (position is not closed at sealing: the pins decide); LOOKFIRST (the look at the pins
 * comes before SWEEPING: a writer that saw OPEN was pinned before it was SEALED. Movers: inplace.pml, IP9). */

#ifndef NA
#define NA 2
#endif
#ifndef CAP
#define CAP 1
#endif
#ifndef NW
#define NW 2
#endif
#ifndef PUTS
#define PUTS 2
#endif
#ifndef PUTS1
#define PUTS1 1
#endif
#ifndef TRIES
#define TRIES 1
#endif
#ifndef NS
#define NS 1
#endif
#ifndef PARK
#define PARK 0
#endif
#ifndef CLEARS
#define CLEARS 0
#endif
#ifndef WITHDRAW
#define WITHDRAW 0
#endif
#ifndef FORK
#define FORK 0
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef AGAIN
#define AGAIN 0
#endif
#ifndef CHILD
#define CHILD 1
#endif
#define NP (NW + FORK * CHILD)          /* workers, the child's workers */

#define FREE 0
#define OPENING 1
#define OPEN 2
#define SEALED 3
#define SWEEPING 4
#define PARKED 5
#define RETIRED 6
#define WITHDRAWN 7
#define RESERVING 1
#define FILLING 2
#define LIVING(a) (st[a] >= OPEN && st[a] <= PARKED)
#define REF(a, o) ((a) * CAP + (o) + 1)
#define ARENA(ref) (((ref) - 1) / CAP)

byte st[NA], gen[NA], sq[NA];           /* sq: the opening number: who, and in which generation; 0 sealed */
byte pos[NA], cur[NA];
bool closed[NA], holed[NA];
byte lane, lanesq;                      /* arena + 1 and its opening number */
short nfree = NA;
byte pin[NP], kind[NP];
bool hdr[NA * CAP];                     /* a header of this life stands there */
byte slot[NS];
byte sgen[NS], sweepers[NA];            /* ghosts */
bool taken[NA * CAP];
bool dead;
#if DEATHS
bool died[NW], reaped[NW], late[NA];
byte deaths, sweptby[NA];
byte opening[NW], openingsq[NW], changes[NW];   /* in a worker's record: arena + 1 and its opening number; odd: in the middle */
#ifdef NOSEQ
#define OPENS(w) 1
#else
#define OPENS(w) (sq[opening[w] - 1] == openingsq[w])
#endif
#define mark_change(w) changes[w]++
#define mark_opening(w, t, ts) opening[w] = t + 1; openingsq[w] = ts
#define LATE(a) late[a]
#else
#define mark_change(w) skip
#define mark_opening(w, t, ts) skip
#define LATE(a) 0
#endif
/* No two attempts to open have the same: it is drawn before the claim. Without deaths nobody looks at one that has failed. */
#if DEATHS
#define OPENING_NUMBER(g, w) (((g) + 1) * NW + (w))
#else
#define OPENING_NUMBER(g, w) ((g) + 1)
#endif
byte alive, gone;
byte hj, hn;                            /* scratch, 0 between steps */

#ifdef LIVE
#define inv() skip
#else
inline inv() {
    hj = 0; hn = 0;
    do
    :: hj < NA ->
        assert(st[hj] != OPEN || (lane == hj + 1 && lanesq == sq[hj]));
        assert(sweepers[hj] <= 1);
        hn = hn + (st[hj] == FREE); hj++
    :: else -> break
    od;
    assert(nfree <= hn); hj = 0; hn = 0;
    do
    :: hj < NS ->
        if :: slot[hj] -> assert(LIVING(ARENA(slot[hj]))); assert(sgen[hj] == gen[ARENA(slot[hj])]) :: else fi; hj++
    :: else -> break
    od;
    hj = 0
}
#endif
/* all are done */
inline settled() {
    hj = 0; hn = 0;
    do
    :: hj < NA -> assert(st[hj] != OPENING && st[hj] != SWEEPING); hn = hn + (st[hj] == FREE); hj++
    :: else -> break
    od;
    assert(nfree == hn); hj = 0; hn = 0
}

mtype = { NEXT, STAGE, PIN, STATE, HELP, RESERVE, HEADER, FILL, PUBLISH, UNPIN, CLOSE, SEAL, UNPINNEED,
          NEED, FIND, COUNT, CLAIM, UNCOUNT, RESET, INSTALL, GIVE, GIVEN, OPENIT, ROOM, COLLECT, PINS, FREEIT,
          FREED, CHOOSE, LANE, WORD, TAKE, LOOK, BACK, WALK, CLEAR, HOLE, RETIRE, FIN };
#ifdef INSTFIRST
#define AFTER_CLAIM INSTALL
#define AFTER_INSTALL RESET
#define AFTER_RESET OPENIT
#else
#define AFTER_CLAIM RESET
#define AFTER_RESET INSTALL
#define AFTER_INSTALL OPENIT
#endif
#ifdef COUNTLATE
#define FIRST_CLAIM CLAIM
#else
#define FIRST_CLAIM COUNT
#endif
#ifdef FILLFIRST
#define AFTER_RESERVE FILL
#define AFTER_FILL HEADER
#define AFTER_HEADER PUBLISH
#else
#define AFTER_RESERVE HEADER
#define AFTER_HEADER FILL
#define AFTER_FILL PUBLISH
#endif
#ifdef BYSTATE
#define SAMELIFE(a, g, s) 1
#else
#define SAMELIFE(a, g, s) (gen[a] == (g) && sq[a] == (s))
#endif

#include "arena_worker.pml"
#if DEATHS
#include "arena_reaper.pml"
#endif

#if CLEARS
/* a clear seals what the lane shows; it holds no pin */
proctype Sealer() {
    byte a, g, s, n = CLEARS;
    mtype pc = LANE;
    do
    :: d_step { pc == LANE && n > 0 -> n--; if :: lane -> a = lane - 1; s = lanesq; pc = WORD :: else fi }
    :: d_step { pc == WORD -> g = gen[a];
        if :: st[a] == OPEN && sq[a] == s -> pc = CLOSE :: else -> a = 0; g = 0; s = 0; pc = LANE fi }
    :: d_step { pc == CLOSE -> /* step seal1 */ closed[a] = 1; pc = SEAL }
    :: d_step { pc == SEAL -> /* step seal2 */
        if :: st[a] == OPEN && gen[a] == g && sq[a] == s -> st[a] = SEALED; sq[a] = 0 :: else fi;
        a = 0; g = 0; s = 0; pc = LANE; printf("clear: seals\n"); inv() }
    :: pc == LANE && n == 0 -> break
    od
}
#endif

#if WITHDRAW
proctype Withdraw() {
    byte a;
    mtype pc = FIND;
    do
    :: d_step { pc == FIND ->
        if :: nfree <= 0 || a == NA -> pc = FIN :: nfree > 0 && a < NA && st[a] == FREE -> pc = COUNT :: else -> a++ fi }
    :: d_step { pc == COUNT -> /* step open1 */ nfree--; pc = CLAIM }
    :: d_step { pc == CLAIM ->          /* step withdraw */
        if :: st[a] == FREE -> st[a] = WITHDRAWN; pc = FIN; printf("arena %d is withdrawn\n", a); inv()
           :: else -> pc = UNCOUNT fi }
    :: d_step { pc == UNCOUNT -> nfree++; pc = FIN }
    :: pc == FIN -> break
    od
}
#endif

#if FORK
proctype Forker() {
    byte i, a;
    atomic { dead = 1; printf("fork\n") };
    atomic { gone == alive -> d_step {          /* alone */
        do :: i < NW -> /* step reap */
#ifndef NOHOLED
            if :: kind[i] == RESERVING && pin[i] -> holed[pin[i] - 1] = 1 :: else fi;
#endif
            pin[i] = 0; kind[i] = 0; i++
           :: else -> break od; i = 0; nfree = 0;
        do :: a < NA -> /* step mendarenas */
            if
#ifdef MENDOPEN
            :: st[a] == OPENING -> st[a] = OPEN
#else
            :: st[a] == OPENING -> st[a] = (lane == a + 1 && lanesq == sq[a] -> OPEN : FREE)
#endif
            :: st[a] == SWEEPING -> st[a] = SEALED; sweepers[a] = 0
            :: else
            fi;
            nfree = nfree + (st[a] == FREE); a++
           :: else -> break od; a = 0; gone = 0; inv() };
        alive = CHILD; i = NW;
        do :: i < NW + CHILD -> run Worker(i); i++ :: else -> break od; i = 0 }
}
#endif

init {
    byte w;
    atomic {
        alive = NW;
        do :: w < NW -> run Worker(w); w++ :: else -> break od;
#if DEATHS
        run Reaper();
#endif
#if CLEARS
        run Sealer();
#endif
#if WITHDRAW
        run Withdraw();
#endif
#if FORK
        run Forker();
#endif
    }
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* pins.pml - validated pins: who may read, compare and reuse the bytes of an arena.
 *
 * A transition is one shared access. Slots and arena words are sequentially consistent (every change
 * of them is a seq_cst CAS); plain stores to pins go through a store buffer of each thread (total
 * store order, two entries, drained by the thread's own CAS or seq_cst store, by chance, or by a
 * membarrier). A crash is a schedule in which a process is never chosen again; a reader stopped for
 * ever is one, too.
 *
 * An arena holds one entry, so that a ref is an arena's number and every reuse of an arena is ABA on
 * the slot word. Slot 0 is a bucket shared by keys A and B, whose tags are equal; with MOV it is an
 * old bucket, slot 1 its image.
 *
 * Ghosts: gen[a] counts the openings of a (the code has it in the arena's word, and only where the
 * code compares it does the model); mean[s], sgen[s] say what the word in slot s stood for when it
 * was published. Checked:
 *   I3  bytes read under a validated pin are those that the slot meant at the second look
 *   I5  no slot holds a ref into an arena that is RETIRED, FREE, OPENING, or of another generation
 *   ABA a CAS on a validated word replaces what was validated, not a later use of the same ref
 *
 * Here: options, readers, writers; the rest is in pins_reclaim.pml.
 * Run: spin -D... -a pins.pml; gcc -O2 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=512 -o pan pan.c; ./pan -E
 *   NA arenas; NG gets; O0 O1 O2: kind of operation (PUT, REPL, DEL, NONE), K0 K1 K2: its key;
 *   NSW sweepers of SWN tries each; NFR freers of FRN tries each; MOV mover; PARK: sweeps may be
 *   parked and taken up again without a look at the pins; DIE: sweepers may die, their arenas go
 *   back to SEALED; INITOPEN: arena 1 starts open
 *   FENCED: readers fence after their pin (with NOMB: safe without a membarrier)
 * Mutations that must fail:
 *   NOLOOK   the reader reads the bytes without a second look at the slot
 *   COPY     the reader copies its pin to another place and clears the first
 *   NOMB     no membarrier before the freer's look at the pins
 *   MBLATE   membarrier after the look at the pins
 *   MBEARLY  membarrier before the arena was seen RETIRED
 *   EARLY    pins are read (after a membarrier) before the slots are emptied, not after
 *   NOGEN    RETIRED -> FREE does not compare the generation (two freers)
 *   PUTRLX   the put's pin on its own arena is a plain store
 *   PUTNOST  the put does not look at the state after its pin
 *   COPYNOPIN the sweeper does not pin the arena it copies into
 *   NOCMP    the pin of a compared word is cleared before the CAS on it
 *   DIEPARK  the arena of a dead sweeper is taken up without a look at the pins (with DIE, PARK)
 *   MNOST MNOLOOK MRLX MPARK MNOTSW  mover: no state check; no second look; plain pin;
 *            goes on in PARKED; goes on in all but SWEEPING
 * Mutation that passes: PUTNOGEN (the state check ignores the generation). */

#define NONE 0
#define PUT 1
#define REPL 2
#define DEL 3
#define A 0
#define B 1
#ifndef NA
#define NA 2
#endif
#ifndef NG
#define NG 1
#endif
#ifndef NPUT
#define NPUT 1
#endif
#ifndef O0
#define O0 PUT
#endif
#ifndef O1
#define O1 PUT
#endif
#ifndef O2
#define O2 PUT
#endif
#ifndef K0
#define K0 B
#endif
#ifndef K1
#define K1 A
#endif
#ifndef K2
#define K2 A
#endif
#ifndef NSW
#define NSW 1
#endif
#ifndef SWN
#define SWN 2
#endif
#ifndef NFR
#define NFR 1
#endif
#ifndef FRN
#define FRN 1
#endif
#ifndef MOV
#define MOV 0
#endif
#ifndef PARK
#define PARK 0
#endif
#ifndef DIE
#define DIE 0
#endif
#ifndef INITOPEN
#define INITOPEN 0
#endif

#if MOV
#define NS 2
#else
#define NS 1
#endif
#ifdef COPY
#define GP 2                    /* from the second place to the first, which is scanned before it */
#else
#define GP 1
#endif
#if NG
#define NGET 1
#else
#define NGET 0
#endif
#define OWNPIN(k) (2 * (k))
#define CMPPIN(k) (2 * (k) + 1)
#define GETPIN (2 * NPUT + GP - 1)
#define SWPIN(j) (2 * NPUT + GP * NGET + (j))
#define MOVPIN SWPIN(NSW)
#define NPIN (MOVPIN + MOV)
#define GETB NPUT               /* store buffers: puts, get, mover */
#define MOVB (NPUT + 1)
#define NB (NPUT + 2)

#define FREE 0
#define OPENING 1
#define OPEN 2
#define SEALED 3
#define SWEEPING 4
#define PARKED 5
#define RETIRED 6
#define TB 8
#define AR(w) ((w) & 7)
#define LIVE(a) (ast[a] >= OPEN && ast[a] <= PARKED)

byte ast[NA + 1], gen[NA + 1], used[NA + 1], val[NA + 1];
byte slot[NS], mean[NS], sgen[NS];
byte pin[NPIN];
byte sb0[NB], sb1[NB];          /* 0: empty, else pin * 8 + arena + 1 */
byte keyof[8];
byte hj;                        /* scratch, 0 between steps */

#define ROOM(b) (sb1[b] == 0)
inline push(b, i, a) {
    if :: sb0[b] == 0 -> sb0[b] = (i) * 8 + (a) + 1 :: else -> sb1[b] = (i) * 8 + (a) + 1 fi
}
inline drain1(b) {
    if :: sb0[b] != 0 -> pin[(sb0[b] - 1) / 8] = (sb0[b] - 1) & 7; sb0[b] = sb1[b]; sb1[b] = 0 :: else fi
}
inline drain(b) { drain1(b); drain1(b) }
#ifdef FENCED
#define pushpin(b, i, a) drain(b); pin[i] = a
#else
#define pushpin(b, i, a) push(b, i, a)
#endif
inline membarrier() {
    hj = 0; do :: hj < NB -> drain(hj); hj++ :: else -> break od; hj = 0
}
inline inv() {          /* I5 */
    hj = 0;
    do
    :: hj < NS ->
        if :: slot[hj] != 0 ->
               assert(LIVE(AR(slot[hj])));
               assert(sgen[hj] == gen[AR(slot[hj])]);
               assert(val[AR(slot[hj])] == mean[hj])
           :: else fi;
        hj++
    :: else -> break
    od;
    hj = 0
}

mtype = { LOAD, SPIN, LOOK, READ, MOVE1, MOVE2, CLR, CLR2, CASW, CASE, EVICT,
          PICK, INST, OPIN, OST, RSV, FILL, SCAN, MB, UNLINK, CPIN, CST, CRSV, CFILL, CCAS,
          STATE, RES, KILL, CMT, FIN };

#if NG
proctype Get() {
    byte s, w, vg, vm, n = NG;
    mtype pc = LOAD;
    do
    :: atomic { pc == LOAD && n > 0 -> /* step get, reader1 */
        s = 0;
#if MOV
        if :: s = 0 :: s = 1 fi;
#endif
        if
        :: slot[s] == 0 || (slot[s] & TB) -> n--; s = 0; printf("get: miss\n")
        :: else -> w = slot[s]; pc = SPIN; printf("get: loads slot%d = %d\n", s, w);
#ifdef NOLOOK
            vg = sgen[s]; vm = mean[s]
#endif
        fi }
    :: d_step { pc == SPIN && ROOM(GETB) -> /* step reader2 */ pushpin(GETB, GETPIN, AR(w)); pc = LOOK; printf("get: pins %d\n", AR(w)) }
    :: d_step { pc == LOOK -> /* step reader3 */
#ifdef NOLOOK
        pc = READ
#else
        if
        :: slot[s] == w -> vg = sgen[s]; vm = mean[s]; printf("get: validated\n");
#ifdef COPY
            pc = MOVE1
#else
            pc = READ
#endif
        :: else -> pc = CLR
        fi
#endif
      }
#ifdef COPY
    :: d_step { pc == MOVE1 && ROOM(GETB) -> push(GETB, GETPIN - 1, AR(w)); pc = MOVE2 }
    :: d_step { pc == MOVE2 && ROOM(GETB) -> push(GETB, GETPIN, 0); pc = READ; printf("get: copied its pin\n") }
#endif
    :: d_step { pc == READ -> printf("get: reads the bytes\n");
        assert(ast[AR(w)] >= OPEN); assert(gen[AR(w)] == vg); assert(val[AR(w)] == vm);
        pc = CLR }
    :: d_step { pc == CLR && ROOM(GETB) -> /* step unpin */
#ifdef COPY
        push(GETB, GETPIN - 1, 0); pc = CLR2
#else
        push(GETB, GETPIN, 0); w = 0; s = 0; vg = 0; vm = 0; n--; pc = LOAD; printf("get: clears\n")
#endif
      }
#ifdef COPY
    :: d_step { pc == CLR2 && ROOM(GETB) -> push(GETB, GETPIN, 0); w = 0; s = 0; vg = 0; vm = 0; n--; pc = LOAD }
#endif
    :: pc == LOAD && n == 0 -> break
    od
}
#endif

/* k: number, and place of pins and store buffer; its value is k + 2 */
proctype Op(byte k; byte kind; byte key) {
    byte a, og, w, vg, vm;
    mtype pc = PICK;
    if :: kind == DEL -> pc = LOAD :: else fi;
    do
    :: atomic { pc == PICK ->          /* the lane's open arena, or a fresh one */
        a = 1;
        do
        :: a <= NA && ast[a] == OPEN -> og = gen[a]; pc = OPIN; break
        :: a <= NA && ast[a] == FREE -> ast[a] = OPENING; pc = INST; break
        :: a <= NA -> a++
        :: a > NA -> a = 0; pc = FIN; break
        od;
        printf("op%d: arena %d\n", k, a) }
    :: d_step { pc == INST -> /* step open4 */ gen[a]++; used[a] = 0; ast[a] = OPEN; og = gen[a]; pc = OPIN; inv() }
    :: d_step { pc == OPIN && ROOM(k) -> /* step writer1 */
#ifdef PUTRLX
        push(k, OWNPIN(k), a);
#else
        drain(k); pin[OWNPIN(k)] = a;
#endif
        pc = OST; printf("op%d: pins its arena %d\n", k, a) }
    :: d_step { pc == OST && ROOM(k) -> /* step writer2 */
        if
#ifdef PUTNOST
        :: 1 -> pc = RSV
#elif defined(PUTNOGEN)
        :: ast[a] == OPEN -> og = gen[a]; pc = RSV
#else
        :: ast[a] == OPEN && gen[a] == og -> pc = RSV
#endif
        :: else -> push(k, OWNPIN(k), 0); pc = PICK; printf("op%d: arena %d is not open\n", k, a)
        fi; if :: pc == PICK -> a = 0; og = 0 :: else fi }
    :: d_step { pc == RSV -> /* step reserve */          /* fetch-add: a locked instruction */
        drain(k);
        if
        :: used[a] == 0 -> used[a] = 1; pc = FILL
        :: else ->
            if :: ast[a] == OPEN && gen[a] == og -> /* step seal2 */ ast[a] = SEALED :: else fi;
            push(k, OWNPIN(k), 0); a = 0; og = 0; pc = PICK
        fi }
    :: d_step { pc == FILL -> /* step fill */ val[a] = k + 2; pc = LOAD; printf("op%d: fills arena %d\n", k, a); inv() }
    :: d_step { pc == LOAD -> /* step put2, reader1 */
        w = slot[0];
        if :: w == 0 && kind != PUT -> pc = CLR :: w == 0 && kind == PUT -> pc = CASE :: else -> pc = SPIN fi;
        printf("op%d: loads slot0 = %d\n", k, w) }
    :: d_step { pc == SPIN && ROOM(k) -> /* step reader2 */ pushpin(k, CMPPIN(k), AR(w)); pc = LOOK }
    :: d_step { pc == LOOK -> /* step reader3 */
        if
        :: slot[0] == w -> vg = sgen[0]; vm = mean[0]; pc = READ; printf("op%d: validated\n", k)
        :: else -> w = 0; pc = LOAD
        fi }
    :: d_step { pc == READ && ROOM(k) ->
        assert(ast[AR(w)] >= OPEN); assert(gen[AR(w)] == vg); assert(val[AR(w)] == vm);
        if
        :: keyof[val[AR(w)]] == key -> pc = CASW;
#ifdef NOCMP
            push(k, CMPPIN(k), 0)
#endif
        :: else -> if :: kind == PUT -> pc = EVICT :: else -> pc = CLR fi
        fi }
    :: d_step { pc == CASW -> /* step put2cas, delete */ drain(k);
        if
        :: slot[0] == w -> printf("op%d: CAS slot0\n", k);
            assert(mean[0] == vm); assert(sgen[0] == vg);
            if :: kind == DEL -> slot[0] = 0; mean[0] = 0; sgen[0] = 0
               :: else -> slot[0] = a; mean[0] = k + 2; sgen[0] = og fi;
            pc = CLR; inv()
        :: else -> pc = LOAD
        fi; vg = 0; vm = 0; w = 0 }
    :: d_step { pc == EVICT -> /* step put3evict */ drain(k);          /* any word, at any time */
        if :: slot[0] == w -> slot[0] = 0; mean[0] = 0; sgen[0] = 0 :: else fi;
        vg = 0; vm = 0; w = 0; pc = LOAD }
    :: d_step { pc == CASE -> /* step put3, writer3 */ drain(k);
        if
        :: slot[0] == 0 -> slot[0] = a; mean[0] = k + 2; sgen[0] = og; pc = CLR; inv();
            printf("op%d: publishes in slot0\n", k)
        :: else -> pc = LOAD
        fi }
    :: d_step { pc == CLR && ROOM(k) -> /* step unpin */ push(k, CMPPIN(k), 0); w = 0; vg = 0; vm = 0; pc = CLR2 }
    :: d_step { pc == CLR2 && ROOM(k) -> /* step unpin */ push(k, OWNPIN(k), 0); a = 0; og = 0; pc = FIN; printf("op%d: done\n", k) }
    :: pc == FIN -> break
    od
}

#include "pins_reclaim.pml"

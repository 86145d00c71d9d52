/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* limit.pml - how max_entries is held: one arena, parked and walked by all who join it, beside sweeps for room,
 * writers, a mover, and a freer.
 *
 * A transition is one shared access; sequentially consistent (the joiner's pin is stored and looked behind as a
 * reader's is: store buffers and the membarrier are in pins.pml). An entry e has two slots, the old one and its image;
 * a slot holds a ref or not. Entry 0 may be moved from the first to the second; the last one is published by the
 * writer, whenever he likes. Judging is left out: every entry is evicted. Whoever is never chosen again is stopped.
 *
 * Checked: when the arena is RETIRED no slot refers to it, and none does after that (I5); nobody looks at its bytes
 * when it is FREE.
 *
 *   NJ joiners of TURNS turns; NE entries; NW writers and NM movers, none or one; NR sweeps for
 *   room of RTURNS turns, which may park
 * Mutations that must fail:
 *   NOLATE    writers' pins are not looked at when it is parked
 *   LOOKFIRST they are looked at before SWEEPING
 *   ONCE      a late arena waits for the writers and is not walked again
 *   NOWAIT    a late arena is walked again while writers are there
 *   BUSYRET   retired while somebody is busy
 *   NONUMBER  who counts himself out does not compare the number of the walk
 *   NOPIN     a joiner does not pin               NOLOOK    he pins, and does not look again
 *   CLAIMLATE a sweep for room takes a late arena up without a look at the pins
 *   FROMBUSY  it goes on where the others have come to though somebody is busy
 *   RELOAD    it looks whether somebody is busy, and loads where to begin later
 *   SAMEWALK  it parks the arena without a new number though somebody is busy
 *   NOPIN9    who goes on where he parked does not pin      NOLOOK9  he pins, and does not look again
 *   SOON9     he tells how far he has come before it is done */

#ifndef NJ
#define NJ 2
#endif
#ifndef TURNS
#define TURNS 2
#endif
#ifndef NE
#define NE 2
#endif
#ifndef NW
#define NW 1
#endif
#ifndef NM
#define NM 1
#endif
#ifndef NR
#define NR 0
#endif
#ifndef RTURNS
#define RTURNS 1
#endif
#define NP (NJ + 1 + NM + NR)

#define OPEN 0
#define SEALED 1
#define SWEEPING 2
#define PARKED 3
#define RETIRED 4
#define FREE 5
#define WRITES 1
#define SWEEPS 2

/* progress: taken, busy, number of the walk, late */
#define TAKEN(p) ((p) & 7)
#define BUSY(p) ((p) >> 3 & 7)
#define ONEBUSY 8
#define WALK(p) ((p) >> 6 & 15)
#define LATE 1024
#define AGAIN(p) ((WALK(p) + 1 & 15) << 6)

byte st = OPEN;
short progress;
byte pin[NP];
bool slot[2 * NE];
byte hj;

inline inv() {
    if
    :: st >= RETIRED -> hj = 0; do :: hj < 2 * NE -> assert(!slot[hj]); hj++ :: else -> break od; hj = 0
    :: else
    fi
}

/* i and found: scratch of the caller */
inline look(from) {
    i = 0; found = 0;
    do
    :: i < NP -> d_step { found = found || pin[i] == WRITES || (from && pin[i] == SWEEPS); i++ }
    :: else -> break
    od; i = 0
}

inline clear(e) {
    d_step { /* step sweep2 */ assert(st != FREE); slot[2 * (e)] = 0 };
    d_step { assert(st != FREE); slot[2 * (e) + 1] = 0 }
}

proctype Joiner(byte j) {
    byte n = TURNS, i;
    short p;
    bool found;
    do
    :: n == 0 -> break
    :: n > 0 -> n--; found = 0;
        if
        :: st == SEALED ->
#ifdef LOOKFIRST
            look(0);
#endif
            atomic { /* step sweep1 */ if :: st == SEALED -> st = SWEEPING :: else -> goto next fi };
#if !defined(NOLATE) && !defined(LOOKFIRST)
            look(0);                    /* step sweep1look */
#endif
            if :: found -> progress = LATE :: else fi;
            d_step { /* step sweep8park */ found = 0; st = PARKED }
        :: st == PARKED
        :: else -> goto next
        fi;
#ifndef NOPIN
        pin[j] = SWEEPS;                /* step sweep8join */
#endif
#ifndef NOLOOK
        if :: st == PARKED :: else -> goto out fi;
#endif
        /* the others have the last of it: left alone, or begun again if there is nothing else */
        p = progress;
        if
        :: TAKEN(p) == NE && !(p & LATE) && BUSY(p) ->
            if
            :: atomic { /* step sweep8again */ progress == p -> progress = AGAIN(p) }
            :: goto out
            fi
        :: else
        fi;
        do
        :: p = progress;
            if
            :: TAKEN(p) < NE ->
                if
                :: atomic { /* step sweep8take */ progress == p -> progress = p + ONEBUSY + 1 };
                    clear(TAKEN(p));
                    atomic { /* step sweep8done */
                        if
#ifdef NONUMBER
                        :: BUSY(progress) -> progress = progress - ONEBUSY
#else
                        :: BUSY(progress) && WALK(progress) == WALK(p) -> progress = progress - ONEBUSY
#endif
                        :: else
                        fi }
                :: progress != p
                fi
            :: TAKEN(p) == NE && (p & LATE) ->  /* step sweep8late */
#ifndef NOWAIT
                look(0);
                if :: found -> found = 0; break :: else fi;
#endif
#ifdef ONCE
                if :: atomic { progress == p -> progress = p - LATE } :: progress != p fi
#else
                if :: atomic { progress == p -> progress = AGAIN(p) } :: progress != p fi
#endif
#ifndef BUSYRET
            :: TAKEN(p) == NE && !(p & LATE) && BUSY(p) -> break
#endif
            :: else ->
                atomic { /* step sweep8retire */ if :: st == PARKED -> st = RETIRED; inv() :: else fi };
                break
            fi
        od;
out:    atomic { /* step unpin */ p = 0; pin[j] = 0 };
next:   skip
    od
}

/* A sweep for room; where it has parked the arena it may go on without a claim. */
proctype Room(byte j) {
    byte n = RTURNS, was, e, i;
    short p;
    bool found;
    do
    :: n == 0 -> break
    :: d_step { n > 0 && (st == SEALED || st == PARKED) -> was = st; n-- };
        atomic { /* step sweep1, sweep7 */ if :: st == was -> st = SWEEPING :: else -> goto next fi };
        p = progress;
#ifdef CLAIMLATE
        if :: was == SEALED ->
#else
        if :: was == SEALED || (p & LATE) ->
#endif
            look(1);
            if :: found -> d_step { st = was; found = 0 }; goto next :: else fi
        :: else
        fi;
        do
        :: p = progress;
            if
#ifdef CLAIMLATE
            :: BUSY(p) ->
#elif defined(FROMBUSY)
            :: p & LATE ->
#else
            :: (p & LATE) || BUSY(p) ->
#endif
                if :: atomic { /* step sweep8begin */ progress == p -> progress = AGAIN(p) }; e = 0; break
                   :: progress != p fi
            :: else ->
#ifdef RELOAD
                e = TAKEN(progress);
#else
                e = TAKEN(p);
#endif
                break
            fi
        od;
        do
        :: e < NE -> clear(e); e++
        :: e < NE ->                    /* stops inside */
            do
            :: p = progress;
                if
#ifdef SAMEWALK
                :: atomic { progress == p -> progress = e + (WALK(p) << 6); p = progress }; break
#else
                :: atomic { /* step sweep8back */ progress == p && !BUSY(p) -> progress = e + (WALK(p) << 6); p = progress };
                   break
                :: atomic { progress == p && BUSY(p) -> progress = e + AGAIN(p); p = progress }; break
#endif
                :: progress != p
                fi
            od;
            st = PARKED; goto stretch
        :: e == NE -> atomic { /* step sweep5 */ st = RETIRED; inv() }; break
        od;
        goto next;
stretch:
        do
        :: break
        :: e < NE ->
#ifndef NOPIN9
            pin[j] = SWEEPS;            /* step sweep9pin */
#endif
#ifndef NOLOOK9
            if :: st == PARKED -> skip :: else -> break fi; /* step sweep9look */
#endif
            if :: progress == p -> skip :: else -> break fi;
#ifdef SOON9
            if :: atomic { progress == p -> progress = e + 1 + (WALK(p) << 6); p = progress } :: progress != p -> break fi;
            clear(e);
            e++;
#else
            clear(e);
            e++;
            if
            :: atomic { /* step sweep9tell */ progress == p -> progress = e + (WALK(p) << 6); p = progress }
            :: progress != p -> break
            :: skip                     /* later */
            fi;
#endif
            pin[j] = 0
        od;
        pin[j] = 0;
next:   atomic { p = 0; e = 0; was = 0 }
    :: n > 0 && st >= RETIRED -> break
    od
}

/* The last entry's; it is published late. */
proctype Writer() {
    pin[NJ] = WRITES;                   /* step writer1 */
    if
    :: st == OPEN -> d_step { /* step writer3 */ slot[2 * NE - 2] = 1; inv() }
    :: else                             /* step writer2 */
    fi;
    pin[NJ] = 0                         /* step unpin */
}

proctype Mover(byte m) {
    bool movable;
    pin[m] = WRITES;                    /* step mover1 */
    if
    :: slot[0] ->                       /* step mover2 */
        movable = (st == OPEN || st == SEALED); /* step mover3 */
        if
        :: movable ->
            d_step { /* step migrate2 */ slot[1] = 1; inv() };
            if
            :: atomic { /* step migrate3 */ slot[0] -> slot[0] = 0 }
            :: atomic { /* step migrate3undo */ !slot[0] -> slot[1] = 0 }
            fi
        :: else -> slot[0] = 0          /* step migrate2evict */
        fi
    :: else
    fi;
    pin[m] = 0
}

proctype Env() {
    st = SEALED;                        /* step seal2 */
    byte i;
    bool found;
    st == RETIRED;                      /* step free1 */
    look(1);                            /* step free3 */
    if
    :: !found -> st = FREE;             /* step free4 */
        progress = 0                    /* step reset */
    :: else
    fi
}

init {
    byte w;
    atomic {
        do :: w < NE - 1 -> slot[2 * w] = 1; w++ :: else -> break od; w = 0;
        do :: w < NJ -> run Joiner(w); w++ :: else -> break od;
#if NW
        run Writer();
#endif
#if NM
        run Mover(NJ + 1);
#endif
        do :: w < NJ + NR -> run Room(w + 1 + NM); w++ :: else -> break od;
        run Env()
    }
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* rebuild.pml - old versions of one key come in from arenas, beside a put, a delete and evictions of the key.
 *
 * One key, NS slots, in the order of their numbers; a transition is one shared access; sequentially consistent. Arenas 1
 * and 2 hold a version each, 2 the newer; word 3 is the put's. A reader of each arena (RDRS: one of 1, 2; 3 both) brings
 * its version in. EXPEL: the reader of arena 2 may be expelled at any step: another reads the arena once more, while he
 * goes on, or stops. DIE: he may die at any step, and his pin is gone. Put's steps are those of index.pml. NP, ND, EV:
 * puts, deletes, evictions, none or one. When all arenas are read the notes are wiped.
 *
 * Checked: at most one committed word at every time (I1); what was removed, or replaced by what came from another arena, is
 * not seen again; in the end each version is in a slot or void; and, if nobody changes the key, the newer is in a slot; if
 * one puts it alone, that is.
 *
 * Mutations that must fail:
 *   NONOTE     nobody notes what he changes            NOTELATE   he notes it after his scan
 *   NOTEDEARLY the look at the notes comes before the tentative word
 *   OUTDOBLIND an older word is replaced by a store, without comparing
 *   AHEAD      the word is committed at once, without a tentative one
 *   NO4        no second scan                          SPARE      an older tentative word is left where it is
 *   KILLBLIND  it is killed by a store                 COMMITBLIND committed by a store
 *   KEEP       the loser is not void                   BYARRIVAL  of two versions the one that was there first stays
 *   NOSTAND    who was expelled does not ask before he commits
 *   SAMEWORD   who reads an arena while an expelled one is at it places the same tentative word
 * STANDFIRST: he asks before he looks at the notes; harmless, since who reads the arena then kills his word before. */

#ifndef NS
#define NS 2
#endif
#ifndef RDRS
#define RDRS 3
#endif
#ifndef NP
#define NP 0
#endif
#ifndef ND
#define ND 0
#endif
#ifndef EV
#define EV 0
#endif

#define TB 8
#define ID(w) ((w) & 7)
#define PUT 3
#define NOSLOT 9
#define SAME(w) ((w) != 0)
#define TENT(w) ((w) & TB)
#define BIT(n) (1 << (n))
#define OLDER(n) (BIT(n) - 1)

byte slot[NS];
bool noted, over;
bool sealed[3], half[3], pinned[3], expelled[3];
byte voids;                             /* bits: versions */
byte gone;                              /* bits: may not be seen any more */
byte alive;
byte hj, hn;                            /* scratch, 0 between steps */

inline observe() {
    hj = 0; hn = 0;
    do
    :: hj < NS ->
        if
        :: slot[hj] != 0 && !TENT(slot[hj]) ->
            hn++; assert(!(gone & BIT(slot[hj])));      /* it comes back */
            gone = gone | OLDER(slot[hj])
        :: else
        fi;
        hj++
    :: else -> break
    od;
    assert(hn <= 1);                                    /* I1 */
    hj = 0; hn = 0
}
inline changed() { gone = gone | BIT(1) | BIT(2); observe() }
inline cas(s, from, to) { if :: slot[s] == (from) -> slot[s] = (to) :: else fi; observe() }

/* of who changes the key: before his scan, or not at all when it is over */
inline note() {
#ifndef NONOTE
    if
    :: over
    :: !over ->
        noted = 1;                      /* step note */
        if :: over -> noted = 0 :: else fi
    fi
#else
    skip
#endif
}

mtype = { START, LOOK, NOTED, KILL, OUTDO, SWAP, PLACE, NOTEDTOO, STAND, WITHDRAW, COMMIT, SETTLE, DONE,
          S2, C2, C3, S4, C4, CLR, CMT };
mtype = { NOTHING, STAYS, NEWER, AGAIN };

#define EXPELLED (!again && expelled[v])
#define IS_NOTED (noted && !over)

proctype Reader(byte v; bool again) {
    byte i, e = NOSLOT, w;
    bool alone = 1, left;
    mtype pc = START, met = NOTHING;
    do
    :: atomic { pc == START ->
        if
        :: !again -> pinned[v] = 1; pc = LOOK           /* step refillpin */
        :: again && half[v] -> pc = LOOK;
#ifndef SAMEWORD
            alone = !pinned[v]                          /* step claimhalf */
#endif
        :: again && sealed[v] -> pc = DONE
        fi }
    :: d_step { pc == LOOK -> /* step refill4 */
        w = (i == e -> 0 : slot[i]);
        if
        :: EXPELLED && i == 0 && e == NOSLOT -> w = 0; left = 1; pc = DONE
        :: (!EXPELLED || i != 0 || e != NOSLOT) && !SAME(w) ->
            i++;
            if :: i == NS && e == NOSLOT -> i = 0; pc = PLACE
               :: i == NS && e != NOSLOT -> i = 0; pc = NOTEDTOO
               :: else fi
        :: (!EXPELLED || i != 0 || e != NOSLOT) && SAME(w) ->
            if
            :: w == v -> met = STAYS
            :: ID(w) == PUT -> met = (TENT(w) -> AGAIN : NEWER)
            :: w == (v | TB) -> pc = KILL
            :: ID(w) != PUT && ID(w) != v && TENT(w) && sealed[ID(w)] -> met = AGAIN
            :: ID(w) != PUT && ID(w) != v && !(TENT(w) && sealed[ID(w)]) ->
#ifdef BYARRIVAL
                met = NEWER
#else
                if :: ID(w) > v -> met = NEWER :: else -> pc = NOTED fi
#endif
            fi;
            if :: met != NOTHING -> i = 0; w = 0; pc = (e == NOSLOT -> SETTLE : NOTEDTOO) :: else fi
        fi }
    :: d_step { pc == NOTED -> /* step noted */
        if
        :: IS_NOTED -> met = NEWER
        :: !IS_NOTED && TENT(w) -> pc = KILL
        :: !IS_NOTED && !TENT(w) && e != NOSLOT -> met = AGAIN
        :: !IS_NOTED && !TENT(w) && e == NOSLOT -> pc = OUTDO
        fi;
        if :: met != NOTHING -> i = 0; w = 0; pc = (e == NOSLOT -> SETTLE : NOTEDTOO) :: else fi }
    :: d_step { pc == KILL -> /* step refill4kill */
#ifdef SPARE
        if :: ID(w) == v -> cas(i, w, 0); met = AGAIN; i = 0; pc = (e == NOSLOT -> SETTLE : NOTEDTOO)
           :: else -> i++; pc = LOOK;
               if :: i == NS -> i = 0; pc = (e == NOSLOT -> PLACE : NOTEDTOO) :: else fi
        fi; w = 0 }
#else
#ifdef KILLBLIND
        slot[i] = 0; observe();
#else
        cas(i, w, 0);
#endif
        met = AGAIN; i = 0; w = 0; pc = (e == NOSLOT -> SETTLE : NOTEDTOO) }
#endif
    :: d_step { pc == OUTDO ->
#ifndef KEEP
        voids = voids | BIT(w);
#endif
        pc = SWAP }
    :: d_step { pc == SWAP -> /* step refill2 */
#ifdef OUTDOBLIND
        w = slot[i];
#endif
        if :: slot[i] == w -> slot[i] = v; observe(); met = STAYS :: else -> met = AGAIN fi;
        i = 0; w = 0; pc = SETTLE }
    :: atomic { pc == PLACE -> /* step refill3 */
        i = 0; e = 0;
        do :: e < NS -> if :: slot[e] == 0 -> i = 1 :: else fi; e++ :: else -> break od; e = NOSLOT;
        if
        :: !alone || !i -> met = NEWER; pc = SETTLE     /* no room, or not for it */
        :: alone && i ->
#ifdef NOTEDEARLY
            if :: IS_NOTED -> met = NEWER :: else fi;
#endif
            pc = STAND
        fi; i = 0 }
    :: atomic { pc == STAND && e == NOSLOT ->
        /* any that is empty; that none is any more is as if another had taken it meanwhile */
        e = 0; do :: e < NS && slot[e] == 0 -> break :: e + 1 < NS -> e++ :: e + 1 == NS -> break od;
        if
        :: slot[e] == 0 ->
#ifdef AHEAD
            slot[e] = v; observe(); pc = SETTLE; met = STAYS; e = NOSLOT
#else
            slot[e] = v | TB;
#ifdef NO4
            pc = NOTEDTOO
#else
            pc = LOOK
#endif
#endif
        :: else -> e = NOSLOT; met = AGAIN; pc = SETTLE
        fi }
    :: d_step { pc == NOTEDTOO -> /* step noted */
#ifdef STANDFIRST
        if :: EXPELLED -> met = AGAIN :: else fi;
#elif !defined(NOTEDEARLY)
        if :: IS_NOTED -> met = NEWER :: else fi;
#endif
        pc = STAND }
    :: d_step { pc == STAND && e != NOSLOT ->
#ifdef STANDFIRST
        if :: IS_NOTED -> met = NEWER :: else fi;
#elif !defined(NOSTAND)
        if :: EXPELLED -> met = AGAIN :: else fi;
#endif
        pc = (met == NOTHING -> COMMIT : WITHDRAW) }
    :: d_step { pc == WITHDRAW -> cas(e, v | TB, 0); e = NOSLOT; pc = SETTLE }
    :: d_step { pc == COMMIT -> /* step refill5 */
#ifdef COMMITBLIND
        slot[e] = v; observe(); met = STAYS;
#else
        if :: slot[e] == (v | TB) -> slot[e] = v; observe(); met = STAYS :: else -> met = AGAIN fi;
#endif
        e = NOSLOT; pc = SETTLE }
    :: d_step { pc == SETTLE ->
        if
        :: met == AGAIN -> pc = LOOK
        :: met == NEWER -> pc = DONE;
#ifndef KEEP
            voids = voids | BIT(v)
#endif
        :: met == STAYS -> pc = DONE
        fi; met = NOTHING }
#ifdef DIE
    :: d_step { v == 2 && !again && pc != START && pc != DONE -> half[v] = 1; pinned[v] = 0;
        i = 0; e = NOSLOT; w = 0; met = NOTHING; pc = DONE }
#endif
    :: d_step { pc == DONE ->
        if :: again || !(half[v] || left) -> sealed[v] = 1 :: else fi; /* step refillsealed */
        if :: !again -> pinned[v] = 0 :: else fi;
        over = over || ((sealed[1] || !(RDRS & 1)) && (sealed[2] || !(RDRS & 2)));
        alive-- } -> break
    od
}

proctype Expel() {
    expelled[2] = 1;
    d_step { if :: !sealed[2] -> half[2] = 1 /* step reapread */ :: else fi; alive-- }
}

proctype Put() {
    byte i, e, w;
    bool t;
    mtype pc = START;
    do
    :: pc == START ->
#ifndef NOTELATE
        note();
#endif
        pc = S2
    :: d_step { pc == S2 -> /* step put2 */
        w = slot[i];
        if
        :: SAME(w) -> e = i; i = 0; pc = C2;
            if :: !TENT(w) -> voids = voids | BIT(w) :: else fi
        :: else -> i++; if :: i == NS -> i = 0; pc = C3 :: else fi
        fi }
    :: d_step { pc == C2 -> /* step put2cas */
        if
        :: slot[e] != w -> e = 0; pc = S2
        :: slot[e] == w && !TENT(w) -> slot[e] = PUT; e = 0; pc = DONE
        :: slot[e] == w && TENT(w) -> slot[e] = PUT | TB; i = (e == 0 -> 1 : 0); pc = S4
        fi; w = 0; observe() }
    :: atomic { pc == C3 -> /* step put3 */
        e = 0; do :: e < NS && slot[e] == 0 -> break :: e + 1 < NS -> e++ :: e + 1 == NS -> break od;
        if
        :: slot[e] == 0 -> slot[e] = PUT | TB; i = (e == 0 -> 1 : 0); pc = S4
        :: else -> e = 0; pc = S2
        fi }
    :: d_step { pc == S4 -> /* step put4 */
        w = slot[i];
        if
        :: SAME(w) -> pc = C4; if :: !TENT(w) -> voids = voids | BIT(w) :: else fi
        :: else -> i++; if :: i == e -> i++ :: else fi; if :: i >= NS -> i = 0; pc = CMT :: else fi
        fi }
    :: d_step { pc == C4 ->
        if
        :: slot[i] != w -> i = (e == 0 -> 1 : 0); pc = S4
        :: slot[i] == w && i > e -> slot[i] = 0;        /* step put4kill */
            i++; if :: i >= NS -> i = 0; pc = CMT :: else -> pc = S4 fi
        :: slot[i] == w && i < e -> slot[i] = PUT | TENT(w); pc = CLR;  /* step put4move */
            t = TENT(w) != 0
        fi; w = 0; observe() }
    :: d_step { pc == CLR -> /* step put4clear */
        cas(e, PUT | TB, 0);
        if :: !t -> e = 0; i = 0; pc = DONE
           :: else -> e = i; i = (e == 0 -> 1 : 0); pc = S4 fi }
    :: d_step { pc == CMT -> /* step put5 */ cas(e, PUT | TB, PUT); e = 0; pc = DONE }
    :: pc == DONE -> break
    od;
#ifdef NOTELATE
    note();
#endif
    atomic { changed(); alive-- }
}

proctype Del() {
    byte i;
#ifndef NOTELATE
    note();
#endif
    do
    :: d_step { i < NS -> /* step delete */
        if :: SAME(slot[i]) ->
               if :: !TENT(slot[i]) -> voids = voids | BIT(slot[i]) :: else fi; slot[i] = 0
           :: else fi;
        i++; observe() }
    :: i == NS -> break
    od;
#ifdef NOTELATE
    note();
#endif
    atomic { changed(); alive-- }
}

/* of an old version; it may also be that there is nothing to be evicted */
proctype Evict() {
    byte i, w;
    do
    :: atomic { slot[i] != 0 && slot[i] < PUT -> w = slot[i] } -> break
    :: i + 1 < NS -> i++
    :: i + 1 == NS -> goto left
    od;
    note();
    voids = voids | BIT(w);
    d_step { /* step evict */
        if :: slot[i] == w -> slot[i] = 0; gone = gone | BIT(w) | OLDER(w) :: else fi };
left:
    skip;
    atomic { w = 0; i = 0; alive-- }
}

proctype Final() {
    byte i, here;
    d_step { alive == 0 ->
        do
        :: i < NS -> if :: slot[i] != 0 && !TENT(slot[i]) -> here = here | BIT(slot[i]) :: else fi; i++
        :: else -> break
        od;
        assert(!(RDRS & 1) || ((here | voids) & BIT(1)));
        assert(!(RDRS & 2) || ((here | voids) & BIT(2)));
#if !ND && !EV
#if NP
        assert(here & BIT(PUT))
#elif !defined(EXPEL)
        assert(here & BIT(RDRS - 1 > 0 -> 2 : 1))
#endif
#endif
    }
}

init {
    atomic {
#if RDRS & 1
        alive++; run Reader(1, 0);
#endif
#if RDRS & 2
        alive++; run Reader(2, 0);
#if defined(EXPEL) || defined(DIE)
        alive++; run Reader(2, 1);
#endif
#endif
#ifdef EXPEL
        alive++; run Expel();
#endif
#if NP
        alive++; run Put();
#endif
#if ND
        alive++; run Del();
#endif
#if EV
        alive++; run Evict();
#endif
        run Final()
    }
}

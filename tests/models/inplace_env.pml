/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The rest of inplace.pml: evictions, the mover, the sweep, phases, readers, the start. */

#if EV
proctype Env() {
    byte ev = EV, s;
    do
    :: atomic { ev > 0 -> /* step evict */
        s = 0;
        do
        :: SAME(slot[s]) -> slot[s] = EMPTY; LOG1("evict slot%d\n", s); break
        :: s < NS-1 -> s++
        :: s == NS-1 -> break
        od;
        ev--; s = 0; observe() }
    :: ev == 0 -> break
    od
}
#endif
#if NM
#if MV == 0
#define FIRST M1
#elif MV == 5
#define FIRST MS
#else
#define FIRST MP
#endif
#if CASE == 2
#define OLDHAS (SAME(slot[0]) || SAME(slot[1]))
#else
#define OLDHAS SAME(slot[0])
#endif
#ifdef MW       /* movers wait until the phase-1 operations are gone too */
#define MGO (nfl[0] == 0 && nfl[1] == 0)
#else
#define MGO 1
#endif
/* the only mover; retries while an old-only slot holds a word of the key */
proctype Mig() {
    byte w, src, myph;
    mtype pc = M0;
    do
    :: atomic { pc == M0 && ph == 2 && OLDHAS && MGO -> /* step migrate1 */
        ENTER(myph);
        if :: SAME(slot[0]) -> src = 0
#if CASE == 2
           :: SAME(slot[1]) -> src = 1
#endif
        fi;
        w = slot[src]; LOG2("mig: read slot%d = %d\n", src, w);
        if :: w & TB -> pc = MA :: else ->
            if :: XW(w) -> pc = FIRST :: else -> pc = M1 fi fi }
#if SW && MV
    :: d_step { pc == MP -> /* step mover1 */ pins++; LOG1("mig: pins\n", 0);
#if MV == 2 || MV == 3 || MV == 5
        pc = MR
#else
        pc = MS
#endif
      }
    :: d_step { pc == MR -> /* step mover2 */ LOG1("mig: re-reads slot%d\n", src);
        if :: slot[src] != w -> pins--; w = 0; src = 0; LEAVE(myph); pc = M0
           :: else ->
#if MV == 2 || MV == 3
             pc = MS
#else
             pc = M1
#endif
        fi }
    :: d_step { pc == MS -> /* step mover3 */ LOG1("mig: reads state %d\n", ast);
#if MV == 3
        if :: ast != 0 -> pc = MX
#else
        if :: ast == 1 -> pc = MX
#endif
           :: else ->
#if MV == 1 || MV == 2 || MV == 3
             pc = M1
#elif MV == 4
             pc = MR
#else
             pc = MP
#endif
        fi }
    :: d_step { pc == MX -> /* step migrate2evict */       /* arena in SWEEPING: evict instead of moving */
        if :: slot[src] == w -> slot[src] = EMPTY; LOG1("mig: evicted slot%d\n", src) :: else fi;
#if MV != 5
        pins--;
#endif
        w = 0; src = 0; LEAVE(myph); pc = M0; observe() }
#endif
    :: d_step { pc == MA -> /* step migrate1kill */       /* a T word in old-only: kill it */
        if :: slot[src] == w -> slot[src] = EMPTY; LOG1("mig: killed T slot%d\n", src) :: else fi;
        w = 0; src = 0; LEAVE(myph); pc = M0; observe() }
    :: atomic { pc == M1 -> /* step migrate2 */
        if
        :: slot[src+2] == EMPTY -> slot[src+2] = w | TB; LOG1("mig: reserved slot%d\n", src+2); pc = M3
        :: slot[src+2] == OTHER -> slot[src+2] = EMPTY; LOG1("mig: evicted foreign slot%d\n", src+2)
        :: SAME(slot[src+2]) ->   /* full: evict w itself */
            if :: slot[src] == w -> slot[src] = EMPTY; LOG1("mig: image full, evicted slot%d\n", src) :: else fi;
#if SW && MV
            UNPIN(w);
#endif
            w = 0; src = 0; LEAVE(myph); pc = M0
        fi; observe() }
    :: d_step { pc == M3 -> /* step migrate3 */
        if :: slot[src] == w -> slot[src] = EMPTY; LOG1("mig: killed old slot%d\n", src);
              pc = M4; observe()
           :: else -> /* step migrate3undo */ LOG1("mig: old slot%d changed\n", src);
              if :: slot[src+2] == (w | TB) -> slot[src+2] = EMPTY :: else fi;
#if SW && MV
              UNPIN(w);
#endif
              w = 0; src = 0; LEAVE(myph); pc = M0; observe() fi }
    :: d_step { pc == M4 -> /* step migrate4 */
        if :: slot[src+2] == (w | TB) -> slot[src+2] = w; LOG1("mig: committed slot%d\n", src+2) :: else fi;
#if SW && MV
        UNPIN(w);
#endif
        w = 0; src = 0; LEAVE(myph); pc = M0; observe() }
#ifdef MCRASH
    :: d_step { pc == M3 || pc == M4 -> /* step migrate4 */ LOG1("mig: dies\n", 0);
#if SW && MV
        UNPIN(w);
#endif
        w = 0; src = 0; LEAVE(myph); pc = DONE }
#endif
    :: pc == DONE -> break
    od
}
#endif
#if SW
#ifdef SNC
#define SENT(p) p = ph
#define SLEA(p) skip
#else
#define SENT(p) ENTER(p)
#define SLEA(p) LEAVE(p)
#endif
/* entries of the arena: id 1, put XP's (if any), the dead put's (DEADX); each entry:
 * passes over the window, in one section, until a pass finds nothing */
proctype Sweep() {
    byte i, k, myph, st, try = 2; bool found;
    do
    :: d_step { st == 0 && try > 0 -> /* step sweep1 */ try--;
#if SV == 1
        if :: pins > 0 -> skip :: else -> LOG1("sweep: no pins\n", 0); st = 1 fi
#else
        ast = 1; LOG1("sweep: SWEEPING\n", 0); st = 1
#endif
      }
    :: d_step { st == 1 -> /* step sweep1look */
#if SV == 1
        ast = 1; st = 2; k = 1
#else
        if :: pins > 0 -> ast = 0; LOG1("sweep: pinned, back to SEALED\n", 0); st = 0
           :: else -> LOG1("sweep: no pins\n", 0); st = 2; k = 1 fi
#endif
      }
    :: d_step { st == 2 -> /* step section1, section2 */ SENT(myph); i = 0; found = 0; st = 3; LOG2("sweep: entry %d in phase %d\n", k, myph) }
    :: atomic { st == 3 -> /* step sweep2, sweep3 */
        if
        :: INX(LOAD(myph, WQ(i))) && ID(slot[WQ(i)]) == k ->
            found = 1;
            if :: slot[WQ(i)] = EMPTY; LOG1("sweep: evicted slot%d\n", WQ(i))
               :: COMM(slot[WQ(i)]) -> slot[WQ(i)] = slot[WQ(i)] | NX; LOG1("sweep: relocated slot%d\n", WQ(i))
            fi
        :: else -> LOG1("sweep: nothing at slot%d\n", WQ(i))
        fi;
        i++;
        if
        :: i < NS -> skip
        :: i == NS ->
            i = 0;
            if
#ifndef SONE
            :: found -> found = 0
#endif
            :: else ->
                found = 0; SLEA(myph); st = 2;
                if :: k == 1 && XP > 0 -> k = XP
#ifdef DEADX
                   :: (k == XP || (k == 1 && XP == 0)) -> k = DEADID
                   :: k == DEADID -> st = 4
#else
                   :: k == XP || XP == 0 -> st = 4
#endif
                fi
            fi
        fi; observe() }
    :: d_step { st == 4 -> /* step sweep5 */ ast = 2; LOG1("sweep: RETIRED\n", 0); st = 5; observe() }
    :: d_step { st == 5 && pins == 0 -> /* step free4 */ ast = 3; LOG1("sweep: FREE\n", 0); st = 6 }
    :: st == 6 || (st == 0 && try == 0) -> break
    od
}
#endif
proctype Phase() {
    byte k;
    do
#ifdef PHNAIVE
    :: atomic { ph == 0 -> ph = 2; LOG1("phase %d\n", ph) }
#else
    :: atomic { ph == 0 -> ph = 1; /* step phase1 */ LOG1("phase %d\n", ph) }
#endif
    :: atomic { ph == 1 && nfl[0] == 0 -> ph = 2; /* step phase2 */ LOG1("phase %d\n", ph) }
    :: d_step { ph == 2 && nfl[0] == 0 && nfl[1] == 0 && k < NOO && !SAME(slot[k]) -> k++ /* step phasemove */ }
#ifdef PHEVICT
    :: d_step { ph == 2 && nfl[0] == 0 && nfl[1] == 0 && k < NOO && SAME(slot[k]) -> slot[k] = EMPTY; LOG1("phase: evicts slot%d\n", k); observe() }
#endif
    :: atomic { ph == 2 && k == NOO -> ph = 3; /* step phase3 */ k = 0; LOG1("phase %d\n", ph) }
    :: ph == 3 -> break
    od
}
#if RD
proctype Get(byte r) {
    byte s, v, st, g = NG; short gi;
    do
    :: atomic { st == 0 && g > 0 -> gi = K; st = 1 }
    :: atomic { st == 1 -> /* step get, reader1, reader2 */            /* load any slot */
        s = 0; do :: s < NS-1 -> s++ :: break od;
        if
        :: COMM(slot[s]) ->
            v = slot[s];
            if :: XW(v) -> pins++; st = 2 :: else -> st = 3 fi
        :: else -> s = 0
        fi;
        if :: st == 3 -> hit(v); v = 0; s = 0; gi = 0; st = 0; g-- :: else fi }
    :: atomic { st == 1 -> st = 0; gi = 0; g-- }          /* miss */
    :: d_step { st == 2 -> /* step reader3 */            /* pinned: read the slot again */
        if :: slot[s] == v -> st = 4; hit(v) :: else -> UNPIN(v); st = 1; v = 0; s = 0 fi }
    :: d_step { st == 4 -> /* step unpin */ assert(ast != 3); UNPIN(v); v = 0; s = 0; gi = 0; st = 0; g-- }
    :: g == 0 && st == 0 -> break
    od
}
#endif
init {
    byte s; bool w0 = 1, dd = 0;
#ifdef DEADX
    dd = 1;
#endif
    atomic {
        s = 0;
        do
        :: s < NS ->
            if
            :: skip
            :: slot[s] = OTHER
            :: w0 && s < 2 -> slot[s] = 1; w0 = 0
            :: dd && s < 2 -> slot[s] = DEADID | TB; dd = 0
            fi;
            s++
        :: else -> break
        od;
        s = 0; w0 = 0; dd = 0;
#if RD
        K = 2;
#else
        A = 2; observe();
#endif
        printf("init: %d %d %d\n", slot[0], slot[1], slot[NS-1]);
        s = 2;
        do :: s < NP + 2 -> run Put(s); s++ :: else -> break od;
        do :: s < NP + ND + 2 -> run Del(s); s++ :: else -> break od;
        s = 0;
#if EV
        run Env();
#endif
#if NM
        run Mig();
#endif
#if SW
        run Sweep();
#endif
        run Phase();
#if RD
        do :: s < RD -> run Get(s); s++ :: else -> break od; s = 0;
#endif
    }
#ifdef NOLOSS
    atomic { fin == NP && ph == 3 && nfl[0] == 0 && nfl[1] == 0 && nfl[2] == 0 ->
        s = 0;
        do :: s < NS && COMM(slot[s]) -> break
           :: s < NS && !COMM(slot[s]) -> s++
           :: s == NS -> assert(0); break
        od; s = 0 }
#endif
}

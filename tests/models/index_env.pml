/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The rest of index.pml: evictions and other changes from outside, movers, phases, readers, the start. */

#if EV + RL + BU + OT > 0
proctype Env() {
    byte ev = EV, rl = RL, bu = BU, ot = OT, s;
    do
#if EV > 0
    :: atomic { ev > 0 -> /* step evict */
        s = 0;
        do
#if EVT
        :: SAME(slot[s]) -> slot[s] = EMPTY; LOG1("evict slot%d\n", s); break
#else
        :: COMM(slot[s]) -> slot[s] = EMPTY; LOG1("evict slot%d\n", s); break
#endif
        :: s < NS-1 -> s++
        :: s == NS-1 -> break
        od;
        ev--; s = 0; observe() }
#endif
#if RL > 0
    :: atomic { rl > 0 -> /* step sweep3 */
        s = 0;
        do
        :: COMM(slot[s]) -> copies++; slot[s] = (slot[s] & 63) | (copies << 6); LOG1("relocate slot%d\n", s); break
        :: s < NS-1 -> s++
        :: s == NS-1 -> break
        od;
        rl--; s = 0; observe() }
#endif
#if BU > 0
    :: atomic { bu > 0 -> /* step bump */
        s = 0;
        do
        :: COMM(slot[s]) -> slot[s] = slot[s] ^ 32; LOG1("bump/age slot%d\n", s); break
        :: s < NS-1 -> s++
        :: s == NS-1 -> break
        od;
        bu--; s = 0; observe() }
#endif
#if OT > 0
    :: atomic { ot > 0 ->
        s = 0;
        do
        :: slot[s] == EMPTY && s < NINS -> slot[s] = OTHER; LOG1("foreign key into slot%d\n", s); break
        :: slot[s] == OTHER -> slot[s] = EMPTY; LOG1("foreign key leaves slot%d\n", s); break
        :: s < NS-1 -> s++
        :: s == NS-1 -> break
        od;
        ot--; s = 0; observe() }
#endif
    :: ev == 0 && rl == 0 && bu == 0 && ot == 0 -> break
    od
}
#endif

#ifdef MEXCL
#define MFREE (mlock == 0)
#else
#define MFREE 1
#endif
#ifdef PH
#define MPH (ph == 2)
#else
#define MPH 1
#endif
#if NM > 0
proctype Mig(byte q) {
    byte i, e, w, wt, src, try = MTRY;
#ifdef PH
    byte myph;
#endif
    mtype pc = M0;
    do
    :: atomic { (pc == M0 && try > 0 && MFREE && MPH) -> /* step migrateclaim, migrate1 */
#ifdef MEXCL
        mlock = 1;
#endif
        src = NNEW; try--; ENTER(myph);
        do
        :: COMM(slot[src]) -> w = slot[src]; LOG2("mig%d: read slot%d\n", q, src); pc = M1; break
        :: src < NS-1 -> src++
        :: src == NS-1 -> LEAVE(myph); src = 0; if :: try > 0 -> pc = M0 :: else -> FIN; pc = DONE fi;
#ifdef MEXCL
            mlock = 0;
#endif
            break
        od }
    :: atomic { pc == M1 -> /* step migrate2 */
        e = 0; wt = w;
#ifdef FRESH
        copies++; wt = (w & 63) | (copies << 6);
#endif
        do
        :: slot[e] == EMPTY -> slot[e] = wt | TB; LOG2("mig%d: reserved slot%d\n", q, e);
            i = 0;
            do :: (MO(i) == e || MO(i) == src) -> i++ :: else -> break od;
#ifdef MNOSCAN
            i = 0; pc = M3;
#else
            if :: i >= NS -> i = 0; pc = M3 :: else -> pc = M2 fi;
#endif
            break
        :: e < NNEW-1 -> e++
        :: e == NNEW-1 -> e = 0; wt = 0; pc = MAB; break
        od }
    :: d_step { pc == M2 ->
        if
        :: SAME(slot[MO(i)]) -> LOG2("mig%d: rescan found slot%d\n", q, MO(i)); i = 0; pc = MAB
        :: else ->
            i++;
            do :: i < NS && (MO(i) == e || MO(i) == src) -> i++ :: else -> break od;
            if :: i >= NS -> i = 0; pc = M3 :: else fi
        fi }
    :: d_step { pc == M3 -> /* step migrate3 */
        if :: slot[src] == w -> slot[src] = EMPTY; LOG2("mig%d: killed old slot%d\n", q, src); pc = M4
           :: else -> pc = MAB fi;
        observe() }
    :: d_step { pc == M4 -> /* step migrate4 */
        if :: slot[e] == (wt | TB) -> slot[e] = wt; LOG2("mig%d: committed slot%d\n", q, e) :: else fi;
        e = 0; w = 0; wt = 0; src = 0; LEAVE(myph);
        if :: try > 0 -> pc = M0 :: else -> FIN; pc = DONE fi;
#ifdef MEXCL
        mlock = 0;
#endif
        observe() }
    :: d_step { pc == MAB -> /* step migrate3undo */
        if :: wt != 0 && slot[e] == (wt | TB) -> slot[e] = EMPTY; LOG2("mig%d: abandoned slot%d\n", q, e) :: else fi;
#ifdef MEVICT
        if :: slot[src] == w -> slot[src] = EMPTY :: else fi;
#endif
        e = 0; w = 0; wt = 0; src = 0; LEAVE(myph);
        if :: try > 0 -> pc = M0 :: else -> FIN; pc = DONE fi;
#ifdef MEXCL
        mlock = 0;
#endif
        observe() }
#ifdef MCRASH
    /* the migrator dies; the claim is taken over */
    :: atomic { pc == M2 || pc == M3 || pc == M4 || pc == MAB -> LOG1("mig%d: dies\n", q);
        e = 0; w = 0; wt = 0; src = 0; i = 0; mlock = 0; LEAVE(myph); FIN; pc = DONE }
#endif
    :: pc == DONE -> break
    od
}
#endif

#ifdef PH
proctype Phase() {
    byte k;
    do
#ifdef PHNAIVE
    :: atomic { ph == 0 -> ph = 2; LOG1("phase %d\n", ph) }
#else
    :: atomic { ph == 0 -> ph = 1; /* step phase1 */ LOG1("phase %d\n", ph) }
#endif
    :: atomic { ph == 1 && nfl[0] == 0 -> ph = 2; /* step phase2 */ LOG1("phase %d\n", ph) }
    /* after the grace period of phase 1 look at the old slots one by one */
    :: d_step { ph == 2 && nfl[0] == 0 && nfl[1] == 0 && k < NS - NNEW && !SAME(slot[NNEW + k]) -> k++ }
#ifdef PHEVICT
    :: d_step { ph == 2 && nfl[0] == 0 && nfl[1] == 0 && k < NS - NNEW && SAME(slot[NNEW + k]) -> slot[NNEW + k] = EMPTY; observe() }
#endif
    :: atomic { ph == 2 && k == NS - NNEW -> ph = 3; /* step phase3 */ k = 0; LOG1("phase %d\n", ph) }
    :: ph == 3 -> break
    od
}
#endif

#if RD
proctype Get(byte r) {
    byte i, v, g = NG; short gi;
    do
    :: d_step { g > 0 -> /* step get */
        if :: i == 0 -> gi = K :: else fi;
        if
        :: COMM(slot[GO(i)]) ->
            v = ID(slot[GO(i)]);
            LOG3("get%d: slot%d hit value %d\n", r, GO(i), v);
            gi = gi & ~BIT(v);
            pred[v] = pred[v] | gi; hj = 0;
            do :: hj < NID -> if :: gi & BIT(hj) -> pred[v] = pred[v] | pred[hj] :: else fi; hj++ :: else -> break od;
            assert((pred[v] & BIT(v)) == 0);
            hj = 0;
            do :: hj < NID -> if :: pred[hj] & BIT(v) -> pred[hj] = pred[hj] | pred[v]; assert((pred[hj] & BIT(hj)) == 0) :: else fi; hj++ :: else -> break od;
            hj = 0;
            K = K | BIT(v); i = 0; g--; gi = 0; v = 0
        :: else ->
            i++;
            if :: i == NS -> LOG1("get%d: miss\n", r); i = 0; g--; gi = 0 :: else fi
        fi }
    :: g == 0 -> break
    od
}
#endif

init {
    byte s; bool w0 = INITW, dd = INITDEAD;
#ifdef PH
#define LOW NNEW
#else
#define LOW 0
#endif
    atomic {
        s = LOW;                              /* PH: the new table is empty */
        do
        :: s < NS ->
            if
            :: skip                       /* EMPTY */
            :: slot[s] = OTHER
            :: w0 -> slot[s] = 1; w0 = 0
            :: dd && s < NS -> slot[s] = DEADID | TB; dd = 0
            fi;
            s++
        :: else -> break
        od;
        s = 0; w0 = 0; dd = 0;
#ifdef GHOSTOFF
#elif RD
        K = 2;                            /* id 1 is an old completed put */
#else
        A = 2; observe();
#endif
        printf("init: %d %d %d\n", slot[0], slot[1], slot[NS-1]);
        s = 2;
        do :: s < NP + 2 -> run Put(s); s++ :: else -> break od;
        do :: s < NP + ND + 2 -> run Del(s); s++ :: else -> break od;
        s = 0;
#if EV + RL + BU + OT > 0
        run Env();
#endif
#if NM > 0
        do :: s < NM -> run Mig(s); s++ :: else -> break od; s = 0;
#endif
#ifdef PH
        run Phase();
#endif
#if RD
        do :: s < RD -> run Get(s); s++ :: else -> break od; s = 0;
#endif
    }
#ifdef NOLOSS
    /* all puts returned, nothing was deleted or evicted: the key is present */
    atomic { fin == NP + NM ->
        s = 0;
        do :: s < NS && COMM(slot[s]) -> break
           :: s < NS && !COMM(slot[s]) -> s++
           :: s == NS -> assert(0); break
        od; s = 0 }
#endif
}

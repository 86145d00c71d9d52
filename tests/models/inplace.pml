/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* inplace.pml - the slot protocol (index.pml) while a shard doubles IN PLACE, and
 * the sweep of an arena. Movers, sweep, phases, readers: inplace_env.pml.  One key, one slot a bucket; one transition = one shared
 * access; sequentially consistent.  Monitors and Put: as in index.pml.
 *
 * CASE=1: one of the key's buckets moves, the other stays (bits (1,0), by symmetry (0,1)):
 *   slot 0 = o (old-only), 1 = s (old AND new), 2 = o's image.  old {0,1}, new {1,2}.
 * CASE=2: both move: 0 = o1, 1 = o2, 2 = o1's image, 3 = o2's image.
 * A word moves only from slot x < CASE to slot x+2.
 * R0..R3: rank of each slot in the slot order (lower = smaller rank).
 * Q0..Q3: slot scanned 1st, 2nd ..: put step 2 and delete; P0..P3: put step 4;
 * W0..W3: the sweep.  Default: 0,1,2,3 (old-only first) for all.
 *
 * Run:  spin -DCASE=1 -DNP=2 -DND=1 -DEV=1 -DR0=0 -DR1=1 -DR2=2 -a inplace.pml
 *       gcc -O2 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=512 -o pan pan.c; ./pan -E -m2000000 -w25
 *   all orders:   CASE=1 the 6 permutations of R0 R1 R2, CASE=2 the 24 of R0..R3
 *   sweep:        -DSW=1 [-DXP=2 put 2's entry is in the swept arena too] [-DDEADX]
 *                 expected ok with -DMV=3 or -DMV=4; expected bad with MV=0,1,2,5, SV=1
 *   real gets:    -DRD=1 (any slot, any order, any number of loads: covers every
 *                 scan order, every subset and a get that runs over phases)
 *   scan mutants: -DQ0=2 -DQ1=0 -DQ2=1 (put step 2 + delete image-first), -DP0=2 ..
 * MV, what the mover does between reading w and placing w|T in the image:
 *   0 nothing  1 pin; state != SWEEPING   2 pin; re-read slot; state != SWEEPING
 *   3 pin; re-read slot; state must be SEALED   4 pin; state != SWEEPING; re-read slot
 *   5 state != SWEEPING; pin; re-read   (a refused state: the mover evicts w)
 * SV=0 sweeper stores SWEEPING, then reads pins; 1 reads pins, then stores SWEEPING
 * SONE one sweep pass only; SNC sweep not counted in the phases; PHNAIVE; PHEVICT
 * (others evict from old-only slots in phase 2); MCRASH, CRASHOP; NOLOSS (bad: IP10);
 * MW: movers wait until no phase-1 operation is left (NOLOSS still bad); MIX below
 */
#ifndef CASE
#define CASE 1
#endif
#define NS (2+CASE)
#define NOO CASE
#ifndef NP
#define NP 2
#endif
#ifndef ND
#define ND 0
#endif
#ifndef EV
#define EV 0
#endif
#ifndef RD
#define RD 0
#endif
#ifndef NG
#define NG 2
#endif
#ifndef SW
#define SW 0
#endif
#ifndef MV
#define MV 3
#endif
#ifndef SV
#define SV 0
#endif
#ifndef XP
#define XP 0
#endif
#ifndef NM
#define NM 1
#endif
#ifndef R0
#define R0 0
#endif
#ifndef R1
#define R1 1
#endif
#ifndef R2
#define R2 2
#endif
#ifndef R3
#define R3 3
#endif
#ifndef Q0
#define Q0 0
#define Q1 1
#define Q2 2
#define Q3 3
#endif
#ifndef P0
#define P0 0
#define P1 1
#define P2 2
#define P3 3
#endif
#ifndef W0
#define W0 0
#define W1 1
#define W2 2
#define W3 3
#endif
#define PICK(x,a,b,c,d) ((x) == 0 -> a : ((x) == 1 -> b : ((x) == 2 -> c : d)))
#define RK(s) PICK(s,R0,R1,R2,R3)
#ifdef MIX      /* mutant: put 3 uses the reversed order */
#define LOWER(a,b) (m == 3 -> RK(b) < RK(a) : RK(a) < RK(b))
#else
#define LOWER(a,b) (RK(a) < RK(b))
#endif
#define Q(i) PICK(i,Q0,Q1,Q2,Q3)
#define Q4(i) PICK(i,P0,P1,P2,P3)
#define WQ(i) PICK(i,W0,W1,W2,W3)

#define EMPTY 0
#define TB    16
#define NX    64        /* word whose bytes are not in the swept arena */
#define OTHER 15
#define ID(w)   ((w) & 15)
#define SAME(w) (ID(w) != 0 && ID(w) != OTHER)
#define COMM(w) (SAME(w) && !((w) & TB))
#define INX(w)  (SAME(w) && !((w) & NX))
#define BIT(k)  (1 << (k))
#define DEADID  (NP + ND + 2)
#define NID     (NP + ND + 3)
byte slot[NS];
byte started = 1, fin = 0, pins = 0, ast = 0;   /* ast: 0 SEALED 1 SWEEPING 2 RETIRED 3 FREE */
byte hj, hn, hv, hk;
byte ph = 0, nfl[4];
#if SW
#define XW(w) INX(w)
#define OWN(m) ((m) == XP && ast == 0 -> (m) : (m) | NX)
#define PIN(w)   if :: INX(w) -> pins++ :: else fi
#define UNPIN(w) if :: INX(w) -> pins-- :: else fi
#else
#define XW(w) 0
#define OWN(m) ((m) | NX)
#define PIN(w) skip
#define UNPIN(w) skip
#endif
#if SW
inline freed() {       /* I5: no slot of the table holds a ref into a retired arena */
    hj = 0;
    do :: hj < NS -> assert(!(ast >= 2 && INX(slot[hj]))); hj++ :: else -> break od;
    hj = 0
}
#else
#define freed() skip
#endif
#if RD
short K = 0;
short pred[NID];
inline observe() { freed() }
inline invoke(m) { pred[m] = K }
inline respond(m) { K = K | BIT(m); freed() }
#else
short A = 0, D = 0;
short KI[NID];
inline norm() {
    hk = 0;
    do :: hk < NID -> KI[hk] = KI[hk] & ~D; hk++ :: else -> break od; hk = 0
}
inline observe() {
    hn = 0; hv = 0; hj = 0;
    do
    :: hj < NS ->
        if :: COMM(slot[hj]) -> hn++; hv = ID(slot[hj]) :: else fi; hj++
    :: else -> break
    od;
    assert(hn <= 1);                               /* I1 */
    if
    :: hn == 1 ->
        assert((D & BIT(hv)) == 0);                /* no stale hit */
        D = D | (A & ~BIT(hv)); A = BIT(hv); norm()
    :: else
    fi;
    hn = 0; hv = 0; hj = 0; freed()
}
inline invoke(m) { KI[m] = A }
inline respond(m) {
    D = D | KI[m];
    KI[m] = 0;
    if :: m < NP + 2 && (D & BIT(m)) == 0 -> A = A | BIT(m) :: else fi;
    A = A & ~D; norm();
    observe()
}
#endif
#define FIN fin++
#define ENTER(p)  p = ph; nfl[p]++
#define LEAVE(p)  nfl[p]--
#define INWIN(p,s) (((p) != 0 || (s) < 2) && ((p) != 3 || (s) >= NOO))
#define INS(p,s)   ((p) <= 1 -> (s) < 2 : (s) >= NOO)
#define LOAD(p,s) (INWIN(p,s) -> slot[s] : OTHER)
#define LOG1(f,a)       printf(f,a)
#define LOG2(f,a,b)     printf(f,a,b)
#define LOG3(f,a,b,c)   printf(f,a,b,c)
mtype = { START, RD2, CAS2, CAS3, RD4, CAS4, CLRD, CLRT, CMT, DONE, M0, MP, MS, MR, MX, M1, M3, M4, MA };

proctype Put(byte m) {
    byte i, e, w, emp;
    byte myph, me;
    mtype pc = START;

    do
    :: d_step { (pc == START && started == m - 1) || pc == RD2 -> /* step put2 */
        if :: pc == START -> started = m; ENTER(myph); me = OWN(m); PIN(me); invoke(m); LOG1("put%d: invoked\n", m); pc = RD2 :: else fi;
        w = LOAD(myph, Q(i));
        LOG3("put%d: step2 load slot%d = %d\n", m, Q(i), w);
        if
        :: SAME(w) -> e = Q(i); i = 0; emp = 0; pc = CAS2
        :: else ->
            if :: w == EMPTY && INS(myph, Q(i)) -> emp = emp | BIT(Q(i)) :: else fi;
            w = 0; i++;
            if
            :: i == NS -> i = 0; pc = CAS3;
            :: else
            fi
        fi
      }
    :: d_step { pc == CAS2 -> /* step put2cas */
        if
        :: slot[e] != w -> LOG2("put%d: step2 CAS slot%d failed\n", m, e); e = 0; pc = RD2
        :: slot[e] == w && !(w & TB) ->
            slot[e] = me; LOG2("put%d: replaced in place slot%d; done\n", m, e);
            respond(m); LEAVE(myph); UNPIN(me); me = 0; FIN; e = 0; pc = DONE
        :: slot[e] == w && (w & TB) ->
            slot[e] = me | TB; LOG2("put%d: took over T slot%d\n", m, e);
            i = 0; if :: Q4(i) == e -> i = 1 :: else fi;
            observe(); pc = RD4
        fi; w = 0
      }
    :: atomic { pc == CAS3 -> /* step put3 */
        if
        :: emp != 0 ->
            e = 0;
            do   /* any of the slots seen empty */
            :: (emp & BIT(e)) -> break
            :: (emp >> (e + 1)) != 0 -> e++
            od;
            emp = 0;
            if
            :: slot[e] == EMPTY ->
                slot[e] = me | TB; LOG2("put%d: step3 inserted T at slot%d\n", m, e);
                i = 0; if :: Q4(i) == e -> i = 1 :: else fi;
                pc = RD4
            :: else -> LOG2("put%d: step3 CAS slot%d failed\n", m, e); e = 0; pc = RD2
            fi
        :: emp == 0 -> /* step put3evict */     /* evict a victim of another key */
            e = 0;
            do
            :: e < NS ->
                if :: INS(myph, e) && slot[e] == OTHER -> emp = emp | BIT(e) :: else fi; e++
            :: else -> break
            od;
            e = 0;
            if
            :: emp == 0 -> pc = RD2        /* the window changed: look again */
            :: else ->
                do
                :: (emp & BIT(e)) -> break
                :: (emp >> (e + 1)) != 0 -> e++
                od;
                slot[e] = EMPTY; emp = BIT(e); LOG2("put%d: evicted foreign slot%d\n", m, e)
            fi;
            e = 0
        fi;
        observe()
      }
    :: d_step { pc == RD4 -> /* step put4 */
        w = LOAD(myph, Q4(i));
        LOG3("put%d: step4 load slot%d = %d\n", m, Q4(i), w);
        if
        :: SAME(w) -> pc = CAS4
        :: else ->
            w = 0; i++;
            if :: i < NS && Q4(i) == e -> i++ :: else fi;
            if :: i == NS -> i = 0; pc = CMT :: else fi
        fi
      }
    :: d_step { pc == CAS4 ->
        if
        :: slot[Q4(i)] != w ->
            LOG2("put%d: step4 CAS slot%d failed\n", m, Q4(i));
            i = 0; if :: Q4(i) == e -> i = 1 :: else fi; pc = RD4
        :: slot[Q4(i)] == w && LOWER(Q4(i),e) -> /* step put4move */
            slot[Q4(i)] = me | (w & TB); LOG2("put%d: moved down to slot%d\n", m, Q4(i));
            if :: w & TB -> pc = CLRT :: else -> i = 0; pc = CLRD fi
        :: slot[Q4(i)] == w && LOWER(e,Q4(i)) -> /* step put4kill */
            slot[Q4(i)] = EMPTY; LOG2("put%d: killed slot%d\n", m, Q4(i));
            i++;
            if :: i < NS && Q4(i) == e -> i++ :: else fi;
            if :: i == NS -> i = 0; pc = CMT :: else pc = RD4 fi
        fi;
        w = 0; observe()
      }
    :: d_step { pc == CLRT -> /* step put4clear */
        if :: slot[e] == (me | TB) -> slot[e] = EMPTY :: else fi;
        e = Q4(i); i = 0; if :: Q4(i) == e -> i = 1 :: else fi;
        observe(); pc = RD4
      }
    :: d_step { pc == CLRD -> /* step put4clear */
        if :: slot[e] == (me | TB) -> slot[e] = EMPTY :: else fi;
        LOG1("put%d: done (moved)\n", m);
        e = 0; respond(m); LEAVE(myph); UNPIN(me); me = 0; FIN; pc = DONE
      }
    :: d_step { pc == CMT -> /* step put5 */
        if :: slot[e] == (me | TB) -> slot[e] = me; LOG2("put%d: committed slot%d; done\n", m, e)
           :: else -> LOG1("put%d: commit failed; done\n", m) fi;
        e = 0; respond(m); LEAVE(myph); UNPIN(me); me = 0; FIN; pc = DONE
      }
#ifdef CRASHOP
    :: d_step { pc != START && pc != DONE -> LOG1("put%d: dies\n", m); LEAVE(myph); UNPIN(me); me = 0; FIN; i = 0; e = 0; w = 0; emp = 0; pc = DONE }
#endif
    :: pc == DONE -> break
    od
}

#if RD
inline hit(x) {
    hv = ID(x); gi = gi & ~BIT(hv); pred[hv] = pred[hv] | gi; hj = 0;
    do :: hj < NID -> if :: gi & BIT(hj) -> pred[hv] = pred[hv] | pred[hj] :: else fi; hj++ :: else -> break od;
    assert((pred[hv] & BIT(hv)) == 0); hj = 0;
    do :: hj < NID -> if :: pred[hj] & BIT(hv) -> pred[hj] = pred[hj] | pred[hv]; assert((pred[hj] & BIT(hj)) == 0) :: else fi; hj++ :: else -> break od;
    hj = 0; K = K | BIT(hv); hv = 0
}
#endif
proctype Del(byte m) {
    byte i, myph;
    do
    :: d_step { i < NS -> /* step delete */
        if :: i == 0 -> ENTER(myph); invoke(m); LOG1("del%d: invoked\n", m) :: else fi;
        if :: SAME(LOAD(myph, Q(i))) -> slot[Q(i)] = EMPTY; LOG2("del%d: emptied slot%d\n", m, Q(i))
           :: else -> LOG2("del%d: nothing at slot%d\n", m, Q(i)) fi;
        i++;
        observe();
        if :: i == NS -> LOG1("del%d: done\n", m); LEAVE(myph); respond(m) :: else fi
      }
    :: i == NS -> break
    od
}

#include "inplace_env.pml"

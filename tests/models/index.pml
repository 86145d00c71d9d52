/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* index.pml - the slot protocol of one key: put, delete, get, eviction, relocation, the mover between
 * two disjoint tables. Here: options, monitor, put and delete; the rest is in index_env.pml.
 *
 * Run (example; every option is a -D macro given to BOTH spin and the replay):
 *   spin -DNS=3 -DNP=2 -DND=1 -DEV=1 -a index.pml
 *   gcc -O2 -DSAFETY -DCOLLAPSE -DVECTORSZ=512 -o pan pan.c
 *   ./pan -m1000000 -w26                    # exhaustive
 *   (gcc ... -DBFS for the shortest counterexample;  spin -t -D... index.pml replays it)
 *
 * One transition = one shared access (load or CAS); memory is sequentially
 * consistent.  A crash (kill -9) of an operation between two steps is the
 * schedule in which it is never chosen again, so every safety result below
 * covers crashes at any point; INITDEAD also starts from a dead T word.
 *
 * MONITOR "eager reader": after each shared write, and at each response, every
 * committed same-key word is taken to be read by a virtual instantaneous get.
 * A real get returns a word that was in a slot at one instant inside its
 * interval, so it is weaker than the virtual get at that instant; with I1 (at
 * most one committed word at any instant) a fast real get does return it.
 * Ghost sets: A = puts known to be linearized and not known overwritten,
 * D = puts known overwritten, KI[m] = A when m was invoked.  For a register of
 * distinct values with free misses this is exact (Gibbons-Korach zones).
 * Compile with -DRD=n for n real readers (NG gets each, non-atomic scan) and a
 * full precedence matrix instead; then I1 is not asserted.
 */
#ifndef NS
#define NS 3            /* slots of the window (positions 0..NS-1) */
#endif
#ifndef NNEW
#define NNEW NS         /* positions 0..NNEW-1 new table, rest old table */
#endif
#ifndef NINS
#define NINS NNEW       /* puts insert only into positions < NINS */
#endif
#ifndef NP
#define NP 2            /* putters (one put each, ids 2..NP+1) */
#endif
#ifndef ND
#define ND 0            /* deleters */
#endif
#ifndef EV
#define EV 0            /* evictions of a same-key word (T or not) */
#endif
#ifndef RL
#define RL 0            /* relocations of a committed word (fresh offset) */
#endif
#ifndef BU
#define BU 0            /* freq bumps/agings (toggle: ABA on purpose) */
#endif
#ifndef OT
#define OT 0            /* foreign-key moves: EMPTY->OTHER or OTHER->EMPTY */
#endif
#ifndef NM
#define NM 0            /* migrators */
#endif
#ifndef MTRY
#define MTRY 1          /* migration attempts per migrator */
#endif
#ifndef PROTO
#define PROTO 1         /* 1: as proposed (move down / kill up)  2: kill-all
                         * 3: kill up / withdraw and retry from step 2 */
#endif
#ifndef P2OLD
#define P2OLD 0         /* put step 2 scan: 0 new..old, 1 old..new */
#endif
#ifndef P4OLD
#define P4OLD 0         /* put step 4 scan */
#endif
#ifndef DOLD
#define DOLD 0          /* delete scan */
#endif
#ifndef GOLD
#define GOLD 0          /* get scan (only with RD) */
#endif
#ifndef MOLD
#define MOLD 0          /* migrator rescan */
#endif
#ifndef RD
#define RD 0
#endif
#ifndef NG
#define NG 2
#endif
#ifndef INITW
#define INITW 1         /* 1: maybe an old committed word of the key (id 1) */
#endif
#ifndef INITDEAD
#define INITDEAD 0      /* 1: maybe a T word of a crashed put */
#endif
#ifndef TAKE
#define TAKE 1          /* step 2 takes over a T word (0: treats it as absent) */
#endif
#ifndef EVT
#define EVT 1           /* the evictor may also remove T words */
#endif
/* mutations: NO4 (no step 4), NOT (no T flag), DSKIPT (delete skips T words),
 * FRESH (a migrator copies to a fresh offset), MEXCL (one migrator at a time),
 * MCRASH (a migrator may die and its claim be taken over), MNOSCAN (no 4'),
 * MEVICT (a failed migration evicts the old word), HOIST (step 4 loads may be
 * satisfied before the T CAS: models acquire-only loads on a weak machine) */

#define EMPTY 0
#define TB    16
#define OTHER 15
#define ID(w)   ((w) & 15)
#define SAME(w) (ID(w) != 0 && ID(w) != OTHER)
#define COMM(w) (SAME(w) && !((w) & TB))
#define BIT(k)  (1 << (k))
#define DEADID  (NP + ND + 2)
#define NID     (NP + ND + 3)

#if P2OLD
#define P2(i) (NS-1-(i))
#else
#define P2(i) (i)
#endif
#if P4OLD
#define P4(i) (NS-1-(i))
#else
#define P4(i) (i)
#endif
#if DOLD
#define DO(i) (NS-1-(i))
#else
#define DO(i) (i)
#endif
#if GOLD
#define GO(i) (NS-1-(i))
#else
#define GO(i) (i)
#endif
#if MOLD
#define MO(i) (NS-1-(i))
#else
#define MO(i) (i)
#endif
#ifdef NOT
#define TF 0
#else
#define TF TB
#endif

byte slot[NS];
byte started = 1;          /* symmetry: putter m starts after putter m-1 */
byte fin = 0;              /* puts that returned (NOLOSS, PH) */
byte copies = 0;           /* fresh offsets handed out by relocate/migrate */
bool mlock = 0;
byte hj, hn, hv, hk;     /* scratch, 0 between steps */
#ifdef GHOSTOFF
#define observe() skip
#define invoke(m) skip
#define respond(m) skip
#elif RD
short K = 0;
short pred[NID];
inline observe() { skip }
inline invoke(m) { pred[m] = K }
inline respond(m) { K = K | BIT(m) }
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
    hn = 0; hv = 0; hj = 0
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

#ifdef NOLOSS
#define FIN fin++
#else
#define FIN skip
#endif

#ifdef PH
/* growth by phases.  0: ops scan old, insert old.  1: scan union, insert old.
 * 2: scan union, insert new, migrators run.  3: scan new, insert new.
 * 0->1 and 1->2 and 2->3 wait until no operation of the phase before the
 * current one is left; 2->3 also until every old slot is free of the key. */
byte ph = 0;
byte nfl[4];
#define ENTER(p)  p = ph; nfl[p]++
#define LEAVE(p)  nfl[p]--
#define INWIN(p,s) (((p) != 0 || (s) >= NNEW) && ((p) != 3 || (s) < NNEW))
#define INS(p,s)   ((p) <= 1 -> (s) >= NNEW : (s) < NNEW)
#else
#define ENTER(p)  skip
#define LEAVE(p)  skip
#define myph 0
#define INWIN(p,s) 1
#define INS(p,s)   ((s) < NINS)
#endif
#define LOAD(p,s) (INWIN(p,s) -> slot[s] : OTHER)

#define LOG1(f,a)       printf(f,a)
#define LOG2(f,a,b)     printf(f,a,b)
#define LOG3(f,a,b,c)   printf(f,a,b,c)

mtype = { START, RD2, CAS2, CAS3, RD4, CAS4, CLRD, CLRT, WDR, CMT, M0, M1, M2, M3, M4, MAB, DONE };

proctype Put(byte m) {
    byte i, e, w, emp;
#ifdef PH
    byte myph;
#endif
    mtype pc = START;
#ifdef HOIST
    byte pre[NS] = 255;
#endif

    do
#ifdef UNSEEN
    :: d_step { pc == START && started == m - 1 -> /* step 2 is left out: whatever may be empty is tried */
        started = m; ENTER(myph); invoke(m); LOG1("put%d: invoked, leaves step 2 out\n", m);
        e = 0; do :: e < NS -> if :: INS(myph, e) -> emp = emp | BIT(e) :: else fi; e++ :: else -> break od;
        e = 0; pc = CAS3
      }
#endif
    :: d_step { (pc == START && started == m - 1) || pc == RD2 -> /* step put2 */
        if :: pc == START -> started = m; ENTER(myph); invoke(m); LOG1("put%d: invoked\n", m); pc = RD2 :: else fi;
        w = LOAD(myph, P2(i));
        LOG3("put%d: step2 load slot%d = %d\n", m, P2(i), w);
        if
#if TAKE
        :: SAME(w) -> e = P2(i); i = 0; emp = 0; pc = CAS2
#else
        :: COMM(w) -> e = P2(i); i = 0; emp = 0; pc = CAS2
#endif
        :: else ->
            if :: w == EMPTY && INS(myph, P2(i)) -> emp = emp | BIT(P2(i)) :: else fi;
            w = 0; i++;
            if
            :: i == NS -> i = 0; pc = CAS3;
#ifdef HOIST
                hj = 0; do :: hj < NS -> pre[hj] = slot[hj]; hj++ :: else -> break od; hj = 0
#endif
            :: else
            fi
        fi
      }
    :: d_step { pc == CAS2 -> /* step put2cas */
        if
        :: slot[e] != w -> LOG2("put%d: step2 CAS slot%d failed\n", m, e); e = 0; pc = RD2
        :: slot[e] == w && !(w & TB) ->
            slot[e] = m; LOG2("put%d: replaced in place slot%d; done\n", m, e);
            respond(m); LEAVE(myph); FIN; e = 0; pc = DONE
        :: slot[e] == w && (w & TB) ->
            slot[e] = m | TB; LOG2("put%d: took over T slot%d\n", m, e);
            i = 0; if :: P4(i) == e -> i = 1 :: else fi;
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
                slot[e] = m | TF; LOG2("put%d: step3 inserted T at slot%d\n", m, e);
#ifdef NO4
                pc = CMT
#else
                i = 0; if :: P4(i) == e -> i = 1 :: else fi;
                pc = RD4
#endif
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
#if PROTO == 1
#ifdef HOIST
    /* the load at P4(i) may be satisfied early, from the snapshot pre[] */
    :: d_step { pc == RD4 && !SAME(pre[P4(i)]) && pre[P4(i)] != 255 ->
        LOG2("put%d: step4 HOISTED load slot%d\n", m, P4(i));
        pre[P4(i)] = 255;
        i++;
        if :: i < NS && P4(i) == e -> i++ :: else fi;
        if :: i == NS -> i = 0; pc = CMT :: else fi
      }
#endif
    :: d_step { pc == RD4 -> /* step put4 */
        w = LOAD(myph, P4(i));
        LOG3("put%d: step4 load slot%d = %d\n", m, P4(i), w);
        if
        :: SAME(w) -> pc = CAS4
        :: else ->
            w = 0; i++;
            if :: i < NS && P4(i) == e -> i++ :: else fi;
            if :: i == NS -> i = 0; pc = CMT :: else fi
        fi
      }
    :: d_step { pc == CAS4 ->
        if
        :: slot[P4(i)] != w ->
            LOG2("put%d: step4 CAS slot%d failed\n", m, P4(i));
            i = 0; if :: P4(i) == e -> i = 1 :: else fi; pc = RD4
        :: slot[P4(i)] == w && P4(i) < e -> /* step put4move */
            slot[P4(i)] = m | (w & TB); LOG2("put%d: moved down to slot%d\n", m, P4(i));
            if :: w & TB -> pc = CLRT :: else -> i = 0; pc = CLRD fi
        :: slot[P4(i)] == w && P4(i) > e -> /* step put4kill */
            slot[P4(i)] = EMPTY; LOG2("put%d: killed slot%d\n", m, P4(i));
            i++;
            if :: i < NS && P4(i) == e -> i++ :: else fi;
            if :: i == NS -> i = 0; pc = CMT :: else pc = RD4 fi
        fi;
        w = 0; observe()
      }
    :: d_step { pc == CLRT -> /* step put4clear */
        if :: slot[e] == (m | TF) -> slot[e] = EMPTY :: else fi;
        e = P4(i); i = 0; if :: P4(i) == e -> i = 1 :: else fi;
        observe(); pc = RD4
      }
    :: d_step { pc == CLRD -> /* step put4clear */
        if :: slot[e] == (m | TF) -> slot[e] = EMPTY :: else fi;
        LOG1("put%d: done (moved)\n", m);
        e = 0; respond(m); LEAVE(myph); FIN; pc = DONE
      }
#elif PROTO == 3
    /* higher: kill (a failed CAS only makes us load the slot again, so load
     * and CAS are one atomic step); lower: withdraw, then step 2 again */
    :: d_step { pc == RD4 ->
        if
        :: SAME(LOAD(myph, P4(i))) && P4(i) < e -> LOG2("put%d: step4 saw lower slot%d\n", m, P4(i)); i = 0; pc = WDR
        :: else ->
            if :: SAME(LOAD(myph, P4(i))) -> slot[P4(i)] = EMPTY; LOG2("put%d: killed slot%d\n", m, P4(i))
               :: else -> LOG2("put%d: step4 saw slot%d free\n", m, P4(i)) fi;
            i++;
            if :: i < NS && P4(i) == e -> i++ :: else fi;
            if :: i == NS -> i = 0; pc = CMT :: else fi;
            observe()
        fi
      }
    :: d_step { pc == WDR ->
        if :: slot[e] == (m | TB) -> slot[e] = EMPTY; LOG2("put%d: withdrew slot%d\n", m, e) :: else fi;
        e = 0; pc = RD2; observe()
      }
#else
    /* kill-all: like delete, sparing e; "CAS until empty" is one atomic step,
     * because a failed CAS has no effect and the slot is read again */
    :: d_step { pc == RD4 ->
        if :: SAME(LOAD(myph, P4(i))) -> slot[P4(i)] = EMPTY; LOG2("put%d: killed slot%d\n", m, P4(i))
           :: else -> LOG2("put%d: step4 saw slot%d free\n", m, P4(i)) fi;
        i++;
        if :: i < NS && P4(i) == e -> i++ :: else fi;
        if :: i == NS -> i = 0; pc = CMT :: else fi;
        observe()
      }
#endif
    :: d_step { pc == CMT -> /* step put5 */
        if :: slot[e] == (m | TB) -> slot[e] = m; LOG2("put%d: committed slot%d; done\n", m, e)
           :: else -> LOG1("put%d: commit failed; done\n", m) fi;
        e = 0; respond(m); LEAVE(myph); FIN; pc = DONE
      }
#ifdef CRASHOP
    :: d_step { pc != START && pc != DONE -> LOG1("put%d: dies\n", m); LEAVE(myph); FIN; i = 0; e = 0; w = 0; emp = 0; pc = DONE }
#endif
    :: pc == DONE -> break
    od
}

proctype Del(byte m) {
    byte i;
#ifdef PH
    byte myph;
#endif
    do
    :: d_step { i < NS -> /* step delete */
        if :: i == 0 -> ENTER(myph); invoke(m); LOG1("del%d: invoked\n", m) :: else fi;
#ifdef DSKIPT
        if :: COMM(LOAD(myph, DO(i))) -> slot[DO(i)] = EMPTY; LOG2("del%d: emptied slot%d\n", m, DO(i))
#else
        if :: SAME(LOAD(myph, DO(i))) -> slot[DO(i)] = EMPTY; LOG2("del%d: emptied slot%d\n", m, DO(i))
#endif
           :: else -> LOG2("del%d: nothing at slot%d\n", m, DO(i)) fi;
        i++;
        observe();
        if :: i == NS -> LOG1("del%d: done\n", m); LEAVE(myph); respond(m) :: else fi
      }
    :: i == NS -> break
    od
}

#include "index_env.pml"

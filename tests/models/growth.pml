/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* growth.pml - put, ADD, REPLACE, IF_VERSION, delete and the mover while a shard doubles in place.
 *
 * One key, one slot a bucket; a transition is one shared access; sequentially consistent; a crash is
 * a schedule in which a process is never chosen again.
 *   CASE=1: one of the key's two buckets moves: slot 0 = o (old-only), 1 = s (old and new), 2 = o's
 *   image; old window {0,1}, new window {1,2}.  CASE=2: both move: 0, 1 old-only, 2, 3 their images.
 *   CASE=0: no growth, NS slots (the single table).
 *   CASE=3, 4: two doublings, one after the other. Slot 0 moves to 2, then in CASE=3 1 to 3, in
 *   CASE=4 2 to 3: windows {0,1} {1,2} {2,3} or {0,1} {1,2} {1,3}. Phase 3 is phase 0 of the second.
 *   R0..R3: rank of each slot (lower = smaller). Q0..: order of step 2 and delete; P0..: of step 4.
 * Operations O0 O1 O2 (ids 2..4): PUT ADD REPL IFV DEL NONE. IFV expects IFVID. EV evictions.
 * RMAX: losses of its T word after which ADD answers BUSY, without effect. MOVERS=0: no mover.
 * INITW: maybe a committed word at start; INITDEAD: maybe a T word of a dead put. MCRASH: the mover
 * may die; PHEVICT: others then evict from old-only slots.
 *
 * Monitor: the set of all configurations (value, result of each pending operation, removals in
 * hand) that some linearization reaches; empty = not linearizable. A committed word is read by a
 * virtual get after every write. A value goes only by a delete or by a removal, and a removal is:
 * a committed word evicted, or killed by a put in step 4 or by a delete; a mover's word that is
 * neither in the old slot nor in the image any more. A put that lost its T word counts as put and
 * evicted at one point of its time. The loss of an ADD's T word is nothing: it never was visible.
 * A removal may be used at any later time, at most two are held; MISS and BUSY are always legal.
 *
 * Mutations that must fail: LOSTOK (an ADD that lost its T word answers OK), NO4 (no step 4 for
 * ADD), ASPUT (ADD treats a committed word in step 4 as put does), PHNAIVE (growth in one step),
 * IMG2, IMG4, IMGD (image before old-only slot: in step 2 of all, step 4 of all, delete),
 * RUNON (the second doubling does not wait for operations of phase 2 of the first),
 * DELT (delete skips T words), CHKLATE (IF_VERSION looks at the version, then replaces whatever
 * committed word it finds), BLIND (REPLACE also takes over T words and commits at once).
 * REENTER: an ADD that starts again takes the phase anew; without it, a mover that does not wait (MW)
 * can kill its T words for ever.
 * MW: movers wait until no operation of phase 0 or 1 is left, as the code does; without it the model
 * allows more. (CASE 1, 2.)
 * LIVE: with an accept-all claim, any cycle is an error. */

#define NONE 0
#define PUT 1
#define ADD 2
#define REPL 3
#define IFV 4
#define DEL 5
#ifndef CASE
#define CASE 1
#endif
#if CASE > 2
#define NS 4
#elif CASE
#define NS (2 + CASE)
#elif !defined(NS)
#define NS 2
#endif
#ifndef O0
#define O0 ADD
#endif
#ifndef O1
#define O1 ADD
#endif
#ifndef O2
#define O2 NONE
#endif
#ifndef EV
#define EV 0
#endif
#ifndef RMAX
#define RMAX 2
#endif
#ifndef INITW
#define INITW 1
#endif
#ifndef INITDEAD
#define INITDEAD 0
#endif
#ifndef IFVID
#define IFVID 1
#endif
#ifndef OTH
#define OTH 1
#endif
#ifndef MOVERS
#define MOVERS 1
#endif
#ifndef R0
#define R0 0
#define R1 1
#define R2 2
#define R3 3
#endif
#define PICK(x, a, b, c, d) ((x) == 0 -> a : ((x) == 1 -> b : ((x) == 2 -> c : d)))
#define RK(s) PICK(s, R0, R1, R2, R3)
#define LOWER(a, b) (RK(a) < RK(b))
#if CASE == 1
#define IMAGEFIRST(i) PICK(i, 2, 0, 1, 3)
#else
#define IMAGEFIRST(i) PICK(i, 2, 3, 0, 1)
#endif
#ifdef IMG2
#define Q(i) IMAGEFIRST(i)
#else
#define Q(i) (i)
#endif
#ifdef IMG4
#define Q4(i) IMAGEFIRST(i)
#else
#define Q4(i) (i)
#endif
#ifdef IMGD
#define QD(i) IMAGEFIRST(i)
#else
#define QD(i) (i)
#endif

#define TB 16
#define OTHER 15
#define DEAD 14
#define ID(w) ((w) & 15)
#define SAME(w) (ID(w) != 0 && ID(w) != OTHER)
#define COMM(w) (SAME(w) && !((w) & TB))
/* configurations: (value 0..4, three results 0..2, removals 0..2) */
#define LSZ 51
byte slot[NS];
#ifndef LIVE
byte L[LSZ];
byte act;                       /* bit m-2: invoked and not answered */
#endif
byte kindof[5];
byte gm, gr, gv, gn, gj;        /* scratch, 0 between steps */
byte mvs, mvi, mvw;             /* the mover's T word: 1 reserved, 2 and the old word is killed */
#if CASE
byte ph, nfl[7];
#define ENTER(p) p = ph; nfl[p]++
#define LEAVE(p) nfl[p]--
#if CASE <= 2
#define NOO CASE                /* old-only slots 0 .. NOO - 1, image of x is x + 2 */
#define INWIN(p, s) (((p) != 0 || (s) < 2) && ((p) != 3 || (s) >= CASE))
#define INS(p, s) ((p) <= 1 -> (s) < 2 : (s) >= CASE)
#define IMG(s) ((s) + 2)
#else
#define NOO 1
#define SRC2 (CASE == 3 -> 1 : 2)
#define W0(s) ((s) < 2)
#define W1(s) ((s) == 1 || (s) == 2)
#define W2(s) ((s) == 3 || (s) == (CASE == 3 -> 2 : 1))
#define INWIN(p, s) ((p) == 0 -> W0(s) : ((p) <= 2 -> (s) <= 2 : ((p) == 3 -> W1(s) : ((p) <= 5 -> (s) >= 1 : W2(s)))))
#define INS(p, s) ((p) <= 1 -> W0(s) : ((p) <= 4 -> W1(s) : W2(s)))
#define IMG(s) ((s) == 0 -> 2 : 3)
#endif
#else
#define ENTER(p) skip
#define LEAVE(p) skip
#define INWIN(p, s) 1
#define INS(p, s) 1
#endif
#define LOADS(p, s) (INWIN(p, s) -> slot[s] : OTHER)

c_decl {
static int ix(int v,int a,int b,int c,int k){return (((v*3+a)*3+b)*3+c)*3+k;}
static int tb(unsigned char*L,int i){return L[i>>3]>>(i&7)&1;}
static int sb(unsigned char*L,int i){ if(tb(L,i))return 0; L[i>>3]|=1<<(i&7); return 1;}
static void closure(unsigned char*L,int act,unsigned char*kd,int ifv){
  int ch=1,v,s[3],k,m;
  while(ch){ ch=0;
   for(v=0;v<5;v++)for(s[0]=0;s[0]<3;s[0]++)for(s[1]=0;s[1]<3;s[1]++)for(s[2]=0;s[2]<3;s[2]++)for(k=0;k<3;k++){
    if(!tb(L,ix(v,s[0],s[1],s[2],k)))continue;
    if(v&&k) ch|=sb(L,ix(0,s[0],s[1],s[2],k-1));
    for(m=0;m<3;m++) if((act>>m&1)&&s[m]==0){ int nv=v,r=0,t[3]; t[0]=s[0];t[1]=s[1];t[2]=s[2];
      switch(kd[m+2]){
      case 1: nv=m+2;r=1;break;
      case 2: if(v==0){nv=m+2;r=1;}else r=2;break;
      case 3: if(v){nv=m+2;r=1;}break;
      case 4: if(v==ifv){nv=m+2;r=1;}else if(v)r=2;break;
      case 5: nv=0;r=1;break; }
      if(r){t[m]=r; ch|=sb(L,ix(nv,t[0],t[1],t[2],k));}
      if(kd[m+2]==1){t[m]=2; ch|=sb(L,ix(0,t[0],t[1],t[2],k));} } } } } /* put and evicted at once */
static int filt(unsigned char*L,int hit,int m,int r){ /* hit>0: value is hit; m>=0: answered r (0: no effect) */
  unsigned char N[64]; int v,s[3],k,any=0; memset(N,0,64);
  for(v=0;v<5;v++)for(s[0]=0;s[0]<3;s[0]++)for(s[1]=0;s[1]<3;s[1]++)for(s[2]=0;s[2]<3;s[2]++)for(k=0;k<3;k++){
    int t[3]; if(!tb(L,ix(v,s[0],s[1],s[2],k)))continue;
    if(hit&&v!=hit)continue; t[0]=s[0];t[1]=s[1];t[2]=s[2];
    if(m>=0){ if(s[m]!=r)continue; t[m]=0; }
    sb(N,ix(v,t[0],t[1],t[2],k)); any=1; }
  memcpy(L,N,51); return any; }
static void credit(unsigned char*L){ unsigned char N[64]; int i; memset(N,0,64);
  for(i=0;i<405;i++) if(tb(L,i)) sb(N, i%3<2? i+1:i); memcpy(L,N,51); }
}
#ifdef LIVE
#define observe() skip
#define invoke(m) skip
#define respond(m, r) skip
#define removal() skip
#else
inline observe() {
    gn = 0; gv = 0; gj = 0;
    do :: gj < NS -> if :: COMM(slot[gj]) -> gn++; gv = ID(slot[gj]) :: else fi; gj++ :: else -> break od;
    assert(gn <= 1);            /* I1 */
    if :: gn == 1 -> c_code { closure(now.L, now.act, now.kindof, IFVID); now.gr = filt(now.L, now.gv, -1, 0); };
          assert(gr)
       :: else fi;
    gn = 0; gv = 0; gj = 0; gr = 0
}
inline invoke(m) { act = act | (1 << (m - 2)) }
inline respond(m, r) {
    gm = m; gn = r;
    c_code { closure(now.L, now.act, now.kindof, IFVID); now.gr = filt(now.L, 0, now.gm - 2, now.gn); };
    assert(gr); act = act & ~(1 << (m - 2)); gm = 0; gn = 0; gr = 0; observe()
}
inline removal() { c_code { closure(now.L, now.act, now.kindof, IFVID); credit(now.L); } }
#endif

/* the word w goes from slot x, and no put has written over it as a replacement */
inline lose(x, w) {
    if
    :: mvs && (x) == mvi && (w) == mvw -> if :: mvs == 2 -> removal() :: else fi
    :: else ->
        if :: COMM(w) -> removal() :: else fi
    fi
}
#define FIRST4 i = 0; if :: Q4(i) == e -> i = 1 :: else fi
#define NEXT4 i++; if :: i < NS && Q4(i) == e -> i++ :: else fi

mtype = { START, S2, C2, C3, S4, C4, CLR, WDR, CMT, M0, M1, M3, M4, MA, DONE };

proctype Op(byte m; byte kd) {
    byte i, e, w, emp, tries, t;
#if CASE
    byte myph;
#endif
    mtype pc = START;
    do
    :: d_step { pc == START || pc == S2 -> /* step put2 */
        if :: pc == START -> ENTER(myph); invoke(m); pc = S2; printf("op%d: kind %d invoked\n", m, kd) :: else fi;
        w = LOADS(myph, Q(i)); printf("op%d: step 2 slot%d = %d\n", m, Q(i), w);
        if
        :: COMM(w) && kd == ADD -> /* step add2 */ printf("op%d: EXISTS\n", m); respond(m, 2); LEAVE(myph); w = 0; i = 0; emp = 0; tries = 0; pc = DONE
        :: COMM(w) && kd == IFV && ID(w) != IFVID -> /* step ifversion2 */ respond(m, 2); LEAVE(myph); w = 0; i = 0; emp = 0; pc = DONE
        :: COMM(w) && (kd == PUT || kd == REPL || (kd == IFV && ID(w) == IFVID)) -> e = Q(i); i = 0; emp = 0; pc = C2
#ifdef BLIND
        :: SAME(w) && !COMM(w) && kd != IFV -> e = Q(i); i = 0; emp = 0; pc = C2
        :: (SAME(w) && !COMM(w) && kd == IFV) || !SAME(w) ->
#else
        :: SAME(w) && !COMM(w) && (kd == PUT || kd == ADD) -> e = Q(i); i = 0; emp = 0; pc = C2
        :: (SAME(w) && !COMM(w) && (kd == REPL || kd == IFV)) || !SAME(w) ->
#endif
            if :: w == 0 && INS(myph, Q(i)) -> emp = emp | (1 << Q(i)) :: else fi;
            w = 0; i++;
            if :: i == NS && (kd == REPL || kd == IFV) -> /* step replace2 */ printf("op%d: MISS\n", m); respond(m, 0); LEAVE(myph); i = 0; emp = 0; pc = DONE
               :: i == NS && kd != REPL && kd != IFV -> i = 0; pc = C3
               :: else fi
        fi }
    :: d_step { pc == C2 -> /* step put2cas */
        if
#ifdef CHKLATE
        :: slot[e] != w && !(kd == IFV && COMM(slot[e])) -> e = 0; pc = S2
        :: COMM(w) && (slot[e] == w || (kd == IFV && COMM(slot[e]))) ->
#else
        :: slot[e] != w -> e = 0; pc = S2
        :: slot[e] == w && COMM(w) ->
#endif
            slot[e] = m; printf("op%d: replaced slot%d\n", m, e); respond(m, 1); LEAVE(myph); e = 0; tries = 0; pc = DONE
        :: slot[e] == w && !COMM(w) ->
#ifdef BLIND
            if :: kd == REPL -> lose(e, w); slot[e] = m; respond(m, 1); LEAVE(myph); e = 0; pc = DONE
               :: else -> lose(e, w); slot[e] = m | TB; FIRST4; pc = S4; observe() fi
#else
            lose(e, w); slot[e] = m | TB; printf("op%d: took over slot%d\n", m, e); FIRST4; pc = S4; observe()
#endif
        fi; w = 0 }
    :: atomic { pc == C3 -> /* step put3 */
        if
        :: emp != 0 -> e = 0;
            do :: (emp & (1 << e)) -> break :: (emp >> (e + 1)) != 0 -> e++ od;
            emp = 0;
            if :: slot[e] == 0 -> slot[e] = m | TB; printf("op%d: T in slot%d\n", m, e); FIRST4; pc = S4;
#ifdef NO4
                  if :: kd == ADD -> i = 0; pc = CMT :: else fi
#endif
               :: else -> e = 0; pc = S2 fi
        :: else -> /* step put3evict */ e = 0; do :: e < NS && !(INS(myph, e) && slot[e] == OTHER) -> e++ :: else -> break od;
            if :: e < NS -> slot[e] = 0; emp = 1 << e :: else -> pc = S2 fi; e = 0
        fi; observe() }
    :: d_step { pc == S4 -> /* step put4 */ w = LOADS(myph, Q4(i)); printf("op%d: step 4 slot%d = %d\n", m, Q4(i), w);
        if
#ifndef ASPUT
        :: COMM(w) && kd == ADD -> w = 0; i = 0; pc = WDR
        :: SAME(w) && !(COMM(w) && kd == ADD) -> pc = C4
#else
        :: SAME(w) -> pc = C4
#endif
        :: !SAME(w) -> w = 0; NEXT4; if :: i >= NS -> i = 0; pc = CMT :: else fi
        fi }
    :: d_step { pc == C4 ->
        if
        :: slot[Q4(i)] != w -> FIRST4; pc = S4
        :: slot[Q4(i)] == w && LOWER(Q4(i), e) -> /* step put4move */
            if :: COMM(w) -> t = 1 :: else -> t = 0; lose(Q4(i), w) fi;
            slot[Q4(i)] = m | (w & TB); printf("op%d: moved to slot%d\n", m, Q4(i)); pc = CLR
        :: slot[Q4(i)] == w && LOWER(e, Q4(i)) -> /* step put4kill */
            lose(Q4(i), w); slot[Q4(i)] = 0; printf("op%d: killed slot%d\n", m, Q4(i));
            NEXT4; if :: i >= NS -> i = 0; pc = CMT :: else -> pc = S4 fi
        fi; w = 0; observe() }
    /* the word may meanwhile be the mover's: a value that this put wrote into an old slot, and that
     * is on its way to e, is then dropped */
    :: d_step { pc == CLR -> /* step put4clear */ if :: slot[e] == (m | TB) -> lose(e, (m | TB)); slot[e] = 0 :: else fi;
        e = Q4(i); FIRST4;
        if :: t -> t = 0; e = 0; i = 0; tries = 0; respond(m, 1); LEAVE(myph); pc = DONE :: else -> pc = S4; observe() fi }
    :: d_step { pc == WDR -> /* step add4 */ if :: slot[e] == (m | TB) -> slot[e] = 0 :: else fi; printf("op%d: withdraws, EXISTS\n", m);
        e = 0; tries = 0; respond(m, 2); LEAVE(myph); pc = DONE }
    :: d_step { pc == CMT -> /* step put5 */
        if :: slot[e] == (m | TB) -> slot[e] = m; printf("op%d: committed slot%d, OK\n", m, e); e = 0; tries = 0; respond(m, 1); LEAVE(myph); pc = DONE
#ifdef LOSTOK
           :: slot[e] != (m | TB) -> printf("op%d: lost, OK\n", m); e = 0; tries = 0; respond(m, 1); LEAVE(myph); pc = DONE
#else
           :: slot[e] != (m | TB) && kd == PUT -> printf("op%d: superseded, OK\n", m); e = 0; respond(m, 2); LEAVE(myph); pc = DONE
           :: slot[e] != (m | TB) && kd == ADD -> /* step add5 */ printf("op%d: lost its T word\n", m); e = 0;
               if :: RMAX > 0 && tries + 1 >= RMAX -> tries = 0; printf("op%d: BUSY\n", m); respond(m, 0); LEAVE(myph); pc = DONE
                  :: else -> if :: RMAX > 0 -> tries++ :: else fi; pc = S2;
#ifdef REENTER
                      LEAVE(myph); ENTER(myph)          /* nothing of ours is in the window */
#endif
               fi
#endif
        fi }
    :: pc == DONE -> break
    od
}

proctype Del(byte m) {
    byte i;
#if CASE
    byte myph;
#endif
    do
    :: d_step { i < NS -> /* step delete */ if :: i == 0 -> ENTER(myph); invoke(m) :: else fi;
#ifdef DELT
        if :: COMM(LOADS(myph, QD(i))) ->
#else
        if :: SAME(LOADS(myph, QD(i))) ->
#endif
              lose(QD(i), slot[QD(i)]); slot[QD(i)] = 0; printf("del%d: kills slot%d\n", m, QD(i)) :: else fi; i++;
        observe(); if :: i == NS -> respond(m, 1); LEAVE(myph) :: else fi }
    :: i == NS -> break
    od
}

#if EV
proctype Env() {
    byte ev = EV, s;
    do
    :: atomic { ev > 0 -> /* step evict */ s = 0;
        do :: SAME(slot[s]) -> lose(s, slot[s]); slot[s] = 0; printf("evicts slot%d\n", s); break
           :: s < NS - 1 -> s++
           :: s == NS - 1 -> break od;
        ev--; s = 0; observe() }
    :: ev == 0 -> break
    od
}
#endif

#ifdef MW
#define MGO (nfl[0] == 0 && nfl[1] == 0)
#else
#define MGO 1
#endif
#if CASE
#if MOVERS
#if CASE == 2
#define MOVES (ph == 2 && (SAME(slot[0]) || SAME(slot[1])))
#elif CASE == 1
#define MOVES (ph == 2 && SAME(slot[0]))
#else
#define MOVES ((ph == 2 && SAME(slot[0])) || (ph == 5 && SAME(slot[SRC2])))
#endif
proctype Move() {
    byte w, src, myph;
    mtype pc = M0;
end:
    do
    :: atomic { pc == M0 && MOVES && MGO -> /* step migrate1 */ ENTER(myph);
        if :: ph == 2 && SAME(slot[0]) -> src = 0
#if CASE == 2
           :: ph == 2 && SAME(slot[1]) -> src = 1
#elif CASE > 2
           :: ph == 5 && SAME(slot[SRC2]) -> src = SRC2
#endif
        fi;
        w = slot[src]; printf("move: loads slot%d = %d\n", src, w);
        if :: w & TB -> pc = MA :: else -> pc = M1 fi }
    :: d_step { pc == MA -> /* step migrate1kill */
        if :: slot[src] == w -> lose(src, w); slot[src] = 0; printf("move: kills T in slot%d\n", src) :: else fi;
        w = 0; src = 0; LEAVE(myph); pc = M0; observe() }
    :: d_step { pc == M1 -> /* step migrate2 */
        if
        :: slot[IMG(src)] == 0 -> slot[IMG(src)] = w | TB; mvs = 1; mvi = IMG(src); mvw = w | TB; printf("move: reserves slot%d\n", IMG(src)); pc = M3
        :: slot[IMG(src)] == OTHER -> slot[IMG(src)] = 0
        :: SAME(slot[IMG(src)]) -> /* step migrate2evict */       /* full: evict w itself */
            if :: slot[src] == w -> lose(src, w); slot[src] = 0; printf("move: image full, evicts slot%d\n", src) :: else fi;
            w = 0; src = 0; LEAVE(myph); pc = M0
        fi; observe() }
    :: d_step { pc == M3 -> /* step migrate3 */
        if :: slot[src] == w -> slot[src] = 0; printf("move: kills slot%d\n", src); pc = M4;
              if :: slot[mvi] != mvw -> removal() :: else fi; mvs = 2
           :: else -> /* step migrate3undo */ printf("move: slot%d has changed\n", src);
              if :: slot[mvi] == mvw -> slot[mvi] = 0 :: else fi;
              mvs = 0; mvi = 0; mvw = 0; w = 0; src = 0; LEAVE(myph); pc = M0
        fi; observe() }
    :: d_step { pc == M4 -> /* step migrate4 */
        if :: slot[mvi] == mvw -> slot[mvi] = w; printf("move: commits slot%d\n", mvi) :: else fi;
        mvs = 0; mvi = 0; mvw = 0; w = 0; src = 0; LEAVE(myph); pc = M0; observe() }
#ifdef MCRASH
    /* its T word stays; mvs stays, too, so that the loss of it counts as one */
    :: d_step { pc == M3 || pc == M4 -> printf("move: dies\n"); LEAVE(myph); w = 0; src = 0; pc = DONE }
#endif
    :: pc == DONE -> break
    od
}
#endif
proctype Phase() {
    byte k;
end:
    do
#ifdef PHNAIVE
    :: atomic { ph == 0 -> ph = 2; printf("phase 2\n") }
#else
    :: atomic { ph == 0 -> ph = 1; /* step phase1 */ printf("phase 1\n") }
#endif
    :: atomic { ph == 1 && nfl[0] == 0 -> ph = 2; /* step phase2 */ printf("phase 2\n") }
    :: d_step { ph == 2 && nfl[0] == 0 && nfl[1] == 0 && k < NOO && !SAME(slot[k]) -> k++ /* step phasemove */ }
#ifdef PHEVICT
    :: d_step { ph == 2 && nfl[0] == 0 && nfl[1] == 0 && k < NOO && SAME(slot[k]) -> lose(k, slot[k]); slot[k] = 0; printf("others evict slot%d\n", k); observe() }
#endif
    :: atomic { ph == 2 && k == NOO && nfl[0] == 0 && nfl[1] == 0 -> ph = 3; /* step phase3 */ k = 0; printf("phase 3\n") }
#if CASE > 2
    :: atomic { ph == 3 -> ph = 4; printf("phase 4\n") }
#ifdef RUNON
    :: atomic { ph == 4 && nfl[3] == 0 -> ph = 5; printf("phase 5\n") }
#else
    :: atomic { ph == 4 && nfl[3] == 0 && nfl[2] == 0 -> ph = 5; /* step phasedrain */ printf("phase 5\n") }
#endif
    :: d_step { ph == 5 && nfl[3] == 0 && nfl[4] == 0 && !SAME(slot[SRC2]) -> ph = 6; printf("phase 6\n") }
    :: ph == 6 -> break
#else
    :: ph == 3 -> break
#endif
    od
}
#endif

#define GO(k, m) if :: (k) == DEL -> run Del(m) :: (k) != DEL && (k) != NONE -> run Op(m, k) :: else fi
init {
    byte s; bool w0 = INITW, dd = INITDEAD;
    atomic {
        kindof[2] = O0; kindof[3] = O1; kindof[4] = O2; kindof[1] = PUT; kindof[0] = PUT;
        do :: s < NS -> if :: skip
#if OTH
            :: slot[s] = OTHER
#endif
            :: w0 && INS(0, s) -> slot[s] = 1; w0 = 0
            :: dd && INS(0, s) -> slot[s] = DEAD | TB; dd = 0 fi; s++ :: else -> break od;
        s = 0;
#ifndef LIVE
        c_code { int v = 0, q; for (q = 0; q < NS; q++) if (now.slot[q] == 1) v = 1; sb(now.L, ix(v, 0, 0, 0, 0)); };
        observe();
#endif
        w0 = 0; dd = 0;
        GO(O0, 2); GO(O1, 3); GO(O2, 4);
#if EV
        run Env();
#endif
#if CASE
#if MOVERS
        run Move();
#endif
        run Phase();
#endif
    }
}

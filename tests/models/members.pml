/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* members.pml - the table of the processes that share a cache: they join, hold what bears their name, leave, die at any
 * step, and are cleared up after by one who has proved it, who may die himself.
 *
 * A transition is one shared access, or one question to the system (is that process alive, is that byte locked); they are
 * sequentially consistent. A place's word is its state, generation and who; it is changed by CAS on all three, but for
 * JOINING to JOINED, a store. Names are place and generation. What a member may hold: a record with a pin, the role of
 * the maintainer, and a lease, which names the record and its owner and is left alone as long as that owner has it.
 * Process 0 never dies, is a member in place 0 from the start, and looks for the dead whenever it likes, and once more when
 * nobody else is left.
 *
 * Checked: who lives is not taken for dead; one that lives clears up after a member, no two at once; when a place becomes
 * free, nothing bears the name of its member; one at a time recounts as the maintainer; a lease is taken over only when
 * its holder has let it go or is dead, and one that lasts has a holder who has not; in the end nothing bears a name that is
 * not a member's.
 *
 *   NP processes that may die, of which up to DEATHS do; each joins LIVES times; NPL places beside the first; NR records
 *   APART: a process is in a namespace of its own, and its lock alone tells
 *   ROLE, LEASE: what they do, beside a record with a pin, while they are members
 *   NAPS: how often each looks for the dead when it likes, beside when it joins and, process 0, in the end
 * Mutations that must fail:
 *   LOCKLATE   the lock is taken after the claim     UNLOCKFIRST  a leaving member gives it up before its place
 *   NOANN      the place is not announced            IDLATE       the identity is written after JOINED
 *   NOGEN      a place's generation is not raised    FREEFIRST    the place is freed, then what is left is cleared
 *   TWOREAP    a place in LEAVING may be taken over from a reaper that lives
 *   NOTAKEOVER it may be taken over from nobody      NOROLE       roles of the dead are kept
 *   NAMELATE   the maintainer writes his name after he has taken the role
 *   STEAL      who finds the role taken takes it over, without a proof
 *   BYRECORD   a lease names the record alone
 *   SOMEDEAD   who has been asked about once and not answered is dead
 * Harmless: NOAGAIN (the word is not looked at again after the proof: the CAS compares it). */

#ifndef NP
#define NP 2
#endif
#ifndef NPL
#define NPL 2
#endif
#ifndef NR
#define NR 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef LIVES
#define LIVES 1
#endif
#ifndef NAPS
#define NAPS 1
#endif
#define ALL (NP + 1)
#define PLACES (NPL + 1)
#define NAME(place, g) (1 + (place) + PLACES * (g))
#define PLACE(name) (((name) - 1) % PLACES)
#define NOBODY 255

mtype = { FREE, JOINING, JOINED, LEAVING };
mtype st[PLACES] = FREE;
byte gen[PLACES], who[PLACES];  /* who: 1 + process; in LEAVING the name of who clears up */
byte process[PLACES];               /* the identity: 1 + process */
byte used = 1, lock[PLACES];    /* lock: 1 + process */
bool alive[ALL] = true;
byte owner[NR], role;
bool pin[NR];
byte token, tokens, of_record, of_owner;   /* the lease; token 0: none */

byte member[PLACES];            /* ghosts: 1 + the process that is the member */
byte cleans[PLACES];            /* 1 + who clears up there */
bool holds[ALL];                /* the process has the lease, and its record */
byte holder = NOBODY, recounts, deaths, over;
byte hj;                        /* scratch, 0 between steps */

#define SAME(place) (st[place] == ws && gen[place] == wg && who[place] == ww)

/* nothing bears the name */
inline nothing_of(name) {
    hj = 0;
    do :: hj < NR -> assert(owner[hj] != name); hj++ :: else -> break od;
    hj = 0;
    assert(role != name)
}

inline die(p) {
    alive[p] = 0; deaths++; holds[p] = 0; hj = 0;
    do :: hj < PLACES -> if :: lock[hj] == p + 1 -> lock[hj] = 0 :: else fi; hj++ :: else -> break od;
    hj = 0
}

mtype = { J1, J2, J3, J4, J5, J6, W0, W1, W2, W3, W4, W5, W6, W7, W8, W9, W10, L1, L2, L3, R1, R2, D1, D2, D3, R3, C1, C2, C3, C4, C5, U1,
          END, FIN };

proctype Process(byte p) {
    byte place, name, g, lives = LIVES, naps = NAPS, r = NOBODY, mine;
    byte q, ww, wg, target, by, dq, dw, dg;   /* the place looked at; its word; who clears up; the place asked about */
    mtype ws = FREE, ds = FREE, pc = J1;
    bool locked, gone, last, worked;
    if :: p == 0 -> pc = R1; name = NAME(0, 0) :: else -> place = 1 fi;
    do
    :: d_step { p > 0 && pc != FIN && deaths < DEATHS -> printf("%d dies\n", p);
        if :: pc == W7 -> recounts-- :: else fi;
        die(p); over++; pc = FIN; place = 0; name = 0; g = 0; lives = 0; naps = 0; r = 0; mine = 0; q = 0; ww = 0; wg = 0;
        target = 0; by = 0; dq = 0; dw = 0; dg = 0; ws = FREE; ds = FREE; locked = 0; gone = 0; last = 0; worked = 0 }

    /* joining */
    :: d_step { pc == J1 -> g = gen[place];
        if :: st[place] == FREE -> pc = J2
           :: st[place] != FREE && place < NPL -> place++
           :: else -> over++; pc = FIN fi }
    :: d_step { pc == J2 ->
#ifdef LOCKLATE
        pc = J3
#else
        /* step joinlock */
        if :: lock[place] == 0 -> lock[place] = p + 1; pc = J3
           :: lock[place] != 0 && place < NPL -> place++; pc = J1
           :: else -> over++; pc = FIN fi
#endif
      }
    :: d_step { pc == J3 ->
#ifndef NOANN
        /* step joinannounce */
        if :: used <= place -> used = place + 1 :: else fi;
#endif
        pc = J4 }
    :: d_step { pc == J4 -> /* step joinclaim */
        if :: st[place] == FREE && gen[place] == g ->
               st[place] = JOINING; who[place] = p + 1; member[place] = p + 1;
#ifndef NOGEN
               gen[place] = g + 1; g++;
#endif
               name = NAME(place, g); pc = J5; printf("%d joins in %d, %d\n", p, place, g)
           :: else -> if :: lock[place] == p + 1 -> lock[place] = 0 :: else fi;
               if :: place < NPL -> place++; pc = J1 :: else -> over++; pc = FIN fi
        fi }
#ifdef IDLATE
    :: d_step { pc == J5 -> st[place] = JOINED; pc = J6 }
    :: d_step { pc == J6 -> process[place] = p + 1; pc = R1 }
#else
    :: d_step { pc == J5 -> /* step joinidentity */ process[place] = p + 1; pc = J6;
#ifdef LOCKLATE
        if :: lock[place] == 0 -> lock[place] = p + 1 :: else fi
#endif
      }
    :: d_step { pc == J6 -> /* step joined */ assert(st[place] == JOINING && gen[place] == g); st[place] = JOINED; pc = R1 }
#endif

    /* what a member does */
    :: d_step { pc == W0 -> r = 0; pc = W1 }
    :: d_step { pc == W1 -> /* step claim2 */
        if :: r < NR && owner[r] == 0 -> owner[r] = name; pc = W2
           :: r < NR && owner[r] != 0 -> r++
           :: else -> r = NOBODY; pc = W8 fi }
    :: d_step { pc == W2 -> pin[r] = 1; pc = W3 }
    :: d_step { pc == W3 ->
#ifdef LEASE
        pc = L1
#else
        pc = W4
#endif
      }
#ifdef LEASE
    :: d_step { pc == L1 -> by = 0; mine = 0;
        if :: token == 0 -> /* step leaseplace */ tokens++; token = tokens; of_record = r; of_owner = name; mine = token; holder = p;
                  holds[p] = 1; pc = W4
           :: else -> dw = token; pc = L2 fi }
    :: d_step { pc == L2 && token != dw -> pc = W4; dw = 0 }
    :: d_step { pc == L2 && token == dw -> /* step leaseleft */
#ifdef BYRECORD
        if :: owner[of_record] == 0 -> pc = L3
#else
        if :: owner[of_record] != of_owner -> pc = L3
#endif
           :: else -> assert(owner[of_record] == of_owner); pc = W4; dw = 0 fi }
    :: d_step { pc == L3 -> /* step leaseover */
        if :: token == dw -> assert(!alive[holder] || !holds[holder]); tokens++; token = tokens; of_record = r; of_owner = name;
                  mine = token; holder = p; holds[p] = 1
           :: else fi;
        dw = 0; pc = W4 }
#endif
    :: d_step { pc == W4 ->
#ifdef ROLE
        pc = W5
#else
        pc = W8
#endif
      }
#ifdef ROLE
    :: d_step { pc == W5 -> /* step maintain */
        if :: role == 0 ->
#ifdef NAMELATE
               role = 254; pc = W6
#else
               role = name; pc = W6
#endif
#ifdef STEAL
           :: role != 0 && role != name -> role = name; pc = W6
#endif
           :: role != 0 -> pc = W8
        fi }
    :: d_step { pc == W6 ->
#ifdef NAMELATE
        role = name;
#endif
        recounts++; assert(recounts == 1); pc = W7 }
    :: d_step { pc == W7 -> /* step unmaintain */ recounts--; if :: role == name -> role = 0 :: else fi; pc = W8 }
#endif
    /* it ends its lease, unpins, lets its record go, leaves */
    :: d_step { pc == W8 -> if :: mine != 0 && token == mine -> token = 0; holder = NOBODY :: else fi; holds[p] = 0; mine = 0;
        worked = 1; if :: r == NOBODY -> pc = W10 :: else -> pin[r] = 0; pc = W9 fi }
    :: d_step { pc == W9 -> owner[r] = 0; r = NOBODY; pc = W10 }
    :: d_step { pc == W10 && naps > 0 -> naps--; pc = R1 }
    :: d_step { pc == W10 -> /* step memberleave */ ws = LEAVING; wg = g; ww = name; q = place; target = name; r = NOBODY;
        assert(st[place] == JOINED && gen[place] == g); st[place] = LEAVING; who[place] = name;
        assert(cleans[place] == 0); cleans[place] = p + 1; pc = C1;
#ifdef UNLOCKFIRST
        if :: lock[place] == p + 1 -> lock[place] = 0 :: else fi;
#endif
        r = 0 }
    :: d_step { pc == U1 -> if :: lock[place] == p + 1 -> lock[place] = 0 :: else fi;
        name = 0; worked = 0; lives--; place = 1; if :: lives > 0 -> pc = J1 :: else -> over++; pc = FIN fi }

    /* looking for the dead: reap_if_dead for each place */
    :: d_step { pc == R1 -> if :: q < used -> ws = st[q]; wg = gen[q]; ww = who[q] :: else fi;
        if :: q >= used -> q = 0; ws = FREE; wg = 0; ww = 0;
               if :: p == 0 -> pc = END :: p > 0 && !worked -> pc = W0 :: else -> pc = W10 fi
           :: q < used && (st[q] == FREE || NAME(q, gen[q]) == name) -> q++
           :: q < used && st[q] == LEAVING && NAME(q, gen[q]) != name -> by = ww;
#ifdef TWOREAP
               if :: by == name -> q++ :: else -> pc = R3 fi
#elif defined(NOTAKEOVER)
               q++
#else
               if :: by == name -> q++ :: else -> dq = PLACE(by); pc = R2 fi
#endif
           :: else -> dq = q; ds = ws; dg = wg; dw = ww; pc = D1
        fi }
    :: d_step { pc == R2 -> /* step gone */ ds = st[dq]; dg = gen[dq]; dw = who[dq];
        if :: st[dq] == FREE || NAME(dq, gen[dq]) != by -> pc = R3 :: else -> pc = D1 fi }
    /* gy_member_dead: the lock, the process, the word again */
    :: d_step { pc == D1 -> /* step provelock */ locked = (lock[dq] != 0 && lock[dq] != p + 1); pc = D2 }
    :: d_step { pc == D2 -> /* step proveprocess */
#ifdef SOMEDEAD
        gone = 1;
#elif defined(APART)
        gone = !locked;
#else
        if :: ds == JOINING -> gone = !locked :: else -> gone = (process[dq] > 0 && !alive[process[dq] - 1]) fi;
#endif
        pc = D3 }
    :: d_step { pc == D3 -> /* step proveagain */
#ifndef NOAGAIN
        if :: st[dq] != ds || gen[dq] != dg || who[dq] != dw -> gone = 0 :: else fi;
#endif
        if :: gone -> pc = R3 :: else -> q++; pc = R1 fi;
        ds = FREE; dg = 0; dw = 0; dq = 0; gone = 0; locked = 0 }
    :: d_step { pc == R3 -> /* step reaptake */
        if :: SAME(q) ->
               if :: ws != LEAVING -> assert(!alive[member[q] - 1])
                  :: else -> assert(!alive[cleans[q] - 1]) fi;
               st[q] = LEAVING; who[q] = name; cleans[q] = p + 1; target = NAME(q, wg); ws = LEAVING; ww = name;
               r = 0; pc = C1; printf("%d clears up in %d, %d\n", p, q, wg)
           :: else -> q++; ws = FREE; wg = 0; ww = 0; pc = R1
        fi; by = 0; dq = 0; ds = FREE; dg = 0; dw = 0 }
#ifdef FREEFIRST
    :: d_step { pc == C1 -> if :: SAME(q) -> st[q] = FREE; member[q] = 0; cleans[q] = 0 :: else fi; pc = C2 }
    :: d_step { pc == C2 -> if :: r < NR && owner[r] == target -> pin[r] = 0; pc = C3 :: r < NR && owner[r] != target -> r++
                               :: else -> pc = C4 fi }
#else
    :: d_step { pc == C1 -> if :: r < NR && owner[r] == target -> pc = C2 :: r < NR && owner[r] != target -> r++
                               :: else -> pc = C4 fi }
    :: d_step { pc == C2 -> pin[r] = 0; pc = C3 }
#endif
    :: d_step { pc == C3 -> /* step reaprecord */ assert(!pin[r]); owner[r] = 0; r++;
#ifdef FREEFIRST
        pc = C2 }
#else
        pc = C1 }
#endif
    :: d_step { pc == C4 ->
#ifndef NOROLE
        /* step reaprole */
        if :: role == target -> role = 0 :: else fi;
#endif
        pc = C5 }
    :: d_step { pc == C5 -> /* step reapfree */
#ifndef FREEFIRST
        if :: SAME(q) -> nothing_of(target); st[q] = FREE; member[q] = 0; cleans[q] = 0 :: else -> assert(0) fi;
#endif
        r = NOBODY; ws = FREE; wg = 0; ww = 0;
        if :: target == name -> q = 0; pc = U1 :: else -> q++; pc = R1 fi;
        target = 0 }

    /* process 0: again, or for the last time when nobody else is left */
    :: d_step { pc == END && naps > 0 -> naps--; pc = R1 }
    :: d_step { pc == END && over == NP && !last -> last = 1; naps = 0; pc = R1 }
    :: d_step { pc == END && last ->
        do :: r == NOBODY -> r = 1
           :: r < PLACES -> assert(st[r] == FREE); r++
           :: r == PLACES -> break od;
        r = 0;
        do :: r < NR -> assert(owner[r] == 0 && !pin[r]); r++ :: else -> break od;
        assert(role == 0 && (token == 0 || owner[of_record] != of_owner));
        pc = FIN }
    :: pc == FIN -> break
    od
}

init {
    byte t;
    atomic {
        st[0] = JOINED; who[0] = 1; process[0] = 1; lock[0] = 1; member[0] = 1;
        do :: t < ALL -> run Process(t); t++ :: else -> break od
    }
}

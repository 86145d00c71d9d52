/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* sections.pml - sections as epochs in the records, grace periods, threads that stop, exit and die.
 *
 * A transition is one shared access. Plain stores (section, owner) go through a store buffer of each
 * thread (total store order, two entries; drained by the thread's own locked instruction, by chance, or by
 * a membarrier); all else is a CAS, a locked addition or a seq_cst store. A thread that is stopped or
 * killed is a schedule in which it is never chosen again; with STOP that is a step, so that what must go
 * on without it can be asked.
 *
 * A machine is what waits for sections: the growth of a shard, or a clear. It has a state that it shows
 * (geom: the phase, or the mark), a stage, a cookie and a try-lock (driver); whoever finds something to
 * do takes one step of it. A user does lookups (without a section), puts (a section, then one step of
 * each machine) and sweeps (two sections). A worker takes steps until all turns are done.
 *
 * Checked, when a poll says that a grace period has elapsed and before the next turn:
 *   every section that was open when it started has ended,
 *   and no section is open that saw the state from before the turn.
 * FAIR (weak fairness, linear temporal logic): OTHERS: all users but a stopped one finish. ELAPSE: all
 * turns are done in the end. REAPED: they are, once a forked child has reaped the records of the dead.
 *
 *   NT users, OPS operations each, NR records, NM machines, TURNS turns each; FORK: a thread without a
 *   record forks at any moment between calls, all others are gone in the child, where it mends and runs
 *   CHILD new users; STOP: user 0 may stop inside a section (1), anywhere (2); WORKER=0: no worker
 *   DEATHS: each user is a process; so many die, anywhere. What they have stored stands. Who finds a section or a try-lock of
 *   the dead proves the death, takes the member by CAS, and clears up; he may die over it, and the next one begins again
 *   FENCED: the cache's readers fence (safe with NOMB); LOCAL: sections and grace periods are liburcu's, which
 *   is taken to keep its word, and several that wait share one
 * Mutations that must fail:
 *   NOMB       no membarrier                     MBLATE     it comes after the look at the sections
 *   READFIRST  the shared state is read before the section is stored (no compiler barrier)
 *   ENDEARLY   the section is cleared before the last access
 *   NOANN      a record is used before n_records_used covers it
 *   ANNLATE    it is covered after it was claimed (a child never reaps it)
 *   COOKIE     the cookie is one too small       STARTFIRST the epoch is raised before the state changes
 *   LETGO      a record is let go before its section is cleared
 *   COVERLATE  with LOCAL: what it covers is loaded after the grace period
 *   NOREAP     the child, or the others, do not clear the sections of the dead (starves)
 *   PRIVATEMB  the membarrier is of the own process alone
 *   UNPROVED   a section that lasts is taken for one of the dead
 *   TWOREAP    any number clear up at once       REAPLETGO  the record of the dead is let go before its section is cleared
 *   KEEPCOOKIE who takes over from a dead driver goes on with its grace period
 *   KEEPSTAGE  or with its stage                 KEEPDRIVER the try-lock of the dead is kept (starves)
 *   WAITS      a put waits for the grace period (starves)
 *   LOCKS      a put waits for the driver (starves)
 * Harmless: USEDEARLY (n_records_used is loaded before the membarrier). */

#ifndef NT
#define NT 2
#endif
#ifndef OPS
#define OPS 1
#endif
#ifndef NR
#define NR NT
#endif
#ifndef NM
#define NM 1
#endif
#ifndef TURNS
#define TURNS 2
#endif
#ifndef FORK
#define FORK 0
#endif
#ifndef CHILD
#define CHILD 1
#endif
#ifndef STOP
#define STOP 0
#endif
#ifndef WORKER
#define WORKER 1
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#define NB (NT + FORK * CHILD + 2)   /* users, the child's users, the worker, the forker */
#define WORK (NB - 2)
#define FORKER (NB - 1)

byte epoch = 1, used;
byte owner[NR], section[NR];
byte geom[NM], stage[NM], cookie[NM], driver[NM];   /* stage 1: waiting for a grace period */
byte turns[NM];
#ifdef LOCAL
byte elapsed;                   /* liburcu: how far grace periods are known to have elapsed */
bool syncs[NB * NB];            /* the sections that a thread inside liburcu waits for */
byte inside;                    /* the lock around it */
#endif
byte sb0[NB], sb1[NB];          /* 0: empty; section: 1 + record * 16 + epoch; owner: 129 + record */
byte saw[NB * NM];              /* ghosts: 1 + what the open section saw of the machine */
bool open[NB], waits[NB * NM], fin[NB];
bool dead, reaped;              /* the parent's threads, in the child; their records */
byte alive, gone;                /* threads of the parent that run; that the child has not */
#if DEATHS
bool died[NB];
byte reaps[NB], deaths;         /* 1 + who clears up after it; CLEARED: it is done */
#endif
#define CLEARED 255
byte hj;                        /* scratch, 0 between steps */

#define GONE(t) (dead && ((t) < NT || (t) == WORK))
#define ROOM(b) (sb1[b] == 0)
inline push(b, x) { if :: sb0[b] == 0 -> sb0[b] = x :: else -> sb1[b] = x fi }
#define SECTION(r, e) (1 + (r) * 16 + (e))
#define NOBODY(r) (129 + (r))
inline drain1(b) {
    if
    :: sb0[b] > 128 -> owner[sb0[b] - 129] = 0
    :: sb0[b] > 0 && sb0[b] <= 128 -> section[(sb0[b] - 1) / 16] = (sb0[b] - 1) & 15
    :: else
    fi;
    sb0[b] = sb1[b]; sb1[b] = 0
}
inline drain(b) { drain1(b); drain1(b) }
#ifdef PRIVATEMB
#define membarrier() drain(t)
#else
inline membarrier() { hj = 0; do :: hj < NB -> drain(hj); hj++ :: else -> break od; hj = 0 }
#endif

/* no section is open that saw an older state, nor one that was open when the grace period started */
inline ended(m) {
    hj = 0;
    do
    :: hj < NB -> assert(saw[hj * NM + m] == 0 || saw[hj * NM + m] == geom[m] + 1); assert(!waits[hj * NM + m]); hj++
    :: else -> break
    od;
    hj = 0
}
/* no section is open that saw another state than the last */
inline current(m) {
    hj = 0;
    do :: hj < NB -> assert(saw[hj * NM + m] == 0 || saw[hj * NM + m] == geom[m] + 1); hj++ :: else -> break od;
    hj = 0
}
inline close(t) {
    open[t] = 0; hj = 0;
#ifdef LOCAL
    do :: hj < NB -> syncs[hj * NB + t] = 0; hj++ :: else -> break od; hj = 0;
#endif
    do :: hj < NM -> saw[t * NM + hj] = 0; waits[t * NM + hj] = 0; hj++ :: else -> break od; hj = 0
}

mtype = { NEXT, CLAIM, ANN, ENTER1, ENTER2, READ, LAST, EXIT, HELP, DRIVE, TURN, START, WAIT, BARRIER, USED, LOOK,
          BARRIER2, ELAPSED, UNDRIVE, LEAVE1, LEAVE2, FIN, STOPPED, AFORK, REAP,
          COVERS, SYNC, SYNCED, NOTE, TAKE, REAPR, REAPS1, REAPS2, REAPM, TAKEOVER1, TAKEOVER2, TAKEOVER3, REAPALL };
#ifdef READFIRST
#define AFTER_EPOCH READ
#define AFTER_READ ENTER2
#define AFTER_STORE LAST
#else
#define AFTER_EPOCH ENTER2
#define AFTER_STORE READ
#define AFTER_READ LAST
#endif
#if defined(NOANN)
#define FIRST_CLAIM CLAIM
#define AFTER_CLAIM NEXT
#define BEFORE_LAST ANN
#define AFTER_ANN LAST
#elif defined(ANNLATE)
#define FIRST_CLAIM CLAIM
#define AFTER_CLAIM ANN
#define BEFORE_LAST LAST
#define AFTER_ANN NEXT
#else
#define FIRST_CLAIM ANN
#define AFTER_CLAIM NEXT
#define BEFORE_LAST LAST
#define AFTER_ANN CLAIM
#endif
#ifdef STARTFIRST
#define FIRST START
#define AFTER_TURN WAIT
#define AFTER_START TURN
#else
#define FIRST TURN
#define AFTER_TURN START
#define AFTER_START WAIT
#endif
#ifdef LOCAL
#define POLL COVERS
#define AFTER_USED LOOK
#elif defined(NOMB) || defined(MBLATE)
#define POLL USED
#define AFTER_USED LOOK
#elif defined(USEDEARLY)
#define POLL USED
#define AFTER_USED BARRIER
#define AFTER_BARRIER LOOK
#else
#define POLL BARRIER
#define AFTER_BARRIER USED
#define AFTER_USED LOOK
#endif
#ifdef MBLATE
#define AFTER_LOOK BARRIER2
#else
#define AFTER_LOOK ELAPSED
#endif

/* n: operations left: 3 a lookup, 2 a sweep of two batches, 1 a put; first: CLAIM a user, HELP a worker,
 * AFORK a thread that forks */
proctype Thread(byte t; mtype first) {
    byte r, e, n = OPS, i, m, lim;
#if DEATHS
    byte x, back;                       /* who has died; what then: 0 the next machine, 1 UNDRIVE */
#endif
    bool twice;
    mtype pc = first;
    if :: first == CLAIM -> pc = FIRST_CLAIM :: else fi;
    do
    :: d_step { GONE(t) && pc != FIN -> r = 0; e = 0; n = 0; i = 0; m = 0; lim = 0; twice = 0; fin[t] = 0; gone++; pc = FIN }
    :: d_step { pc == CLAIM && !GONE(t) -> /* step claim2 */ drain(t);
        if :: r == NR -> fin[t] = 1; r = 0; n = 0; alive--; pc = FIN; printf("user%d: no record\n", t)
           :: r < NR && owner[r] == 0 -> owner[r] = t + 1; pc = AFTER_CLAIM; printf("user%d: claims record %d\n", t, r)
           :: else -> r++; pc = FIRST_CLAIM fi }
    :: d_step { pc == ANN && !GONE(t) -> /* step claim1 */ drain(t);
        if :: used <= r && r < NR -> used = r + 1 :: else fi; pc = AFTER_ANN }
    :: d_step { pc == NEXT && !GONE(t) -> twice = 0;
        if :: n == 3 -> printf("user%d: lookup\n", t); n--   /* no section, nothing to wait for */
           :: n == 2 || n == 1 -> pc = ENTER1
           :: n == 0 -> pc = LEAVE1 fi }
    :: d_step { pc == ENTER1 && !GONE(t) -> /* step section1 */ e = epoch; pc = AFTER_EPOCH }
    :: d_step { pc == ENTER2 && !GONE(t) && ROOM(t) -> /* step section2 */
        push(t, SECTION(r, e)); open[t] = 1; e = 0; pc = AFTER_STORE; printf("user%d: section, record %d\n", t, r);
#ifdef FENCED
        drain(t)
#endif
      }
    :: d_step { pc == READ && !GONE(t) -> /* step section3 */ hj = 0;
        do :: hj < NM -> saw[t * NM + hj] = geom[hj] + 1; hj++ :: else -> break od; hj = 0;
        pc = AFTER_READ; if :: pc == LAST -> pc = BEFORE_LAST :: else fi; printf("user%d: sees %d\n", t, geom[0]) }
#ifdef ENDEARLY
    :: d_step { pc == LAST && !GONE(t) && ROOM(t) -> push(t, SECTION(r, 0)); pc = EXIT }
    :: d_step { pc == EXIT && !GONE(t) ->
#else
    :: d_step { pc == LAST && !GONE(t) -> pc = EXIT }
    :: d_step { pc == EXIT && !GONE(t) && ROOM(t) -> /* step section4 */ push(t, SECTION(r, 0));
#endif
        close(t); printf("user%d: ends its section\n", t);
        if :: n == 2 && !twice -> twice = 1; pc = ENTER1
           :: n == 2 && twice -> n--; twice = 0; pc = NEXT
           :: else -> pc = HELP fi }

    /* a step of each machine: grow.c, clear.c */
    :: d_step { pc == HELP && !GONE(t) ->
        if :: m < NM && turns[m] < TURNS -> pc = DRIVE
           :: m < NM && turns[m] >= TURNS -> m++
           :: m == NM && first == CLAIM -> m = 0; n--; pc = NEXT
           :: m == NM && first != CLAIM -> m = 0; hj = 0;
               do :: hj < NM && turns[hj] == TURNS -> hj++ :: else -> break od;
               if :: hj == NM -> fin[t] = 1; n = 0; alive--; pc = FIN :: else fi; hj = 0
        fi }
    :: d_step { pc == DRIVE && !GONE(t) -> /* step drive */ drain(t);
        if :: driver[m] == 0 -> driver[m] = t + 1;
               if :: turns[m] == TURNS -> pc = UNDRIVE :: else -> pc = (stage[m] -> POLL : FIRST) fi
#ifdef LOCKS
           :: else fi
#else
#if DEATHS
           :: driver[m] != 0 && died[driver[m] - 1] -> x = driver[m] - 1; back = 0; pc = TAKE
           :: driver[m] != 0 && !died[driver[m] - 1] -> m++; pc = HELP fi
#else
           :: else -> m++; pc = HELP fi
#endif
#endif
      }
    :: d_step { pc == TURN && !GONE(t) -> /* step turn */ drain(t); current(m); geom[m]++; pc = AFTER_TURN;
        printf("%d: machine %d shows %d\n", t, m, geom[m]) }
    :: d_step { pc == START && !GONE(t) -> /* step grace1 */ drain(t); epoch++; hj = 0;
#ifdef COOKIE
        cookie[m] = epoch - 1;
#else
        cookie[m] = epoch;
#endif
        do :: hj < NB -> waits[hj * NM + m] = open[hj]; hj++ :: else -> break od; hj = 0;
        pc = AFTER_START; printf("%d: a grace period starts, cookie %d\n", t, cookie[m]) }
    :: d_step { pc == WAIT && !GONE(t) -> stage[m] = 1; pc = UNDRIVE }
    :: d_step { pc == USED && !GONE(t) -> /* step grace3 */ lim = used; pc = AFTER_USED;
        if :: lim == 0 -> pc = ELAPSED :: else fi }
#ifdef AFTER_BARRIER
    :: d_step { pc == BARRIER && !GONE(t) -> /* step grace2 */ membarrier(); pc = AFTER_BARRIER }
#endif
    :: d_step { pc == LOOK && !GONE(t) -> /* step grace4 */
        if :: section[i] != 0 && section[i] < cookie[m] -> lim = 0; pc = UNDRIVE; printf("%d: waits\n", t);
#if DEATHS && !defined(NOREAP)
#ifdef UNPROVED
               if :: owner[i] != 0 && owner[i] - 1 != t -> x = owner[i] - 1; back = 1; pc = TAKE :: else fi;
#else
               if :: owner[i] != 0 && died[owner[i] - 1] -> x = owner[i] - 1; back = 1; pc = TAKE :: else fi;
#endif
#endif
               i = 0
           :: else -> i++; if :: i == lim -> i = 0; lim = 0; pc = AFTER_LOOK :: else fi fi }
#ifdef LOCAL
    :: d_step { pc == COVERS && !GONE(t) -> /* step local1 */
        if :: elapsed >= cookie[m] -> pc = ELAPSED :: else -> lim = epoch; pc = SYNC fi }
    :: d_step { pc == SYNC && !GONE(t) && inside == 0 -> /* step local2 */ inside = 1; hj = 0;
        do :: hj < NB -> syncs[t * NB + hj] = open[hj]; hj++ :: else -> break od; hj = 0; pc = SYNCED }
    :: d_step { pc == SYNCED && !GONE(t) -> hj = 0;
        do :: hj < NB && !syncs[t * NB + hj] -> hj++ :: else -> break od;
        if :: hj == NB -> inside = 0; pc = NOTE;
#ifdef COVERLATE
              lim = epoch
#endif
           :: else fi; hj = 0 }
    :: d_step { pc == NOTE && !GONE(t) -> /* step local3 */ drain(t);
        if :: elapsed < lim -> elapsed = lim :: else fi; lim = 0; pc = ELAPSED }
#endif
    :: d_step { pc == BARRIER2 && !GONE(t) -> membarrier(); pc = ELAPSED }
    :: d_step { pc == ELAPSED && !GONE(t) -> ended(m); stage[m] = 0; turns[m]++; pc = UNDRIVE;
        printf("%d: elapsed, machine %d\n", t, m) }
    :: d_step { pc == UNDRIVE && !GONE(t) -> /* step undrive */ drain(t); driver[m] = 0;
#ifdef WAITS
        if :: first == CLAIM && turns[m] < TURNS -> skip :: else -> m++ fi;
#else
        m++;
#endif
        pc = HELP }

#if DEATHS
    :: d_step { t < NT && pc != FIN && pc != STOPPED && deaths < DEATHS -> drain(t); close(t); died[t] = 1; deaths++;
        printf("%d dies\n", t); r = 0; e = 0; n = 0; i = 0; m = 0; lim = 0; x = 0; back = 0; twice = 0; alive--; pc = FIN }
    :: d_step { pc == TAKE -> drain(t);
#ifdef TWOREAP
        if :: reaps[x] != CLEARED -> pc = REAPR
#else
        if :: reaps[x] == 0 -> /* step reaptake */ reaps[x] = t + 1; pc = REAPR; printf("%d clears up after %d\n", t, x)
           :: reaps[x] != 0 && reaps[x] != CLEARED && died[reaps[x] - 1] -> reaps[x] = t + 1; pc = REAPR
#endif
           :: else -> x = 0; if :: back -> pc = UNDRIVE :: else -> m++; pc = HELP fi; back = 0 fi }
    :: d_step { pc == REAPR ->
        if :: i == NR -> i = 0; pc = REAPM
           :: i < NR && owner[i] == x + 1 -> pc = REAPS1
           :: i < NR && owner[i] != x + 1 -> i++ fi }
#ifdef REAPLETGO
    :: d_step { pc == REAPS1 && ROOM(t) -> push(t, NOBODY(i)); pc = REAPS2 }
    :: d_step { pc == REAPS2 && ROOM(t) -> push(t, SECTION(i, 0)); i++; pc = REAPR }
#else
    :: d_step { pc == REAPS1 && ROOM(t) -> /* step leave1 */ push(t, SECTION(i, 0)); pc = REAPS2 }
    :: d_step { pc == REAPS2 && ROOM(t) -> /* step leave2 */ push(t, NOBODY(i)); i++; pc = REAPR }
#endif
    :: d_step { pc == REAPM -> /* step reapdriver */
        if :: i == NM -> i = 0; pc = REAPALL
           :: i < NM && driver[i] == x + 1 -> pc = TAKEOVER1
           :: i < NM && driver[i] != x + 1 -> i++ fi }
    :: d_step { pc == TAKEOVER1 -> drain(t); pc = TAKEOVER2;
#ifndef KEEPCOOKIE
        /* step takeover1 */ epoch++; cookie[i] = epoch; hj = 0;
        do :: hj < NB -> waits[hj * NM + i] = open[hj]; hj++ :: else -> break od;
#endif
        hj = 0
      }
    :: d_step { pc == TAKEOVER2 -> pc = TAKEOVER3;
#ifndef KEEPSTAGE
        /* step takeover2 */ stage[i] = (geom[i] > turns[i])
#endif
      }
    :: d_step { pc == TAKEOVER3 -> drain(t);
#ifndef KEEPDRIVER
        /* step takeover3 */ if :: driver[i] == x + 1 -> driver[i] = 0 :: else fi;
#endif
        i++; pc = REAPM }
    :: d_step { pc == REAPALL -> drain(t);
#ifdef TWOREAP
        reaps[x] = CLEARED;
#else
        /* step reapfree */ assert(reaps[x] == t + 1); reaps[x] = CLEARED;
#endif
        hj = 0; do :: hj < NR -> assert(owner[hj] != x + 1); hj++ :: else -> break od; hj = 0;
        x = 0; if :: back -> pc = UNDRIVE :: else -> m++; pc = HELP fi; back = 0 }
#endif

#ifdef LETGO
    :: d_step { pc == LEAVE1 && !GONE(t) && ROOM(t) -> push(t, NOBODY(r)); pc = LEAVE2 }
    :: d_step { pc == LEAVE2 && !GONE(t) && ROOM(t) -> push(t, SECTION(r, 0));
#else
    :: d_step { pc == LEAVE1 && !GONE(t) && ROOM(t) -> /* step leave1 */ push(t, SECTION(r, 0)); pc = LEAVE2 }
    :: d_step { pc == LEAVE2 && !GONE(t) && ROOM(t) -> /* step leave2 */ push(t, NOBODY(r));
#endif
        r = 0; fin[t] = 1; alive--; pc = FIN; printf("user%d: lets its record go\n", t) }
#if STOP == 1
    :: d_step { t == 0 && pc == LAST && !GONE(t) -> r = 0; pc = STOPPED; printf("user0: stops in its section\n") }
#elif STOP == 2
    :: d_step { t == 0 && pc != FIN && pc != STOPPED && !GONE(t) -> pc = STOPPED; printf("user0: stops\n") }
#endif

#if FORK
    :: d_step { pc == AFORK -> dead = 1; hj = 0; printf("fork\n"); i = 0;
        do :: i < NB -> sb0[i] = 0; sb1[i] = 0; close(i); i++ :: else -> break od; i = 0; pc = REAP }
    :: atomic { pc == REAP && gone == alive -> gone = 0; alive = CHILD + 1;   /* alone */
        d_step {
            do :: r < used -> /* step reap */ owner[r] = 0;
#ifndef NOREAP
                section[r] = 0;
#endif
                r++ :: else -> break od; r = 0;
            do :: r < NR -> assert(owner[r] == 0); r++ :: else -> break od; r = 0;
            do :: m < NM -> /* step mendgrowth */ driver[m] = 0; stage[m] = (geom[m] > turns[m]); epoch++; cookie[m] = epoch; m++
               :: else -> break od; m = 0
        }
        reaped = 1; pc = HELP; i = NT;
        do :: i < NT + CHILD -> run Thread(i, CLAIM); i++ :: else -> break od; i = 0 }
#endif
    :: pc == FIN -> break
    od
}

/* the store buffers of running threads drain by and by */
proctype Buffers() {
end:
    do
    :: d_step { sb0[0] != 0 -> drain1(0) }
#if NB > 3
    :: d_step { sb0[1] != 0 -> drain1(1) }
#endif
#if NB > 4 || DEATHS
    :: d_step { sb0[2] != 0 -> drain1(2) }
#endif
#if NB > 5 || (DEATHS && NB > 4)
    :: d_step { sb0[3] != 0 -> drain1(3) }
#endif
    od
}

#ifdef OTHERS
ltl others { <> fin[NT - 1] }
#elif defined(ELAPSE)
ltl elapse { <> (turns[0] == TURNS) }
#elif defined(REAPED)
ltl after_reap { [] (reaped -> <> (turns[0] == TURNS)) }
#endif

init {
    byte t;
    atomic {
        alive = NT + WORKER;
        do :: t < NT -> run Thread(t, CLAIM); t++ :: else -> break od;
#if WORKER
        run Thread(WORK, HELP);
#endif
#if FORK
        run Thread(FORKER, AFORK);
#endif
        run Buffers()
    }
}

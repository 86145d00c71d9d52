/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The rest of arena.pml: the worker, which puts, opens, seals, sweeps and frees. */

inline forget() { a = 0; g = 0; s = 0; o = 0; t = 0; ts = 0; i = 0 }

/* a g s: the arena that the lane shows, or that is swept; t ts: the arena that is being opened */
proctype Worker(byte w) {
    byte a, g, s, o, t, ts, i, n = (w == 0 -> PUTS : PUTS1), tries;
    bool roomy;                 /* sealing comes from a sweep that found nothing else */
    mtype pc = NEXT;
    do
    :: d_step { dead && w < NW && pc != FIN -> forget(); n = 0; tries = 0; roomy = 0; gone++; pc = FIN }
#if DEATHS
    :: d_step { pc != FIN && deaths < DEATHS -> deaths++; died[w] = 1; alive--; forget(); n = 0; tries = 0; roomy = 0; pc = FIN;
        printf("%d dies\n", w) }
#endif
    :: d_step { pc == NEXT && !(dead && w < NW) -> tries = TRIES;
        if :: n > 0 -> n--; pc = STAGE
           :: else -> tries = 0; alive--; pc = FIN;
#if !CLEARS && !WITHDRAW && !DEATHS
               if :: alive == 0 && !dead -> settled() :: else fi
#endif
        fi }

    /* stage_in */
    :: d_step { pc == STAGE && !(dead && w < NW) -> roomy = 0;
        if :: lane == 0 -> pc = NEED :: else -> a = lane - 1; s = lanesq;
#ifdef PINLATE
            pc = STATE
#else
            pc = PIN
#endif
        fi }
    :: d_step { pc == PIN && !(dead && w < NW) -> /* step writer1 */ pin[w] = a + 1; kind[w] = RESERVING;
#ifdef PINLATE
        pc = HEADER
#else
        pc = STATE
#endif
      }
    :: d_step { pc == STATE && !(dead && w < NW) -> /* step writer2 */ g = gen[a];
        if :: sq[a] == s && st[a] == OPENING -> pc = HELP
           :: sq[a] == s && st[a] == OPEN -> pc = RESERVE
           :: else -> pc = UNPINNEED fi }
#ifdef NOHELP
    :: d_step { pc == HELP && !(dead && w < NW) -> pin[w] = 0; kind[w] = 0; a = 0; g = 0; s = 0; pc = STAGE }
#else
    :: d_step { pc == HELP && !(dead && w < NW) -> /* step open4 */
        if :: st[a] == OPENING && SAMELIFE(a, g, s) -> st[a] = OPEN; printf("%d: makes %d OPEN\n", w, a); inv() :: else fi;
        pc = UNPIN }
#endif
    :: d_step { pc == RESERVE && !(dead && w < NW) -> /* step reserve */
        if :: closed[a] || pos[a] == CAP ->
#ifdef NOSEAL
                pc = UNPINNEED
#else
                pc = CLOSE
#endif
           :: else -> o = pos[a]; pos[a]++; printf("%d: reserves %d of arena %d\n", w, o, a);
                assert(taken[a * CAP + o] == 0); taken[a * CAP + o] = 1;
#ifdef PINLATE
                pc = PIN
#else
                pc = AFTER_RESERVE
#endif
        fi }
    :: d_step { pc == HEADER && !(dead && w < NW) -> /* step header */
        assert(LIVING(a) && gen[a] == g); hdr[a * CAP + o] = 1; pc = AFTER_HEADER }
    :: d_step { pc == FILL && !(dead && w < NW) -> /* step filling */ kind[w] = FILLING; pc = AFTER_FILL }
    :: atomic { pc == PUBLISH && !(dead && w < NW) -> /* step writer3 */ i = 0;
        do :: i < NS - 1 -> i++ :: break od;
        slot[i] = REF(a, o); sgen[i] = g; i = 0; pc = UNPIN; printf("%d: publishes %d\n", w, REF(a, o)); inv();
        o = CAP }
    :: d_step { pc == UNPIN && !(dead && w < NW) -> /* step unpin */ pin[w] = 0; kind[w] = 0;
        pc = (o == CAP -> NEXT : STAGE); forget() }

    /* seal: by a writer that found no room, or by a sweep */
    :: d_step { pc == CLOSE && !(dead && w < NW) -> /* step seal1 */
#ifndef NOCLOSE
        closed[a] = 1;
#endif
        pc = SEAL }
    :: d_step { pc == SEAL && !(dead && w < NW) -> /* step seal2 */
        if :: st[a] == OPEN && gen[a] == g && sq[a] == s -> st[a] = SEALED; sq[a] = 0; printf("%d: seals %d\n", w, a)
           :: else fi; inv();
        if :: roomy -> forget(); roomy = 0; pc = ROOM :: else -> pc = UNPINNEED fi }
    :: d_step { pc == UNPINNEED && !(dead && w < NW) -> /* step unpin */ pin[w] = 0; kind[w] = 0; g = 0; pc = NEED }

    /* open_next and take_free; a s: what was seen in the lane */
    :: d_step { pc == NEED && !(dead && w < NW) -> t = 0; pc = (nfree > 0 -> FIND : ROOM);
        if :: pc == ROOM -> forget() :: else fi }
    :: d_step { pc == FIND && !(dead && w < NW) ->
        if :: t == NA -> forget(); pc = ROOM
           :: t < NA && st[t] == FREE -> g = gen[t]; ts = OPENING_NUMBER(g, w); pc = FIRST_CLAIM;
#ifndef NAMELATE
                mark_opening(w, t, ts)     /* step opening */
#endif
           :: else -> t++ fi }
    :: d_step { pc == COUNT && !(dead && w < NW) -> /* step open1 */ mark_change(w); nfree--;
#ifdef COUNTLATE
        pc = AFTER_CLAIM
#else
        pc = CLAIM
#endif
      }
    :: d_step { pc == CLAIM && !(dead && w < NW) -> /* step open2 */
        if :: st[t] == FREE && gen[t] == g -> st[t] = OPENING; gen[t]++; sq[t] = ts; g = 0; printf("%d: claims %d\n", w, t);
              hj = 0; do :: hj < CAP -> taken[t * CAP + hj] = 0; hdr[t * CAP + hj] = 0; hj++ :: else -> break od; hj = 0; inv();
#ifdef COUNTLATE
              pc = COUNT
#else
              mark_change(w); pc = AFTER_CLAIM
#endif
           :: else -> g = 0;
#ifdef COUNTLATE
              t++; ts = 0; pc = FIND
#else
              pc = UNCOUNT
#endif
        fi }
    :: d_step { pc == UNCOUNT && !(dead && w < NW) -> nfree++; mark_change(w); t++; ts = 0; pc = FIND }
    :: d_step { pc == RESET && !(dead && w < NW) -> 
#ifdef NAMELATE
        mark_opening(w, t, ts);
#endif
        /* step reset */ pos[t] = 0; closed[t] = 0; holed[t] = 0;
#ifndef CURSOR
        cur[t] = 0;
#endif
        pc = AFTER_RESET }
    :: d_step { pc == INSTALL && !(dead && w < NW) -> /* step open3 */
#ifdef LANESTORE
        if :: 1 ->
#else
        if :: lane == (s -> a + 1 : 0) && lanesq == s ->
#endif
              lane = t + 1; lanesq = ts; pc = AFTER_INSTALL; printf("%d: installs %d\n", w, t)
           :: else ->
#ifdef KEEP
              forget(); pc = STAGE
#else
              pc = GIVE
#endif
        fi; inv() }
    :: d_step { pc == GIVE && !(dead && w < NW) -> /* step giveback */
        if :: st[t] == OPENING && sq[t] == ts -> mark_change(w); st[t] = FREE; pc = GIVEN :: else -> forget(); pc = STAGE fi }
    :: d_step { pc == GIVEN && !(dead && w < NW) -> nfree++; mark_change(w); forget(); pc = STAGE; inv() }
    :: d_step { pc == OPENIT && !(dead && w < NW) -> /* step open4 */
        if :: st[t] == OPENING && (SAMELIFE(t, gen[t], ts)) -> st[t] = OPEN; printf("%d: makes its %d OPEN\n", w, t) :: else fi;
        forget(); pc = STAGE; inv() }

    /* gy_sweep_room */
    :: d_step { pc == ROOM && !(dead && w < NW) ->
        if :: nfree > 0 -> pc = STAGE
           :: nfree <= 0 && tries == 0 -> pc = NEXT; printf("%d: BUSY\n", w)
           :: else -> tries--; a = 0; pc = COLLECT fi }
    :: d_step { pc == COLLECT && !(dead && w < NW) -> /* step free1 */
        if :: a == NA -> a = 0; pc = CHOOSE
           :: a < NA && st[a] == RETIRED -> g = gen[a]; s = sq[a]; pc = PINS   /* step free2: see pins.pml */
           :: else -> a++ fi }
    :: d_step { pc == PINS && !(dead && w < NW) -> /* step free3 */
        if :: i == NP -> i = 0; pc = FREEIT
           :: i < NP && pin[i] == a + 1 -> i = 0; g = 0; s = 0; a++; pc = COLLECT
           :: else -> i++ fi }
    :: d_step { pc == FREEIT && !(dead && w < NW) -> /* step free4 */
        if :: st[a] == RETIRED && gen[a] == g && sq[a] == s -> mark_change(w); st[a] = FREE; pc = FREED; printf("%d: frees %d\n", w, a)
           :: else -> a++; pc = COLLECT fi; g = 0; s = 0 }
    :: d_step { pc == FREED && !(dead && w < NW) -> nfree++; mark_change(w); forget(); pc = STAGE; inv() }
    /* a parked arena first, then any that is sealed, then what stands open is sealed */
    :: atomic { pc == CHOOSE && !(dead && w < NW) ->
        a = 0; do :: a < NA && st[a] != PARKED -> a++ :: else -> break od;
        if :: a == NA -> a = 0;
                do :: a < NA && st[a] == SEALED -> break
                   :: a < NA -> a++
                   :: a == NA -> break od
           :: else fi;
        if :: a == NA -> a = 0; pc = LANE :: else -> g = gen[a]; s = sq[a]; ts = (st[a] == PARKED);
#ifdef LOOKFIRST
            pc = (ts -> TAKE : LOOK)
#else
            pc = TAKE
#endif
        fi }
    :: d_step { pc == LANE && !(dead && w < NW) ->
        if :: lane -> a = lane - 1; s = lanesq; pc = WORD :: else -> pc = ROOM fi }
    :: d_step { pc == WORD && !(dead && w < NW) -> g = gen[a];
        if :: sq[a] == s && st[a] == OPENING -> st[a] = OPEN; inv()
           :: sq[a] == s && st[a] == OPEN -> roomy = 1; pc = CLOSE
           :: else -> forget(); pc = ROOM fi }
    :: d_step { pc == TAKE && !(dead && w < NW) -> /* step sweep1, sweep7 */
        if
#ifdef TAKEUP
        :: ts -> st[a] = SWEEPING; sweepers[a]++; pc = WALK; printf("%d: takes %d up\n", w, a)
#endif
        :: gen[a] == g && sq[a] == s && st[a] == (ts -> PARKED : SEALED) -> st[a] = SWEEPING; sweepers[a]++;
#if defined(NOLOOK) || defined(LOOKFIRST)
            pc = WALK;
#else
            pc = (ts && !LATE(a) -> WALK : LOOK);
#endif
            printf("%d: sweeps %d\n", w, a);
#if DEATHS
            sweptby[a] = w + 1
#endif
        :: else -> forget(); pc = ROOM
        fi; ts = 0; inv() }
    :: d_step { pc == LOOK && !(dead && w < NW) -> /* step sweep1look */
        if
#ifdef LOOKFIRST
        :: i == NP -> i = 0; pc = TAKE
        :: i < NP && pin[i] == a + 1 -> forget(); pc = ROOM
#else
        :: i == NP -> i = 0; pc = WALK;
#if DEATHS
           late[a] = 0
#endif
        :: i < NP && pin[i] == a + 1 -> st[a] = (LATE(a) -> PARKED : SEALED); sweepers[a]--; forget(); pc = ROOM; printf("%d: pinned\n", w)
#endif
        :: else -> i++ fi }
    /* t: the entry it is at */
    :: d_step { pc == WALK && !(dead && w < NW) -> t = cur[a]; i = 0; pc = (holed[a] -> HOLE : CLEAR) }
    :: atomic { pc == CLEAR && !(dead && w < NW) -> /* step sweep2 */
        if
        :: t >= pos[a] -> t = 0; i = 0; pc = RETIRE
        :: t < pos[a] && !hdr[a * CAP + t] ->       /* a hole: whatever stands there may look like an entry */
            if :: holed[a] = 1; i = 0; t = 0; pc = HOLE :: i = 0; t = 0; pc = RETIRE fi
        :: t < pos[a] && hdr[a * CAP + t] && i < NS ->
            if :: slot[i] == REF(a, t) -> slot[i] = 0; sgen[i] = 0 :: else fi; i++
        :: t < pos[a] && hdr[a * CAP + t] && i == NS -> i = 0; t++
#if PARK
        :: t < pos[a] && i == 0 && t > cur[a] -> /* step sweep5 */
            cur[a] = t; st[a] = PARKED; sweepers[a]--; printf("%d: parks %d\n", w, a); forget(); pc = ROOM
#endif
        fi }
    :: d_step { pc == HOLE && !(dead && w < NW) -> /* step holes */
        if :: i == NS -> i = 0; t = 0; pc = RETIRE
           :: i < NS && slot[i] && ARENA(slot[i]) == a -> slot[i] = 0; sgen[i] = 0; i++
           :: else -> i++ fi }
    :: d_step { pc == RETIRE && !(dead && w < NW) -> /* step sweep5 */
        if :: st[a] == SWEEPING && gen[a] == g -> st[a] = RETIRED; sweepers[a]--; printf("%d: retires %d\n", w, a) :: else fi;
        forget(); tries++; pc = ROOM; inv() }
    :: pc == FIN -> break
    od
}

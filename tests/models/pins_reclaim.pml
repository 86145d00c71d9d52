/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The rest of pins.pml: sweepers, freers, the mover, store buffers, the start. */

#if NSW
proctype Sweep(byte j) {
    byte a, t, tg, i, w, n = SWN;
    mtype pc = PICK;
    do
    :: atomic { pc == PICK && n > 0 ->
        a = 1;
        do
        :: a <= NA && ast[a] == OPEN -> ast[a] = SEALED; printf("sweep%d: seals %d\n", j, a); a = 0; break
        :: a <= NA && ast[a] == SEALED -> n--; /* step sweep1 */
#ifdef EARLY
            pc = MB;
#else
            ast[a] = SWEEPING; pc = SCAN;
#endif
            printf("sweep%d: sweeps %d\n", j, a); break
#if PARK
        :: a <= NA && ast[a] == PARKED -> n--; /* step sweep7 */ ast[a] = SWEEPING; pc = UNLINK; printf("sweep%d: takes up %d\n", j, a); break
#endif
        :: a <= NA -> a++
        :: a > NA -> a = 0; n--; break
        od }
#ifdef EARLY
    :: d_step { pc == MB ->
        if :: ast[a] == SEALED -> ast[a] = SWEEPING; membarrier(); pc = SCAN :: else -> a = 0; pc = PICK fi }
#endif
    :: d_step { pc == SCAN -> /* step sweep1look */
        if
        :: pin[i] == a -> ast[a] = SEALED; a = 0; i = 0; pc = PICK; printf("sweep%d: pinned\n", j)
        :: else -> i++; if :: i == NPIN -> i = 0; pc = UNLINK :: else fi
        fi }
    :: atomic { pc == UNLINK ->         /* i: slot */
        if
        :: i < NS && AR(slot[i]) == a -> /* step sweep2 */ slot[i] = 0; mean[i] = 0; sgen[i] = 0; i++; printf("sweep%d: evicts\n", j)
        :: i < NS && slot[i] == a -> w = slot[i];
            t = 1;
            do :: t <= NA && ast[t] == OPEN -> tg = gen[t]; pc = CPIN; break
               :: t <= NA -> t++
               :: t > NA -> t = 0; break od
        :: i < NS && AR(slot[i]) != a -> i++
#if PARK
        :: i < NS -> /* step sweep5 */ ast[a] = PARKED; i = 0; a = 0; pc = PICK; printf("sweep%d: parks\n", j)
#endif
        :: i == NS -> /* step sweep5 */
#ifdef EARLY
            ast[a] = FREE; i = 0; a = 0; pc = PICK;
#else
            ast[a] = RETIRED; i = 0; a = 0; pc = PICK;
#endif
            printf("sweep%d: retired\n", j); inv()
        fi; w = (pc == CPIN -> /* step writer1 */ w : 0) }
    :: d_step { pc == CPIN -> /* step writer1 */
#ifndef COPYNOPIN
        pin[SWPIN(j)] = t;
#endif
        pc = CST }
    :: d_step { pc == CST -> /* step writer2 */
        if :: ast[t] == OPEN && gen[t] == tg -> pc = CRSV
           :: else -> pin[SWPIN(j)] = 0; t = 0; tg = 0; w = 0; pc = UNLINK fi }
    :: d_step { pc == CRSV -> /* step reserve */
        if :: used[t] == 0 -> used[t] = 1; pc = CFILL
           :: else -> pin[SWPIN(j)] = 0; t = 0; tg = 0; w = 0; pc = UNLINK fi }
    :: d_step { pc == CFILL -> /* step fill */ assert(ast[a] == SWEEPING); val[t] = val[a]; pc = CCAS; inv() }
    :: d_step { pc == CCAS -> /* step sweep3 */
        if :: slot[i] == w -> slot[i] = t; sgen[i] = tg; i++; printf("sweep%d: relocates to %d\n", j, t) :: else fi;
        pin[SWPIN(j)] = 0; t = 0; tg = 0; w = 0; pc = UNLINK; inv() }
#if DIE
    /* killed; once that is proved, its pin is cleared and its arena given to others */
    :: d_step { pc != PICK && ast[a] == SWEEPING -> /* step mendarenas */
#ifdef DIEPARK
        ast[a] = PARKED;
#else
        ast[a] = SEALED;
#endif
        pin[SWPIN(j)] = 0; a = 0; t = 0; tg = 0; w = 0; i = 0; n = 0; pc = PICK; printf("sweep%d: dies\n", j) }
#endif
    :: pc == PICK && n == 0 -> break
    od
}
#endif

#if NFR
#ifdef NOGEN
#define SAMEGEN(a, g) 1
#else
#define SAMEGEN(a, g) (gen[a] == (g))
#endif
#if defined(NOMB) || defined(MBLATE)
#define F1 SCAN
#else
#define F1 MB
#endif
#ifdef MBEARLY
#define F0 MB
#else
#define F0 PICK
#endif
proctype Free(byte j) {
    byte a, g, i, n = FRN;
    mtype pc = F0;
    do
    :: atomic { pc == PICK && n > 0 ->
        a = 1;
        do :: a <= NA && ast[a] == RETIRED -> /* step free1 */
#ifdef MBEARLY
                pc = SCAN;
#else
                pc = F1;
#endif
                g = gen[a]; printf("free%d: collects %d\n", j, a); break
           :: a <= NA -> a++
           :: a > NA -> a = 0; n--; pc = F0; break od }
    :: d_step { pc == MB && n > 0 -> /* step free2 */ membarrier(); printf("free%d: membarrier\n", j);
#ifdef MBEARLY
        pc = PICK
#elif defined(MBLATE)
        pc = CASW
#else
        pc = SCAN
#endif
      }
    :: d_step { pc == SCAN -> /* step free3 */
        if
        :: pin[i] == a -> printf("free%d: pinned by %d\n", j, i); n--; a = 0; g = 0; i = 0; pc = F0
        :: else -> i++; if :: i == NPIN -> i = 0;
#ifdef MBLATE
            pc = MB
#else
            pc = CASW
#endif
            :: else fi
        fi }
    :: d_step { pc == CASW -> /* step free4 */
        if :: ast[a] == RETIRED && SAMEGEN(a, g) -> ast[a] = FREE; printf("free%d: %d is free\n", j, a) :: else fi;
        a = 0; g = 0; n--; pc = F0; inv() }
    :: pc == F0 && n == 0 -> break
    od
}
#endif

#if MOV
#ifdef MNOST
#define GOESON(s) 1
#elif defined(MPARK)
#define GOESON(s) ((s) == OPEN || (s) == SEALED || (s) == PARKED)
#elif defined(MNOTSW)
#define GOESON(s) ((s) != SWEEPING)
#else
#define GOESON(s) ((s) == OPEN || (s) == SEALED)
#endif
proctype Move() {
    byte w, vg, vm, n = 2;
    mtype pc = LOAD;
    do
    :: d_step { pc == LOAD && n > 0 && ROOM(MOVB) -> n--;
        w = slot[0]; /* step migrate1 */ if :: w -> pc = SPIN; vg = sgen[0]; vm = mean[0]; printf("move: loads %d\n", w) :: else fi }
    :: d_step { pc == SPIN && ROOM(MOVB) -> /* step mover1 */
#ifdef MRLX
        push(MOVB, MOVPIN, AR(w));
#else
        drain(MOVB); pin[MOVPIN] = AR(w);
#endif
        pc = LOOK }
    :: d_step { pc == LOOK -> /* step mover2 */
#ifdef MNOLOOK
        pc = STATE
#else
        if :: slot[0] == w -> vg = sgen[0]; vm = mean[0]; pc = STATE; printf("move: validated\n") :: else -> pc = CLR fi
#endif
      }
    :: d_step { pc == STATE -> /* step mover3 */ printf("move: state %d\n", ast[AR(w)]);
        if :: GOESON(ast[AR(w)]) -> pc = RES :: else -> pc = EVICT fi }
    :: d_step { pc == EVICT -> /* step migrate2evict */ drain(MOVB);
        if :: slot[0] == w -> slot[0] = 0; mean[0] = 0; sgen[0] = 0 :: else fi; pc = CLR }
    :: d_step { pc == RES -> /* step migrate2 */ drain(MOVB);
        if :: slot[1] == 0 -> slot[1] = w | TB; mean[1] = vm; sgen[1] = vg; pc = KILL; inv(); printf("move: reserves\n")
           :: else -> pc = EVICT fi }
    :: d_step { pc == KILL -> /* step migrate3 */
        if :: slot[0] == w -> assert(mean[0] == vm && sgen[0] == vg); slot[0] = 0; mean[0] = 0; sgen[0] = 0; pc = CMT
           :: else -> if :: slot[1] == (w | TB) -> slot[1] = 0; mean[1] = 0; sgen[1] = 0 :: else fi; pc = CLR fi }
    :: d_step { pc == CMT -> /* step migrate4 */
        if :: slot[1] == (w | TB) -> assert(mean[1] == vm && sgen[1] == vg); slot[1] = w; printf("move: commits\n") :: else fi;
        pc = CLR; inv() }
    :: d_step { pc == CLR && ROOM(MOVB) -> /* step unpin */ push(MOVB, MOVPIN, 0); w = 0; vg = 0; vm = 0; pc = LOAD }
    :: pc == LOAD && n == 0 -> break
    od
}
#endif

/* the store buffers of running threads drain by and by */
proctype Buffers() {
end:
    do
    :: d_step { sb0[0] != 0 -> drain1(0) }
#if NB > 3
    :: d_step { sb0[1] != 0 -> drain1(1) }
#endif
#if NB > 4
    :: d_step { sb0[2] != 0 -> drain1(2) }
#endif
    :: d_step { sb0[NPUT] != 0 -> drain1(NPUT) }
    :: d_step { sb0[NPUT + 1] != 0 -> drain1(NPUT + 1) }
    od
}

init {
    atomic {
        ast[1] = SEALED; used[1] = 1; val[1] = 1; slot[0] = 1; mean[0] = 1;
#if INITOPEN
        ast[1] = OPEN;
#endif
        keyof[1] = A; keyof[2] = K0; keyof[3] = K1; keyof[4] = K2;
#if NPUT > 0
        run Op(0, O0, K0);
#endif
#if NPUT > 1
        run Op(1, O1, K1);
#endif
#if NPUT > 2
        run Op(2, O2, K2);
#endif
#if NG
        run Get();
#endif
#if NSW > 0
        run Sweep(0);
#endif
#if NSW > 1
        run Sweep(1);
#endif
#if NFR > 0
        run Free(0);
#endif
#if NFR > 1
        run Free(1);
#endif
#if MOV
        run Move();
#endif
        run Buffers();
    }
}

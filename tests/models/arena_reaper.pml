/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The rest of arena.pml with DEATHS: one clears up after workers that have died, beside those that live, and brings n_free
 * up to date. AGAIN times it dies over that, and the next one begins anew. (That there is one at a time, and who: members.pml.) */

mtype = { IDLE, DROP, UNMARK, OPENED, SHOWN, FINISH, EVEN, SWEPT, LOOKS, PARKIT, COUNT1, COUNT2, COUNT3, OVER };

proctype Reaper() {
    byte w, a, i, sum, more = AGAIN, recounts;
    short n, counted;
    bool shown, recount;
    mtype pc = IDLE;
    do
    :: d_step { pc == IDLE -> w = 0;
        do :: w < NW && !(died[w] && !reaped[w]) -> w++ :: else -> break od;
        if :: w < NW -> pc = DROP
           :: w == NW && recount && recounts < 2 -> recounts++; w = 0; pc = COUNT1
           :: w == NW && alive == 0 -> w = 0; pc = OVER
           :: else -> w = 0 fi }
    /* the next one begins anew */
    :: d_step { more > 0 && pc != IDLE && pc != OVER && pc != COUNT1 && pc != COUNT2 && pc != COUNT3 -> more--; a = 0; i = 0;
        shown = 0; pc = DROP; printf("reaper dies\n") }

    /* drop_pin: the arena is marked, then the pin goes */
    :: d_step { pc == DROP -> /* step reappin */
#ifdef HOLELATE
        a = (pin[w] && kind[w] == RESERVING -> pin[w] : 0); pin[w] = 0; kind[w] = 0; pc = UNMARK }
    :: d_step { pc == UNMARK -> if :: a -> holed[a - 1] = 1 :: else fi; a = 0; pc = OPENED }
#else
#ifndef NOHOLED
        if :: pin[w] && kind[w] == RESERVING -> holed[pin[w] - 1] = 1 :: else fi;
#endif
        pc = UNMARK }
    :: d_step { pc == UNMARK -> /* step unpin */ pin[w] = 0; kind[w] = 0; pc = OPENED; inv() }
#endif
    /* finish_opening: the word, the lane, the CAS */
    :: d_step { pc == OPENED ->
#ifdef NOOPENING
        pc = EVEN
#else
        /* step reapopening */
        if :: opening[w] && st[opening[w] - 1] == OPENING && OPENS(w) -> a = opening[w] - 1; i = sq[a]; pc = SHOWN
           :: else -> pc = EVEN fi
#endif
      }
    :: d_step { pc == SHOWN -> shown = (lane == a + 1 && lanesq == i); pc = FINISH }
    :: d_step { pc == FINISH ->
        if :: st[a] == OPENING && sq[a] == i ->
#ifdef MENDOPEN
                st[a] = OPEN
#else
                st[a] = (shown -> OPEN : FREE)
#endif
           :: else fi;
        printf("reaper: arena %d is %d\n", a, st[a]); a = 0; i = 0; shown = 0; pc = EVEN; inv() }
    :: d_step { pc == EVEN -> opening[w] = 0; changes[w] = changes[w] + (changes[w] & 1); pc = SWEPT }

    /* park_what_was_swept */
    :: d_step { pc == SWEPT -> /* step reapswept */
#ifdef PARKALL
        if :: a < NA && st[a] == SWEEPING -> pc = LOOKS
           :: a < NA && st[a] != SWEEPING -> a++
#else
        if :: a < NA && st[a] == SWEEPING && sweptby[a] == w + 1 -> pc = LOOKS
           :: a < NA && !(st[a] == SWEEPING && sweptby[a] == w + 1) -> a++
#endif
           :: else -> a = 0; reaped[w] = 1; recount = 1; w = 0; pc = IDLE fi }
    :: d_step { pc == LOOKS -> /* step reaplook */
#ifdef NOLATE
        i = NP;
#endif
        if :: i == NP -> pc = PARKIT
           :: i < NP && pin[i] == a + 1 -> shown = 1; i = NP
           :: else -> i++ fi }
    :: d_step { pc == PARKIT -> /* step reappark */ late[a] = shown; cur[a] = 0;
        if :: st[a] == SWEEPING -> st[a] = PARKED; sweepers[a]--; printf("reaper: parks %d, late %d\n", a, shown) :: else fi;
        shown = 0; i = 0; a++; pc = SWEPT; inv() }

    /* recount_arenas */
    :: d_step { pc == COUNT1 -> /* step recount1 */ recount = 0; n = nfree; hj = 0; hn = 0;
        do :: hj < NW -> sum = sum + changes[hj]; hn = hn + (changes[hj] & 1); hj++ :: else -> break od;
#ifndef NOMIDDLE
        if :: hn -> recount = 1; sum = 0; n = 0; pc = IDLE :: else -> pc = COUNT2 fi;
#else
        pc = COUNT2;
#endif
        hj = 0; hn = 0 }
    :: d_step { pc == COUNT2 -> /* step recount2 */
        if :: a < NA -> counted = counted + (st[a] == FREE); a++ :: else -> a = 0; pc = COUNT3 fi }
    :: d_step { pc == COUNT3 -> /* step recount3 */ hj = 0; hn = 0;
        do :: hj < NW -> sum = sum - changes[hj]; hn = hn + (changes[hj] & 1); hj++ :: else -> break od;
#ifdef NOAFTER
        sum = 0; hn = 0;
#endif
#ifdef NOMIDDLE
        hn = 0;
#endif
        if :: sum == 0 && hn == 0 -> nfree = nfree + counted - n; printf("counted anew: %d\n", nfree) :: else -> recount = 1 fi;
        n = 0; counted = 0; sum = 0; hj = 0; hn = 0; pc = IDLE; inv() }
    :: d_step { pc == OVER -> hj = 0; hn = 0;
        do :: hj < NA -> hn = hn + (st[hj] == FREE); hj++ :: else -> break od;
        if :: recount -> nfree = hn :: else fi;      /* nobody changes anything any more */
        hj = 0; hn = 0; settled(); pc = FIN }
    :: pc == FIN -> break
    od
}

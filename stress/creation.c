/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Of many processes that create and attach one shared cache at once, some of them killed at any instant: does exactly
 * one make it, do all that live have the same, and is no name left of what the dead have begun?
 *
 * ROUNDS=2000 and THREADS=16 (processes) are a whole run; else it ends when its time is over. Objects are counted
 * where the program gets a folder of its own (as root); the others' rounds run everywhere. */

#include <stdio.h>
#include <unistd.h>

#include "creation.h"
#include "stress.h"

int
main(int argc, char **argv)
{
    (void)argc;
    uint64_t rounds = stress_setting("ROUNDS", 0), n = 0, kinds = 1;
    stress_start(argv, "creation", rounds > 0 ? (double)rounds / 10 : 10);
    struct rng rng = stress_rng(1);
    struct creation c = {.rivals = stress_threads(16)};
    uint64_t until_ns = stress_now_ns() + (uint64_t)(stress_seconds() * 1e9);
    snprintf(c.name, sizeof c.name, "gyre-stress-creation-%d", (int)getpid());
    bool own = creation_own_folder(0);
    if (own)
        kinds = 4;
    else
        printf("no mount namespace can be had here: names are not counted, and none is built under another\n");
    for (; rounds > 0 ? n < rounds : stress_goes_on(until_ns, n < 2 * kinds || stress_lacks()); n++) {
        c.kills = n % 2 == 0;
        c.without_proc = own && n % 4 >= 2;
        const char *wrong = creation_race(&c, &rng);
        if (wrong != NULL)
            stress_fail("round %llu%s%s: %s", (unsigned long long)n, c.kills ? ", with kills" : "",
                        c.without_proc ? ", without /proc" : "", wrong);
        stress_tally.operations += c.rivals, stress_tally.checked += c.rivals;
        bool may_leave = c.kills && c.without_proc; /* until the next one is made that way */
        if (own && !may_leave && n % 4 == 3 && creation_objects() != 0)
            stress_fail("round %llu: %u names are left", (unsigned long long)n, creation_objects());
        if (stress_failed())
            break;
    }
    stress_need("rounds", n);
    stress_need("made", c.made);
    stress_need("found", c.found);
    stress_need("killed", c.killed);
    printf("RESULT creation rounds=%llu killed=%llu\n", (unsigned long long)n, (unsigned long long)c.killed);
    return stress_finish();
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Somebody opens a damaged file and makes all calls. */

#ifndef GYRE_STRESS_VISIT_H
#define GYRE_STRESS_VISIT_H

#include "harm.h"

enum outcome { WARM, RECOVERED, EMPTIED, REFUSED, OUTCOMES };

struct visit {
    const struct subject *subject;
    struct patient *patient;
    struct knowledge knows;
    struct rng rng;
    bool harmed;         /* values of a file without checksums may be so, too */
    bool whole;          /* until all has been swept, and more */
    enum outcome outcome;
    uint64_t kept;       /* keys that were found */
    uint64_t calls, checked, refused_calls;
    const char *_Atomic *doing; /* where others see it */
    char wrong[200];     /* "": nothing */
};

void visit(struct visit *v);

#endif

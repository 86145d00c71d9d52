/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What gyre check finds, for tests. */

#ifndef GY_TEST_WHOLE_H
#define GY_TEST_WHOLE_H

#include <stdio.h>

#include "../tools/inspect.h"

static inline void
whole_tell(void *arg, const char *place, const char *what)
{
    (void)arg;
    fprintf(stderr, "%s: %s\n", place, what);
}

/* How many faults there are; each is told. *report, if it is not NULL: what was looked at. */
static inline uint64_t
whole_faults(gyre *cache, struct inspect_report *report)
{
    struct inspect_report own;
    if (report == NULL)
        report = &own;
    *report = (struct inspect_report){.fault = whole_tell};
    return inspect_cache(cache, report) == GYRE_OK ? report->faults : 1;
}

#endif

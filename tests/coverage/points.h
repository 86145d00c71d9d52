/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Included before all else in FLAVOR=cover: the question whether a hook is set is asked in one function. As
 * a macro it would put two branches, trivial to take, at each access, and the share of branches that were
 * taken would say little about the library's own. */

#ifndef GY_COVERAGE_POINTS_H
#define GY_COVERAGE_POINTS_H

#include "atomic.h"

static inline void
gy_point_(const char *file, int line, const volatile void *address)
{
    if (gy_point_hook)
        gy_point_hook(file, line, address);
}
#undef GY_POINT
#define GY_POINT(address) gy_point_(__FILE__, __LINE__, (address))

#endif

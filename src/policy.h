/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What to keep: numbers in, decisions out. No atomics, no memory, no clock: the same functions are driven
 * by real traces in tests/test_policy.c.
 *
 * The algorithm is S3-FIFO (Yang et al., SOSP 2023) on a log: new entries go to a small probation ring
 * and leave it soon: to the main ring when they were hit meanwhile, else out, remembered in a history of
 * fingerprints. A key that returns while it is remembered goes to the main ring at once. The main ring is
 * a CLOCK with a two-bit frequency. */

#ifndef GY_POLICY_H
#define GY_POLICY_H

#include "base.h"

enum { GY_POLICY_PROBATION, GY_POLICY_MAIN };
enum { GY_POLICY_FREQ_MOST = 3 }; /* a hit counts up to here; beyond, it writes nothing */

/* The ring of a key that was absent. */
static inline unsigned
gy_policy_place(bool remembered)
{
    return remembered ? GY_POLICY_MAIN : GY_POLICY_PROBATION;
}

/* The ring to sweep next, given what the rings hold in one unit (entries, or bytes). */
static inline unsigned
gy_policy_victim(uint64_t in_probation, uint64_t in_main)
{
    uint64_t share = (in_probation + in_main) / 10;
    return in_probation > 0 && (in_main == 0 || in_probation > share) ? GY_POLICY_PROBATION
                                                                      : GY_POLICY_MAIN;
}

struct gy_verdict {
    bool keep;      /* copied to the main ring, with freq */
    bool remember;  /* when not kept: in the history */
    unsigned freq;
};

/* The hand passes an entry of a ring. pressure: 0 as a rule; higher when the hand has been going round
 * without finding enough victims, up to GY_POLICY_FREQ_MOST, when it takes everything. */
static inline struct gy_verdict
gy_policy_judge(unsigned ring, unsigned freq, unsigned pressure)
{
    if (ring == GY_POLICY_PROBATION)
        return (struct gy_verdict){.keep = freq >= 2 + pressure, .remember = true, .freq = 0};
    return (struct gy_verdict){.keep = freq > pressure, .freq = freq > 0 ? freq - 1 : 0};
}

/* Does it pay to sweep the arena with the most garbage and keep all that lives in it? When a quarter of it
 * is garbage and live bytes are well below what there is. */
static inline bool
gy_policy_compact(uint64_t most_dead_bytes, uint64_t arena_bytes, uint64_t live_bytes, uint64_t total_bytes)
{
    return most_dead_bytes >= arena_bytes / 4 && live_bytes <= total_bytes - total_bytes / 8;
}

#endif

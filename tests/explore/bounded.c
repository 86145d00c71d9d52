/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "bounded.h"

static bool
with_preemptions(const struct bounded *b, struct preemption first, struct preemption second)
{
    b->plan->preempt[0] = first;
    b->plan->preempt[1] = second;
    return b->run();
}

static const struct preemption NONE;

/* Every schedule with a second preemption after the first. */
static bool
run_after(const struct bounded *b, struct preemption first, uint64_t length)
{
    for (uint32_t at = first.at + 1; at <= length; at++)
        for (uint32_t to = 0; to < b->n_threads; to++)
            if (!with_preemptions(b, first, (struct preemption){at, to}))
                return false;
    return true;
}

/* The schedule that was run last, with a death before each of its accesses from there on. */
static bool
run_with_deaths(const struct bounded *b, uint32_t from, uint64_t length)
{
    bool right = true;
    for (uint32_t at = from; at <= length && right; at++) {
        b->plan->death_at = at;
        right = b->run();
    }
    b->plan->death_at = 0;
    return right;
}

/* Every schedule with one preemption of the one that was run last, and more after it. */
static bool
run_from(const struct bounded *b, uint64_t length)
{
    for (uint32_t at = 1; at <= length && !b->enough(); at++)
        for (uint32_t to = 0; to < b->n_threads; to++) {
            struct preemption first = {at, to};
            if (!with_preemptions(b, first, NONE))
                return false;
            if (sched_preempted() == 0)
                continue; /* it ran already */
            uint64_t this_length = sched_now();
            if (b->deaths ? !run_with_deaths(b, at, this_length) : !run_after(b, first, this_length))
                return false;
        }
    return true;
}

bool
bounded_run(const struct bounded *b)
{
    for (b->plan->first = 0; b->plan->first < b->n_threads; b->plan->first++) {
        if (!with_preemptions(b, NONE, NONE))
            return false;
        uint64_t length = sched_now();
        if (b->deaths && !run_with_deaths(b, 1, length))
            return false;
        if (!run_from(b, length))
            return false;
    }
    return true;
}

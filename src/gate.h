/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Where those wait who wait for another's lease: a few words in the region, of which the key's tag chooses one, so
 * that some are woken for nothing. A bit of the word says that somebody may wait: who ends a lease looks at it and,
 * as a rule, makes no system call. A waiter that dies leaves the bit, which costs one wake-up.
 *
 * The waiter sets the bit, looks at the slot, and sleeps as long as the word is what it was; who ends a lease changes
 * the slot, then looks at the word (all seq_cst): one of the two sees the other. Sweeps and full windows end leases
 * without a look at the gate, and the dead do not look at all: so nobody sleeps longer than a nap, and then looks at
 * the slot again. */

#ifndef GY_GATE_H
#define GY_GATE_H

#include "cache.h"

/* From now on, whoever ends a lease on the key of this hash wakes this thread. Returns what to wait with. The look at
 * the slot comes after it. */
uint32_t gy_gate_arm(struct gyre *cache, uint64_t hash);

/* Sleeps until the gate is opened, if it was not since, for ms at most and a nap at most. Outside sections, without
 * pins. */
void gy_gate_wait(struct gyre *cache, uint64_t hash, uint32_t armed, uint64_t ms);

/* After a lease on the key of this hash was ended; outside sections. */
void gy_gate_open(struct gyre *cache, uint64_t hash);

#endif

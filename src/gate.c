/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "gate.h"

enum { WAITED = 1, OPENED = 2, NAP_MS = 20 };

static gy_atomic_u32 *
gate_of(struct gyre *cache, uint64_t hash)
{
    return &cache->super->gate[(hash >> GY_TAG_SHIFT) % GY_GATES];
}

uint32_t
gy_gate_arm(struct gyre *cache, uint64_t hash)
{
    gy_atomic_u32 *gate = gate_of(cache, hash);
    uint32_t seen = gy_load_acq(gate);
    while (!(seen & WAITED) && !gy_cas_seq(gate, &seen, seen | WAITED))
        ; /* retried because another armed or opened it */
    gy_fence_seq(); /* the look at the slot is an acquire load, and comes after this */
    return seen | WAITED;
}

void
gy_gate_wait(struct gyre *cache, uint64_t hash, uint32_t armed, uint64_t ms)
{
    gy_os_wait_shared(gate_of(cache, hash), armed, (uint32_t)gy_min(ms, NAP_MS));
}

void
gy_gate_open(struct gyre *cache, uint64_t hash)
{
    gy_atomic_u32 *gate = gate_of(cache, hash);
    uint32_t seen = gy_load_seq(gate); /* after the CAS on the slot */
    while (seen & WAITED)
        if (gy_cas_seq(gate, &seen, (seen & ~(uint32_t)WAITED) + OPENED)) { /* else another armed or opened it */
            gy_os_wake_shared(gate);
            break;
        }
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Sections guard structure: a read-side critical section around each traversal of the index by an
 * operation that writes it. Short, never around user code, and nothing waits inside one (I7). What
 * waits for sections: the phases of growth, and clear. (Lookups need none: they may run across any
 * number of phases, see docs/protocols.md; what they read is held by pins.)
 *
 * A grace period has elapsed when every section that was open at its start has ended. */

#ifndef GY_RCU_H
#define GY_RCU_H

#include "base.h"
#include "record.h"

struct gy_rcu_ops {
    /* This thread may enter sections from now on. GYRE_OK or GYRE_ENOMEM. */
    int (*thread_ready)(void);
    void (*enter)(struct gyre *cache, struct gy_record *record);
    void (*exit)(struct gyre *cache, struct gy_record *record);
    /* Starts a grace period; outside sections. Returns a cookie for poll, never 0. */
    uint64_t (*start)(struct gyre *cache);
    /* Has it elapsed? Outside sections. With poll_waits it waits for the sections that are open. */
    bool poll_waits;
    bool (*poll)(struct gyre *cache, uint64_t cookie);
};

/* Around fork, so that no thread of ours is inside liburcu then. */
void gy_rcu_local_hold(void);
void gy_rcu_local_let_go(void);

extern const struct gy_rcu_ops gy_rcu_local;  /* liburcu: private caches, on request */
extern const struct gy_rcu_ops gy_rcu_shared; /* epochs in the records: any cache, the default */

#endif

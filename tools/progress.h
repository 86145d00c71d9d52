/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A line on standard error that shows how far something is: nothing at all when that is no
 * terminal. */

#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool on;
    const char *label; /* what is being done: "replay" */
    const char *unit;  /* what is counted: "requests"; "bytes" is scaled to KiB and so on */
    uint64_t total;    /* 0: not known */
    uint64_t start_ns, shown_ns;
};

/* `wanted` false: nothing is ever shown. */
void progress_start(struct progress *progress, bool wanted, const char *label, const char *unit,
                    uint64_t total);

/* Shows that `done` of the total is done; cheap when it was shown a moment ago. */
void progress_show(struct progress *progress, uint64_t done);

/* Takes the line away. */
void progress_end(struct progress *progress);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A long trace in small, for searches: all requests of a few of its keys, picked by a hash. A cache
 * of the same share of the keys behaves much alike (Waldspurger and others, FAST 2015). */

#ifndef SAMPLE_H
#define SAMPLE_H

#include "trace.h"

/* Of at most about so many requests. `trace` is left alone, and still needed. */
struct trace sample_of(const struct trace *trace, uint64_t most_requests);
void sample_free(struct trace *sample);

#endif

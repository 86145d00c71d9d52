/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What does the policy do on traces that its constants were not found with? Each of four searches
 * begins with plain constants and sees two thirds of the bundled traces; what it found is measured
 * on the others. */

#ifndef ROTATION_H
#define ROTATION_H

#include "search.h"

/* `small`: the same traces, sampled, for the searches. False, after a message: a trace was held out
 * by none. */
bool rotation_run(const struct search *search, const struct field *small,
                  const struct field *field);

#endif

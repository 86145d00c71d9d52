/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What becomes of the means when one constant is half or twice as large. */

#ifndef SENSITIVITY_H
#define SENSITIVITY_H

#include "score.h"

void sensitivity_run(const struct score_options *options, const struct field *field);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A miss-ratio curve as an SVG file. */

#ifndef PLOT_H
#define PLOT_H

#include <stdio.h>

#include "curve.h"

/* `title` is the headline, `subtitle` the smaller line under it. */
void plot_write(FILE *out, const struct curve *curve, const char *title, const char *subtitle);

#endif

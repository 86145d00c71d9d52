/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The clocks and the random bytes that the library gets in fuzz_image, so that the same input always does the same: time goes on
 * by looks at it and by naps, which take none; nor does giving way. */

#ifndef FUZZ_IMAGE_CLOCK_H
#define FUZZ_IMAGE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define IMAGE_BORN_MS ((uint64_t)1000000000)
enum { IMAGE_FILLED_MS = 0, IMAGE_KILLED_MS = 10000, IMAGE_VISITED_MS = 60000 };

void image_time_begin(uint64_t ms); /* so long after files were made */

uint64_t image_waits(void);         /* how often somebody gave way since then */

#endif

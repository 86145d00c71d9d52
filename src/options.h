/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Checked options: what gyre_open was asked for, with every default filled in. */

#ifndef GY_OPTIONS_H
#define GY_OPTIONS_H

#include <stdbool.h>

#include "gyre.h"

/* Copies what a caller built against any version of the header gave. GYRE_OK or GYRE_EINVAL. Of a cache that may
 * exist already, what is not asked for stays 0 (but for mode). */
int gy_options_check(gyre_options *out, const gyre_options *given);

/* The same for what gyre_unlink reads. */
int gy_options_check_name(gyre_options *out, const gyre_options *given);
int gy_lease_options_check(gyre_lease_options *out, const gyre_lease_options *given);
int gy_put_options_check(gyre_put_options *out, const gyre_put_options *given, bool versions);

/* The same for any size-stamped struct: copies given_bytes into out_bytes, zero-extended; false when the
 * caller's struct is longer and not zero in what is unknown here, or shorter than least_bytes. */
bool gy_stamped_copy(void *out, size_t out_bytes, const void *given, size_t least_bytes);

#endif

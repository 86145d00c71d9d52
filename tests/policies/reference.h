/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Miss ratios that others measured: a file of trace,size_frac,size_objects,algo,miss_ratio. */

#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reference_row {
    char trace[48], algorithm[32];
    uint64_t size;
    double miss_ratio;
};

struct reference {
    struct reference_row *row;
    size_t n;
};

/* False, after a message. */
bool reference_load(struct reference *reference, const char *path);
void reference_free(struct reference *reference);

/* A miss ratio; negative when there is no such row. */
double reference_find(const struct reference *reference, const char *trace, uint64_t size,
                      const char *algorithm);

/* That of the best of the eleven published algorithms, which regret is counted from; negative
 * when one of them has no row. */
double reference_best(const struct reference *reference, const char *trace, uint64_t size);

/* Is it a trace of a real system that is neither a test pattern nor a classic of a few thousand
 * requests? */
bool reference_is_real(const char *trace);

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "reference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies.h"

static const char *const eleven[] = {"FIFO", "LRU",  "CLOCK", "SIEVE",     "S3-FIFO", "ARC",
                                     "LIRS", "2Q",   "W-TinyLFU", "LeCaR", "CACHEUS"};
static const char *const real[] = {"cloudPhysicsIO", "web12",  "orm-busy",
                                   "corda-vaultservice", "sprite", "address-gcc"};

static bool
read_row(struct reference_row *row, const char *line)
{
    unsigned long long size;
    int n = 0;
    if (sscanf(line, "%47[^,],%*[^,],%llu,%31[^,],%lf %n", row->trace, &size, row->algorithm,
               &row->miss_ratio, &n) != 4 || line[n] != '\0')
        return false;
    row->size = size;
    return true;
}

static bool
read_rows(struct reference *reference, FILE *file, const char *path)
{
    char line[256];
    size_t room = 0;
    for (unsigned number = 1; fgets(line, sizeof line, file); number++) {
        if (number == 1)
            continue; /* the names of the columns */
        if (reference->n == room) {
            room = room ? 2 * room : 1024;
            reference->row = realloc(reference->row, room * sizeof *reference->row);
            if (!reference->row)
                abort();
        }
        if (!read_row(&reference->row[reference->n++], line)) {
            fprintf(stderr, "policies: %s:%u: not a row of the reference\n", path, number);
            return false;
        }
    }
    return true;
}

bool
reference_load(struct reference *reference, const char *path)
{
    *reference = (struct reference){0};
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "policies: %s: %s\n", path, strerror(errno));
        return false;
    }
    bool ok = read_rows(reference, file, path);
    fclose(file);
    if (!ok)
        reference_free(reference);
    return ok;
}

void
reference_free(struct reference *reference)
{
    free(reference->row);
}

double
reference_find(const struct reference *reference, const char *trace, uint64_t size,
               const char *algorithm)
{
    for (size_t i = 0; i < reference->n; i++) {
        const struct reference_row *row = &reference->row[i];
        if (row->size == size && strcmp(row->trace, trace) == 0
            && strcmp(row->algorithm, algorithm) == 0)
            return row->miss_ratio;
    }
    return -1;
}

double
reference_best(const struct reference *reference, const char *trace, uint64_t size)
{
    double best = 1;
    for (size_t i = 0; i < sizeof eleven / sizeof eleven[0]; i++) {
        double ratio = reference_find(reference, trace, size, eleven[i]);
        if (ratio < best)
            best = ratio;
    }
    return best;
}

bool
reference_is_real(const char *trace)
{
    for (size_t i = 0; i < sizeof real / sizeof real[0]; i++)
        if (strcmp(trace, real[i]) == 0)
            return true;
    return false;
}

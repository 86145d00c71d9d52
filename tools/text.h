/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Numbers and names between people and the program: parsing of options, formatting of results. */

#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A whole decimal number, nothing before or after it. */
bool text_u64(const char *text, uint64_t *value);

/* A number of bytes: a decimal number and perhaps K, M, G or T (powers of 1024); KiB and KB are
 * alike. */
bool text_bytes(const char *text, uint64_t *value);

/* "12.5%": the fraction 0.125. More than 0, with no upper limit. */
bool text_percent(const char *text, double *fraction);

/* Room for any number that the functions below format. */
struct text {
    char s[48];
};

struct text text_count(uint64_t n);        /* 1,234,567 */
struct text text_size(double bytes);       /* 1.25 MiB */
struct text text_duration(double seconds); /* 12 s, 3:05, 1:02:03 */

/* Is it printable UTF-8, all of it? Then text_json shows it as it is. */
bool text_printable(const char *text);

/* Writes a name as the inside of a JSON string, or as XML text. What is not printable UTF-8 becomes
 * '?', so that the result is well formed whatever a file is called. */
void text_json(FILE *out, const char *name);
void text_xml(FILE *out, const char *name);

#endif

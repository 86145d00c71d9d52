/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The checks of tests/test.h in stress programs, of several processes as a rule: one that fails is a broken promise, and
 * ends its process. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef GY_PLAIN_RUNNER
#define GY_PLAIN_RUNNER /* of the tests' header, the checks alone */
#endif
#include "../../tests/test.h"
#include "stress.h"

void
test_fail_(const char *file, int line, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    stress_fail("%s:%d: check failed: %s", file, line, text);
    _exit(EXIT_FAILURE);
}

void
test_number_(const char *file, int line, const char *text, long long a, long long b)
{
    if (a != b)
        test_fail_(file, line, "%s (%lld and %lld)", text, a, b);
}

void
test_bytes_(const char *file, int line, const char *text, const void *a, const void *b, size_t n)
{
    if (memcmp(a, b, n) != 0)
        test_fail_(file, line, "%s", text);
}

void
test_text_(const char *file, int line, const char *text, const char *a, const char *b)
{
    if (strcmp(a, b) != 0)
        test_fail_(file, line, "%s (%s and %s)", text, a, b);
}

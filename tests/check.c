/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "test.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HANG_SECONDS = 600 }; /* far beyond what the slowest machine needs: a guard, not a measurement */

const char *test_at;
static pthread_t test_thread;
static pid_t test_process;

void
test_begin_(void)
{
    test_thread = pthread_self();
    test_process = getpid();
    alarm(HANG_SECONDS);
}

/* The process ends, whichever thread it is: the others may wait for it. Criterion wants to hear of it from the test alone,
 * not from another thread or a child. */
static _Noreturn void
leave_test(void)
{
    fflush(stdout);
#ifndef GY_PLAIN_RUNNER
    if (getpid() == test_process && pthread_equal(pthread_self(), test_thread))
        cr_assert_fail("a check failed");
#endif
    _exit(1);
}

void
test_fail_(const char *file, int line, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "%s:%d: check failed: %s%s%s\n", file, line, text, test_at ? "\n    at " : "",
            test_at ? test_at : "");
    leave_test();
}

void
test_note_(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("    ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void
test_number_(const char *file, int line, const char *text, long long a, long long b)
{
    if (a != b)
        test_fail_(file, line, "%s (%lld and %lld, %#llx and %#llx)", text, a, b, (unsigned long long)a,
                   (unsigned long long)b);
}

void
test_bytes_(const char *file, int line, const char *text, const void *a, const void *b, size_t n)
{
    const unsigned char *left = a, *right = b;
    for (size_t i = 0; i < n; i++)
        if (left[i] != right[i])
            test_fail_(file, line, "%s (byte %zu of %zu: %#x and %#x)", text, i, n, left[i], right[i]);
}

void
test_text_(const char *file, int line, const char *text, const char *a, const char *b)
{
    if (strcmp(a, b) != 0)
        test_fail_(file, line, "%s (\"%s\" and \"%s\")", text, a, b);
}

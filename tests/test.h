/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What every unit test is written with.
 *
 *     TEST(index, finds_what_was_published)
 *     {
 *         CHECK_EQ(find(index, key), 42);
 *     }
 *
 * The checks do not depend on NDEBUG. A failed one prints its expression and values and leaves the test, which is a process
 * of its own, on whichever thread it is; in a child that the test forked it exits with status 1.
 *
 * Built as it is, a program of tests is a Criterion program. With -DGY_PLAIN_RUNNER the same bodies are
 * run by plain.c, because Criterion does not run under ThreadSanitizer. */

#ifndef GY_TEST_H
#define GY_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void test_begin_(void);                /* starts the guard against hangs, too */
extern const char *test_at; /* what the test is at, for the message of a failed check; may be NULL */
void test_fail_(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
void test_number_(const char *file, int line, const char *text, long long a, long long b);
void test_bytes_(const char *file, int line, const char *text, const void *a, const void *b, size_t n);
void test_text_(const char *file, int line, const char *text, const char *a, const char *b);

#ifdef GY_PLAIN_RUNNER

struct test_case {
    const char *suite, *name;
    void (*body)(void);
    struct test_case *next;
};
void test_register_(struct test_case *c);

#define TEST_ENTRY_(suite_, name_)                                                                 \
    static struct test_case suite_##_##name_##_case = {#suite_, #name_, suite_##_##name_##_body, NULL}; \
    __attribute__((constructor)) static void suite_##_##name_##_register(void)                     \
    {                                                                                              \
        test_register_(&suite_##_##name_##_case);                                                  \
    }

#else

#include <criterion/criterion.h>

#define TEST_ENTRY_(suite_, name_)                                                                 \
    Test(suite_, name_)                                                                            \
    {                                                                                              \
        test_begin_();                                                                             \
        suite_##_##name_##_body();                                                                 \
    }

#endif

#define TEST(suite_, name_)                                                                        \
    static void suite_##_##name_##_body(void);                                                     \
    TEST_ENTRY_(suite_, name_)                                                                     \
    static void suite_##_##name_##_body(void)

#define CHECK(condition) ((condition) ? (void)0 : test_fail_(__FILE__, __LINE__, "%s", #condition))

/* With a message in printf's manner that says in which round, with which size and so on. */
#define CHECK_MSG(condition, ...)                                                                  \
    ((condition) ? (void)0 : (test_note_(__VA_ARGS__), test_fail_(__FILE__, __LINE__, "%s", #condition)))
void test_note_(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Numbers of any integer type, compared as 64-bit ones. */
#define CHECK_EQ(a, b)                                                                             \
    test_number_(__FILE__, __LINE__, #a " == " #b, (long long)(a), (long long)(b))
#define CHECK_OK(call) test_number_(__FILE__, __LINE__, #call " == 0", (long long)(call), 0)

#define CHECK_MEM(a, b, n) test_bytes_(__FILE__, __LINE__, #a " == " #b, (a), (b), (n))
#define CHECK_STR(a, b) test_text_(__FILE__, __LINE__, #a " == " #b, (a), (b))

#endif

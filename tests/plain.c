/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Runs tests where Criterion cannot: each in a child of its own, one after the other, so that a crash,
 * a leak or a data race fails that test and no other. Arguments choose tests: parts of "suite/name". */

#include "test.h"

#ifdef GY_PLAIN_RUNNER

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test_case *first_case, **last_case = &first_case;

void
test_register_(struct test_case *c)
{
    *last_case = c;
    last_case = &c->next;
}

static bool
is_chosen(const struct test_case *c, int n_words, char **words)
{
    char name[256];
    snprintf(name, sizeof name, "%s/%s", c->suite, c->name);
    for (int i = 0; i < n_words; i++)
        if (strstr(name, words[i]) != NULL)
            return true;
    return n_words == 0;
}

/* Leaving by exit lets the sanitizers' own checks at the end of a process take part. */
static bool
passes(const struct test_case *c)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        test_begin_();
        c->body();
        exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (WIFSIGNALED(status))
        printf("[CRASH] %s::%s: signal %d\n", c->suite, c->name, WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int
main(int argc, char **argv)
{
    unsigned n_passed = 0, n_failed = 0;
    for (const struct test_case *c = first_case; c != NULL; c = c->next) {
        if (!is_chosen(c, argc - 1, argv + 1))
            continue;
        bool passed = passes(c);
        printf("[%s] %s::%s\n", passed ? "PASS" : "FAIL", c->suite, c->name);
        passed ? n_passed++ : n_failed++;
    }
    printf("%u passed, %u failed\n", n_passed, n_failed);
    return n_failed != 0 || n_passed == 0;
}

#endif

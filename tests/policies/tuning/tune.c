/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <getopt.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rotation.h"
#include "sample.h"
#include "sensitivity.h"
#include "tool.h"

static const char help[] =
    "usage: policies-tune [OPTION]... rotation | sensitivity\n"
    "Are the constants of src/policy.h fitted to bench/traces/*.trace.zst?\n"
    "\n"
    "rotation: constants found without a third of the traces, measured on that third.\n"
    "sensitivity: each constant halved and doubled.\n"
    "\n"
    "  --evaluations N   of constants, by each search (200)\n"
    "  --seed N          of the searches (1)\n"
    "  --hashes N        hash seeds to average over (2)\n"
    "  --jobs N          processes (2)\n";

enum { SAMPLE_REQUESTS = 250000, EVALUATIONS = 200, HASHES = 2, JOBS = 2 };

/* Called by the files of tools/ that read traces. */
void
tool_error(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fputs("policies-tune: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
}

static bool
take_number(unsigned *to, const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (*end != '\0' || n < 1 || n > 1000000) {
        tool_error("not a number from 1 on: %s", text);
        return false;
    }
    *to = (unsigned)n;
    return true;
}

static bool
take_arguments(struct search *search, int argc, char **argv)
{
    static const struct option options[] = {{"evaluations", required_argument, NULL, 'e'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"hashes", required_argument, NULL, 'h'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    bool ok = true;
    unsigned seed = (unsigned)search->seed;
    for (int option; ok && (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'e': ok = take_number(&search->evaluations, optarg); break;
        case 's': ok = take_number(&seed, optarg); break;
        case 'h': ok = take_number(&search->score.seeds, optarg); break;
        case 'j': ok = take_number(&search->score.jobs, optarg); break;
        default: ok = false;
        }
    }
    search->seed = seed;
    return ok && optind + 1 == argc;
}

static bool
run(const struct search *search, const char *mode, char **paths, size_t n)
{
    struct reference reference;
    if (!reference_load(&reference, "bench/traces/reference.csv"))
        return false;
    struct trace *traces = policies_alloc(n, sizeof *traces);
    struct trace *samples = policies_alloc(n, sizeof *samples);
    for (size_t i = 0; i < n; i++) {
        if (!trace_load(&traces[i], paths[i], TRACE_AUTO, false))
            return false;
        traces[i].unit = true;
        samples[i] = sample_of(&traces[i], SAMPLE_REQUESTS);
    }
    struct field field = field_new(traces, n, search->score.jobs, &reference);
    bool ok = true;
    if (strcmp(mode, "rotation") == 0) {
        struct field small = field_new(samples, n, search->score.jobs, NULL);
        ok = rotation_run(search, &small, &field);
        field_free(&small);
    } else {
        sensitivity_run(&search->score, &field);
    }
    field_free(&field);
    for (size_t i = 0; i < n; i++) {
        sample_free(&samples[i]);
        trace_free(&traces[i]);
    }
    reference_free(&reference);
    free(samples);
    free(traces);
    return ok;
}

int
main(int argc, char **argv)
{
    struct search search = {
        .evaluations = EVALUATIONS, .seed = 1, .score = {.seeds = HASHES, .jobs = JOBS}};
    glob_t found = {0};
    if (!take_arguments(&search, argc, argv)
        || (strcmp(argv[optind], "rotation") != 0 && strcmp(argv[optind], "sensitivity") != 0)) {
        fputs(help, stderr);
        return TOOL_USAGE;
    }
    bool ok = glob("bench/traces/*.trace.zst", 0, NULL, &found) == 0;
    if (ok)
        ok = run(&search, argv[optind], found.gl_pathv, found.gl_pathc);
    else
        tool_error("no traces in bench/traces/");
    globfree(&found);
    return ok ? TOOL_OK : TOOL_FAIL;
}
